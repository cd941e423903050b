//! Answers, on their way from a handler to hyper.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json;
use tokio::sync::oneshot;

/// What a handler says to a request.
#[derive(Debug)]
pub enum Answer {
    /// At once.
    Now(Reply),
    /// When it is ready. Where it is dropped instead, whoever made the promise failed.
    Later(Promise),
}

/// A reply that will come.
pub type Promise = oneshot::Receiver<Reply>;

/// Makes a promise, and what keeps it.
#[must_use]
pub fn promise() -> (oneshot::Sender<Reply>, Promise) {
    oneshot::channel()
}

/// No other page may use what is here.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Bytes of a body that is not worth compressing.
const SMALL: usize = 1000;

/// A whole answer. Copies share the body.
#[derive(Debug, Clone)]
pub struct Reply {
    status: StatusCode,
    media_type: &'static str,
    body: Bytes,
    is_gzip: bool,
    extra: Vec<(HeaderName, HeaderValue)>,
}

impl Reply {
    /// 200, with a body of this media type.
    #[must_use]
    pub fn new(media_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status: StatusCode::OK, media_type, body: body.into(), is_gzip: false, extra: Vec::new() }
    }

    /// A JSON document, with this HTTP status.
    #[must_use]
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, ..Self::new("application/json", body) }
    }

    /// An error with this HTTP status, in the shape that all errors have.
    #[must_use]
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let document = json!({ "error": { "code": code, "message": message } });
        Self::json(status, format!("{document}\n"))
    }

    /// The same with a body in gzip, where that is worth it.
    #[must_use]
    pub fn compressed(self, gzip: impl FnOnce(&[u8]) -> Vec<u8>) -> Self {
        // One packet is one packet.
        if self.body.len() < SMALL { self } else { Self { body: gzip(&self.body).into(), is_gzip: true, ..self } }
    }

    /// The same, with another header field.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.extra.push((name, value));
        }
        self
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// The bytes of an HTTP/1.1 answer after which the connection ends, for where there is no request to answer.
    pub(super) fn last_words(&self) -> Vec<u8> {
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

    pub(super) fn into_response(self, closes: bool) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        // Every answer is of its moment.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
        if self.is_gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        }
        headers.extend(self.extra);
        if closes {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
