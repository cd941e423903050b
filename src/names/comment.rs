//! Parses one comment, in the many forms in which people and programs name a peer.

use std::fmt::{self, Write as _};

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};

use zeroize::Zeroizing;

use crate::model::PublicKey;

/// Maximum length of a name, in characters.
const MAX_NAME: usize = 128;

/// Maximum number of bytes of a comment that are parsed. Names are much shorter, but a line may be very long.
const MAX_COMMENT: usize = 4096;

/// Says in which form a name is written, in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Style {
    /// `friendly_name`, `friendly_json`, `display name`: intended for display.
    Friendly,
    /// `Peer display name`: intended for display, never for a network.
    FriendlyPeer,
    /// `Interface display name`: intended for display, never for a peer.
    FriendlyInterface,
    /// `Name`.
    Name,
    /// `BEGIN_PEER x`, `### begin x ###`, `### Client x`: names the next peer, however far below.
    Begin,
    /// `Client`, `Peer`, `User`, `Alias`.
    Client,
    /// Text without a form.
    Plain,
}

/// Holds a parsed comment.
#[derive(Debug, PartialEq)]
pub(super) enum Comment {
    /// No name.
    Nothing,
    /// A name.
    Name(Style, String),
    /// The end of a block that [`Style::Begin`] opened.
    End,
    /// A commented-out section header.
    DisabledHeader,
    /// A commented-out setting.
    DisabledSetting,
}

/// Parses a comment with its `#`.
pub(super) fn parse(comment: &[u8]) -> Comment {
    let comment = comment.get(..MAX_COMMENT).unwrap_or(comment).split(|&byte| byte == 0).next().unwrap_or_default();
    // A commented-out private key must not be copied. Only text that is not UTF-8 is copied, and that copy is wiped.
    match std::str::from_utf8(comment) {
        Ok(text) => parse_text(text),
        Err(_) => parse_text(&lossless_text(comment)),
    }
}

/// Returns the text with `\xNN` for bytes that are not UTF-8.
fn lossless_text(bytes: &[u8]) -> Zeroizing<String> {
    // Its capacity is sufficient: a string that grows leaves an unwiped copy behind.
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

/// Parses the text of a comment.
fn parse_text(comment: &str) -> Comment {
    let text = comment.trim_start_matches(['#', ';']);
    let marks = comment.len() - text.len();
    // Marks that wg-meta and others put before comments that a program wrote.
    let text = text.strip_prefix(['+', '!']).unwrap_or(text).trim();
    let text = text.strip_prefix("-WGP-").unwrap_or(text).trim_start();
    if text.starts_with(['#', ';']) {
        // A comment within a commented-out peer.
        return Comment::Nothing;
    }
    if is_header(text) {
        return Comment::DisabledHeader;
    }
    if is_managed_block(text) {
        return Comment::Nothing;
    }
    begin_or_end(marks, text).or_else(|| explicit(text)).unwrap_or_else(|| name_or_nothing(Style::Plain, plain(text)))
}

/// Returns the name in this form, or nothing.
fn name_or_nothing(style: Style, name: Option<String>) -> Comment {
    name.map_or(Comment::Nothing, |name| Comment::Name(style, name))
}

/// Returns whether the text is the header of a known section. `PiVPN` puts `[disabled]` before every line of a disabled peer.
fn is_header(text: &str) -> bool {
    const SECTIONS: [&str; 6] = ["peer", "interface", "wireguardpeer", "wireguard", "netdev", "disabled"];
    let title = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(title, _)| title.trim());
    title.is_some_and(|title| SECTIONS.iter().any(|section| title.eq_ignore_ascii_case(section)))
}

/// Returns whether the text is Ansible's mark around its own lines: `# BEGIN ANSIBLE MANAGED BLOCK`.
fn is_managed_block(text: &str) -> bool {
    const WORDS: &[u8] = b"managed block";
    text.as_bytes().windows(WORDS.len()).any(|window| window.eq_ignore_ascii_case(WORDS))
}

/// Parses the begin or end of a peer's block; `None` if it is neither.
fn begin_or_end(marks: usize, text: &str) -> Option<Comment> {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let is = |other: &str| word.eq_ignore_ascii_case(other);
    if is("BEGIN_PEER") || marks >= 3 && (is("begin") || is("client")) {
        let name = rest.trim_end().trim_end_matches('#');
        return Some(name_or_nothing(Style::Begin, clean(name)));
    }
    if is("END_PEER") || marks >= 3 && is("end") {
        return Some(Comment::End);
    }
    // The mark of another program, or of a group of peers.
    (is("begin") || is("end")).then_some(Comment::Nothing)
}

/// Parses `key = value` and `key: value`; `None` if it is neither.
fn explicit(text: &str) -> Option<Comment> {
    let (key, rest) = text.split_at_checked(text.find(['=', ':'])?)?;
    let (is_setting, value) = (rest.starts_with('='), rest.get(1..)?);
    let key = key.trim_end();
    let is_key = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.');
    if key.is_empty() || !key.chars().all(is_key) {
        return None;
    }
    // Compared without a copy: an unknown key may be a secret.
    let is = |known: &str| {
        key.chars().filter(|c| !matches!(c, ' ' | '_' | '-')).map(|c| c.to_ascii_lowercase()).eq(known.chars())
    };
    let style = match key {
        _ if is("friendlyjson") => return Some(name_or_nothing(Style::Friendly, json(value.trim()))),
        _ if is("friendlyname") || is("displayname") => Style::Friendly,
        _ if is("peerdisplayname") => Style::FriendlyPeer,
        _ if is("interfacedisplayname") => Style::FriendlyInterface,
        _ if is("name") => Style::Name,
        _ if ["client", "peer", "user", "alias"].into_iter().any(is) => Style::Client,
        _ if is_setting && !key.contains(' ') => return Some(Comment::DisabledSetting),
        _ if !is_setting && (value.is_empty() || value.starts_with(char::is_whitespace)) => {
            return Some(Comment::Nothing);
        }
        _ => return None,
    };
    let value = before_update(value);
    let value = if style == Style::Client { without_uuid(value.trim()) } else { value };
    Some(name_or_nothing(style, clean(value)))
}

/// Returns the name in `friendly_json={"username":"x", …}`: the value of the first known key, else the first string.
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
                let rank = KEYS.iter().position(|&known| known == key).unwrap_or(KEYS.len());
                if let Some(name) = value.as_str().and_then(clean)
                    && best.as_ref().is_none_or(|(other, _)| rank < *other)
                {
                    best = Some((rank, name));
                }
            }
            Ok(best.map(|(_, name)| name))
        }
    }
    // The parser copies strings without wiping them.
    if holds_key(text) {
        return None;
    }
    serde_json::Deserializer::from_str(text).deserialize_map(Best).ok()?
}

/// Returns a text without a form as a name; `None` if it cannot be one.
fn plain(text: &str) -> Option<String> {
    let text = before_update(text).trim();
    let is_name = !is_heading(text) && !text.contains("://") && text.chars().nth(MAX_NAME).is_none();
    is_name.then(|| clean(text))?
}

/// Returns the name of a line as wg-gen-web writes it: `alice / alice@example.org / Updated: … / Created: …`.
fn before_update(text: &str) -> &str {
    match text.split_once(" / ") {
        Some((name, _)) if text.contains(" / Updated:") => name,
        _ => text,
    }
}

/// Returns the name without the UUID that wg-easy adds: `Client: alice (2b6d…)`.
fn without_uuid(text: &str) -> &str {
    let is_uuid = |text: &str| {
        text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') && text.contains('-')
    };
    match text.strip_suffix(')').and_then(|text| text.rsplit_once('(')) {
        Some((name, uuid)) if is_uuid(uuid) => name,
        _ => text,
    }
}

/// Returns whether the text is a heading: `-----`, `--- laptops ---`, `# laptops #`, `==== laptops`.
fn is_heading(text: &str) -> bool {
    let decorates = |c: char| matches!(c, '\u{2014}' | '\u{2500}'..='\u{259f}') || "#-=*~_+<>|/\\.".contains(c);
    let before = text.chars().take_while(|&c| decorates(c)).count();
    let after = text.chars().rev().take_while(|&c| decorates(c)).count();
    let bare = text.chars().all(|c| c.is_ascii_punctuation() || c.is_whitespace() || decorates(c));
    bare || before >= 3 || before >= 2 && after >= 2 || text.ends_with(" #") || text.ends_with("##")
}

/// Returns the name without quotes, NUL and line breaks; `None` for an empty one and for one that may hold a key.
fn clean(value: &str) -> Option<String> {
    let value = unquoted(value.split('\0').next()?.trim());
    if value.is_empty() || holds_key(value) {
        return None;
    }
    // JSON strings can have line breaks.
    let name: String = value.chars().take(MAX_NAME).map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }).collect();
    Some(name.trim_end().to_owned())
}

/// Returns the text without quotes around it.
fn unquoted(value: &str) -> &str {
    let within = |quote| value.strip_prefix(quote).and_then(|value: &str| value.strip_suffix(quote));
    within('"').or_else(|| within('\'')).unwrap_or(value).trim()
}

/// Returns whether the text holds anything like a key, with or without its trailing `=`. It may be a private one.
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
