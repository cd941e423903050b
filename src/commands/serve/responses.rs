//! Renders the responses. All queries of one batch share one sample.

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

/// Holds what a client requests, and the encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) resource: Resource,
    pub(super) gzip: bool,
}

/// Names a resource that the worker renders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Resource {
    /// `/api/status`.
    Status(Endpoints),
    /// `/api/networks/NAME`, optionally in one namespace.
    Network { name: String, netns: Option<String>, endpoints: Endpoints },
    /// `/api/history` of one interface, or of the sum of all.
    ThroughputHistory { interface: Option<String>, netns: Option<String>, endpoints: Endpoints },
    /// `/metrics`.
    Metrics,
    /// `/health`.
    Health,
}

impl Resource {
    /// Returns whether the resource needs a new sample.
    const fn needs_sample(&self) -> bool {
        !matches!(self, Self::ThroughputHistory { .. })
    }

    /// Returns whether the resource contains rates.
    const fn needs_rates(&self) -> bool {
        matches!(self, Self::Status(_) | Self::Network { .. })
    }
}

/// Holds the settings of `/metrics`.
pub(super) struct RenderOptions {
    pub(super) metrics: prometheus::Options,
    /// The server's own metrics.
    pub(super) server_metrics: Metrics,
}

/// Media type of Prometheus' text format 0.0.4.
const METRICS_MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Returns one reply per query, in the same order, all from one sample.
pub(super) fn respond(
    sampler: &mut OnDemandSampler,
    queries: &[Query],
    options: &RenderOptions,
    uptime: Duration,
) -> Vec<Reply> {
    let any = |predicate: fn(&Resource) -> bool| queries.iter().any(|query| predicate(&query.resource));
    let sample = any(Resource::needs_sample).then(|| sampler.sample(any(Resource::needs_rates)));
    let reply = |query: &Query| {
        let result = match (&query.resource, &sample) {
            (Resource::ThroughputHistory { interface, netns, endpoints }, _) => {
                history_reply(sampler, interface.as_deref(), netns.as_deref(), *endpoints)
            }
            (Resource::Health, Some(Err(_)) | None) => {
                Ok(json_reply(503, |out| json::health(out, Health::Failed, uptime.as_secs())))
            }
            (_, Some(Err(error))) => Ok(error_reply(503, error)),
            (_, None) => Ok(Reply::error(503, "BUSY", "no sample available")),
            (Resource::Health, Some(Ok(sample))) => {
                let health = Health::of(&report(sample, Endpoints::Hidden));
                Ok(json_reply(200, |out| json::health(out, health, uptime.as_secs())))
            }
            (Resource::Status(endpoints), Some(Ok(sample))) => {
                Ok(json_reply(200, |out| json::status(out, &report(sample, *endpoints))))
            }
            (Resource::Network { name, netns, endpoints }, Some(Ok(sample))) => {
                network_reply(sample, name, netns.as_deref(), *endpoints)
            }
            (Resource::Metrics, Some(Ok(sample))) => Ok(metrics_reply(sample, options)),
        };
        let reply = result.unwrap_or_else(|error| error_reply(404, &error));
        if query.gzip { reply.compressed(gzip) } else { reply }
    };
    queries.iter().map(reply).collect()
}

/// Returns the report of a sample, with or without endpoints.
fn report(sample: &Sample, endpoints: Endpoints) -> Report<'_> {
    Report { endpoints, ..output::report(sample) }
}

/// Returns a reply with the JSON document that `write` writes.
fn json_reply(status: u16, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Reply {
    let mut bytes = Vec::new();
    // Writing to memory cannot fail, but serialization can.
    match write(&mut bytes) {
        Ok(()) => Reply::json(status, bytes),
        Err(error) => Reply::error(500, "INTERNAL_ERROR", &error.to_string()),
    }
}

/// Returns a reply with the JSON document of an error.
fn error_reply(status: u16, error: &Error) -> Reply {
    json_reply(status, |out| json::error(out, error))
}

/// Returns the reply for `/metrics`.
fn metrics_reply(sample: &Sample, options: &RenderOptions) -> Reply {
    // Fits the metrics of a small network without reallocation.
    let mut bytes = Vec::with_capacity(64 * 1024);
    let report = report(sample, Endpoints::Hidden);
    // Writing to memory cannot fail.
    let _ = prometheus::write(&mut bytes, &report, &options.metrics);
    options.server_metrics.write(&mut bytes);
    Reply::new(METRICS_MEDIA_TYPE, bytes)
}

/// Returns the status document of one network, as `wgstat stats --json` prints it.
fn network_reply(sample: &Sample, name: &str, netns: Option<&str>, endpoints: Endpoints) -> Result<Reply> {
    let Sample { snapshot, rates, findings } = sample;
    let in_netns = |network: &Network| netns.is_none_or(|netns| network.netns.as_deref() == Some(netns));
    let find = |has_name: &dyn Fn(&Network) -> bool| {
        snapshot.networks.iter().position(|network| in_netns(network) && has_name(network))
    };
    // An interface name takes precedence over a friendly name.
    let index = find(&|network| network.interface.text() == name).or_else(|| find(&|network| network.label() == name));
    let Some((index, network)) = index.and_then(|index| Some((index, snapshot.networks.get(index)?))) else {
        return Err(not_found(name, &snapshot.networks));
    };
    let concerns_it = |problem: &&Problem| {
        problem.interface.as_ref().is_none_or(|interface| *interface == network.interface)
            && (problem.netns.is_none() || problem.netns == network.netns)
    };
    let one = Sample {
        snapshot: Snapshot {
            timestamp: snapshot.timestamp,
            networks: vec![network.clone()],
            problems: snapshot.problems.iter().filter(concerns_it).cloned().collect(),
            ..Snapshot::default()
        },
        rates: rates.get(index).cloned().into_iter().collect(),
        findings: findings.iter().filter(|finding| finding.concerns(network)).cloned().collect(),
    };
    Ok(json_reply(200, |out| json::status(out, &report(&one, endpoints))))
}

/// Returns the error for an unknown interface, with the names of the known ones.
fn not_found(name: &str, networks: &[Network]) -> Error {
    let have = networks.iter().map(|network| network.interface.clone()).collect();
    Error::InterfaceNotFound { name: Name::from(name), have }
}

/// Returns the history that the background samples have filled.
fn history_reply(
    sampler: &OnDemandSampler,
    interface: Option<&str>,
    netns: Option<&str>,
    endpoints: Endpoints,
) -> Result<Reply> {
    let empty = Sample { snapshot: Snapshot::default(), rates: Vec::new(), findings: Vec::new() };
    let sample = sampler.last().unwrap_or(&empty);
    let networks = &sample.snapshot.networks;
    let key: &SeriesKey = match interface {
        Some(name) => sampler.counters().find(name, netns).ok_or_else(|| not_found(name, networks))?,
        None => &None,
    };
    let concerns_it = |finding: &&Finding| {
        let key = key.as_ref();
        key.is_none_or(|(netns, interface)| finding.netns == *netns && finding.interface == *interface)
    };
    let findings: Vec<Finding> = sample.findings.iter().filter(concerns_it).cloned().collect();
    let report = Report { findings: &findings, ..report(sample, endpoints) };
    let points = sampler.counters().samples(key).into_iter().flatten();
    Ok(json_reply(200, |out| json::history(out, &report, key, points)))
}

/// Compresses at the fastest level, because each response is read once.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    // Writing to memory cannot fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}
