//! Compares counters and peers with the limits that the operator set.

use super::finding::MAX_NAMED_PEERS;
use super::network_view::NetworkView;
use super::wording::seconds;
use super::{Finding, Limit, RuleId};
use crate::model::{Peer, PublicKey, Threshold};

/// One limit that is exceeded.
struct Exceeded {
    limit: Limit,
    text: String,
    value: u64,
    unit: &'static str,
    peers: Vec<PublicKey>,
}

/// Returns one finding for all limits that this network exceeds, with the severity of the worst.
pub(super) fn evaluate(view: &NetworkView<'_>, limits: &[Limit]) -> Option<Finding> {
    let mut exceeded: Vec<Exceeded> = limits.iter().filter_map(|limit| compare(view, *limit)).collect();
    exceeded.sort_by_key(|one| std::cmp::Reverse(one.limit.severity));
    // Of two limits for one counter, the worse one is enough.
    let mut names = Vec::new();
    exceeded.retain(|one| {
        let name = one.limit.threshold.name();
        let is_first = !names.contains(&name);
        names.push(name);
        is_first
    });
    let worst = exceeded.first()?;
    let texts: Vec<&str> = exceeded.iter().map(|one| one.text.as_str()).collect();
    Some(Finding {
        severity: worst.limit.severity,
        count: exceeded.len() as u64,
        peers: exceeded.iter().flat_map(|one| &one.peers).copied().take(MAX_NAMED_PEERS).collect(),
        value: Some(worst.value),
        unit: Some(worst.unit),
        summary: texts.join("; "),
        ..Finding::new(RuleId::Threshold, view.network)
    })
}

/// Returns how the network exceeds the limit; `None` where it does not, or where the value is not known.
fn compare(view: &NetworkView<'_>, limit: Limit) -> Option<Exceeded> {
    let threshold = limit.threshold;
    let name = threshold.name();
    let exceeded = |text, value, unit| Some(Exceeded { limit, text, value, unit, peers: Vec::new() });
    match threshold {
        Threshold::Total(counter, most) => {
            let value = view.network.stats.get(counter).filter(|&value| value > most)?;
            exceeded(format!("{name} is {value}, above the limit of {threshold}"), value, unit(name))
        }
        Threshold::Rate(counter, most) => {
            let past = view.past?;
            let grown = view.grown(counter);
            let rate = grown as f64 / past.seconds * most.per.seconds();
            (rate > most.amount).then_some(())?;
            let text = format!(
                "{name} grew by {grown} in {} ({rate:.1}/{}), above the limit of {threshold}",
                seconds(past.seconds),
                most.per.unit()
            );
            exceeded(text, grown, unit(name))
        }
        Threshold::HandshakeAge(most) => {
            let aged = view.peers().iter().filter(|peer| !peer.is_ignored).filter_map(|peer| {
                let age = peer.handshake_age(view.now).filter(|&age| age > most.as_secs())?;
                Some((age, peer))
            });
            let aged: Vec<(u64, &Peer)> = aged.collect();
            let oldest = aged.iter().map(|(age, _)| *age).max()?;
            let whose = match aged.as_slice() {
                [(_, peer)] => format!("peer {}", peer.label()),
                several => format!("the oldest of {} peers above it", several.len()),
            };
            let text = format!("{name} is {oldest}s, above the limit of {threshold}: {whose}");
            let peers = aged.iter().map(|(_, peer)| peer.public_key).collect();
            Some(Exceeded { limit, text, value: oldest, unit: "seconds", peers })
        }
        Threshold::PeersOnline(least) => {
            let peers = view.network.peers.as_deref()?;
            let online = peers.iter().filter(|peer| !peer.is_ignored && peer.is_online(view.now)).count() as u64;
            (online < least).then_some(())?;
            exceeded(format!("{name} is {online}, below the limit of {threshold}"), online, "peers")
        }
    }
}

/// Returns the unit of a counter.
fn unit(counter: &str) -> &'static str {
    if counter.ends_with("_bytes") { "bytes" } else { "packets" }
}

#[cfg(test)]
mod tests {
    use super::super::{DiagnosisInput, Severity, diagnose};
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

    /// Returns the one finding after `rx_errors` grew from 5 to 11 in two seconds.
    fn evaluated(limits: &[(Severity, &str)]) -> Option<(Severity, u64, String)> {
        let limits: Vec<Limit> = limits
            .iter()
            .map(|(severity, text)| Limit { threshold: Threshold::parse(text).unwrap(), severity: *severity })
            .collect();
        let (before, now) = (snapshot(5), snapshot(11));
        let input = DiagnosisInput { now: &now, before: Some(&before), seconds: 2.0, between: None, limits: &limits };
        let found = diagnose(&input).into_iter().find(|finding| finding.id == RuleId::Threshold);
        found.map(|finding| (finding.severity, finding.count, finding.summary))
    }

    const WARN: Severity = Severity::Warning;
    const CRIT: Severity = Severity::Critical;

    #[test]
    fn limit_is_exceeded_by_more_and_not_by_as_much() {
        for (holds, exceeded) in [
            ("rx_errors=11", "rx_errors=10"),
            ("rx_errors=3/s", "rx_errors=2.9/s"),
            ("rx_errors=180/min", "rx_errors=179/min"),
            ("handshake_age=400s", "handshake_age=399s"),
            ("peers_online=1", "peers_online=2"),
        ] {
            assert_eq!(evaluated(&[(WARN, holds)]), None, "{holds}");
            assert_eq!(evaluated(&[(WARN, exceeded)]).map(|found| found.0), Some(WARN), "{exceeded}");
        }
    }

    #[test]
    fn worse_limit_of_one_counter_stands_for_both() {
        let found = evaluated(&[(WARN, "rx_errors=1"), (CRIT, "rx_errors=2"), (WARN, "peers_online=3")]).unwrap();
        assert_eq!(
            found,
            (CRIT, 2, "rx_errors is 11, above the limit of 2; peers_online is 1, below the limit of 3".to_owned())
        );
    }

    #[test]
    fn rate_names_the_growth_and_its_time() {
        let found = evaluated(&[(WARN, "rx_errors=0/s")]).unwrap();
        assert_eq!(found.2, "rx_errors grew by 6 in 2.0 s (3.0/s), above the limit of 0/s");
    }
}
