//! What the listener counts of itself, in the client library of Prometheus: it is this process's own.

use std::sync::Arc;

use hyper::StatusCode;
use prometheus::core::Metric as _;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts};

/// The listener's own metrics. Copies count into the same.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// In the order of [`CODES`].
    requests: Arc<[Line]>,
    duration: Histogram,
    /// What the lines of its buckets begin with, in the order of [`BUCKETS`], and the last for all.
    buckets: Arc<[String]>,
    /// In the order of [`REFUSALS`].
    refused: Arc<[Line]>,
    connections: IntGauge,
}

/// A counter, and what its line begins with: it is written at every scrape.
#[derive(Debug)]
struct Line {
    start: String,
    counter: IntCounter,
}

/// Why something was refused, or a connection ended: the values of the label `reason`, in the order of [`REFUSALS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Connections,
    Descriptors,
    Head,
    Method,
    Host,
    Body,
    Credentials,
    Busy,
    HeadTime,
    IdleTime,
    TakeTime,
    Tls,
}

/// Every reason with what it stands for, for the manual.
pub const REFUSALS: [(&str, &str); 12] = [
    ("connections", "There was no room for another connection."),
    ("descriptors", "There was no descriptor for another connection."),
    ("head", "A head was too large, or none of HTTP/1."),
    ("method", "It was neither GET nor HEAD."),
    ("host", "It was for another host, or for none."),
    ("body", "It had a body, or promised one."),
    ("credentials", "A password was wrong, or there was none."),
    ("busy", "Too many passwords waited to be compared, or an answer took too long to make."),
    ("head_time", "A head, or a TLS handshake, was not there in time."),
    ("idle_time", "A connection was idle for too long."),
    ("take_time", "An answer was not taken in time."),
    ("tls", "A TLS handshake failed."),
];

/// Every status that is ever answered.
const CODES: [&str; 9] = ["200", "400", "401", "403", "404", "405", "413", "500", "503"];

/// Seconds, and the same as text; a look at one small network takes less than a thousandth, a daemon that hangs two.
const BUCKETS: [(f64, &str); 7] =
    [(0.001, "0.001"), (0.005, "0.005"), (0.025, "0.025"), (0.1, "0.1"), (0.5, "0.5"), (2.5, "2.5"), (10.0, "10")];

const REQUESTS: (&str, &str) = ("wgstat_http_requests_total", "Requests answered, by status code.");
const DURATION: (&str, &str) =
    ("wgstat_http_request_duration_seconds", "From the end of a request's head to its answer being ready to send.");
const BUCKET: &str = "wgstat_http_request_duration_seconds_bucket";
const REFUSED: (&str, &str) =
    ("wgstat_http_refused_total", "Requests refused and connections ended, by the limit or the check that did it.");
const CONNECTIONS: (&str, &str) = ("wgstat_http_connections", "Connections that are open.");

impl Metrics {
    /// All at 0.
    ///
    /// # Errors
    /// Where the library refuses a name: never, for they do not change.
    pub fn new() -> prometheus::Result<Self> {
        // A series that is born at 5 hides its increase.
        let lines = |(name, help): (&str, &str), label: &str, values: &[&str]| -> prometheus::Result<Arc<[Line]>> {
            let counters = IntCounterVec::new(Opts::new(name, help), &[label])?;
            let line =
                |value: &&str| Line { start: start(name, label, value), counter: counters.with_label_values(&[value]) };
            Ok(values.iter().map(line).collect())
        };
        let bounds = BUCKETS.iter().map(|(_, bound)| *bound).chain(["+Inf"]);
        Ok(Self {
            requests: lines(REQUESTS, "code", &CODES)?,
            duration: {
                let buckets = BUCKETS.iter().map(|(bound, _)| *bound).collect();
                Histogram::with_opts(HistogramOpts::new(DURATION.0, DURATION.1).buckets(buckets))?
            },
            buckets: bounds.map(|bound| start(BUCKET, "le", bound)).collect(),
            refused: lines(REFUSED, "reason", &REFUSALS.map(|(reason, _)| reason))?,
            connections: IntGauge::new(CONNECTIONS.0, CONNECTIONS.1)?,
        })
    }

    pub(super) fn refuse(&self, refusal: Refusal) {
        if let Some(line) = self.refused.get(refusal as usize) {
            line.counter.inc();
        }
    }

    pub(super) fn answered(&self, status: StatusCode, seconds: f64) {
        self.duration.observe(seconds);
        let place = CODES.iter().position(|code| *code == status.as_str());
        debug_assert!(place.is_some(), "{status}");
        if let Some(line) = place.and_then(|place| self.requests.get(place)) {
            line.counter.inc();
        }
    }

    pub(super) fn open(&self, connections: usize) {
        self.connections.set(i64::try_from(connections).unwrap_or(i64::MAX));
    }

    /// Appends them in Prometheus' text format. By hand: through the library's encoder they would cost as much as all the
    /// rest of a scrape of a small network.
    pub fn write(&self, out: &mut Vec<u8>) {
        head(out, CONNECTIONS, "gauge");
        let connections = u64::try_from(self.connections.get()).unwrap_or(0);
        append(out, &[CONNECTIONS.0, " ", itoa::Buffer::new().format(connections), "\n"]);
        for (family, lines) in [(REFUSED, &self.refused), (REQUESTS, &self.requests)] {
            head(out, family, "counter");
            for Line { start, counter } in lines.iter() {
                append(out, &[start, itoa::Buffer::new().format(counter.get()), "\n"]);
            }
        }
        head(out, DURATION, "histogram");
        let metric = self.duration.metric();
        let histogram = metric.get_histogram();
        let (count, sum) = (histogram.get_sample_count(), histogram.get_sample_sum());
        let counts = histogram.get_bucket().iter().map(prometheus::proto::Bucket::cumulative_count).chain([count]);
        for (start, count) in self.buckets.iter().zip(counts) {
            append(out, &[start, itoa::Buffer::new().format(count), "\n"]);
        }
        append(out, &[&format!("{0}_sum {sum}\n{0}_count {count}\n", DURATION.0)]);
    }
}

/// What a line begins with: all but its number.
fn start(name: &str, label: &str, value: &str) -> String {
    format!("{name}{{{label}=\"{value}\"}} ")
}

fn head(out: &mut Vec<u8>, (name, help): (&str, &str), kind: &str) {
    append(out, &["# HELP ", name, " ", help, "\n# TYPE ", name, " ", kind, "\n"]);
}

fn append(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The library's own encoder is the oracle.
    #[test]
    fn text_is_what_the_library_would_write() {
        use prometheus::{Encoder as _, Registry, TextEncoder};
        let metrics = Metrics::new().unwrap();
        metrics.open(7);
        for (status, seconds) in [(200, 0.0002), (200, 0.004), (200, 99.0), (404, 0.5), (503, 0.1)] {
            metrics.answered(StatusCode::from_u16(status).unwrap(), seconds);
        }
        metrics.refuse(Refusal::Host);
        let registry = Registry::new();
        let requests = IntCounterVec::new(Opts::new(REQUESTS.0, REQUESTS.1), &["code"]).unwrap();
        for (code, line) in CODES.iter().zip(metrics.requests.iter()) {
            requests.with_label_values(&[code]).inc_by(line.counter.get());
        }
        registry.register(Box::new(requests)).unwrap();
        registry.register(Box::new(metrics.duration.clone())).unwrap();
        let refused = IntCounterVec::new(Opts::new(REFUSED.0, REFUSED.1), &["reason"]).unwrap();
        for ((reason, _), line) in REFUSALS.iter().zip(metrics.refused.iter()) {
            refused.with_label_values(&[reason]).inc_by(line.counter.get());
        }
        registry.register(Box::new(refused)).unwrap();
        registry.register(Box::new(metrics.connections.clone())).unwrap();
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        metrics.write(&mut ours);
        TextEncoder::new().encode(&registry.gather(), &mut theirs).unwrap();
        let sorted = |bytes: Vec<u8>| {
            let mut lines: Vec<String> = String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(ours), sorted(theirs));
    }

    #[test]
    fn every_refusal_counts_under_its_name() {
        let metrics = Metrics::new().unwrap();
        let count = |refusal, reason: &str| {
            metrics.refuse(refusal);
            let place = REFUSALS.iter().position(|(name, _)| *name == reason).unwrap();
            metrics.refused[place].counter.get()
        };
        assert_eq!(count(Refusal::Connections, "connections"), 1);
        assert_eq!(count(Refusal::Descriptors, "descriptors"), 1);
        assert_eq!(count(Refusal::Head, "head"), 1);
        assert_eq!(count(Refusal::Method, "method"), 1);
        assert_eq!(count(Refusal::Host, "host"), 1);
        assert_eq!(count(Refusal::Body, "body"), 1);
        assert_eq!(count(Refusal::Credentials, "credentials"), 1);
        assert_eq!(count(Refusal::Busy, "busy"), 1);
        assert_eq!(count(Refusal::HeadTime, "head_time"), 1);
        assert_eq!(count(Refusal::IdleTime, "idle_time"), 1);
        assert_eq!(count(Refusal::TakeTime, "take_time"), 1);
        assert_eq!(count(Refusal::Tls, "tls"), 1);
    }
}
