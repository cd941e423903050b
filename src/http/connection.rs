//! One connection: its deadlines, and its requests one after the other.

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
use super::reply::{Answer, Reply};
use super::request::{Request, accepts_gzip};
use super::shared::Shared;
use super::users::Login;
use super::{HEAD, HEAD_TIME, IDLE_TIME, MAKE_TIME, TAKE_TIME, guard};

/// What a connection is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// A head is on its way here.
    Head,
    /// Its answer is being made.
    Making,
    /// The answer is on its way there.
    Taking,
    /// Between two requests.
    Idle,
}

impl Phase {
    const fn time(self) -> Duration {
        match self {
            Self::Head => HEAD_TIME,
            Self::Making => MAKE_TIME,
            Self::Taking => TAKE_TIME,
            Self::Idle => IDLE_TIME,
        }
    }
}

/// How far a connection is, and until when it may be there.
pub(super) struct Progress {
    phase: Cell<Phase>,
    deadline: Cell<Instant>,
}

impl Progress {
    /// A connection that just began.
    pub(super) fn begin() -> Self {
        Self { phase: Cell::new(Phase::Head), deadline: Cell::new(Instant::now() + HEAD_TIME) }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline.get()
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.deadline.set(Instant::now() + phase.time());
    }
}

/// What of the connection a request depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    /// The address that was called; `None` on a unix socket.
    pub(super) local: Option<IpAddr>,
    /// The client showed a certificate, and it is good.
    pub(super) is_known: bool,
}

/// What TCP, unix sockets and TLS over either give. Behind a pointer: hyper's part for each of the four would be as much code
/// as all of this program's for them.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// Serves a connection until it ends, or a deadline passes, or the server stops.
pub(super) async fn serve(stream: Box<dyn Stream>, origin: Origin, progress: Rc<Progress>, shared: &Rc<Shared>) {
    let line = Line { stream, progress: Rc::clone(&progress), own_words: None, shared: Rc::clone(shared) };
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (shared, progress) = (Rc::clone(shared), Rc::clone(&progress));
        async move {
            progress.enter(Phase::Making);
            let start = Instant::now();
            let closes = guard::has_body(request.headers());
            let reply = respond(request, origin, &shared).await;
            shared.metrics.answered(reply.status(), start.elapsed().as_secs_f64());
            progress.enter(Phase::Taking);
            Ok::<hyper::Response<Full<Bytes>>, Infallible>(reply.into_response(closes))
        }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .header_read_timeout(None)
            // Who has said all that there is to say may still want the answer.
            .half_close(true)
            .max_buf_size(HEAD)
            .max_header_size(HEAD)
            .serve_connection(TokioIo::new(line), service)
    );
    let mut alarm = pin!(sleep_until(progress.deadline()));
    let mut stop = pin!(shared.stop.notified());
    let mut is_stopping = false;
    poll_fn(|cx| {
        if !is_stopping && (stop.as_mut().poll(cx).is_ready() || shared.is_stopping.get()) {
            is_stopping = true;
            connection.as_mut().graceful_shutdown();
        }
        // Whatever went wrong with the connection, it has ended.
        if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
            // The one kind of head that hyper leaves without an answer: its sender understands none of HTTP/1.
            if ended.is_err_and(|error| error.is_parse_version_h2()) {
                shared.metrics.refuse(Refusal::Head);
            }
            return Poll::Ready(());
        }
        loop {
            let deadline = progress.deadline();
            if deadline < alarm.deadline() {
                alarm.as_mut().reset(deadline);
            }
            ready!(alarm.as_mut().poll(cx));
            if deadline <= Instant::now() {
                shared.metrics.refuse(match progress.phase.get() {
                    Phase::Head => Refusal::HeadTime,
                    Phase::Idle => Refusal::IdleTime,
                    Phase::Making => Refusal::Busy,
                    Phase::Taking => Refusal::TakeTime,
                });
                return Poll::Ready(());
            }
            alarm.as_mut().reset(deadline);
        }
    })
    .await;
}

/// Answers one request.
async fn respond(request: hyper::Request<Incoming>, origin: Origin, shared: &Shared) -> Reply {
    let (parts, _) = request.into_parts();
    let checked = guard::check(&shared.hosts, origin.local, &parts.method, &parts.uri, parts.version, &parts.headers);
    if let Err((refusal, reply)) = checked {
        shared.metrics.refuse(refusal);
        return reply;
    }
    let mut is_authenticated = origin.is_known;
    if let Some(users) = &shared.web().users {
        let field = parts.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
        match users.login(field, &shared.logins).await {
            Login::Passed => is_authenticated = true,
            Login::Refused => {
                shared.metrics.refuse(Refusal::Credentials);
                let reply = Reply::error(401, "UNAUTHORIZED", "a name and a password are needed");
                return reply.with(hyper::header::WWW_AUTHENTICATE, "Basic realm=\"wgstat\", charset=\"UTF-8\"");
            }
            Login::Busy => {
                shared.metrics.refuse(Refusal::Busy);
                return busy("too many logins at once");
            }
        }
    }
    let request = Request {
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        is_authenticated,
        accepts_gzip: accepts_gzip(&parts.headers),
    };
    // A mistake in one answer is no reason to end all others.
    match catch_unwind(AssertUnwindSafe(|| shared.handler.answer(&request))) {
        Ok(Answer::Now(reply)) => reply,
        Ok(Answer::Later(promise)) => promise.await.unwrap_or_else(|_| failed()),
        Err(_) => failed(),
    }
}

fn failed() -> Reply {
    Reply::error(500, "INTERNAL_ERROR", "this is a mistake in wgstat; its log says more")
}

/// Come again.
pub(super) fn busy(message: &str) -> Reply {
    Reply::error(503, "BUSY", message).with(hyper::header::RETRY_AFTER, "1")
}

/// A stream that keeps track of how far it is, and puts our words for hyper's where it answers by itself: to a head that it
/// cannot read.
struct Line {
    stream: Box<dyn Stream>,
    progress: Rc<Progress>,
    own_words: Option<(Vec<u8>, usize)>,
    shared: Rc<Shared>,
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before && self.progress.phase.get() == Phase::Idle {
            self.progress.enter(Phase::Head);
        }
        Poll::Ready(Ok(()))
    }
}

impl Line {
    /// Whether it is hyper itself that answers.
    fn is_unasked(&self) -> bool {
        matches!(self.progress.phase.get(), Phase::Head | Phase::Idle)
    }

    /// Writes our words for these, and says when they are all written.
    fn poll_own_words(&mut self, cx: &mut Context<'_>, theirs: &[u8]) -> Poll<io::Result<()>> {
        if self.own_words.is_none() {
            // `HTTP/1.1 431 …`
            let status = theirs.get(9..12).and_then(|digits| str::from_utf8(digits).ok()?.parse().ok()).unwrap_or(400);
            let message = match status {
                431 => "the head of a request has at most 8 KiB and 100 fields, and promises no endless body",
                414 => "that address is too long",
                _ => "that is no request of HTTP/1",
            };
            self.shared.metrics.refuse(Refusal::Head);
            self.own_words = Some((Reply::error(status, "BAD_REQUEST", message).last_words(), 0));
        }
        while let Some((bytes, written)) = &mut self.own_words
            && *written < bytes.len()
        {
            let rest = bytes.get(*written..).unwrap_or_default();
            *written += ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_unasked() {
            ready!(self.poll_own_words(cx, bytes))?;
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.is_unasked() {
            ready!(self.poll_own_words(cx, pieces.first().map(|piece| &**piece).unwrap_or_default()))?;
            return Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum()));
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        // hyper flushes when all of an answer is written.
        if self.progress.phase.get() == Phase::Taking {
            self.progress.enter(Phase::Idle);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
