//! The program: parse, run, turn an error into a message and an exit code.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::Parser as _;
use wgstat::cli::Cli;
use wgstat::commands::{self, Outcome};

/// musl's own allocator asks the kernel for memory, and gives it back, piece by piece: a quarter of what a short run costs.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    // Before anything is read: replies of the kernel and of daemons hold private keys, and no core dump shall.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);

    let cli = Cli::parse();
    let mut out = BufWriter::new(Stdout);
    match commands::run(&cli, &mut out, &mut io::stderr()) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Incomplete) => ExitCode::FAILURE,
        Err(error) if error.is_broken_pipe() => {
            // What is still buffered has no reader either.
            let _ = out.into_parts();
            ExitCode::SUCCESS
        }
        Err(error) => {
            // What a failed command had already to say is half a result, and worth less than none.
            let (mut stdout, _) = out.into_parts();
            commands::explain(&error, &cli.global, &mut stdout, &mut io::stderr());
            ExitCode::FAILURE
        }
    }
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
