//! One file per subcommand: settle the options, take a sample, choose a renderer.

mod check;
mod export_metrics;
mod files;
mod generate;
mod serve;
mod stats;
mod status;
mod terminal;
mod watch;

use std::ffi::OsString;
use std::io::{self, Write};

use crate::cli::{Cli, Command, Global, Status};
use crate::collect::Scope;
use crate::collect::netns::NetnsSelector;
use crate::config;
use crate::error::{Error, Result, STDOUT};
use crate::findings::Verdict;
use crate::model::{Pattern, Problem, Snapshot, qualified_name};
use crate::render::human::Style;
use crate::render::{Endpoints, Report, json, plugin, verbose};
use crate::sampler::{Sample, Sampler};

/// How a command ended that printed its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All well: exit code 0.
    Done,
    /// `--strict`, and something could not be read: exit code 1.
    Incomplete,
    /// What `check` came to.
    Checked(Verdict),
}

impl Outcome {
    /// The exit code.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Incomplete => 1,
            Self::Checked(verdict) => verdict.exit_code(),
        }
    }
}

/// The exit code of a command that failed; `usage` where it was called wrongly.
#[must_use]
pub fn exit_code_of_failure(is_check: bool, usage: bool) -> u8 {
    match (is_check, usage) {
        // Monitoring would take 1 and 2 for states of what it watches.
        (true, _) => Verdict::Unknown.exit_code(),
        (false, true) => 2,
        (false, false) => 1,
    }
}

/// Runs the command. The result goes to `out`, remarks about it to `remarks`.
///
/// # Errors
/// Where there is no result, or it could not be written.
pub fn run(cli: &Cli, out: &mut dyn Write, remarks: &mut dyn Write) -> Result<Outcome> {
    let global = &cli.global;
    // What is generated is the same everywhere.
    if let Some(Command::Generate(options)) = &cli.command {
        return generate::run(options, out, remarks);
    }
    let settings = config::load(global.config.as_deref())?;
    match &cli.command {
        Some(Command::Status(options)) => status::run(options, global, settings, out, remarks),
        Some(Command::Stats(options)) => stats::run(options, global, settings, out, remarks),
        Some(Command::Watch(options)) => watch::run(options, global, settings, out, remarks),
        Some(Command::Check(options)) => check::run(options, global, settings, out, remarks),
        Some(Command::ExportMetrics(options)) => export_metrics::run(options, global, settings, out, remarks),
        Some(Command::Serve(options)) => serve::run(options, global, settings, remarks),
        None | Some(Command::Generate(_)) => status::run(&Status::default(), global, settings, out, remarks),
    }
}

/// What to read: these interfaces, or all.
fn scope(interfaces: &[OsString], global: &Global) -> Scope {
    Scope {
        interfaces: interfaces.iter().map(|name| Pattern::from(name.as_os_str())).collect(),
        exclude: global.exclude.iter().map(|name| Pattern::from(name.as_os_str())).collect(),
        namespaces: global.netns.iter().map(|netns| NetnsSelector::from(netns.as_os_str())).collect(),
        without_peers: global.no_peers,
        ..Scope::default()
    }
}

/// With `-v`: where names come from. Beside a document it goes to the remarks. Without it only what is odd, to people.
fn tell_origins(
    sampler: &Sampler,
    snapshot: &Snapshot,
    global: &Global,
    out: &mut dyn Write,
    remarks: &mut dyn Write,
) -> Result<()> {
    if !global.verbose {
        tell_oddities(sampler, global, remarks);
        return Ok(());
    }
    let origins = sampler.origins(snapshot);
    tell(global.json, global, out, remarks, |out, style| verbose::origins(out, style, &origins))
}

/// Says where files of names may not mean what they say.
fn tell_oddities(sampler: &Sampler, global: &Global, remarks: &mut dyn Write) {
    if global.json {
        return;
    }
    let warnings = sampler.warnings();
    for oddity in warnings.iter().take(ODDITIES) {
        remark(remarks, oddity, None);
    }
    if let Some(more) = warnings.len().checked_sub(ODDITIES).filter(|&more| more > 0) {
        remark(remarks, &format!("{more} more oddities in files of names: wgstat status -v"), None);
    }
}

/// Oddities that are told unless all are asked for.
const ODDITIES: usize = 3;

/// Writes what `-v` adds behind the text of a command; beside what stands alone, for a program, it goes to the remarks.
fn tell(
    is_alone: bool,
    global: &Global,
    out: &mut dyn Write,
    remarks: &mut dyn Write,
    write: impl FnOnce(&mut dyn Write, &Style) -> io::Result<()>,
) -> Result<()> {
    if is_alone {
        // Where the remarks go nowhere, the rest still stands.
        let _ = write(remarks, &Style::default());
        return Ok(());
    }
    written(write(out, &terminal::style(global.color)))
}

fn report(sample: &Sample) -> Report<'_> {
    let Sample { snapshot, rates, findings } = sample;
    Report { snapshot, rates, findings, endpoints: Endpoints::Shown }
}

/// Says what could not be read; in JSON the document does. Whether that matters is `--strict`'s to say.
fn conclude(snapshot: &Snapshot, global: &Global, remarks: &mut dyn Write) -> Outcome {
    if !global.json {
        for problem in &snapshot.problems {
            tell_problem(remarks, problem);
        }
        for hint in &snapshot.hints {
            // Where the remarks go nowhere, the result still stands.
            let _ = writeln!(remarks, "hint: {hint}");
        }
    }
    if global.strict && !snapshot.problems.is_empty() { Outcome::Incomplete } else { Outcome::Done }
}

fn tell_problem(remarks: &mut dyn Write, problem: &Problem) {
    let subject = problem.interface.as_ref().map(|name| qualified_name(name, problem.netns.as_deref()) + ": ");
    let subject = subject.unwrap_or_default();
    remark(remarks, &format!("{subject}{}", problem.message), problem.hint.as_deref());
}

/// Says why a command failed: to people always, and with `--json` as a document on standard output too, or with `--plugin` as
/// that one line, unless that is what failed.
pub fn explain(error: &Error, cli: &Cli, out: &mut dyn Write, remarks: &mut dyn Write) {
    remark(remarks, &error.to_string(), error.hint().as_deref());
    if error.is_about_standard_output() {
        return;
    }
    let is_plugin = matches!(&cli.command, Some(Command::Check(options)) if options.plugin);
    let _ = match (cli.global.json, is_plugin) {
        (true, _) => json::error(out, error),
        (_, true) => plugin::failure(out, &error.to_string()),
        _ => Ok(()),
    };
    let _ = out.flush();
}

/// Says in the one line of monitoring plugins that the command was called wrongly: they show no other output.
pub fn explain_misuse(message: &str, out: &mut dyn Write) {
    let _ = plugin::failure(out, message).and_then(|()| out.flush());
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
