//! The program: parse, run, turn an error into a message and an exit code.

#[cfg(target_env = "musl")]
mod allocator;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::CommandFactory as _;
use wgstat::cli::{Cli, Command};
use wgstat::commands;

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator::new();

fn main() -> ExitCode {
    // Before anything is read: replies of the kernel and of daemons hold private keys, and no core dump shall.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);

    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(error) => return misused(&error),
    };
    let mut out = BufWriter::new(Stdout);
    match commands::run(&cli, &mut out, &mut io::stderr()) {
        Ok(outcome) => ExitCode::from(outcome.exit_code()),
        Err(error) if error.is_broken_pipe() => {
            // What is still buffered has no reader either.
            let _ = out.into_parts();
            ExitCode::SUCCESS
        }
        Err(error) => {
            // What a failed command had already to say is half a result, and worth less than none.
            let (mut stdout, _) = out.into_parts();
            commands::explain(&error, &cli, &mut stdout, &mut io::stderr());
            let is_check = matches!(cli.command, Some(Command::Check(_)));
            ExitCode::from(commands::exit_code_of_failure(is_check, false))
        }
    }
}

/// Says how it is to be called, and ends; help and version are no misuse.
fn misused(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    // As far as it can be read, what was to be done?
    let read = Cli::command().ignore_errors(true).try_get_matches_from(std::env::args_os());
    let is_check = read.is_ok_and(|matches| matches.subcommand_name() == Some("check"));
    if is_check && std::env::args_os().any(|word| word == "--plugin") {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        commands::explain_misuse(first, &mut Stdout);
    }
    ExitCode::from(commands::exit_code_of_failure(is_check, true))
}

/// Standard output as it is. The standard library's looks for the last line end of all that is written, which for a long
/// document is a twelfth of the whole cost.
struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(rustix::stdio::stdout(), bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
