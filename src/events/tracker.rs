//! What differs between two looks.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use super::{Event, What, Who};
use crate::findings::Finding;
use crate::model::{Code, Counter, InterfaceStats, Name, Network, Peer, PublicKey, Snapshot};
use crate::rates::{Change, Identity, change, identity};

/// So many interfaces that went are remembered: a host of containers never uses a name twice.
const REMEMBERED: usize = 1024;

/// Remembers what was there, and tells what happened.
#[derive(Debug, Default)]
pub struct Tracker {
    /// `None` before the first look.
    known: Option<HashMap<Identity, Known>>,
    /// What went, the last one last: a tunnel that is made anew is often seen to be gone meanwhile.
    gone: VecDeque<Gone>,
    findings: Vec<Finding>,
}

/// A network that went.
#[derive(Debug)]
struct Gone {
    identity: Identity,
    interface: Name,
    stats: InterfaceStats,
}

/// A network as it was last seen.
#[derive(Debug)]
struct Known {
    interface: Name,
    label: String,
    stats: InterfaceStats,
    /// The last that could be read: what cannot be read did not go. `None` while none were ever read.
    peers: Option<HashMap<PublicKey, KnownPeer>>,
}

#[derive(Debug, Default)]
struct KnownPeer {
    name: Option<String>,
    is_online: bool,
    endpoint: Option<SocketAddr>,
    rx_bytes: u64,
    tx_bytes: u64,
}

impl Tracker {
    /// Takes note of a look and what was found, and tells what happened since the last; nothing at the first.
    pub fn see(&mut self, snapshot: &Snapshot, findings: &[Finding]) -> Vec<Event> {
        let mut events = Vec::new();
        let mut old = self.known.take();
        let mut new = HashMap::with_capacity(snapshot.networks.len());
        let mut came = Vec::new();
        for network in &snapshot.networks {
            let before = old.as_mut().and_then(|old| old.remove(&identity(network)));
            let is_new = before.is_none();
            if is_new && old.is_some() {
                came.push(network);
            }
            let mut known = before.unwrap_or_else(|| Known::new(network));
            let mut happened = Vec::new();
            known.update(network, snapshot.timestamp, &mut happened);
            // Of a network that is seen for the first time nothing is known to have happened.
            if !is_new {
                events.extend(happened.into_iter().map(|what| event(snapshot, network, what)));
            }
            new.insert(identity(network), known);
        }
        if let Some(old) = old {
            // What is out of sight may still be there.
            let (hidden, mut gone): (Vec<_>, Vec<_>) =
                old.into_iter().partition(|(identity, _)| is_out_of_sight(snapshot, identity.0.as_deref()));
            new.extend(hidden);
            // A map has no order of its own.
            gone.sort_by(|(a, _), (b, _)| a.cmp(b));
            let mut links = Vec::new();
            for (identity, Known { interface, label, stats, .. }) in gone {
                // Without a link there was no interface: a daemon of another namespace, or a dead one.
                let (netns, Ok(ifindex)) = identity.clone() else { continue };
                self.gone.drain(..self.gone.len().saturating_sub(REMEMBERED - 1));
                self.gone.push_back(Gone { identity, interface: interface.clone(), stats });
                links.push(Event {
                    timestamp: snapshot.timestamp,
                    netns,
                    interface,
                    ifindex: Some(ifindex),
                    network: label,
                    what: What::InterfaceRemoved,
                });
            }
            for network in came.into_iter().filter(|network| network.ifindex.is_some()) {
                links.push(event(snapshot, network, What::InterfaceAdded));
                let is_namesake =
                    |gone: &Gone| (&gone.identity.0, &gone.interface) == (&network.netns, &network.interface);
                let Some(place) = self.gone.iter().rposition(is_namesake) else { continue };
                // It may be the same link, that was out of the scope for a while: by another name, say.
                let is_reset = self.gone.remove(place).is_some_and(|gone| {
                    gone.identity != identity(network) || has_gone_back(&gone.stats, &network.stats)
                });
                if is_reset {
                    links.push(event(snapshot, network, What::CounterReset(None)));
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

    /// A finding is the same as long as rule, network and severity are; its numbers may change.
    fn compare_findings(&mut self, snapshot: &Snapshot, findings: &[Finding], events: &mut Vec<Event>) {
        let is_same = |a: &Finding, b: &Finding| {
            (a.id, a.severity, &a.netns, &a.interface) == (b.id, b.severity, &b.netns, &b.interface)
        };
        let of = |finding: &Finding, what: What| {
            let network = snapshot.networks.iter().find(|network| finding.concerns(network));
            Event {
                timestamp: snapshot.timestamp,
                netns: finding.netns.clone(),
                interface: finding.interface.clone(),
                ifindex: network.and_then(|network| network.ifindex),
                network: network.map_or_else(|| finding.interface.text(), Network::label).into_owned(),
                what,
            }
        };
        // What cannot be seen is not known to be over.
        let is_unseen = |old: &Finding| match snapshot.networks.iter().find(|network| old.concerns(network)) {
            Some(network) => network.peers.is_none() && !old.peers.is_empty(),
            None => is_out_of_sight(snapshot, old.netns.as_deref()),
        };
        let before = std::mem::replace(&mut self.findings, findings.to_vec());
        for gone in before.iter().filter(|old| !findings.iter().any(|new| is_same(old, new))) {
            if is_unseen(gone) {
                self.findings.push(gone.clone());
            } else {
                events.push(of(gone, What::FindingCleared(gone.clone())));
            }
        }
        for raised in findings.iter().filter(|new| !before.iter().any(|old| is_same(old, new))) {
            events.push(of(raised, What::FindingRaised(raised.clone())));
        }
    }
}

impl Known {
    fn new(network: &Network) -> Self {
        Self { interface: network.interface.clone(), label: String::new(), stats: network.stats.clone(), peers: None }
    }

    /// Compares with the network as it is now, and takes that over.
    fn update(&mut self, network: &Network, now: u64, happened: &mut Vec<What>) {
        if self.interface != network.interface {
            let before = std::mem::replace(&mut self.interface, network.interface.clone());
            happened.push(What::InterfaceRenamed { before });
        }
        if has_gone_back(&self.stats, &network.stats) {
            happened.push(What::CounterReset(None));
        }
        self.stats.clone_from(&network.stats);
        self.label = network.label().into_owned();
        // Peers that could not be read are still those that were.
        if let Some(peers) = &network.peers {
            let is_first = self.peers.is_none();
            let before = happened.len();
            self.update_peers(peers, now, happened);
            if is_first {
                // Of peers that are seen for the first time nothing is known to have happened.
                happened.truncate(before);
            }
        }
    }

    fn update_peers(&mut self, peers: &[Peer], now: u64, happened: &mut Vec<What>) {
        let mut before = self.peers.take().unwrap_or_default();
        let mut now_known = HashMap::with_capacity(peers.len());
        for peer in peers {
            let who = || Who { public_key: peer.public_key, name: peer.name.clone() };
            let is_online = peer.is_online(now);
            let old = before.remove(&peer.public_key);
            if let Some(old) = &old {
                let is_reset = old.rx_bytes > peer.rx_bytes || old.tx_bytes > peer.tx_bytes;
                if is_reset {
                    happened.push(What::CounterReset(Some(who())));
                }
                if old.endpoint != peer.endpoint {
                    let (before, after) = (old.endpoint, peer.endpoint);
                    happened.push(What::EndpointChanged { peer: who(), before, after });
                }
            }
            if is_online != old.as_ref().is_some_and(|old| old.is_online) {
                happened.push(if is_online { What::PeerOnline(who()) } else { What::PeerOffline(who()) });
            }
            let KnownPeer { name, .. } = old.unwrap_or_default();
            // The name allocates; most stay as they are.
            let name = if name == peer.name { name } else { peer.name.clone() };
            let (endpoint, rx_bytes, tx_bytes) = (peer.endpoint, peer.rx_bytes, peer.tx_bytes);
            now_known.insert(peer.public_key, KnownPeer { name, is_online, endpoint, rx_bytes, tx_bytes });
        }
        self.peers = Some(now_known);
        let mut gone: Vec<(PublicKey, KnownPeer)> = before.into_iter().filter(|(_, peer)| peer.is_online).collect();
        gone.sort_by_key(|(key, _)| *key);
        happened.extend(
            gone.into_iter().map(|(public_key, KnownPeer { name, .. })| What::PeerOffline(Who { public_key, name })),
        );
    }
}

fn has_gone_back(old: &InterfaceStats, new: &InterfaceStats) -> bool {
    Counter::ALL.into_iter().any(|counter| {
        let both = old.get(counter).zip(new.get(counter));
        both.is_some_and(|(old, new)| change(old, new) == Change::Reset)
    })
}

fn event(snapshot: &Snapshot, network: &Network, what: What) -> Event {
    Event {
        timestamp: snapshot.timestamp,
        netns: network.netns.clone(),
        interface: network.interface.clone(),
        ifindex: network.ifindex,
        network: network.label().into_owned(),
        what,
    }
}

/// Whether this namespace could not be looked at as a whole.
fn is_out_of_sight(snapshot: &Snapshot, netns: Option<&str>) -> bool {
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

    /// What each look brings, by name.
    fn happened(looks: &[Snapshot]) -> Vec<Vec<&'static str>> {
        let mut tracker = Tracker::default();
        let see = |look| tracker.see(look, &[]).iter().map(|event| event.what.name()).collect();
        looks.iter().map(see).collect()
    }

    #[test]
    fn nothing_is_news_at_the_first_look() {
        let look = snapshot(vec![network(4, 7, Some(vec![peer(NOW)]))]);
        let found = findings::findings(&look);
        assert_eq!(Tracker::default().see(&look, &found), []);
    }

    #[test]
    fn first_interface_after_none_was_added() {
        let some = snapshot(vec![network(4, 7, Some(vec![peer(NOW)]))]);
        assert_eq!(happened(&[snapshot(vec![]), some]), [vec![], vec!["interface_added"]]);
    }

    #[test]
    fn interface_that_comes_back_under_another_index_starts_anew() {
        let looks = [4, 5].map(|ifindex| snapshot(vec![network(ifindex, 7, None)]));
        let expected = ["interface_removed", "interface_added", "counter_reset"];
        assert_eq!(happened(&looks)[1], expected, "though no counter went backwards");
    }

    #[test]
    fn interface_that_comes_back_after_a_while_starts_anew() {
        let back = |ifindex, packets| {
            let looks = [vec![network(4, 7, None)], vec![], vec![network(ifindex, packets, None)]].map(snapshot);
            happened(&looks)[2].clone()
        };
        assert_eq!(back(5, 9), ["interface_added", "counter_reset"]);
        assert_eq!(back(4, 6), ["interface_added", "counter_reset"]);
        assert_eq!(back(4, 9), ["interface_added"], "the same link, by another name for a while");
    }

    #[test]
    fn counters_that_go_backwards_are_a_reset() {
        let mut again = peer(NOW);
        again.rx_bytes = 499;
        let looks = [(7, peer(NOW)), (6, peer(NOW)), (6, again)]
            .map(|(packets, peer)| snapshot(vec![network(4, packets, Some(vec![peer]))]));
        let mut tracker = Tracker::default();
        let whose: Vec<What> = looks.iter().flat_map(|look| tracker.see(look, &[])).map(|event| event.what).collect();
        let who = Who { public_key: PublicKey::default(), name: None };
        assert_eq!(whose, [What::CounterReset(None), What::CounterReset(Some(who))]);
    }

    #[test]
    fn peers_that_cannot_be_read_did_not_go() {
        let peers = [Some(vec![peer(NOW)]), None, Some(vec![peer(NOW - 181)]), Some(vec![])];
        let looks = peers.map(|peers| snapshot(vec![network(4, 7, peers)]));
        let nothing: Vec<&str> = vec![];
        assert_eq!(happened(&looks), [nothing.clone(), nothing.clone(), vec!["peer_offline"], nothing]);
    }

    #[test]
    fn peers_that_could_not_be_read_at_first_did_not_come() {
        let looks = [None, Some(vec![peer(NOW)]), Some(vec![peer(NOW - 181)])];
        let looks = looks.map(|peers| snapshot(vec![network(4, 7, peers)]));
        assert_eq!(happened(&looks), [vec![], vec![], vec!["peer_offline"]]);
    }

    #[test]
    fn peer_that_is_removed_while_online_goes_offline() {
        let looks = [vec![peer(NOW)], vec![], vec![peer(NOW)]].map(|peers| snapshot(vec![network(4, 7, Some(peers))]));
        assert_eq!(happened(&looks), [vec![], vec!["peer_offline"], vec!["peer_online"]]);
    }

    #[test]
    fn namespace_that_cannot_be_looked_at_lost_nothing() {
        let netns = || Some("blue".to_owned());
        let there = snapshot(vec![Network { netns: netns(), ..network(4, 7, None) }]);
        let unseen = |code| Snapshot {
            problems: vec![Problem { code, netns: netns(), interface: None, message: String::new(), hint: None }],
            ..snapshot(vec![])
        };
        let looks = [there.clone(), unseen(Code::PermissionDenied), there, unseen(Code::NetnsNotFound)];
        let nothing: Vec<&str> = vec![];
        assert_eq!(happened(&looks), [nothing.clone(), nothing.clone(), nothing, vec!["interface_removed"]]);
    }

    #[test]
    fn daemon_that_dies_takes_its_interface_along_and_adds_none() {
        let dead = Network { ifindex: None, backend: Backend::DeadDaemon, ..network(0, 0, None) };
        let looks = [network(4, 7, None), dead].map(|network| snapshot(vec![network]));
        assert_eq!(happened(&looks)[1], ["interface_removed"]);
    }

    #[test]
    fn finding_is_the_same_while_only_its_numbers_change() {
        let look = snapshot(vec![Network { enabled: Some(false), ..network(4, 7, None) }]);
        let found = findings::findings(&look);
        assert_eq!(found.len(), 1, "the interface is down");
        let mut more = found.clone();
        more[0].count += 1;
        let mut other = found.clone();
        other[0].severity = findings::Severity::Info;
        let mut tracker = Tracker::default();
        let looks: [&[findings::Finding]; 5] = [&[], &found, &more, &other, &[]];
        let names = looks.map(|found| {
            let events = tracker.see(&look, found);
            events.iter().map(|event| event.what.name()).collect::<Vec<&str>>()
        });
        let (raised, cleared) = ("finding_raised", "finding_cleared");
        let nothing = vec![];
        assert_eq!(names, [nothing.clone(), vec![raised], nothing, vec![cleared, raised], vec![cleared]]);
    }
}
