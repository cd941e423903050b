//! Figures and texts as the view shows them.

use ratatui::style::{Color, Modifier, Style as Ink};
use ratatui::text::Span;

use crate::render::human::{Style, Tone, binary_units, scaled, wrapped};

/// What throughput is counted in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Units {
    /// Bytes, in units of 1024, as `wg` has them.
    #[default]
    Bytes,
    /// Bits, in units of 1000, as links are sold.
    Bits,
}

impl Units {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Bytes => Self::Bits,
            Self::Bits => Self::Bytes,
        }
    }

    /// What a rate is per second, as a heading has it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes/s",
            Self::Bits => "bits/s",
        }
    }

    /// `1.24 MiB/s` or `10.40 Mbit/s`.
    pub(super) fn rate(self, bytes: f64) -> String {
        match self {
            Self::Bytes => format!("{}/s", binary_units(bytes)),
            Self::Bits => format!("{}bit/s", scaled(bytes * 8.0, 1000.0, " ", &["k", "M", "G", "T", "P", "E"])),
        }
    }

    /// `1.24Mi` or `10.4M`: at most six columns.
    pub(super) fn short_rate(self, bytes: f64) -> String {
        match self {
            Self::Bytes => short_bytes(bytes),
            Self::Bits => short_count(bytes * 8.0),
        }
    }
}

/// `1.24Mi`: at most six columns.
pub(super) fn short_bytes(bytes: f64) -> String {
    scaled(bytes, 1024.0, "", &["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"])
}

/// `1.24M`: at most five columns.
pub(super) fn short_count(count: f64) -> String {
    scaled(count, 1000.0, "", &["k", "M", "G", "T", "P", "E"])
}

/// `1m 18s`, `2h 3m`: an age in a column.
pub(super) fn age(seconds: u64) -> String {
    crate::render::human::ago(seconds).trim_end_matches(" ago").to_owned()
}

/// The tone in the terminal's own colours, where it is to have any.
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

/// Columns that a text takes.
pub(super) fn columns(text: &str) -> usize {
    Span::raw(text).width()
}

/// The text, or as much of it as fits, and a sign that there is more.
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

/// The text in lines of whole words; a word that is longer than a line, such as a command or a key, goes on in the next.
pub(super) fn lines(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut broken = Vec::new();
    for line in wrapped(text, width) {
        let mut part = String::new();
        let mut taken = 0;
        for c in line.chars() {
            let wide = columns(c.encode_utf8(&mut [0; 4]));
            if taken + wide > width && !part.is_empty() {
                broken.push(std::mem::take(&mut part));
                taken = 0;
            }
            part.push(c);
            taken += wide;
        }
        broken.push(part);
    }
    broken
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
    fn text_that_does_not_fit_says_so() {
        let style = Style { unicode: true, ..Style::default() };
        assert_eq!(fitted(&style, "laptop", 6), "laptop");
        assert_eq!(fitted(&style, "laptops", 6), "lapto…");
        assert_eq!(fitted(&style, "漢字漢字", 6), "漢字…", "columns count, not characters");
        assert_eq!(fitted(&Style::default(), "laptops", 2), "", "no room for the sign");
    }

    #[test]
    fn word_longer_than_a_line_goes_on_in_the_next() {
        assert_eq!(lines("ab cdefghij kl", 4), ["ab", "cdef", "ghij", "kl"]);
    }
}
