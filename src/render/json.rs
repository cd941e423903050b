//! The JSON documents: public API, described by the schema that is generated from these same types.
//!
//! Exact integers, Unix seconds, `null` for unknown or never, no key ever left out. What there may be thousands of is
//! written by hand (`json/network.rs`, `json/peers.rs`), at a sixth of the instructions that serde takes (1,700 a peer
//! against 10,000); the types there are the schema's, and every document that a test sees is checked against it. All else is
//! serialised.

mod event;
mod network;
mod peers;
mod served;

use std::borrow::Cow;
use std::io::{self, Write};

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::{Serialize, Serializer};

use self::event::EventDocument;
pub use self::served::{Health, health, history, schema_of_all};
use self::served::{HealthDocument, HistoryDocument};
use super::check::{Checked, Unexplained};
use super::out_buf::OutBuf;
use super::{Endpoints, Report};
use crate::error::Error;
use crate::events::Event;
use crate::findings::Finding;
use crate::model::{Counter, Name, Network, Problem, PublicKey, acts_on_terminal};

/// Grows when a reader of an older version would misread the document.
const SCHEMA_VERSION: u32 = 1;

/// Writes the document of `status --json` and `stats IFACE --json`, on one line.
///
/// # Errors
/// As the writer.
pub fn status(out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    networks(out, report, &StatusHead::new(report.snapshot.timestamp))
}

/// Writes the document of one tick of `watch --json`, on one line.
///
/// # Errors
/// As the writer.
pub fn sample(out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    networks(out, report, &SampleHead::new(report.snapshot.timestamp))
}

/// Writes the document of one event of `watch --json`, on one line.
///
/// # Errors
/// As the writer.
pub fn event(out: &mut dyn Write, event: &Event) -> io::Result<()> {
    let mut text = OutBuf::new(out);
    append(&mut text, &EventDocument::from(event))?;
    text.push(b'\n');
    text.finish()
}

/// What `status` and `sample` have in common.
fn networks(out: &mut dyn Write, report: &Report<'_>, head: &impl Serialize) -> io::Result<()> {
    let snapshot = report.snapshot;
    let rates = report.rates.iter().map(Option::as_ref).chain(std::iter::repeat(None));
    let mut text = OutBuf::new(out);
    append(&mut text, head)?;
    // What follows continues the object.
    text.pop(b'}');
    text.push_bytes(b",\"networks\":[");
    for (place, (network, rates)) in snapshot.networks.iter().zip(rates).enumerate() {
        if place > 0 {
            text.push(b',');
        }
        network::write(&mut text, network, rates, report)?;
        text.flush_if_full();
    }
    text.push_bytes(b"],");
    let mut tail = Vec::new();
    append(&mut tail, &StatusTail::new(report))?;
    text.push_bytes(tail.strip_prefix(b"{").unwrap_or_default());
    text.push(b'\n');
    text.finish()
}

/// Writes the document of `check --json`, on one line.
///
/// # Errors
/// As the writer.
pub fn check(out: &mut dyn Write, checked: &Checked<'_>) -> io::Result<()> {
    let mut text = OutBuf::new(out);
    append(&mut text, &CheckDocument::new(checked))?;
    text.push(b'\n');
    text.finish()
}

/// Writes the document that stands for an error, on one line.
///
/// # Errors
/// As the writer.
pub fn error(out: &mut dyn Write, error: &Error) -> io::Result<()> {
    let document = ErrorDocument { error: ErrorBody { code: error.code().as_str(), message: error.to_string() } };
    let mut text = OutBuf::new(out);
    append(&mut text, &document)?;
    text.push(b'\n');
    text.finish()
}

fn append(text: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    Ok(value.serialize(&mut serde_json::Serializer::with_formatter(text, TerminalSafe))?)
}

#[inline]
fn optional(text: &mut OutBuf<'_>, value: Option<impl Into<u64>>) {
    match value {
        Some(value) => text.push_number(value.into()),
        None => text.push_bytes(b"null"),
    }
}

fn string(text: &mut OutBuf<'_>, value: &str) -> io::Result<()> {
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    if !value.bytes().all(plain) {
        return append(text, &value);
    }
    text.push(b'"');
    text.push_bytes(value.as_bytes());
    text.push(b'"');
    Ok(())
}

/// Compact JSON that may also be looked at: JSON itself lets characters through that act on a terminal.
struct TerminalSafe;

impl serde_json::ser::Formatter for TerminalSafe {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // JSON escapes the control characters below the space itself.
        if fragment.is_ascii() && !fragment.as_bytes().contains(&0x7f) {
            return writer.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            if acts_on_terminal(c) {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            } else {
                writer.write_all(c.encode_utf8(&mut [0; 4]).as_bytes())?;
            }
        }
        Ok(())
    }
}

/// The JSON Schema of every document: file name without its ending, and schema.
#[must_use]
pub fn schemas() -> Vec<(&'static str, Schema)> {
    let generator = || SchemaSettings::draft2020_12().for_serialize().into_generator();
    vec![
        ("check", generator().into_root_schema_for::<CheckDocument<'_>>()),
        ("status", generator().into_root_schema_for::<StatusDocument>()),
        ("sample", generator().into_root_schema_for::<SampleDocument>()),
        ("event", generator().into_root_schema_for::<EventDocument<'_>>()),
        ("error", generator().into_root_schema_for::<ErrorDocument>()),
        ("history", generator().into_root_schema_for::<HistoryDocument<'_>>()),
        ("health", generator().into_root_schema_for::<HealthDocument>()),
    ]
}

/// What `wgstat status --json` and `wgstat stats IFACE --json` print.
#[derive(JsonSchema)]
#[schemars(title = "wgstat status")]
#[expect(dead_code, reason = "it is the schema of what is written in pieces")]
struct StatusDocument {
    #[schemars(flatten)]
    head: StatusHead,
    /// The networks, by ifindex.
    networks: Vec<network::NetworkDocument>,
    #[schemars(flatten)]
    tail: StatusTail<'static>,
}

/// What stands before the networks.
#[derive(Serialize, JsonSchema)]
struct StatusHead {
    /// Always `status`.
    #[schemars(extend("const" = "status"))]
    r#type: &'static str,
    /// Version of this schema.
    schema_version: u32,
    /// When the counters were read, in seconds since the Unix epoch.
    timestamp: u64,
}

impl StatusHead {
    const fn new(timestamp: u64) -> Self {
        Self { r#type: "status", schema_version: SCHEMA_VERSION, timestamp }
    }
}

/// What `wgstat watch --json` prints at each tick: what `status` says, with rates since the tick before.
#[derive(JsonSchema)]
#[schemars(title = "wgstat sample")]
#[expect(dead_code, reason = "it is the schema of what is written in pieces")]
struct SampleDocument {
    #[schemars(flatten)]
    head: SampleHead,
    /// The networks, by ifindex.
    networks: Vec<network::NetworkDocument>,
    #[schemars(flatten)]
    tail: StatusTail<'static>,
}

/// What stands before the networks of a sample.
#[derive(Serialize, JsonSchema)]
struct SampleHead {
    /// Always `sample`.
    #[schemars(extend("const" = "sample"))]
    r#type: &'static str,
    /// Version of this schema.
    schema_version: u32,
    /// When the counters were read, in seconds since the Unix epoch.
    timestamp: u64,
}

impl SampleHead {
    const fn new(timestamp: u64) -> Self {
        Self { r#type: "sample", schema_version: SCHEMA_VERSION, timestamp }
    }
}

/// What stands behind the networks.
#[derive(Serialize, JsonSchema)]
struct StatusTail<'a> {
    /// Sums over the networks; they stop at 2^64 - 1.
    totals: Totals,
    /// What is wrong with the networks.
    findings: Vec<FindingDocument<'a>>,
    /// What wgstat itself could not see.
    problems: Vec<ProblemDocument<'a>>,
}

impl<'a> StatusTail<'a> {
    fn new(report: &Report<'a>) -> Self {
        Self {
            totals: Totals::new(&report.snapshot.networks),
            findings: findings(report),
            problems: report.snapshot.problems.iter().map(ProblemDocument::from).collect(),
        }
    }
}

/// Sums of the nine main counters.
#[derive(Default, Serialize, JsonSchema)]
struct Totals {
    rx_bytes: u64,
    tx_bytes: u64,
    rx_packets: u64,
    tx_packets: u64,
    rx_errors: u64,
    tx_errors: u64,
    rx_dropped: u64,
    tx_dropped: u64,
    multicast: u64,
}

impl Totals {
    fn new(networks: &[Network]) -> Self {
        let sum =
            |counter| networks.iter().filter_map(|network| network.stats.get(counter)).fold(0, u64::saturating_add);
        Self {
            rx_bytes: sum(Counter::RxBytes),
            tx_bytes: sum(Counter::TxBytes),
            rx_packets: sum(Counter::RxPackets),
            tx_packets: sum(Counter::TxPackets),
            rx_errors: sum(Counter::RxErrors),
            tx_errors: sum(Counter::TxErrors),
            rx_dropped: sum(Counter::RxDropped),
            tx_dropped: sum(Counter::TxDropped),
            multicast: sum(Counter::Multicast),
        }
    }
}

/// Something that is wrong with a network.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Finding")]
struct FindingDocument<'a> {
    /// Stable id of the rule.
    id: &'static str,
    #[schemars(extend("enum" = ["info", "warning", "critical"]))]
    severity: &'static str,
    netns: Option<&'a str>,
    interface: Cow<'a, str>,
    /// How many packets, peers or interfaces it covers.
    count: u64,
    /// Public keys of the first 20 peers it concerns.
    peers: Vec<Key>,
    /// The number behind it.
    value: Option<u64>,
    /// The unit of `value`.
    unit: Option<&'static str>,
    /// What is the case.
    summary: &'a str,
    /// Why.
    cause: &'static str,
    /// What to type: a shell command, and remarks as a comment; what only the operator knows stands in capitals.
    remedy: Cow<'a, str>,
    /// Where the manual has more of it.
    manual: String,
}

fn findings<'a>(report: &Report<'a>) -> Vec<FindingDocument<'a>> {
    report.findings.iter().map(|finding| FindingDocument::new(finding, report.endpoints)).collect()
}

impl<'a> FindingDocument<'a> {
    fn new(finding: &'a Finding, endpoints: Endpoints) -> Self {
        Self {
            id: finding.id.as_str(),
            severity: finding.severity.as_str(),
            netns: finding.netns.as_deref(),
            interface: finding.interface.text(),
            count: finding.count,
            peers: finding.peers.iter().copied().map(Key).collect(),
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

/// Something that wgstat could not see.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
struct ProblemDocument<'a> {
    /// Stable name of the kind of trouble.
    code: &'static str,
    netns: Option<&'a str>,
    /// Null where it concerns all.
    interface: Option<Cow<'a, str>>,
    message: &'a str,
    /// What to do about it.
    hint: Option<&'a str>,
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

/// What `wgstat check --json` prints.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "wgstat check")]
struct CheckDocument<'a> {
    /// Always `check`.
    #[schemars(extend("const" = "check"))]
    r#type: &'static str,
    /// Version of this schema.
    schema_version: u32,
    /// When the counters were read, in seconds since the Unix epoch.
    timestamp: u64,
    /// The worst of all.
    #[schemars(extend("enum" = ["OK", "WARNING", "CRITICAL", "UNKNOWN"]))]
    status: &'static str,
    /// The same as an exit code: 0, 1, 2 or 3.
    exit_code: u8,
    /// Seconds between the two looks that were compared; null after one look.
    interval_seconds: Option<f64>,
    /// What was looked at.
    interfaces: Vec<Cow<'a, str>>,
    /// What is wrong with the networks, the worst first.
    findings: Vec<FindingDocument<'a>>,
    /// What wgstat itself could not see.
    problems: Vec<ProblemDocument<'a>>,
    /// What no counter shows, for networks without an online peer and without a finding that explains it.
    blind_spots: Vec<BlindSpotDocument<'a>>,
}

impl<'a> CheckDocument<'a> {
    fn new(checked: &'a Checked<'a>) -> Self {
        let Report { snapshot, findings, .. } = checked.report;
        Self {
            r#type: "check",
            schema_version: SCHEMA_VERSION,
            timestamp: snapshot.timestamp,
            status: checked.verdict.as_str(),
            exit_code: checked.verdict.exit_code(),
            interval_seconds: checked.seconds,
            interfaces: snapshot.networks.iter().map(|network| network.interface.text()).collect(),
            findings: findings.iter().map(|finding| FindingDocument::new(finding, Endpoints::Shown)).collect(),
            problems: snapshot.problems.iter().map(ProblemDocument::from).collect(),
            blind_spots: checked.unexplained().into_iter().map(BlindSpotDocument::from).collect(),
        }
    }
}

/// A fault that no counter shows.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BlindSpot")]
struct BlindSpotDocument<'a> {
    netns: Option<&'a str>,
    interface: Cow<'a, str>,
    /// What can go wrong.
    what: &'static str,
    /// The command that shows it.
    command: String,
}

impl<'a> From<Unexplained<'a>> for BlindSpotDocument<'a> {
    fn from(unexplained: Unexplained<'a>) -> Self {
        Self {
            netns: unexplained.network.netns.as_deref(),
            interface: unexplained.network.interface.text(),
            what: unexplained.fault,
            command: unexplained.command,
        }
    }
}

/// What any command prints with `--json` when it fails.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "wgstat error")]
struct ErrorDocument {
    error: ErrorBody,
}

/// The error.
#[derive(Serialize, JsonSchema)]
struct ErrorBody {
    /// Stable name of the kind of error.
    code: &'static str,
    /// One line for people.
    message: String,
}

/// A public key, in base64.
#[derive(JsonSchema)]
#[schemars(rename = "PublicKey", transparent)]
struct Key(#[schemars(with = "String")] PublicKey);

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
