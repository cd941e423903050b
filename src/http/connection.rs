//! Serves one connection: its requests one after the other, and its timeouts.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until};

use super::metrics::Refusal;
use super::reply::{Handled, Reply};
use super::request::{Request, accepts_gzip};
use super::shared::Shared;
use super::users::LoginResult;
use super::{HANDLER_TIMEOUT, HEADER_TIMEOUT, IDLE_TIMEOUT, MAX_HEADER_BYTES, WRITE_TIMEOUT, guard};

/// Says what a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It receives a request's header.
    ReadingHeader,
    /// The handler works on the reply.
    Handling,
    /// It sends the response.
    Writing,
    /// It waits for the next request.
    Idle,
}

impl Phase {
    /// Returns how long the phase may last.
    const fn timeout(self) -> Duration {
        match self {
            Self::ReadingHeader => HEADER_TIMEOUT,
            Self::Handling => HANDLER_TIMEOUT,
            Self::Writing => WRITE_TIMEOUT,
            Self::Idle => IDLE_TIMEOUT,
        }
    }
}

/// Holds the phase of a connection, and when it times out.
pub(super) struct Progress {
    phase: Cell<Phase>,
    deadline: Cell<Instant>,
}

impl Progress {
    /// Returns the progress of a connection that has just been accepted.
    pub(super) fn new() -> Self {
        Self { phase: Cell::new(Phase::ReadingHeader), deadline: Cell::new(Instant::now() + HEADER_TIMEOUT) }
    }

    /// Returns when the current phase times out.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline.get()
    }

    /// Starts a phase and its timeout.
    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.deadline.set(Instant::now() + phase.timeout());
    }
}

/// Holds the properties of a connection that the checks of a request need.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConnectionInfo {
    /// Local IP address; `None` on a Unix socket.
    pub(super) local_address: Option<IpAddr>,
    /// Whether the client presented a valid certificate.
    pub(super) has_certificate: bool,
}

/// Is implemented by TCP and Unix streams, with and without TLS. It is used as a trait object, so that hyper is compiled once and
/// not for each of the four types.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// Serves a connection until the client closes it, a timeout expires or the server shuts down.
pub(super) async fn serve(stream: Box<dyn Stream>, info: ConnectionInfo, progress: Rc<Progress>, shared: &Rc<Shared>) {
    let stream =
        TimedStream { stream, progress: Rc::clone(&progress), error_response: None, shared: Rc::clone(shared) };
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (shared, progress) = (Rc::clone(shared), Rc::clone(&progress));
        async move {
            progress.enter(Phase::Handling);
            let start = Instant::now();
            let close = guard::has_body(request.headers());
            let reply = respond(request, info, &shared).await;
            shared.metrics.count_response(reply.status(), start.elapsed().as_secs_f64());
            progress.enter(Phase::Writing);
            Ok::<hyper::Response<Full<Bytes>>, Infallible>(reply.into_response(close))
        }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .header_read_timeout(None)
            // A client that has closed its sending side still gets the response.
            .half_close(true)
            .max_buf_size(MAX_HEADER_BYTES)
            .max_header_size(MAX_HEADER_BYTES)
            .serve_connection(TokioIo::new(stream), service)
    );
    let mut timer = pin!(sleep_until(progress.deadline()));
    let mut shutdown = pin!(shared.shutdown.notified());
    let mut is_shutting_down = false;
    poll_fn(|cx| {
        if !is_shutting_down && (shutdown.as_mut().poll(cx).is_ready() || shared.is_shutting_down.get()) {
            is_shutting_down = true;
            connection.as_mut().graceful_shutdown();
        }
        // An error needs no handling: the connection is closed either way.
        if let Poll::Ready(result) = connection.as_mut().poll(cx) {
            // hyper sends no response to an HTTP/2 preface: the client would not understand HTTP/1.
            if result.is_err_and(|error| error.is_parse_version_h2()) {
                shared.metrics.count_refusal(Refusal::Header);
            }
            return Poll::Ready(());
        }
        loop {
            let deadline = progress.deadline();
            if deadline < timer.deadline() {
                timer.as_mut().reset(deadline);
            }
            ready!(timer.as_mut().poll(cx));
            if deadline <= Instant::now() {
                shared.metrics.count_refusal(match progress.phase.get() {
                    Phase::ReadingHeader => Refusal::HeaderTimeout,
                    Phase::Idle => Refusal::IdleTimeout,
                    Phase::Handling => Refusal::Busy,
                    Phase::Writing => Refusal::WriteTimeout,
                });
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
    })
    .await;
}

/// Checks one request and returns the reply.
async fn respond(request: hyper::Request<Incoming>, info: ConnectionInfo, shared: &Shared) -> Reply {
    let (parts, _) = request.into_parts();
    let checked = guard::check(
        &shared.allowed_hosts,
        info.local_address,
        &parts.method,
        &parts.uri,
        parts.version,
        &parts.headers,
    );
    if let Err((refusal, reply)) = checked {
        shared.metrics.count_refusal(refusal);
        return reply;
    }
    let mut is_authenticated = info.has_certificate;
    if let Some(users) = &shared.web().users {
        let field = parts.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
        match users.login(field, &shared.pending_logins).await {
            LoginResult::Accepted => is_authenticated = true,
            LoginResult::Rejected => {
                shared.metrics.count_refusal(Refusal::Credentials);
                let reply = Reply::error(401, "UNAUTHORIZED", "a valid user name and password are required");
                return reply.with_header(hyper::header::WWW_AUTHENTICATE, "Basic realm=\"wgstat\", charset=\"UTF-8\"");
            }
            LoginResult::Busy => {
                shared.metrics.count_refusal(Refusal::Busy);
                return busy_reply("too many concurrent logins");
            }
        }
    }
    let request = Request {
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        is_authenticated,
        accepts_gzip: accepts_gzip(&parts.headers),
    };
    // A panic in one request must not end the others.
    match catch_unwind(AssertUnwindSafe(|| shared.handler.handle(&request))) {
        Ok(Handled::Ready(reply)) => reply,
        Ok(Handled::Pending(reply)) => reply.await.unwrap_or_else(|_| internal_error()),
        Err(_) => internal_error(),
    }
}

/// Returns the reply after a panic, which has printed its message on standard error.
fn internal_error() -> Reply {
    Reply::error(500, "INTERNAL_ERROR", "internal error: this is a bug in wgstat, see its log")
}

/// Returns a reply that asks the client to try again in a second.
pub(super) fn busy_reply(message: &str) -> Reply {
    Reply::error(503, "BUSY", message).with_header(hyper::header::RETRY_AFTER, "1")
}

/// Wraps a stream. It tracks the phase of the connection. It also replaces the responses that hyper sends by itself, to a
/// header that it cannot parse, with errors in JSON.
struct TimedStream {
    stream: Box<dyn Stream>,
    progress: Rc<Progress>,
    /// Bytes of the error response, and how many of them are written.
    error_response: Option<(Vec<u8>, usize)>,
    shared: Rc<Shared>,
}

impl AsyncRead for TimedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before && self.progress.phase.get() == Phase::Idle {
            self.progress.enter(Phase::ReadingHeader);
        }
        Poll::Ready(Ok(()))
    }
}

impl TimedStream {
    /// Returns whether hyper writes a response of its own: no request was handled.
    fn is_outside_request(&self) -> bool {
        matches!(self.progress.phase.get(), Phase::ReadingHeader | Phase::Idle)
    }

    /// Writes an error response with the status of hyper's one. It is ready when all bytes are written.
    fn poll_write_error(&mut self, cx: &mut Context<'_>, hyper_response: &[u8]) -> Poll<io::Result<()>> {
        if self.error_response.is_none() {
            // `HTTP/1.1 431 …`
            let status =
                hyper_response.get(9..12).and_then(|digits| str::from_utf8(digits).ok()?.parse().ok()).unwrap_or(400);
            let message = match status {
                431 => "the request header exceeds 8 KiB or 100 fields, or its Content-Length is invalid",
                414 => "the URI is too long",
                _ => "not a valid HTTP/1 request",
            };
            self.shared.metrics.count_refusal(Refusal::Header);
            self.error_response = Some((Reply::error(status, "BAD_REQUEST", message).to_http1(), 0));
        }
        while let Some((bytes, written)) = &mut self.error_response
            && *written < bytes.len()
        {
            let rest = bytes.get(*written..).unwrap_or_default();
            *written += ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TimedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_outside_request() {
            ready!(self.poll_write_error(cx, bytes))?;
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.is_outside_request() {
            ready!(self.poll_write_error(cx, pieces.first().map(|piece| &**piece).unwrap_or_default()))?;
            return Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum()));
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        // hyper flushes when the whole response is written.
        if self.progress.phase.get() == Phase::Writing {
            self.progress.enter(Phase::Idle);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
