//! Defines the data that one collection returns, in the words of the kernel and of `wg`.
//!
//! Nothing here does I/O. Findings and rates are computed elsewhere. `None` means "not known", never 0. None of these types can
//! hold a private or preshared key.

mod access;
mod counter;
mod environment;
mod key;
mod listen;
mod name;
mod name_report;
mod pattern;
mod problem;
mod settings;
mod threshold;
mod values;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

pub use access::AccessNote;
pub use counter::{Counter, InterfaceStats, MainCounters};
pub use environment::{Detour, Environment, Host, OuterLink, Path, PathKey, Route};
pub use key::{PublicKey, decode_hex};
pub use listen::ListenAddress;
pub use name::{Name, acts_on_terminal, printable};
pub use name_report::{NameFile, NameOrigin, NameReport};
pub use pattern::Pattern;
pub use problem::{Code, Problem};
pub use settings::{NetworkSettings, PeerSettings, ServeSettings, Settings};
use smallvec::SmallVec;
pub use threshold::{Per, Rate, Threshold};
pub use values::{parse_host_name, parse_interval, parse_poll};

/// Holds the result of one collection: from the kernel by netlink (`RTM_…`, `WG_CMD_GET_DEVICE`), from daemons by `get=1`, and
/// from files in `/etc` and `/proc`. A snapshot of an earlier run holds only what the file of `check --state` keeps.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// Unix time of the collection, in seconds, by this host's clock.
    pub timestamp: u64,
    /// The WireGuard networks, one namespace after the other: in the order of the request, and those that match one glob or
    /// none in the order of their ifindex, those without a link last.
    pub networks: Vec<Network>,
    /// What could not be read, with causes and fixes.
    pub problems: Vec<Problem>,
    /// Each kind of data that was read, with success and duration.
    pub sources: Vec<Source>,
    /// Facts that explain an empty or partial snapshot. They change no verdict.
    pub hints: Vec<String>,
    /// Interfaces that do not exist, although they were requested or are in the configuration.
    pub missing: Vec<Name>,
    /// The host as seen in each network namespace; read for a diagnosis only.
    pub hosts: Vec<Host>,
    /// Prefixes that make a shell command run in another network namespace, by the namespace's name.
    pub exec_prefixes: BTreeMap<String, String>,
}

impl Snapshot {
    /// Returns the host as seen in this namespace.
    #[must_use]
    pub fn host(&self, netns: Option<&str>) -> Option<&Host> {
        self.hosts.iter().find(|host| host.netns.as_deref() == netns)
    }
}

/// One WireGuard interface with its peers. `IFLA_…` and `IFF_…` are its link's (`RTM_NEWLINK`,
/// `linux/if_link.h`), `WGDEVICE_A_…` the kernel's driver's (`linux/wireguard.h`); `key=` is a daemon's equivalent
/// in its reply to `get=1`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Network {
    /// The interface's name (`IFLA_IFNAME`; without a link that of the daemon's socket), as bytes: the kernel does not promise
    /// UTF-8.
    pub interface: Name,
    /// The friendly name: the configuration's, else that of a wg-quick or networkd file, else the alias.
    pub name: Option<String>,
    /// The id from the configuration.
    pub id: Option<u32>,
    /// The network namespace, if the caller named one: its entry in `/run/netns`, else `net:[INODE]`.
    pub netns: Option<String>,
    /// The kernel's index (`struct ifinfomsg`); `None` if no link of this namespace belongs to the daemon.
    pub ifindex: Option<u32>,
    /// `ip link set … alias …` (`IFLA_IFALIAS`).
    pub alias: Option<Name>,
    /// Administratively up (`IFF_UP`).
    pub enabled: Option<bool>,
    /// Running (`IFF_RUNNING`).
    pub up: Option<bool>,
    /// RFC 2863 state (`IFLA_OPERSTATE`), in the words of `ip link`.
    pub operstate: Option<&'static str>,
    /// The implementation of WireGuard behind the interface.
    pub backend: Backend,
    /// MTU of the inner packets (`IFLA_MTU`), in bytes.
    pub mtu: Option<u32>,
    /// UDP port (`WGDEVICE_A_LISTEN_PORT`, `listen_port=`); 0 means the kernel chose none yet.
    pub listen_port: Option<u16>,
    /// This end's public key (`WGDEVICE_A_PUBLIC_KEY`, boringtun's `own_public_key=`; else computed from `private_key=`).
    pub public_key: Option<PublicKey>,
    /// Mark of the outer packets (`WGDEVICE_A_FWMARK`, `fwmark=`); 0 means none.
    pub fwmark: Option<u32>,
    /// The interface's own counters (`IFLA_STATS64`).
    pub stats: InterfaceStats,
    /// The peers (`WGDEVICE_A_PEERS`, `public_key=`) in the order they were reported; `None` if they were not read.
    pub peers: Option<Vec<Peer>>,
    /// Its addresses, routes and settings; read for a diagnosis only.
    pub environment: Option<Box<Environment>>,
}

impl Network {
    /// Returns the friendly name, else the interface's.
    #[must_use]
    pub fn label(&self) -> Cow<'_, str> {
        self.name.as_deref().map_or_else(|| self.interface.text(), Cow::Borrowed)
    }

    /// Returns the interface with its network namespace: `wg0`, or `wg0 in blue`.
    #[must_use]
    pub fn qualified_name(&self) -> String {
        qualified_name(&self.interface, self.netns.as_deref())
    }
}

/// Returns an interface with its network namespace, safe for a terminal: `wg0`, or `wg0 in blue`.
#[must_use]
pub fn qualified_name(interface: &Name, netns: Option<&str>) -> String {
    match netns {
        Some(netns) => format!("{interface} in {}", printable(netns)),
        None => interface.to_string(),
    }
}

/// The implementation of WireGuard behind an interface, by the kind of its link (`IFLA_INFO_KIND`) and by its socket in
/// `/var/run/wireguard`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Backend {
    /// The kernel's own driver: link kind `wireguard`.
    Kernel,
    /// A daemon with a UAPI socket: behind a `tun` link, or without a link in this namespace.
    Userspace,
    /// A socket that refuses connections, without a link of its name: the daemon died.
    DeadDaemon,
    /// A `tun` link whose WireGuard socket refuses: a dying daemon's, or another program's.
    #[default]
    Unknown,
}

impl Backend {
    /// Returns the word for JSON and metrics.
    #[must_use]
    pub const fn device_type(self) -> &'static str {
        match self {
            Self::Kernel => "Linux kernel",
            Self::Userspace | Self::DeadDaemon => "userspace",
            Self::Unknown => "unknown",
        }
    }
}

/// One peer of a network: `WGPEER_A_…` (`linux/wireguard.h`), or `key=` of a daemon's reply to `get=1`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Peer {
    /// The peer's identity (`WGPEER_A_PUBLIC_KEY`, `public_key=`).
    pub public_key: PublicKey,
    /// The friendly name: the configuration's, else that of a wg-quick or networkd file.
    pub name: Option<String>,
    /// The source of its last authenticated packet, or the configured endpoint (`WGPEER_A_ENDPOINT`, `endpoint=`).
    pub endpoint: Option<SocketAddr>,
    /// The inner addresses it may use (`WGPEER_A_ALLOWEDIPS`, `allowed_ip=`), in the order they were reported.
    pub allowed_ips: AllowedIps,
    /// Seconds since the Unix epoch (`WGPEER_A_LAST_HANDSHAKE_TIME`, `last_handshake_time_sec=`); `None` means never. boringtun
    /// reports an age, from which it is computed with [`Snapshot::timestamp`].
    pub last_handshake: Option<u64>,
    /// Bytes received from it (`WGPEER_A_RX_BYTES`, `rx_bytes=`); what counts depends on the backend.
    pub rx_bytes: u64,
    /// Bytes sent to it (`WGPEER_A_TX_BYTES`, `tx_bytes=`); likewise.
    pub tx_bytes: u64,
    /// Seconds between keepalives (`WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL`, `persistent_keepalive_interval=`); 0 means off.
    pub persistent_keepalive: u16,
    /// Seconds between the keepalives that the peer sends, from the configuration; 0 if not set.
    pub expected_keepalive: u16,
    /// Whether findings leave out this peer, from the configuration.
    pub is_ignored: bool,
    /// Whether a preshared key is set (`WGPEER_A_PRESHARED_KEY`, `preshared_key=`). The key itself is never kept.
    pub has_preshared_key: bool,
    /// Version of the WireGuard protocol (`WGPEER_A_PROTOCOL_VERSION`, `protocol_version=`); `None` if it was not reported.
    pub protocol_version: Option<u32>,
}

/// A peer whose last handshake is at most this many seconds old is online: a session dies after 180 s.
pub const ONLINE_SECONDS: u64 = 180;

impl Peer {
    /// Returns the friendly name, else the key.
    #[must_use]
    pub fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.public_key.to_string())
    }

    /// Returns the seconds since the last handshake, at the Unix time `now`; 0 if the clock was set back since then, `None`
    /// if there was none.
    #[must_use]
    pub fn handshake_age(&self, now: u64) -> Option<u64> {
        self.last_handshake.map(|then| now.saturating_sub(then))
    }

    /// Returns whether at the Unix time `now` the last handshake is at most [`ONLINE_SECONDS`] old.
    #[must_use]
    pub fn is_online(&self, now: u64) -> bool {
        self.handshake_age(now).is_some_and(|age| age <= ONLINE_SECONDS)
    }
}

/// A peer's allowed-ips. Most peers have one, which needs no allocation: a third of the cost of reading 10,000 peers.
pub type AllowedIps = SmallVec<[AllowedIp; 1]>;

/// One entry of a peer's allowed-ips (`WGALLOWEDIP_A_…`, `allowed_ip=`); also an address of a link (`RTM_GETADDR`), and the
/// destination of a route (`RTA_DST`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllowedIp {
    /// Network address.
    pub address: IpAddr,
    /// Prefix length in bits.
    pub prefix: u8,
}

impl AllowedIp {
    /// Returns whether it contains the address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let whole = |address| AllowedIp { address, prefix: if address.is_ipv4() { 32 } else { 128 } };
        self.address.is_ipv4() == address.is_ipv4() && {
            let (own, other) = (self.range(), whole(address).range());
            own.contains(other.start())
        }
    }

    /// Returns its first and last address as numbers, with IPv4 in the upper bits of 128.
    #[must_use]
    pub fn range(&self) -> RangeInclusive<u128> {
        let first = match self.address {
            IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
            IpAddr::V6(address) => address.to_bits(),
        };
        let hosts = u128::MAX.checked_shr(self.prefix.into()).unwrap_or(0);
        first & !hosts..=first | hosts
    }
}

impl fmt::Display for AllowedIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// The success and duration of reading one kind of data, by wgstat's own account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// `links`, `peers` or `names`.
    pub name: &'static str,
    /// Whether it could be read for every interface.
    pub success: bool,
    /// How long it took (`CLOCK_MONOTONIC`), in all namespaces together.
    pub duration: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_is_online_for_180_seconds_after_a_handshake() {
        let mut peer = Peer { last_handshake: Some(1000), ..Peer::default() };
        assert!(peer.is_online(1180));
        assert!(!peer.is_online(1181));
        peer.last_handshake = None;
        assert!(!peer.is_online(1000));
    }

    #[test]
    fn handshake_from_the_future_has_age_zero() {
        let peer = Peer { last_handshake: Some(2000), ..Peer::default() };
        assert_eq!(peer.handshake_age(1000), Some(0));
        assert!(peer.is_online(1000));
    }
}
