//! Evaluates error and drop counters: which of them grew, and for which of the possible causes.

use super::network_view::NetworkView;
use super::wording::about_packets;
use super::{Finding, RuleId, Severity, counters, path, tx_errors};
use crate::model::{Backend, Counter, ONLINE_SECONDS, Peer};

/// Holds numbers of packets: since the interface was created, and since the sample before.
#[derive(Clone, Copy, Default)]
struct Packets {
    total: u64,
    grown: u64,
}

impl Packets {
    /// Reads a counter; 0 where it is not known.
    fn of(view: &NetworkView<'_>, counter: Counter) -> Self {
        Self { total: view.network.stats.get(counter).unwrap_or(0), grown: view.grown(counter) }
    }

    /// Subtracts packets that another finding covers.
    fn without(self, part: Self) -> Self {
        Self { total: self.total.saturating_sub(part.total), grown: self.grown.saturating_sub(part.grown) }
    }
}

/// Adds a finding for each counter that is not 0: a warning if it grew, else information, because it is not known when it grew.
/// A narrow finding replaces the wide one for the same packets.
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
    // Refused packets count as tx_errors with an IPv6 endpoint, and as tx_dropped with an IPv4 endpoint.
    let refused = part(Counter::TxAbortedErrors);
    let tx_errors = Packets::of(view, Counter::TxErrors).without(refused);
    let dropped = Packets::of(view, Counter::TxDropped);
    // A handshake that is routed into the tunnel itself is an error there and a drop on the way out.
    let grown = if path::looped_endpoints(view).next().is_some() { tx_errors.grown.min(dropped.grown) } else { 0 };
    let looped = Packets { total: grown, grown };
    let (tx_errors, dropped) = (tx_errors.without(looped), dropped.without(looped));
    let grown = if kernel { refused_over_ipv4(view, dropped.grown) } else { 0 };
    let refused_ipv4 = Packets { total: grown, grown };
    let refused = Packets { grown: refused.grown + refused_ipv4.grown, ..refused };

    let mut add = |finding: Option<Finding>| found.extend(finding);
    add(packets_finding(view, RuleId::RxForbiddenSource, Counter::RxFrameErrors, forbidden)
        .map(|finding| fill_sender(finding, view)));
    add(packets_finding(view, RuleId::RxMalformed, Counter::RxLengthErrors, malformed));
    add(packets_finding(view, RuleId::RxErrors, Counter::RxErrors, unreadable));
    add(packets_finding(view, RuleId::TxRefused, Counter::TxAbortedErrors, refused)
        .map(|finding| fill_port(finding, view)));
    add(if kernel && tx_errors.grown > 0 {
        Some(tx_errors::evaluate(view, tx_errors.grown))
    } else {
        packets_finding(view, RuleId::TxErrors, Counter::TxErrors, tx_errors)
    });
    add(packets_finding(view, RuleId::RxDropped, Counter::RxDropped, Packets::of(view, Counter::RxDropped)));
    add(packets_finding(view, RuleId::TxDropped, Counter::TxDropped, dropped.without(refused_ipv4)));
}

/// Returns a finding about packets; `None` where there are none.
fn packets_finding(view: &NetworkView<'_>, id: RuleId, counter: Counter, packets: Packets) -> Option<Finding> {
    let (severity, count, period) = match packets {
        Packets { total: 0, grown: 0 } => return None,
        Packets { total, grown: 0 } => (Severity::Info, total, "since the interface was created".to_owned()),
        Packets { grown, .. } => (Severity::Warning, grown, view.period()),
    };
    let mut finding =
        Finding { severity, summary: about_packets(id, count, &period, None), ..Finding::new(id, view.network) }
            .with_packets(count);
    // The rules describe the kernel's driver. A daemon's counters mean something else.
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

/// Returns how many of the dropped packets this host refused to send. These were charged to a peer but not to the interface. A
/// message has at least 32 bytes and at most the MTU plus 80. The interface is read a moment before its peers: where at least as
/// much was sent as refused, that moment may explain the difference, and the result is 0.
fn refused_over_ipv4(view: &NetworkView<'_>, dropped: u64) -> u64 {
    let Some(past) = view.past.filter(|_| dropped > 0) else { return 0 };
    let Some(old_peers) = &past.network.peers else { return 0 };
    let sent = |peers: &[Peer]| peers.iter().map(|peer| u128::from(peer.tx_bytes)).sum::<u128>();
    let charged = sent(view.peers()).saturating_sub(sent(old_peers));
    let interface_sent = u128::from(view.grown(Counter::TxBytes));
    let excess = charged.saturating_sub(interface_sent);
    let largest = u128::from(view.network.mtu.unwrap_or(1500)) + 80;
    let dropped_bytes = u128::from(dropped) * 32..=u128::from(dropped) * largest;
    if dropped_bytes.contains(&excess) && excess > interface_sent { dropped } else { 0 }
}

/// Fills in the sender, where only one peer can have sent the packets.
fn fill_sender(finding: Finding, view: &NetworkView<'_>) -> Finding {
    if finding.severity == Severity::Info {
        return finding.fill("PEER", "PUBLIC-KEY");
    }
    // Every peer that was online at some time since the sample before.
    let since = ONLINE_SECONDS as f64 + view.past.map_or(0.0, |past| past.seconds);
    let was_online = |peer: &&Peer| peer.handshake_age(view.now).is_some_and(|age| age as f64 <= since);
    let mut online = view.peers().iter().filter(was_online);
    match (online.next(), online.next()) {
        (Some(peer), None) => {
            let current: Vec<String> = peer.allowed_ips.iter().map(|ip| format!("{ip},")).collect();
            let finding = Finding { peers: vec![peer.public_key], ..finding };
            finding.fill_peer(peer).fill("CURRENT-IPS,", &current.concat())
        }
        _ => finding.fill("PEER", "PUBLIC-KEY"),
    }
}

/// Fills in the listen port.
fn fill_port(finding: Finding, view: &NetworkView<'_>) -> Finding {
    match view.network.listen_port {
        Some(port) => finding.fill("PORT", &port.to_string()),
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

    fn ids(network: Network) -> Vec<(RuleId, Severity, u64)> {
        findings(&snapshot(network)).iter().map(|finding| (finding.id, finding.severity, finding.count)).collect()
    }

    fn over_time(before: Network, now: Network) -> Vec<Finding> {
        let (before, now) = (snapshot(before), snapshot(now));
        diagnose(&DiagnosisInput { now: &now, before: Some(&before), seconds: 2.0, between: None, limits: &[] })
    }

    /// Returns what is found after the counters grew from 0 in two seconds.
    fn grown(counters: &[(Counter, u64)]) -> Vec<(RuleId, Severity, u64)> {
        over_time(network(Backend::Kernel, &[]), network(Backend::Kernel, counters))
            .iter()
            .map(|finding| (finding.id, finding.severity, finding.count))
            .collect()
    }

    #[test]
    fn narrow_finding_replaces_the_wide_one() {
        let counters = [(Counter::RxErrors, 7), (Counter::RxFrameErrors, 4), (Counter::RxLengthErrors, 2)];
        let expected = |severity| {
            [
                (RuleId::RxForbiddenSource, severity, 4),
                (RuleId::RxMalformed, severity, 2),
                (RuleId::RxErrors, severity, 1),
            ]
        };
        assert_eq!(ids(network(Backend::Kernel, &counters)), expected(Severity::Info));
        assert_eq!(grown(&counters), expected(Severity::Warning));
    }

    #[test]
    fn refused_sends_are_not_counted_twice() {
        let counters = [(Counter::TxErrors, 5), (Counter::TxAbortedErrors, 3)];
        let expected = |severity| [(RuleId::TxRefused, severity, 3), (RuleId::TxErrors, severity, 2)];
        assert_eq!(ids(network(Backend::Kernel, &counters)), expected(Severity::Info));
        assert_eq!(grown(&counters), expected(Severity::Warning));
    }

    #[test]
    fn counter_that_did_not_grow_is_information() {
        let old = network(Backend::Kernel, &[(Counter::TxErrors, 5), (Counter::RxDropped, 1)]);
        let found = over_time(old.clone(), old);
        assert!(found.iter().all(|finding| finding.severity == Severity::Info), "{found:?}");
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn reset_counters_say_nothing_about_the_time_between() {
        let old = network(Backend::Kernel, &[(Counter::TxErrors, 5), (Counter::TxBytes, 9)]);
        let new = network(Backend::Kernel, &[(Counter::TxErrors, 7), (Counter::TxBytes, 1)]);
        assert_eq!(over_time(old, new)[0].severity, Severity::Info);
    }

    #[test]
    fn tun_frame_errors_are_not_a_forbidden_source() {
        let counters = [(Counter::RxErrors, 4), (Counter::RxFrameErrors, 4)];
        assert_eq!(ids(network(Backend::Userspace, &counters)), [(RuleId::RxErrors, Severity::Info, 4)]);
    }

    #[test]
    fn healthy_network_has_no_finding() {
        assert_eq!(ids(network(Backend::Kernel, &[(Counter::RxBytes, 9)])), []);
    }

    /// Returns the finding about three packets that could not be sent, with these routes and peers.
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
        over_time(network(Backend::Kernel, &[]), now)
            .into_iter()
            .find(|finding| finding.id.as_str().starts_with("tx_"))
            .unwrap()
    }

    fn with_endpoint(peer: Peer) -> Peer {
        Peer { endpoint: Some(([192, 0, 2, 1], 1).into()), last_handshake: Some(0), ..peer }
    }

    #[test]
    fn unsent_packets_have_no_peer_if_all_peers_have_endpoints() {
        let peers = || vec![with_endpoint(peer(1, "10.9.0.2/32"))];
        let found = tx_errors("10.9.0.2/32 10.77.0.0/24", peers());
        assert_eq!(found.id, RuleId::TxNoPeer);
        assert!(found.summary.ends_with(": 10.77.0.0/24"), "{}", found.summary);
        assert!(found.remedy.starts_with("ip route del 10.77.0.0/24 dev wg0  # "), "{}", found.remedy);
        // A peer needs a part of this route.
        let found = tx_errors("10.9.0.0/24", peers());
        assert_eq!(found.id, RuleId::TxNoPeer);
        assert!(found.remedy.starts_with("wg set wg0 peer "), "{}", found.remedy);
    }

    #[test]
    fn unsent_packets_have_no_endpoint_if_all_routes_are_covered() {
        let peers = || vec![with_endpoint(peer(1, "10.9.0.2/32")), peer(5, "10.9.0.5/32")];
        let found = tx_errors("10.9.0.2/32 10.9.0.5/32", peers());
        assert_eq!((found.id, &found.peers[..]), (RuleId::TxNoEndpoint, &[peers()[1].public_key][..]));
        assert_eq!(
            found.remedy.split("  # ").next().unwrap(),
            format!("wg set wg0 peer {} endpoint HOST:PORT", found.peers[0])
        );
        // No route leads to that peer, so it is not the cause.
        assert_eq!(tx_errors("10.9.0.2/32 10.77.0.0/24", peers()).id, RuleId::TxNoPeer);
    }

    #[test]
    fn unsent_packets_with_two_possible_causes_name_both() {
        let found = tx_errors("10.9.0.0/24", vec![peer(5, "10.9.0.5/32")]);
        assert_eq!(found.id, RuleId::TxErrors);
        assert!(found.summary.contains("either") && found.summary.contains("10.9.0.0/24"), "{}", found.summary);
        assert_eq!(tx_errors("10.9.0.2/32", vec![with_endpoint(peer(1, "10.9.0.2/32"))]).id, RuleId::TxErrors);
    }

    #[test]
    fn without_routes_or_peers_the_cause_stays_open() {
        let evaluated = |routes: Option<Vec<Route>>, peers| {
            let env = Environment { routes, ipv6_multicast_sent: Some(3), ..Environment::default() };
            let network = |errors| Network {
                environment: Some(Box::default()),
                ..network(Backend::Kernel, &[(Counter::TxErrors, errors)])
            };
            let now = Network { peers, environment: Some(Box::new(env)), ..network(3) };
            let found = over_time(network(0), now);
            let found = found.iter().find(|finding| finding.id.as_str().starts_with("tx_")).unwrap();
            (found.id, found.severity, found.count)
        };
        let route = Route { destination: ips("10.77.0.0/24").next().unwrap(), is_connected: false };
        assert_eq!(evaluated(Some(vec![route]), None), (RuleId::TxErrors, Severity::Warning, 3));
        assert_eq!(evaluated(None, Some(vec![peer(5, "10.9.0.5/32")])), (RuleId::TxErrors, Severity::Warning, 3));
    }

    #[test]
    fn ipv6_multicast_is_only_information() {
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
            over_time(with(4, 0), with(7, 3))
                .into_iter()
                .find(|finding| finding.id == RuleId::TxErrors)
                .unwrap()
                .severity
        };
        assert_eq!(evaluated("fd00::2/128"), Severity::Info);
        assert_eq!(evaluated("::/0"), Severity::Warning, "the peer accepts them");
    }

    #[test]
    fn drop_that_was_charged_to_a_peer_was_refused_here() {
        let with = |dropped, sent, charged| Network {
            mtu: Some(1420),
            peers: Some(vec![Peer { tx_bytes: charged, ..with_endpoint(peer(1, "10.9.0.2/32")) }]),
            ..network(Backend::Kernel, &[(Counter::TxDropped, dropped), (Counter::TxBytes, sent)])
        };
        // Measured: three pings, three drops, 384 bytes.
        let id = |now| over_time(with(0, 1000, 1000), now)[0].id;
        assert_eq!(id(with(3, 1000, 1384)), RuleId::TxRefused);
        assert_eq!(id(with(171, 1148, 1148)), RuleId::TxDropped);
        // A busy tunnel: the moment between the two readings explains it.
        assert_eq!(id(with(3, 1_001_000, 1_001_384)), RuleId::TxDropped);
        // The same three packets are reported once, and not as old drops too.
        let found = over_time(with(0, 1000, 1000), with(3, 1000, 1384));
        assert_eq!(found.len(), 1, "{found:?}");
        // More bytes than three packets can have: another cause.
        assert_eq!(id(with(3, 1000, 9000)), RuleId::TxDropped);
    }
}
