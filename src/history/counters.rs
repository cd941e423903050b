//! Keeps a day of every network's counters. Older samples are further apart.
//!
//! The age of a sample is measured by a clock that never goes backwards. The time of day is kept for display.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{MainCounters, Name, Network, Snapshot};
use crate::rates::{Identity, identity};

/// Older samples are dropped.
const RETENTION: Duration = Duration::from_secs(24 * 60 * 60);
/// Younger samples are at least `DENSE_SPACING` apart, older ones `SPARSE_SPACING`.
const DENSE_AGE: Duration = Duration::from_secs(60 * 60);
const DENSE_SPACING: Duration = Duration::from_secs(30);
const SPARSE_SPACING: Duration = Duration::from_secs(5 * 60);
/// The number of removed networks that are kept. The newest ones stay.
const MAX_REMOVED: usize = 256;

/// The nine main counters at one time: an interface's (`IFLA_STATS64`), or their sums over all interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CounterSample {
    /// When they were read, in seconds since the Unix epoch.
    pub timestamp: u64,
    /// The counters were reset since the sample before.
    pub reset: bool,
    /// In bytes or packets as [`Counter`](crate::model::Counter) says; `None` if one is not known.
    pub counters: MainCounters<Option<u64>>,
}

/// Identifies the counters of one interface by its name in its namespace; `None` is the sum of all.
pub type SeriesKey = Option<(Option<String>, Name)>;

/// Keeps the counters of every network, and their sums.
#[derive(Debug, Default)]
pub struct CounterHistory {
    series: BTreeMap<SeriesKey, Series>,
}

/// The samples of one network, or of the sum of all.
#[derive(Debug, Default)]
struct Series {
    /// The oldest first, each with the time since boot.
    samples: Vec<(Duration, CounterSample)>,
    /// The networks that the newest sample covers.
    networks: Vec<Identity>,
}

impl CounterHistory {
    /// Adds a sample that was taken this long after boot.
    pub fn add(&mut self, snapshot: &Snapshot, uptime: Duration) {
        for network in &snapshot.networks {
            let key = Some((network.netns.clone(), network.interface.clone()));
            let counters = MainCounters::from_fn(|counter| network.stats.get(counter));
            self.series.entry(key).or_default().add(snapshot, uptime, counters, vec![identity(network)]);
        }
        let sum = |counter| {
            let known = snapshot.networks.iter().filter_map(|network: &Network| network.stats.get(counter));
            known.reduce(u64::saturating_add)
        };
        let all = snapshot.networks.iter().map(identity).collect();
        self.series.entry(None).or_default().add(snapshot, uptime, MainCounters::from_fn(sum), all);
        self.drop_old(uptime);
    }

    /// Returns the samples, the oldest first; `None` for an interface that is not known.
    #[must_use]
    pub fn samples(&self, key: &SeriesKey) -> Option<impl ExactSizeIterator<Item = &CounterSample>> {
        Some(self.series.get(key)?.samples.iter().map(|(_, sample)| sample))
    }

    /// Returns the key of the interface with this name: in this namespace, or else in the one where it was sampled last.
    #[must_use]
    pub fn find(&self, name: &str, netns: Option<&str>) -> Option<&SeriesKey> {
        let matches = |key: &SeriesKey| {
            key.as_ref().is_some_and(|(own_netns, interface)| {
                interface.text() == name && netns.is_none_or(|netns| own_netns.as_deref() == Some(netns))
            })
        };
        let all = self.series.iter().filter(|(key, _)| matches(key));
        all.max_by_key(|(_, series)| series.newest()).map(|(key, _)| key)
    }

    /// Drops series that are too old, and all but the newest of the removed networks.
    fn drop_old(&mut self, uptime: Duration) {
        self.series.retain(|_, series| uptime.saturating_sub(series.newest()) < RETENTION);
        let mut removed: Vec<(Duration, SeriesKey)> = self
            .series
            .iter()
            .filter(|(_, series)| series.newest() < uptime)
            .map(|(key, series)| (series.newest(), key.clone()))
            .collect();
        let Some(excess) = removed.len().checked_sub(MAX_REMOVED) else { return };
        removed.sort();
        for (_, key) in removed.into_iter().take(excess) {
            self.series.remove(&key);
        }
    }
}

impl Series {
    /// Returns when the newest sample was taken, as time since boot.
    fn newest(&self) -> Duration {
        self.samples.last().map_or(Duration::ZERO, |(uptime, _)| *uptime)
    }

    /// Adds a sample, and drops what it makes superfluous.
    fn add(
        &mut self,
        snapshot: &Snapshot,
        uptime: Duration,
        counters: MainCounters<Option<u64>>,
        networks: Vec<Identity>,
    ) {
        let went_back = |last: &CounterSample| last.counters.0.iter().zip(&counters.0).any(|(old, new)| new < old);
        let reset = self.samples.last().is_some_and(|(_, last)| networks != self.networks || went_back(last));
        self.samples.push((uptime, CounterSample { timestamp: snapshot.timestamp, reset, counters }));
        self.networks = networks;
        self.thin(uptime);
    }

    /// Drops each sample whose neighbours are close enough to each other. The newest one stays.
    fn thin(&mut self, now: Duration) {
        self.samples.retain(|(uptime, _)| now.saturating_sub(*uptime) <= RETENTION);
        let mut kept: Vec<(Duration, CounterSample)> = Vec::with_capacity(self.samples.len());
        for &(uptime, sample) in &self.samples {
            if let [.., (before, _), (between, dropped)] = kept.as_slice() {
                let spacing = if now.saturating_sub(*between) < DENSE_AGE { DENSE_SPACING } else { SPARSE_SPACING };
                if uptime.saturating_sub(*before) <= spacing {
                    // A reset stays visible although its sample is dropped.
                    let reset = sample.reset || dropped.reset;
                    kept.pop();
                    kept.push((uptime, CounterSample { reset, ..sample }));
                    continue;
                }
            }
            kept.push((uptime, sample));
        }
        self.samples = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Counter, InterfaceStats};

    fn snapshot(networks: &[(&str, u32, u64)], timestamp: u64) -> Snapshot {
        let networks = networks.iter().map(|&(name, ifindex, bytes)| Network {
            interface: name.into(),
            ifindex: Some(ifindex),
            stats: InterfaceStats::from_values(&[Some(0), Some(0), Some(bytes)]),
            ..Network::default()
        });
        Snapshot { timestamp, networks: networks.collect(), ..Snapshot::default() }
    }

    fn key(name: &str) -> SeriesKey {
        (name != "all").then(|| (None, name.into()))
    }

    /// Returns the time and the received bytes of all samples, and whether the counters were reset.
    fn points(history: &CounterHistory, key: &SeriesKey) -> Vec<(u64, Option<u64>, bool)> {
        let samples = history.samples(key).unwrap();
        samples.map(|sample| (sample.timestamp, sample.counters.get(Counter::RxBytes), sample.reset)).collect()
    }

    /// Returns the history of samples this many seconds apart for this many hours. Their counter is the time.
    fn recorded(seconds: u64, hours: u64) -> CounterHistory {
        let mut history = CounterHistory::default();
        for at in (0..=hours * 3600).step_by(usize::try_from(seconds).unwrap()) {
            history.add(&snapshot(&[("wg0", 4, at)], at), Duration::from_secs(at));
        }
        history
    }

    #[test]
    fn one_day_is_kept_and_older_samples_are_sparse() {
        let history = recorded(30, 30);
        let points = points(&history, &key("wg0"));
        let end = 30 * 3600;
        assert_eq!(points.last(), Some(&(end, Some(end), false)), "the newest is kept");
        assert!((end - 24 * 3600..end - 24 * 3600 + 600).contains(&points[0].0), "{:?}", points[0]);
        for pair in points.windows(2) {
            let spacing = pair[1].0 - pair[0].0;
            assert!(if end - pair[1].0 < 3000 { spacing == 30 } else { spacing <= 330 }, "{pair:?}");
        }
        assert_eq!(points.iter().filter(|(at, ..)| end - at <= 3000).count(), 101);
    }

    #[test]
    fn size_is_limited_at_any_interval() {
        for seconds in [7, 30, 100] {
            let count = recorded(seconds, 26).samples(&key("wg0")).unwrap().len();
            assert!(count <= 2 * (3600 / 30 + 23 * 3600 / 300) + 4, "{count} samples for every {seconds} s");
        }
    }

    #[test]
    fn counters_of_the_remaining_samples_are_unchanged() {
        let history = recorded(10, 3);
        assert!(points(&history, &key("wg0")).iter().all(|(at, bytes, reset)| *bytes == Some(*at) && !reset));
    }

    #[test]
    fn reset_stays_visible_although_its_sample_is_dropped() {
        let mut history = CounterHistory::default();
        for at in 0..=7200 {
            let (ifindex, bytes) = if at < 100 { (4, 1000 + at) } else { (5, at) };
            history.add(&snapshot(&[("wg0", ifindex, bytes)], at), Duration::from_secs(at));
        }
        let resets: Vec<(u64, Option<u64>, bool)> =
            points(&history, &key("wg0")).into_iter().filter(|(.., reset)| *reset).collect();
        assert_eq!(resets.len(), 1);
        assert!(resets[0].0 >= 100 && resets[0].0 <= 400, "{resets:?}");
    }

    #[test]
    fn counter_that_decreases_is_a_reset() {
        let mut history = CounterHistory::default();
        for (at, bytes) in [(0, 9), (60, 12), (120, 3)] {
            history.add(&snapshot(&[("wg0", 4, bytes)], at), Duration::from_secs(at));
        }
        assert_eq!(points(&history, &key("wg0")), [(0, Some(9), false), (60, Some(12), false), (120, Some(3), true)]);
    }

    #[test]
    fn sum_is_reset_when_a_network_is_added_or_removed() {
        let mut history = CounterHistory::default();
        history.add(&snapshot(&[("wg0", 4, 9)], 0), Duration::ZERO);
        history.add(&snapshot(&[("wg0", 4, 10), ("wg1", 5, 100)], 60), Duration::from_secs(60));
        history.add(&snapshot(&[("wg0", 4, 11), ("wg1", 5, 101)], 120), Duration::from_secs(120));
        assert_eq!(
            points(&history, &key("all")),
            [(0, Some(9), false), (60, Some(110), true), (120, Some(112), false)]
        );
    }

    #[test]
    fn clock_set_back_changes_only_the_timestamps() {
        let mut history = CounterHistory::default();
        for (at, timestamp) in [(0, 90_000), (60, 90_060), (120, 120), (180, 180)] {
            history.add(&snapshot(&[("wg0", 4, at)], timestamp), Duration::from_secs(at));
        }
        let shown: Vec<u64> = points(&history, &key("wg0")).iter().map(|(at, ..)| *at).collect();
        assert_eq!(shown, [90_000, 90_060, 120, 180]);
    }

    #[test]
    fn removed_networks_do_not_pile_up() {
        let mut history = CounterHistory::default();
        for at in 0..2000_u64 {
            let name = format!("wg{at}");
            history.add(&snapshot(&[(&name, 4, 1)], at), Duration::from_secs(at));
        }
        assert!(history.series.len() <= MAX_REMOVED + 2, "{}", history.series.len());
        assert!(history.find("wg1999", None).is_some() && history.find("wg0", None).is_none());
        // A day later, all of them are dropped.
        history.add(&snapshot(&[], 0), Duration::from_secs(100_000));
        assert_eq!(history.series.len(), 1);
    }

    #[test]
    fn sum_of_unknown_counters_is_unknown() {
        let mut history = CounterHistory::default();
        let networks = vec![Network { interface: "wg0".into(), ..Network::default() }];
        history.add(&Snapshot { timestamp: 7, networks, ..Snapshot::default() }, Duration::from_secs(7));
        assert_eq!(points(&history, &key("all")), [(7, None, false)]);
    }
}
