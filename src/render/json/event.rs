//! Something that happened.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

use super::{FindingDocument, Key, SCHEMA_VERSION};
use crate::events::{Event, EventKind, EventPeer};
use crate::render::Endpoints;

/// What `wgstat watch --json` prints when something happened. The keys are the same for all types.
#[derive(Serialize, JsonSchema)]
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
    /// When it was seen, in seconds since the Unix epoch.
    timestamp: u64,
    /// The network namespace, where one was asked for.
    netns: Option<&'a str>,
    /// The interface's name.
    interface: Cow<'a, str>,
    /// The kernel's index of it; null where there is no link.
    ifindex: Option<u32>,
    /// The network's friendly name, else the interface's.
    network: &'a str,
    /// With `interface_renamed` the name it had; else null.
    previous_interface: Option<Cow<'a, str>>,
    /// The peer, of `peer_online`, `peer_offline`, `endpoint_changed`, and of a `counter_reset` that is a peer's; else null.
    peer: Option<WhoDocument<'a>>,
    /// With `endpoint_changed` where the peer is reached; else null.
    endpoint: Option<String>,
    /// With `endpoint_changed` where it was reached; else null.
    previous_endpoint: Option<String>,
    /// With `finding_raised` and `finding_cleared` the finding; else null.
    finding: Option<FindingDocument<'a>>,
}

/// The peer it happened to.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EventPeer")]
struct WhoDocument<'a> {
    /// Its friendly name.
    name: Option<&'a str>,
    /// Its public key, in base64.
    public_key: Key,
}

impl<'a> From<&'a EventPeer> for WhoDocument<'a> {
    fn from(who: &'a EventPeer) -> Self {
        Self { name: who.name.as_deref(), public_key: Key(who.public_key) }
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
            EventKind::CounterReset(peer) => document.peer = peer.as_ref().map(WhoDocument::from),
            EventKind::PeerOnline(peer) | EventKind::PeerOffline(peer) => document.peer = Some(peer.into()),
            EventKind::EndpointChanged { peer, old, new } => {
                document.peer = Some(peer.into());
                document.previous_endpoint = old.map(|endpoint| endpoint.to_string());
                document.endpoint = new.map(|endpoint| endpoint.to_string());
            }
            EventKind::FindingRaised(finding) | EventKind::FindingCleared(finding) => {
                document.finding = Some(FindingDocument::new(finding, Endpoints::Shown));
            }
        }
        document
    }
}
