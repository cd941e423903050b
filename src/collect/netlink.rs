//! Sends netlink requests, and decides whether a reply is complete, consistent and meant for this process. It knows nothing
//! about links or WireGuard.
//!
//! A result is accepted only if the kernel's end mark says that nothing was lost, failed or changed during the dump. Otherwise
//! it is discarded and the request is retried, a limited number of times.

mod error;
mod message;
mod socket;

use std::io;

use netlink_packet_core::NetlinkBuffer;
use rustix::io::Errno;
use zeroize::Zeroize as _;

pub use self::error::Error;
use self::message::{Content, messages};
pub use self::socket::{KernelSocket, Transport};

/// The largest datagram that the kernel sends, unless one message needs more; see [`Netlink::receive`] for that.
const BUFFER: usize = 32 * 1024;
/// Maximum size of a datagram, in bytes. No reply to these requests has a larger one.
const MAX_BUFFER: usize = 16 * 1024 * 1024;
/// Maximum number of attempts at a dump that is interrupted or overruns the socket.
const MAX_ATTEMPTS: u32 = 10;

/// Requests that are sent together. Their replies wait in the socket's buffer of some 200 KiB, where each takes up to 1 KiB.
const BATCH: usize = 64;

/// Sends requests over one socket. It has no `Debug`: its buffer may hold keys.
pub struct Netlink<T = KernelSocket> {
    transport: T,
    sequence: u32,
    /// Whether the last reply was not read to its end: the kernel would refuse another dump on this socket (`EBUSY`).
    abandoned: bool,
    /// The last datagram, wiped. Memory that the kernel never fills is never touched: a page costs more than reading a small
    /// host.
    buffer: Vec<u8>,
}

/// Distinguishes a reply of one message from a list with an end mark.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ReplyKind {
    Single,
    Dump,
}

impl<T: Transport> Netlink<T> {
    /// Sends requests over this transport.
    pub fn new(transport: T) -> Self {
        Self { transport, sequence: 0, abandoned: false, buffer: Vec::with_capacity(BUFFER) }
    }

    /// Requests a list. `each` gets the payload of every message and adds to the result, which starts empty at each attempt.
    ///
    /// # Errors
    /// Returns the kernel's refusal, or the error of the last attempt.
    pub fn dump<R: Default>(
        &mut self,
        request: &mut [u8],
        each: impl FnMut(&mut R, &[u8]) -> Result<(), Error>,
    ) -> Result<R, Error> {
        self.exchange(request, ReplyKind::Dump, each)
    }

    /// Requests one object; the reply is a single message or an error.
    ///
    /// # Errors
    /// Returns the kernel's refusal, or the error of the last attempt.
    pub fn get<R>(&mut self, request: &mut [u8], mut parse: impl FnMut(&[u8]) -> Result<R, Error>) -> Result<R, Error> {
        let found = self.exchange(request, ReplyKind::Single, |found: &mut Option<R>, payload| {
            *found = Some(parse(payload)?);
            Ok(())
        })?;
        found.ok_or(Error::Malformed("it has no message"))
    }

    /// Requests many objects, in batches; each reply is a single message or an error. Returns the results in the order of the
    /// requests.
    ///
    /// # Errors
    /// Returns an error if the exchange failed; the kernel's refusal of one request is the result of that request.
    pub fn get_many<R>(
        &mut self,
        requests: &mut [Vec<u8>],
        mut parse: impl FnMut(&[u8]) -> Result<R, Error>,
    ) -> Result<Vec<Result<R, Error>>, Error> {
        let mut results = Vec::with_capacity(requests.len());
        for batch in requests.chunks_mut(BATCH) {
            results.append(&mut retry(|| self.try_batch(batch, &mut parse))?);
        }
        Ok(results)
    }

    /// Sends these requests together and reads until each has a reply.
    fn try_batch<R>(
        &mut self,
        batch: &mut [Vec<u8>],
        parse: &mut impl FnMut(&[u8]) -> Result<R, Error>,
    ) -> Result<Vec<Result<R, Error>>, Error> {
        let first = self.sequence.wrapping_add(1);
        let mut request = Vec::new();
        for (number, one) in (0_u32..).zip(&mut *batch) {
            self.sequence = first.wrapping_add(number);
            NetlinkBuffer::new(&mut one[..]).set_sequence_number(self.sequence);
            request.extend_from_slice(one);
            request.resize(request.len().next_multiple_of(4), 0);
        }
        let mut results: Vec<Option<Result<R, Error>>> = batch.iter().map(|_| None).collect();
        let mut left = batch.len();
        self.transact(&request, |datagram, port| {
            for message in messages(datagram) {
                let message = message?;
                let Some(result) = results.get_mut(message.sequence.wrapping_sub(first) as usize) else { continue };
                if message.port != port || result.is_some() {
                    continue;
                }
                *result = Some(match message.content()? {
                    Content::Noop => continue,
                    Content::Overrun => return Err(Error::Overrun),
                    Content::Error(error) => Err(error),
                    Content::End => Err(Error::Malformed("it has no message")),
                    Content::Payload(payload) => parse(payload),
                });
                left -= 1;
            }
            Ok(left == 0)
        })?;
        Ok(results.into_iter().flatten().collect())
    }

    /// Retries a request until an attempt succeeds or fails permanently.
    fn exchange<R: Default>(
        &mut self,
        request: &mut [u8],
        kind: ReplyKind,
        mut each: impl FnMut(&mut R, &[u8]) -> Result<(), Error>,
    ) -> Result<R, Error> {
        retry(|| {
            let mut result = R::default();
            self.try_once(request, kind, |payload| each(&mut result, payload))?;
            Ok(result)
        })
    }

    /// Sends the request under a new sequence number and reads the reply to its end.
    fn try_once(
        &mut self,
        request: &mut [u8],
        kind: ReplyKind,
        mut each: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        NetlinkBuffer::new(&mut request[..]).set_sequence_number(sequence);
        let mut interrupted = false;
        self.transact(request, |datagram, port| {
            for message in messages(datagram) {
                let message = message?;
                if message.sequence != sequence || message.port != port {
                    continue;
                }
                interrupted |= message.is_interrupted();
                match message.content()? {
                    Content::Noop => {}
                    Content::Overrun => return Err(Error::Overrun),
                    Content::Error(error) => return Err(error),
                    Content::End if interrupted => return Err(Error::Interrupted),
                    Content::End => return Ok(true),
                    Content::Payload(payload) => {
                        each(payload)?;
                        if kind == ReplyKind::Single {
                            return Ok(true);
                        }
                    }
                }
            }
            Ok(false)
        })
    }

    /// Sends the request, then calls `is_last` with each datagram and our port until it returns true.
    fn transact(
        &mut self,
        request: &[u8],
        is_last: impl FnMut(&[u8], u32) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        if self.abandoned {
            self.transport.reopen().map_err(Error::Io)?;
        }
        self.abandoned = true;
        self.transport.send(request).map_err(Error::Io)?;

        let mut filled = 0;
        let result = self.receive(&mut filled, is_last);
        // It may contain keys, even after the end of the last datagram.
        self.buffer.resize(filled, 0);
        self.buffer.as_mut_slice().zeroize();
        self.abandoned = !matches!(result, Ok(()) | Err(Error::Kernel(..)));
        result
    }

    /// Receives datagrams up to the last, and reports how much of the buffer was ever filled.
    fn receive(
        &mut self,
        filled: &mut usize,
        mut is_last: impl FnMut(&[u8], u32) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        loop {
            self.buffer.clear();
            let received = self.transport.receive(&mut self.buffer);
            *filled = self.buffer.len().max(*filled);
            let length = match received {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(Error::Timeout),
                Err(error) if Errno::from_io_error(&error) == Some(Errno::NOBUFS) => return Err(Error::Overrun),
                Err(error) => return Err(Error::Io(error)),
            };
            if length > self.buffer.len() {
                // Growing may move the buffer and leave a copy behind.
                self.buffer.zeroize();
                self.buffer.reserve(length.next_power_of_two().min(MAX_BUFFER));
                *filled = 0;
                return Err(Error::Truncated(length));
            }
            if is_last(&self.buffer, self.transport.port())? {
                return Ok(());
            }
        }
    }
}

/// Returns the payloads of a datagram that is no reply; stops at a malformed message.
pub(super) fn payloads(datagram: &[u8]) -> impl Iterator<Item = &[u8]> {
    let contents = messages(datagram).map_while(|message| message.and_then(|message| message.content()).ok());
    contents.filter_map(|content| if let Content::Payload(payload) = content { Some(payload) } else { None })
}

/// Repeats an attempt while its error is transient, at most [`MAX_ATTEMPTS`] times.
fn retry<R>(mut attempt: impl FnMut() -> Result<R, Error>) -> Result<R, Error> {
    let mut attempts = 1;
    loop {
        match attempt() {
            Err(error) if error.is_transient() && attempts < MAX_ATTEMPTS => attempts += 1,
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Replies to every request with the same datagram.
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
    fn rest_of_a_longer_datagram_is_wiped_too() {
        /// Replies with these datagrams, the last first.
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
