//! Reports what could not be read: a stable code for scripts, a message that names the thing and the cause, and the fix if
//! there is one.

use std::fmt;

use super::Name;

/// Lists the stable names of errors and Problems. Scripts match on them, so they never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// No link and no daemon has the name.
    InterfaceNotFound,
    /// The link exists and is of another kind.
    NotWireguard,
    /// A privilege is missing.
    PermissionDenied,
    /// The network namespace does not exist, or no longer.
    NetnsNotFound,
    /// The kernel refused a request, or its reply was malformed.
    KernelError,
    /// The state changed during every attempt to read it.
    DumpInterrupted,
    /// A userspace daemon did not reply, or its reply was malformed.
    DaemonUnreachable,
    /// A file that may hold names of networks and peers could not be read.
    NamesUnreadable,
    /// A setting or a named file is not valid.
    ConfigInvalid,
    /// The result could not be written.
    OutputFailed,
    /// The server cannot listen on an address.
    ListenFailed,
}

impl Code {
    /// All codes with their meanings, for the manual.
    pub const ALL: [(Self, &'static str); 11] = [
        (Self::InterfaceNotFound, "no WireGuard interface or daemon has that name"),
        (Self::NotWireguard, "the interface exists and is of another kind"),
        (Self::PermissionDenied, "a privilege is missing; the hint says which and how to grant it"),
        (Self::NetnsNotFound, "the network namespace does not exist, or vanished while it was read"),
        (Self::KernelError, "the kernel refused a request, or its reply was malformed"),
        (Self::DumpInterrupted, "the data changed during every attempt to read it"),
        (Self::DaemonUnreachable, "a userspace WireGuard daemon did not reply, or its reply was malformed"),
        (Self::NamesUnreadable, "a file that may hold names of peers could not be read; they are shown by their keys"),
        (Self::ConfigInvalid, "a setting or a named file is not valid"),
        (Self::OutputFailed, "the result could not be written"),
        (Self::ListenFailed, "serve cannot listen on an address"),
    ];

    /// Returns the code as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InterfaceNotFound => "INTERFACE_NOT_FOUND",
            Self::NotWireguard => "NOT_WIREGUARD",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::NetnsNotFound => "NETNS_NOT_FOUND",
            Self::KernelError => "KERNEL_ERROR",
            Self::DumpInterrupted => "DUMP_INTERRUPTED",
            Self::DaemonUnreachable => "DAEMON_UNREACHABLE",
            Self::NamesUnreadable => "NAMES_UNREADABLE",
            Self::ConfigInvalid => "CONFIG_INVALID",
            Self::OutputFailed => "OUTPUT_FAILED",
            Self::ListenFailed => "LISTEN_FAILED",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that wgstat could not read, by the error that the kernel, a daemon or a file gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The kind of problem.
    pub code: Code,
    /// The affected namespace, if the caller named one.
    pub netns: Option<String>,
    /// The affected interface; `None` means all.
    pub interface: Option<Name>,
    /// What failed and why, in one line.
    pub message: String,
    /// The suggested fix.
    pub hint: Option<String>,
}

impl Problem {
    /// Returns a problem that concerns every interface of the caller's own namespace and has no hint.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, netns: None, interface: None, message: message.into(), hint: None }
    }

    /// Adds what the operator can do about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Limits the problem to one interface.
    #[must_use]
    pub fn interface(self, interface: impl Into<Name>) -> Self {
        Self { interface: Some(interface.into()), ..self }
    }

    /// Names the network namespace that the problem concerns.
    #[must_use]
    pub fn netns(self, netns: impl Into<String>) -> Self {
        Self { netns: Some(netns.into()), ..self }
    }
}
