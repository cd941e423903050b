//! Outputs of situations that the lab does not have: replies that a real kernel gave, a fault of a kernel's tunnel, a terminal.

use std::collections::HashMap;
use std::process::Command;

use wgstat::collect::Scope;
use wgstat::findings::{DiagnosisInput, diagnose, findings, verdict};
use wgstat::model::{AllowedIp, Backend, Environment, InterfaceStats, Name, Network, Peer, Route, Snapshot};
use wgstat::render::check::{self, Checked};
use wgstat::render::format::Style;
use wgstat::render::{Endpoints, Report, stats, status};

use super::compare::{lines, matches};
use super::markdown::Block;
use super::stage::WIDTHS;
use crate::common::recording::Recording;
use crate::common::wire::collector;
use crate::lab::{in_lab, wgstat};

/// What this command prints in the other situations, at every width.
pub(super) fn printed(line: &str) -> Vec<String> {
    let line = line.strip_prefix("sudo ").unwrap_or(line);
    if line.starts_with("COLUMNS=80 wgstat watch ") {
        return vec![peer_that_moves(line)];
    }
    let styles = WIDTHS.iter().map(|&width| match width {
        0 => Style { unicode: true, ..Style::default() },
        width => Style { width: Some(width), unicode: true, ..Style::default() },
    });
    styles
        .flat_map(|style| match line {
            "wgstat" | "wgstat status" => {
                vec![recorded(&style, |out, style, report| status::write(out, style, report))]
            }
            "wgstat stats wg0" => vec![recorded(&style, |out, style, report| stats::write(out, style, report))],
            "wgstat check" | "wgstat check wg0" => vec![route_that_no_peer_takes(&style)],
            _ => Vec::new(),
        })
        .collect()
}

type Renderer = fn(&mut dyn std::io::Write, &Style, &Report<'_>) -> std::io::Result<()>;

/// A kernel's interface with faults, as it was recorded.
fn recorded(style: &Style, render: Renderer) -> String {
    let recording = Recording::parse(include_str!("../../fixtures/faults.txt"));
    let (rtnl, genl) = recording.scripts();
    let snapshot = collector(rtnl, genl).collect(&Scope::default(), recording.now + 78).unwrap();
    let findings = findings(&snapshot);
    let report = Report { snapshot: &snapshot, rates: &[], findings: &findings, endpoints: Endpoints::Shown };
    let mut text = Vec::new();
    render(&mut text, style, &report).unwrap();
    String::from_utf8(text).unwrap()
}

/// The first row of docs/diagnosis.md, which a test makes on a real kernel: what is pure of it, made again.
fn route_that_no_peer_takes(style: &Style) -> String {
    let ip = |address: [u8; 4], prefix| AllowedIp { address: address.into(), prefix };
    let look = |timestamp, refused| {
        let mut counters = [Some(0); 25];
        counters[5] = Some(refused);
        let peer = Peer {
            allowed_ips: [ip([10, 9, 0, 2], 32)].into_iter().collect(),
            endpoint: Some(([192, 0, 2, 2], 51820).into()),
            last_handshake: Some(timestamp - 9),
            ..Peer::default()
        };
        let around = Environment {
            addresses: Some(vec![ip([10, 9, 0, 1], 32)]),
            routes: Some(vec![Route { destination: ip([10, 77, 0, 0], 24), is_connected: false }]),
            paths: HashMap::new(),
            ..Environment::default()
        };
        let network = Network {
            interface: Name::from("wg0"),
            ifindex: Some(3),
            enabled: Some(true),
            up: Some(true),
            backend: Backend::Kernel,
            mtu: Some(1420),
            stats: InterfaceStats::from_values(&counters),
            peers: Some(vec![peer]),
            environment: Some(Box::new(around)),
            ..Network::default()
        };
        Snapshot { timestamp, networks: vec![network], ..Snapshot::default() }
    };
    let (before, now) = (look(1_795_000_000, 0), look(1_795_000_002, 3));
    let findings =
        diagnose(&DiagnosisInput { now: &now, before: Some(&before), seconds: 2.0, between: None, limits: &[] });
    let report = Report { snapshot: &now, rates: &[], findings: &findings, endpoints: Endpoints::Shown };
    let verdict = verdict(&findings, &[]);
    let mut text = Vec::new();
    check::write(&mut text, style, &Checked { report, verdict, seconds: Some(2.0) }).unwrap();
    String::from_utf8(text).unwrap()
}

/// A command in the lab while bob, who has a name, is reached elsewhere from its third second on: so far as the daemon
/// tells, he moved.
fn peer_that_moves(line: &str) -> String {
    let command = line.replace("wgstat watch ", "$WGSTAT watch --config /run/wgstat.toml ");
    let script = format!(
        "[ -d /etc/wireguard ] && mount -t tmpfs tmpfs /etc/wireguard
        key=$(wg show wg0 endpoints | sed -n 's/\\t198.51.100.2:51820//p')
        printf '[peers.\"%s\"]\\nname = \"bob-laptop\"\\n' \"$key\" > /run/wgstat.toml
        (sleep 3; wg set wg0 peer \"$key\" endpoint 198.51.100.84:51820) &
        {command}"
    );
    String::from_utf8(in_lab("wireguard-go", &script).stdout).unwrap()
}

/// A text that does not begin with its command.
pub(super) fn check_text(path: &str, block: &Block) {
    let first = block.text.lines().next().unwrap_or_default();
    if first.starts_with("wgstat: /etc/wgstat.toml:") {
        let printed = wrong_configuration();
        assert!(matches(&block.text, &printed), "{path}:{}: it prints:\n{printed}", block.line);
    } else if cfg!(feature = "tui") && first.starts_with("wgstat ") && first.contains(", every ") {
        #[cfg(feature = "tui")]
        live_view(path, block);
    } else {
        panic!("{path}:{}: begin it with \"$ \" and its command, or add how it comes about to scenes.rs", block.line);
    }
}

/// A key with a mistake, in the third line.
fn wrong_configuration() -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wgstat.toml");
    std::fs::write(&file, "\n[networks.wg0]\nnmae = \"office\"\n").unwrap();
    let output = Command::new(wgstat()).arg("--config").arg(&file).output().unwrap();
    String::from_utf8(output.stderr).unwrap().replace(file.to_str().unwrap(), "/etc/wgstat.toml")
}

/// The view on a terminal of 80 columns and 24 lines; peers of one age may change places, and a peak is shown where there is
/// room.
#[cfg(feature = "tui")]
fn live_view(path: &str, block: &Block) {
    let sorted = |text: &str| {
        let bare = text.replace(['│', '─', '┌', '┐', '└', '┘', '▶', '·'], " ");
        let rows: Vec<&str> = bare.lines().map(|line| line.split(" peak ").next().unwrap_or(line).trim()).collect();
        let mut lines = lines(&rows.join("\n"));
        lines.retain(|line| !line.is_empty());
        lines.sort();
        lines
    };
    let expected = sorted(&block.text);
    let screen = crate::terminal::view_with_traffic(|screen| sorted(screen) == expected);
    let missing = expected.iter().find(|line| !sorted(&screen).contains(line));
    assert!(sorted(&screen) == expected, "{path}:{}: {missing:?}; it shows:\n{screen}", block.line);
}
