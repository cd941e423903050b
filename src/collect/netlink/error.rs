//! Defines the errors of netlink requests.

use std::fmt;
use std::io;

use rustix::io::Errno;

use super::MAX_ATTEMPTS;
use crate::model::printable;

/// Says why a request failed.
#[derive(Debug)]
pub enum Error {
    /// The kernel refused the request, with the text of its extended ack.
    Kernel(Errno, Option<String>),
    /// The dumped objects changed during every attempt (`NLM_F_DUMP_INTR`).
    Interrupted,
    /// The socket's receive buffer overran during every attempt.
    Overrun,
    /// A datagram of this many bytes did not fit the buffer, which has grown for the next attempt.
    Truncated(usize),
    /// There was no reply in time.
    Timeout,
    /// The reply could not be parsed.
    Malformed(&'static str),
    /// The socket itself failed.
    Io(io::Error),
}

impl Error {
    /// Returns whether a new attempt can succeed.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Self::Interrupted | Self::Overrun | Self::Truncated(_))
    }

    /// Returns whether the kernel refused with this errno.
    #[must_use]
    pub fn is(&self, errno: Errno) -> bool {
        matches!(self, Self::Kernel(code, _) if *code == errno)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel(errno, text) => {
                let cause = io::Error::from(*errno).to_string();
                let cause = cause.split(" (os error").next().unwrap_or_default().to_lowercase();
                f.write_str(&cause)?;
                text.as_ref().map_or(Ok(()), |text| write!(f, " ({})", printable(text)))
            }
            Self::Interrupted => write!(f, "interrupted by changes {MAX_ATTEMPTS} times in a row"),
            Self::Overrun => f.write_str("the kernel's reply overran the socket buffer"),
            Self::Truncated(length) => write!(f, "the kernel's reply of {length} bytes was truncated"),
            Self::Timeout => f.write_str("the kernel did not reply in time"),
            Self::Malformed(reason) => write!(f, "malformed reply from the kernel: {reason}"),
            Self::Io(error) => write!(f, "netlink: {error}"),
        }
    }
}
