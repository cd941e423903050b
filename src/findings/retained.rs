//! Keeps the findings of a diagnosis for later samples that show less: those that `serve` takes between two ticks.

use std::cmp::Reverse;

use super::{Finding, RuleId, findings, interface};
use crate::model::{Name, Network, Snapshot};

/// The findings of a diagnosis that one sample alone does not give.
#[derive(Debug, Default)]
pub struct RetainedFindings {
    /// Findings that needed a second sample or the environment.
    found: Vec<Finding>,
    /// Findings of the sample alone that the diagnosis replaced by more precise ones: network and rule.
    replaced: Vec<(Option<String>, Name, RuleId)>,
}

impl RetainedFindings {
    /// Compares the findings of a diagnosis with those of its last sample alone.
    #[must_use]
    pub fn of(snapshot: &Snapshot, diagnosed: &[Finding]) -> Self {
        let of_one_sample = findings(snapshot);
        let found = diagnosed.iter().filter(|finding| !of_one_sample.contains(finding)).cloned().collect();
        let is_diagnosed = |other: &Finding| diagnosed.iter().any(|finding| finding.is_same_rule(other));
        let replaced = of_one_sample.into_iter().filter(|finding| !is_diagnosed(finding));
        Self { found, replaced: replaced.map(|finding| (finding.netns, finding.interface, finding.id)).collect() }
    }

    /// Returns the findings of a later sample together with those that were kept, the worst first.
    #[must_use]
    pub fn join(&self, snapshot: &Snapshot, of_one_sample: Vec<Finding>) -> Vec<Finding> {
        let mut all: Vec<Finding> = snapshot.missing.iter().map(interface::missing).collect();
        let concerns_one =
            |finding: &Finding| snapshot.networks.iter().any(|network: &Network| finding.concerns(network));
        // Networks may have come or gone since the diagnosis.
        all.extend(self.found.iter().filter(|finding| concerns_one(finding)).cloned());
        let retained = all.len();
        for finding in of_one_sample {
            let is_known = all.iter().take(retained).any(|known| known.is_same_rule(&finding));
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

#[cfg(test)]
mod tests {
    use super::super::{DiagnosisInput, Severity, diagnose};
    use super::*;
    use crate::model::{Backend, Counter, InterfaceStats};

    fn sample(counters: &[(Counter, u64)], enabled: bool) -> Snapshot {
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
        let input = DiagnosisInput { now, before: Some(before), seconds: 30.0, between: None, limits: &[] };
        RetainedFindings::of(now, &diagnose(&input))
    }

    fn joined(retained: &RetainedFindings, snapshot: &Snapshot) -> Vec<(RuleId, Severity)> {
        let all = retained.join(snapshot, findings(snapshot));
        all.iter().map(|finding| (finding.id, finding.severity)).collect()
    }

    #[test]
    fn growth_is_reported_until_the_next_diagnosis() {
        let (before, now) = (sample(&[], true), sample(&[(Counter::RxErrors, 4), (Counter::RxFrameErrors, 4)], true));
        let retained = retained(&before, &now);
        let later = sample(&[(Counter::RxErrors, 5), (Counter::RxFrameErrors, 5), (Counter::RxDropped, 1)], true);
        let expected = [(RuleId::RxForbiddenSource, Severity::Warning), (RuleId::RxDropped, Severity::Info)];
        assert_eq!(joined(&retained, &later), expected);
    }

    #[test]
    fn packets_are_not_reported_twice_by_a_wider_rule() {
        let refused = |snapshot: &mut Snapshot, charged| {
            let peer = crate::model::Peer { tx_bytes: charged, ..Default::default() };
            snapshot.networks[0].peers = Some(vec![peer]);
        };
        let (mut before, mut now) = (sample(&[], true), sample(&[(Counter::TxDropped, 3)], true));
        refused(&mut before, 0);
        refused(&mut now, 384);
        let retained = retained(&before, &now);
        let ids: Vec<RuleId> = joined(&retained, &now).iter().map(|(id, _)| *id).collect();
        assert!(ids.contains(&RuleId::TxRefused) && !ids.contains(&RuleId::TxDropped), "{ids:?}");
    }

    #[test]
    fn finding_ends_when_a_sample_shows_that_it_is_over() {
        let down = sample(&[], false);
        let retained = retained(&down, &down);
        assert_eq!(joined(&retained, &down), [(RuleId::InterfaceDown, Severity::Critical)]);
        assert_eq!(joined(&retained, &sample(&[], true)), []);
    }

    #[test]
    fn removed_network_has_no_findings_except_that_it_is_missing() {
        let (before, now) = (sample(&[], true), sample(&[(Counter::RxDropped, 4)], true));
        let retained = retained(&before, &now);
        let gone = Snapshot { missing: vec!["wg0".into()], ..Snapshot::default() };
        assert_eq!(joined(&retained, &gone), [(RuleId::InterfaceMissing, Severity::Critical)]);
        assert_eq!(joined(&retained, &Snapshot::default()), []);
    }
}
