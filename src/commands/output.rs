//! Writes what all commands have in common: errors, warnings, problems, and the additions of `--verbose`.

use std::io::{self, Write};

use super::{Invocation, Outcome, terminal};
use crate::cli::{Cli, Color, Command};
use crate::error::{Error, Result, STDOUT};
use crate::model::{Problem, Snapshot, qualified_name};
use crate::render::format::Style;
use crate::render::{Endpoints, Report, json, plugin, verbose};
use crate::sampler::{Sample, Sampler};

/// Maximum number of warnings about name files that are printed without `--verbose`.
const MAX_NAME_WARNINGS: usize = 3;

/// Prints why a command failed. With `--json` or `--plugin` it also writes the error to standard output, unless standard
/// output itself failed.
pub fn print_error(error: &Error, cli: &Cli, out: &mut dyn Write, err: &mut dyn Write) {
    warn(err, &error.to_string(), error.hint().as_deref());
    if error.is_about_standard_output() {
        return;
    }
    let is_plugin = matches!(&cli.command, Some(Command::Check(command)) if command.options.plugin);
    let _ = match (cli.global().json, is_plugin) {
        (true, _) => json::error(out, error),
        (false, true) => plugin::failure(out, &error.to_string()),
        (false, false) => Ok(()),
    };
    let _ = out.flush();
}

/// Writes a usage error of `check --plugin` to standard output, the only output that monitoring systems show.
pub fn print_plugin_usage_error(message: &str, out: &mut dyn Write) {
    let _ = plugin::failure(out, message).and_then(|()| out.flush());
}

/// Prints `wgstat: subject: cause` and, on the next line, the hint.
pub(super) fn warn(err: &mut dyn Write, message: &str, hint: Option<&str>) {
    // A closed standard error must not end a command.
    let _ = writeln!(err, "wgstat: {message}");
    if let Some(hint) = hint {
        let _ = writeln!(err, "hint: {hint}");
    }
}

/// Prints something that could not be read.
pub(super) fn print_problem(err: &mut dyn Write, problem: &Problem) {
    let subject = problem.interface.as_ref().map(|name| qualified_name(name, problem.netns.as_deref()) + ": ");
    let subject = subject.unwrap_or_default();
    warn(err, &format!("{subject}{}", problem.message), problem.hint.as_deref());
}

/// Converts a failed write to standard output to this crate's error.
pub(super) fn output_error(source: io::Error) -> Error {
    Error::Output { subject: STDOUT.to_owned(), source }
}

/// Returns a sample as the renderers take it, with endpoints.
pub(super) fn report(sample: &Sample) -> Report<'_> {
    let Sample { snapshot, rates, findings } = sample;
    Report { snapshot, rates, findings, endpoints: Endpoints::Shown }
}

impl Invocation<'_> {
    /// Returns the style for text on standard output.
    pub(super) fn style(&self) -> Style {
        terminal::style(self.global.color.unwrap_or(Color::Auto))
    }

    /// Prints the problems and hints of a snapshot, unless a JSON document contains them. Returns `Outcome::Incomplete` if
    /// there are problems and `--strict` was given.
    pub(super) fn report_problems(&mut self, snapshot: &Snapshot) -> Outcome {
        if !self.global.json {
            for problem in &snapshot.problems {
                print_problem(self.err, problem);
            }
            for hint in &snapshot.hints {
                let _ = writeln!(self.err, "hint: {hint}");
            }
        }
        if self.global.strict && !snapshot.problems.is_empty() { Outcome::Incomplete } else { Outcome::Done }
    }

    /// Prints where names come from if `--verbose` was given, else the warnings about name files.
    ///
    /// # Errors
    /// Returns [`Error::Output`] if standard output cannot be written.
    pub(super) fn print_name_origins(&mut self, sampler: &Sampler, snapshot: &Snapshot) -> Result<()> {
        if !self.global.verbose {
            self.print_name_warnings(sampler);
            return Ok(());
        }
        let origins = sampler.name_report(snapshot);
        self.print_verbose(self.global.json, |out, style| verbose::origins(out, style, &origins))
    }

    /// Prints the first warnings about name files, unless the output is JSON.
    pub(super) fn print_name_warnings(&mut self, sampler: &Sampler) {
        if self.global.json {
            return;
        }
        let warnings = sampler.name_warnings();
        for warning in warnings.iter().take(MAX_NAME_WARNINGS) {
            warn(self.err, warning, None);
        }
        if let Some(more) = warnings.len().checked_sub(MAX_NAME_WARNINGS).filter(|&more| more > 0) {
            warn(self.err, &format!("{more} more warnings about name files: wgstat status -v"), None);
        }
    }

    /// Writes an addition of `--verbose` to standard output, or to standard error if standard output is for a program.
    ///
    /// # Errors
    /// Returns [`Error::Output`] if standard output cannot be written.
    pub(super) fn print_verbose(
        &mut self,
        is_for_program: bool,
        write: impl FnOnce(&mut dyn Write, &Style) -> io::Result<()>,
    ) -> Result<()> {
        if is_for_program {
            // A closed standard error must not end a command.
            let _ = write(self.err, &Style::default());
            return Ok(());
        }
        let style = self.style();
        write(self.out, &style).map_err(output_error)
    }
}
