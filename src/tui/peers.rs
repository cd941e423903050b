//! Holds the list of peers of the selected network: filter, order, selection and visible part.

use std::ops::Range;

use super::input::{Motion, Step};
use crate::model::{Network, Peer, PublicKey};
use crate::rates::NetworkRates;

/// Lists the columns, from left to right. The peers can be sorted by each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Column {
    Peer,
    RxRate,
    TxRate,
    Rx,
    Tx,
    /// The default order, as in `status` and `wg`.
    #[default]
    Handshake,
    Endpoint,
    AllowedIps,
}

impl Column {
    /// All columns, from left to right.
    pub(super) const ALL: [Self; 8] =
        [Self::Peer, Self::RxRate, Self::TxRate, Self::Rx, Self::Tx, Self::Handshake, Self::Endpoint, Self::AllowedIps];

    /// Returns the heading of a column.
    pub(super) const fn heading(self) -> &'static str {
        match self {
            Self::Peer => "PEER",
            Self::RxRate => "RX/s",
            Self::TxRate => "TX/s",
            Self::Rx => "RX",
            Self::Tx => "TX",
            Self::Handshake => "HANDSHAKE",
            Self::Endpoint => "ENDPOINT",
            Self::AllowedIps => "ALLOWED IPS",
        }
    }

    /// Returns whether the column is sorted by descending values first.
    const fn is_descending_first(self) -> bool {
        matches!(self, Self::RxRate | Self::TxRate | Self::Rx | Self::Tx | Self::Handshake)
    }
}

/// Holds the list, as indices into the peers of the network.
#[derive(Debug, Default)]
pub(super) struct PeerList {
    order: Vec<usize>,
    column: Column,
    is_reversed: bool,
    /// The selected peer; it stays selected when its position changes.
    selected: Option<PublicKey>,
    /// Position of the selected peer in the list, or where it was last.
    position: usize,
    /// First visible position.
    top: usize,
    /// Number of visible rows when the list was last drawn.
    page: usize,
}

impl PeerList {
    /// Returns the number of peers that match the filter.
    pub(super) const fn len(&self) -> usize {
        self.order.len()
    }

    /// Returns the column that the list is sorted by.
    pub(super) const fn column(&self) -> Column {
        self.column
    }

    /// Returns whether the order is ascending.
    pub(super) const fn is_ascending(&self) -> bool {
        self.column.is_descending_first() == self.is_reversed
    }

    /// Returns the key of the selected peer.
    pub(super) const fn selected(&self) -> Option<PublicKey> {
        self.selected
    }

    /// Clears the selection and scrolls to the top; order and filter stay.
    pub(super) fn clear_selection(&mut self) {
        *self = Self { column: self.column, is_reversed: self.is_reversed, page: self.page, ..Self::default() };
    }

    /// Sorts by the next or previous column.
    pub(super) fn sort(&mut self, step: Step) {
        let count = Column::ALL.len();
        let step = if step == Step::Next { 1 } else { count - 1 };
        let index = Column::ALL.iter().position(|&column| column == self.column).unwrap_or_default();
        self.column = Column::ALL.get((index + step) % count).copied().unwrap_or_default();
        self.is_reversed = false;
    }

    /// Reverses the order.
    pub(super) const fn reverse(&mut self) {
        self.is_reversed = !self.is_reversed;
    }

    /// Filters and sorts the peers of a network. The caller does this once per sample and key, not per frame.
    pub(super) fn arrange(&mut self, network: Option<&Network>, rates: Option<&NetworkRates>, filter: &str) {
        let peers = network.and_then(|network| network.peers.as_deref()).unwrap_or_default();
        let filter = filter.to_lowercase();
        let shown: Vec<usize> = (0..peers.len())
            .filter(|&index| filter.is_empty() || peers.get(index).is_some_and(|peer| matches(peer, &filter)))
            .collect();
        let rate = |index: usize| rates.and_then(|rates| rates.peers.get(index).copied().flatten());
        // Non-negative floats have the same order as their bits.
        let bits = |rate: Option<f64>| rate.map(f64::to_bits);
        let is_ascending = self.is_ascending();
        let by = |key: &dyn Fn(usize, &Peer) -> Option<u64>| sorted(&shown, peers, is_ascending, key);
        self.order = match self.column {
            Column::RxRate => by(&|index, _| bits(rate(index)?.rx_bytes)),
            Column::TxRate => by(&|index, _| bits(rate(index)?.tx_bytes)),
            Column::Rx => by(&|_, peer| Some(peer.rx_bytes)),
            Column::Tx => by(&|_, peer| Some(peer.tx_bytes)),
            Column::Handshake => by(&|_, peer| peer.last_handshake),
            // Peers with names come first.
            Column::Peer => sorted(&shown, peers, is_ascending, &|_, peer| {
                Some((peer.name.is_none(), peer.name.as_ref().map(|name| name.to_lowercase()), peer.public_key))
            }),
            Column::Endpoint => sorted(&shown, peers, is_ascending, &|_, peer| peer.endpoint),
            Column::AllowedIps => sorted(&shown, peers, is_ascending, &|_, peer| {
                peer.allowed_ips.first().map(|allowed| (allowed.address, allowed.prefix))
            }),
        };
        let key = |index: &usize| peers.get(*index).map(|peer| peer.public_key);
        if let Some(position) = self.order.iter().position(|index| key(index) == self.selected) {
            self.position = position;
        } else if self.selected.is_some() {
            // The peer was removed or does not match the filter: its neighbour is selected instead.
            self.position = self.position.min(self.order.len().saturating_sub(1));
            self.selected = self.order.get(self.position).and_then(key);
        }
    }

    /// Moves the selection. Without a selection, one line down selects the first visible peer.
    pub(super) fn move_by(&mut self, motion: Motion, peers: &[Peer]) {
        let last = self.order.len().saturating_sub(1);
        let page = self.page.max(1);
        let from = self.position;
        let has_no_selection = self.selected.is_none();
        self.position = match motion {
            Motion::Up(lines) => from.saturating_sub(lines),
            Motion::Down(1) if has_no_selection => self.top,
            Motion::Down(lines) => from.saturating_add(lines),
            Motion::PageUp => from.saturating_sub(page),
            Motion::PageDown => from.saturating_add(page),
            Motion::First => 0,
            Motion::Last => last,
        }
        .min(last);
        self.selected = self.order.get(self.position).and_then(|&index| peers.get(index)).map(|peer| peer.public_key);
    }

    /// Returns the visible positions for this number of rows. Scrolls so that the selected peer is among them.
    pub(super) fn visible(&mut self, rows: usize) -> Range<usize> {
        self.page = rows;
        if self.selected.is_some() {
            self.top = self.top.max((self.position + 1).saturating_sub(rows)).min(self.position);
        }
        self.top = self.top.min(self.order.len().saturating_sub(rows));
        self.top..(self.top + rows).min(self.order.len())
    }

    /// Returns the index in the network of the peer at this position of the list.
    pub(super) fn peer_index(&self, position: usize) -> Option<usize> {
        self.order.get(position).copied()
    }
}

/// Returns the indices in the order of the keys. Peers without a key come last in both directions; equal keys keep the order of
/// the kernel.
fn sorted<K: Ord>(
    shown: &[usize],
    peers: &[Peer],
    is_ascending: bool,
    key: &dyn Fn(usize, &Peer) -> Option<K>,
) -> Vec<usize> {
    let mut keyed: Vec<(Option<K>, usize)> =
        shown.iter().map(|&index| (peers.get(index).and_then(|peer| key(index, peer)), index)).collect();
    keyed.sort_by(|(a, _), (b, _)| match (a, b) {
        (Some(a), Some(b)) if is_ascending => a.cmp(b),
        (Some(a), Some(b)) => b.cmp(a),
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
    keyed.into_iter().map(|(_, index)| index).collect()
}

/// Returns whether the name, key, endpoint or an allowed IP of a peer contains the filter, which is in lower case.
fn matches(peer: &Peer, filter: &str) -> bool {
    let has = |text: String| text.to_lowercase().contains(filter);
    peer.name.as_ref().is_some_and(|name| has(name.clone()))
        || has(peer.public_key.to_string())
        || peer.endpoint.is_some_and(|endpoint| has(endpoint.to_string()))
        || peer.allowed_ips.iter().any(|allowed| has(allowed.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rates::PeerRates;

    /// Returns a network with peers 0, 1, 2… and these handshakes.
    fn network(handshakes: &[Option<u64>]) -> Network {
        let peer = |(index, &last_handshake): (usize, &Option<u64>)| Peer {
            public_key: PublicKey([u8::try_from(index).unwrap(); 32]),
            name: Some(format!("Peer{index}")),
            last_handshake,
            ..Peer::default()
        };
        Network { peers: Some(handshakes.iter().enumerate().map(peer).collect()), ..Network::default() }
    }

    #[test]
    fn unknown_values_come_last_in_both_directions() {
        let network = network(&[None, Some(5), Some(9), None]);
        let mut peers = PeerList::default();
        peers.arrange(Some(&network), None, "");
        assert_eq!(peers.order, [2, 1, 0, 3]);
        peers.reverse();
        peers.arrange(Some(&network), None, "");
        assert_eq!(peers.order, [1, 2, 0, 3]);
    }

    #[test]
    fn every_column_sorts() {
        let mut network = network(&[Some(1), Some(2)]);
        let list = network.peers.as_mut().unwrap();
        list[0].rx_bytes = 7;
        list[0].tx_bytes = 7;
        list[0].endpoint = Some("192.0.2.2:1".parse().unwrap());
        list[1].endpoint = Some("192.0.2.1:1".parse().unwrap());
        list[0].name = Some("b".into());
        list[1].name = Some("A".into());
        for (peer, last) in list.iter_mut().zip([9, 1]) {
            let address = [10, 0, 0, last].into();
            peer.allowed_ips = std::iter::once(crate::model::AllowedIp { address, prefix: 32 }).collect();
        }
        let rate = |rate| Some(PeerRates { interval: 1.0, reset: false, rx_bytes: Some(rate), tx_bytes: Some(rate) });
        let rates = NetworkRates {
            interval: 1.0,
            reset: false,
            counters: crate::model::MainCounters([None; 9]),
            peers: vec![rate(10.0), rate(9.5)],
        };
        let first: Vec<(Column, usize)> = Column::ALL
            .iter()
            .map(|&column| {
                let mut peers = PeerList { column, ..PeerList::default() };
                peers.arrange(Some(&network), Some(&rates), "");
                (column, peers.order[0])
            })
            .collect();
        let expected = [1, 0, 0, 0, 0, 1, 1, 1];
        assert_eq!(first, Column::ALL.into_iter().zip(expected).collect::<Vec<_>>());
    }

    #[test]
    fn selected_peer_stays_selected_when_the_order_changes() {
        let mut peers = PeerList::default();
        let first = network(&[Some(1), Some(2), Some(3)]);
        peers.arrange(Some(&first), None, "");
        peers.move_by(Motion::Down(1), first.peers.as_ref().unwrap());
        assert_eq!(peers.selected(), Some(PublicKey([2; 32])), "the latest handshake");
        peers.arrange(Some(&network(&[Some(4), Some(5), Some(3)])), None, "");
        assert_eq!((peers.selected(), peers.position), (Some(PublicKey([2; 32])), 2));
        peers.arrange(Some(&network(&[Some(4), Some(5)])), None, "");
        assert_eq!(peers.selected(), Some(PublicKey([0; 32])), "its neighbour is selected instead");
        peers.arrange(None, None, "");
        assert_eq!(peers.selected(), None);
    }

    #[test]
    fn visible_part_contains_the_selection_and_stays_in_the_list() {
        let many = network(&[Some(1); 100]);
        let list = many.peers.as_ref().unwrap();
        let mut peers = PeerList::default();
        peers.arrange(Some(&many), None, "");
        assert_eq!(peers.visible(10), 0..10);
        for (motion, expected) in [
            (Motion::Last, 90..100),
            (Motion::Up(1), 90..100),
            (Motion::PageUp, 88..98),
            (Motion::First, 0..10),
            (Motion::PageDown, 1..11),
            (Motion::Down(usize::MAX), 90..100),
        ] {
            peers.move_by(motion, list);
            assert_eq!(peers.visible(10), expected, "{motion:?}");
        }
        assert_eq!(peers.visible(200), 0..100);
        assert_eq!(peers.visible(0), 99..99);
        peers.arrange(Some(&network(&[Some(1); 3])), None, "");
        assert_eq!(peers.visible(10), 0..3);
    }

    #[test]
    fn filter_matches_name_key_endpoint_and_allowed_ips() {
        let mut network = network(&[Some(1), Some(2)]);
        let list = network.peers.as_mut().unwrap();
        list[1].endpoint = Some("[2001:db8::1]:51820".parse().unwrap());
        let key = list[1].public_key.to_string();
        for filter in ["peer1", "2001:DB8", &key[..9]] {
            let mut peers = PeerList::default();
            peers.arrange(Some(&network), None, filter);
            assert_eq!(peers.order, [1], "{filter}");
        }
    }
}
