//! Reads the PID of the process behind a Unix socket (`SO_PEERCRED`).
//!
//! This needs `unsafe`: the standard library's call is not stable, and rustix's result type cannot hold the PID 0 that the
//! kernel returns for a process of another PID namespace.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::AsRawFd;

/// Returns the PID of the process that called `listen(2)`; 0 if it runs in another PID namespace.
///
/// # Errors
/// Returns the errors of `getsockopt(2)`.
pub(super) fn peer_pid(socket: &impl AsRawFd) -> io::Result<i32> {
    let mut credentials = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut length = libc::socklen_t::try_from(size_of_val(&credentials)).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open during the call, and the kernel writes at most `length` bytes into a struct of
    // exactly that layout, for which any bytes are a valid value.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut credentials).cast(),
            &raw mut length,
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(credentials.pid) }
}
