//! Keeps earlier samples, and compares each new one with them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{REPLY_TIME, Sample, Sampler, now};
use crate::collect::Detail;
use crate::error::Result;
use crate::findings::{DiagnosisInput, diagnose, needs_routes};
use crate::model::Snapshot;
use crate::rates::{NetworkRates, rates};

/// Time over which rules compare, once that much time has passed. A finding persists this long after its cause is gone.
const WINDOW: Duration = Duration::from_secs(30);
/// Time between the baselines that are kept.
const SPACING: Duration = Duration::from_secs(15);
/// Minimum time over which a sample between two ticks has rates.
const MIN_RATE_TIME: Duration = Duration::from_secs(1);
/// Difference between the two clocks that does not mean that the machine was suspended.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(1);

/// Says why a sample is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trigger {
    /// The interval has passed; the sample is kept.
    Tick,
    /// Links changed between two ticks.
    Between,
}

/// Takes samples, and compares each with earlier ones.
#[derive(Default)]
pub(super) struct Baselines {
    /// The last two ticks, the newest last. The rates of a sample between ticks start at the older one, so that they do not
    /// cover a very short time.
    ticks: VecDeque<TimedSample>,
    /// Samples to compare with, the oldest first.
    baselines: VecDeque<TimedSample>,
}

/// Holds a sample, and when its collection began.
#[derive(Clone)]
struct TimedSample {
    sample: Arc<Sample>,
    start: ClockReading,
}

impl TimedSample {
    /// Returns the time from this sample to a later reading of the clocks.
    fn age(&self, at: ClockReading) -> Duration {
        at.monotonic.saturating_duration_since(self.start.monotonic)
    }
}

/// Holds a reading of the monotonic clock, which stops while the machine is suspended, and of the boot-time clock, which does
/// not.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClockReading {
    monotonic: Instant,
    uptime: Duration,
}

impl ClockReading {
    /// Reads both clocks.
    pub(super) fn now(sampler: &Sampler) -> Self {
        Self { monotonic: Instant::now(), uptime: sampler.collector.uptime() }
    }

    /// Returns whether the machine was suspended in between.
    fn slept_since(self, earlier: Self) -> bool {
        let passed = self.uptime.saturating_sub(earlier.uptime);
        passed.saturating_sub(self.monotonic.saturating_duration_since(earlier.monotonic)) > CLOCK_TOLERANCE
    }
}

impl Baselines {
    /// Takes a sample with rates and the findings of every rule.
    pub(super) fn sample(&mut self, sampler: &mut Sampler, trigger: Trigger) -> Result<Arc<Sample>> {
        let start = ClockReading::now(sampler);
        let mut snapshot = sampler.collector.collect(Detail::Host, now())?;
        // From the second sample on an absent interface is a finding, not an error.
        sampler.collector.allow_missing();
        if self.ticks.back().is_some_and(|last| start.slept_since(last.start)) {
            // Nothing is known about the time of a suspend, and a rate across it would be wrong.
            self.ticks.clear();
            self.baselines.clear();
        }
        while self.baselines.get(1).is_some_and(|second| second.age(start) >= WINDOW) {
            self.baselines.pop_front();
        }
        sampler.add_names(&mut snapshot);
        let before = self.baselines.front();
        let previous: Option<&Snapshot> = before.map(|before| &before.sample.snapshot);
        sampler.collector.collect_environment(&mut snapshot, |network| needs_routes(previous, network));
        let between = self.baselines.iter().skip(1).rev().find(|baseline| baseline.age(start) >= REPLY_TIME);
        let findings = diagnose(&DiagnosisInput {
            now: &snapshot,
            before: previous,
            seconds: before.map_or(0.0, |before| before.age(start).as_secs_f64()),
            between: between.map(|baseline| &baseline.sample.snapshot),
            limits: &[],
        });
        let last = match trigger {
            Trigger::Tick => self.ticks.back(),
            Trigger::Between => self.ticks.front(),
        };
        let rates = last.map(|last| rates(&last.sample.snapshot, &snapshot, last.age(start))).unwrap_or_default();
        let sample = Arc::new(Sample { snapshot, rates, findings });
        if trigger == Trigger::Tick {
            self.keep(TimedSample { sample: Arc::clone(&sample), start });
        }
        Ok(sample)
    }

    /// Returns the rates of a snapshot that was collected at `start`, between two ticks. They are computed since the tick
    /// before the last, so that they do not cover a very short time. Returns none if they would, or after a suspend.
    pub(super) fn rates(&self, snapshot: &Snapshot, start: ClockReading) -> Vec<Option<NetworkRates>> {
        let since =
            self.ticks.front().filter(|tick| !start.slept_since(tick.start) && tick.age(start) >= MIN_RATE_TIME);
        since.map(|tick| rates(&tick.sample.snapshot, snapshot, tick.age(start))).unwrap_or_default()
    }

    /// Returns the sample of the last tick.
    pub(super) fn last(&self) -> Option<&Sample> {
        self.ticks.back().map(|tick| &*tick.sample)
    }

    /// Keeps the sample of a tick. It also becomes a baseline if the last baseline is old enough.
    fn keep(&mut self, tick: TimedSample) {
        if self.baselines.back().is_none_or(|newest| newest.age(tick.start) >= SPACING) {
            self.baselines.push_back(tick.clone());
        }
        if self.ticks.len() == 2 {
            self.ticks.pop_front();
        }
        self.ticks.push_back(tick);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suspended_machine_is_distinguished_from_a_slow_one() {
        let start = ClockReading { monotonic: Instant::now(), uptime: Duration::from_secs(100) };
        let after = |monotonic, uptime| ClockReading {
            monotonic: start.monotonic + Duration::from_secs(monotonic),
            uptime: start.uptime + Duration::from_secs(uptime),
        };
        assert!(!after(3600, 3600).slept_since(start), "stopped for an hour, or an interval of an hour");
        assert!(after(2, 3600).slept_since(start));
    }
}
