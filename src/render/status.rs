//! `status`: every network in a few lines, then its peers.

use std::io::{self, Write};

use super::human::{Style, Tone, backend, grouped, paragraph};
use super::{Report, peers};
use crate::findings::Severity;
use crate::model::{Backend, Counter, Network};

/// Writes the tables of `wgstat status`.
///
/// # Errors
/// As the writer.
pub fn write(out: &mut dyn Write, style: &Style, report: &Report<'_>) -> io::Result<()> {
    let snapshot = report.snapshot;
    if snapshot.networks.is_empty() {
        writeln!(out, "no WireGuard interfaces")?;
    }
    for (place, network) in snapshot.networks.iter().enumerate() {
        if place > 0 {
            writeln!(out)?;
        }
        write_state(out, style, network, snapshot.timestamp)?;
        if network.ifindex.is_some() {
            write_traffic(out, style, network)?;
            write_errors(out, style, network)?;
        }
        for finding in report.findings {
            // What is only information is marked among the counters already.
            if finding.concerns(network) && finding.severity > Severity::Info {
                let command = finding.remedy.split("  # ").next().unwrap_or_default();
                let text = format!("! {}. To mend it: {command}", finding.summary);
                paragraph(out, style, 2, Tone::Bad, &style.outside(&text))?;
            }
        }
        if let Some(list) = &network.peers {
            peers::write(out, style, list, snapshot.timestamp)?;
        }
    }
    Ok(())
}

/// The line of state: `wg0: up, kernel, port 51820, mtu 1420, 3 of 5 peers online`.
pub(super) fn write_state(out: &mut dyn Write, style: &Style, network: &Network, now: u64) -> io::Result<()> {
    let facts: Vec<String> = facts(network, now).iter().map(|(tone, fact)| style.paint(*tone, fact)).collect();
    let interface = style.paint(Tone::Bold, &style.outside(&network.interface.to_string()));
    wrapped(out, style, &format!("{interface}{}: ", beside(style, network)), &facts)
}

/// What a network is called beside its interface's name: `(office) in blue`, after a space.
#[must_use]
pub fn beside(style: &Style, network: &Network) -> String {
    let name = network.name.clone().or_else(|| network.alias.as_ref().map(ToString::to_string));
    let name = name.map(|name| format!(" ({})", style.outside(&name))).unwrap_or_default();
    let netns = network.netns.as_deref().map(|netns| format!(" in {}", style.outside(netns))).unwrap_or_default();
    name + &netns
}

/// A network's state in a few facts, at the Unix time `now`.
#[must_use]
pub fn facts(network: &Network, now: u64) -> Vec<(Tone, String)> {
    let mut facts = Vec::new();
    match (network.enabled, network.up) {
        (Some(false), _) => facts.push((Tone::Bad, "down".to_owned())),
        (Some(true), Some(true)) => facts.push((Tone::Good, "up".to_owned())),
        (Some(true), _) => facts.push((Tone::Bad, "up, not running".to_owned())),
        (None, _) => {}
    }
    let mut plain = |fact: String| facts.push((Tone::Plain, fact));
    plain(backend(network).to_owned());
    if network.backend == Backend::Userspace && network.ifindex.is_none() {
        plain("no link of its name here".to_owned());
    }
    // Port 0 is no port: the interface was never up.
    if let Some(port) = network.listen_port.filter(|&port| port != 0) {
        plain(format!("port {port}"));
    }
    if let Some(mtu) = network.mtu {
        plain(format!("mtu {mtu}"));
    }
    match &network.peers {
        Some(peers) => {
            let online = peers.iter().filter(|peer| peer.is_online(now)).count();
            plain(format!("{} of {} peers online", grouped(online as u64), grouped(peers.len() as u64)));
        }
        None if network.backend == Backend::DeadDaemon => {}
        None => plain("peers unknown".to_owned()),
    }
    facts
}

fn write_traffic(out: &mut dyn Write, style: &Style, network: &Network) -> io::Result<()> {
    let get = |counter| network.stats.get(counter);
    let direction =
        |what, bytes, packets| format!("{what} {} in {} packets", style.bytes(get(bytes)), style.count(get(packets)));
    let received = direction("received", Counter::RxBytes, Counter::RxPackets);
    let sent = direction("sent", Counter::TxBytes, Counter::TxPackets);
    wrapped(out, style, "  traffic  ", &[received, sent])
}

fn write_errors(out: &mut dyn Write, style: &Style, network: &Network) -> io::Result<()> {
    let counters =
        [("errors", Counter::RxErrors, Counter::TxErrors), ("drops", Counter::RxDropped, Counter::TxDropped)];
    let facts = counters.map(|(what, rx, tx)| {
        let mark = |counter| style.alarming(network.stats.get(counter));
        format!("{what} {} received, {} sent", mark(rx), mark(tx))
    });
    wrapped(out, style, "  trouble  ", &facts)
}

/// A heading and facts, parted by commas; a fact that does not fit starts a further line, and one that does not fit there
/// either is broken between words.
fn wrapped(out: &mut dyn Write, style: &Style, heading: &str, facts: &[String]) -> io::Result<()> {
    let indent = visible(heading).min(11);
    let width = style.width.unwrap_or(usize::MAX);
    write!(out, "{heading}")?;
    let mut column = visible(heading);
    for (place, fact) in facts.iter().enumerate() {
        let comma = if place + 1 < facts.len() { "," } else { "" };
        let fact = format!("{fact}{comma}");
        let pieces = if indent + visible(&fact) > width { fact.split(' ').collect() } else { vec![fact.as_str()] };
        for (piece_place, piece) in pieces.into_iter().enumerate() {
            let length = visible(piece);
            if place + piece_place > 0 {
                if column + 1 + length > width {
                    write!(out, "\n{:indent$}", "")?;
                    column = indent;
                } else {
                    write!(out, " ")?;
                    column += 1;
                }
            }
            write!(out, "{piece}")?;
            column += length;
        }
    }
    writeln!(out)
}

/// Columns that a text takes: escape codes take none.
fn visible(text: &str) -> usize {
    let mut columns = 0;
    let mut escaped = false;
    for c in text.chars() {
        match c {
            '\x1b' => escaped = true,
            'm' if escaped => escaped = false,
            _ if escaped => {}
            _ => columns += 1,
        }
    }
    columns
}
