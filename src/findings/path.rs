//! Evaluates the path of the outer packets: loops, missing routes and the MTU.
//!
//! WireGuard sends from the namespace that created the interface, and the kernel does not say which one that is. Where a peer is
//! online although the routes of this namespace lead nowhere, the tunnel uses other routes, and these rules find nothing.

use std::net::{IpAddr, SocketAddr};

use super::network_view::NetworkView;
use super::peer_set::PeerSet;
use super::peers::IPV6_MINIMUM_MTU;
use super::{Finding, RuleId};
use crate::model::{Detour, Host, Name, Path, Peer};

/// Bytes that the tunnel adds to a packet: header and tag of a data message, UDP header and outer IP header.
const OVERHEAD_IPV4: u32 = 60;
const OVERHEAD_IPV6: u32 = 80;
/// The assumed MTU behind a router, in bytes: nothing is known about the links there.
const ETHERNET: u32 = 1500;
/// An MTU this many bytes below the possible one is worth a finding.
const NOTABLE: u32 = 100;

/// Adds what is wrong with the paths. Returns, peer by peer, whether that explains why the peer is offline.
pub(super) fn evaluate(view: &NetworkView<'_>, found: &mut Vec<Finding>) -> Vec<bool> {
    let Some(env) = view.env().filter(|env| !env.paths.is_empty() && !view.is_down()) else {
        return Vec::new();
    };
    if uses_other_routes(view) {
        return Vec::new();
    }
    let peers = view.peers();
    let mut explained = vec![false; peers.len()];
    let mut looped = PeerSet::new(RuleId::EndpointLoop);
    let mut unreachable = PeerSet::new(RuleId::EndpointUnreachable);
    let mut detour: Option<(&Peer, &Detour)> = None;
    let mut path_mtus = Vec::new();
    for (peer, explained) in peers.iter().zip(&mut explained) {
        let Some((endpoint, path)) = peer.endpoint.and_then(|endpoint| Some((endpoint, env.path(endpoint)?))) else {
            continue;
        };
        match path {
            Path::Loop(other) => {
                looped.add(peer);
                detour = detour.or(other.as_ref().map(|other| (peer, other)));
                *explained = true;
            }
            Path::None => {
                unreachable.add(peer);
                *explained = true;
            }
            Path::Through { .. } if peer.is_ignored => {}
            Path::Through { .. } => {
                path_mtus.extend(path_mtu(view.host, endpoint, path).map(|path_mtu| (peer, path_mtu)));
            }
            Path::Local => {}
        }
    }
    found.extend(looped.finding(view.network).map(|base| route_outside_tunnel(base, looped.first(), detour)));
    found.extend(unreachable.finding(view.network).map(|base| fill_host_prefix(base, unreachable.first())));
    found.extend(evaluate_mtu(view, &path_mtus));
    explained
}

/// Returns whether some peer is online although the routes of this namespace lead nowhere. Then the tunnel uses other routes for
/// all peers.
fn uses_other_routes(view: &NetworkView<'_>) -> bool {
    let leads_nowhere = |peer: &Peer| {
        let path = peer.endpoint.and_then(|endpoint| view.env()?.path(endpoint));
        matches!(path, Some(Path::Loop(_) | Path::None))
    };
    view.peers().iter().any(|peer| peer.is_online(view.now) && leads_nowhere(peer))
}

/// Returns the endpoints of offline peers that are routed into the tunnel itself.
pub(super) fn looped_endpoints(view: &NetworkView<'_>) -> impl Iterator<Item = IpAddr> {
    let env = view.env();
    let peers = if uses_other_routes(view) { &[] } else { view.peers() };
    peers.iter().filter_map(move |peer| {
        let endpoint = peer.endpoint?;
        matches!(env?.path(endpoint), Some(Path::Loop(_))).then_some(endpoint.ip())
    })
}

/// Holds what fits through the path to one endpoint. All sizes are in bytes.
struct PathMtu {
    /// The largest inner packet.
    inner: u32,
    /// The largest inner packet if the links behind the router carry as much as Ethernet.
    likely: u32,
    /// The bytes that the tunnel adds.
    overhead: u32,
    /// The largest outer packet.
    outer: u32,
    /// Whether the link sets this limit, and not a route through it.
    by_link: bool,
    /// The outgoing link.
    link: Name,
}

/// Returns what fits through a path; `None` where it is not known.
fn path_mtu(host: Option<&Host>, endpoint: SocketAddr, path: &Path) -> Option<PathMtu> {
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

/// Compares the interface's MTU with what fits through all paths.
fn evaluate_mtu(view: &NetworkView<'_>, path_mtus: &[(&Peer, PathMtu)]) -> Option<Finding> {
    let own = view.network.mtu?;
    let (_, least) = path_mtus.iter().min_by_key(|(_, path_mtu)| path_mtu.inner)?;
    let mut narrow = PeerSet::new(RuleId::MtuTooLarge);
    path_mtus.iter().filter(|(_, path_mtu)| path_mtu.inner < own).for_each(|(peer, _)| narrow.add(peer));
    if let Some(base) = narrow.finding(view.network) {
        return Some(too_large(view, base, least, own));
    }
    let likely = path_mtus.iter().map(|(_, path_mtu)| path_mtu.likely).min()?;
    // A path that is not known may carry less.
    let all_known = view.peers().iter().filter(|peer| peer.endpoint.is_some()).count() == path_mtus.len();
    (all_known && likely.saturating_sub(own) > NOTABLE).then(|| {
        Finding {
            value: Some(likely.into()),
            unit: Some("bytes"),
            summary: format!("mtu {own} is smaller than the path allows: {likely} would fit"),
            ..Finding::new(RuleId::MtuTooSmall, view.network)
        }
        .fill("VALUE", &likely.to_string())
    })
}

/// Completes the finding about an MTU that is too large. Fragments on this host are evidence.
fn too_large(view: &NetworkView<'_>, base: Finding, least: &PathMtu, own: u32) -> Finding {
    let fragments = view.grown_of_host(|host| host.fragments_created);
    let evidence = match fragments {
        0 => String::new(),
        _ => format!("; {fragments} fragments created on this host {}", view.period()),
    };
    let limit = if least.by_link {
        format!("{} has mtu", least.link)
    } else {
        format!("the route through {} has mtu", least.link)
    };
    let summary = format!(
        "mtu {own} is too large for the path to {} of {} peers: {} fits, because {limit} {} and the tunnel adds {} bytes{evidence}",
        base.count,
        view.peers().len(),
        least.inner,
        least.outer,
        least.overhead,
    );
    let mut finding = Finding { summary, value: Some(least.inner.into()), unit: Some("bytes"), ..base }
        .fill("VALUE", &least.inner.to_string());
    if least.inner < IPV6_MINIMUM_MTU && super::peers::has_ipv6(view.network) {
        let needed = IPV6_MINIMUM_MTU + least.overhead;
        let command = if least.by_link {
            format!("ip link set dev {} mtu {needed}  ", least.link.shell_word())
        } else {
            String::new()
        };
        finding.remedy = format!(
            "{command}# IPv6 in the tunnel needs mtu 1280, so the whole path to the endpoint needs {needed}; without IPv6: {}",
            finding.remedy
        );
    }
    finding
}

/// Fills in a route to the endpoint outside the tunnel, where one is known.
fn route_outside_tunnel(base: Finding, first: Option<&Peer>, detour: Option<(&Peer, &Detour)>) -> Finding {
    let Some((peer, detour)) = detour else { return fill_host_prefix(base, first) };
    let gateway = detour.gateway.map_or_else(String::new, |gateway| {
        let is_other_family = peer.endpoint.is_some_and(|endpoint| endpoint.is_ipv4()) && gateway.is_ipv6();
        format!("via {}{gateway} ", if is_other_family { "inet6 " } else { "" })
    });
    fill_host_prefix(base, Some(peer)).fill("via GATEWAY", &format!("{gateway}dev {}", detour.link.shell_word()))
}

/// Fills in the endpoint as the destination of a route.
fn fill_host_prefix(base: Finding, peer: Option<&Peer>) -> Finding {
    match peer.and_then(|peer| peer.endpoint) {
        Some(endpoint) => base.fill_endpoint("ENDPOINT/BITS", endpoint, &host_prefix(endpoint)),
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

    struct Scenario<'a> {
        endpoint: &'a str,
        path: Path,
        handshake_age: u64,
        tunnel: u32,
        link: u32,
        allowed_ips: &'a str,
    }

    fn scenario(endpoint: &str, path: Path) -> Scenario<'_> {
        Scenario { endpoint, path, handshake_age: 500, tunnel: 1420, link: 1500, allowed_ips: "10.9.0.2/32" }
    }

    fn found(scenario: &Scenario<'_>) -> Vec<Finding> {
        let endpoint: SocketAddr = scenario.endpoint.parse().unwrap();
        let peer = Peer {
            endpoint: Some(endpoint),
            last_handshake: Some(1000 - scenario.handshake_age),
            ..peer(1, scenario.allowed_ips)
        };
        let paths = [(PathKey::from(endpoint), scenario.path.clone())].into();
        let network = Network {
            interface: "wg0".into(),
            ifindex: Some(4),
            enabled: Some(true),
            mtu: Some(scenario.tunnel),
            peers: Some(vec![peer]),
            environment: Some(Box::new(Environment { paths, ..Environment::default() })),
            ..Network::default()
        };
        let link = OuterLink { name: "eth0".into(), mtu: Some(scenario.link), ipv6_mtu: Some(scenario.link) };
        let host = Host { links: [(ETH0, link)].into(), ..Host::default() };
        let snapshot = Snapshot { timestamp: 1000, networks: vec![network], hosts: vec![host], ..Snapshot::default() };
        diagnose(&DiagnosisInput { now: &snapshot, before: None, seconds: 0.0, between: None, limits: &[] })
    }

    fn brief(scenario: &Scenario<'_>) -> Vec<(RuleId, Option<u64>)> {
        found(scenario).iter().map(|finding| (finding.id, finding.value)).collect()
    }

    #[test]
    fn largest_mtu_that_fits_is_the_paths_less_the_overhead_of_the_family() {
        for (endpoint, link, route, fits) in [
            ("192.0.2.1:1", 1400, None, 1340),
            ("[2001:db8::1]:1", 1400, None, 1320),
            ("192.0.2.1:1", 1500, Some(1300), 1240),
            ("192.0.2.1:1", 1300, Some(1400), 1240),
        ] {
            let found = found(&Scenario { link, ..scenario(endpoint, through(route, true)) });
            assert_eq!((found[0].id, found[0].value), (RuleId::MtuTooLarge, Some(fits)), "{endpoint}");
            assert!(found[0].remedy.starts_with(&format!("ip link set dev wg0 mtu {fits}  # ")), "{}", found[0].remedy);
        }
        assert_eq!(brief(&scenario("192.0.2.1:1", through(None, true))), []);
        assert_eq!(brief(&scenario("[2001:db8::1]:1", through(None, true))), []);
        assert_eq!(brief(&Scenario { tunnel: 1440, ..scenario("192.0.2.1:1", through(None, true)) }), []);
    }

    #[test]
    fn ipv6_in_the_tunnel_is_not_sacrificed() {
        let found =
            found(&Scenario { link: 1300, allowed_ips: "fd00::2/128", ..scenario("192.0.2.1:1", through(None, true)) });
        assert!(found[0].remedy.starts_with("ip link set dev eth0 mtu 1340  # IPv6 "), "{}", found[0].remedy);
    }

    #[test]
    fn small_mtu_is_found_up_to_what_can_be_known() {
        let of = |tunnel, link, is_routed| {
            brief(&Scenario { tunnel, link, ..scenario("192.0.2.1:1", through(None, is_routed)) })
        };
        assert_eq!(of(1339, 1500, true), [(RuleId::MtuTooSmall, Some(1440))]);
        assert_eq!(of(1340, 1500, true), []);
        assert_eq!(of(1420, 9000, true), [], "nothing is known behind the router");
        assert_eq!(of(1420, 9000, false), [(RuleId::MtuTooSmall, Some(8940))]);
        assert_eq!(of(8920, 9000, false), []);
    }

    #[test]
    fn online_peer_without_a_route_shows_that_other_routes_are_used_for_all() {
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
            let input = DiagnosisInput { now: &snapshot, before: None, seconds: 0.0, between: None, limits: &[] };
            diagnose(&input).iter().map(|finding| finding.id).collect::<Vec<_>>()
        };
        assert_eq!(of(500), [RuleId::EndpointLoop, RuleId::EndpointUnreachable, RuleId::MtuTooLarge]);
        assert_eq!(of(100), []);
    }

    #[test]
    fn loop_and_missing_route_matter_while_the_peer_is_offline() {
        let detour = |gateway: Option<[u8; 4]>| {
            Path::Loop(Some(Detour { gateway: gateway.map(Into::into), link: "eth0".into() }))
        };
        let command = |path| found(&scenario("192.0.2.1:1", path))[0].remedy.split("  # ").next().unwrap().to_owned();
        assert_eq!(command(detour(Some([192, 0, 2, 254]))), "ip route replace 192.0.2.1/32 via 192.0.2.254 dev eth0");
        assert_eq!(command(detour(None)), "ip route replace 192.0.2.1/32 dev eth0");
        assert_eq!(command(Path::Loop(None)), "ip route replace 192.0.2.1/32 via GATEWAY");
        assert_eq!(command(Path::None), "ip route add 192.0.2.1/32 via GATEWAY");
        for path in [Path::Loop(None), Path::None] {
            assert_eq!(
                brief(&Scenario { handshake_age: 180, ..scenario("192.0.2.1:1", path) }),
                [],
                "sent from elsewhere"
            );
        }
        let address = found(&scenario("[2001:db8::1]:1", Path::None))[0].remedy.clone();
        assert_eq!(address, "ip route add 2001:db8::1/128 via GATEWAY");
    }
}
