//! Waits for link changes. The kernel multicasts links that are added, changed or removed in this network namespace. A
//! notification only triggers a collection; its content is not used.

use std::io;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::link::may_be_tunnel;
use super::netlink::payloads;
use crate::error::{Error, Result};
use crate::model::Code;

/// `linux/rtnetlink.h`.
const RTMGRP_LINK: u32 = 1;
/// Bytes for one notification. Without statistics it is far shorter; a longer one counts as a change of a tunnel.
const BUFFER: usize = 32 * 1024;
/// Time to wait after a change: a tunnel is set up in a few steps, a few milliseconds apart.
const DEBOUNCE: Duration = Duration::from_millis(30);
/// Minimum time between two wakeups because of changes, no matter how often links change.
const MIN_INTERVAL: Duration = Duration::from_millis(250);

/// Says why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wakeup {
    /// The time has passed.
    Due,
    /// Links changed.
    Changed,
    /// One of the caller's own files is ready.
    Other,
}

/// Waits for a point in time or a change of links.
pub struct LinkMonitor {
    /// `None` while disabled, because links of other namespaces are collected: an open socket would keep a deleted one alive.
    socket: Option<Socket>,
    buffer: Vec<u8>,
    /// When to report the change that was seen.
    pending: Option<Instant>,
    /// When a change was reported last.
    reported: Option<Instant>,
}

impl LinkMonitor {
    /// Subscribes to changes in the calling thread's network namespace.
    ///
    /// # Errors
    /// Returns an error if the kernel provides no netlink socket.
    pub fn open() -> Result<Self> {
        let open = || {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind(&SocketAddr::new(0, RTMGRP_LINK))?;
            socket.set_non_blocking(true)?;
            Ok(socket)
        };
        let socket = open().map_err(|error: io::Error| Error::Collect {
            code: Code::KernelError,
            subject: "link notifications".to_owned(),
            cause: error.to_string(),
        })?;
        Ok(Self { socket: Some(socket), ..Self::disabled() })
    }

    /// Returns a monitor that sees no changes.
    #[must_use]
    pub const fn disabled() -> Self {
        Self { socket: None, buffer: Vec::new(), pending: None, reported: None }
    }

    /// Waits until `due`, or until links change, or until one of the `others` is ready.
    pub fn wait(&mut self, due: Instant, others: &[PollFd<'_>]) -> Wakeup {
        loop {
            let now = Instant::now();
            if now >= due {
                // The collection that follows covers the change, too.
                self.pending = None;
                return Wakeup::Due;
            }
            if self.pending.is_some_and(|pending| now >= pending) {
                self.pending = None;
                self.reported = Some(now);
                return Wakeup::Changed;
            }
            let until = self.pending.map_or(due, |pending| pending.min(due));
            let mut files = others.to_vec();
            let own = self.socket.as_ref().map(|socket| PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN));
            files.extend(own);
            // A time too long for the type is never reached. After a signal the loop continues.
            let time = Timespec::try_from(until.saturating_duration_since(now)).ok();
            let _ = poll(&mut files, time.as_ref());
            if files.iter().take(others.len()).any(|file| !file.revents().is_empty()) {
                return Wakeup::Other;
            }
            if self.has_tunnel_changed() && self.pending.is_none() {
                let now = Instant::now();
                let earliest = self.reported.map_or(now, |reported| reported + MIN_INTERVAL);
                self.pending = Some(earliest.max(now + DEBOUNCE));
            }
        }
    }

    /// Reads all notifications, and returns whether one may be about a tunnel.
    fn has_tunnel_changed(&mut self) -> bool {
        let Some(socket) = &self.socket else { return false };
        let mut has_changed = false;
        self.buffer.reserve(BUFFER);
        loop {
            self.buffer.clear();
            match socket.recv_from(&mut self.buffer, libc::MSG_TRUNC) {
                Ok((length, from)) if from.port_number() == 0 => {
                    has_changed |= length > self.buffer.len() || payloads(&self.buffer).any(may_be_tunnel);
                }
                // Another process' message.
                Ok(_) => {}
                // A lost notification may have been about a tunnel.
                Err(error) if Errno::from_io_error(&error) == Some(Errno::NOBUFS) => has_changed = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return has_changed,
            }
        }
    }
}
