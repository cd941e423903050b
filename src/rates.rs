//! Compares the counters of two snapshots: growth and rates per second, never negative.

use std::collections::HashMap;
use std::time::Duration;

use crate::model::{Counter, MainCounters, Name, Network, Peer, PublicKey, Snapshot};

/// Says how a counter changed between two readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It grew by this much, in bytes or packets as [`Counter`] says.
    Grew(u64),
    /// It went backwards: the interface or peer was re-created.
    Reset,
}

/// Compares two readings of one counter, both in its own unit.
#[must_use]
pub fn change(old: u64, new: u64) -> Change {
    new.checked_sub(old).map_or(Change::Reset, Change::Grew)
}

/// Holds the rates of one network, computed from two snapshots.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkRates {
    /// Time between the two readings, in seconds.
    pub interval: f64,
    /// The counters were reset in between. Then no rate is known.
    pub reset: bool,
    /// Bytes or packets per second as [`Counter`] says; `None` if a rate is not known.
    pub counters: MainCounters<Option<f64>>,
    /// In the order of the newer snapshot's peers; `None` for a peer that was not there before.
    pub peers: Vec<Option<PeerRates>>,
}

impl NetworkRates {
    /// Returns the rate of one of the nine main counters, in bytes or packets per second.
    #[must_use]
    pub fn get(&self, counter: Counter) -> Option<f64> {
        self.counters.get(counter)
    }
}

/// Holds the rates of one peer, computed from two snapshots.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PeerRates {
    /// Time between the two readings, in seconds.
    pub interval: f64,
    /// The peer was removed and added again in between.
    pub reset: bool,
    /// Bytes received per second.
    pub rx_bytes: Option<f64>,
    /// Bytes sent per second.
    pub tx_bytes: Option<f64>,
}

/// Returns the rates of every network of `new`, in its order; `None` for one that was not in `old`. Networks are matched by
/// (netns, ifindex): a link that was deleted and created again under the same name is a different one.
#[must_use]
pub fn rates(old: &Snapshot, new: &Snapshot, elapsed: Duration) -> Vec<Option<NetworkRates>> {
    new.networks
        .iter()
        .map(|network| {
            let before = counterpart(old, network)?;
            let interval = time_between(old, new, network).unwrap_or(elapsed).as_secs_f64();
            (interval > 0.0).then(|| network_rates(before, network, interval))
        })
        .collect()
}

/// Returns the time between two samples of a network's namespace; `None` if it is not known. Namespaces are sampled one after
/// the other, so each has its own time.
#[must_use]
pub fn time_between(old: &Snapshot, new: &Snapshot, network: &Network) -> Option<Duration> {
    let [old, new] = [old, new].map(|snapshot| snapshot.host(network.netns.as_deref()).map(|host| host.uptime));
    new?.checked_sub(old?).filter(|time| !time.is_zero())
}

/// Returns the same network in an older snapshot.
#[must_use]
pub fn counterpart<'a>(old: &'a Snapshot, new: &Network) -> Option<&'a Network> {
    old.networks.iter().find(|old| is_same(old, new))
}

/// Identifies a network for as long as it exists: its namespace and ifindex, or its name if it has no link.
pub type Identity = (Option<String>, Result<u32, Name>);

/// Returns the identity of a network.
pub fn identity(network: &Network) -> Identity {
    (network.netns.clone(), network.ifindex.ok_or_else(|| network.interface.clone()))
}

/// Returns whether both are the same network.
fn is_same(old: &Network, new: &Network) -> bool {
    old.netns == new.netns && old.ifindex == new.ifindex && (old.ifindex.is_some() || old.interface == new.interface)
}

/// Compares two samples of one network.
fn network_rates(old: &Network, new: &Network, interval: f64) -> NetworkRates {
    let changes = Counter::MAIN.map(|counter| Some(change(old.stats.get(counter)?, new.stats.get(counter)?)));
    let reset = changes.contains(&Some(Change::Reset));
    let before: HashMap<PublicKey, &Peer> = old.peers.iter().flatten().map(|peer| (peer.public_key, peer)).collect();
    let peers = new.peers.iter().flatten();
    NetworkRates {
        interval,
        reset,
        counters: MainCounters(changes.map(|change| per_second(change?, reset, interval))),
        peers: peers.map(|peer| Some(peer_rates(before.get(&peer.public_key)?, peer, interval))).collect(),
    }
}

/// Compares two samples of one peer.
fn peer_rates(old: &Peer, new: &Peer, interval: f64) -> PeerRates {
    let rx = change(old.rx_bytes, new.rx_bytes);
    let tx = change(old.tx_bytes, new.tx_bytes);
    let reset = rx == Change::Reset || tx == Change::Reset;
    PeerRates { interval, reset, rx_bytes: per_second(rx, reset, interval), tx_bytes: per_second(tx, reset, interval) }
}

/// Returns the rate; `None` after a reset of any counter, because then the growth of the others means nothing either.
fn per_second(change: Change, reset: bool, interval: f64) -> Option<f64> {
    match change {
        Change::Grew(by) if !reset => Some(by as f64 / interval),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::InterfaceStats;

    fn snapshot(ifindex: u32, counters: &[u64], peer: (u64, u64)) -> Snapshot {
        let bytes: Vec<u8> = counters.iter().flat_map(|value| value.to_ne_bytes()).collect();
        let peer = Peer { rx_bytes: peer.0, tx_bytes: peer.1, ..Peer::default() };
        Snapshot {
            networks: vec![Network {
                ifindex: Some(ifindex),
                stats: InterfaceStats::from_stats64(&bytes),
                peers: Some(vec![peer]),
                ..Network::default()
            }],
            ..Snapshot::default()
        }
    }

    fn one(old: &Snapshot, new: &Snapshot, seconds: u64) -> Option<NetworkRates> {
        rates(old, new, Duration::from_secs(seconds)).pop().unwrap()
    }

    #[test]
    fn each_namespace_has_its_own_time() {
        let sample = |packets: u64, uptimes: [u64; 2]| {
            let mut whole = Snapshot::default();
            for (netns, uptime) in ["blue", "red"].into_iter().zip(uptimes) {
                let netns = Some(netns.to_owned());
                let network = snapshot(4, &[packets], (0, 0)).networks.remove(0);
                whole.networks.push(Network { netns: netns.clone(), ..network });
                let uptime = Duration::from_secs(uptime);
                whole.hosts.push(crate::model::Host { netns, uptime, ..Default::default() });
            }
            whole
        };
        let rates = rates(&sample(0, [100, 102]), &sample(40, [104, 104]), Duration::from_secs(4));
        let per_second: Vec<Option<f64>> = rates.iter().map(|rates| rates.as_ref()?.get(Counter::RxPackets)).collect();
        assert_eq!(per_second, [Some(10.0), Some(20.0)]);
    }

    #[test]
    fn rate_is_the_growth_over_the_real_time() {
        let rates = one(&snapshot(4, &[10, 0, 1000], (5, 0)), &snapshot(4, &[30, 0, 5000], (25, 0)), 4).unwrap();
        assert_eq!(rates.get(Counter::RxPackets), Some(5.0));
        assert_eq!(rates.get(Counter::RxBytes), Some(1000.0));
        assert_eq!(rates.get(Counter::TxPackets), Some(0.0));
        assert_eq!(rates.get(Counter::Multicast), None, "never sent by this kernel");
        assert_eq!(rates.peers[0].unwrap().rx_bytes, Some(5.0));
    }

    #[test]
    fn counter_that_goes_backwards_is_a_reset_without_a_rate() {
        let rates = one(&snapshot(4, &[10, 7], (9, 9)), &snapshot(4, &[3, 8], (1, 20)), 1).unwrap();
        assert!(rates.reset);
        assert_eq!(rates.get(Counter::RxPackets), None);
        assert_eq!(rates.get(Counter::TxPackets), None, "its growth spans the reset");
        let peer = rates.peers[0].unwrap();
        assert!(peer.reset && peer.rx_bytes.is_none() && peer.tx_bytes.is_none());
    }

    #[test]
    fn new_ifindex_is_another_interface() {
        assert_eq!(one(&snapshot(4, &[10], (0, 0)), &snapshot(5, &[11], (0, 0)), 1), None);
    }

    #[test]
    fn no_time_between_two_readings_gives_no_rate() {
        assert_eq!(one(&snapshot(4, &[10], (0, 0)), &snapshot(4, &[11], (0, 0)), 0), None);
    }
}
