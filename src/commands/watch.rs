//! Runs `wgstat watch`: the live view, or one line per network and update.

use std::io::{ErrorKind, Write, stdout};

use rustix::event::{PollFd, PollFlags};

use super::output::{output_error, print_problem, report, warn};
#[cfg(feature = "tui")]
use super::terminal;
use super::{Invocation, Outcome};
use crate::cli::{self, Global};
use crate::error::{Error, Result};
use crate::model::{Problem, Snapshot};
use crate::render::format::Style;
use crate::render::json;
use crate::render::lines::LineWriter;
use crate::sampler::{Next, Tick, Watch};

pub(super) fn run(options: &cli::Watch, mut invocation: Invocation<'_>) -> Result<Outcome> {
    let mut watch = Watch::open(invocation.scope(&options.interfaces), invocation.take_settings(), options.interval)?;
    // An error of the first sample, such as an unknown name, ends the command. A later one is reported and may be transient.
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
        // There is no line until there is an interface.
        warn(err, "no WireGuard interfaces yet", hints.first().map(String::as_str));
    }
    let mut printer = Printer { global, style, out, err, lines: LineWriter::default(), reported: Reported::default() };
    printer.tick(&first)?;
    let is_complete = |tick: &Tick| tick.sample.snapshot.problems.is_empty();
    let mut was_complete = is_complete(&first);
    let mut updates = 1;
    while options.count.is_none_or(|count| updates < count.get()) {
        // Ends when the reader closes the pipe, not only at the next write.
        let output = stdout();
        let reader = PollFd::new(&output, PollFlags::empty());
        match watch.next(&[reader]) {
            Next::Tick(tick) => {
                updates += 1;
                printer.tick(&tick)?;
                was_complete = is_complete(&tick);
            }
            Next::Change(tick) => printer.change(&tick)?,
            Next::Failed(error) => {
                updates += 1;
                printer.failure(&error)?;
                was_complete = false;
            }
            Next::Interrupted => return Err(output_error(ErrorKind::BrokenPipe.into())),
        }
    }
    // Problems were printed when they began.
    Ok(if global.strict && !was_complete { Outcome::Incomplete } else { Outcome::Done })
}

/// Writes samples and events, as lines or as JSON documents.
struct Printer<'a> {
    global: &'a Global,
    style: Style,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    lines: LineWriter,
    reported: Reported,
}

/// Holds the problems that were printed, so that each is printed once while it lasts.
#[derive(Default)]
struct Reported {
    problems: Vec<Problem>,
    failure: String,
}

impl Printer<'_> {
    /// Writes a sample and its events.
    fn tick(&mut self, tick: &Tick) -> Result<()> {
        let report = report(&tick.sample);
        if self.global.json {
            json::sample(self.out, &report).map_err(output_error)?;
        } else {
            self.problems(&tick.sample.snapshot.problems);
            self.lines.write(self.out, &self.style, &report).map_err(output_error)?;
        }
        self.reported.failure.clear();
        self.change(tick)
    }

    /// Writes events: as JSON documents among the samples, or as text on standard error, so that standard output has only
    /// lines.
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

    /// Prints new problems.
    fn problems(&mut self, problems: &[Problem]) {
        for problem in problems.iter().filter(|problem| !self.reported.problems.contains(problem)) {
            print_problem(self.err, problem);
        }
        self.reported.problems = problems.to_vec();
    }

    /// Prints the error of a sample, once for as long as it lasts; in JSON each time.
    fn failure(&mut self, error: &Error) -> Result<()> {
        let message = error.to_string();
        if message != self.reported.failure {
            warn(self.err, &message, error.hint().as_deref());
        }
        self.reported.failure = message;
        if self.global.json {
            json::error(self.out, error).and_then(|()| self.out.flush()).map_err(output_error)?;
        }
        Ok(())
    }
}
