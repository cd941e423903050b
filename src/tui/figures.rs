//! Formats numbers, ages and texts for the live view.

use ratatui::style::{Color, Modifier, Style as Ink};

use crate::model::{Problem, printable};
use crate::render::format::{self, Style, Tone, binary_units, columns, scaled, wrapped};

/// Selects the unit of throughput.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Units {
    /// Bytes with binary prefixes, as in `wg show`.
    #[default]
    Bytes,
    /// Bits with decimal prefixes, as in the data sheets of links.
    Bits,
}

impl Units {
    /// Returns the other unit.
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Bytes => Self::Bits,
            Self::Bits => Self::Bytes,
        }
    }

    /// Returns the unit of a rate for a heading.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes/s",
            Self::Bits => "bits/s",
        }
    }

    /// Formats a rate in bytes per second as `1.24 MiB/s` or `10.40 Mbit/s`.
    pub(super) fn rate(self, bytes: f64) -> String {
        match self {
            Self::Bytes => format!("{}/s", binary_units(bytes)),
            Self::Bits => format!("{}bit/s", scaled(bytes * 8.0, 1000.0, " ", &["k", "M", "G", "T", "P", "E"])),
        }
    }

    /// Formats a rate in bytes per second as `1.24Mi` or `10.4M`, in at most six columns.
    pub(super) fn short_rate(self, bytes: f64) -> String {
        match self {
            Self::Bytes => short_bytes(bytes),
            Self::Bits => short_count(bytes * 8.0),
        }
    }
}

/// Formats bytes as `1.24Mi`, in at most six columns.
pub(super) fn short_bytes(bytes: f64) -> String {
    scaled(bytes, 1024.0, "", &["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"])
}

/// Formats a number as `1.24M`, in at most five columns.
pub(super) fn short_count(count: f64) -> String {
    scaled(count, 1000.0, "", &["k", "M", "G", "T", "P", "E"])
}

/// Formats an age in seconds as `1m 18s` or `2h 3m`.
pub(super) fn age(seconds: u64) -> String {
    format::ago(seconds).trim_end_matches(" ago").to_owned()
}

/// Returns the Ratatui style of a tone; it has colours only if `style` allows them.
pub(super) fn ink(style: &Style, tone: Tone) -> Ink {
    let (color, modifier) = match tone {
        Tone::Plain => return Ink::new(),
        Tone::Bold => return Ink::new().add_modifier(Modifier::BOLD),
        Tone::Dim => return Ink::new().add_modifier(Modifier::DIM),
        Tone::Good => (Color::Green, Modifier::empty()),
        Tone::Bad => (Color::Red, Modifier::BOLD),
    };
    let ink = Ink::new().add_modifier(modifier);
    if style.color { ink.fg(color) } else { ink }
}

/// Returns the text if it fits, else its beginning with an ellipsis.
pub(super) fn fitted(style: &Style, text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(columns(style.ellipsis()));
    let mut short = String::new();
    let mut taken = 0;
    for c in text.chars() {
        taken += columns(c.encode_utf8(&mut [0; 4]));
        if taken > room {
            break;
        }
        short.push(c);
    }
    short.push_str(style.ellipsis());
    if columns(&short) > width { String::new() } else { short }
}

/// Wraps a text between words. A word longer than a line, such as a key, continues on the next line.
pub(super) fn lines(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    for line in wrapped(text, width) {
        let mut part = String::new();
        let mut taken = 0;
        for c in line.chars() {
            let wide = columns(c.encode_utf8(&mut [0; 4]));
            if taken + wide > width && !part.is_empty() {
                lines.push(std::mem::take(&mut part));
                taken = 0;
            }
            part.push(c);
            taken += wide;
        }
        lines.push(part);
    }
    lines
}

/// Returns the message of a problem, with its hint in parentheses.
pub(super) fn problem_text(problem: &Problem) -> String {
    let hint = problem.hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{}{}", printable(&problem.message), printable(&hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_figures_never_need_more_room_than_their_column() {
        for digits in 0..19 {
            for leading in [1.0, 1.023, 1.0235, 9.994, 9.9951, 9.99999] {
                let value = leading * 10_f64.powi(digits);
                assert!(columns(&Units::Bytes.short_rate(value)) <= 6, "{value}");
                assert!(columns(&short_count(value)) <= 5, "{value}");
            }
        }
    }

    #[test]
    fn bits_are_eight_to_a_byte_and_scaled_by_a_thousand() {
        assert_eq!(Units::Bits.rate(125_000.0), "1.00 Mbit/s");
        assert_eq!(Units::Bytes.rate(125_000.0), "122.07 KiB/s");
        assert_eq!(Units::Bits.rate(0.0), "0 bit/s");
    }

    #[test]
    fn text_that_does_not_fit_gets_an_ellipsis() {
        let style = Style { unicode: true, ..Style::default() };
        assert_eq!(fitted(&style, "laptop", 6), "laptop");
        assert_eq!(fitted(&style, "laptops", 6), "lapto…");
        assert_eq!(fitted(&style, "漢字漢字", 6), "漢字…", "columns count, not characters");
        assert_eq!(fitted(&Style::default(), "laptops", 2), "", "no room for the ellipsis");
    }

    #[test]
    fn word_longer_than_a_line_continues_in_the_next() {
        assert_eq!(lines("ab cdefghij kl", 4), ["ab", "cdef", "ghij", "kl"]);
    }
}
