//! The JSON documents: public API, described by the schema that is generated from these same types.
//!
//! Exact integers, Unix seconds, `null` for unknown or never, no key ever left out. All is serialised from borrowing
//! types, but the peers: those are written by hand in `json/peers.rs`, and their type here is the schema's.

mod peers;

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, Write};

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::{Serialize, Serializer};

use super::Report;
use crate::error::Error;
use crate::findings::Finding;
use crate::model::{Counter, InterfaceStats, Name, Network, Problem, PublicKey, acts_on_terminal};
use crate::rates::NetworkRates;

/// Grows when a reader of an older version would misread the document.
const SCHEMA_VERSION: u32 = 1;

/// Writes the document of `status --json` and `stats IFACE --json`, on one line.
///
/// # Errors
/// As the writer.
pub fn status(out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    let snapshot = report.snapshot;
    let rates = report.rates.iter().map(Option::as_ref).chain(std::iter::repeat(None));
    let mut text = Vec::with_capacity(8 * 1024);
    append(&mut text, &StatusHead::new(snapshot.timestamp))?;
    reopen(&mut text);
    text.extend_from_slice(b",\"networks\":[");
    for (place, (network, rates)) in snapshot.networks.iter().zip(rates).enumerate() {
        if place > 0 {
            text.push(b',');
        }
        append(&mut text, &NetworkHead::new(network, rates))?;
        reopen(&mut text);
        text.extend_from_slice(b",\"peers\":");
        peers::write(&mut text, network.peers.as_deref(), rates, snapshot.timestamp)?;
        text.push(b'}');
    }
    text.push(b']');
    let tail = text.len();
    append(&mut text, &StatusTail::new(report))?;
    // What follows continues the object: its opening brace becomes a comma.
    if let Some(brace) = text.get_mut(tail) {
        *brace = b',';
    }
    text.push(b'\n');
    out.write_all(&text)
}

/// Takes the closing brace away, for more keys to follow.
fn reopen(text: &mut Vec<u8>) {
    text.pop_if(|last| *last == b'}');
}

/// Writes the document that stands for an error, on one line.
///
/// # Errors
/// As the writer.
pub fn error(out: &mut dyn Write, error: &Error) -> io::Result<()> {
    let document = ErrorDocument { error: ErrorBody { code: error.code().as_str(), message: error.to_string() } };
    let mut text = Vec::new();
    append(&mut text, &document)?;
    text.push(b'\n');
    out.write_all(&text)
}

fn append(text: &mut Vec<u8>, value: &impl Serialize) -> io::Result<()> {
    Ok(value.serialize(&mut serde_json::Serializer::with_formatter(text, TerminalSafe))?)
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
        ("status", generator().into_root_schema_for::<StatusDocument>()),
        ("error", generator().into_root_schema_for::<ErrorDocument>()),
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
    networks: Vec<NetworkDocument>,
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
            findings: report.findings.iter().map(FindingDocument::from).collect(),
            problems: report.snapshot.problems.iter().map(ProblemDocument::from).collect(),
        }
    }
}

/// One WireGuard interface.
#[derive(JsonSchema)]
#[schemars(rename = "Network")]
#[expect(dead_code, reason = "it is the schema of what is written in pieces")]
struct NetworkDocument {
    #[schemars(flatten)]
    head: NetworkHead<'static>,
    /// The peers in the order of the kernel; null where they could not be read.
    peers: Option<Vec<peers::PeerDocument>>,
}

/// All of a network but its peers.
#[derive(Serialize, JsonSchema)]
struct NetworkHead<'a> {
    /// The ifindex; null where no link of this namespace belongs to the daemon.
    id: Option<u32>,
    /// The interface's name.
    name: Cow<'a, str>,
    /// The interface's name; bytes that are not UTF-8 are written as `\xNN`.
    interface: Cow<'a, str>,
    /// The network namespace, where one was asked for.
    netns: Option<&'a str>,
    /// The kernel's index of the link. With netns it identifies the network.
    ifindex: Option<u32>,
    /// The link's alias.
    alias: Option<Cow<'a, str>>,
    /// Administratively up.
    enabled: Option<bool>,
    /// Running.
    up: Option<bool>,
    /// RFC 2863 state, in the words of `ip link`.
    operstate: Option<&'a str>,
    /// Who does the WireGuard work.
    #[schemars(extend("enum" = ["Linux kernel", "userspace", "unknown"]))]
    device_type: &'static str,
    /// MTU of inner packets, in bytes.
    mtu: Option<u32>,
    /// UDP port.
    listen_port: Option<u16>,
    /// This end's public key, in base64.
    public_key: Option<Text<PublicKey>>,
    /// Mark of the outer packets; 0 means none.
    fwmark: Option<u32>,
    /// The nine main counters since the interface was created; null where the kernel did not send one.
    interface_stats: MainStats,
    /// The other counters.
    interface_stats_detail: DetailStats,
    /// Growth of the nine main counters per second, where an interval was measured.
    rates: Option<NetworkRatesDocument>,
}

impl<'a> NetworkHead<'a> {
    fn new(network: &'a Network, rates: Option<&NetworkRates>) -> Self {
        Self {
            id: network.ifindex,
            name: network.interface.text(),
            interface: network.interface.text(),
            netns: network.netns.as_deref(),
            ifindex: network.ifindex,
            alias: network.alias.as_ref().map(Name::text),
            enabled: network.enabled,
            up: network.up,
            operstate: network.operstate,
            device_type: network.backend.device_type(),
            mtu: network.mtu,
            listen_port: network.listen_port,
            public_key: network.public_key.map(Text),
            fwmark: network.fwmark,
            interface_stats: MainStats::from(&network.stats),
            interface_stats_detail: DetailStats::from(&network.stats),
            rates: rates.map(NetworkRatesDocument::from),
        }
    }
}

/// A document part with one key per counter, so that the keys stand in the schema.
macro_rules! counters {
    ($(#[$doc:meta])* $name:ident, $title:literal, $number:ty: $($key:ident = $counter:ident),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Serialize, JsonSchema)]
        #[schemars(rename = $title)]
        struct $name { $($key: Option<$number>),+ }

        impl From<&InterfaceStats> for $name {
            fn from(stats: &InterfaceStats) -> Self {
                Self { $($key: stats.get(Counter::$counter)),+ }
            }
        }
    };
}

counters! {
    /// The nine main counters of an interface.
    MainStats, "InterfaceStats", u64:
    rx_bytes = RxBytes, tx_bytes = TxBytes, rx_packets = RxPackets, tx_packets = TxPackets, rx_errors = RxErrors,
    tx_errors = TxErrors, rx_dropped = RxDropped, tx_dropped = TxDropped, multicast = Multicast,
}

counters! {
    /// The other counters of `struct rtnl_link_stats64`.
    DetailStats, "InterfaceStatsDetail", u64:
    collisions = Collisions, rx_length_errors = RxLengthErrors, rx_over_errors = RxOverErrors,
    rx_crc_errors = RxCrcErrors, rx_frame_errors = RxFrameErrors, rx_fifo_errors = RxFifoErrors,
    rx_missed_errors = RxMissedErrors, tx_aborted_errors = TxAbortedErrors, tx_carrier_errors = TxCarrierErrors,
    tx_fifo_errors = TxFifoErrors, tx_heartbeat_errors = TxHeartbeatErrors, tx_window_errors = TxWindowErrors,
    rx_compressed = RxCompressed, tx_compressed = TxCompressed, rx_nohandler = RxNohandler,
    rx_otherhost_dropped = RxOtherhostDropped,
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

/// Growth per second over an interval; null where the counters started anew in it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NetworkRates")]
struct NetworkRatesDocument {
    interval_seconds: f64,
    reset: bool,
    rx_bytes: Option<f64>,
    tx_bytes: Option<f64>,
    rx_packets: Option<f64>,
    tx_packets: Option<f64>,
    rx_errors: Option<f64>,
    tx_errors: Option<f64>,
    rx_dropped: Option<f64>,
    tx_dropped: Option<f64>,
    multicast: Option<f64>,
}

impl From<&NetworkRates> for NetworkRatesDocument {
    fn from(rates: &NetworkRates) -> Self {
        Self {
            interval_seconds: rates.interval,
            reset: rates.reset,
            rx_bytes: rates.get(Counter::RxBytes),
            tx_bytes: rates.get(Counter::TxBytes),
            rx_packets: rates.get(Counter::RxPackets),
            tx_packets: rates.get(Counter::TxPackets),
            rx_errors: rates.get(Counter::RxErrors),
            tx_errors: rates.get(Counter::TxErrors),
            rx_dropped: rates.get(Counter::RxDropped),
            tx_dropped: rates.get(Counter::TxDropped),
            multicast: rates.get(Counter::Multicast),
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
    peers: Vec<Text<PublicKey>>,
    /// The number behind it.
    value: Option<u64>,
    /// The unit of `value`.
    unit: Option<&'static str>,
    /// What is the case.
    summary: &'a str,
    /// Why.
    cause: &'static str,
    /// What to do.
    remedy: &'a str,
}

impl<'a> From<&'a Finding> for FindingDocument<'a> {
    fn from(finding: &'a Finding) -> Self {
        Self {
            id: finding.id,
            severity: finding.severity.as_str(),
            netns: finding.netns.as_deref(),
            interface: finding.interface.text(),
            count: finding.count,
            peers: finding.peers.iter().copied().map(Text).collect(),
            value: finding.value,
            unit: finding.unit,
            summary: &finding.summary,
            cause: finding.cause,
            remedy: &finding.remedy,
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

/// Written through `Display`, straight into the output.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct Text<T>(#[schemars(with = "String")] T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
