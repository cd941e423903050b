//! Holds the parts of a request that a handler needs.

use std::borrow::Cow;

use hyper::header::{ACCEPT_ENCODING, HeaderMap};
use percent_encoding::percent_decode_str;

/// Holds a request that passed all checks. It is GET or HEAD and has no body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Path as sent, percent-encoded, without the query.
    pub path: String,
    /// Query as sent, without the question mark.
    pub query: String,
    /// Whether the client presented a valid password or certificate.
    pub is_authenticated: bool,
    /// Whether the client accepts gzip.
    pub accepts_gzip: bool,
}

impl Request {
    /// Returns the decoded value of a query parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut pairs = self.query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| decode(value))
    }

    /// Returns the decoded rest of the path after `prefix`; `None` if the path has another prefix or no rest.
    #[must_use]
    pub fn path_after(&self, prefix: &str) -> Option<Cow<'_, str>> {
        self.path.strip_prefix(prefix).filter(|rest| !rest.is_empty()).map(decode)
    }
}

/// Percent-decodes a text. Bytes that are not UTF-8 become the replacement character, which no interface name contains.
fn decode(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// Returns whether the client accepts gzip (RFC 9110, 12.5.3).
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut wildcard = None;
    for coding in values.flat_map(|value| value.split(',')) {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.parse::<f32>().ok());
        let is_accepted = weight.is_none_or(|weight| weight > 0.0);
        if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            return is_accepted;
        }
        if name == "*" {
            wildcard = Some(is_accepted);
        }
    }
    wildcard.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str, query: &str) -> Request {
        Request { path: path.into(), query: query.into(), is_authenticated: false, accepts_gzip: false }
    }

    #[test]
    fn parameters_are_decode() {
        let request = request("/x", "a=1&interface=wg%200%2F&b");
        assert_eq!(request.parameter("interface").as_deref(), Some("wg 0/"));
        assert_eq!(request.parameter("b").as_deref(), Some(""));
        assert_eq!(request.parameter("c"), None);
    }

    #[test]
    fn rest_of_path_is_decoded_once() {
        assert_eq!(request("/api/networks/wg%2525", "").path_after("/api/networks/").as_deref(), Some("wg%25"));
        assert_eq!(request("/api/networks/", "").path_after("/api/networks/"), None);
        assert_eq!(request("/api/network", "").path_after("/api/networks/"), None);
    }

    #[test]
    fn accept_encoding_follows_rfc_9110() {
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
