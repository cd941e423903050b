//! What is wrong with an interface itself: its state and its counters.

use super::{Finding, Severity, counters, finding};
use crate::model::{Backend, Counter, Network};

/// Adds what one look can tell.
pub(super) fn judge(network: &Network, found: &mut Vec<Finding>) {
    if network.backend == Backend::DeadDaemon {
        found.push(finding("daemon_dead", network));
    }
    if network.enabled == Some(false) {
        found.push(Finding {
            summary: "it is administratively down".to_owned(),
            remedy: format!("ip link set {} up", network.interface),
            ..finding("interface_down", network)
        });
    }
    found.extend(counter_findings(network));
}

/// Error and drop counters that are not 0: information, because nothing says when they grew. Narrow ones stand instead of the
/// wide one for the same packets.
fn counter_findings(network: &Network) -> impl Iterator<Item = Finding> {
    let value = |counter| network.stats.get(counter).unwrap_or(0);
    let kernel = network.backend == Backend::Kernel;
    let forbidden = if kernel { value(Counter::RxFrameErrors) } else { 0 };
    let malformed = if kernel { value(Counter::RxLengthErrors) } else { 0 };
    let other = value(Counter::RxErrors).saturating_sub(forbidden).saturating_sub(malformed);
    // Refused by a firewall, they are among the tx_errors.
    let refused = if kernel { value(Counter::TxAbortedErrors) } else { 0 };
    let unsent = value(Counter::TxErrors).saturating_sub(refused);
    [
        ("rx_forbidden_source", Counter::RxFrameErrors, forbidden),
        ("rx_malformed", Counter::RxLengthErrors, malformed),
        ("rx_errors", Counter::RxErrors, other),
        ("tx_refused", Counter::TxAbortedErrors, refused),
        ("tx_errors", Counter::TxErrors, unsent),
        ("rx_dropped", Counter::RxDropped, value(Counter::RxDropped)),
        ("tx_dropped", Counter::TxDropped, value(Counter::TxDropped)),
    ]
    .into_iter()
    .filter(|&(_, _, count)| count > 0)
    .map(|(id, counter, count)| {
        // What it means depends on who does the work.
        let meaning = counters::meaning(counter, network.backend);
        let base = finding(id, network);
        Finding {
            severity: Severity::Info,
            count,
            value: Some(count),
            unit: Some("packets"),
            summary: format!("{count} {}, since the interface was created", base.summary),
            cause: meaning.means,
            remedy: meaning.remedy.map_or_else(|| format!("wgstat stats {}", network.interface), str::to_owned),
            ..base
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::InterfaceStats;

    fn network(backend: Backend, counters: &[(Counter, u64)]) -> Network {
        let mut values = [0_u64; Counter::ALL.len()];
        for &(counter, value) in counters {
            values[counter as usize] = value;
        }
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_ne_bytes()).collect();
        Network { backend, enabled: Some(true), stats: InterfaceStats::from_stats64(&bytes), ..Network::default() }
    }

    fn judged(network: &Network) -> Vec<Finding> {
        let mut found = Vec::new();
        judge(network, &mut found);
        found
    }

    fn ids(network: &Network) -> Vec<(&'static str, u64)> {
        judged(network).iter().map(|finding| (finding.id, finding.count)).collect()
    }

    #[test]
    fn narrow_finding_stands_instead_of_the_wide_one() {
        let counters = [(Counter::RxErrors, 7), (Counter::RxFrameErrors, 4), (Counter::RxLengthErrors, 2)];
        assert_eq!(
            ids(&network(Backend::Kernel, &counters)),
            [("rx_forbidden_source", 4), ("rx_malformed", 2), ("rx_errors", 1)]
        );
    }

    #[test]
    fn refused_sends_are_not_counted_twice() {
        let counters = [(Counter::TxErrors, 5), (Counter::TxAbortedErrors, 3)];
        assert_eq!(ids(&network(Backend::Kernel, &counters)), [("tx_refused", 3), ("tx_errors", 2)]);
    }

    #[test]
    fn tun_frame_errors_are_no_forbidden_source() {
        let counters = [(Counter::RxErrors, 4), (Counter::RxFrameErrors, 4)];
        assert_eq!(ids(&network(Backend::Userspace, &counters)), [("rx_errors", 4)]);
    }

    #[test]
    fn healthy_network_has_no_finding() {
        assert_eq!(ids(&network(Backend::Kernel, &[(Counter::RxBytes, 9)])), []);
    }

    #[test]
    fn interface_that_is_down_is_critical() {
        let found = judged(&Network { enabled: Some(false), ..network(Backend::Kernel, &[]) });
        assert_eq!((found[0].id, found[0].severity), ("interface_down", Severity::Critical));
    }

    #[test]
    fn dead_daemon_is_critical() {
        let dead = Network { backend: Backend::DeadDaemon, ..Network::default() };
        assert_eq!(ids(&dead), [("daemon_dead", 1)]);
    }
}
