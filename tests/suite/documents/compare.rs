//! An output in a document against one that was printed. Words have to be the same; numbers, sizes, times, ages, keys and the
//! width of columns may differ. A line of `…` alone stands for any lines.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// What differs from run to run, longest first. Addresses of the lab do not.
static VARIABLE: LazyLock<Regex> = LazyLock::new(|| {
    let parts = [
        r"(?<address>\b\d{1,3}(?:\.\d{1,3}){3}(?:/\d+|:\d+)?\b)",
        r"(?<key>[A-Za-z0-9+/]{43}=)",
        r"(?<short>[A-Za-z0-9+/]{8}(?:…|\.\.\.))",
        r"(?<time>\b\d\d:\d\d:\d\dZ)",
        r"(?<age>\b\d+[dhms](?: \d+[hms])*\b)",
        r"(?<size>\b\d[\d,]*(?:\.\d+)? ?(?:[KMGTPE]iB|[KMGTPE]i|B)\b)",
        r"(?<inode>net:\[\d+\])",
        r"(?<word>\b[A-Za-z_]+\d\w*)",
        r"(?<spark>[▁▂▃▄▅▆▇█ ]*[▁▂▃▄▅▆▇█][▁▂▃▄▅▆▇█ ]*)",
        r"(?<number>\d[\d,]*(?:\.\d+)?)",
        r"(?<blank>[ \t]+)",
    ];
    Regex::new(&parts.join("|")).unwrap()
});

/// A line with a word for each thing that differs.
fn canonical(line: &str) -> String {
    // What was counted to be shown is meant.
    if line.trim().parse::<u64>().is_ok() {
        return line.trim().to_owned();
    }
    let replaced = VARIABLE.replace_all(line.trim_end(), |found: &Captures<'_>| {
        let is = |name: &str| found.name(name).is_some();
        if is("address") || is("word") {
            found[0].to_owned()
        } else if is("key") {
            "KEY".to_owned()
        } else if is("short") {
            "KEY…".to_owned()
        } else if is("time") {
            "TIME".to_owned()
        } else if is("age") {
            "AGE".to_owned()
        } else if is("size") {
            "SIZE".to_owned()
        } else if is("inode") {
            "net:[N]".to_owned()
        } else if is("number") {
            "N".to_owned()
        } else {
            " ".to_owned()
        }
    });
    let text = replaced.trim_end().to_owned();
    // An indentation is meant, the width of a column is not.
    let indent = line.len() - line.trim_start_matches(' ').len();
    format!("{}{}", " ".repeat(indent), text.trim_start())
}

/// The lines with words for what differs.
pub(super) fn lines(text: &str) -> Vec<String> {
    text.trim_end().lines().map(canonical).collect()
}

/// Whether one stands for the other.
pub(super) fn matches(expected: &str, actual: &str) -> bool {
    stands_for(&lines(expected), &lines(actual))
}

fn stands_for(expected: &[String], actual: &[String]) -> bool {
    match expected.split_first() {
        None => actual.is_empty(),
        Some((first, rest)) if first.trim() == "…" => {
            (0..=actual.len()).any(|from| stands_for(rest, &actual[from..]))
        }
        Some((first, rest)) => actual.split_first().is_some_and(|(line, more)| line == first && stands_for(rest, more)),
    }
}

/// The first line that is not there, for people.
pub(super) fn difference(expected: &str, actual: &str) -> String {
    let known: Vec<String> = actual.lines().map(canonical).collect();
    let missing = expected.lines().find(|line| !matches!(line.trim(), "" | "…") && !known.contains(&canonical(line)));
    missing
        .map_or_else(|| "its lines stand in another order, or there are more".to_owned(), |line| format!("no {line:?}"))
}

#[test]
fn what_differs_from_run_to_run_does_not_count() {
    for (left, right) in [
        ("wg0: up, 1 of 3 peers online", "wg0: up, 2 of 3 peers online"),
        ("  ● DxOXtyT0…  1m 23s ago  21.03 KiB", "  ● aB/+tyT0…  3s ago   7 B"),
        ("15:59:18Z  wg0  289.96 KiB/s", "01:00:00Z  wg0      0 B/s"),
        ("a\n…\nz", "a\nb\nc\nz"),
        ("a\n…\nz", "a\nz"),
        (
            "peer ySjBMzqn2BfLXz8uxRC0mSpoypo60nEZrr9kII8d8WQ=: x",
            "peer DxOXtyT0+02K/XmvOj+qSmvQC97g39rUYswH68WFTS4=: x",
        ),
    ] {
        assert!(matches(left, right), "{left}\n{right}\n{}\n{}", canonical(left), canonical(right));
    }
}

#[test]
fn words_addresses_names_and_order_count() {
    for (left, right) in [
        ("wg0: up, kernel", "wg0: up, userspace"),
        ("wg0: up", "wg1: up"),
        ("in 10.9.0.0/24", "in 10.9.9.0/24"),
        ("a\nb", "b\na"),
        ("a", "a\nb"),
        ("a\n…\nz", "a\nb"),
        ("  a", "a"),
        ("24", "26"),
    ] {
        assert!(!matches(left, right), "{left}\n{right}");
    }
}
