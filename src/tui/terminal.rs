//! Sets the terminal up for the live view, and restores it.

use std::fs;
use std::io::{self, BufWriter, Stdout, stdout};
use std::mem::ManuallyDrop;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::thread;

use crossterm::cursor::{Hide, Show};
use crossterm::execute;
use crossterm::style::Print;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::app::App;
use super::view;

/// Enables reports of buttons and the wheel, in the SGR encoding, which has no limit of 223 columns. Crossterm's own command
/// enables reports of movements, too, which would wake the program for nothing.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

/// Whether the terminal is set up for the live view.
static IS_ACTIVE: AtomicBool = AtomicBool::new(false);
/// Panic message of a thread that does not draw.
static PANIC_MESSAGE: Mutex<Option<String>> = Mutex::new(None);

/// Owns the terminal of the live view. The terminal is restored when this is dropped and when the program panics.
pub struct Screen {
    /// Never dropped: its destructor prints an error if the terminal was closed. `restore` shows the cursor already.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<BufWriter<Stdout>>>>,
}

impl Screen {
    /// Sets up the terminal on standard output. A panic of the calling thread restores it before its message is printed.
    ///
    /// # Errors
    /// Returns an error if standard output is not a terminal or cannot be configured.
    pub fn enter() -> io::Result<Self> {
        install_panic_hook();
        // A buffer for the whole screen: the terminal never shows half a frame.
        let terminal = Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(1 << 16, stdout())))?;
        let screen = Self { terminal: ManuallyDrop::new(terminal) };
        activate()?;
        Ok(screen)
    }

    /// Draws the view.
    pub(super) fn draw(&mut self, app: &mut App) -> io::Result<()> {
        self.terminal.draw(|frame| view::draw(frame, app))?;
        Ok(())
    }

    /// Restores the terminal, runs `work`, and sets the terminal up again.
    pub(super) fn with_restored(&mut self, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        restore();
        work()?;
        activate()?;
        // `clear` would ask the terminal for the cursor position, and the thread that reads keys would take the reply.
        let area = self.terminal.size()?.into();
        self.terminal.resize(area)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Switches to raw mode and the alternate screen.
fn activate() -> io::Result<()> {
    IS_ACTIVE.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen, Hide, Print(MOUSE_ON))
}

/// Restores the terminal. Ignores errors: there is nowhere to report them.
pub(super) fn restore() {
    if IS_ACTIVE.swap(false, Ordering::SeqCst) {
        // The modes first: unlike output, that never blocks (Ctrl-S).
        let _ = disable_raw_mode();
        let _ = execute!(stdout(), Print(MOUSE_OFF), LeaveAlternateScreen, Show);
    }
}

/// Returns whether no shell could resume this process after Ctrl-Z. A shell gives each job a process group; a process in the
/// group of its session leader was started by `ssh -t` or as the command of a container.
pub(super) fn has_no_job_control() -> bool {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The fields after the name, which may contain anything: state, parent, process group, session. 0 is outside the PID
    // namespace.
    let mut fields = stat.rsplit_once(')').unwrap_or_default().1.split_whitespace().skip(2);
    let (group, session) = (fields.next(), fields.next());
    group.is_some_and(|group| group != "0") && group == session
}

/// Returns whether the terminal was closed.
pub(super) fn is_closed() -> bool {
    let stdin = io::stdin();
    let mut files = [PollFd::new(&stdin, PollFlags::empty())];
    poll(&mut files, Some(&Timespec::default())).is_ok_and(|count| count > 0)
}

/// Installs a panic hook, because a message on the alternate screen is lost. A panic of the drawing thread restores the
/// terminal first; the message of any other thread is kept until the view has ended.
fn install_panic_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let drawing = thread::current().id();
        let default_hook = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if thread::current().id() == drawing {
                restore();
                default_hook(info);
            } else {
                let name = thread::current().name().unwrap_or_default().to_owned();
                let mut message = PANIC_MESSAGE.lock().unwrap_or_else(PoisonError::into_inner);
                message.get_or_insert_with(|| format!("thread '{name}' {info}"));
            }
        }));
    });
}

/// Prints the panic message of another thread on standard error.
pub(super) fn print_panic_message() {
    use std::io::Write as _;
    if let Some(message) = PANIC_MESSAGE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = writeln!(io::stderr(), "{message}");
    }
}
