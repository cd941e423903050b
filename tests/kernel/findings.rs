//! Tests findings of one sample: each fault of a real tunnel has its own id and no other, and the suggested fix resolves it.

use std::time::Duration;

use super::faults::Pair;
use super::guest::{Host, public_key};

pub(super) const TESTS: &[(&str, fn())] = &[
    ("healthy_tunnel_has_no_finding", healthy),
    ("peer_that_never_answers_is_unreachable", unreachable),
    ("peer_with_keepalive_that_is_cut_off_is_stale", stale),
    ("peer_whose_allowed_ips_another_took_is_named", emptied),
    ("prefix_within_another_peers_is_an_overlap", overlap),
    ("mtu_below_1280_matters_with_ipv6", small_mtu),
];

/// Returns the ids of all findings, with the peers that they name.
fn found(host: &Host) -> Vec<(String, Vec<String>)> {
    let status = host.json("status");
    let findings = status["findings"].as_array().unwrap().iter();
    findings
        .map(|finding| {
            let peers = finding["peers"].as_array().unwrap().iter();
            let peers = peers.map(|key| key.as_str().unwrap().to_owned()).collect();
            (finding["id"].as_str().unwrap().to_owned(), peers)
        })
        .collect()
}

fn of(id: &str, number: u32) -> Vec<(String, Vec<String>)> {
    vec![(id.to_owned(), vec![public_key(number)])]
}

fn remedy(host: &Host, id: &str) -> String {
    let status = host.json("status");
    let finding = status["findings"].as_array().unwrap().iter().find(|finding| finding["id"] == id).unwrap();
    finding["remedy"].as_str().unwrap().to_owned()
}

fn wait(seconds: u64) {
    std::thread::sleep(Duration::from_secs(seconds));
}

/// An idle tunnel with keepalive is healthy just before the next handshake, and after many.
fn healthy() {
    let Pair { near, far } = Pair::new();
    near.sh(&format!("wg set wg0 peer {} persistent-keepalive 25", public_key(2)));
    near.sh("ping -q -c 1 10.9.0.2 >/dev/null");
    for _ in 0..20 {
        wait(37);
        assert_eq!((found(&near), found(&far)), (vec![], vec![]));
    }
}

fn unreachable() {
    let Pair { near, far: _far } = Pair::new();
    near.sh("ping -q -c 1 10.9.0.2 >/dev/null");
    near.sh(&format!("wg set wg0 peer {} endpoint 192.0.2.99:51820 allowed-ips 10.9.0.5/32", public_key(5)));
    assert_eq!(found(&near), [], "nothing was sent to it yet");
    near.sh("ping -q -c 1 -W 1 10.9.0.5 >/dev/null || true");
    assert_eq!(found(&near), of("peer_unreachable", 5));
}

fn stale() {
    let Pair { near, far } = Pair::new();
    near.sh(&format!("wg set wg0 peer {} persistent-keepalive 25", public_key(2)));
    near.sh("ping -q -c 1 10.9.0.2 >/dev/null");
    far.sh("ip link set eth0 down");
    wait(215);
    assert_eq!(found(&near), [], "younger than 195 s and the keepalive");
    wait(20);
    // Packets that were queued for it count as dropped.
    let ids: Vec<String> = found(&near).into_iter().map(|(id, _)| id).filter(|id| id != "tx_dropped").collect();
    assert_eq!(ids, ["peer_stale"]);
    far.sh("ip link set eth0 up");
    wait(30);
    assert!(found(&near).iter().all(|(id, _)| id == "tx_dropped"), "{:?}", found(&near));
}

fn emptied() {
    let Pair { near, far: _far } = Pair::new();
    near.sh("ping -q -c 1 10.9.0.2 >/dev/null");
    near.sh(&format!("wg set wg0 peer {} endpoint 192.0.2.99:51820 allowed-ips 10.9.0.2/32", public_key(5)));
    assert_eq!(found(&near), of("peer_without_allowed_ips", 2));
    near.sh(&remedy(&near, "peer_without_allowed_ips").replace("ADDRESS/PREFIX", "10.9.0.2/32"));
    assert_eq!(found(&near), of("peer_without_allowed_ips", 5), "now the other one has none");
    near.sh(&format!("wg set wg0 peer {} remove", public_key(5)));
    assert_eq!(found(&near), []);
}

fn overlap() {
    let Pair { near, far: _far } = Pair::new();
    near.sh("ping -q -c 1 10.9.0.2 >/dev/null");
    near.sh(&format!("wg set wg0 peer {} endpoint 192.0.2.99:51820 allowed-ips 10.8.0.0/15,fd00::/8", public_key(5)));
    assert_eq!(found(&near), of("allowed_ips_overlap", 2));
    near.sh(&format!("wg set wg0 peer {} allowed-ips 10.8.0.0/16,fd00::/8", public_key(5)));
    assert_eq!(found(&near), []);
}

fn small_mtu() {
    let Pair { near, far: _far } = Pair::new();
    near.sh("ping -q -c 1 10.9.0.2 >/dev/null; ip link set wg0 mtu 1200");
    assert_eq!(found(&near), [], "IPv4 does not mind");
    near.sh(&format!("wg set wg0 peer {} allowed-ips 10.9.0.2/32,fd00::2/128", public_key(2)));
    assert_eq!(found(&near), [("mtu_below_ipv6_minimum".to_owned(), vec![])]);
    let remedy = remedy(&near, "mtu_below_ipv6_minimum");
    near.sh(&remedy.replace("ADDRESS/PREFIX", "fd00::1/64"));
    // The new address makes the kernel send IPv6 multicast, which no peer accepts. It is counted and reported.
    let ids: Vec<String> = found(&near).into_iter().map(|(id, _)| id).filter(|id| id != "tx_errors").collect();
    assert_eq!(ids, [""; 0]);
}
