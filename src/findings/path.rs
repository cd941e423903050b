//! The way of the outer packets: loops, missing routes, and what fits through.
//!
//! WireGuard sends from the namespace that created the interface, which nothing names. Where a peer is in touch although the
//! routes seen here lead nowhere, they are not the ones that are used, and nothing is said of them.

use std::net::{IpAddr, SocketAddr};

use super::network_view::NetworkView;
use super::peers::IPV6_MINIMUM_MTU;
use super::{Finding, PeerSet, finding};
use crate::model::{Detour, Host, Name, Path, Peer};

/// Header and tag of a data message, with UDP and the outer IP header.
const OVERHEAD_IPV4: u32 = 60;
const OVERHEAD_IPV6: u32 = 80;
/// Behind a router a path carries no more than Ethernet, as far as anybody can know.
const ETHERNET: u32 = 1500;
/// Bytes less than could be that are worth a word.
const NOTABLE: u32 = 100;

/// Adds what is wrong with the paths, and returns for which peers this explains that they are out of touch.
pub(super) fn evaluate(view: &NetworkView<'_>, found: &mut Vec<Finding>) -> Vec<bool> {
    let Some(env) = view.env().filter(|env| !env.paths.is_empty() && !view.is_down()) else {
        return Vec::new();
    };
    if is_elsewhere(view) {
        return Vec::new();
    }
    let peers = view.peers();
    let mut explained = vec![false; peers.len()];
    let mut looped = PeerSet::new("endpoint_loop");
    let mut unreachable = PeerSet::new("endpoint_unreachable");
    let mut detour: Option<(&Peer, &Detour)> = None;
    let mut rooms = Vec::new();
    for (peer, explained) in peers.iter().zip(&mut explained) {
        let Some((endpoint, path)) = peer.endpoint.and_then(|endpoint| Some((endpoint, env.path(endpoint)?))) else {
            continue;
        };
        match path {
            Path::Loop(way) => {
                looped.add(peer);
                detour = detour.or(way.as_ref().map(|way| (peer, way)));
                *explained = true;
            }
            Path::None => {
                unreachable.add(peer);
                *explained = true;
            }
            Path::Through { .. } if peer.is_ignored => {}
            Path::Through { .. } => rooms.extend(room(view.host, endpoint, path).map(|room| (peer, room))),
            Path::Local => {}
        }
    }
    found.extend(looped.finding(view.network).map(|base| around_the_tunnel(base, &looped, detour)));
    found.extend(unreachable.finding(view.network).map(|base| to(base, unreachable.named.first().copied())));
    found.extend(mtu(view, &rooms));
    explained
}

/// Whether some peer is in touch although the routes seen here lead nowhere: then others are used, for all peers.
fn is_elsewhere(view: &NetworkView<'_>) -> bool {
    let leads_nowhere = |peer: &Peer| {
        let path = peer.endpoint.and_then(|endpoint| view.env()?.path(endpoint));
        matches!(path, Some(Path::Loop(_) | Path::None))
    };
    view.peers().iter().any(|peer| peer.is_online(view.now) && leads_nowhere(peer))
}

/// The endpoints out of touch that are routed into the tunnel itself.
pub(super) fn loops(view: &NetworkView<'_>) -> impl Iterator<Item = IpAddr> {
    let env = view.env();
    let peers = if is_elsewhere(view) { &[] } else { view.peers() };
    peers.iter().filter_map(move |peer| {
        let endpoint = peer.endpoint?;
        matches!(env?.path(endpoint), Some(Path::Loop(_))).then_some(endpoint.ip())
    })
}

/// What fits through to one endpoint.
struct PathMtu {
    /// The largest inner packet, in bytes.
    inner: u32,
    /// The same, if nothing smaller than Ethernet lies behind the router.
    likely: u32,
    /// What the tunnel adds.
    overhead: u32,
    /// What limits it, and whether that is the link itself.
    outer: u32,
    by_link: bool,
    link: Name,
}

fn room(host: Option<&Host>, endpoint: SocketAddr, path: &Path) -> Option<PathMtu> {
    let Path::Through { ifindex, mtu, is_routed } = *path else { return None };
    let link = host?.links.get(&ifindex)?;
    let overhead = if endpoint.is_ipv4() { OVERHEAD_IPV4 } else { OVERHEAD_IPV6 };
    let advertised = if endpoint.is_ipv6() { link.ipv6_mtu } else { None };
    let outer = [link.mtu, mtu, advertised].into_iter().flatten().min()?;
    let inner = outer.saturating_sub(overhead);
    Some(PathMtu {
        inner,
        likely: if is_routed { inner.min(ETHERNET.saturating_sub(overhead)) } else { inner },
        overhead,
        outer,
        by_link: link.mtu == Some(outer),
        link: link.name.clone(),
    })
}

fn mtu(view: &NetworkView<'_>, rooms: &[(&Peer, PathMtu)]) -> Option<Finding> {
    let own = view.network.mtu?;
    let (_, least) = rooms.iter().min_by_key(|(_, room)| room.inner)?;
    let mut narrow = PeerSet::new("mtu_too_large");
    rooms.iter().filter(|(_, room)| room.inner < own).for_each(|(peer, _)| narrow.add(peer));
    if let Some(base) = narrow.finding(view.network) {
        return Some(too_large(view, base, least, own));
    }
    let likely = rooms.iter().map(|(_, room)| room.likely).min()?;
    // What is unknown of one peer's path may be less.
    let all_known = view.peers().iter().filter(|peer| peer.endpoint.is_some()).count() == rooms.len();
    (all_known && likely.saturating_sub(own) > NOTABLE).then(|| {
        let base = finding("mtu_too_small", view.network);
        Finding {
            value: Some(likely.into()),
            unit: Some("bytes"),
            summary: format!("mtu {own}, while {likely} would fit: {}", base.summary),
            ..base
        }
        .with("VALUE", &likely.to_string())
    })
}

fn too_large(view: &NetworkView<'_>, base: Finding, least: &PathMtu, own: u32) -> Finding {
    let fragments = view.grown_of_host(|host| host.fragments_created);
    let evidence = match fragments {
        0 => String::new(),
        _ => format!("; {fragments} fragments were made on this host, {}", view.period()),
    };
    let limit = if least.by_link {
        format!("{} carries", least.link)
    } else {
        format!("the route through {} allows", least.link)
    };
    let summary = format!(
        "mtu {own} is too large for the way to {} of {} peers: {} bytes fit, because {limit} {} and the tunnel adds {}{evidence}",
        base.count,
        view.peers().len(),
        least.inner,
        least.outer,
        least.overhead,
    );
    let mut finding = Finding { summary, value: Some(least.inner.into()), unit: Some("bytes"), ..base }
        .with("VALUE", &least.inner.to_string());
    if least.inner < IPV6_MINIMUM_MTU && super::peers::has_ipv6(view.network) {
        let needed = IPV6_MINIMUM_MTU + least.overhead;
        let command = if least.by_link {
            format!("ip link set dev {} mtu {needed}  ", least.link.shell_word())
        } else {
            String::new()
        };
        finding.remedy = format!(
            "{command}# IPv6 in the tunnel needs 1280, and so {needed} all the way to the endpoint; without IPv6 in it: {}",
            finding.remedy
        );
    }
    finding
}

/// A route of its own for the endpoint.
fn around_the_tunnel(base: Finding, looped: &PeerSet<'_>, detour: Option<(&Peer, &Detour)>) -> Finding {
    let Some((peer, way)) = detour else { return to(base, looped.named.first().copied()) };
    let gateway = way.gateway.map_or_else(String::new, |gateway| {
        let other = peer.endpoint.is_some_and(|endpoint| endpoint.is_ipv4()) && gateway.is_ipv6();
        format!("via {}{gateway} ", if other { "inet6 " } else { "" })
    });
    to(base, Some(peer)).with("via GATEWAY", &format!("{gateway}dev {}", way.link.shell_word()))
}

fn to(base: Finding, peer: Option<&Peer>) -> Finding {
    match peer.and_then(|peer| peer.endpoint) {
        Some(endpoint) => base.with_endpoint("ENDPOINT/BITS", endpoint, &host_prefix(endpoint)),
        None => base,
    }
}

fn host_prefix(endpoint: SocketAddr) -> String {
    format!("{}/{}", endpoint.ip(), if endpoint.is_ipv4() { 32 } else { 128 })
}

#[cfg(test)]
mod tests {
    use super::super::allowed_ips::tests::peer;
    use super::super::{DiagnosisInput, diagnose};
    use super::*;
    use crate::model::{Environment, Network, OuterLink, PathKey, Snapshot};

    const ETH0: u32 = 2;

    fn through(mtu: Option<u32>, is_routed: bool) -> Path {
        Path::Through { ifindex: ETH0, mtu, is_routed }
    }

    struct NameOrigin<'a> {
        endpoint: &'a str,
        path: Path,
        handshake_age: u64,
        tunnel: u32,
        link: u32,
        allowed_ips: &'a str,
    }

    fn given(endpoint: &str, path: Path) -> NameOrigin<'_> {
        NameOrigin { endpoint, path, handshake_age: 500, tunnel: 1420, link: 1500, allowed_ips: "10.9.0.2/32" }
    }

    fn found(given: &NameOrigin<'_>) -> Vec<Finding> {
        let endpoint: SocketAddr = given.endpoint.parse().unwrap();
        let peer = Peer {
            endpoint: Some(endpoint),
            last_handshake: Some(1000 - given.handshake_age),
            ..peer(1, given.allowed_ips)
        };
        let paths = [(PathKey::from(endpoint), given.path.clone())].into();
        let network = Network {
            interface: "wg0".into(),
            ifindex: Some(4),
            enabled: Some(true),
            mtu: Some(given.tunnel),
            peers: Some(vec![peer]),
            environment: Some(Box::new(Environment { paths, ..Environment::default() })),
            ..Network::default()
        };
        let link = OuterLink { name: "eth0".into(), mtu: Some(given.link), ipv6_mtu: Some(given.link) };
        let host = Host { links: [(ETH0, link)].into(), ..Host::default() };
        let snapshot = Snapshot { timestamp: 1000, networks: vec![network], hosts: vec![host], ..Snapshot::default() };
        diagnose(&DiagnosisInput { now: &snapshot, before: None, seconds: 0.0, between: None, limits: &[] })
    }

    fn brief(given: &NameOrigin<'_>) -> Vec<(&'static str, Option<u64>)> {
        found(given).iter().map(|finding| (finding.id, finding.value)).collect()
    }

    #[test]
    fn largest_mtu_that_fits_is_the_paths_less_the_overhead_of_the_family() {
        for (endpoint, link, route, fits) in [
            ("192.0.2.1:1", 1400, None, 1340),
            ("[2001:db8::1]:1", 1400, None, 1320),
            ("192.0.2.1:1", 1500, Some(1300), 1240),
            ("192.0.2.1:1", 1300, Some(1400), 1240),
        ] {
            let found = found(&NameOrigin { link, ..given(endpoint, through(route, true)) });
            assert_eq!((found[0].id, found[0].value), ("mtu_too_large", Some(fits)), "{endpoint}");
            assert!(found[0].remedy.starts_with(&format!("ip link set dev wg0 mtu {fits}  # ")), "{}", found[0].remedy);
        }
        assert_eq!(brief(&given("192.0.2.1:1", through(None, true))), []);
        assert_eq!(brief(&given("[2001:db8::1]:1", through(None, true))), []);
        assert_eq!(brief(&NameOrigin { tunnel: 1440, ..given("192.0.2.1:1", through(None, true)) }), []);
    }

    #[test]
    fn ipv6_in_the_tunnel_is_not_sacrificed() {
        let found =
            found(&NameOrigin { link: 1300, allowed_ips: "fd00::2/128", ..given("192.0.2.1:1", through(None, true)) });
        assert!(found[0].remedy.starts_with("ip link set dev eth0 mtu 1340  # IPv6 "), "{}", found[0].remedy);
    }

    #[test]
    fn small_mtu_is_told_up_to_what_can_be_known() {
        let of = |tunnel, link, is_routed| {
            brief(&NameOrigin { tunnel, link, ..given("192.0.2.1:1", through(None, is_routed)) })
        };
        assert_eq!(of(1339, 1500, true), [("mtu_too_small", Some(1440))]);
        assert_eq!(of(1340, 1500, true), []);
        assert_eq!(of(1420, 9000, true), [], "behind the router nobody knows");
        assert_eq!(of(1420, 9000, false), [("mtu_too_small", Some(8940))]);
        assert_eq!(of(8920, 9000, false), []);
    }

    #[test]
    fn peer_in_touch_over_no_route_shows_that_other_routes_are_used_for_all() {
        let endpoint = |number: u8| SocketAddr::from(([192, 0, 2, number], 1));
        let of = |first_age: u64| {
            let with = |number, age| Peer {
                endpoint: Some(endpoint(number)),
                last_handshake: Some(1000 - age),
                ..peer(number, "10.9.0.2/32")
            };
            let paths = [
                (PathKey::from(endpoint(1)), Path::Loop(None)),
                (PathKey::from(endpoint(2)), Path::None),
                (PathKey::from(endpoint(3)), through(Some(1300), true)),
            ];
            let network = Network {
                ifindex: Some(4),
                mtu: Some(1420),
                peers: Some(vec![with(1, first_age), with(2, 500), with(3, 10)]),
                environment: Some(Box::new(Environment { paths: paths.into(), ..Environment::default() })),
                ..Network::default()
            };
            let host = Host { links: [(ETH0, OuterLink::default())].into(), ..Host::default() };
            let snapshot =
                Snapshot { timestamp: 1000, networks: vec![network], hosts: vec![host], ..Snapshot::default() };
            let case = DiagnosisInput { now: &snapshot, before: None, seconds: 0.0, between: None, limits: &[] };
            diagnose(&case).iter().map(|finding| finding.id).collect::<Vec<_>>()
        };
        assert_eq!(of(500), ["endpoint_loop", "endpoint_unreachable", "mtu_too_large"]);
        assert_eq!(of(100), [""; 0]);
    }

    #[test]
    fn loop_and_missing_route_matter_while_the_peer_is_out_of_touch() {
        let detour = |gateway: Option<[u8; 4]>| {
            Path::Loop(Some(Detour { gateway: gateway.map(Into::into), link: "eth0".into() }))
        };
        let command = |path| found(&given("192.0.2.1:1", path))[0].remedy.split("  # ").next().unwrap().to_owned();
        assert_eq!(command(detour(Some([192, 0, 2, 254]))), "ip route replace 192.0.2.1/32 via 192.0.2.254 dev eth0");
        assert_eq!(command(detour(None)), "ip route replace 192.0.2.1/32 dev eth0");
        assert_eq!(command(Path::Loop(None)), "ip route replace 192.0.2.1/32 via GATEWAY");
        assert_eq!(command(Path::None), "ip route add 192.0.2.1/32 via GATEWAY");
        for path in [Path::Loop(None), Path::None] {
            assert_eq!(
                brief(&NameOrigin { handshake_age: 180, ..given("192.0.2.1:1", path) }),
                [],
                "sent from elsewhere"
            );
        }
        let address = found(&given("[2001:db8::1]:1", Path::None))[0].remedy.clone();
        assert_eq!(address, "ip route add 2001:db8::1/128 via GATEWAY");
    }
}
