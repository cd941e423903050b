//! Looks whenever somebody asks, and samples in the background that tell what needs time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::baselines::{Baselines, ClockReading, Trigger};
use super::{Sample, Sampler, now};
use crate::collect::Scope;
use crate::collect::collector::Detail;
use crate::error::Result;
use crate::findings::{RetainedFindings, findings};
use crate::history::counters::CounterHistory;
use crate::model::{Name, Settings};

/// Files of names are looked at for changes that often at most: that costs more than reading a small network.
const NAMES: Duration = Duration::from_secs(5);

/// One scope, looked at on demand and in the background.
pub struct OnDemandSampler {
    sampler: Sampler,
    baselines: Baselines,
    retained: RetainedFindings,
    counters: CounterHistory,
    /// When the files of names are to be looked at again.
    names_due: Instant,
}

impl OnDemandSampler {
    /// Starts on the calling thread's network namespace, unless the scope names others. Interfaces that are named and not
    /// there are missing, and no error: they may come.
    ///
    /// # Errors
    /// Where the kernel gives no netlink socket.
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

    /// A sample in the background: with all that can be told by now, and kept for what comes after it.
    ///
    /// # Errors
    /// As [`crate::collect::collector::Collector::look`].
    pub fn poll(&mut self) -> Result<Arc<Sample>> {
        let uptime = self.sampler.collector.uptime();
        let sample = self.baselines.look(&mut self.sampler, Trigger::Tick)?;
        self.names_due = Instant::now() + NAMES;
        self.retained = RetainedFindings::of(&sample.snapshot, &sample.findings);
        self.counters.add(&sample.snapshot, uptime);
        Ok(sample)
    }

    /// A look now, with what the samples in the background told; with rates since one of them, if they are wanted.
    ///
    /// # Errors
    /// As [`crate::collect::collector::Collector::look`].
    pub fn look(&mut self, with_rates: bool) -> Result<Sample> {
        let moment = ClockReading::now(&self.sampler);
        let mut snapshot = self.sampler.collector.look(Detail::Networks, now())?;
        let start = Instant::now();
        if start >= self.names_due {
            self.sampler.read_names();
            self.names_due = start + NAMES;
        }
        self.sampler.give_names(&mut snapshot, start);
        let findings = self.retained.join(&snapshot, findings(&snapshot));
        let rates = if with_rates { self.baselines.rates(&snapshot, moment) } else { Vec::new() };
        Ok(Sample { snapshot, rates, findings })
    }

    /// Goes on with other settings and other interfaces that should be there, and looks at the files of names again.
    pub fn reload(&mut self, settings: Settings, expected: Vec<Name>) {
        self.sampler.settings = settings;
        self.sampler.collector.expect(expected);
        self.names_due = Instant::now();
    }

    /// The last sample in the background.
    #[must_use]
    pub fn last(&self) -> Option<&Sample> {
        self.baselines.last()
    }

    /// The last day.
    #[must_use]
    pub const fn counters(&self) -> &CounterHistory {
        &self.counters
    }

    /// What the looks are taken by.
    #[must_use]
    pub const fn sampler(&self) -> &Sampler {
        &self.sampler
    }
}
