//! One file per subcommand: settle the options, take a sample, choose a renderer.

mod export_metrics;
mod generate;
mod stats;
mod status;
mod terminal;

use std::io::{self, Write};

use crate::cli::{Cli, Command, Global, Status};
use crate::error::{Error, Result, STDOUT};
use crate::model::Snapshot;
use crate::render::{Report, json};
use crate::sampler::Sample;

/// How a command ended that printed its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All well: exit code 0.
    Done,
    /// `--strict`, and something could not be read: exit code 1.
    Incomplete,
}

/// Runs the command. The result goes to `out`, remarks about it to `remarks`.
///
/// # Errors
/// Where there is no result, or it could not be written.
pub fn run(cli: &Cli, out: &mut dyn Write, remarks: &mut dyn Write) -> Result<Outcome> {
    match &cli.command {
        None => status::run(&Status::default(), &cli.global, out, remarks),
        Some(Command::Status(options)) => status::run(options, &cli.global, out, remarks),
        Some(Command::Stats(options)) => stats::run(options, &cli.global, out, remarks),
        Some(Command::ExportMetrics(options)) => export_metrics::run(options, &cli.global, out, remarks),
        Some(Command::Generate(options)) => generate::run(options, remarks),
    }
}

fn report(sample: &Sample) -> Report<'_> {
    Report { snapshot: &sample.snapshot, rates: &sample.rates, findings: &sample.findings }
}

/// Says what could not be read; in JSON the document does. Whether that matters is `--strict`'s to say.
fn conclude(snapshot: &Snapshot, global: &Global, remarks: &mut dyn Write) -> Outcome {
    if !global.json {
        for problem in &snapshot.problems {
            let subject = problem.interface.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
            remark(remarks, &format!("{subject}{}", problem.message), problem.hint.as_deref());
        }
        for hint in &snapshot.hints {
            // Where the remarks go nowhere, the result still stands.
            let _ = writeln!(remarks, "hint: {hint}");
        }
    }
    if global.strict && !snapshot.problems.is_empty() { Outcome::Incomplete } else { Outcome::Done }
}

/// Says why a command failed: to people always, and with `--json` as a document on standard output too, unless that is what
/// failed.
pub fn explain(error: &Error, global: &Global, out: &mut dyn Write, remarks: &mut dyn Write) {
    remark(remarks, &error.to_string(), error.hint().as_deref());
    if global.json && !error.is_about_standard_output() {
        let _ = json::error(out, error).and_then(|()| out.flush());
    }
}

/// Writes `wgstat: subject: cause` and, below it, the remedy.
fn remark(remarks: &mut dyn Write, message: &str, hint: Option<&str>) {
    let _ = writeln!(remarks, "wgstat: {message}");
    if let Some(hint) = hint {
        let _ = writeln!(remarks, "hint: {hint}");
    }
}

fn written(result: io::Result<()>) -> Result<()> {
    result.map_err(|source| Error::Output { subject: STDOUT.to_owned(), source })
}
