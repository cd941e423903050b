//! Collects the peers that one rule holds for, and makes one finding of them.

use super::finding::MAX_NAMED_PEERS;
use super::wording::about_peers;
use super::{Finding, RuleId};
use crate::model::{Network, Peer};

/// The peers that a rule holds for. It counts all and keeps the first 20.
pub(super) struct PeerSet<'a> {
    id: RuleId,
    count: u64,
    named: Vec<&'a Peer>,
}

impl<'a> PeerSet<'a> {
    pub(super) fn new(id: RuleId) -> Self {
        Self { id, count: 0, named: Vec::new() }
    }

    /// Adds a peer, unless the configuration ignores it.
    pub(super) fn add(&mut self, peer: &'a Peer) {
        if peer.is_ignored {
            return;
        }
        self.count += 1;
        if self.named.len() < MAX_NAMED_PEERS {
            self.named.push(peer);
        }
    }

    /// Returns the first peer that was added.
    pub(super) fn first(&self) -> Option<&'a Peer> {
        self.named.first().copied()
    }

    /// Returns one finding about all of them, with the first one in the remedy; `None` where there are no peers.
    pub(super) fn finding(&self, network: &Network) -> Option<Finding> {
        let first = self.first()?;
        let base = Finding::new(self.id, network);
        let finding = Finding {
            count: self.count,
            value: Some(self.count),
            unit: Some("peers"),
            summary: about_peers(self.id, self.count, first),
            peers: self.named.iter().map(|peer| peer.public_key).collect(),
            ..base
        };
        Some(finding.fill_peer(first))
    }
}
