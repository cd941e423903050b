//! One network's files: which section a comment belongs to, and which of a peer's names counts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::comment::{Meaning, Style, meaning};
use super::syntax::{Line, Section, Setting, continued, netdev, wg_quick};
use super::{Format, MOST_NAMES, MOST_REMARKS, Named};
use crate::model::{Name, PublicKey};

/// The longest name that the kernel gives a link, in bytes.
const LONGEST_INTERFACE: usize = 15;

/// How much of a value is kept while its line goes on: more than any key or interface has.
const LONGEST_VALUE: usize = 256;

/// Names of the same peer, the one that counts first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Friendly,
    Name,
    Begin,
    Client,
    PlainOnHeader,
    PlainAbove,
    PlainBelow,
    PlainOnKey,
}

/// What a unit came to.
pub(super) struct Found {
    pub(super) interface: Name,
    pub(super) network: Option<Named>,
    pub(super) peers: BTreeMap<PublicKey, Named>,
    pub(super) odd: Vec<ParseWarning>,
}

/// Something odd. Its words need the paths of the files.
#[derive(Debug)]
pub(super) struct ParseWarning {
    pub(super) file: usize,
    pub(super) line: usize,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// The key of an earlier peer; the place of that.
    Again(PublicKey, usize, usize),
    /// A `PublicKey` that is none.
    NoKey,
    /// No room for more peers.
    TooMany,
}

impl What {
    /// One line, for a remark in that file.
    pub(super) fn text(&self, own: usize, files: &[PathBuf]) -> String {
        match self {
            Self::Again(key, file, line) => {
                let path = files.get(*file).filter(|_| *file != own);
                let path = path.map(|path| format!(" of {}", Name::from(path.as_os_str()))).unwrap_or_default();
                format!("{key} appears again; the first, in line {line}{path}, counts")
            }
            // The value is not shown: it may be a private key.
            Self::NoKey => "the value of PublicKey is no public key".to_owned(),
            Self::TooMany => format!("more than {MOST_NAMES} peers; this one and others are left out"),
        }
    }
}

/// Comments with nothing between them. What they say is kept, not what they are.
#[derive(Debug, Default)]
struct Block {
    /// The last of each style: the nearest to the header below.
    last: BTreeMap<Style, Named>,
    /// The first plain one: the nearest to the header above.
    first_plain: Option<Named>,
    /// Whether it is about a section that was commented out.
    off: bool,
}

/// Where in a section a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing but comments came since the header.
    BelowHeader,
    /// A setting came, or a blank line right below the header.
    Within,
    /// The section may be over: a blank line came.
    Behind,
}

impl Block {
    /// A blank line follows, and perhaps a header: what says that it is a name may still be one of the section below.
    fn loosen(&mut self) {
        self.last.remove(&Style::Plain);
        self.first_plain = None;
    }
}

/// A peer's section so far.
#[derive(Debug, Default)]
struct Peer {
    /// With its line.
    key: Option<(PublicKey, usize)>,
    name: Option<(Rank, Named)>,
}

/// A peer by its key.
#[derive(Debug)]
struct Known {
    file: usize,
    line: usize,
    name: Option<Named>,
}

#[derive(Debug)]
pub(super) struct Unit {
    is_netdev: bool,
    interface: Option<Name>,
    /// Whether `Kind=` is wireguard; the first that is given counts.
    is_wireguard: Option<bool>,
    file: usize,
    line: usize,
    section: Section,
    place: Place,
    peer: Peer,
    network: Option<(Rank, Named)>,
    block: Block,
    /// The name of the next peer.
    begun: Option<Named>,
    /// A setting whose line goes on.
    unfinished: Option<(Setting, Vec<u8>)>,
    peers: BTreeMap<PublicKey, Known>,
    odd: Vec<ParseWarning>,
    is_full: bool,
}

impl Unit {
    pub(super) fn new(format: Format, file: usize) -> Self {
        let (is_netdev, interface, is_wireguard) = match format {
            Format::WgQuick { interface } => (false, Some(interface), Some(true)),
            Format::Netdev => (true, None, None),
        };
        Self {
            is_netdev,
            interface,
            is_wireguard,
            file,
            line: 0,
            section: Section::Other,
            place: Place::Within,
            peer: Peer::default(),
            network: None,
            block: Block::default(),
            begun: None,
            unfinished: None,
            peers: BTreeMap::new(),
            odd: Vec::new(),
            is_full: false,
        }
    }

    pub(super) fn drop_in(&mut self, file: usize) {
        self.end_file();
        (self.file, self.line) = (file, 0);
    }

    pub(super) fn line(&mut self, line: &[u8]) {
        self.line += 1;
        let line = if self.line == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
        let line = line.trim_ascii();
        if !self.is_netdev {
            return self.take(&wg_quick(line));
        }
        // A comment ends no line that goes on; anything else is part of it.
        if let Some((setting, mut value)) = self.unfinished.take_if(|_| !matches!(line, [b'#' | b';', ..])) {
            let (part, goes_on) = continued(line).map_or((line, false), |line| (line, true));
            if setting != Setting::Other && value.len() + part.len() < LONGEST_VALUE {
                value.push(b' ');
                value.extend_from_slice(part.trim_ascii());
            }
            if goes_on {
                self.unfinished = Some((setting, value));
            } else {
                self.set(setting, value.trim_ascii());
            }
            return;
        }
        let parsed = netdev(line);
        match (&parsed, continued(line).map(netdev)) {
            (Line::Setting { .. }, Some(Line::Setting { setting, value, .. })) => {
                self.take(&Line::Setting { setting: Setting::Other, value: b"", comment: None });
                self.unfinished = Some((setting, value.get(..LONGEST_VALUE).unwrap_or(value).to_vec()));
            }
            _ => self.take(&parsed),
        }
    }

    /// What the unit came to; `None` where it is no WireGuard network's.
    pub(super) fn finish(mut self) -> Option<Found> {
        self.end_file();
        if self.is_wireguard != Some(true) {
            return None;
        }
        Some(Found {
            interface: self.interface?,
            network: self.network.map(|(_, named)| named),
            peers: self.peers.into_iter().filter_map(|(key, peer)| Some((key, peer.name?))).collect(),
            odd: self.odd,
        })
    }

    fn take(&mut self, line: &Line<'_>) {
        match line {
            Line::Blank if self.place == Place::Behind => self.block.loosen(),
            Line::Blank => {
                self.settle_block();
                self.place = if self.place == Place::BelowHeader { Place::Within } else { Place::Behind };
            }
            Line::Comment(comment) => self.comment(comment),
            Line::Header { section, comment } => self.header(*section, *comment),
            Line::Setting { setting, value, comment } => {
                self.settle_block();
                self.place = Place::Within;
                if let Some(begun) = self.begun.take() {
                    self.offer(Style::Begin, None, begun);
                }
                self.set(*setting, value);
                let plain = (*setting == Setting::PublicKey).then_some(Rank::PlainOnKey);
                self.trailing(*comment, plain);
            }
        }
    }

    fn comment(&mut self, comment: &[u8]) {
        match meaning(comment) {
            Meaning::Name(style, name) => {
                let named = self.here(name);
                if style == Style::Plain && self.block.first_plain.is_none() {
                    self.block.first_plain = Some(named.clone());
                }
                self.block.last.insert(style, named);
            }
            Meaning::End => {
                self.begun = None;
                self.block.last.remove(&Style::Begin);
            }
            Meaning::HeaderOff => {
                self.begun = None;
                self.block = Block { off: true, ..Block::default() };
            }
            // Of the section that was commented out, as what stood before it.
            Meaning::SettingOff if self.block.off => self.block = Block { off: true, ..Block::default() },
            Meaning::Nothing | Meaning::SettingOff => {}
        }
    }

    fn header(&mut self, section: Section, comment: Option<&[u8]>) {
        self.end_section();
        self.section = section;
        self.place = Place::BelowHeader;
        let mut block = std::mem::take(&mut self.block);
        let begun = self.begun.take();
        if let Some(begun) = block.last.remove(&Style::Begin).or(begun) {
            self.offer(Style::Begin, None, begun);
        }
        for (style, named) in block.last {
            self.offer(style, Some(Rank::PlainAbove), named);
        }
        self.trailing(comment, Some(Rank::PlainOnHeader));
    }

    /// Gives the comments to the section they stand in.
    fn settle_block(&mut self) {
        let mut block = std::mem::take(&mut self.block);
        // That waits for the next peer.
        self.begun = block.last.remove(&Style::Begin).or(self.begun.take());
        if block.off {
            return;
        }
        block.last.remove(&Style::Plain);
        let below = block.first_plain.filter(|_| self.place == Place::BelowHeader).map(|named| (Style::Plain, named));
        for (style, named) in block.last.into_iter().chain(below) {
            self.offer(style, Some(Rank::PlainBelow), named);
        }
    }

    /// A comment behind a header or a setting.
    fn trailing(&mut self, comment: Option<&[u8]>, plain: Option<Rank>) {
        if let Some(Meaning::Name(style, name)) = comment.map(meaning) {
            self.offer(style, plain, self.here(name));
        }
    }

    /// Takes a name for the section, unless it has one that counts more, or as much and came first.
    fn offer(&mut self, style: Style, plain: Option<Rank>, named: Named) {
        let slot = match self.section {
            Section::Peer => &mut self.peer.name,
            Section::Network => &mut self.network,
            Section::Other => return,
        };
        let rank = match (style, self.section) {
            (Style::Friendly, _)
            | (Style::FriendlyPeer, Section::Peer)
            | (Style::FriendlyInterface, Section::Network) => Some(Rank::Friendly),
            (Style::Name, _) => Some(Rank::Name),
            (Style::Begin, Section::Peer) => Some(Rank::Begin),
            (Style::Client, Section::Peer) => Some(Rank::Client),
            (Style::Plain, Section::Peer) => plain,
            _ => None,
        };
        if let Some(rank) = rank
            && slot.as_ref().is_none_or(|(other, _)| rank < *other)
        {
            *slot = Some((rank, named));
        }
    }

    fn set(&mut self, setting: Setting, value: &[u8]) {
        match (setting, self.section) {
            (Setting::Interface, Section::Network) if value.len() <= LONGEST_INTERFACE => {
                self.interface = Some(Name::new(value)).filter(|name| !name.as_bytes().is_empty());
            }
            (Setting::Kind, Section::Network) if !value.is_empty() && self.is_wireguard.is_none() => {
                self.is_wireguard = Some(value == b"wireguard");
            }
            (Setting::PublicKey, Section::Peer) => {
                let key = std::str::from_utf8(value).ok().and_then(PublicKey::parse);
                self.peer.key = key.map(|key| (key, self.line));
                // networkd: nothing resets it, and `@` has it from a credential.
                if key.is_none() && !(self.is_netdev && matches!(value, [] | [b'@', ..])) {
                    self.remark(self.line, What::NoKey);
                }
            }
            _ => {}
        }
    }

    fn end_file(&mut self) {
        if let Some((setting, value)) = self.unfinished.take() {
            self.set(setting, value.trim_ascii());
        }
        self.settle_block();
        self.end_section();
        self.begun = None;
        self.section = Section::Other;
    }

    fn end_section(&mut self) {
        let Peer { key: Some((key, line)), name } = std::mem::take(&mut self.peer) else { return };
        let name = name.map(|(_, named)| named);
        let file = self.file;
        if let Some(first) = self.peers.get_mut(&key) {
            let again = What::Again(key, first.file, first.line);
            first.name = first.name.take().or(name);
            self.remark(line, again);
        } else if self.peers.len() < MOST_NAMES {
            self.peers.insert(key, Known { file, line, name });
        } else if !self.is_full {
            self.is_full = true;
            self.remark(line, What::TooMany);
        }
    }

    /// One more than are shown, which tells that there are more.
    fn remark(&mut self, line: usize, what: What) {
        if self.odd.len() <= MOST_REMARKS {
            self.odd.push(ParseWarning { file: self.file, line, what });
        }
    }

    fn here(&self, name: String) -> Named {
        Named { name, file: self.file, line: self.line }
    }
}
