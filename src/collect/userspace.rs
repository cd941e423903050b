//! Queries userspace WireGuard daemons over their sockets in `/var/run/wireguard`, in the text protocol "UAPI".
//!
//! A daemon may hang, be dead or hostile, or not be a daemon at all. So each exchange has a deadline and a size limit, and the
//! daemons are queried concurrently.

mod reply;

use std::fmt;
use std::io::{self, Read, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::kernel::Device;
use super::peercred::peer_pid;
use crate::model::Name;

/// The directory of sockets that `wg` and every daemon use.
pub const DIRECTORY: &str = "/var/run/wireguard";
/// Timeout for the whole exchange with one daemon.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Number of daemons that are queried concurrently. Fewer hung daemons than this do not delay the others.
const MAX_CONCURRENT: usize = 64;

/// A socket file in `/var/run/wireguard` and its interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketFile {
    /// The interface's name: the file's without `.sock`.
    pub interface: Name,
    /// The file.
    pub path: PathBuf,
}

/// A daemon's reply to `get=1`.
#[derive(Debug)]
pub struct Reply {
    /// PID of the process behind the socket (`SO_PEERCRED`); 0 if it runs in another PID namespace, `None` without a
    /// connection.
    pub pid: Option<i32>,
    /// The device; `None` if the daemon was not queried.
    pub device: Result<Option<Device>, Error>,
}

/// Says why a daemon gave no usable reply.
#[derive(Debug)]
pub enum Error {
    /// No process listens: the daemon died and left its socket file.
    Refused,
    /// The caller may not open the socket.
    Denied,
    /// The exchange was not complete at the deadline.
    Timeout,
    /// The daemon reported this `errno=`.
    Errno(i64),
    /// The reply could not be parsed.
    Malformed(String),
    /// The connection failed otherwise.
    Io(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("connection refused"),
            Self::Denied => f.write_str("permission denied"),
            Self::Timeout => write!(f, "no complete reply within {} s", TIMEOUT.as_secs()),
            Self::Errno(errno) => write!(f, "the daemon replied with errno {errno}"),
            Self::Malformed(reason) => write!(f, "malformed reply: {}", crate::model::printable(reason)),
            Self::Io(error) => write!(f, "{error}"),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::PermissionDenied => Self::Denied,
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::Timeout,
            _ => Self::Io(error),
        }
    }
}

/// Returns the sockets in a directory, sorted by interface; none if the directory does not exist.
///
/// # Errors
/// Returns an error if the directory exists and cannot be listed.
pub fn socket_files(directory: &Path) -> io::Result<Vec<SocketFile>> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "sock")
            && path.metadata().is_ok_and(|found| found.file_type().is_socket())
            && let Some(stem) = path.file_stem()
        {
            files.push(SocketFile { interface: Name::from(stem), path });
        }
    }
    files.sort_by(|a, b| a.interface.cmp(&b.interface));
    Ok(files)
}

/// Returns the socket of one interface; `None` if there is none.
///
/// # Errors
/// Returns an error if the directory cannot be searched.
pub fn socket_file(directory: &Path, interface: &Name) -> io::Result<Option<SocketFile>> {
    // Such a name is not an interface: the kernel forbids slashes and long names. A slash would lead out of the directory.
    if interface.as_bytes().contains(&b'/') || interface.as_bytes().len() > 200 {
        return Ok(None);
    }
    let mut file = interface.as_os_str().to_owned();
    file.push(".sock");
    let path = directory.join(file);
    match path.metadata() {
        Ok(found) if found.file_type().is_socket() => Ok(Some(SocketFile { interface: interface.clone(), path })),
        Ok(_) => Ok(None),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Queries every daemon concurrently, and returns the replies in the order of the files. Without `with_device` it only checks
/// whether something listens. `now` is the Unix time, in seconds.
#[must_use]
pub fn query_all(files: &[SocketFile], with_device: bool, now: u64) -> Vec<Reply> {
    let queue = Mutex::new(files.iter().enumerate());
    let replies = Mutex::new(Vec::with_capacity(files.len()));
    let work = || {
        while let Some((index, file)) = pop(&queue) {
            let reply = query(&file.path, with_device, now);
            if let Ok(mut replies) = replies.lock() {
                replies.push((index, reply));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..files.len().min(MAX_CONCURRENT) {
            // If no more threads can be created, the existing ones do all the work.
            if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    let mut replies = replies.into_inner().unwrap_or_default();
    replies.sort_by_key(|(index, _)| *index);
    replies.into_iter().map(|(_, reply)| reply).collect()
}

/// Returns the next element of a queue that threads share.
fn pop<I: Iterator>(queue: &Mutex<I>) -> Option<I::Item> {
    queue.lock().ok()?.next()
}

/// Queries one daemon.
fn query(path: &Path, with_device: bool, now: u64) -> Reply {
    let deadline = Instant::now() + TIMEOUT;
    match connect(path, deadline) {
        Ok(stream) => Reply {
            pid: peer_pid(&stream).ok(),
            device: if with_device { exchange(stream, deadline, now).map(Some) } else { Ok(None) },
        },
        Err(error) => Reply { pid: None, device: Err(error.into()) },
    }
}

/// Connects before the deadline. With a full backlog `connect(2)` blocks as long as the send timeout allows.
fn connect(path: &Path, deadline: Instant) -> io::Result<UnixStream> {
    let address = SocketAddrUnix::new(path)?;
    let socket: OwnedFd =
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_timeout(&socket, Timeout::Send, Some(remaining(deadline)?))?;
    rustix::net::connect(&socket, &address)?;
    Ok(UnixStream::from(socket))
}

/// Returns the time until the deadline; `TimedOut` if it has passed.
fn remaining(deadline: Instant) -> io::Result<Duration> {
    deadline
        .checked_duration_since(Instant::now())
        .filter(|left| !left.is_zero())
        .ok_or_else(|| io::ErrorKind::TimedOut.into())
}

/// Sends `get=1` and parses the reply.
fn exchange(mut stream: UnixStream, deadline: Instant, now: u64) -> Result<Device, Error> {
    stream.set_write_timeout(Some(remaining(deadline)?))?;
    stream.write_all(b"get=1\n\n")?;
    reply::parse(&mut DeadlineReader { stream, deadline }, now)
}

/// Reads from a socket until the deadline, however slowly the bytes arrive.
struct DeadlineReader {
    stream: UnixStream,
    deadline: Instant,
}

impl Read for DeadlineReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(remaining(self.deadline)?))?;
        self.stream.read(buffer)
    }
}

/// Returns whether the error means that the caller lacks a privilege.
#[must_use]
pub fn is_denied(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::ACCESS | Errno::PERM))
}
