//! Tests rates with known traffic: `ping` determines size and frequency, and reports how long it took.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

use super::links::host;
use super::{Line, PATIENCE, Watching, uptime};
use crate::faults::Pair;
use crate::guest::Host;

/// The tolerance of a rate.
const PRECISION: f64 = 0.02;
/// Seconds at both ends of a run that are not compared: programs take time to start and to end.
const MARGIN: f64 = 0.3;

/// Echo requests on their way.
struct Ping {
    child: Child,
    count: u32,
    start: f64,
}

/// Holds echo requests that were sent.
struct Sent {
    per_second: f64,
    /// The time, in seconds since the guest was started.
    start: f64,
    end: f64,
}

impl Ping {
    /// Sends this many requests of this size to an address, at this interval in seconds. Replies are not needed.
    fn start(host: &Host, to: &str, size: u32, count: u32, apart: f64) -> Self {
        let start = uptime();
        let child = Command::new("ip")
            .args(["netns", "exec", host.name(), "ping", "-q", "-W", "1", "-s", &size.to_string()])
            .args(["-c", &count.to_string(), "-i", &apart.to_string(), to])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, count, start }
    }

    fn end(self) -> Sent {
        let output = self.child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(&format!("{} packets transmitted", self.count)), "{text}");
        let (_, time) = text.split_once(", time ").unwrap();
        // From the first to the last.
        let seconds = time.split_once("ms").unwrap().0.parse::<f64>().unwrap() / 1000.0;
        Sent { per_second: f64::from(self.count - 1) / seconds, start: self.start, end: self.start + seconds }
    }
}

/// Returns the bytes of the message that carries a ping of this size: an inner packet of 28 more, padded to a multiple of 16,
/// and 32 of the message itself.
fn message(size: u32) -> f64 {
    f64::from((size + 28).next_multiple_of(16) + 32)
}

/// Returns whether all of this was sent during the interval of a sample's rates.
fn is_during(sample: &Line, sent: &Sent) -> bool {
    !sample.rates().is_null()
        && sample.uptime - sample.interval() > sent.start + MARGIN
        && sample.uptime < sent.end - MARGIN
}

fn assert_rate(rates: &Value, name: &str, expected: f64) {
    let rate = rates[name].as_f64().unwrap_or_else(|| panic!("no {name}: {rates}"));
    assert!((rate - expected).abs() <= expected * PRECISION, "{name}: {rate}/s, {expected}/s sent");
}

pub(super) fn of_known_traffic() {
    let Pair { near, far } = Pair::new();
    near.sh("ping -q -c 1 -W 2 10.9.0.2 >/dev/null");
    // The requests of far get no replies, so more is received than sent.
    near.sh("nft add table ip t; nft 'add chain ip t i { type filter hook input priority 0; }'
         nft add rule ip t i icmp type echo-request drop");
    let watching = Watching::start(&near, "--interval 2s");
    watching.sample(PATIENCE);
    let (large, small) = (472, 72);
    let asked = Ping::start(&near, "10.9.0.2", large, 900, 0.01);
    let unanswered = Ping::start(&far, "10.9.0.1", small, 500, 0.02);
    let samples = watching.until_samples(6, PATIENCE);
    let (asked, unanswered) = (asked.end(), unanswered.end());

    let during: Vec<&Line> =
        samples.iter().filter(|sample| is_during(sample, &asked) && is_during(sample, &unanswered)).collect();
    assert!(during.len() >= 3, "{} samples in between", during.len());
    let (a, b) = (asked.per_second, unanswered.per_second);
    let (rx_bytes, tx_bytes) = (a * message(large) + b * message(small), a * message(large));
    for sample in during {
        let rates = sample.rates();
        assert_rate(rates, "rx_packets", a + b);
        assert_rate(rates, "tx_packets", a);
        let of_peer = &sample.network()["peers"][0]["rates"];
        for rates in [rates, of_peer] {
            assert_rate(rates, "rx_bytes", rx_bytes);
            assert_rate(rates, "tx_bytes", tx_bytes);
        }
        for name in ["rx_errors", "tx_errors", "rx_dropped", "tx_dropped", "multicast"] {
            assert_eq!(rates[name], 0.0, "{name}");
        }
    }
}

/// Seconds between ticks, and seconds for which wgstat is stopped.
const TICK: u64 = 2;
const STOPPED: u64 = 9;

pub(super) fn over_the_real_time() {
    let Pair { near, far: _far } = Pair::new();
    near.sh("ping -q -c 1 -W 2 10.9.0.2 >/dev/null");
    let watching = Watching::start(&near, &format!("--interval {TICK}s"));
    let first = watching.sample(PATIENCE);
    let ping = Ping::start(&near, "10.9.0.2", 472, 800, 0.02);
    let before = watching.sample(PATIENCE);
    watching.signal(Signal::SIGSTOP);
    std::thread::sleep(Duration::from_secs(STOPPED));
    assert!(watching.within(Duration::ZERO).is_none(), "it was stopped");
    watching.signal(Signal::SIGCONT);
    let after = watching.sample(PATIENCE);
    let next = watching.sample(PATIENCE);
    let sent = ping.end();

    let passed = after.uptime - before.uptime;
    // A wait that was interrupted by the stop continues with its remaining time.
    assert!(passed >= STOPPED as f64 && passed < (STOPPED + TICK) as f64 + 0.5, "{passed}");
    assert!((after.interval() - passed).abs() < 0.1, "{} s by its own account, {passed} s passed", after.interval());
    for sample in [&after, &next] {
        assert!(is_during(sample, &sent), "{} in {}..{}", sample.uptime, sent.start, sent.end);
        assert_rate(sample.rates(), "rx_packets", sent.per_second);
        assert_rate(sample.rates(), "tx_bytes", sent.per_second * message(472));
    }
    // Missed ticks are not repeated, and the interval stays.
    let ticks = (next.uptime - first.uptime) / TICK as f64;
    assert!((ticks - ticks.round()).abs() < 0.05, "{ticks}");
    assert!((next.uptime - after.uptime - TICK as f64).abs() <= TICK as f64, "{}", next.uptime - after.uptime);
}

/// Seconds for which the machine is suspended.
const ASLEEP: u64 = 8;

pub(super) fn over_a_sleep() {
    let host = host(0);
    let watching = Watching::start(&host, &format!("--interval {TICK}s"));
    watching.sample(PATIENCE);
    let ping = Ping::start(&host, "10.9.0.9", 56, 600, 0.02);
    let lines = watching.until_samples(3, PATIENCE);
    let rate = |sample: &Line| sample.rates()["tx_errors"].as_f64().unwrap();
    let before = rate(lines.iter().rfind(|line| line.is_sample()).unwrap());
    assert!(before > 10.0, "{before}/s");

    let (awake, asleep) = (Instant::now(), uptime());
    let power = Path::new("/sys/power");
    std::fs::write(power.join("mem_sleep"), "deep").unwrap();
    // With this number the kernel does not suspend if the alarm is over already, as it may be on a slow machine.
    let count = std::fs::read_to_string(power.join("wakeup_count")).unwrap();
    std::fs::write("/sys/class/rtc/rtc0/wakealarm", format!("+{ASLEEP}")).unwrap();
    std::fs::write(power.join("wakeup_count"), count.trim()).unwrap();
    std::fs::write(power.join("state"), "mem").unwrap();
    let slept = uptime() - asleep - awake.elapsed().as_secs_f64();
    assert!(slept > 2.0, "the oracle: it slept for {slept} s");

    let mut samples = watching.until_samples(3, PATIENCE);
    samples.retain(Line::is_sample);
    assert_eq!(samples[0].rates(), &Value::Null, "nothing is known about the time of the suspend");
    for sample in &samples[1..] {
        assert!((sample.interval() - TICK as f64).abs() < 0.1, "{}", sample.document);
        assert!((rate(sample) - before).abs() < before * 0.1, "{before}/s before, {}/s after", rate(sample));
    }
    ping.end();
}
