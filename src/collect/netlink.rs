//! A netlink conversation that can be trusted: everything that decides whether a reply is whole, ours and consistent.
//!
//! Knows nothing of links or WireGuard. A request goes out, and each message of the reply is handed on, but the result
//! counts only if the kernel's own end mark says that nothing was lost, nothing failed and nothing changed meanwhile;
//! otherwise it is thrown away and asked for again, a bounded number of times.

use std::fmt;
use std::io;
use std::os::fd::AsFd as _;
use std::time::Duration;

use netlink_packet_core::{
    DoneBuffer, ErrorBuffer, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP,
    NLMSG_OVERRUN, NetlinkBuffer,
};
use netlink_sys::{Socket, SocketAddr};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use zeroize::Zeroize as _;

use super::attributes::attributes;

/// The kernel sends at most 32 KiB at a time unless one message needs more; see [`Netlink::attempt`] for that.
const BUFFER: usize = 32 * 1024;
/// A datagram larger than this is not a reply to anything we ask.
const BUFFER_LIMIT: usize = 16 * 1024 * 1024;
/// How long the kernel may take for one datagram. It answers from memory; seconds mean that no answer will come.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a dump is asked for when it was interrupted or overrun.
const ATTEMPTS: u32 = 10;

/// The one extended-ack attribute that is text.
const NLMSGERR_ATTR_MSG: u16 = 1;
const HEADER: usize = 16;

/// Where requests go and datagrams come from: the kernel, or a recording of it.
pub trait Transport {
    /// Sends one request.
    ///
    /// # Errors
    /// As `send(2)`.
    fn send(&mut self, request: &[u8]) -> io::Result<()>;

    /// Receives one datagram into the empty buffer's capacity and returns its full length, which may be more than that.
    ///
    /// # Errors
    /// As `recv(2)`; `WouldBlock` when the time for it is over.
    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize>;

    /// Starts afresh: what is still to come of an abandoned reply must not meet the next request.
    ///
    /// # Errors
    /// As opening.
    fn reopen(&mut self) -> io::Result<()>;

    /// The port id that replies to us carry.
    fn port(&self) -> u32;
}

/// A netlink socket of the kernel.
pub struct KernelSocket {
    socket: Socket,
    protocol: isize,
    port: u32,
}

impl KernelSocket {
    /// Opens a socket of this protocol (`NETLINK_ROUTE`, `NETLINK_GENERIC`) in the calling thread's network namespace.
    ///
    /// # Errors
    /// As `socket(2)` and `bind(2)`.
    pub fn open(protocol: isize) -> io::Result<Self> {
        Self::with_timeout(protocol, RECEIVE_TIMEOUT)
    }

    fn with_timeout(protocol: isize, timeout: Duration) -> io::Result<Self> {
        let mut socket = Socket::new(protocol)?;
        let port = socket.bind_auto()?.port_number();
        set_socket_timeout(socket.as_fd(), Timeout::Recv, Some(timeout))?;
        // Kernels before 4.20 and 4.12 do not know these two; all that is lost there is the filter and the error text.
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

/// Why a conversation failed.
#[derive(Debug)]
pub enum Failure {
    /// The kernel's verdict, with the text of its extended ack.
    Kernel(Errno, Option<String>),
    /// What was dumped changed during every attempt (`NLM_F_DUMP_INTR`).
    Interrupted,
    /// The socket's receive buffer overran during every attempt.
    Overrun,
    /// A datagram was larger than the buffer; it has grown for the next attempt.
    Truncated(usize),
    /// No answer in time.
    Timeout,
    /// The answer makes no sense.
    Malformed(&'static str),
    /// The socket itself failed.
    Io(io::Error),
}

impl Failure {
    /// Whether asking again can help.
    fn is_passing(&self) -> bool {
        matches!(self, Self::Interrupted | Self::Overrun | Self::Truncated(_))
    }

    /// Whether this is the kernel's answer `errno`.
    #[must_use]
    pub fn is(&self, errno: Errno) -> bool {
        matches!(self, Self::Kernel(code, _) if *code == errno)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel(errno, text) => {
                let cause = io::Error::from(*errno).to_string();
                let cause = cause.split(" (os error").next().unwrap_or_default().to_lowercase();
                f.write_str(&cause)?;
                text.as_ref().map_or(Ok(()), |text| write!(f, " ({})", crate::model::printable(text)))
            }
            Self::Interrupted => write!(f, "it changed while it was read, {ATTEMPTS} times in a row"),
            Self::Overrun => f.write_str("the kernel's answer did not fit the socket's buffer"),
            Self::Truncated(length) => write!(f, "the kernel's answer of {length} bytes was cut off"),
            Self::Timeout => f.write_str("the kernel did not answer in time"),
            Self::Malformed(what) => write!(f, "the kernel's answer makes no sense: {what}"),
            Self::Io(error) => write!(f, "netlink: {error}"),
        }
    }
}

/// A conversation on one socket. It has no `Debug`: its buffer may hold keys.
pub struct Netlink<T = KernelSocket> {
    transport: T,
    sequence: u32,
    /// The last reply was abandoned: the kernel would refuse another dump on this socket (`EBUSY`).
    abandoned: bool,
    /// The last datagram, wiped. What the kernel never fills is never touched: a page costs more than reading a small host.
    buffer: Vec<u8>,
}

/// Whether a reply is one message or a list with an end mark.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reply {
    One,
    Dump,
}

impl<T: Transport> Netlink<T> {
    /// Starts a conversation.
    pub fn new(transport: T) -> Self {
        Self { transport, sequence: 0, abandoned: false, buffer: Vec::with_capacity(BUFFER) }
    }

    /// Asks for a list. `each` gets the type and payload of every message and adds to the result, which starts empty at
    /// each attempt.
    ///
    /// # Errors
    /// The kernel's refusal, or the last attempt's failure.
    pub fn dump<R: Default>(
        &mut self,
        request: &mut [u8],
        each: impl FnMut(&mut R, &[u8]) -> Result<(), Failure>,
    ) -> Result<R, Failure> {
        self.exchange(request, Reply::Dump, each)
    }

    /// Asks for one thing; the reply is a single message or an error.
    ///
    /// # Errors
    /// The kernel's refusal, or the last attempt's failure.
    pub fn get<R>(
        &mut self,
        request: &mut [u8],
        mut parse: impl FnMut(&[u8]) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        let found = self.exchange(request, Reply::One, |found: &mut Option<R>, payload| {
            *found = Some(parse(payload)?);
            Ok(())
        })?;
        found.ok_or(Failure::Malformed("no answer in it"))
    }

    fn exchange<R: Default>(
        &mut self,
        request: &mut [u8],
        reply: Reply,
        mut each: impl FnMut(&mut R, &[u8]) -> Result<(), Failure>,
    ) -> Result<R, Failure> {
        let mut attempt = 1;
        loop {
            let mut result = R::default();
            match self.attempt(request, reply, |payload| each(&mut result, payload)) {
                Ok(()) => return Ok(result),
                Err(failure) if failure.is_passing() && attempt < ATTEMPTS => attempt += 1,
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Sends the request under a new sequence number and reads to the end of the reply.
    fn attempt(
        &mut self,
        request: &mut [u8],
        reply: Reply,
        mut each: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.abandoned {
            self.transport.reopen().map_err(Failure::Io)?;
        }
        self.abandoned = true;
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkBuffer::new(&mut request[..]);
        header.set_sequence_number(self.sequence);
        self.transport.send(request).map_err(Failure::Io)?;

        let mut filled = 0;
        let result = self.receive(reply, &mut filled, &mut each);
        // Keys may lie in it, also behind the end of the last datagram.
        self.buffer.resize(filled, 0);
        self.buffer.as_mut_slice().zeroize();
        self.abandoned = !matches!(result, Ok(()) | Err(Failure::Kernel(..)));
        result
    }

    /// Reads to the end of the reply, and notes how much of the buffer was ever filled.
    fn receive(
        &mut self,
        reply: Reply,
        filled: &mut usize,
        each: &mut impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut interrupted = false;
        loop {
            self.buffer.clear();
            let received = self.transport.receive(&mut self.buffer);
            *filled = self.buffer.len().max(*filled);
            let length = match received {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(Failure::Timeout),
                Err(error) if Errno::from_io_error(&error) == Some(Errno::NOBUFS) => return Err(Failure::Overrun),
                Err(error) => return Err(Failure::Io(error)),
            };
            if length > self.buffer.len() {
                // A larger buffer is another one.
                self.buffer.zeroize();
                self.buffer.reserve(length.next_power_of_two().min(BUFFER_LIMIT));
                *filled = 0;
                return Err(Failure::Truncated(length));
            }
            if walk(&self.buffer, self.sequence, self.transport.port(), reply, &mut interrupted, each)? {
                return if interrupted { Err(Failure::Interrupted) } else { Ok(()) };
            }
        }
    }
}

/// Goes through the messages of one datagram; `true` when the reply's end was among them.
fn walk(
    datagram: &[u8],
    sequence: u32,
    port: u32,
    reply: Reply,
    interrupted: &mut bool,
    each: &mut impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<bool, Failure> {
    let mut rest = datagram;
    while !rest.is_empty() {
        let message = NetlinkBuffer::new_checked(rest)
            .map_err(|_| Failure::Malformed("a message is longer than its datagram"))?;
        let length = message.length() as usize;
        let kind = message.message_type();
        let flags = message.flags();
        let payload = rest.get(HEADER..length).ok_or(Failure::Malformed("a message is shorter than its header"))?;
        let ours = message.sequence_number() == sequence && message.port_number() == port;
        // The last message of a datagram may end without its padding.
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        if !ours {
            continue;
        }
        *interrupted |= flags & NLM_F_DUMP_INTR != 0;
        match kind {
            NLMSG_NOOP => {}
            NLMSG_OVERRUN => return Err(Failure::Overrun),
            NLMSG_ERROR => {
                if let Some(failure) = refusal(payload, flags)? {
                    return Err(failure);
                }
                return Ok(true);
            }
            NLMSG_DONE => {
                let done =
                    DoneBuffer::new_checked(payload).map_err(|_| Failure::Malformed("its end mark is cut off"))?;
                let text = (flags & NLM_F_ACK_TLVS != 0).then(|| ack_text(done.extended_ack())).flatten();
                return match done.code() {
                    0 => Ok(true),
                    code => Err(Failure::Kernel(errno(code)?, text)),
                };
            }
            _ => {
                each(payload)?;
                if reply == Reply::One {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

/// Reads an `NLMSG_ERROR`: an errno, the header of the request (or all of it), then the extended ack.
fn refusal(payload: &[u8], flags: u16) -> Result<Option<Failure>, Failure> {
    let error = ErrorBuffer::new_checked(payload).map_err(|_| Failure::Malformed("its error is cut off"))?;
    let Some(code) = error.code() else { return Ok(None) };
    let mut text = None;
    if flags & NLM_F_ACK_TLVS != 0 {
        let echoed = error.payload();
        let length = if flags & NLM_F_CAPPED != 0 {
            HEADER
        } else {
            let echoed = echoed.get(..4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_ne_bytes);
            (echoed as usize).next_multiple_of(4)
        };
        text = echoed.get(length..).and_then(ack_text);
    }
    Ok(Some(Failure::Kernel(errno(code.get())?, text)))
}

fn errno(code: i32) -> Result<Errno, Failure> {
    /// The kernel's `MAX_ERRNO`; rustix's type has no room for more.
    const ERRNOS: std::ops::RangeInclusive<i32> = -4095..=-1;
    if ERRNOS.contains(&code) {
        Ok(Errno::from_raw_os_error(-code))
    } else {
        Err(Failure::Malformed("its error code is none"))
    }
}

fn ack_text(extended_ack: &[u8]) -> Option<String> {
    let mut message: &[u8] = &[];
    // What a broken extended ack has before its fault is still worth showing.
    let _ = attributes(extended_ack, |kind, value| {
        if kind == NLMSGERR_ATTR_MSG {
            message = value;
        }
        Ok(())
    });
    let text = message.split(|&byte| byte == 0).next().filter(|text| !text.is_empty())?;
    Some(String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use netlink_sys::protocols::NETLINK_ROUTE;

    use super::*;

    /// Answers every request with one datagram.
    struct Once(Vec<u8>);

    impl Transport for Once {
        fn send(&mut self, _: &[u8]) -> io::Result<()> {
            Ok(())
        }

        fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
            buffer.extend(&self.0);
            Ok(self.0.len())
        }

        fn reopen(&mut self) -> io::Result<()> {
            Ok(())
        }

        fn port(&self) -> u32 {
            0
        }
    }

    #[test]
    fn buffer_is_wiped_after_use() {
        let mut message = vec![0; 20];
        message[0] = 20;
        message[4] = 0x20;
        message[8] = 1;
        message[16..].copy_from_slice(b"KEY!");
        let mut netlink = Netlink::new(Once(message));
        let payload = netlink.get(&mut [0; 16], |payload| Ok(payload.to_vec())).unwrap();
        assert_eq!(payload, b"KEY!");
        assert_eq!(netlink.buffer, [0; 20]);
    }

    #[test]
    fn what_a_longer_datagram_left_is_wiped_too() {
        /// Hands these out, the last first.
        struct Each(Vec<Vec<u8>>);
        impl Transport for Each {
            fn send(&mut self, _: &[u8]) -> io::Result<()> {
                Ok(())
            }
            fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
                buffer.extend(self.0.pop().unwrap());
                Ok(buffer.len())
            }
            fn reopen(&mut self) -> io::Result<()> {
                Ok(())
            }
            fn port(&self) -> u32 {
                0
            }
        }
        let datagram = |kind, length: u8| {
            let mut datagram = vec![0; length.into()];
            datagram[0] = length;
            datagram[4] = kind;
            datagram[8] = 1;
            datagram
        };
        let mut long = datagram(0x20, 64);
        long[60..].copy_from_slice(b"KEY!");
        let mut netlink = Netlink::new(Each(vec![datagram(3, 20), long]));
        netlink.dump(&mut [0; 16], |(), _| Ok(())).unwrap();
        assert_eq!(netlink.buffer, [0; 64]);
    }

    #[test]
    fn kernel_that_does_not_answer_is_not_waited_for() {
        // A real socket, and a request that asks for nothing: no reply will come.
        let socket = KernelSocket::with_timeout(NETLINK_ROUTE, Duration::from_millis(30)).unwrap();
        let mut netlink = Netlink::new(socket);
        let mut request = [16_u8, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let failure = netlink.dump(&mut request, |(), _| Ok(())).unwrap_err();
        assert!(matches!(failure, Failure::Timeout), "{failure}");
    }

    #[test]
    fn every_socket_has_a_receive_timeout() {
        let socket = KernelSocket::open(NETLINK_ROUTE).unwrap();
        let timeout = rustix::net::sockopt::socket_timeout(socket.socket.as_fd(), Timeout::Recv).unwrap();
        assert_eq!(timeout, Some(RECEIVE_TIMEOUT));
    }
}
