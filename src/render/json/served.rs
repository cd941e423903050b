//! The documents that only `serve` has: what was counted in the last day, and how well all is.

use std::borrow::Cow;
use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::{FindingDocument, OutBuf, ProblemDocument, SCHEMA_VERSION, append, findings, schemas};
use crate::findings::{Severity, hides_trouble};
use crate::history::counters::{CounterSample, SeriesKey};
use crate::model::{Counter, Network};
use crate::render::Report;

/// Writes the document of `GET /api/history`, on one line. Findings and problems are those of the report.
///
/// # Errors
/// As the writer.
pub fn history<'a>(
    out: &mut dyn Write,
    report: &Report<'_>,
    subject: &SeriesKey,
    points: impl Iterator<Item = &'a CounterSample>,
) -> io::Result<()> {
    let (netns, interface) = match subject {
        Some((netns, interface)) => (netns.as_deref(), Some(interface.text())),
        None => (None, None),
    };
    let document = HistoryDocument {
        r#type: "history",
        schema_version: SCHEMA_VERSION,
        timestamp: report.snapshot.timestamp,
        netns,
        interface,
        samples: points.map(PointDocument::from).collect(),
        findings: findings(report),
        problems: report.snapshot.problems.iter().map(ProblemDocument::from).collect(),
    };
    line(out, &document)
}

/// How well all is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Links could be read.
    Known {
        /// Networks there are.
        total: usize,
        /// Networks with a warning or something critical.
        degraded: usize,
        /// Something that could be trouble could not be read, or an interface is missing.
        is_incomplete: bool,
    },
    /// They could not.
    Failed,
}

impl Health {
    /// What a report comes to.
    #[must_use]
    pub fn of(report: &Report<'_>) -> Self {
        let is_trouble = |severity| severity > Severity::Info;
        let troubled = report.findings.iter().filter(|finding| is_trouble(finding.severity));
        let is_degraded = |network: &&Network| troubled.clone().any(|finding| finding.concerns(network));
        let Report { snapshot, .. } = report;
        Self::Known {
            total: snapshot.networks.len(),
            degraded: snapshot.networks.iter().filter(is_degraded).count(),
            is_incomplete: snapshot.problems.iter().any(hides_trouble) || !snapshot.missing.is_empty(),
        }
    }
}

/// Writes the document of `GET /health`, on one line. The server's uptime is in seconds.
///
/// # Errors
/// As the writer.
pub fn health(out: &mut dyn Write, health: Health, uptime_seconds: u64) -> io::Result<()> {
    let (status, total, degraded) = match health {
        Health::Known { total, degraded: 0, is_incomplete: false } => ("healthy", total, 0),
        Health::Known { total, degraded, .. } => ("degraded", total, degraded),
        Health::Failed => ("failed", 0, 0),
    };
    let networks = HealthNetworks { total, healthy: total - degraded, degraded };
    line(out, &HealthDocument { status, version: env!("CARGO_PKG_VERSION"), uptime_seconds, networks })
}

/// Writes the schemas of all documents as one, by their names.
///
/// # Errors
/// As the writer.
pub fn schema_of_all(out: &mut dyn Write) -> io::Result<()> {
    let all: serde_json::Map<_, _> =
        schemas().into_iter().map(|(name, schema)| (name.to_owned(), schema.to_value())).collect();
    line(out, &all)
}

fn line(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    let mut text = OutBuf::new(out);
    append(&mut text, document)?;
    text.push(b'\n');
    text.finish()
}

/// What `GET /api/history` answers: the counters of the last day, the oldest first, further apart the older they are.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "wgstat history")]
pub(super) struct HistoryDocument<'a> {
    /// Always `history`.
    #[schemars(extend("const" = "history"))]
    r#type: &'static str,
    /// Version of this schema.
    schema_version: u32,
    /// When the last sample was taken, in seconds since the Unix epoch.
    timestamp: u64,
    /// The network namespace, where one was asked for.
    netns: Option<&'a str>,
    /// The interface; null for the sum over all of them.
    interface: Option<Cow<'a, str>>,
    /// What was counted.
    samples: Vec<PointDocument>,
    /// What is wrong with these networks.
    findings: Vec<FindingDocument<'a>>,
    /// What wgstat itself could not see.
    problems: Vec<ProblemDocument<'a>>,
}

/// The nine main counters at one moment: absolute, null where one is not known.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HistorySample")]
struct PointDocument {
    /// Seconds since the Unix epoch.
    timestamp: u64,
    /// The counters started anew since the sample before: there is no growth between the two.
    reset: bool,
    rx_bytes: Option<u64>,
    tx_bytes: Option<u64>,
    rx_packets: Option<u64>,
    tx_packets: Option<u64>,
    rx_errors: Option<u64>,
    tx_errors: Option<u64>,
    rx_dropped: Option<u64>,
    tx_dropped: Option<u64>,
    multicast: Option<u64>,
}

impl From<&CounterSample> for PointDocument {
    fn from(point: &CounterSample) -> Self {
        let get = |counter| {
            let place = Counter::MAIN.iter().position(|&main| main == counter)?;
            point.counters.get(place).copied().flatten()
        };
        Self {
            timestamp: point.timestamp,
            reset: point.reset,
            rx_bytes: get(Counter::RxBytes),
            tx_bytes: get(Counter::TxBytes),
            rx_packets: get(Counter::RxPackets),
            tx_packets: get(Counter::TxPackets),
            rx_errors: get(Counter::RxErrors),
            tx_errors: get(Counter::TxErrors),
            rx_dropped: get(Counter::RxDropped),
            tx_dropped: get(Counter::TxDropped),
            multicast: get(Counter::Multicast),
        }
    }
}

/// What `GET /health` answers: 200 while links can be read, else 503.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "wgstat health")]
pub(super) struct HealthDocument {
    /// `degraded` where a network has a warning or worse, is missing, or not all could be read; `failed` where nothing could.
    #[schemars(extend("enum" = ["healthy", "degraded", "failed"]))]
    status: &'static str,
    version: &'static str,
    /// Seconds since it was started.
    uptime_seconds: u64,
    networks: HealthNetworks,
}

/// Networks, by whether anything is wrong with them.
#[derive(Serialize, JsonSchema)]
struct HealthNetworks {
    total: usize,
    healthy: usize,
    degraded: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Code;
    use crate::model::{Problem, Snapshot};
    use crate::render::Endpoints;

    #[test]
    fn tunnel_without_names_is_as_healthy() {
        for (code, expected) in [(Code::NamesUnreadable, false), (Code::DaemonUnreachable, true)] {
            let problem = Problem { code, netns: None, interface: None, message: String::new(), hint: None };
            let snapshot = Snapshot { problems: vec![problem], ..Snapshot::default() };
            let report = Report { snapshot: &snapshot, rates: &[], findings: &[], endpoints: Endpoints::Hidden };
            let Health::Known { is_incomplete, .. } = Health::of(&report) else { panic!("{code}") };
            assert_eq!(is_incomplete, expected, "{code}");
        }
    }
}
