//! Holds names from outside: bytes that may be neither UTF-8 nor printable.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;

/// Holds an interface's name or alias (`IFLA_IFNAME`, `IFLA_IFALIAS`), unchanged from the kernel or a file.
///
/// `Display` escapes every byte that could control a terminal. [`Name::text`] does not: it is for JSON, which has its own
/// escapes.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Vec<u8>);

impl Name {
    /// Creates a name from the bytes up to the first NUL.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.split(|&byte| byte == 0).next().unwrap_or_default().to_vec())
    }

    /// Returns the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the name for use in a path.
    #[must_use]
    pub fn as_os_str(&self) -> &OsStr {
        OsStr::from_bytes(&self.0)
    }

    /// Returns the name as one word of a shell command, quoted only if necessary.
    #[must_use]
    pub fn shell_word(&self) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.@:/".contains(c);
        let text = self.to_string();
        if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
    }

    /// Returns the name as text; bytes that are not UTF-8 become `\xNN`.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        if let Ok(text) = std::str::from_utf8(&self.0) {
            return Cow::Borrowed(text);
        }
        let mut text = String::new();
        for chunk in self.0.utf8_chunks() {
            text.push_str(chunk.valid());
            for byte in chunk.invalid() {
                // Writing to a String cannot fail.
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
        Cow::Owned(text)
    }
}

impl From<&OsStr> for Name {
    fn from(text: &OsStr) -> Self {
        Self::new(text.as_bytes())
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.text()))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Escapes the characters that could control a terminal or reorder its text.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts_on_terminal) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if !acts_on_terminal(c) {
            safe.push(c);
        } else if c.is_ascii() {
            let _ = write!(safe, "\\x{:02x}", u32::from(c));
        } else {
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
        }
    }
    Cow::Owned(safe)
}

/// Returns whether a character could control a terminal or reorder its text.
#[must_use]
pub fn acts_on_terminal(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_utf8_are_shown_as_hex() {
        let name = Name::new(b"wg\xff\xfe0");
        assert_eq!(name.text(), "wg\\xff\\xfe0");
        assert_eq!(name.to_string(), "wg\\xff\\xfe0");
    }

    #[test]
    fn no_control_character_is_displayed() {
        let name = Name::new("wg\u{1b}[2J\u{9b}\u{202e}\"é".as_bytes());
        assert_eq!(name.to_string(), "wg\\x1b[2J\\u{9b}\\u{202e}\"é");
        assert_eq!(name.text(), "wg\u{1b}[2J\u{9b}\u{202e}\"é", "JSON escapes control characters itself");
    }

    #[test]
    fn name_ends_at_the_first_nul() {
        assert_eq!(Name::new(b"wg0\0junk").as_bytes(), b"wg0");
    }

    #[test]
    fn name_is_one_word_of_a_command() {
        for (name, word) in [("wg0", "wg0"), ("a b", "'a b'"), ("x;reboot", "'x;reboot'"), ("it's", "'it'\\''s'")] {
            assert_eq!(Name::from(name).shell_word(), word);
        }
    }
}
