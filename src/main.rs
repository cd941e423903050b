//! The program: parse, run, turn an error into a message and an exit code.

use std::io::{self, BufWriter, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use wgstat::cli::Cli;
use wgstat::commands::{self, Outcome};
use wgstat::error::Error;
use wgstat::render::json;

fn main() -> ExitCode {
    // Before anything is read: replies of the kernel and of daemons hold private keys, and no core dump shall.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);

    let cli = Cli::parse();
    let mut out = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    match commands::run(&cli, &mut out, &mut io::stderr()) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Incomplete) => ExitCode::FAILURE,
        Err(error) if error.is_broken_pipe() => {
            // What is still buffered has no reader either.
            let _ = out.into_parts();
            ExitCode::SUCCESS
        }
        Err(error) => {
            fail(&error, cli.global.json, out);
            ExitCode::FAILURE
        }
    }
}

fn fail(error: &Error, as_json: bool, mut out: BufWriter<io::StdoutLock<'_>>) {
    commands::remark(&mut io::stderr(), &error.to_string(), error.hint().as_deref());
    // On a standard output that failed there is no more to be said.
    if as_json && !error.is_about_standard_output() {
        let _ = json::error(&mut out, error).and_then(|()| out.flush());
    } else {
        let _ = out.into_parts();
    }
}
