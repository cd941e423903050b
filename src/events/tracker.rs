//! Compares each sample with the previous one, and returns what happened.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use super::{Event, EventKind, EventPeer};
use crate::findings::Finding;
use crate::model::{Code, Counter, InterfaceStats, Name, Network, Peer, PublicKey, Snapshot};
use crate::rates::{Change, Identity, change, identity};

/// The number of removed interfaces that are remembered. A host with containers may never use a name twice, so there is a
/// limit.
const MAX_REMOVED: usize = 1024;

/// Remembers the last sample, and returns the events of the next one.
#[derive(Debug, Default)]
pub struct Tracker {
    /// `None` before the first sample.
    known: Option<HashMap<Identity, Known>>,
    /// Removed networks, the newest last. A tunnel that is re-created is often missing from one sample.
    removed: VecDeque<Removed>,
    /// The findings of the last sample.
    findings: Vec<Finding>,
}

/// A network that was removed.
#[derive(Debug)]
struct Removed {
    identity: Identity,
    interface: Name,
    stats: InterfaceStats,
}

/// A network at the last sample.
#[derive(Debug)]
struct Known {
    interface: Name,
    label: String,
    stats: InterfaceStats,
    /// The peers that were read last. Peers that cannot be read are not gone. `None` until peers were read once.
    peers: Option<HashMap<PublicKey, KnownPeer>>,
}

/// A peer at the last sample.
#[derive(Debug, Default)]
struct KnownPeer {
    name: Option<String>,
    is_online: bool,
    endpoint: Option<SocketAddr>,
    rx_bytes: u64,
    tx_bytes: u64,
}

impl Tracker {
    /// Compares a sample and its findings with the last one, and keeps them. Returns what happened since; nothing for the first
    /// sample.
    pub fn update(&mut self, snapshot: &Snapshot, findings: &[Finding]) -> Vec<Event> {
        let mut events = Vec::new();
        let mut old = self.known.take();
        let mut new = HashMap::with_capacity(snapshot.networks.len());
        let mut added = Vec::new();
        for network in &snapshot.networks {
            let before = old.as_mut().and_then(|old| old.remove(&identity(network)));
            let is_new = before.is_none();
            if is_new && old.is_some() {
                added.push(network);
            }
            let mut known = before.unwrap_or_else(|| Known::new(network));
            let mut happened = Vec::new();
            known.update(network, snapshot.timestamp, &mut happened);
            // The first sample of a network has nothing to be compared with.
            if !is_new {
                events.extend(happened.into_iter().map(|kind| event(snapshot, network, kind)));
            }
            new.insert(identity(network), known);
        }
        if let Some(old) = old {
            // A network in a namespace that cannot be read may still exist.
            let (hidden, mut removed): (Vec<_>, Vec<_>) =
                old.into_iter().partition(|(identity, _)| is_unreadable(snapshot, identity.0.as_deref()));
            new.extend(hidden);
            // A map has no stable order.
            removed.sort_by(|(a, _), (b, _)| a.cmp(b));
            let mut links = Vec::new();
            for (identity, Known { interface, label, stats, .. }) in removed {
                // Without a link there was no interface: the daemon is dead or in another namespace.
                let (netns, Ok(ifindex)) = identity.clone() else { continue };
                self.removed.drain(..self.removed.len().saturating_sub(MAX_REMOVED - 1));
                self.removed.push_back(Removed { identity, interface: interface.clone(), stats });
                links.push(Event {
                    timestamp: snapshot.timestamp,
                    netns,
                    interface,
                    ifindex: Some(ifindex),
                    network: label,
                    kind: EventKind::InterfaceRemoved,
                });
            }
            for network in added.into_iter().filter(|network| network.ifindex.is_some()) {
                links.push(event(snapshot, network, EventKind::InterfaceAdded));
                let has_same_name = |removed: &Removed| {
                    (&removed.identity.0, &removed.interface) == (&network.netns, &network.interface)
                };
                let Some(index) = self.removed.iter().rposition(has_same_name) else { continue };
                // It may be the same link, which had another name for a while and was out of scope.
                let is_reset = self.removed.remove(index).is_some_and(|removed| {
                    removed.identity != identity(network) || is_reset(&removed.stats, &network.stats)
                });
                if is_reset {
                    links.push(event(snapshot, network, EventKind::CounterReset(None)));
                }
            }
            events.splice(0..0, links);
            self.compare_findings(snapshot, findings, &mut events);
        } else {
            self.findings = findings.to_vec();
        }
        self.known = Some(new);
        events
    }

    /// Adds the events of findings that are new or no longer hold. A finding is the same while its rule, network and severity
    /// are; its numbers may change.
    fn compare_findings(&mut self, snapshot: &Snapshot, findings: &[Finding], events: &mut Vec<Event>) {
        let is_same = |one: &Finding, other: &Finding| one.is_same_rule(other) && one.severity == other.severity;
        let event_of = |finding: &Finding, kind: EventKind| {
            let network = snapshot.networks.iter().find(|network| finding.concerns(network));
            Event {
                timestamp: snapshot.timestamp,
                netns: finding.netns.clone(),
                interface: finding.interface.clone(),
                ifindex: network.and_then(|network| network.ifindex),
                network: network.map_or_else(|| finding.interface.text(), Network::label).into_owned(),
                kind,
            }
        };
        // A finding that can no longer be evaluated may still hold.
        let is_unknown = |old: &Finding| match snapshot.networks.iter().find(|network| old.concerns(network)) {
            Some(network) => network.peers.is_none() && !old.peers.is_empty(),
            None => is_unreadable(snapshot, old.netns.as_deref()),
        };
        let before = std::mem::replace(&mut self.findings, findings.to_vec());
        for old in before.iter().filter(|old| !findings.iter().any(|new| is_same(old, new))) {
            if is_unknown(old) {
                self.findings.push(old.clone());
            } else {
                events.push(event_of(old, EventKind::FindingCleared(old.clone())));
            }
        }
        for new in findings.iter().filter(|new| !before.iter().any(|old| is_same(old, new))) {
            events.push(event_of(new, EventKind::FindingRaised(new.clone())));
        }
    }
}

impl Known {
    /// Creates an entry without peers.
    fn new(network: &Network) -> Self {
        Self { interface: network.interface.clone(), label: String::new(), stats: network.stats.clone(), peers: None }
    }

    /// Compares with the network as it is now, keeps it, and adds what happened.
    fn update(&mut self, network: &Network, now: u64, happened: &mut Vec<EventKind>) {
        if self.interface != network.interface {
            let old = std::mem::replace(&mut self.interface, network.interface.clone());
            happened.push(EventKind::InterfaceRenamed { old });
        }
        if is_reset(&self.stats, &network.stats) {
            happened.push(EventKind::CounterReset(None));
        }
        self.stats.clone_from(&network.stats);
        self.label = network.label().into_owned();
        // Peers that could not be read stay as they were.
        if let Some(peers) = &network.peers {
            let is_first = self.peers.is_none();
            let before = happened.len();
            self.update_peers(peers, now, happened);
            if is_first {
                // The first sample of the peers has nothing to be compared with.
                happened.truncate(before);
            }
        }
    }

    /// Compares the peers, keeps them, and adds what happened.
    fn update_peers(&mut self, peers: &[Peer], now: u64, happened: &mut Vec<EventKind>) {
        let mut before = self.peers.take().unwrap_or_default();
        let mut now_known = HashMap::with_capacity(peers.len());
        for peer in peers {
            let event_peer = || EventPeer { public_key: peer.public_key, name: peer.name.clone() };
            let is_online = peer.is_online(now);
            let old = before.remove(&peer.public_key);
            if let Some(old) = &old {
                let is_reset = old.rx_bytes > peer.rx_bytes || old.tx_bytes > peer.tx_bytes;
                if is_reset {
                    happened.push(EventKind::CounterReset(Some(event_peer())));
                }
                if old.endpoint != peer.endpoint {
                    happened.push(EventKind::EndpointChanged {
                        peer: event_peer(),
                        old: old.endpoint,
                        new: peer.endpoint,
                    });
                }
            }
            if is_online != old.as_ref().is_some_and(|old| old.is_online) {
                happened.push(if is_online {
                    EventKind::PeerOnline(event_peer())
                } else {
                    EventKind::PeerOffline(event_peer())
                });
            }
            let KnownPeer { name, .. } = old.unwrap_or_default();
            // A name allocates, and most do not change.
            let name = if name == peer.name { name } else { peer.name.clone() };
            let (endpoint, rx_bytes, tx_bytes) = (peer.endpoint, peer.rx_bytes, peer.tx_bytes);
            now_known.insert(peer.public_key, KnownPeer { name, is_online, endpoint, rx_bytes, tx_bytes });
        }
        self.peers = Some(now_known);
        let mut removed: Vec<(PublicKey, KnownPeer)> = before.into_iter().filter(|(_, peer)| peer.is_online).collect();
        removed.sort_by_key(|(key, _)| *key);
        happened.extend(
            removed
                .into_iter()
                .map(|(public_key, KnownPeer { name, .. })| EventKind::PeerOffline(EventPeer { public_key, name })),
        );
    }
}

/// Returns whether any counter went backwards.
fn is_reset(old: &InterfaceStats, new: &InterfaceStats) -> bool {
    Counter::ALL.into_iter().any(|counter| {
        let both = old.get(counter).zip(new.get(counter));
        both.is_some_and(|(old, new)| change(old, new) == Change::Reset)
    })
}

fn event(snapshot: &Snapshot, network: &Network, kind: EventKind) -> Event {
    Event {
        timestamp: snapshot.timestamp,
        netns: network.netns.clone(),
        interface: network.interface.clone(),
        ifindex: network.ifindex,
        network: network.label().into_owned(),
        kind,
    }
}

/// Returns whether this namespace could not be read at all.
fn is_unreadable(snapshot: &Snapshot, netns: Option<&str>) -> bool {
    snapshot.problems.iter().any(|problem| {
        netns.is_some()
            && problem.netns.as_deref() == netns
            && problem.interface.is_none()
            && problem.code != Code::NetnsNotFound
            && !snapshot.networks.iter().any(|network| network.netns.as_deref() == netns)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings;
    use crate::model::{Backend, Problem};

    const NOW: u64 = 1_795_000_000;

    fn network(ifindex: u32, packets: u64, peers: Option<Vec<Peer>>) -> Network {
        Network {
            interface: "wg0".into(),
            ifindex: Some(ifindex),
            backend: Backend::Kernel,
            enabled: Some(true),
            up: Some(true),
            stats: InterfaceStats::from_values(&[Some(packets)]),
            peers,
            ..Network::default()
        }
    }

    fn peer(handshake: u64) -> Peer {
        Peer { last_handshake: Some(handshake), rx_bytes: 500, ..Peer::default() }
    }

    fn snapshot(networks: Vec<Network>) -> Snapshot {
        Snapshot { timestamp: NOW, networks, ..Snapshot::default() }
    }

    /// Returns the events of each sample, by name.
    fn happened(samples: &[Snapshot]) -> Vec<Vec<&'static str>> {
        let mut tracker = Tracker::default();
        samples
            .iter()
            .map(|sample| tracker.update(sample, &[]).iter().map(|event| event.kind.name()).collect())
            .collect()
    }

    #[test]
    fn first_sample_has_no_events() {
        let sample = snapshot(vec![network(4, 7, Some(vec![peer(NOW)]))]);
        let found = findings::findings(&sample);
        assert_eq!(Tracker::default().update(&sample, &found), []);
    }

    #[test]
    fn first_interface_was_added() {
        let some = snapshot(vec![network(4, 7, Some(vec![peer(NOW)]))]);
        assert_eq!(happened(&[snapshot(vec![]), some]), [vec![], vec!["interface_added"]]);
    }

    #[test]
    fn interface_with_another_index_is_a_counter_reset() {
        let samples = [4, 5].map(|ifindex| snapshot(vec![network(ifindex, 7, None)]));
        let expected = ["interface_removed", "interface_added", "counter_reset"];
        assert_eq!(happened(&samples)[1], expected, "though no counter went backwards");
    }

    #[test]
    fn interface_that_returns_later_with_another_index_is_a_counter_reset() {
        let back = |ifindex, packets| {
            let samples = [vec![network(4, 7, None)], vec![], vec![network(ifindex, packets, None)]].map(snapshot);
            happened(&samples)[2].clone()
        };
        assert_eq!(back(5, 9), ["interface_added", "counter_reset"]);
        assert_eq!(back(4, 6), ["interface_added", "counter_reset"]);
        assert_eq!(back(4, 9), ["interface_added"], "the same link, which had another name for a while");
    }

    #[test]
    fn counters_that_go_backwards_are_a_reset() {
        let mut again = peer(NOW);
        again.rx_bytes = 499;
        let samples = [(7, peer(NOW)), (6, peer(NOW)), (6, again)]
            .map(|(packets, peer)| snapshot(vec![network(4, packets, Some(vec![peer]))]));
        let mut tracker = Tracker::default();
        let kinds: Vec<EventKind> =
            samples.iter().flat_map(|sample| tracker.update(sample, &[])).map(|event| event.kind).collect();
        let peer = EventPeer { public_key: PublicKey::default(), name: None };
        assert_eq!(kinds, [EventKind::CounterReset(None), EventKind::CounterReset(Some(peer))]);
    }

    #[test]
    fn peers_that_cannot_be_read_are_not_removed() {
        let peers = [Some(vec![peer(NOW)]), None, Some(vec![peer(NOW - 181)]), Some(vec![])];
        let samples = peers.map(|peers| snapshot(vec![network(4, 7, peers)]));
        let nothing: Vec<&str> = vec![];
        assert_eq!(happened(&samples), [nothing.clone(), nothing.clone(), vec!["peer_offline"], nothing]);
    }

    #[test]
    fn peers_that_could_not_be_read_at_first_are_not_new() {
        let samples = [None, Some(vec![peer(NOW)]), Some(vec![peer(NOW - 181)])];
        let samples = samples.map(|peers| snapshot(vec![network(4, 7, peers)]));
        assert_eq!(happened(&samples), [vec![], vec![], vec!["peer_offline"]]);
    }

    #[test]
    fn peer_that_is_removed_while_online_goes_offline() {
        let samples =
            [vec![peer(NOW)], vec![], vec![peer(NOW)]].map(|peers| snapshot(vec![network(4, 7, Some(peers))]));
        assert_eq!(happened(&samples), [vec![], vec!["peer_offline"], vec!["peer_online"]]);
    }

    #[test]
    fn namespace_that_cannot_be_read_lost_nothing() {
        let netns = || Some("blue".to_owned());
        let there = snapshot(vec![Network { netns: netns(), ..network(4, 7, None) }]);
        let unseen = |code| Snapshot { problems: vec![Problem::new(code, "").netns("blue")], ..snapshot(vec![]) };
        let samples = [there.clone(), unseen(Code::PermissionDenied), there, unseen(Code::NetnsNotFound)];
        let nothing: Vec<&str> = vec![];
        assert_eq!(happened(&samples), [nothing.clone(), nothing.clone(), nothing, vec!["interface_removed"]]);
    }

    #[test]
    fn daemon_that_dies_removes_its_interface_and_adds_none() {
        let dead = Network { ifindex: None, backend: Backend::DeadDaemon, ..network(0, 0, None) };
        let samples = [network(4, 7, None), dead].map(|network| snapshot(vec![network]));
        assert_eq!(happened(&samples)[1], ["interface_removed"]);
    }

    #[test]
    fn finding_is_the_same_while_only_its_numbers_change() {
        let sample = snapshot(vec![Network { enabled: Some(false), ..network(4, 7, None) }]);
        let found = findings::findings(&sample);
        assert_eq!(found.len(), 1, "the interface is down");
        let mut more = found.clone();
        more[0].count += 1;
        let mut other = found.clone();
        other[0].severity = findings::Severity::Info;
        let mut tracker = Tracker::default();
        let samples: [&[findings::Finding]; 5] = [&[], &found, &more, &other, &[]];
        let names = samples.map(|found| {
            let events = tracker.update(&sample, found);
            events.iter().map(|event| event.kind.name()).collect::<Vec<&str>>()
        });
        let (raised, cleared) = ("finding_raised", "finding_cleared");
        let nothing = vec![];
        assert_eq!(names, [nothing.clone(), vec![raised], nothing, vec![cleared, raised], vec![cleared]]);
    }
}
