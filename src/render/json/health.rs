//! Defines the document of `GET /health`.

use super::document::document;
use crate::findings::{Severity, hides_trouble};
use crate::model::Network;
use crate::render::Report;

/// The health of all networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Links could be read.
    Known {
        /// Number of networks.
        total: usize,
        /// Number of networks with a warning or a critical finding.
        degraded: usize,
        /// Whether something that could hide a finding could not be read, or an interface is missing.
        is_incomplete: bool,
    },
    /// Links could not be read.
    Failed,
}

impl Health {
    /// Evaluates a report.
    #[must_use]
    pub fn of(report: &Report<'_>) -> Self {
        let serious = report.findings.iter().filter(|finding| finding.severity > Severity::Info);
        let is_degraded = |network: &&Network| serious.clone().any(|finding| finding.concerns(network));
        let Report { snapshot, .. } = report;
        Self::Known {
            total: snapshot.networks.len(),
            degraded: snapshot.networks.iter().filter(is_degraded).count(),
            is_incomplete: snapshot.problems.iter().any(hides_trouble) || !snapshot.missing.is_empty(),
        }
    }
}

document! {
    /// The response of `GET /health`: status 200 while links can be read, else 503.
    #[schemars(title = "wgstat health")]
    pub(super) struct HealthDocument {
        /// `degraded` if a network has a warning or worse, is missing, or could not be read completely; `failed` if nothing
        /// could be read.
        #[schemars(extend("enum" = ["healthy", "degraded", "failed"]))]
        status: &'static str,
        version: &'static str,
        /// Seconds since the server was started.
        uptime_seconds: u64,
        networks: HealthNetworks,
    }
}

document! {
    /// The number of networks, by health.
    struct HealthNetworks {
        total: usize,
        healthy: usize,
        degraded: usize,
    }
}

impl HealthDocument {
    pub(super) fn new(health: Health, uptime_seconds: u64) -> Self {
        let (status, total, degraded) = match health {
            Health::Known { total, degraded: 0, is_incomplete: false } => ("healthy", total, 0),
            Health::Known { total, degraded, .. } => ("degraded", total, degraded),
            Health::Failed => ("failed", 0, 0),
        };
        let networks = HealthNetworks { total, healthy: total - degraded, degraded };
        Self { status, version: env!("CARGO_PKG_VERSION"), uptime_seconds, networks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Code, Problem, Snapshot};
    use crate::render::Endpoints;

    #[test]
    fn unreadable_names_do_not_degrade_health() {
        for (code, expected) in [(Code::NamesUnreadable, false), (Code::DaemonUnreachable, true)] {
            let snapshot = Snapshot { problems: vec![Problem::new(code, String::new())], ..Snapshot::default() };
            let report = Report { snapshot: &snapshot, rates: &[], findings: &[], endpoints: Endpoints::Hidden };
            let Health::Known { is_incomplete, .. } = Health::of(&report) else { panic!("{code}") };
            assert_eq!(is_incomplete, expected, "{code}");
        }
    }
}
