//! Parses netlink attributes: length, type and value, in sequence or nested (`linux/netlink.h`).

use std::net::IpAddr;

use super::netlink::Error;

/// Bytes of `struct nlattr`: the length, which includes these four bytes, then the type.
const HEADER: usize = 4;
/// The bits of a type; the other two are the flags "nested" and "network byte order".
const NLA_TYPE_MASK: u16 = 0x3fff;

/// Calls `each` with the type and value of every attribute in the buffer.
///
/// # Errors
/// Returns `Malformed` if a length does not fit the buffer, and any error of `each`.
#[expect(clippy::inline_always, reason = "thousands of peers, each of a dozen attributes")]
#[inline(always)]
pub fn attributes<'a>(buffer: &'a [u8], mut each: impl FnMut(u16, &'a [u8]) -> Result<(), Error>) -> Result<(), Error> {
    let mut rest = buffer;
    while let Some(header) = rest.first_chunk::<HEADER>() {
        let &[length, kind] = header.as_chunks::<2>().0 else { break };
        let length = usize::from(u16::from_ne_bytes(length));
        let Some(value) = rest.get(HEADER..length) else {
            return Err(Error::Malformed("an attribute is longer than its message"));
        };
        each(u16::from_ne_bytes(kind) & NLA_TYPE_MASK, value)?;
        // The last one may end without its padding.
        let Some(next) = rest.get((length + 3) & !3..) else { return Ok(()) };
        rest = next;
    }
    if rest.is_empty() { Ok(()) } else { Err(Error::Malformed("an attribute is shorter than its header")) }
}

/// Returns the bytes of a native-endian number that fills the attribute.
///
/// # Errors
/// Returns `Malformed` if the attribute has another size.
#[expect(clippy::inline_always, reason = "see `attributes`")]
#[inline(always)]
pub fn number<const N: usize>(value: &[u8]) -> Result<[u8; N], Error> {
    value.try_into().map_err(|_| Error::Malformed("a number has an unexpected size"))
}

/// Parses an IP address; the length gives the family. Returns `None` for any other length.
#[must_use]
pub fn address(value: &[u8]) -> Option<IpAddr> {
    match value.len() {
        4 => <[u8; 4]>::try_from(value).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(value).ok().map(IpAddr::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(buffer: &[u8]) -> Option<Vec<(u16, Vec<u8>)>> {
        let mut found = Vec::new();
        attributes(buffer, |kind, value| {
            found.push((kind, value.to_vec()));
            Ok(())
        })
        .ok()?;
        Some(found)
    }

    #[test]
    fn value_ends_at_its_length_and_the_next_attribute_is_aligned() {
        let buffer = [5, 0, 1, 0, 7, 0, 0, 0, 4, 0, 2, 0x80, 6, 0, 3, 0x40, 8, 9];
        assert_eq!(read(&buffer), Some(vec![(1, vec![7]), (2, vec![]), (3, vec![8, 9])]));
    }

    #[test]
    fn length_that_does_not_fit_is_an_error() {
        for buffer in [&[3, 0, 1, 0][..], &[9, 0, 1, 0, 7, 0, 0, 0], &[0, 0, 0, 0], &[4, 0, 1, 0, 4, 0]] {
            assert_eq!(read(buffer), None, "{buffer:?}");
        }
    }
}
