//! Parses friendly names out of the files that set up the networks: those of wg-quick and of systemd-networkd.
//!
//! WireGuard has no names for peers, so people and programs write them into comments, in many forms. `comment` knows the forms,
//! `syntax` the two file formats, `unit` which section a comment belongs to. Nothing here opens a file: the caller passes the
//! lines. Interfaces, kinds and public keys are the only settings that are kept.

mod assign;
mod comment;
mod syntax;
mod unit;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::model::{Name, NameFile, PublicKey};
use unit::Unit;

/// Maximum number of names that are kept: ten times the number of peers in the largest networks.
const MAX_NAMES: usize = 100_000;

/// Maximum number of warnings that are kept, not counting the one about omitted warnings.
const MAX_WARNINGS: usize = 1000;

/// Holds the names of networks and peers in files of wg-quick and networkd.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Names {
    /// Every file and drop-in that was read, in order.
    pub files: Vec<PathBuf>,
    /// Names of networks, by interface.
    pub networks: BTreeMap<Name, FoundName>,
    /// Names of peers, by interface and public key.
    pub peers: BTreeMap<Name, BTreeMap<PublicKey, FoundName>>,
    /// Warnings about the files.
    pub warnings: Vec<ParseWarning>,
}

/// Holds a name and its position in a file of wg-quick or networkd.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundName {
    /// At most 128 characters, without line breaks; it may hold terminal escapes.
    pub name: String,
    /// Index in [`Names::files`].
    pub file: usize,
    /// Line in that file, from 1.
    pub line: usize,
}

/// Holds a warning about a line in a file of wg-quick or networkd.
#[derive(Debug, Clone, PartialEq)]
pub struct ParseWarning {
    /// Index in [`Names::files`].
    pub file: usize,
    /// Line in that file, from 1.
    pub line: usize,
    /// What is wrong.
    pub kind: WarningKind,
}

/// Says what is wrong with a line in a file of wg-quick or networkd.
#[derive(Debug, Clone, PartialEq)]
pub enum WarningKind {
    /// An earlier peer has the same key.
    DuplicateKey {
        /// The key.
        key: PublicKey,
        /// The earlier peer's file: index in [`Names::files`].
        file: usize,
        /// The earlier peer's line, from 1.
        line: usize,
    },
    /// A `PublicKey` is not valid.
    InvalidKey,
    /// There are more peers than are kept.
    TooManyPeers,
    /// There are more names than are kept.
    TooManyNames,
    /// There are more warnings than are kept.
    TooManyWarnings,
}

impl ParseWarning {
    /// Returns the warning in one line, safe for a terminal. `files` are [`Names::files`].
    #[must_use]
    pub fn text(&self, files: &[PathBuf]) -> String {
        match &self.kind {
            WarningKind::DuplicateKey { key, file, line } => {
                let path = files.get(*file).filter(|_| *file != self.file);
                let path = path.map(|path| format!(" of {}", Name::from(path.as_os_str()))).unwrap_or_default();
                format!("duplicate key {key}; the first, in line {line}{path}, counts")
            }
            // The value is not printed: it may be a private key.
            WarningKind::InvalidKey => "the value of PublicKey is not a public key".to_owned(),
            WarningKind::TooManyPeers => format!("more than {MAX_NAMES} peers; this one and others are ignored"),
            WarningKind::TooManyNames => format!("more than {MAX_NAMES} names; this one and others are ignored"),
            WarningKind::TooManyWarnings => format!("more than {MAX_WARNINGS} warnings; the others are left out"),
        }
    }
}

/// Parses files line by line. They are passed in order of precedence: the first name of a peer or network counts.
#[derive(Debug, Default)]
pub struct NameParser {
    names: Names,
    unit: Option<Unit>,
    /// Number of names, kept or not.
    count: usize,
}

impl NameParser {
    /// Begins a file. A drop-in belongs to the file before it. The path is used in messages only.
    pub fn file(&mut self, path: &Path, kind: &NameFile) {
        if *kind != NameFile::NetdevDropIn {
            self.end_unit();
        }
        let index = self.names.files.len();
        self.names.files.push(path.to_owned());
        match kind {
            NameFile::WgQuick(interface) => self.unit = Some(Unit::wg_quick(interface.clone(), index)),
            NameFile::Netdev => self.unit = Some(Unit::netdev(index)),
            NameFile::NetdevDropIn => {
                if let Some(unit) = &mut self.unit {
                    unit.drop_in(index);
                }
            }
        }
    }

    /// Parses the next line, without its newline. Keeps only names and public keys.
    pub fn line(&mut self, line: &[u8]) {
        if let Some(unit) = &mut self.unit {
            unit.line(line);
        }
    }

    /// Ends the last file, and returns the names.
    #[must_use]
    pub fn finish(mut self) -> Names {
        self.end_unit();
        self.names
    }

    /// Adds the names of the unit that ends.
    fn end_unit(&mut self) {
        let Some(found) = self.unit.take().and_then(Unit::finish) else { return };
        for warning in found.warnings {
            self.warn(warning);
        }
        if let Some(network) = found.network
            && !self.names.networks.contains_key(&found.interface)
            && self.has_room(&network)
        {
            self.names.networks.insert(found.interface.clone(), network);
        }
        for (key, peer) in found.peers {
            let has_name = self.names.peers.get(&found.interface).is_some_and(|peers| peers.contains_key(&key));
            if !has_name && self.has_room(&peer) {
                self.names.peers.entry(found.interface.clone()).or_default().insert(key, peer);
            }
        }
    }

    /// Counts one more name, and returns whether to keep it. Warns once when the limit is exceeded.
    fn has_room(&mut self, found: &FoundName) -> bool {
        if self.count == MAX_NAMES {
            self.warn(ParseWarning { file: found.file, line: found.line, kind: WarningKind::TooManyNames });
        }
        self.count = self.count.saturating_add(1);
        self.count <= MAX_NAMES
    }

    /// Adds a warning, or once that there are too many.
    fn warn(&mut self, warning: ParseWarning) {
        match self.names.warnings.len() {
            0..MAX_WARNINGS => self.names.warnings.push(warning),
            MAX_WARNINGS => {
                self.names.warnings.push(ParseWarning { kind: WarningKind::TooManyWarnings, ..warning });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    fn read(files: &[(&str, &str)]) -> Names {
        let mut parser = NameParser::default();
        for (path, text) in files {
            let name = path.strip_suffix(".conf");
            match name {
                Some(name) => parser.file(Path::new(path), &NameFile::WgQuick(name.into())),
                None if path.ends_with(".netdev") => parser.file(Path::new(path), &NameFile::Netdev),
                None => parser.file(Path::new(path), &NameFile::NetdevDropIn),
            }
            text.lines().for_each(|line| parser.line(line.as_bytes()));
        }
        parser.finish()
    }

    #[test]
    fn name_has_the_line_it_is_in() {
        let text = format!("[Interface]\n# Name = home\n\n# alice\n[Peer]\nPublicKey = {KEY}\n");
        let names = read(&[("empty.conf", ""), ("wg0.conf", &text)]);
        let at = |name: &str, line| FoundName { name: name.to_owned(), file: 1, line };
        assert_eq!(names.networks, BTreeMap::from([("wg0".into(), at("home", 2))]));
        let peers = BTreeMap::from([(PublicKey([0; 32]), at("alice", 4))]);
        assert_eq!(names.peers, BTreeMap::from([("wg0".into(), peers)]));
        assert_eq!(names.files, [Path::new("empty.conf"), Path::new("wg0.conf")]);
    }

    #[test]
    fn first_unit_that_names_a_peer_wins() {
        let (bare, alice, bob) = (
            format!("[Peer]\nPublicKey = {KEY}"),
            format!("[Interface] # Name = a\n[Peer] # alice\nPublicKey = {KEY}"),
            format!("[Interface] # Name = b\n[Peer] # bob\nPublicKey = {KEY}"),
        );
        let names = read(&[("wg0.conf", &bare), ("wg0.conf", &alice), ("wg0.conf", &bob)]);
        assert_eq!(names.peers[&"wg0".into()][&PublicKey([0; 32])].name, "alice");
        assert_eq!(names.networks[&"wg0".into()].name, "a");
        assert_eq!(names.warnings, []);
    }

    #[test]
    fn duplicate_key_is_a_warning_with_the_line_of_the_first() {
        let peer = format!("[WireGuardPeer]\nPublicKey={KEY}\n");
        let main = format!("[NetDev]\nName=wg0\nKind=wireguard\n{peer}{peer}");
        let names = read(&[("a.netdev", &main), ("a\u{1b}.d/b", &peer), ("a.d/c", "[WireGuardPeer]\nPublicKey=x")]);
        let expected = [
            (0, 7, format!("duplicate key {KEY}; the first, in line 5, counts")),
            (1, 2, format!("duplicate key {KEY}; the first, in line 5 of a.netdev, counts")),
            (2, 2, "the value of PublicKey is not a public key".to_owned()),
        ];
        let warnings = names.warnings.iter().map(|warning| (warning.file, warning.line, warning.text(&names.files)));
        assert_eq!(warnings.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn names_and_warnings_are_bounded() {
        let mut parser = NameParser::default();
        for interface in ["wg0", "wg1"] {
            parser.file(Path::new(interface), &NameFile::WgQuick(interface.into()));
            for number in 0..50_001_u64 {
                let mut key = [0; 32];
                key[..8].copy_from_slice(&number.to_le_bytes());
                parser.line(b"[Peer] # x");
                parser.line(format!("PublicKey = {}", PublicKey(key)).as_bytes());
            }
        }
        let names = parser.finish();
        assert_eq!(names.peers.values().map(BTreeMap::len).sum::<usize>(), MAX_NAMES);
        let texts: Vec<String> = names.warnings.iter().map(|warning| warning.text(&names.files)).collect();
        assert_eq!(texts, ["more than 100000 names; this one and others are ignored"]);

        let names = read(&[("wg0.conf", &"[Peer]\nPublicKey = x\n".repeat(3000))]);
        assert_eq!(names.warnings.len(), MAX_WARNINGS + 1);
        assert_eq!(names.warnings.last().unwrap().kind, WarningKind::TooManyWarnings);
    }
}
