//! Owns a collector and the one place where time passes: the wall clock that dates a snapshot, and the monotonic clock
//! between two of them.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::collect::{Collector, Scope};
use crate::error::Result;
use crate::findings::{Finding, findings};
use crate::model::Snapshot;
use crate::rates::{NetworkRates, rates};

/// A snapshot with what follows from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What was read.
    pub snapshot: Snapshot,
    /// In the order of the snapshot's networks; empty where nothing was measured over time.
    pub rates: Vec<Option<NetworkRates>>,
    /// What is wrong, as far as one look can tell.
    pub findings: Vec<Finding>,
}

/// Takes samples of one scope.
pub struct Sampler {
    collector: Collector,
    scope: Scope,
}

impl Sampler {
    /// Starts on the calling thread's network namespace.
    ///
    /// # Errors
    /// Where the kernel gives no netlink socket.
    pub fn open(scope: Scope) -> Result<Self> {
        Ok(Self { collector: Collector::open()?, scope })
    }

    /// One look.
    ///
    /// # Errors
    /// As [`Collector::collect`].
    pub fn sample(&mut self) -> Result<Sample> {
        let snapshot = self.collector.collect(&self.scope, now())?;
        let findings = findings(&snapshot);
        Ok(Sample { snapshot, rates: Vec::new(), findings })
    }

    /// Two looks so far apart, and the rates between them.
    ///
    /// # Errors
    /// As [`Collector::collect`], at either look.
    pub fn sample_over(&mut self, interval: Duration) -> Result<Sample> {
        // Each look reads the counters of the links first, so the time from start to start is the time between those.
        let start = Instant::now();
        let before = self.collector.collect(&self.scope, now())?;
        std::thread::sleep(interval);
        let elapsed = start.elapsed();
        let mut sample = self.sample()?;
        sample.rates = rates(&before, &sample.snapshot, elapsed);
        Ok(sample)
    }
}

fn now() -> u64 {
    // A clock before 1970 makes every age 0, which is harmless.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
