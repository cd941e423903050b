//! Takes samples on demand, and background samples for the rules that need an interval.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::baselines::{Baselines, ClockReading, Trigger};
use super::{Sample, Sampler, now};
use crate::collect::{Detail, Scope};
use crate::error::Result;
use crate::findings::{RetainedFindings, findings};
use crate::history::counters::CounterHistory;
use crate::model::{Name, Settings};

/// Minimum time between two checks of the name files: a check costs more than reading a small network.
const NAMES_INTERVAL: Duration = Duration::from_secs(5);

/// Takes samples of one scope, on demand and in the background.
pub struct OnDemandSampler {
    sampler: Sampler,
    baselines: Baselines,
    retained: RetainedFindings,
    counters: CounterHistory,
    /// When to check the name files again.
    names_due: Instant,
}

impl OnDemandSampler {
    /// Opens sockets in the calling thread's network namespace, unless the scope names others. An absent named interface is not
    /// an error, because it may be created later.
    ///
    /// # Errors
    /// Returns an error if the kernel provides no netlink socket.
    pub fn open(scope: Scope, settings: Settings) -> Result<Self> {
        let mut sampler = Sampler::open(scope, settings)?;
        sampler.collector.allow_missing();
        Ok(Self {
            sampler,
            baselines: Baselines::default(),
            retained: RetainedFindings::default(),
            counters: CounterHistory::default(),
            names_due: Instant::now(),
        })
    }

    /// Takes a background sample with the findings of every rule, and keeps it for later ones.
    ///
    /// # Errors
    /// Returns the errors of [`Collector::collect`](crate::collect::Collector::collect).
    pub fn poll(&mut self) -> Result<Arc<Sample>> {
        let uptime = self.sampler.collector.uptime();
        let sample = self.baselines.sample(&mut self.sampler, Trigger::Tick)?;
        self.names_due = Instant::now() + NAMES_INTERVAL;
        self.retained = RetainedFindings::of(&sample.snapshot, &sample.findings);
        self.counters.add(&sample.snapshot, uptime);
        Ok(sample)
    }

    /// Takes a sample now, and adds the findings of the last background sample. `with_rates` adds rates since an earlier one.
    ///
    /// # Errors
    /// Returns the errors of [`Collector::collect`](crate::collect::Collector::collect).
    pub fn sample(&mut self, with_rates: bool) -> Result<Sample> {
        let clock = ClockReading::now(&self.sampler);
        let mut snapshot = self.sampler.collector.collect(Detail::Networks, now())?;
        let start = Instant::now();
        if start >= self.names_due {
            self.sampler.read_names();
            self.names_due = start + NAMES_INTERVAL;
        }
        self.sampler.assign_names(&mut snapshot, start);
        let findings = self.retained.join(&snapshot, findings(&snapshot));
        let rates = if with_rates { self.baselines.rates(&snapshot, clock) } else { Vec::new() };
        Ok(Sample { snapshot, rates, findings })
    }

    /// Replaces the settings and the interfaces that should exist, and makes the next sample check the name files.
    pub fn reload(&mut self, settings: Settings, expected: Vec<Name>) {
        self.sampler.settings = settings;
        self.sampler.collector.expect(expected);
        self.names_due = Instant::now();
    }

    /// Returns the last background sample.
    #[must_use]
    pub fn last(&self) -> Option<&Sample> {
        self.baselines.last()
    }

    /// Returns the counters of the last day.
    #[must_use]
    pub const fn counters(&self) -> &CounterHistory {
        &self.counters
    }

    /// Returns the sampler, for its reports.
    #[must_use]
    pub const fn sampler(&self) -> &Sampler {
        &self.sampler
    }
}
