//! Reads the files that contain names: those of wg-quick and of systemd-networkd. They also contain private keys, so each line
//! is wiped after use, and a file is read again only after it changed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::{Zeroize as _, Zeroizing};

use crate::model::{Code, Name, NameFile, Problem, printable};

/// The directory where wg-quick keeps a file for each interface.
const WG_QUICK: &str = "etc/wireguard";
/// The directories of systemd-networkd; of two files with the same name the first counts.
const NETWORKD: [&str; 4] =
    ["etc/systemd/network", "run/systemd/network", "usr/local/lib/systemd/network", "usr/lib/systemd/network"];
/// Maximum size of a file, in bytes. 50,000 peers fit.
const MAX_FILE: u64 = 16 * 1024 * 1024;
/// Bytes of a line that are kept; longer lines hold no names.
const MAX_LINE: usize = 4 * 1024;
/// Size of the read buffer, in bytes.
const CHUNK: usize = 8 * 1024;

/// Represents one step while the files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileItem<'a> {
    /// A file begins.
    File(&'a Path, &'a NameFile),
    /// The next line of that file, without its newline.
    Line(&'a [u8]),
}

/// A file or directory of wg-quick (`/etc/wireguard`) or networkd (`/etc/systemd/network` and the like) that could not be read.
#[derive(Debug)]
pub struct UnreadableFile {
    /// The file or directory.
    pub path: PathBuf,
    /// The only interface that it can name; `None` if it may be any.
    pub interface: Option<Name>,
    /// The cause.
    pub error: io::Error,
}

impl UnreadableFile {
    /// Returns the Problem that names the file, the cause and the fix.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let is_denied = self.error.kind() == io::ErrorKind::PermissionDenied;
        let message = format!("{}: cannot read names: {}", printable(&self.path.to_string_lossy()), self.error);
        let problem = Problem::new(Code::NamesUnreadable, message);
        if is_denied { problem.hint(GRANT_READ) } else { problem }
    }
}

/// Also suggests the configuration file: names alone are no reason to run as root.
const GRANT_READ: &str = "run it with sudo, or as a service with AmbientCapabilities=CAP_NET_ADMIN CAP_DAC_READ_SEARCH; or name \
                          the peers in /etc/wgstat.toml";

/// Identifies a version of a file: device, inode, size, and the times of the last changes. `None` for an absent file.
type Stamp = Option<[i64; 7]>;

/// Reads the name files, and remembers which versions it read last.
pub struct NameFiles {
    root: PathBuf,
    last: Vec<(PathBuf, NameFile, Stamp)>,
    unreadable: Vec<UnreadableFile>,
}

impl NameFiles {
    /// Uses the directories below this root, which is `/` except in tests.
    #[must_use]
    pub fn below(root: &Path) -> Self {
        Self { root: root.to_owned(), last: Vec::new(), unreadable: Vec::new() }
    }

    /// Returns the files and directories that could not be read last time.
    #[must_use]
    pub fn unreadable(&self) -> &[UnreadableFile] {
        &self.unreadable
    }

    /// Reads the files if one of them changed since the last time: passes each file and its lines to `handle`. Returns whether
    /// it read them.
    pub fn read(&mut self, handle: &mut dyn FnMut(FileItem<'_>)) -> bool {
        let mut unreadable = Vec::new();
        let files = self.list(&mut unreadable);
        // A file that could not be read may be readable now.
        if self.last == files && self.unreadable.is_empty() {
            self.unreadable = unreadable;
            return false;
        }
        for (path, kind, _) in &files {
            handle(FileItem::File(path, kind));
            let read = open(path).and_then(|file| file.map_or(Ok(()), |file| read_lines(file, handle)));
            let interface = match kind {
                NameFile::WgQuick(interface) => Some(interface.clone()),
                NameFile::Netdev | NameFile::NetdevDropIn => None,
            };
            unreadable.extend(read.err().map(|error| UnreadableFile { path: path.clone(), interface, error }));
        }
        self.last = files;
        self.unreadable = unreadable;
        true
    }

    /// Returns every file in order of precedence.
    fn list(&self, unreadable: &mut Vec<UnreadableFile>) -> Vec<(PathBuf, NameFile, Stamp)> {
        let mut files = Vec::new();
        for (name, path) in self.directory(Path::new(WG_QUICK), ".conf", unreadable) {
            let interface = name.as_bytes().strip_suffix(b".conf").unwrap_or_default();
            files.push(stamped(path, NameFile::WgQuick(Name::new(interface))));
        }
        for (name, path) in self.networkd(Path::new(""), ".netdev", unreadable) {
            let mut drop_ins = name;
            drop_ins.push(".d");
            let drop_ins = self.networkd(Path::new(&drop_ins), ".conf", unreadable);
            files.push(stamped(path, NameFile::Netdev));
            files.extend(drop_ins.into_values().map(|path| stamped(path, NameFile::NetdevDropIn)));
        }
        files
    }

    /// Returns the files with this suffix in a subdirectory of all directories of networkd.
    fn networkd(
        &self,
        subdirectory: &Path,
        suffix: &str,
        unreadable: &mut Vec<UnreadableFile>,
    ) -> BTreeMap<OsString, PathBuf> {
        let mut merged = BTreeMap::new();
        for directory in NETWORKD {
            for (name, path) in self.directory(&Path::new(directory).join(subdirectory), suffix, unreadable) {
                merged.entry(name).or_insert(path);
            }
        }
        merged
    }

    /// Returns the files with this suffix in a directory, by name; none if the directory does not exist.
    fn directory(
        &self,
        directory: &Path,
        suffix: &str,
        unreadable: &mut Vec<UnreadableFile>,
    ) -> BTreeMap<OsString, PathBuf> {
        let directory = self.root.join(directory);
        let entries = fs::read_dir(&directory).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        match entries {
            Ok(entries) => entries
                .into_iter()
                .filter(|entry| entry.file_name().as_bytes().ends_with(suffix.as_bytes()))
                .map(|entry| (entry.file_name(), entry.path()))
                .collect(),
            Err(error) => {
                if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
                    unreadable.push(UnreadableFile { path: directory, interface: None, error });
                }
                BTreeMap::new()
            }
        }
    }
}

/// Returns a file with the stamp of its current version.
fn stamped(path: PathBuf, kind: NameFile) -> (PathBuf, NameFile, Stamp) {
    let stamp = path.metadata().ok().map(|found| {
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        [
            number(found.dev()),
            number(found.ino()),
            number(found.size()),
            found.mtime(),
            found.mtime_nsec(),
            found.ctime(),
            found.ctime_nsec(),
        ]
    });
    (path, kind, stamp)
}

/// Opens a file; returns `None` for one that is masked by `/dev/null`, absent, or not a regular file.
fn open(path: &Path) -> io::Result<Option<File>> {
    // Opening a pipe must not block.
    let file = match OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path) {
        // Removed since it was listed, or a dangling symbolic link.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let found = file.metadata()?;
    if found.size() > MAX_FILE {
        return Err(too_large());
    }
    Ok(found.is_file().then_some(file))
}

/// Returns the error for a file over the limit.
fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {} MiB", MAX_FILE >> 20))
}

/// Passes each line to `handle`, and wipes it from memory afterwards.
fn read_lines(mut file: impl Read, handle: &mut dyn FnMut(FileItem<'_>)) -> io::Result<()> {
    let mut chunk = Zeroizing::new([0_u8; CHUNK]);
    // Its capacity is sufficient: a vector that grows leaves an unwiped copy behind.
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_LINE));
    let mut left = MAX_FILE;
    loop {
        let length = match file.read(chunk.as_mut_slice()) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if length == 0 {
            break;
        }
        // The file may have grown since it was opened.
        left = left.checked_sub(length as u64).ok_or_else(too_large)?;
        for byte in chunk.get_mut(..length).unwrap_or_default() {
            if *byte == b'\n' {
                handle(FileItem::Line(&line));
                line.as_mut_slice().zeroize();
                line.clear();
            } else if line.len() < MAX_LINE {
                line.push(*byte);
            }
            *byte = 0;
        }
    }
    if !line.is_empty() {
        handle(FileItem::Line(&line));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &mut NameFiles) -> Option<Vec<String>> {
        let mut read = Vec::new();
        let mut handle = |item: FileItem<'_>| {
            let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
            read.push(match item {
                FileItem::File(path, NameFile::WgQuick(interface)) => format!("{} for {interface}", name(path)),
                FileItem::File(path, NameFile::Netdev) => name(path),
                FileItem::File(path, NameFile::NetdevDropIn) => format!("+ {}", name(path)),
                FileItem::Line(line) => format!("  {}", String::from_utf8_lossy(line)),
            });
        };
        files.read(&mut handle).then_some(read)
    }

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn files_are_read_in_order_of_precedence() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        write(root, "usr/lib/systemd/network/10-b.netdev", "of the package");
        write(root, "etc/systemd/network/10-b.netdev", "of the operator");
        write(root, "usr/lib/systemd/network/10-b.netdev.d/20.conf", "");
        write(root, "run/systemd/network/10-b.netdev.d/10.conf", "x\n\ny");
        write(root, "usr/lib/systemd/network/05-a.netdev", "");
        write(root, "usr/lib/systemd/network/05-a.network", "not read");
        write(root, "etc/wireguard/wg1.conf", "");
        write(root, "etc/wireguard/wg0.conf", "one\r\ntwo\n");
        write(root, "etc/wireguard/wg0.conf.bak", "not read");
        std::os::unix::fs::symlink("/dev/null", root.join("etc/systemd/network/05-a.netdev")).unwrap();
        let expected = [
            "wg0.conf for wg0",
            "  one\r",
            "  two",
            "wg1.conf for wg1",
            "05-a.netdev",
            "10-b.netdev",
            "  of the operator",
            "+ 10.conf",
            "  x",
            "  ",
            "  y",
            "+ 20.conf",
        ];
        assert_eq!(read(&mut NameFiles::below(root)).unwrap(), expected);
    }

    #[test]
    fn files_are_read_again_only_when_one_changed() {
        let root = tempfile::tempdir().unwrap();
        let mut files = NameFiles::below(root.path());
        assert_eq!(read(&mut files), None);
        write(root.path(), "etc/wireguard/wg0.conf", "a");
        assert_eq!(read(&mut files).unwrap().len(), 2);
        assert_eq!(read(&mut files), None);
        write(root.path(), "etc/wireguard/wg0.conf", "a\nb");
        assert_eq!(read(&mut files).unwrap().len(), 3);
        fs::remove_file(root.path().join("etc/wireguard/wg0.conf")).unwrap();
        assert_eq!(read(&mut files), Some(Vec::new()));
    }

    #[test]
    fn pipe_does_not_block_and_a_huge_file_is_not_read() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "etc/wireguard/wg1.conf", "");
        let pipe = root.path().join("etc/wireguard/wg0.conf");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let huge = OpenOptions::new().write(true).open(root.path().join("etc/wireguard/wg1.conf")).unwrap();
        huge.set_len(MAX_FILE + 1).unwrap();
        let mut files = NameFiles::below(root.path());
        assert_eq!(read(&mut files).unwrap(), ["wg0.conf for wg0", "wg1.conf for wg1"]);
        assert!(files.unreadable()[0].error.to_string().contains("larger than 16 MiB"));
    }

    #[test]
    fn long_line_is_cut() {
        let mut longest = 0;
        let text = [vec![b'x'; 3 * MAX_LINE], b"\nshort".to_vec()].concat();
        read_lines(text.as_slice(), &mut |item| {
            let FileItem::Line(line) = item else { return };
            longest = longest.max(line.len());
        })
        .unwrap();
        assert_eq!(longest, MAX_LINE);
    }
}
