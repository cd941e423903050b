//! Parses the arguments, runs the command, and turns errors into messages and exit codes.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use wgstat::cli::{Cli, Command};
use wgstat::commands;

// musl's own allocator maps and unmaps memory piece by piece: half of the system calls of a short run.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    // Replies of the kernel and of daemons contain private keys. Core dumps must not.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);

    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage_error(&error),
    };
    let mut out = BufWriter::new(Stdout);
    match commands::run(&cli, &mut out, &mut io::stderr()) {
        Ok(outcome) => ExitCode::from(outcome.exit_code()),
        Err(error) if error.is_broken_pipe() => {
            // The rest of the buffer would have no reader either.
            let _ = out.into_parts();
            ExitCode::SUCCESS
        }
        Err(error) => {
            // A partial result is worse than none.
            let (mut stdout, _) = out.into_parts();
            commands::print_error(&error, &cli, &mut stdout, &mut io::stderr());
            let is_check = matches!(cli.command, Some(Command::Check(_)));
            ExitCode::from(commands::exit_code_of_failure(is_check, false))
        }
    }
}

/// Prints clap's message and returns the exit code. Help and the version arrive here too; they are successes.
fn usage_error(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    // `check` has exit codes of its own, and --plugin its own output.
    let parsed = Cli::command().ignore_errors(true).try_get_matches_from(std::env::args_os());
    let is_check = parsed.is_ok_and(|matches| matches.subcommand_name() == Some("check"));
    if is_check && std::env::args_os().any(|word| word == "--plugin") {
        let text = error.to_string();
        let first_line = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        commands::print_plugin_usage_error(first_line, &mut Stdout);
    }
    ExitCode::from(commands::exit_code_of_failure(is_check, true))
}

/// Writes to standard output without a buffer. The standard library's `Stdout` searches all output for the last newline, which
/// is 8 % of the cost of a long document.
struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(rustix::stdio::stdout(), bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
