//! What one comment says, in the many ways that people and programs have of naming a peer.

use std::fmt::{self, Write as _};

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};

use zeroize::Zeroizing;

use crate::model::PublicKey;

/// How long a name may be, in characters.
const LONGEST: usize = 128;

/// How much of a comment is looked at, in bytes: names end long before, and a line may be a whole disk.
const LOOKED_AT: usize = 4096;

/// How a name is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Style {
    /// `friendly_name`, `friendly_json`, `display name`: made to be shown.
    Friendly,
    /// `Peer display name`: the same, never of a network.
    FriendlyPeer,
    /// `Interface display name`: the same, never of a peer.
    FriendlyInterface,
    /// `Name`.
    Name,
    /// `BEGIN_PEER x`, `### begin x ###`, `### Client x`: of the next peer, wherever that is.
    Begin,
    /// `Client`, `Peer`, `User`, `Alias`.
    Client,
    /// Just text.
    Plain,
}

/// What a comment means.
#[derive(Debug, PartialEq)]
pub(super) enum Meaning {
    /// Nothing for a name.
    Nothing,
    /// A name.
    Name(Style, String),
    /// The end of what [`Style::Begin`] began.
    End,
    /// The header of a section that was commented out.
    HeaderOff,
    /// A setting that was commented out.
    SettingOff,
}

/// What a comment, with its `#`, means.
pub(super) fn meaning(comment: &[u8]) -> Meaning {
    let comment = comment.get(..LOOKED_AT).unwrap_or(comment).split(|&byte| byte == 0).next().unwrap_or_default();
    // It may be a private key that was commented out: a copy of it is wiped, and nearly always none is made.
    match std::str::from_utf8(comment) {
        Ok(text) => meaning_of(text),
        Err(_) => meaning_of(&as_text(comment)),
    }
}

/// Bytes that are not UTF-8 become `\xNN`.
fn as_text(bytes: &[u8]) -> Zeroizing<String> {
    // It never grows: what a string leaves behind when it moves is not wiped.
    let mut text = Zeroizing::new(String::with_capacity(4 * bytes.len()));
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

fn meaning_of(comment: &str) -> Meaning {
    let text = comment.trim_start_matches(['#', ';']);
    let marks = comment.len() - text.len();
    // wg-meta's and others' marks of a comment that a program wrote.
    let text = text.strip_prefix(['+', '!']).unwrap_or(text).trim();
    let text = text.strip_prefix("-WGP-").unwrap_or(text).trim_start();
    if text.starts_with(['#', ';']) {
        // A comment that was commented out with the peer around it.
        return Meaning::Nothing;
    }
    if is_header(text) {
        return Meaning::HeaderOff;
    }
    if names_managed_block(text) {
        return Meaning::Nothing;
    }
    begin_or_end(marks, text).or_else(|| explicit(text)).unwrap_or_else(|| named(Style::Plain, plain(text)))
}

fn named(style: Style, name: Option<String>) -> Meaning {
    name.map_or(Meaning::Nothing, |name| Meaning::Name(style, name))
}

/// Whether it is the header of a known section. `PiVPN` puts `[disabled]` before every line of a peer that is switched off.
fn is_header(text: &str) -> bool {
    const SECTIONS: [&str; 6] = ["peer", "interface", "wireguardpeer", "wireguard", "netdev", "disabled"];
    let title = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(title, _)| title.trim());
    title.is_some_and(|title| SECTIONS.iter().any(|section| title.eq_ignore_ascii_case(section)))
}

/// Ansible's marks around what it wrote: `# BEGIN ANSIBLE MANAGED BLOCK`.
fn names_managed_block(text: &str) -> bool {
    const WORDS: &[u8] = b"managed block";
    text.as_bytes().windows(WORDS.len()).any(|window| window.eq_ignore_ascii_case(WORDS))
}

fn begin_or_end(marks: usize, text: &str) -> Option<Meaning> {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let is = |other: &str| word.eq_ignore_ascii_case(other);
    if is("BEGIN_PEER") || marks >= 3 && (is("begin") || is("client")) {
        let name = rest.trim_end().trim_end_matches('#');
        return Some(named(Style::Begin, clean(name)));
    }
    if is("END_PEER") || marks >= 3 && is("end") {
        return Some(Meaning::End);
    }
    // Of some other program, or of a group of peers.
    (is("begin") || is("end")).then_some(Meaning::Nothing)
}

/// `key = value` and `key: value`; `None` where it is neither.
fn explicit(text: &str) -> Option<Meaning> {
    let (key, rest) = text.split_at_checked(text.find(['=', ':'])?)?;
    let (is_setting, value) = (rest.starts_with('='), rest.get(1..)?);
    let key = key.trim_end();
    let is_key = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.');
    if key.is_empty() || !key.chars().all(is_key) {
        return None;
    }
    // Compared where it is: what is no key of ours may be a secret.
    let is = |known: &str| {
        key.chars().filter(|c| !matches!(c, ' ' | '_' | '-')).map(|c| c.to_ascii_lowercase()).eq(known.chars())
    };
    let style = match key {
        _ if is("friendlyjson") => return Some(named(Style::Friendly, json(value.trim()))),
        _ if is("friendlyname") || is("displayname") => Style::Friendly,
        _ if is("peerdisplayname") => Style::FriendlyPeer,
        _ if is("interfacedisplayname") => Style::FriendlyInterface,
        _ if is("name") => Style::Name,
        _ if ["client", "peer", "user", "alias"].into_iter().any(is) => Style::Client,
        _ if is_setting && !key.contains(' ') => return Some(Meaning::SettingOff),
        _ if !is_setting && (value.is_empty() || value.starts_with(char::is_whitespace)) => {
            return Some(Meaning::Nothing);
        }
        _ => return None,
    };
    let value = before_update(value);
    let value = if style == Style::Client { without_uuid(value.trim()) } else { value };
    Some(named(style, clean(value)))
}

/// The name in `friendly_json={"username":"x", …}`: of the first of these keys, else the first text.
fn json(text: &str) -> Option<String> {
    const KEYS: [&str; 5] = ["name", "friendly_name", "display_name", "username", "user"];
    struct Best;
    impl<'de> Visitor<'de> for Best {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut best: Option<(usize, String)> = None;
            while let Some((key, value)) = map.next_entry::<String, serde_json::Value>()? {
                let place = KEYS.iter().position(|&known| known == key).unwrap_or(KEYS.len());
                if let Some(name) = value.as_str().and_then(clean)
                    && best.as_ref().is_none_or(|(other, _)| place < *other)
                {
                    best = Some((place, name));
                }
            }
            Ok(best.map(|(_, name)| name))
        }
    }
    // Its strings are copied, and not wiped.
    if holds_key(text) {
        return None;
    }
    serde_json::Deserializer::from_str(text).deserialize_map(Best).ok()?
}

/// Text that has no form, where it could be a name.
fn plain(text: &str) -> Option<String> {
    let text = before_update(text).trim();
    let is_name = !is_heading(text) && !text.contains("://") && text.chars().nth(LONGEST).is_none();
    is_name.then(|| clean(text))?
}

/// wg-gen-web writes `alice / alice@example.org / Updated: … / Created: …`.
fn before_update(text: &str) -> &str {
    match text.split_once(" / ") {
        Some((name, _)) if text.contains(" / Updated:") => name,
        _ => text,
    }
}

/// wg-easy writes `Client: alice (2b6d…)`.
fn without_uuid(text: &str) -> &str {
    let is_uuid = |text: &str| {
        text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') && text.contains('-')
    };
    match text.strip_suffix(')').and_then(|text| text.rsplit_once('(')) {
        Some((name, uuid)) if is_uuid(uuid) => name,
        _ => text,
    }
}

/// Decoration, alone or around a text: `-----`, `--- laptops ---`, `# laptops #`, `==== laptops`.
fn is_heading(text: &str) -> bool {
    let decorates = |c: char| matches!(c, '\u{2014}' | '\u{2500}'..='\u{259f}') || "#-=*~_+<>|/\\.".contains(c);
    let before = text.chars().take_while(|&c| decorates(c)).count();
    let after = text.chars().rev().take_while(|&c| decorates(c)).count();
    let bare = text.chars().all(|c| c.is_ascii_punctuation() || c.is_whitespace() || decorates(c));
    bare || before >= 3 || before >= 2 && after >= 2 || text.ends_with(" #") || text.ends_with("##")
}

/// The name as it is kept, if it is one.
fn clean(value: &str) -> Option<String> {
    let value = unquoted(value.split('\0').next()?.trim());
    if value.is_empty() || holds_key(value) {
        return None;
    }
    // JSON can hold line ends.
    let name: String = value.chars().take(LONGEST).map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }).collect();
    Some(name.trim_end().to_owned())
}

fn unquoted(value: &str) -> &str {
    let within = |quote| value.strip_prefix(quote).and_then(|value: &str| value.strip_suffix(quote));
    within('"').or_else(|| within('\'')).unwrap_or(value).trim()
}

/// Whether there is anything like a key in it, which may be a private one, with or without the `=` at its end.
fn holds_key(text: &str) -> bool {
    const DIGITS: usize = PublicKey::TEXT_LEN - 1;
    let mut run = 0;
    for byte in text.bytes().chain([b' ']) {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => run += 1,
            b'=' if run >= DIGITS => return true,
            _ if run == DIGITS => return true,
            _ => run = 0,
        }
    }
    false
}

#[cfg(test)]
#[path = "comment/tests.rs"]
mod tests;
