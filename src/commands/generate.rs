//! `wgstat generate`: the files that are committed and packaged.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::Outcome;
use crate::cli::{Artifact, Cli, Generate, Limits};
use crate::error::{Code, Error, Result};
use crate::findings::counters::{counted_nowhere, meaning};
use crate::model::{Backend, Counter, printable};
use crate::render::{grafana, json, rules};

pub(super) fn run(options: &Generate, remarks: &mut dyn Write) -> Result<Outcome> {
    let default = match options.what {
        Artifact::Man => "man",
        Artifact::Completions => "completions",
        Artifact::Schema => "docs/schema",
        Artifact::AlertRules => "packaging/prometheus",
        Artifact::Dashboard => "packaging/grafana",
    };
    let directory = options.directory.clone().unwrap_or_else(|| PathBuf::from(default));
    for (name, content) in files(options).map_err(|source| failed(&directory, source))? {
        let path = directory.join(name);
        fs::create_dir_all(&directory)
            .and_then(|()| fs::write(&path, content))
            .map_err(|source| failed(&path, source))?;
        let _ = writeln!(remarks, "wrote {}", path.display());
    }
    Ok(Outcome::Done)
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::Output { subject: printable(&path.to_string_lossy()).into_owned(), source }
}

/// File names and their content.
fn files(options: &Generate) -> io::Result<Vec<(String, Vec<u8>)>> {
    match options.what {
        Artifact::Man => man_pages(),
        Artifact::Completions => Ok([Shell::Bash, Shell::Zsh, Shell::Fish].map(completion).into()),
        Artifact::AlertRules => {
            let Limits { rx_errors, tx_errors, rx_dropped, tx_dropped } = options.limits;
            let limits = [
                ("rx_errors", rx_errors),
                ("tx_errors", tx_errors),
                ("rx_dropped", rx_dropped),
                ("tx_dropped", tx_dropped),
            ];
            Ok(vec![("wgstat-rules.yml".to_owned(), rules::alert_rules(&limits).into_bytes())])
        }
        Artifact::Dashboard => Ok(vec![("wgstat.json".to_owned(), grafana::dashboard().into_bytes())]),
        Artifact::Schema => json::schemas()
            .into_iter()
            .map(|(name, schema)| {
                let mut text = serde_json::to_vec_pretty(&schema)?;
                text.push(b'\n');
                Ok((format!("{name}.json"), text))
            })
            .collect(),
    }
}

/// Under the name that each shell looks for.
fn completion(shell: Shell) -> (String, Vec<u8>) {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "wgstat", &mut text);
    let name = match shell {
        Shell::Zsh => "_wgstat",
        Shell::Fish => "wgstat.fish",
        _ => "wgstat.bash",
    };
    (name.to_owned(), text)
}

fn man_pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = vec![("wgstat.1".to_owned(), main_page(&command)?)];
    for subcommand in command.get_subcommands() {
        let name = format!("wgstat-{}", subcommand.get_name());
        let subcommand = subcommand.clone().display_name(&name).name(name.clone());
        let mut page = Vec::new();
        man(subcommand).render(&mut page)?;
        pages.push((format!("{name}.1"), page));
    }
    Ok(pages)
}

/// Without a date: the page changes when its text does.
fn man(command: Command) -> Man {
    Man::new(command).date("").manual("wgstat manual")
}

fn main_page(command: &Command) -> io::Result<Vec<u8>> {
    let man = man(command.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    man.render_subcommands_section(&mut page)?;
    for section in [exit_status(), errors(), counters(), environment(), files_section()] {
        section.to_writer(&mut page)?;
    }
    man.render_version_section(&mut page)?;
    Ok(page)
}

fn item(section: &mut Roff, term: &str, text: &str) {
    section.control("TP", []).text([bold(term)]).text([roman(text)]);
}

fn exit_status() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["EXIT STATUS"]);
    item(&mut section, "0", "Done. A missing privilege is no failure while the interface counters could be read.");
    item(&mut section, "1", "Failed: nothing usable was read; or, with --strict, anything could not be read.");
    item(&mut section, "2", "Wrong usage.");
    section
        .control("PP", [])
        .text([roman("A reader of the output that goes away (a broken pipe) is quiet, and exits with 0.")]);
    section
}

fn errors() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["ERRORS"]).text([roman(
        "Errors go to standard error. With --json they also go to standard output, as \
         {\"error\": {\"code\": …, \"message\": …}}. What could not be read beside a usable result stands in the \
         document's problems, with the same codes:",
    )]);
    for (code, text) in Code::ALL {
        item(&mut section, code.as_str(), text);
    }
    section
}

fn counters() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["COUNTERS"]).text([roman(
        "What a counter means depends on who does the WireGuard work. rx is what this host received, tx what it sent. \
         Counters start at 0 when the interface is created.",
    )]);
    for (backend, title) in [(Backend::Kernel, "The kernel's WireGuard"), (Backend::Userspace, "A userspace daemon")] {
        section.control("SS", [title]);
        let mut shown: Vec<(String, String)> = Vec::new();
        for counter in Counter::MAIN.into_iter().chain(Counter::detail()) {
            let meaning = meaning(counter, backend);
            let mut text = format!("{}.", meaning.means);
            for (label, more) in [("Not", meaning.not), ("Do", meaning.remedy)] {
                if let Some(more) = more {
                    text.extend([" ", label, ": ", more, "."]);
                }
            }
            // Counters that mean the same share a paragraph.
            match shown.iter_mut().find(|(_, other)| *other == text) {
                Some((names, _)) => names.extend([", ", counter.name()]),
                None => shown.push((counter.name().to_owned(), text)),
            }
        }
        for (names, text) in shown {
            item(&mut section, &names, &text);
        }
        if let Some(text) = counted_nowhere(backend) {
            item(&mut section, "Counted nowhere", &format!("{text}."));
        }
    }
    section
}

fn environment() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["ENVIRONMENT"]);
    item(&mut section, "NO_COLOR", "Set and not empty: no colours, unless --color=always.");
    item(&mut section, "COLUMNS", "Width to lay out for, instead of the terminal's.");
    item(&mut section, "LC_ALL, LC_CTYPE, LANG", "Without UTF-8 in the first that is set, output is ASCII.");
    item(&mut section, "TERM", "With \"dumb\", a terminal gets neither colours nor characters beyond ASCII.");
    section
}

fn files_section() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["FILES"]);
    item(&mut section, "/var/lib/prometheus/node-exporter/*.prom", "Where Debian's node_exporter looks for metrics.");
    item(&mut section, "/var/run/wireguard/*.sock", "Sockets of userspace daemons.");
    section
}
