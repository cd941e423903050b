//! Tests the live view in tmux, in the lab: keys, sizes, and that the terminal is restored.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::PollFd;
use tempfile::TempDir;
use wgstat::findings::Finding;
use wgstat::model::Snapshot;
use wgstat::render::format::Style;
use wgstat::sampler::{Next, Sample, Tick};
use wgstat::tui::{self, Screen, TickSource, ViewOptions};

use crate::lab::lab;

/// Timeout of every wait, long enough for a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Runs a terminal with a shell in the lab; dropping it ends both.
struct Tmux {
    directory: TempDir,
}

impl Tmux {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let tmux = Self { directory };
        // The lab finds its programs by itself.
        let lab = lab(&["--backend", "boringtun", "bash", "--norc", "--noprofile"]);
        let mut words = vec![lab.get_program().to_owned()];
        words.extend(lab.get_args().map(ToOwned::to_owned));
        let status = tmux
            .command(&["-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24"])
            .args(words)
            .envs(lab.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .envs([("LC_ALL", "C.UTF-8"), ("PS1", "$ "), ("HISTFILE", "")])
            .env_remove("TMUX")
            .env_remove("NO_COLOR")
            .env_remove("RUST_BACKTRACE")
            .env_remove("CARGO")
            .status()
            .unwrap();
        assert!(status.success(), "tmux starts");
        tmux.wait("the shell's prompt", |screen| screen.lines().any(|line| line.trim_end() == "$"));
        tmux
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(self.directory.path().join("socket")).args(words).stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> String {
        let output = self.command(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn screen(&self) -> String {
        self.run(&["capture-pane", "-p"])
    }

    fn keys(&self, keys: &[&str]) {
        self.run(&[&["send-keys"], keys].concat());
    }

    /// Types a line into the shell.
    fn line(&self, line: &str) {
        self.keys(&["-l", line]);
        self.keys(&["Enter"]);
    }

    fn wait(&self, expected: &str, is_there: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let screen = self.screen();
            if is_there(&screen) {
                return screen;
            }
            assert!(start.elapsed() < TIMEOUT, "{expected} does not appear:\n{screen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Returns whether the alternate screen, the cursor, mouse reports and their SGR encoding are on.
    fn modes(&self) -> String {
        self.run(&["display-message", "-p", "#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{mouse_sgr_flag}"])
    }

    /// Returns the exit code of the last command, a hash of the terminal's settings, and its modes.
    fn state(&self) -> (String, String, String) {
        // On a line of its own, short enough for the screen.
        self.line("echo \"=$?=$(stty -g | md5sum | cut -c1-32)=\"");
        let is_answer = |line: &&str| line.starts_with('=') && line.matches('=').count() == 3;
        let screen = self.wait("the terminal's state", |screen| screen.lines().any(|line| is_answer(&line)));
        let line = screen.lines().rfind(is_answer).unwrap();
        let [code, state] = [1, 2].map(|part| line.split('=').nth(part).unwrap().to_owned());
        self.line("clear");
        self.wait("an empty screen", |screen| !screen.contains('='));
        (code, state, self.modes())
    }

    /// Starts the view and waits until it is drawn.
    fn watch(&self, arguments: &str) {
        self.line(&format!("$WGSTAT watch --interval 500ms {arguments}"));
        self.wait("the view", |screen| screen.contains("peers of wg0"));
        assert_eq!(self.modes(), "1 0 1 1\n", "the view controls the terminal");
    }

    /// Sends a signal to the view.
    fn signal(&self, signal: &str) {
        let tty = self.run(&["display-message", "-p", "#{pane_tty}"]);
        let tty = tty.trim().trim_start_matches("/dev/").to_owned();
        let status = Command::new("pkill").args([signal, "-t", &tty, "-x", "wgstat"]).status().unwrap();
        assert!(status.success(), "{signal}");
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = self.command(&["kill-server"]).stderr(Stdio::null()).status();
    }
}

/// Lists the ways to end the view.
#[derive(Debug)]
enum End {
    Keys(&'static [&'static str]),
    Signal(&'static str),
    Count,
}

#[test]
fn terminal_is_restored_however_the_view_ends() {
    let tmux = Tmux::start();
    let (_, state, modes) = tmux.state();
    assert_eq!(modes, "0 1 0 0\n", "the modes of a shell");
    // The exit code of a shell after a signal is 128 plus its number.
    let ways = [
        (End::Keys(&["q"]), "0"),
        (End::Keys(&["C-c"]), "0"),
        (End::Keys(&["?", "/", "x", "C-c"]), "0"),
        (End::Count, "0"),
        (End::Signal("-INT"), "0"),
        (End::Signal("-TERM"), "143"),
        (End::Signal("-HUP"), "129"),
        (End::Signal("-QUIT"), "131"),
    ];
    for (way, code) in ways {
        tmux.watch(if matches!(way, End::Count) { "--count 4" } else { "" });
        match way {
            End::Keys(keys) => tmux.keys(keys),
            End::Signal(signal) => tmux.signal(signal),
            End::Count => {}
        }
        let start = Instant::now();
        while tmux.modes() != modes {
            assert!(start.elapsed() < TIMEOUT, "{way:?}: {}", tmux.modes());
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(tmux.state(), (code.to_owned(), state.clone(), modes.clone()), "{way:?}");
    }
}

#[test]
fn view_is_suspended_and_resumed() {
    let tmux = Tmux::start();
    let (_, state, modes) = tmux.state();
    tmux.watch("");
    for suspend in ["Ctrl-Z", "SIGTSTP"] {
        if suspend == "Ctrl-Z" {
            tmux.keys(&["C-z"]);
        } else {
            tmux.signal("-TSTP");
        }
        tmux.wait("the shell", |screen| screen.contains("Stopped"));
        let (_, stopped, stopped_modes) = tmux.state();
        assert_eq!((&stopped, &stopped_modes), (&state, &modes), "{suspend}");
        tmux.line("fg");
        tmux.wait("the view", |screen| screen.contains("peers of wg0") && screen.starts_with("wgstat"));
        assert_eq!(tmux.modes(), "1 0 1 1\n");
        tmux.keys(&["?"]);
        tmux.wait("the help", |screen| screen.contains("this help"));
        tmux.keys(&["Escape"]);
        tmux.wait("the view", |screen| !screen.contains("this help"));
    }
    // SIGSTOP cannot be handled, and the shell changes the terminal before it resumes the view.
    tmux.signal("-STOP");
    tmux.wait("the shell", |screen| screen.contains("Stopped"));
    tmux.line("stty sane; fg");
    tmux.wait("the view", |screen| screen.contains("peers of wg0") && screen.starts_with("wgstat"));
    tmux.keys(&["q"]);
    tmux.wait("the shell", |screen| screen.contains('$'));
    assert_eq!(tmux.modes(), modes);
    assert_eq!(tmux.state().0, "0");
}

/// As with `ssh -t` or as the command of a container, where nothing could resume the view.
#[test]
fn view_without_a_shell_is_not_suspended() {
    let tmux = Tmux::start();
    // script(1) starts a session, and stops when its child stops.
    tmux.line("script -qec \"$WGSTAT watch\" /dev/null");
    tmux.wait("the view", |screen| screen.contains("peers of wg0"));
    tmux.keys(&["C-z", "?"]);
    tmux.wait("the help", |screen| screen.contains("this help"));
    tmux.keys(&["C-c"]);
    tmux.wait("the shell again", |screen| screen.contains('$'));
}

#[test]
fn keys_and_sizes_on_a_real_terminal() {
    let tmux = Tmux::start();
    tmux.watch("");
    for (width, height) in [("40", "10"), ("200", "60"), ("1", "1"), ("80", "24")] {
        tmux.run(&["resize-window", "-x", width, "-y", height]);
        let columns: usize = width.parse().unwrap();
        // The second line is as wide as the screen: a border, or a title that is cut.
        let is_filled = |line: &str| line.chars().count() == columns;
        tmux.wait("the view at its new size", |screen| match columns {
            1 => screen.trim_end() == "w",
            _ => screen.lines().nth(1).is_some_and(is_filled),
        });
    }
    tmux.keys(&["/"]);
    tmux.keys(&["-l", "10.9.0.3"]);
    tmux.wait("the filter", |screen| {
        screen.contains("1 of 3 match \"10.9.0.3\"") && screen.contains("filter: 10.9.0.3")
    });
    // Waits for the new size first, because the next key must not arrive together with it.
    tmux.run(&["resize-window", "-x", "100", "-y", "30"]);
    tmux.wait("the view at its new size", |screen| {
        screen.lines().next().is_some_and(|line| line.chars().count() == 100)
    });
    tmux.keys(&["Escape"]);
    tmux.wait("the whole list", |screen| {
        !screen.contains("filter:") && screen.matches('○').count() + screen.matches('●').count() == 3
    });
    tmux.keys(&["Down", "Enter"]);
    tmux.wait("the peer", |screen| screen.contains("public key"));
    tmux.keys(&["q", "u", "+", "+"]);
    tmux.wait("bits, and a longer interval", |screen| screen.contains("bit/s") && screen.contains("every 2s"));
    // Button 65 is the wheel, downwards.
    tmux.keys(&["Home"]);
    tmux.keys(&["-l", "\u{1b}[<65;10;10M"]);
    tmux.wait("the last peer selected", |screen| {
        screen
            .lines()
            .rfind(|line| line.starts_with("▶ ") || line.starts_with("  ○") || line.starts_with("  ●"))
            .is_some_and(|line| line.starts_with('▶'))
    });
    tmux.keys(&["C-l", "Tab"]);
    tmux.wait("the next network", |screen| screen.contains("peers of wg1"));
}

#[test]
fn shorter_interval_takes_effect_at_once() {
    let tmux = Tmux::start();
    tmux.line("$WGSTAT watch --interval 1h");
    tmux.wait("the first tick", |screen| screen.contains("rx             -"));
    tmux.keys(&["-"; 8]);
    tmux.wait("rates", |screen| screen.contains("every 500ms") && screen.contains("rx         0 B/s"));
}

#[test]
fn change_of_a_link_is_shown_at_once() {
    let tmux = Tmux::start();
    tmux.line("$WGSTAT watch --interval 1h");
    tmux.wait("the view", |screen| screen.contains("peers of wg0"));
    tmux.keys(&["C-z"]);
    tmux.wait("the shell", |screen| screen.contains("Stopped"));
    tmux.line("clear; (sleep 1; ip link set wg1 down) & fg");
    tmux.wait("the event", |screen| screen.contains("wg1: critical: the interface is administratively down"));
}

#[test]
fn dumb_terminals_get_lines() {
    let tmux = Tmux::start();
    tmux.line("TERM=dumb $WGSTAT watch --count 2 --interval 500ms");
    let screen = tmux.wait("two ticks", |screen| screen.matches(" wg0 ").count() == 2);
    assert!(screen.contains("INTERFACE"), "{screen}");
    assert_eq!(tmux.modes(), "0 1 0 0\n");
}

#[test]
fn view_ends_with_its_terminal() {
    let tmux = Tmux::start();
    tmux.watch("");
    let tty = tmux.run(&["display-message", "-p", "#{pane_tty}"]);
    let pid =
        Command::new("pgrep").args(["-t", tty.trim().trim_start_matches("/dev/"), "-x", "wgstat"]).output().unwrap();
    let pid = String::from_utf8(pid.stdout).unwrap();
    assert!(!pid.trim().is_empty());
    tmux.run(&["kill-server"]);
    let start = Instant::now();
    while std::path::Path::new("/proc").join(pid.trim()).exists() {
        assert!(start.elapsed() < TIMEOUT, "the view is still running");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Panics at the second sample.
struct Faulty(bool);

impl TickSource for Faulty {
    fn next(&mut self, _files: &[PollFd<'_>]) -> Next {
        std::thread::sleep(Duration::from_secs(3));
        assert!(!std::mem::replace(&mut self.0, true), "forced panic in the thread that takes samples");
        Next::Tick(nothing())
    }

    fn set_interval(&mut self, _interval: Duration) {}
}

fn nothing() -> Arc<Tick> {
    let sample = Sample { snapshot: Snapshot::default(), rates: Vec::new(), findings: Vec::<Finding>::new() };
    Arc::new(Tick { sample: Arc::new(sample), events: Vec::new() })
}

#[test]
#[ignore = "it panics: run by the next test, on a terminal"]
fn panic_of_the_sampling_thread() {
    let options = ViewOptions { interval: Duration::from_secs(1), count: None, style: Style::default() };
    let _ = tui::run(Faulty(false), nothing(), options);
}

#[test]
#[ignore = "it panics: run by the next test, on a terminal"]
fn panic_of_the_drawing_thread() {
    let _screen = Screen::enter().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    panic!("forced panic in the thread that draws");
}

#[test]
fn panic_restores_the_terminal_and_prints_its_message() {
    let tmux = Tmux::start();
    let (_, state, modes) = tmux.state();
    let own = std::env::current_exe().unwrap();
    for (test, words) in [
        ("panic_of_the_sampling_thread", "forced panic in the thread that takes samples"),
        ("panic_of_the_drawing_thread", "forced panic in the thread that draws"),
    ] {
        tmux.line(&format!("{} --ignored --exact --nocapture terminal::{test}", own.display()));
        let start = Instant::now();
        while !tmux.modes().starts_with('1') {
            assert!(start.elapsed() < TIMEOUT, "{test}: {}", tmux.screen());
            std::thread::sleep(Duration::from_millis(20));
        }
        tmux.wait("the end of the test", |screen| screen.contains("test result: FAILED"));
        let screen = tmux.screen();
        assert!(screen.contains(words), "{test}: {screen}");
        assert_eq!(tmux.state(), ("101".to_owned(), state.clone(), modes.clone()), "{test}");
    }
}

/// Returns a screen of the live view in the lab while a peer is pinged: the first that `accepts` returns true for, or the last.
pub(crate) fn view_with_traffic(accepts: impl Fn(&str) -> bool) -> String {
    let tmux = Tmux::start();
    // The files of this host may be unreadable for the user who runs the tests.
    tmux.line("mount -t tmpfs tmpfs /etc/wireguard 2>/dev/null; clear; (ping -q -c 2000 -i 0.01 -s 1000 10.9.0.2 >/dev/null 2>&1 &)");
    tmux.watch("");
    let start = Instant::now();
    loop {
        let screen = tmux.screen();
        if accepts(&screen) || start.elapsed() > Duration::from_secs(15) {
            return screen;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
