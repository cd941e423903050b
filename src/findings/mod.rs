//! Judgement: pure rules from a snapshot to what is wrong, why, and what to do.
//!
//! Only rules that one look can decide are here yet; a non-zero counter is information, because nothing says when it
//! grew.

pub mod counters;
pub mod rules;

use crate::model::{Backend, Counter, Name, Network, PublicKey, Snapshot};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Traffic suffers.
    Warning,
    /// The network does not work.
    Critical,
}

impl Severity {
    /// As JSON and metrics have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// One thing that is wrong with one network.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Stable id of the rule.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The network's namespace, where the caller named one.
    pub netns: Option<String>,
    /// The network's interface.
    pub interface: Name,
    /// How many things it covers: packets, peers, interfaces.
    pub count: u64,
    /// The peers it concerns, at most 20.
    pub peers: Vec<PublicKey>,
    /// The number behind it, where there is one.
    pub value: Option<u64>,
    /// The unit of `value`.
    pub unit: Option<&'static str>,
    /// What is the case, in one line.
    pub summary: String,
    /// Why, in one sentence.
    pub cause: &'static str,
    /// What to type.
    pub remedy: String,
}

impl Finding {
    /// Whether it is about this network.
    #[must_use]
    pub fn concerns(&self, network: &Network) -> bool {
        self.netns == network.netns && self.interface == network.interface
    }
}

/// What one look at the networks can tell, network by network.
#[must_use]
pub fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    snapshot.networks.iter().flat_map(network_findings).collect()
}

fn network_findings(network: &Network) -> Vec<Finding> {
    let interface = &network.interface;
    let mut found = Vec::new();
    if network.backend == Backend::DeadDaemon {
        found.push(Finding {
            summary: "its userspace daemon is dead: the socket refuses connections and there is no link".to_owned(),
            cause: "the daemon was killed or crashed, and left its socket file",
            remedy: "start the daemon again, or remove the socket file".to_owned(),
            ..finding("daemon_dead", Severity::Critical, network, 1)
        });
    }
    if network.enabled == Some(false) {
        found.push(Finding {
            summary: "it is administratively down".to_owned(),
            cause: "it was never brought up, or somebody took it down",
            remedy: format!("ip link set {interface} up"),
            ..finding("interface_down", Severity::Critical, network, 1)
        });
    }
    found.extend(counter_findings(network));
    found
}

/// Error and drop counters that are not 0; narrow ones stand instead of the wide one for the same packets.
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
        (
            "rx_forbidden_source",
            Counter::RxFrameErrors,
            forbidden,
            "packets from a peer with a source address it may not use",
        ),
        ("rx_malformed", Counter::RxLengthErrors, malformed, "packets from a peer with a wrong inner header"),
        ("rx_errors", Counter::RxErrors, other, "packets received and refused"),
        ("tx_refused", Counter::TxAbortedErrors, refused, "packets whose outer send was refused"),
        ("tx_errors", Counter::TxErrors, unsent, "packets that could not be sent"),
        ("rx_dropped", Counter::RxDropped, value(Counter::RxDropped), "received packets dropped"),
        ("tx_dropped", Counter::TxDropped, value(Counter::TxDropped), "packets dropped before sending"),
    ]
    .into_iter()
    .filter(|&(_, _, count, _)| count > 0)
    .map(|(id, counter, count, what)| {
        let meaning = counters::meaning(counter, network.backend);
        Finding {
            value: Some(count),
            unit: Some("packets"),
            summary: format!("{count} {what}, since the interface was created"),
            cause: meaning.means,
            remedy: meaning.remedy.map_or_else(|| format!("wgstat stats {}", network.interface), str::to_owned),
            ..finding(id, Severity::Info, network, count)
        }
    })
}

fn finding(id: &'static str, severity: Severity, network: &Network, count: u64) -> Finding {
    Finding {
        id,
        severity,
        netns: network.netns.clone(),
        interface: network.interface.clone(),
        count,
        peers: Vec::new(),
        value: None,
        unit: None,
        summary: String::new(),
        cause: "",
        remedy: String::new(),
    }
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

    fn ids(network: &Network) -> Vec<(&'static str, u64)> {
        network_findings(network).iter().map(|finding| (finding.id, finding.count)).collect()
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
        let found = network_findings(&Network { enabled: Some(false), ..network(Backend::Kernel, &[]) });
        assert_eq!((found[0].id, found[0].severity), ("interface_down", Severity::Critical));
    }

    #[test]
    fn dead_daemon_is_critical() {
        let dead = Network { backend: Backend::DeadDaemon, ..Network::default() };
        assert_eq!(ids(&dead), [("daemon_dead", 1)]);
    }
}
