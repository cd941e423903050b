//! What a diagnosis told, for looks that come after it and tell less: those between two samples of `serve`.

use std::cmp::Reverse;

use super::{Finding, findings, interface};
use crate::model::{Name, Network, Snapshot};

/// What was found by growth and surroundings, which one look does not tell.
#[derive(Debug, Default)]
pub struct RetainedFindings {
    /// Findings that needed more than the look itself.
    found: Vec<Finding>,
    /// What the look alone would have said, and the diagnosis knew better: network and id.
    replaced: Vec<(Option<String>, Name, &'static str)>,
}

impl RetainedFindings {
    /// What of a diagnosis the look that it ended with does not tell by itself.
    #[must_use]
    pub fn of(snapshot: &Snapshot, diagnosed: &[Finding]) -> Self {
        let at_a_look = findings(snapshot);
        let found = diagnosed.iter().filter(|finding| !at_a_look.contains(finding)).cloned().collect();
        let is_there = |other: &Finding| diagnosed.iter().any(|finding| is_same(finding, other));
        let replaced = at_a_look.into_iter().filter(|finding| !is_there(finding));
        Self { found, replaced: replaced.map(|finding| (finding.netns, finding.interface, finding.id)).collect() }
    }

    /// What can be told of a later look: what it shows itself, and what is known from the diagnosis. The worst first.
    #[must_use]
    pub fn join(&self, snapshot: &Snapshot, at_a_look: Vec<Finding>) -> Vec<Finding> {
        let mut all: Vec<Finding> = snapshot.missing.iter().map(interface::missing).collect();
        let concerns_one =
            |finding: &Finding| snapshot.networks.iter().any(|network: &Network| finding.concerns(network));
        // Whoever came or went since then: the look knows.
        all.extend(self.found.iter().filter(|finding| concerns_one(finding)).cloned());
        let retained = all.len();
        for finding in at_a_look {
            let is_known = all.iter().take(retained).any(|known| is_same(known, &finding));
            let is_replaced = self.replaced.iter().any(|(netns, interface, id)| {
                finding.id == *id && finding.netns == *netns && finding.interface == *interface
            });
            if !is_known && !is_replaced {
                all.push(finding);
            }
        }
        all.sort_by_key(|finding| Reverse(finding.severity));
        all
    }
}

/// Whether both say the same of the same network, though maybe with other numbers.
fn is_same(one: &Finding, other: &Finding) -> bool {
    one.id == other.id && one.netns == other.netns && one.interface == other.interface
}

#[cfg(test)]
mod tests {
    use super::super::{DiagnosisInput, Severity, diagnose};
    use super::*;
    use crate::model::{Backend, Counter, InterfaceStats};

    fn look(counters: &[(Counter, u64)], enabled: bool) -> Snapshot {
        let mut values = [Some(0); Counter::ALL.len()];
        for &(counter, value) in counters {
            values[counter as usize] = Some(value);
        }
        let network = Network {
            interface: "wg0".into(),
            ifindex: Some(4),
            backend: Backend::Kernel,
            enabled: Some(enabled),
            stats: InterfaceStats::from_values(&values),
            peers: Some(Vec::new()),
            ..Network::default()
        };
        Snapshot { networks: vec![network], ..Snapshot::default() }
    }

    fn retained(before: &Snapshot, now: &Snapshot) -> RetainedFindings {
        let case = DiagnosisInput { now, before: Some(before), seconds: 30.0, between: None, limits: &[] };
        RetainedFindings::of(now, &diagnose(&case))
    }

    fn told(retained: &RetainedFindings, snapshot: &Snapshot) -> Vec<(&'static str, Severity)> {
        let all = retained.join(snapshot, findings(snapshot));
        all.iter().map(|finding| (finding.id, finding.severity)).collect()
    }

    #[test]
    fn growth_is_told_until_the_next_diagnosis() {
        let (before, now) = (look(&[], true), look(&[(Counter::RxErrors, 4), (Counter::RxFrameErrors, 4)], true));
        let retained = retained(&before, &now);
        let later = look(&[(Counter::RxErrors, 5), (Counter::RxFrameErrors, 5), (Counter::RxDropped, 1)], true);
        let expected = [("rx_forbidden_source", Severity::Warning), ("rx_dropped", Severity::Info)];
        assert_eq!(told(&retained, &later), expected);
    }

    #[test]
    fn packets_are_not_told_twice_under_a_wider_name() {
        let refused = |snapshot: &mut Snapshot, charged| {
            let peer = crate::model::Peer { tx_bytes: charged, ..Default::default() };
            snapshot.networks[0].peers = Some(vec![peer]);
        };
        let (mut before, mut now) = (look(&[], true), look(&[(Counter::TxDropped, 3)], true));
        refused(&mut before, 0);
        refused(&mut now, 384);
        let retained = retained(&before, &now);
        let ids: Vec<&str> = told(&retained, &now).iter().map(|(id, _)| *id).collect();
        assert!(ids.contains(&"tx_refused") && !ids.contains(&"tx_dropped"), "{ids:?}");
    }

    #[test]
    fn what_the_look_sees_is_over_is_over() {
        let down = look(&[], false);
        let retained = retained(&down, &down);
        assert_eq!(told(&retained, &down), [("interface_down", Severity::Critical)]);
        assert_eq!(told(&retained, &look(&[], true)), []);
    }

    #[test]
    fn network_that_went_has_no_findings_but_that_it_is_missing() {
        let (before, now) = (look(&[], true), look(&[(Counter::RxDropped, 4)], true));
        let retained = retained(&before, &now);
        let gone = Snapshot { missing: vec!["wg0".into()], ..Snapshot::default() };
        assert_eq!(told(&retained, &gone), [("interface_missing", Severity::Critical)]);
        assert_eq!(told(&retained, &Snapshot::default()), []);
    }
}
