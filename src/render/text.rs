//! Machine-readable text on its way out: what JSON and metrics are made of, and the buffer it passes through.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};

use crate::model::{AllowedIp, PublicKey};

/// What is passed on at once: memory does not grow with the number of peers.
const PIECE: usize = 16 * 1024;
/// Behind a piece there is room for what is written between two calls of [`Text::pass_on`], but for a very long list.
const ROOM: usize = PIECE + 4 * 1024;

/// For every number of one byte: its digits, from the left, and a dot behind them; in the last byte, how many characters these
/// are.
static SMALL: [[u8; 8]; 256] = {
    let mut table = [[0; 8]; 256];
    let mut number: u8 = 0;
    loop {
        let (hundreds, tens, ones) = (b'0' + number / 100, b'0' + number / 10 % 10, b'0' + number % 10);
        #[expect(clippy::indexing_slicing, reason = "the compiler works it out, and would see an overrun")]
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

#[expect(clippy::inline_always, reason = "see `Text::raw`")]
#[inline(always)]
fn small(number: u8) -> [u8; 8] {
    SMALL.get(usize::from(number)).copied().unwrap_or_default()
}

/// Text that is appended many times, with zeros behind it up to a length that is known beforehand. To copy just as many bytes
/// as there are, musl's memcpy is called, and takes those at both ends one by one: 4 % of an exposition of 10,000 peers.
#[derive(Default)]
pub(super) struct Piece {
    bytes: Vec<u8>,
    length: usize,
}

impl Piece {
    /// Names of families, interfaces and networks together seldom have more.
    const SHORT: usize = 96;

    /// Has these parts from now on.
    pub(super) fn set(&mut self, parts: &[&str]) {
        self.length = parts.iter().map(|part| part.len()).sum();
        self.bytes.clear();
        self.bytes.reserve(self.length.max(Self::SHORT));
        for part in parts {
            self.bytes.extend_from_slice(part.as_bytes());
        }
        self.bytes.resize(self.length.max(Self::SHORT), 0);
    }
}

/// A buffer before a writer. A failure of the writer is kept for [`Text::finish`], and what comes after it goes nowhere.
///
/// Its size is fixed: a `Vec` would ask at each of the dozens of appends a peer whether it has to grow, in a function of its
/// own.
pub(super) struct Text<'out> {
    buffer: Box<[u8]>,
    used: usize,
    out: &'out mut dyn Write,
    passed: io::Result<()>,
}

impl<'out> Text<'out> {
    pub(super) fn new(out: &'out mut dyn Write) -> Self {
        Self { buffer: vec![0; ROOM].into_boxed_slice(), used: 0, out, passed: Ok(()) }
    }

    #[expect(clippy::inline_always, reason = "dozens of calls a peer, and thousands of peers")]
    #[inline(always)]
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        let end = self.used + bytes.len();
        match self.buffer.get_mut(self.used..end) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.used = end;
            }
            None => self.overflow(bytes),
        }
    }

    /// The same of what is appended many times.
    #[expect(clippy::inline_always, reason = "see `raw`")]
    #[inline(always)]
    pub(super) fn piece(&mut self, piece: &Piece) {
        match piece.bytes.first_chunk::<{ Piece::SHORT }>() {
            Some(all) if piece.length <= all.len() => {
                self.raw(all);
                self.used -= all.len() - piece.length;
            }
            _ => self.raw(&piece.bytes),
        }
    }

    /// Where there is no room: passes on what is there, and takes these bytes after it.
    #[cold]
    fn overflow(&mut self, bytes: &[u8]) {
        self.pass_all_on();
        match self.buffer.get_mut(..bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.used = bytes.len();
            }
            None if self.passed.is_ok() => self.passed = self.out.write_all(bytes),
            None => {}
        }
    }

    #[expect(clippy::inline_always, reason = "see `raw`")]
    #[inline(always)]
    pub(super) fn byte(&mut self, byte: u8) {
        self.raw(&[byte]);
    }

    /// Takes the byte that was written last back if it is this one.
    pub(super) fn take_back(&mut self, byte: u8) {
        if let Some(before) = self.used.checked_sub(1)
            && self.buffer.get(before) == Some(&byte)
        {
            self.used = before;
        }
    }

    #[expect(clippy::inline_always, reason = "see `raw`")]
    #[inline(always)]
    pub(super) fn number(&mut self, number: u64) {
        match u8::try_from(number) {
            Ok(small) => self.small(small),
            Err(_) => self.large(number),
        }
    }

    fn large(&mut self, number: u64) {
        self.raw(itoa::Buffer::new().format(number).as_bytes());
    }

    /// Most numbers of a peer are small: octets of addresses, prefix lengths, keepalives, zeros.
    #[expect(clippy::inline_always, reason = "see `raw`")]
    #[inline(always)]
    fn small(&mut self, number: u8) {
        let [first, second, third, dot, .., length] = small(number);
        // All of it is appended and the rest taken back, which costs less than appending as many as there are.
        self.raw(&[first, second, third, dot]);
        self.used -= 5 - usize::from(length);
    }

    /// Two octets of an address, with a dot behind each.
    #[expect(clippy::inline_always, reason = "see `raw`")]
    #[inline(always)]
    fn octets(&mut self, first: u8, second: u8) {
        let ([a, b, c, dot, .., length], second) = (small(first), small(second));
        // Put together they have eight characters at most; the second's length is shifted out.
        let text = u64::from(u32::from_le_bytes([a, b, c, dot])) | (u64::from_le_bytes(second) << (8 * length));
        self.raw(&text.to_le_bytes());
        self.used -= 8 - usize::from(length + second[7]);
    }

    /// Base64.
    #[expect(clippy::inline_always, reason = "see `raw`")]
    #[inline(always)]
    pub(super) fn key(&mut self, key: &PublicKey) {
        self.raw(&key.encode());
    }

    pub(super) fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                self.octets(a, b);
                self.octets(c, d);
                self.used -= 1;
            }
            IpAddr::V6(address) => self.display(&address),
        }
    }

    /// `ADDRESS:PORT` or `[ADDRESS]:PORT`.
    #[expect(clippy::inline_always, reason = "see `raw`")]
    #[inline(always)]
    pub(super) fn endpoint(&mut self, endpoint: SocketAddr) {
        match endpoint {
            SocketAddr::V4(endpoint) => {
                self.address(IpAddr::V4(*endpoint.ip()));
                self.byte(b':');
                self.number(endpoint.port().into());
            }
            SocketAddr::V6(endpoint) => self.display(&endpoint),
        }
    }

    /// `ADDRESS/PREFIX`.
    #[expect(clippy::inline_always, reason = "see `raw`")]
    #[inline(always)]
    pub(super) fn network(&mut self, network: AllowedIp) {
        self.address(network.address);
        self.byte(b'/');
        self.number(network.prefix.into());
    }

    fn display(&mut self, value: &dyn std::fmt::Display) {
        // Writing to the buffer cannot fail; a failure behind it is kept.
        let _ = write!(self, "{value}");
    }

    /// Here may be cut: passes a full piece on.
    pub(super) fn pass_on(&mut self) {
        if self.used >= PIECE {
            self.pass_all_on();
        }
    }

    fn pass_all_on(&mut self) {
        if self.passed.is_ok() {
            self.passed = self.out.write_all(self.buffer.get(..self.used).unwrap_or_default());
        }
        self.used = 0;
    }

    /// Passes the rest on.
    ///
    /// # Errors
    /// The first failure of the writer.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.pass_all_on();
        self.passed
    }
}

/// For what writes itself: serialisers, formatted text.
impl Write for Text<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.raw(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut Text<'_>)) -> String {
        let mut out = Vec::new();
        let mut text = Text::new(&mut out);
        write(&mut text);
        text.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn addresses_read_as_the_standard_library_writes_them() {
        for octet in 0..=255 {
            let address = IpAddr::from([octet, 0, 10, 255 - octet]);
            assert_eq!(written(|text| text.address(address)), address.to_string());
        }
        for endpoint in ["192.0.2.1:1", "255.255.255.255:65535", "[2001:db8::1]:51820", "[fe80::1%7]:9"] {
            let endpoint: SocketAddr = endpoint.parse().unwrap();
            assert_eq!(written(|text| text.endpoint(endpoint)), endpoint.to_string());
        }
    }

    #[test]
    fn numbers_read_as_the_standard_library_writes_them() {
        for number in (0..1_000).chain([65_535, u64::from(u32::MAX) + 1, u64::MAX]) {
            assert_eq!(written(|text| text.number(number)), number.to_string());
        }
    }

    #[test]
    fn pieces_add_up_to_the_whole() {
        let lines = 3 * PIECE / 10;
        let whole = written(|text| {
            for number in 0..lines {
                text.number(number as u64);
                text.byte(b'\n');
                text.pass_on();
            }
        });
        let expected: Vec<String> = (0..lines).map(|number| number.to_string()).collect();
        assert_eq!(whole.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn nothing_comes_behind_a_piece() {
        let mut piece = Piece::default();
        for length in [Piece::SHORT + 1, Piece::SHORT, Piece::SHORT - 1, 1, 0, 3 * ROOM] {
            let (half, rest) = ("x".repeat(length / 2), "y".repeat(length - length / 2));
            piece.set(&[&half, &rest]);
            let room = "z".repeat(ROOM - 10);
            let whole = written(|text| {
                text.piece(&piece);
                text.raw(room.as_bytes());
                text.piece(&piece);
                text.byte(b'.');
            });
            assert_eq!(whole, format!("{half}{rest}{room}{half}{rest}."), "{length}");
        }
    }

    #[test]
    fn what_is_longer_than_the_buffer_keeps_its_place() {
        for length in [1, PIECE, ROOM - 1, ROOM, ROOM + 1, 3 * ROOM] {
            let long = "x".repeat(length);
            let whole = written(|text| {
                text.raw(b"before");
                text.raw(long.as_bytes());
                text.number(7);
                text.take_back(b'7');
                text.take_back(b'y');
                text.raw(b"behind");
            });
            assert_eq!(whole, format!("before{long}behind"), "{length}");
        }
    }

    #[test]
    fn first_failure_of_the_writer_is_the_result() {
        /// Takes so many bytes, then nothing.
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
        let mut out = Full(PIECE);
        let mut text = Text::new(&mut out);
        for _ in 0..3 {
            text.raw(&vec![0; PIECE]);
            text.pass_on();
        }
        assert_eq!(text.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(out.0, 0, "nothing was written after the failure");
    }
}
