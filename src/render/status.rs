//! Writes the output of `status`: each network in a few lines, then its peers.

use std::io::{self, Write};

use super::format::{Style, Tone, backend_name, columns, grouped, paragraph};
use super::{Report, peers};
use crate::findings::Severity;
use crate::model::{Backend, Counter, Network};

/// Writes the output of `wgstat status`.
///
/// # Errors
/// Returns the errors of the writer.
pub fn write(out: &mut dyn Write, style: &Style, report: &Report<'_>) -> io::Result<()> {
    let snapshot = report.snapshot;
    if snapshot.networks.is_empty() {
        writeln!(out, "no WireGuard interfaces")?;
    }
    for (index, network) in snapshot.networks.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        write_state(out, style, network, snapshot.timestamp)?;
        if network.ifindex.is_some() {
            write_traffic(out, style, network)?;
            write_errors(out, style, network)?;
        }
        for finding in report.findings {
            // The counters show the information already.
            if finding.concerns(network) && finding.severity > Severity::Info {
                let command = finding.remedy.split("  # ").next().unwrap_or_default();
                let text = format!("! {}. Fix: {command}", finding.summary);
                paragraph(out, style, 2, Tone::Bad, &style.escape(&text))?;
            }
        }
        if let Some(list) = &network.peers {
            peers::write(out, style, list, snapshot.timestamp)?;
        }
    }
    Ok(())
}

/// Writes the line with the state, such as `wg0: up, kernel, port 51820, mtu 1420, 3 of 5 peers online`.
pub(super) fn write_state(out: &mut dyn Write, style: &Style, network: &Network, now: u64) -> io::Result<()> {
    let mut heading = style.paint(Tone::Bold, &style.escape(&network.interface.to_string()));
    heading.push_str(&name_suffix(style, network));
    heading.push(':');
    let state = state(network, now);
    let last = state.len().saturating_sub(1);
    let items: Vec<String> = state
        .iter()
        .enumerate()
        .map(|(index, (tone, item))| style.paint(*tone, item) + if index < last { "," } else { "" })
        .collect();
    write_items(out, style, &heading, &items)
}

/// Returns the name and the namespace of a network after the name of its interface, such as ` (office) in blue`.
#[must_use]
pub fn name_suffix(style: &Style, network: &Network) -> String {
    let name = network.name.clone().or_else(|| network.alias.as_ref().map(ToString::to_string));
    let name = name.map(|name| format!(" ({})", style.escape(&name))).unwrap_or_default();
    let netns = network.netns.as_deref().map(|netns| format!(" in {}", style.escape(netns))).unwrap_or_default();
    name + &netns
}

/// Returns the state of a network at the Unix time `now`, such as "up", "kernel" and "3 of 5 peers online".
#[must_use]
pub fn state(network: &Network, now: u64) -> Vec<(Tone, String)> {
    let mut items = Vec::new();
    match (network.enabled, network.up) {
        (Some(false), _) => items.push((Tone::Bad, "down".to_owned())),
        (Some(true), Some(true)) => items.push((Tone::Good, "up".to_owned())),
        (Some(true), _) => items.push((Tone::Bad, "up, not running".to_owned())),
        (None, _) => {}
    }
    let mut plain = |item: String| items.push((Tone::Plain, item));
    plain(backend_name(network).to_owned());
    if network.backend == Backend::Userspace && network.ifindex.is_none() {
        plain("interface not in this namespace".to_owned());
    }
    // Port 0 means that the interface was never up.
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
    items
}

/// Writes bytes and packets of both directions.
fn write_traffic(out: &mut dyn Write, style: &Style, network: &Network) -> io::Result<()> {
    let get = |counter| network.stats.get(counter);
    let direction = |name, bytes, packets| {
        let (bytes, packets) = (get(bytes), get(packets));
        let unit = if packets == Some(1) { "packet" } else { "packets" };
        format!("{name} {} in {} {unit}", style.bytes(bytes), style.count(packets))
    };
    let rx = direction("rx", Counter::RxBytes, Counter::RxPackets) + ",";
    let tx = direction("tx", Counter::TxBytes, Counter::TxPackets);
    write_items(out, style, "  traffic:", &[rx, tx])
}

/// Writes errors and drops, such as `errors: rx 5, tx 7; drops: rx 0, tx 71`.
fn write_errors(out: &mut dyn Write, style: &Style, network: &Network) -> io::Result<()> {
    let count = |counter| style.error_count(network.stats.get(counter));
    let items = [
        format!("rx {},", count(Counter::RxErrors)),
        format!("tx {};", count(Counter::TxErrors)),
        format!("drops: rx {},", count(Counter::RxDropped)),
        format!("tx {}", count(Counter::TxDropped)),
    ];
    write_items(out, style, "  errors:", &items)
}

/// Writes a heading and items, separated by spaces. If the terminal is too narrow, they continue on further lines, which are
/// indented; an item longer than a line is broken between words.
fn write_items(out: &mut dyn Write, style: &Style, heading: &str, items: &[String]) -> io::Result<()> {
    const MAX_INDENT: usize = 11;
    let Some(width) = style.width else {
        return writeln!(out, "{heading} {}", items.join(" "));
    };
    let mut column = visible_columns(heading);
    let indent = (column + 1).min(MAX_INDENT);
    write!(out, "{heading}")?;
    for item in items {
        let is_too_long = indent + visible_columns(item) > width;
        let words = if is_too_long { item.split(' ').collect() } else { vec![item.as_str()] };
        for word in words {
            let length = visible_columns(word);
            if column + 1 + length > width {
                write!(out, "\n{:indent$}{word}", "")?;
                column = indent + length;
            } else {
                write!(out, " {word}")?;
                column += 1 + length;
            }
        }
    }
    writeln!(out)
}

/// Returns the columns that a text takes; escape codes take none.
fn visible_columns(text: &str) -> usize {
    let mut parts = text.split('\x1b');
    let first = parts.next().map_or(0, columns);
    first + parts.filter_map(|part| part.split_once('m')).map(|(_, text)| columns(text)).sum::<usize>()
}
