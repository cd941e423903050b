//! Collects samples and renders responses on one thread, for all clients. A daemon that hangs delays only the clients whose
//! request needs it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::responses::{Query, RenderOptions, respond};
use crate::http::{PendingReply, Reply, pending_reply};
use crate::model::{Name, Settings};
use crate::sampler::OnDemandSampler;

/// Passes requests to the worker thread, and its replies back.
#[derive(Default)]
pub(super) struct Worker {
    queue: Mutex<Queue>,
    changed: Condvar,
}

/// Holds the work that is not done yet.
#[derive(Default)]
struct Queue {
    /// Queries that the thread is working on, in the order of its batch.
    in_progress: Vec<PendingQuery>,
    /// Queries of the next batch.
    waiting: Vec<PendingQuery>,
    /// Settings and expected interfaces of a reload.
    reload: Option<(Settings, Vec<Name>)>,
    is_closed: bool,
}

/// Holds a query, and the clients that wait for its reply.
struct PendingQuery {
    query: Query,
    clients: Vec<oneshot::Sender<Reply>>,
}

impl Worker {
    /// Enqueues a query. Identical queries share one reply, even if the thread works on it already.
    pub(super) fn submit(&self, query: Query) -> PendingReply {
        let (client, reply) = pending_reply();
        let mut queue = self.lock();
        let Queue { in_progress, waiting, .. } = &mut *queue;
        // Remove clients that have disconnected. There may be many while a daemon hangs.
        for pending in in_progress.iter_mut().chain(waiting.iter_mut()) {
            pending.clients.retain(|client| !client.is_closed());
        }
        waiting.retain(|pending| !pending.clients.is_empty());
        if let Some(pending) = in_progress.iter_mut().chain(waiting.iter_mut()).find(|pending| pending.query == query) {
            pending.clients.push(client);
        } else {
            waiting.push(PendingQuery { query, clients: vec![client] });
            self.changed.notify_one();
        }
        reply
    }

    /// Passes new settings and expected interfaces to the thread.
    pub(super) fn reload(&self, settings: Settings, expected: Vec<Name>) {
        self.lock().reload = Some((settings, expected));
        self.changed.notify_one();
    }

    /// Ends the thread after its current task.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    /// Locks the queue. A panic cannot leave it inconsistent, so poisoning is ignored.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next task. `due` is the time of the next background sample.
    fn next(&self, due: Instant) -> Task {
        let mut queue = self.lock();
        loop {
            if queue.is_closed {
                return Task::Exit;
            }
            if let Some((settings, expected)) = queue.reload.take() {
                return Task::Reload(Box::new(settings), expected);
            }
            // A background sample that is due comes before requests, so that a flood of them cannot delay it.
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Task::Poll;
            }
            if !queue.waiting.is_empty() {
                queue.in_progress = std::mem::take(&mut queue.waiting);
                return Task::Respond(queue.in_progress.iter().map(|pending| pending.query.clone()).collect());
            }
            queue = self.changed.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Sends the replies of the batch to their clients. A client without a reply gets 500, because its sender is dropped.
    fn deliver(&self, replies: Vec<Reply>) {
        let batch = std::mem::take(&mut self.lock().in_progress);
        for (pending, reply) in batch.into_iter().zip(replies) {
            for client in pending.clients {
                // A client that has disconnected is not an error.
                let _ = client.send(reply.clone());
            }
        }
    }
}

/// Is what the thread does next.
enum Task {
    Respond(Vec<Query>),
    Poll,
    Reload(Box<Settings>, Vec<Name>),
    Exit,
}

/// Starts the thread. It collects a background sample every `interval`.
///
/// # Errors
/// Returns an error if the system cannot create a thread.
pub(super) fn start(
    worker: Arc<Worker>,
    mut sampler: OnDemandSampler,
    interval: Duration,
    options: RenderOptions,
) -> std::io::Result<JoinHandle<()>> {
    let run = move || {
        let start = Instant::now();
        let mut due = start + interval;
        loop {
            match worker.next(due) {
                Task::Respond(queries) => {
                    // A panic in one batch must not end the thread.
                    let uptime = start.elapsed();
                    let replies = catch_unwind(AssertUnwindSafe(|| respond(&mut sampler, &queries, &options, uptime)));
                    worker.deliver(replies.unwrap_or_default());
                }
                Task::Poll => {
                    // An error is not lost: requests run into the same one and report it.
                    let _ = catch_unwind(AssertUnwindSafe(|| sampler.poll().map(drop)));
                    while due <= Instant::now() {
                        due += interval;
                    }
                }
                Task::Reload(settings, expected) => sampler.reload(*settings, expected),
                Task::Exit => break,
            }
        }
    };
    thread::Builder::new().name("worker".to_owned()).spawn(run)
}
