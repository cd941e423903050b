//! The tests on a real WireGuard kernel.
//!
//! Started on a machine, this program packs itself, the programs under test and a kernel's modules into an initial
//! RAM disk and boots that kernel in an emulator (`vm.rs`). Started in there, it is the test runner (`guest.rs`).
//! Nothing is skipped: what is missing for the emulator is an error that says what to install.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "it is a test")]
#![expect(clippy::indexing_slicing, reason = "a test may well fail by index")]

#[path = "../common/mod.rs"]
mod common;
mod faults;
mod guest;
mod hostile;
mod numbers;
mod privilege;
mod recordings;
mod vm;

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::var_os(guest::MARK).is_some() { guest::run() } else { vm::boot() }
}
