//! What a look costs: whole processes on a real WireGuard kernel, counted in instructions, beside `wg`, `ip` and a floor
//! program that reads the same and looks at nothing.
//!
//! Every instruction of the guest, the kernel's included, is a nanosecond of its clock, so the figures repeat to within a
//! few per cent on any machine. It fails where wgstat costs more than its budget. `WGSTAT_BENCH=write` also writes
//! `docs/performance.md`; with `WGSTAT_BENCH=order` nothing is measured (see `order.rs`).
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "it is a test")]
#![expect(clippy::indexing_slicing, reason = "a test may well fail by index")]

mod load;
mod order;
mod report;
mod scrape;
#[path = "../common/vm.rs"]
mod vm;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use order::Order;
use report::Report;
use vm::Guest;

/// Set in the environment of the guest.
const MARK: &str = "WGSTAT_BENCH_GUEST";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    if let [_, role, load, scrapes] = &words[..]
        && role == scrape::ROLE
    {
        return scrape::run(load, scrapes.parse().unwrap());
    }
    if std::env::var_os(MARK).is_some() {
        return load::run_all();
    }
    if std::env::var_os(order::MARK).is_some() {
        return order::run();
    }
    let target = vm::target().unwrap();
    let built = target.join("x86_64-unknown-linux-musl/release/wgstat");
    let wgstat = std::env::var_os("WGSTAT").map_or(built, PathBuf::from);
    if !wgstat.exists() {
        println!("{}: build it by `packaging/build`", wgstat.display());
        return ExitCode::FAILURE;
    }
    let what = std::env::var("WGSTAT_BENCH").unwrap_or_default();
    if what == "order" {
        return find_order(wgstat, &target);
    }
    let [floor, measure] = ["floor", "measure"].map(|name| compile(name, &target));
    let mut report = Report::default();
    let code = vm::run(
        &Guest {
            name: "bench",
            programs: &["ip", "wg"],
            files: &[(wgstat, "usr/bin/wgstat"), (floor, "usr/bin/floor"), (measure, "usr/bin/measure")],
            environment: &[&format!("{MARK}=1")],
            arguments: &[],
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
    let over = report.over_budget();
    for excess in &over {
        println!("over budget: {excess}");
    }
    if what == "write" {
        report.write(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/performance.md")));
    }
    if over.is_empty() && report.is_complete() { code } else { ExitCode::FAILURE }
}

/// Writes the order of the code anew.
fn find_order(wgstat: PathBuf, target: &Path) -> ExitCode {
    let (symbols, steps) = (order::symbols(&wgstat, target), compile("steps", target));
    let mut order = Order::default();
    let code = vm::run(
        &Guest {
            name: "bench",
            programs: &["ip", "wg"],
            files: &[(wgstat, "usr/bin/wgstat"), (steps, "usr/bin/steps"), (symbols, order::SYMBOLS)],
            environment: &[&format!("{}=1", order::MARK)],
            arguments: &[],
            memory: 2048,
            machine: vm::Machine::Small,
        },
        |line| {
            if !order.take(line) {
                println!("{line}");
            }
        },
    );
    if code == ExitCode::SUCCESS {
        order.write(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.cargo/hot.ld")));
    }
    code
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
