//! Tests wgstat without the kernel module, and without privilege.

use serde_json::Value;

use super::guest::{Host, base64, private_key, public_key};
use super::vm::sh;

pub(super) const TESTS: &[(&str, fn())] = &[
    ("unprivileged_user_gets_all_statistics_and_no_peers", unprivileged),
    ("service_that_may_not_read_names_says_so_where_it_matters", unreadable_names),
    ("process_leaves_no_core_to_read", not_dumpable),
    ("daemon_of_root_shows_its_counters_to_everybody", daemon_of_root),
];

/// Runs first. Without the module, the kernel ignores the filter and lists every link.
pub(super) fn kernel_without_module() {
    let host = Host::new();
    host.sh("ip link add wg0 type dummy; ip link add wg1 type dummy");
    let output = host.run(&["wgstat"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout, b"no WireGuard interfaces\n");
    let hint = String::from_utf8(output.stderr).unwrap();
    assert!(hint.starts_with("hint: ") && hint.contains("modprobe wireguard"), "{hint}");
    let status = host.json("status --strict");
    assert_eq!(status["networks"], Value::Array(Vec::new()));
    assert_eq!(status["problems"], Value::Array(Vec::new()));
}

fn unprivileged() {
    let host = Host::new();
    std::fs::write("/tmp/key", base64(&private_key(1))).unwrap();
    for interface in ["wg0", "wg1"] {
        host.sh(&format!(
            "ip link add {interface} type wireguard
             wg set {interface} private-key /tmp/key peer {} endpoint 127.0.0.1:9 allowed-ips 10.9.0.2/32
             ip address add 10.9.0.1/24 dev {interface}; ip link set {interface} up
             ping -q -c 3 -i 0.1 -W 1 10.9.0.9 >/dev/null 2>&1 || true",
            public_key(2)
        ));
    }
    let full = host.json("status");
    assert!(full["totals"]["tx_errors"].as_u64().unwrap() >= 3, "something is shown");

    let unprivileged = |arguments: &[&str]| {
        host.run(&[&["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "wgstat"], arguments].concat())
    };
    let output = unprivileged(&["status", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let status = super::common::document(&output.stdout);
    for (ours, theirs) in status["networks"].as_array().unwrap().iter().zip(full["networks"].as_array().unwrap()) {
        for key in
            ["interface", "ifindex", "mtu", "enabled", "up", "operstate", "interface_stats", "interface_stats_detail"]
        {
            assert_eq!(ours[key], theirs[key], "{key}");
        }
        for key in ["peers", "public_key", "listen_port", "fwmark"] {
            assert_eq!(ours[key], Value::Null, "{key}");
        }
    }
    assert_eq!(status["networks"].as_array().unwrap().len(), 2);
    let problems = status["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1, "reported once, not per interface: {problems:?}");
    assert_eq!(problems[0]["code"], "PERMISSION_DENIED");
    assert_eq!(problems[0]["interface"], Value::Null);

    let output = unprivileged(&["status"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "wgstat: cannot read peers: operation not permitted\n\
         hint: run it with sudo, or as a service with AmbientCapabilities=CAP_NET_ADMIN\n"
    );
    assert_eq!(unprivileged(&["status", "--strict"]).status.code(), Some(1));
    let output = unprivileged(&["status", "--strict", "--no-peers"]);
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()));
}

/// A service with `CAP_NET_ADMIN` that is not root can read peers, but not the files with their names.
fn unreadable_names() {
    let host = Host::new();
    std::fs::write("/tmp/key", base64(&private_key(1))).unwrap();
    host.sh(&format!(
        "mkdir -p /etc/wireguard /etc/systemd/network; chmod 755 /etc
         printf '[Interface]\n# Name = office\nListenPort = 1\n\n[Peer]\n# alice\nPublicKey = {key}\n' > /etc/wireguard/wg0.conf
         printf '[Peer]\n# bob\nPublicKey = {key}\n' > /etc/wireguard/wg5.conf
         chmod 600 /etc/wireguard/*; chmod 700 /etc/wireguard
         ip link add wg0 type wireguard; wg set wg0 private-key /tmp/key peer {key} allowed-ips 10.9.0.2/32
         ip address add 10.9.0.1/24 dev wg0; ip link set wg0 up",
        key = public_key(2)
    ));
    let service = |arguments: &[&str]| {
        let id = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        let grant = ["--inh-caps=+net_admin", "--ambient-caps=+net_admin", "wgstat"];
        host.run(&[&id[..], &grant, arguments].concat())
    };
    let problems = |arguments: &[&str]| -> Vec<String> {
        let status = super::common::document(&service(arguments).stdout);
        assert!(status["networks"][0]["peers"][0]["public_key"] == public_key(2), "{status}");
        let all = status["problems"].as_array().unwrap().iter();
        all.map(|problem| {
            assert_eq!(problem["code"], "NAMES_UNREADABLE");
            assert!(problem["hint"].as_str().unwrap().contains("CAP_DAC_READ_SEARCH"), "{problem}");
            problem["message"].as_str().unwrap().to_owned()
        })
        .collect()
    };
    let status = ["status", "--json"];
    let denied = |path: &str| format!("{path}: cannot read names: Permission denied (os error 13)");
    assert_eq!(problems(&status), [denied("/etc/wireguard")]);
    let metrics = String::from_utf8(service(&["export-metrics"]).stdout).unwrap();
    assert!(metrics.contains("wg_scrape_success{source=\"names\"} 0\n"), "{metrics}");
    assert!(metrics.contains("wg_scrape_success{source=\"peers\"} 1\n"), "{metrics}");
    assert_eq!(service(&["status", "--strict"]).status.code(), Some(1));
    let check = service(&["check", "--interval", "0"]);
    assert_eq!(check.status.code(), Some(0), "a tunnel without a name is just as healthy");
    // Files of other interfaces do not matter here.
    host.sh("chmod 755 /etc/wireguard");
    assert_eq!(problems(&status), [denied("/etc/wireguard/wg0.conf")]);
    // If every peer has a name, no name is missing.
    host.sh(&format!("printf '[peers.\"{}\"]\nname = \"alice\"\n' > /tmp/names.toml", public_key(2)));
    assert_eq!(problems(&["status", "--json", "--config", "/tmp/names.toml"]), [""; 0]);
    let named = host.json("status");
    assert_eq!((&named["networks"][0]["name"], &named["problems"]), (&"office".into(), &serde_json::json!([])));
    assert_eq!(named["networks"][0]["peers"][0]["name"], "alice");
    // Without access to the peers, no name is missing either.
    host.sh("chmod 700 /etc/wireguard");
    let output = host.run(&["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "wgstat", "--json"]);
    let codes = super::common::document(&output.stdout)["problems"].to_string();
    assert!(codes.contains("PERMISSION_DENIED") && !codes.contains("NAMES"), "{codes}");
    host.sh("rm -r /etc/wireguard /tmp/names.toml");
}

fn not_dumpable() {
    // proc(5): /proc/PID of a process that is not dumpable is owned by root.
    let host = Host::new();
    host.sh("ip link add wg0 type wireguard");
    let owner = host.sh(
        "setpriv --reuid=65534 --regid=65534 --clear-groups wgstat stats wg0 --interval 3s >/dev/null 2>&1 & sleep 1
         stat -c %u /proc/$(pidof wgstat)/mem; wait",
    );
    assert_eq!(owner.trim(), "0");
}

/// The socket of a daemon is owned by root. Others get the counters of its link, found by its name.
fn daemon_of_root() {
    let host = Host::new();
    let pid = sh("wireguard-go -f wg7 >/dev/null 2>&1 & echo $!
        for n in $(seq 100); do [ -S /run/wireguard/wg7.sock ] && exit; sleep 0.1; done; exit 1");
    sh(&format!("ip link set wg7 netns {}", host.name()));
    host.sh(
        "ip address add 10.7.0.1/24 dev wg7; ip link set wg7 up; ping -q -c 3 -i 0.1 -W 1 10.7.0.2 >/dev/null || true",
    );

    let output = host.run(&["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "wgstat", "--json"]);
    let status = super::common::document(&output.stdout);
    let network = &status["networks"][0];
    let link: Value = serde_json::from_str(&host.sh("ip -s -j link show wg7")).unwrap();
    assert_eq!(network["device_type"], "userspace");
    assert_eq!(network["peers"], Value::Null);
    assert_eq!(network["interface_stats"]["tx_packets"], link[0]["stats64"]["tx"]["packets"]);
    assert!(network["interface_stats"]["tx_packets"].as_u64().unwrap() >= 3);
    assert_eq!(status["problems"].as_array().unwrap().len(), 1);
    assert_eq!(status["problems"][0]["hint"], "run it with sudo: the sockets are owned by root");

    // Root may ask, and sees that the process is in another namespace than the link.
    let network = host.stats("wg7");
    assert_eq!((&network["ifindex"], &network["device_type"]), (&Value::Null, &"userspace".into()));
    assert_eq!(network["peers"], Value::Array(Vec::new()));
    sh(&format!("kill {pid}"));
}
