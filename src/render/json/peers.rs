//! The peers of a network, written by hand: there may be tens of thousands, and through serde one costs six times as
//! many instructions (10,000 against 1,700). [`PeerDocument`] is the schema; every document that a test sees is checked
//! against it.

use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::Serialize;

use super::append;
use crate::model::{AllowedIp, Peer, PublicKey};
use crate::rates::{NetworkRates, PeerRates};

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

/// Bytes of an ordinary peer: room is made for all of them at once.
const TYPICAL: usize = 320;

/// Appends the list, or `null` where the peers are not known.
pub(super) fn write(
    text: &mut Vec<u8>,
    peers: Option<&[Peer]>,
    rates: Option<&NetworkRates>,
    now: u64,
) -> io::Result<()> {
    let Some(peers) = peers else {
        text.extend_from_slice(b"null");
        return Ok(());
    };
    text.reserve(peers.len() * TYPICAL);
    text.push(b'[');
    for (place, peer) in peers.iter().enumerate() {
        if place > 0 {
            text.push(b',');
        }
        let rates = rates.and_then(|rates| rates.peers.get(place)?.as_ref());
        write_peer(text, place + 1, peer, rates, now)?;
    }
    text.push(b']');
    Ok(())
}

fn write_peer(text: &mut Vec<u8>, id: usize, peer: &Peer, rates: Option<&PeerRates>, now: u64) -> io::Result<()> {
    text.extend_from_slice(b"{\"id\":");
    number(text, id);
    text.extend_from_slice(b",\"name\":");
    match &peer.name {
        Some(name) => append(text, name)?,
        None => text.extend_from_slice(b"null"),
    }
    text.extend_from_slice(b",\"public_key\":\"");
    text.extend_from_slice(peer.public_key.encode(&mut [0; PublicKey::TEXT_LEN]).as_bytes());
    text.extend_from_slice(b"\",\"endpoint\":");
    match peer.endpoint {
        Some(SocketAddr::V4(endpoint)) => {
            text.push(b'"');
            address(text, IpAddr::V4(*endpoint.ip()))?;
            text.push(b':');
            number(text, endpoint.port());
            text.push(b'"');
        }
        Some(endpoint) => write!(text, "\"{endpoint}\"")?,
        None => text.extend_from_slice(b"null"),
    }
    text.extend_from_slice(b",\"allowed_ips\":[");
    for (place, AllowedIp { address: ip, prefix }) in peer.allowed_ips.iter().enumerate() {
        text.extend_from_slice(if place > 0 { &b",\""[..] } else { b"\"" });
        address(text, *ip)?;
        text.push(b'/');
        number(text, *prefix);
        text.push(b'"');
    }
    text.extend_from_slice(b"],\"last_handshake\":");
    optional(text, peer.last_handshake);
    text.extend_from_slice(b",\"transfer_rx\":");
    number(text, peer.rx_bytes);
    text.extend_from_slice(b",\"transfer_tx\":");
    number(text, peer.tx_bytes);
    text.extend_from_slice(b",\"persistent_keepalive\":");
    number(text, peer.persistent_keepalive);
    text.extend_from_slice(b",\"has_preshared_key\":");
    boolean(text, peer.has_preshared_key);
    text.extend_from_slice(b",\"protocol_version\":");
    optional(text, peer.protocol_version);
    text.extend_from_slice(b",\"online\":");
    boolean(text, peer.is_online(now));
    text.extend_from_slice(b",\"rates\":");
    match rates {
        Some(rates) => append(text, &PeerRatesDocument::from(rates))?,
        None => text.extend_from_slice(b"null"),
    }
    text.push(b'}');
    Ok(())
}

fn number(text: &mut Vec<u8>, number: impl itoa::Integer) {
    text.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn optional(text: &mut Vec<u8>, value: Option<impl itoa::Integer>) {
    match value {
        Some(value) => number(text, value),
        None => text.extend_from_slice(b"null"),
    }
}

fn boolean(text: &mut Vec<u8>, value: bool) {
    text.extend_from_slice(if value { &b"true"[..] } else { b"false" });
}

fn address(text: &mut Vec<u8>, address: IpAddr) -> io::Result<()> {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            number(text, a);
            for octet in [b, c, d] {
                text.push(b'.');
                number(text, octet);
            }
            Ok(())
        }
        IpAddr::V6(address) => write!(text, "{address}"),
    }
}
