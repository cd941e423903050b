//! Samples one after the other, at an even pace; and between them, when links change.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::PollFd;

use super::{ANSWERED, Sample, Sampler, now};
use crate::collect::Scope;
use crate::collect::news::{News, Woken};
use crate::collect::survey::Depth;
use crate::error::{Error, Result};
use crate::events::{Event, Tracker};
use crate::findings::{Case, diagnose, wants_routes};
use crate::model::{Settings, Snapshot};
use crate::rates::rates;

/// What needs time is judged over at least this, where so much has passed: a finding stays for that long after its cause.
const WINDOW: Duration = Duration::from_secs(30);
/// How far apart the looks are that are kept to compare with.
const SPACING: Duration = Duration::from_secs(15);
/// The two clocks may differ by so much without the machine having slept.
const AWAKE: Duration = Duration::from_secs(1);

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
    pub sample: Sample,
    /// What happened since the last look.
    pub events: Vec<Event>,
}

/// Takes samples of one scope, again and again.
pub struct Watch {
    sampler: Sampler,
    news: News,
    tracker: Tracker,
    interval: Duration,
    /// When the next tick is due; `None` before the first.
    due: Option<Instant>,
    /// The last ticks that are known, the newest last: a look in between has its rates since the one before that, so that they
    /// are no rates over a moment.
    ticks: VecDeque<Look>,
    /// Looks to compare with, the oldest first.
    anchors: VecDeque<Look>,
}

/// A look, and when it began.
#[derive(Clone)]
struct Look {
    tick: Arc<Tick>,
    moment: Moment,
}

/// A moment on the clock that stands still while the machine sleeps, and on the one that does not.
#[derive(Debug, Clone, Copy)]
struct Moment {
    awake: Instant,
    uptime: Duration,
}

impl Moment {
    /// Whether the machine slept in between.
    fn is_cut_off(self, earlier: Self) -> bool {
        let passed = self.uptime.saturating_sub(earlier.uptime);
        passed.saturating_sub(self.awake.saturating_duration_since(earlier.awake)) > AWAKE
    }
}

impl Watch {
    /// Starts on the calling thread's network namespace, unless the scope names others.
    ///
    /// # Errors
    /// Where the kernel gives no netlink socket.
    pub fn open(scope: Scope, settings: Settings, interval: Duration) -> Result<Self> {
        let sampler = Sampler::open(scope, settings)?;
        Ok(Self {
            news: sampler.survey.news()?,
            sampler,
            tracker: Tracker::default(),
            interval,
            due: None,
            ticks: VecDeque::new(),
            anchors: VecDeque::new(),
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
        match self.news.wait(due, files) {
            Woken::Other => Next::Interrupted,
            Woken::Changed => self.look(false).map_or_else(Next::Failed, Next::Change),
            Woken::Due => {
                // Counted from when it was due, not from when it came: the pace stays. What was missed is not made up for.
                let late = Instant::now().saturating_duration_since(due);
                let missed = late.as_nanos() / self.interval.as_nanos().max(1);
                let steps = u32::try_from(missed).unwrap_or(u32::MAX).saturating_add(1);
                self.due = due.checked_add(self.interval.saturating_mul(steps));
                self.look(true).map_or_else(Next::Failed, Next::Tick)
            }
        }
    }

    fn look(&mut self, is_tick: bool) -> Result<Arc<Tick>> {
        let survey = &mut self.sampler.survey;
        let moment = Moment { awake: Instant::now(), uptime: survey.uptime() };
        let mut snapshot = survey.look(Depth::Host, now())?;
        // What was there once is missed, but the watch goes on.
        survey.tolerate_missing();
        if self.ticks.back().is_some_and(|last| moment.is_cut_off(last.moment)) {
            // The machine slept: nothing is known of that time, and a rate over it would be none.
            self.ticks.clear();
            self.anchors.clear();
        }
        let age = |look: &Look| moment.awake.saturating_duration_since(look.moment.awake);
        while self.anchors.get(1).is_some_and(|second| age(second) >= WINDOW) {
            self.anchors.pop_front();
        }
        self.sampler.name(&mut snapshot);
        let before = self.anchors.front();
        let past: Option<&Snapshot> = before.map(|before| &before.tick.sample.snapshot);
        self.sampler.survey.look_around(&mut snapshot, |network| wants_routes(past, network));
        let since = |look: &Look| moment.awake.saturating_duration_since(look.moment.awake);
        let between = self.anchors.iter().skip(1).rev().find(|anchor| since(anchor) >= ANSWERED);
        let findings = diagnose(&Case {
            now: &snapshot,
            before: past,
            seconds: before.map_or(0.0, |before| since(before).as_secs_f64()),
            between: between.map(|anchor| &anchor.tick.sample.snapshot),
            limits: &[],
        });
        let last = if is_tick { self.ticks.back() } else { self.ticks.front() };
        let rates = last.map(|last| rates(&last.tick.sample.snapshot, &snapshot, since(last))).unwrap_or_default();
        let events = self.tracker.see(&snapshot, &findings);
        let tick = Arc::new(Tick { sample: Sample { snapshot, rates, findings }, events });
        if is_tick {
            self.remember(Look { tick: Arc::clone(&tick), moment });
        }
        Ok(tick)
    }

    fn remember(&mut self, look: Look) {
        let since = |earlier: &Look| look.moment.awake.saturating_duration_since(earlier.moment.awake);
        if self.anchors.back().is_none_or(|newest| since(newest) >= SPACING) {
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
        let start = Moment { awake: Instant::now(), uptime: Duration::from_secs(100) };
        let after = |awake, uptime| Moment {
            awake: start.awake + Duration::from_secs(awake),
            uptime: start.uptime + Duration::from_secs(uptime),
        };
        assert!(!after(3600, 3600).is_cut_off(start), "stopped for an hour, or so long an interval");
        assert!(after(2, 3600).is_cut_off(start));
    }
}
