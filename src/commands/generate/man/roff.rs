//! Writes text as man(7) source: escaped, wrapped, with flags and references to man pages in bold.

use std::fmt::Write as _;

/// Maximum length of a source line in bytes, unless a word is longer. `mandoc -T lint` accepts 80.
const LINE: usize = 78;

/// Returns text as source lines. Backticks make bold; flags (`--json`) and man pages (wg(8)) are bold anyway.
pub(super) fn text(text: &str) -> String {
    let mut source = String::new();
    let mut length = 0;
    let mut is_code = false;
    for word in text.split_whitespace() {
        let word = word_source(word, &mut is_code);
        if length > 0 && length + 1 + word.len() > LINE {
            source.push('\n');
            length = 0;
        } else if length > 0 {
            source.push(' ');
            length += 1;
        }
        if length == 0 && word.starts_with(['.', '\'']) {
            source.push_str("\\&");
        }
        source.push_str(&word);
        length += word.len();
    }
    source.push('\n');
    source
}

/// Returns text that begins a new paragraph.
pub(super) fn paragraph(content: &str) -> String {
    format!(".PP\n{}", text(content))
}

/// Returns a term in bold and its description.
pub(super) fn item(term: &str, description: &str) -> String {
    item_with(&bold(term), description)
}

/// Returns a term, which is source already, and its description.
pub(super) fn item_with(term: &str, description: &str) -> String {
    format!(".TP\n{term}\n{}", text(description))
}

/// Returns a subsection's heading.
pub(super) fn subsection(heading: &str) -> String {
    format!(".SS {}\n", escape(heading).replace('"', "\\(dq"))
}

/// Returns text in bold.
pub(super) fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", escape(text))
}

/// Returns text in italics.
pub(super) fn italic(text: &str) -> String {
    format!("\\fI{}\\fR", escape(text))
}

/// Escapes text, so that it is shown as it is and can be copied from the page.
pub(super) fn escape(text: &str) -> String {
    let mut source = String::new();
    for c in text.chars() {
        match c {
            '\\' => source.push_str("\\e"),
            '-' => source.push_str("\\-"),
            '\'' => source.push_str("\\(aq"),
            c if c.is_ascii() => source.push(c),
            c => {
                let _ = write!(source, "\\[u{:04X}]", u32::from(c));
            }
        }
    }
    source
}

/// Returns a word's source. `is_code` says whether a backtick is open before the word, and after it.
fn word_source(word: &str, is_code: &mut bool) -> String {
    let mut source = String::new();
    for (index, part) in word.split('`').enumerate() {
        if index > 0 {
            *is_code = !*is_code;
        }
        let (start, end) = if *is_code { (0, part.len()) } else { bold_part(part) };
        let [before, middle, after] =
            [0..start, start..end, end..part.len()].map(|range| part.get(range).unwrap_or_default());
        source.push_str(&escape(before));
        if !middle.is_empty() {
            source.push_str(&bold(middle));
        }
        source.push_str(&escape(after));
    }
    source
}

/// Returns the byte range of the flag or man page in a word; an empty range if there is none.
fn bold_part(word: &str) -> (usize, usize) {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let start = word.find(is_name).unwrap_or(word.len());
    let rest = word.get(start..).unwrap_or_default();
    let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
    let (name, behind) = rest.split_at(end);
    let is_flag = name.starts_with("--") && name.len() > 2;
    let is_page = matches!(behind.as_bytes(), [b'(', b'1'..=b'8', b')', ..]) && !name.is_empty();
    let name = if is_flag { name.trim_end_matches('.') } else { name };
    if is_flag || is_page { (start, start + name.len()) } else { (0, 0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_pages_and_code_are_bold() {
        assert_eq!(text("see wg(8), (--no-peers)."), "see \\fBwg\\fR(8), (\\fB\\-\\-no\\-peers\\fR).\n");
        assert_eq!(text("run `wg show`'s"), "run \\fBwg\\fR \\fBshow\\fR\\(aqs\n");
        assert_eq!(text("--a. --b"), "\\fB\\-\\-a\\fR. \\fB\\-\\-b\\fR\n");
        assert_eq!(text("a -- dash (1) b\\"), "a \\-\\- dash (1) b\\e\n");
    }

    #[test]
    fn line_is_broken_between_words_and_never_begins_with_a_control_character() {
        let source = text(&".word ".repeat(40));
        assert!(source.lines().count() > 2);
        for line in source.lines() {
            assert!(line.len() <= 80 && line.starts_with("\\&.word"), "{line}");
        }
    }
}
