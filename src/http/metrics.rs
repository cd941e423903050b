//! Counts requests, refusals and connections of the server itself, with the Prometheus client library.

use std::sync::Arc;

use hyper::StatusCode;
use prometheus::core::Metric as _;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts};

/// Holds the server's own metrics. Clones share the counters.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Responses by status code, in the order of [`CODES`].
    requests: Arc<[Series]>,
    duration: Histogram,
    /// Line prefixes of the histogram's buckets, in the order of [`BUCKETS`], then `+Inf`.
    bucket_prefixes: Arc<[String]>,
    /// Refusals by reason, in the order of [`REFUSAL_REASONS`].
    refused: Arc<[Series]>,
    connections: IntGauge,
}

/// Holds one counter.
#[derive(Debug)]
struct Series {
    /// Line up to the value, prepared because every scrape writes it.
    prefix: String,
    counter: IntCounter,
}

/// Says why a request was refused or a connection closed: the label `reason`, in the order of [`REFUSAL_REASONS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Connections,
    Descriptors,
    Header,
    Method,
    Host,
    Body,
    Credentials,
    Busy,
    HeaderTimeout,
    IdleTimeout,
    WriteTimeout,
    Tls,
}

/// Lists every reason with its meaning, for the manual.
pub const REFUSAL_REASONS: [(&str, &str); 12] = [
    ("connections", "The maximum number of concurrent connections was reached."),
    ("descriptors", "No file descriptor was free for another connection."),
    ("header", "The request header was too large, or was not valid HTTP/1."),
    ("method", "The method was neither GET nor HEAD."),
    ("host", "The Host header was missing, repeated or not allowed."),
    ("body", "The request had a body, or announced one."),
    ("credentials", "The user name or password was missing or wrong."),
    ("busy", "Too many logins were pending, or the reply took too long."),
    ("header_timeout", "The client did not send the request header, or finish the TLS handshake, in time."),
    ("idle_timeout", "The connection was idle for too long."),
    ("write_timeout", "The client did not read the response in time."),
    ("tls", "The TLS handshake failed."),
];

/// Every status code that the server sends.
const CODES: [&str; 9] = ["200", "400", "401", "403", "404", "405", "413", "500", "503"];

/// Upper bounds of the buckets in seconds, as number and as text. Collecting a small network takes less than 1 ms; a daemon
/// that hangs takes 2 s.
const BUCKETS: [(f64, &str); 7] =
    [(0.001, "0.001"), (0.005, "0.005"), (0.025, "0.025"), (0.1, "0.1"), (0.5, "0.5"), (2.5, "2.5"), (10.0, "10")];

const REQUESTS: (&str, &str) = ("wgstat_http_requests_total", "Responses sent, by status code.");
const DURATION: (&str, &str) =
    ("wgstat_http_request_duration_seconds", "Time from receiving a request header to having the response ready.");
const BUCKET: &str = "wgstat_http_request_duration_seconds_bucket";
const REFUSED: (&str, &str) = ("wgstat_http_refused_total", "Requests refused and connections closed, by reason.");
const CONNECTIONS: (&str, &str) = ("wgstat_http_connections", "Number of open connections.");

impl Metrics {
    /// Returns metrics that are all 0.
    ///
    /// # Errors
    /// Returns an error if the library rejects a name. This does not happen: the names are constant.
    pub fn new() -> prometheus::Result<Self> {
        // Every series exists from the start: rate() misses the increase of one that appears at 5.
        let all_series =
            |(name, help): (&str, &str), label: &str, values: &[&str]| -> prometheus::Result<Arc<[Series]>> {
                let counters = IntCounterVec::new(Opts::new(name, help), &[label])?;
                let series = |value: &&str| Series {
                    prefix: line_prefix(name, label, value),
                    counter: counters.with_label_values(&[value]),
                };
                Ok(values.iter().map(series).collect())
            };
        let bounds = BUCKETS.iter().map(|(_, bound)| *bound).chain(["+Inf"]);
        Ok(Self {
            requests: all_series(REQUESTS, "code", &CODES)?,
            duration: {
                let buckets = BUCKETS.iter().map(|(bound, _)| *bound).collect();
                Histogram::with_opts(HistogramOpts::new(DURATION.0, DURATION.1).buckets(buckets))?
            },
            bucket_prefixes: bounds.map(|bound| line_prefix(BUCKET, "le", bound)).collect(),
            refused: all_series(REFUSED, "reason", &REFUSAL_REASONS.map(|(reason, _)| reason))?,
            connections: IntGauge::new(CONNECTIONS.0, CONNECTIONS.1)?,
        })
    }

    /// Counts a refused request or a closed connection.
    pub(super) fn count_refusal(&self, refusal: Refusal) {
        if let Some(series) = self.refused.get(refusal as usize) {
            series.counter.inc();
        }
    }

    /// Counts a response, and the seconds that it took.
    pub(super) fn count_response(&self, status: StatusCode, seconds: f64) {
        self.duration.observe(seconds);
        let index = CODES.iter().position(|code| *code == status.as_str());
        debug_assert!(index.is_some(), "{status}");
        if let Some(series) = index.and_then(|index| self.requests.get(index)) {
            series.counter.inc();
        }
    }

    /// Sets the number of open connections.
    pub(super) fn set_connections(&self, connections: usize) {
        self.connections.set(i64::try_from(connections).unwrap_or(i64::MAX));
    }

    /// Appends the metrics in Prometheus' text format.
    ///
    /// It does not use the library's `TextEncoder`: that takes 89,000 instructions for these families, this function 6,200
    /// (`valgrind --tool=callgrind`). The budget of a whole scrape of a small network is 190,000 (docs/performance.md).
    pub fn write(&self, out: &mut Vec<u8>) {
        write_header(out, CONNECTIONS, "gauge");
        let connections = u64::try_from(self.connections.get()).unwrap_or(0);
        append(out, &[CONNECTIONS.0, " ", itoa::Buffer::new().format(connections), "\n"]);
        for (family, all_series) in [(REFUSED, &self.refused), (REQUESTS, &self.requests)] {
            write_header(out, family, "counter");
            for Series { prefix, counter } in all_series.iter() {
                append(out, &[prefix, itoa::Buffer::new().format(counter.get()), "\n"]);
            }
        }
        write_header(out, DURATION, "histogram");
        let metric = self.duration.metric();
        let histogram = metric.get_histogram();
        let (count, sum) = (histogram.get_sample_count(), histogram.get_sample_sum());
        let counts = histogram.get_bucket().iter().map(prometheus::proto::Bucket::cumulative_count).chain([count]);
        for (prefix, count) in self.bucket_prefixes.iter().zip(counts) {
            append(out, &[prefix, itoa::Buffer::new().format(count), "\n"]);
        }
        append(out, &[&format!("{0}_sum {sum}\n{0}_count {count}\n", DURATION.0)]);
    }
}

/// Returns a line up to its value.
fn line_prefix(name: &str, label: &str, value: &str) -> String {
    format!("{name}{{{label}=\"{value}\"}} ")
}

/// Appends the HELP and TYPE lines of a family.
fn write_header(out: &mut Vec<u8>, (name, help): (&str, &str), kind: &str) {
    append(out, &["# HELP ", name, " ", help, "\n# TYPE ", name, " ", kind, "\n"]);
}

/// Appends texts.
fn append(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares with the library's own encoder.
    #[test]
    fn text_is_the_same_as_the_library_s() {
        use prometheus::{Encoder as _, Registry, TextEncoder};
        let metrics = Metrics::new().unwrap();
        metrics.set_connections(7);
        for (status, seconds) in [(200, 0.0002), (200, 0.004), (200, 99.0), (404, 0.5), (503, 0.1)] {
            metrics.count_response(StatusCode::from_u16(status).unwrap(), seconds);
        }
        metrics.count_refusal(Refusal::Host);
        let registry = Registry::new();
        let requests = IntCounterVec::new(Opts::new(REQUESTS.0, REQUESTS.1), &["code"]).unwrap();
        for (code, series) in CODES.iter().zip(metrics.requests.iter()) {
            requests.with_label_values(&[code]).inc_by(series.counter.get());
        }
        registry.register(Box::new(requests)).unwrap();
        registry.register(Box::new(metrics.duration.clone())).unwrap();
        let refused = IntCounterVec::new(Opts::new(REFUSED.0, REFUSED.1), &["reason"]).unwrap();
        for ((reason, _), series) in REFUSAL_REASONS.iter().zip(metrics.refused.iter()) {
            refused.with_label_values(&[reason]).inc_by(series.counter.get());
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
    fn every_refusal_is_counted_under_its_reason() {
        let metrics = Metrics::new().unwrap();
        let count = |refusal, reason: &str| {
            metrics.count_refusal(refusal);
            let index = REFUSAL_REASONS.iter().position(|(name, _)| *name == reason).unwrap();
            metrics.refused[index].counter.get()
        };
        assert_eq!(count(Refusal::Connections, "connections"), 1);
        assert_eq!(count(Refusal::Descriptors, "descriptors"), 1);
        assert_eq!(count(Refusal::Header, "header"), 1);
        assert_eq!(count(Refusal::Method, "method"), 1);
        assert_eq!(count(Refusal::Host, "host"), 1);
        assert_eq!(count(Refusal::Body, "body"), 1);
        assert_eq!(count(Refusal::Credentials, "credentials"), 1);
        assert_eq!(count(Refusal::Busy, "busy"), 1);
        assert_eq!(count(Refusal::HeaderTimeout, "header_timeout"), 1);
        assert_eq!(count(Refusal::IdleTimeout, "idle_timeout"), 1);
        assert_eq!(count(Refusal::WriteTimeout, "write_timeout"), 1);
        assert_eq!(count(Refusal::Tls, "tls"), 1);
    }
}
