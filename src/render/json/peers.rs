//! The peers of a network, written by hand; [`PeerDocument`] is one's schema.

use std::io;

use schemars::JsonSchema;
use serde::Serialize;

use super::{append, optional, string};
use crate::model::Peer;
use crate::rates::{NetworkRates, PeerRates};
use crate::render::text::Text;
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
    text: &mut Text<'_>,
    peers: Option<&[Peer]>,
    rates: Option<&NetworkRates>,
    report: &Report<'_>,
) -> io::Result<()> {
    let Some(peers) = peers else {
        text.raw(b"null");
        return Ok(());
    };
    text.byte(b'[');
    for (place, peer) in peers.iter().enumerate() {
        if place > 0 {
            text.byte(b',');
        }
        let rates = rates.and_then(|rates| rates.peers.get(place)?.as_ref());
        write_peer(text, place + 1, peer, rates, report)?;
        text.pass_on();
    }
    text.byte(b']');
    Ok(())
}

/// Constant text is joined wherever a value has a usual form: each append has its price.
fn write_peer(
    text: &mut Text<'_>,
    id: usize,
    peer: &Peer,
    rates: Option<&PeerRates>,
    report: &Report<'_>,
) -> io::Result<()> {
    text.raw(b"{\"id\":");
    text.number(id as u64);
    match &peer.name {
        Some(name) => {
            text.raw(b",\"name\":");
            string(text, name)?;
            text.raw(b",\"public_key\":\"");
        }
        None => text.raw(b",\"name\":null,\"public_key\":\""),
    }
    text.key(&peer.public_key);
    match peer.endpoint.filter(|_| report.endpoints == Endpoints::Shown) {
        Some(endpoint) => {
            text.raw(b"\",\"endpoint\":\"");
            text.endpoint(endpoint);
            text.raw(b"\",\"allowed_ips\":[");
        }
        None => text.raw(b"\",\"endpoint\":null,\"allowed_ips\":["),
    }
    for (place, network) in peer.allowed_ips.iter().enumerate() {
        if place > 0 {
            text.byte(b',');
        }
        text.byte(b'"');
        text.network(*network);
        text.byte(b'"');
    }
    text.raw(b"],\"last_handshake\":");
    optional(text, peer.last_handshake);
    text.raw(b",\"transfer_rx\":");
    text.number(peer.rx_bytes);
    text.raw(b",\"transfer_tx\":");
    text.number(peer.tx_bytes);
    text.raw(b",\"persistent_keepalive\":");
    text.number(peer.persistent_keepalive.into());
    if peer.has_preshared_key {
        text.raw(b",\"has_preshared_key\":true,\"protocol_version\":");
    } else {
        text.raw(b",\"has_preshared_key\":false,\"protocol_version\":");
    }
    optional(text, peer.protocol_version);
    if peer.is_online(report.snapshot.timestamp) {
        text.raw(b",\"online\":true,\"rates\":");
    } else {
        text.raw(b",\"online\":false,\"rates\":");
    }
    match rates {
        Some(rates) => append(text, &PeerRatesDocument::from(rates))?,
        None => text.raw(b"null"),
    }
    text.byte(b'}');
    Ok(())
}
