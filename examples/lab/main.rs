//! A WireGuard host to try wgstat on, without root: real tunnels, real peers and real faults in namespaces that vanish with
//! the command that runs in them. Files are the machine's own.
//!
//! `cargo run --example lab -- wgstat status`, or any other command, a shell for instance. See `scene.rs` for what is
//! there to see.

mod daemon;
mod net;
mod sandbox;
mod scene;

use std::error::Error;
use std::fmt;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;

use clap::Parser;
use daemon::Backend;

/// Run a command on a WireGuard host made for it: two networks with live tunnels, one peer that never answers, one that
/// sends from an address it may not use, and a route to an address that no peer has.
#[derive(Parser)]
#[command(name = "lab")]
struct Arguments {
    /// Who does the WireGuard work; by default the kernel where it can, else boringtun
    #[arg(long, value_enum)]
    backend: Option<Backend>,

    /// What to run; by default `wgstat status`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// The lab starts itself again in these roles.
const ROLE: &str = "WGSTAT_LAB_ROLE";

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// Another part of the lab ended, and said why if it was not told to.
#[derive(Debug)]
struct Ended;

impl Error for Ended {}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lab has ended")
    }
}

fn main() -> ExitCode {
    let result = match std::env::var(ROLE) {
        Ok(role) => play(&role),
        Err(_) => direct(&Arguments::parse()),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            // Who was only waiting for another part that failed has nothing to add.
            if !error.is::<Ended>() {
                let _ = writeln!(std::io::stderr(), "lab: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Enters the namespaces and waits for what happens in there. All hangs on the first process inside: when that ends, the
/// kernel kills every other one, and it ends with this one, however this one ends.
fn direct(arguments: &Arguments) -> Result<ExitCode> {
    let mut words = arguments.command.clone();
    if words.is_empty() {
        words = vec!["wgstat".to_owned(), "status".to_owned()];
    }
    let programs = build_wgstat()?;
    sandbox::enter()?;
    let backend = arguments.backend.map_or_else(Backend::best, Ok)?;
    // Ctrl-C is for the command: a shell in there goes on after it. A handler, unlike SIG_IGN, is not inherited.
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGQUIT] {
        signal_hook::flag::register(signal, Arc::default())?;
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let status = Command::new(std::env::current_exe()?)
        .args(words)
        .env("PATH", format!("{}:{path}", programs.display()))
        .env(ROLE, format!("first {}", backend.name()))
        .status()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The first process inside: has the host made, runs the command, and ends with it.
fn first(backend: Backend) -> Result<ExitCode> {
    sandbox::mount_proc()?;
    let mut host = start(&format!("host {}", backend.name()))?;
    expect(&mut host, "ready")?;
    let mut words = std::env::args_os().skip(1);
    let program = words.next().ok_or("no command")?;
    let status = Command::new(&program)
        .args(words)
        .env_remove(ROLE)
        .status()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    // As shells do it for a command that was killed.
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// Under `cargo run` only the example itself is built; the folder of the programs is returned.
fn build_wgstat() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let programs = own.parent().and_then(|examples| examples.parent()).ok_or("the lab is not in target/…/examples")?;
    if let Some(cargo) = std::env::var_os("CARGO") {
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--bin", "wgstat"]);
        if programs.ends_with("release") {
            build.arg("--release");
        }
        // What cargo told this program of its package. Build scripts that look for it would have to run anew, each time.
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

fn play(role: &str) -> Result<ExitCode> {
    let (role, backend) = role.split_once(' ').ok_or("no backend")?;
    let backend = Backend::parse(backend)?;
    sandbox::die_with_parent()?;
    match role {
        "first" => first(backend),
        "host" => scene::host(backend),
        "far" => scene::far(backend),
        _ => Err(format!("no such role: {role}").into()),
    }
}

/// Starts this program in a role, with pipes to talk over.
fn start(role: &str) -> Result<Child> {
    Ok(Command::new(std::env::current_exe()?).env(ROLE, role).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?)
}

/// Tells a child something, on a line.
fn tell(child: &mut Child, line: &str) -> Result<()> {
    let stdin = child.stdin.as_mut().ok_or("no pipe to the child")?;
    Ok(writeln!(stdin, "{line}")?)
}

/// Waits for a line from a child. A child that fails says why on standard error and ends.
fn expect(child: &mut Child, expected: &str) -> Result<()> {
    let mut stdout = BufReader::with_capacity(1, child.stdout.as_mut().ok_or("no pipe from the child")?);
    let mut line = String::new();
    stdout.read_line(&mut line)?;
    match line.trim_end() {
        "" => Err(Ended.into()),
        line if line == expected => Ok(()),
        line => Err(format!("waited for \"{expected}\", got \"{line}\"").into()),
    }
}
