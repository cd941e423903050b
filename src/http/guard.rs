//! What a request has to be before anybody looks at its path: GET or HEAD, for a name that is ours, without a body.

use std::net::IpAddr;

use hyper::header::{self, HeaderMap};
use hyper::http::uri::Authority;
use hyper::{Method, Uri, Version};

use super::metrics::Refusal;
use super::reply::Reply;

/// The names that a browser may call this server by. With any other it may have been led here by a name server that is
/// not ours (DNS rebinding), and would hand what it reads to a stranger's page.
#[derive(Debug, Clone, Default)]
pub(super) struct Hosts {
    allowed: Vec<String>,
}

impl Hosts {
    /// The usual ones, and these names.
    pub(super) fn new(allowed: &[String]) -> Self {
        Self { allowed: allowed.iter().map(|name| name.trim_end_matches('.').to_owned()).collect() }
    }

    /// Whether a request on a connection to this address may be for that host. An address cannot be rebound: it is allowed
    /// where it is the one that was called.
    fn allow(&self, host: &str, local: IpAddr) -> bool {
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

/// `HOST`, `HOST:PORT`, `[ADDRESS]` and `[ADDRESS]:PORT`.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') && (!name.contains(':') || name.ends_with(']')) => name,
        _ => host,
    }
}

/// Why a request is refused, and with what answer.
pub(super) type Refused = (Refusal, Reply);

/// Checks all that needs no password. `local` is the address that was called; `None` on a socket that no browser reaches.
pub(super) fn check(
    hosts: &Hosts,
    local: Option<IpAddr>,
    method: &Method,
    uri: &Uri,
    version: Version,
    headers: &HeaderMap,
) -> Result<(), Refused> {
    if has_body(headers) {
        let message = "a request with a body: there is nothing here that takes one";
        return Err((Refusal::Body, Reply::error(413, "BODY_REFUSED", message)));
    }
    if method != Method::GET && method != Method::HEAD {
        let reply = Reply::error(405, "METHOD_NOT_ALLOWED", "only GET and HEAD are answered");
        return Err((Refusal::Method, reply.with(header::ALLOW, "GET, HEAD")));
    }
    let mut fields = headers.get_all(header::HOST).iter();
    let field = fields.next();
    if fields.next().is_some() || (field.is_none() && version == Version::HTTP_11) {
        let message = "a request has exactly one Host header field";
        return Err((Refusal::Host, Reply::error(400, "BAD_REQUEST", message)));
    }
    let Some(local) = local else { return Ok(()) };
    // A request without any comes from no browser.
    let field = field.map(|host| host.to_str().unwrap_or_default());
    let given = [field, uri.authority().map(Authority::as_str)];
    if given.into_iter().flatten().all(|host| hosts.allow(host, local)) {
        return Ok(());
    }
    let message = "this server does not go by that name: use its address, or start it with --allow-host NAME";
    Err((Refusal::Host, Reply::error(403, "HOST_NOT_ALLOWED", message)))
}

/// Whether a body follows, or is promised, or it cannot be told.
pub(super) fn has_body(headers: &HeaderMap) -> bool {
    let lengths = headers.get_all(header::CONTENT_LENGTH);
    headers.contains_key(header::TRANSFER_ENCODING) || lengths.iter().any(|length| length.as_bytes() != b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(host: &str) -> bool {
        let hosts = Hosts::new(&["VPN.example.org".to_owned()]);
        hosts.allow(host, IpAddr::from([192, 0, 2, 1]))
    }

    #[test]
    fn names_of_ours_are_allowed_at_any_port() {
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
    fn other_names_are_not() {
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
