//! Spelling, by hunspell with the British dictionary: prose of the documents, text of the manual, help of every command. Words
//! of ours stand in `tests/words.txt`, one a line, in order, each in use.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use regex::Regex;

use super::markdown::{Document, root};
use crate::lab::wgstat;

const WORDS: &str = "tests/words.txt";

/// Text, and where it stands.
fn texts() -> Vec<(String, String)> {
    let mut texts: Vec<(String, String)> = Vec::new();
    for document in Document::all() {
        // Its blocks and code are somebody else's to read.
        let path = document.path.clone();
        texts.extend(document.prose.into_iter().map(|(line, text)| (format!("{path}:{line}"), text)));
    }
    for entry in fs::read_dir(root().join("man")).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("man/{}", path.file_name().unwrap().to_str().unwrap());
        texts.extend(manual(&fs::read_to_string(path).unwrap()).into_iter().map(|text| (name.clone(), text)));
    }
    for words in ["", "status", "stats", "watch", "check", "export-metrics", "serve", "generate"] {
        let arguments: Vec<&str> = words.split_whitespace().chain(["--help"]).collect();
        let output = Command::new(wgstat()).args(arguments).output().unwrap();
        texts.push((format!("wgstat {words} --help"), String::from_utf8(output.stdout).unwrap()));
    }
    texts
}

/// A page without its marks: what is bold or slanted there is a name.
fn manual(page: &str) -> Vec<String> {
    let name = Regex::new(r"\\f[BI].*?\\f[RP]").unwrap();
    let mut is_shown = true;
    let lines = page.lines().filter(|line| {
        match *line {
            ".nf" => is_shown = false,
            ".fi" => is_shown = true,
            _ => {}
        }
        is_shown && !line.starts_with('.')
    });
    lines.map(|line| name.replace_all(line, " ").replace("\\*(Aq", "'").replace('\\', "")).collect()
}

/// Without what is no word: paths, options, names with signs or digits in them.
fn prose(text: &str) -> String {
    let is_name = |word: &str| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        bare.contains(['/', '_', '=', '@', ':', '\\', '<', '>', '*', '|', '{', '}', '$', '.'])
            || bare.contains(|c: char| c.is_ascii_digit())
            || word.trim_start_matches(['(', '"', '`', '[', '\'']).starts_with('-')
            // Capitals stand for what somebody fills in, and for protocols.
            || (bare.len() > 1 && bare.chars().all(|c| c.is_uppercase() || c == '-'))
    };
    text.replace(['—', '…'], " ")
        .replace("'s", "")
        .split_whitespace()
        .filter(|word| !is_name(word))
        .collect::<Vec<_>>()
        .join(" ")
}

/// What hunspell does not know.
fn unknown(text: &str) -> Vec<String> {
    let mut child = Command::new("hunspell")
        .args(["-d", "en_GB", "-i", "utf-8", "-l"])
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("hunspell: the packages hunspell and hunspell-en-gb");
    let mut stdin = child.stdin.take().unwrap();
    let text = text.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn every_word_is_english_or_one_of_ours() {
    let list = fs::read_to_string(root().join(WORDS)).unwrap();
    let ours: BTreeSet<&str> = list.lines().collect();
    assert!(ours.iter().copied().eq(list.lines()), "{WORDS}: in order, each once: LC_ALL=C sort -u");
    let texts: Vec<(String, String)> = texts().into_iter().map(|(place, text)| (place, prose(&text))).collect();
    // One run for all; where a word stands is looked up.
    let all: Vec<&str> = texts.iter().map(|(_, text)| text.as_str()).collect();
    let found: BTreeSet<String> = unknown(&all.join("\n")).into_iter().collect();
    let wrong: BTreeMap<&str, &str> = found
        .iter()
        .filter(|word| !ours.contains(word.as_str()))
        .map(|word| {
            let place = texts.iter().find(|(_, text)| text.contains(word.as_str()));
            (word.as_str(), place.map_or("", |(place, _)| place.as_str()))
        })
        .collect();
    assert!(wrong.is_empty(), "spelt wrong, or missing in {WORDS}: {wrong:#?}");
    let unused: Vec<&&str> = ours.iter().filter(|word| !found.contains(**word)).collect();
    assert!(unused.is_empty(), "{WORDS} has words that no text needs: {unused:?}");
}

#[test]
fn american_spelling_is_found() {
    assert_eq!(unknown("the colour of the behavior, initialise"), ["behavior"]);
}
