//! `wgstat check`.

use std::fs::{self, File};
use std::io::{self, Read as _, Write};
use std::path::Path;

use super::{Outcome, conclude, files, remark, report, scope, terminal, written};
use crate::cli::{Check, Global};
use crate::collect::Scope;
use crate::error::{Code, Error, Result};
use crate::findings::{Limit, Severity, verdict};
use crate::model::{Name, Problem, Snapshot, Threshold, printable};
use crate::render::{check, json, plugin};
use crate::sampler::{Sampler, Since};
use crate::state::{self, Past};

/// It names peers, and whoever can write to it can hide errors.
const OWNER_ONLY: u32 = 0o600;
/// A state of half a million peers is smaller.
const LIMIT: u64 = 64 * 1024 * 1024;

pub(super) fn run(options: &Check, global: &Global, out: &mut dyn Write, remarks: &mut dyn Write) -> Result<Outcome> {
    let limits = limits(options, global)?;
    let scope = Scope { tolerates_missing: true, ..scope(&options.interfaces, global) };
    let mut sampler = Sampler::open(scope)?;
    let since = since(options, &sampler.identity(), remarks)?;
    let mut diagnosis = sampler.diagnose(since, &limits)?;
    let snapshot = &mut diagnosis.sample.snapshot;
    if let Some(path) = &options.state {
        keep(path, snapshot);
    }
    note_absence(snapshot);
    let verdict = verdict(&diagnosis.sample.findings, &diagnosis.sample.snapshot.problems);
    let checked = check::Checked { report: report(&diagnosis.sample), verdict, seconds: diagnosis.seconds };
    let result = if global.json {
        json::check(out, &checked)
    } else if options.plugin {
        plugin::write(out, &checked, &limits)
    } else {
        check::write(out, &terminal::style(global.color), &checked)
    };
    match written(result.and_then(|()| out.flush())) {
        // Whoever reads the exit code need not read the text.
        Err(error) if !error.is_broken_pipe() => return Err(error),
        _ => {}
    }
    conclude(&diagnosis.sample.snapshot, global, remarks);
    Ok(Outcome::Checked(verdict))
}

fn limits(options: &Check, global: &Global) -> Result<Vec<Limit>> {
    let limits = |severity, given: &[Threshold]| -> Vec<Limit> {
        given.iter().map(|&threshold| Limit { threshold, severity }).collect()
    };
    let mut all = limits(Severity::Critical, &options.crit);
    all.append(&mut limits(Severity::Warning, &options.warn));
    for limit in &all {
        let refused = |cause: &str, hint: &str| {
            Err(Error::Config {
                subject: format!("{}={}", limit.threshold.name(), limit.threshold),
                cause: cause.to_owned(),
                hint: Some(hint.to_owned()),
            })
        };
        match limit.threshold {
            Threshold::Rate(..) if options.interval.is_zero() && options.state.is_none() => {
                return refused("a rate needs two looks", "leave --interval 0 out, or add --state FILE");
            }
            Threshold::HandshakeAge(_) | Threshold::PeersOnline(_) if global.no_peers => {
                return refused("it is about peers, which --no-peers leaves unread", "leave one of the two out");
            }
            _ => {}
        }
    }
    Ok(all)
}

/// What to compare with: the last run, if there is one of this host; else a look of our own.
fn since(options: &Check, identity: &str, remarks: &mut dyn Write) -> Result<Since> {
    let looked_now = || if options.interval.is_zero() { Since::Nothing } else { Since::Interval(options.interval) };
    let Some(path) = &options.state else { return Ok(looked_now()) };
    let shown = || printable(&path.to_string_lossy()).into_owned();
    let past = match read(path) {
        Ok(Some(text)) => state::read(&text, identity),
        Ok(None) => return Ok(looked_now()),
        Err(error) => Err(format!("cannot read: {error}")),
    };
    match past {
        Ok(Past::Look(before)) => Ok(Since::Look { before, at_least: options.interval }),
        Ok(Past::Foreign) => {
            let what = "it is of another host, namespace or start of this machine, and begins anew";
            remark(remarks, &format!("{}: {what}", shown()), None);
            Ok(looked_now())
        }
        Err(cause) => Err(Error::Config {
            subject: shown(),
            cause,
            hint: Some("give --state a file of its own; it is left as it was".to_owned()),
        }),
    }
}

/// The content of a file; `None` where there is none yet.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    // A pipe would be waited for.
    match fs::metadata(path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(io::Error::other("it is no file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut text = Vec::new();
    File::open(path)?.take(LIMIT).read_to_end(&mut text)?;
    // As `touch` or `mktemp` made it.
    Ok((!text.is_empty()).then_some(text))
}

fn keep(path: &Path, snapshot: &mut Snapshot) {
    let text = state::write(snapshot);
    if let Err(error) = files::replace(path, OWNER_ONLY, |file| file.write_all(&text)) {
        snapshot.problems.push(Problem {
            code: Code::OutputFailed,
            netns: None,
            interface: None,
            message: format!("{}: cannot write: {error}", printable(&path.to_string_lossy())),
            hint: Some(
                "the next run cannot be compared with this one: let --state name a file that can be written".to_owned(),
            ),
        });
    }
}

/// Nothing at all to look at is not a good sign.
fn note_absence(snapshot: &mut Snapshot) {
    if snapshot.networks.is_empty() && snapshot.missing.is_empty() && snapshot.problems.is_empty() {
        let module = snapshot.hints.pop();
        snapshot.problems.push(Problem {
            code: Code::InterfaceNotFound,
            netns: None,
            interface: None::<Name>,
            message: "there is no WireGuard interface".to_owned(),
            hint: Some(module.unwrap_or_else(|| "name those there should be: wgstat check wg0".to_owned())),
        });
    }
}
