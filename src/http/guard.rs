//! Checks a request before its path is looked up: its method is GET or HEAD, its host is allowed, and it has no body.

use std::net::IpAddr;

use hyper::header::{self, HeaderMap};
use hyper::http::uri::Authority;
use hyper::{Method, Uri, Version};

use super::metrics::Refusal;
use super::reply::Reply;

/// Holds the host names that a request may use. Any other name may be a DNS rebinding attack: a foreign page that reads the
/// responses through the user's browser.
#[derive(Debug, Clone, Default)]
pub(super) struct AllowedHosts {
    allowed: Vec<String>,
}

impl AllowedHosts {
    /// Allows these names, loopback and the address of the connection.
    pub(super) fn new(allowed: &[String]) -> Self {
        Self { allowed: allowed.iter().map(|name| name.trim_end_matches('.').to_owned()).collect() }
    }

    /// Returns whether a request to this local address may name this host. An IP address cannot be rebound: it is allowed
    /// if it is the local one.
    fn allows(&self, host: &str, local: IpAddr) -> bool {
        let host = without_port(host).trim_end_matches('.');
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        match address {
            Ok(address) => address.to_canonical().is_loopback() || address.to_canonical() == local.to_canonical(),
            Err(_) => {
                host.eq_ignore_ascii_case("localhost")
                    || self.allowed.iter().any(|name| name.eq_ignore_ascii_case(host))
            }
        }
    }
}

/// Strips the port from `HOST`, `HOST:PORT`, `[ADDRESS]` and `[ADDRESS]:PORT`.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') && (!name.contains(':') || name.ends_with(']')) => name,
        _ => host,
    }
}

/// Holds the reason of a refusal, and the reply.
pub(super) type Refused = (Refusal, Reply);

/// Checks everything but credentials. `local` is the local address of the connection; `None` on a Unix socket, which no
/// browser can reach.
pub(super) fn check(
    hosts: &AllowedHosts,
    local: Option<IpAddr>,
    method: &Method,
    uri: &Uri,
    version: Version,
    headers: &HeaderMap,
) -> Result<(), Refused> {
    if has_body(headers) {
        let message = "requests with a body are not accepted";
        return Err((Refusal::Body, Reply::error(413, "BODY_REFUSED", message)));
    }
    if method != Method::GET && method != Method::HEAD {
        let reply = Reply::error(405, "METHOD_NOT_ALLOWED", "only GET and HEAD are allowed");
        return Err((Refusal::Method, reply.with_header(header::ALLOW, "GET, HEAD")));
    }
    let mut fields = headers.get_all(header::HOST).iter();
    let field = fields.next();
    if fields.next().is_some() || (field.is_none() && version == Version::HTTP_11) {
        let message = "a request must have exactly one Host header";
        return Err((Refusal::Host, Reply::error(400, "BAD_REQUEST", message)));
    }
    let Some(local) = local else { return Ok(()) };
    // An HTTP/1.0 request without Host does not come from a browser.
    let field = field.map(|host| host.to_str().unwrap_or_default());
    let named = [field, uri.authority().map(Authority::as_str)];
    if named.into_iter().flatten().all(|host| hosts.allows(host, local)) {
        return Ok(());
    }
    let message = "host name not allowed: use the IP address, or start wgstat serve with --allow-host NAME";
    Err((Refusal::Host, Reply::error(403, "HOST_NOT_ALLOWED", message)))
}

/// Returns whether the request has a body, or may have one.
pub(super) fn has_body(headers: &HeaderMap) -> bool {
    let lengths = headers.get_all(header::CONTENT_LENGTH);
    headers.contains_key(header::TRANSFER_ENCODING) || lengths.iter().any(|length| length.as_bytes() != b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(host: &str) -> bool {
        let hosts = AllowedHosts::new(&["VPN.example.org".to_owned()]);
        hosts.allows(host, IpAddr::from([192, 0, 2, 1]))
    }

    #[test]
    fn own_names_are_allowed_with_any_port() {
        for host in [
            "localhost",
            "LOCALHOST:9586",
            "localhost.",
            "127.0.0.1",
            "127.1.2.3:80",
            "[::1]",
            "[::1]:9586",
            "192.0.2.1",
            "192.0.2.1:9586",
            "vpn.example.org",
            "vpn.example.org:443",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert!(allows(host), "{host}");
        }
    }

    #[test]
    fn other_names_are_not_allowed() {
        for host in [
            "",
            "evil.example",
            "evil.example:9586",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "192.0.2.2",
            "example.org",
            "xvpn.example.org",
            "[2001:db8::1]:9586",
            "0.0.0.0:9586",
            "localhost:9586:1",
        ] {
            assert!(!allows(host), "{host}");
        }
    }
}
