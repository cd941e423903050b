//! `wgstat watch`.

use std::io::{ErrorKind, Write, stdout};

use rustix::event::{PollFd, PollFlags};

use super::{Outcome, remark, report, scope, tell_oddities, tell_problem, terminal, written};
use crate::cli::{Global, Watch as Options};
use crate::error::{Error, Result};
use crate::model::{Problem, Settings, Snapshot};
use crate::render::human::Style;
use crate::render::json;
use crate::render::lines::Lines;
use crate::sampler::{Next, Tick, Watch};

pub(super) fn run(
    options: &Options,
    global: &Global,
    settings: Settings,
    out: &mut dyn Write,
    remarks: &mut dyn Write,
) -> Result<Outcome> {
    let mut watch = Watch::open(scope(&options.interfaces, global), settings, options.interval)?;
    // What is wrong from the start, a name that is none, ends it; later it would be news.
    let first = loop {
        match watch.next(&[]) {
            Next::Tick(tick) => break tick,
            Next::Failed(error) => return Err(error),
            Next::Change(_) | Next::Interrupted => {}
        }
    };
    #[cfg(feature = "tui")]
    if !global.json && terminal::can_draw() {
        let view = crate::tui::Options {
            interval: options.interval,
            count: options.count.map(std::num::NonZeroU64::get),
            style: terminal::style(global.color),
        };
        let (last, failure) = crate::tui::run(watch, first, view)?;
        let outcome = super::conclude(&last.sample.snapshot, global, remarks);
        let Some(error) = failure else { return Ok(outcome) };
        remark(remarks, &error.to_string(), error.hint().as_deref());
        return Ok(if global.strict { Outcome::Incomplete } else { outcome });
    }
    tell_oddities(watch.sampler(), global, remarks);
    let Snapshot { networks, hints, .. } = &first.sample.snapshot;
    if !global.json && networks.is_empty() {
        // There will be no line before there is one.
        remark(remarks, "no WireGuard interfaces yet", hints.first().map(String::as_str));
    }
    let style = terminal::style(global.color);
    let mut printer = Printer { global, style, out, remarks, lines: Lines::default(), told: Told::default() };
    printer.tick(&first)?;
    let is_whole = |tick: &Tick| tick.sample.snapshot.problems.is_empty();
    let mut was_whole = is_whole(&first);
    let mut ticks = 1;
    while options.count.is_none_or(|count| ticks < count.get()) {
        // Whoever read the lines may be gone long before the next is due.
        let output = stdout();
        let reader = PollFd::new(&output, PollFlags::empty());
        match watch.next(&[reader]) {
            Next::Tick(tick) => {
                ticks += 1;
                printer.tick(&tick)?;
                was_whole = is_whole(&tick);
            }
            Next::Change(tick) => printer.change(&tick)?,
            Next::Failed(error) => {
                ticks += 1;
                printer.failure(&error)?;
                was_whole = false;
            }
            Next::Interrupted => written(Err(ErrorKind::BrokenPipe.into()))?,
        }
    }
    // What could not be read was said when it began.
    Ok(if global.strict && !was_whole { Outcome::Incomplete } else { Outcome::Done })
}

/// Writes what comes, as text or as documents.
struct Printer<'a> {
    global: &'a Global,
    style: Style,
    out: &'a mut dyn Write,
    remarks: &'a mut dyn Write,
    lines: Lines,
    told: Told,
}

/// What was said of what could not be read; it is said once for as long as it lasts.
#[derive(Default)]
struct Told {
    problems: Vec<Problem>,
    failure: String,
}

impl Printer<'_> {
    fn tick(&mut self, tick: &Tick) -> Result<()> {
        let report = report(&tick.sample);
        if self.global.json {
            written(json::sample(self.out, &report))?;
        } else {
            self.problems(&tick.sample.snapshot.problems);
            written(self.lines.tick(self.out, &self.style, &report))?;
        }
        self.told.failure.clear();
        self.change(tick)
    }

    /// Events beside the lines, where a reader of the columns does not trip over them; as documents among the others.
    fn change(&mut self, tick: &Tick) -> Result<()> {
        for event in &tick.events {
            if self.global.json {
                written(json::event(self.out, event))?;
            } else {
                remark(self.remarks, &self.style.outside(&event.sentence()), None);
            }
        }
        written(self.out.flush())
    }

    fn problems(&mut self, problems: &[Problem]) {
        for problem in problems.iter().filter(|problem| !self.told.problems.contains(problem)) {
            tell_problem(self.remarks, problem);
        }
        self.told.problems = problems.to_vec();
    }

    fn failure(&mut self, error: &Error) -> Result<()> {
        let message = error.to_string();
        if message != self.told.failure {
            remark(self.remarks, &message, error.hint().as_deref());
        }
        self.told.failure = message;
        if self.global.json {
            written(json::error(self.out, error).and_then(|()| self.out.flush()))?;
        }
        Ok(())
    }
}
