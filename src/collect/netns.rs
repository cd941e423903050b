//! Other network namespaces: which there are, and how to read one. A thread of this process enters it; the process itself
//! stays where it is, and starts no other.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::error::{Error, Result};
use crate::model::{Code, Name, Problem, printable};

/// Where `ip netns` keeps the names.
pub const DIRECTORY: &str = "/run/netns";
const OWN: &str = "/proc/thread-self/ns/net";
/// Processes by which one namespace is remembered: one of them may end at any time.
const WITNESSES: usize = 8;

/// What `--netns` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetnsSelector {
    /// Every one that has a name or a process in it.
    All,
    /// An entry of `/run/netns`, a path, or a process by its number.
    One(OsString),
}

impl From<&OsStr> for NetnsSelector {
    fn from(text: &OsStr) -> Self {
        if text == "all" { Self::All } else { Self::One(text.to_owned()) }
    }
}

/// A network namespace, wherever it has a path: device and inode of its file.
type Identity = (u64, u64);

/// A network namespace that was found, in `/run/netns`, by a path, or by a process in `/proc`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// Its entry in `/run/netns`, else `net:[INODE]`.
    pub label: String,
    identity: Identity,
    paths: Vec<PathBuf>,
    is_own: bool,
}

/// What was found in `/run/netns`, by paths and in `/proc`.
#[derive(Debug, Default)]
pub struct Found {
    /// Each once: the caller's own first, then those with a name, then the others.
    pub namespaces: Vec<Namespace>,
    /// What could not be looked at.
    pub problems: Vec<Problem>,
    /// Why those that were named are not there.
    pub missing: Vec<Error>,
}

/// Finds the namespaces that are wanted.
///
/// # Errors
/// Where one that was named may not be looked at.
pub fn find(wanted: &[NetnsSelector]) -> Result<Found> {
    let named = named_namespaces();
    let mut found = Search { own: identity(Path::new(OWN)).ok(), named: &named, found: Found::default() };
    for wanted in wanted {
        match wanted {
            NetnsSelector::All => found.all(),
            NetnsSelector::One(text) => match found.one(text) {
                Err(error @ Error::NetnsNotFound { .. }) => found.found.missing.push(error),
                other => other?,
            },
        }
    }
    Ok(found.found)
}

/// The entries of `/run/netns`, by name.
fn named_namespaces() -> Vec<(Name, PathBuf)> {
    // No such folder: nobody named one yet.
    let entries = fs::read_dir(DIRECTORY).into_iter().flatten().flatten();
    let mut named: Vec<(Name, PathBuf)> =
        entries.map(|entry| (Name::from(entry.file_name().as_os_str()), entry.path())).collect();
    named.sort();
    named
}

fn identity(path: &Path) -> io::Result<Identity> {
    path.metadata().map(|found| (found.dev(), found.ino()))
}

struct Search<'a> {
    own: Option<Identity>,
    named: &'a [(Name, PathBuf)],
    found: Found,
}

impl Search<'_> {
    fn all(&mut self) {
        if let Ok(own) = identity(Path::new(OWN)) {
            self.add(own, PathBuf::from(OWN));
        }
        for (name, path) in self.named {
            match identity(path) {
                Ok(found) => self.add(found, path.clone()),
                Err(error) => self.found.problems.push(problem(&name.text(), &error)),
            }
        }
        let mut hidden = 0;
        for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let path = process.path();
            let is_process = process.file_name().as_bytes().iter().all(u8::is_ascii_digit);
            match identity(&path.join("ns/net")) {
                _ if !is_process => {}
                Ok(found) => self.add(found, path.join("ns/net")),
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => hidden += 1,
                // It has ended.
                Err(_) => {}
            }
        }
        if hidden > 0 {
            self.found.problems.push(Problem {
                code: Code::PermissionDenied,
                netns: None,
                interface: None,
                message: format!("cannot see the network namespaces of {hidden} processes of other users"),
                hint: Some("run it with sudo, or as a service with AmbientCapabilities=CAP_SYS_PTRACE".to_owned()),
            });
        }
    }

    fn one(&mut self, text: &OsStr) -> Result<()> {
        let name = Name::from(text);
        let is_number = !text.is_empty() && text.as_bytes().iter().all(u8::is_ascii_digit);
        let path = match self.named.iter().find(|(own, _)| *own == name) {
            Some((_, path)) => path.clone(),
            None if text.as_bytes().contains(&b'/') => PathBuf::from(text),
            None if is_number => Path::new("/proc").join(text).join("ns/net"),
            None => return Err(self.not_found(text)),
        };
        match identity(&path) {
            Ok(found) => self.add(found, path),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(Error::Collect {
                    code: Code::PermissionDenied,
                    subject: format!("network namespace {}", printable(&text.to_string_lossy())),
                    cause: format!("cannot look at it: {error}"),
                });
            }
            Err(_) => return Err(self.not_found(text)),
        }
        Ok(())
    }

    fn not_found(&self, text: &OsStr) -> Error {
        Error::NetnsNotFound {
            name: text.to_string_lossy().into_owned(),
            have: self.named.iter().map(|(name, _)| name.clone()).collect(),
        }
    }

    fn add(&mut self, identity: Identity, path: PathBuf) {
        if let Some(known) = self.found.namespaces.iter_mut().find(|known| known.identity == identity) {
            if known.paths.len() < WITNESSES {
                known.paths.push(path);
            }
            return;
        }
        let is_it = |(_, path): &&(Name, PathBuf)| self::identity(path).is_ok_and(|found| found == identity);
        let name = self.named.iter().find(is_it).map(|(name, _)| name.text().into_owned());
        self.found.namespaces.push(Namespace {
            label: name.unwrap_or_else(|| format!("net:[{}]", identity.1)),
            identity,
            paths: vec![path],
            is_own: self.own == Some(identity),
        });
    }
}

impl Namespace {
    /// Whether it is the same, under whatever name.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.identity == other.identity
    }

    /// Whether it is the caller's own.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        self.is_own
    }

    /// What a command starts with that is to act in it; nothing where commands do so anyway.
    #[must_use]
    pub fn exec_prefix(&self) -> Option<String> {
        let path = self.paths.first().filter(|_| !self.is_own)?;
        Some(match path.strip_prefix(DIRECTORY) {
            Ok(name) => format!("ip netns exec {}", Name::from(name.as_os_str()).shell_word()),
            Err(_) => format!("nsenter --net={}", Name::from(path.as_os_str()).shell_word()),
        })
    }

    /// Runs this on a thread in the namespace.
    ///
    /// # Errors
    /// A Problem where it vanished or may not be entered.
    pub fn inside<R: Send>(&self, look: impl FnOnce() -> R + Send) -> Result<R, Problem> {
        let file = self.open().map_err(|error| problem(&self.label, &error))?;
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().spawn_scoped(scope, || {
                // One's own may be read without any privilege.
                if !self.is_own {
                    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
                }
                Ok(look())
            });
            let result = match thread.map(std::thread::ScopedJoinHandle::join) {
                Ok(Ok(result)) => result,
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                Err(error) => Err(error),
            };
            result.map_err(|error| problem(&self.label, &error))
        })
    }

    /// By the first path that still leads to it.
    fn open(&self) -> io::Result<File> {
        let mut last = io::ErrorKind::NotFound.into();
        for path in &self.paths {
            // A path may lead to anything; a pipe would be waited for.
            match OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path) {
                Ok(file) if file.metadata().is_ok_and(|found| (found.dev(), found.ino()) == self.identity) => {
                    return Ok(file);
                }
                Ok(_) => {}
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// A namespace that could not be read.
fn problem(label: &str, error: &io::Error) -> Problem {
    let (code, cause, hint) = match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => (Code::PermissionDenied, format!("cannot enter it: {error}"), Some(ENTER)),
        Some(libc::EINVAL | libc::ENOTTY) => (Code::NetnsNotFound, "it is no network namespace".to_owned(), None),
        _ if error.kind() == io::ErrorKind::NotFound => return vanished(label),
        _ => (Code::KernelError, format!("cannot look at it: {error}"), None),
    };
    about(label, code, &cause, hint)
}

/// A namespace that was entered and whose links could not be read.
pub(super) fn failed(namespace: &Namespace, error: &Error) -> Problem {
    Problem {
        code: error.code(),
        netns: Some(namespace.label.clone()),
        interface: None,
        message: error.to_string(),
        hint: error.hint(),
    }
}

/// A namespace that was there a moment ago.
pub(super) fn vanished(label: &str) -> Problem {
    about(label, Code::NetnsNotFound, "it vanished", None)
}

fn about(label: &str, code: Code, cause: &str, hint: Option<&str>) -> Problem {
    Problem {
        code,
        netns: Some(label.to_owned()),
        interface: None,
        message: format!("network namespace {}: {cause}", printable(label)),
        hint: hint.map(str::to_owned),
    }
}

const ENTER: &str = "entering another network namespace needs CAP_SYS_ADMIN: run it with sudo, or as a service with \
                     AmbientCapabilities=CAP_SYS_ADMIN CAP_NET_ADMIN CAP_SYS_PTRACE";
