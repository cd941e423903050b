//! Runs the server: accepts connections, enforces their limit, handles signals and shuts down.

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

use super::connection::{self, ConnectionInfo, Progress, Stream, busy_reply};
use super::guard::AllowedHosts;
use super::listener::{Listener, Socket};
use super::metrics::{Metrics, Refusal};
use super::shared::Shared;
use super::users::PendingLogins;
use super::web_config::WebConfig;
use super::{Handler, SHUTDOWN_TIMEOUT};

/// Maximum number of clients that receive a 503 concurrently; further ones are disconnected without a response.
const MAX_REJECTING: usize = 64;
/// Time for such a client to read the 503.
const REJECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Time to wait after accept(2) failed for lack of descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Holds the settings of a server.
pub struct ServerOptions {
    /// Maximum number of concurrent connections.
    pub max_connections: usize,
    /// Allowed host names, in addition to localhost and IP addresses.
    pub allowed_hosts: Vec<String>,
    /// TLS settings and users.
    pub web_config: WebConfig,
    /// The server's own metrics.
    pub metrics: Metrics,
}

/// Serves until SIGTERM or SIGINT. SIGHUP reloads the configuration. `ready` is called once connections are accepted.
///
/// # Errors
/// Returns an error if the event queue or the signal handlers cannot be set up.
pub fn run(
    listeners: &[Listener],
    options: ServerOptions,
    handler: Rc<dyn Handler>,
    ready: impl FnOnce(),
) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().max_blocking_threads(1).build()?;
    let shared = Rc::new(Shared {
        handler,
        allowed_hosts: AllowedHosts::new(&options.allowed_hosts),
        metrics: options.metrics,
        pending_logins: PendingLogins::default(),
        shutdown: Notify::new(),
        is_shutting_down: Cell::new(false),
        web_config: options.web_config,
        open_connections: Cell::new(0),
        max_connections: options.max_connections,
        rejecting: Cell::new(0),
        connection_closed: Notify::new(),
    });
    let result = LocalSet::new().block_on(&runtime, serve(listeners, &shared, ready));
    // Do not wait for a password that is still being verified.
    runtime.shutdown_background();
    result
}

/// Accepts connections until a signal ends the server, then shuts down.
async fn serve(listeners: &[Listener], shared: &Rc<Shared>, ready: impl FnOnce()) -> io::Result<()> {
    let mut signals = Signals {
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
        reload: signal(SignalKind::hangup())?,
    };
    let mut tasks: Vec<JoinHandle<()>> = Vec::new();
    for listener in listeners {
        // The task gets a clone: the listener keeps its socket file until the end.
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
    while signals.next().await == SignalAction::Reload {
        shared.web_config.check_soon();
        // Load it now, so that its errors are printed at once and not with the next request.
        let _ = shared.web();
        shared.handler.reload();
    }
    shared.handler.shutdown();
    for task in tasks {
        task.abort();
    }
    shared.is_shutting_down.set(true);
    shared.shutdown.notify_waiters();
    let all_closed = async {
        while shared.open_connections.get() > 0 {
            shared.connection_closed.notified().await;
        }
    };
    let _ = timeout(SHUTDOWN_TIMEOUT, all_closed).await;
    Ok(())
}

/// Holds the signals that the server reacts to.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    reload: Signal,
}

/// Says what a signal asks for.
#[derive(Debug, PartialEq, Eq)]
enum SignalAction {
    Shutdown,
    Reload,
}

impl Signals {
    /// Waits for the next signal.
    async fn next(&mut self) -> SignalAction {
        std::future::poll_fn(|cx| {
            if self.terminate.poll_recv(cx).is_ready() || self.interrupt.poll_recv(cx).is_ready() {
                return std::task::Poll::Ready(SignalAction::Shutdown);
            }
            self.reload.poll_recv(cx).map(|_| SignalAction::Reload)
        })
        .await
    }
}

/// Accepts TCP connections forever.
async fn accept_tcp(socket: TcpListener, shared: Rc<Shared>) {
    loop {
        match socket.accept().await {
            Ok((stream, _)) => {
                let _ = stream.set_nodelay(true);
                let local_address = stream.local_addr().ok().map(|address| address.ip());
                admit(stream, local_address, &shared);
            }
            Err(error) => back_off(&error, &shared).await,
        }
    }
}

/// Accepts connections of a Unix socket forever.
async fn accept_unix(socket: UnixListener, shared: Rc<Shared>) {
    loop {
        match socket.accept().await {
            Ok((stream, _)) => admit(stream, None, &shared),
            Err(error) => back_off(&error, &shared).await,
        }
    }
}

/// Handles an error of accept(2). All of them are transient: the client is gone already, or no descriptor is free.
async fn back_off(error: &io::Error, shared: &Shared) {
    if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted) {
        return;
    }
    shared.metrics.count_refusal(Refusal::Descriptors);
    sleep(ACCEPT_BACKOFF).await;
}

/// Serves a connection, or rejects it if the limit is reached.
fn admit(stream: impl Stream + 'static, local_address: Option<IpAddr>, shared: &Rc<Shared>) {
    if shared.open_connections.get() >= shared.max_connections {
        shared.metrics.count_refusal(Refusal::Connections);
        if shared.rejecting.get() < MAX_REJECTING && shared.web().tls.is_none() {
            let count = CountGuard::new(Rc::clone(shared), |shared| &shared.rejecting);
            spawn_local(reject(stream, count));
        }
        return;
    }
    let count = CountGuard::new(Rc::clone(shared), |shared| &shared.open_connections);
    shared.metrics.set_connections(shared.open_connections.get());
    spawn_local(async move {
        let shared = &count.shared;
        let progress = Rc::new(Progress::new());
        let config = shared.web();
        match &config.tls {
            None => {
                let info = ConnectionInfo { local_address, has_certificate: false };
                connection::serve(Box::new(stream), info, progress, shared).await;
            }
            Some(acceptor) => match timeout_at(progress.deadline(), acceptor.accept(stream)).await {
                Ok(Ok(stream)) => {
                    let has_certificate = stream.get_ref().1.peer_certificates().is_some();
                    let info = ConnectionInfo { local_address, has_certificate };
                    connection::serve(Box::new(stream), info, progress, shared).await;
                }
                Ok(Err(_)) => shared.metrics.count_refusal(Refusal::Tls),
                Err(_) => shared.metrics.count_refusal(Refusal::HeaderTimeout),
            },
        }
    });
}

/// Sends 503 and waits until the client closes. Closing a socket with unread data would reset the connection, and the client
/// might not see the response.
async fn reject(mut stream: impl Stream, _count: CountGuard) {
    let _ = timeout(REJECT_TIMEOUT, async {
        let response = busy_reply("too many concurrent connections").to_http1();
        stream.write_all(&response).await?;
        stream.shutdown().await?;
        let mut discarded = [0; 512];
        while stream.read(&mut discarded).await? > 0 {}
        io::Result::Ok(())
    })
    .await;
}

/// Increments a counter, and decrements it on drop.
struct CountGuard {
    shared: Rc<Shared>,
    counter: fn(&Shared) -> &Cell<usize>,
}

impl CountGuard {
    fn new(shared: Rc<Shared>, counter: fn(&Shared) -> &Cell<usize>) -> Self {
        let count = counter(&shared);
        count.set(count.get() + 1);
        Self { shared, counter }
    }
}

impl Drop for CountGuard {
    fn drop(&mut self) {
        let count = (self.counter)(&self.shared);
        count.set(count.get() - 1);
        self.shared.metrics.set_connections(self.shared.open_connections.get());
        self.shared.connection_closed.notify_one();
    }
}
