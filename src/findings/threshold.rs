//! Limits that the operator set.

use std::fmt::Write as _;

use super::network_view::{NetworkView, seconds};
use super::{Finding, NAMED, Severity, finding};
use crate::model::{Peer, PublicKey, Threshold};

/// A limit, and how bad it is to pass it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// The limit.
    pub threshold: Threshold,
    /// Warning or critical.
    pub severity: Severity,
}

/// One limit that is passed.
struct Passed {
    limit: Limit,
    text: String,
    value: u64,
    unit: &'static str,
    peers: Vec<PublicKey>,
}

/// One finding for all limits that this network passes, as bad as the worst.
pub(super) fn evaluate(view: &NetworkView<'_>, limits: &[Limit]) -> Option<Finding> {
    let mut passed: Vec<Passed> = limits.iter().filter_map(|limit| check(view, *limit)).collect();
    passed.sort_by_key(|passed| std::cmp::Reverse(passed.limit.severity));
    // Of two limits of one counter the worse says it all.
    let mut names = Vec::new();
    passed.retain(|passed| {
        let name = passed.limit.threshold.name();
        let is_first = !names.contains(&name);
        names.push(name);
        is_first
    });
    let worst = passed.first()?;
    let texts: Vec<&str> = passed.iter().map(|passed| passed.text.as_str()).collect();
    Some(Finding {
        severity: worst.limit.severity,
        count: passed.len() as u64,
        peers: passed.iter().flat_map(|passed| &passed.peers).copied().take(NAMED).collect(),
        value: Some(worst.value),
        unit: Some(worst.unit),
        summary: texts.join("; "),
        ..finding("threshold", view.network)
    })
}

fn check(view: &NetworkView<'_>, limit: Limit) -> Option<Passed> {
    let threshold = limit.threshold;
    let name = threshold.name();
    let passed = |text, value, unit| Some(Passed { limit, text, value, unit, peers: Vec::new() });
    match threshold {
        Threshold::Total(counter, most) => {
            let value = view.network.stats.get(counter).filter(|&value| value > most)?;
            passed(format!("{name} is {value}, over {threshold}"), value, unit(name))
        }
        Threshold::Rate(counter, most) => {
            let past = view.past?;
            let grown = view.grown(counter);
            let rate = grown as f64 / past.seconds * most.per.seconds();
            (rate > most.amount).then_some(())?;
            let text = format!(
                "{name} grew by {grown} in {}, {rate:.1}/{}, over {threshold}",
                seconds(past.seconds),
                most.per.unit()
            );
            passed(text, grown, unit(name))
        }
        Threshold::HandshakeAge(most) => {
            let aged = view.peers().iter().filter(|peer| !peer.is_ignored).filter_map(|peer| {
                let age = peer.handshake_age(view.now).filter(|&age| age > most.as_secs())?;
                Some((age, peer))
            });
            let aged: Vec<(u64, &Peer)> = aged.collect();
            let oldest = aged.iter().map(|(age, _)| *age).max()?;
            let mut text = format!("{name} is {oldest}s, over {threshold}, ");
            // Writing to a String cannot fail.
            let _ = match aged.as_slice() {
                [(_, one)] => write!(text, "of peer {}", one.label()),
                more => write!(text, "the oldest of {} peers over it", more.len()),
            };
            let peers = aged.iter().map(|(_, peer)| peer.public_key).collect();
            Some(Passed { limit, text, value: oldest, unit: "seconds", peers })
        }
        Threshold::PeersOnline(least) => {
            let peers = view.network.peers.as_deref()?;
            let online = peers.iter().filter(|peer| !peer.is_ignored && peer.is_online(view.now)).count() as u64;
            (online < least).then_some(())?;
            passed(format!("{name} is {online}, under {threshold}"), online, "peers")
        }
    }
}

fn unit(counter: &str) -> &'static str {
    if counter.ends_with("_bytes") { "bytes" } else { "packets" }
}

#[cfg(test)]
mod tests {
    use super::super::{DiagnosisInput, diagnose};
    use super::*;
    use crate::model::{Counter, InterfaceStats, Network, Snapshot};

    fn snapshot(rx_errors: u64) -> Snapshot {
        let mut values = [Some(0); Counter::ALL.len()];
        values[Counter::RxErrors as usize] = Some(rx_errors);
        let peer = |age: u64| Peer { last_handshake: Some(1000 - age), endpoint: None, ..Peer::default() };
        let peers = vec![peer(10), peer(400)];
        let network = Network { stats: InterfaceStats::from_values(&values), peers: Some(peers), ..Network::default() };
        Snapshot { timestamp: 1000, networks: vec![network], ..Snapshot::default() }
    }

    /// The one finding, when `rx_errors` grew from 5 to 11 in two seconds.
    fn evaluated(limits: &[(Severity, &str)]) -> Option<(Severity, u64, String)> {
        let limits: Vec<Limit> = limits
            .iter()
            .map(|(severity, text)| Limit { threshold: Threshold::parse(text).unwrap(), severity: *severity })
            .collect();
        let (before, now) = (snapshot(5), snapshot(11));
        let case = DiagnosisInput { now: &now, before: Some(&before), seconds: 2.0, between: None, limits: &limits };
        let found = diagnose(&case).into_iter().find(|finding| finding.id == "threshold");
        found.map(|finding| (finding.severity, finding.count, finding.summary))
    }

    const WARN: Severity = Severity::Warning;
    const CRIT: Severity = Severity::Critical;

    #[test]
    fn limit_is_passed_by_more_and_not_by_as_much() {
        for (holds, passed) in [
            ("rx_errors=11", "rx_errors=10"),
            ("rx_errors=3/s", "rx_errors=2.9/s"),
            ("rx_errors=180/min", "rx_errors=179/min"),
            ("handshake_age=400s", "handshake_age=399s"),
            ("peers_online=1", "peers_online=2"),
        ] {
            assert_eq!(evaluated(&[(WARN, holds)]), None, "{holds}");
            assert_eq!(evaluated(&[(WARN, passed)]).map(|found| found.0), Some(WARN), "{passed}");
        }
    }

    #[test]
    fn worse_limit_of_one_counter_stands_for_both() {
        let found = evaluated(&[(WARN, "rx_errors=1"), (CRIT, "rx_errors=2"), (WARN, "peers_online=3")]).unwrap();
        assert_eq!(found, (CRIT, 2, "rx_errors is 11, over 2; peers_online is 1, under 3".to_owned()));
    }

    #[test]
    fn rate_says_what_grew_and_in_what_time() {
        let found = evaluated(&[(WARN, "rx_errors=0/s")]).unwrap();
        assert_eq!(found.2, "rx_errors grew by 6 in 2.0 s, 3.0/s, over 0/s");
    }
}
