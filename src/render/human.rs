//! Numbers, ages and names for people, and how a terminal wants them.

use std::io::{self, Write};

use crate::model::{Backend, Network, printable};

/// What the reader's terminal can show. The default is a pipe: every column, no colour, ASCII.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "four independent choices, not a state machine")]
pub struct Style {
    /// Columns to stay within; `None` means that lines may be of any length.
    pub width: Option<usize>,
    /// Colours and weights.
    pub color: bool,
    /// Characters beyond ASCII.
    pub unicode: bool,
    /// Bytes to the last digit.
    pub exact_bytes: bool,
    /// Every peer, not just the first ones.
    pub all_peers: bool,
}

/// How a piece of text stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// A title.
    Bold,
    /// Of no importance.
    Dim,
    /// As it should be.
    Good,
    /// To be looked at.
    Bad,
}

impl Style {
    /// The text in this tone, where there are colours.
    #[must_use]
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            _ if !self.color => return text.to_owned(),
            Tone::Bold => "1",
            Tone::Dim => "2",
            Tone::Good => "32",
            Tone::Bad => "1;31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// A counter of packets that should be 0: dim when it is, marked when it is not, also where there are no colours.
    #[must_use]
    pub fn alarming(&self, value: Option<u64>) -> String {
        match value {
            Some(0) => self.paint(Tone::Dim, "0"),
            Some(value) => self.paint(Tone::Bad, &format!("{}!", grouped(value))),
            None => self.unknown(),
        }
    }

    /// Text from outside: nothing in it acts on the terminal, and nothing is beyond what the terminal can show.
    #[must_use]
    pub fn outside(&self, text: &str) -> String {
        let text = printable(text);
        if self.unicode || text.is_ascii() {
            return text.into_owned();
        }
        text.chars().map(|c| if c.is_ascii() { c.to_string() } else { c.escape_unicode().to_string() }).collect()
    }

    /// A counter; its unit stands elsewhere.
    #[must_use]
    pub fn count(&self, value: Option<u64>) -> String {
        value.map_or_else(|| self.unknown(), grouped)
    }

    /// An amount of bytes.
    #[must_use]
    pub fn bytes(&self, value: Option<u64>) -> String {
        match value {
            None => self.unknown(),
            Some(value) if self.exact_bytes => format!("{} B", grouped(value)),
            Some(value) => binary_units(value as f64),
        }
    }

    /// The mark for what is not known.
    #[must_use]
    pub fn unknown(&self) -> String {
        "?".to_owned()
    }

    /// The mark for something left out.
    #[must_use]
    pub const fn ellipsis(&self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }
}

/// `1,234,567`, of whatever unit.
#[must_use]
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes as `1.15 GiB`, as `wg` has it: units of 1024, two decimals.
#[must_use]
pub fn binary_units(bytes: f64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024.0 {
        return format!("{bytes:.0} B");
    }
    let mut value = bytes;
    let mut unit = "B";
    for next in UNITS {
        // What would be rounded up to 1024.00 belongs to the next unit.
        if value < 1023.995 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.2} {unit}")
}

/// Seconds as `1m 18s ago`: the two largest units.
#[must_use]
pub fn ago(seconds: u64) -> String {
    let (minute, hour, day) = (60, 3_600, 86_400);
    match seconds {
        0 => "now".to_owned(),
        _ if seconds < minute => format!("{seconds}s ago"),
        _ if seconds < hour => format!("{}m {}s ago", seconds / minute, seconds % minute),
        _ if seconds < day => format!("{}h {}m ago", seconds / hour, seconds % hour / minute),
        _ => format!("{}d {}h ago", grouped(seconds / day), seconds % day / hour),
    }
}

/// Who does the work, in a few words.
#[must_use]
pub const fn backend(network: &Network) -> &'static str {
    match network.backend {
        Backend::Kernel => "kernel",
        Backend::Userspace => "userspace",
        Backend::DeadDaemon => "userspace daemon dead",
        Backend::Unknown => "daemon does not answer",
    }
}

/// `1.24Mi`, of whatever unit: three digits, and a prefix for each time that the value was divided by `base`.
#[must_use]
pub fn scaled(mut value: f64, base: f64, gap: &str, prefixes: &[&str]) -> String {
    let mut prefix = "";
    for next in prefixes {
        // What would be rounded up to the base belongs to the next prefix.
        if value < base - 0.5 {
            break;
        }
        value /= base;
        prefix = next;
    }
    // What is rounded up has a digit more before the point.
    let decimals = match value {
        _ if prefix.is_empty() && (value.fract() == 0.0 || value >= 9.95) => 0,
        _ if prefix.is_empty() => 1,
        _ if value < 9.995 => 2,
        _ if value < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}{gap}{prefix}")
}

/// Columns of prose where no terminal says how many there are.
const PROSE: usize = 100;

/// Writes text in lines of whole words that stay within the width, each indented by so many columns and in one tone.
///
/// # Errors
/// As the writer.
pub fn paragraph(out: &mut dyn Write, style: &Style, indent: usize, tone: Tone, text: &str) -> io::Result<()> {
    let width = style.width.unwrap_or(PROSE).max(indent + 20) - indent;
    for line in wrapped(text, width) {
        writeln!(out, "{:indent$}{}", "", style.paint(tone, &line))?;
    }
    Ok(())
}

/// The text in lines of whole words, none longer than so many characters unless it is one word.
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
    fn bytes_read_as_in_wg() {
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
