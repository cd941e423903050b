//! Defines what a diagnosis needs besides the tunnels: routes, addresses, settings and counters of the host. Nothing else
//! collects it.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{AllowedIp, Name};

/// Describes the network namespace as a whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Host {
    /// The selected network namespace; `None` for the current one: its entry in `/run/netns`, else `net:[INODE]`.
    pub netns: Option<String>,
    /// Identifies the boot (`/proc/sys/kernel/random/boot_id`) and the network namespace in it (`/proc/thread-self/ns/net`):
    /// only counters with the same identity can be compared.
    pub identity: String,
    /// Time since boot when the collection started (`CLOCK_BOOTTIME`). Unlike the time of day it never jumps.
    pub uptime: Duration,
    /// `InAddrErrors` of IPv4 (`/proc/thread-self/net/snmp`): packets that were received for an address of
    /// another host and not forwarded.
    pub ipv4_in_addr_errors: Option<u64>,
    /// `FragCreates` of IPv4 (`/proc/thread-self/net/snmp`) and `Ip6FragCreates` (`/proc/thread-self/net/snmp6`), added
    /// up: fragments created from outgoing packets.
    pub fragments_created: Option<u64>,
    /// `true` if the kernel has a WireGuard driver, loaded (`/sys/module/wireguard`) or not (`/lib/modules`).
    pub has_wireguard: bool,
    /// The links that outer packets leave through (`RTM_GETLINK`), by ifindex.
    pub links: BTreeMap<u32, OuterLink>,
}

/// Describes a link that outer packets leave through (`RTM_GETLINK`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OuterLink {
    /// The link's name (`IFLA_IFNAME`).
    pub name: Name,
    /// MTU in bytes (`IFLA_MTU`).
    pub mtu: Option<u32>,
    /// MTU for IPv6 in bytes (`/proc/sys/net/ipv6/conf/NAME/mtu`): lower than `mtu` if a router advertised a lower one.
    pub ipv6_mtu: Option<u32>,
}

/// Describes the environment of one interface.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Environment {
    /// `Ip6InAddrErrors` of the interface (`/proc/thread-self/net/dev_snmp6/NAME`), in packets.
    pub ipv6_in_addr_errors: Option<u64>,
    /// `Ip6OutMcastPkts` of the interface (`/proc/thread-self/net/dev_snmp6/NAME`), in packets. It includes the kernel's own
    /// multicast listener reports and router solicitations.
    pub ipv6_multicast_sent: Option<u64>,
    /// `true` if the host forwards IPv4 packets received on this interface (`/proc/sys/net/ipv4/conf/NAME/forwarding`).
    pub ipv4_forwarding: Option<bool>,
    /// `true` if the host forwards IPv6 packets (`/proc/sys/net/ipv6/conf/all/forwarding`).
    pub ipv6_forwarding: Option<bool>,
    /// The interface's addresses (`RTM_GETADDR`), each with the prefix length; `None` if they were not read.
    pub addresses: Option<Vec<AllowedIp>>,
    /// The routes into the interface (`RTM_GETROUTE`), without the local table; `None` if they were not read.
    pub routes: Option<Vec<Route>>,
    /// The path to each endpoint's address (`RTM_GETROUTE`, for packets with the tunnel's mark).
    pub paths: HashMap<PathKey, Path>,
}

impl Environment {
    /// Returns the path to this endpoint; `None` if it is not known.
    #[must_use]
    pub fn path(&self, endpoint: SocketAddr) -> Option<&Path> {
        self.paths.get(&PathKey::from(endpoint))
    }
}

/// Identifies the path to an endpoint, computed from [`Peer::endpoint`](super::Peer::endpoint): its address, and the link of a
/// link-local address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathKey {
    /// The endpoint's address.
    pub address: IpAddr,
    /// ifindex of the link; 0 if the address is not link-local.
    pub scope: u32,
}

impl From<SocketAddr> for PathKey {
    fn from(endpoint: SocketAddr) -> Self {
        let scope = match endpoint {
            SocketAddr::V4(_) => 0,
            SocketAddr::V6(endpoint) => endpoint.scope_id(),
        };
        Self { address: endpoint.ip(), scope }
    }
}

/// Says where packets to an endpoint go in this namespace, according to the kernel (`RTM_GETROUTE`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Path {
    /// Out through a link.
    Through {
        /// The link's ifindex (`RTA_OIF`; the first one of a multipath route).
        ifindex: u32,
        /// MTU of the route itself (`RTAX_MTU`), in bytes: configured as `mtu`, or from path MTU discovery.
        mtu: Option<u32>,
        /// `true` if the next hop is a router (`RTA_GATEWAY`, `RTA_VIA`; also for multipath routes).
        is_routed: bool,
    },
    /// To an address of this host.
    Local,
    /// Nowhere: the kernel has no route.
    None,
    /// Through the tunnel itself, with the best route that avoids it. The detour is looked up for one endpoint of the network.
    Loop(Option<Detour>),
}

/// Holds the best route to an endpoint that avoids the tunnel, of all routes in the dump of `RTM_GETROUTE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detour {
    /// The router (`RTA_GATEWAY`, `RTA_VIA`); `None` if the endpoint is on the link.
    pub gateway: Option<IpAddr>,
    /// The link's name (`IFLA_IFNAME`).
    pub link: Name,
}

/// Describes a route into an interface (`RTM_GETROUTE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The destination prefix (`RTA_DST`).
    pub destination: AllowedIp,
    /// `true` if the kernel added the route for one of the interface's addresses (`RTPROT_KERNEL`).
    pub is_connected: bool,
}
