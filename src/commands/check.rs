//! Runs `wgstat check`: samples twice, evaluates the rules and the limits, and exits with the status.

use std::fs::{self, File};
use std::io::{self, Read as _, Write};
use std::path::Path;

use super::output::{output_error, report, warn};
use super::{Invocation, Outcome, files};
use crate::cli::{Check, Global};
use crate::collect::Scope;
use crate::collect::netns::NetnsSelector;
use crate::error::{Error, Result};
use crate::findings::{Limit, Severity, verdict};
use crate::model::{Code, Problem, Settings, Snapshot, Threshold, printable};
use crate::render::{check, json, plugin, verbose};
use crate::sampler::{Baseline, Sampler};
use crate::state::{self, SavedState};

/// The mode of the state file. It names peers, and a user who can write to it can hide errors.
const OWNER_ONLY: u32 = 0o600;
/// Maximum size of a state file, in bytes. Half a million peers fit.
const MAX_STATE_SIZE: u64 = 64 * 1024 * 1024;

pub(super) fn run(options: &Check, mut invocation: Invocation<'_>) -> Result<Outcome> {
    let limits = limits(options, invocation.global, &invocation.settings)?;
    let mut scope = Scope { allow_missing: true, ..invocation.scope(&options.interfaces) };
    // The configured interfaces need not exist in a selected namespace.
    if scope.interfaces.is_empty() && (scope.namespaces.is_empty() || scope.namespaces.contains(&NetnsSelector::All)) {
        scope.expected = invocation.settings.networks.keys().cloned().collect();
    }
    let mut sampler = Sampler::open(scope, invocation.take_settings())?;
    let baseline = baseline(options, &sampler.host_identity(), invocation.err)?;
    let mut diagnosis = sampler.diagnose(baseline, &limits)?;
    let snapshot = &mut diagnosis.sample.snapshot;
    if let Some(path) = &options.state {
        write_state(path, snapshot, &sampler.host_identity());
    }
    report_absence(snapshot);
    let verdict = verdict(&diagnosis.sample.findings, &diagnosis.sample.snapshot.problems);
    let checked = check::Checked { report: report(&diagnosis.sample), verdict, seconds: diagnosis.seconds };
    let written = if invocation.global.json {
        json::check(invocation.out, &checked)
    } else if options.plugin {
        plugin::write(invocation.out, &checked, &limits)
    } else {
        let style = invocation.style();
        check::write(invocation.out, &style, &checked)
    };
    let written = written.map_err(output_error).and_then(|()| {
        if !invocation.global.verbose {
            if !options.plugin {
                invocation.print_name_warnings(&sampler);
            }
            return Ok(());
        }
        let (origins, access) = (sampler.name_report(&diagnosis.sample.snapshot), sampler.access_notes());
        let is_for_program = invocation.global.json || options.plugin;
        invocation.print_verbose(is_for_program, |out, style| {
            verbose::access(out, style, &access)?;
            verbose::origins(out, style, &origins)
        })
    });
    match written.and_then(|()| invocation.out.flush().map_err(output_error)) {
        // With a broken pipe the exit code still counts.
        Err(error) if !error.is_broken_pipe() => return Err(error),
        _ => {}
    }
    invocation.report_problems(&diagnosis.sample.snapshot);
    Ok(Outcome::Checked(verdict))
}

/// Returns the limits of the command line, and the configured ones that the command line does not replace.
fn limits(options: &Check, global: &Global, settings: &Settings) -> Result<Vec<Limit>> {
    let mut all = Vec::new();
    for (severity, given, configured) in
        [(Severity::Critical, &options.crit, &settings.crit), (Severity::Warning, &options.warn, &settings.warn)]
    {
        for threshold in given {
            if let Some((cause, hint)) = exclusion(threshold, options, global) {
                return Err(Error::Config {
                    subject: format!("{}={threshold}", threshold.name()),
                    cause: cause.to_owned(),
                    hint: Some(hint.to_owned()),
                });
            }
        }
        // The configuration is for every run, so a limit that the options of this run exclude is not an error.
        let configured = configured.iter().filter(|limit| {
            let is_replaced = given.iter().any(|given| given.name() == limit.name());
            !is_replaced && exclusion(limit, options, global).is_none()
        });
        all.extend(given.iter().chain(configured).map(|&threshold| Limit { threshold, severity }));
    }
    Ok(all)
}

/// Returns why this run cannot evaluate a limit, with a hint; `None` if it can.
fn exclusion(limit: &Threshold, options: &Check, global: &Global) -> Option<(&'static str, &'static str)> {
    match limit {
        Threshold::Rate(..) if options.interval.is_zero() && options.state.is_none() => {
            Some(("a rate needs two samples", "remove --interval 0, or add --state FILE"))
        }
        Threshold::HandshakeAge(_) | Threshold::PeersOnline(_) if global.no_peers => {
            Some(("it needs peers, but --no-peers skips them", "remove one of the two options"))
        }
        _ => None,
    }
}

/// Returns what to compare with: the last run if its state is from this host, else a first sample of this run.
fn baseline(options: &Check, identity: &str, err: &mut dyn Write) -> Result<Baseline> {
    let from_this_run =
        || if options.interval.is_zero() { Baseline::None } else { Baseline::Interval(options.interval) };
    let Some(path) = &options.state else { return Ok(from_this_run()) };
    let name = || printable(&path.to_string_lossy()).into_owned();
    let past = match read(path) {
        Ok(Some(text)) => state::read(&text, identity),
        Ok(None) => return Ok(from_this_run()),
        Err(error) => Err(format!("cannot read: {error}")),
    };
    match past {
        Ok(SavedState::SameHost(before)) => Ok(Baseline::Saved { before, at_least: options.interval }),
        Ok(SavedState::OtherHost) => {
            let cause = "the state is from another host, network namespace or boot; starting over";
            warn(err, &format!("{}: {cause}", name()), None);
            Ok(from_this_run())
        }
        Err(cause) => Err(Error::Config {
            subject: name(),
            cause,
            hint: Some("use a separate file for --state; this one was not changed".to_owned()),
        }),
    }
}

/// Reads the state file; `None` if it does not exist or is empty.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    // Reading a pipe would block.
    match fs::metadata(path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(io::Error::other("not a regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut text = Vec::new();
    File::open(path)?.take(MAX_STATE_SIZE).read_to_end(&mut text)?;
    // `touch` and `mktemp` create empty files.
    Ok((!text.is_empty()).then_some(text))
}

/// Writes the state file. A failure becomes a problem.
fn write_state(path: &Path, snapshot: &mut Snapshot, identity: &str) {
    let text = state::write(snapshot, identity);
    if let Err(error) = files::replace(path, OWNER_ONLY, |file| file.write_all(&text)) {
        let message = format!("{}: cannot write: {error}", printable(&path.to_string_lossy()));
        let hint = "the next run has nothing to compare with: choose a writable file for --state";
        snapshot.problems.push(Problem::new(Code::OutputFailed, message).hint(hint));
    }
}

/// Adds a problem if there is no WireGuard interface at all.
fn report_absence(snapshot: &mut Snapshot) {
    if snapshot.networks.is_empty() && snapshot.missing.is_empty() && snapshot.problems.is_empty() {
        let module = snapshot.hints.pop();
        let hint = module.unwrap_or_else(|| "name the interfaces that should exist: wgstat check wg0".to_owned());
        snapshot.problems.push(Problem::new(Code::InterfaceNotFound, "no WireGuard interface found").hint(hint));
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    /// Returns the limits of `wgstat check WORDS` with a configuration, critical ones first.
    fn merged(words: &str) -> Result<String> {
        let limits_of = |texts: &[&str]| texts.iter().map(|text| Threshold::parse(text).unwrap()).collect();
        let settings = Settings {
            warn: limits_of(&["rx_errors=0/s", "handshake_age=5m", "tx_errors=7"]),
            crit: limits_of(&["rx_errors=9", "peers_online=1"]),
            ..Settings::default()
        };
        let cli = Cli::parse_from(["wgstat", "check"].into_iter().chain(words.split_whitespace()));
        let Some(Command::Check(command)) = &cli.command else { panic!("it is check") };
        let limits = limits(&command.options, &cli.global(), &settings)?;
        let text =
            |limit: &Limit| format!("{} {}={}", limit.severity.as_str(), limit.threshold.name(), limit.threshold);
        Ok(limits.iter().map(text).collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn option_replaces_the_configured_limits_of_its_counter_and_severity() {
        for (words, expected) in [
            (
                "",
                "critical rx_errors=9, critical peers_online=1, warning rx_errors=0/s, warning handshake_age=5m, \
                 warning tx_errors=7",
            ),
            (
                "--warn rx_errors=5 --warn rx_errors=1/min --crit peers_online=4",
                "critical peers_online=4, critical rx_errors=9, warning rx_errors=5, warning rx_errors=1/min, \
                 warning handshake_age=5m, warning tx_errors=7",
            ),
            ("--no-peers", "critical rx_errors=9, warning rx_errors=0/s, warning tx_errors=7"),
            (
                "--interval 0",
                "critical rx_errors=9, critical peers_online=1, warning handshake_age=5m, warning tx_errors=7",
            ),
            ("--interval 0 --state x --no-peers", "critical rx_errors=9, warning rx_errors=0/s, warning tx_errors=7"),
        ] {
            assert_eq!(merged(words).unwrap(), expected, "{words}");
        }
    }

    #[test]
    fn option_that_cannot_be_evaluated_is_an_error() {
        for words in ["--interval 0 --warn rx_errors=0/s", "--no-peers --crit peers_online=1"] {
            assert_eq!(merged(words).unwrap_err().code(), Code::ConfigInvalid, "{words}");
        }
    }
}
