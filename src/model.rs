//! What one look at the system yields: plain data, as the kernel or a daemon gave it.
//!
//! Nothing here reads anything; what needs judgement or time (findings, rates) is worked out elsewhere. `None` means "not
//! known", never 0. Private and preshared keys have no place in any of these types.

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

/// Everything one collection found out: of the kernel by netlink (`RTM_…`, `WG_CMD_GET_DEVICE`), of daemons by `get=1`, and of
/// files in `/etc` and `/proc`. Of an earlier run it is what the file of `check --state` kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// When it was taken, in seconds since the Unix epoch, by this host's clock.
    pub timestamp: u64,
    /// The WireGuard networks, one namespace after the other: in the order in which they were asked for, and what one glob or
    /// none stands for in the order of their ifindex, those without a link last.
    pub networks: Vec<Network>,
    /// What could not be read, why, and how to let it.
    pub problems: Vec<Problem>,
    /// What was read, whether all of it, and how long it took.
    pub sources: Vec<Source>,
    /// Facts that help a reader of an empty or partial snapshot; they change no verdict.
    pub hints: Vec<String>,
    /// Interfaces that were asked for, or that the configuration names, and that are not there.
    pub missing: Vec<Name>,
    /// The host around the networks, in each network namespace; read for a diagnosis only.
    pub hosts: Vec<Host>,
    /// What a command starts with that is to act in another network namespace, by the namespace's name.
    pub exec_prefixes: BTreeMap<String, String>,
}

impl Snapshot {
    /// The host around the networks of this namespace.
    #[must_use]
    pub fn host(&self, netns: Option<&str>) -> Option<&Host> {
        self.hosts.iter().find(|host| host.netns.as_deref() == netns)
    }
}

/// One WireGuard interface with what is known of its peers. `IFLA_…` and `IFF_…` are its link's (`RTM_NEWLINK`,
/// `linux/if_link.h`), `WGDEVICE_A_…` the kernel's driver's (`linux/wireguard.h`); `key=` is what a daemon says in its place,
/// in the userspace protocol's answer to `get=1`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Network {
    /// The interface's name (`IFLA_IFNAME`; without a link that of the daemon's socket), as bytes: the kernel does not promise
    /// UTF-8.
    pub interface: Name,
    /// Its friendly name, where one is known: the configuration's, else that of a wg-quick or networkd file, else the alias.
    pub name: Option<String>,
    /// The id that the operator gave it in the configuration.
    pub id: Option<u32>,
    /// The network namespace, where the caller named one: its entry in `/run/netns`, else `net:[INODE]`.
    pub netns: Option<String>,
    /// The kernel's index (`struct ifinfomsg`); `None` where no link of this namespace belongs to the daemon.
    pub ifindex: Option<u32>,
    /// `ip link set … alias …` (`IFLA_IFALIAS`).
    pub alias: Option<Name>,
    /// Administratively up (`IFF_UP`).
    pub enabled: Option<bool>,
    /// Running (`IFF_RUNNING`).
    pub up: Option<bool>,
    /// RFC 2863 state (`IFLA_OPERSTATE`), in the words of `ip link`.
    pub operstate: Option<&'static str>,
    /// Who does the WireGuard work.
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
    /// The peers (`WGDEVICE_A_PEERS`, `public_key=`) in the order they were reported; `None` where they were not read.
    pub peers: Option<Vec<Peer>>,
    /// What is around it; read for a diagnosis only.
    pub environment: Option<Box<Environment>>,
}

impl Network {
    /// What the network is called: by its friendly name, else as the interface.
    #[must_use]
    pub fn label(&self) -> Cow<'_, str> {
        self.name.as_deref().map_or_else(|| self.interface.text(), Cow::Borrowed)
    }

    /// Where it is, as people read it: `wg0`, or `wg0 in blue`.
    #[must_use]
    pub fn qualified_name(&self) -> String {
        qualified_name(&self.interface, self.netns.as_deref())
    }
}

/// An interface and its network namespace, as people read it. Neither acts on a terminal.
#[must_use]
pub fn qualified_name(interface: &Name, netns: Option<&str>) -> String {
    match netns {
        Some(netns) => format!("{interface} in {}", printable(netns)),
        None => interface.to_string(),
    }
}

/// Who does the WireGuard work of an interface, by the kind of its link (`IFLA_INFO_KIND`) and by what happens at its socket in
/// `/var/run/wireguard`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Backend {
    /// The kernel's own driver: link kind `wireguard`.
    Kernel,
    /// A daemon with a UAPI socket: behind a `tun` link, or with none of this namespace.
    Userspace,
    /// A socket that refuses connections, and no link of its name: the daemon died.
    DeadDaemon,
    /// A `tun` link whose WireGuard socket refuses: a dying daemon's, or another program's.
    #[default]
    Unknown,
}

impl Backend {
    /// The words of JSON and metrics.
    #[must_use]
    pub const fn device_type(self) -> &'static str {
        match self {
            Self::Kernel => "Linux kernel",
            Self::Userspace | Self::DeadDaemon => "userspace",
            Self::Unknown => "unknown",
        }
    }
}

/// One peer of a network: `WGPEER_A_…` (`linux/wireguard.h`), or `key=` of the userspace protocol's answer to `get=1`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Peer {
    /// The peer's identity (`WGPEER_A_PUBLIC_KEY`, `public_key=`).
    pub public_key: PublicKey,
    /// Its friendly name, where one is known: the configuration's, else that of a wg-quick or networkd file.
    pub name: Option<String>,
    /// Where its last authenticated packet came from, or what was configured (`WGPEER_A_ENDPOINT`, `endpoint=`).
    pub endpoint: Option<SocketAddr>,
    /// The inner addresses it may use (`WGPEER_A_ALLOWEDIPS`, `allowed_ip=`), in the order they were reported.
    pub allowed_ips: AllowedIps,
    /// Seconds since the Unix epoch (`WGPEER_A_LAST_HANDSHAKE_TIME`, `last_handshake_time_sec=`); `None` means never. boringtun
    /// tells an age: then it is computed from that and [`Snapshot::timestamp`].
    pub last_handshake: Option<u64>,
    /// Bytes received from it (`WGPEER_A_RX_BYTES`, `rx_bytes=`); what is counted into them is up to the backend.
    pub rx_bytes: u64,
    /// Bytes sent to it (`WGPEER_A_TX_BYTES`, `tx_bytes=`); likewise.
    pub tx_bytes: u64,
    /// Seconds between keepalives (`WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL`, `persistent_keepalive_interval=`); 0 means off.
    pub persistent_keepalive: u16,
    /// Seconds between the keepalives that it sends itself, as the configuration has it; 0 where nothing is known.
    pub expected_keepalive: u16,
    /// The operator wants to be told nothing about it, as the configuration has it.
    pub is_ignored: bool,
    /// Whether a preshared key is set (`WGPEER_A_PRESHARED_KEY`, `preshared_key=`). The key itself is never kept.
    pub has_preshared_key: bool,
    /// Version of the WireGuard protocol (`WGPEER_A_PROTOCOL_VERSION`, `protocol_version=`); `None` where it was not reported.
    pub protocol_version: Option<u32>,
}

/// A peer whose last handshake is at most this many seconds old is online: a session dies after 180 s.
pub const ONLINE_SECONDS: u64 = 180;

impl Peer {
    /// What the peer is called: by its friendly name, else by its key.
    #[must_use]
    pub fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.public_key.to_string())
    }

    /// Seconds since the last handshake, at the Unix time `now`; 0 where the clock was set back since then, `None` where there
    /// was none.
    #[must_use]
    pub fn handshake_age(&self, now: u64) -> Option<u64> {
        self.last_handshake.map(|then| now.saturating_sub(then))
    }

    /// Whether at the Unix time `now` the last handshake is at most [`ONLINE_SECONDS`] old.
    #[must_use]
    pub fn is_online(&self, now: u64) -> bool {
        self.handshake_age(now).is_some_and(|age| age <= ONLINE_SECONDS)
    }
}

/// Most peers have one, and that one needs no memory of its own: a third of the cost of reading 10,000 peers.
pub type AllowedIps = SmallVec<[AllowedIp; 1]>;

/// One entry of a peer's allowed-ips (`WGALLOWEDIP_A_…`, `allowed_ip=`); also an address of a link (`RTM_GETADDR`), and where a
/// route leads (`RTA_DST`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllowedIp {
    /// Network address.
    pub address: IpAddr,
    /// Prefix length in bits.
    pub prefix: u8,
}

impl AllowedIp {
    /// Whether the address is within it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let whole = |address| AllowedIp { address, prefix: if address.is_ipv4() { 32 } else { 128 } };
        self.address.is_ipv4() == address.is_ipv4() && {
            let (own, other) = (self.range(), whole(address).range());
            own.contains(other.start())
        }
    }

    /// Its first and last address, as numbers that leave IPv4 at the top of 128 bits.
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

/// One thing that is read, by wgstat's own account.
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
