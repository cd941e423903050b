//! Injects every fault that the texts explain, and compares the counters. If a kernel counts differently, the texts are wrong
//! for it.

use serde_json::Value;

use super::guest::{Host, base64, private_key, public_key, sh};

pub(super) const TESTS: &[(&str, fn())] = &[
    ("ten_pings_are_eleven_messages", ten_pings),
    ("destination_of_no_peer_is_tx_errors", destination_of_no_peer),
    ("source_outside_allowed_ips_is_rx_frame_errors", forbidden_source),
    ("peer_without_endpoint_is_tx_errors", no_endpoint),
    ("peer_that_never_answers_is_tx_dropped", never_answers),
    ("packet_over_the_mtu_with_df_is_not_counted", over_the_mtu),
    ("large_packets_are_fragmented_inside_without_error", inner_fragments),
    ("small_outer_mtu_fragments_outside_without_error", outer_fragments),
    ("removed_peer_leaves_the_interface_counters", removed_peer),
    ("no_route_to_the_endpoint_is_not_counted", no_route),
    ("refused_ipv4_send_is_tx_dropped", refused_ipv4),
    ("refused_ipv6_send_is_tx_aborted_errors", refused_ipv6),
    ("lab_shows_its_faults_on_the_kernel", lab),
];

/// Holds two hosts with a link and a tunnel: near is 10.9.0.1, far is 10.9.0.2.
pub(super) struct Pair {
    pub(super) near: Host,
    pub(super) far: Host,
}

impl Pair {
    pub(super) fn new() -> Self {
        Self::over("192.0.2.2:51820")
    }

    fn over(endpoint: &str) -> Self {
        let (near, far) = (Host::new(), Host::new());
        sh(&format!("ip -n {} link add eth0 type veth peer name eth0 netns {}", near.name(), far.name()));
        for (host, number, other) in [(&near, 1, 2), (&far, 2, 1)] {
            std::fs::write("/tmp/key", base64(&private_key(number))).unwrap();
            host.sh(&format!(
                "ip address add 192.0.2.{number}/24 dev eth0; ip address add 2001:db8::{number}/64 dev eth0 nodad
                 ip link set eth0 up; ip link add wg0 type wireguard
                 wg set wg0 listen-port 51820 private-key /tmp/key peer {} allowed-ips 10.9.0.{other}/32
                 ip address add 10.9.0.{number}/24 dev wg0; ip link set wg0 up",
                public_key(other)
            ));
        }
        near.sh(&format!("wg set wg0 peer {} endpoint {endpoint}", public_key(2)));
        Self { near, far }
    }

    fn ping(&self, words: &str) {
        // A reply is not needed.
        self.near.sh(&format!("ping -q -W 1 {words} >/dev/null 2>&1 || true"));
    }
}

/// Holds the counters of wg0 and of its first peer at one time.
struct Reading(Value);

impl Reading {
    fn of(host: &Host) -> Self {
        Self(host.stats("wg0"))
    }

    fn get(&self, counter: &str) -> i64 {
        let network = &self.0;
        let value = match counter.split_once('.') {
            Some(("peer", counter)) => &network["peers"][0][counter],
            _ if !network["interface_stats"][counter].is_null() => &network["interface_stats"][counter],
            _ => &network["interface_stats_detail"][counter],
        };
        value.as_i64().unwrap_or_else(|| panic!("no counter {counter}"))
    }

    /// Returns the changes as `name +3`, in a fixed order, without bytes.
    fn moved_since(&self, before: &Self) -> String {
        let mut names: Vec<String> = Vec::new();
        for part in ["interface_stats", "interface_stats_detail"] {
            names.extend(self.0[part].as_object().unwrap().keys().filter(|name| !name.ends_with("bytes")).cloned());
        }
        names.sort();
        let moved: Vec<String> = names
            .iter()
            .map(|name| (name, self.get(name) - before.get(name)))
            .filter(|(_, by)| *by != 0)
            .map(|(name, by)| format!("{name} {by:+}"))
            .collect();
        moved.join(", ")
    }
}

/// Returns the changes of the near host's counters during a fault.
fn during(pair: &Pair, happens: impl FnOnce()) -> String {
    let before = Reading::of(&pair.near);
    happens();
    Reading::of(&pair.near).moved_since(&before)
}

fn ten_pings() {
    let pair = Pair::new();
    let moved = during(&pair, || pair.ping("-c 10 -i 0.1 10.9.0.2"));
    assert_eq!(moved, "rx_packets +11, tx_packets +11");
    for host in [&pair.near, &pair.far] {
        let reading = Reading::of(host);
        assert_eq!(reading.get("rx_bytes"), reading.get("peer.transfer_rx"));
        assert_eq!(reading.get("tx_bytes"), reading.get("peer.transfer_tx"));
    }
}

fn destination_of_no_peer() {
    let pair = Pair::new();
    let moved = during(&pair, || pair.ping("-c 3 -i 0.1 10.9.0.77"));
    assert_eq!(moved, "tx_errors +3");
}

fn forbidden_source() {
    let pair = Pair::new();
    pair.ping("-c 1 10.9.0.2");
    pair.near.sh("ip address add 10.9.0.99/32 dev wg0");
    let before = Reading::of(&pair.far);
    pair.ping("-c 5 -i 0.1 -I 10.9.0.99 10.9.0.2");
    let after = Reading::of(&pair.far);
    assert_eq!(after.moved_since(&before), "rx_errors +5, rx_frame_errors +5");
    assert_eq!(after.get("rx_bytes"), before.get("rx_bytes"));
    assert_eq!(after.get("peer.transfer_rx"), before.get("peer.transfer_rx"));
}

fn no_endpoint() {
    let pair = Pair::new();
    pair.near.sh(&format!("wg set wg0 peer {} allowed-ips 10.9.0.5/32", public_key(5)));
    let moved = during(&pair, || pair.ping("-c 3 -i 0.1 10.9.0.5"));
    assert_eq!(moved, "tx_errors +3");
}

fn never_answers() {
    let pair = Pair::new();
    pair.near.sh(&format!("wg set wg0 peer {} endpoint 192.0.2.99:51820 allowed-ips 10.9.0.5/32", public_key(5)));
    let moved = during(&pair, || pair.ping("-c 300 -i 0.002 10.9.0.5"));
    assert_eq!(moved, "tx_dropped +171, tx_packets +1");
    let moved = during(&pair, || drop(pair.near.sh("ip link set wg0 down")));
    assert_eq!(moved, "tx_dropped +129");
}

fn over_the_mtu() {
    let pair = Pair::new();
    pair.ping("-c 1 10.9.0.2");
    // 1400 bytes and 28 of headers: 8 more than the tunnel's 1420.
    let moved = during(&pair, || pair.ping("-c 2 -i 0.1 -M do -s 1400 10.9.0.2"));
    assert_eq!(moved, "");
}

fn inner_fragments() {
    let pair = Pair::new();
    pair.ping("-c 1 10.9.0.2");
    let moved = during(&pair, || pair.ping("-c 2 -i 0.1 -s 3000 10.9.0.2"));
    assert_eq!(moved, "rx_packets +6, tx_packets +6");
}

fn outer_fragments() {
    let pair = Pair::new();
    pair.ping("-c 1 10.9.0.2");
    for host in [&pair.near, &pair.far] {
        host.sh("ip link set eth0 mtu 1300");
    }
    let fragments = || -> u64 {
        let snmp = pair.near.sh("cat /proc/net/snmp");
        let lines: Vec<Vec<&str>> =
            snmp.lines().filter(|line| line.starts_with("Ip:")).map(|line| line.split(' ').collect()).collect();
        let place = lines[0].iter().position(|name| *name == "FragOKs").unwrap();
        lines[1][place].parse().unwrap()
    };
    let before = fragments();
    let moved = during(&pair, || pair.ping("-c 3 -i 0.1 -s 1300 10.9.0.2"));
    assert_eq!(moved, "rx_packets +3, tx_packets +3");
    assert_eq!(fragments() - before, 3);
}

fn removed_peer() {
    let pair = Pair::new();
    pair.ping("-c 10 -i 0.1 10.9.0.2");
    let before = Reading::of(&pair.near);
    pair.near.sh(&format!("wg set wg0 peer {} remove", public_key(2)));
    let after = Reading::of(&pair.near);
    assert_eq!(after.0["peers"].as_array().unwrap().len(), 0);
    assert!(after.get("rx_bytes") >= before.get("rx_bytes") && before.get("rx_bytes") > 0);
}

fn no_route() {
    let pair = Pair::over("203.0.113.9:51820");
    let before = Reading::of(&pair.near);
    pair.ping("-c 3 -i 0.1 10.9.0.2");
    let after = Reading::of(&pair.near);
    assert_eq!(after.moved_since(&before), "");
    assert_eq!(after.get("peer.transfer_tx"), before.get("peer.transfer_tx"));
}

fn refused_ipv4() {
    let pair = Pair::new();
    pair.ping("-c 1 10.9.0.2");
    refuse(&pair, "ip");
    let before = Reading::of(&pair.near);
    pair.ping("-c 3 -i 0.1 10.9.0.2");
    let after = Reading::of(&pair.near);
    assert_eq!(after.moved_since(&before), "tx_dropped +3");
    assert_eq!(after.get("peer.transfer_tx") - before.get("peer.transfer_tx"), 384);
    // The peer counts packets that the interface did not send, so the difference is negative.
    assert_eq!(after.get("tx_bytes") - after.get("peer.transfer_tx"), -384);
    let text = String::from_utf8(pair.near.run(&["wgstat", "stats", "wg0"]).stdout).unwrap();
    let has_difference = |line: &str| line.split_whitespace().eq(["difference", "0", "-384"]);
    assert!(text.lines().any(has_difference), "{text}");
}

fn refused_ipv6() {
    let pair = Pair::over("[2001:db8::2]:51820");
    pair.ping("-c 1 10.9.0.2");
    refuse(&pair, "ip6");
    let before = Reading::of(&pair.near);
    pair.ping("-c 3 -i 0.1 10.9.0.2");
    let after = Reading::of(&pair.near);
    assert_eq!(after.moved_since(&before), "tx_aborted_errors +3, tx_errors +3");
    assert_eq!(after.get("peer.transfer_tx") - before.get("peer.transfer_tx"), 384);
}

/// Adds a firewall to the near host that drops the packets of the tunnel.
fn refuse(pair: &Pair, family: &str) {
    pair.near.sh(&format!(
        "nft add table {family} t; nft add chain {family} t o \"{{ type filter hook output priority 0; }}\"
         nft add rule {family} t o meta oifname eth0 drop"
    ));
}

/// The lab's README example, with the kernel's WireGuard.
fn lab() {
    let text = sh("lab --backend kernel wgstat status --json");
    let status = super::common::document(text.as_bytes());
    let office = &status["networks"][0];
    assert_eq!(office["device_type"], "Linux kernel");
    assert_eq!(office["interface_stats"]["rx_errors"], 5);
    assert_eq!(office["interface_stats_detail"]["rx_frame_errors"], 5);
    assert_eq!(office["interface_stats"]["tx_errors"], 3);
    let online =
        |network: &Value| network["peers"].as_array().unwrap().iter().filter(|peer| peer["online"] == true).count();
    assert_eq!((online(office), online(&status["networks"][1])), (2, 1));
    let ids: Vec<&str> =
        status["findings"].as_array().unwrap().iter().map(|finding| finding["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["rx_forbidden_source", "tx_errors", "peer_unreachable"]);
}
