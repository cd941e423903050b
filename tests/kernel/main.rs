//! Runs the tests on a real WireGuard kernel.
//!
//! On the host, this program packs itself, the programs under test and a kernel's modules into an initial RAM disk, and boots
//! that kernel in an emulator (`common/vm.rs`). In the guest, it is the test runner (`guest.rs`).
//! No test is skipped: if something for the emulator is missing, the error says what to install.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "it is a test")]
#![expect(clippy::indexing_slicing, reason = "a test may well fail by index")]

#[path = "../common/mod.rs"]
mod common;
mod diagnosis;
mod faults;
mod findings;
mod guest;
mod hostile;
mod namespaces;
mod numbers;
mod privilege;
mod prometheus;
mod recordings;
#[path = "../common/vm.rs"]
mod vm;
mod watch;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use vm::{Guest, Machine};

fn main() -> ExitCode {
    if std::env::var_os(guest::MARK).is_some() {
        return guest::run();
    }
    let record = if std::env::var_os("WGSTAT_RECORD").is_some() { "WGSTAT_RECORD=1" } else { "" };
    let mut table = diagnosis::table::Table::default();
    let mut recorded = recordings::Files::default();
    let mut code = boot(Machine::Small, record, |line| {
        if !recorded.take(line) && !table.take(line) {
            println!("{line}");
        }
    });
    if code == ExitCode::SUCCESS && guest::is_asked_for(watch::ASLEEP) {
        code = boot(Machine::Pc, "", |line| println!("{line}"));
    }
    recorded.save();
    if code == ExitCode::SUCCESS
        && let Err(difference) = table.settle(!record.is_empty())
    {
        println!("{difference}");
        return ExitCode::FAILURE;
    }
    code
}

/// Runs this program in a guest.
fn boot(machine: Machine, record: &str, each: impl FnMut(&str)) -> ExitCode {
    let arguments: Vec<String> = ["--test-threads=1".to_owned()].into_iter().chain(std::env::args().skip(1)).collect();
    let wgstat = std::env::var_os("WGSTAT").map_or_else(|| env!("CARGO_BIN_EXE_wgstat").into(), PathBuf::from);
    let lab = common::lab_program().to_owned();
    let (wgstat, lab) = ((wgstat, "usr/bin/wgstat"), (lab, "usr/bin/lab"));
    let [certificate, key] = certificate();
    let (mark, programs, files) = match machine {
        Machine::Small => (
            guest::AWAKE,
            &["ip", "wg", "nft", "ping", "setpriv", "prometheus", "prometheus-node-exporter", "wireguard-go"][..],
            vec![wgstat, lab, (certificate, prometheus::CERTIFICATE[0]), (key, prometheus::CERTIFICATE[1])],
        ),
        Machine::Pc => (guest::ASLEEP, &["ip", "wg", "ping"][..], vec![wgstat]),
    };
    vm::run(
        &Guest {
            name: "kernel-tests",
            programs,
            files: &files,
            environment: &[&format!("{}={mark}", guest::MARK), record],
            arguments: &arguments,
            memory: 2048,
            machine,
        },
        each,
    )
}

/// Makes a certificate for the guest's loopback address, and its key.
fn certificate() -> [PathBuf; 2] {
    let folder = vm::target().unwrap().join("vm");
    let files = ["guest.crt", "guest.key"].map(|name| folder.join(name));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"])
        .args(["-subj", "/CN=wgstat", "-addext", "subjectAltName=IP:127.0.0.1"])
        .arg("-out")
        .arg(&files[0])
        .arg("-keyout")
        .arg(&files[1])
        .output()
        .expect("openssl: tests/run --install installs it");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    files
}
