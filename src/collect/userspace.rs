//! Userspace WireGuard daemons: the text protocol ("UAPI") of their sockets in `/var/run/wireguard`.
//!
//! Any daemon may be hung, dead, hostile or not a daemon at all, so a whole exchange has one deadline and one size limit,
//! and the daemons are asked side by side.

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

/// Where `wg` and every daemon look for sockets.
pub const DIRECTORY: &str = "/var/run/wireguard";
/// How long one daemon may take for everything.
const DEADLINE: Duration = Duration::from_secs(2);
/// Daemons that are asked at the same time. Up to so many hung ones delay nobody else.
const SIDE_BY_SIDE: usize = 64;

/// A socket file in `/var/run/wireguard`, and the interface it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketFile {
    /// The interface's name: the file's without `.sock`.
    pub interface: Name,
    /// The file.
    pub path: PathBuf,
}

/// How a daemon answered `get=1`.
#[derive(Debug)]
pub struct Answer {
    /// PID of the process behind the socket (`SO_PEERCRED`), once connected; 0 if it lives in another PID namespace.
    pub pid: Option<i32>,
    /// What it said, or why that is no use.
    /// `None` where it was not asked.
    pub device: Result<Option<Device>, Fault>,
}

/// Why a daemon's answer is of no use.
#[derive(Debug)]
pub enum Fault {
    /// Nobody listens: the daemon died and left its socket file.
    Refused,
    /// The socket is the superuser's.
    Denied,
    /// It did not finish within the deadline.
    Timeout,
    /// It said `errno=` something.
    Errno(i64),
    /// It does not speak the protocol.
    Malformed(String),
    /// The connection failed otherwise.
    Io(io::Error),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("connection refused"),
            Self::Denied => f.write_str("permission denied"),
            Self::Timeout => write!(f, "no complete answer within {} s", DEADLINE.as_secs()),
            Self::Errno(errno) => write!(f, "it answered with errno {errno}"),
            Self::Malformed(what) => write!(f, "its answer makes no sense: {}", crate::model::printable(what)),
            Self::Io(error) => write!(f, "{error}"),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::PermissionDenied => Self::Denied,
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::Timeout,
            _ => Self::Io(error),
        }
    }
}

/// The sockets in a directory, by name; none where there is no such directory.
///
/// # Errors
/// Where the directory is there and cannot be listed.
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

/// The socket of one interface, if there is one.
///
/// # Errors
/// Where the directory hides whether there is.
pub fn socket_file(directory: &Path, interface: &Name) -> io::Result<Option<SocketFile>> {
    // A name is no path: the kernel forbids slashes in one, and long ones.
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

/// Asks every daemon, side by side; the answers stand in the order of the files. `now` is the Unix time, in seconds. Where they
/// are not to be asked, this only finds out whether anybody listens.
#[must_use]
pub fn read_all(files: &[SocketFile], ask: bool, now: u64) -> Vec<Answer> {
    let next = Mutex::new(files.iter().enumerate());
    let answers = Mutex::new(Vec::with_capacity(files.len()));
    let work = || {
        while let Some((place, file)) = take(&next) {
            let answer = read(&file.path, ask, now);
            if let Ok(mut answers) = answers.lock() {
                answers.push((place, answer));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..files.len().min(SIDE_BY_SIDE) {
            // With a limit on threads, those that there are do all the work.
            if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    let mut answers = answers.into_inner().unwrap_or_default();
    answers.sort_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

fn take<I: Iterator>(queue: &Mutex<I>) -> Option<I::Item> {
    queue.lock().ok()?.next()
}

fn read(path: &Path, ask: bool, now: u64) -> Answer {
    let deadline = Instant::now() + DEADLINE;
    match connect(path, deadline) {
        Ok(stream) => Answer {
            pid: peer_pid(&stream).ok(),
            device: if ask { exchange(stream, deadline, now).map(Some) } else { Ok(None) },
        },
        Err(error) => Answer { pid: None, device: Err(error.into()) },
    }
}

/// Connects within the deadline: with a full backlog `connect(2)` would block as long as the send timeout allows.
fn connect(path: &Path, deadline: Instant) -> io::Result<UnixStream> {
    let address = SocketAddrUnix::new(path)?;
    let socket: OwnedFd =
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_timeout(&socket, Timeout::Send, Some(remaining(deadline)?))?;
    rustix::net::connect(&socket, &address)?;
    Ok(UnixStream::from(socket))
}

fn remaining(deadline: Instant) -> io::Result<Duration> {
    deadline
        .checked_duration_since(Instant::now())
        .filter(|left| !left.is_zero())
        .ok_or_else(|| io::ErrorKind::TimedOut.into())
}

fn exchange(mut stream: UnixStream, deadline: Instant, now: u64) -> Result<Device, Fault> {
    stream.set_write_timeout(Some(remaining(deadline)?))?;
    stream.write_all(b"get=1\n\n")?;
    reply::parse(&mut UntilDeadline { stream, deadline }, now)
}

/// Reads from a socket, but never beyond the deadline, however slowly the bytes come.
struct UntilDeadline {
    stream: UnixStream,
    deadline: Instant,
}

impl Read for UntilDeadline {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(remaining(self.deadline)?))?;
        self.stream.read(buffer)
    }
}

/// Whether an error of the directory means that the caller lacks a privilege.
#[must_use]
pub fn is_denied(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::ACCESS | Errno::PERM))
}
