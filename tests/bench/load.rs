//! Defines the loads, each in its own network namespace of the guest.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, ExitCode, Stdio};

use super::scrape;
use super::vm::{load_wireguard, sh};

/// One network namespace with WireGuard interfaces, and what is measured in it.
pub(super) struct Load {
    /// Short name, also of the namespace.
    pub(super) name: &'static str,
    /// The description in the report.
    pub(super) description: &'static str,
    interfaces: u32,
    /// Peers of each interface.
    peers: u32,
    /// Pairs of veth links, all up.
    veth_pairs: u32,
    /// Runs of each program; the median counts.
    runs: u32,
    /// Gives every endpoint its own address and a route; without it all endpoints have the same address.
    has_paths: bool,
    /// The programs to measure.
    pub(super) programs: &'static [&'static str],
    /// Scrapes of a server; 0 measures no server.
    pub(super) scrapes: u32,
}

impl Load {
    /// Returns whether the load is selected by name. An empty selection is all loads.
    pub(super) fn is_selected(&self, selected: &[String]) -> bool {
        selected.is_empty() || selected.iter().any(|name| name == self.name)
    }
}

const PLAIN: Load = Load {
    name: "",
    description: "",
    interfaces: 1,
    peers: 10,
    veth_pairs: 0,
    runs: 9,
    has_paths: false,
    programs: &PROGRAMS,
    scrapes: 30,
};

/// The loads. No packet is ever sent to the peers' endpoints, and IPv6 is off.
pub(super) const LOADS: [Load; 5] = [
    Load { name: "L1", description: "1 interface, 10 peers", ..PLAIN },
    Load { name: "L2", description: "100 interfaces, 10 peers each", interfaces: 100, runs: 5, ..PLAIN },
    Load { name: "L3", description: "1 interface, 10,000 peers", peers: 10_000, ..PLAIN },
    Load {
        name: "L4",
        description: "3 interfaces, 10 peers each; 2,000 other links",
        interfaces: 3,
        veth_pairs: 1_000,
        runs: 5,
        ..PLAIN
    },
    Load {
        name: "L5",
        description: "1 interface, 10,000 peers, each with its own endpoint address",
        peers: 10_000,
        runs: 5,
        has_paths: true,
        programs: &[FLOOR, CHECK],
        scrapes: 0,
        ..PLAIN
    },
];

/// Asks the kernel for the same data and does not parse it (`floor.c`).
pub(super) const FLOOR: &str = "floor";
pub(super) const STATUS_JSON: &str = "wgstat status --json";
pub(super) const EXPORT_METRICS: &str = "wgstat export-metrics";
pub(super) const STATUS: &str = "wgstat status";
/// Looks up the route to every endpoint.
pub(super) const CHECK: &str = "wgstat check --interval 0 --json";

/// The programs that are measured on L1 to L4.
pub(super) const PROGRAMS: [&str; 7] = [
    FLOOR,
    STATUS_JSON,
    EXPORT_METRICS,
    STATUS,
    "wg show all dump",
    "ip -s link show type wireguard",
    "ip -s link show",
];

/// In the guest: measures the selected loads, and prints a line per result.
pub(super) fn run_all(selected: &[String]) -> ExitCode {
    load_wireguard();
    scrape::mount_tracing();
    println!("VERSION kernel {}", sh("uname -r").trim());
    for program in ["wg --version", "ip -V", "wgstat --version"] {
        println!("VERSION {}", sh(program).trim());
    }
    for load in LOADS.iter().filter(|load| load.is_selected(selected)) {
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

/// Runs a program in the load's namespace. Returns whether it succeeded, and prints a message if not.
fn run_in<'a>(load: &Load, words: impl IntoIterator<Item = &'a str>) -> bool {
    let words: Vec<&str> = words.into_iter().collect();
    let mut command = Command::new("ip");
    command.args(["netns", "exec", load.name]).args(&words).stdin(Stdio::null());
    let succeeded = command.status().is_ok_and(|status| status.success());
    if !succeeded {
        println!("{} failed on {}", words.join(" "), load.name);
    }
    succeeded
}

fn set_up(load: &Load) {
    let Load { name, interfaces, peers, veth_pairs, has_paths, .. } = load;
    sh(&format!(
        "ip netns add {name}; ip netns exec {name} sh -c 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6'"
    ));
    let mut links = String::from("link set lo up\n");
    if *has_paths {
        links += "route add 172.16.0.0/12 dev lo\n";
    }
    // The other links come first, as on a host that is older than its tunnels.
    for pair in 0..*veth_pairs {
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
    for pair in 0..*veth_pairs {
        let _ = writeln!(up, "link set a{pair} up\nlink set b{pair} up");
    }
    batch(name, &up);
}

fn batch(namespace: &str, commands: &str) {
    fs::write("/tmp/batch", commands).unwrap();
    sh(&format!("ip -n {namespace} -batch /tmp/batch"));
}

/// Generates the same keys in every run.
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
