//! Parses a datagram into its messages, errors and end marks.

use netlink_packet_core::{
    DoneBuffer, ErrorBuffer, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP,
    NLMSG_OVERRUN, NetlinkBuffer,
};
use rustix::io::Errno;

use super::Error;
use crate::collect::attributes::attributes;

/// The one extended-ack attribute that is text.
const NLMSGERR_ATTR_MSG: u16 = 1;
const HEADER: usize = 16;

/// One message of a reply.
pub(super) struct Message<'a> {
    pub(super) sequence: u32,
    pub(super) port: u32,
    kind: u16,
    flags: u16,
    payload: &'a [u8],
}

/// The content of a message.
pub(super) enum Content<'a> {
    /// `NLMSG_NOOP`.
    Noop,
    /// Messages were lost (`NLMSG_OVERRUN`).
    Overrun,
    /// The kernel refused the request.
    Error(Error),
    /// The reply is complete.
    End,
    /// An object, as the subsystem encodes it.
    Payload(&'a [u8]),
}

/// Returns the messages of a datagram; ends after the first malformed one.
pub(super) fn messages(datagram: &[u8]) -> impl Iterator<Item = Result<Message<'_>, Error>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let message = split_first(rest);
        rest = message.as_ref().map(|(_, after)| *after).unwrap_or_default();
        Some(message.map(|(message, _)| message))
    })
}

/// Returns the first message and the rest of the datagram.
fn split_first(datagram: &[u8]) -> Result<(Message<'_>, &[u8]), Error> {
    let header =
        NetlinkBuffer::new_checked(datagram).map_err(|_| Error::Malformed("a message is longer than its datagram"))?;
    let length = header.length() as usize;
    let message = Message {
        sequence: header.sequence_number(),
        port: header.port_number(),
        kind: header.message_type(),
        flags: header.flags(),
        payload: datagram.get(HEADER..length).ok_or(Error::Malformed("a message is shorter than its header"))?,
    };
    // The last message of a datagram may end without its padding.
    Ok((message, datagram.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

impl<'a> Message<'a> {
    /// Returns whether the dumped objects changed during the dump.
    pub(super) fn is_interrupted(&self) -> bool {
        self.flags & NLM_F_DUMP_INTR != 0
    }

    /// Parses the content.
    pub(super) fn content(&self) -> Result<Content<'a>, Error> {
        Ok(match self.kind {
            NLMSG_NOOP => Content::Noop,
            NLMSG_OVERRUN => Content::Overrun,
            NLMSG_ERROR => kernel_error(self.payload, self.flags)?.map_or(Content::End, Content::Error),
            NLMSG_DONE => {
                let done =
                    DoneBuffer::new_checked(self.payload).map_err(|_| Error::Malformed("its end mark is truncated"))?;
                let text = (self.flags & NLM_F_ACK_TLVS != 0).then(|| ack_text(done.extended_ack())).flatten();
                match done.code() {
                    0 => Content::End,
                    code => Content::Error(Error::Kernel(errno(code)?, text)),
                }
            }
            _ => Content::Payload(self.payload),
        })
    }
}

/// Parses an `NLMSG_ERROR`: an errno, the request's header or the whole request, then the extended ack. Returns `None` for an
/// ack without an error.
fn kernel_error(payload: &[u8], flags: u16) -> Result<Option<Error>, Error> {
    let error = ErrorBuffer::new_checked(payload).map_err(|_| Error::Malformed("its error is truncated"))?;
    let Some(code) = error.code() else { return Ok(None) };
    let mut text = None;
    if flags & NLM_F_ACK_TLVS != 0 {
        let echoed = error.payload();
        let length = if flags & NLM_F_CAPPED != 0 {
            HEADER
        } else {
            let echoed = echoed.get(..4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_ne_bytes);
            (echoed as usize).next_multiple_of(4)
        };
        text = echoed.get(length..).and_then(ack_text);
    }
    Ok(Some(Error::Kernel(errno(code.get())?, text)))
}

/// Converts the negative code of a message.
fn errno(code: i32) -> Result<Errno, Error> {
    /// The kernel's `MAX_ERRNO`; rustix's type has no room for more.
    const ERRNOS: std::ops::RangeInclusive<i32> = -4095..=-1;
    if ERRNOS.contains(&code) {
        Ok(Errno::from_raw_os_error(-code))
    } else {
        Err(Error::Malformed("its error code is out of range"))
    }
}

/// Returns the text of an extended ack.
fn ack_text(extended_ack: &[u8]) -> Option<String> {
    let mut message: &[u8] = &[];
    // The text before a malformed attribute is still worth showing.
    let _ = attributes(extended_ack, |kind, value| {
        if kind == NLMSGERR_ATTR_MSG {
            message = value;
        }
        Ok(())
    });
    let text = message.split(|&byte| byte == 0).next().filter(|text| !text.is_empty())?;
    Some(String::from_utf8_lossy(text).into_owned())
}
