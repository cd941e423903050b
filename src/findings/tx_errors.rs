//! Evaluates packets that the kernel's WireGuard could not send: no peer has the destination, or that peer has no endpoint.

use super::allowed_ips::{overlap, uncovered};
use super::finding::MAX_NAMED_PEERS;
use super::network_view::NetworkView;
use super::wording::{about_packets, first_three};
use super::{Finding, RuleId, Severity, path};
use crate::model::{AllowedIp, Backend, Counter, Network, Peer, Route, Snapshot};
use crate::rates::counterpart;

/// Returns the finding about growth of the kernel's `tx_errors`, without the refused packets. The counter does not say whether no
/// peer has the destination or that peer has no endpoint. Where only one of the two is possible, the finding names it.
pub(super) fn evaluate(view: &NetworkView<'_>, unsent: u64) -> Finding {
    let network = view.network;
    let multicast = ipv6_multicast(view, unsent);
    let count = unsent - multicast;
    if count == 0 {
        return only_multicast(view, multicast);
    }
    let peers = view.peers();
    let routes = view.env().and_then(|env| env.routes.as_deref());
    // Without routes or without peers, both causes are possible.
    let (mut open, silent) = match (routes, &network.peers) {
        (Some(routes), Some(peers)) => (uncovered(routes, peers), without_endpoint(routes, peers)),
        _ => (Vec::new(), Vec::new()),
    };
    open.retain(|route| !path::looped_endpoints(view).any(|endpoint| route.destination.contains(endpoint)));
    let no_peer = || {
        let destinations: Vec<AllowedIp> = open.iter().map(|route| route.destination).collect();
        format!("routed into {}, but in no peer's allowed-ips: {}", network.interface, first_three(&destinations))
    };
    let (base, reason) = match (open.is_empty(), silent.first()) {
        (false, None) => (remove_or_allow(Finding::new(RuleId::TxNoPeer, network), &open, peers), Some(no_peer())),
        (true, Some(first)) => {
            let reason = match silent.len() {
                1 => format!("peer {} has no endpoint", first.public_key),
                several => format!("{several} peers have no endpoint"),
            };
            (Finding::new(RuleId::TxNoEndpoint, network).fill_peer(first), Some(reason))
        }
        (false, Some(first)) => {
            let reason = format!("either {}; or a peer has no endpoint, such as {}", no_peer(), first.public_key);
            (Finding::new(RuleId::TxErrors, network), Some(reason))
        }
        (true, None) => (Finding::new(RuleId::TxErrors, network), None),
    };
    Finding {
        summary: about_packets(base.id, count, &view.period(), reason.as_deref()),
        peers: silent.iter().take(MAX_NAMED_PEERS).map(|peer| peer.public_key).collect(),
        ..base
    }
    .with_packets(count)
}

/// Returns the finding about IPv6 multicast packets of the kernel itself. They are harmless.
fn only_multicast(view: &NetworkView<'_>, count: u64) -> Finding {
    Finding {
        severity: Severity::Info,
        summary: about_packets(
            RuleId::TxErrors,
            count,
            &view.period(),
            Some("they are IPv6 multicast, which is in no peer's allowed-ips; this is harmless"),
        ),
        cause: "on every interface with an IPv6 address, the kernel looks for routers and reports its multicast groups",
        ..Finding::new(RuleId::TxErrors, view.network)
    }
    .with_packets(count)
}

/// Returns whether a diagnosis needs the routes into this network. Reading them takes time where there are many.
#[must_use]
pub fn needs_routes(before: Option<&Snapshot>, network: &Network) -> bool {
    let old = before.and_then(|before| counterpart(before, network)).and_then(|old| old.stats.get(Counter::TxErrors));
    network.backend == Backend::Kernel
        && old.zip(network.stats.get(Counter::TxErrors)).is_some_and(|(old, new)| new > old)
}

/// Returns how many packets were IPv6 multicast of the kernel itself that is in no peer's allowed-ips.
fn ipv6_multicast(view: &NetworkView<'_>, unsent: u64) -> u64 {
    let group = std::net::IpAddr::from([0xff02, 0, 0, 0, 0, 0, 0, 2]);
    let is_allowed = view.peers().iter().flat_map(|peer| &peer.allowed_ips).any(|ip| ip.contains(group));
    // Without the peers, their allowed-ips are not known.
    if is_allowed || view.network.peers.is_none() {
        0
    } else {
        unsent.min(view.grown_of(|env| env.ipv6_multicast_sent))
    }
}

/// Returns the peers without an endpoint that a route leads to.
fn without_endpoint<'a>(routes: &[Route], peers: &'a [Peer]) -> Vec<&'a Peer> {
    let is_routed = |ip: &AllowedIp| routes.iter().any(|route| overlap(route.destination, *ip));
    peers.iter().filter(|peer| peer.endpoint.is_none() && peer.allowed_ips.iter().any(is_routed)).collect()
}

/// Completes the remedy: it removes a route that no peer needs. A route that covers a part of some peer's allowed-ips stays, and so
/// does the route of an address of this host.
fn remove_or_allow(base: Finding, open: &[&Route], peers: &[Peer]) -> Finding {
    let is_needed = |route: &Route| {
        route.is_connected || peers.iter().flat_map(|peer| &peer.allowed_ips).any(|ip| overlap(route.destination, *ip))
    };
    let interface = base.interface.shell_word();
    match open.iter().find(|route| !is_needed(route)) {
        Some(route) => Finding {
            remedy: format!(
                "ip route del {} dev {interface}  # or assign it to a peer: {}",
                route.destination, base.remedy
            ),
            ..base
        },
        None => base,
    }
}
