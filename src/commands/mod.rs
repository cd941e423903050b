//! Runs the subcommands, one file each: resolve the options, take a sample, call a renderer.

mod check;
mod export_metrics;
mod files;
mod generate;
mod output;
mod serve;
mod stats;
mod status;
mod terminal;
mod watch;

use std::ffi::OsString;
use std::io::Write;
use std::mem;

pub use self::output::{print_error, print_plugin_usage_error};
use crate::cli::{Cli, Command, Global, Status};
use crate::collect::Scope;
use crate::collect::netns::NetnsSelector;
use crate::config;
use crate::error::Result;
use crate::findings::Verdict;
use crate::model::{Pattern, Settings};

/// Says how a command ended that printed its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The command is done: exit code 0.
    Done,
    /// `--strict`, and something could not be read: exit code 1.
    Incomplete,
    /// `check` returned this verdict.
    Checked(Verdict),
}

impl Outcome {
    /// Returns the exit code.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Incomplete => 1,
            Self::Checked(verdict) => verdict.exit_code(),
        }
    }
}

/// Returns the exit code of a command that failed.
#[must_use]
pub fn exit_code_of_failure(is_check: bool, is_usage_error: bool) -> u8 {
    match (is_check, is_usage_error) {
        // Monitoring systems read 1 and 2 as warning and critical.
        (true, _) => Verdict::Unknown.exit_code(),
        (false, true) => 2,
        (false, false) => 1,
    }
}

/// Holds what a command gets in addition to its own options.
struct Invocation<'a> {
    global: &'a Global,
    /// The configuration; [`Invocation::take_settings`] leaves the default.
    settings: Settings,
    /// Receives the result.
    out: &'a mut dyn Write,
    /// Receives errors, warnings and hints.
    err: &'a mut dyn Write,
}

impl Invocation<'_> {
    /// Returns the scope of a command: the named interfaces, or all if none is named.
    fn scope(&self, interfaces: &[OsString]) -> Scope {
        Scope {
            interfaces: interfaces.iter().map(|name| Pattern::from(name.as_os_str())).collect(),
            exclude: self.global.exclude.iter().map(|name| Pattern::from(name.as_os_str())).collect(),
            namespaces: self.global.netns.iter().map(|netns| NetnsSelector::from(netns.as_os_str())).collect(),
            without_peers: self.global.no_peers,
            ..Scope::default()
        }
    }

    /// Returns the settings, which the sampler owns from then on.
    fn take_settings(&mut self) -> Settings {
        mem::take(&mut self.settings)
    }
}

/// Runs the command: writes the result to `out`, and errors, warnings and hints to `err`.
///
/// # Errors
/// Returns an error if the command has no result, or the result cannot be written.
pub fn run(cli: &Cli, out: &mut dyn Write, err: &mut dyn Write) -> Result<Outcome> {
    let global = &cli.global();
    // Generated files are the same on every host.
    let is_configured = !matches!(cli.command, Some(Command::Generate(_)));
    let settings = if is_configured { config::load(global.config.as_deref())? } else { Settings::default() };
    let invocation = Invocation { global, settings, out, err };
    match &cli.command {
        None => status::run(&Status::default(), invocation),
        Some(Command::Status(command)) => status::run(&command.options, invocation),
        Some(Command::Stats(command)) => stats::run(&command.options, invocation),
        Some(Command::Watch(command)) => watch::run(&command.options, invocation),
        Some(Command::Check(command)) => check::run(&command.options, invocation),
        Some(Command::ExportMetrics(command)) => export_metrics::run(&command.options, invocation),
        Some(Command::Serve(command)) => serve::run(&command.options, invocation),
        Some(Command::Generate(command)) => generate::run(&command.options, invocation),
    }
}
