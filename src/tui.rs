//! Runs the live view of `watch` on a terminal.
//!
//! One thread samples, one reads keys and one waits for signals. They send messages through one queue to the thread that draws,
//! which is the only one that writes to the terminal. [`App`] holds the state of the view and `view` draws it; both know
//! neither threads nor a terminal.

mod app;
mod figures;
mod input;
mod peers;
mod terminal;
mod view;

use std::any::Any;
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossterm::event::Event;
use rustix::event::{PollFd, PollFlags};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

pub use self::app::{App, Effect, ViewOptions};
pub use self::figures::Units;
pub use self::input::{KEYS, KeyHelp};
pub use self::terminal::Screen;
pub use self::view::draw;
use crate::error::{Error, Result};
use crate::sampler::{Next, Tick, Watch};

/// Capacity of the message queue; a sender waits while it is full.
const QUEUE_LENGTH: usize = 64;
/// Time after which a signal ends the process even if the terminal blocks output (Ctrl-S).
const SIGNAL_TIMEOUT: Duration = Duration::from_secs(2);

/// Delivers the samples to the view.
pub trait TickSource: Send {
    /// Waits for the next sample, as [`Watch::next`].
    fn next(&mut self, files: &[PollFd<'_>]) -> Next;

    /// Changes the interval, as [`Watch::set_interval`].
    fn set_interval(&mut self, interval: Duration);
}

impl TickSource for Watch {
    fn next(&mut self, files: &[PollFd<'_>]) -> Next {
        Watch::next(self, files)
    }

    fn set_interval(&mut self, interval: Duration) {
        Watch::set_interval(self, interval);
    }
}

/// Lists the messages to the drawing thread.
enum Message {
    Sample(Next),
    Terminal(io::Result<Event>),
    Signal(i32),
    Panic(Box<dyn Any + Send>),
}

/// Lists the reasons for which the view ends.
enum Exit {
    Quit,
    Signal(i32),
    Panic(Box<dyn Any + Send>),
}

/// Shows the view until the user quits. Returns the last sample, and the error since then, if any. A signal that terminates
/// programs terminates this one after the terminal was restored.
///
/// # Errors
/// Returns an error if the terminal cannot be set up or drawn on.
///
/// # Panics
/// Panics if the source panics, after the terminal was restored.
pub fn run(
    source: impl TickSource + 'static,
    first: Arc<Tick>,
    options: ViewOptions,
) -> Result<(Arc<Tick>, Option<Error>)> {
    let (sender, messages) = sync_channel(QUEUE_LENGTH);
    // Before the terminal is set up, so that every signal restores it.
    let signals =
        Signals::new([SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH]).map_err(Error::Terminal)?;
    let sampling = Sampling::start(source, sender.clone()).map_err(Error::Terminal)?;
    let mut app = App::new(first, options);
    let mut screen = Screen::enter().map_err(Error::Terminal)?;
    spawn("signals", sender.clone(), move |sender| forward_signals(signals, sender)).map_err(Error::Terminal)?;
    spawn("keys", sender, forward_keys).map_err(Error::Terminal)?;
    let exit = show(&mut screen, &mut app, &messages, &sampling, options.count);
    drop(screen);
    match exit.map_err(Error::Terminal)? {
        Exit::Quit => {}
        Exit::Signal(signal) => emulate_default_handler(signal).map_err(Error::Terminal)?,
        Exit::Panic(payload) => {
            terminal::print_panic_message();
            resume_unwind(payload);
        }
    }
    Ok(app.into_last())
}

/// Draws after every message, and every second, because ages change. Returns why the view ends.
fn show(
    screen: &mut Screen,
    app: &mut App,
    messages: &Receiver<Message>,
    sampling: &Sampling,
    count: Option<u64>,
) -> io::Result<Exit> {
    let mut updates = 1;
    loop {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        app.set_clock(now.as_secs());
        // Crossterm does not detect a closed terminal and would poll it in a busy loop.
        if terminal::is_closed() {
            return Ok(Exit::Quit);
        }
        screen.draw(app)?;
        if count.is_some_and(|count| updates >= count) {
            return Ok(Exit::Quit);
        }
        let until_next_second = Duration::from_secs(1).saturating_sub(Duration::from_nanos(now.subsec_nanos().into()));
        let mut message = match messages.recv_timeout(until_next_second) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Ok(Exit::Quit),
        };
        // One frame for all waiting messages: a held key sends more than the eye can follow.
        while let Some(next) = message {
            let effect = match next {
                Message::Sample(next) => {
                    updates += u64::from(matches!(next, Next::Tick(_) | Next::Failed(_)));
                    app.update(next);
                    None
                }
                Message::Terminal(event) => app.handle(&event?),
                Message::Panic(payload) => return Ok(Exit::Panic(payload)),
                Message::Signal(SIGINT) => Some(Effect::Quit),
                Message::Signal(SIGTSTP) => Some(Effect::Suspend),
                // The shell may have changed the terminal in the meantime.
                Message::Signal(SIGCONT) => Some(Effect::Redraw),
                Message::Signal(SIGWINCH) => None,
                Message::Signal(signal) => return Ok(Exit::Signal(signal)),
            };
            match effect {
                Some(Effect::Quit) => return Ok(Exit::Quit),
                // SIGCONT, which resumes the process, sets the terminal up again.
                Some(Effect::Suspend) if terminal::has_no_job_control() => {}
                Some(Effect::Suspend) => screen.with_restored(|| emulate_default_handler(SIGTSTP))?,
                Some(Effect::Redraw) => screen.with_restored(|| Ok(()))?,
                Some(Effect::Interval(interval)) => sampling.set_interval(interval),
                None => {}
            }
            message = messages.try_recv().ok();
        }
    }
}

/// Owns the sampling thread, which ends when this is dropped.
struct Sampling {
    waker: UnixStream,
    interval: Arc<Mutex<Option<Duration>>>,
}

impl Sampling {
    /// Starts the thread, which sends what the source delivers.
    fn start(mut source: impl TickSource + 'static, sender: SyncSender<Message>) -> io::Result<Self> {
        let (waker, wakeup) = UnixStream::pair()?;
        let interval = Arc::new(Mutex::new(None));
        let new_interval = Arc::clone(&interval);
        spawn("samples", sender, move |sender| {
            loop {
                match source.next(&[PollFd::new(&wakeup, PollFlags::IN)]) {
                    Next::Interrupted => {
                        if (&wakeup).read(&mut [0; 64]).is_ok_and(|bytes| bytes == 0) {
                            return;
                        }
                        if let Some(interval) = new_interval.lock().unwrap_or_else(PoisonError::into_inner).take() {
                            source.set_interval(interval);
                        }
                    }
                    next => {
                        if sender.send(Message::Sample(next)).is_err() {
                            return;
                        }
                    }
                }
            }
        })?;
        Ok(Self { waker, interval })
    }

    /// Changes the interval and wakes the thread.
    fn set_interval(&self, interval: Duration) {
        *self.interval.lock().unwrap_or_else(PoisonError::into_inner) = Some(interval);
        // If this fails, the thread has ended, and the queue contains the reason.
        let _ = (&self.waker).write(&[0]);
    }
}

/// Starts a thread that sends a message if it panics.
fn spawn(
    name: &str,
    sender: SyncSender<Message>,
    work: impl FnOnce(&SyncSender<Message>) + Send + 'static,
) -> io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| work(&sender))) {
            let _ = sender.send(Message::Panic(payload));
        }
    })?;
    Ok(())
}

/// Sends signals to the drawing thread, and terminates the process if that thread is blocked.
fn forward_signals(mut signals: Signals, sender: &SyncSender<Message>) {
    for signal in signals.forever() {
        // With a full queue, the drawing thread is blocked, and signals that only redraw can be dropped.
        let _ = sender.try_send(Message::Signal(signal));
        if matches!(signal, SIGTERM | SIGHUP | SIGQUIT) {
            std::thread::sleep(SIGNAL_TIMEOUT);
            // In a thread of its own, because output may block; the modes, which come first, do not.
            let _ = std::thread::Builder::new().spawn(terminal::restore);
            std::thread::sleep(SIGNAL_TIMEOUT / 10);
            let _ = emulate_default_handler(signal);
        }
    }
}

/// Sends the events of the terminal to the drawing thread.
fn forward_keys(sender: &SyncSender<Message>) {
    loop {
        let event = crossterm::event::read();
        let is_last = event.is_err();
        if sender.send(Message::Terminal(event)).is_err() || is_last {
            return;
        }
    }
}
