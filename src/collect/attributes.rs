//! Netlink attributes: type, length, value, one after the other or within each other (`linux/netlink.h`).

use std::net::IpAddr;

use super::netlink::Failure;

/// `struct nlattr`: the length with these four bytes, then the type.
const HEADER: usize = 4;
/// Of a type's bits; the two others say "nested" and "in network order".
const NLA_TYPE_MASK: u16 = 0x3fff;

/// Calls `each` with the type and value of every attribute.
///
/// # Errors
/// `Malformed` where a length does not add up, and whatever `each` returns.
#[expect(clippy::inline_always, reason = "thousands of peers, each of a dozen attributes")]
#[inline(always)]
pub fn attributes<'a>(
    buffer: &'a [u8],
    mut each: impl FnMut(u16, &'a [u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut rest = buffer;
    while let Some(header) = rest.first_chunk::<HEADER>() {
        let &[length, kind] = header.as_chunks::<2>().0 else { break };
        let length = usize::from(u16::from_ne_bytes(length));
        let Some(value) = rest.get(HEADER..length) else {
            return Err(Failure::Malformed("an attribute is longer than its message"));
        };
        each(u16::from_ne_bytes(kind) & NLA_TYPE_MASK, value)?;
        // The last one may end without its padding.
        let Some(next) = rest.get((length + 3) & !3..) else { return Ok(()) };
        rest = next;
    }
    if rest.is_empty() { Ok(()) } else { Err(Failure::Malformed("an attribute is shorter than its header")) }
}

/// Reads a native-endian number of exactly this attribute's size.
///
/// # Errors
/// `Malformed` where the attribute has another size.
#[expect(clippy::inline_always, reason = "see `attributes`")]
#[inline(always)]
pub fn number<const N: usize>(value: &[u8]) -> Result<[u8; N], Failure> {
    value.try_into().map_err(|_| Failure::Malformed("a number has an unexpected size"))
}

/// Reads an address; its length says its family.
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
    fn value_ends_where_its_length_says_and_the_next_is_aligned() {
        let buffer = [5, 0, 1, 0, 7, 0, 0, 0, 4, 0, 2, 0x80, 6, 0, 3, 0x40, 8, 9];
        assert_eq!(read(&buffer), Some(vec![(1, vec![7]), (2, vec![]), (3, vec![8, 9])]));
    }

    #[test]
    fn length_that_does_not_add_up_is_an_error() {
        for buffer in [&[3, 0, 1, 0][..], &[9, 0, 1, 0, 7, 0, 0, 0], &[0, 0, 0, 0], &[4, 0, 1, 0, 4, 0]] {
            assert_eq!(read(buffer), None, "{buffer:?}");
        }
    }
}
