//! Error and drop counters: what grew, and which of a counter's causes it was.

use super::network_view::NetworkView;
use super::{Finding, Severity, about_peer, counters, finding, path, tx_errors};
use crate::model::{Backend, Counter, ONLINE_SECONDS, Peer};

/// Packets: since the interface was created, and since the look before.
#[derive(Clone, Copy, Default)]
struct Packets {
    total: u64,
    grown: u64,
}

impl Packets {
    fn of(view: &NetworkView<'_>, counter: Counter) -> Self {
        Self { total: view.network.stats.get(counter).unwrap_or(0), grown: view.grown(counter) }
    }

    fn without(self, part: Self) -> Self {
        Self { total: self.total.saturating_sub(part.total), grown: self.grown.saturating_sub(part.grown) }
    }
}

/// What grew is a warning; what did not is information, because nothing says when it grew. Narrow findings stand instead of
/// the wide one for the same packets.
pub(super) fn evaluate(view: &NetworkView<'_>, found: &mut Vec<Finding>) {
    const ALL: [Counter; 4] = [Counter::RxErrors, Counter::TxErrors, Counter::RxDropped, Counter::TxDropped];
    if ALL.into_iter().all(|counter| view.network.stats.get(counter).unwrap_or(0) == 0) {
        return;
    }
    let kernel = view.network.backend == Backend::Kernel;
    // Only the kernel's driver counts these apart.
    let part = |counter| if kernel { Packets::of(view, counter) } else { Packets::default() };
    let (forbidden, malformed) = (part(Counter::RxFrameErrors), part(Counter::RxLengthErrors));
    let unreadable = Packets::of(view, Counter::RxErrors).without(forbidden).without(malformed);
    // Refused by a firewall: with an IPv6 endpoint among the tx_errors, with an IPv4 one among the tx_dropped.
    let refused = part(Counter::TxAbortedErrors);
    let tx_errors = Packets::of(view, Counter::TxErrors).without(refused);
    let dropped = Packets::of(view, Counter::TxDropped);
    // A handshake that goes into the tunnel itself is an error there, and a drop on its way out.
    let grown = if path::loops(view).next().is_some() { tx_errors.grown.min(dropped.grown) } else { 0 };
    let looped = Packets { total: grown, grown };
    let (tx_errors, dropped) = (tx_errors.without(looped), dropped.without(looped));
    let grown = if kernel { refused_over_ipv4(view, dropped.grown) } else { 0 };
    let refused_ipv4 = Packets { total: grown, grown };
    let refused = Packets { grown: refused.grown + refused_ipv4.grown, ..refused };

    let mut add = |finding: Option<Finding>| found.extend(finding);
    add(known(view, "rx_forbidden_source", Counter::RxFrameErrors, forbidden)
        .map(|finding| about_sender(finding, view)));
    add(known(view, "rx_malformed", Counter::RxLengthErrors, malformed));
    add(known(view, "rx_errors", Counter::RxErrors, unreadable));
    add(known(view, "tx_refused", Counter::TxAbortedErrors, refused).map(|finding| about_port(finding, view)));
    add(if kernel && tx_errors.grown > 0 {
        Some(tx_errors::evaluate(view, tx_errors.grown))
    } else {
        known(view, "tx_errors", Counter::TxErrors, tx_errors)
    });
    add(known(view, "rx_dropped", Counter::RxDropped, Packets::of(view, Counter::RxDropped)));
    add(known(view, "tx_dropped", Counter::TxDropped, dropped.without(refused_ipv4)));
}

/// A finding about packets, if there are any.
fn known(view: &NetworkView<'_>, id: &'static str, counter: Counter, packets: Packets) -> Option<Finding> {
    let (severity, count, when) = match packets {
        Packets { total: 0, grown: 0 } => return None,
        Packets { total, grown: 0 } => (Severity::Info, total, "since the interface was created".to_owned()),
        Packets { grown, .. } => (Severity::Warning, grown, view.period()),
    };
    let base = finding(id, view.network);
    let mut finding = Finding {
        severity,
        count,
        value: Some(count),
        unit: Some("packets"),
        summary: format!("{}, {when}", counted(count, &base.summary)),
        ..base
    };
    // What it means depends on who does the work; the rules speak of the kernel.
    if view.network.backend != Backend::Kernel {
        let meaning = counters::meaning(counter, view.network.backend);
        finding.cause = meaning.means;
        finding.remedy = format!("wgstat stats {}", view.network.interface.shell_word());
        if let Some(remedy) = meaning.remedy {
            finding.remedy.extend(["  # ", remedy]);
        }
    }
    Some(finding)
}

/// `3 packets that …`, or one.
pub(super) fn counted(count: u64, packets: &str) -> String {
    if count == 1 { format!("1 {}", packets.replacen("packets", "packet", 1)) } else { format!("{count} {packets}") }
}

/// How many of the packets dropped were refused by this host's firewall: these were charged to a peer, though not to the
/// interface. A message has 32 bytes at least, and its MTU and 80 at most. The interface is read a moment before its peers:
/// where as much went out as was refused, or more, that moment may be all of the difference, and nothing is said.
fn refused_over_ipv4(view: &NetworkView<'_>, dropped: u64) -> u64 {
    let Some(past) = view.past.filter(|_| dropped > 0) else { return 0 };
    let Some(former) = &past.network.peers else { return 0 };
    let sent = |peers: &[Peer]| peers.iter().map(|peer| u128::from(peer.tx_bytes)).sum::<u128>();
    let charged = sent(view.peers()).saturating_sub(sent(former));
    let went_out = u128::from(view.grown(Counter::TxBytes));
    let excess = charged.saturating_sub(went_out);
    let largest = u128::from(view.network.mtu.unwrap_or(1500)) + 80;
    let dropped_bytes = u128::from(dropped) * 32..=u128::from(dropped) * largest;
    if dropped_bytes.contains(&excess) && excess > went_out { dropped } else { 0 }
}

/// Who sent it, where only one peer can have, just now.
fn about_sender(finding: Finding, view: &NetworkView<'_>) -> Finding {
    if finding.severity == Severity::Info {
        return finding.with("PEER", "PUBLIC-KEY");
    }
    // Whoever was in touch at any time since the look before.
    let since = ONLINE_SECONDS as f64 + view.past.map_or(0.0, |past| past.seconds);
    let in_touch = |peer: &&Peer| peer.handshake_age(view.now).is_some_and(|age| age as f64 <= since);
    let mut online = view.peers().iter().filter(in_touch);
    match (online.next(), online.next()) {
        (Some(peer), None) => {
            let own: Vec<String> = peer.allowed_ips.iter().map(|ip| format!("{ip},")).collect();
            let finding = Finding { peers: vec![peer.public_key], ..finding };
            about_peer(finding, peer).with("ITS-OWN,", &own.concat())
        }
        _ => finding.with("PEER", "PUBLIC-KEY"),
    }
}

fn about_port(finding: Finding, view: &NetworkView<'_>) -> Finding {
    match view.network.listen_port {
        Some(port) => finding.with("PORT", &port.to_string()),
        None => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::super::allowed_ips::tests::{ips, peer};
    use super::super::{DiagnosisInput, diagnose, findings};
    use super::*;
    use crate::model::{Environment, InterfaceStats, Network, Route, Snapshot};

    fn stats(counters: &[(Counter, u64)]) -> InterfaceStats {
        let mut values = [Some(0); Counter::ALL.len()];
        for &(counter, value) in counters {
            values[counter as usize] = Some(value);
        }
        InterfaceStats::from_values(&values)
    }

    fn network(backend: Backend, counters: &[(Counter, u64)]) -> Network {
        Network {
            interface: "wg0".into(),
            ifindex: Some(4),
            backend,
            enabled: Some(true),
            stats: stats(counters),
            ..Network::default()
        }
    }

    fn snapshot(network: Network) -> Snapshot {
        Snapshot { networks: vec![network], ..Snapshot::default() }
    }

    fn ids(network: Network) -> Vec<(&'static str, Severity, u64)> {
        findings(&snapshot(network)).iter().map(|finding| (finding.id, finding.severity, finding.count)).collect()
    }

    fn over_time(before: Network, now: Network) -> Vec<Finding> {
        let (before, now) = (snapshot(before), snapshot(now));
        diagnose(&DiagnosisInput { now: &now, before: Some(&before), seconds: 2.0, between: None, limits: &[] })
    }

    /// What is found when the counters grew from 0 in two seconds.
    fn grown(counters: &[(Counter, u64)]) -> Vec<(&'static str, Severity, u64)> {
        over_time(network(Backend::Kernel, &[]), network(Backend::Kernel, counters))
            .iter()
            .map(|finding| (finding.id, finding.severity, finding.count))
            .collect()
    }

    #[test]
    fn narrow_finding_stands_instead_of_the_wide_one() {
        let counters = [(Counter::RxErrors, 7), (Counter::RxFrameErrors, 4), (Counter::RxLengthErrors, 2)];
        let expected = |severity| {
            [("rx_forbidden_source", severity, 4), ("rx_malformed", severity, 2), ("rx_errors", severity, 1)]
        };
        assert_eq!(ids(network(Backend::Kernel, &counters)), expected(Severity::Info));
        assert_eq!(grown(&counters), expected(Severity::Warning));
    }

    #[test]
    fn refused_sends_are_not_counted_twice() {
        let counters = [(Counter::TxErrors, 5), (Counter::TxAbortedErrors, 3)];
        let expected = |severity| [("tx_refused", severity, 3), ("tx_errors", severity, 2)];
        assert_eq!(ids(network(Backend::Kernel, &counters)), expected(Severity::Info));
        assert_eq!(grown(&counters), expected(Severity::Warning));
    }

    #[test]
    fn what_did_not_grow_is_information() {
        let old = network(Backend::Kernel, &[(Counter::TxErrors, 5), (Counter::RxDropped, 1)]);
        let found = over_time(old.clone(), old);
        assert!(found.iter().all(|finding| finding.severity == Severity::Info), "{found:?}");
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn counters_that_started_anew_say_nothing_of_the_time_between() {
        let old = network(Backend::Kernel, &[(Counter::TxErrors, 5), (Counter::TxBytes, 9)]);
        let new = network(Backend::Kernel, &[(Counter::TxErrors, 7), (Counter::TxBytes, 1)]);
        assert_eq!(over_time(old, new)[0].severity, Severity::Info);
    }

    #[test]
    fn tun_frame_errors_are_no_forbidden_source() {
        let counters = [(Counter::RxErrors, 4), (Counter::RxFrameErrors, 4)];
        assert_eq!(ids(network(Backend::Userspace, &counters)), [("rx_errors", Severity::Info, 4)]);
    }

    #[test]
    fn healthy_network_has_no_finding() {
        assert_eq!(ids(network(Backend::Kernel, &[(Counter::RxBytes, 9)])), []);
    }

    /// Three packets that could not be sent, with these routes, and peers with an endpoint or without.
    fn tx_errors(routes: &str, peers: Vec<Peer>) -> Finding {
        let routes = ips(routes).map(|destination| Route { destination, is_connected: false }).collect();
        let env = Environment {
            routes: Some(routes),
            addresses: Some(ips("10.9.0.1/24").collect()),
            ..Environment::default()
        };
        let now = Network {
            peers: Some(peers),
            environment: Some(Box::new(env)),
            ..network(Backend::Kernel, &[(Counter::TxErrors, 3)])
        };
        over_time(network(Backend::Kernel, &[]), now).into_iter().find(|finding| finding.id.starts_with("tx_")).unwrap()
    }

    fn with_endpoint(peer: Peer) -> Peer {
        Peer { endpoint: Some(([192, 0, 2, 1], 1).into()), last_handshake: Some(0), ..peer }
    }

    #[test]
    fn unsent_packets_had_no_peer_where_all_peers_have_endpoints() {
        let peers = || vec![with_endpoint(peer(1, "10.9.0.2/32"))];
        let found = tx_errors("10.9.0.2/32 10.77.0.0/24", peers());
        assert_eq!(found.id, "tx_no_peer");
        assert!(found.summary.ends_with("in no peer's allowed-ips: 10.77.0.0/24"), "{}", found.summary);
        assert!(found.remedy.starts_with("ip route del 10.77.0.0/24 dev wg0  # "), "{}", found.remedy);
        // A peer needs a part of this route.
        let found = tx_errors("10.9.0.0/24", peers());
        assert_eq!(found.id, "tx_no_peer");
        assert!(found.remedy.starts_with("wg set wg0 peer "), "{}", found.remedy);
    }

    #[test]
    fn unsent_packets_had_no_endpoint_where_all_routes_are_taken() {
        let peers = || vec![with_endpoint(peer(1, "10.9.0.2/32")), peer(5, "10.9.0.5/32")];
        let found = tx_errors("10.9.0.2/32 10.9.0.5/32", peers());
        assert_eq!((found.id, &found.peers[..]), ("tx_no_endpoint", &[peers()[1].public_key][..]));
        assert_eq!(
            found.remedy.split("  # ").next().unwrap(),
            format!("wg set wg0 peer {} endpoint HOST:PORT", found.peers[0])
        );
        // Nothing leads to it: it was not that.
        assert_eq!(tx_errors("10.9.0.2/32 10.77.0.0/24", peers()).id, "tx_no_peer");
    }

    #[test]
    fn unsent_packets_that_may_be_either_are_not_guessed_about() {
        let found = tx_errors("10.9.0.0/24", vec![peer(5, "10.9.0.5/32")]);
        assert_eq!(found.id, "tx_errors");
        assert!(found.summary.contains("either") && found.summary.contains("10.9.0.0/24"), "{}", found.summary);
        assert_eq!(tx_errors("10.9.0.2/32", vec![with_endpoint(peer(1, "10.9.0.2/32"))]).id, "tx_errors");
    }

    #[test]
    fn without_routes_or_peers_nothing_is_told_apart() {
        let evaluated = |routes: Option<Vec<Route>>, peers| {
            let env = Environment { routes, ipv6_multicast_sent: Some(3), ..Environment::default() };
            let network = |errors| Network {
                environment: Some(Box::default()),
                ..network(Backend::Kernel, &[(Counter::TxErrors, errors)])
            };
            let now = Network { peers, environment: Some(Box::new(env)), ..network(3) };
            let found = over_time(network(0), now);
            let found = found.iter().find(|finding| finding.id.starts_with("tx_")).unwrap();
            (found.id, found.severity, found.count)
        };
        let route = Route { destination: ips("10.77.0.0/24").next().unwrap(), is_connected: false };
        assert_eq!(evaluated(Some(vec![route]), None), ("tx_errors", Severity::Warning, 3));
        assert_eq!(evaluated(None, Some(vec![peer(5, "10.9.0.5/32")])), ("tx_errors", Severity::Warning, 3));
    }

    #[test]
    fn groups_of_ipv6_are_no_trouble() {
        let env = |sent| {
            let env = Environment { ipv6_multicast_sent: Some(sent), ..Environment::default() };
            Some(Box::new(env))
        };
        let evaluated = |allowed: &str| {
            let with = |sent, errors| Network {
                environment: env(sent),
                peers: Some(vec![with_endpoint(peer(1, allowed))]),
                ..network(Backend::Kernel, &[(Counter::TxErrors, errors)])
            };
            over_time(with(4, 0), with(7, 3)).into_iter().find(|finding| finding.id == "tx_errors").unwrap().severity
        };
        assert_eq!(evaluated("fd00::2/128"), Severity::Info);
        assert_eq!(evaluated("::/0"), Severity::Warning, "the peer takes them");
    }

    #[test]
    fn drop_that_a_peer_was_charged_for_was_refused_here() {
        let with = |dropped, sent, charged| Network {
            mtu: Some(1420),
            peers: Some(vec![Peer { tx_bytes: charged, ..with_endpoint(peer(1, "10.9.0.2/32")) }]),
            ..network(Backend::Kernel, &[(Counter::TxDropped, dropped), (Counter::TxBytes, sent)])
        };
        // Measured: three pings, three drops, 384 bytes.
        let id = |now| over_time(with(0, 1000, 1000), now)[0].id;
        assert_eq!(id(with(3, 1000, 1384)), "tx_refused");
        assert_eq!(id(with(171, 1148, 1148)), "tx_dropped");
        // A busy tunnel, and a moment between the two readings.
        assert_eq!(id(with(3, 1_001_000, 1_001_384)), "tx_dropped");
        // The same three packets once, and not as old drops too.
        let found = over_time(with(0, 1000, 1000), with(3, 1000, 1384));
        assert_eq!(found.len(), 1, "{found:?}");
        // More than three packets can be: another reason.
        assert_eq!(id(with(3, 1000, 9000)), "tx_dropped");
    }
}
