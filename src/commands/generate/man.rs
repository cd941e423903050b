//! The manual pages: what clap knows of the commands, and what the tables know of counters, errors and findings.

mod config;
mod serve;
mod watch;

use std::io;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::Cli;
use crate::error::Code;
use crate::findings::counters;
use crate::findings::rules::RULES;
use crate::model::{Backend, Counter};

pub(super) fn pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = vec![("wgstat.1".to_owned(), main_page(&command)?)];
    for subcommand in command.get_subcommands() {
        let name = format!("wgstat-{}", subcommand.get_name());
        let mut page = whole_page(subcommand.clone().display_name(&name).name(name.clone()))?;
        let sections = match subcommand.get_name() {
            "check" => vec![verdicts(), limits(), state(), findings(), counted_nowhere()],
            "watch" => watch::sections(),
            "serve" => serve::sections(),
            _ => Vec::new(),
        };
        for section in sections {
            section.to_writer(&mut page)?;
        }
        pages.push((format!("{name}.1"), page));
    }
    pages.push(("wgstat.toml.5".to_owned(), config::page()?));
    Ok(pages)
}

/// Without a date: the page changes when its text does.
fn man(command: Command) -> Man {
    Man::new(command).date("").manual("wgstat manual")
}

fn whole_page(command: Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    man(command).render(&mut page)?;
    Ok(page)
}

fn verdicts() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["EXIT STATUS"]).text([roman(
        "The worst of what was found, in the order critical, warning, unknown, OK. A broken pipe does not change it.",
    )]);
    item(&mut section, "0", "OK: nothing is wrong. Findings that are only information do not count.");
    item(&mut section, "1", "WARNING: traffic suffers, or a limit of --warn is passed.");
    item(
        &mut section,
        "2",
        "CRITICAL: a tunnel does not work, a named interface is missing, or a limit of --crit is passed.",
    );
    item(
        &mut section,
        "3",
        "UNKNOWN: there is no WireGuard interface, not all could be read (peers need CAP_NET_ADMIN, unless --no-peers is \
         given), the state could not be kept, or the usage was wrong.",
    );
    section
}

fn limits() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["LIMITS"]).text([roman(
        "--warn and --crit take COUNTER=LIMIT and may be repeated. Each interface is compared for itself; what is passed is the \
         finding \"threshold\". COUNTER is one of the kernel's names, as wgstat stats shows them, or one of the two last:",
    )]);
    item(&mut section, "rx_errors=100", "More than so many since the interface was created.");
    item(
        &mut section,
        "rx_errors=0/s, tx_dropped=10/min, tx_bytes=1000000/h",
        "Grew faster, over --interval or with --state since the last run.",
    );
    item(
        &mut section,
        "handshake_age=5m",
        "A peer's last handshake is older. A peer that never had one has no age; without keepalive an old one may just be idle.",
    );
    item(&mut section, "peers_online=3", "Fewer peers had a handshake within the last 180 seconds.");
    section.control("PP", []).text([roman(
        "The configuration may have limits too: see wgstat.toml(5). Those of a COUNTER that --warn names here are replaced, and \
         likewise with --crit. Those that need peers or two looks are left out where --no-peers or --interval 0 is given.",
    )]);
    section
}

fn state() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["STATE"]).text([roman(
        "With --state FILE the counters are compared with those of the last run, so that a check every five minutes sees all \
         five minutes. The file is replaced as a whole, with mode 0600. Where there is none yet, or it is of another host, of \
         another network namespace, or from before the machine was started, the run looks twice, --interval apart, and begins \
         it anew; so it does where an interface is not in the file, or was created anew since. A run that follows within less \
         than --interval waits for the rest of it. A file that is something else is an error, and left as it is. Traffic in \
         one direction only is told without --state only, over 20 seconds or more: that takes a look in between.",
    )]);
    section
}

/// Every finding of `check`: what the generated alert rules have beside is about their own conditions.
fn findings() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["FINDINGS"]).text([roman(
        "Each by its id. What stands in capitals in a remedy is filled in as far as it is known. A counter of errors or drops \
         that is not 0 is information; it is a warning when it grew.",
    )]);
    for rule in &RULES {
        section.control("SS", [rule.id]);
        section.text([bold(rule.severity.as_str()), roman(format!(": {}.", rule.summary))]);
        section.control("PP", []).text([roman(format!("Cause: {}.", rule.cause))]);
        let (command, comment) = rule.remedy.split_once("  # ").unwrap_or((rule.remedy, ""));
        section.control("PP", []).text([roman("Remedy: "), bold(command)]);
        if !comment.is_empty() {
            section.control("PP", []).text([roman(format!("# {comment}"))]);
        }
    }
    section
}

fn counted_nowhere() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["COUNTED NOWHERE"]).text([roman(
        "No counter shows these. They are listed where no peer is in touch and nothing else explains it.",
    )]);
    for (backend, title) in [(Backend::Kernel, "The kernel's WireGuard"), (Backend::Userspace, "A userspace daemon")] {
        section.control("SS", [title]);
        for unseen in counters::counted_nowhere(backend) {
            item(&mut section, unseen.what, unseen.look);
        }
    }
    section
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
    for section in [exit_status(), errors(), meanings(), environment(), files_section()] {
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
    section.control("PP", []).text([roman("wgstat check has its own: see wgstat-check(1).")]);
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

fn meanings() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["COUNTERS"]).text([roman(
        "What a counter means depends on who does the WireGuard work. rx is what this host received, tx what it sent. \
         Counters start at 0 when the interface is created.",
    )]);
    for (backend, title) in [(Backend::Kernel, "The kernel's WireGuard"), (Backend::Userspace, "A userspace daemon")] {
        section.control("SS", [title]);
        let mut shown: Vec<(String, String)> = Vec::new();
        for counter in Counter::MAIN.into_iter().chain(Counter::detail()) {
            let meaning = counters::meaning(counter, backend);
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
        let text = counters::all_counted_nowhere(backend);
        if !text.is_empty() {
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
    item(&mut section, "/etc/wgstat.toml", "The configuration, if it is there: see wgstat.toml(5).");
    item(
        &mut section,
        "/etc/wireguard/*.conf",
        "Files of wg-quick, whose comments may name networks and peers: \"# Name = x\", \"# friendly_name = x\", \
         \"# friendly_json = {...}\", \"### Client x\", \"# BEGIN_PEER x\", \"### begin x ###\", \"# Client: x\", or just \"# x\" \
         directly above, below or behind [Peer]. wgstat status -v says where each name comes from.",
    );
    item(
        &mut section,
        "/etc/systemd/network/*.netdev, *.netdev.d/*.conf",
        "Files of systemd-networkd, with names in the same comments; also in /run/systemd/network, /usr/local/lib/systemd/network \
         and /usr/lib/systemd/network.",
    );
    item(&mut section, "/run/netns/*", "Names of network namespaces, for --netns.");
    item(&mut section, "/var/lib/prometheus/node-exporter/*.prom", "Where Debian's node_exporter looks for metrics.");
    item(&mut section, "/var/run/wireguard/*.sock", "Sockets of userspace daemons.");
    section
}
