//! Saves a snapshot as text for the next run to compare with: `check --state`.
//!
//! The text holds only what is compared: counters and public keys, but no endpoints and no addresses.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Counter, Environment, Host, InterfaceStats, Name, Network, Peer, PublicKey, Snapshot, decode_hex};

/// Version of the file. It is incremented when the text of an older version would be misread.
const VERSION: u32 = 1;

/// Holds the content of a state file.
#[derive(Debug, PartialEq)]
pub enum SavedState {
    /// A snapshot of the same host.
    SameHost(Box<Snapshot>),
    /// A snapshot that cannot be compared: of another machine, boot, network namespace, or version of the file.
    OtherHost,
}

/// The file.
#[derive(Serialize, Deserialize)]
struct SavedSnapshot {
    #[serde(rename = "wgstat_state")]
    version: u32,
    host: String,
    timestamp: u64,
    hosts: Vec<SavedHost>,
    networks: Vec<SavedNetwork>,
}

/// The host's own counters in one network namespace.
#[derive(Serialize, Deserialize)]
struct SavedHost {
    netns: Option<String>,
    identity: String,
    uptime_ms: u64,
    ipv4_in_addr_errors: Option<u64>,
    fragments_created: Option<u64>,
}

/// One network.
#[derive(Serialize, Deserialize)]
struct SavedNetwork {
    interface: String,
    netns: Option<String>,
    ifindex: Option<u32>,
    /// Values by the kernel's names of the counters.
    counters: HashMap<String, u64>,
    ipv6_in_addr_errors: Option<u64>,
    ipv6_multicast_sent: Option<u64>,
    peers: Option<Vec<SavedPeer>>,
}

/// One peer.
#[derive(Serialize, Deserialize)]
struct SavedPeer {
    /// The public key, in hexadecimal.
    key: String,
    rx: u64,
    tx: u64,
}

/// Returns the text of a snapshot with the host's counters. `identity` is this host's.
#[must_use]
pub fn write(snapshot: &Snapshot, identity: &str) -> Vec<u8> {
    let host = |host: &Host| SavedHost {
        netns: host.netns.clone(),
        identity: host.identity.clone(),
        uptime_ms: host.uptime.as_millis().try_into().unwrap_or(u64::MAX),
        ipv4_in_addr_errors: host.ipv4_in_addr_errors,
        fragments_created: host.fragments_created,
    };
    let state = SavedSnapshot {
        version: VERSION,
        host: identity.to_owned(),
        timestamp: snapshot.timestamp,
        hosts: snapshot.hosts.iter().map(host).collect(),
        networks: snapshot.networks.iter().map(SavedNetwork::from).collect(),
    };
    // This cannot fail: the keys of every map are text.
    let mut text = serde_json::to_vec(&state).unwrap_or_default();
    text.push(b'\n');
    text
}

/// Parses the text of [`write()`], for a host of this identity.
///
/// # Errors
/// Returns an error if it is not a state file. It may be another file, which must not be overwritten.
pub fn read(text: &[u8], identity: &str) -> Result<SavedState, String> {
    let not_ours = "it is not a state file of wgstat".to_owned();
    let value = serde_json::from_slice::<serde_json::Value>(text).map_err(|_| not_ours.clone())?;
    if value.get("wgstat_state").is_none() {
        return Err(not_ours);
    }
    // Another version may have any form.
    let Ok(state) = SavedSnapshot::deserialize(&value) else { return Ok(SavedState::OtherHost) };
    if state.version != VERSION || state.host != identity {
        return Ok(SavedState::OtherHost);
    }
    let host = |host: SavedHost| Host {
        netns: host.netns,
        identity: host.identity,
        uptime: Duration::from_millis(host.uptime_ms),
        ipv4_in_addr_errors: host.ipv4_in_addr_errors,
        fragments_created: host.fragments_created,
        ..Host::default()
    };
    Ok(SavedState::SameHost(Box::new(Snapshot {
        timestamp: state.timestamp,
        networks: state.networks.into_iter().map(Network::from).collect(),
        hosts: state.hosts.into_iter().map(host).collect(),
        ..Snapshot::default()
    })))
}

impl From<&Network> for SavedNetwork {
    fn from(network: &Network) -> Self {
        let env = network.environment.as_deref();
        let counter = |counter: Counter| Some((counter.name().to_owned(), network.stats.get(counter)?));
        Self {
            interface: network.interface.text().into_owned(),
            netns: network.netns.clone(),
            ifindex: network.ifindex,
            counters: Counter::ALL.into_iter().filter_map(counter).collect(),
            ipv6_in_addr_errors: env.and_then(|env| env.ipv6_in_addr_errors),
            ipv6_multicast_sent: env.and_then(|env| env.ipv6_multicast_sent),
            peers: network.peers.as_ref().map(|peers| peers.iter().map(SavedPeer::from).collect()),
        }
    }
}

impl From<&Peer> for SavedPeer {
    fn from(peer: &Peer) -> Self {
        let mut key = String::with_capacity(64);
        for byte in peer.public_key.0 {
            // Writing to a String cannot fail.
            let _ = write!(key, "{byte:02x}");
        }
        Self { key, rx: peer.rx_bytes, tx: peer.tx_bytes }
    }
}

impl From<SavedNetwork> for Network {
    fn from(state: SavedNetwork) -> Self {
        let values = Counter::ALL.map(|counter| state.counters.get(counter.name()).copied());
        Self {
            interface: Name::from(state.interface.as_str()),
            netns: state.netns,
            ifindex: state.ifindex,
            stats: InterfaceStats::from_values(&values),
            peers: state.peers.map(|peers| peers.iter().filter_map(peer).collect()),
            environment: Some(Box::new(Environment {
                ipv6_in_addr_errors: state.ipv6_in_addr_errors,
                ipv6_multicast_sent: state.ipv6_multicast_sent,
                ..Environment::default()
            })),
            ..Self::default()
        }
    }
}

/// Returns the peer; `None` if its key is not valid.
fn peer(state: &SavedPeer) -> Option<Peer> {
    let mut key = [0; 32];
    decode_hex(state.key.as_bytes(), &mut key)?;
    Some(Peer { public_key: PublicKey(key), rx_bytes: state.rx, tx_bytes: state.tx, ..Peer::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "boot net:[1]";

    fn snapshot() -> Snapshot {
        let env = Environment { ipv6_multicast_sent: Some(u64::MAX), ..Environment::default() };
        let peer = Peer { public_key: PublicKey([7; 32]), rx_bytes: u64::MAX, tx_bytes: 3, ..Peer::default() };
        let network = Network {
            interface: "wg0".into(),
            ifindex: Some(4),
            stats: InterfaceStats::from_values(&[Some(u64::MAX), None, Some(5)]),
            peers: Some(vec![peer]),
            environment: Some(Box::new(env)),
            ..Network::default()
        };
        let host = Host {
            identity: HERE.to_owned(),
            uptime: Duration::from_millis(1234),
            ipv4_in_addr_errors: Some(9),
            ..Host::default()
        };
        Snapshot { timestamp: 1000, networks: vec![network], hosts: vec![host], ..Snapshot::default() }
    }

    #[test]
    fn saved_snapshot_reads_back_unchanged() {
        assert_eq!(read(&write(&snapshot(), HERE), HERE), Ok(SavedState::SameHost(Box::new(snapshot()))));
    }

    #[test]
    fn snapshot_of_another_host_or_version_is_not_compared() {
        assert_eq!(read(&write(&snapshot(), HERE), "other net:[1]"), Ok(SavedState::OtherHost));
        let text = String::from_utf8(write(&snapshot(), HERE)).unwrap();
        let newer = text.replace("\"wgstat_state\":1", "\"wgstat_state\":2");
        assert_eq!(read(newer.as_bytes(), HERE), Ok(SavedState::OtherHost));
        assert_eq!(read(b"{\"wgstat_state\":3,\"all\":[]}", HERE), Ok(SavedState::OtherHost));
    }

    #[test]
    fn file_of_another_kind_is_refused() {
        for text in ["", "root:x:0:0::/root:/bin/sh\n", "{}", "[1]", "null", "{\"type\":\"status\"}"] {
            assert!(read(text.as_bytes(), HERE).is_err(), "{text}");
        }
    }
}
