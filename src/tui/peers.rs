//! Which peers of the selected network are shown, in what order, and which of them is selected.

use std::ops::Range;

use super::input::{Motion, Turn};
use crate::model::{Network, Peer, PublicKey};
use crate::rates::NetworkRates;

/// What the peers can be sorted by, in the order the columns stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Column {
    Peer,
    RxRate,
    TxRate,
    Rx,
    Tx,
    /// As `status` and `wg` sort them.
    #[default]
    Handshake,
    Endpoint,
    AllowedIps,
}

impl Column {
    pub(super) const ALL: [Self; 8] =
        [Self::Peer, Self::RxRate, Self::TxRate, Self::Rx, Self::Tx, Self::Handshake, Self::Endpoint, Self::AllowedIps];

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

    /// The most first, or the latest.
    const fn starts_with_most(self) -> bool {
        matches!(self, Self::RxRate | Self::TxRate | Self::Rx | Self::Tx | Self::Handshake)
    }
}

/// The list, as places in the network's peers.
#[derive(Debug, Default)]
pub(super) struct Peers {
    order: Vec<usize>,
    column: Column,
    is_reversed: bool,
    /// It stays selected wherever the order takes it.
    selected: Option<PublicKey>,
    /// Where in the order it is, or was.
    position: usize,
    /// The first one that is on the screen.
    top: usize,
    /// How many were on the screen when it was last drawn.
    page: usize,
}

impl Peers {
    pub(super) const fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) const fn column(&self) -> Column {
        self.column
    }

    /// Whether the order goes from the least to the most.
    pub(super) const fn is_ascending(&self) -> bool {
        self.column.starts_with_most() == self.is_reversed
    }

    pub(super) const fn selected(&self) -> Option<PublicKey> {
        self.selected
    }

    pub(super) fn forget_selection(&mut self) {
        *self = Self { column: self.column, is_reversed: self.is_reversed, page: self.page, ..Self::default() };
    }

    pub(super) fn sort(&mut self, turn: Turn) {
        let count = Column::ALL.len();
        let step = if turn == Turn::Next { 1 } else { count - 1 };
        let place = Column::ALL.iter().position(|&column| column == self.column).unwrap_or_default();
        self.column = Column::ALL.get((place + step) % count).copied().unwrap_or_default();
        self.is_reversed = false;
    }

    pub(super) const fn reverse(&mut self) {
        self.is_reversed = !self.is_reversed;
    }

    /// Puts the network's peers in order, those that match the filter. This is done once a tick and key, not when drawn.
    pub(super) fn arrange(&mut self, network: Option<&Network>, rates: Option<&NetworkRates>, filter: &str) {
        let peers = network.and_then(|network| network.peers.as_deref()).unwrap_or_default();
        let filter = filter.to_lowercase();
        let shown: Vec<usize> = (0..peers.len())
            .filter(|&place| filter.is_empty() || peers.get(place).is_some_and(|peer| holds(peer, &filter)))
            .collect();
        let rate = |place: usize| rates.and_then(|rates| rates.peers.get(place).copied().flatten());
        // Rates are never negative, and such floats are in the order of their bits.
        let bits = |rate: Option<f64>| rate.map(f64::to_bits);
        let is_ascending = self.is_ascending();
        let by = |key: &dyn Fn(usize, &Peer) -> Option<u64>| sorted(&shown, peers, is_ascending, key);
        self.order = match self.column {
            Column::RxRate => by(&|place, _| bits(rate(place)?.rx_bytes)),
            Column::TxRate => by(&|place, _| bits(rate(place)?.tx_bytes)),
            Column::Rx => by(&|_, peer| Some(peer.rx_bytes)),
            Column::Tx => by(&|_, peer| Some(peer.tx_bytes)),
            Column::Handshake => by(&|_, peer| peer.last_handshake),
            // Those with names come first.
            Column::Peer => sorted(&shown, peers, is_ascending, &|_, peer| {
                Some((peer.name.is_none(), peer.name.as_ref().map(|name| name.to_lowercase()), peer.public_key))
            }),
            Column::Endpoint => sorted(&shown, peers, is_ascending, &|_, peer| peer.endpoint),
            Column::AllowedIps => sorted(&shown, peers, is_ascending, &|_, peer| {
                peer.allowed_ips.first().map(|allowed| (allowed.address, allowed.prefix))
            }),
        };
        let key = |place: &usize| peers.get(*place).map(|peer| peer.public_key);
        if let Some(position) = self.order.iter().position(|place| key(place) == self.selected) {
            self.position = position;
        } else if self.selected.is_some() {
            // Gone, or hidden by the filter: its neighbour stands in for it.
            self.position = self.position.min(self.order.len().saturating_sub(1));
            self.selected = self.order.get(self.position).and_then(key);
        }
    }

    /// Moves the selection; without one, the first key selects what is at the top.
    pub(super) fn go(&mut self, motion: Motion, peers: &[Peer]) {
        let last = self.order.len().saturating_sub(1);
        let page = self.page.max(1);
        let from = self.position;
        let is_first = self.selected.is_none();
        self.position = match motion {
            Motion::Up(lines) => from.saturating_sub(lines),
            Motion::Down(1) if is_first => self.top,
            Motion::Down(lines) => from.saturating_add(lines),
            Motion::PageUp => from.saturating_sub(page),
            Motion::PageDown => from.saturating_add(page),
            Motion::First => 0,
            Motion::Last => last,
        }
        .min(last);
        self.selected = self.order.get(self.position).and_then(|&place| peers.get(place)).map(|peer| peer.public_key);
    }

    /// The places in the order that are on a screen of so many rows.
    pub(super) fn window(&mut self, rows: usize) -> Range<usize> {
        self.page = rows;
        if self.selected.is_some() {
            // As little as lets the selected one be seen.
            self.top = self.top.max((self.position + 1).saturating_sub(rows)).min(self.position);
        }
        self.top = self.top.min(self.order.len().saturating_sub(rows));
        self.top..(self.top + rows).min(self.order.len())
    }

    /// The place in the network's peers of what is at this place of the order.
    pub(super) fn at(&self, position: usize) -> Option<usize> {
        self.order.get(position).copied()
    }
}

/// In the order of the keys; what has none comes last in either direction, and equals stay as the kernel has them.
fn sorted<K: Ord>(
    shown: &[usize],
    peers: &[Peer],
    is_ascending: bool,
    key: &dyn Fn(usize, &Peer) -> Option<K>,
) -> Vec<usize> {
    let mut keyed: Vec<(Option<K>, usize)> =
        shown.iter().map(|&place| (peers.get(place).and_then(|peer| key(place, peer)), place)).collect();
    keyed.sort_by(|(a, _), (b, _)| match (a, b) {
        (Some(a), Some(b)) if is_ascending => a.cmp(b),
        (Some(a), Some(b)) => b.cmp(a),
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
    keyed.into_iter().map(|(_, place)| place).collect()
}

fn holds(peer: &Peer, filter: &str) -> bool {
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

    /// Peers 0, 1, 2… with these handshakes.
    fn network(handshakes: &[Option<u64>]) -> Network {
        let peer = |(place, &last_handshake): (usize, &Option<u64>)| Peer {
            public_key: PublicKey([u8::try_from(place).unwrap(); 32]),
            name: Some(format!("Peer{place}")),
            last_handshake,
            ..Peer::default()
        };
        Network { peers: Some(handshakes.iter().enumerate().map(peer).collect()), ..Network::default() }
    }

    #[test]
    fn what_is_not_known_comes_last_in_either_direction() {
        let network = network(&[None, Some(5), Some(9), None]);
        let mut peers = Peers::default();
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
        let rates =
            NetworkRates { interval: 1.0, reset: false, counters: [None; 9], peers: vec![rate(10.0), rate(9.5)] };
        let first: Vec<(Column, usize)> = Column::ALL
            .iter()
            .map(|&column| {
                let mut peers = Peers { column, ..Peers::default() };
                peers.arrange(Some(&network), Some(&rates), "");
                (column, peers.order[0])
            })
            .collect();
        let expected = [1, 0, 0, 0, 0, 1, 1, 1];
        assert_eq!(first, Column::ALL.into_iter().zip(expected).collect::<Vec<_>>());
    }

    #[test]
    fn selected_peer_stays_selected_wherever_it_goes() {
        let mut peers = Peers::default();
        let first = network(&[Some(1), Some(2), Some(3)]);
        peers.arrange(Some(&first), None, "");
        peers.go(Motion::Down(1), first.peers.as_ref().unwrap());
        assert_eq!(peers.selected(), Some(PublicKey([2; 32])), "the latest handshake");
        peers.arrange(Some(&network(&[Some(4), Some(5), Some(3)])), None, "");
        assert_eq!((peers.selected(), peers.position), (Some(PublicKey([2; 32])), 2));
        peers.arrange(Some(&network(&[Some(4), Some(5)])), None, "");
        assert_eq!(peers.selected(), Some(PublicKey([0; 32])), "its neighbour stands in");
        peers.arrange(None, None, "");
        assert_eq!(peers.selected(), None);
    }

    #[test]
    fn window_holds_the_selection_and_never_leaves_the_list() {
        let many = network(&[Some(1); 100]);
        let list = many.peers.as_ref().unwrap();
        let mut peers = Peers::default();
        peers.arrange(Some(&many), None, "");
        assert_eq!(peers.window(10), 0..10);
        for (motion, expected) in [
            (Motion::Last, 90..100),
            (Motion::Up(1), 90..100),
            (Motion::PageUp, 88..98),
            (Motion::First, 0..10),
            (Motion::PageDown, 1..11),
            (Motion::Down(usize::MAX), 90..100),
        ] {
            peers.go(motion, list);
            assert_eq!(peers.window(10), expected, "{motion:?}");
        }
        assert_eq!(peers.window(200), 0..100);
        assert_eq!(peers.window(0), 99..99);
        peers.arrange(Some(&network(&[Some(1); 3])), None, "");
        assert_eq!(peers.window(10), 0..3);
    }

    #[test]
    fn filter_looks_at_name_key_endpoint_and_allowed_ips() {
        let mut network = network(&[Some(1), Some(2)]);
        let list = network.peers.as_mut().unwrap();
        list[1].endpoint = Some("[2001:db8::1]:51820".parse().unwrap());
        let key = list[1].public_key.to_string();
        for filter in ["peer1", "2001:DB8", &key[..9]] {
            let mut peers = Peers::default();
            peers.arrange(Some(&network), None, filter);
            assert_eq!(peers.order, [1], "{filter}");
        }
    }
}
