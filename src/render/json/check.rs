//! Defines the document of `check --json`.

use std::borrow::Cow;

use super::document::document;
use super::finding::{FindingDocument, ProblemDocument};
use super::{SCHEMA_VERSION, finding};
use crate::render::Report;
use crate::render::check::{Checked, Unexplained};

document! {
    /// The output of `wgstat check --json`.
    #[schemars(title = "wgstat check")]
    pub(super) struct CheckDocument<'a> {
        /// Always `check`.
        #[schemars(extend("const" = "check"))]
        r#type: &'static str,
        /// Version of this schema.
        schema_version: u32,
        /// When the counters were read, in seconds since the Unix epoch.
        timestamp: u64,
        /// The worst status of all interfaces.
        #[schemars(extend("enum" = ["OK", "WARNING", "CRITICAL", "UNKNOWN"]))]
        status: &'static str,
        /// The exit code of this status: 0, 1, 2 or 3.
        exit_code: u8,
        /// Seconds between the two samples that were compared; null after a single sample.
        interval_seconds: Option<f64>,
        /// The interfaces that were checked.
        interfaces: Vec<Cow<'a, str>>,
        /// What is wrong with the networks, the worst first.
        findings: Vec<FindingDocument<'a>>,
        /// What wgstat could not read.
        problems: Vec<ProblemDocument<'a>>,
        /// Faults that no counter shows, for networks without an online peer and without a finding that explains it.
        blind_spots: Vec<BlindSpotDocument<'a>>,
    }
}

impl<'a> CheckDocument<'a> {
    pub(super) fn new(checked: &'a Checked<'a>) -> Self {
        let Report { snapshot, .. } = checked.report;
        Self {
            r#type: "check",
            schema_version: SCHEMA_VERSION,
            timestamp: snapshot.timestamp,
            status: checked.verdict.as_str(),
            exit_code: checked.verdict.exit_code(),
            interval_seconds: checked.seconds,
            interfaces: snapshot.networks.iter().map(|network| network.interface.text()).collect(),
            findings: finding::findings(&checked.report),
            problems: finding::problems(snapshot),
            blind_spots: checked.unexplained().into_iter().map(BlindSpotDocument::from).collect(),
        }
    }
}

document! {
    /// A fault that no counter shows.
    #[schemars(rename = "BlindSpot")]
    struct BlindSpotDocument<'a> {
        netns: Option<&'a str>,
        interface: Cow<'a, str>,
        /// What can go wrong.
        fault: &'static str,
        /// The command that shows it.
        command: String,
    }
}

impl<'a> From<Unexplained<'a>> for BlindSpotDocument<'a> {
    fn from(unexplained: Unexplained<'a>) -> Self {
        Self {
            netns: unexplained.network.netns.as_deref(),
            interface: unexplained.network.interface.text(),
            fault: unexplained.fault,
            command: unexplained.command,
        }
    }
}
