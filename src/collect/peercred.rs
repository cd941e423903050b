//! Which process listens behind a Unix socket (`SO_PEERCRED`).
//!
//! It takes `unsafe`: the standard library's call for this is not stable, and rustix's result type has no
//! room for the PID 0 that the kernel gives for a process of another PID namespace.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::AsRawFd;

/// The process that called `listen(2)`; 0 if it lives in another PID namespace.
///
/// # Errors
/// As `getsockopt(2)`.
pub(super) fn peer_pid(socket: &impl AsRawFd) -> io::Result<i32> {
    let mut credentials = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut length = libc::socklen_t::try_from(size_of_val(&credentials)).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open for the whole call, and the kernel writes at most `length` bytes into a struct
    // of just that layout, of which any bytes are a valid value.
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
