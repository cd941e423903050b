//! What is wrong with the peers of a network.

use std::collections::HashMap;

use super::allowed_ips::overlaps;
use super::network_view::NetworkView;
use super::{Finding, PeerSet, finding};
use crate::model::{Backend, Network, ONLINE_SECONDS, Peer, PublicKey};

/// A healthy peer with keepalive shakes hands within its keepalive and this many seconds (measured: 186 s with 25, 194 s with
/// 60, 315 s with 300).
const STALE_SECONDS: u64 = 195;
/// RFC 8200.
pub(super) const IPV6_MINIMUM_MTU: u32 = 1280;
/// A handshake that is not answered is tried again every five seconds and a little.
const UNANSWERED_SECONDS: f64 = 6.0;
/// Whoever receives data answers within ten seconds, if only with a keepalive; whoever sends asks after fifteen.
const ONE_WAY_SECONDS: f64 = 20.0;
const RETRY_SECONDS: f64 = 5.0;
/// Bytes of messages that carry no data.
const KEEPALIVE: f64 = 32.0;
const INITIATION: f64 = 148.0;
const RESPONSE: u64 = 92;

/// Adds what is wrong. Where a finding of another kind `explains` that a peer is out of touch, that is enough.
pub(super) fn evaluate(view: &NetworkView<'_>, explained: &[bool], found: &mut Vec<Finding>) {
    let network = view.network;
    let Some(peers) = &network.peers else { return };
    let mut unreachable = PeerSet::new("peer_unreachable");
    let mut stale = PeerSet::new("peer_stale");
    let mut one_way = PeerSet::new("one_way_traffic");
    let mut never_seen = PeerSet::new("peer_never_seen");
    let mut without_ips = PeerSet::new("peer_without_allowed_ips");
    let former = PeerBaseline::of(view);
    let mut only_hosts = true;
    for (place, peer) in peers.iter().enumerate() {
        let is_explained = view.is_down() || explained.get(place).is_some_and(|&explained| explained);
        if peer.allowed_ips.is_empty() {
            without_ips.add(peer);
        }
        only_hosts &= peer.allowed_ips.iter().all(|ip| ip.prefix == if ip.address.is_ipv6() { 128 } else { 32 });
        match peer.handshake_age(view.now) {
            None if peer.endpoint.is_none() => never_seen.add(peer),
            _ if is_explained => {}
            None if peer.tx_bytes > 0 => unreachable.add(peer),
            Some(age) if is_stale(peer, age) => stale.add(peer),
            Some(age) => {
                let Some(former) = &former else { continue };
                if former.is_called_in_vain(peer, age) {
                    unreachable.add(peer);
                } else if age <= ONLINE_SECONDS && former.is_one_way(network, peer) {
                    one_way.add(peer);
                }
            }
            None => {}
        }
    }
    // Single addresses cannot contain each other, and the kernel gives each to one peer only.
    let overlapped = if only_hosts { PeerSet::new(OVERLAP) } else { overlaps(OVERLAP, peers) };
    for of in [unreachable, stale, one_way, never_seen, without_ips, overlapped] {
        found.extend(of.finding(network).map(|finding| about_this_end(finding, network)));
    }
    if is_below_ipv6_minimum(network) {
        found.push(Finding {
            value: network.mtu.map(u64::from),
            unit: Some("bytes"),
            ..finding("mtu_below_ipv6_minimum", network)
        });
    }
}

/// Fills in what the peer has to know of this host.
fn about_this_end(mut finding: Finding, network: &Network) -> Finding {
    if let Some(key) = network.public_key {
        finding = finding.with("OWN-KEY", &key.to_string());
    }
    match network.listen_port {
        Some(port) if port != 0 => finding.with("LISTEN-PORT", &port.to_string()),
        _ => finding,
    }
}

const OVERLAP: &str = "allowed_ips_overlap";

/// Whether IPv6 is meant to pass, and cannot.
pub(super) fn is_below_ipv6_minimum(network: &Network) -> bool {
    network.mtu.is_some_and(|mtu| mtu < IPV6_MINIMUM_MTU) && has_ipv6(network)
}

/// Whether IPv6 is meant to pass.
pub(super) fn has_ipv6(network: &Network) -> bool {
    network.peers.iter().flatten().flat_map(|peer| &peer.allowed_ips).any(|ip| ip.address.is_ipv6())
}

/// Without keepalive, at this end or as far as is known at the other, any age may just be idle.
fn is_stale(peer: &Peer, handshake_age: u64) -> bool {
    let keepalive = match (peer.persistent_keepalive, peer.expected_keepalive) {
        (0, expected) => expected,
        (own, 0) => own,
        (own, expected) => own.min(expected),
    };
    keepalive > 0 && handshake_age > STALE_SECONDS + u64::from(keepalive)
}

/// The peers at the looks before.
struct PeerBaseline<'a> {
    seconds: f64,
    before: HashMap<PublicKey, &'a Peer>,
    between: HashMap<PublicKey, &'a Peer>,
}

impl<'a> PeerBaseline<'a> {
    /// Where there was time enough to judge by; not else, because a map takes random numbers of the kernel's.
    fn of(view: &NetworkView<'a>) -> Option<Self> {
        let past = view.past.filter(|past| past.seconds >= UNANSWERED_SECONDS)?;
        let by_key = |network: Option<&'a Network>| -> HashMap<PublicKey, &'a Peer> {
            let peers = network.and_then(|network| network.peers.as_deref()).unwrap_or_default();
            peers.iter().map(|peer| (peer.public_key, peer)).collect()
        };
        Some(Self { seconds: past.seconds, before: by_key(Some(past.network)), between: by_key(past.between) })
    }

    /// The session was dead at the look before already, so that what went out since are handshakes, and none was answered.
    fn is_called_in_vain(&self, peer: &Peer, handshake_age: u64) -> bool {
        let was_dead = handshake_age as f64 > ONLINE_SECONDS as f64 + self.seconds;
        was_dead
            && peer.endpoint.is_some()
            && self.before.get(&peer.public_key).is_some_and(|old| peer.tx_bytes > old.tx_bytes)
    }

    /// Data went out, and what came back was at most answers to handshakes.
    fn is_one_way(&self, network: &Network, peer: &Peer) -> bool {
        let Some(old) = self.before.get(&peer.public_key) else { return false };
        let growth = |old: u64, new: u64| new.checked_sub(old);
        let Some((received, sent)) = growth(old.rx_bytes, peer.rx_bytes).zip(growth(old.tx_bytes, peer.tx_bytes))
        else {
            return false;
        };
        // Daemons count other things.
        if network.backend != Backend::Kernel
            || self.seconds < ONE_WAY_SECONDS
            || !carries_data(peer, sent, self.seconds)
        {
            return false;
        }
        // One answer or two are no sum of other messages; three would be four keepalives and an initiation.
        if received != 0 && received != RESPONSE && received != 2 * RESPONSE {
            return false;
        }
        // What was sent last may not be answered yet.
        let early = self.between.get(&peer.public_key).and_then(|between| growth(old.tx_bytes, between.tx_bytes));
        early.is_some_and(|early| carries_data(peer, early, self.seconds))
    }
}

/// Whether so many bytes sent in this time are more than keepalives and handshakes.
fn carries_data(peer: &Peer, bytes: u64, seconds: f64) -> bool {
    let keepalives = match peer.persistent_keepalive {
        0 => 1.0,
        keepalive => seconds / f64::from(keepalive) + 1.0,
    };
    bytes as f64 > keepalives.ceil() * KEEPALIVE + (seconds / RETRY_SECONDS + 1.0).floor() * INITIATION
}

#[cfg(test)]
mod tests {
    use super::super::allowed_ips::tests::peer;
    use super::super::{DiagnosisInput, diagnose, findings};
    use super::*;
    use crate::model::{InterfaceStats, Snapshot};

    const NOW: u64 = 1_700_000_000;

    fn snapshot(peers: Vec<Peer>, mtu: u32) -> Snapshot {
        let network = Network {
            interface: "wg0".into(),
            ifindex: Some(4),
            backend: Backend::Kernel,
            peers: Some(peers),
            mtu: Some(mtu),
            stats: InterfaceStats::default(),
            ..Network::default()
        };
        Snapshot { timestamp: NOW, networks: vec![network], ..Snapshot::default() }
    }

    fn evaluated(peers: Vec<Peer>, mtu: u32) -> Vec<(&'static str, u64)> {
        findings(&snapshot(peers, mtu)).iter().map(|finding| (finding.id, finding.count)).collect()
    }

    #[test]
    fn peer_that_keeps_itself_alive_is_stale_as_one_that_we_keep_alive() {
        let old = |age, own, expected| {
            let peer = called(|peer| {
                peer.last_handshake = Some(NOW - age);
                (peer.persistent_keepalive, peer.expected_keepalive) = (own, expected);
            });
            evaluated(vec![peer], 1420)
        };
        let stale = [("peer_stale", 1)];
        assert_eq!(old(195 + 26, 0, 25), stale);
        assert_eq!(old(195 + 25, 0, 25), []);
        assert_eq!(old(195 + 26, 0, 0), [], "it may just be idle");
        assert_eq!(old(195 + 26, 300, 25), stale, "the one that is due first counts");
        assert_eq!(old(195 + 26, 25, 300), stale);
    }

    #[test]
    fn nothing_is_said_of_a_peer_that_is_ignored() {
        let ignored = |change: fn(&mut Peer)| {
            called(|peer| {
                change(peer);
                peer.is_ignored = true;
            })
        };
        let silent: Vec<fn(&mut Peer)> =
            vec![|peer| peer.endpoint = None, |peer| peer.tx_bytes = 148, |peer| peer.allowed_ips.clear(), |peer| {
                (peer.last_handshake, peer.persistent_keepalive) = (Some(NOW - 1000), 25);
            }];
        for change in silent {
            assert_eq!(evaluated(vec![ignored(change)], 1420), []);
            assert_eq!(evaluated(vec![called(change)], 1420).len(), 1);
        }
    }

    fn called(change: impl FnOnce(&mut Peer)) -> Peer {
        let mut peer = Peer { endpoint: Some(([192, 0, 2, 1], 51820).into()), ..peer(1, "10.9.0.2/32") };
        change(&mut peer);
        peer
    }

    fn one(change: impl FnOnce(&mut Peer)) -> Vec<(&'static str, u64)> {
        evaluated(vec![called(change)], 1420)
    }

    #[test]
    fn peer_that_never_answers_is_unreachable_and_one_never_called_is_not() {
        assert_eq!(one(|peer| peer.tx_bytes = 148), [("peer_unreachable", 1)]);
        assert_eq!(one(|_| ()), []);
    }

    #[test]
    fn peer_without_endpoint_was_never_seen() {
        assert_eq!(one(|peer| peer.endpoint = None), [("peer_never_seen", 1)]);
    }

    #[test]
    fn peer_with_keepalive_is_stale_after_its_own_time_and_one_without_never() {
        // Oracle: the ages measured on idle healthy tunnels, and one second over the limit.
        for (keepalive, healthy) in [(25, 186), (60, 194), (300, 315)] {
            let aged = |age| {
                one(|peer| {
                    peer.persistent_keepalive = keepalive;
                    peer.last_handshake = Some(NOW - age);
                })
            };
            assert_eq!(aged(healthy), []);
            assert_eq!(aged(195 + u64::from(keepalive)), []);
            assert_eq!(aged(196 + u64::from(keepalive)), [("peer_stale", 1)]);
        }
        assert_eq!(one(|peer| peer.last_handshake = Some(1)), []);
    }

    #[test]
    fn interface_that_is_down_explains_silent_peers() {
        let mut snapshot = snapshot(vec![called(|peer| peer.tx_bytes = 148)], 1420);
        snapshot.networks[0].enabled = Some(false);
        assert_eq!(findings(&snapshot).iter().map(|finding| finding.id).collect::<Vec<_>>(), ["interface_down"]);
    }

    /// What is found of a peer with a handshake of this age that sent and received so many bytes in this time; the second
    /// number is what was sent until ten seconds before the end.
    fn over(seconds: f64, age: u64, keepalive: u16, sent: (u64, u64), received: u64) -> Vec<&'static str> {
        let at = |tx_bytes, rx_bytes| {
            let peer = called(|peer| {
                (peer.tx_bytes, peer.rx_bytes) = (tx_bytes, rx_bytes);
                (peer.persistent_keepalive, peer.last_handshake) = (keepalive, Some(NOW - age));
            });
            snapshot(vec![peer], 1420)
        };
        let (before, between, now) = (at(1000, 1000), at(1000 + sent.1, 1000), at(1000 + sent.0, 1000 + received));
        let case = DiagnosisInput { now: &now, before: Some(&before), seconds, between: Some(&between), limits: &[] };
        diagnose(&case).iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn old_peer_that_is_called_without_an_answer_is_unreachable() {
        assert_eq!(over(6.0, 187, 0, (148, 0), 0), ["peer_unreachable"]);
        assert_eq!(over(5.9, 187, 0, (148, 0), 0), [""; 0], "an attempt may be under way");
        assert_eq!(over(6.0, 187, 0, (0, 0), 0), [""; 0], "idle");
        assert_eq!(over(6.0, 186, 0, (148, 0), 0), [""; 0], "its session lived");
        // Five minutes: it had a handshake, was sent something, and is idle since.
        assert_eq!(over(300.0, 200, 0, (5000, 0), 3000), [""; 0]);
    }

    #[test]
    fn data_that_nothing_answers_is_one_way() {
        // Pings of 128 bytes, one a second, for 25 seconds.
        assert_eq!(over(25.0, 60, 0, (25 * 128, 14 * 128), 0), ["one_way_traffic"]);
        assert_eq!(over(19.0, 60, 0, (25 * 128, 14 * 128), 0), [""; 0], "too short a time");
        assert_eq!(over(25.0, 60, 0, (25 * 128, 14 * 128), 32), [""; 0], "a keepalive answered");
        assert_eq!(over(25.0, 60, 0, (11 * 128, 0), 0), [""; 0], "all of it may be answered yet");
        // Keepalives are not answered.
        assert_eq!(over(100.0, 60, 25, (4 * 32, 3 * 32), 0), [""; 0]);
        // Handshakes are answered, and data is not.
        assert_eq!(over(40.0, 10, 0, (40 * 128, 28 * 128), 2 * 92), ["one_way_traffic"]);
        assert_eq!(over(40.0, 10, 0, (40 * 128, 0), 92), [""; 0], "the first handshake, and data just now");
        assert_eq!(
            over(40.0, 10, 0, (40 * 128, 28 * 128), 4 * 32 + 148),
            [""; 0],
            "keepalives, and the peer's own handshake"
        );
    }

    #[test]
    fn peer_without_allowed_ips_is_named_in_the_remedy() {
        let found = findings(&snapshot(vec![peer(1, "")], 1420));
        let finding = found.iter().find(|finding| finding.id == "peer_without_allowed_ips").unwrap();
        let key = PublicKey([1; 32]);
        let command = finding.remedy.split("  # ").next().unwrap();
        assert_eq!(command, format!("wg set wg0 peer {key} allowed-ips ADDRESS/PREFIX"));
        assert_eq!(finding.peers, [key]);
    }

    #[test]
    fn small_mtu_matters_only_with_ipv6() {
        assert_eq!(evaluated(vec![peer(1, "10.9.0.2/32")], 1200), [("peer_never_seen", 1)]);
        assert_eq!(
            evaluated(vec![peer(1, "fd00::2/128")], 1200),
            [("peer_never_seen", 1), ("mtu_below_ipv6_minimum", 1)]
        );
        assert_eq!(evaluated(vec![peer(1, "fd00::2/128")], 1280), [("peer_never_seen", 1)]);
    }

    #[test]
    fn finding_names_twenty_peers_and_counts_all() {
        let found = findings(&snapshot((0..50).map(|number| peer(number, "10.9.0.2/32")).collect(), 1420));
        assert_eq!((found[0].count, found[0].peers.len()), (50, 20));
    }
}
