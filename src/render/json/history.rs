//! Defines the document of `GET /api/history`.

use std::borrow::Cow;

use super::document::document;
use super::finding::{FindingDocument, ProblemDocument};
use super::{SCHEMA_VERSION, finding};
use crate::history::counters::{CounterSample, SeriesKey};
use crate::model::MainCounters;
use crate::render::Report;

document! {
    /// The response of `GET /api/history`: the counters of the last day, oldest first. Older samples are further apart.
    #[schemars(title = "wgstat history")]
    pub(super) struct HistoryDocument<'a> {
        /// Always `history`.
        #[schemars(extend("const" = "history"))]
        r#type: &'static str,
        /// Version of this schema.
        schema_version: u32,
        /// When the last sample was taken, in seconds since the Unix epoch.
        timestamp: u64,
        /// The network namespace, if one was requested.
        netns: Option<&'a str>,
        /// The interface; null for the sum over all interfaces.
        interface: Option<Cow<'a, str>>,
        /// The samples.
        samples: Vec<SampleDocument>,
        /// What is wrong with these networks.
        findings: Vec<FindingDocument<'a>>,
        /// What wgstat could not read.
        problems: Vec<ProblemDocument<'a>>,
    }
}

impl<'a> HistoryDocument<'a> {
    pub(super) fn new<'p>(
        report: &Report<'a>,
        key: &'a SeriesKey,
        samples: impl Iterator<Item = &'p CounterSample>,
    ) -> Self {
        let (netns, interface) = match key {
            Some((netns, interface)) => (netns.as_deref(), Some(interface.text())),
            None => (None, None),
        };
        Self {
            r#type: "history",
            schema_version: SCHEMA_VERSION,
            timestamp: report.snapshot.timestamp,
            netns,
            interface,
            samples: samples.map(SampleDocument::from).collect(),
            findings: finding::findings(report),
            problems: finding::problems(report.snapshot),
        }
    }
}

document! {
    /// The nine main counters at one time: absolute values, null if not known.
    #[schemars(rename = "HistorySample")]
    struct SampleDocument {
        /// Seconds since the Unix epoch.
        timestamp: u64,
        /// Whether the counters were reset since the sample before; then there is no growth between the two.
        reset: bool,
        ..counters: MainCounters<Option<u64>>,
    }
}

impl From<&CounterSample> for SampleDocument {
    fn from(sample: &CounterSample) -> Self {
        Self { timestamp: sample.timestamp, reset: sample.reset, counters: sample.counters }
    }
}
