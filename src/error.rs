//! What can go wrong, as the user meets it: a code for scripts, a message that names the thing and the cause, and
//! the remedy where there is one.

use std::borrow::Cow;
use std::io::ErrorKind;

use crate::model::{Code, Name, Problem};

/// An error that ends a command. Its message is one line, subject first, safe for a terminal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `stats wg9`, and there is none.
    #[error("{name}: no such WireGuard interface ({})", listed(.have))]
    InterfaceNotFound {
        /// What was asked for.
        name: Name,
        /// Those that exist.
        have: Vec<Name>,
    },
    /// `stats eth0`.
    #[error("{name}: not a WireGuard interface ({})", .kind.as_ref().map_or_else(|| "it is hardware or loopback".to_owned(), |kind| format!("its kind is {kind}")))]
    NotWireguard {
        /// What was asked for.
        name: Name,
        /// `IFLA_INFO_KIND`; `None` for hardware and loopback.
        kind: Option<Name>,
    },
    /// `--netns blue`, and there is none.
    #[error("{}: no such network namespace ({})", crate::model::printable(.name), listed(.have))]
    NetnsNotFound {
        /// What was asked for.
        name: String,
        /// Those that have names.
        have: Vec<Name>,
    },
    /// The links themselves could not be read.
    #[error("{subject}: {cause}")]
    Collect {
        /// `KernelError`, `DumpInterrupted` or `PermissionDenied`.
        code: Code,
        /// What was being read.
        subject: String,
        /// Why it failed.
        cause: String,
    },
    /// Nothing at all could be seen.
    #[error("{}", .0.message)]
    Unreadable(Box<Problem>),
    /// A setting makes no sense, or a file that was named.
    #[error("{subject}: {cause}")]
    Config {
        /// The setting or the file.
        subject: String,
        /// What is wrong with it.
        cause: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Writing the result failed.
    #[error("{subject}: cannot write: {source}")]
    Output {
        /// The path, or `standard output`.
        subject: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// An address cannot be listened on.
    #[error("{address}: cannot listen: {source}")]
    Listen {
        /// The address, as it was written.
        address: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The terminal takes no orders, or gives no keys.
    #[error("the terminal: {0}")]
    Terminal(std::io::Error),
}

/// The subject of an [`Error::Output`] that concerns no file.
pub const STDOUT: &str = "standard output";

/// `Result` with this crate's [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The code for scripts.
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

    /// What to do about it, where something can be done.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::InterfaceNotFound { name, have } => {
                nearest(&name.text(), have, Name::text).map(|near| format!("did you mean {near}?"))
            }
            Self::NetnsNotFound { name, have } => {
                let near = nearest(name, have, Name::text).map(|near| format!("did you mean {near}?"));
                near.or_else(|| Some("name an entry of /run/netns, a path, a process by its number, or all".to_owned()))
            }
            Self::NotWireguard { kind: Some(kind), .. } if kind.as_bytes() == b"tun" => {
                Some("a userspace WireGuard daemon would have a socket in /var/run/wireguard".to_owned())
            }
            Self::Collect { code: Code::PermissionDenied, .. } => Some("run it with sudo".to_owned()),
            Self::Collect { code: Code::DumpInterrupted, .. } => {
                Some("interfaces are being added or removed all the time; try again".to_owned())
            }
            Self::Unreadable(problem) => problem.hint.clone(),
            Self::Config { hint, .. } => hint.clone(),
            Self::Listen { address, source } => unlistenable(address, source.kind()),
            Self::Output { source, .. } if !self.is_about_standard_output() => unwritable(source.kind()),
            _ => None,
        }
    }

    /// Whether the result could not be written to standard output.
    #[must_use]
    pub fn is_about_standard_output(&self) -> bool {
        matches!(self, Self::Output { subject, .. } if subject == STDOUT)
    }

    /// Whether the reader of our output went away, which is no failure.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output { source, .. } if source.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

/// What to do where an address cannot be listened on.
fn unlistenable(address: &str, kind: ErrorKind) -> Option<String> {
    let hint = match kind {
        ErrorKind::AddrInUse if address.starts_with("unix:") => {
            "another program listens there: end it, or take another path".to_owned()
        }
        ErrorKind::AddrInUse => {
            let port = address.rsplit_once(':').map_or(address, |(_, port)| port);
            format!("another program listens there; which one: ss -ltnp 'sport = :{port}'")
        }
        ErrorKind::AddrNotAvailable => "no link of this host has that address; those there are: ip address".to_owned(),
        ErrorKind::PermissionDenied => {
            "run it with sudo, or take a port from 1024 on, or a path in a folder of its own".to_owned()
        }
        ErrorKind::AlreadyExists => "the file there is no socket, and is left as it is: take another path".to_owned(),
        ErrorKind::NotFound => "make the folder that the socket is to be in".to_owned(),
        _ => return None,
    };
    Some(hint)
}

/// What to do where a file cannot be written.
fn unwritable(kind: ErrorKind) -> Option<String> {
    let hint = match kind {
        ErrorKind::NotFound => "make the folder that it is to be in",
        ErrorKind::IsADirectory => "name a file in it",
        ErrorKind::InvalidInput => "name a file; without one it goes to standard output",
        ErrorKind::PermissionDenied => "run it with sudo, or name a file where you may write",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// How many existing interfaces an error message lists at most.
const LISTED: usize = 20;

fn listed(names: &[Name]) -> String {
    if names.is_empty() {
        return "there is none".to_owned();
    }
    let shown: Vec<String> = names.iter().take(LISTED).map(ToString::to_string).collect();
    let more = names.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("have: {}{more}", shown.join(", "))
}

/// What has the name closest to the one given, if any is close enough to be a slip of the finger.
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
        assert_eq!(not_found("wg9", &[]).to_string(), "wg9: no such WireGuard interface (there is none)");
    }

    #[test]
    fn slip_of_the_finger_gets_the_nearest_name() {
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
