//! The live view of `watch` on a terminal.
//!
//! One thread takes the samples, one reads keys, one waits for signals; what they bring goes through one queue to the thread
//! that draws, which alone touches the terminal. What a message does to the view is in [`App`], how the view looks in `view`;
//! neither knows of threads or of a real terminal.

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

pub use self::app::{App, Wish};
pub use self::figures::Units;
pub use self::input::{KEYS, Key};
pub use self::terminal::Screen;
pub use self::view::draw;
use crate::error::{Error, Result};
use crate::render::human::Style;
use crate::sampler::{Next, Tick, Watch};

/// Messages that wait to be seen to; who brings more has to wait.
const QUEUE: usize = 64;
/// A signal is to end the view within this, also where the terminal takes no more output (Ctrl-S).
const PATIENCE: Duration = Duration::from_secs(2);

/// Where ticks come from.
pub trait Source: Send {
    /// Waits for the next one, as [`Watch::next`].
    fn next(&mut self, files: &[PollFd<'_>]) -> Next;

    /// As [`Watch::set_interval`].
    fn set_interval(&mut self, interval: Duration);
}

impl Source for Watch {
    fn next(&mut self, files: &[PollFd<'_>]) -> Next {
        Watch::next(self, files)
    }

    fn set_interval(&mut self, interval: Duration) {
        Watch::set_interval(self, interval);
    }
}

/// How the view is to be.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Between two ticks, at first.
    pub interval: Duration,
    /// End after so many ticks.
    pub count: Option<u64>,
    /// Colours and characters that the terminal has.
    pub style: Style,
}

/// What a thread brings.
enum Message {
    TimedSample(Next),
    Terminal(io::Result<Event>),
    Signal(i32),
    Panic(Box<dyn Any + Send>),
}

/// Why the view ends.
enum End {
    Left,
    Signal(i32),
    Panic(Box<dyn Any + Send>),
}

/// Shows the view until it is left; returns the last look, and why none could be taken since. A signal that ends programs ends
/// this one, once the terminal is as it was.
///
/// # Errors
/// Where the terminal cannot be drawn on.
///
/// # Panics
/// Where the source does, once the terminal is as it was.
pub fn run(source: impl Source + 'static, first: Arc<Tick>, options: Options) -> Result<(Arc<Tick>, Option<Error>)> {
    let (sender, messages) = sync_channel(QUEUE);
    // Before the terminal is changed: no signal finds it so and nobody to mend it.
    let signals =
        Signals::new([SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH]).map_err(Error::Terminal)?;
    let sampling = Sampling::start(source, sender.clone()).map_err(Error::Terminal)?;
    let mut app = App::new(first, options);
    let mut screen = Screen::enter().map_err(Error::Terminal)?;
    spawn("signals", sender.clone(), move |sender| forward_signals(signals, sender)).map_err(Error::Terminal)?;
    spawn("keys", sender, forward_keys).map_err(Error::Terminal)?;
    let end = show(&mut screen, &mut app, &messages, &sampling, options.count);
    drop(screen);
    match end.map_err(Error::Terminal)? {
        End::Left => {}
        End::Signal(signal) => emulate_default_handler(signal).map_err(Error::Terminal)?,
        End::Panic(payload) => {
            terminal::print_last_words();
            resume_unwind(payload);
        }
    }
    Ok(app.into_last())
}

/// Draws whenever something happened, and every second, because ages tick.
fn show(
    screen: &mut Screen,
    app: &mut App,
    messages: &Receiver<Message>,
    sampling: &Sampling,
    count: Option<u64>,
) -> io::Result<End> {
    let mut ticks = 1;
    loop {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        app.set_clock(now.as_secs());
        // The library that reads keys does not see the end of a terminal, and would look for it without rest.
        if terminal::is_gone() {
            return Ok(End::Left);
        }
        screen.draw(app)?;
        if count.is_some_and(|count| ticks >= count) {
            return Ok(End::Left);
        }
        let until_next_second = Duration::from_secs(1).saturating_sub(Duration::from_nanos(now.subsec_nanos().into()));
        let mut message = match messages.recv_timeout(until_next_second) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Ok(End::Left),
        };
        // All that waits is drawn at once: a held key or a turned wheel brings more than can be seen.
        while let Some(next) = message {
            let wish = match next {
                Message::TimedSample(look) => {
                    ticks += u64::from(matches!(look, Next::Tick(_) | Next::Failed(_)));
                    app.look(look);
                    None
                }
                Message::Terminal(event) => app.handle(&event?),
                Message::Panic(payload) => return Ok(End::Panic(payload)),
                Message::Signal(SIGINT) => Some(Wish::Leave),
                Message::Signal(SIGTSTP) => Some(Wish::Suspend),
                // Whoever had the terminal meanwhile may have left it in any state.
                Message::Signal(SIGCONT) => Some(Wish::Redraw),
                Message::Signal(SIGWINCH) => None,
                Message::Signal(signal) => return Ok(End::Signal(signal)),
            };
            match wish {
                Some(Wish::Leave) => return Ok(End::Left),
                // The signal that wakes this program up again takes the terminal back.
                Some(Wish::Suspend) if terminal::has_nobody_to_resume() => {}
                Some(Wish::Suspend) => screen.while_given_back(|| emulate_default_handler(SIGTSTP))?,
                Some(Wish::Redraw) => screen.while_given_back(|| Ok(()))?,
                Some(Wish::Interval(interval)) => sampling.set_interval(interval),
                None => {}
            }
            message = messages.try_recv().ok();
        }
    }
}

/// The thread that takes the samples; it ends with this.
struct Sampling {
    waker: UnixStream,
    interval: Arc<Mutex<Option<Duration>>>,
}

impl Sampling {
    fn start(mut source: impl Source + 'static, sender: SyncSender<Message>) -> io::Result<Self> {
        let (waker, woken) = UnixStream::pair()?;
        let interval = Arc::new(Mutex::new(None));
        let wanted = Arc::clone(&interval);
        spawn("samples", sender, move |sender| {
            loop {
                match source.next(&[PollFd::new(&woken, PollFlags::IN)]) {
                    Next::Interrupted => {
                        if (&woken).read(&mut [0; 64]).is_ok_and(|bytes| bytes == 0) {
                            return;
                        }
                        if let Some(interval) = wanted.lock().unwrap_or_else(PoisonError::into_inner).take() {
                            source.set_interval(interval);
                        }
                    }
                    look => {
                        if sender.send(Message::TimedSample(look)).is_err() {
                            return;
                        }
                    }
                }
            }
        })?;
        Ok(Self { waker, interval })
    }

    fn set_interval(&self, interval: Duration) {
        *self.interval.lock().unwrap_or_else(PoisonError::into_inner) = Some(interval);
        // Where it is not to be woken it is gone, and the queue says why.
        let _ = (&self.waker).write(&[0]);
    }
}

/// Starts a thread; should it panic, the queue says so.
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

fn forward_signals(mut signals: Signals, sender: &SyncSender<Message>) {
    for signal in signals.forever() {
        // A full queue means that nothing is drawn at present; what only asks for that can be left out.
        let _ = sender.try_send(Message::Signal(signal));
        if matches!(signal, SIGTERM | SIGHUP | SIGQUIT) {
            std::thread::sleep(PATIENCE);
            // Writing may block as well; setting the modes, which comes first, does not.
            let _ = std::thread::Builder::new().spawn(terminal::give_back);
            std::thread::sleep(PATIENCE / 10);
            let _ = emulate_default_handler(signal);
        }
    }
}

fn forward_keys(sender: &SyncSender<Message>) {
    loop {
        let event = crossterm::event::read();
        let is_last = event.is_err();
        if sender.send(Message::Terminal(event)).is_err() || is_last {
            return;
        }
    }
}
