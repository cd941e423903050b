//! A netlink conversation that can be trusted: everything that decides whether a reply is whole, ours and consistent.
//!
//! Knows nothing of links or WireGuard. A request goes out, and each message of the reply is handed on, but the result
//! counts only if the kernel's own end mark says that nothing was lost, nothing failed and nothing changed meanwhile;
//! otherwise it is thrown away and asked for again, a bounded number of times.

mod message;
mod socket;

use std::fmt;
use std::io;

use netlink_packet_core::NetlinkBuffer;
use rustix::io::Errno;
use zeroize::Zeroize as _;

use self::message::{Content, messages};
pub use self::socket::{KernelSocket, Transport};

/// The kernel sends at most 32 KiB at a time unless one message needs more; see [`Netlink::receive`] for that.
const BUFFER: usize = 32 * 1024;
/// A datagram larger than this is not a reply to anything we ask.
const BUFFER_LIMIT: usize = 16 * 1024 * 1024;
/// How often a dump is asked for when it was interrupted or overrun.
const ATTEMPTS: u32 = 10;

/// Questions that are asked together. Their answers wait in the socket's buffer, where each takes up to a kilobyte of some 200.
const BATCH: usize = 64;

/// Why a conversation failed.
#[derive(Debug)]
pub enum Failure {
    /// The kernel's verdict, with the text of its extended ack.
    Kernel(Errno, Option<String>),
    /// What was dumped changed during every attempt (`NLM_F_DUMP_INTR`).
    Interrupted,
    /// The socket's receive buffer overran during every attempt.
    Overrun,
    /// A datagram of so many bytes was larger than the buffer; it has grown for the next attempt.
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

    /// Asks for many things, some at a time; each is answered by a single message or an error of its own.
    ///
    /// # Errors
    /// Where the conversation failed; the kernel's refusal of one question is that one's result.
    pub fn get_many<R>(
        &mut self,
        requests: &mut [Vec<u8>],
        mut parse: impl FnMut(&[u8]) -> Result<R, Failure>,
    ) -> Result<Vec<Result<R, Failure>>, Failure> {
        let mut answers = Vec::with_capacity(requests.len());
        for batch in requests.chunks_mut(BATCH) {
            answers.append(&mut persist(|| self.ask(batch, &mut parse))?);
        }
        Ok(answers)
    }

    /// Sends these requests at once and reads until each is answered.
    fn ask<R>(
        &mut self,
        batch: &mut [Vec<u8>],
        parse: &mut impl FnMut(&[u8]) -> Result<R, Failure>,
    ) -> Result<Vec<Result<R, Failure>>, Failure> {
        let first = self.sequence.wrapping_add(1);
        let mut request = Vec::new();
        for (number, one) in (0_u32..).zip(&mut *batch) {
            self.sequence = first.wrapping_add(number);
            NetlinkBuffer::new(&mut one[..]).set_sequence_number(self.sequence);
            request.extend_from_slice(one);
            request.resize(request.len().next_multiple_of(4), 0);
        }
        let mut answers: Vec<Option<Result<R, Failure>>> = batch.iter().map(|_| None).collect();
        let mut left = batch.len();
        self.converse(&request, |datagram, port| {
            for message in messages(datagram) {
                let message = message?;
                let Some(place) = answers.get_mut(message.sequence.wrapping_sub(first) as usize) else { continue };
                if message.port != port || place.is_some() {
                    continue;
                }
                let answer = match message.content()? {
                    Content::Nothing => continue,
                    Content::Overrun => return Err(Failure::Overrun),
                    Content::Refused(failure) => Err(failure),
                    Content::End => Err(Failure::Malformed("no answer in it")),
                    Content::Payload(payload) => parse(payload),
                };
                *place = Some(answer);
                left -= 1;
            }
            Ok(left == 0)
        })?;
        Ok(answers.into_iter().flatten().collect())
    }

    fn exchange<R: Default>(
        &mut self,
        request: &mut [u8],
        reply: Reply,
        mut each: impl FnMut(&mut R, &[u8]) -> Result<(), Failure>,
    ) -> Result<R, Failure> {
        persist(|| {
            let mut result = R::default();
            self.attempt(request, reply, |payload| each(&mut result, payload))?;
            Ok(result)
        })
    }

    /// Sends the request under a new sequence number and reads to the end of the reply.
    fn attempt(
        &mut self,
        request: &mut [u8],
        reply: Reply,
        mut each: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        NetlinkBuffer::new(&mut request[..]).set_sequence_number(sequence);
        let mut interrupted = false;
        self.converse(request, |datagram, port| {
            for message in messages(datagram) {
                let message = message?;
                if message.sequence != sequence || message.port != port {
                    continue;
                }
                interrupted |= message.is_interrupted();
                match message.content()? {
                    Content::Nothing => {}
                    Content::Overrun => return Err(Failure::Overrun),
                    Content::Refused(failure) => return Err(failure),
                    Content::End if interrupted => return Err(Failure::Interrupted),
                    Content::End => return Ok(true),
                    Content::Payload(payload) => {
                        each(payload)?;
                        if reply == Reply::One {
                            return Ok(true);
                        }
                    }
                }
            }
            Ok(false)
        })
    }

    /// Sends, then hands on datagrams and our port until one was the last.
    fn converse(
        &mut self,
        request: &[u8],
        is_last: impl FnMut(&[u8], u32) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        if self.abandoned {
            self.transport.reopen().map_err(Failure::Io)?;
        }
        self.abandoned = true;
        self.transport.send(request).map_err(Failure::Io)?;

        let mut filled = 0;
        let result = self.receive(&mut filled, is_last);
        // Keys may lie in it, also behind the end of the last datagram.
        self.buffer.resize(filled, 0);
        self.buffer.as_mut_slice().zeroize();
        self.abandoned = !matches!(result, Ok(()) | Err(Failure::Kernel(..)));
        result
    }

    /// Receives to the end, and notes how much of the buffer was ever filled.
    fn receive(
        &mut self,
        filled: &mut usize,
        mut is_last: impl FnMut(&[u8], u32) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
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
            if is_last(&self.buffer, self.transport.port())? {
                return Ok(());
            }
        }
    }
}

/// What the messages of a datagram hold that answers nothing; what makes no sense ends it.
pub(super) fn payloads(datagram: &[u8]) -> impl Iterator<Item = &[u8]> {
    let contents = messages(datagram).map_while(|message| message.and_then(|message| message.content()).ok());
    contents.filter_map(|content| if let Content::Payload(payload) = content { Some(payload) } else { None })
}

/// Tries again what may work the next time, a bounded number of times.
fn persist<R>(mut attempt: impl FnMut() -> Result<R, Failure>) -> Result<R, Failure> {
    let mut attempts = 1;
    loop {
        match attempt() {
            Err(failure) if failure.is_passing() && attempts < ATTEMPTS => attempts += 1,
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
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
}
