//! Where answers are made: one thread looks and writes, for everybody who waits. A daemon that hangs holds up nobody but
//! those who asked for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::answers::{Rendering, Wanted, answers};
use crate::http::{Promise, Reply, promise};
use crate::model::{Name, Settings};
use crate::sampler::OnDemandSampler;

/// What is asked for and not answered yet.
#[derive(Default)]
pub(super) struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// What is being made, and those who wait for it; in the order of the batch.
    making: Vec<Order>,
    /// What comes next.
    waiting: Vec<Order>,
    settings: Option<(Settings, Vec<Name>)>,
    is_closed: bool,
}

struct Order {
    wanted: Wanted,
    clients: Vec<oneshot::Sender<Reply>>,
}

impl Desk {
    /// Asks for an answer. Who asks for what is being made already gets the same.
    pub(super) fn ask(&self, wanted: Wanted) -> Promise {
        let (client, promise) = promise();
        let mut state = self.lock();
        let State { making, waiting, .. } = &mut *state;
        // Who went away meanwhile waits for nothing: while a daemon hangs, that may be many.
        for order in making.iter_mut().chain(waiting.iter_mut()) {
            order.clients.retain(|client| !client.is_closed());
        }
        waiting.retain(|order| !order.clients.is_empty());
        if let Some(order) = making.iter_mut().chain(waiting.iter_mut()).find(|order| order.wanted == wanted) {
            order.clients.push(client);
        } else {
            waiting.push(Order { wanted, clients: vec![client] });
            self.changed.notify_one();
        }
        promise
    }

    /// Goes on with other settings, and interfaces that are expected.
    pub(super) fn reload(&self, settings: Settings, expected: Vec<Name>) {
        self.lock().settings = Some((settings, expected));
        self.changed.notify_one();
    }

    /// Takes no more orders: the thread ends when it has made what it makes.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done where it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something to do, but not beyond that moment.
    fn next(&self, due: Instant) -> Task {
        let mut state = self.lock();
        loop {
            if state.is_closed {
                return Task::End;
            }
            if let Some((settings, expected)) = state.settings.take() {
                return Task::Reload(Box::new(settings), expected);
            }
            // A sample that is due waits for nobody's requests.
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Task::Poll;
            }
            if !state.waiting.is_empty() {
                state.making = std::mem::take(&mut state.waiting);
                return Task::Answer(state.making.iter().map(|order| order.wanted.clone()).collect());
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Hands out what was made; what was not is a broken promise.
    fn hand_out(&self, replies: Vec<Reply>) {
        let orders = std::mem::take(&mut self.lock().making);
        for (order, reply) in orders.into_iter().zip(replies) {
            for client in order.clients {
                // Who went away needs none.
                let _ = client.send(reply.clone());
            }
        }
    }
}

enum Task {
    Answer(Vec<Wanted>),
    Poll,
    Reload(Box<Settings>, Vec<Name>),
    End,
}

/// Starts the thread.
pub(super) fn start(
    desk: Arc<Desk>,
    mut live: OnDemandSampler,
    poll: Duration,
    rendering: Rendering,
) -> std::io::Result<JoinHandle<()>> {
    let work = move || {
        let start = Instant::now();
        let mut due = start + poll;
        loop {
            match desk.next(due) {
                Task::Answer(wanted) => {
                    // A mistake in one answer is no reason to end all others.
                    let made =
                        catch_unwind(AssertUnwindSafe(|| answers(&mut live, &wanted, &rendering, start.elapsed())));
                    desk.hand_out(made.unwrap_or_default());
                }
                Task::Poll => {
                    // What cannot be read now, whoever asks is told; the next sample may bring it.
                    let _ = catch_unwind(AssertUnwindSafe(|| live.poll().map(drop)));
                    while due <= Instant::now() {
                        due += poll;
                    }
                }
                Task::Reload(settings, expected) => live.reload(*settings, expected),
                Task::End => break,
            }
        }
    };
    thread::Builder::new().name("desk".to_owned()).spawn(work)
}
