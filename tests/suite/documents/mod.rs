//! Checks the documents against the program: every command line runs, every link leads somewhere, every table of facts is
//! what the program says. Prose is checked by `docs/lint`.
//!
//! | file | contents |
//! |---|---|
//! | `markdown` | the documents with their blocks, headings and links |
//! | `commands` | the commands of a document, and the table of those that cannot run in the lab |
//! | `stage` | runs commands in the lab, with the files that a real host would have |
//! | `compare` | compares shown and printed output by the names in them |
//! | `scenes` | outputs of situations that the lab does not have |
//! | `blocks` | gives configurations, queries and other formats to the programs that read them |
//! | `links`, `facts` | links; tables of counters, metrics, JSON keys and limits |
//! | `recipes` | applies the changes that `docs/architecture.md` describes |

mod blocks;
mod commands;
mod compare;
mod facts;
mod links;
mod markdown;
mod recipes;
mod scenes;
mod stage;

use std::collections::HashSet;
use std::process::{self, Stdio};

use self::commands::{Command, ELSEWHERE};
use self::markdown::{Block, Document, root};
use crate::common::without_package_variables;

/// Languages of blocks. A test checks the blocks of each.
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

/// The index links every page, and no others.
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
fn every_command_runs_and_prints_the_names_that_the_document_shows() {
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

#[test]
fn first_command_of_the_readme_runs() {
    let commands = Command::of(&Document::read("README.md"));
    let first = commands.iter().find(|command| command.line.starts_with("cargo lab ")).unwrap();
    let run = || {
        let mut shell = process::Command::new("sh");
        shell.args(["-c", &first.line]).current_dir(root()).stdin(Stdio::null());
        without_package_variables(&mut shell);
        let output = shell.output().unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}: {stderr}", first.location);
        for interface in ["wg0: up, userspace", "wg1: up, userspace"] {
            assert!(stdout.contains(interface), "{}: no {interface:?} in\n{stdout}\n{stderr}", first.location);
        }
        stderr.into_owned()
    };
    run();
    let again = run();
    assert!(!again.contains("Compiling"), "{}: it builds again\n{again}", first.location);
}

#[test]
fn every_exception_has_a_command() {
    let used: HashSet<&str> =
        Document::all().iter().flat_map(Command::of).filter_map(|command| command.elsewhere()).collect();
    let unused: Vec<&str> = ELSEWHERE.iter().map(|(start, _)| *start).filter(|start| !used.contains(start)).collect();
    assert!(unused.is_empty(), "no document has a command that starts like this: {unused:?}");
}

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
