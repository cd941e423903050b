//! Formats numbers, ages and names for people, within what the terminal supports.

use std::fmt::Write as _;
use std::io::{self, Write};

use unicode_width::UnicodeWidthStr as _;

use crate::model::{Backend, Network, printable};

/// Capacity in bytes of a string for one number with its unit: enough for most.
const SHORT: usize = 32;

/// Describes what the terminal supports and the user asked for. The default is for a pipe: all columns, no colours, ASCII.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "four independent choices, not a state machine")]
pub struct Style {
    /// Width of the terminal in columns; `None` means unlimited.
    pub width: Option<usize>,
    /// Whether text may have colours and weights.
    pub color: bool,
    /// Whether text may have characters beyond ASCII.
    pub unicode: bool,
    /// Whether bytes are exact instead of rounded to a binary prefix.
    pub exact_bytes: bool,
    /// Whether all peers are listed, not just the first ones.
    pub all_peers: bool,
}

/// Lists the emphases of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Normal text.
    Plain,
    /// A title.
    Bold,
    /// Unimportant text.
    Dim,
    /// A good state, in green.
    Good,
    /// A bad state, in bold red.
    Bad,
}

impl Style {
    /// Returns the text with the escape codes of a tone, or unchanged without colours.
    #[must_use]
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        let (start, end) = self.codes(tone);
        [start, text, end].concat()
    }

    /// Returns the escape codes before and after text in a tone; they are empty without colours.
    pub(super) const fn codes(&self, tone: Tone) -> (&'static str, &'static str) {
        const END: &str = "\x1b[0m";
        match tone {
            Tone::Plain => ("", ""),
            _ if !self.color => ("", ""),
            Tone::Bold => ("\x1b[1m", END),
            Tone::Dim => ("\x1b[2m", END),
            Tone::Good => ("\x1b[32m", END),
            Tone::Bad => ("\x1b[1;31m", END),
        }
    }

    /// Formats a counter of faulty packets: dim at 0, red otherwise.
    #[must_use]
    pub fn error_count(&self, value: Option<u64>) -> String {
        match value {
            Some(0) => self.paint(Tone::Dim, "0"),
            Some(value) => self.paint(Tone::Bad, &grouped(value)),
            None => self.unknown(),
        }
    }

    /// Escapes text from outside: control characters, and non-ASCII characters if the terminal cannot show them.
    #[must_use]
    pub fn escape(&self, text: &str) -> String {
        let text = printable(text);
        if self.unicode || text.is_ascii() {
            return text.into_owned();
        }
        text.chars().map(|c| if c.is_ascii() { c.to_string() } else { c.escape_unicode().to_string() }).collect()
    }

    /// Formats a counter without a unit.
    #[must_use]
    pub fn count(&self, value: Option<u64>) -> String {
        value.map_or_else(|| self.unknown(), grouped)
    }

    /// Formats bytes with a unit.
    #[must_use]
    pub fn bytes(&self, value: Option<u64>) -> String {
        match value {
            None => self.unknown(),
            Some(value) => {
                let mut text = String::with_capacity(SHORT);
                self.add_bytes(&mut text, value);
                text
            }
        }
    }

    /// Appends bytes with a unit.
    pub(super) fn add_bytes(&self, text: &mut String, value: u64) {
        if self.exact_bytes {
            text.push_str(&grouped(value));
            text.push_str(" B");
        } else {
            add_binary_units(text, value as f64);
        }
    }

    /// Returns the mark for an unknown value.
    #[must_use]
    pub fn unknown(&self) -> String {
        "?".to_owned()
    }

    /// Returns the mark for omitted text.
    #[must_use]
    pub const fn ellipsis(&self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }
}

/// Returns the columns that a text takes on a terminal. It must contain no escape codes.
#[must_use]
pub fn columns(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// Formats a number of any unit as `1,234,567`.
#[must_use]
pub fn grouped(value: u64) -> String {
    let mut text = String::with_capacity(SHORT);
    add_grouped(&mut text, value);
    text
}

/// Appends a number of any unit as [`grouped`] formats it.
fn add_grouped(text: &mut String, value: u64) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
}

/// Formats bytes as `1.15 GiB`, like `wg show`: units of 1024, two decimals.
#[must_use]
pub fn binary_units(bytes: f64) -> String {
    let mut text = String::with_capacity(SHORT);
    add_binary_units(&mut text, bytes);
    text
}

/// Appends bytes as [`binary_units`] formats them.
fn add_binary_units(text: &mut String, bytes: f64) {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024.0 {
        // Writing to a String cannot fail.
        let _ = write!(text, "{bytes:.0} B");
        return;
    }
    let mut value = bytes;
    let mut unit = "B";
    for next in UNITS {
        // A value that would round to 1024.00 gets the next unit.
        if value < 1023.995 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    let _ = write!(text, "{value:.2} {unit}");
}

/// Formats an age in seconds as `1m 18s ago`, in the two largest units.
#[must_use]
pub fn ago(seconds: u64) -> String {
    let mut text = String::with_capacity(SHORT);
    add_ago(&mut text, seconds);
    text
}

/// Appends an age in seconds as [`ago`] formats it.
pub(super) fn add_ago(text: &mut String, seconds: u64) {
    let (minute, hour, day) = (60, 3_600, 86_400);
    let (large, small) = match seconds {
        0 => return text.push_str("now"),
        _ if seconds < minute => ((0, ""), (seconds, "s")),
        _ if seconds < hour => ((seconds / minute, "m "), (seconds % minute, "s")),
        _ if seconds < day => ((seconds / hour, "h "), (seconds % hour / minute, "m")),
        _ => ((seconds / day, "d "), (seconds % day / hour, "h")),
    };
    if large.0 > 0 {
        add_grouped(text, large.0);
        text.push_str(large.1);
    }
    add_number(text, small.0);
    text.push_str(small.1);
    text.push_str(" ago");
}

/// Appends a number of any unit. Unlike the machinery of `write!`, this costs little more than its digits.
pub(super) fn add_number(text: &mut String, number: u64) {
    text.push_str(itoa::Buffer::new().format(number));
}

/// Names the implementation of WireGuard behind an interface.
#[must_use]
pub const fn backend_name(network: &Network) -> &'static str {
    match network.backend {
        Backend::Kernel => "kernel",
        Backend::Userspace => "userspace",
        Backend::DeadDaemon => "userspace daemon dead",
        Backend::Unknown => "daemon does not answer",
    }
}

/// Formats a number of any unit as `1.24Mi`: three digits, a separator, and the prefix for the number of divisions by `base`.
#[must_use]
pub fn scaled(mut value: f64, base: f64, separator: &str, prefixes: &[&str]) -> String {
    let mut prefix = "";
    for next in prefixes {
        // A value that would round to the base gets the next prefix.
        if value < base - 0.5 {
            break;
        }
        value /= base;
        prefix = next;
    }
    // The limits allow for rounding, which may add a digit before the point.
    let decimals = match value {
        _ if prefix.is_empty() && (value.fract() == 0.0 || value >= 9.95) => 0,
        _ if prefix.is_empty() => 1,
        _ if value < 9.995 => 2,
        _ if value < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}{separator}{prefix}")
}

/// Width of prose in a pipe.
const DEFAULT_WIDTH: usize = 100;

/// Writes text in one tone, wrapped between words and indented by `indent` columns.
///
/// # Errors
/// Returns the errors of the writer.
pub fn paragraph(out: &mut dyn Write, style: &Style, indent: usize, tone: Tone, text: &str) -> io::Result<()> {
    let width = style.width.unwrap_or(DEFAULT_WIDTH).max(indent + 20) - indent;
    for line in wrapped(text, width) {
        writeln!(out, "{:indent$}{}", "", style.paint(tone, &line))?;
    }
    Ok(())
}

/// Wraps text between words. Lines have at most `width` characters, unless a single word is longer.
#[must_use]
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut columns = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if columns > 0 && columns + 1 + length > width {
            lines.push(std::mem::take(&mut line));
            columns = 0;
        }
        if columns > 0 {
            line.push(' ');
            columns += 1;
        }
        line.push_str(word);
        columns += length;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_by_three() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn bytes_are_formatted_as_in_wg() {
        // Oracle: `wg show` of counters with these values.
        let cases = [(0.0, "0 B"), (1023.0, "1023 B"), (1024.0, "1.00 KiB"), (1536.0, "1.50 KiB")];
        for (bytes, text) in cases {
            assert_eq!(binary_units(bytes), text);
        }
        assert_eq!(binary_units(1_048_575.0), "1.00 MiB", "not 1024.00 KiB");
        assert_eq!(binary_units(u64::MAX as f64), "16.00 EiB");
    }

    #[test]
    fn age_has_two_units() {
        assert_eq!(ago(0), "now");
        assert_eq!(ago(59), "59s ago");
        assert_eq!(ago(78), "1m 18s ago");
        assert_eq!(ago(3_600), "1h 0m ago");
        assert_eq!(ago(86_400 * 3 + 7_200), "3d 2h ago");
        assert_eq!(ago(u64::MAX), "213,503,982,334,601d 7h ago");
    }

    #[test]
    fn paragraph_stays_within_the_width() {
        let mut out = Vec::new();
        let style = Style { width: Some(30), ..Style::default() };
        paragraph(&mut out, &style, 4, Tone::Plain, "one two three four five six seven eight nine").unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().all(|line| line.len() <= 30 && line.starts_with("    ")), "{text}");
        assert_eq!(text.split_whitespace().count(), 9);
    }
}
