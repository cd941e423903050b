//! Runs one after the other, runs without privilege, blind spots, and findings that are only information.

use serde_json::Value;

use super::scene::{BAD, Outer, Scene, check, ids, text, write_keys};
use crate::common;
use crate::guest::{Host, public_key};

/// Runs `wgstat check WORDS --json` with any exit code.
fn run(host: &Host, words: &str) -> Value {
    common::document(
        &host.run(&[&["wgstat", "check", "--json"][..], &words.split(' ').collect::<Vec<_>>()].concat()).stdout,
    )
}

fn first_id(document: &Value) -> (String, String) {
    (text(&document["findings"][0], "id"), text(&document["findings"][0], "severity"))
}

const WITH_STATE: &str = "--state /tmp/state --interval 0";

/// As from cron: a check every five minutes covers all five minutes, and reports each error once.
pub(super) fn every_five_minutes() {
    write_keys();
    let scene = Scene::new(Outer::Ipv4);
    let _ = std::fs::remove_file("/tmp/state");
    scene.greet();
    scene.near.sh("ip route add 10.77.0.0/24 dev wg0");
    assert_eq!(run(&scene.near, "--state /tmp/state --interval 100ms")["status"], "OK");
    super::scene::wait(10);
    scene.ping("-c 3 -i 0.1 10.77.0.1");
    super::scene::wait(290);
    let document = run(&scene.near, WITH_STATE);
    assert_eq!(first_id(&document), ("tx_no_peer".to_owned(), "warning".to_owned()), "{document:#}");
    assert!(document["interval_seconds"].as_f64().unwrap() > 300.0);
    assert!(text(&document["findings"][0], "summary").starts_with("3 packets "), "{document:#}");
    assert!(text(&document["findings"][0], "summary").contains(" in 5 min: "), "{document:#}");
    super::scene::wait(300);
    let document = run(&scene.near, WITH_STATE);
    assert_eq!(first_id(&document), ("tx_errors".to_owned(), "info".to_owned()), "{document:#}");
}

/// Counters that were reset in between did neither grow nor shrink.
pub(super) fn re_created() {
    write_keys();
    let scene = Scene::new(Outer::Ipv4);
    let host = &scene.near;
    let _ = std::fs::remove_file("/tmp/state");
    host.sh("ip link del wg0");
    for (index, errors_before, errors_after) in [("index 77", 5, 2), ("index 77", 2, 1), ("index 78", 1, 3)] {
        host.sh("ip link del wg0 2>/dev/null || true");
        host.sh("ip link add wg0 index 77 type wireguard; ip address add 10.9.0.1/24 dev wg0; ip link set wg0 up");
        scene.ping(&format!("-c {errors_before} -i 0.1 10.9.0.2"));
        run(host, WITH_STATE);
        host.sh(&format!(
            "ip link del wg0; ip link add wg0 {index} type wireguard; ip address add 10.9.0.1/24 dev wg0; ip link set wg0 up"
        ));
        scene.ping(&format!("-c {errors_after} -i 0.1 10.9.0.2"));
        let document = run(host, &format!("{WITH_STATE} --warn tx_errors=0/s"));
        assert_eq!((ids(&document, BAD), &document["status"]), (vec![], &"OK".into()), "{index}: {document:#}");
    }
}

pub(super) fn without_privilege() {
    write_keys();
    let scene = Scene::new(Outer::Ipv4);
    scene.greet();
    let run = |words: &[&str]| {
        let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "wgstat", "check"];
        scene.near.run(&[&nobody[..], words].concat())
    };
    let output = run(&["--json"]);
    let document = common::document(&output.stdout);
    assert_eq!((output.status.code(), &document["status"]), (Some(3), &"UNKNOWN".into()), "{document:#}");
    assert_eq!(document["problems"][0]["code"], "PERMISSION_DENIED");
    assert_eq!(run(&["--no-peers"]).status.code(), Some(0));
    // A critical finding outweighs what cannot be read.
    scene.near.sh("ip link set wg0 down");
    assert_eq!(run(&[]).status.code(), Some(2));
}

/// The far host has a wrong key for this one, so no counter shows anything.
pub(super) fn blind_spots() {
    write_keys();
    let scene = Scene::new(Outer::Ipv4);
    scene.far.sh(&format!("wg set wg0 peer {} remove", public_key(1)));
    scene.far.sh(&format!("wg set wg0 listen-port 51820 peer {} allowed-ips 10.9.0.1/32", public_key(9)));
    let document = check(&scene.far, "", || scene.ping("-c 3 -i 0.1 10.9.0.2"));
    assert_eq!(document["status"], "OK", "{document:#}");
    let blind_spots = document["blind_spots"].as_array().unwrap();
    let has = |fault: &str, command: &str| {
        blind_spots
            .iter()
            .any(|entry| text(entry, "fault").contains(fault) && text(entry, "command").starts_with(command))
    };
    assert!(has("unknown peer", "echo module wireguard +p"), "{document:#}");
    assert!(has("lost on the way", "tcpdump -ni any udp port 51820"), "{document:#}");
    let output = scene.far.run(&["wgstat", "check", "--interval", "0"]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("\n  wrong keys or MACs, "), "{printed}");
    // With the right key there are no blind spots to list.
    scene.far.sh(&format!("wg set wg0 peer {} remove", public_key(9)));
    scene.far.sh(&format!("wg set wg0 peer {} allowed-ips 10.9.0.1/32", public_key(1)));
    super::scene::wait(6);
    scene.greet();
    assert_eq!(check(&scene.far, "", || ())["blind_spots"], serde_json::json!([]));
}

/// Information does not change the exit code.
pub(super) fn information() {
    write_keys();
    let scene = Scene::new(Outer::Ipv4);
    scene.near.sh(
        "ip link set wg0 mtu 1300; wireguard-go wgu >/dev/null 2>&1; ip address add 10.7.0.1/24 dev wgu; ip link set wgu up",
    );
    scene.greet();
    let document = check(&scene.near, "", || ());
    assert_eq!(document["status"], "OK", "{document:#}");
    assert_eq!(ids(&document, &["info"]), ["mtu_too_small", "userspace_backend"]);
    let findings = document["findings"].as_array().unwrap();
    let small = findings.iter().find(|finding| finding["id"] == "mtu_too_small").unwrap();
    assert_eq!(small["value"], 1440);
    scene.near.sh(&text(small, "remedy"));
    assert_eq!(ids(&check(&scene.near, "", || ()), &["info"]), ["userspace_backend"]);
    scene.near.sh("ip link del wgu");
}
