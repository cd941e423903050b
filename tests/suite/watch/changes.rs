//! Tests changes while `watch` runs: interfaces, daemons, names and permissions that appear and vanish.

use serde_json::{Value, json};

use super::session::Session;
use super::{ONLINE, RX_PACKETS, documents, is_heading, out, word};
use crate::common::document;
use crate::lab::in_lab;

/// Drops the capabilities that let root ignore the modes of sockets.
const UNPRIVILEGED: &str = "setpriv --bounding-set=-dac_override,-dac_read_search";

#[test]
fn removed_and_recreated_interface_is_reported_once_and_the_others_continue() {
    let mut session = Session::start("daemon wg7", "$WGSTAT watch wg0 wg7 --interval 300ms");
    let is_of = |name: &'static str| move |line: &str| !is_heading(line) && word(line, 1) == name;
    session.out.until(is_of("wg7"));
    // Link and socket vanish with the daemon. The name is unused for a while, then another link has it.
    session.run("kill $daemon; wait $daemon; true");
    session.stderr.until(|line| line == "wgstat: wg7: interface removed");
    assert_eq!(session.stderr.next(), "wgstat: wg7: critical: interface not found (requested or configured)");
    let only_wg0 = |session: &Session| {
        for _ in 0..4 {
            assert_eq!(word(&session.out.until(|line| !is_heading(line)).pop().unwrap(), 1), "wg0");
        }
    };
    // This line is of a tick that had already started.
    session.out.until(is_of("wg0"));
    only_wg0(&session);
    session.run("ip tuntap add wg7 mode tun");
    only_wg0(&session);
    session.run("ip link del wg7; daemon wg7");
    session.stderr.until(|line| line == "wgstat: wg7: interface added");
    session.out.until(is_of("wg7"));
    // After a kill the socket remains, and reading it fails at each tick.
    session.run("kill -9 $daemon; wait $daemon; true");
    let mut stderr = session.stderr.until(|line| line.starts_with("hint: restart the daemon"));
    for _ in 0..4 {
        session.out.until(is_of("wg7"));
    }
    let (lines, rest) = session.end();
    assert!(lines.iter().all(|line| is_heading(line) || line.starts_with("20")), "{lines:#?}");
    stderr.extend(rest);
    // Events of the new interface before its link was up are optional.
    stderr.retain(|line| !line.contains("administratively down"));
    // The daemon may die while it is queried.
    let is_reset =
        |line: &String| line.contains("Connection reset by peer") || line.contains("restart the daemon if it hangs");
    stderr.retain(|line| !is_reset(line));
    let expected = [
        "wgstat: wg7: counter reset",
        "wgstat: wg7: fixed: interface not found (requested or configured)",
        "wgstat: wg7: interface removed",
        "wgstat: wg7: critical: the userspace daemon is not running: its socket refuses connections, and the link is gone",
        "wgstat: wg7: the daemon behind /var/run/wireguard/wg7.sock is dead: connection refused",
        "hint: restart the daemon, or remove the stale socket file",
    ];
    for line in expected {
        assert_eq!(stderr.iter().filter(|other| *other == line).count(), 1, "{line}: {stderr:#?}");
    }
    assert_eq!(stderr.len(), expected.len(), "{stderr:#?}");
}

#[test]
fn added_and_removed_links_are_reported_immediately() {
    for pattern in ["", "'wg*'"] {
        let command = format!("$WGSTAT watch {pattern} --json --interval 1h");
        let mut session = Session::start("daemon other", &command);
        let first = document(session.out.next().as_bytes());
        assert_eq!(first["networks"].as_array().unwrap().len(), if pattern.is_empty() { 3 } else { 2 });
        // These cause no event: they are not WireGuard, or not requested.
        session.run("ip tuntap add tun9 mode tun; ip link set lo down; ip link set lo up");
        if !pattern.is_empty() {
            session.run("ip link set other down");
        }
        session.run("daemon wg7");
        let shown: Value = serde_json::from_str(&session.run("ip -j link show wg7")).unwrap();
        let mut events = Vec::new();
        for (event_type, command) in
            [("interface_added", "true"), ("interface_removed", "kill $daemon; wait $daemon; true")]
        {
            session.run(command);
            // In between there may be findings, until the link was up.
            let lines = session.out.until(|line| document(line.as_bytes())["type"] == event_type);
            events.extend(lines.iter().map(|line| document(line.as_bytes())));
            let event = events.last().unwrap();
            assert_eq!((&event["interface"], &event["network"]), (&"wg7".into(), &"wg7".into()));
            assert_eq!((&event["ifindex"], &event["netns"]), (&shown[0]["ifindex"], &Value::Null));
            for key in ["peer", "endpoint", "previous_endpoint", "previous_interface", "finding"] {
                assert_eq!(event[key], Value::Null, "{key}");
            }
        }
        assert!(events.iter().all(|event| event["interface"] == "wg7" && event["type"] != "sample"), "{events:#?}");
    }
}

#[test]
fn lost_permission_is_reported_once_and_counters_continue() {
    let setup = "wg set wg0 peer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=";
    let mut session = Session::start(setup, &format!("{UNPRIVILEGED} $WGSTAT watch wg0 --interval 200ms"));
    let online = |state: &'static str| move |line: &str| !is_heading(line) && word(line, ONLINE) == state;
    for _ in 0..2 {
        session.out.until(online("2/4"));
        session.run("chmod 0 /run/wireguard/wg0.sock");
        session.out.until(online("-"));
        session.run("ping -q -c 5 -i 0.01 10.9.0.2");
        let is_moving = |line: &str| !is_heading(line) && word(line, RX_PACKETS) != "0.0";
        let blind = session.out.until(is_moving).pop().unwrap();
        assert!(online("-")(&blind), "{blind}");
        session.run("chmod 700 /run/wireguard/wg0.sock");
    }
    session.out.until(online("2/4"));
    let (_, stderr) = session.end();
    // The permission was lost twice, so it is reported twice. The finding about the peer without allowed-ips persists while the
    // peers cannot be read.
    let problem = [
        "wgstat: cannot read peers of userspace daemons: operation not permitted",
        "hint: run it with sudo: the sockets are owned by root",
    ];
    assert_eq!(stderr, [problem, problem].concat());
}

#[test]
fn documents_contain_a_problem_while_it_lasts() {
    let setup = "wg set wg0 peer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=";
    let mut session = Session::start(setup, &format!("{UNPRIVILEGED} $WGSTAT watch --json --interval 200ms"));
    let is_blind = |line: &str| document(line.as_bytes())["networks"][0]["peers"].is_null();
    let mut lines = session.out.until(|line| !is_blind(line));
    session.run("chmod 0 /run/wireguard/wg0.sock");
    lines.extend(session.out.until(is_blind));
    lines.extend((0..3).map(|_| session.out.next()));
    session.run("chmod 700 /run/wireguard/wg0.sock");
    lines.extend(session.out.until(|line| !is_blind(line)));
    let samples = documents(&lines, "sample");
    assert_eq!(samples.len(), lines.len(), "no peer or finding was added or removed: {lines:#?}");
    for sample in samples {
        let [wg0, wg1] = [0, 1].map(|place| &sample["networks"][place]);
        assert!(wg0["interface_stats"]["rx_bytes"].as_u64().unwrap() > 0 && wg1["peers"].is_array());
        let codes: Vec<&Value> = sample["problems"].as_array().unwrap().iter().map(|it| &it["code"]).collect();
        let expected = if wg0["peers"].is_null() { vec!["PERMISSION_DENIED"] } else { vec![] };
        assert_eq!(codes, expected);
    }
    assert_eq!(session.end().1, [] as [&str; 0], "the documents contain it already");
}

#[test]
fn strict_applies_to_the_last_update() {
    let blind = "chmod 0 /run/wireguard/wg0.sock\n";
    for (setup, options, code) in [
        ("", "--strict --count 2 --interval 50ms", 0),
        (blind, "--count 2 --interval 50ms", 0),
        (blind, "--strict --count 1", 1),
        (blind, "--strict --no-peers --count 2 --interval 50ms", 0),
    ] {
        let script = format!("{setup}{UNPRIVILEGED} $WGSTAT watch wg0 {options} >/dev/null 2>&1; echo $?");
        assert_eq!(out(&in_lab("boringtun", &script)), format!("{code}\n"), "{setup}{options}");
    }
    let command = format!("{UNPRIVILEGED} $WGSTAT watch wg0 --strict --count 30 --interval 100ms");
    let mut session = Session::start(blind, &command);
    session.out.until(|line| !is_heading(line));
    session.run("chmod 700 /run/wireguard/wg0.sock");
    assert_eq!(session.run("wait $watch; echo $?"), "0", "only the first samples could not be read");
}

#[test]
fn failed_sample_is_reported_once_and_counts_for_strict() {
    let mut session =
        Session::start("", &format!("{UNPRIVILEGED} $WGSTAT watch wg0 --strict --count 30 --interval 100ms"));
    session.out.until(|line| !is_heading(line));
    session.run("chmod 0 /run/wireguard");
    assert_eq!(session.run("wait $watch; echo $?"), "1");
    let (_, stderr) = session.end();
    let failure =
        "wgstat: wg0: cannot check whether it is WireGuard: /var/run/wireguard: Permission denied (os error 13)";
    assert_eq!(stderr, [failure, "hint: run it with sudo"]);
}

#[test]
fn names_are_reloaded_when_a_file_changes() {
    let setup = "mount -t tmpfs tmpfs /etc/wireguard; key=$(wg show wg1 peers)";
    let mut session = Session::start(setup, "$WGSTAT watch wg1 --json --interval 200ms");
    let key = session.run("echo $key");
    let named = |name: Value| {
        let key = key.clone();
        move |line: &str| {
            let sample = document(line.as_bytes());
            let [network, peer] = [&sample["networks"][0], &sample["networks"][0]["peers"][0]];
            assert_eq!(peer["public_key"], key);
            assert!(network["name"] == "wg1" || network["name"] == "branch");
            peer["name"] == name
        }
    };
    session.out.until(named(Value::Null));
    let write = |name: &str| {
        format!(
            "printf '[Interface]\\n# Name = branch\\nListenPort = 51821\\n[Peer]\\n# %s\\nPublicKey = %s\\n' {name} $key > /etc/wireguard/wg1.conf"
        )
    };
    for (name, command) in [
        (json!("dave"), write("dave")),
        // The file has the same size as before.
        (json!("eve!"), write("eve!")),
        (Value::Null, "rm /etc/wireguard/wg1.conf".to_owned()),
    ] {
        session.run(&command);
        session.out.until(named(name));
    }
}

/// The other end of a veth pair vanishes with its namespace.
#[test]
fn watched_namespace_can_vanish() {
    let setup = "mkdir -p /run/netns; ip netns add blue; ip link add v0 type veth peer name v1 netns blue";
    let mut session = Session::start(setup, "$WGSTAT watch --netns blue --json --interval 200ms");
    assert_eq!(document(session.out.next().as_bytes())["problems"], json!([]));
    session.run("ip link show v0; ip netns del blue");
    session.run("for n in $(seq 500); do ip link show v0 || break; sleep 0.02; done; ! ip link show v0");
    let is_gone = |line: &str| document(line.as_bytes())["problems"][0]["code"] == "NETNS_NOT_FOUND";
    session.out.until(is_gone);
    session.out.until(is_gone);
}

#[test]
fn it_sleeps_between_ticks() {
    let setup =
        "for n in 1 2 3 4 5 6; do wg set wg0 peer $(head -c 32 /dev/urandom | base64) allowed-ips 10.9.1.$n/32; done";
    let mut session = Session::start(setup, "$WGSTAT watch --interval 500ms");
    let is_tick = |line: &str| !is_heading(line) && word(line, 1) == "wg1";
    session.out.until(is_tick);
    assert_eq!(session.run("wg show all peers | wc -l"), "10");
    let switches = |session: &mut Session| -> u64 {
        let count = "sed -n 's/^voluntary_ctxt_switches:[[:space:]]*//p' /proc/$watch/status";
        session.run(count).parse().unwrap()
    };
    let before = switches(&mut session);
    let ticks = 10;
    for _ in 0..ticks {
        session.out.until(is_tick);
    }
    let after = switches(&mut session);
    // It sleeps once per tick, and a few times until the daemons have replied.
    assert!((ticks - 1..=20 * ticks).contains(&(after - before)), "{} in {ticks} ticks", after - before);
    let states: Vec<String> =
        (0..40).map(|_| session.run("sleep 0.02; sed 's/.*) //; s/ .*//' /proc/$watch/stat")).collect();
    let asleep = states.iter().filter(|state| *state == "S").count();
    assert!(asleep > states.len() / 2, "{states:?}");
}

/// The jq command of the guide works.
#[test]
fn example_of_the_guide_prints_events() {
    let guide = include_str!("../../../docs/guide.md");
    let example = guide.lines().find(|line| line.starts_with("wgstat watch --json | jq ")).expect("it is there");
    let command = example.split_once("  #").map_or(example, |(command, _)| command);
    let command = command.replace("wgstat watch", "$WGSTAT watch --interval 200ms");
    // The first sample has no events, so wait for it.
    let setup =
        "daemon wg7; peer=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=; wg set wg7 peer $peer endpoint 192.0.2.7:9";
    let mut session = Session::start(setup, &format!("{{ {}; }}", command.replace("| jq", "| tee /run/copy | jq")));
    session.run("for n in $(seq 500); do [ -s /run/copy ] && break; sleep 0.02; done");
    session.run("wg set wg7 peer $peer endpoint 192.0.2.77:9");
    session.out.until(|line| line.ends_with(" endpoint_changed wg7 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE="));
    session.run("kill $daemon; wait $daemon; true");
    session.out.until(|line| line.ends_with(" interface_removed wg7"));
    let key = session.run("peer=$(wg show wg1 peers); wg set wg1 peer $peer remove; echo $peer");
    let line = session.out.until(|line| line.ends_with(&format!(" peer_offline wg1 {key}"))).pop().unwrap();
    let (time, now) = (line.split(' ').next().unwrap(), session.run("date -u +%FT%TZ"));
    assert!(time.len() == now.len() && time <= now.as_str() && time[..3] == now[..3], "{line}, now {now}");
    assert_eq!(session.end().1, [] as [&str; 0]);
}
