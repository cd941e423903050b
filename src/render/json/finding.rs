//! Defines the findings and problems in a document.

use std::borrow::Cow;

use super::document::document;
use crate::findings::Finding;
use crate::model::{Name, Problem, PublicKey, Snapshot};
use crate::render::{Endpoints, Report};

document! {
    /// Something that is wrong with a network.
    #[schemars(rename = "Finding")]
    pub(super) struct FindingDocument<'a> {
        /// Stable id of the rule.
        id: &'static str,
        #[schemars(extend("enum" = ["info", "warning", "critical"]))]
        severity: &'static str,
        netns: Option<&'a str>,
        interface: Cow<'a, str>,
        /// Number of packets, peers or interfaces that it covers.
        count: u64,
        /// Public keys of the first 20 affected peers.
        peers: &'a [PublicKey],
        /// The measured value.
        value: Option<u64>,
        /// The unit of `value`.
        unit: Option<&'static str>,
        /// What is wrong.
        summary: &'a str,
        /// The likely cause.
        cause: &'static str,
        /// The suggested fix: a shell command with comments. Replace the words in capitals.
        remedy: Cow<'a, str>,
        /// The section of the manual.
        manual: String,
    }
}

impl<'a> FindingDocument<'a> {
    pub(super) fn new(finding: &'a Finding, endpoints: Endpoints) -> Self {
        Self {
            id: finding.id.as_str(),
            severity: finding.severity.as_str(),
            netns: finding.netns.as_deref(),
            interface: finding.interface.text(),
            count: finding.count,
            peers: &finding.peers,
            value: finding.value,
            unit: finding.unit,
            summary: &finding.summary,
            cause: finding.cause,
            remedy: match endpoints {
                Endpoints::Shown => Cow::Borrowed(&finding.remedy),
                Endpoints::Hidden => finding.remedy_without_endpoint(),
            },
            manual: finding.manual(),
        }
    }
}

/// Returns the documents of a report's findings.
pub(super) fn findings<'a>(report: &Report<'a>) -> Vec<FindingDocument<'a>> {
    report.findings.iter().map(|finding| FindingDocument::new(finding, report.endpoints)).collect()
}

document! {
    /// Something that wgstat could not read.
    #[schemars(rename = "Problem")]
    pub(super) struct ProblemDocument<'a> {
        /// Stable name of this kind of problem.
        code: &'static str,
        netns: Option<&'a str>,
        /// Null if it affects all interfaces.
        interface: Option<Cow<'a, str>>,
        message: &'a str,
        /// The suggested fix.
        hint: Option<&'a str>,
    }
}

impl<'a> From<&'a Problem> for ProblemDocument<'a> {
    fn from(problem: &'a Problem) -> Self {
        Self {
            code: problem.code.as_str(),
            netns: problem.netns.as_deref(),
            interface: problem.interface.as_ref().map(Name::text),
            message: &problem.message,
            hint: problem.hint.as_deref(),
        }
    }
}

/// Returns the documents of a snapshot's problems.
pub(super) fn problems(snapshot: &Snapshot) -> Vec<ProblemDocument<'_>> {
    snapshot.problems.iter().map(ProblemDocument::from).collect()
}
