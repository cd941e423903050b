//! Samples one after the other, at an even pace; and between them, when links change.

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

/// What a wait brought.
#[derive(Debug)]
pub enum Next {
    /// A tick.
    Tick(Arc<Tick>),
    /// A look between two ticks, because links changed.
    Change(Arc<Tick>),
    /// No look could be taken; the next tick may bring one.
    Failed(Error),
    /// Something happened to a file that the caller waits for, too.
    Interrupted,
}

/// A sample, and what happened since the last.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// What was read, rates since the tick before, and what is wrong.
    pub sample: Arc<Sample>,
    /// What happened since the last look.
    pub events: Vec<Event>,
}

/// Takes samples of one scope, again and again.
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
    /// Starts on the calling thread's network namespace, unless the scope names others.
    ///
    /// # Errors
    /// Where the kernel gives no netlink socket.
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

    /// What the samples are taken by.
    #[must_use]
    pub const fn sampler(&self) -> &Sampler {
        &self.sampler
    }

    /// Ticks so far apart from now on, counted from the last.
    pub fn set_interval(&mut self, interval: Duration) {
        self.due = self.due.map(|due| due.checked_sub(self.interval).unwrap_or(due) + interval);
        self.interval = interval;
    }

    /// Waits for the next tick, or for links to change, or for something to happen to one of the files.
    pub fn next(&mut self, files: &[PollFd<'_>]) -> Next {
        let start = Instant::now();
        let due = *self.due.get_or_insert(start);
        match self.link_monitor.wait(due, files) {
            Wakeup::Other => Next::Interrupted,
            Wakeup::Changed => self.look(Trigger::Between).map_or_else(Next::Failed, Next::Change),
            Wakeup::Due => {
                // Counted from when it was due, not from when it came: the pace stays. What was missed is not made up for.
                let late = Instant::now().saturating_duration_since(due);
                let missed = late.as_nanos() / self.interval.as_nanos().max(1);
                let steps = u32::try_from(missed).unwrap_or(u32::MAX).saturating_add(1);
                self.due = due.checked_add(self.interval.saturating_mul(steps));
                self.look(Trigger::Tick).map_or_else(Next::Failed, Next::Tick)
            }
        }
    }

    fn look(&mut self, occasion: Trigger) -> Result<Arc<Tick>> {
        let sample = self.baselines.look(&mut self.sampler, occasion)?;
        let events = self.tracker.update(&sample.snapshot, &sample.findings);
        Ok(Arc::new(Tick { sample, events }))
    }
}
