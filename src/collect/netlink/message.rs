//! What one datagram holds: messages, errors, end marks.

use netlink_packet_core::{
    DoneBuffer, ErrorBuffer, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP,
    NLMSG_OVERRUN, NetlinkBuffer,
};
use rustix::io::Errno;

use super::Failure;
use crate::collect::attributes::attributes;

/// The one extended-ack attribute that is text.
const NLMSGERR_ATTR_MSG: u16 = 1;
const HEADER: usize = 16;

/// One message, and which request it answers.
pub(super) struct Message<'a> {
    pub(super) sequence: u32,
    pub(super) port: u32,
    kind: u16,
    flags: u16,
    payload: &'a [u8],
}

/// What a message says.
pub(super) enum Content<'a> {
    /// Nothing.
    Nothing,
    /// Messages were lost.
    Overrun,
    /// The kernel's refusal.
    Refused(Failure),
    /// All is said.
    End,
    /// Something of a type of its own.
    Payload(&'a [u8]),
}

/// The messages of a datagram.
pub(super) fn messages(datagram: &[u8]) -> impl Iterator<Item = Result<Message<'_>, Failure>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let message = first(rest);
        rest = message.as_ref().map(|(_, after)| *after).unwrap_or_default();
        Some(message.map(|(message, _)| message))
    })
}

/// The first message, and what comes after it.
fn first(datagram: &[u8]) -> Result<(Message<'_>, &[u8]), Failure> {
    let header = NetlinkBuffer::new_checked(datagram)
        .map_err(|_| Failure::Malformed("a message is longer than its datagram"))?;
    let length = header.length() as usize;
    let message = Message {
        sequence: header.sequence_number(),
        port: header.port_number(),
        kind: header.message_type(),
        flags: header.flags(),
        payload: datagram.get(HEADER..length).ok_or(Failure::Malformed("a message is shorter than its header"))?,
    };
    // The last message of a datagram may end without its padding.
    Ok((message, datagram.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

impl<'a> Message<'a> {
    /// Whether what is listed changed meanwhile.
    pub(super) fn is_interrupted(&self) -> bool {
        self.flags & NLM_F_DUMP_INTR != 0
    }

    pub(super) fn content(&self) -> Result<Content<'a>, Failure> {
        Ok(match self.kind {
            NLMSG_NOOP => Content::Nothing,
            NLMSG_OVERRUN => Content::Overrun,
            NLMSG_ERROR => refusal(self.payload, self.flags)?.map_or(Content::End, Content::Refused),
            NLMSG_DONE => {
                let done =
                    DoneBuffer::new_checked(self.payload).map_err(|_| Failure::Malformed("its end mark is cut off"))?;
                let text = (self.flags & NLM_F_ACK_TLVS != 0).then(|| ack_text(done.extended_ack())).flatten();
                match done.code() {
                    0 => Content::End,
                    code => Content::Refused(Failure::Kernel(errno(code)?, text)),
                }
            }
            _ => Content::Payload(self.payload),
        })
    }
}

/// Reads an `NLMSG_ERROR`: an errno, the header of the request (or all of it), then the extended ack.
fn refusal(payload: &[u8], flags: u16) -> Result<Option<Failure>, Failure> {
    let error = ErrorBuffer::new_checked(payload).map_err(|_| Failure::Malformed("its error is cut off"))?;
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
    Ok(Some(Failure::Kernel(errno(code.get())?, text)))
}

fn errno(code: i32) -> Result<Errno, Failure> {
    /// The kernel's `MAX_ERRNO`; rustix's type has no room for more.
    const ERRNOS: std::ops::RangeInclusive<i32> = -4095..=-1;
    if ERRNOS.contains(&code) {
        Ok(Errno::from_raw_os_error(-code))
    } else {
        Err(Failure::Malformed("its error code is none"))
    }
}

fn ack_text(extended_ack: &[u8]) -> Option<String> {
    let mut message: &[u8] = &[];
    // What a broken extended ack has before its fault is still worth showing.
    let _ = attributes(extended_ack, |kind, value| {
        if kind == NLMSGERR_ATTR_MSG {
            message = value;
        }
        Ok(())
    });
    let text = message.split(|&byte| byte == 0).next().filter(|text| !text.is_empty())?;
    Some(String::from_utf8_lossy(text).into_owned())
}
