//! What a diagnosis looks at beside the tunnels: routes, addresses, settings and counters of the host. Left unread by
//! everything else.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{AllowedIp, Name};

/// Of the network namespace as a whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Host {
    /// The network namespace, where the caller named one: its entry in `/run/netns`, else `net:[INODE]`.
    pub netns: Option<String>,
    /// Names the machine since its last start (`/proc/sys/kernel/random/boot_id`), and the network namespace in it
    /// (`/proc/thread-self/ns/net`): counters of another are no past of these.
    pub identity: String,
    /// When the look at it began, counted from the start of the machine (`CLOCK_BOOTTIME`): unlike the time of day it never
    /// jumps.
    pub uptime: Duration,
    /// `InAddrErrors` of IPv4 (`/proc/thread-self/net/snmp`): packets received for an address that is not this host's, and not
    /// forwarded.
    pub ipv4_in_addr_errors: Option<u64>,
    /// `FragCreates` of IPv4 (`/proc/thread-self/net/snmp`) and `Ip6FragCreates` (`/proc/thread-self/net/snmp6`), added up:
    /// fragments that were made of outgoing packets.
    pub fragments_created: Option<u64>,
    /// Whether the kernel has a WireGuard driver, loaded (`/sys/module/wireguard`) or not (`/lib/modules`).
    pub has_wireguard: bool,
    /// Links that lead to endpoints (`RTM_GETLINK`), by ifindex.
    pub links: BTreeMap<u32, OuterLink>,
}

/// A link that outer packets leave through (`RTM_GETLINK`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OuterLink {
    /// Its name (`IFLA_IFNAME`).
    pub name: Name,
    /// Bytes of a packet (`IFLA_MTU`).
    pub mtu: Option<u32>,
    /// Bytes of an IPv6 packet (`/proc/sys/net/ipv6/conf/NAME/mtu`): fewer than of others where a router advertised so.
    pub ipv6_mtu: Option<u32>,
}

/// Of one interface.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Environment {
    /// `Ip6InAddrErrors` of the interface (`/proc/thread-self/net/dev_snmp6/NAME`), in packets.
    pub ipv6_in_addr_errors: Option<u64>,
    /// `Ip6OutMcastPkts` of the interface (`/proc/thread-self/net/dev_snmp6/NAME`), in packets: among them the kernel's own
    /// group messages and searches for routers.
    pub ipv6_multicast_sent: Option<u64>,
    /// Whether IPv4 packets that come in here are forwarded (`/proc/sys/net/ipv4/conf/NAME/forwarding`).
    pub ipv4_forwarding: Option<bool>,
    /// Whether the host forwards IPv6 packets (`/proc/sys/net/ipv6/conf/all/forwarding`).
    pub ipv6_forwarding: Option<bool>,
    /// Its addresses (`RTM_GETADDR`), each with the prefix length; `None` where they were not read.
    pub addresses: Option<Vec<AllowedIp>>,
    /// The routes that lead into it (`RTM_GETROUTE`), but for those of the local table; `None` where they were not read.
    pub routes: Option<Vec<Route>>,
    /// The way to each endpoint's address (`RTM_GETROUTE`, for packets with the tunnel's mark).
    pub paths: HashMap<PathKey, Path>,
}

impl Environment {
    /// The way to this endpoint, as far as it is known.
    #[must_use]
    pub fn path(&self, endpoint: SocketAddr) -> Option<&Path> {
        self.paths.get(&PathKey::from(endpoint))
    }
}

/// What decides the way to an endpoint, computed from [`Peer::endpoint`](super::Peer::endpoint): its address, and the link that
/// a link-local one belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathKey {
    /// The address.
    pub address: IpAddr,
    /// ifindex of its link; 0 where the address is not link-local.
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

/// Where packets to an endpoint go, as seen from this namespace: the kernel's answer to `RTM_GETROUTE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Path {
    /// Out through a link.
    Through {
        /// The link's ifindex (`RTA_OIF`; of several ways the first's).
        ifindex: u32,
        /// MTU of the route itself (`RTAX_MTU`), in bytes: its `mtu`, or what was learnt of the path.
        mtu: Option<u32>,
        /// Through a router, behind which nothing is known (`RTA_GATEWAY`, `RTA_VIA`; also where there are several ways).
        is_routed: bool,
    },
    /// To this host itself.
    Local,
    /// Nowhere: the kernel has no route.
    None,
    /// Through the tunnel itself, and where else the routes would lead without it: looked up for one endpoint of the network.
    Loop(Option<Detour>),
}

/// The best route to an endpoint that is not through the tunnel, of all that `RTM_GETROUTE` lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detour {
    /// The router (`RTA_GATEWAY`, `RTA_VIA`); none on the link itself.
    pub gateway: Option<IpAddr>,
    /// The link's name (`IFLA_IFNAME`).
    pub link: Name,
}

/// A route into an interface (`RTM_GETROUTE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// What is routed (`RTA_DST`).
    pub destination: AllowedIp,
    /// The kernel made it for one of the interface's addresses (`RTPROT_KERNEL`).
    pub is_connected: bool,
}
