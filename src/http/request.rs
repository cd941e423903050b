//! What of a request an answer depends on.

use std::borrow::Cow;

use hyper::header::{ACCEPT_ENCODING, HeaderMap};
use percent_encoding::percent_decode_str;

/// A request that the guard let through. It is GET or HEAD, and has no body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// As it was sent, from the first slash, without the query.
    pub path: String,
    /// Without the question mark.
    pub query: String,
    /// Whether the client proved who it is.
    pub is_authenticated: bool,
    /// Whether it takes gzip.
    pub accepts_gzip: bool,
}

impl Request {
    /// The value of a query parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut pairs = self.query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| decoded(value))
    }

    /// What stands behind this beginning of the path, decoded; `None` where the path begins otherwise, or nothing follows.
    #[must_use]
    pub fn behind(&self, beginning: &str) -> Option<Cow<'_, str>> {
        self.path.strip_prefix(beginning).filter(|rest| !rest.is_empty()).map(decoded)
    }
}

/// Bytes that are not UTF-8 become the replacement character, and name nothing.
fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// Whether the client takes gzip (RFC 9110, 12.5.3).
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let all = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut any = None;
    for coding in all.flat_map(|value| value.split(',')) {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.parse::<f32>().ok());
        let is_wanted = weight.is_none_or(|weight| weight > 0.0);
        if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            return is_wanted;
        }
        if name == "*" {
            any = Some(is_wanted);
        }
    }
    any.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str, query: &str) -> Request {
        Request { path: path.into(), query: query.into(), is_authenticated: false, accepts_gzip: false }
    }

    #[test]
    fn parameters_are_decoded() {
        let request = request("/x", "a=1&interface=wg%200%2F&b");
        assert_eq!(request.parameter("interface").as_deref(), Some("wg 0/"));
        assert_eq!(request.parameter("b").as_deref(), Some(""));
        assert_eq!(request.parameter("c"), None);
    }

    #[test]
    fn rest_of_a_path_is_decoded_once() {
        assert_eq!(request("/api/networks/wg%2525", "").behind("/api/networks/").as_deref(), Some("wg%25"));
        assert_eq!(request("/api/networks/", "").behind("/api/networks/"), None);
        assert_eq!(request("/api/network", "").behind("/api/networks/"), None);
    }

    #[test]
    fn gzip_is_sent_to_whoever_takes_it() {
        let accepts = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, value.parse().unwrap());
            accepts_gzip(&headers)
        };
        for value in ["gzip", "deflate, GZIP;q=0.5", "*", "br, *;q=0.1", "gzip;q=1.0"] {
            assert!(accepts(value), "{value}");
        }
        for value in ["", "identity", "gzip;q=0", "*;q=0", "gzip;q=0.0, *", "br"] {
            assert!(!accepts(value), "{value}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
