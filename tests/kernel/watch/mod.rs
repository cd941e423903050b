//! Tests `watch` on a real kernel: events are printed when they happen, and rates equal the sent traffic.

mod events;
mod links;
mod pace;
mod rates;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::common::document;
use super::guest::Host;

pub(super) const TESTS: &[(&str, fn())] = &[
    ("watch_reports_added_and_removed_links_immediately", links::come_and_go),
    ("watch_has_no_rate_across_a_recreated_link", links::recreated_link),
    ("watch_notices_a_recreated_link_with_the_same_index", links::recreated_link_with_the_same_index),
    ("watch_collects_again_after_lost_notifications", links::lost_news),
    ("watch_reports_findings_immediately", events::findings),
    ("watch_reports_peers_online_and_offline", events::online_and_offline),
    ("watch_reports_a_peer_that_roams", events::roaming),
    ("watch_reports_a_recreated_peer", events::recreated_peer),
    ("watch_without_privilege_continues_without_peers", events::without_privilege),
    ("watch_has_the_rates_of_the_sent_traffic", rates::of_known_traffic),
    ("watch_that_was_stopped_has_rates_over_the_real_time", rates::over_the_real_time),
    ("watch_starts_without_rates_and_stops_after_count_updates", pace::count),
    ("watch_does_not_drift_in_an_hour", pace::hour),
    ("watch_writes_one_line_per_interface_and_tick", pace::text),
];

/// Tests for a guest of their own, because `microvm` cannot be suspended.
pub(super) const ASLEEP: &[(&str, fn())] = &[("watch_has_no_rate_across_a_suspend", rates::over_a_sleep)];

/// Limits the time of a notification, in seconds. Ticks come later than that.
const AT_ONCE: Duration = Duration::from_secs(5);
/// A timeout that even a slow machine does not reach.
const PATIENCE: Duration = Duration::from_secs(60);

/// Holds a document and the time of its arrival.
struct Line {
    document: Value,
    uptime: f64,
}

impl Line {
    fn kind(&self) -> &str {
        self.document["type"].as_str().unwrap_or_default()
    }

    fn is_sample(&self) -> bool {
        self.kind() == "sample"
    }

    /// Returns the type of an event, with the id of its finding.
    fn label(&self) -> String {
        let id = self.document["finding"]["id"].as_str();
        id.map_or_else(|| self.kind().to_owned(), |id| format!("{} {id}", self.kind()))
    }

    /// Returns the network of a sample.
    fn network(&self) -> &Value {
        let networks = self.document["networks"].as_array().unwrap();
        assert_eq!(networks.len(), 1, "{}", self.document);
        &networks[0]
    }

    fn rates(&self) -> &Value {
        &self.network()["rates"]
    }

    /// Returns the interval of its rates, in seconds.
    fn interval(&self) -> f64 {
        self.rates()["interval_seconds"].as_f64().unwrap_or_else(|| panic!("no rates: {}", self.document))
    }
}

/// What came.
fn labels(lines: &[Line]) -> Vec<String> {
    lines.iter().map(Line::label).collect()
}

/// Returns the seconds since the guest was started (`/proc/uptime`).
fn uptime() -> f64 {
    let text = std::fs::read_to_string("/proc/uptime").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// Holds a `wgstat watch --json`, which ends with the test.
struct Watching {
    child: Child,
    stderr: ChildStderr,
    lines: Receiver<(f64, Vec<u8>)>,
}

impl Watching {
    fn start(host: &Host, options: &str) -> Self {
        Self::start_by(host, &[], options)
    }

    /// Starts it by another program, which executes it.
    fn start_by(host: &Host, program: &[&str], options: &str) -> Self {
        let mut child = Command::new("ip")
            .args(["netns", "exec", host.name()])
            .args(program)
            .args(["wgstat", "watch", "--json"])
            .args(options.split_whitespace())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (sender, lines) = channel();
        // The thread ends with the pipe.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                if sender.send((uptime(), line)).is_err() {
                    return;
                }
            }
        });
        Self { child, stderr, lines }
    }

    /// Returns the next document, if one comes in time.
    fn within(&self, time: Duration) -> Option<Line> {
        let (uptime, text) = self.lines.recv_timeout(time).ok()?;
        Some(Line { document: document(&text), uptime })
    }

    /// Returns the next sample. No event may come before it.
    fn sample(&self, time: Duration) -> Line {
        let line = self.within(time).expect("no sample came");
        assert!(line.is_sample(), "{}", line.document);
        line
    }

    /// Returns the next events: these, in this order, and no other.
    fn at_once(&self, expected: &[&str]) -> Vec<Line> {
        self.events(expected, |_| true)
    }

    /// Returns the next events, without those of findings.
    fn at_once_beside_findings(&self, expected: &[&str]) -> Vec<Line> {
        self.events(expected, |line| line.document["finding"].is_null())
    }

    fn events(&self, expected: &[&str], counts: impl Fn(&Line) -> bool) -> Vec<Line> {
        let start = Instant::now();
        let mut events: Vec<Line> = Vec::new();
        while events.len() < expected.len() {
            let Some(line) = self.within(AT_ONCE.saturating_sub(start.elapsed())) else { break };
            events.extend(Some(line).filter(|line| counts(line)));
        }
        assert_eq!(labels(&events), expected);
        events
    }

    /// Asserts that no document comes for a while.
    fn is_silent(&self) {
        if let Some(line) = self.within(AT_ONCE) {
            panic!("{}", line.document);
        }
    }

    /// Returns all documents until this many more samples have come.
    fn until_samples(&self, count: usize, each: Duration) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut left = count;
        while left > 0 {
            let line = self.within(each).unwrap_or_else(|| panic!("{left} of {count} samples did not come"));
            left -= usize::from(line.is_sample());
            lines.push(line);
        }
        lines
    }

    fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    /// Waits until it ends by itself, and returns its standard error.
    fn end(mut self) -> (ExitStatus, String) {
        match self.lines.recv_timeout(PATIENCE) {
            Ok((_, line)) => panic!("after the last: {}", String::from_utf8_lossy(&line)),
            Err(RecvTimeoutError::Timeout) => panic!("it does not end"),
            Err(RecvTimeoutError::Disconnected) => {}
        }
        let mut stderr = String::new();
        self.stderr.read_to_string(&mut stderr).unwrap();
        (self.child.wait().unwrap(), stderr)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the counters of wg0 in one direction, from `ip`.
fn counted(host: &Host, direction: &str) -> Value {
    let links: Value = serde_json::from_str(&host.sh("ip -s -j link show wg0")).unwrap();
    links[0]["stats64"][direction].clone()
}

/// Returns the index of a link, from `ip`.
fn ifindex(host: &Host, interface: &str) -> u64 {
    let links: Value = serde_json::from_str(&host.sh(&format!("ip -j link show {interface}"))).unwrap();
    links[0]["ifindex"].as_u64().unwrap()
}
