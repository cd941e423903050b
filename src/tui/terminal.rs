//! The terminal while it is the view's, and as it was before.

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

use super::{App, view};

/// Reports of buttons and the wheel, in the form that knows more than 223 columns; of no mere movement, which the library's own
/// command asks for too and which would wake the program for nothing.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

/// Whether the terminal is the view's now.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);
/// What a thread that does not draw said when it panicked.
static LAST_WORDS: Mutex<Option<String>> = Mutex::new(None);

/// The terminal as the view's; when this is dropped, and when the program panics, it is as it was before.
pub struct Screen {
    /// Never dropped: it would show the cursor, which is shown by then, and complain where the terminal is gone.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<BufWriter<Stdout>>>>,
}

impl Screen {
    /// Takes the terminal behind standard output. A panic of the calling thread will give it back before it speaks.
    ///
    /// # Errors
    /// Where it is none, or refuses.
    pub fn enter() -> io::Result<Self> {
        speak_when_given_back();
        // A whole screen in one piece: no half of one is ever seen.
        let terminal = Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(1 << 16, stdout())))?;
        let screen = Self { terminal: ManuallyDrop::new(terminal) };
        take()?;
        Ok(screen)
    }

    pub(super) fn draw(&mut self, app: &mut App) -> io::Result<()> {
        self.terminal.draw(|frame| view::draw(frame, app))?;
        Ok(())
    }

    /// Gives the terminal back, does something, and takes it again.
    pub(super) fn while_given_back(&mut self, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        give_back();
        work()?;
        take()?;
        // Not by `clear`: that asks the terminal where the cursor is, and another thread reads what it answers.
        let area = self.terminal.size()?.into();
        self.terminal.resize(area)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn take() -> io::Result<()> {
    IS_TAKEN.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen, Hide, Print(MOUSE_ON))
}

/// Makes the terminal what it was. What cannot be done is left: there is nobody to tell.
pub(super) fn give_back() {
    if IS_TAKEN.swap(false, Ordering::SeqCst) {
        // The modes first: they are set also where the terminal takes no output.
        let _ = disable_raw_mode();
        let _ = execute!(stdout(), Print(MOUSE_OFF), LeaveAlternateScreen, Show);
    }
}

/// Whether a program that is stopped here stays so for ever: a shell gives each of its jobs a process group, and what is in the
/// session's own was started by `ssh -t` or as a container's command.
pub(super) fn has_nobody_to_resume() -> bool {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name, which may hold anything: state, parent, process group, session. 0 is one outside of a PID namespace.
    let mut fields = stat.rsplit_once(')').unwrap_or_default().1.split_whitespace().skip(2);
    let (group, session) = (fields.next(), fields.next());
    group.is_some_and(|group| group != "0") && group == session
}

/// Whether there is no longer a terminal to read from.
pub(super) fn is_gone() -> bool {
    let stdin = io::stdin();
    let mut files = [PollFd::new(&stdin, PollFlags::empty())];
    poll(&mut files, Some(&Timespec::default())).is_ok_and(|count| count > 0)
}

/// What a panic says is lost on the view's own screen. That of the thread that draws is said at once; that of another is kept,
/// because the terminal is still being drawn on.
fn speak_when_given_back() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let drawing = thread::current().id();
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if thread::current().id() == drawing {
                give_back();
                usual(info);
            } else {
                let name = thread::current().name().unwrap_or_default().to_owned();
                let mut words = LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner);
                words.get_or_insert_with(|| format!("thread '{name}' {info}"));
            }
        }));
    });
}

/// Says what the thread that panicked said.
pub(super) fn print_last_words() {
    use std::io::Write as _;
    if let Some(words) = LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = writeln!(io::stderr(), "{words}");
    }
}
