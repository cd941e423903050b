//! A network, written by hand; [`NetworkDocument`] is its schema.

use std::io;

use schemars::JsonSchema;
use serde::Serialize;

use super::{append, optional, peers, string};
use crate::model::{Counter, InterfaceStats, Network};
use crate::rates::NetworkRates;
use crate::render::Report;
use crate::render::out_buf::OutBuf;

/// One WireGuard interface.
#[derive(JsonSchema)]
#[schemars(rename = "Network")]
#[expect(dead_code, reason = "it is the schema of what is written by hand")]
pub(super) struct NetworkDocument {
    /// The number that the configuration gives it, else the ifindex; null where no link of this namespace belongs to the
    /// daemon.
    id: Option<u32>,
    /// Its friendly name, else the interface's.
    name: String,
    /// The interface's name; bytes that are not UTF-8 are written as `\xNN`.
    interface: String,
    /// The network namespace, where one was asked for.
    netns: Option<String>,
    /// The kernel's index of the link. With netns it identifies the network.
    ifindex: Option<u32>,
    /// The link's alias.
    alias: Option<String>,
    /// Administratively up.
    enabled: Option<bool>,
    /// Running.
    up: Option<bool>,
    /// RFC 2863 state, in the words of `ip link`.
    operstate: Option<String>,
    /// Who does the WireGuard work.
    #[schemars(extend("enum" = ["Linux kernel", "userspace", "unknown"]))]
    device_type: String,
    /// MTU of inner packets, in bytes.
    mtu: Option<u32>,
    /// UDP port.
    listen_port: Option<u16>,
    /// This end's public key, in base64.
    public_key: Option<super::Key>,
    /// Mark of the outer packets; 0 means none.
    fwmark: Option<u32>,
    /// The nine main counters since the interface was created; null where the kernel did not send one.
    interface_stats: MainStats,
    /// The other counters.
    interface_stats_detail: DetailStats,
    /// Growth of the nine main counters per second, where an interval was measured.
    rates: Option<NetworkRatesDocument>,
    /// The peers in the order of the kernel; null where they could not be read.
    peers: Option<Vec<peers::PeerDocument>>,
}

/// Appends one network.
pub(super) fn write(
    text: &mut OutBuf<'_>,
    network: &Network,
    rates: Option<&NetworkRates>,
    report: &Report<'_>,
) -> io::Result<()> {
    text.push_bytes(b"{\"id\":");
    optional(text, network.id.or(network.ifindex));
    text.push_bytes(b",\"name\":");
    string(text, &network.label())?;
    text.push_bytes(b",\"interface\":");
    string(text, &network.interface.text())?;
    text.push_bytes(b",\"netns\":");
    optional_string(text, network.netns.as_deref())?;
    text.push_bytes(b",\"ifindex\":");
    optional(text, network.ifindex);
    text.push_bytes(b",\"alias\":");
    optional_string(text, network.alias.as_ref().map(|alias| alias.text()).as_deref())?;
    text.push_bytes(b",\"enabled\":");
    optional_boolean(text, network.enabled);
    text.push_bytes(b",\"up\":");
    optional_boolean(text, network.up);
    text.push_bytes(b",\"operstate\":");
    optional_string(text, network.operstate)?;
    text.push_bytes(b",\"device_type\":");
    string(text, network.backend.device_type())?;
    text.push_bytes(b",\"mtu\":");
    optional(text, network.mtu);
    text.push_bytes(b",\"listen_port\":");
    optional(text, network.listen_port);
    text.push_bytes(b",\"public_key\":");
    match &network.public_key {
        Some(key) => {
            text.push(b'"');
            text.push_key(key);
            text.push(b'"');
        }
        None => text.push_bytes(b"null"),
    }
    text.push_bytes(b",\"fwmark\":");
    optional(text, network.fwmark);
    text.push_bytes(b",\"interface_stats\":{");
    MainStats::write(text, &network.stats);
    text.push_bytes(b"},\"interface_stats_detail\":{");
    DetailStats::write(text, &network.stats);
    text.push_bytes(b"},\"rates\":");
    append(text, &rates.map(NetworkRatesDocument::from))?;
    text.push_bytes(b",\"peers\":");
    peers::write(text, network.peers.as_deref(), rates, report)?;
    text.push(b'}');
    Ok(())
}

fn optional_boolean(text: &mut OutBuf<'_>, value: Option<bool>) {
    text.push_bytes(match value {
        Some(true) => b"true",
        Some(false) => b"false",
        None => b"null",
    });
}

fn optional_string(text: &mut OutBuf<'_>, value: Option<&str>) -> io::Result<()> {
    if let Some(value) = value {
        return string(text, value);
    }
    text.push_bytes(b"null");
    Ok(())
}

/// A document part with one key per counter, so that the keys stand in the schema and in the text.
macro_rules! counters {
    ($(#[$doc:meta])* $name:ident, $title:literal: $($key:ident = $counter:ident),+ $(,)?) => {
        $(#[$doc])*
        #[derive(JsonSchema)]
        #[schemars(rename = $title)]
        #[expect(dead_code, reason = "it is the schema of what is written by hand")]
        struct $name { $($key: Option<u64>),+ }

        impl $name {
            /// Appends the keys and values, without braces.
            fn write(text: &mut OutBuf<'_>, stats: &InterfaceStats) {
                $(
                    text.push_bytes(concat!("\"", stringify!($key), "\":").as_bytes());
                    optional(text, stats.get(Counter::$counter));
                    text.push(b',');
                )+
                text.pop(b',');
            }
        }
    };
}

counters! {
    /// The nine main counters of an interface.
    MainStats, "InterfaceStats":
    rx_bytes = RxBytes, tx_bytes = TxBytes, rx_packets = RxPackets, tx_packets = TxPackets, rx_errors = RxErrors,
    tx_errors = TxErrors, rx_dropped = RxDropped, tx_dropped = TxDropped, multicast = Multicast,
}

counters! {
    /// The other counters of `struct rtnl_link_stats64`.
    DetailStats, "InterfaceStatsDetail":
    collisions = Collisions, rx_length_errors = RxLengthErrors, rx_over_errors = RxOverErrors,
    rx_crc_errors = RxCrcErrors, rx_frame_errors = RxFrameErrors, rx_fifo_errors = RxFifoErrors,
    rx_missed_errors = RxMissedErrors, tx_aborted_errors = TxAbortedErrors, tx_carrier_errors = TxCarrierErrors,
    tx_fifo_errors = TxFifoErrors, tx_heartbeat_errors = TxHeartbeatErrors, tx_window_errors = TxWindowErrors,
    rx_compressed = RxCompressed, tx_compressed = TxCompressed, rx_nohandler = RxNohandler,
    rx_otherhost_dropped = RxOtherhostDropped,
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
