//! Tests the time of ticks, their number, and their text.

use super::{PATIENCE, Watching, counted, uptime};
use crate::faults::Pair;

pub(super) fn count() {
    let Pair { near, far: _far } = Pair::new();
    let watching = Watching::start(&near, "--interval 2s --count 3");
    let lines = watching.until_samples(3, PATIENCE);
    assert_eq!(lines.len(), 3);
    let (status, stderr) = watching.end();
    assert_eq!((status.code(), stderr.as_str()), (Some(0), ""));
    assert!(lines[0].rates().is_null());
    for line in &lines[1..] {
        assert!((line.interval() - 2.0).abs() < 0.1, "{}", line.document);
        assert_eq!(line.network()["interface_stats"]["rx_bytes"], counted(&near, "rx")["bytes"]);
    }
}

/// Seconds between ticks, and ticks after the first: an hour.
const INTERVAL: f64 = 10.0;
const TICKS: u32 = 360;

pub(super) fn hour() {
    let Pair { near, far: _far } = Pair::new();
    let watching = Watching::start(&near, &format!("--interval {INTERVAL}s --count {}", TICKS + 1));
    let first = watching.sample(PATIENCE);
    let mut last = first.uptime;
    let mut sum = 0.0;
    for _ in 0..TICKS {
        let line = watching.sample(PATIENCE);
        sum += line.interval();
        last = line.uptime;
    }
    let passed = last - first.uptime;
    let hour = INTERVAL * f64::from(TICKS);
    assert!((passed - hour).abs() < INTERVAL / 50.0, "{passed} s");
    assert!((sum - passed).abs() < INTERVAL / 50.0, "{sum} s by its own account, {passed} s passed");
    assert_eq!(watching.end().0.code(), Some(0));
}

pub(super) fn text() {
    let Pair { near, far: _far } = Pair::new();
    near.sh("ip link add wg1 type wireguard; ping -q -c 1 -W 2 10.9.0.2 >/dev/null");
    let start = uptime();
    let output = near.run(&["wgstat", "watch", "--interval", "2s", "--count", "3"]);
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()));
    assert!((uptime() - start - 4.0).abs() < 1.0, "two intervals");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1 + 3 * 2, "{text}");
    let place = |name: &str| text.lines().next().unwrap().find(name).unwrap();
    for (number, line) in text.lines().enumerate().skip(1) {
        let interface = if number % 2 == 1 { "wg0" } else { "wg1" };
        assert_eq!(line[place("INTERFACE")..].split(' ').next(), Some(interface), "{text}");
        let online = if interface == "wg0" { "1/1" } else { "0/0" };
        assert!(line.ends_with(&format!(" {online}")), "{text}");
        assert_eq!(line.len(), text.lines().next().unwrap().len(), "{text}");
        let packets = line[..place("RX PKT/s") + "RX PKT/s".len()].rsplit(' ').next();
        assert_eq!(packets, Some(if number <= 2 { "-" } else { "0.0" }), "{text}");
    }
}
