//! Defines the peers of a network in a document.

use std::net::SocketAddr;

use schemars::JsonSchema;

use super::document::{Json, document, write_array};
use crate::model::{AllowedIp, Network, Peer, PublicKey};
use crate::rates::{NetworkRates, PeerRates};
use crate::render::out_buf::OutBuf;
use crate::render::{Endpoints, Report};

document! {
    /// One peer.
    #[schemars(rename = "Peer")]
    struct PeerDocument<'a> {
        /// Its position in the kernel's list, starting at 1.
        id: usize,
        /// Its friendly name.
        name: Option<&'a str>,
        /// Its public key.
        public_key: PublicKey,
        /// `ADDRESS:PORT` or `[ADDRESS]:PORT`. The scope of a link-local address is a number.
        #[schemars(with = "Option<String>")]
        endpoint: Option<SocketAddr>,
        /// `ADDRESS/PREFIX`, in the order in which they were reported.
        #[schemars(with = "Vec<String>")]
        allowed_ips: &'a [AllowedIp],
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
        /// Growth of its bytes per second; null without an interval.
        rates: Option<PeerRatesDocument>,
    }
}

document! {
    /// Growth of a peer's bytes per second.
    #[schemars(rename = "PeerRates")]
    struct PeerRatesDocument {
        /// Seconds between the two samples.
        interval_seconds: f64,
        /// Whether the peer was removed and added again in between; then its rates are null.
        reset: bool,
        /// Bytes received per second.
        rx_bytes: Option<f64>,
        /// Bytes sent per second.
        tx_bytes: Option<f64>,
    }
}

impl From<PeerRates> for PeerRatesDocument {
    fn from(rates: PeerRates) -> Self {
        Self {
            interval_seconds: rates.interval,
            reset: rates.reset,
            rx_bytes: rates.rx_bytes,
            tx_bytes: rates.tx_bytes,
        }
    }
}

/// The peers of one network. Their documents are made while they are written, one after the other.
pub(super) struct Peers<'a> {
    all: &'a [Peer],
    /// In the order of `all`; empty without an interval.
    rates: &'a [Option<PeerRates>],
    endpoints: Endpoints,
    timestamp: u64,
}

impl<'a> Peers<'a> {
    /// Returns `None` if the peers are not known.
    pub(super) fn new(network: &'a Network, rates: Option<&'a NetworkRates>, report: &Report<'_>) -> Option<Self> {
        Some(Self {
            all: network.peers.as_deref()?,
            rates: rates.map_or(&[], |rates| &rates.peers),
            endpoints: report.endpoints,
            timestamp: report.snapshot.timestamp,
        })
    }

    fn document(&self, index: usize, peer: &'a Peer) -> PeerDocument<'a> {
        PeerDocument {
            id: index + 1,
            name: peer.name.as_deref(),
            public_key: peer.public_key,
            endpoint: peer.endpoint.filter(|_| self.endpoints == Endpoints::Shown),
            allowed_ips: &peer.allowed_ips,
            last_handshake: peer.last_handshake,
            transfer_rx: peer.rx_bytes,
            transfer_tx: peer.tx_bytes,
            persistent_keepalive: peer.persistent_keepalive,
            has_preshared_key: peer.has_preshared_key,
            protocol_version: peer.protocol_version,
            online: peer.is_online(self.timestamp),
            rates: self.rates.get(index).copied().flatten().map(PeerRatesDocument::from),
        }
    }
}

impl Json for Peers<'_> {
    fn write(&self, out: &mut OutBuf<'_>) {
        write_array(out, self.all.iter().enumerate().map(|(index, peer)| self.document(index, peer)));
    }
}

impl JsonSchema for Peers<'_> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Peers".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Vec::<PeerDocument<'_>>::json_schema(generator)
    }
}
