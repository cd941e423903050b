//! Defines events: the changes between two samples.

mod tracker;

use std::net::SocketAddr;

pub use self::tracker::Tracker;
use crate::findings::Finding;
use crate::model::{Name, PublicKey, printable, qualified_name};

/// Represents one event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When it was noticed, in seconds since the Unix epoch.
    pub timestamp: u64,
    /// The network's namespace, if the caller selected one.
    pub netns: Option<String>,
    /// The network's interface.
    pub interface: Name,
    /// The interface's index; `None` if it has no link.
    pub ifindex: Option<u32>,
    /// The network's display name.
    pub network: String,
    /// The kind of event, with its details.
    pub kind: EventKind,
}

/// Says what happened.
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// An interface appeared.
    InterfaceAdded,
    /// An interface disappeared.
    InterfaceRemoved,
    /// An interface got another name.
    InterfaceRenamed {
        /// The old name.
        old: Name,
    },
    /// Counters were reset: the interface's, or one peer's.
    CounterReset(Option<EventPeer>),
    /// A peer's session is alive: its last handshake is at most 180 s old.
    PeerOnline(EventPeer),
    /// A peer's session is dead, or the peer was removed while it was alive.
    PeerOffline(EventPeer),
    /// A peer has another endpoint: it roamed, or its configuration changed.
    EndpointChanged {
        /// The peer.
        peer: EventPeer,
        /// The old endpoint.
        old: Option<SocketAddr>,
        /// The new endpoint.
        new: Option<SocketAddr>,
    },
    /// A new finding.
    FindingRaised(Finding),
    /// A finding that no longer holds.
    FindingCleared(Finding),
}

/// Identifies a peer in an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPeer {
    /// Its key.
    pub public_key: PublicKey,
    /// Its friendly name.
    pub name: Option<String>,
}

impl EventPeer {
    /// Returns its name, else its key.
    fn label(&self) -> String {
        self.name.as_deref().map_or_else(|| self.public_key.to_string(), |name| printable(name).into_owned())
    }
}

impl EventKind {
    /// Returns the stable name of the kind, as JSON has it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::InterfaceAdded => "interface_added",
            Self::InterfaceRemoved => "interface_removed",
            Self::InterfaceRenamed { .. } => "interface_renamed",
            Self::CounterReset(_) => "counter_reset",
            Self::PeerOnline(_) => "peer_online",
            Self::PeerOffline(_) => "peer_offline",
            Self::EndpointChanged { .. } => "endpoint_changed",
            Self::FindingRaised(_) => "finding_raised",
            Self::FindingCleared(_) => "finding_cleared",
        }
    }
}

impl Event {
    /// Returns one line for people. Control characters are escaped.
    #[must_use]
    pub fn sentence(&self) -> String {
        let subject = qualified_name(&self.interface, self.netns.as_deref());
        let text = match &self.kind {
            EventKind::InterfaceAdded => "interface added".to_owned(),
            EventKind::InterfaceRemoved => "interface removed".to_owned(),
            EventKind::InterfaceRenamed { old } => format!("interface renamed from {old}"),
            EventKind::CounterReset(None) => "counter reset".to_owned(),
            EventKind::CounterReset(Some(peer)) => format!("peer {}: counter reset", peer.label()),
            EventKind::PeerOnline(peer) => format!("peer {} online", peer.label()),
            EventKind::PeerOffline(peer) => format!("peer {} offline", peer.label()),
            EventKind::EndpointChanged { peer, old, new } => {
                let endpoint = |endpoint: &Option<SocketAddr>| {
                    endpoint.map_or_else(|| "no endpoint".to_owned(), |endpoint| endpoint.to_string())
                };
                format!("peer {}: endpoint changed from {} to {}", peer.label(), endpoint(old), endpoint(new))
            }
            EventKind::FindingRaised(finding) => {
                format!("{}: {}", finding.severity.as_str(), printable(&finding.summary))
            }
            EventKind::FindingCleared(finding) => format!("fixed: {}", printable(&finding.summary)),
        };
        format!("{subject}: {text}")
    }
}
