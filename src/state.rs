//! A look as text, for the next run to compare with: `check --state`.
//!
//! Only what is compared: counters and public keys; no endpoint, no address.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Counter, Environment, Host, InterfaceStats, Name, Network, Peer, PublicKey, Snapshot, decode_hex};

/// Grows when a state of an older version says something else.
const VERSION: u32 = 1;

/// What a state file holds.
#[derive(Debug, PartialEq)]
pub enum Past {
    /// A look at the same host.
    TimedSample(Box<Snapshot>),
    /// A look that is no past of this host's: of another machine, start of it, or network namespace.
    Foreign,
}

#[derive(Serialize, Deserialize)]
struct State {
    #[serde(rename = "wgstat_state")]
    version: u32,
    host: String,
    timestamp: u64,
    hosts: Vec<HostState>,
    networks: Vec<NetworkState>,
}

/// The host's own counters in one network namespace.
#[derive(Serialize, Deserialize)]
struct HostState {
    netns: Option<String>,
    identity: String,
    uptime_ms: u64,
    ipv4_in_addr_errors: Option<u64>,
    fragments_created: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct NetworkState {
    interface: String,
    netns: Option<String>,
    ifindex: Option<u32>,
    /// By the kernel's names.
    counters: HashMap<String, u64>,
    ipv6_in_addr_errors: Option<u64>,
    ipv6_multicast_sent: Option<u64>,
    peers: Option<Vec<PeerState>>,
}

#[derive(Serialize, Deserialize)]
struct PeerState {
    /// Hexadecimal.
    key: String,
    rx: u64,
    tx: u64,
}

/// Writes a look down. It has to have the host's counters; `identity` is this host's.
#[must_use]
pub fn write(snapshot: &Snapshot, identity: &str) -> Vec<u8> {
    let host = |host: &Host| HostState {
        netns: host.netns.clone(),
        identity: host.identity.clone(),
        uptime_ms: host.uptime.as_millis().try_into().unwrap_or(u64::MAX),
        ipv4_in_addr_errors: host.ipv4_in_addr_errors,
        fragments_created: host.fragments_created,
    };
    let state = State {
        version: VERSION,
        host: identity.to_owned(),
        timestamp: snapshot.timestamp,
        hosts: snapshot.hosts.iter().map(host).collect(),
        networks: snapshot.networks.iter().map(NetworkState::from).collect(),
    };
    // No map in it has keys that are not text: this cannot fail.
    let mut text = serde_json::to_vec(&state).unwrap_or_default();
    text.push(b'\n');
    text
}

/// Reads what [`write()`] wrote, for a host of this identity.
///
/// # Errors
/// Where it is something else: it may be a file that is needed.
pub fn read(text: &[u8], identity: &str) -> Result<Past, String> {
    let not_ours = "it is no state of wgstat's".to_owned();
    let value = serde_json::from_slice::<serde_json::Value>(text).map_err(|_| not_ours.clone())?;
    if value.get("wgstat_state").is_none() {
        return Err(not_ours);
    }
    // Another version's may have any form.
    let Ok(state) = State::deserialize(&value) else { return Ok(Past::Foreign) };
    if state.version != VERSION || state.host != identity {
        return Ok(Past::Foreign);
    }
    let host = |host: HostState| Host {
        netns: host.netns,
        identity: host.identity,
        uptime: Duration::from_millis(host.uptime_ms),
        ipv4_in_addr_errors: host.ipv4_in_addr_errors,
        fragments_created: host.fragments_created,
        ..Host::default()
    };
    Ok(Past::TimedSample(Box::new(Snapshot {
        timestamp: state.timestamp,
        networks: state.networks.into_iter().map(Network::from).collect(),
        hosts: state.hosts.into_iter().map(host).collect(),
        ..Snapshot::default()
    })))
}

impl From<&Network> for NetworkState {
    fn from(network: &Network) -> Self {
        let env = network.environment.as_deref();
        let known = |counter: Counter| Some((counter.name().to_owned(), network.stats.get(counter)?));
        Self {
            interface: network.interface.text().into_owned(),
            netns: network.netns.clone(),
            ifindex: network.ifindex,
            counters: Counter::ALL.into_iter().filter_map(known).collect(),
            ipv6_in_addr_errors: env.and_then(|env| env.ipv6_in_addr_errors),
            ipv6_multicast_sent: env.and_then(|env| env.ipv6_multicast_sent),
            peers: network.peers.as_ref().map(|peers| peers.iter().map(PeerState::from).collect()),
        }
    }
}

impl From<&Peer> for PeerState {
    fn from(peer: &Peer) -> Self {
        let mut key = String::with_capacity(64);
        for byte in peer.public_key.0 {
            // Writing to a String cannot fail.
            let _ = write!(key, "{byte:02x}");
        }
        Self { key, rx: peer.rx_bytes, tx: peer.tx_bytes }
    }
}

impl From<NetworkState> for Network {
    fn from(state: NetworkState) -> Self {
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

fn peer(state: &PeerState) -> Option<Peer> {
    let mut key = [0; 32];
    decode_hex(state.key.as_bytes(), &mut key)?;
    Some(Peer { public_key: PublicKey(key), rx_bytes: state.rx, tx_bytes: state.tx, ..Peer::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "boot net:[1]";

    fn look() -> Snapshot {
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
    fn what_is_compared_comes_back_as_it_was() {
        assert_eq!(read(&write(&look(), HERE), HERE), Ok(Past::TimedSample(Box::new(look()))));
    }

    #[test]
    fn look_at_another_host_or_of_another_version_is_no_past() {
        assert_eq!(read(&write(&look(), HERE), "other net:[1]"), Ok(Past::Foreign));
        let text = String::from_utf8(write(&look(), HERE)).unwrap();
        let newer = text.replace("\"wgstat_state\":1", "\"wgstat_state\":2");
        assert_eq!(read(newer.as_bytes(), HERE), Ok(Past::Foreign));
        assert_eq!(read(b"{\"wgstat_state\":3,\"all\":[]}", HERE), Ok(Past::Foreign));
    }

    #[test]
    fn file_of_another_kind_is_refused() {
        for text in ["", "root:x:0:0::/root:/bin/sh\n", "{}", "[1]", "null", "{\"type\":\"status\"}"] {
            assert!(read(text.as_bytes(), HERE).is_err(), "{text}");
        }
    }
}
