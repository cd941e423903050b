//! Which functions a look runs, for the linker to put them side by side: `WGSTAT_BENCH=order` writes `.cargo/hot.ld`.
//!
//! It takes a binary with symbols: `CARGO_PROFILE_RELEASE_STRIP=false packaging/build`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use super::load::{self, LOADS};
use super::vm::load_wireguard;

/// Set in the environment of the guest.
pub(super) const MARK: &str = "WGSTAT_BENCH_ORDER";
/// Where the guest has the symbols.
pub(super) const SYMBOLS: &str = "usr/share/symbols";
/// What runs step by step: those of which there is a budget.
const PROGRAMS: [&str; 2] = ["wgstat status --json", "wgstat export-metrics"];
/// Small loads; larger ones run the same code more often.
const SMALL: [&str; 2] = ["L1", "L4"];

/// In the guest.
pub(super) fn run() -> ExitCode {
    load_wireguard();
    for load in LOADS.iter().filter(|load| SMALL.contains(&load.name)) {
        load::set_up(load);
        for program in PROGRAMS {
            println!("PROGRAM\t{}\t{program}", load.name);
            let symbols = format!("/{SYMBOLS}");
            if !load::run_in(load, ["steps", &symbols].into_iter().chain(program.split(' '))) {
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// Writes the functions of a binary into a file, with their addresses.
pub(super) fn symbols(binary: &Path, target: &Path) -> PathBuf {
    let listed = Command::new("nm").args(["--numeric-sort", "--print-size", "--defined-only"]).arg(binary).output();
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
    let functions = listed.lines().filter(|line| {
        let mut fields = line.split(' ');
        fields.nth(2).is_some_and(|kind| ["t", "T", "w", "W"].contains(&kind)) && fields.next().is_some()
    });
    let functions: Vec<&str> = functions.collect();
    assert!(functions.len() > 1000, "{} has no symbols: see tests/bench/order.rs", binary.display());
    let path = target.join("vm/symbols");
    std::fs::write(&path, functions.join("\n") + "\n").unwrap();
    path
}

/// What ran, and how many instructions of each function.
#[derive(Default)]
pub(super) struct Order {
    ran: BTreeMap<String, u64>,
}

impl Order {
    /// Takes a line of the guest if it is about a function.
    pub(super) fn take(&mut self, line: &str) -> bool {
        let Some(fields) = line.strip_prefix("RAN\t") else { return false };
        let (name, count) = fields.split_once('\t').unwrap();
        *self.ran.entry(name.to_owned()).or_default() += count.parse::<u64>().unwrap();
        true
    }

    /// Writes the linker script.
    pub(super) fn write(&self, path: &Path) {
        let mut script = String::from(
            "/*\n * What a look runs, side by side: the kernel maps code in pieces, and each that is touched costs. See \
             docs/decisions.md.\n * Written by `WGSTAT_BENCH=order cargo test --test bench`; a name that no longer matches costs \
             nothing but that.\n */\nSECTIONS\n{\n  .text.hot :\n  {\n",
        );
        let mut patterns: Vec<String> = self.ran.keys().map(|name| pattern(name)).collect();
        patterns.sort();
        patterns.dedup();
        for pattern in &patterns {
            let _ = writeln!(script, "    *(.text.{pattern})");
        }
        script += "  }\n}\nINSERT BEFORE .text;\n";
        std::fs::write(path, script).unwrap();
        println!(
            "wrote {}: {} functions; touch src/main.rs, cargo does not look at it",
            path.display(),
            patterns.len()
        );
    }
}

/// A function's name, whatever the compiler's number for the crate: `NtCs4fqI2P2rA04_4core` is `NtCs*_4core`.
fn pattern(name: &str) -> String {
    let mut pattern = String::new();
    let mut rest = name;
    while let Some((before, behind)) = rest.split_once("Cs") {
        let number = behind.bytes().take_while(u8::is_ascii_alphanumeric).count();
        pattern += before;
        match behind.get(number..) {
            Some(end) if end.starts_with('_') => {
                pattern += "Cs*";
                rest = end;
            }
            _ => {
                pattern += "Cs";
                rest = behind;
            }
        }
    }
    pattern += rest;
    // A copy of the optimiser's has a number of its own.
    match pattern.rsplit_once('.') {
        Some((plain, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => format!("{plain}*"),
        _ => pattern,
    }
}
