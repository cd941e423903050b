//! Machine-readable text on its way out: what JSON and metrics are made of, and the buffer it passes through.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};

use crate::model::{AllowedIp, PublicKey};

/// What is passed on at once: memory does not grow with the number of peers.
const PIECE: usize = 32 * 1024;

/// The digits of every number of one byte, from the left, and how many they are.
static SMALL: [[u8; 4]; 256] = {
    let mut table = [[0; 4]; 256];
    let mut number: u8 = 0;
    loop {
        let (hundreds, tens, ones) = (b'0' + number / 100, b'0' + number / 10 % 10, b'0' + number % 10);
        #[expect(clippy::indexing_slicing, reason = "the compiler works it out, and would see an overrun")]
        let entry = &mut table[number as usize];
        *entry = match number {
            0..=9 => [ones, 0, 0, 1],
            10..=99 => [tens, ones, 0, 2],
            100.. => [hundreds, tens, ones, 3],
        };
        match number.checked_add(1) {
            Some(next) => number = next,
            None => break table,
        }
    }
};

/// A buffer before a writer. A failure of the writer is kept for [`Text::finish`], and what comes after it goes nowhere.
pub(super) struct Text<'out> {
    bytes: Vec<u8>,
    out: &'out mut dyn Write,
    passed: io::Result<()>,
}

impl<'out> Text<'out> {
    pub(super) fn new(out: &'out mut dyn Write) -> Self {
        Self { bytes: Vec::with_capacity(PIECE), out, passed: Ok(()) }
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Takes the last byte back if it is this one.
    pub(super) fn take_back(&mut self, byte: u8) {
        self.bytes.pop_if(|last| *last == byte);
    }

    #[inline]
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
    #[inline]
    fn small(&mut self, number: u8) {
        let entry = SMALL.get(usize::from(number)).copied().unwrap_or_default();
        // All of it is appended and the rest taken back, which costs less than appending as many as there are.
        self.raw(&entry);
        self.bytes.truncate(self.bytes.len() - entry.len() + usize::from(entry[3]));
    }

    /// Base64.
    pub(super) fn key(&mut self, key: &PublicKey) {
        self.raw(&key.encode());
    }

    pub(super) fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                self.small(a);
                for octet in [b, c, d] {
                    self.byte(b'.');
                    self.small(octet);
                }
            }
            IpAddr::V6(address) => self.display(&address),
        }
    }

    /// `ADDRESS:PORT` or `[ADDRESS]:PORT`.
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
    pub(super) fn network(&mut self, network: AllowedIp) {
        self.address(network.address);
        self.byte(b'/');
        self.number(network.prefix.into());
    }

    fn display(&mut self, value: &dyn std::fmt::Display) {
        // Writing to a Vec cannot fail.
        let _ = write!(self.bytes, "{value}");
    }

    /// Here may be cut: passes a full piece on.
    pub(super) fn pass_on(&mut self) {
        if self.bytes.len() >= PIECE {
            self.pass_all_on();
        }
    }

    fn pass_all_on(&mut self) {
        if self.passed.is_ok() {
            self.passed = self.out.write_all(&self.bytes);
        }
        self.bytes.clear();
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
