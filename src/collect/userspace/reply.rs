//! The reply to `get=1`, line by line: a text of `key=value` that ends with a blank line.
//!
//! It includes the private key and preshared keys: the buffer is wiped, and of the private key only the public key that it
//! stands for is kept.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use rustix::net::{AddressFamily, SocketType};
use x25519_dalek::StaticSecret;
use zeroize::Zeroizing;

use super::Fault;
use crate::collect::kernel::Device;
use crate::model::{AllowedIp, Peer, PublicKey, decode_hex};

/// How much one daemon may say; 20,000 peers are about 8 MiB.
const LIMIT: usize = 64 * 1024 * 1024;
/// Longest line: the longest honest one is a few hundred bytes.
const LINE: usize = 64 * 1024;
/// 1990-01-01. An older handshake can only be boringtun's: it reports the seconds since then, not the time.
const EPOCH_1990: u64 = 631_152_000;

/// Reads the reply to `get=1` up to its blank line.
///
/// # Errors
/// Whatever makes the reply unusable as a whole; there are no half answers.
pub(super) fn parse(source: &mut dyn Read, now: u64) -> Result<Device, Fault> {
    let mut reply = ReplyParser { device: Device::default(), errno: None, now };
    let mut buffer = Zeroizing::new(vec![0_u8; LINE]);
    let mut filled = 0;
    let mut total = 0;
    loop {
        let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty()) else {
            return Err(Fault::Malformed(format!("a line of more than {LINE} bytes")));
        };
        let read = match source.read(free) {
            Ok(0) => return Err(Fault::Malformed("it ends before its blank line".to_owned())),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        total += read;
        if total > LIMIT {
            return Err(Fault::Malformed(format!("more than {} MiB", LIMIT >> 20)));
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

struct ReplyParser {
    device: Device,
    errno: Option<i64>,
    now: u64,
}

impl ReplyParser {
    fn line(&mut self, line: &[u8]) -> Result<(), Fault> {
        let equals = line.iter().position(|&byte| byte == b'=').ok_or_else(|| malformed(line, "has no ="))?;
        let (key, value) = line.split_at(equals);
        let value = value.get(1..).unwrap_or_default();
        match key {
            b"private_key" => {
                // The only secret that is looked at, because a daemon's own public key is to be had in no other way.
                let mut secret = Zeroizing::new([0; 32]);
                decode_hex(value, &mut secret).ok_or_else(|| malformed(key, "is no key"))?;
                if *secret != [0; 32] {
                    let public = x25519_dalek::PublicKey::from(&StaticSecret::from(*secret));
                    self.device.public_key = Some(PublicKey(public.to_bytes()));
                }
            }
            // boringtun's word for it.
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

    fn peer_line(&mut self, key: &[u8], value: &[u8]) -> Result<(), Fault> {
        let now = self.now;
        // Unknown keys are for newer readers, also before the first peer.
        let peer = match self.device.peers.last_mut() {
            Some(peer) => peer,
            None if PEER_KEYS.contains(&key) => return Err(malformed(key, "stands before any public_key")),
            None => return Ok(()),
        };
        match key {
            b"preshared_key" => peer.has_preshared_key = value.iter().any(|&digit| digit != b'0'),
            b"protocol_version" => peer.protocol_version = Some(number(key, value)?),
            b"endpoint" => peer.endpoint = Some(endpoint(value).ok_or_else(|| malformed(key, "is no address"))?),
            // The nanoseconds come after the seconds; they tell "just now" from "never" where both are 0 seconds.
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
                peer.allowed_ips.push(allowed_ip(value).ok_or_else(|| malformed(key, "is no network"))?);
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<Device, Fault> {
        match self.errno {
            Some(0) => Ok(self.device),
            Some(errno) => Err(Fault::Errno(errno)),
            None => Err(Fault::Malformed("it has no errno".to_owned())),
        }
    }
}

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

/// Names the key, never the value: it may be a secret.
fn malformed(key: &[u8], what: &str) -> Fault {
    let key: String = String::from_utf8_lossy(key.get(..40).unwrap_or(key)).chars().take_while(|&c| c != '=').collect();
    if key.chars().all(|c| c.is_ascii_lowercase() || c == '_') && key.len() < 40 {
        Fault::Malformed(format!("{key} {what}"))
    } else {
        Fault::Malformed(format!("a line {what}"))
    }
}

fn number<N: std::str::FromStr>(key: &[u8], value: &[u8]) -> Result<N, Fault> {
    text(value).and_then(|text| text.parse().ok()).ok_or_else(|| malformed(key, "is no number in its range"))
}

fn public_key(key: &[u8], value: &[u8]) -> Result<PublicKey, Fault> {
    let mut bytes = [0; 32];
    decode_hex(value, &mut bytes).ok_or_else(|| malformed(key, "is no key"))?;
    Ok(PublicKey(bytes))
}

fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

/// Reads `192.0.2.1:51820`, `[2001:db8::1]:51820` or `[fe80::1%eth0]:51820`.
fn endpoint(value: &[u8]) -> Option<SocketAddr> {
    let text = text(value)?;
    if let Ok(endpoint) = text.parse() {
        return Some(endpoint);
    }
    let (address, port) = text.strip_prefix('[')?.rsplit_once("]:")?;
    let (address, zone) = address.split_once('%')?;
    // A link that went away leaves the address valid and its scope unknown.
    let scope = zone.parse().ok().or_else(|| interface_index(zone)).unwrap_or(0);
    Some(SocketAddrV6::new(address.parse().ok()?, port.parse().ok()?, 0, scope).into())
}

fn interface_index(name: &str) -> Option<u32> {
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::DGRAM, None).ok()?;
    rustix::net::netdevice::name_to_index(&socket, name).ok()
}

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

    fn parsed(text: &str) -> Result<Device, Fault> {
        parse(&mut text.as_bytes(), NOW)
    }

    fn fault(text: &str) -> String {
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
    fn unset_private_key_stands_for_no_public_key() {
        let device = parsed(&format!("private_key={}\nlisten_port=51820\nerrno=0\n\n", "0".repeat(64))).unwrap();
        assert_eq!(device.public_key, None);
        assert_eq!(device.listen_port, Some(51820));
    }

    #[test]
    fn boringtun_tells_its_public_key() {
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
    fn unknown_keys_are_passed_over() {
        let peer = peer("colour=blue\nrx_bytes=5\ntx_bytes=6\nprotocol_version=1\npersistent_keepalive_interval=25");
        assert_eq!((peer.rx_bytes, peer.tx_bytes, peer.persistent_keepalive), (5, 6, 25));
        assert!(parsed("colour=blue\nerrno=0\n\n").is_ok());
    }

    #[test]
    fn preshared_key_is_only_noted() {
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
        assert_eq!(fault("errno=-5\n\n"), "it answered with errno -5");
        assert_eq!(fault("listen_port=1\n\n"), "its answer makes no sense: it has no errno");
    }

    #[test]
    fn garbage_is_named_but_never_quoted() {
        assert_eq!(fault("HTTP/1.1 400 Bad Request\n\n"), "its answer makes no sense: a line has no =");
        assert_eq!(fault("listen_port=x\n\n"), "its answer makes no sense: listen_port is no number in its range");
        assert_eq!(fault("rx_bytes=1\n\n"), "its answer makes no sense: rx_bytes stands before any public_key");
        assert_eq!(fault("errno=0\n"), "its answer makes no sense: it ends before its blank line");
        assert!(!fault("private_key=secret\n\n").contains("secret"));
        assert!(!fault("\u{1b}[2Jprivate=\n\nx").contains('\u{1b}'));
    }

    #[test]
    fn allowed_ips_beyond_their_family_are_refused() {
        for bad in ["10.0.0.1/33", "::/129", "10.0.0.1", "10.0.0.1/-1", "/0"] {
            assert!(fault(&format!("public_key={KEY}\nallowed_ip={bad}\n\n")).contains("allowed_ip"), "{bad}");
        }
    }

    #[test]
    fn mutated_answers_never_panic() {
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
                let place = random(bytes.len());
                match random(4) {
                    0 => bytes[place] = u8::try_from(random(256)).unwrap(),
                    1 => bytes[place] = b"=\n:/%].0-"[random(9)],
                    2 => drop(bytes.remove(place)),
                    _ => bytes.insert(place, b"=\n:/%[.9-"[random(9)]),
                }
            }
            match parse(&mut bytes.as_slice(), NOW) {
                Ok(_) => usable += 1,
                Err(_) => refused += 1,
            }
        }
        assert!(usable > 500 && refused > 500, "{usable} usable, {refused} refused");
    }

    /// Gives the same bytes for ever.
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
    fn endless_answers_end_at_a_limit() {
        let fault = parse(&mut Endless(b"x"), NOW).unwrap_err().to_string();
        assert_eq!(fault, "its answer makes no sense: a line of more than 65536 bytes");
        let fault = parse(&mut Endless(b"a=b\n"), NOW).unwrap_err().to_string();
        assert_eq!(fault, "its answer makes no sense: more than 64 MiB");
    }
}
