//! Sets up two hosts with a tunnel as wg-quick does, and runs a check during traffic.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::common;
use crate::guest::{Host, base64, private_key, public_key, sh};

/// near has 10.9.0.1 in the tunnel and 192.0.2.1 outside; far has .2 in both networks. Each knows the other's endpoint.
pub(super) struct Scene {
    pub(super) near: Host,
    pub(super) far: Host,
}

/// Writes private keys for scripts: `/tmp/k3` is key number 3.
pub(super) fn write_keys() {
    for number in 1..=9 {
        std::fs::write(format!("/tmp/k{number}"), base64(&private_key(number))).unwrap();
    }
}

impl Scene {
    /// Creates the tunnel over IPv4 or IPv6, with IPv4 inside.
    pub(super) fn new(outer: Outer) -> Self {
        let (near, far) = (Host::new(), Host::new());
        // Sockets of another scene would be found here.
        sh("rm -f /var/run/wireguard/*.sock");
        sh(&format!("ip -n {} link add eth0 type veth peer name eth0 netns {}", near.name(), far.name()));
        for (host, number, other) in [(&near, 1, 2), (&far, 2, 1)] {
            let endpoint = outer.endpoint(other);
            host.sh(&format!(
                "ip address add 192.0.2.{number}/24 dev eth0; ip address add 2001:db8::{number}/64 dev eth0 nodad
                 ip link set eth0 up; ip link add wg0 type wireguard
                 wg set wg0 listen-port 51820 private-key /tmp/k{number} \
                    peer {} allowed-ips 10.9.0.{other}/32 endpoint {endpoint}
                 ip address add 10.9.0.{number}/32 dev wg0; ip link set wg0 up; ip route add 10.9.0.{other}/32 dev wg0",
                public_key(other)
            ));
        }
        Self { near, far }
    }

    /// Adds a peer to near, without a host behind it, and a route to it: number 5 is 10.9.0.5.
    pub(super) fn add_peer(&self, number: u32, options: &str) {
        self.near.sh(&format!(
            "wg set wg0 peer {} allowed-ips 10.9.0.{number}/32 {options}; ip route add 10.9.0.{number}/32 dev wg0",
            public_key(number)
        ));
    }

    /// Adds the other end of that peer on far, at port 51800 + its number.
    pub(super) fn answer_as(&self, number: u32) {
        self.far.sh(&format!(
            "ip link add wg{number} type wireguard
             wg set wg{number} listen-port {} private-key /tmp/k{number} peer {} allowed-ips 10.9.0.1/32
             ip link set wg{number} up",
            51800 + number,
            public_key(1)
        ));
    }

    /// Pings from near, with or without replies.
    pub(super) fn ping(&self, words: &str) {
        ping(&self.near, words);
    }

    /// Makes a handshake and waits for the reply.
    pub(super) fn greet(&self) {
        self.near.sh("ping -q -c 1 -W 2 10.9.0.2 >/dev/null");
    }
}

pub(super) fn ping(host: &Host, words: &str) {
    host.sh(&format!("ping -q -W 1 {words} >/dev/null 2>&1 || true"));
}

/// The address family of the endpoints.
#[derive(Clone, Copy)]
pub(super) enum Outer {
    Ipv4,
    Ipv6,
}

impl Outer {
    fn endpoint(self, number: u32) -> String {
        match self {
            Self::Ipv4 => format!("192.0.2.{number}:51820"),
            Self::Ipv6 => format!("[2001:db8::{number}]:51820"),
        }
    }
}

/// Runs `wgstat check --json` while `meanwhile` makes traffic.
pub(super) fn check(host: &Host, options: &str, meanwhile: impl FnOnce()) -> Value {
    let child = start(host, options);
    // The first sample is taken by then.
    std::thread::sleep(Duration::from_millis(300));
    meanwhile();
    let output = child.wait_with_output().unwrap();
    let document = common::document(&output.stdout);
    assert_eq!(document["exit_code"], output.status.code().unwrap(), "{document}");
    document
}

fn start(host: &Host, options: &str) -> Child {
    let words = options.split_whitespace();
    Command::new("ip")
        .args(["netns", "exec", host.name(), "wgstat", "check", "--json"])
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Returns the ids of these severities, sorted and without duplicates.
pub(super) fn ids(document: &Value, severities: &[&str]) -> Vec<String> {
    let findings = document["findings"].as_array().unwrap().iter();
    let of_severity = |finding: &&Value| severities.contains(&finding["severity"].as_str().unwrap());
    let mut ids: Vec<String> = findings.filter(of_severity).map(|finding| text(finding, "id")).collect();
    ids.sort();
    ids.dedup();
    ids
}

pub(super) const BAD: &[&str] = &["warning", "critical"];

pub(super) fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

pub(super) fn wait(seconds: u64) {
    std::thread::sleep(Duration::from_secs(seconds));
}
