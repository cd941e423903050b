//! In the guest: the loads, each in a network namespace of its own, and what is run on them.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, ExitCode, Stdio};

use super::scrape;
use super::vm::{load_wireguard, sh};

/// A host.
pub(super) struct Load {
    /// Short name.
    pub(super) name: &'static str,
    /// What it is, for the report.
    pub(super) what: &'static str,
    interfaces: u32,
    peers: u32,
    /// Other links: pairs of veth, all up.
    pairs: u32,
    /// How often each program runs.
    runs: u32,
    /// Every endpoint has an address of its own, with a route to it; else all are one.
    has_paths: bool,
    /// What is measured on it.
    pub(super) programs: &'static [&'static str],
    /// Scrapes of a server; none where it is not measured.
    pub(super) scrapes: u32,
}

const PLAIN: Load = Load {
    name: "",
    what: "",
    interfaces: 1,
    peers: 10,
    pairs: 0,
    runs: 9,
    has_paths: false,
    programs: &PROGRAMS,
    scrapes: 30,
};

/// Peers have an endpoint that nothing is ever sent to, and one allowed-ip; there is no IPv6.
pub(super) const LOADS: [Load; 5] = [
    Load { name: "L1", what: "1 interface, 10 peers", ..PLAIN },
    Load { name: "L2", what: "100 interfaces, 10 peers each", interfaces: 100, runs: 5, ..PLAIN },
    Load { name: "L3", what: "1 interface, 10,000 peers", peers: 10_000, ..PLAIN },
    Load {
        name: "L4",
        what: "3 interfaces, 10 peers each; 2,000 other links",
        interfaces: 3,
        pairs: 1_000,
        runs: 5,
        ..PLAIN
    },
    Load {
        name: "L5",
        what: "1 interface, 10,000 peers, each with an endpoint of another address",
        peers: 10_000,
        runs: 5,
        has_paths: true,
        programs: &[PROGRAMS[0], CHECK],
        scrapes: 0,
        ..PLAIN
    },
];

/// Looks up the way to every endpoint.
pub(super) const CHECK: &str = "wgstat check --interval 0 --json";

/// What is measured. The floor comes first: the others are given as multiples of it.
pub(super) const PROGRAMS: [&str; 7] = [
    "floor",
    "wgstat status --json",
    "wgstat export-metrics",
    "wgstat status",
    "wg show all dump",
    "ip -s link show type wireguard",
    "ip -s link show",
];

pub(super) fn run_all() -> ExitCode {
    load_wireguard();
    println!("VERSION kernel {}", sh("uname -r").trim());
    for program in ["wg --version", "ip -V", "wgstat --version"] {
        println!("VERSION {}", sh(program).trim());
    }
    for load in &LOADS {
        set_up(load);
        for program in load.programs {
            let measure = ["measure", load.name, &load.runs.to_string()];
            if !run_in(load, measure.into_iter().chain(program.split(' '))) {
                return ExitCode::FAILURE;
            }
        }
        if load.scrapes > 0 && !run_in(load, ["bench", scrape::ROLE, load.name, &load.scrapes.to_string()]) {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Runs a program in the load's namespace, and says so if it fails.
pub(super) fn run_in<'a>(load: &Load, words: impl IntoIterator<Item = &'a str>) -> bool {
    let words: Vec<&str> = words.into_iter().collect();
    let mut command = Command::new("ip");
    command.args(["netns", "exec", load.name]).args(&words).stdin(Stdio::null());
    let succeeded = command.status().is_ok_and(|status| status.success());
    if !succeeded {
        println!("{} failed on {}", words.join(" "), load.name);
    }
    succeeded
}

pub(super) fn set_up(load: &Load) {
    let Load { name, interfaces, peers, pairs, has_paths, .. } = load;
    sh(&format!(
        "ip netns add {name}; ip netns exec {name} sh -c 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6'"
    ));
    let mut links = String::from("link set lo up\n");
    if *has_paths {
        links += "route add 172.16.0.0/12 dev lo\n";
    }
    // The other links were there first: the host is older than its tunnels.
    for pair in 0..*pairs {
        let _ = writeln!(links, "link add a{pair} type veth peer name b{pair}");
    }
    for interface in 0..*interfaces {
        let _ = writeln!(links, "link add wg{interface} type wireguard");
    }
    batch(name, &links);
    let mut keys = Keys(20_240_101);
    for interface in 0..*interfaces {
        let mut settings = format!("[Interface]\nPrivateKey = {}\nListenPort = {}\n", keys.next(), 20_000 + interface);
        for peer in 0..*peers {
            let (high, low) = (peer / 250, peer % 250);
            let endpoint = if *has_paths { format!("172.16.{high}.{low}") } else { "127.0.0.1".to_owned() };
            let _ = write!(
                settings,
                "[Peer]\nPublicKey = {}\nAllowedIPs = 10.64.{high}.{low}/32\nEndpoint = {endpoint}:{}\n",
                keys.next(),
                30_000 + peer
            );
        }
        fs::write("/tmp/settings", settings).unwrap();
        sh(&format!("ip netns exec {name} wg setconf wg{interface} /tmp/settings"));
    }
    let mut up = String::new();
    for interface in 0..*interfaces {
        let _ = writeln!(up, "addr add 10.200.{interface}.1/32 dev wg{interface}\nlink set wg{interface} up");
    }
    for pair in 0..*pairs {
        let _ = writeln!(up, "link set a{pair} up\nlink set b{pair} up");
    }
    batch(name, &up);
}

fn batch(namespace: &str, commands: &str) {
    fs::write("/tmp/batch", commands).unwrap();
    sh(&format!("ip -n {namespace} -batch /tmp/batch"));
}

/// Keys that are the same at every run.
struct Keys(u64);

impl Keys {
    fn next(&mut self) -> String {
        use base64::Engine as _;
        let mut key = [0; 32];
        for eight in key.as_chunks_mut::<8>().0 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *eight = (self.0 ^ (self.0 >> 32)).to_le_bytes();
        }
        base64::engine::general_purpose::STANDARD.encode(key)
    }
}
