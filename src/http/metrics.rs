//! What the listener counts of itself, in the client library of Prometheus: it is this process's own.

use hyper::StatusCode;
use prometheus::core::Metric as _;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts};

/// The listener's own metrics. Copies count into the same.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// In the order of [`CODES`].
    requests: [IntCounter; CODES.len()],
    duration: Histogram,
    /// In the order of [`REFUSALS`].
    refused: [IntCounter; REFUSALS.len()],
    connections: IntGauge,
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
        let counters = |(name, help): (&str, &str), label| IntCounterVec::new(Opts::new(name, help), &[label]);
        let requests = counters(REQUESTS, "code")?;
        let refused = counters(REFUSED, "reason")?;
        Ok(Self {
            // A series that is born at 5 hides its increase.
            requests: CODES.map(|code| requests.with_label_values(&[code])),
            duration: {
                let buckets = BUCKETS.iter().map(|(bound, _)| *bound).collect();
                Histogram::with_opts(HistogramOpts::new(DURATION.0, DURATION.1).buckets(buckets))?
            },
            refused: REFUSALS.map(|(reason, _)| refused.with_label_values(&[reason])),
            connections: IntGauge::new(CONNECTIONS.0, CONNECTIONS.1)?,
        })
    }

    pub(super) fn refuse(&self, refusal: Refusal) {
        if let Some(counter) = self.refused.get(refusal as usize) {
            counter.inc();
        }
    }

    pub(super) fn answered(&self, status: StatusCode, seconds: f64) {
        self.duration.observe(seconds);
        let place = CODES.iter().position(|code| *code == status.as_str());
        debug_assert!(place.is_some(), "{status}");
        if let Some(counter) = place.and_then(|place| self.requests.get(place)) {
            counter.inc();
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
        head(out, REFUSED, "counter");
        for ((reason, _), counter) in REFUSALS.iter().zip(&self.refused) {
            sample(out, REFUSED.0, "reason", reason, counter.get());
        }
        head(out, REQUESTS, "counter");
        for (code, counter) in CODES.iter().zip(&self.requests) {
            sample(out, REQUESTS.0, "code", code, counter.get());
        }
        head(out, DURATION, "histogram");
        let metric = self.duration.metric();
        let histogram = metric.get_histogram();
        for ((_, bound), bucket) in BUCKETS.iter().zip(histogram.get_bucket()) {
            sample(out, BUCKET, "le", bound, bucket.cumulative_count());
        }
        let (count, sum) = (histogram.get_sample_count(), histogram.get_sample_sum());
        sample(out, BUCKET, "le", "+Inf", count);
        append(out, &[&format!("{0}_sum {sum}\n{0}_count {count}\n", DURATION.0)]);
    }
}

fn head(out: &mut Vec<u8>, (name, help): (&str, &str), kind: &str) {
    append(out, &["# HELP ", name, " ", help, "\n# TYPE ", name, " ", kind, "\n"]);
}

fn sample(out: &mut Vec<u8>, name: &str, label: &str, value: &str, count: u64) {
    append(out, &[name, "{", label, "=\"", value, "\"} ", itoa::Buffer::new().format(count), "\n"]);
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
        for (code, counter) in CODES.iter().zip(&metrics.requests) {
            requests.with_label_values(&[code]).inc_by(counter.get());
        }
        registry.register(Box::new(requests)).unwrap();
        registry.register(Box::new(metrics.duration.clone())).unwrap();
        let refused = IntCounterVec::new(Opts::new(REFUSED.0, REFUSED.1), &["reason"]).unwrap();
        for ((reason, _), counter) in REFUSALS.iter().zip(&metrics.refused) {
            refused.with_label_values(&[reason]).inc_by(counter.get());
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
            metrics.refused[place].get()
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
