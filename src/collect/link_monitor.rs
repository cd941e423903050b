//! News of links: the kernel's multicast of what is added, changed and removed in this network namespace. It only says that
//! it is time to look; what is there, a look tells.

use std::io;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::link::is_tunnel;
use super::netlink::payloads;
use crate::error::{Error, Result};
use crate::model::Code;

/// `RTMGRP_LINK`.
const LINKS: u32 = 1;
/// A link's message without its statistics is far shorter; one that is longer counts as news unread.
const BUFFER: usize = 32 * 1024;
/// A tunnel is made in a few steps, a few milliseconds apart.
const SETTLED: Duration = Duration::from_millis(30);
/// However often links change, looks are no closer together than this.
const APART: Duration = Duration::from_millis(250);

/// What ended a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wakeup {
    /// The time is over.
    Due,
    /// Links changed.
    Changed,
    /// Something happened to one of the other files.
    Other,
}

/// Waits, and listens meanwhile.
pub struct LinkMonitor {
    /// Not there where links are watched in other namespaces: an open socket would keep one that is to vanish.
    socket: Option<Socket>,
    buffer: Vec<u8>,
    /// When to look because of news.
    pending: Option<Instant>,
    /// When that was the last time.
    looked: Option<Instant>,
}

impl LinkMonitor {
    /// Listens in the calling thread's network namespace.
    ///
    /// # Errors
    /// Where the kernel gives no netlink socket.
    pub fn open() -> Result<Self> {
        let open = || {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind(&SocketAddr::new(0, LINKS))?;
            socket.set_non_blocking(true)?;
            Ok(socket)
        };
        let socket = open().map_err(|error: io::Error| Error::Collect {
            code: Code::KernelError,
            subject: "news of links".to_owned(),
            cause: error.to_string(),
        })?;
        Ok(Self { socket: Some(socket), ..Self::disabled() })
    }

    /// Hears nothing.
    #[must_use]
    pub const fn disabled() -> Self {
        Self { socket: None, buffer: Vec::new(), pending: None, looked: None }
    }

    /// Waits until it is time, links changed, or something happens to one of the `others`.
    pub fn wait(&mut self, due: Instant, others: &[PollFd<'_>]) -> Wakeup {
        loop {
            let now = Instant::now();
            if now >= due {
                // A look at all is a look at what changed, too.
                self.pending = None;
                return Wakeup::Due;
            }
            if self.pending.is_some_and(|pending| now >= pending) {
                self.pending = None;
                self.looked = Some(now);
                return Wakeup::Changed;
            }
            let until = self.pending.map_or(due, |pending| pending.min(due));
            let mut files = others.to_vec();
            let own = self.socket.as_ref().map(|socket| PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN));
            files.extend(own);
            // A time that does not fit is too long to be waited for anyway; whatever a signal interrupts goes on.
            let time = Timespec::try_from(until.saturating_duration_since(now)).ok();
            let _ = poll(&mut files, time.as_ref());
            if files.iter().take(others.len()).any(|file| !file.revents().is_empty()) {
                return Wakeup::Other;
            }
            if self.is_there_news() && self.pending.is_none() {
                let now = Instant::now();
                let apart = self.looked.map_or(now, |looked| looked + APART);
                self.pending = Some(apart.max(now + SETTLED));
            }
        }
    }

    /// Reads all that was sent, and tells whether it concerns tunnels.
    fn is_there_news(&mut self) -> bool {
        let Some(socket) = &self.socket else { return false };
        let mut is_news = false;
        self.buffer.reserve(BUFFER);
        loop {
            self.buffer.clear();
            match socket.recv_from(&mut self.buffer, libc::MSG_TRUNC) {
                Ok((length, from)) if from.port_number() == 0 => {
                    is_news |= length > self.buffer.len() || payloads(&self.buffer).any(is_tunnel);
                }
                // Another process' message.
                Ok(_) => {}
                // What was lost may have been of a tunnel.
                Err(error) if Errno::from_io_error(&error) == Some(Errno::NOBUFS) => is_news = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return is_news,
            }
        }
    }
}
