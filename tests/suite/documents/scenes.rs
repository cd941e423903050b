//! Produces outputs of situations that the lab does not have: recorded replies of a kernel, a fault of a kernel tunnel, a
//! terminal.

use std::collections::HashMap;
use std::io::{self, Write};
use std::process::Command;

use wgstat::collect::Scope;
use wgstat::findings::{DiagnosisInput, diagnose, findings, verdict};
use wgstat::model::{AllowedIp, Backend, Environment, InterfaceStats, Name, Network, Peer, Route, Snapshot};
use wgstat::render::check::{self, Checked};
use wgstat::render::format::Style;
use wgstat::render::{Endpoints, Report, stats, status};

use super::compare::missing;
use super::markdown::Block;
use crate::common::recording::Recording;
use crate::common::wire::collector;
use crate::lab::{in_lab, wgstat};

/// Returns what this command prints in a situation that the lab does not have.
pub(super) fn printed(line: &str) -> Option<String> {
    match line.strip_prefix("sudo ").unwrap_or(line) {
        "wgstat" | "wgstat status" => Some(recorded(status::write)),
        "wgstat stats wg0" => Some(recorded(stats::write)),
        "wgstat check" | "wgstat check wg0" => Some(route_without_peer()),
        line if line.starts_with("COLUMNS=80 wgstat watch ") => Some(peer_that_moves(line)),
        _ => None,
    }
}

fn style() -> Style {
    Style { width: Some(80), unicode: true, ..Style::default() }
}

type Renderer = fn(&mut dyn Write, &Style, &Report<'_>) -> io::Result<()>;

/// Renders a recorded kernel interface with faults.
fn recorded(render: Renderer) -> String {
    let recording = Recording::parse(include_str!("../../fixtures/faults.txt"));
    let (rtnl, genl) = recording.scripts();
    let snapshot = collector(rtnl, genl).collect(&Scope::default(), recording.now + 78).unwrap();
    let findings = findings(&snapshot);
    let report = Report { snapshot: &snapshot, rates: &[], findings: &findings, endpoints: Endpoints::Shown };
    let mut text = Vec::new();
    render(&mut text, &style(), &report).unwrap();
    String::from_utf8(text).unwrap()
}

/// Renders what `check` finds where a route leads to no peer. The kernel tests cause the same fault on a real kernel.
fn route_without_peer() -> String {
    let ip = |address: [u8; 4], prefix| AllowedIp { address: address.into(), prefix };
    let snapshot = |timestamp, refused| {
        let mut counters = [Some(0); 25];
        counters[5] = Some(refused);
        let peer = Peer {
            allowed_ips: [ip([10, 9, 0, 2], 32)].into_iter().collect(),
            endpoint: Some(([192, 0, 2, 2], 51820).into()),
            last_handshake: Some(timestamp - 9),
            ..Peer::default()
        };
        let environment = Environment {
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
            environment: Some(Box::new(environment)),
            ..Network::default()
        };
        Snapshot { timestamp, networks: vec![network], ..Snapshot::default() }
    };
    let (before, now) = (snapshot(1_795_000_000, 0), snapshot(1_795_000_002, 3));
    let findings =
        diagnose(&DiagnosisInput { now: &now, before: Some(&before), seconds: 2.0, between: None, limits: &[] });
    let report = Report { snapshot: &now, rates: &[], findings: &findings, endpoints: Endpoints::Shown };
    let verdict = verdict(&findings, &[]);
    let mut text = Vec::new();
    check::write(&mut text, &style(), &Checked { report, verdict, seconds: Some(2.0) }).unwrap();
    String::from_utf8(text).unwrap()
}

/// Runs a command in the lab. After three seconds the endpoint of bob, who has a name, changes.
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

/// Checks a text that is shown without its command.
pub(super) fn check_text(path: &str, block: &Block) {
    let first = block.text.lines().next().unwrap_or_default();
    if first.starts_with("wgstat: /etc/wgstat.toml:") {
        let printed = wrong_configuration();
        let missing = missing(&block.text, &printed);
        assert!(missing.is_empty(), "{path}:{}: no {missing:?}; it prints:\n{printed}", block.line);
    } else if cfg!(feature = "tui") && first.starts_with("wgstat ") && first.contains(", every ") {
        #[cfg(feature = "tui")]
        live_view(path, block);
    } else {
        panic!("{path}:{}: begin it with \"$ \" and its command, or produce it in scenes.rs", block.line);
    }
}

/// Returns the error for a misspelt key in the third line of a configuration.
fn wrong_configuration() -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wgstat.toml");
    std::fs::write(&file, "\n[networks.wg0]\nnmae = \"office\"\n").unwrap();
    let output = Command::new(wgstat()).arg("--config").arg(&file).output().unwrap();
    String::from_utf8(output.stderr).unwrap().replace(file.to_str().unwrap(), "/etc/wgstat.toml")
}

/// Compares the live view, on a terminal of 80 columns and 24 lines.
#[cfg(feature = "tui")]
fn live_view(path: &str, block: &Block) {
    let screen = crate::terminal::view_with_traffic(|screen| missing(&block.text, screen).is_empty());
    let missing = missing(&block.text, &screen);
    assert!(missing.is_empty(), "{path}:{}: no {missing:?}; it shows:\n{screen}", block.line);
}
