//! Parses the reply to `get=1`: lines of `key=value`, ended by a blank line.
//!
//! The reply includes the private key and preshared keys. The buffer is wiped, and the private key is used only to compute the
//! public key.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use rustix::net::{AddressFamily, SocketType};
use x25519_dalek::StaticSecret;
use zeroize::Zeroizing;

use super::Error;
use crate::collect::kernel::Device;
use crate::model::{AllowedIp, Peer, PublicKey, decode_hex};

/// Maximum size of a reply, in bytes. 20,000 peers take about 8 MiB.
const MAX_REPLY: usize = 64 * 1024 * 1024;
/// Maximum length of a line, in bytes. The longest line of a daemon has a few hundred.
const MAX_LINE: usize = 64 * 1024;
/// 1990-01-01. An older handshake can only be boringtun's: it reports seconds since the handshake, not a time.
const EPOCH_1990: u64 = 631_152_000;

/// Parses the reply to `get=1` up to its blank line. `now` is the Unix time, in seconds.
///
/// # Errors
/// Returns an error if any part of the reply is missing or malformed; a partial device is never returned.
pub(super) fn parse(source: &mut dyn Read, now: u64) -> Result<Device, Error> {
    let mut reply = ReplyParser { device: Device::default(), errno: None, now };
    let mut buffer = Zeroizing::new(vec![0_u8; MAX_LINE]);
    let mut filled = 0;
    let mut total = 0;
    loop {
        let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty()) else {
            return Err(Error::Malformed(format!("a line is longer than {MAX_LINE} bytes")));
        };
        let read = match source.read(free) {
            Ok(0) => return Err(Error::Malformed("no blank line at its end".to_owned())),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        total += read;
        if total > MAX_REPLY {
            return Err(Error::Malformed(format!("longer than {} MiB", MAX_REPLY >> 20)));
        }
        filled += read;
        let mut start = 0;
        while let Some(length) = buffer.get(start..filled).and_then(|rest| rest.iter().position(|&byte| byte == b'\n'))
        {
            let line = buffer.get(start..start + length).unwrap_or_default();
            start += length + 1;
            if line.is_empty() {
                return reply.finish();
            }
            reply.line(line)?;
        }
        buffer.copy_within(start..filled, 0);
        filled -= start;
    }
}

/// Collects the lines of a reply.
struct ReplyParser {
    device: Device,
    errno: Option<i64>,
    now: u64,
}

impl ReplyParser {
    /// Parses one line.
    fn line(&mut self, line: &[u8]) -> Result<(), Error> {
        let equals = line.iter().position(|&byte| byte == b'=').ok_or_else(|| malformed(line, "has no ="))?;
        let (key, value) = line.split_at(equals);
        let value = value.get(1..).unwrap_or_default();
        match key {
            b"private_key" => {
                // The only secret that is read: most daemons do not report their own public key.
                let mut secret = Zeroizing::new([0; 32]);
                decode_hex(value, &mut secret).ok_or_else(|| malformed(key, "is not a key"))?;
                if *secret != [0; 32] {
                    let public = x25519_dalek::PublicKey::from(&StaticSecret::from(*secret));
                    self.device.public_key = Some(PublicKey(public.to_bytes()));
                }
            }
            // boringtun's key for it.
            b"own_public_key" => self.device.public_key = Some(public_key(key, value)?),
            b"listen_port" => self.device.listen_port = Some(number(key, value)?),
            b"fwmark" => self.device.fwmark = Some(number(key, value)?),
            b"errno" => self.errno = Some(number(key, value)?),
            b"public_key" => {
                let public_key = public_key(key, value)?;
                self.device.peers.push(Peer { public_key, ..Peer::default() });
            }
            _ => self.peer_line(key, value)?,
        }
        Ok(())
    }

    /// Parses a line about the last peer.
    fn peer_line(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let now = self.now;
        // A newer daemon may have more keys, also before the first peer.
        let peer = match self.device.peers.last_mut() {
            Some(peer) => peer,
            None if PEER_KEYS.contains(&key) => return Err(malformed(key, "comes before any public_key")),
            None => return Ok(()),
        };
        match key {
            b"preshared_key" => peer.has_preshared_key = value.iter().any(|&digit| digit != b'0'),
            b"protocol_version" => peer.protocol_version = Some(number(key, value)?),
            b"endpoint" => peer.endpoint = Some(endpoint(value).ok_or_else(|| malformed(key, "is not an address"))?),
            // The nanoseconds follow the seconds. They distinguish "just now" from "never" if the seconds are 0.
            b"last_handshake_time_sec" => {
                let seconds: u64 = number(key, value)?;
                peer.last_handshake = match seconds {
                    0 => None,
                    elapsed if elapsed < EPOCH_1990 => Some(now.saturating_sub(elapsed)),
                    time => Some(time),
                };
            }
            b"last_handshake_time_nsec" => {
                let nanoseconds: u32 = number(key, value)?;
                if nanoseconds > 0 && peer.last_handshake.is_none() {
                    peer.last_handshake = Some(now);
                }
            }
            b"rx_bytes" => peer.rx_bytes = number(key, value)?,
            b"tx_bytes" => peer.tx_bytes = number(key, value)?,
            b"persistent_keepalive_interval" => peer.persistent_keepalive = number(key, value)?,
            b"allowed_ip" => {
                peer.allowed_ips
                    .push(allowed_ip(value).ok_or_else(|| malformed(key, "is not an address with a prefix length"))?);
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns the device, or the daemon's errno.
    fn finish(self) -> Result<Device, Error> {
        match self.errno {
            Some(0) => Ok(self.device),
            Some(errno) => Err(Error::Errno(errno)),
            None => Err(Error::Malformed("it has no errno".to_owned())),
        }
    }
}

/// Keys that belong to a peer.
const PEER_KEYS: [&[u8]; 9] = [
    b"preshared_key",
    b"protocol_version",
    b"endpoint",
    b"last_handshake_time_sec",
    b"last_handshake_time_nsec",
    b"rx_bytes",
    b"tx_bytes",
    b"persistent_keepalive_interval",
    b"allowed_ip",
];

/// Returns an error that names the key. It never has the value, which may be a secret.
fn malformed(key: &[u8], reason: &str) -> Error {
    let key: String = String::from_utf8_lossy(key.get(..40).unwrap_or(key)).chars().take_while(|&c| c != '=').collect();
    if key.chars().all(|c| c.is_ascii_lowercase() || c == '_') && key.len() < 40 {
        Error::Malformed(format!("{key} {reason}"))
    } else {
        Error::Malformed(format!("a line {reason}"))
    }
}

/// Parses a decimal number.
fn number<N: std::str::FromStr>(key: &[u8], value: &[u8]) -> Result<N, Error> {
    text(value).and_then(|text| text.parse().ok()).ok_or_else(|| malformed(key, "is not a number in its range"))
}

/// Parses 64 hexadecimal digits.
fn public_key(key: &[u8], value: &[u8]) -> Result<PublicKey, Error> {
    let mut bytes = [0; 32];
    decode_hex(value, &mut bytes).ok_or_else(|| malformed(key, "is not a key"))?;
    Ok(PublicKey(bytes))
}

/// Returns the value as text; `None` if it is not UTF-8.
fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

/// Parses `192.0.2.1:51820`, `[2001:db8::1]:51820` or `[fe80::1%eth0]:51820`.
fn endpoint(value: &[u8]) -> Option<SocketAddr> {
    let text = text(value)?;
    if let Ok(endpoint) = text.parse() {
        return Some(endpoint);
    }
    let (address, port) = text.strip_prefix('[')?.rsplit_once("]:")?;
    let (address, zone) = address.split_once('%')?;
    // Without the link the address stays valid and its scope is unknown.
    let scope = zone.parse().ok().or_else(|| interface_index(zone)).unwrap_or(0);
    Some(SocketAddrV6::new(address.parse().ok()?, port.parse().ok()?, 0, scope).into())
}

/// Returns the ifindex of a link in the calling thread's network namespace.
fn interface_index(name: &str) -> Option<u32> {
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::DGRAM, None).ok()?;
    rustix::net::netdevice::name_to_index(&socket, name).ok()
}

/// Parses `10.0.0.0/24` or `fd00::/64`.
fn allowed_ip(value: &[u8]) -> Option<AllowedIp> {
    let (address, prefix) = text(value)?.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let prefix: u8 = prefix.parse().ok()?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    (prefix <= bits).then_some(AllowedIp { address, prefix })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_795_000_000;
    const KEY: &str = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20";

    fn parsed(text: &str) -> Result<Device, Error> {
        parse(&mut text.as_bytes(), NOW)
    }

    fn error(text: &str) -> String {
        parsed(text).unwrap_err().to_string()
    }

    fn peer(lines: &str) -> Peer {
        parsed(&format!("public_key={KEY}\n{lines}\nerrno=0\n\n")).unwrap().peers.remove(0)
    }

    #[test]
    fn daemon_s_public_key_follows_from_its_private_key() {
        // Oracle: `wg pubkey` of 32 bytes of 0x40.
        let device = parsed(&format!("private_key={}\nerrno=0\n\n", "40".repeat(32))).unwrap();
        assert_eq!(device.public_key.unwrap().to_string(), "17XoHTNuV4sTuNcG6C0GHjA4yWvOZs3PUNVmuW3buhA=");
    }

    #[test]
    fn unset_private_key_has_no_public_key() {
        let device = parsed(&format!("private_key={}\nlisten_port=51820\nerrno=0\n\n", "0".repeat(64))).unwrap();
        assert_eq!(device.public_key, None);
        assert_eq!(device.listen_port, Some(51820));
    }

    #[test]
    fn boringtun_reports_its_public_key() {
        let device = parsed(&format!("own_public_key={KEY}\nerrno=0\n\n")).unwrap();
        assert_eq!(device.public_key.unwrap().0[..3], [1, 2, 3]);
    }

    #[test]
    fn handshake_before_1990_is_elapsed_time() {
        assert_eq!(peer("last_handshake_time_sec=1794999990").last_handshake, Some(1_794_999_990));
        assert_eq!(peer("last_handshake_time_sec=25").last_handshake, Some(NOW - 25));
        assert_eq!(peer("last_handshake_time_sec=0\nlast_handshake_time_nsec=0").last_handshake, None);
        assert_eq!(peer("last_handshake_time_sec=0\nlast_handshake_time_nsec=7").last_handshake, Some(NOW));
    }

    #[test]
    fn unknown_keys_are_ignored() {
        let peer = peer("colour=blue\nrx_bytes=5\ntx_bytes=6\nprotocol_version=1\npersistent_keepalive_interval=25");
        assert_eq!((peer.rx_bytes, peer.tx_bytes, peer.persistent_keepalive), (5, 6, 25));
        assert!(parsed("colour=blue\nerrno=0\n\n").is_ok());
    }

    #[test]
    fn preshared_key_is_not_kept() {
        assert!(peer(&format!("preshared_key={KEY}")).has_preshared_key);
        assert!(!peer(&format!("preshared_key={}", "0".repeat(64))).has_preshared_key);
    }

    #[test]
    fn endpoints_of_every_form_are_read() {
        let endpoint = |text: &str| peer(&format!("endpoint={text}")).endpoint.unwrap().to_string();
        assert_eq!(endpoint("192.0.2.1:51820"), "192.0.2.1:51820");
        assert_eq!(endpoint("[2001:db8::1]:1"), "[2001:db8::1]:1");
        assert_eq!(endpoint("[fe80::1%7]:1"), "[fe80::1%7]:1");
        assert_eq!(endpoint("[fe80::1%lo]:1"), "[fe80::1%1]:1", "lo is the first link everywhere");
        assert_eq!(endpoint("[fe80::1%gone0]:1"), "[fe80::1]:1");
    }

    #[test]
    fn errno_is_honoured() {
        assert_eq!(error("errno=-5\n\n"), "the daemon replied with errno -5");
        assert_eq!(error("listen_port=1\n\n"), "malformed reply: it has no errno");
    }

    #[test]
    fn malformed_line_is_named_but_never_quoted() {
        assert_eq!(error("HTTP/1.1 400 Bad Request\n\n"), "malformed reply: a line has no =");
        assert_eq!(error("listen_port=x\n\n"), "malformed reply: listen_port is not a number in its range");
        assert_eq!(error("rx_bytes=1\n\n"), "malformed reply: rx_bytes comes before any public_key");
        assert_eq!(error("errno=0\n"), "malformed reply: no blank line at its end");
        assert!(!error("private_key=secret\n\n").contains("secret"));
        assert!(!error("\u{1b}[2Jprivate=\n\nx").contains('\u{1b}'));
    }

    #[test]
    fn allowed_ips_beyond_their_family_are_refused() {
        for bad in ["10.0.0.1/33", "::/129", "10.0.0.1", "10.0.0.1/-1", "/0"] {
            assert!(error(&format!("public_key={KEY}\nallowed_ip={bad}\n\n")).contains("allowed_ip"), "{bad}");
        }
    }

    #[test]
    fn mutated_replies_never_panic() {
        let honest = format!(
            "private_key={KEY}\nlisten_port=51820\nfwmark=1\npublic_key={KEY}\npreshared_key={KEY}\nprotocol_version=1\n\
             endpoint=[fe80::1%7]:51820\nlast_handshake_time_sec=1794999990\nlast_handshake_time_nsec=1\ntx_bytes=20\n\
             rx_bytes=10\npersistent_keepalive_interval=25\nallowed_ip=10.0.0.2/32\nallowed_ip=fd00::/64\nerrno=0\n\n"
        );
        assert!(parsed(&honest).is_ok());
        // xorshift64: the same mutations at each run.
        let mut state = 1_u64;
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % u64::try_from(below).unwrap()).unwrap()
        };
        let (mut usable, mut refused) = (0, 0);
        for _ in 0..5000 {
            let mut bytes = honest.clone().into_bytes();
            for _ in 0..=random(3) {
                let index = random(bytes.len());
                match random(4) {
                    0 => bytes[index] = u8::try_from(random(256)).unwrap(),
                    1 => bytes[index] = b"=\n:/%].0-"[random(9)],
                    2 => drop(bytes.remove(index)),
                    _ => bytes.insert(index, b"=\n:/%[.9-"[random(9)]),
                }
            }
            match parse(&mut bytes.as_slice(), NOW) {
                Ok(_) => usable += 1,
                Err(_) => refused += 1,
            }
        }
        assert!(usable > 500 && refused > 500, "{usable} usable, {refused} refused");
    }

    /// Repeats the same bytes without end.
    struct Endless(&'static [u8]);

    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len() / self.0.len() * self.0.len();
            if length == 0 {
                let part = buffer.len().min(self.0.len());
                buffer[..part].copy_from_slice(&self.0[..part]);
                return Ok(part);
            }
            buffer[..length].chunks_mut(self.0.len()).for_each(|chunk| chunk.copy_from_slice(self.0));
            Ok(length)
        }
    }

    #[test]
    fn endless_replies_end_at_a_limit() {
        let error = parse(&mut Endless(b"x"), NOW).unwrap_err().to_string();
        assert_eq!(error, "malformed reply: a line is longer than 65536 bytes");
        let error = parse(&mut Endless(b"a=b\n"), NOW).unwrap_err().to_string();
        assert_eq!(error, "malformed reply: longer than 64 MiB");
    }
}
