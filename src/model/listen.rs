//! Parses and prints listen addresses.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use super::printable;

/// Holds an address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// `ADDRESS:PORT` or `[ADDRESS]:PORT`.
    Tcp(SocketAddr),
    /// `unix:PATH`.
    Unix(PathBuf),
}

impl ListenAddress {
    /// Returns whether only this host can reach the address.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("unix:") {
            Some("") => Err("missing path after unix:".to_owned()),
            Some(path) => Ok(Self::Unix(path.into())),
            None => text.parse().map(Self::Tcp).map_err(|_| match text.rsplit_once(':') {
                Some((host, port)) if port.parse::<u16>().is_ok() && !host.is_empty() => {
                    "host names are not supported: use 127.0.0.1:9586, [::1]:9586 or unix:PATH".to_owned()
                }
                _ => "expected ADDRESS:PORT or unix:PATH, such as 127.0.0.1:9586, [::1]:9586 or unix:/run/wgstat.sock"
                    .to_owned(),
            }),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", printable(&path.to_string_lossy())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displayed_address_parses_to_itself() {
        for text in ["127.0.0.1:9586", "[::1]:9586", "0.0.0.0:80", "unix:/run/wgstat.sock"] {
            assert_eq!(text.parse::<ListenAddress>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn invalid_address_is_rejected() {
        for text in ["", "9586", ":9586", "127.0.0.1", "::1:9586x", "unix:", "127.0.0.1:99999"] {
            assert!(text.parse::<ListenAddress>().is_err(), "{text}");
        }
        assert!("localhost:9586".parse::<ListenAddress>().unwrap_err().contains("host names are not supported"));
    }

    #[test]
    fn loopback_is_local_in_every_notation() {
        let is_local = |text: &str| text.parse::<ListenAddress>().unwrap().is_local();
        for text in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "unix:x"] {
            assert!(is_local(text), "{text}");
        }
        for text in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "[2001:db8::1]:1"] {
            assert!(!is_local(text), "{text}");
        }
    }
}
