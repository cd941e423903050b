//! A day of every network's counters, thinned with age.
//!
//! Time is counted by a clock that never goes back; the time of day is kept to be shown.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{Counter, Name, Network, Snapshot};
use crate::rates::{Identity, identity};

/// What is older is forgotten.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// So long, ...
const RECENT: Duration = Duration::from_secs(60 * 60);
/// ... points are at least so far apart, ...
const DENSE: Duration = Duration::from_secs(30);
/// ... and then so far.
const SPARSE: Duration = Duration::from_secs(5 * 60);
/// Networks that are gone are remembered for as long as what they did; of so many.
const GONE: usize = 256;

/// The nine main counters at one moment: an interface's (`IFLA_STATS64`), or sums computed from those of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// When they were read, in seconds since the Unix epoch.
    pub timestamp: u64,
    /// The counters started anew since the point before.
    pub reset: bool,
    /// In the order of [`Counter::MAIN`], in bytes or packets as [`Counter`] says; `None` where one is not known.
    pub counters: [Option<u64>; Counter::MAIN.len()],
}

/// Whose counters: those of an interface by its name in its namespace, or the sum of all.
pub type Subject = Option<(Option<String>, Name)>;

/// The counters of every network, and their sums.
#[derive(Debug, Default)]
pub struct CounterHistory {
    series: BTreeMap<Subject, Series>,
}

#[derive(Debug, Default)]
struct Series {
    /// The oldest first; beside each when it was, as time since the machine was started.
    points: Vec<(Duration, Point)>,
    /// Which networks the newest is of.
    of: Vec<Identity>,
}

impl CounterHistory {
    /// Adds a look that was taken so long after the machine was started.
    pub fn add(&mut self, snapshot: &Snapshot, uptime: Duration) {
        for network in &snapshot.networks {
            let subject = Some((network.netns.clone(), network.interface.clone()));
            let counters = Counter::MAIN.map(|counter| network.stats.get(counter));
            self.series.entry(subject).or_default().add(snapshot, uptime, counters, vec![identity(network)]);
        }
        let sum = |counter| {
            let known = snapshot.networks.iter().filter_map(|network: &Network| network.stats.get(counter));
            known.reduce(u64::saturating_add)
        };
        let all = snapshot.networks.iter().map(identity).collect();
        self.series.entry(None).or_default().add(snapshot, uptime, Counter::MAIN.map(sum), all);
        self.forget(uptime);
    }

    /// What is known, the oldest first; `None` for an interface that was never seen.
    #[must_use]
    pub fn of(&self, subject: &Subject) -> Option<impl ExactSizeIterator<Item = &Point>> {
        Some(self.series.get(subject)?.points.iter().map(|(_, point)| point))
    }

    /// The interface of this name, in this namespace if one is given; else in the one where it was seen last.
    #[must_use]
    pub fn find(&self, name: &str, netns: Option<&str>) -> Option<&Subject> {
        let is_meant = |subject: &Subject| {
            subject.as_ref().is_some_and(|(place, interface)| {
                interface.text() == name && netns.is_none_or(|netns| place.as_deref() == Some(netns))
            })
        };
        let all = self.series.iter().filter(|(subject, _)| is_meant(subject));
        all.max_by_key(|(_, series)| series.newest()).map(|(subject, _)| subject)
    }

    /// Drops what is too old, and of the networks that are gone all but those that went last.
    fn forget(&mut self, uptime: Duration) {
        self.series.retain(|_, series| uptime.saturating_sub(series.newest()) < KEPT);
        let mut gone: Vec<(Duration, Subject)> = self
            .series
            .iter()
            .filter(|(_, series)| series.newest() < uptime)
            .map(|(subject, series)| (series.newest(), subject.clone()))
            .collect();
        let Some(most) = gone.len().checked_sub(GONE) else { return };
        gone.sort();
        for (_, subject) in gone.into_iter().take(most) {
            self.series.remove(&subject);
        }
    }
}

impl Series {
    fn newest(&self) -> Duration {
        self.points.last().map_or(Duration::ZERO, |(uptime, _)| *uptime)
    }

    fn add(
        &mut self,
        snapshot: &Snapshot,
        uptime: Duration,
        counters: [Option<u64>; Counter::MAIN.len()],
        of: Vec<Identity>,
    ) {
        let went_back = |last: &Point| last.counters.iter().zip(&counters).any(|(old, new)| new < old);
        let reset = self.points.last().is_some_and(|(_, last)| of != self.of || went_back(last));
        self.points.push((uptime, Point { timestamp: snapshot.timestamp, reset, counters }));
        self.of = of;
        self.thin(uptime);
    }

    /// Leaves out each point whose neighbours are close enough to each other; the last one stays.
    fn thin(&mut self, now: Duration) {
        self.points.retain(|(uptime, _)| now.saturating_sub(*uptime) <= KEPT);
        let mut kept: Vec<(Duration, Point)> = Vec::with_capacity(self.points.len());
        for &(uptime, point) in &self.points {
            if let [.., (before, _), (between, left_out)] = kept.as_slice() {
                let apart = if now.saturating_sub(*between) < RECENT { DENSE } else { SPARSE };
                if uptime.saturating_sub(*before) <= apart {
                    // That the counters started anew is not forgotten with it.
                    let reset = point.reset || left_out.reset;
                    kept.pop();
                    kept.push((uptime, Point { reset, ..point }));
                    continue;
                }
            }
            kept.push((uptime, point));
        }
        self.points = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::InterfaceStats;

    fn look(networks: &[(&str, u32, u64)], timestamp: u64) -> Snapshot {
        let networks = networks.iter().map(|&(name, ifindex, bytes)| Network {
            interface: name.into(),
            ifindex: Some(ifindex),
            stats: InterfaceStats::from_values(&[Some(0), Some(0), Some(bytes)]),
            ..Network::default()
        });
        Snapshot { timestamp, networks: networks.collect(), ..Snapshot::default() }
    }

    fn subject(name: &str) -> Subject {
        (name != "all").then(|| (None, name.into()))
    }

    /// Seconds and received bytes of all points, and whether the counters started anew.
    fn points(record: &CounterHistory, subject: &Subject) -> Vec<(u64, Option<u64>, bool)> {
        let bytes = Counter::MAIN.iter().position(|&counter| counter == Counter::RxBytes).unwrap();
        let points = record.of(subject).unwrap();
        points.map(|point| (point.timestamp, point.counters[bytes], point.reset)).collect()
    }

    /// A record of looks so many seconds apart for so many hours, whose counter is the time.
    fn recorded(seconds: u64, hours: u64) -> CounterHistory {
        let mut record = CounterHistory::default();
        for at in (0..=hours * 3600).step_by(usize::try_from(seconds).unwrap()) {
            record.add(&look(&[("wg0", 4, at)], at), Duration::from_secs(at));
        }
        record
    }

    #[test]
    fn a_day_is_kept_thinned_with_age_and_no_more() {
        let record = recorded(30, 30);
        let points = points(&record, &subject("wg0"));
        let end = 30 * 3600;
        assert_eq!(points.last(), Some(&(end, Some(end), false)), "the newest is there");
        assert!((end - 24 * 3600..end - 24 * 3600 + 600).contains(&points[0].0), "{:?}", points[0]);
        for pair in points.windows(2) {
            let apart = pair[1].0 - pair[0].0;
            assert!(if end - pair[1].0 < 3000 { apart == 30 } else { apart <= 330 }, "{pair:?}");
        }
        assert_eq!(points.iter().filter(|(at, ..)| end - at <= 3000).count(), 101);
    }

    #[test]
    fn size_is_fixed_however_often_is_looked() {
        for seconds in [7, 30, 100] {
            let most = recorded(seconds, 26).of(&subject("wg0")).unwrap().len();
            assert!(most <= 2 * (3600 / 30 + 23 * 3600 / 300) + 4, "{most} points for every {seconds} s");
        }
    }

    #[test]
    fn growth_over_thinned_points_is_what_it_was() {
        let record = recorded(10, 3);
        assert!(points(&record, &subject("wg0")).iter().all(|(at, bytes, reset)| *bytes == Some(*at) && !reset));
    }

    #[test]
    fn new_beginning_is_told_even_where_its_point_is_left_out() {
        let mut record = CounterHistory::default();
        for at in 0..=7200 {
            let (ifindex, bytes) = if at < 100 { (4, 1000 + at) } else { (5, at) };
            record.add(&look(&[("wg0", ifindex, bytes)], at), Duration::from_secs(at));
        }
        let resets: Vec<(u64, Option<u64>, bool)> =
            points(&record, &subject("wg0")).into_iter().filter(|(.., reset)| *reset).collect();
        assert_eq!(resets.len(), 1);
        assert!(resets[0].0 >= 100 && resets[0].0 <= 400, "{resets:?}");
    }

    #[test]
    fn counter_that_goes_back_is_a_new_beginning() {
        let mut record = CounterHistory::default();
        for (at, bytes) in [(0, 9), (60, 12), (120, 3)] {
            record.add(&look(&[("wg0", 4, bytes)], at), Duration::from_secs(at));
        }
        assert_eq!(
            points(&record, &subject("wg0")),
            [(0, Some(9), false), (60, Some(12), false), (120, Some(3), true)]
        );
    }

    #[test]
    fn sum_begins_anew_when_a_network_comes_or_goes() {
        let mut record = CounterHistory::default();
        record.add(&look(&[("wg0", 4, 9)], 0), Duration::ZERO);
        record.add(&look(&[("wg0", 4, 10), ("wg1", 5, 100)], 60), Duration::from_secs(60));
        record.add(&look(&[("wg0", 4, 11), ("wg1", 5, 101)], 120), Duration::from_secs(120));
        assert_eq!(
            points(&record, &subject("all")),
            [(0, Some(9), false), (60, Some(110), true), (120, Some(112), false)]
        );
    }

    #[test]
    fn clock_set_back_changes_nothing_but_what_is_shown() {
        let mut record = CounterHistory::default();
        for (at, timestamp) in [(0, 90_000), (60, 90_060), (120, 120), (180, 180)] {
            record.add(&look(&[("wg0", 4, at)], timestamp), Duration::from_secs(at));
        }
        let shown: Vec<u64> = points(&record, &subject("wg0")).iter().map(|(at, ..)| *at).collect();
        assert_eq!(shown, [90_000, 90_060, 120, 180]);
    }

    #[test]
    fn networks_that_come_and_go_do_not_pile_up() {
        let mut record = CounterHistory::default();
        for at in 0..2000_u64 {
            let name = format!("wg{at}");
            record.add(&look(&[(&name, 4, 1)], at), Duration::from_secs(at));
        }
        assert!(record.series.len() <= GONE + 2, "{}", record.series.len());
        assert!(record.find("wg1999", None).is_some() && record.find("wg0", None).is_none());
        // And the day after, what is left of them is gone too.
        record.add(&look(&[], 0), Duration::from_secs(100_000));
        assert_eq!(record.series.len(), 1);
    }

    #[test]
    fn sum_of_nothing_known_is_not_known() {
        let mut record = CounterHistory::default();
        let networks = vec![Network { interface: "wg0".into(), ..Network::default() }];
        record.add(&Snapshot { timestamp: 7, networks, ..Snapshot::default() }, Duration::from_secs(7));
        assert_eq!(points(&record, &subject("all")), [(7, None, false)]);
    }
}
