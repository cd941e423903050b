//! Compares the output of every renderer for recorded and hostile replies with files that were read line by line before they
//! were committed. `WGSTAT_GOLDEN=write cargo test --test suite golden` writes them; read the difference.

use std::path::Path;

use wgstat::collect::Scope;
use wgstat::error::Error;
use wgstat::findings::{findings, verdict};
use wgstat::model::{Backend, Counter, InterfaceStats, Name, Network, Peer, PublicKey, Snapshot};
use wgstat::rates::rates;
use wgstat::render::check::{self, Checked};
use wgstat::render::format::Style;
use wgstat::render::lines::{self, LineWriter};
use wgstat::render::prometheus::Compat;
use wgstat::render::{Endpoints, Report, json, plugin, prometheus, stats, status};

use crate::common::recording::Recording;
use crate::common::wire::{DUMP_INTR, Script, collector, device, done, family, key, link, peer};
use crate::{common::document, metrics};

const NOW: u64 = 1_795_000_000;

pub(crate) fn compare(name: &str, actual: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("WGSTAT_GOLDEN").is_some_and(|value| value == "write") {
        std::fs::write(&path, actual).unwrap();
        return;
    }
    let expected = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (expected, actual) = (String::from_utf8_lossy(&expected), String::from_utf8_lossy(actual));
    for (number, (expected, actual)) in expected.lines().zip(actual.lines()).enumerate() {
        assert_eq!(expected, actual, "{name}, line {}", number + 1);
    }
    assert_eq!(expected.lines().count(), actual.lines().count(), "lines of {name}");
}

fn terminal(width: usize) -> Style {
    Style { width: Some(width), unicode: true, ..Style::default() }
}

/// Runs every renderer at every width. The output contains no control characters but those of the colours.
fn render(name: &str, snapshot: &Snapshot) {
    let findings = findings(snapshot);
    let report = Report { snapshot, rates: &[], findings: &findings, endpoints: Endpoints::Shown };
    let styles = [
        ("60", terminal(60)),
        ("200", terminal(200)),
        ("pipe", Style::default()),
        ("colour", Style { color: true, exact_bytes: true, ..terminal(80) }),
    ];
    for (kind, style) in styles {
        for command in ["status", "stats"] {
            let mut text = Vec::new();
            if command == "status" {
                status::write(&mut text, &style, &report).unwrap();
            } else {
                stats::write(&mut text, &style, &report).unwrap();
            }
            check_text(&text, &style);
            // One golden file of the long output is enough.
            if command == "status" || kind == "60" {
                compare(&format!("{name}.{command}.{kind}.txt"), &text);
            }
        }
    }
    for (kind, options) in [
        ("", prometheus::Options::default()),
        (".mindflavor", prometheus::Options { compat: Some(Compat::Mindflavor), ..Default::default() }),
        (".mdlayher", prometheus::Options { compat: Some(Compat::Mdlayher), peer_endpoints: true, max_peers: Some(1) }),
    ] {
        let mut text = Vec::new();
        prometheus::write(&mut text, &report, &options).unwrap();
        metrics::check(&text);
        let compared = if kind.is_empty() { text } else { compatible_families(&text) };
        compare(&format!("{name}{kind}.prom"), &compared);
    }
    check_of(name, &report, &styles);
    lines_of(name, &report);
    let mut text = Vec::new();
    json::status(&mut text, &report).unwrap();
    let value = document(&text);
    check_text(&text, &Style { unicode: true, ..Style::default() });
    compare(&format!("{name}.json"), format!("{value:#}\n").as_bytes());
}

/// Returns the families that `--compat` adds. Ours are the same without it, and have golden files of their own.
fn compatible_families(exposition: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(exposition).unwrap();
    let is_theirs =
        |line: &&str| line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ").starts_with("wireguard_");
    text.split_inclusive('\n').filter(is_theirs).collect::<String>().into_bytes()
}

/// Compares the lines of `watch`, narrow and wide.
fn lines_of(name: &str, report: &Report<'_>) {
    for (kind, style) in [("80", terminal(80)), ("200", terminal(200))] {
        let mut text = Vec::new();
        LineWriter::default().write(&mut text, &style, report).unwrap();
        check_text(&text, &Style { width: None, ..style });
        compare(&format!("{name}.watch.{kind}.txt"), &text);
    }
}

/// Compares the output of `check` for the same findings.
fn check_of(name: &str, report: &Report<'_>, styles: &[(&str, Style)]) {
    let verdict = verdict(report.findings, &report.snapshot.problems);
    let checked = Checked { report: *report, verdict, seconds: Some(2.0) };
    for (kind, style) in styles {
        let mut text = Vec::new();
        check::write(&mut text, style, &checked).unwrap();
        // A command stays on one line, so that it can be copied.
        let prose: Vec<u8> = text
            .split_inclusive(|&byte| byte == b'\n')
            .filter(|line| !line.trim_ascii_start().starts_with(b"$ "))
            .flatten()
            .copied()
            .collect();
        check_text(&text, &Style { width: None, ..*style });
        check_text(&prose, style);
        if matches!(*kind, "60" | "pipe") {
            compare(&format!("{name}.check.{kind}.txt"), &text);
        }
    }
    let mut text = Vec::new();
    plugin::write(&mut text, &checked, &[]).unwrap();
    check_text(&text, &Style { unicode: true, ..Style::default() });
    let line = String::from_utf8_lossy(&text);
    assert!(line.lines().count() == 1 && line.matches('|').count() <= 1, "{line}");
    let mut text = Vec::new();
    json::check(&mut text, &checked).unwrap();
    assert_eq!(document(&text)["exit_code"], verdict.exit_code());
    check_text(&text, &Style { unicode: true, ..Style::default() });
}

fn check_text(text: &[u8], style: &Style) {
    let text = std::str::from_utf8(text).expect("output is UTF-8");
    let mut plain = text.to_owned();
    for code in ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[1;31m"] {
        assert!(style.color || !plain.contains(code));
        plain = plain.replace(code, "");
    }
    let acts = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!plain.contains(acts), "{plain:?}");
    assert!(style.unicode || plain.is_ascii(), "{plain}");
    if let Some(width) = style.width {
        for line in plain.lines() {
            // A word that is longer than the terminal is not broken.
            let breakable = line.trim().contains(' ') && line.len() < 400;
            assert!(!breakable || line.chars().count() <= width, "over {width} columns: {line}");
        }
    }
}

fn recorded(name: &str, text: &str) {
    let recording = Recording::parse(text);
    let (rtnl, genl) = recording.scripts();
    let mut snapshot = collector(rtnl, genl).collect(&Scope::default(), recording.now + 78).unwrap();
    for source in &mut snapshot.sources {
        source.duration = std::time::Duration::from_micros(1500);
    }
    render(name, &snapshot);
}

#[test]
fn recorded_faults() {
    recorded("faults", include_str!("../fixtures/faults.txt"));
}

#[test]
fn recorded_networks() {
    recorded("networks", include_str!("../fixtures/networks.txt"));
}

#[test]
fn recorded_split_peer() {
    recorded("split-peer", include_str!("../fixtures/split-peer.txt"));
}

#[test]
fn nothing_at_all() {
    render("empty", &Snapshot { timestamp: NOW, ..Snapshot::default() });
}

#[test]
fn five_thousand_peers() {
    let peers: Vec<Vec<u8>> = (0..5000_u32)
        .map(|number| {
            let [_, _, high, low] = number.to_be_bytes();
            peer(number, i64::try_from(NOW).unwrap() - i64::from(number), &[([10, 9, high, low], 32)])
        })
        .collect();
    let genl = [family()].into_iter().chain(peers.chunks(100).map(device)).chain([done(0, 0)]);
    let rtnl = [[link(3, b"wg0", "wireguard", &[5; 25]), done(0, 0)].concat()];
    let snapshot = collector(Script::replies(rtnl), Script::replies(genl)).collect(&Scope::default(), NOW).unwrap();
    let report = Report { snapshot: &snapshot, rates: &[], findings: &[], endpoints: Endpoints::Shown };
    let mut text = Vec::new();
    status::write(&mut text, &terminal(80), &report).unwrap();
    compare("many-peers.status.80.txt", &text);
    let mut text = Vec::new();
    status::write(&mut text, &Style { all_peers: true, ..terminal(80) }, &report).unwrap();
    assert_eq!(String::from_utf8(text).unwrap().lines().count(), 3 + 1 + 5000);
    let mut text = Vec::new();
    json::status(&mut text, &report).unwrap();
    let value = document(&text);
    let peers = value["networks"][0]["peers"].as_array().unwrap();
    assert_eq!(peers.len(), 5000);
    for (place, peer) in peers.iter().enumerate() {
        assert_eq!(peer["id"], place + 1);
        assert_eq!(peer["transfer_rx"], place * 1000);
        assert_eq!(peer["online"], place <= 180);
    }
}

/// Compares outputs for names, counters and states that no real host has.
#[test]
fn hostile_replies() {
    let mut top = [u64::MAX; 25];
    top[0] = u64::MAX - 1;
    let old_kernel: Vec<u64> = (1..=23).collect();
    let torn = [device(&[peer(7, 1, &[])]), done(0, DUMP_INTR)].concat();
    let mut cut = device(&[peer(8, 1, &[])]);
    cut.truncate(100);
    let links = [
        link(3, b"wg\xff\xfe\x1b[2J\x07", "wireguard", &top),
        link(4, "w\u{202e}g\"\\\n".as_bytes(), "wireguard", &old_kernel),
        link(5, b"torn", "wireguard", &[1; 25]),
        link(6, b"cut", "wireguard", &[2; 25]),
        link(4_000_000_000, "l\u{9b}2Jast\x7f".as_bytes(), "wireguard", &[]),
        done(0, 0),
    ]
    .concat();
    let mut genl =
        vec![family(), [device(&[peer(1, i64::MAX, &[([0, 0, 0, 0], 0)]), peer(2, 1, &[])]), done(0, 0)].concat()];
    // Refused, always interrupted, cut off, and refused with another error.
    genl.push(done(1, 0));
    genl.extend(std::iter::repeat_n(torn, 10));
    genl.push(cut);
    genl.push([device(&[]), done(95, 0)].concat());
    let mut snapshot =
        collector(Script::replies([links]), Script::replies(genl)).collect(&Scope::default(), NOW).unwrap();
    snapshot.sources.clear();
    let causes: Vec<&str> = snapshot.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(
        causes,
        [
            "cannot read peers: operation not permitted",
            "cannot read peers: interrupted by changes 10 times in a row",
            "cannot read peers: malformed reply from the kernel: a message is longer than its datagram",
            "cannot read peers: operation not supported",
        ]
    );
    render("hostile", &snapshot);
}

/// Compares outputs for daemons that run, hang, are dead, or are in another namespace.
#[test]
fn userspace_daemons() {
    let bytes: Vec<u8> = [21_u64, 50, 41_186, 48_430, 0, 0, 0, 7].iter().flat_map(|n| n.to_ne_bytes()).collect();
    let link = |name: &str, ifindex, backend| Network {
        interface: name.into(),
        ifindex: Some(ifindex),
        enabled: Some(true),
        up: Some(true),
        operstate: Some("unknown"),
        mtu: Some(1420),
        backend,
        stats: InterfaceStats::from_stats64(&bytes),
        ..Network::default()
    };
    let peers = vec![Peer {
        public_key: PublicKey(key(1)),
        endpoint: Some("[fe80::1%7]:51820".parse().unwrap()),
        last_handshake: Some(NOW + 60),
        rx_bytes: 41_000,
        tx_bytes: 49_000,
        ..Peer::default()
    }];
    let snapshot = Snapshot {
        timestamp: NOW,
        networks: vec![
            Network { peers: Some(peers.clone()), listen_port: Some(51820), ..link("alive", 5, Backend::Userspace) },
            Network { alias: Some(Name::from("of the office")), ..link("hung", 6, Backend::Userspace) },
            link("tun0", 7, Backend::Unknown),
            Network {
                interface: "elsewhere".into(),
                backend: Backend::Userspace,
                peers: Some(peers),
                ..Network::default()
            },
            Network { interface: "dead".into(), backend: Backend::DeadDaemon, ..Network::default() },
        ],
        ..Snapshot::default()
    };
    render("daemons", &snapshot);
}

#[test]
fn networks_with_the_same_labels_make_no_duplicate_series() {
    let network = |name: &[u8], ifindex| Network {
        interface: Name::new(name),
        ifindex: Some(ifindex),
        enabled: Some(false),
        up: Some(false),
        stats: InterfaceStats::from_stats64(&[1; 200]),
        backend: Backend::Userspace,
        peers: Some(vec![Peer::default(), Peer::default()]),
        ..Network::default()
    };
    let networks = vec![network(b"wg\xff", 1), network(b"wg\\xff", 2), network(b"wg0", 3), network(b"wg0", 4)];
    let snapshot = Snapshot { timestamp: NOW, networks, ..Snapshot::default() };
    let findings = findings(&snapshot);
    let report = Report { snapshot: &snapshot, rates: &[], findings: &findings, endpoints: Endpoints::Shown };
    for compat in [None, Some(Compat::Mindflavor), Some(Compat::Mdlayher)] {
        let mut text = Vec::new();
        prometheus::write(&mut text, &report, &prometheus::Options { compat, ..Default::default() }).unwrap();
        metrics::check(&text);
        assert_eq!(String::from_utf8(text).unwrap().matches("\nwg_interface_up{").count(), 2);
    }
}

#[test]
fn rates_are_next_to_their_counters() {
    let at = |timestamp: u64, factor: u64| {
        let bytes: Vec<u8> = (0..25).flat_map(|n| (n * factor).to_ne_bytes()).collect();
        let peer = Peer { public_key: PublicKey(key(1)), rx_bytes: 10 * factor, ..Peer::default() };
        Snapshot {
            timestamp,
            networks: vec![Network {
                interface: "wg0".into(),
                ifindex: Some(3),
                enabled: Some(true),
                up: Some(true),
                backend: Backend::Kernel,
                stats: InterfaceStats::from_stats64(&bytes),
                peers: Some(vec![peer]),
                ..Network::default()
            }],
            ..Snapshot::default()
        }
    };
    let (old, new) = (at(NOW, 1000), at(NOW + 4, 3000));
    let rates = rates(&old, &new, std::time::Duration::from_secs(4));
    let report = Report { snapshot: &new, rates: &rates, findings: &[], endpoints: Endpoints::Shown };
    let mut text = Vec::new();
    stats::write(&mut text, &terminal(80), &report).unwrap();
    compare("rates.stats.80.txt", &text);
    lines_of("rates", &report);
    for width in [80, lines::WIDE - 1, lines::WIDE] {
        let mut text = Vec::new();
        LineWriter::default().write(&mut text, &terminal(width), &report).unwrap();
        check_text(&text, &terminal(width));
    }
    let mut text = Vec::new();
    stats::write(&mut text, &terminal(60), &report).unwrap();
    check_text(&text, &terminal(60));
    let mut text = Vec::new();
    json::status(&mut text, &report).unwrap();
    let value = document(&text);
    // (3000 - 1000) * 2 in 4 s, rx_bytes being the third counter.
    assert_eq!(value["networks"][0]["rates"]["rx_bytes"], 1000.0);
    assert_eq!(value["networks"][0]["rates"]["interval_seconds"], 4.0);
    assert_eq!(value["networks"][0]["peers"][0]["rates"]["rx_bytes"], 5000.0);
    assert_eq!(new.networks[0].stats.get(Counter::RxBytes), Some(6000));
}

#[test]
fn errors_have_a_shape_of_their_own() {
    let mut text = Vec::new();
    let error = Error::InterfaceNotFound { name: Name::new(b"wg\x1b9"), have: vec!["wg0".into(), "wg1".into()] };
    json::error(&mut text, &error).unwrap();
    document(&text);
    compare("error.json", &text);
}
