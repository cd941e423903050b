//! What one look at the system yields: plain data, as the kernel or a daemon gave it.
//!
//! Nothing here reads anything; what needs judgement or time (findings, rates) is worked out elsewhere. `None` means "not
//! known", never 0. Private and preshared keys have no place in any of these types.

mod counter;
mod key;
mod listen;
mod name;
mod pattern;
mod settings;
mod sight;
mod surroundings;
mod threshold;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

pub use counter::{Counter, InterfaceStats};
pub use key::{PublicKey, decode_hex};
pub use listen::ListenAddress;
pub use name::{Name, acts_on_terminal, printable};
pub use pattern::Pattern;
pub use settings::{NetworkSettings, PeerSettings, ServeSettings, Settings};
pub use sight::{Fact, Given, Origins};
use smallvec::SmallVec;
pub use surroundings::{Detour, Host, OuterLink, Path, PathKey, Route, Surroundings};
pub use threshold::{Per, Rate, Threshold};

use crate::error::Code;

/// Everything one collection found out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// When it was taken, in seconds since the Unix epoch.
    pub timestamp: u64,
    /// The WireGuard networks, in the order of their ifindex; dead daemons last.
    pub networks: Vec<Network>,
    /// What could not be read, why, and how to let it.
    pub problems: Vec<Problem>,
    /// What was read, whether all of it, and how long it took.
    pub sources: Vec<Source>,
    /// Facts that help a reader of an empty or partial snapshot; they change no verdict.
    pub hints: Vec<String>,
    /// Interfaces that were asked for and are not there.
    pub missing: Vec<Name>,
    /// The host around the networks, in each network namespace; read for a diagnosis only.
    pub hosts: Vec<Host>,
    /// What a command starts with that is to act in another network namespace, by the namespace's name.
    pub entrances: BTreeMap<String, String>,
}

impl Snapshot {
    /// The host around the networks of this namespace.
    #[must_use]
    pub fn host(&self, netns: Option<&str>) -> Option<&Host> {
        self.hosts.iter().find(|host| host.netns.as_deref() == netns)
    }
}

/// One WireGuard interface with what is known of its peers. Of the link: `RTM_NEWLINK` (`linux/if_link.h`); of the rest:
/// `WGDEVICE_A_…` (`linux/wireguard.h`), or the userspace protocol's `get=1`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Network {
    /// The interface's name, as bytes: the kernel does not promise UTF-8.
    pub interface: Name,
    /// Its friendly name, where one is known.
    pub name: Option<String>,
    /// The number that the operator gave it.
    pub id: Option<u32>,
    /// The network namespace, where the caller named one.
    pub netns: Option<String>,
    /// The kernel's index; `None` where no link of this namespace belongs to the daemon.
    pub ifindex: Option<u32>,
    /// `ip link set … alias …`.
    pub alias: Option<Name>,
    /// Administratively up (`IFF_UP`).
    pub enabled: Option<bool>,
    /// Running (`IFF_RUNNING`).
    pub up: Option<bool>,
    /// RFC 2863 state, in the words of `ip link`.
    pub operstate: Option<&'static str>,
    /// Who does the WireGuard work.
    pub backend: Backend,
    /// MTU of the inner packets, in bytes.
    pub mtu: Option<u32>,
    /// UDP port; 0 means the kernel chose none yet.
    pub listen_port: Option<u16>,
    /// This end's public key.
    pub public_key: Option<PublicKey>,
    /// Mark of the outer packets; 0 means none.
    pub fwmark: Option<u32>,
    /// The interface's own counters.
    pub stats: InterfaceStats,
    /// The peers in the order they were reported; `None` where they could not be read.
    pub peers: Option<Vec<Peer>>,
    /// What is around it; read for a diagnosis only.
    pub surroundings: Option<Box<Surroundings>>,
}

impl Network {
    /// What the network is called: by its friendly name, else as the interface.
    #[must_use]
    pub fn label(&self) -> Cow<'_, str> {
        self.name.as_deref().map_or_else(|| self.interface.text(), Cow::Borrowed)
    }

    /// Where it is, as people read it: `wg0`, or `wg0 in blue`.
    #[must_use]
    pub fn place(&self) -> String {
        place(&self.interface, self.netns.as_deref())
    }
}

/// An interface and its network namespace, as people read it. Neither acts on a terminal.
#[must_use]
pub fn place(interface: &Name, netns: Option<&str>) -> String {
    match netns {
        Some(netns) => format!("{interface} in {}", printable(netns)),
        None => interface.to_string(),
    }
}

/// Who does the WireGuard work of an interface.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Backend {
    /// The kernel's own driver: link kind `wireguard`.
    Kernel,
    /// A daemon with a UAPI socket behind a `tun` link.
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

/// One peer of a network: `WGPEER_A_…` (`linux/wireguard.h`), or the userspace protocol's `get=1`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Peer {
    /// The peer's identity.
    pub public_key: PublicKey,
    /// Its friendly name, where one is known.
    pub name: Option<String>,
    /// Where its last authenticated packet came from, or what was configured.
    pub endpoint: Option<SocketAddr>,
    /// The inner addresses it may use, in the order they were reported.
    pub allowed_ips: AllowedIps,
    /// Seconds since the Unix epoch; `None` means never.
    pub last_handshake: Option<u64>,
    /// Bytes received from it; what is counted into them is up to the backend.
    pub rx_bytes: u64,
    /// Bytes sent to it; likewise.
    pub tx_bytes: u64,
    /// Seconds between keepalives; 0 means off.
    pub persistent_keepalive: u16,
    /// Seconds between the keepalives that the operator knows it to send itself; 0 where nothing is known.
    pub expected_keepalive: u16,
    /// The operator wants to be told nothing about it.
    pub is_ignored: bool,
    /// Whether a preshared key is set. The key itself is never read.
    pub has_preshared_key: bool,
    /// Version of the WireGuard protocol; `None` where it was not reported.
    pub protocol_version: Option<u32>,
}

/// A peer whose handshake is younger than this many seconds is online: a session dies after 180 s.
pub const ONLINE_SECONDS: u64 = 180;

impl Peer {
    /// What the peer is called: by its friendly name, else by its key.
    #[must_use]
    pub fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.public_key.to_string())
    }

    /// Seconds since the last handshake; 0 where the clock was set back since then.
    #[must_use]
    pub fn handshake_age(&self, now: u64) -> Option<u64> {
        self.last_handshake.map(|then| now.saturating_sub(then))
    }

    /// Whether the last handshake is at most [`ONLINE_SECONDS`] old.
    #[must_use]
    pub fn is_online(&self, now: u64) -> bool {
        self.handshake_age(now).is_some_and(|age| age <= ONLINE_SECONDS)
    }
}

/// Most peers have one, and that one needs no memory of its own: a third of the cost of reading 10,000 peers.
pub type AllowedIps = SmallVec<[AllowedIp; 1]>;

/// One entry of a peer's allowed-ips.
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

/// One thing that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// `links`, `peers` or `names`.
    pub name: &'static str,
    /// Whether it could be read for every interface.
    pub success: bool,
    /// How long it took.
    pub duration: Duration,
}

/// Something wgstat could not see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind of trouble.
    pub code: Code,
    /// The namespace it concerns, where the caller named one.
    pub netns: Option<String>,
    /// The interface it concerns; `None` means all.
    pub interface: Option<Name>,
    /// What could not be done and why, in one line.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
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
