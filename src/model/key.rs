//! A public key and its one text form.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A Curve25519 public key. There is no such type for private keys: wgstat keeps none.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// Length of the text form.
    pub const TEXT_LEN: usize = 44;

    /// Base64, as `wg` shows it, in a buffer of the caller's.
    pub fn encode<'buffer>(&self, buffer: &'buffer mut [u8; Self::TEXT_LEN]) -> &'buffer str {
        let written = STANDARD.encode_slice(self.0, &mut buffer[..]).unwrap_or(0);
        std::str::from_utf8(buffer.get(..written).unwrap_or_default()).unwrap_or_default()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.encode(&mut [0; Self::TEXT_LEN]))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_reads_as_wg_shows_it() {
        // Oracle: `head -c 32 /dev/zero | base64`.
        assert_eq!(PublicKey([0; 32]).to_string(), "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        assert_eq!(PublicKey([0xff; 32]).to_string(), "//////////////////////////////////////////8=");
    }
}
