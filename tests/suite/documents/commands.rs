//! Finds the commands in the blocks of a document, and lists those that cannot run in the lab.

use super::markdown::{Block, Document};

/// Holds a command of a document.
pub(super) struct Command {
    /// The path and line: `README.md:17`.
    pub(super) location: String,
    pub(super) line: String,
    /// The output that is shown below it, if there is one.
    pub(super) output: Option<String>,
}

/// Commands that cannot run in the lab, by the start of the command or of `path: command`, and what tests them instead.
pub(super) const ELSEWHERE: [(&str, &str); 11] = [
    ("cargo lab ", "it makes a lab of its own: `first_command_of_the_readme_runs`"),
    (
        "cargo install --path .",
        "tests/package/run runs it, unoptimised, and tests/package/operator continues with the program",
    ),
    ("tests/run", "it is what runs this"),
    ("packaging/build", "the stages `release` and `package` run both"),
    ("sudo apt install ./target/debian/", TYPED),
    ("sudo cp ~/.cargo/bin/wgstat /usr/bin/", TYPED),
    ("sudo systemctl enable --now wgstat.service", TYPED),
    ("docs/diagnosis.md: ", "tests/kernel/diagnosis types each of them on a real kernel, with the capitals filled in"),
    ("packaging/systemd/README.md: sudo ", TYPED),
    ("packaging/systemd/README.md: systemctl ", TYPED),
    ("packaging/systemd/README.md: systemd-analyze ", TYPED),
];
const TYPED: &str = "it needs systemd or apt: tests/package/operator types it in a Debian that has them";

impl Command {
    /// Returns every command of a document, in order.
    pub(super) fn of(document: &Document) -> Vec<Self> {
        document.blocks.iter().flat_map(|block| Self::of_block(document, block)).collect()
    }

    fn of_block(document: &Document, block: &Block) -> Vec<Self> {
        let location = |offset: usize| format!("{}:{}", document.path, block.line + 1 + offset);
        match block.language.as_str() {
            "sh" | "crontab" => logical(&block.text)
                .into_iter()
                .filter(|(_, line)| !line.starts_with('#') && !line.is_empty())
                .map(|(offset, line)| {
                    // A line of cron: times, user, command.
                    let line = line.strip_prefix("* * * * * root ").unwrap_or(&line).to_owned();
                    Self { location: location(offset), line, output: None }
                })
                .collect(),
            "text" | "console" if block.text.starts_with("$ ") => {
                let mut commands: Vec<Self> = Vec::new();
                let mut is_output = false;
                for (offset, line) in block.text.lines().enumerate() {
                    match (line.strip_prefix("$ "), commands.last_mut()) {
                        (Some(line), _) => {
                            commands.push(Self {
                                location: location(offset),
                                line: line.to_owned(),
                                output: Some(String::new()),
                            });
                            is_output = !line.ends_with('\\');
                        }
                        (None, Some(last)) if !is_output => {
                            last.line = format!("{} {}", last.line.trim_end_matches('\\'), line.trim());
                            is_output = !line.ends_with('\\');
                        }
                        (None, last) => {
                            let output = last.and_then(|last| last.output.as_mut()).unwrap();
                            output.push_str(line);
                            output.push('\n');
                        }
                    }
                }
                commands
            }
            _ => Vec::new(),
        }
    }

    /// Returns the entry of [`ELSEWHERE`] that matches it.
    pub(super) fn elsewhere(&self) -> Option<&'static str> {
        let path = self.location.split(':').next().unwrap();
        ELSEWHERE.iter().map(|(start, _)| *start).find(|start| match start.split_once(": ") {
            Some((document, start)) => path == document && self.line.starts_with(start),
            None => self.line.starts_with(start),
        })
    }
}

/// Returns the lines with their offset, joined where they end in a backslash.
fn logical(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (offset, line) in text.lines().enumerate() {
        let part = line.trim_end_matches('\\').trim();
        match lines.last_mut() {
            Some((_, last)) if goes_on => *last = format!("{last} {part}"),
            _ => lines.push((offset, part.to_owned())),
        }
        goes_on = line.ends_with('\\');
    }
    lines
}
