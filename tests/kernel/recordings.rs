//! Records the replies from which the golden files are made, and checks that a kernel still gives the same.
//!
//! `WGSTAT_RECORD=1 cargo test --test kernel -- recorded` writes `tests/fixtures/`.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use netlink_sys::protocols::{NETLINK_GENERIC, NETLINK_ROUTE};
use nix::sched::{CloneFlags, setns};
use wgstat::collect::netlink::KernelSocket;
use wgstat::collect::{NamespaceCollector, Scope};
use wgstat::model::{InterfaceStats, Snapshot};

use super::common::recording::{Recorder, Recording};
use super::common::wire;
use super::faults::Pair;
use super::guest::{Host, public_key};

pub(super) const TESTS: &[(&str, fn())] = &[
    ("recorded_faults_are_what_a_kernel_says", || check("faults", &faults())),
    ("recorded_split_peer_is_what_a_kernel_sends", || check("split-peer", &super::numbers::split_peer())),
    ("recorded_networks_are_what_a_kernel_says", || check("networks", &super::numbers::every_kind())),
];

/// Starts a line of a fixture in the output of the guest.
const MARK: &str = "RECORDED ";

/// Holds the fixtures that the guest printed, by name.
#[derive(Default)]
pub(super) struct Files(BTreeMap<String, String>);

impl Files {
    /// Adds a line of the guest if it belongs to a fixture, and returns whether it does.
    pub(super) fn take(&mut self, line: &str) -> bool {
        let Some((name, line)) = line.strip_prefix(MARK).and_then(|recorded| recorded.split_once(' ')) else {
            return false;
        };
        self.0.entry(name.to_owned()).or_default().extend([line, "\n"]);
        true
    }

    /// Writes the fixtures to `tests/fixtures`.
    pub(super) fn save(self) {
        for (name, recording) in self.0 {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(format!("{name}.txt"));
            std::fs::write(&path, recording).unwrap();
        }
    }
}

/// Sets up a tunnel with many faults.
fn faults() -> Host {
    let Pair { near, far } = Pair::new();
    near.sh(&format!(
        "wg set wg0 peer {0} persistent-keepalive 25
         wg set wg0 peer {1} endpoint 192.0.2.99:51820 allowed-ips 10.9.0.5/32
         wg set wg0 peer {2} allowed-ips 10.9.0.6/32",
        public_key(2),
        public_key(5),
        public_key(6)
    ));
    near.sh("ping -q -c 20 -i 0.01 -s 1000 10.9.0.2 >/dev/null");
    far.sh("ip address add 10.9.0.99/32 dev wg0; ping -q -c 5 -i 0.1 -W 1 -I 10.9.0.99 10.9.0.1 >/dev/null || true");
    for ping in ["-c 3 10.9.0.77", "-c 4 10.9.0.6", "-c 200 10.9.0.5"] {
        near.sh(&format!("ping -q -i 0.002 -W 1 {ping} >/dev/null 2>&1 || true"));
    }
    near
}

/// Records the replies of the kernel, and compares them with the fixture.
fn check(name: &str, host: &Host) {
    let (recording, live) = record(host);
    if std::env::var_os("WGSTAT_RECORD").is_some() {
        // The test runner has started a line.
        println!();
        for line in recording.text().lines() {
            println!("{MARK}{name} {line}");
        }
        return;
    }
    let fixture = match name {
        "faults" => include_str!("../fixtures/faults.txt"),
        "split-peer" => include_str!("../fixtures/split-peer.txt"),
        _ => include_str!("../fixtures/networks.txt"),
    };
    let fixture = Recording::parse(fixture);
    let (rtnl, genl) = fixture.scripts();
    let recorded = wire::collector(rtnl, genl).collect(&Scope::default(), fixture.now).unwrap();
    assert_eq!(timeless(live), timeless(recorded));
}

fn record(host: &Host) -> (Recording, Snapshot) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let namespace = File::open(Path::new("/run/netns").join(host.name())).unwrap();
    // In a thread of its own, because a thread cannot leave the namespace easily.
    std::thread::spawn(move || {
        setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
        let recorder = |protocol| {
            let heard: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
            (Recorder { socket: KernelSocket::open(protocol).unwrap(), heard: heard.clone() }, heard)
        };
        let ((rtnl, rtnl_heard), (genl, genl_heard)) = (recorder(NETLINK_ROUTE), recorder(NETLINK_GENERIC));
        let mut collector = NamespaceCollector::with(rtnl, genl, Path::new("/nonexistent"));
        let snapshot = collector.collect(&Scope::default(), now).unwrap();
        let heard = |heard: Arc<Mutex<Vec<Vec<u8>>>>| heard.lock().unwrap().clone();
        (Recording { now, rtnl: heard(rtnl_heard), genl: heard(genl_heard) }, snapshot)
    })
    .join()
    .unwrap()
}

/// Returns the document without values that differ in each run: times, and counters that depend on them.
fn timeless(mut snapshot: Snapshot) -> Snapshot {
    snapshot.timestamp = 0;
    snapshot.sources.clear();
    for network in &mut snapshot.networks {
        network.stats = InterfaceStats::default();
        for peer in network.peers.iter_mut().flatten() {
            peer.last_handshake = peer.last_handshake.map(|_| 1);
            (peer.rx_bytes, peer.tx_bytes) = (0, 0);
        }
    }
    snapshot
}
