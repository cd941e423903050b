//! Defines the errors that end a command. Each has a code for scripts, a message with subject and cause, and a fix if there is
//! one.

use std::borrow::Cow;
use std::io::ErrorKind;

use crate::model::{Code, Name, Problem};

/// Represents an error that ends a command. Its message is one line, subject first, safe for a terminal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A named interface does not exist: `stats wg9`.
    #[error("{name}: no such WireGuard interface ({})", listed(.have))]
    InterfaceNotFound {
        /// The requested name.
        name: Name,
        /// The interfaces that exist.
        have: Vec<Name>,
    },
    /// A named link is of another kind: `stats eth0`.
    #[error("{name}: not a WireGuard interface ({})", .kind.as_ref().map_or_else(|| "it is hardware or loopback".to_owned(), |kind| format!("its kind is {kind}")))]
    NotWireguard {
        /// The requested name.
        name: Name,
        /// `IFLA_INFO_KIND`; `None` for hardware and loopback.
        kind: Option<Name>,
    },
    /// A named network namespace does not exist: `--netns blue`.
    #[error("{}: no such network namespace ({})", crate::model::printable(.name), listed(.have))]
    NetnsNotFound {
        /// The requested name.
        name: String,
        /// The namespaces that have names.
        have: Vec<Name>,
    },
    /// The links themselves could not be read.
    #[error("{subject}: {cause}")]
    Collect {
        /// `KernelError`, `DumpInterrupted` or `PermissionDenied`.
        code: Code,
        /// The thing that was read.
        subject: String,
        /// The cause.
        cause: String,
    },
    /// Nothing could be read.
    #[error("{}", .0.message)]
    Unreadable(Box<Problem>),
    /// A setting or a named file is not valid.
    #[error("{subject}: {cause}")]
    Config {
        /// The setting or the file.
        subject: String,
        /// The cause.
        cause: String,
        /// The fix.
        hint: Option<String>,
    },
    /// The result could not be written.
    #[error("{subject}: cannot write: {source}")]
    Output {
        /// The path, or `standard output`.
        subject: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The server cannot listen on an address.
    #[error("{address}: cannot listen: {source}")]
    Listen {
        /// The address, as configured.
        address: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The terminal cannot be controlled, or its keys cannot be read.
    #[error("the terminal: {0}")]
    Terminal(std::io::Error),
}

/// The subject of an [`Error::Output`] that concerns no file.
pub const STDOUT: &str = "standard output";

/// `Result` with this crate's [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Returns the code for scripts.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::InterfaceNotFound { .. } => Code::InterfaceNotFound,
            Self::NotWireguard { .. } => Code::NotWireguard,
            Self::NetnsNotFound { .. } => Code::NetnsNotFound,
            Self::Collect { code, .. } => *code,
            Self::Unreadable(problem) => problem.code,
            Self::Config { .. } => Code::ConfigInvalid,
            Self::Output { .. } | Self::Terminal(_) => Code::OutputFailed,
            Self::Listen { .. } => Code::ListenFailed,
        }
    }

    /// Returns the fix, if there is one.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::InterfaceNotFound { name, have } => {
                nearest(&name.text(), have, Name::text).map(|near| format!("did you mean {near}?"))
            }
            Self::NetnsNotFound { name, have } => {
                let near = nearest(name, have, Name::text).map(|near| format!("did you mean {near}?"));
                near.or_else(|| Some("give the name of an entry in /run/netns, a path, a PID, or all".to_owned()))
            }
            Self::NotWireguard { kind: Some(kind), .. } if kind.as_bytes() == b"tun" => {
                Some("start its userspace WireGuard daemon, which opens a socket in /var/run/wireguard".to_owned())
            }
            Self::Collect { code: Code::PermissionDenied, .. } => Some("run it with sudo".to_owned()),
            Self::Collect { code: Code::DumpInterrupted, .. } => {
                Some("interfaces keep being added or removed; try again".to_owned())
            }
            Self::Unreadable(problem) => problem.hint.clone(),
            Self::Config { hint, .. } => hint.clone(),
            Self::Listen { address, source } => listen_hint(address, source.kind()),
            Self::Output { source, .. } if !self.is_about_standard_output() => output_hint(source.kind()),
            _ => None,
        }
    }

    /// Returns whether the result could not be written to standard output.
    #[must_use]
    pub fn is_about_standard_output(&self) -> bool {
        matches!(self, Self::Output { subject, .. } if subject == STDOUT)
    }

    /// Returns whether the reader of the output closed the pipe, which is not a failure.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output { source, .. } if source.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

/// Returns the fix for an address that the server cannot listen on.
fn listen_hint(address: &str, kind: ErrorKind) -> Option<String> {
    let hint = match kind {
        ErrorKind::AddrInUse if address.starts_with("unix:") => {
            "another program listens on it: stop that program, or use another path".to_owned()
        }
        ErrorKind::AddrInUse => {
            let port = address.rsplit_once(':').map_or(address, |(_, port)| port);
            format!("another program listens on it; find it with: ss -ltnp 'sport = :{port}'")
        }
        ErrorKind::AddrNotAvailable => "no link of this host has this address; list them with: ip address".to_owned(),
        ErrorKind::PermissionDenied => {
            "run it with sudo, or use a port from 1024 on or a path in a directory that you own".to_owned()
        }
        ErrorKind::AlreadyExists => "the path exists and is not a socket: use another path".to_owned(),
        ErrorKind::NotFound => "create the directory first".to_owned(),
        _ => return None,
    };
    Some(hint)
}

/// Returns the fix for a file that cannot be written.
fn output_hint(kind: ErrorKind) -> Option<String> {
    let hint = match kind {
        ErrorKind::NotFound => "create the directory first",
        ErrorKind::IsADirectory => "give the name of a file in it",
        ErrorKind::InvalidInput => "give the name of a file, or leave the option out to write to standard output",
        ErrorKind::PermissionDenied => "run it with sudo, or give the name of a file that you can write",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Maximum number of names that an error message lists.
const MAX_LISTED: usize = 20;

/// Lists the existing names, for a message.
fn listed(names: &[Name]) -> String {
    if names.is_empty() {
        return "none exist".to_owned();
    }
    let shown: Vec<String> = names.iter().take(MAX_LISTED).map(ToString::to_string).collect();
    let more = names.len().saturating_sub(MAX_LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("have: {}{more}", shown.join(", "))
}

/// Returns the candidate with the name closest to the given one; `None` if none is close enough to be a typo.
pub(crate) fn nearest<'a, T>(name: &str, have: &'a [T], text: impl Fn(&'a T) -> Cow<'a, str>) -> Option<&'a T> {
    let close = name.chars().count().div_ceil(3).max(1);
    have.iter()
        .map(|candidate| (strsim::osa_distance(&name.to_lowercase(), &text(candidate).to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= close)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_found(name: &str, have: &[&str]) -> Error {
        Error::InterfaceNotFound { name: name.into(), have: have.iter().map(|&name| name.into()).collect() }
    }

    #[test]
    fn unknown_interface_lists_those_that_exist() {
        assert_eq!(not_found("wg9", &["wg0", "wg1"]).to_string(), "wg9: no such WireGuard interface (have: wg0, wg1)");
        assert_eq!(not_found("wg9", &[]).to_string(), "wg9: no such WireGuard interface (none exist)");
    }

    #[test]
    fn typo_gets_the_nearest_name() {
        assert_eq!(not_found("ofice", &["wg0", "office"]).hint().as_deref(), Some("did you mean office?"));
        assert_eq!(not_found("WG0", &["wg0"]).hint().as_deref(), Some("did you mean wg0?"));
        assert_eq!(not_found("tunnel", &["wg0"]).hint(), None);
    }

    #[test]
    fn message_escapes_a_hostile_name() {
        assert!(!not_found("\u{1b}]0;x\u{7}", &["\u{1b}c"]).to_string().contains(char::is_control));
    }

    #[test]
    fn long_list_is_cut() {
        let names: Vec<Name> = (0..30).map(|n| Name::from(format!("wg{n}").as_str())).collect();
        assert!(listed(&names).ends_with("wg19 and 10 more"));
    }
}
