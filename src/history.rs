//! What was measured at earlier looks: fixed in size, whatever happens. Here the throughput of each network at the last ticks,
//! for a view; a day of counters is in [`counters`].

pub mod counters;

use std::collections::{HashMap, VecDeque};

use crate::model::{Counter, Network, Snapshot};
use crate::rates::{Identity, NetworkRates, identity};

/// Ticks that are kept: more than any terminal has columns.
const KEPT: usize = 512;

/// The throughput at one tick; `None` where it is not known: at the first, after a reset, after a sleep of the machine.
pub type Point = Option<Throughput>;

/// Bytes per second, computed from two looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Throughput {
    /// Received, in bytes a second.
    pub rx: f64,
    /// Sent, in bytes a second.
    pub tx: f64,
}

/// What was measured at the last ticks, for each network that was there at the last one.
#[derive(Debug, Clone, Default)]
pub struct ThroughputHistory {
    series: HashMap<Identity, VecDeque<Point>>,
}

impl ThroughputHistory {
    /// Adds a tick. The rates are in the order of the snapshot's networks; a network that is gone is forgotten.
    pub fn add(&mut self, snapshot: &Snapshot, rates: &[Option<NetworkRates>]) {
        let mut before = std::mem::take(&mut self.series);
        for (place, network) in snapshot.networks.iter().enumerate() {
            let mut series = before.remove(&identity(network)).unwrap_or_default();
            if series.len() == KEPT {
                series.pop_front();
            }
            series.push_back(rates.get(place).and_then(|rates| throughput(rates.as_ref()?)));
            self.series.insert(identity(network), series);
        }
    }

    /// What was measured of this network, the oldest first.
    #[must_use]
    pub fn of(&self, network: &Network) -> impl DoubleEndedIterator<Item = Point> + ExactSizeIterator + Clone + '_ {
        static NONE: VecDeque<Point> = VecDeque::new();
        self.series.get(&identity(network)).unwrap_or(&NONE).iter().copied()
    }
}

fn throughput(rates: &NetworkRates) -> Point {
    Some(Throughput { rx: rates.get(Counter::RxBytes)?, tx: rates.get(Counter::TxBytes)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(rx: Option<f64>) -> Vec<Option<NetworkRates>> {
        let mut counters = [Some(1.0); Counter::MAIN.len()];
        counters[0] = rx;
        vec![Some(NetworkRates { interval: 2.0, reset: rx.is_none(), counters, peers: Vec::new() })]
    }

    fn snapshot(ifindex: u32) -> Snapshot {
        let network = Network { ifindex: Some(ifindex), ..Network::default() };
        Snapshot { networks: vec![network], ..Snapshot::default() }
    }

    #[test]
    fn what_is_not_known_is_a_gap_and_no_zero() {
        let mut history = ThroughputHistory::default();
        history.add(&snapshot(4), &[]);
        history.add(&snapshot(4), &rates(Some(7.0)));
        history.add(&snapshot(4), &rates(None));
        let points: Vec<Point> = history.of(&snapshot(4).networks[0]).collect();
        assert_eq!(points, [None, Some(Throughput { rx: 7.0, tx: 1.0 }), None]);
    }

    #[test]
    fn size_is_fixed() {
        let mut history = ThroughputHistory::default();
        for tick in 0..2 * KEPT {
            history.add(&snapshot(4), &rates(Some(tick as f64)));
        }
        let network = &snapshot(4).networks[0];
        assert_eq!(history.of(network).len(), KEPT);
        let newest = Throughput { rx: (2 * KEPT - 1) as f64, tx: 1.0 };
        assert_eq!(history.of(network).next_back(), Some(Some(newest)));
    }

    #[test]
    fn network_that_comes_back_under_another_ifindex_starts_anew() {
        let mut history = ThroughputHistory::default();
        history.add(&snapshot(4), &rates(Some(7.0)));
        history.add(&snapshot(5), &[None]);
        assert_eq!(history.of(&snapshot(4).networks[0]).len(), 0);
        assert_eq!(history.of(&snapshot(5).networks[0]).collect::<Vec<Point>>(), [None]);
    }
}
