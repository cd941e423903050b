//! Defines the document of an event of `watch --json`.

use std::borrow::Cow;
use std::net::SocketAddr;

use super::SCHEMA_VERSION;
use super::document::document;
use super::finding::FindingDocument;
use crate::events::{Event, EventKind, EventPeer};
use crate::model::PublicKey;
use crate::render::Endpoints;

document! {
    /// The document that `wgstat watch --json` prints for each event. All types have the same keys.
    #[schemars(title = "wgstat event")]
    pub(super) struct EventDocument<'a> {
        /// What happened.
        #[schemars(extend("enum" = [
            "interface_added", "interface_removed", "interface_renamed", "counter_reset", "peer_online", "peer_offline",
            "endpoint_changed", "finding_raised", "finding_cleared"
        ]))]
        r#type: &'static str,
        /// Version of this schema.
        schema_version: u32,
        /// When it was observed, in seconds since the Unix epoch.
        timestamp: u64,
        /// The network namespace, if one was requested.
        netns: Option<&'a str>,
        /// The name of the interface.
        interface: Cow<'a, str>,
        /// The kernel's index of the interface; null if there is no link.
        ifindex: Option<u32>,
        /// The friendly name of the network, else the name of the interface.
        network: &'a str,
        /// The former name, for `interface_renamed`; else null.
        previous_interface: Option<Cow<'a, str>>,
        /// The peer, for `peer_online`, `peer_offline`, `endpoint_changed`, and a `counter_reset` of a peer; else null.
        peer: Option<EventPeerDocument<'a>>,
        /// The new endpoint, for `endpoint_changed`; else null.
        #[schemars(with = "Option<String>")]
        endpoint: Option<SocketAddr>,
        /// The former endpoint, for `endpoint_changed`; else null.
        #[schemars(with = "Option<String>")]
        previous_endpoint: Option<SocketAddr>,
        /// The finding, for `finding_raised` and `finding_cleared`; else null.
        finding: Option<FindingDocument<'a>>,
    }
}

document! {
    /// The peer of an event.
    #[schemars(rename = "EventPeer")]
    struct EventPeerDocument<'a> {
        /// Its friendly name.
        name: Option<&'a str>,
        /// Its public key.
        public_key: PublicKey,
    }
}

impl<'a> From<&'a EventPeer> for EventPeerDocument<'a> {
    fn from(peer: &'a EventPeer) -> Self {
        Self { name: peer.name.as_deref(), public_key: peer.public_key }
    }
}

impl<'a> From<&'a Event> for EventDocument<'a> {
    fn from(event: &'a Event) -> Self {
        let mut document = Self {
            r#type: event.kind.name(),
            schema_version: SCHEMA_VERSION,
            timestamp: event.timestamp,
            netns: event.netns.as_deref(),
            interface: event.interface.text(),
            ifindex: event.ifindex,
            network: &event.network,
            previous_interface: None,
            peer: None,
            endpoint: None,
            previous_endpoint: None,
            finding: None,
        };
        match &event.kind {
            EventKind::InterfaceAdded | EventKind::InterfaceRemoved => {}
            EventKind::InterfaceRenamed { old } => document.previous_interface = Some(old.text()),
            EventKind::CounterReset(peer) => document.peer = peer.as_ref().map(EventPeerDocument::from),
            EventKind::PeerOnline(peer) | EventKind::PeerOffline(peer) => document.peer = Some(peer.into()),
            EventKind::EndpointChanged { peer, old, new } => {
                document.peer = Some(peer.into());
                document.previous_endpoint = *old;
                document.endpoint = *new;
            }
            EventKind::FindingRaised(finding) | EventKind::FindingCleared(finding) => {
                document.finding = Some(FindingDocument::new(finding, Endpoints::Shown));
            }
        }
        document
    }
}
