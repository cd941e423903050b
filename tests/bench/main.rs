//! Measures the cost of wgstat on a real WireGuard kernel, and compares it with `wg`, `ip` and a floor program.
//!
//! The unit is an instruction, including those of the kernel for the process. The guest's clock advances 1 ns per instruction,
//! so results repeat to within a few per cent on any machine. The test fails if wgstat is over a budget (`budgets.rs`).
//!
//! - `cargo test --test bench -- L1 L3` measures these loads only.
//! - `WGSTAT=FILE` measures another binary than the one of `packaging/build`.
//! - `WGSTAT_BENCH=write` also writes `docs/performance.md`.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "it is a test")]
#![expect(clippy::indexing_slicing, reason = "a test may well fail by index")]

mod budgets;
mod load;
mod report;
mod scrape;
#[path = "../common/vm.rs"]
mod vm;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use report::Report;
use vm::Guest;

/// Set in the environment of the guest.
const GUEST_VARIABLE: &str = "WGSTAT_BENCH_GUEST";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, load, scrapes] = &arguments[..]
        && role == scrape::ROLE
    {
        return scrape::run(load, scrapes.parse().unwrap());
    }
    if std::env::var_os(GUEST_VARIABLE).is_some() {
        return load::run_all(&arguments);
    }
    let selected: Vec<String> = arguments.into_iter().filter(|argument| !argument.starts_with('-')).collect();
    let target = vm::target().unwrap();
    let built = target.join("x86_64-unknown-linux-musl/release/wgstat");
    let wgstat = std::env::var_os("WGSTAT").map_or(built, PathBuf::from);
    if !wgstat.exists() {
        println!("{}: no such file; packaging/build builds it", wgstat.display());
        return ExitCode::FAILURE;
    }
    let [floor, measure] = ["floor", "measure"].map(|name| compile(name, &target));
    let mut report = Report::default();
    let code = vm::run(
        &Guest {
            name: "bench",
            programs: &["ip", "wg"],
            files: &[(wgstat, "usr/bin/wgstat"), (floor, "usr/bin/floor"), (measure, "usr/bin/measure")],
            environment: &[&format!("{GUEST_VARIABLE}=1")],
            arguments: &selected,
            memory: 2048,
            machine: vm::Machine::Small,
        },
        |line| {
            if !report.take(line) {
                println!("{line}");
            }
        },
    );
    print!("\n{}", report.tables());
    let over_budget = report.over_budget();
    for excess in &over_budget {
        println!("over budget: {excess}");
    }
    if std::env::var_os("WGSTAT_BENCH").is_some_and(|value| value == "write") {
        assert!(selected.is_empty(), "docs/performance.md needs all loads");
        report.write(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/performance.md")));
    }
    if over_budget.is_empty() && report.is_complete(&selected) { code } else { ExitCode::FAILURE }
}

/// Compiles one of the C programs.
fn compile(name: &str, target: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench").join(name).with_extension("c");
    let program = target.join("vm").join(name);
    let status =
        Command::new("cc").args(["-O2", "-Wall", "-Werror", "-static", "-o"]).arg(&program).arg(&source).status();
    assert!(status.is_ok_and(|status| status.success()), "cc cannot compile {}", source.display());
    program
}
