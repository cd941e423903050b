//! Defines the alerts that Prometheus can evaluate by itself, as expressions over the metrics.

use super::rules::{Rule, Summary};
use super::{RuleId, Severity};

/// Describes a rule as Prometheus evaluates it.
#[derive(Debug, Clone, Copy)]
pub struct Alert {
    /// The alert's name.
    pub name: &'static str,
    /// `PromQL`; `{threshold}` stands for the limit.
    pub expression: &'static str,
    /// The default limit, in the unit of the expression's left side; `None` where the expression has no limit.
    pub threshold: Option<f64>,
    /// The time for which the expression has to hold.
    pub hold: &'static str,
    /// The labels of what the alert is about, for its summary.
    pub subject: &'static str,
}

const INTERFACE: &str = "{{ $labels.interface }} on {{ $labels.instance }}";

/// Returns the alert of a rule; `None` where metrics do not show what the rule needs. Rates are over five minutes, so that one
/// missed scrape does not hide an increase.
#[must_use]
pub const fn alert(id: RuleId) -> Option<Alert> {
    match id {
        RuleId::InterfaceDown => Some(Alert {
            name: "WireGuardInterfaceDown",
            expression: "wg_interface_up == 0",
            threshold: None,
            hold: "2m",
            subject: INTERFACE,
        }),
        RuleId::RxErrors => {
            Some(growth("WireGuardReceiveErrors", "rate(wg_interface_rx_errors_total[5m]) > {threshold}"))
        }
        RuleId::TxErrors => {
            Some(growth("WireGuardTransmitErrors", "rate(wg_interface_tx_errors_total[5m]) > {threshold}"))
        }
        RuleId::RxDropped => {
            Some(growth("WireGuardReceiveDrops", "rate(wg_interface_rx_dropped_total[5m]) > {threshold}"))
        }
        RuleId::TxDropped => {
            Some(growth("WireGuardTransmitDrops", "rate(wg_interface_tx_dropped_total[5m]) > {threshold}"))
        }
        RuleId::PeerStale => Some(Alert {
            name: "WireGuardPeerStale",
            expression: "time() - wg_peer_last_handshake_timestamp_seconds > \
                         {threshold} + wg_peer_persistent_keepalive_seconds",
            threshold: Some(195.0),
            hold: "1m",
            subject: "peer {{ $labels.public_key }} of {{ $labels.interface }} on {{ $labels.instance }}",
        }),
        _ => None,
    }
}

/// Returns the alert for a counter that should not grow, in packets per second.
const fn growth(name: &'static str, expression: &'static str) -> Alert {
    Alert { name, expression, threshold: Some(0.0), hold: "0m", subject: INTERFACE }
}

/// Describes an alert that no finding corresponds to.
#[derive(Debug, Clone, Copy)]
pub struct ExternalAlert {
    /// The id, as the label `finding` has it.
    pub id: &'static str,
    /// Its severity.
    pub severity: Severity,
    /// The expression.
    pub alert: Alert,
    /// The texts.
    pub rule: Rule,
}

/// The alerts that only Prometheus can raise: it remembers the past, and it notices when wgstat does not run.
pub static EXTERNAL: [ExternalAlert; 3] = [
    ExternalAlert {
        id: "peers_offline",
        severity: Severity::Info,
        alert: Alert {
            name: "WireGuardPeersOffline",
            expression: "wg_interface_peers_online < wg_interface_peers_online offset 10m",
            threshold: None,
            hold: "5m",
            subject: INTERFACE,
        },
        rule: Rule {
            summary: Summary::Interface("fewer peers are online than ten minutes ago"),
            cause: "peers disconnected, or can no longer reach this host; without keepalive an idle peer counts as offline too",
            remedy: "wgstat status INTERFACE --all",
        },
    },
    ExternalAlert {
        id: "scrape_failing",
        severity: Severity::Warning,
        alert: Alert {
            name: "WireGuardScrapeFailing",
            expression: "wg_scrape_success{source!=\"names\"} == 0",
            threshold: None,
            hold: "5m",
            subject: "{{ $labels.source }} on {{ $labels.instance }}",
        },
        rule: Rule {
            summary: Summary::Interface("wgstat cannot read everything"),
            cause: "a privilege is missing, or a userspace daemon does not answer",
            remedy: "wgstat status  # as the same user: it shows what is missing and how to grant it",
        },
    },
    ExternalAlert {
        id: "textfile_stale",
        severity: Severity::Warning,
        alert: Alert {
            name: "WireGuardTextfileStale",
            expression: "time() - node_textfile_mtime_seconds{file=~\".*wgstat.*\"} > {threshold}",
            threshold: Some(300.0),
            hold: "0m",
            subject: "{{ $labels.file }} on {{ $labels.instance }}",
        },
        rule: Rule {
            summary: Summary::Interface("the metrics file is no longer updated"),
            cause: "the cron job or timer that runs wgstat export-metrics is not running, or fails",
            remedy: "systemctl status wgstat.timer  # then run wgstat export-metrics by hand",
        },
    },
];
