//! What is wrong with the peers of a network, as far as one look can tell.

use std::net::IpAddr;

use super::{Finding, finding};
use crate::model::{Network, Peer};

/// How many peers a finding names; it counts them all.
const NAMED: usize = 20;
/// A healthy peer with keepalive shakes hands within its keepalive and this many seconds (measured: 186 s with 25, 194 s with
/// 60, 315 s with 300).
const STALE_SECONDS: u64 = 195;
/// RFC 8200.
const IPV6_MINIMUM_MTU: u32 = 1280;

/// Adds what one look can tell.
pub(super) fn judge(network: &Network, now: u64, found: &mut Vec<Finding>) {
    let Some(peers) = &network.peers else { return };
    let mut unreachable = Of::new("peer_unreachable");
    let mut stale = Of::new("peer_stale");
    let mut never_seen = Of::new("peer_never_seen");
    let mut without_ips = Of::new("peer_without_allowed_ips");
    let (mut has_ipv6, mut only_hosts) = (false, true);
    for peer in peers {
        match peer.last_handshake {
            None if peer.endpoint.is_none() => never_seen.add(peer),
            None if peer.tx_bytes > 0 => unreachable.add(peer),
            Some(then) if is_stale(peer, now.saturating_sub(then)) => stale.add(peer),
            _ => {}
        }
        if peer.allowed_ips.is_empty() {
            without_ips.add(peer);
        }
        for ip in &peer.allowed_ips {
            let v6 = ip.address.is_ipv6();
            has_ipv6 |= v6;
            only_hosts &= ip.prefix == if v6 { 128 } else { 32 };
        }
    }
    // Single addresses cannot contain each other, and the kernel gives each to one peer only.
    let overlapped = if only_hosts { Of::new(OVERLAP) } else { overlaps(peers) };
    for of in [unreachable, stale, never_seen, without_ips, overlapped] {
        found.extend(of.finding(network));
    }
    if has_ipv6 && let Some(mtu) = network.mtu.filter(|&mtu| mtu < IPV6_MINIMUM_MTU) {
        found.push(Finding {
            value: Some(mtu.into()),
            unit: Some("bytes"),
            ..finding("mtu_below_ipv6_minimum", network)
        });
    }
}

/// Without keepalive any age may just be idle.
fn is_stale(peer: &Peer, handshake_age: u64) -> bool {
    peer.persistent_keepalive > 0 && handshake_age > STALE_SECONDS + u64::from(peer.persistent_keepalive)
}

const OVERLAP: &str = "allowed_ips_overlap";

/// The peers that a rule holds for.
struct Of<'a> {
    id: &'static str,
    count: u64,
    named: Vec<&'a Peer>,
}

impl<'a> Of<'a> {
    fn new(id: &'static str) -> Self {
        Self { id, count: 0, named: Vec::new() }
    }

    fn add(&mut self, peer: &'a Peer) {
        self.count += 1;
        if self.named.len() < NAMED {
            self.named.push(peer);
        }
    }

    fn finding(self, network: &Network) -> Option<Finding> {
        let first = self.named.first()?;
        let base = finding(self.id, network);
        Some(Finding {
            count: self.count,
            value: Some(self.count),
            unit: Some("peers"),
            summary: match self.count {
                1 => format!("peer {}: {}", first.public_key, base.summary),
                count => format!("{count} peers: {}", base.summary),
            },
            remedy: base.remedy.replace("PEER", &first.public_key.to_string()),
            peers: self.named.iter().map(|peer| peer.public_key).collect(),
            ..base
        })
    }
}

/// The peers with an allowed-ip that lies within another peer's. Sorted by address and then by length, a prefix comes
/// after all that contain it, and those that still do form a stack.
fn overlaps(peers: &[Peer]) -> Of<'_> {
    let mut all: Vec<(bool, u128, u8, usize)> = Vec::new();
    for (place, peer) in peers.iter().enumerate() {
        all.extend(
            peer.allowed_ips.iter().map(|ip| (ip.address.is_ipv6(), left_aligned(ip.address), ip.prefix, place)),
        );
    }
    all.sort_unstable();
    let mut inside = vec![false; peers.len()];
    let mut containing: Vec<(bool, u128, u8, usize)> = Vec::new();
    for entry in all {
        let (v6, address, _, place) = entry;
        while containing.pop_if(|last| last.0 != v6 || !contains(last.1, last.2, address)).is_some() {}
        if let Some(mark) = inside.get_mut(place) {
            *mark |= containing.iter().any(|outer| outer.3 != place);
        }
        containing.push(entry);
    }
    let mut of = Of::new(OVERLAP);
    peers.iter().zip(inside).filter(|(_, inside)| *inside).for_each(|(peer, _)| of.add(peer));
    of
}

/// Whether the network holds the address, both with their first bit at the top.
fn contains(network: u128, prefix: u8, address: u128) -> bool {
    let ignored = 128_u32.saturating_sub(prefix.into());
    (network ^ address).checked_shr(ignored).unwrap_or(0) == 0
}

fn left_aligned(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AllowedIp, PublicKey};

    const NOW: u64 = 1_700_000_000;

    fn ips(list: &str) -> impl Iterator<Item = AllowedIp> {
        list.split_whitespace().map(|ip| {
            let (address, prefix) = ip.split_once('/').unwrap();
            AllowedIp { address: address.parse().unwrap(), prefix: prefix.parse().unwrap() }
        })
    }

    fn peer(number: u8, allowed_ips: &str) -> Peer {
        Peer { public_key: PublicKey([number; 32]), allowed_ips: ips(allowed_ips).collect(), ..Peer::default() }
    }

    fn judged(peers: Vec<Peer>, mtu: u32) -> Vec<(&'static str, u64)> {
        let network = Network { interface: "wg0".into(), peers: Some(peers), mtu: Some(mtu), ..Network::default() };
        let mut found = Vec::new();
        judge(&network, NOW, &mut found);
        found.iter().map(|finding| (finding.id, finding.count)).collect()
    }

    fn one(change: impl FnOnce(&mut Peer)) -> Vec<(&'static str, u64)> {
        let mut peer = Peer { endpoint: Some(([192, 0, 2, 1], 51820).into()), ..peer(1, "10.9.0.2/32") };
        change(&mut peer);
        judged(vec![peer], 1420)
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
    fn peer_without_allowed_ips_is_named_in_the_remedy() {
        let network = Network { interface: "wg0".into(), peers: Some(vec![peer(1, "")]), ..Network::default() };
        let mut found = Vec::new();
        judge(&network, NOW, &mut found);
        let finding = found.iter().find(|finding| finding.id == "peer_without_allowed_ips").unwrap();
        let key = PublicKey([1; 32]);
        assert_eq!(finding.remedy, format!("wg set wg0 peer {key} allowed-ips ADDRESS/PREFIX"));
        assert_eq!(finding.peers, [key]);
    }

    #[test]
    fn overlap_is_one_peers_prefix_within_anothers() {
        let overlapping = |lists: &[&str]| {
            let peers: Vec<Peer> = (1..).zip(lists).map(|(number, list)| peer(number, list)).collect();
            let of = overlaps(&peers);
            format!("{:?}", of.named.iter().map(|peer| peer.public_key.0[0]).collect::<Vec<u8>>())
        };
        assert_eq!(overlapping(&["0.0.0.0/0 ::/0", "10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"]), "[2, 3, 4]");
        assert_eq!(overlapping(&["10.0.0.0/8 10.1.0.0/16", "11.0.0.0/8"]), "[]", "one's own does not count");
        assert_eq!(overlapping(&["10.0.0.0/24", "10.0.1.0/24", "10.0.2.1/32"]), "[]");
        // The sibling in between must not hide the container.
        assert_eq!(overlapping(&["10.0.0.0/8", "10.1.0.0/16", "10.2.0.1/32"]), "[2, 3]");
        // The same bits in another family.
        assert_eq!(overlapping(&["a00::/8", "10.0.0.0/16"]), "[]");
    }

    #[test]
    fn small_mtu_matters_only_with_ipv6() {
        assert_eq!(judged(vec![peer(1, "10.9.0.2/32")], 1200), [("peer_never_seen", 1)]);
        assert_eq!(judged(vec![peer(1, "fd00::2/128")], 1200), [("peer_never_seen", 1), ("mtu_below_ipv6_minimum", 1)]);
        assert_eq!(judged(vec![peer(1, "fd00::2/128")], 1280), [("peer_never_seen", 1)]);
    }

    #[test]
    fn finding_names_twenty_peers_and_counts_all() {
        let network =
            Network { peers: Some((0..50).map(|number| peer(number, "10.9.0.2/32")).collect()), ..Network::default() };
        let mut found = Vec::new();
        judge(&network, NOW, &mut found);
        assert_eq!((found[0].count, found[0].peers.len()), (50, 20));
    }
}
