//! Looks that are kept to compare the next one with.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{ANSWERED, Sample, Sampler, now};
use crate::collect::collector::Detail;
use crate::error::Result;
use crate::findings::{DiagnosisInput, diagnose, needs_routes};
use crate::model::Snapshot;
use crate::rates::{NetworkRates, rates};

/// What needs time is judged over at least this, where so much has passed: a finding stays for that long after its cause.
const WINDOW: Duration = Duration::from_secs(30);
/// How far apart the looks are that are kept to compare with.
const SPACING: Duration = Duration::from_secs(15);
/// Over less time a look in between has no rates.
const SHORTEST: Duration = Duration::from_secs(1);
/// The two clocks may differ by so much without the machine having slept.
const AWAKE: Duration = Duration::from_secs(1);

/// Whether a look is one of those that are taken at an even pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trigger {
    /// It is, and is kept.
    Tick,
    /// One in between.
    Between,
}

/// Takes looks, and compares each with earlier ones.
#[derive(Default)]
pub(super) struct Baselines {
    /// The last ticks that are known, the newest last: a look in between has its rates since the one before that, so that they
    /// are no rates over a moment.
    ticks: VecDeque<TimedSample>,
    /// Looks to compare with, the oldest first.
    anchors: VecDeque<TimedSample>,
}

/// A look, and when it began.
#[derive(Clone)]
struct TimedSample {
    sample: Arc<Sample>,
    moment: ClockReading,
}

impl TimedSample {
    /// How long after this one that moment is.
    fn age(&self, moment: ClockReading) -> Duration {
        moment.awake.saturating_duration_since(self.moment.awake)
    }
}

/// A moment on the clock that stands still while the machine sleeps, and on the one that does not.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClockReading {
    awake: Instant,
    uptime: Duration,
}

impl ClockReading {
    pub(super) fn now(sampler: &Sampler) -> Self {
        Self { awake: Instant::now(), uptime: sampler.collector.uptime() }
    }

    /// Whether the machine slept in between.
    fn slept_since(self, earlier: Self) -> bool {
        let passed = self.uptime.saturating_sub(earlier.uptime);
        passed.saturating_sub(self.awake.saturating_duration_since(earlier.awake)) > AWAKE
    }
}

impl Baselines {
    /// Looks, and says all that can be told by then.
    pub(super) fn look(&mut self, sampler: &mut Sampler, occasion: Trigger) -> Result<Arc<Sample>> {
        let moment = ClockReading::now(sampler);
        let mut snapshot = sampler.collector.look(Detail::Host, now())?;
        // What was there once is missed, but looking goes on.
        sampler.collector.allow_missing();
        if self.ticks.back().is_some_and(|last| moment.slept_since(last.moment)) {
            // The machine slept: nothing is known of that time, and a rate over it would be none.
            self.ticks.clear();
            self.anchors.clear();
        }
        while self.anchors.get(1).is_some_and(|second| second.age(moment) >= WINDOW) {
            self.anchors.pop_front();
        }
        sampler.name(&mut snapshot);
        let before = self.anchors.front();
        let past: Option<&Snapshot> = before.map(|before| &before.sample.snapshot);
        sampler.collector.collect_environment(&mut snapshot, |network| needs_routes(past, network));
        let between = self.anchors.iter().skip(1).rev().find(|anchor| anchor.age(moment) >= ANSWERED);
        let findings = diagnose(&DiagnosisInput {
            now: &snapshot,
            before: past,
            seconds: before.map_or(0.0, |before| before.age(moment).as_secs_f64()),
            between: between.map(|anchor| &anchor.sample.snapshot),
            limits: &[],
        });
        let last = match occasion {
            Trigger::Tick => self.ticks.back(),
            Trigger::Between => self.ticks.front(),
        };
        let rates = last.map(|last| rates(&last.sample.snapshot, &snapshot, last.age(moment))).unwrap_or_default();
        let sample = Arc::new(Sample { snapshot, rates, findings });
        if occasion == Trigger::Tick {
            self.remember(TimedSample { sample: Arc::clone(&sample), moment });
        }
        Ok(sample)
    }

    /// The rates of a look that began at that moment, and is no tick: since the tick before the last, so that they are no rates
    /// over a moment; none where it is one all the same, or the machine slept since then.
    pub(super) fn rates(&self, snapshot: &Snapshot, moment: ClockReading) -> Vec<Option<NetworkRates>> {
        let since = self.ticks.front().filter(|tick| !moment.slept_since(tick.moment) && tick.age(moment) >= SHORTEST);
        since.map(|tick| rates(&tick.sample.snapshot, snapshot, tick.age(moment))).unwrap_or_default()
    }

    /// The last tick.
    pub(super) fn last(&self) -> Option<&Sample> {
        self.ticks.back().map(|look| &*look.sample)
    }

    fn remember(&mut self, look: TimedSample) {
        if self.anchors.back().is_none_or(|newest| newest.age(look.moment) >= SPACING) {
            self.anchors.push_back(look.clone());
        }
        if self.ticks.len() == 2 {
            self.ticks.pop_front();
        }
        self.ticks.push_back(look);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_that_slept_is_told_from_one_that_was_slow() {
        let start = ClockReading { awake: Instant::now(), uptime: Duration::from_secs(100) };
        let after = |awake, uptime| ClockReading {
            awake: start.awake + Duration::from_secs(awake),
            uptime: start.uptime + Duration::from_secs(uptime),
        };
        assert!(!after(3600, 3600).slept_since(start), "stopped for an hour, or so long an interval");
        assert!(after(2, 3600).slept_since(start));
    }
}
