//! Runs a watch in the lab, and other commands at the same time. A command runs after a line was read, and its effect shows in
//! a later line. So no test depends on time.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::lab::lab;

/// A timeout that even a busy machine does not reach.
const PATIENCE: Duration = Duration::from_secs(100);

/// Reads lines as they are printed.
pub(super) struct Lines(Receiver<String>);

impl Lines {
    fn of(open: impl FnOnce() -> Box<dyn Read> + Send + 'static) -> Self {
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(open()).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self(receiver)
    }

    /// Returns the next line.
    pub(super) fn next(&self) -> String {
        self.0.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("no further line: {error}"))
    }

    /// Returns all lines up to the first that matches.
    pub(super) fn until(&self, is_so: impl Fn(&str) -> bool) -> Vec<String> {
        let (start, mut lines) = (Instant::now(), Vec::new());
        loop {
            match self.0.recv_timeout(PATIENCE.saturating_sub(start.elapsed())) {
                Ok(line) => lines.push(line),
                Err(error) => panic!("it never came ({error}), but: {lines:#?}"),
            }
            if is_so(lines.last().unwrap()) {
                return lines;
            }
        }
    }

    fn rest(&self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            match self.0.recv_timeout(PATIENCE) {
                Ok(line) => lines.push(line),
                Err(RecvTimeoutError::Disconnected) => return lines,
                Err(error) => panic!("no end: {error}; {lines:#?}"),
            }
        }
    }
}

/// Holds a lab with a watch and a shell in it.
pub(super) struct Session {
    lab: Child,
    shell: Option<ChildStdin>,
    answers: Lines,
    /// Its standard output.
    pub(super) out: Lines,
    /// Its standard error.
    pub(super) stderr: Lines,
    _folder: TempDir,
}

impl Session {
    /// Starts the lab, runs `setup` in its shell, then `command` in the background.
    pub(super) fn start(setup: &str, command: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let answers = folder.path().join("answers");
        assert!(Command::new("mkfifo").arg(&answers).status().unwrap().success());
        let script = format!(
            "exec 3>\"$ANSWERS\"; {{ {FUNCTIONS}{setup}\n}} >/dev/null 2>&1 </dev/null
             {command} </dev/null 3>&- & watch=$!
             while IFS= read -r line; do eval \"$line\" >&3 2>&1 </dev/null; echo \"exit $?\" >&3; done"
        );
        let mut lab = lab(&["--backend", "boringtun", "sh", "-c", &script])
            .env("ANSWERS", &answers)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (shell, out, stderr) = (lab.stdin.take(), lab.stdout.take().unwrap(), lab.stderr.take().unwrap());
        Self {
            lab,
            shell,
            answers: Lines::of(move || open(&answers)),
            out: Lines::of(|| Box::new(out)),
            stderr: Lines::of(|| Box::new(stderr)),
            _folder: folder,
        }
    }

    /// Runs a command in the lab, and returns its output.
    pub(super) fn run(&mut self, command: &str) -> String {
        let line = command.replace('\n', "; ");
        writeln!(self.shell.as_mut().unwrap(), "{line}").unwrap();
        let mut lines = self.answers.until(|line| line.starts_with("exit "));
        let code = lines.pop().unwrap();
        assert_eq!(code, "exit 0", "{command}: {lines:?}");
        lines.join("\n")
    }

    /// Ends the lab, and returns the rest of standard output and standard error.
    pub(super) fn end(mut self) -> (Vec<String>, Vec<String>) {
        self.shell = None;
        (self.out.rest(), self.stderr.rest())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // All processes in the lab end with it.
        let _ = self.lab.kill();
        let _ = self.lab.wait();
    }
}

/// Blocks until the lab's shell opens the other end.
fn open(path: &Path) -> Box<dyn Read> {
    Box::new(File::open(path).unwrap())
}

/// Defines `daemon NAME` for the lab's shell: it starts another userspace daemon and puts its PID into `$daemon`.
pub(super) const FUNCTIONS: &str = "daemon() {
        WG_PROCESS_FOREGROUND=1 wireguard-go -f $1 >/dev/null 2>&1 3>&- & daemon=$!
        for n in $(seq 500); do [ -S /run/wireguard/$1.sock ] && break; sleep 0.02; done; ip link set $1 up
    }
    ";
