//! Tests events of interfaces and peers that stay: findings, sessions, endpoints, counters. The kernel notifies about
//! interfaces only; events of peers come with a tick.

use std::time::Duration;

use serde_json::{Value, json};

use super::{AT_ONCE, Line, PATIENCE, Watching, counted};
use crate::faults::Pair;
use crate::guest::{Host, public_key};

/// Seconds between ticks.
const TICK: u64 = 5;
/// Seconds for which a peer is online after its handshake.
const ALIVE: u64 = 180;

/// Starts a watch on one of them, and waits for its first tick.
fn watching(host: &Host) -> Watching {
    let watching = Watching::start(host, &format!("--interval {TICK}s"));
    watching.sample(PATIENCE);
    watching
}

fn greet(pair: &Pair) {
    pair.near.sh("ping -q -c 1 -W 2 10.9.0.2 >/dev/null");
}

/// Returns the value of `wg show wg0 FIELD` for this key.
fn shown(host: &Host, field: &str, number: u32) -> String {
    let text = host.sh(&format!("wg show wg0 {field}"));
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{}\t", public_key(number)))).unwrap();
    line.to_owned()
}

/// Returns the samples until this event, and the event. No other event may come.
fn until(watching: &Watching, event: &str, ticks: u64) -> (Vec<Line>, Line) {
    let mut samples = Vec::new();
    while samples.len() as u64 <= ticks {
        let line = watching.within(PATIENCE).unwrap_or_else(|| panic!("neither a tick nor {event} came"));
        if line.is_sample() {
            samples.push(line);
            continue;
        }
        assert_eq!(line.label(), event, "{}", line.document);
        return (samples, line);
    }
    panic!("no {event} in {ticks} ticks");
}

fn who(line: &Line) -> &Value {
    &line.document["peer"]["public_key"]
}

pub(super) fn findings() {
    let pair = Pair::new();
    greet(&pair);
    let watching = Watching::start(&pair.near, "--interval 1h");
    let first = watching.sample(PATIENCE);
    assert_eq!(first.document["findings"], json!([]));
    for _ in 0..2 {
        pair.near.sh("ip link set wg0 down");
        let came = watching.at_once(&["finding_raised interface_down"]);
        let raised = &came[0].document;
        assert_eq!((&raised["interface"], &raised["network"]), (&json!("wg0"), &json!("wg0")));
        assert_eq!(
            (&raised["finding"]["severity"], &raised["finding"]["interface"]),
            (&json!("critical"), &json!("wg0"))
        );
        pair.near.sh("ip link set wg0 up");
        let cleared = watching.at_once(&["finding_cleared interface_down"]);
        assert_eq!(cleared[0].document["finding"], raised["finding"]);
    }
    assert!(watching.within(AT_ONCE).is_none(), "each event comes once");
}

pub(super) fn online_and_offline() {
    let pair = Pair::new();
    let watching = watching(&pair.near);
    greet(&pair);
    let handshake: u64 = shown(&pair.near, "latest-handshakes", 2).parse().unwrap();
    // Seconds between the handshake and the event.
    let after = |line: &Line| line.document["timestamp"].as_u64().unwrap() - handshake;
    let online = |line: &Line| line.network()["peers"][0]["online"].as_bool().unwrap();

    let (samples, event) = until(&watching, "peer_online", 2);
    assert_eq!(who(&event), &public_key(2));
    assert!(after(&event) <= TICK + 1, "{}", event.document);
    assert!(online(samples.last().unwrap()));

    let (samples, event) = until(&watching, "peer_offline", ALIVE / TICK + 2);
    assert_eq!(shown(&pair.near, "latest-handshakes", 2), handshake.to_string(), "the oracle: there was no other");
    assert_eq!(who(&event), &public_key(2));
    assert!((ALIVE + 1..=ALIVE + 1 + TICK).contains(&after(&event)), "{}", event.document);
    let (last, before) = samples.split_last().unwrap();
    assert!(!online(last) && before.iter().all(online) && before.len() as u64 >= ALIVE / TICK - 2);

    greet(&pair);
    until(&watching, "peer_online", 2);
}

pub(super) fn roaming() {
    let pair = Pair::new();
    let (near, far) = (watching(&pair.near), watching(&pair.far));
    let endpoints = |line: &Line| {
        let text = |key: &str| line.document[key].as_str().map(ToOwned::to_owned);
        (text("previous_endpoint"), text("endpoint"))
    };
    let of_near = || shown(&pair.near, "endpoints", 2);
    let before = of_near();

    // Before the first packet, far knows no endpoint.
    greet(&pair);
    until(&near, "peer_online", 2);
    let (_, event) = until(&far, "endpoint_changed", 2);
    assert_eq!(endpoints(&event), (None, Some(shown(&pair.far, "endpoints", 1))));
    assert_eq!(who(&event), &public_key(1));
    until(&far, "peer_online", 0);

    pair.far.sh("wg set wg0 listen-port 51999; ping -q -c 1 -W 2 10.9.0.1 >/dev/null");
    let roamed = of_near();
    assert_eq!((before.as_str(), roamed.as_str()), ("192.0.2.2:51820", "192.0.2.2:51999"), "the oracle");
    let (_, event) = until(&near, "endpoint_changed", 2);
    assert_eq!(endpoints(&event), (Some(before.clone()), Some(roamed.clone())));
    assert_eq!(who(&event), &public_key(2));

    pair.near.sh(&format!("wg set wg0 peer {} endpoint {before}", public_key(2)));
    let (_, event) = until(&near, "endpoint_changed", 2);
    assert_eq!(endpoints(&event), (Some(roamed), Some(before)));
}

pub(super) fn recreated_peer() {
    let pair = Pair::new();
    greet(&pair);
    let watching = watching(&pair.near);
    assert_ne!(shown(&pair.near, "transfer", 2), "0\t0");
    let key = public_key(2);
    pair.near.sh(&format!("wg set wg0 peer {key} remove peer {key} endpoint 192.0.2.2:51820 allowed-ips 10.9.0.2/32"));
    assert_eq!(shown(&pair.near, "transfer", 2), "0\t0", "the oracle");
    let (samples, event) = until(&watching, "counter_reset", 2);
    assert_eq!(who(&event), &key);
    until(&watching, "peer_offline", 0);
    let network = samples.last().unwrap().network();
    assert_eq!(network["rates"]["reset"], false, "the interface continues to count");
    assert_eq!(network["rates"]["rx_bytes"], 0.0);
    let rates = &network["peers"][0]["rates"];
    let of_peer = (&rates["reset"], &rates["rx_bytes"], &rates["tx_bytes"]);
    assert_eq!(of_peer, (&json!(true), &Value::Null, &Value::Null));
    let next = watching.sample(PATIENCE);
    assert_eq!(next.network()["peers"][0]["rates"]["rx_bytes"], 0.0);
}

pub(super) fn without_privilege() {
    const NOBODY: &[&str] = &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let pair = Pair::new();
    greet(&pair);
    let watching = Watching::start_by(&pair.near, NOBODY, &format!("--interval {TICK}s --count 3"));
    let mut samples = vec![watching.sample(PATIENCE)];
    pair.near.sh("ping -q -c 20 -i 0.01 10.9.0.2 >/dev/null");
    samples.push(watching.sample(PATIENCE));
    // Notifications are sent to all.
    pair.near.sh("ip link add wg1 type wireguard");
    let came = watching.at_once(&["interface_added", "finding_raised interface_down"]);
    assert_eq!(came[0].document["interface"], "wg1");
    samples.push(watching.sample(PATIENCE));
    for sample in &samples {
        let problems = sample.document["problems"].as_array().unwrap();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0]["code"], "PERMISSION_DENIED");
        for network in sample.document["networks"].as_array().unwrap() {
            assert_eq!((&network["peers"], &network["public_key"]), (&Value::Null, &Value::Null));
        }
    }
    let network = samples[1].network();
    for (direction, ours) in [("rx", "rx_packets"), ("tx", "tx_packets")] {
        assert_eq!(network["interface_stats"][ours], counted(&pair.near, direction)["packets"]);
        let rate = network["rates"][ours].as_f64().unwrap();
        assert!((rate * samples[1].interval() - 20.0).abs() < 0.01, "{ours}: {rate}");
    }
    assert_eq!(samples[2].document["networks"].as_array().unwrap().len(), 2);
    let (status, _) = watching.end();
    assert_eq!(status.code(), Some(0));

    let strict = Watching::start_by(&pair.near, NOBODY, "--strict --interval 10ms --count 2");
    strict.until_samples(2, Duration::from_secs(10));
    assert_eq!(strict.end().0.code(), Some(1));
}
