//! The files in which operators keep names: of wg-quick and of systemd-networkd. They hold private keys too, so what was read
//! is wiped line by line, and read again only when something changed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::{Zeroize as _, Zeroizing};

use crate::model::{Code, Name, Problem, printable};

/// Where wg-quick keeps a file for each interface.
const WG_QUICK: &str = "etc/wireguard";
/// Where systemd-networkd looks; of two files of one name the first counts.
const NETWORKD: [&str; 4] =
    ["etc/systemd/network", "run/systemd/network", "usr/local/lib/systemd/network", "usr/lib/systemd/network"];
/// A file of 50,000 peers is smaller.
const LIMIT: u64 = 16 * 1024 * 1024;
/// Longer lines say nothing that is looked for.
const LONGEST_LINE: usize = 4 * 1024;
const PIECE: usize = 8 * 1024;

/// What a file holds, piece by piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// A file of wg-quick begins, for this interface.
    WgQuick(&'a Path, &'a Name),
    /// A `.netdev` file begins.
    Netdev(&'a Path),
    /// An addition to that file begins.
    DropIn(&'a Path),
    /// The next line, without its end.
    Line(&'a [u8]),
}

/// A file or folder of wg-quick (`/etc/wireguard`) or networkd (`/etc/systemd/network` and the like) that could not be read.
#[derive(Debug)]
pub struct Fault {
    /// Which.
    pub path: PathBuf,
    /// The only interface that it can concern.
    pub interface: Option<Name>,
    /// Why.
    pub error: io::Error,
}

impl Fault {
    /// What it means for who reads the output.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let is_denied = self.error.kind() == io::ErrorKind::PermissionDenied;
        Problem {
            code: Code::NamesUnreadable,
            netns: None,
            interface: None,
            message: format!("{}: cannot look for names: {}", printable(&self.path.to_string_lossy()), self.error),
            hint: is_denied.then(|| GRANT.to_owned()),
        }
    }
}

/// Names are no reason to run as the superuser.
const GRANT: &str = "run it with sudo, or as a service with AmbientCapabilities=CAP_NET_ADMIN CAP_DAC_READ_SEARCH; or name \
                     the peers in /etc/wgstat.toml";

/// One file that belongs to the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    WgQuick(Name),
    Netdev,
    DropIn,
}

/// What tells that a file changed: device, inode, size, and the times of the last changes.
type Stamp = Option<[i64; 7]>;

/// The files, as they were when last read.
pub struct Files {
    root: PathBuf,
    last: Vec<(PathBuf, Part, Stamp)>,
    faults: Vec<Fault>,
}

impl Files {
    /// Of the system below this folder, which is `/` but for tests.
    #[must_use]
    pub fn below(root: &Path) -> Self {
        Self { root: root.to_owned(), last: Vec::new(), faults: Vec::new() }
    }

    /// What could not be read, when it was read last.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Tells what is in the files if anything of them changed since the last time; whether that was so.
    pub fn read(&mut self, tell: &mut dyn FnMut(Item<'_>)) -> bool {
        let mut faults = Vec::new();
        let parts = self.list(&mut faults);
        // A file that could not be read once may be readable now.
        if self.last == parts && self.faults.is_empty() {
            self.faults = faults;
            return false;
        }
        for (path, part, _) in &parts {
            tell(match part {
                Part::WgQuick(interface) => Item::WgQuick(path, interface),
                Part::Netdev => Item::Netdev(path),
                Part::DropIn => Item::DropIn(path),
            });
            let read = open(path).and_then(|file| file.map_or(Ok(()), |file| lines(file, tell)));
            let interface = match part {
                Part::WgQuick(interface) => Some(interface.clone()),
                Part::Netdev | Part::DropIn => None,
            };
            faults.extend(read.err().map(|error| Fault { path: path.clone(), interface, error }));
        }
        self.last = parts;
        self.faults = faults;
        true
    }

    /// Every file there is, in the order in which they count.
    fn list(&self, faults: &mut Vec<Fault>) -> Vec<(PathBuf, Part, Stamp)> {
        let mut parts = Vec::new();
        for (name, path) in self.folder(Path::new(WG_QUICK), ".conf", faults) {
            let interface = name.as_bytes().strip_suffix(b".conf").unwrap_or_default();
            parts.push(part(path, Part::WgQuick(Name::new(interface))));
        }
        for (name, path) in self.merged(Path::new(""), ".netdev", faults) {
            let mut additions = name;
            additions.push(".d");
            let additions = self.merged(Path::new(&additions), ".conf", faults);
            parts.push(part(path, Part::Netdev));
            parts.extend(additions.into_values().map(|path| part(path, Part::DropIn)));
        }
        parts
    }

    /// The files of networkd in a folder that may be in several places.
    fn merged(&self, folder: &Path, ending: &str, faults: &mut Vec<Fault>) -> BTreeMap<OsString, PathBuf> {
        let mut merged = BTreeMap::new();
        for place in NETWORKD {
            for (name, path) in self.folder(&Path::new(place).join(folder), ending, faults) {
                merged.entry(name).or_insert(path);
            }
        }
        merged
    }

    /// The files in a folder with this ending, by name; none where there is no such folder.
    fn folder(&self, folder: &Path, ending: &str, faults: &mut Vec<Fault>) -> BTreeMap<OsString, PathBuf> {
        let folder = self.root.join(folder);
        let entries = fs::read_dir(&folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        match entries {
            Ok(entries) => entries
                .into_iter()
                .filter(|entry| entry.file_name().as_bytes().ends_with(ending.as_bytes()))
                .map(|entry| (entry.file_name(), entry.path()))
                .collect(),
            Err(error) => {
                if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
                    faults.push(Fault { path: folder, interface: None, error });
                }
                BTreeMap::new()
            }
        }
    }
}

fn part(path: PathBuf, part: Part) -> (PathBuf, Part, Stamp) {
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
    (path, part, stamp)
}

/// Opens a file; `None` for one that is masked by `/dev/null`, or is no file at all.
fn open(path: &Path) -> io::Result<Option<File>> {
    // A pipe would be waited for.
    let file = match OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path) {
        // Removed since it was listed, or a link to nothing.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let found = file.metadata()?;
    if found.size() > LIMIT {
        return Err(too_large());
    }
    Ok(found.is_file().then_some(file))
}

fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {} MiB", LIMIT >> 20))
}

/// Tells each line, and leaves nothing of it behind.
fn lines(mut file: impl Read, tell: &mut dyn FnMut(Item<'_>)) -> io::Result<()> {
    let mut piece = Zeroizing::new([0_u8; PIECE]);
    // It never grows: what a vector leaves behind when it moves is not wiped.
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST_LINE));
    let mut left = LIMIT;
    loop {
        let length = match file.read(piece.as_mut_slice()) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if length == 0 {
            break;
        }
        // It may have grown since it was opened.
        left = left.checked_sub(length as u64).ok_or_else(too_large)?;
        for byte in piece.get_mut(..length).unwrap_or_default() {
            if *byte == b'\n' {
                tell(Item::Line(&line));
                line.as_mut_slice().zeroize();
                line.clear();
            } else if line.len() < LONGEST_LINE {
                line.push(*byte);
            }
            *byte = 0;
        }
    }
    if !line.is_empty() {
        tell(Item::Line(&line));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(files: &mut Files) -> Option<Vec<String>> {
        let mut told = Vec::new();
        let mut tell = |item: Item<'_>| {
            let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
            told.push(match item {
                Item::WgQuick(path, interface) => format!("{} for {interface}", name(path)),
                Item::Netdev(path) => name(path),
                Item::DropIn(path) => format!("+ {}", name(path)),
                Item::Line(line) => format!("  {}", String::from_utf8_lossy(line)),
            });
        };
        files.read(&mut tell).then_some(told)
    }

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn files_are_told_in_the_order_in_which_they_count() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        write(root, "usr/lib/systemd/network/10-b.netdev", "of the package");
        write(root, "etc/systemd/network/10-b.netdev", "of the operator");
        write(root, "usr/lib/systemd/network/10-b.netdev.d/20.conf", "");
        write(root, "run/systemd/network/10-b.netdev.d/10.conf", "x\n\ny");
        write(root, "usr/lib/systemd/network/05-a.netdev", "");
        write(root, "usr/lib/systemd/network/05-a.network", "not looked at");
        write(root, "etc/wireguard/wg1.conf", "");
        write(root, "etc/wireguard/wg0.conf", "one\r\ntwo\n");
        write(root, "etc/wireguard/wg0.conf.bak", "not looked at");
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
        assert_eq!(told(&mut Files::below(root)).unwrap(), expected);
    }

    #[test]
    fn files_are_read_again_only_when_one_changed() {
        let root = tempfile::tempdir().unwrap();
        let mut files = Files::below(root.path());
        assert_eq!(told(&mut files), None);
        write(root.path(), "etc/wireguard/wg0.conf", "a");
        assert_eq!(told(&mut files).unwrap().len(), 2);
        assert_eq!(told(&mut files), None);
        write(root.path(), "etc/wireguard/wg0.conf", "a\nb");
        assert_eq!(told(&mut files).unwrap().len(), 3);
        fs::remove_file(root.path().join("etc/wireguard/wg0.conf")).unwrap();
        assert_eq!(told(&mut files), Some(Vec::new()));
    }

    #[test]
    fn pipe_is_not_waited_for_and_a_giant_is_not_read() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "etc/wireguard/wg1.conf", "");
        let pipe = root.path().join("etc/wireguard/wg0.conf");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let giant = OpenOptions::new().write(true).open(root.path().join("etc/wireguard/wg1.conf")).unwrap();
        giant.set_len(LIMIT + 1).unwrap();
        let mut files = Files::below(root.path());
        assert_eq!(told(&mut files).unwrap(), ["wg0.conf for wg0", "wg1.conf for wg1"]);
        assert!(files.faults()[0].error.to_string().contains("larger than 16 MiB"));
    }

    #[test]
    fn long_line_is_cut() {
        let mut longest = 0;
        let text = [vec![b'x'; 3 * LONGEST_LINE], b"\nshort".to_vec()].concat();
        lines(text.as_slice(), &mut |item| {
            let Item::Line(line) = item else { return };
            longest = longest.max(line.len());
        })
        .unwrap();
        assert_eq!(longest, LONGEST_LINE);
    }
}
