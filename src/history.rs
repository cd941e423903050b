//! Keeps older measurements, within a fixed size. This file keeps the throughput of the last updates, for the live view;
//! [`counters`] keeps a day of counters.

pub mod counters;

use std::collections::{HashMap, VecDeque};

use crate::model::{Counter, Network, Snapshot};
use crate::rates::{Identity, NetworkRates, identity};

/// The number of updates that are kept: more than any terminal has columns.
const MAX_SAMPLES: usize = 512;

/// Holds the bytes per second, computed from two samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Throughput {
    /// Received, in bytes per second.
    pub rx: f64,
    /// Sent, in bytes per second.
    pub tx: f64,
}

/// Keeps the throughput at the last updates, for each network of the newest one.
#[derive(Debug, Clone, Default)]
pub struct ThroughputHistory {
    series: HashMap<Identity, VecDeque<Option<Throughput>>>,
}

impl ThroughputHistory {
    /// Adds an update. `rates` is in the order of the snapshot's networks. A network that is not in the snapshot is forgotten.
    pub fn add(&mut self, snapshot: &Snapshot, rates: &[Option<NetworkRates>]) {
        let mut before = std::mem::take(&mut self.series);
        for (index, network) in snapshot.networks.iter().enumerate() {
            let mut series = before.remove(&identity(network)).unwrap_or_default();
            if series.len() == MAX_SAMPLES {
                series.pop_front();
            }
            series.push_back(rates.get(index).and_then(|rates| throughput(rates.as_ref()?)));
            self.series.insert(identity(network), series);
        }
    }

    /// Returns the throughput of this network, the oldest first; `None` if it is not known: at the first update, after a
    /// counter reset, and after the machine slept.
    #[must_use]
    pub fn samples(
        &self,
        network: &Network,
    ) -> impl DoubleEndedIterator<Item = Option<Throughput>> + ExactSizeIterator + Clone + '_ {
        static NONE: VecDeque<Option<Throughput>> = VecDeque::new();
        self.series.get(&identity(network)).unwrap_or(&NONE).iter().copied()
    }
}

/// Returns the throughput; `None` after a reset.
fn throughput(rates: &NetworkRates) -> Option<Throughput> {
    Some(Throughput { rx: rates.get(Counter::RxBytes)?, tx: rates.get(Counter::TxBytes)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MainCounters;

    fn rates(rx: Option<f64>) -> Vec<Option<NetworkRates>> {
        let counters = MainCounters::from_fn(|counter| if counter == Counter::RxBytes { rx } else { Some(1.0) });
        vec![Some(NetworkRates { interval: 2.0, reset: rx.is_none(), counters, peers: Vec::new() })]
    }

    fn snapshot(ifindex: u32) -> Snapshot {
        let network = Network { ifindex: Some(ifindex), ..Network::default() };
        Snapshot { networks: vec![network], ..Snapshot::default() }
    }

    #[test]
    fn unknown_throughput_is_a_gap_and_not_zero() {
        let mut history = ThroughputHistory::default();
        history.add(&snapshot(4), &[]);
        history.add(&snapshot(4), &rates(Some(7.0)));
        history.add(&snapshot(4), &rates(None));
        let points: Vec<Option<Throughput>> = history.samples(&snapshot(4).networks[0]).collect();
        assert_eq!(points, [None, Some(Throughput { rx: 7.0, tx: 1.0 }), None]);
    }

    #[test]
    fn size_is_fixed() {
        let mut history = ThroughputHistory::default();
        for tick in 0..2 * MAX_SAMPLES {
            history.add(&snapshot(4), &rates(Some(tick as f64)));
        }
        let network = &snapshot(4).networks[0];
        assert_eq!(history.samples(network).len(), MAX_SAMPLES);
        let newest = Throughput { rx: (2 * MAX_SAMPLES - 1) as f64, tx: 1.0 };
        assert_eq!(history.samples(network).next_back(), Some(Some(newest)));
    }

    #[test]
    fn network_with_another_ifindex_starts_over() {
        let mut history = ThroughputHistory::default();
        history.add(&snapshot(4), &rates(Some(7.0)));
        history.add(&snapshot(5), &[None]);
        assert_eq!(history.samples(&snapshot(4).networks[0]).len(), 0);
        assert_eq!(history.samples(&snapshot(5).networks[0]).collect::<Vec<Option<Throughput>>>(), [None]);
    }
}
