//! Sends requests to the kernel and receives datagrams.

use std::io;
use std::os::fd::AsFd as _;
use std::time::Duration;

use netlink_sys::{Socket, SocketAddr};
use rustix::net::sockopt::{Timeout, set_socket_timeout};

/// Timeout for one datagram. The kernel replies from memory; after seconds, no reply will come.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Carries requests and datagrams: the kernel, or a recording of it.
pub trait Transport {
    /// Sends one request.
    ///
    /// # Errors
    /// Returns the errors of `send(2)`.
    fn send(&mut self, request: &[u8]) -> io::Result<()>;

    /// Receives one datagram into the empty buffer's capacity and returns its full length in bytes, which may be more than
    /// that.
    ///
    /// # Errors
    /// Returns the errors of `recv(2)`, and `WouldBlock` after the timeout.
    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize>;

    /// Replaces the socket, so that the rest of an abandoned reply cannot be taken for the next one.
    ///
    /// # Errors
    /// Returns the errors of `socket(2)` and `bind(2)`.
    fn reopen(&mut self) -> io::Result<()>;

    /// Returns the port ID that replies to us carry.
    fn port(&self) -> u32;
}

/// A netlink socket of the kernel.
pub struct KernelSocket {
    socket: Socket,
    protocol: isize,
    port: u32,
}

impl KernelSocket {
    /// Opens a socket for this protocol (`NETLINK_ROUTE`, `NETLINK_GENERIC`) in the calling thread's network namespace.
    ///
    /// # Errors
    /// Returns the errors of `socket(2)` and `bind(2)`.
    pub fn open(protocol: isize) -> io::Result<Self> {
        Self::with_timeout(protocol, RECEIVE_TIMEOUT)
    }

    /// Opens a socket with this receive timeout.
    fn with_timeout(protocol: isize, timeout: Duration) -> io::Result<Self> {
        let mut socket = Socket::new(protocol)?;
        let port = socket.bind_auto()?.port_number();
        set_socket_timeout(socket.as_fd(), Timeout::Recv, Some(timeout))?;
        // Kernels before 4.20 and 4.12 do not know these two; without them only the filter and the error text are missing.
        let _ = socket.set_netlink_get_strict_chk(true);
        let _ = socket.set_ext_ack(true);
        Ok(Self { socket, protocol, port })
    }
}

impl Transport for KernelSocket {
    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.socket.send_to(request, &SocketAddr::new(0, 0), 0).map(drop)
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let (length, from) = self.socket.recv_from(buffer, libc::MSG_TRUNC)?;
        // Port 0 is the kernel; on some protocols another process can write to our port.
        if from.port_number() == 0 { Ok(length) } else { Err(io::ErrorKind::Interrupted.into()) }
    }

    fn reopen(&mut self) -> io::Result<()> {
        *self = Self::open(self.protocol)?;
        Ok(())
    }

    fn port(&self) -> u32 {
        self.port
    }
}

#[cfg(test)]
mod tests {
    use netlink_sys::protocols::NETLINK_ROUTE;

    use super::super::{Error, Netlink};
    use super::*;

    #[test]
    fn kernel_that_does_not_reply_is_a_timeout() {
        // An empty request to a real socket gets no reply.
        let socket = KernelSocket::with_timeout(NETLINK_ROUTE, Duration::from_millis(30)).unwrap();
        let mut netlink = Netlink::new(socket);
        let mut request = [16_u8, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let error = netlink.dump(&mut request, |(), _| Ok(())).unwrap_err();
        assert!(matches!(error, Error::Timeout), "{error}");
    }

    #[test]
    fn every_socket_has_a_receive_timeout() {
        let socket = KernelSocket::open(NETLINK_ROUTE).unwrap();
        let timeout = rustix::net::sockopt::socket_timeout(socket.socket.as_fd(), Timeout::Recv).unwrap();
        assert_eq!(timeout, Some(RECEIVE_TIMEOUT));
    }
}
