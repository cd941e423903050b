//! A manual page as it grows: headings, paragraphs, lists and examples in the macros of man(7).
//!
//! Text is plain but for backticks, which make bold; flags (`--json`) and other pages (wg(8)) are bold by themselves.

use std::io;

use roff::{Inline, Roff, bold, italic, roman};

/// Bytes of a source line, at most, where words allow it: that is what lint asks for, and what differences are read by.
const LINE: usize = 78;

pub(super) struct Page(Roff);

/// What a page begins with.
pub(super) struct Title<'a> {
    pub(super) name: &'a str,
    pub(super) section: &'a str,
    pub(super) about: &'a str,
}

/// Text and how it is set.
struct Run {
    bold: bool,
    text: String,
}

impl Page {
    /// Without a date: the page changes when its text does.
    pub(super) fn new(title: &Title<'_>) -> Self {
        let mut page = Self(Roff::new());
        let (name, no_date) = (title.name.to_uppercase(), "\"\"");
        let version = concat!("wgstat ", env!("CARGO_PKG_VERSION"));
        page.0.control("TH", [name.as_str(), title.section, no_date, version, "wgstat manual"]);
        // Words are not broken, and spaces not stretched: what is to be typed is in the text too.
        page.0.control("nh", []).control("ad", ["l"]);
        page.section("NAME").text(&format!("{} - {}", title.name, title.about.replace('`', "")));
        page
    }

    pub(super) fn into_bytes(self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.0.to_writer(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn section(&mut self, heading: &str) -> &mut Self {
        self.0.control("SH", [heading]);
        self
    }

    pub(super) fn subsection(&mut self, heading: &str) -> &mut Self {
        self.0.control("SS", [heading]);
        self
    }

    /// Text right behind a heading, or to go on with.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for line in lines(text) {
            self.0.text(line);
        }
        self
    }

    pub(super) fn paragraph(&mut self, text: &str) -> &mut Self {
        self.0.control("PP", []);
        self.text(text)
    }

    /// A term and what is to be said of it.
    pub(super) fn item(&mut self, term: &str, text: &str) -> &mut Self {
        self.term([bold(term)], text)
    }

    pub(super) fn term(&mut self, term: impl Into<Vec<Inline>>, text: &str) -> &mut Self {
        self.0.control("TP", []).text(term);
        self.text(text)
    }

    /// A list within what an item says.
    pub(super) fn indented(&mut self, list: impl FnOnce(&mut Self)) -> &mut Self {
        self.0.control("RS", []);
        list(self);
        self.0.control("RE", []);
        self
    }

    /// Lines to type, or of a file: as they are.
    pub(super) fn code<'a>(&mut self, lines: impl IntoIterator<Item = &'a str>) -> &mut Self {
        self.0.control("PP", []).control("RS", ["4"]).control("EX", []);
        for line in lines {
            self.0.text([roman(line)]);
        }
        // Its end lets words be broken again; and so does that of a synopsis.
        self.0.control("EE", []).control("nh", []).control("RE", []);
        self
    }

    /// What to type, each with what it is for.
    pub(super) fn examples(&mut self, examples: &[(&str, &str)]) -> &mut Self {
        self.section("EXAMPLES");
        for (place, (what, code)) in examples.iter().enumerate() {
            if place == 0 {
                self.text(what);
            } else {
                self.paragraph(what);
            }
            self.code(code.lines());
        }
        self
    }

    pub(super) fn see_also(&mut self, pages: &str) -> &mut Self {
        self.section("SEE ALSO").text(pages)
    }

    /// A command and its words, one each line and never broken; they may have escapes of their own.
    pub(super) fn synopsis(&mut self, command: &str, words: &[String]) -> &mut Self {
        self.0.control("SY", [escaped(command).as_str()]);
        for word in words {
            self.0.control("RB", [word.as_str()]);
        }
        self.0.control("YS", []).control("nh", []);
        self
    }
}

/// An option as synopses have it, for [`Page::synopsis`].
pub(super) fn option_word(flag: &str, value: Option<&str>) -> String {
    let value = value.map(|value| format!("\\~{}", value_word(value))).unwrap_or_default();
    format!("\\fB{}\\fR{value}", escaped(flag))
}

/// A value as synopses have it, for [`Page::synopsis`].
pub(super) fn value_word(value: &str) -> String {
    format!("\\fI{}\\fR", escaped(value))
}

/// For macros: nothing in them breaks.
fn escaped(text: &str) -> String {
    text.replace('-', "\\-").replace(' ', "\\~")
}

/// A flag as lists of options have it.
pub(super) fn option_term(flags: &[String], value: Option<&str>) -> Vec<Inline> {
    let mut term = Vec::new();
    for flag in flags {
        if !term.is_empty() {
            term.push(roman(", "));
        }
        term.push(bold(flag));
    }
    if let Some(value) = value {
        if !term.is_empty() {
            term.push(roman(" "));
        }
        term.push(italic(value));
    }
    term
}

/// Breaks text into source lines.
fn lines(text: &str) -> Vec<Vec<Inline>> {
    let mut lines = Vec::new();
    let (mut line, mut length): (Vec<Run>, usize) = (Vec::new(), 0);
    let mut is_code = false;
    for word in text.split_whitespace() {
        let runs = runs(word, &mut is_code);
        let width: usize = runs.iter().map(width).sum();
        if !line.is_empty() && length + 1 + width > LINE {
            lines.push(inlines(std::mem::take(&mut line)));
            length = 0;
        }
        length += width + usize::from(!line.is_empty());
        let space = !line.is_empty();
        for (place, run) in runs.into_iter().enumerate() {
            let gap = if space && place == 0 { " " } else { "" };
            match line.last_mut() {
                Some(last) if last.bold == run.bold => last.text.extend([gap, run.text.as_str()]),
                // The space is the roman text's.
                Some(last) if run.bold => {
                    last.text.push_str(gap);
                    line.push(run);
                }
                _ => line.push(Run { text: format!("{gap}{}", run.text), ..run }),
            }
        }
    }
    lines.push(inlines(line));
    lines
}

fn inlines(line: Vec<Run>) -> Vec<Inline> {
    line.into_iter().map(|run| if run.bold { bold(run.text) } else { roman(run.text) }).collect()
}

/// Bytes of it as source.
fn width(run: &Run) -> usize {
    let escapes = |c: char| match c {
        '-' | '\\' => 1,
        '\'' => 4,
        // As mandoc writes it: \[u2026].
        c if !c.is_ascii() => 6,
        _ => 0,
    };
    run.text.len() + run.text.chars().map(escapes).sum::<usize>() + if run.bold { 6 } else { 0 }
}

/// A word in its parts; backticks switch, and may stay open for the words behind it.
fn runs(word: &str, is_code: &mut bool) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (place, part) in word.split('`').enumerate() {
        if place > 0 {
            *is_code = !*is_code;
        }
        if part.is_empty() {
            continue;
        }
        let (start, end) = if *is_code { (0, part.len()) } else { bold_part(part) };
        for (bold, range) in [(false, 0..start), (true, start..end), (false, end..part.len())] {
            if let Some(text) = part.get(range).filter(|text| !text.is_empty()) {
                runs.push(Run { bold, text: text.to_owned() });
            }
        }
    }
    runs
}

/// Where in a plain word a flag or the name of a page stands.
fn bold_part(word: &str) -> (usize, usize) {
    let of_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let start = word.find(of_name).unwrap_or(word.len());
    let rest = word.get(start..).unwrap_or_default();
    let end = rest.find(|c| !of_name(c)).unwrap_or(rest.len());
    let (name, behind) = rest.split_at(end);
    let is_flag = name.starts_with("--") && name.len() > 2;
    let is_page = matches!(behind.as_bytes(), [b'(', b'1'..=b'8', b')', ..]) && !name.is_empty();
    let name = if is_flag { name.trim_end_matches('.') } else { name };
    if is_flag || is_page { (start, start + name.len()) } else { (0, 0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> String {
        let mut page = Page(Roff::new());
        page.text(text);
        page.0.to_roff()
    }

    #[test]
    fn flags_pages_and_code_are_bold() {
        assert_eq!(source("see wg(8), (--no-peers)."), "see \\fBwg\\fR(8), (\\fB\\-\\-no\\-peers\\fR).\n");
        assert_eq!(source("run `wg show`'s"), "run \\fBwg show\\fR's\n");
        assert_eq!(source("--a. --b"), "\\fB\\-\\-a\\fR. \\fB\\-\\-b\\fR\n");
        assert_eq!(source("a -- dash (1) 'wg*'"), "a \\-\\- dash (1) 'wg*'\n");
    }

    #[test]
    fn line_is_broken_between_words_and_never_begins_with_a_control_character() {
        let text = "'.word ".repeat(40);
        let source = source(&text);
        assert!(source.lines().count() > 2);
        for line in source.lines() {
            assert!(line.len() <= 80 && line.starts_with("\\&'.word"), "{line}");
        }
    }
}
