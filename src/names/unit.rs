//! Parses the files of one network, and decides which section a comment belongs to and which of a peer's names counts.

use std::collections::BTreeMap;

use super::comment::{self, Comment, Style};
use super::syntax::{ConfigLine, Section, Setting, continued, netdev, wg_quick};
use super::{FoundName, MAX_NAMES, MAX_WARNINGS, ParseWarning, WarningKind};
use crate::model::{Name, PublicKey};

/// `IFNAMSIZ` without its NUL.
const MAX_INTERFACE: usize = 15;

/// Bytes of a value that are kept while its line continues: more than any key or interface has.
const MAX_VALUE: usize = 256;

/// The precedence of names for the same peer, highest first.
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

/// The names of one unit.
pub(super) struct UnitNames {
    pub(super) interface: Name,
    pub(super) network: Option<FoundName>,
    pub(super) peers: BTreeMap<PublicKey, FoundName>,
    pub(super) warnings: Vec<ParseWarning>,
}

/// Consecutive comments. Only the names in them are kept.
#[derive(Debug, Default)]
struct CommentBlock {
    /// The last name of each style: the nearest to the header below.
    last: BTreeMap<Style, FoundName>,
    /// The first plain name: the nearest to the header above.
    first_plain: Option<FoundName>,
    /// Whether the block holds a commented-out section.
    is_disabled: bool,
}

/// The position of a line in its section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    /// Below the header, with nothing but comments between.
    BelowHeader,
    /// Below a setting, or below a blank line right after the header.
    Within,
    /// Below a blank line, which may end the section.
    AfterBlank,
}

impl CommentBlock {
    /// Drops plain names, because a blank line follows. Explicit ones may still name the section below.
    fn drop_plain(&mut self) {
        self.last.remove(&Style::Plain);
        self.first_plain = None;
    }
}

/// The peer section that is being parsed.
#[derive(Debug, Default)]
struct PeerSection {
    /// The key and its line.
    key: Option<(PublicKey, usize)>,
    name: Option<(Rank, FoundName)>,
}

/// A finished peer section: the position of its key, and its name.
#[derive(Debug)]
struct UnitPeer {
    file: usize,
    line: usize,
    name: Option<FoundName>,
}

/// Parses one wg-quick file, or one .netdev with its drop-ins.
#[derive(Debug)]
pub(super) struct Unit {
    is_netdev: bool,
    interface: Option<Name>,
    /// Whether `Kind=` is wireguard; the first value counts.
    is_wireguard: Option<bool>,
    file: usize,
    line: usize,
    section: Section,
    position: Position,
    peer: PeerSection,
    network: Option<(Rank, FoundName)>,
    block: CommentBlock,
    /// A name for the next peer, from [`Style::Begin`].
    next_peer: Option<FoundName>,
    /// A setting whose line continues.
    continued: Option<(Setting, Vec<u8>)>,
    peers: BTreeMap<PublicKey, UnitPeer>,
    warnings: Vec<ParseWarning>,
    is_full: bool,
}

impl Unit {
    /// Begins a wg-quick file. `file` is its index in [`super::Names::files`].
    pub(super) fn wg_quick(interface: Name, file: usize) -> Self {
        Self { is_netdev: false, interface: Some(interface), is_wireguard: Some(true), ..Self::netdev(file) }
    }

    /// Begins a .netdev.
    pub(super) fn netdev(file: usize) -> Self {
        Self {
            is_netdev: true,
            interface: None,
            is_wireguard: None,
            file,
            line: 0,
            section: Section::Other,
            position: Position::Within,
            peer: PeerSection::default(),
            network: None,
            block: CommentBlock::default(),
            next_peer: None,
            continued: None,
            peers: BTreeMap::new(),
            warnings: Vec::new(),
            is_full: false,
        }
    }

    /// Begins a drop-in.
    pub(super) fn drop_in(&mut self, file: usize) {
        self.end_file();
        (self.file, self.line) = (file, 0);
    }

    /// Parses the next line.
    pub(super) fn line(&mut self, line: &[u8]) {
        self.line += 1;
        let line = if self.line == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
        let line = line.trim_ascii();
        if !self.is_netdev {
            return self.add_line(&wg_quick(line));
        }
        // Comments do not interrupt a continued line; anything else is part of it.
        if let Some((setting, mut value)) = self.continued.take_if(|_| !matches!(line, [b'#' | b';', ..])) {
            let (part, continues) = continued(line).map_or((line, false), |line| (line, true));
            if setting != Setting::Other && value.len() + part.len() < MAX_VALUE {
                value.push(b' ');
                value.extend_from_slice(part.trim_ascii());
            }
            if continues {
                self.continued = Some((setting, value));
            } else {
                self.set(setting, value.trim_ascii());
            }
            return;
        }
        let parsed = netdev(line);
        match (&parsed, continued(line).map(netdev)) {
            (ConfigLine::Setting { .. }, Some(ConfigLine::Setting { setting, value, .. })) => {
                self.add_line(&ConfigLine::Setting { setting: Setting::Other, value: b"", comment: None });
                self.continued = Some((setting, value.get(..MAX_VALUE).unwrap_or(value).to_vec()));
            }
            _ => self.add_line(&parsed),
        }
    }

    /// Returns the names; `None` for a .netdev of another kind.
    pub(super) fn finish(mut self) -> Option<UnitNames> {
        self.end_file();
        if self.is_wireguard != Some(true) {
            return None;
        }
        Some(UnitNames {
            interface: self.interface?,
            network: self.network.map(|(_, found)| found),
            peers: self.peers.into_iter().filter_map(|(key, peer)| Some((key, peer.name?))).collect(),
            warnings: self.warnings,
        })
    }

    /// Adds a parsed line.
    fn add_line(&mut self, line: &ConfigLine<'_>) {
        match line {
            ConfigLine::Blank if self.position == Position::AfterBlank => self.block.drop_plain(),
            ConfigLine::Blank => {
                self.end_block();
                self.position =
                    if self.position == Position::BelowHeader { Position::Within } else { Position::AfterBlank };
            }
            ConfigLine::Comment(comment) => self.comment(comment),
            ConfigLine::Header { section, comment } => self.header(*section, *comment),
            ConfigLine::Setting { setting, value, comment } => {
                self.end_block();
                self.position = Position::Within;
                if let Some(name) = self.next_peer.take() {
                    self.offer(Style::Begin, None, name);
                }
                self.set(*setting, value);
                let plain = (*setting == Setting::PublicKey).then_some(Rank::PlainOnKey);
                self.trailing(*comment, plain);
            }
        }
    }

    /// Adds a comment to the block.
    fn comment(&mut self, comment: &[u8]) {
        match comment::parse(comment) {
            Comment::Name(style, name) => {
                let found = self.found_here(name);
                if style == Style::Plain && self.block.first_plain.is_none() {
                    self.block.first_plain = Some(found.clone());
                }
                self.block.last.insert(style, found);
            }
            Comment::End => {
                self.next_peer = None;
                self.block.last.remove(&Style::Begin);
            }
            Comment::DisabledHeader => {
                self.next_peer = None;
                self.block = CommentBlock { is_disabled: true, ..CommentBlock::default() };
            }
            // A setting of the disabled section: the names above belong to that section, too.
            Comment::DisabledSetting if self.block.is_disabled => {
                self.block = CommentBlock { is_disabled: true, ..CommentBlock::default() }
            }
            Comment::Nothing | Comment::DisabledSetting => {}
        }
    }

    /// Begins a section, and offers it the names above and in its header.
    fn header(&mut self, section: Section, comment: Option<&[u8]>) {
        self.end_section();
        self.section = section;
        self.position = Position::BelowHeader;
        let mut block = std::mem::take(&mut self.block);
        let next_peer = self.next_peer.take();
        if let Some(name) = block.last.remove(&Style::Begin).or(next_peer) {
            self.offer(Style::Begin, None, name);
        }
        for (style, found) in block.last {
            self.offer(style, Some(Rank::PlainAbove), found);
        }
        self.trailing(comment, Some(Rank::PlainOnHeader));
    }

    /// Ends the block, and offers its names to the section that it is in.
    fn end_block(&mut self) {
        let mut block = std::mem::take(&mut self.block);
        // This name is for the next peer.
        self.next_peer = block.last.remove(&Style::Begin).or(self.next_peer.take());
        if block.is_disabled {
            return;
        }
        block.last.remove(&Style::Plain);
        let below =
            block.first_plain.filter(|_| self.position == Position::BelowHeader).map(|found| (Style::Plain, found));
        for (style, found) in block.last.into_iter().chain(below) {
            self.offer(style, Some(Rank::PlainBelow), found);
        }
    }

    /// Offers the name in a comment after a header or a setting.
    fn trailing(&mut self, comment: Option<&[u8]>, plain: Option<Rank>) {
        if let Some(Comment::Name(style, name)) = comment.map(comment::parse) {
            self.offer(style, plain, self.found_here(name));
        }
    }

    /// Names the section, unless it has a name of the same or higher rank. `plain` is the rank of a plain name.
    fn offer(&mut self, style: Style, plain: Option<Rank>, found: FoundName) {
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
            *slot = Some((rank, found));
        }
    }

    /// Adds the value of a setting.
    fn set(&mut self, setting: Setting, value: &[u8]) {
        match (setting, self.section) {
            (Setting::Interface, Section::Network) if value.len() <= MAX_INTERFACE => {
                self.interface = Some(Name::new(value)).filter(|name| !name.as_bytes().is_empty());
            }
            (Setting::Kind, Section::Network) if !value.is_empty() && self.is_wireguard.is_none() => {
                self.is_wireguard = Some(value == b"wireguard");
            }
            (Setting::PublicKey, Section::Peer) => {
                let key = std::str::from_utf8(value).ok().and_then(PublicKey::parse);
                self.peer.key = key.map(|key| (key, self.line));
                // networkd: an empty value resets the key, and `@` takes it from a credential.
                if key.is_none() && !(self.is_netdev && matches!(value, [] | [b'@', ..])) {
                    self.warn(self.line, WarningKind::InvalidKey);
                }
            }
            _ => {}
        }
    }

    /// Ends a file or drop-in.
    fn end_file(&mut self) {
        if let Some((setting, value)) = self.continued.take() {
            self.set(setting, value.trim_ascii());
        }
        self.end_block();
        self.end_section();
        self.next_peer = None;
        self.section = Section::Other;
    }

    /// Ends a section, and keeps its peer.
    fn end_section(&mut self) {
        let PeerSection { key: Some((key, line)), name } = std::mem::take(&mut self.peer) else { return };
        let name = name.map(|(_, found)| found);
        let file = self.file;
        if let Some(first) = self.peers.get_mut(&key) {
            let duplicate = WarningKind::DuplicateKey { key, file: first.file, line: first.line };
            first.name = first.name.take().or(name);
            self.warn(line, duplicate);
        } else if self.peers.len() < MAX_NAMES {
            self.peers.insert(key, UnitPeer { file, line, name });
        } else if !self.is_full {
            self.is_full = true;
            self.warn(line, WarningKind::TooManyPeers);
        }
    }

    /// Adds a warning. One over the limit is kept, so that [`super::NameParser`] sees that there are more.
    fn warn(&mut self, line: usize, kind: WarningKind) {
        if self.warnings.len() <= MAX_WARNINGS {
            self.warnings.push(ParseWarning { file: self.file, line, kind });
        }
    }

    /// Returns a name at the current position.
    fn found_here(&self, name: String) -> FoundName {
        FoundName { name, file: self.file, line: self.line }
    }
}
