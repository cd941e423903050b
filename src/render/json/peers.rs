//! The peers of a network, written by hand; [`PeerDocument`] is one's schema.

use std::io;

use schemars::JsonSchema;
use serde::Serialize;

use super::{append, optional, string};
use crate::model::Peer;
use crate::rates::{NetworkRates, PeerRates};
use crate::render::out_buf::OutBuf;
use crate::render::{Endpoints, Report};

/// One peer.
#[derive(JsonSchema)]
#[schemars(rename = "Peer")]
#[expect(dead_code, reason = "it is the schema of what is written by hand")]
pub(super) struct PeerDocument {
    /// Its place in the kernel's list, from 1.
    id: usize,
    /// Its friendly name.
    name: Option<String>,
    /// Its public key, in base64.
    public_key: String,
    /// `ADDRESS:PORT` or `[ADDRESS]:PORT`; the scope of a link-local address is a number.
    endpoint: Option<String>,
    /// ADDRESS/PREFIX, in the order they were reported.
    allowed_ips: Vec<String>,
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

/// Appends the list, or `null` where the peers are not known.
pub(super) fn write(
    text: &mut OutBuf<'_>,
    peers: Option<&[Peer]>,
    rates: Option<&NetworkRates>,
    report: &Report<'_>,
) -> io::Result<()> {
    let Some(peers) = peers else {
        text.push_bytes(b"null");
        return Ok(());
    };
    text.push(b'[');
    for (place, peer) in peers.iter().enumerate() {
        if place > 0 {
            text.push(b',');
        }
        let rates = rates.and_then(|rates| rates.peers.get(place)?.as_ref());
        write_peer(text, place + 1, peer, rates, report)?;
        text.flush_if_full();
    }
    text.push(b']');
    Ok(())
}

/// Constant text is joined wherever a value has a usual form: each append has its price.
fn write_peer(
    text: &mut OutBuf<'_>,
    id: usize,
    peer: &Peer,
    rates: Option<&PeerRates>,
    report: &Report<'_>,
) -> io::Result<()> {
    text.push_bytes(b"{\"id\":");
    text.push_number(id as u64);
    match &peer.name {
        Some(name) => {
            text.push_bytes(b",\"name\":");
            string(text, name)?;
            text.push_bytes(b",\"public_key\":\"");
        }
        None => text.push_bytes(b",\"name\":null,\"public_key\":\""),
    }
    text.push_key(&peer.public_key);
    match peer.endpoint.filter(|_| report.endpoints == Endpoints::Shown) {
        Some(endpoint) => {
            text.push_bytes(b"\",\"endpoint\":\"");
            text.push_endpoint(endpoint);
            text.push_bytes(b"\",\"allowed_ips\":[");
        }
        None => text.push_bytes(b"\",\"endpoint\":null,\"allowed_ips\":["),
    }
    for (place, network) in peer.allowed_ips.iter().enumerate() {
        if place > 0 {
            text.push(b',');
        }
        text.push(b'"');
        text.push_allowed_ip(*network);
        text.push(b'"');
    }
    text.push_bytes(b"],\"last_handshake\":");
    optional(text, peer.last_handshake);
    text.push_bytes(b",\"transfer_rx\":");
    text.push_number(peer.rx_bytes);
    text.push_bytes(b",\"transfer_tx\":");
    text.push_number(peer.tx_bytes);
    text.push_bytes(b",\"persistent_keepalive\":");
    text.push_number(peer.persistent_keepalive.into());
    if peer.has_preshared_key {
        text.push_bytes(b",\"has_preshared_key\":true,\"protocol_version\":");
    } else {
        text.push_bytes(b",\"has_preshared_key\":false,\"protocol_version\":");
    }
    optional(text, peer.protocol_version);
    if peer.is_online(report.snapshot.timestamp) {
        text.push_bytes(b",\"online\":true,\"rates\":");
    } else {
        text.push_bytes(b",\"online\":false,\"rates\":");
    }
    match rates {
        Some(rates) => append(text, &PeerRatesDocument::from(rates))?,
        None => text.push_bytes(b"null"),
    }
    text.push(b'}');
    Ok(())
}
