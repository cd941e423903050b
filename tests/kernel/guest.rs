//! Runs the tests inside the guest, and provides the namespaces and programs that they use.

use std::process::{Command, ExitCode, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

use super::vm::load_wireguard;
pub(super) use super::vm::sh;
use super::{
    common, diagnosis, faults, findings, hostile, namespaces, numbers, privilege, prometheus, recordings, watch,
};

/// The variable that selects the tests of a guest.
pub(super) const MARK: &str = "WGSTAT_GUEST";
/// Selects the tests with suspend.
pub(super) const ASLEEP: &str = "asleep";
/// Selects all others.
pub(super) const AWAKE: &str = "awake";

/// Returns whether the filter on the command line matches one of them.
pub(super) fn is_asked_for(tests: &[(&str, fn())]) -> bool {
    let filter = Arguments::from_args().filter;
    filter.is_none_or(|filter| tests.iter().any(|(name, _)| name.contains(&filter)))
}

/// Runs every test, one after the other. The guest has one processor, and the first tests need the kernel without the module.
pub(super) fn run() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    let mut add = |name: &str, test: fn()| {
        let run = move || std::panic::catch_unwind(test).map_err(|panic| Failed::from(message(&*panic)));
        trials.push(Trial::test(name, run));
    };
    if std::env::var(MARK).is_ok_and(|mark| mark == ASLEEP) {
        load_wireguard();
        for &(name, test) in watch::ASLEEP {
            add(name, test);
        }
        return libtest_mimic::run(&arguments, trials).exit_code();
    }
    // With a filter, the module may not be loaded yet.
    let filtered = arguments.filter.is_some();
    add("kernel_without_the_module_has_no_networks_and_says_why", privilege::kernel_without_module);
    add("module_loads", load_wireguard);
    for (name, test) in [
        numbers::TESTS,
        faults::TESTS,
        findings::TESTS,
        diagnosis::TESTS,
        hostile::TESTS,
        privilege::TESTS,
        namespaces::TESTS,
        prometheus::TESTS,
        recordings::TESTS,
        watch::TESTS,
    ]
    .concat()
    {
        add(name, test);
    }
    if filtered {
        load_wireguard();
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

pub(super) fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// Holds a network namespace, which is deleted at the end of the test.
pub(super) struct Host(String, Option<Box<Host>>);

impl Host {
    pub(super) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("h{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        sh(&format!("ip netns add {name} && ip -n {name} link set lo up"));
        Self(name, None)
    }

    /// Keeps another host until this one is dropped.
    pub(super) fn with(mut self, other: Self) -> Self {
        self.1 = Some(Box::new(other));
        self
    }

    pub(super) fn name(&self) -> &str {
        &self.0
    }

    /// Runs a shell script in the namespace. It has to succeed.
    pub(super) fn sh(&self, script: &str) -> String {
        sh(&format!("ip netns exec {} sh -ec '{}'", self.0, script.replace('\'', "'\\''")))
    }

    /// Runs a program in the namespace, and returns its output and status.
    pub(super) fn run(&self, words: &[&str]) -> Output {
        Command::new("ip").args(["netns", "exec", &self.0]).args(words).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs `wgstat ARGUMENTS --json`, which has to succeed and to match its schema.
    pub(super) fn json(&self, arguments: &str) -> Value {
        let words: Vec<&str> = ["wgstat"].into_iter().chain(arguments.split(' ')).chain(["--json"]).collect();
        let output = self.run(&words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        common::document(&output.stdout)
    }

    /// Returns the network of a `stats` document.
    pub(super) fn stats(&self, interface: &str) -> Value {
        self.json(&format!("stats {interface}"))["networks"][0].take()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

/// Returns the throw-away private key of this number.
pub(super) fn private_key(number: u32) -> [u8; 32] {
    let mut key = [0x40; 32];
    key[1..5].copy_from_slice(&number.to_le_bytes());
    key
}

pub(super) fn public_key(number: u32) -> String {
    base64(x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(private_key(number))).as_bytes())
}

pub(super) fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
