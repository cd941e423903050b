//! Parses the text of a configuration. It walks the tables itself, so that every error names the line, the key and a valid
//! value.
//!
//! A private key may be in the wrong place. So no error shows a text that could be one.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{ConfigKey, ConfigTable, MAX_NAME, NETWORKS, PEERS, SERVE, TABLES, THRESHOLDS, ValueKind};
use crate::error::{Error, Result, nearest};
use crate::model::{
    ListenAddress, Name, NetworkSettings, PeerSettings, PublicKey, ServeSettings, Settings, Threshold, parse_host_name,
    parse_poll, printable,
};

type Value<'i> = Spanned<DeValue<'i>>;

/// `IFNAMSIZ` without its NUL.
const MAX_INTERFACE: usize = 15;
/// Maximum length of a limit, in bytes. No valid one is longer.
const MAX_LIMIT: usize = 100;
/// Maximum length of an address or a host name, in bytes. No valid one is longer.
const MAX_ITEM: usize = 260;
/// Manuals of limits and of `serve`.
const LIMITS_MANUAL: &str = "wgstat-check(1), LIMITS";
const SERVE_MANUAL: &str = "wgstat-serve(1)";
/// Maximum number of characters that an error shows of a text from the file.
const MAX_SHOWN: usize = 40;
/// Number of consecutive base64 characters that may be a key, or most of one.
const KEY_LIKE: usize = 32;

/// Parses the text of this file.
///
/// # Errors
/// Returns the first error in the file.
pub(super) fn read(file: &str, text: &str) -> Result<Settings> {
    let mut parser = ConfigParser { file, ends: text.match_indices('\n').map(|(at, _)| at).collect(), first: None };
    let (root, errors) = DeTable::parse_recoverable(text);
    let start = |error: &toml::de::Error| error.span().map_or(usize::MAX, |span| span.start);
    if let Some(error) = errors.iter().min_by_key(|error| start(error)) {
        let span = error.span().unwrap_or(text.len()..text.len());
        let found = text.get(span.clone()).unwrap_or_default();
        return Err(parser.not_toml(span.start, error.message(), found));
    }
    let settings = parser.settings(root.get_ref());
    parser.first.map_or(Ok(settings), |(_, error)| Err(error))
}

/// Parses a configuration, and keeps its first error.
struct ConfigParser<'f> {
    file: &'f str,
    /// Offsets of the newlines.
    ends: Vec<usize>,
    /// The first error by its offset in the file. The tables are not walked in that order.
    first: Option<(usize, Error)>,
}

/// A known key and its value in the file.
struct Field<'t, 'i> {
    key: &'static ConfigKey,
    table: &'t [&'t str],
    at: usize,
    value: &'t DeValue<'i>,
}

impl ConfigParser<'_> {
    /// Returns the line of an offset, from 1.
    fn line(&self, at: usize) -> usize {
        1 + self.ends.partition_point(|&end| end < at)
    }

    /// Converts an error of the TOML parser.
    fn not_toml(&self, at: usize, message: &str, found: &str) -> Error {
        let (cause, hint) = match message {
            "duplicate key" => (
                format!("{}: duplicate key or table", shown_within(found, MAX_SHOWN)),
                "remove one of the two; all keys of one network or peer belong in one table",
            ),
            _ => (
                shown_within(message.lines().next().unwrap_or_default(), usize::MAX),
                "write tables as [networks.wg0] or [peers.\"PUBLIC-KEY\"], keys as name = \"office\"",
            ),
        };
        let hint = hint.to_owned();
        Error::Config { subject: format!("{}:{}", self.file, self.line(at)), cause, hint: Some(hint) }
    }

    /// Keeps an error, unless an earlier one in the file is known.
    fn refuse<'p>(&mut self, at: usize, path: impl IntoIterator<Item = &'p str>, cause: &str, hint: String) {
        if self.first.as_ref().is_some_and(|(first, _)| *first <= at) {
            return;
        }
        let path: Vec<&str> = path.into_iter().collect();
        let subject = format!("{}:{}: {}", self.file, self.line(at), shown_path(&path));
        self.first = Some((at, Error::Config { subject, cause: cause.to_owned(), hint: Some(hint) }));
    }

    /// Refuses the value of a field.
    fn refuse_value(&mut self, field: &Field<'_, '_>, cause: &str) {
        let hint = format!("expected {}: {}", field.key.kind, field.key.line());
        self.refuse_field(field, field.at, cause, hint);
    }

    /// Refuses a field at this offset.
    fn refuse_field(&mut self, field: &Field<'_, '_>, at: usize, cause: &str, hint: String) {
        self.refuse(at, field.table.iter().copied().chain([field.key.name]), cause, hint);
    }

    /// Refuses an unknown key or table.
    fn refuse_unknown(&mut self, at: usize, table: &[&str], name: &str, known: &[&'static str]) {
        let list = known.join(", ");
        let hint = match nearest(name, known, |known| Cow::Borrowed(known)) {
            // A longer text cannot be a typo of a key.
            Some(near) if name.len() < MAX_SHOWN => format!("did you mean {near}? (known: {list})"),
            _ => format!("known: {list}"),
        };
        self.refuse(at, table.iter().copied().chain([name]), "no such key", hint);
    }

    /// Returns a table; refuses any other value.
    fn table<'t, 'i>(
        &mut self,
        at: usize,
        path: &[&str],
        value: &'t Value<'i>,
        kind: &ConfigTable,
    ) -> Option<&'t DeTable<'i>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            let cause = format!("must be a table, not {}", described(value.get_ref()));
            self.refuse(at, path.iter().copied(), &cause, format!("write it as {}", kind.example));
        }
        table
    }

    /// Returns the known keys of a table; refuses the others.
    fn fields<'t, 'i>(
        &mut self,
        kind: &ConfigTable,
        path: &'t [&'t str],
        table: &'t DeTable<'i>,
    ) -> Vec<Field<'t, 'i>> {
        let mut fields = Vec::new();
        for (name, value) in table {
            let at = name.span().start;
            let Some(key) = kind.keys.iter().find(|key| key.name == name.get_ref()) else {
                let known: Vec<&str> = kind.keys.iter().map(|key| key.name).collect();
                self.refuse_unknown(at, path, name.get_ref(), &known);
                continue;
            };
            fields.push(Field { key, table: path, at, value: value.get_ref() });
        }
        fields
    }

    /// Parses the root table.
    fn settings(&mut self, root: &DeTable<'_>) -> Settings {
        let mut settings = Settings::default();
        for (name, value) in root {
            let (at, name) = (name.span().start, name.get_ref().as_ref());
            let Some(kind) = TABLES.into_iter().find(|table| table.root == name) else {
                self.refuse_unknown(at, &[], name, &TABLES.map(|table| table.root));
                continue;
            };
            let Some(table) = self.table(at, &[name], value, kind) else { continue };
            match name {
                "networks" => settings.networks = self.networks(table),
                "peers" => settings.peers = self.peers(table),
                "serve" => settings.serve = self.serve(table),
                _ => self.thresholds(table, &mut settings),
            }
        }
        settings
    }

    /// Parses `[networks.IFACE]`.
    fn networks(&mut self, tables: &DeTable<'_>) -> BTreeMap<Name, NetworkSettings> {
        let mut networks = BTreeMap::new();
        let mut ids = Vec::new();
        for (interface, value) in tables {
            let (at, interface) = (interface.span().start, interface.get_ref().as_ref());
            let path = [NETWORKS.root, interface];
            let Some(table) = self.table(at, &path, value, &NETWORKS) else { continue };
            if let Some(cause) = invalid_interface(interface) {
                let hint = format!("use the interface's name as in ip link: {}", NETWORKS.example);
                self.refuse(at, path, &format!("cannot be an interface: {cause}"), hint);
                continue;
            }
            let mut network = NetworkSettings { line: self.line(at), ..NetworkSettings::default() };
            for field in self.fields(&NETWORKS, &path, table) {
                match field.key.name {
                    "name" => network.name = self.text(&field),
                    "id" => {
                        network.id = self.number(&field);
                        ids.extend(network.id.map(|id| (field.at, id, interface)));
                    }
                    _ => {}
                }
            }
            networks.insert(Name::from(interface), network);
        }
        self.refuse_duplicate_ids(ids);
        networks
    }

    /// Refuses the second of two equal ids.
    fn refuse_duplicate_ids(&mut self, mut ids: Vec<(usize, u32, &str)>) {
        ids.sort_unstable();
        let mut seen = BTreeMap::new();
        for (at, id, interface) in ids {
            match seen.entry(id) {
                Entry::Vacant(entry) => {
                    entry.insert((at, interface));
                }
                Entry::Occupied(entry) => {
                    let (before, other) = *entry.get();
                    let cause =
                        format!("networks.{} already has {id}, in line {}", shown_segment(other), self.line(before));
                    self.refuse(
                        at,
                        [NETWORKS.root, interface, "id"],
                        &cause,
                        "give each network a different id".to_owned(),
                    );
                }
            }
        }
    }

    /// Parses `[peers."KEY"]`.
    fn peers(&mut self, tables: &DeTable<'_>) -> BTreeMap<PublicKey, PeerSettings> {
        let mut peers = BTreeMap::new();
        for (text, value) in tables {
            let (at, text) = (text.span().start, text.get_ref().as_ref());
            let path = [PEERS.root, text];
            let Some(table) = self.table(at, &path, value, &PEERS) else { continue };
            let Some(key) = PublicKey::parse(text) else {
                let cause = match text.chars().count() {
                    PublicKey::TEXT_LEN => "not a public key: not the base64 of 32 bytes".to_owned(),
                    length => format!("not a public key: {length} characters instead of {}", PublicKey::TEXT_LEN),
                };
                let hint = "write it as in wg show, in quotes: [peers.\"PUBLIC-KEY\"]".to_owned();
                self.refuse(at, path, &cause, hint);
                continue;
            };
            let mut peer = PeerSettings { line: self.line(at), ..PeerSettings::default() };
            for field in self.fields(&PEERS, &path, table) {
                match field.key.name {
                    "name" => peer.name = self.text(&field),
                    "expected_keepalive" => peer.expected_keepalive = self.number(&field),
                    "ignore" => peer.ignore = self.flag(&field),
                    _ => {}
                }
            }
            peers.insert(key, peer);
        }
        peers
    }

    /// Parses `[thresholds]`.
    fn thresholds(&mut self, table: &DeTable<'_>, settings: &mut Settings) {
        for field in self.fields(&THRESHOLDS, &[THRESHOLDS.root], table) {
            match field.key.name {
                "warn" => settings.warn = self.each(&field, LIMITS_MANUAL, limit),
                "crit" => settings.crit = self.each(&field, LIMITS_MANUAL, limit),
                _ => {}
            }
        }
    }

    /// Parses `[serve]`.
    fn serve(&mut self, table: &DeTable<'_>) -> ServeSettings {
        let mut serve = ServeSettings::default();
        for field in self.fields(&SERVE, &[SERVE.root], table) {
            match field.key.name {
                "listen" => serve.listen = self.each(&field, SERVE_MANUAL, str::parse::<ListenAddress>),
                "allow_host" => serve.allow_host = self.each(&field, SERVE_MANUAL, parse_host_name),
                "max_connections" => serve.max_connections = self.number::<u32>(&field).and_then(|n| n.try_into().ok()),
                "poll" => serve.poll = self.time(&field),
                _ => {}
            }
        }
        serve
    }

    /// Parses a duration.
    fn time(&mut self, field: &Field<'_, '_>) -> Option<Duration> {
        let Some(text) = field.value.as_str() else {
            self.wrong_type(field);
            return None;
        };
        let time = parse_poll(text);
        if let Err(cause) = &time {
            self.refuse_value(field, &format!("{}: {}", quoted(text), shown_within(cause, usize::MAX)));
        }
        time.ok()
    }

    /// Refuses a value of another type.
    fn wrong_type(&mut self, field: &Field<'_, '_>) {
        let cause = format!("must be {}, not {}", field.key.kind.article(), described(field.value));
        self.refuse_value(field, &cause);
    }

    /// Parses a friendly name.
    fn text(&mut self, field: &Field<'_, '_>) -> Option<String> {
        let Some(text) = field.value.as_str() else {
            self.wrong_type(field);
            return None;
        };
        if text.trim().is_empty() {
            self.refuse_value(field, "is empty");
        } else if text.chars().count() > MAX_NAME {
            self.refuse_value(field, &format!("is longer than {MAX_NAME} characters"));
        }
        Some(text.to_owned())
    }

    /// Parses an integer within its bounds.
    fn number<T: TryFrom<u32>>(&mut self, field: &Field<'_, '_>) -> Option<T> {
        let (Some(integer), ValueKind::Number(least, most)) = (field.value.as_integer(), field.key.kind) else {
            self.wrong_type(field);
            return None;
        };
        let number = u32::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.filter(|number| (least..=most).contains(number)).and_then(|number| number.try_into().ok());
        if number.is_none() {
            self.refuse_value(field, "is out of range");
        }
        number
    }

    /// Parses `true` or `false`.
    fn flag(&mut self, field: &Field<'_, '_>) -> bool {
        let flag = field.value.as_bool();
        if flag.is_none() {
            self.wrong_type(field);
        }
        flag.unwrap_or_default()
    }

    /// Parses an array of strings with `read`.
    fn each<T>(&mut self, field: &Field<'_, '_>, manual: &str, read: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let mut all = Vec::new();
        let Some(array) = field.value.as_array() else {
            self.wrong_type(field);
            return all;
        };
        for value in array {
            let item = match value.get_ref().as_str() {
                None => Err(format!("must be an array of strings; found {}", described(value.get_ref()))),
                Some(text) if text.len() > MAX_ITEM => Err(format!("{} is too long", quoted(text))),
                Some(text) => {
                    read(text).map_err(|error| format!("{}: {}", quoted(text), shown_within(&error, usize::MAX)))
                }
            };
            match item {
                Ok(item) => all.push(item),
                Err(cause) => {
                    let hint = format!("write it as {}; see {manual}", field.key.line());
                    self.refuse_field(field, value.span().start, &cause, hint);
                }
            }
        }
        all
    }
}

/// Parses a limit.
fn limit(text: &str) -> Result<Threshold, String> {
    if text.len() > MAX_LIMIT { Err("too long for a limit".to_owned()) } else { Threshold::parse(text) }
}

/// Returns why no interface can have this name, by the kernel's rules; `None` for a valid one.
fn invalid_interface(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("it is empty")
    } else if name.len() > MAX_INTERFACE {
        Some("it is longer than 15 bytes")
    } else if name.contains(|c: char| matches!(c, '/' | ':' | '\0') || c.is_whitespace()) || matches!(name, "." | "..")
    {
        Some("whitespace, / and : are not allowed, nor are the names . and ..")
    } else {
        None
    }
}

/// Returns the type of a value, with its article.
fn described(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// Returns a key with its tables as TOML writes it, with only the beginning of a public key.
fn shown_path(path: &[&str]) -> String {
    let segments = path.iter().enumerate().map(|(depth, segment)| {
        // Elsewhere it may be a private key.
        let is_public = depth == 1 && path.first() == Some(&PEERS.root) && PublicKey::parse(segment).is_some();
        let start: String = segment.chars().take(8).collect();
        if is_public { format!("\"{start}…\"") } else { shown_segment(segment) }
    });
    segments.collect::<Vec<_>>().join(".")
}

/// Returns one segment of a path, quoted if TOML requires it.
fn shown_segment(text: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !text.is_empty() && text.chars().all(is_bare) { shown_within(text, MAX_SHOWN) } else { quoted(text) }
}

/// Returns a text in quotes.
fn quoted(text: &str) -> String {
    format!("\"{}\"", shown_within(text, MAX_SHOWN))
}

/// Returns a text from the file without control characters and without anything that may be a key, cut to `most` characters.
fn shown_within(text: &str, most: usize) -> String {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
    let mut shown = String::new();
    for piece in text.split_inclusive(|c| !is_base64(c)) {
        let run = piece.trim_end_matches(|c| !is_base64(c));
        shown.push_str(if run.len() < KEY_LIKE { run } else { "…" });
        shown.push_str(piece.strip_prefix(run).unwrap_or_default());
    }
    if let Some((end, _)) = shown.char_indices().nth(most) {
        shown.truncate(end);
        shown.push('…');
    }
    printable(&shown).into_owned()
}
