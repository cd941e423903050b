//! Buffers machine-readable text: JSON and the Prometheus exposition.
//!
//! It formats numbers, addresses and keys itself, because the standard library's `Display` does not fit the budget of 10,000
//! peers; docs/decisions.md has the figures.

use std::fmt::Display;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};

use crate::model::{AllowedIp, PublicKey};

/// The buffer is flushed once it holds this many bytes, so memory does not grow with the number of peers.
const FLUSH_SIZE: usize = 16 * 1024;
/// The size of the buffer. The rest beyond [`FLUSH_SIZE`] is room for everything but a very long list between two calls of
/// [`OutBuf::flush_if_full`].
const CAPACITY: usize = FLUSH_SIZE + 4 * 1024;

/// The decimal digits of every `u8`, followed by a dot. The last byte is the length, dot included.
static OCTETS: [[u8; 8]; 256] = {
    let mut table = [[0; 8]; 256];
    let mut number: u8 = 0;
    loop {
        let (hundreds, tens, ones) = (b'0' + number / 100, b'0' + number / 10 % 10, b'0' + number % 10);
        #[expect(clippy::indexing_slicing, reason = "evaluated at compile time, where an overrun is an error")]
        let entry = &mut table[number as usize];
        *entry = match number {
            0..=9 => [ones, b'.', 0, 0, 0, 0, 0, 2],
            10..=99 => [tens, ones, b'.', 0, 0, 0, 0, 3],
            100.. => [hundreds, tens, ones, b'.', 0, 0, 0, 4],
        };
        match number.checked_add(1) {
            Some(next) => number = next,
            None => break table,
        }
    }
};

#[expect(clippy::inline_always, reason = "see `OutBuf::push_bytes`")]
#[inline(always)]
fn octet(number: u8) -> [u8; 8] {
    OCTETS.get(usize::from(number)).copied().unwrap_or_default()
}

/// Text that is written many times, padded with zeros to a length known at compile time.
///
/// A copy of constant length compiles to a few instructions, one of variable length to a call of musl's `memcpy`: 4 % of an
/// exposition of 10,000 peers.
#[derive(Default)]
pub(super) struct PaddedText {
    bytes: Vec<u8>,
    length: usize,
}

impl PaddedText {
    /// The names of a family, a network and its interface seldom take more bytes than this.
    const PADDED_LEN: usize = 96;

    /// Replaces the text by the concatenation of `parts`.
    pub(super) fn set(&mut self, parts: &[&str]) {
        self.length = parts.iter().map(|part| part.len()).sum();
        self.bytes.clear();
        self.bytes.reserve(self.length.max(Self::PADDED_LEN));
        for part in parts {
            self.bytes.extend_from_slice(part.as_bytes());
        }
        self.bytes.resize(self.length.max(Self::PADDED_LEN), 0);
    }
}

/// A buffer in front of a writer. The writer's first error is returned by [`OutBuf::finish`]; output after it is discarded.
///
/// Unlike `BufWriter` it has no error to check at each of the dozens of writes per peer, and these are inlined.
pub(super) struct OutBuf<'out> {
    buffer: Box<[u8; CAPACITY]>,
    /// A `u16`, so that adding a length to it cannot overflow and is not checked: a tenth of the cost of a peer.
    used: u16,
    out: &'out mut dyn Write,
    result: io::Result<()>,
}

const _: () = assert!(CAPACITY <= u16::MAX as usize);

#[expect(clippy::cast_possible_truncation, reason = "no index is larger than `CAPACITY`")]
impl<'out> OutBuf<'out> {
    pub(super) fn new(out: &'out mut dyn Write) -> Self {
        #[expect(clippy::large_stack_arrays, reason = "optimised builds make it on the heap")]
        let buffer = Box::new([0; CAPACITY]);
        Self { buffer, used: 0, out, result: Ok(()) }
    }

    /// Appends the bytes.
    #[expect(clippy::inline_always, reason = "called dozens of times per peer, for thousands of peers")]
    #[inline(always)]
    pub(super) fn push_bytes(&mut self, bytes: &[u8]) {
        let start = usize::from(self.used);
        let end = start + bytes.len();
        match self.buffer.get_mut(start..end) {
            Some(free) => {
                free.copy_from_slice(bytes);
                self.used = end as u16;
            }
            None => self.overflow(bytes),
        }
    }

    /// Appends the text without its padding.
    #[expect(clippy::inline_always, reason = "see `push_bytes`")]
    #[inline(always)]
    pub(super) fn push_padded(&mut self, text: &PaddedText) {
        match text.bytes.first_chunk::<{ PaddedText::PADDED_LEN }>() {
            Some(padded) if text.length <= padded.len() => {
                self.push_bytes(padded);
                self.used -= (padded.len() - text.length) as u16;
            }
            _ => self.push_bytes(&text.bytes),
        }
    }

    /// Flushes the buffer, then appends the bytes that did not fit.
    #[cold]
    fn overflow(&mut self, bytes: &[u8]) {
        self.flush_all();
        match self.buffer.get_mut(..bytes.len()) {
            Some(free) => {
                free.copy_from_slice(bytes);
                self.used = bytes.len() as u16;
            }
            None if self.result.is_ok() => self.result = self.out.write_all(bytes),
            None => {}
        }
    }

    #[expect(clippy::inline_always, reason = "see `push_bytes`")]
    #[inline(always)]
    pub(super) fn push(&mut self, byte: u8) {
        self.push_bytes(&[byte]);
    }

    /// Appends the decimal digits. Most numbers of a peer fit a `u8`: octets, prefix lengths, keepalives, zeros.
    #[expect(clippy::inline_always, reason = "see `push_bytes`")]
    #[inline(always)]
    pub(super) fn push_number(&mut self, number: u64) {
        match u8::try_from(number) {
            Ok(number) => self.push_octet(number),
            Err(_) => self.push_large_number(number),
        }
    }

    fn push_large_number(&mut self, number: u64) {
        self.push_bytes(itoa::Buffer::new().format(number).as_bytes());
    }

    #[expect(clippy::inline_always, reason = "see `push_bytes`")]
    #[inline(always)]
    fn push_octet(&mut self, number: u8) {
        let [first, second, third, dot, .., length] = octet(number);
        // Copying four bytes and giving the surplus back is cheaper than copying a variable number.
        self.push_bytes(&[first, second, third, dot]);
        self.used -= 5 - u16::from(length);
    }

    /// Appends two octets of an address, each followed by a dot.
    #[expect(clippy::inline_always, reason = "see `push_bytes`")]
    #[inline(always)]
    fn push_two_octets(&mut self, first: u8, second: u8) {
        let ([a, b, c, dot, .., length], second) = (octet(first), octet(second));
        // Together they take eight bytes at most. The shift drops the second octet's length byte.
        let text = u64::from(u32::from_le_bytes([a, b, c, dot])) | (u64::from_le_bytes(second) << (8 * length));
        self.push_bytes(&text.to_le_bytes());
        self.used -= 8 - u16::from(length + second[7]);
    }

    /// Appends the key in base64.
    #[expect(clippy::inline_always, reason = "see `push_bytes`")]
    #[inline(always)]
    pub(super) fn push_key(&mut self, key: &PublicKey) {
        self.push_bytes(&key.encode());
    }

    pub(super) fn push_address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                self.push_two_octets(a, b);
                self.push_two_octets(c, d);
                self.used -= 1;
            }
            IpAddr::V6(address) => self.push_display(&address),
        }
    }

    /// Appends `ADDRESS:PORT` or `[ADDRESS]:PORT`.
    #[expect(clippy::inline_always, reason = "see `push_bytes`")]
    #[inline(always)]
    pub(super) fn push_endpoint(&mut self, endpoint: SocketAddr) {
        match endpoint {
            SocketAddr::V4(endpoint) => {
                self.push_address(IpAddr::V4(*endpoint.ip()));
                self.push(b':');
                self.push_number(endpoint.port().into());
            }
            SocketAddr::V6(endpoint) => self.push_display(&endpoint),
        }
    }

    /// Appends `ADDRESS/PREFIX`.
    #[expect(clippy::inline_always, reason = "see `push_bytes`")]
    #[inline(always)]
    pub(super) fn push_allowed_ip(&mut self, allowed_ip: AllowedIp) {
        self.push_address(allowed_ip.address);
        self.push(b'/');
        self.push_number(allowed_ip.prefix.into());
    }

    fn push_display(&mut self, value: &dyn Display) {
        // Writing to the buffer cannot fail: `finish` returns the writer's error.
        let _ = write!(self, "{value}");
    }

    /// Flushes the buffer if it holds [`FLUSH_SIZE`] bytes or more.
    pub(super) fn flush_if_full(&mut self) {
        if usize::from(self.used) >= FLUSH_SIZE {
            self.flush_all();
        }
    }

    fn flush_all(&mut self) {
        if self.result.is_ok() {
            self.result = self.out.write_all(self.buffer.get(..usize::from(self.used)).unwrap_or_default());
        }
        self.used = 0;
    }

    /// Flushes the buffer.
    ///
    /// # Errors
    /// Returns the writer's first error.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.flush_all();
        self.result
    }
}

/// Accepts serialisers and formatted text.
impl Write for OutBuf<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push_bytes(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut OutBuf<'_>)) -> String {
        let mut bytes = Vec::new();
        let mut out = OutBuf::new(&mut bytes);
        write(&mut out);
        out.finish().unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn addresses_are_formatted_as_by_the_standard_library() {
        for octet in 0..=255 {
            let address = IpAddr::from([octet, 0, 10, 255 - octet]);
            assert_eq!(written(|out| out.push_address(address)), address.to_string());
        }
        for endpoint in ["192.0.2.1:1", "255.255.255.255:65535", "[2001:db8::1]:51820", "[fe80::1%7]:9"] {
            let endpoint: SocketAddr = endpoint.parse().unwrap();
            assert_eq!(written(|out| out.push_endpoint(endpoint)), endpoint.to_string());
        }
    }

    #[test]
    fn numbers_are_formatted_as_by_the_standard_library() {
        for number in (0..1_000).chain([65_535, u64::from(u32::MAX) + 1, u64::MAX]) {
            assert_eq!(written(|out| out.push_number(number)), number.to_string());
        }
    }

    #[test]
    fn flushed_parts_add_up_to_the_whole() {
        let lines = 3 * FLUSH_SIZE / 10;
        let whole = written(|out| {
            for number in 0..lines {
                out.push_number(number as u64);
                out.push(b'\n');
                out.flush_if_full();
            }
        });
        let expected: Vec<String> = (0..lines).map(|number| number.to_string()).collect();
        assert_eq!(whole.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn padding_is_never_written() {
        let mut text = PaddedText::default();
        let short = PaddedText::PADDED_LEN;
        for length in [short + 1, short, short - 1, 1, 0, 3 * CAPACITY] {
            let (half, rest) = ("x".repeat(length / 2), "y".repeat(length - length / 2));
            text.set(&[&half, &rest]);
            let filler = "z".repeat(CAPACITY - 10);
            let whole = written(|out| {
                out.push_padded(&text);
                out.push_bytes(filler.as_bytes());
                out.push_padded(&text);
                out.push(b'.');
            });
            assert_eq!(whole, format!("{half}{rest}{filler}{half}{rest}."), "{length}");
        }
    }

    #[test]
    fn text_longer_than_the_buffer_stays_in_order() {
        for length in [1, FLUSH_SIZE, CAPACITY - 1, CAPACITY, CAPACITY + 1, 3 * CAPACITY] {
            let long = "x".repeat(length);
            let whole = written(|out| {
                out.push_bytes(b"before");
                out.push_bytes(long.as_bytes());
                out.push_bytes(b"after");
            });
            assert_eq!(whole, format!("before{long}after"), "{length}");
        }
    }

    #[test]
    fn first_error_of_the_writer_is_returned() {
        /// Accepts this many bytes, then fails.
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut full = Full(FLUSH_SIZE);
        let mut out = OutBuf::new(&mut full);
        for _ in 0..3 {
            out.push_bytes(&vec![0; FLUSH_SIZE]);
            out.flush_if_full();
        }
        assert_eq!(out.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(full.0, 0, "nothing was written after the failure");
    }
}
