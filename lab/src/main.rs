//! Runs a command on a WireGuard host made for it: real tunnels, real peers and real faults, in namespaces that vanish with
//! the command. It needs no root. Files are the machine's own.
//!
//! `cargo lab wgstat status`, or any other command, a shell for instance. `topology.rs` lists what there is to see.
//!
//! The lab is a tree of processes, all of them this program:
//!
//! ```text
//! lab                  enters the namespaces, and passes on the exit code
//! └─ init              PID 1 in there: starts the host, then the command
//!    ├─ host           has the interfaces that the command sees
//!    │  ├─ remote      a peer's own host, in a network namespace of its own
//!    │  └─ …
//!    └─ COMMAND
//! ```

mod device;
mod net;
mod sandbox;
mod topology;

use std::error::Error;
use std::fmt;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;

use clap::Parser;
use device::Backend;

/// Run a command on a WireGuard host made for it: two networks with live tunnels, one peer that never answers, one that
/// sends from an address it may not use, a route to an address that no peer has, and a burst that a daemon is too slow for.
#[derive(Parser)]
#[command(name = "lab")]
struct Arguments {
    /// WireGuard implementation [default: the kernel's if it has one, else boringtun]
    #[arg(long, value_enum)]
    backend: Option<Backend>,

    /// Command to run [default: wgstat status]
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Holds the role of a child process, and the backend: `host boringtun`.
const ROLE: &str = "WGSTAT_LAB_ROLE";

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// Says that another process of the lab ended. If it failed, it printed the error itself.
#[derive(Debug)]
struct OtherEndClosed;

impl Error for OtherEndClosed {}

impl fmt::Display for OtherEndClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lab has ended")
    }
}

fn main() -> ExitCode {
    let result = match std::env::var(ROLE) {
        Ok(role) => run_role(&role),
        Err(_) => run_lab(&Arguments::parse()),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            if !error.is::<OtherEndClosed>() {
                let _ = writeln!(std::io::stderr(), "lab: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Enters the namespaces, and returns the exit code of the command in there. When the init process ends, the kernel kills
/// every other process of the lab, and the init process ends with this one.
fn run_lab(arguments: &Arguments) -> Result<ExitCode> {
    let mut command = arguments.command.clone();
    if command.is_empty() {
        command = vec!["wgstat".to_owned(), "status".to_owned()];
    }
    let programs = build_wgstat()?;
    sandbox::enter()?;
    let backend = arguments.backend.map_or_else(Backend::detect, Ok)?;
    // Ctrl-C is for the command: a shell in there survives it. A handler, unlike SIG_IGN, is not inherited.
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGQUIT] {
        signal_hook::flag::register(signal, Arc::default())?;
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let status = Command::new(std::env::current_exe()?)
        .args(command)
        .env("PATH", format!("{}:{path}", programs.display()))
        .env(ROLE, format!("init {}", backend.name()))
        .status()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Starts the host, runs the command, and returns its exit code.
fn run_init(backend: Backend) -> Result<ExitCode> {
    sandbox::mount_proc()?;
    let mut host = spawn_role("host", backend)?;
    wait_for_line(&mut host, "ready")?;
    let mut command = std::env::args_os().skip(1);
    let program = command.next().ok_or("no command")?;
    let status = Command::new(&program)
        .args(command)
        .env_remove(ROLE)
        .status()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    // Shells use the same code for a command that a signal killed.
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// Returns the directory of the programs. Under `cargo run`, which builds the lab alone, builds wgstat there first.
fn build_wgstat() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let programs = own.parent().ok_or("the lab is in no directory")?;
    if let Some(cargo) = std::env::var_os("CARGO") {
        let mut build = Command::new(cargo);
        // Both packages: for wgstat alone, cargo would build shared dependencies again, with fewer features.
        build.args(["build", "--quiet", "--package", "lab", "--package", "wgstat", "--bin", "wgstat"]);
        if programs.ends_with("release") {
            build.arg("--release");
        }
        // Cargo sets these for this program. Build scripts that read them would run again.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_") {
                build.env_remove(&*name);
            }
        }
        if !build.status()?.success() {
            return Err("building wgstat failed".into());
        }
    }
    Ok(programs.to_owned())
}

fn run_role(role: &str) -> Result<ExitCode> {
    let (role, backend) = role.split_once(' ').ok_or("no backend")?;
    let backend = Backend::parse(backend)?;
    sandbox::die_with_parent()?;
    match role {
        "init" => run_init(backend),
        "host" => topology::run_host(backend),
        "remote" => topology::run_remote(backend),
        _ => Err(format!("no such role: {role}").into()),
    }
}

/// Starts this program in a role, with pipes for its standard input and output.
fn spawn_role(role: &str, backend: Backend) -> Result<Child> {
    Ok(Command::new(std::env::current_exe()?)
        .env(ROLE, format!("{role} {}", backend.name()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?)
}

/// Writes a line to a child's standard input.
fn send_line(child: &mut Child, line: &str) -> Result<()> {
    let stdin = child.stdin.as_mut().ok_or("no pipe to the child")?;
    Ok(writeln!(stdin, "{line}")?)
}

/// Waits for this line from a child. A child that fails prints its own error and ends.
fn wait_for_line(child: &mut Child, expected: &str) -> Result<()> {
    let mut stdout = BufReader::with_capacity(1, child.stdout.as_mut().ok_or("no pipe from the child")?);
    let mut line = String::new();
    stdout.read_line(&mut line)?;
    match line.trim_end() {
        "" => Err(OtherEndClosed.into()),
        line if line == expected => Ok(()),
        line => Err(format!("waited for \"{expected}\", got \"{line}\"").into()),
    }
}
