//! Evaluates all rules: on one sample, or on two that are compared.

use std::cmp::Reverse;

use super::network_view::NetworkView;
use super::{DiagnosisInput, Finding, Limit, Severity, errors, interface, path, peers, threshold};
use crate::model::{Network, Snapshot};

/// Evaluates the rules that need only one sample, network by network.
#[must_use]
pub fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    let mut found = Vec::new();
    for network in &snapshot.networks {
        evaluate(&NetworkView::now(snapshot, network), &[], &mut found);
    }
    prefix_netns(&mut found, snapshot);
    found
}

/// Evaluates all rules. Returns the findings, the worst first.
#[must_use]
pub fn diagnose(input: &DiagnosisInput<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = input.now.missing.iter().map(interface::missing).collect();
    for network in &input.now.networks {
        evaluate(&NetworkView::of(input, network), input.limits, &mut found);
    }
    found.sort_by_key(|finding| Reverse(finding.severity));
    prefix_netns(&mut found, input.now);
    found
}

fn evaluate(view: &NetworkView<'_>, limits: &[Limit], found: &mut Vec<Finding>) {
    interface::evaluate(view, found);
    errors::evaluate(view, found);
    let explained = path::evaluate(view, found);
    peers::evaluate(view, &explained, found);
    found.extend(threshold::evaluate(view, limits));
}

/// Returns whether a network has peers, none is online at the Unix time `now`, and no finding explains why.
#[must_use]
pub fn is_silent(network: &Network, findings: &[Finding], now: u64) -> bool {
    let peers = network.peers.as_deref().unwrap_or_default();
    !peers.is_empty()
        && !peers.iter().any(|peer| peer.is_online(now))
        && !findings.iter().any(|finding| finding.severity > Severity::Info && finding.concerns(network))
}

/// Makes each remedy run in its network's namespace. Without the prefix, a command acts on the namespace it is typed in.
fn prefix_netns(found: &mut [Finding], snapshot: &Snapshot) {
    if snapshot.exec_prefixes.is_empty() {
        return;
    }
    for finding in found {
        let Some(prefix) = finding.netns.as_ref().and_then(|netns| snapshot.exec_prefixes.get(netns)) else { continue };
        finding.remedy = in_netns(&finding.remedy, prefix);
    }
}

/// Puts the prefix in front of each command of a remedy. The comment stays as it is.
#[must_use]
pub fn in_netns(remedy: &str, exec_prefix: &str) -> String {
    let (commands, comment) = match remedy.find("  # ") {
        Some(at) => remedy.split_at(at),
        None if remedy.starts_with('#') => ("", remedy),
        None => (remedy, ""),
    };
    if commands.is_empty() {
        return comment.to_owned();
    }
    let prefixed: Vec<String> = commands.split(" && ").map(|command| format!("{exec_prefix} {command}")).collect();
    prefixed.join(" && ") + comment
}

#[cfg(test)]
mod tests {
    use super::super::RuleId;
    use super::*;

    #[test]
    fn every_command_of_a_remedy_runs_in_the_namespace() {
        let network = Network { netns: Some("blue".to_owned()), ..Network::default() };
        let remedies = [
            ("a && b  # c && d", "ip netns exec blue a && ip netns exec blue b  # c && d"),
            ("a", "ip netns exec blue a"),
            ("# only words", "# only words"),
        ];
        let exec_prefixes = [("blue".to_owned(), "ip netns exec blue".to_owned())].into();
        let snapshot = Snapshot { exec_prefixes, ..Snapshot::default() };
        for (before, after) in remedies {
            let mut found = [Finding { remedy: before.to_owned(), ..Finding::new(RuleId::Threshold, &network) }];
            prefix_netns(&mut found, &snapshot);
            assert_eq!(found[0].remedy, after);
        }
    }
}
