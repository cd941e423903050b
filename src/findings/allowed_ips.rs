//! Compares allowed-ips as sets of addresses: those inside another peer's, and routes that no peer covers.

use super::RuleId;
use super::peer_set::PeerSet;
use crate::model::{AllowedIp, Peer, Route};

/// Returns the peers with an allowed-ip inside another peer's. Sorted by address and then by length, a prefix comes after all
/// prefixes that contain it, and those that are still open form a stack.
pub(super) fn overlaps(peers: &[Peer]) -> PeerSet<'_> {
    let mut all: Vec<(bool, u128, u8, u128, usize)> = Vec::new();
    for (index, peer) in peers.iter().enumerate() {
        all.extend(peer.allowed_ips.iter().map(|ip| {
            let (first, last) = ip.range().into_inner();
            (ip.address.is_ipv6(), first, ip.prefix, last, index)
        }));
    }
    all.sort_unstable();
    // A daemon may list a prefix a million times. Without duplicates the stack is at most as deep as prefixes are long.
    all.dedup();
    let mut inside = vec![false; peers.len()];
    let mut containing: Vec<(bool, u128, usize)> = Vec::new();
    for (v6, first, _, last, index) in all {
        while containing.pop_if(|outer| outer.0 != v6 || outer.1 < first).is_some() {}
        if let Some(mark) = inside.get_mut(index) {
            *mark |= containing.iter().any(|outer| outer.2 != index);
        }
        containing.push((v6, last, index));
    }
    let mut overlapping = PeerSet::new(RuleId::AllowedIpsOverlap);
    peers.iter().zip(inside).filter(|(_, inside)| *inside).for_each(|(peer, _)| overlapping.add(peer));
    overlapping
}

/// Returns the routes with an address that is in no peer's allowed-ips, without the kernel's own IPv6 routes (link-local and
/// multicast).
pub(super) fn uncovered<'a>(routes: &'a [Route], peers: &[Peer]) -> Vec<&'a Route> {
    routes
        .iter()
        .filter(|route| {
            let (mut next, last) = route.destination.range().into_inner();
            let v6 = route.destination.address.is_ipv6();
            let mut covered: Vec<(u128, u128)> = peers
                .iter()
                .flat_map(|peer| &peer.allowed_ips)
                .filter(|ip| ip.address.is_ipv6() == v6)
                .map(|ip| ip.range().into_inner())
                .filter(|(first, end)| *end >= next && *first <= last)
                .collect();
            covered.sort_unstable();
            for (first, end) in covered {
                if first > next {
                    break;
                }
                // There is no address after the last one.
                match end.checked_add(1) {
                    Some(after) => next = next.max(after),
                    None => return false,
                }
            }
            next <= last && !is_link_local(route.destination)
        })
        .collect()
}

/// Returns whether the two have an address in common.
pub(super) fn overlap(one: AllowedIp, other: AllowedIp) -> bool {
    let ((first, last), (other_first, other_last)) = (one.range().into_inner(), other.range().into_inner());
    one.address.is_ipv6() == other.address.is_ipv6() && first <= other_last && other_first <= last
}

/// Returns whether it is an IPv6 prefix for one link or for multicast.
fn is_link_local(ip: AllowedIp) -> bool {
    match ip.address {
        std::net::IpAddr::V6(address) => address.is_unicast_link_local() || address.is_multicast(),
        std::net::IpAddr::V4(_) => false,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{Network, PublicKey};

    pub(in super::super) fn ips(list: &str) -> impl Iterator<Item = AllowedIp> {
        list.split_whitespace().map(|ip| {
            let (address, prefix) = ip.split_once('/').unwrap();
            AllowedIp { address: address.parse().unwrap(), prefix: prefix.parse().unwrap() }
        })
    }

    pub(in super::super) fn peer(number: u8, allowed_ips: &str) -> Peer {
        Peer { public_key: PublicKey([number; 32]), allowed_ips: ips(allowed_ips).collect(), ..Peer::default() }
    }

    #[test]
    fn overlap_is_one_peers_prefix_within_anothers() {
        let overlapping = |lists: &[&str]| {
            let peers: Vec<Peer> = (1..).zip(lists).map(|(number, list)| peer(number, list)).collect();
            let found = overlaps(&peers).finding(&Network::default());
            let keys = found.into_iter().flat_map(|finding| finding.peers);
            format!("{:?}", keys.map(|key| key.0[0]).collect::<Vec<u8>>())
        };
        assert_eq!(overlapping(&["0.0.0.0/0 ::/0", "10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"]), "[2, 3, 4]");
        assert_eq!(overlapping(&["10.0.0.0/8 10.1.0.0/16", "11.0.0.0/8"]), "[]", "a peer's own prefix does not count");
        let repeated = "10.0.0.0/8 ".repeat(200_000);
        assert_eq!(overlapping(&[&repeated, "10.0.0.1/32"]), "[2]", "it takes hours if duplicates are compared");
        assert_eq!(overlapping(&["10.0.0.0/24", "10.0.1.0/24", "10.0.2.1/32"]), "[]");
        // The prefix in between must not hide the outer one.
        assert_eq!(overlapping(&["10.0.0.0/8", "10.1.0.0/16", "10.2.0.1/32"]), "[2, 3]");
        // The same bits in another family.
        assert_eq!(overlapping(&["a00::/8", "10.0.0.0/16"]), "[]");
    }

    #[test]
    fn route_is_covered_by_peers_together() {
        let left = |routes: &str, lists: &[&str]| {
            let routes: Vec<Route> =
                ips(routes).map(|destination| Route { destination, is_connected: false }).collect();
            let peers: Vec<Peer> = (1..).zip(lists).map(|(number, list)| peer(number, list)).collect();
            uncovered(&routes, &peers).iter().map(|route| route.destination.to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(left("10.0.0.0/24", &["10.0.0.0/24"]), "");
        assert_eq!(left("10.0.0.0/24", &["10.0.0.0/25", "10.0.0.128/25"]), "");
        assert_eq!(left("10.0.0.0/24", &["10.0.0.0/25", "10.0.0.129/32"]), "10.0.0.0/24");
        assert_eq!(left("10.0.0.0/24", &["10.0.0.1/32"]), "10.0.0.0/24");
        assert_eq!(left("0.0.0.0/0 ::/0", &["0.0.0.0/1 128.0.0.0/1", "::/0"]), "");
        assert_eq!(left("0.0.0.0/0 ::/0", &["0.0.0.0/0"]), "::/0");
        assert_eq!(left("fe80::/64 ff00::/8 fd00::/64", &[]), "fd00::/64");
        assert_eq!(left("255.255.255.0/24 ffff::/16", &["255.255.255.0/24", "ffff::/16"]), "");
    }
}
