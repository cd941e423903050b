//! The page of the program as a whole: what all commands have in common.

use std::io;

use clap::Command;
use roff::{bold, italic, roman};

use super::page::{Title, option_word, value_word};
use super::{Page, options};
use crate::findings::counters;
use crate::model::{Backend, Code, Counter};

pub(super) fn page(command: &Command) -> io::Result<Vec<u8>> {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut page = Page::new(&Title { name: "wgstat", section: "1", about: &about });
    let (option, what) =
        (format!("[{}]{}", value_word("OPTION"), options::MORE), format!("[{}]", value_word("COMMAND")));
    page.section("SYNOPSIS").synopsis("wgstat", &[option, what]);
    page.synopsis("wgstat", &[format!("{}|{}", option_word("--help", None), option_word("--version", None))]);
    options::description(&mut page, command);
    commands(&mut page, command);
    options::options(&mut page, command);
    seen(&mut page);
    exit_status(&mut page);
    errors(&mut page);
    environment(&mut page);
    files(&mut page);
    page.examples(&[
        ("Every WireGuard network of this host, in short:", "wgstat"),
        ("Is it errors, drops, the MTU or a peer?", "sudo wgstat check"),
        (
            "The interfaces that are not up, for a script:",
            "wgstat --json | jq -r '.networks[] | select(.up | not) | .interface'",
        ),
        ("In all network namespaces, without the peers:", "sudo wgstat --netns all --no-peers"),
    ]);
    meanings(&mut page);
    let mut pages: Vec<String> =
        command.get_subcommands().map(|command| format!("wgstat-{}(1)", command.get_name())).collect();
    pages.push("wgstat.toml(5), wg(8), wg-quick(8), ip-link(8), ip-netns(8)".to_owned());
    page.see_also(&pages.join(", "));
    page.into_bytes()
}

fn commands(page: &mut Page, command: &Command) {
    page.section("COMMANDS").text("Without a command it is `status`.");
    for command in command.get_subcommands() {
        let name = command.get_name();
        let mut term = vec![bold(name)];
        for arg in command.get_positionals() {
            let (open, close) = if arg.is_required_set() { (" ", "") } else { (" [", "]") };
            let value = arg.get_value_names().unwrap_or_default().first().map(ToString::to_string);
            let more = if matches!(arg.get_action(), clap::ArgAction::Append) { "..." } else { "" };
            term.extend([roman(open), italic(value.unwrap_or_default()), roman(format!("{close}{more}"))]);
        }
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        page.term(term, &format!("{about}. See wgstat-{name}(1)."));
    }
}

fn seen(page: &mut Page) {
    page.section("WHAT CAN BE SEEN")
        .text(
            "Kernel interfaces are read by netlink, userspace daemons by their sockets; one that hangs is waited for two \
             seconds, and its counters are there all the same. An interface is named by its name, an alternative name, or a \
             glob in quotes, such as `'wg*'`.",
        )
        .paragraph(
            "Interface counters need no privilege. Peers need CAP_NET_ADMIN, the sockets of daemons the right to connect to \
             them: `sudo`, or a service with `AmbientCapabilities=CAP_NET_ADMIN`. Without, peers are unknown (`null` in JSON, not \
             `[]`), and one line on standard error says so. `wgstat check -v` lists what can and cannot be seen, and why. Private \
             and preshared keys are never kept, let alone shown.",
        )
        .paragraph(
            "With --netns other network namespaces are looked into, by one process, each once. One without a name is \
             net:[INODE], as in lsns(8). Remedies begin with what enters the namespace of their finding.",
        )
        .paragraph(
            "Networks and peers go by the names that you gave them, from the first of these that has one: wgstat.toml(5), the \
             comments in files of wg-quick(8), those in files of systemd-networkd, and for a network the alias of its link.",
        );
}

fn exit_status(page: &mut Page) {
    page.section("EXIT STATUS")
        .item("0", "Done. A missing privilege is no failure while the interface counters could be read.")
        .item("1", "Failed: nothing usable was read; or, with --strict, anything could not be read.")
        .item("2", "Wrong usage.")
        .paragraph("`wgstat check` has its own: see wgstat-check(1).")
        .paragraph("A reader of the output that goes away (a broken pipe) is quiet, and exits with 0.");
}

fn errors(page: &mut Page) {
    page.section("ERRORS").text(
        "Errors go to standard error. With --json they also go to standard output, as {\"error\": {\"code\": …, \"message\": \
         …}}. What could not be read beside a usable result stands in the document's problems, with the same codes:",
    );
    for (code, text) in Code::ALL {
        page.item(code.as_str(), text);
    }
}

fn meanings(page: &mut Page) {
    page.section("COUNTERS").text(
        "What a counter means depends on who does the WireGuard work. rx is what this host received, tx what it sent. \
         Counters start at 0 when the interface is created.",
    );
    for (backend, title) in [(Backend::Kernel, "The kernel's WireGuard"), (Backend::Userspace, "A userspace daemon")] {
        page.subsection(title);
        let mut shown: Vec<(String, String)> = Vec::new();
        for counter in Counter::MAIN.into_iter().chain(Counter::detail()) {
            let meaning = counters::meaning(counter, backend);
            let mut text = format!("{}.", meaning.means);
            for (label, more) in [("Not", meaning.misreading), ("Do", meaning.remedy)] {
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
            page.item(&names, &text);
        }
        let text = counters::blind_spot_list(backend);
        if !text.is_empty() {
            page.item("Counted nowhere", &format!("{text}."));
        }
    }
}

fn environment(page: &mut Page) {
    page.section("ENVIRONMENT")
        .item("NO_COLOR", "Set and not empty: no colours, unless --color=always.")
        .item("COLUMNS", "Width to lay out for, instead of the terminal's.")
        .item("LC_ALL, LC_CTYPE, LANG", "Without UTF-8 in the first that is set, output is ASCII.")
        .item("TERM", "With \"dumb\", a terminal gets neither colours nor characters beyond ASCII.");
}

fn files(page: &mut Page) {
    page.section("FILES")
        .item("/etc/wgstat.toml", "The configuration, if it is there: see wgstat.toml(5).")
        .item(
            "/etc/wireguard/*.conf",
            "Files of wg-quick, whose comments may name networks and peers: \"# Name = x\", \"# friendly_name = x\", \
             \"# friendly_json = {...}\", \"### Client x\", \"# BEGIN_PEER x\", \"### begin x ###\", \"# Client: x\", or just \"# x\" \
             directly above, below or behind [Peer]. `wgstat status -v` says where each name comes from.",
        )
        .item(
            "/etc/systemd/network/*.netdev, *.netdev.d/*.conf",
            "Files of systemd-networkd, with names in the same comments; also in /run/systemd/network, \
             /usr/local/lib/systemd/network and /usr/lib/systemd/network.",
        )
        .item("/run/netns/*", "Names of network namespaces, for --netns.")
        .item("/var/lib/prometheus/node-exporter/*.prom", "Where Debian's node_exporter looks for metrics.")
        .item("/var/run/wireguard/*.sock", "Sockets of userspace daemons.");
}
