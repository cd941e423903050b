//! What happened between two looks.

mod tracker;

use std::net::SocketAddr;

pub use self::tracker::Tracker;
use crate::findings::Finding;
use crate::model::{Name, PublicKey, printable, qualified_name};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When it was seen, in seconds since the Unix epoch.
    pub timestamp: u64,
    /// The network's namespace, where the caller named one.
    pub netns: Option<String>,
    /// The network's interface.
    pub interface: Name,
    /// The kernel's index of it, where there is a link.
    pub ifindex: Option<u32>,
    /// What the network is called.
    pub network: String,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// An interface is there that was not.
    InterfaceAdded,
    /// An interface is no longer there.
    InterfaceRemoved,
    /// An interface has another name.
    InterfaceRenamed {
        /// The one it had.
        before: Name,
    },
    /// Counters started anew: the interface's, or one peer's.
    CounterReset(Option<Who>),
    /// A peer's session is alive: its last handshake is at most 180 s old.
    PeerOnline(Who),
    /// A peer's session is dead, or the peer was removed while it was alive.
    PeerOffline(Who),
    /// A peer is reached elsewhere: it roamed, or was configured anew.
    EndpointChanged {
        /// The peer.
        peer: Who,
        /// Where it was.
        before: Option<SocketAddr>,
        /// Where it is.
        after: Option<SocketAddr>,
    },
    /// Something is wrong that was not.
    FindingRaised(Finding),
    /// Something is no longer wrong.
    FindingCleared(Finding),
}

/// A peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// Its identity.
    pub public_key: PublicKey,
    /// Its friendly name.
    pub name: Option<String>,
}

impl Who {
    fn label(&self) -> String {
        self.name.as_deref().map_or_else(|| self.public_key.to_string(), |name| printable(name).into_owned())
    }
}

impl What {
    /// The stable name of the kind.
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
    /// It in one line, for people. Nothing in it acts on a terminal.
    #[must_use]
    pub fn sentence(&self) -> String {
        let subject = qualified_name(&self.interface, self.netns.as_deref());
        let what = match &self.what {
            What::InterfaceAdded => "interface added".to_owned(),
            What::InterfaceRemoved => "interface removed".to_owned(),
            What::InterfaceRenamed { before } => format!("interface renamed, it was {before}"),
            What::CounterReset(None) => "the counters started anew".to_owned(),
            What::CounterReset(Some(peer)) => format!("peer {}: the counters started anew", peer.label()),
            What::PeerOnline(peer) => format!("peer {} online", peer.label()),
            What::PeerOffline(peer) => format!("peer {} offline", peer.label()),
            What::EndpointChanged { peer, before, after } => {
                let endpoint = |endpoint: &Option<SocketAddr>| {
                    endpoint.map_or_else(|| "no endpoint".to_owned(), |endpoint| endpoint.to_string())
                };
                format!("peer {}: endpoint {}, it was {}", peer.label(), endpoint(after), endpoint(before))
            }
            What::FindingRaised(finding) => format!("{}: {}", finding.severity.as_str(), printable(&finding.summary)),
            What::FindingCleared(finding) => format!("no longer: {}", printable(&finding.summary)),
        };
        format!("{subject}: {what}")
    }
}
