//! Tests links that appear, vanish and come back. With an hour between ticks, every event comes from a notification of the
//! kernel.

use std::fmt::Write as _;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::{AT_ONCE, Line, PATIENCE, Watching, counted, ifindex, labels};
use crate::guest::{Host, base64, private_key, public_key};

/// Seconds between ticks, in tests with a tick after the notification.
const TICK: u32 = 30;

/// Returns a host in which this many packets were sent to no peer of wg0.
pub(super) fn host(unsent: u64) -> Host {
    let host = Host::new();
    std::fs::write("/tmp/key", base64(&private_key(1))).unwrap();
    host.sh("ip link add wg0 type wireguard");
    set_up(&host, unsent);
    assert_eq!(counted(&host, "tx")["errors"], unsent);
    host
}

fn set_up(host: &Host, unsent: u64) {
    host.sh(&format!(
        "wg set wg0 private-key /tmp/key peer {} allowed-ips 10.9.0.2/32
         ip address add 10.9.0.1/24 dev wg0; ip link set wg0 up",
        public_key(2)
    ));
    send_to_nobody(host, unsent);
}

fn send_to_nobody(host: &Host, packets: u64) {
    host.sh(&format!("ping -q -c {packets} -i 0.01 -W 1 10.9.0.9 >/dev/null 2>&1 || true"));
}

/// Runs all commands in one batch, as fast as the kernel can.
fn batch(host: &Host, commands: &str) {
    std::fs::write("/tmp/batch", commands).unwrap();
    host.sh("ip -batch /tmp/batch");
}

/// Returns the interface of an event, by name and index.
fn of(line: &Line) -> (&str, u64) {
    (line.document["interface"].as_str().unwrap(), line.document["ifindex"].as_u64().unwrap())
}

pub(super) fn come_and_go() {
    let host = Host::new();
    let watching = Watching::start(&host, "--interval 1h");
    let first = watching.sample(PATIENCE);
    assert_eq!(first.document["networks"], json!([]));

    host.sh("ip link add wg0 type wireguard");
    let index = ifindex(&host, "wg0");
    let came = watching.at_once(&["interface_added", "finding_raised interface_down"]);
    assert_eq!(of(&came[0]), ("wg0", index));

    host.sh("ip link set wg0 name office");
    let came =
        watching.at_once(&["interface_renamed", "finding_cleared interface_down", "finding_raised interface_down"]);
    assert_eq!(of(&came[0]), ("office", index));
    assert_eq!(came[0].document["previous_interface"], "wg0");

    host.sh("ip link del office");
    let came = watching.at_once(&["interface_removed", "finding_cleared interface_down"]);
    assert_eq!(of(&came[0]), ("office", index));

    // Links that are not tunnels cause no event.
    host.sh("ip link add d0 type dummy; ip link set d0 up; ip link del d0");
    watching.is_silent();
}

pub(super) fn recreated_link() {
    // wgstat samples on each notification. Deleting a link takes so long that there may be none then. A wgstat that is
    // stopped meanwhile finds the new link.
    for is_stopped in [false, true] {
        let host = host(3);
        let watching = Watching::start(&host, &format!("--interval {TICK}s"));
        let first = watching.sample(PATIENCE);
        assert_eq!(first.network()["interface_stats"]["tx_errors"], 3);
        let old = ifindex(&host, "wg0");

        if is_stopped {
            watching.signal(Signal::SIGSTOP);
        }
        batch(&host, "link del wg0\nlink add wg0 type wireguard\n");
        watching.signal(Signal::SIGCONT);
        let new = ifindex(&host, "wg0");
        assert_ne!(old, new);
        let came = watching.at_once_beside_findings(&["interface_removed", "interface_added", "counter_reset"]);
        assert_eq!(came.iter().map(of).collect::<Vec<_>>(), [("wg0", old), ("wg0", new), ("wg0", new)]);
        assert_eq!(came[2].document["peer"], Value::Null);
        // Compared by name, it would have grown from 3 to 50.
        set_up(&host, 50);
        let sample = next_sample(&watching);
        assert_eq!(sample.network()["interface_stats"]["tx_errors"], 50);
        assert_eq!(sample.rates(), &Value::Null, "it was not there at the last tick");
        assert_no_growth(watching.sample(PATIENCE).rates());
    }
}

/// Until the next tick there may be findings, but no repeated event.
fn next_sample(watching: &Watching) -> Line {
    let mut lines = watching.until_samples(1, PATIENCE);
    let sample = lines.pop().unwrap();
    let happened = labels(&lines);
    assert!(happened.iter().all(|label| label.starts_with("finding_")), "{happened:?}");
    sample
}

fn assert_no_growth(rates: &Value) {
    assert_eq!((&rates["reset"], &rates["tx_errors"]), (&json!(false), &json!(0.0)));
}

pub(super) fn recreated_link_with_the_same_index() {
    let host = host(3);
    let watching = Watching::start(&host, &format!("--interval {TICK}s"));
    watching.sample(PATIENCE);
    let index = ifindex(&host, "wg0");
    let add = format!("link add wg0 index {index} type wireguard\n");
    let is_reset = |line: &Line| of(line) == ("wg0", index) && line.document["peer"].is_null();

    // In one batch: wgstat cannot sample between the two.
    watching.signal(Signal::SIGSTOP);
    batch(&host, &format!("link del wg0\n{add}"));
    watching.signal(Signal::SIGCONT);
    assert_eq!(ifindex(&host, "wg0"), index);
    let came = watching.at_once_beside_findings(&["counter_reset"]);
    assert!(is_reset(&came[0]), "{}", came[0].document);
    assert_reset(&next_sample(&watching));
    assert_no_growth(watching.sample(PATIENCE).rates());

    set_up(&host, 3);
    watching.until_samples(1, PATIENCE);
    host.sh("ip link del wg0");
    watching.at_once_beside_findings(&["interface_removed"]);
    batch(&host, &add);
    let came = watching.at_once_beside_findings(&["interface_added", "counter_reset"]);
    assert!(came.iter().all(is_reset), "{}", came[1].document);
    assert_reset(&next_sample(&watching));
}

/// Asserts that no counter has a rate.
fn assert_reset(sample: &Line) {
    assert_eq!(sample.rates()["reset"], true, "{}", sample.document);
    for (name, rate) in sample.rates().as_object().unwrap() {
        assert!(["reset", "interval_seconds"].contains(&name.as_str()) || rate.is_null(), "{name}: {rate}");
    }
}

/// Returns the number of notifications that the kernel dropped because the socket was full.
fn dropped(host: &Host, watching: &Watching) -> u64 {
    let table = host.sh("cat /proc/net/netlink");
    let mut rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let head = rows.next().unwrap();
    let column = |name: &str| head.iter().position(|word| *word == name).unwrap();
    let (groups, drops) = (column("Groups"), column("Drops"));
    let listening: Vec<Vec<&str>> = rows.filter(|row| row[groups] != "00000000").collect();
    assert_eq!(listening.len(), 1, "{} {table}", watching.pid());
    listening[0][drops].parse().unwrap()
}

pub(super) fn lost_news() {
    let host = Host::new();
    let watching = Watching::start(&host, "--interval 1h");
    watching.sample(PATIENCE);
    assert_eq!(dropped(&host, &watching), 0);
    watching.signal(Signal::SIGSTOP);
    let mut commands = String::new();
    for number in 0..400 {
        let _ = writeln!(commands, "link add d{number} type dummy");
    }
    batch(&host, &commands);
    let before = dropped(&host, &watching);
    assert!(before > 0, "there is room for more");
    host.sh("ip link add wg0 type wireguard");
    assert!(dropped(&host, &watching) > before, "the notification about wg0 itself has to be lost");
    assert!(watching.within(AT_ONCE).is_none(), "it was stopped");
    watching.signal(Signal::SIGCONT);
    let came = watching.at_once(&["interface_added", "finding_raised interface_down"]);
    assert_eq!(of(&came[0]), ("wg0", ifindex(&host, "wg0")));
    // Notifications work again.
    host.sh("ip link del wg0");
    watching.at_once(&["interface_removed", "finding_cleared interface_down"]);
}
