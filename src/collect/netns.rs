//! Finds network namespaces, and runs code in them. Only a thread enters a namespace; the process itself stays in its own
//! and starts no other process.

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

/// The directory where `ip netns` keeps the names.
pub const DIRECTORY: &str = "/run/netns";
const OWN: &str = "/proc/thread-self/ns/net";
/// Maximum number of paths that are kept per namespace. Several are kept, because the process behind a path may end at any
/// time.
const MAX_PATHS: usize = 8;

/// Selects namespaces: one value of `--netns`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetnsSelector {
    /// Every namespace with a name or a process.
    All,
    /// An entry of `/run/netns`, a path, or a PID.
    One(OsString),
}

impl From<&OsStr> for NetnsSelector {
    fn from(text: &OsStr) -> Self {
        if text == "all" { Self::All } else { Self::One(text.to_owned()) }
    }
}

/// Identifies a namespace by the device and inode of its file, which are the same under each of its paths.
type NetnsId = (u64, u64);

/// A network namespace, found in `/run/netns`, by a path, or by a process in `/proc`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// Its entry in `/run/netns`, else `net:[INODE]`.
    pub label: String,
    id: NetnsId,
    paths: Vec<PathBuf>,
    is_own: bool,
}

/// Holds the result of a search in `/run/netns` and `/proc`.
#[derive(Debug, Default)]
pub struct FoundNamespaces {
    /// The namespaces, each once: the caller's own first, then those with a name, then the others.
    pub namespaces: Vec<Namespace>,
    /// What could not be examined.
    pub problems: Vec<Problem>,
    /// One error for each selected namespace that does not exist.
    pub missing: Vec<Error>,
}

/// Finds the selected namespaces.
///
/// # Errors
/// Returns an error if the caller may not examine a selected namespace.
pub fn find(selectors: &[NetnsSelector]) -> Result<FoundNamespaces> {
    let named = named_namespaces();
    let own = netns_id(Path::new(OWN)).ok();
    let mut search = Search { own, named: &named, found: FoundNamespaces::default() };
    for selector in selectors {
        match selector {
            NetnsSelector::All => search.add_all(),
            NetnsSelector::One(text) => match search.add_one(text) {
                Err(error @ Error::NetnsNotFound { .. }) => search.found.missing.push(error),
                other => other?,
            },
        }
    }
    Ok(search.found)
}

/// Returns the entries of `/run/netns`, by name.
fn named_namespaces() -> Vec<(Name, PathBuf)> {
    // The directory does not exist until the first namespace is named.
    let entries = fs::read_dir(DIRECTORY).into_iter().flatten().flatten();
    let mut named: Vec<(Name, PathBuf)> =
        entries.map(|entry| (Name::from(entry.file_name().as_os_str()), entry.path())).collect();
    named.sort();
    named
}

/// Returns the ID of the namespace at a path.
fn netns_id(path: &Path) -> io::Result<NetnsId> {
    path.metadata().map(|found| (found.dev(), found.ino()))
}

/// Holds the state of a search.
struct Search<'a> {
    own: Option<NetnsId>,
    named: &'a [(Name, PathBuf)],
    found: FoundNamespaces,
}

impl Search<'_> {
    /// Adds every namespace with a name or a process.
    fn add_all(&mut self) {
        if let Ok(own) = netns_id(Path::new(OWN)) {
            self.add(own, PathBuf::from(OWN));
        }
        for (name, path) in self.named {
            match netns_id(path) {
                Ok(found) => self.add(found, path.clone()),
                Err(error) => self.found.problems.push(not_entered(&name.text(), &error)),
            }
        }
        let mut hidden = 0;
        for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let path = process.path();
            let is_process = process.file_name().as_bytes().iter().all(u8::is_ascii_digit);
            match netns_id(&path.join("ns/net")) {
                _ if !is_process => {}
                Ok(found) => self.add(found, path.join("ns/net")),
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => hidden += 1,
                // The process has ended.
                Err(_) => {}
            }
        }
        if hidden > 0 {
            let message = format!("cannot see the network namespaces of {hidden} processes of other users");
            let hint = "run it with sudo, or as a service with AmbientCapabilities=CAP_SYS_PTRACE";
            self.found.problems.push(Problem::new(Code::PermissionDenied, message).hint(hint));
        }
    }

    /// Adds the namespace with this name, path or PID.
    fn add_one(&mut self, text: &OsStr) -> Result<()> {
        let name = Name::from(text);
        let is_pid = !text.is_empty() && text.as_bytes().iter().all(u8::is_ascii_digit);
        let path = match self.named.iter().find(|(own, _)| *own == name) {
            Some((_, path)) => path.clone(),
            None if text.as_bytes().contains(&b'/') => PathBuf::from(text),
            None if is_pid => Path::new("/proc").join(text).join("ns/net"),
            None => return Err(self.not_found(text)),
        };
        match netns_id(&path) {
            Ok(found) => self.add(found, path),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(Error::Collect {
                    code: Code::PermissionDenied,
                    subject: format!("network namespace {}", printable(&text.to_string_lossy())),
                    cause: format!("cannot examine it: {error}"),
                });
            }
            Err(_) => return Err(self.not_found(text)),
        }
        Ok(())
    }

    /// Returns the error for an absent namespace, with the names of those that exist.
    fn not_found(&self, text: &OsStr) -> Error {
        Error::NetnsNotFound {
            name: text.to_string_lossy().into_owned(),
            have: self.named.iter().map(|(name, _)| name.clone()).collect(),
        }
    }

    /// Adds a namespace, or one more path of a known one.
    fn add(&mut self, id: NetnsId, path: PathBuf) {
        if let Some(known) = self.found.namespaces.iter_mut().find(|known| known.id == id) {
            if known.paths.len() < MAX_PATHS {
                known.paths.push(path);
            }
            return;
        }
        let is_it = |(_, path): &&(Name, PathBuf)| netns_id(path).is_ok_and(|found| found == id);
        let name = self.named.iter().find(is_it).map(|(name, _)| name.text().into_owned());
        self.found.namespaces.push(Namespace {
            label: name.unwrap_or_else(|| format!("net:[{}]", id.1)),
            id,
            paths: vec![path],
            is_own: self.own == Some(id),
        });
    }
}

impl Namespace {
    /// Returns whether both are the same namespace, under any name.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.id == other.id
    }

    /// Returns whether it is the caller's own.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        self.is_own
    }

    /// Returns the prefix that makes a shell command run in it; `None` for the caller's own.
    #[must_use]
    pub fn exec_prefix(&self) -> Option<String> {
        let path = self.paths.first().filter(|_| !self.is_own)?;
        Some(match path.strip_prefix(DIRECTORY) {
            Ok(name) => format!("ip netns exec {}", Name::from(name.as_os_str()).shell_word()),
            Err(_) => format!("nsenter --net={}", Name::from(path.as_os_str()).shell_word()),
        })
    }

    /// Runs a function on a thread in the namespace, and returns its result.
    ///
    /// # Errors
    /// Returns a Problem if the namespace vanished or may not be entered.
    pub fn run_in<R: Send>(&self, function: impl FnOnce() -> R + Send) -> Result<R, Problem> {
        let file = self.open().map_err(|error| not_entered(&self.label, &error))?;
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().spawn_scoped(scope, || {
                // The caller's own needs no privilege, because the thread is in it already.
                if !self.is_own {
                    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
                }
                Ok(function())
            });
            let result = match thread.map(std::thread::ScopedJoinHandle::join) {
                Ok(Ok(result)) => result,
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                Err(error) => Err(error),
            };
            result.map_err(|error| not_entered(&self.label, &error))
        })
    }

    /// Opens the first path that still leads to the namespace.
    fn open(&self) -> io::Result<File> {
        let mut last = io::ErrorKind::NotFound.into();
        for path in &self.paths {
            // A path may be any file; opening a pipe must not block.
            match OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path) {
                Ok(file) if file.metadata().is_ok_and(|found| (found.dev(), found.ino()) == self.id) => {
                    return Ok(file);
                }
                Ok(_) => {}
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// Returns the Problem of a namespace that could not be entered.
fn not_entered(label: &str, error: &io::Error) -> Problem {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            netns_problem(label, Code::PermissionDenied, &format!("cannot enter it: {error}")).hint(GRANT_ENTER)
        }
        Some(libc::EINVAL | libc::ENOTTY) => netns_problem(label, Code::NetnsNotFound, "not a network namespace"),
        _ if error.kind() == io::ErrorKind::NotFound => vanished(label),
        _ => netns_problem(label, Code::KernelError, &format!("cannot examine it: {error}")),
    }
}

/// Returns the Problem of a namespace that was entered and whose links could not be read.
pub(super) fn not_collected(namespace: &Namespace, error: &Error) -> Problem {
    let hint = error.hint();
    Problem { hint, ..Problem::new(error.code(), error.to_string()).netns(namespace.label.clone()) }
}

/// Returns the Problem of a namespace that existed a moment ago.
pub(super) fn vanished(label: &str) -> Problem {
    netns_problem(label, Code::NetnsNotFound, "it vanished")
}

/// Returns a Problem that names the namespace and the cause.
fn netns_problem(label: &str, code: Code, cause: &str) -> Problem {
    Problem::new(code, format!("network namespace {}: {cause}", printable(label))).netns(label)
}

const GRANT_ENTER: &str = "entering another network namespace needs CAP_SYS_ADMIN: run it with sudo, or as a service with \
                           AmbientCapabilities=CAP_SYS_ADMIN CAP_NET_ADMIN CAP_SYS_PTRACE";
