//! Parses names in a corpus of files as people and programs write them, and in mutants of these.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use wgstat::model::{Name, NameFile, PublicKey};
use wgstat::names::{FoundName, NameParser, Names};

use crate::mutation::Random;

/// All private and preshared keys of the corpus start with this.
const SENTINEL: &str = "SECRETSECRET";

/// Least number of mutants that are parsed.
const MUTANTS: usize = 20_000;

/// Larger files take long and test no more.
const MAX_MUTANT: usize = 8192;

/// Holds a file of a case: its path from the root, its text, and whether it is a drop-in of the previous one.
#[derive(Clone)]
struct File {
    path: PathBuf,
    text: Vec<u8>,
    is_drop_in: bool,
}

struct Case {
    title: String,
    files: Vec<File>,
    expected: String,
}

fn sorted(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.is_file() && path.extension().is_some_and(|own| own == extension));
    paths.sort();
    paths
}

fn corpus() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/names");
    let mut folders: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders.iter().map(|folder| case(folder)).collect()
}

fn case(folder: &Path) -> Case {
    let mut files = Vec::new();
    let mut add = |path: &Path, is_drop_in| {
        let (path, text) = (path.strip_prefix(folder).unwrap().to_owned(), fs::read(path).unwrap());
        files.push(File { path, text, is_drop_in });
    };
    for path in sorted(&folder.join("etc/wireguard"), "conf") {
        add(&path, false);
    }
    for path in sorted(&folder.join("etc/systemd/network"), "netdev") {
        add(&path, false);
        let drop_ins = path.with_extension("netdev.d");
        for path in sorted(&drop_ins, "conf") {
            add(&path, true);
        }
    }
    let title = folder.file_name().unwrap().to_str().unwrap().to_owned();
    Case { title, files, expected: fs::read_to_string(folder.join("expected")).unwrap() }
}

fn read(files: &[File]) -> Names {
    let mut parser = NameParser::default();
    for file in files {
        let is_netdev = file.path.extension().is_some_and(|extension| extension == "netdev");
        let kind = match file.path.file_stem() {
            _ if file.is_drop_in => NameFile::NetdevDropIn,
            _ if is_netdev => NameFile::Netdev,
            interface => NameFile::WgQuick(Name::from(interface.unwrap())),
        };
        parser.file(&file.path, &kind);
        file.text.split(|&byte| byte == b'\n').for_each(|line| parser.line(line));
    }
    parser.finish()
}

fn all(names: &Names) -> impl Iterator<Item = (&Name, Option<&PublicKey>, &FoundName)> {
    let networks = names.networks.iter().map(|(interface, named)| (interface, None, named));
    let peers = names.peers.iter();
    let peers =
        peers.flat_map(|(interface, peers)| peers.iter().map(move |(key, named)| (interface, Some(key), named)));
    networks.chain(peers)
}

fn lines(names: &Names) -> BTreeSet<String> {
    let line = |(interface, key, named): (&Name, Option<&PublicKey>, &FoundName)| {
        format!("{interface} {} {}", key.map_or("-".to_owned(), ToString::to_string), named.name)
    };
    let warnings = (!names.warnings.is_empty()).then(|| format!("warnings {}", names.warnings.len()));
    all(names).map(line).chain(warnings).collect()
}

#[test]
fn names_of_every_file_are_found_and_no_others() {
    let corpus = corpus();
    assert!(corpus.len() >= 34, "{} cases", corpus.len());
    let mut wrong = Vec::new();
    for case in &corpus {
        let (found, expected) = (lines(&read(&case.files)), case.expected.lines().map(str::to_owned).collect());
        for line in found.difference(&expected) {
            wrong.push(format!("{}: found, not expected: {line}", case.title));
        }
        for line in expected.difference(&found) {
            wrong.push(format!("{}: expected, not found: {line}", case.title));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_are_in_the_lines_they_are_reported_in() {
    for case in corpus() {
        let names = read(&case.files);
        let files: Vec<&PathBuf> = case.files.iter().map(|file| &file.path).collect();
        assert_eq!(names.files.iter().collect::<Vec<_>>(), files, "{}", case.title);
        for (_, _, named) in all(&names) {
            let lines = case.files[named.file].text.split(|&byte| byte == b'\n');
            let line = String::from_utf8_lossy(lines.into_iter().nth(named.line - 1).unwrap());
            // Bytes that are not UTF-8 are escaped in the name.
            let part = named.name.split('\\').next().unwrap();
            assert!(line.contains(part), "{}: {named:?} is not in {line}", case.title);
        }
    }
}

#[test]
fn names_hold_no_secret() {
    let mut secrets = 0;
    for case in corpus() {
        let texts = case.files.iter().map(|file| String::from_utf8_lossy(&file.text));
        secrets += texts.filter(|text| text.contains(SENTINEL)).count();
        let names = format!("{:?}", read(&case.files));
        assert!(!names.contains(SENTINEL), "{}: {names}", case.title);
    }
    assert!(secrets >= 30, "{secrets} files have a secret to lose");
}

/// Mutates bytes, and breaks lines, sections and comments.
fn mutate(random: &mut Random, text: &mut Vec<u8>) {
    random.mutate(text);
    for _ in 0..random.below(4) {
        let index = random.below(text.len() + 1);
        let piece = ["[", "]", "=", "#", "\n", "\\\n", "\r", "\0", "\"", "\n[Peer]\n", "\n# "][random.below(11)];
        text.splice(index..index, piece.bytes());
    }
}

#[test]
fn names_of_mutated_files_are_names() {
    let mut corpus = corpus();
    corpus.retain(|case| case.files.iter().map(|file| file.text.len()).sum::<usize>() <= MAX_MUTANT);
    let rounds = MUTANTS.div_ceil(corpus.len());
    let (mut random, mut found) = (Random::new(7), 0);
    for case in &corpus {
        for round in 0..rounds {
            let mut files = case.files.clone();
            let index = random.below(files.len());
            mutate(&mut random, &mut files[index].text);
            let names = catch_unwind(AssertUnwindSafe(|| read(&files))).unwrap_or_else(|panic| {
                println!("{}, round {round}:\n{}", case.title, String::from_utf8_lossy(&files[index].text));
                std::panic::resume_unwind(panic)
            });
            for (_, _, FoundName { name, .. }) in all(&names) {
                let is_name = !name.is_empty() && name.chars().count() <= 128 && !name.contains(['\0', '\n', '\r']);
                assert!(is_name && name.split(' ').all(|word| !is_key(word)), "{}, round {round}: {name}", case.title);
                found += 1;
            }
            // All that a warning takes from a file is a public key.
            for warning in &names.warnings {
                let text = warning.text(&names.files);
                assert!(text.len() < 200 && !text.contains(char::is_control), "{warning:?}");
            }
        }
    }
    // Mutations without any name would test little.
    assert!(found > MUTANTS / 2, "{found} names");
}

/// Returns whether the word has the form of a key, public or private.
fn is_key(word: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    word.strip_suffix('=').is_some_and(|digits| digits.len() == 43 && digits.bytes().all(is_digit))
}
