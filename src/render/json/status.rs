//! Defines the documents with all networks: `status`, and `sample` of `watch`.

use schemars::JsonSchema;

use super::document::{Json, document};
use super::finding::{FindingDocument, ProblemDocument};
use super::network::Networks;
use super::{SCHEMA_VERSION, finding};
use crate::model::{MainCounters, Network};
use crate::render::Report;
use crate::render::out_buf::OutBuf;

document! {
    /// The output of `wgstat status --json` and `wgstat stats IFACE --json`.
    #[schemars(title = "wgstat status")]
    pub(super) struct StatusDocument<'a> {
        /// Always `status`.
        #[schemars(extend("const" = "status"))]
        r#type: &'static str,
        /// Version of this schema.
        schema_version: u32,
        /// When the counters were read, in seconds since the Unix epoch.
        timestamp: u64,
        ..report: ReportMembers<'a>,
    }
}

impl<'a> StatusDocument<'a> {
    pub(super) fn new(report: &'a Report<'a>) -> Self {
        Self {
            r#type: "status",
            schema_version: SCHEMA_VERSION,
            timestamp: report.snapshot.timestamp,
            report: ReportMembers::new(report),
        }
    }
}

document! {
    /// The document of an update of `wgstat watch --json`: the keys of `status`, with rates since the previous update.
    #[schemars(title = "wgstat sample")]
    pub(super) struct SampleDocument<'a> {
        /// Always `sample`.
        #[schemars(extend("const" = "sample"))]
        r#type: &'static str,
        /// Version of this schema.
        schema_version: u32,
        /// When the counters were read, in seconds since the Unix epoch.
        timestamp: u64,
        ..report: ReportMembers<'a>,
    }
}

impl<'a> SampleDocument<'a> {
    pub(super) fn new(report: &'a Report<'a>) -> Self {
        Self {
            r#type: "sample",
            schema_version: SCHEMA_VERSION,
            timestamp: report.snapshot.timestamp,
            report: ReportMembers::new(report),
        }
    }
}

document! {
    /// The keys that the two documents have in common.
    struct ReportMembers<'a> {
        /// The networks, by ifindex.
        networks: Networks<'a>,
        /// Sums over the networks. They stop at 2^64 - 1.
        totals: Totals,
        /// What is wrong with the networks.
        findings: Vec<FindingDocument<'a>>,
        /// What wgstat could not read.
        problems: Vec<ProblemDocument<'a>>,
    }
}

impl<'a> ReportMembers<'a> {
    fn new(report: &'a Report<'a>) -> Self {
        Self {
            networks: Networks(report),
            totals: Totals::new(&report.snapshot.networks),
            findings: finding::findings(report),
            problems: finding::problems(report.snapshot),
        }
    }
}

/// Sums of the nine main counters.
#[derive(JsonSchema)]
struct Totals {
    #[schemars(flatten)]
    counters: MainCounters<u64>,
}

impl Totals {
    fn new(networks: &[Network]) -> Self {
        let counters = MainCounters::from_fn(|counter| {
            networks.iter().filter_map(|network| network.stats.get(counter)).fold(0, u64::saturating_add)
        });
        Self { counters }
    }
}

impl Json for Totals {
    fn write(&self, out: &mut OutBuf<'_>) {
        self.counters.write(out);
    }
}
