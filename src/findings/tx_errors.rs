//! Packets that the kernel's WireGuard could not send: nobody takes the destination, or whoever does has no endpoint.

use super::allowed_ips::{meet, uncovered};
use super::errors::counted;
use super::network_view::NetworkView;
use super::{Finding, Severity, about_peer, finding, path};
use crate::model::{AllowedIp, Backend, Counter, Network, Peer, Route, Snapshot};
use crate::rates::counterpart;

/// Growth of the kernel's `tx_errors` beside the refused ones: nobody takes the destination, or whoever does has no endpoint.
/// The counter does not tell them apart; where only one of the two can be, it was that one.
pub(super) fn evaluate(view: &NetworkView<'_>, unsent: u64) -> Finding {
    let network = view.network;
    let base = finding("tx_errors", network);
    let grouped = groups_of_ipv6(view, unsent);
    let count = unsent - grouped;
    if count == 0 {
        return Finding {
            severity: Severity::Info,
            count: grouped,
            value: Some(grouped),
            unit: Some("packets"),
            summary: format!("{grouped} group messages of IPv6 itself found no peer, {}; harmless", view.period()),
            cause: "the kernel searches for routers and tells which groups it is in, wherever there is an IPv6 address",
            ..base
        };
    }
    let peers = view.peers();
    let routes = view.env().and_then(|env| env.routes.as_deref());
    // Without the one or the other nothing can be told apart.
    let (mut open, silent) = match (routes, &network.peers) {
        (Some(routes), Some(peers)) => (uncovered(routes, peers), without_endpoint(routes, peers)),
        _ => (Vec::new(), Vec::new()),
    };
    open.retain(|route| !path::loops(view).any(|endpoint| route.destination.contains(endpoint)));
    let listed = |routes: &[&Route]| {
        let more = if routes.len() > 3 { format!(" and {} more", routes.len() - 3) } else { String::new() };
        let shown: Vec<String> = routes.iter().take(3).map(|route| route.destination.to_string()).collect();
        format!("{}{more}", shown.join(", "))
    };
    let packets = |finding: Finding, summary| Finding {
        count,
        value: Some(count),
        unit: Some("packets"),
        summary,
        peers: silent.iter().take(super::NAMED).map(|peer| peer.public_key).collect(),
        ..finding
    };
    let period = view.period();
    let led_in = || format!("routed into {} and in no peer's allowed-ips: {}", network.interface, listed(&open));
    match (open.is_empty(), silent.first()) {
        (false, None) => {
            let base = remove_or_allow(finding("tx_no_peer", network), &open, peers);
            packets(
                base,
                format!("{}, {period}; {}", counted(count, "packets to addresses that no peer takes"), led_in()),
            )
        }
        (true, Some(first)) => {
            let base = about_peer(finding("tx_no_endpoint", network), first);
            let whom = if silent.len() == 1 { first.public_key.to_string() } else { format!("{} peers", silent.len()) };
            packets(base, format!("{}, {period}: {whom}", counted(count, "packets to a peer without an endpoint")))
        }
        (false, Some(first)) => {
            let summary = format!(
                "{}, {period}; either {}; or to a peer without an endpoint, such as {}",
                counted(count, &base.summary),
                led_in(),
                first.public_key
            );
            packets(base, summary)
        }
        (true, None) => {
            let base_summary = base.summary.clone();
            packets(base, format!("{}, {period}", counted(count, &base_summary)))
        }
    }
}

/// Whether the routes into this network will be needed: to read them takes its time where there are many.
#[must_use]
pub fn needs_routes(before: Option<&Snapshot>, network: &Network) -> bool {
    let old = before.and_then(|before| counterpart(before, network)).and_then(|old| old.stats.get(Counter::TxErrors));
    network.backend == Backend::Kernel
        && old.zip(network.stats.get(Counter::TxErrors)).is_some_and(|(old, new)| new > old)
}

/// How many were messages of IPv6 itself to groups, which no peer took.
fn groups_of_ipv6(view: &NetworkView<'_>, unsent: u64) -> u64 {
    let group = std::net::IpAddr::from([0xff02, 0, 0, 0, 0, 0, 0, 2]);
    let is_taken = view.peers().iter().flat_map(|peer| &peer.allowed_ips).any(|ip| ip.contains(group));
    // Whose they would be is not known without the peers.
    if is_taken || view.network.peers.is_none() { 0 } else { unsent.min(view.grown_of(|env| env.ipv6_multicast_sent)) }
}

/// The peers without an endpoint that something is routed to.
fn without_endpoint<'a>(routes: &[Route], peers: &'a [Peer]) -> Vec<&'a Peer> {
    let is_routed = |ip: &AllowedIp| routes.iter().any(|route| meet(route.destination, *ip));
    peers.iter().filter(|peer| peer.endpoint.is_none() && peer.allowed_ips.iter().any(is_routed)).collect()
}

/// A route that nobody needs is removed; one that some peer needs a part of is not, nor the one of an address.
fn remove_or_allow(base: Finding, open: &[&Route], peers: &[Peer]) -> Finding {
    let is_needed = |route: &Route| {
        route.is_connected || peers.iter().flat_map(|peer| &peer.allowed_ips).any(|ip| meet(route.destination, *ip))
    };
    let interface = base.interface.shell_word();
    match open.iter().find(|route| !is_needed(route)) {
        Some(route) => Finding {
            remedy: format!(
                "ip route del {} dev {interface}  # or let a peer take it: {}",
                route.destination, base.remedy
            ),
            ..base
        },
        None => base,
    }
}
