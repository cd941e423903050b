//! The JSON documents: public API, described by the schema that is generated from these same types.
//!
//! Exact integers, Unix seconds, `null` for unknown or never, no key ever left out. The types borrow from the sample and
//! are written in one pass: a network of 10,000 peers costs no intermediate tree.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, Write};

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::{Serialize, Serializer};

use super::Report;
use crate::error::Error;
use crate::findings::Finding;
use crate::model::{
    AllowedIp, Backend, Counter, InterfaceStats, Name, Network, Peer, Problem, PublicKey, acts_on_terminal,
};
use crate::rates::{NetworkRates, PeerRates};

/// Grows when a reader of an older version would misread the document.
const SCHEMA_VERSION: u32 = 1;

/// Writes the document of `status --json` and `stats IFACE --json`, on one line.
///
/// # Errors
/// As the writer.
pub fn status(out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    write(out, &StatusDocument::new(report))
}

/// Writes the document that stands for an error, on one line.
///
/// # Errors
/// As the writer.
pub fn error(out: &mut dyn Write, error: &Error) -> io::Result<()> {
    write(out, &ErrorDocument { error: ErrorBody { code: error.code().as_str(), message: error.to_string() } })
}

fn write(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    document.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, TerminalSafe))?;
    out.write_all(b"\n")
}

/// Compact JSON that may also be looked at: JSON itself lets characters through that act on a terminal.
struct TerminalSafe;

impl serde_json::ser::Formatter for TerminalSafe {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
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
        ("status", generator().into_root_schema_for::<StatusDocument<'static>>()),
        ("error", generator().into_root_schema_for::<ErrorDocument>()),
    ]
}

/// What `wgstat status --json` and `wgstat stats IFACE --json` print.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "wgstat status")]
struct StatusDocument<'a> {
    /// Always `status`.
    #[schemars(extend("const" = "status"))]
    r#type: &'static str,
    /// Version of this schema.
    schema_version: u32,
    /// When the counters were read, in seconds since the Unix epoch.
    timestamp: u64,
    /// The networks, by ifindex.
    networks: Vec<NetworkDocument<'a>>,
    /// Sums over the networks; they stop at 2^64 - 1.
    totals: Totals,
    /// What is wrong with the networks.
    findings: Vec<FindingDocument<'a>>,
    /// What wgstat itself could not see.
    problems: Vec<ProblemDocument<'a>>,
}

impl<'a> StatusDocument<'a> {
    fn new(report: &Report<'a>) -> Self {
        let snapshot = report.snapshot;
        let rates = report.rates.iter().map(Option::as_ref).chain(std::iter::repeat(None));
        let networks = snapshot.networks.iter().zip(rates);
        Self {
            r#type: "status",
            schema_version: SCHEMA_VERSION,
            timestamp: snapshot.timestamp,
            networks: networks
                .map(|(network, rates)| NetworkDocument::new(network, rates, snapshot.timestamp))
                .collect(),
            totals: Totals::new(&snapshot.networks),
            findings: report.findings.iter().map(FindingDocument::from).collect(),
            problems: snapshot.problems.iter().map(ProblemDocument::from).collect(),
        }
    }
}

/// One WireGuard interface.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Network")]
struct NetworkDocument<'a> {
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
    /// The peers in the order of the kernel; null where they could not be read.
    #[schemars(with = "Option<Vec<PeerDocument<'static>>>")]
    peers: Option<Peers<'a>>,
}

impl<'a> NetworkDocument<'a> {
    fn new(network: &'a Network, rates: Option<&'a NetworkRates>, now: u64) -> Self {
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
            device_type: device_type(network.backend),
            mtu: network.mtu,
            listen_port: network.listen_port,
            public_key: network.public_key.map(Text),
            fwmark: network.fwmark,
            interface_stats: MainStats::from(&network.stats),
            interface_stats_detail: DetailStats::from(&network.stats),
            rates: rates.map(NetworkRatesDocument::from),
            peers: network.peers.as_deref().map(|list| Peers { list, rates, now }),
        }
    }
}

const fn device_type(backend: Backend) -> &'static str {
    match backend {
        Backend::Kernel => "Linux kernel",
        Backend::Userspace | Backend::DeadDaemon => "userspace",
        Backend::Unknown => "unknown",
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

/// The peers of a network, turned into documents as they are written.
struct Peers<'a> {
    list: &'a [Peer],
    rates: Option<&'a NetworkRates>,
    now: u64,
}

impl Serialize for Peers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.list.iter().enumerate().map(|(place, peer)| PeerDocument {
            id: place + 1,
            name: peer.name.as_deref(),
            public_key: Text(peer.public_key),
            endpoint: peer.endpoint.map(Text),
            allowed_ips: AllowedIps(&peer.allowed_ips),
            last_handshake: peer.last_handshake,
            transfer_rx: peer.rx_bytes,
            transfer_tx: peer.tx_bytes,
            persistent_keepalive: peer.persistent_keepalive,
            has_preshared_key: peer.has_preshared_key,
            protocol_version: peer.protocol_version,
            online: peer.is_online(self.now),
            rates: self.rates.and_then(|rates| rates.peers.get(place)?.as_ref()).map(PeerRatesDocument::from),
        }))
    }
}

/// One peer.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Peer")]
struct PeerDocument<'a> {
    /// Its place in the kernel's list, from 1.
    id: usize,
    /// Its friendly name.
    name: Option<&'a str>,
    /// Its public key, in base64.
    public_key: Text<PublicKey>,
    /// `ADDRESS:PORT` or `[ADDRESS]:PORT`; the scope of a link-local address is a number.
    endpoint: Option<Text<std::net::SocketAddr>>,
    /// ADDRESS/PREFIX, in the order they were reported.
    #[schemars(with = "Vec<String>")]
    allowed_ips: AllowedIps<'a>,
    /// Seconds since the Unix epoch; null means never.
    last_handshake: Option<u64>,
    /// Bytes received from it.
    transfer_rx: u64,
    /// Bytes sent to it.
    transfer_tx: u64,
    /// Seconds between keepalives; 0 means off.
    persistent_keepalive: u16,
    /// Whether a preshared key is set.
    has_preshared_key: bool,
    /// Version of the WireGuard protocol.
    protocol_version: Option<u32>,
    /// Whether its last handshake is at most 180 s old.
    online: bool,
    /// Growth of its bytes per second, where an interval was measured.
    rates: Option<PeerRatesDocument>,
}

/// Growth of a peer's bytes per second over an interval.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PeerRates")]
struct PeerRatesDocument {
    interval_seconds: f64,
    reset: bool,
    rx_bytes: Option<f64>,
    tx_bytes: Option<f64>,
}

impl From<&PeerRates> for PeerRatesDocument {
    fn from(rates: &PeerRates) -> Self {
        Self {
            interval_seconds: rates.interval,
            reset: rates.reset,
            rx_bytes: rates.rx_bytes,
            tx_bytes: rates.tx_bytes,
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

struct AllowedIps<'a>(&'a [AllowedIp]);

impl Serialize for AllowedIps<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|ip| Text(*ip)))
    }
}
