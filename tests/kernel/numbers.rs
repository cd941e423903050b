//! Compares every number of `status --json` with `wg show all dump` and `ip -s -s -j -d link`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::guest::{Host, base64, private_key, public_key, sh};

pub(super) const TESTS: &[(&str, fn())] = &[
    ("no_interface", || same_numbers(&networks(0, 0))),
    ("one_interface_without_peers", || same_numbers(&networks(1, 0))),
    ("one_interface_with_every_kind_of_peer", every_kind_of_peer),
    ("three_interfaces_with_10_peers", || same_numbers(&networks(3, 10))),
    ("hundred_interfaces_with_2_peers", || same_numbers(&networks(100, 2))),
    ("thousand_peers", || same_numbers(&networks(1, 1_000))),
    ("twelve_thousand_peers", || same_numbers(&networks(1, 12_000))),
    ("peer_with_500_allowed_ips_is_one_peer", peer_with_500_allowed_ips),
    ("peer_larger_than_a_message_is_one_peer", peer_larger_than_a_message),
    ("traffic_in_both_directions", traffic),
    ("link_with_400_altnames_is_not_lost", link_with_400_altnames),
    ("altname_finds_its_interface", altname_finds_its_interface),
    ("peers_that_change_while_they_are_read", peers_that_change),
];

/// Returns a host with this many interfaces and peers of each.
fn networks(interfaces: u32, peers: u32) -> Host {
    let host = Host::new();
    for interface in 0..interfaces {
        let mut config = format!(
            "[Interface]\nPrivateKey = {}\nListenPort = {}\nFwMark = {}\n",
            base64(&private_key(interface)),
            20_000 + interface,
            interface * 3
        );
        for peer in 0..peers {
            let number = 1_000_000 + interface * 100_000 + peer;
            let (high, middle, low) = (peer >> 16 & 0xff, peer >> 8 & 0xff, peer & 0xff);
            // Any 32 bytes are a public key, and deriving thousands would take the emulator minutes.
            let _ = write!(
                config,
                "[Peer]\nPublicKey = {}\nAllowedIPs = 10.{high}.{middle}.{low}/32\nEndpoint = 127.0.0.1:{}\n",
                base64(&private_key(number)),
                1 + peer % 60_000
            );
        }
        std::fs::write("/tmp/wg.conf", config).unwrap();
        host.sh(&format!("ip link add wg{interface} type wireguard && wg setconf wg{interface} /tmp/wg.conf && ip link set wg{interface} mtu {} up", 1300 + interface));
    }
    host
}

/// Compares all numbers. No traffic changes the counters meanwhile.
pub(super) fn same_numbers(host: &Host) {
    let links: Value = match host.sh("ip -s -s -j -d link show type wireguard").trim() {
        "" => Value::Array(Vec::new()),
        text => serde_json::from_str(text).unwrap(),
    };
    let dump = host.sh("wg show all dump");
    let status = host.json("status --all");
    let networks = status["networks"].as_array().unwrap();
    let links: Vec<&Value> = links.as_array().unwrap().iter().filter(|link| link.get("ifname").is_some()).collect();
    assert_eq!(networks.len(), links.len(), "number of networks");
    for (network, link) in networks.iter().zip(&links) {
        same_link(network, link);
    }
    same_peers(networks, &dump);
    for key in networks.first().map(|network| network["interface_stats"].as_object().unwrap()).into_iter().flatten() {
        let sum: u64 = networks.iter().map(|network| network["interface_stats"][key.0].as_u64().unwrap()).sum();
        assert_eq!(status["totals"][key.0], sum, "total of {}", key.0);
    }
}

fn same_link(network: &Value, link: &Value) {
    let same = |ours: &Value, theirs: &Value, name: &str| {
        assert_eq!(ours, theirs, "{name} of {}", link["ifname"]);
        assert!(!theirs.is_null(), "ip does not show {name}");
    };
    same(&network["interface"], &link["ifname"], "name");
    same(&network["ifindex"], &link["ifindex"], "ifindex");
    same(&network["id"], &link["ifindex"], "id");
    same(&network["mtu"], &link["mtu"], "mtu");
    assert_eq!(network["operstate"], link["operstate"].as_str().unwrap().to_lowercase());
    let flags: Vec<&str> = link["flags"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(network["enabled"], flags.contains(&"UP"));
    assert_eq!(network["up"], flags.contains(&"UP") && !flags.contains(&"NO-CARRIER"));
    let (rx, tx) = (&link["stats64"]["rx"], &link["stats64"]["tx"]);
    let main = &network["interface_stats"];
    for name in ["bytes", "packets", "errors", "dropped"] {
        same(&main[&format!("rx_{name}")], &rx[name], name);
        same(&main[&format!("tx_{name}")], &tx[name], name);
    }
    same(&main["multicast"], &rx["multicast"], "multicast");
    let detail = &network["interface_stats_detail"];
    for name in ["length_errors", "over_errors", "crc_errors", "frame_errors", "fifo_errors", "missed_errors"] {
        same(&detail[&format!("rx_{name}")], &rx[name], name);
    }
    for name in ["aborted_errors", "fifo_errors", "window_errors", "heartbeat_errors", "carrier_errors"] {
        same(&detail[&format!("tx_{name}")], &tx[name], name);
    }
    same(&detail["collisions"], &tx["collisions"], "collisions");
    // ip prints this one only when it is not 0.
    assert_eq!(detail["rx_nohandler"], rx["nohandler"].as_u64().unwrap_or(0));
}

/// Parses `wg show all dump`: a line of 5 columns for each interface, then a line of 9 for each peer.
fn same_peers(networks: &[Value], dump: &str) {
    let mut interfaces = BTreeMap::new();
    for line in dump.lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let entry = interfaces.entry(columns[0]).or_insert_with(|| (Vec::new(), Vec::new()));
        if columns.len() == 5 { entry.0 = columns } else { entry.1.push(columns) }
    }
    assert_eq!(networks.len(), interfaces.len());
    for network in networks {
        let name = network["interface"].as_str().unwrap();
        let (device, peers) = &interfaces[name];
        assert_eq!(text(&network["public_key"], "(none)"), device[2], "public key of {name}");
        assert_eq!(network["listen_port"], device[3].parse::<u64>().unwrap(), "port of {name}");
        let fwmark = device[4].strip_prefix("0x").map_or(0, |hex| u64::from_str_radix(hex, 16).unwrap());
        assert_eq!(network["fwmark"], fwmark, "fwmark of {name}");
        let ours = network["peers"].as_array().unwrap();
        assert_eq!(ours.len(), peers.len(), "number of peers of {name}");
        for (place, (ours, theirs)) in ours.iter().zip(peers).enumerate() {
            let number = |column: usize| theirs[column].parse::<u64>().unwrap_or(0);
            assert_eq!(ours["id"], place + 1);
            assert_eq!(ours["public_key"], theirs[1]);
            assert_eq!(ours["has_preshared_key"], theirs[2] != "(none)", "preshared key of {}", theirs[1]);
            assert_eq!(text(&ours["endpoint"], "(none)"), theirs[3]);
            let ips: Vec<&str> = ours["allowed_ips"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            let ips = if ips.is_empty() { "(none)".to_owned() } else { ips.join(",") };
            assert_eq!(ips, theirs[4], "allowed-ips of {}", theirs[1]);
            assert_eq!(ours["last_handshake"].as_u64().unwrap_or(0), number(5), "handshake of {}", theirs[1]);
            assert_eq!(ours["last_handshake"].is_null(), number(5) == 0);
            assert_eq!(ours["transfer_rx"], number(6), "bytes from {}", theirs[1]);
            assert_eq!(ours["transfer_tx"], number(7), "bytes to {}", theirs[1]);
            assert_eq!(ours["persistent_keepalive"], number(8), "keepalive of {}", theirs[1]);
        }
    }
}

fn text<'a>(value: &'a Value, null: &'a str) -> &'a str {
    value.as_str().unwrap_or(null)
}

fn every_kind_of_peer() {
    let host = every_kind();
    same_numbers(&host);
    assert_eq!(host.stats("wg0")["alias"], "office");
    assert_eq!(host.stats("wg0")["peers"][0]["protocol_version"], 1);
    assert_eq!(host.stats("wg1")["public_key"], Value::Null);
    assert_eq!(host.stats("wg1")["enabled"], false);
}

/// One interface has peers with and without every attribute, one has none at all.
pub(super) fn every_kind() -> Host {
    let host = Host::new();
    let psk = base64(&private_key(77));
    std::fs::write(
        "/tmp/wg.conf",
        format!(
            "[Interface]\nPrivateKey = {}\nListenPort = 51820\nFwMark = 0xca6c\n\
             [Peer]\nPublicKey = {}\nPresharedKey = {psk}\nEndpoint = 127.0.0.1:1\nPersistentKeepalive = 25\n\
             AllowedIPs = 10.0.0.0/8, 0.0.0.0/0, ::/0, fd00:1::/64, 2001:db8::1/128\n\
             [Peer]\nPublicKey = {}\nEndpoint = [::1]:65535\n\
             [Peer]\nPublicKey = {}\nEndpoint = [2001:db8::5]:51820\nAllowedIPs = 192.0.2.1/32\nPersistentKeepalive = 65535\n\
             [Peer]\nPublicKey = {}\nAllowedIPs = 192.0.2.0/24\n",
            base64(&private_key(1)),
            public_key(2),
            public_key(3),
            public_key(4),
            public_key(5),
        ),
    )
    .unwrap();
    host.sh("ip link add wg0 type wireguard && ip link set wg0 alias office && wg setconf wg0 /tmp/wg.conf && ip link set wg0 up");
    // A second one without a key, and never up.
    host.sh("ip link add wg1 type wireguard");
    host
}

fn peer_with_500_allowed_ips() {
    let host = second_of_three_peers(&(0..500).map(|n| format!("fd00:{n:x}::/64")).collect::<Vec<_>>());
    same_numbers(&host);
    assert_eq!(host.stats("wg0")["peers"][1]["allowed_ips"].as_array().unwrap().len(), 500);
}

/// The kernel sends at most 32 KiB at once, and an IPv4 allowed-ip takes 28 bytes of it.
fn peer_larger_than_a_message() {
    let host = split_peer();
    same_numbers(&host);
    let network = host.stats("wg0");
    assert_eq!(network["peers"].as_array().unwrap().len(), 3);
    assert_eq!(network["peers"][1]["allowed_ips"].as_array().unwrap().len(), 1300);
    assert_eq!(network["peers"][1]["persistent_keepalive"], 9);
}

/// The second of three peers does not fit into the message in which it starts.
pub(super) fn split_peer() -> Host {
    second_of_three_peers(&(0..1300).map(|n| format!("10.{}.{}.0/24", 1 + n / 250, n % 250)).collect::<Vec<_>>())
}

fn second_of_three_peers(ips: &[String]) -> Host {
    let host = Host::new();
    std::fs::write(
        "/tmp/wg.conf",
        format!(
            "[Interface]\nPrivateKey = {}\n[Peer]\nPublicKey = {}\nAllowedIPs = 10.0.0.1/32\n\
             [Peer]\nPublicKey = {}\nAllowedIPs = {}\nPersistentKeepalive = 9\n\
             [Peer]\nPublicKey = {}\nAllowedIPs = 10.0.0.3/32\n",
            base64(&private_key(1)),
            public_key(2),
            public_key(3),
            ips.join(","),
            public_key(4),
        ),
    )
    .unwrap();
    host.sh("ip link add wg0 type wireguard && wg setconf wg0 /tmp/wg.conf");
    host
}

fn traffic() {
    let pair = super::faults::Pair::new();
    pair.near.sh("ping -q -c 50 -i 0.01 -s 900 10.9.0.2");
    same_numbers(&pair.near);
    same_numbers(&pair.far);
    let network = pair.near.stats("wg0");
    assert_eq!(network["peers"][0]["online"], true);
    assert!(network["interface_stats"]["rx_bytes"].as_u64().unwrap() > 50 * 900);
    let over = pair.near.json("stats wg0 --interval 1s");
    let rates = &over["networks"][0]["rates"];
    assert_eq!(rates["reset"], false);
    assert_eq!(rates["rx_errors"], 0.0);
    assert!((0.99..2.0).contains(&rates["interval_seconds"].as_f64().unwrap()), "{rates}");
}

/// One of four links has too many names for its message to fit into a page.
fn link_with_400_altnames() {
    let host = networks(4, 1);
    let mut batch = String::new();
    for name in 0..400 {
        let _ = writeln!(batch, "link property add dev wg1 altname {:a<100}{name}", "");
    }
    std::fs::write("/tmp/altnames", batch).unwrap();
    sh(&format!("ip -n {} -batch /tmp/altnames", host.name()));
    let status = host.json("status");
    let names: Vec<&str> =
        status["networks"].as_array().unwrap().iter().map(|network| network["interface"].as_str().unwrap()).collect();
    assert_eq!(names, ["wg0", "wg1", "wg2", "wg3"]);
    assert_eq!(host.stats("wg1")["mtu"], 1301);
}

fn altname_finds_its_interface() {
    let host = networks(1, 0);
    host.sh("ip link property add dev wg0 altname short altname a-name-of-more-than-fifteen-bytes");
    for name in ["wg0", "short", "a-name-of-more-than-fifteen-bytes"] {
        assert_eq!(host.stats(name)["interface"], "wg0", "{name}");
    }
    let both = host.json("status wg0 short");
    assert_eq!(both["networks"].as_array().unwrap().len(), 1, "two names of one interface");
}

/// Each sample is complete or reports a problem: a peer that stays is never missing, and no peer is listed twice.
fn peers_that_change() {
    let host = networks(1, 300);
    let stays = base64(&private_key(1_000_000));
    host.sh(&format!(
        "(for i in $(seq 400); do wg set wg0 peer {0} allowed-ips 10.200.0.1/32; wg set wg0 peer {0} remove; done) \
         >/dev/null 2>&1 & echo $! > /tmp/churn",
        public_key(9)
    ));
    let mut whole = 0;
    for _ in 0..40 {
        let status = host.json("status --all");
        let network = &status["networks"][0];
        let Some(peers) = network["peers"].as_array() else {
            assert_eq!(status["problems"][0]["code"], "DUMP_INTERRUPTED");
            continue;
        };
        whole += 1;
        let mut keys: Vec<&str> = peers.iter().map(|peer| peer["public_key"].as_str().unwrap()).collect();
        assert!(keys.len() == 300 || keys.len() == 301, "{} peers", keys.len());
        assert!(keys.contains(&stays.as_str()));
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), peers.len(), "a peer is there twice");
    }
    assert!(whole > 0, "none of 40 reads was complete");
    let _ = std::process::Command::new("sh").args(["-c", "kill $(cat /tmp/churn)"]).status();
}
