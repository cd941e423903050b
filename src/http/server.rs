//! The loop around all connections: accepting, limits, signals, and the end.

use std::cell::Cell;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener};
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::{sleep, timeout, timeout_at};

use super::connection::{self, Origin, Progress, Stream, busy};
use super::guard::Hosts;
use super::listener::{Listener, Socket};
use super::metrics::{Metrics, Refusal};
use super::shared::Shared;
use super::users::Queue;
use super::web_config::WebConfig;
use super::{END_TIME, Handler};

/// Clients that are told at a time that there is no room for them; others find the connection closed.
const TURNED_AWAY: usize = 64;
/// They have so long to take it.
const TURNED_AWAY_TIME: Duration = Duration::from_secs(1);
/// How long to wait where no connection can be taken.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);

/// What the operator decides.
pub struct Options {
    /// Connections at a time.
    pub connections: usize,
    /// Host names it goes by, beside the usual ones.
    pub hosts: Vec<String>,
    /// TLS and users.
    pub web: WebConfig,
    /// Where it counts.
    pub metrics: Metrics,
}

/// Serves until SIGTERM or SIGINT; SIGHUP reads everything again. `ready` is called when connections are taken.
///
/// # Errors
/// Where the system gives no event queue or no signals.
pub fn run(listeners: &[Listener], options: Options, handler: Rc<dyn Handler>, ready: impl FnOnce()) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().max_blocking_threads(1).build()?;
    let shared = Rc::new(Shared {
        handler,
        hosts: Hosts::new(&options.hosts),
        metrics: options.metrics,
        logins: Queue::default(),
        stop: Notify::new(),
        is_stopping: Cell::new(false),
        web: options.web,
        open: Cell::new(0),
        most: options.connections,
        turned_away: Cell::new(0),
        ended: Notify::new(),
    });
    let served = LocalSet::new().block_on(&runtime, serve(listeners, &shared, ready));
    // A password may still be compared.
    runtime.shutdown_background();
    served
}

async fn serve(listeners: &[Listener], shared: &Rc<Shared>, ready: impl FnOnce()) -> io::Result<()> {
    let mut signals = Signals {
        end: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
        reload: signal(SignalKind::hangup())?,
    };
    let mut tasks: Vec<JoinHandle<()>> = Vec::new();
    for listener in listeners {
        // Ours stays open until the end: its socket file goes with it.
        tasks.push(match &listener.socket {
            Socket::Tcp(socket) => {
                let socket = TcpListener::from_std(socket.try_clone()?)?;
                spawn_local(accept_tcp(socket, Rc::clone(shared)))
            }
            Socket::Unix(socket) => {
                let socket = UnixListener::from_std(socket.try_clone()?)?;
                spawn_local(accept_unix(socket, Rc::clone(shared)))
            }
        });
    }
    ready();
    while signals.next().await == Wanted::Reload {
        shared.web.look_soon();
        // Whatever is wrong with it is told now, and not with the next request.
        let _ = shared.web();
        shared.handler.reload();
    }
    shared.handler.stopping();
    for task in tasks {
        task.abort();
    }
    shared.is_stopping.set(true);
    shared.stop.notify_waiters();
    let all_ended = async {
        while shared.open.get() > 0 {
            shared.ended.notified().await;
        }
    };
    let _ = timeout(END_TIME, all_ended).await;
    Ok(())
}

struct Signals {
    end: Signal,
    interrupt: Signal,
    reload: Signal,
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    End,
    Reload,
}

impl Signals {
    async fn next(&mut self) -> Wanted {
        std::future::poll_fn(|cx| {
            if self.end.poll_recv(cx).is_ready() || self.interrupt.poll_recv(cx).is_ready() {
                return std::task::Poll::Ready(Wanted::End);
            }
            self.reload.poll_recv(cx).map(|_| Wanted::Reload)
        })
        .await
    }
}

async fn accept_tcp(socket: TcpListener, shared: Rc<Shared>) {
    loop {
        match socket.accept().await {
            Ok((stream, _)) => {
                let _ = stream.set_nodelay(true);
                let local = stream.local_addr().ok().map(|address| address.ip());
                admit(stream, local, &shared);
            }
            Err(error) => survive(&error, &shared).await,
        }
    }
}

async fn accept_unix(socket: UnixListener, shared: Rc<Shared>) {
    loop {
        match socket.accept().await {
            Ok((stream, _)) => admit(stream, None, &shared),
            Err(error) => survive(&error, &shared).await,
        }
    }
}

/// What stands in the way of taking connections passes: clients that went before they were taken, descriptors that ran out.
async fn survive(error: &io::Error, shared: &Shared) {
    if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted) {
        return;
    }
    shared.metrics.refuse(Refusal::Descriptors);
    sleep(OUT_OF_DESCRIPTORS).await;
}

/// Serves a connection, if there is room.
fn admit(stream: impl Stream + 'static, local: Option<IpAddr>, shared: &Rc<Shared>) {
    if shared.open.get() >= shared.most {
        shared.metrics.refuse(Refusal::Connections);
        if shared.turned_away.get() < TURNED_AWAY && shared.web().tls.is_none() {
            let place = Counted::new(Rc::clone(shared), |shared| &shared.turned_away);
            spawn_local(turn_away(stream, place));
        }
        return;
    }
    let place = Counted::new(Rc::clone(shared), |shared| &shared.open);
    shared.metrics.open(shared.open.get());
    spawn_local(async move {
        let shared = &place.shared;
        let progress = Rc::new(Progress::begin());
        let loaded = shared.web();
        match &loaded.tls {
            None => connection::serve(Box::new(stream), Origin { local, is_known: false }, progress, shared).await,
            Some(acceptor) => match timeout_at(progress.deadline(), acceptor.accept(stream)).await {
                Ok(Ok(stream)) => {
                    let is_known = stream.get_ref().1.peer_certificates().is_some();
                    connection::serve(Box::new(stream), Origin { local, is_known }, progress, shared).await;
                }
                Ok(Err(_)) => shared.metrics.refuse(Refusal::Tls),
                Err(_) => shared.metrics.refuse(Refusal::HeadTime),
            },
        }
    });
}

/// Says that there is no room, and waits until that was read: closing with unread bytes would take it back.
async fn turn_away(mut stream: impl Stream, _place: Counted) {
    let _ = timeout(TURNED_AWAY_TIME, async {
        let words = busy("all connections are taken").last_words();
        stream.write_all(&words).await?;
        stream.shutdown().await?;
        let mut rest = [0; 512];
        while stream.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    })
    .await;
}

/// One more, until it is dropped.
struct Counted {
    shared: Rc<Shared>,
    counter: fn(&Shared) -> &Cell<usize>,
}

impl Counted {
    fn new(shared: Rc<Shared>, counter: fn(&Shared) -> &Cell<usize>) -> Self {
        let count = counter(&shared);
        count.set(count.get() + 1);
        Self { shared, counter }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let count = (self.counter)(&self.shared);
        count.set(count.get() - 1);
        self.shared.metrics.open(self.shared.open.get());
        self.shared.ended.notify_one();
    }
}
