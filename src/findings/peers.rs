//! Evaluates the peers of a network.

use std::collections::HashMap;

use super::allowed_ips::overlaps;
use super::network_view::NetworkView;
use super::peer_set::PeerSet;
use super::{Finding, RuleId};
use crate::model::{Backend, Network, ONLINE_SECONDS, Peer, PublicKey};

/// A healthy peer with keepalive has a handshake within its keepalive plus this many seconds (measured: 186 s with 25, 194 s
/// with 60, 315 s with 300).
const STALE_SECONDS: u64 = 195;
/// The smallest MTU for IPv6, in bytes (RFC 8200).
pub(super) const IPV6_MINIMUM_MTU: u32 = 1280;
/// A handshake without a reply is retried a little more than every five seconds. Below this interval one may be under way.
const UNANSWERED_SECONDS: f64 = 6.0;
/// A peer that receives data answers within ten seconds, at least with a keepalive; the sender retries after fifteen. One-way
/// traffic needs a longer interval than that.
const ONE_WAY_SECONDS: f64 = 20.0;
/// The time between two handshake attempts.
const RETRY_SECONDS: f64 = 5.0;
/// Sizes of messages without data, in bytes.
const KEEPALIVE: f64 = 32.0;
const INITIATION: f64 = 148.0;
const RESPONSE: u64 = 92;

/// Adds what is wrong with the peers. A peer is `explained` where another finding already says why it is offline.
pub(super) fn evaluate(view: &NetworkView<'_>, explained: &[bool], found: &mut Vec<Finding>) {
    let network = view.network;
    let Some(peers) = &network.peers else { return };
    let mut unreachable = PeerSet::new(RuleId::PeerUnreachable);
    let mut stale = PeerSet::new(RuleId::PeerStale);
    let mut one_way = PeerSet::new(RuleId::OneWayTraffic);
    let mut never_seen = PeerSet::new(RuleId::PeerNeverSeen);
    let mut without_ips = PeerSet::new(RuleId::PeerWithoutAllowedIps);
    let baseline = PeerBaseline::of(view);
    let mut only_hosts = true;
    for (index, peer) in peers.iter().enumerate() {
        let is_explained = view.is_down() || explained.get(index).is_some_and(|&explained| explained);
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
                let Some(baseline) = &baseline else { continue };
                if baseline.is_unanswered(peer, age) {
                    unreachable.add(peer);
                } else if age <= ONLINE_SECONDS && baseline.is_one_way(network, peer) {
                    one_way.add(peer);
                }
            }
            None => {}
        }
    }
    // Single addresses cannot contain each other, and the kernel assigns each to one peer only.
    let overlapping = (!only_hosts).then(|| overlaps(peers));
    for set in [unreachable, stale, one_way, never_seen, without_ips].into_iter().chain(overlapping) {
        found.extend(set.finding(network).map(|finding| fill_this_end(finding, network)));
    }
    if is_below_ipv6_minimum(network) {
        found.push(Finding {
            value: network.mtu.map(u64::from),
            unit: Some("bytes"),
            summary: format!(
                "mtu {} is below {IPV6_MINIMUM_MTU}, the minimum for IPv6, but allowed-ips contain IPv6",
                network.mtu.unwrap_or_default()
            ),
            ..Finding::new(RuleId::MtuBelowIpv6Minimum, network)
        });
    }
}

/// Fills in this host's key and port.
fn fill_this_end(mut finding: Finding, network: &Network) -> Finding {
    if let Some(key) = network.public_key {
        finding = finding.fill("OWN-KEY", &key.to_string());
    }
    match network.listen_port {
        Some(port) if port != 0 => finding.fill("LISTEN-PORT", &port.to_string()),
        _ => finding,
    }
}

/// Returns whether the MTU is too small for IPv6, and some peer uses IPv6.
pub(super) fn is_below_ipv6_minimum(network: &Network) -> bool {
    network.mtu.is_some_and(|mtu| mtu < IPV6_MINIMUM_MTU) && has_ipv6(network)
}

/// Returns whether some peer uses IPv6 in the tunnel.
pub(super) fn has_ipv6(network: &Network) -> bool {
    network.peers.iter().flatten().flat_map(|peer| &peer.allowed_ips).any(|ip| ip.address.is_ipv6())
}

/// Returns whether the last handshake is older than keepalive allows. Without keepalive, on this end or (as far as known) on the
/// other, an old handshake may just mean that the peer is idle.
fn is_stale(peer: &Peer, handshake_age: u64) -> bool {
    let keepalive = match (peer.persistent_keepalive, peer.expected_keepalive) {
        (0, expected) => expected,
        (own, 0) => own,
        (own, expected) => own.min(expected),
    };
    keepalive > 0 && handshake_age > STALE_SECONDS + u64::from(keepalive)
}

/// Holds the peers of the samples before.
struct PeerBaseline<'a> {
    seconds: f64,
    before: HashMap<PublicKey, &'a Peer>,
    between: HashMap<PublicKey, &'a Peer>,
}

impl<'a> PeerBaseline<'a> {
    /// Creates it; `None` where the interval is too short for any rule. A map costs random numbers from the kernel.
    fn of(view: &NetworkView<'a>) -> Option<Self> {
        let past = view.past.filter(|past| past.seconds >= UNANSWERED_SECONDS)?;
        let by_key = |network: Option<&'a Network>| -> HashMap<PublicKey, &'a Peer> {
            let peers = network.and_then(|network| network.peers.as_deref()).unwrap_or_default();
            peers.iter().map(|peer| (peer.public_key, peer)).collect()
        };
        Some(Self { seconds: past.seconds, before: by_key(Some(past.network)), between: by_key(past.between) })
    }

    /// Returns whether handshake attempts got no reply: the session was dead at the sample before already, so everything that was
    /// sent since is a handshake.
    fn is_unanswered(&self, peer: &Peer, handshake_age: u64) -> bool {
        let was_dead = handshake_age as f64 > ONLINE_SECONDS as f64 + self.seconds;
        was_dead
            && peer.endpoint.is_some()
            && self.before.get(&peer.public_key).is_some_and(|old| peer.tx_bytes > old.tx_bytes)
    }

    /// Returns whether data was sent, and at most replies to handshakes came back.
    fn is_one_way(&self, network: &Network, peer: &Peer) -> bool {
        let Some(old) = self.before.get(&peer.public_key) else { return false };
        let growth = |old: u64, new: u64| new.checked_sub(old);
        let Some((received, sent)) = growth(old.rx_bytes, peer.rx_bytes).zip(growth(old.tx_bytes, peer.tx_bytes))
        else {
            return false;
        };
        // Daemons count differently.
        if network.backend != Backend::Kernel
            || self.seconds < ONE_WAY_SECONDS
            || !carries_data(peer, sent, self.seconds)
        {
            return false;
        }
        // One or two replies cannot be the sum of other messages; three could be four keepalives and an initiation.
        if received != 0 && received != RESPONSE && received != 2 * RESPONSE {
            return false;
        }
        // The reply to the newest data may still be under way.
        let early = self.between.get(&peer.public_key).and_then(|between| growth(old.tx_bytes, between.tx_bytes));
        early.is_some_and(|early| carries_data(peer, early, self.seconds))
    }
}

/// Returns whether this many bytes in this time are more than keepalives and handshakes.
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

    fn evaluated(peers: Vec<Peer>, mtu: u32) -> Vec<(RuleId, u64)> {
        findings(&snapshot(peers, mtu)).iter().map(|finding| (finding.id, finding.count)).collect()
    }

    #[test]
    fn keepalive_of_either_end_makes_a_peer_stale() {
        let old = |age, own, expected| {
            let peer = called(|peer| {
                peer.last_handshake = Some(NOW - age);
                (peer.persistent_keepalive, peer.expected_keepalive) = (own, expected);
            });
            evaluated(vec![peer], 1420)
        };
        let stale = [(RuleId::PeerStale, 1)];
        assert_eq!(old(195 + 26, 0, 25), stale);
        assert_eq!(old(195 + 25, 0, 25), []);
        assert_eq!(old(195 + 26, 0, 0), [], "it may be idle");
        assert_eq!(old(195 + 26, 300, 25), stale, "the shorter one counts");
        assert_eq!(old(195 + 26, 25, 300), stale);
    }

    #[test]
    fn ignored_peer_has_no_findings() {
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

    fn one(change: impl FnOnce(&mut Peer)) -> Vec<(RuleId, u64)> {
        evaluated(vec![called(change)], 1420)
    }

    #[test]
    fn peer_that_never_replies_is_unreachable_and_one_never_tried_is_not() {
        assert_eq!(one(|peer| peer.tx_bytes = 148), [(RuleId::PeerUnreachable, 1)]);
        assert_eq!(one(|_| ()), []);
    }

    #[test]
    fn peer_without_endpoint_was_never_seen() {
        assert_eq!(one(|peer| peer.endpoint = None), [(RuleId::PeerNeverSeen, 1)]);
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
            assert_eq!(aged(196 + u64::from(keepalive)), [(RuleId::PeerStale, 1)]);
        }
        assert_eq!(one(|peer| peer.last_handshake = Some(1)), []);
    }

    #[test]
    fn interface_that_is_down_explains_silent_peers() {
        let mut snapshot = snapshot(vec![called(|peer| peer.tx_bytes = 148)], 1420);
        snapshot.networks[0].enabled = Some(false);
        assert_eq!(findings(&snapshot).iter().map(|finding| finding.id).collect::<Vec<_>>(), [RuleId::InterfaceDown]);
    }

    /// Returns what is found about a peer with a handshake of this age, with these bytes sent and received in this time. The second
    /// number of `sent` is what was sent until ten seconds before the end.
    fn over(seconds: f64, age: u64, keepalive: u16, sent: (u64, u64), received: u64) -> Vec<RuleId> {
        let at = |tx_bytes, rx_bytes| {
            let peer = called(|peer| {
                (peer.tx_bytes, peer.rx_bytes) = (tx_bytes, rx_bytes);
                (peer.persistent_keepalive, peer.last_handshake) = (keepalive, Some(NOW - age));
            });
            snapshot(vec![peer], 1420)
        };
        let (before, between, now) = (at(1000, 1000), at(1000 + sent.1, 1000), at(1000 + sent.0, 1000 + received));
        let input = DiagnosisInput { now: &now, before: Some(&before), seconds, between: Some(&between), limits: &[] };
        diagnose(&input).iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn old_peer_that_does_not_reply_is_unreachable() {
        assert_eq!(over(6.0, 187, 0, (148, 0), 0), [RuleId::PeerUnreachable]);
        assert_eq!(over(5.9, 187, 0, (148, 0), 0), [], "an attempt may be under way");
        assert_eq!(over(6.0, 187, 0, (0, 0), 0), [], "idle");
        assert_eq!(over(6.0, 186, 0, (148, 0), 0), [], "its session was alive");
        // Five minutes: it had a handshake, received something, and is idle since.
        assert_eq!(over(300.0, 200, 0, (5000, 0), 3000), []);
    }

    #[test]
    fn data_without_an_answer_is_one_way() {
        // Pings of 128 bytes, one a second, for 25 seconds.
        assert_eq!(over(25.0, 60, 0, (25 * 128, 14 * 128), 0), [RuleId::OneWayTraffic]);
        assert_eq!(over(19.0, 60, 0, (25 * 128, 14 * 128), 0), [], "the interval is too short");
        assert_eq!(over(25.0, 60, 0, (25 * 128, 14 * 128), 32), [], "a keepalive answered");
        assert_eq!(over(25.0, 60, 0, (11 * 128, 0), 0), [], "the answer may be under way");
        // Keepalives are not answered.
        assert_eq!(over(100.0, 60, 25, (4 * 32, 3 * 32), 0), []);
        // Handshakes are answered, and data is not.
        assert_eq!(over(40.0, 10, 0, (40 * 128, 28 * 128), 2 * 92), [RuleId::OneWayTraffic]);
        assert_eq!(over(40.0, 10, 0, (40 * 128, 0), 92), [], "the first handshake, and data just now");
        assert_eq!(
            over(40.0, 10, 0, (40 * 128, 28 * 128), 4 * 32 + 148),
            [],
            "keepalives, and the peer's own handshake"
        );
    }

    #[test]
    fn peer_without_allowed_ips_is_named_in_the_remedy() {
        let found = findings(&snapshot(vec![peer(1, "")], 1420));
        let finding = found.iter().find(|finding| finding.id == RuleId::PeerWithoutAllowedIps).unwrap();
        let key = PublicKey([1; 32]);
        let command = finding.remedy.split("  # ").next().unwrap();
        assert_eq!(command, format!("wg set wg0 peer {key} allowed-ips ADDRESS/PREFIX"));
        assert_eq!(finding.peers, [key]);
    }

    #[test]
    fn small_mtu_matters_only_with_ipv6() {
        assert_eq!(evaluated(vec![peer(1, "10.9.0.2/32")], 1200), [(RuleId::PeerNeverSeen, 1)]);
        assert_eq!(
            evaluated(vec![peer(1, "fd00::2/128")], 1200),
            [(RuleId::PeerNeverSeen, 1), (RuleId::MtuBelowIpv6Minimum, 1)]
        );
        assert_eq!(evaluated(vec![peer(1, "fd00::2/128")], 1280), [(RuleId::PeerNeverSeen, 1)]);
    }

    #[test]
    fn finding_names_twenty_peers_and_counts_all() {
        let found = findings(&snapshot((0..50).map(|number| peer(number, "10.9.0.2/32")).collect(), 1420));
        assert_eq!((found[0].count, found[0].peers.len()), (50, 20));
    }
}
