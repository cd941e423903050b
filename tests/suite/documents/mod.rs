//! What the project says of itself, held against what it does: every command line and output in the documents, every link,
//! every word.
//!
//! | file | what it owns |
//! |---|---|
//! | `markdown` | the documents, and their blocks, headings, links and prose |
//! | `commands` | which line of a block is a command, and what stands below it; the table of those that are not run |
//! | `stage` | where they run: the lab, with the files that a real host would have |
//! | `compare` | an output in a document and one that was printed, but for what differs from run to run |
//! | `scenes` | outputs of situations that the lab does not have |
//! | `blocks` | configurations, queries and documents of others' formats, each read by its own program |
//! | `links`, `spelling`, `facts` | links; words; tables of counters and metrics |
//! | `items` | what rustdoc shows: units of numbers, sources of facts |
//! | `recipes` | the changes that `docs/architecture.md` shows, made |

mod blocks;
mod commands;
mod compare;
mod facts;
mod items;
mod links;
mod markdown;
mod recipes;
mod scenes;
mod spelling;
mod stage;

use std::collections::HashSet;
use std::process::{self, Stdio};

use self::commands::{Command, ELSEWHERE};
use self::markdown::{Block, Document, root};
use crate::common::without_package_variables;

/// What a block may be written in: each has somebody who checks it.
const LANGUAGES: [&str; 11] =
    ["sh", "console", "text", "toml", "yaml", "ini", "json", "promql", "nginx", "diff", "crontab"];

#[test]
fn every_block_says_what_it_is_written_in() {
    for document in Document::all() {
        for Block { language, line, .. } in &document.blocks {
            assert!(LANGUAGES.contains(&language.as_str()), "{}:{line}: {language:?}", document.path);
        }
    }
}

/// The index has every page and says nothing of others.
#[test]
fn index_names_every_page() {
    let index = Document::read("docs/README.md");
    let mut linked: Vec<String> = index.links.iter().map(|link| link.target.clone()).collect();
    let mut pages: Vec<String> = Document::all()
        .into_iter()
        .filter_map(|document| document.path.strip_prefix("docs/").map(str::to_owned))
        .filter(|path| path != "README.md")
        .collect();
    linked.retain(|target| !target.contains('/'));
    linked.sort();
    linked.dedup();
    pages.sort();
    assert_eq!(linked, pages);
}

#[test]
fn every_command_runs_and_prints_what_the_document_shows() {
    let documents: Vec<(String, Vec<Command>)> = Document::all()
        .iter()
        .map(|document| (document.path.clone(), Command::of(document)))
        .map(|(path, commands)| (path, commands.into_iter().filter(|command| command.elsewhere().is_none()).collect()))
        .filter(|(_, commands): &(_, Vec<_>)| !commands.is_empty())
        .collect();
    let failures: Vec<String> = std::thread::scope(|scope| {
        let labs: Vec<_> = documents.iter().map(|(_, commands)| scope.spawn(|| stage::failures(commands))).collect();
        labs.into_iter().flat_map(|lab| lab.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{} commands:\n\n{}", failures.len(), failures.join("\n\n"));
}

/// Four words a second; what is not prose, one looks at.
#[test]
fn the_readme_is_read_in_two_minutes() {
    let readme = Document::read("README.md");
    let mut is_block = false;
    let prose = readme.text.lines().filter(|line| {
        let is_fence = line.starts_with("```");
        is_block ^= is_fence;
        !is_fence && !is_block && !line.starts_with('|')
    });
    let words = prose.flat_map(str::split_whitespace).filter(|word| word.contains(char::is_alphanumeric)).count();
    assert!((200..=480).contains(&words), "{words} words");
}

#[test]
fn the_first_command_runs_where_a_stranger_types_it() {
    let commands = Command::of(&Document::read("README.md"));
    let first = commands.iter().find(|command| command.line.starts_with("cargo lab ")).unwrap();
    let run = || {
        let mut shell = process::Command::new("sh");
        shell.args(["-c", &first.line]).current_dir(root()).stdin(Stdio::null());
        without_package_variables(&mut shell);
        let output = shell.output().unwrap();
        let (said, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}: {complaint}", first.place);
        for interface in ["wg0: up, userspace", "wg1: up, userspace"] {
            assert!(said.contains(interface), "{}: no {interface:?} in\n{said}\n{complaint}", first.place);
        }
        complaint.into_owned()
    };
    run();
    let again = run();
    assert!(!again.contains("Compiling"), "{}: what was built is built again\n{again}", first.place);
}

/// What is excused has to be there.
#[test]
fn every_excuse_has_a_command() {
    let used: HashSet<&str> =
        Document::all().iter().flat_map(Command::of).filter_map(|command| command.elsewhere()).collect();
    let unused: Vec<&str> = ELSEWHERE.iter().map(|(start, _)| *start).filter(|start| !used.contains(start)).collect();
    assert!(unused.is_empty(), "no document has a command that begins so: {unused:?}");
}

/// Output without the command that printed it.
#[test]
fn every_text_is_what_something_prints() {
    for document in Document::all() {
        for block in document.blocks.iter().filter(|block| matches!(block.language.as_str(), "text" | "console")) {
            if !block.text.starts_with("$ ") {
                scenes::check_text(&document.path, block);
            }
        }
    }
}
