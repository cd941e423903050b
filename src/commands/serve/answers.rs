//! What can be asked for, and its bytes: one look for all that was asked at a time.

use std::io::{self, Write};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::commands::output;
use crate::error::{Error, Result};
use crate::findings::Finding;
use crate::history::counters::SeriesKey;
use crate::http::{Metrics, Reply};
use crate::model::{Name, Network, Problem, Snapshot};
use crate::render::json::{self, Health};
use crate::render::{Endpoints, Report, prometheus};
use crate::sampler::{OnDemandSampler, Sample};

/// What is asked for, and in what form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) what: What,
    pub(super) gzip: bool,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// `/api/status`.
    Status(Endpoints),
    /// `/api/networks/NAME`, in this namespace if one is given.
    Network { name: String, netns: Option<String>, endpoints: Endpoints },
    /// `/api/history`: of an interface, or the sum of all.
    ThroughputHistory { interface: Option<String>, netns: Option<String>, endpoints: Endpoints },
    /// `/metrics`.
    Metrics,
    /// `/health`.
    Health,
}

impl What {
    const fn needs_look(&self) -> bool {
        !matches!(self, Self::ThroughputHistory { .. })
    }

    const fn needs_rates(&self) -> bool {
        matches!(self, Self::Status(_) | Self::Network { .. })
    }
}

/// How metrics are written.
pub(super) struct Rendering {
    pub(super) metrics: prometheus::Options,
    /// The listener's own.
    pub(super) own: Metrics,
}

/// Prometheus' text format; its collectors read no other.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// One answer for each thing wanted, in the same order, all from one look.
pub(super) fn answers(
    live: &mut OnDemandSampler,
    wanted: &[Wanted],
    rendering: &Rendering,
    uptime: Duration,
) -> Vec<Reply> {
    let is_any = |of: fn(&What) -> bool| wanted.iter().any(|wanted| of(&wanted.what));
    let look = is_any(What::needs_look).then(|| live.look(is_any(What::needs_rates)));
    let answer = |wanted: &Wanted| {
        let made = match (&wanted.what, &look) {
            (What::ThroughputHistory { interface, netns, endpoints }, _) => {
                history(live, interface.as_deref(), netns.as_deref(), *endpoints)
            }
            (What::Health, Some(Err(_)) | None) => {
                Ok(written(503, |out| json::health(out, Health::Failed, uptime.as_secs())))
            }
            (_, Some(Err(error))) => Ok(refused(503, error)),
            (_, None) => Ok(Reply::error(503, "BUSY", "nothing was read")),
            (What::Health, Some(Ok(sample))) => {
                let health = Health::of(&report(sample, Endpoints::Hidden));
                Ok(written(200, |out| json::health(out, health, uptime.as_secs())))
            }
            (What::Status(endpoints), Some(Ok(sample))) => {
                Ok(written(200, |out| json::status(out, &report(sample, *endpoints))))
            }
            (What::Network { name, netns, endpoints }, Some(Ok(sample))) => {
                network(sample, name, netns.as_deref(), *endpoints)
            }
            (What::Metrics, Some(Ok(sample))) => Ok(exposition(sample, rendering)),
        };
        let made = made.unwrap_or_else(|error| refused(404, &error));
        if wanted.gzip { made.compressed(gzip) } else { made }
    };
    wanted.iter().map(answer).collect()
}

fn report(sample: &Sample, endpoints: Endpoints) -> Report<'_> {
    Report { endpoints, ..output::report(sample) }
}

/// A JSON document as an answer.
fn written(status: u16, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Reply {
    let mut bytes = Vec::new();
    // Writing to memory fails only where what is written is no JSON.
    match write(&mut bytes) {
        Ok(()) => Reply::json(status, bytes),
        Err(error) => Reply::error(500, "INTERNAL_ERROR", &error.to_string()),
    }
}

fn refused(status: u16, error: &Error) -> Reply {
    written(status, |out| json::error(out, error))
}

fn exposition(sample: &Sample, rendering: &Rendering) -> Reply {
    // It holds what a small network has; a larger one's grows as it needs.
    let mut bytes = Vec::with_capacity(64 * 1024);
    let report = report(sample, Endpoints::Hidden);
    // Writing to memory cannot fail.
    let _ = prometheus::write(&mut bytes, &report, &rendering.metrics);
    rendering.own.write(&mut bytes);
    Reply::new(EXPOSITION, bytes)
}

/// The status document with one network, as `stats` has it.
fn network(sample: &Sample, name: &str, netns: Option<&str>, endpoints: Endpoints) -> Result<Reply> {
    let Sample { snapshot, rates, findings } = sample;
    let is_in = |network: &Network| netns.is_none_or(|netns| network.netns.as_deref() == Some(netns));
    let by = |is_named: &dyn Fn(&Network) -> bool| {
        snapshot.networks.iter().position(|network| is_in(network) && is_named(network))
    };
    // An interface's own name before what somebody calls another.
    let place = by(&|network| network.interface.text() == name).or_else(|| by(&|network| network.label() == name));
    let Some((place, network)) = place.and_then(|place| Some((place, snapshot.networks.get(place)?))) else {
        return Err(not_found(name, &snapshot.networks));
    };
    let is_of_it = |problem: &&Problem| {
        problem.interface.as_ref().is_none_or(|interface| *interface == network.interface)
            && (problem.netns.is_none() || problem.netns == network.netns)
    };
    let one = Sample {
        snapshot: Snapshot {
            timestamp: snapshot.timestamp,
            networks: vec![network.clone()],
            problems: snapshot.problems.iter().filter(is_of_it).cloned().collect(),
            ..Snapshot::default()
        },
        rates: rates.get(place).cloned().into_iter().collect(),
        findings: about(findings, network),
    };
    Ok(written(200, |out| json::status(out, &report(&one, endpoints))))
}

fn about(findings: &[Finding], network: &Network) -> Vec<Finding> {
    findings.iter().filter(|finding| finding.concerns(network)).cloned().collect()
}

fn not_found(name: &str, networks: &[Network]) -> Error {
    let have = networks.iter().map(|network| network.interface.clone()).collect();
    Error::InterfaceNotFound { name: Name::from(name), have }
}

/// What the samples in the background brought.
fn history(
    live: &OnDemandSampler,
    interface: Option<&str>,
    netns: Option<&str>,
    endpoints: Endpoints,
) -> Result<Reply> {
    let none = Sample { snapshot: Snapshot::default(), rates: Vec::new(), findings: Vec::new() };
    let sample = live.last().unwrap_or(&none);
    let networks = &sample.snapshot.networks;
    let subject: &SeriesKey = match interface {
        Some(name) => live.counters().find(name, netns).ok_or_else(|| not_found(name, networks))?,
        None => &None,
    };
    let is_of_it = |finding: &&Finding| {
        let of = subject.as_ref();
        of.is_none_or(|(netns, interface)| finding.netns == *netns && finding.interface == *interface)
    };
    let findings: Vec<Finding> = sample.findings.iter().filter(is_of_it).cloned().collect();
    let report = Report { findings: &findings, ..report(sample, endpoints) };
    let points = live.counters().samples(subject).into_iter().flatten();
    Ok(written(200, |out| json::history(out, &report, subject, points)))
}

/// The fastest level: a scrape is read once.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    // Writing to memory cannot fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}
