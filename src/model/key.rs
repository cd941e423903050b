//! Encodes and decodes public keys: base64 and hexadecimal.

use std::fmt;

use zeroize::Zeroize as _;

/// Holds a Curve25519 public key: `WGDEVICE_A_PUBLIC_KEY`, `WGPEER_A_PUBLIC_KEY`, or one from a daemon or a file. wgstat keeps
/// no private keys, so there is no type for them.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// The length of the base64 text, in characters.
    pub const TEXT_LEN: usize = 44;

    /// Returns the key in base64, as `wg` shows it.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::TEXT_LEN] {
        let mut text = [b'='; Self::TEXT_LEN];
        let (triples, rest) = self.0.as_chunks::<3>();
        let (quads, _) = text.as_chunks_mut::<4>();
        for (&[a, b, c], quad) in triples.iter().zip(quads.iter_mut()) {
            let bits = u32::from_be_bytes([0, a, b, c]);
            let ([first, second], [third, fourth]) = (pair(bits >> 12), pair(bits & 0xfff));
            *quad = [first, second, third, fourth];
        }
        // Two bytes are left over: three characters, the last of 4 bits.
        if let (&[a, b], Some(quad)) = (rest, quads.last_mut()) {
            let bits = u32::from_be_bytes([0, a, b, 0]);
            let ([first, second], [third, _]) = (pair(bits >> 12), pair(bits & 0xfff));
            *quad = [first, second, third, b'='];
        }
        text
    }

    /// Parses the base64 text of a key. Accepts only the text that [`Self::encode`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes().strip_suffix(b"=").filter(|digits| digits.len() + 1 == Self::TEXT_LEN)?;
        let mut key = Self([0; 32]);
        if decode_base64(digits, &mut key.0).is_none() {
            // It may be part of a private key.
            key.0.zeroize();
            return None;
        }
        Some(key)
    }
}

/// Decodes base64 digits. The unused bits at the end have to be 0.
fn decode_base64(digits: &[u8], bytes: &mut [u8; 32]) -> Option<()> {
    let (mut bits, mut have) = (0_u32, 0_u32);
    let mut bytes = bytes.iter_mut();
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        have += 6;
        if have >= 8 {
            have -= 8;
            [*bytes.next()?, ..] = (bits >> have).to_le_bytes();
            bits &= (1 << have) - 1;
        }
    }
    (bits == 0).then_some(())
}

/// Decodes 64 hexadecimal digits. Returns `None` for any other text, and wipes `bytes`: they may be part of a private key.
#[must_use]
pub fn decode_hex(digits: &[u8], bytes: &mut [u8; 32]) -> Option<()> {
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let Some((high, low)) = digit(*high).zip(digit(*low)) else {
            bytes.zeroize();
            return None;
        };
        *byte = high << 4 | low;
    }
    Some(())
}

/// Maps every 12 bits to their two characters. Encoding a key takes half the instructions of the base64 crate with it, which
/// saves 3 % of the total for 10,000 peers.
static PAIRS: [[u8; 2]; 1 << 12] = {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut pairs = [[0; 2]; 1 << 12];
    let mut bits = 0;
    while bits < pairs.len() {
        #[expect(clippy::indexing_slicing, reason = "evaluated at compile time, where an overrun is an error")]
        {
            pairs[bits] = [ALPHABET[bits >> 6], ALPHABET[bits & 0x3f]];
        }
        bits += 1;
    }
    pairs
};

/// Returns the two characters of 12 bits.
#[expect(clippy::inline_always, reason = "called twenty times for each of thousands of keys")]
#[inline(always)]
fn pair(bits: u32) -> [u8; 2] {
    PAIRS.get(bits as usize).copied().unwrap_or_default()
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(std::str::from_utf8(&self.encode()).unwrap_or_default())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn every_key_is_encoded_as_by_the_base64_crate() {
        let mut state = 1_u64;
        for _ in 0..10_000 {
            let mut key = [0; 32];
            for eight in key.as_chunks_mut::<8>().0 {
                // Knuth's generator; its high bits are random enough.
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *eight = (state ^ (state >> 32)).to_le_bytes();
            }
            assert_eq!(PublicKey(key).to_string(), STANDARD.encode(key));
            assert_eq!(PublicKey::parse(&STANDARD.encode(key)), Some(PublicKey(key)));
        }
    }

    #[test]
    fn key_is_encoded_as_by_wg() {
        // Oracle: `head -c 32 /dev/zero | base64`.
        assert_eq!(PublicKey([0; 32]).to_string(), "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        assert_eq!(PublicKey([0xff; 32]).to_string(), "//////////////////////////////////////////8=");
    }

    #[test]
    fn only_the_canonical_text_of_a_key_is_accepted() {
        let text = "/".repeat(42);
        for end in ["8=", "A="] {
            let text = format!("{text}{end}");
            assert_eq!(PublicKey::parse(&text).map(|key| key.to_string()), Some(text));
        }
        for end in ["9=", "8", "8==", "88", "=8", "-=", "8= ", "8=8=", "é"] {
            assert_eq!(PublicKey::parse(&format!("{text}{end}")), None, "{end}");
        }
        for text in ["", "=", &"=".repeat(44), &"A".repeat(44), " AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] {
            assert_eq!(PublicKey::parse(text), None, "{text}");
        }
    }
}
