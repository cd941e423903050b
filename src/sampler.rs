//! Owns a collector and the one place where time passes: the wall clock that dates a snapshot, and the monotonic clock
//! between two of them.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::collect::{Collector, Scope};
use crate::error::Result;
use crate::findings::{Case, Finding, Limit, diagnose, findings, wants_routes};
use crate::model::{Network, Snapshot};
use crate::rates::{NetworkRates, counterpart, rates};

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

impl Sampler {
    /// Names this host since its last start, and the network namespace.
    #[must_use]
    pub fn identity(&self) -> String {
        self.collector.identity()
    }

    /// Looks, compares with what was before, and looks around: all that can be told.
    ///
    /// # Errors
    /// As [`Collector::collect`], at any look.
    pub fn diagnose(&mut self, since: Since, limits: &[Limit]) -> Result<Diagnosis> {
        let mut now = None;
        let (before, between) = match since {
            Since::Nothing => (None, None),
            Since::Interval(interval) => {
                let before = self.look()?;
                let mut left = interval;
                let mut between = None;
                if interval >= LONG {
                    std::thread::sleep(interval.saturating_sub(ANSWERED));
                    left = ANSWERED;
                    between = Some(self.look()?);
                }
                std::thread::sleep(left);
                (Some(before), between)
            }
            Since::Look { before, at_least } => {
                let passed = self.collector.uptime().saturating_sub(uptime(&before));
                std::thread::sleep(at_least.saturating_sub(passed));
                let look = self.look()?;
                let is_new = |network: &Network| network.ifindex.is_some() && counterpart(&before, network).is_none();
                if !look.networks.iter().any(is_new) {
                    now = Some(look);
                    (Some(*before), None)
                } else if at_least.is_zero() {
                    now = Some(look);
                    (None, None)
                } else {
                    // The other run did not look at all of these: nothing would be judged of the new ones.
                    std::thread::sleep(at_least);
                    (Some(look), None)
                }
            }
        };
        let mut now = match now {
            Some(now) => now,
            None => self.look()?,
        };
        let elapsed = before.as_ref().map(|before| uptime(&now).saturating_sub(uptime(before)));
        self.collector.look_around(&mut now, |network| wants_routes(before.as_ref(), network));
        let findings = diagnose(&Case {
            now: &now,
            before: before.as_ref(),
            seconds: elapsed.unwrap_or_default().as_secs_f64(),
            between: between.as_ref(),
            limits,
        });
        let rates = before.as_ref().zip(elapsed).map(|(before, elapsed)| rates(before, &now, elapsed));
        let sample = Sample { snapshot: now, rates: rates.unwrap_or_default(), findings };
        Ok(Diagnosis { sample, seconds: elapsed.map(|elapsed| elapsed.as_secs_f64()) })
    }

    fn look(&mut self) -> Result<Snapshot> {
        let mut snapshot = self.collector.collect(&self.scope, now())?;
        self.collector.count_host(&mut snapshot);
        Ok(snapshot)
    }
}

/// What a diagnosis compares with.
#[derive(Debug)]
pub enum Since {
    /// Nothing: what needs time is not judged.
    Nothing,
    /// A look so long before the last one.
    Interval(Duration),
    /// A look that another run took. If it is younger than this, the rest is waited for.
    Look {
        /// The look.
        before: Box<Snapshot>,
        /// The shortest time over which a rate says something.
        at_least: Duration,
    },
}

/// All that can be told, and over what time.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// The last look, with findings of every kind.
    pub sample: Sample,
    /// Seconds between the looks that were compared.
    pub seconds: Option<f64>,
}

/// Over so long a time it can be told whether traffic goes one way only, given one more look ...
const LONG: Duration = Duration::from_secs(20);
/// ... so long before the end: whoever received data until then has answered, within ten seconds.
const ANSWERED: Duration = Duration::from_secs(12);

fn uptime(snapshot: &Snapshot) -> Duration {
    snapshot.host.as_ref().map_or(Duration::ZERO, |host| host.uptime)
}

fn now() -> u64 {
    // A clock before 1970 makes every age 0, which is harmless.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
