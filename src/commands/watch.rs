//! `wgstat watch`.

use std::io::{ErrorKind, Write, stdout};

use rustix::event::{PollFd, PollFlags};

use super::output::{output_error, print_problem, report, warn};
#[cfg(feature = "tui")]
use super::terminal;
use super::{Invocation, Outcome};
use crate::cli::{Global, Watch as Options};
use crate::error::{Error, Result};
use crate::model::{Problem, Snapshot};
use crate::render::format::Style;
use crate::render::json;
use crate::render::lines::LineWriter;
use crate::sampler::{Next, Tick, Watch};

pub(super) fn run(options: &Options, mut invocation: Invocation<'_>) -> Result<Outcome> {
    let mut watch = Watch::open(invocation.scope(&options.interfaces), invocation.take_settings(), options.interval)?;
    // What is wrong from the start, a name that is none, ends it; later it would be news.
    let first = loop {
        match watch.next(&[]) {
            Next::Tick(tick) => break tick,
            Next::Failed(error) => return Err(error),
            Next::Change(_) | Next::Interrupted => {}
        }
    };
    #[cfg(feature = "tui")]
    if !invocation.global.json && terminal::can_draw() {
        let view = crate::tui::ViewOptions {
            interval: options.interval,
            count: options.count.map(std::num::NonZeroU64::get),
            style: invocation.style(),
        };
        let (last, failure) = crate::tui::run(watch, first, view)?;
        let outcome = invocation.report_problems(&last.sample.snapshot);
        let Some(error) = failure else { return Ok(outcome) };
        warn(invocation.err, &error.to_string(), error.hint().as_deref());
        return Ok(if invocation.global.strict { Outcome::Incomplete } else { outcome });
    }
    invocation.print_name_warnings(watch.sampler());
    let style = invocation.style();
    let Invocation { global, out, err, .. } = invocation;
    let Snapshot { networks, hints, .. } = &first.sample.snapshot;
    if !global.json && networks.is_empty() {
        // There will be no line before there is one.
        warn(err, "no WireGuard interfaces yet", hints.first().map(String::as_str));
    }
    let mut printer = Printer { global, style, out, err, lines: LineWriter::default(), told: Told::default() };
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
            Next::Interrupted => return Err(output_error(ErrorKind::BrokenPipe.into())),
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
    err: &'a mut dyn Write,
    lines: LineWriter,
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
            json::sample(self.out, &report).map_err(output_error)?;
        } else {
            self.problems(&tick.sample.snapshot.problems);
            self.lines.write(self.out, &self.style, &report).map_err(output_error)?;
        }
        self.told.failure.clear();
        self.change(tick)
    }

    /// Events beside the lines, where a reader of the columns does not trip over them; as documents among the others.
    fn change(&mut self, tick: &Tick) -> Result<()> {
        for event in &tick.events {
            if self.global.json {
                json::event(self.out, event).map_err(output_error)?;
            } else {
                warn(self.err, &self.style.escape(&event.sentence()), None);
            }
        }
        self.out.flush().map_err(output_error)
    }

    fn problems(&mut self, problems: &[Problem]) {
        for problem in problems.iter().filter(|problem| !self.told.problems.contains(problem)) {
            print_problem(self.err, problem);
        }
        self.told.problems = problems.to_vec();
    }

    fn failure(&mut self, error: &Error) -> Result<()> {
        let message = error.to_string();
        if message != self.told.failure {
            warn(self.err, &message, error.hint().as_deref());
        }
        self.told.failure = message;
        if self.global.json {
            json::error(self.out, error).and_then(|()| self.out.flush()).map_err(output_error)?;
        }
        Ok(())
    }
}
