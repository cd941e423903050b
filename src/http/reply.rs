//! Holds HTTP responses between a handler and hyper.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json;
use tokio::sync::oneshot;

/// Holds what a handler returns for a request.
#[derive(Debug)]
pub enum Handled {
    /// The reply is ready.
    Ready(Reply),
    /// The reply follows. If its sender is dropped first, the handler failed: the client gets 500.
    Pending(PendingReply),
}

/// Receives a reply when it is ready.
pub type PendingReply = oneshot::Receiver<Reply>;

/// Returns a channel for one reply.
#[must_use]
pub fn pending_reply() -> (oneshot::Sender<Reply>, PendingReply) {
    oneshot::channel()
}

/// Forbids other origins to embed a response.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Minimum size of a body that is compressed, in bytes. A smaller one fits into one packet anyway.
const MIN_COMPRESSED_SIZE: usize = 1000;

/// Holds a complete response. Clones share the body.
#[derive(Debug, Clone)]
pub struct Reply {
    status: StatusCode,
    media_type: &'static str,
    body: Bytes,
    is_gzip: bool,
    extra: Vec<(HeaderName, HeaderValue)>,
}

impl Reply {
    /// Returns a reply with status 200 and a body of this media type.
    #[must_use]
    pub fn new(media_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status: StatusCode::OK, media_type, body: body.into(), is_gzip: false, extra: Vec::new() }
    }

    /// Returns a reply with this HTTP status and a JSON document.
    #[must_use]
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, ..Self::new("application/json", body) }
    }

    /// Returns an error with this HTTP status: `{"error": {"code": …, "message": …}}`.
    #[must_use]
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let document = json!({ "error": { "code": code, "message": message } });
        Self::json(status, format!("{document}\n"))
    }

    /// Compresses the body with `gzip`, unless it is small.
    #[must_use]
    pub fn compressed(self, gzip: impl FnOnce(&[u8]) -> Vec<u8>) -> Self {
        if self.body.len() < MIN_COMPRESSED_SIZE {
            self
        } else {
            Self { body: gzip(&self.body).into(), is_gzip: true, ..self }
        }
    }

    /// Adds a header field. An invalid value is ignored.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.extra.push((name, value));
        }
        self
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the bytes of an HTTP/1.1 response that closes the connection, for cases in which hyper has no request.
    pub(super) fn to_http1(&self) -> Vec<u8> {
        let mut bytes = format!(
            "HTTP/1.1 {}\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\ncache-control: no-store\r\n",
            self.status,
            self.media_type,
            self.body.len()
        )
        .into_bytes();
        for (name, value) in &self.extra {
            bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Converts the reply for hyper. `close` announces that the connection closes after it.
    pub(super) fn into_response(self, close: bool) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        // Every response is a snapshot.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
        if self.is_gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        }
        headers.extend(self.extra);
        if close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
