//! Takes a sample at each interval, and between them when links change.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::PollFd;

use super::baselines::{Baselines, Trigger};
use super::{Sample, Sampler};
use crate::collect::Scope;
use crate::collect::link_monitor::{LinkMonitor, Wakeup};
use crate::error::{Error, Result};
use crate::events::{Event, Tracker};
use crate::model::Settings;

/// Says why a wait ended.
#[derive(Debug)]
pub enum Next {
    /// The interval has passed.
    Tick(Arc<Tick>),
    /// Links changed between two ticks.
    Change(Arc<Tick>),
    /// No sample could be taken; the next tick may succeed.
    Failed(Error),
    /// One of the caller's own files is ready.
    Interrupted,
}

/// Holds a sample, and the events since the last one.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// The sample, with rates since the previous tick.
    pub sample: Arc<Sample>,
    /// The events since the last sample.
    pub events: Vec<Event>,
}

/// Takes samples of one scope at a fixed interval.
pub struct Watch {
    sampler: Sampler,
    link_monitor: LinkMonitor,
    tracker: Tracker,
    interval: Duration,
    /// When the next tick is due; `None` before the first.
    due: Option<Instant>,
    baselines: Baselines,
}

impl Watch {
    /// Opens sockets in the calling thread's network namespace, unless the scope names others.
    ///
    /// # Errors
    /// Returns an error if the kernel provides no netlink socket.
    pub fn open(scope: Scope, settings: Settings, interval: Duration) -> Result<Self> {
        let sampler = Sampler::open(scope, settings)?;
        Ok(Self {
            link_monitor: sampler.collector.link_monitor()?,
            sampler,
            tracker: Tracker::default(),
            interval,
            due: None,
            baselines: Baselines::default(),
        })
    }

    /// Returns the sampler, for its reports.
    #[must_use]
    pub const fn sampler(&self) -> &Sampler {
        &self.sampler
    }

    /// Changes the interval, counted from the last tick.
    pub fn set_interval(&mut self, interval: Duration) {
        self.due = self.due.map(|due| due.checked_sub(self.interval).unwrap_or(due) + interval);
        self.interval = interval;
    }

    /// Waits for the next tick, a change of links, or one of the files to become ready.
    pub fn next(&mut self, files: &[PollFd<'_>]) -> Next {
        let start = Instant::now();
        let due = *self.due.get_or_insert(start);
        match self.link_monitor.wait(due, files) {
            Wakeup::Other => Next::Interrupted,
            Wakeup::Changed => self.sample(Trigger::Between).map_or_else(Next::Failed, Next::Change),
            Wakeup::Due => {
                // Counted from the time when it was due, not when it ran, so that the interval does not drift. Missed ticks are
                // skipped.
                let late = Instant::now().saturating_duration_since(due);
                let missed = late.as_nanos() / self.interval.as_nanos().max(1);
                let steps = u32::try_from(missed).unwrap_or(u32::MAX).saturating_add(1);
                self.due = due.checked_add(self.interval.saturating_mul(steps));
                self.sample(Trigger::Tick).map_or_else(Next::Failed, Next::Tick)
            }
        }
    }

    /// Takes a sample, and finds the events since the last one.
    fn sample(&mut self, trigger: Trigger) -> Result<Arc<Tick>> {
        let sample = self.baselines.sample(&mut self.sampler, trigger)?;
        let events = self.tracker.update(&sample.snapshot, &sample.findings);
        Ok(Arc::new(Tick { sample, events }))
    }
}
