//! Friendly names, read out of the files that set the networks up: wg-quick's and systemd-networkd's.
//!
//! WireGuard has no names for peers, so people and programs write them into comments, each in a way of their own.
//! `comment` knows the ways, `syntax` the two formats, `unit` which section a comment belongs to. Nothing here reads a file:
//! lines are pushed in, and of a setting nothing is kept but interfaces, kinds and public keys.

mod comment;
mod given;
mod syntax;
mod unit;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::model::{Name, PublicKey};
use unit::Unit;

/// How many names are kept at most: ten times as many as the largest networks have peers.
const MOST_NAMES: usize = 100_000;

/// How many remarks are kept at most, before one that says so.
const MOST_REMARKS: usize = 1000;

/// Whose file it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Format {
    /// `/etc/wireguard/NAME.conf`: the interface is the file's name.
    WgQuick {
        /// The interface.
        interface: Name,
    },
    /// systemd-networkd's .netdev: the interface is `Name=` in `[NetDev]`.
    Netdev,
}

/// What the files of wg-quick and networkd call networks and peers.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Names {
    /// Every file and drop-in that was read, in order.
    pub files: Vec<PathBuf>,
    /// By interface.
    pub networks: BTreeMap<Name, Named>,
    /// By interface and public key.
    pub peers: BTreeMap<Name, BTreeMap<PublicKey, Named>>,
    /// What is odd in the files.
    pub remarks: Vec<Remark>,
}

/// A name and where it stands, in a file of wg-quick or networkd.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// At most 128 characters, no line end; others may act on a terminal.
    pub name: String,
    /// Place in [`Names::files`], from 0.
    pub file: usize,
    /// Line in that file, from 1.
    pub line: usize,
}

/// Something odd in a file of wg-quick or networkd.
#[derive(Debug, Clone, PartialEq)]
pub struct Remark {
    /// Place in [`Names::files`], from 0.
    pub file: usize,
    /// Line in that file, from 1.
    pub line: usize,
    /// What it is, in one line, safe for a terminal.
    pub text: String,
}

/// Takes files line by line. Units come in order of precedence: the first that names a peer or network wins.
#[derive(Debug, Default)]
pub struct Reader {
    names: Names,
    unit: Option<Unit>,
    /// Names so far.
    count: usize,
}

impl Reader {
    /// Begins a unit, and ends the one before. The path is only for messages.
    pub fn file(&mut self, path: &Path, format: Format) {
        self.end_unit();
        self.names.files.push(path.to_owned());
        self.unit = Some(Unit::new(format, self.names.files.len() - 1));
    }

    /// Goes on with the same unit in a further file, a drop-in.
    pub fn drop_in(&mut self, path: &Path) {
        self.names.files.push(path.to_owned());
        if let Some(unit) = &mut self.unit {
            unit.drop_in(self.names.files.len() - 1);
        }
    }

    /// Takes the next line, without its end. Whatever it is, nothing of it is kept but names and public keys.
    pub fn line(&mut self, line: &[u8]) {
        if let Some(unit) = &mut self.unit {
            unit.line(line);
        }
    }

    /// Ends the last unit.
    #[must_use]
    pub fn finish(mut self) -> Names {
        self.end_unit();
        self.names
    }

    fn end_unit(&mut self) {
        let Some(found) = self.unit.take().and_then(Unit::finish) else { return };
        for odd in found.odd {
            let text = odd.what.text(odd.file, &self.names.files);
            self.remark(odd.file, odd.line, text);
        }
        if let Some(network) = found.network
            && !self.names.networks.contains_key(&found.interface)
            && self.has_room(&network)
        {
            self.names.networks.insert(found.interface.clone(), network);
        }
        for (key, peer) in found.peers {
            let known = self.names.peers.get(&found.interface).is_some_and(|peers| peers.contains_key(&key));
            if !known && self.has_room(&peer) {
                self.names.peers.entry(found.interface.clone()).or_default().insert(key, peer);
            }
        }
    }

    /// Counts one more name, or remarks, once, that there are too many.
    fn has_room(&mut self, named: &Named) -> bool {
        if self.count == MOST_NAMES {
            let text = format!("more than {MOST_NAMES} names; this one and others are left out");
            self.remark(named.file, named.line, text);
        }
        self.count = self.count.saturating_add(1);
        self.count <= MOST_NAMES
    }

    fn remark(&mut self, file: usize, line: usize, text: String) {
        let text = match self.names.remarks.len() {
            0..MOST_REMARKS => text,
            MOST_REMARKS => "more is odd; it is left out".to_owned(),
            _ => return,
        };
        self.names.remarks.push(Remark { file, line, text });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    fn read(files: &[(&str, &str)]) -> Names {
        let mut reader = Reader::default();
        for (path, text) in files {
            let name = path.strip_suffix(".conf");
            match name {
                Some(name) => reader.file(Path::new(path), Format::WgQuick { interface: name.into() }),
                None if path.ends_with(".netdev") => reader.file(Path::new(path), Format::Netdev),
                None => reader.drop_in(Path::new(path)),
            }
            text.lines().for_each(|line| reader.line(line.as_bytes()));
        }
        reader.finish()
    }

    #[test]
    fn place_of_a_name_is_its_own_line() {
        let text = format!("[Interface]\n# Name = home\n\n# alice\n[Peer]\nPublicKey = {KEY}\n");
        let names = read(&[("empty.conf", ""), ("wg0.conf", &text)]);
        let at = |name: &str, line| Named { name: name.to_owned(), file: 1, line };
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
        assert_eq!(names.remarks, []);
    }

    #[test]
    fn key_that_appears_again_is_remarked_with_the_place_of_the_first() {
        let peer = format!("[WireGuardPeer]\nPublicKey={KEY}\n");
        let main = format!("[NetDev]\nName=wg0\nKind=wireguard\n{peer}{peer}");
        let names = read(&[("a.netdev", &main), ("a\u{1b}.d/b", &peer), ("a.d/c", "[WireGuardPeer]\nPublicKey=x")]);
        let remark = |file, line, text: String| Remark { file, line, text };
        let expected = [
            remark(0, 7, format!("{KEY} appears again; the first, in line 5, counts")),
            remark(1, 2, format!("{KEY} appears again; the first, in line 5 of a.netdev, counts")),
            remark(2, 2, "the value of PublicKey is no public key".to_owned()),
        ];
        assert_eq!(names.remarks, expected);
    }

    #[test]
    fn names_and_remarks_are_bounded() {
        let mut reader = Reader::default();
        for interface in ["wg0", "wg1"] {
            reader.file(Path::new(interface), Format::WgQuick { interface: interface.into() });
            for number in 0..50_001_u64 {
                let mut key = [0; 32];
                key[..8].copy_from_slice(&number.to_le_bytes());
                reader.line(b"[Peer] # x");
                reader.line(format!("PublicKey = {}", PublicKey(key)).as_bytes());
            }
        }
        let names = reader.finish();
        assert_eq!(names.peers.values().map(BTreeMap::len).sum::<usize>(), MOST_NAMES);
        let texts: Vec<&str> = names.remarks.iter().map(|remark| remark.text.as_str()).collect();
        assert_eq!(texts, ["more than 100000 names; this one and others are left out"]);

        let names = read(&[("wg0.conf", &"[Peer]\nPublicKey = x\n".repeat(3000))]);
        assert_eq!(names.remarks.len(), MOST_REMARKS + 1);
        assert_eq!(names.remarks.last().unwrap().text, "more is odd; it is left out");
    }
}
