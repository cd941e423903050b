//! Writes the output of `stats`: one interface in detail, and what its counters mean.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::format::{Style, Tone, binary_units, grouped, paragraph};
use super::{Report, peers, status};
use crate::findings::Severity;
use crate::findings::counters::{Meaning, blind_spot_list, difference, meaning};
use crate::model::{Backend, Counter, Network, Peer};
use crate::rates::NetworkRates;

/// Indent of the text below a counter.
const INDENT: usize = 6;

/// Writes the output of `wgstat stats IFACE`.
///
/// # Errors
/// Returns the errors of the writer.
pub fn write(out: &mut dyn Write, style: &Style, report: &Report<'_>) -> io::Result<()> {
    let rates = report.rates.iter().map(Option::as_ref).chain(std::iter::repeat(None));
    for (index, (network, rates)) in report.snapshot.networks.iter().zip(rates).enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        write_network(out, style, network, rates, report)?;
    }
    Ok(())
}

/// Writes one network.
fn write_network(
    out: &mut dyn Write,
    style: &Style,
    network: &Network,
    rates: Option<&NetworkRates>,
    report: &Report<'_>,
) -> io::Result<()> {
    let now = report.snapshot.timestamp;
    status::write_state(out, style, network, now)?;
    write_identity(out, style, network)?;
    for finding in
        report.findings.iter().filter(|finding| finding.concerns(network) && finding.severity > Severity::Info)
    {
        writeln!(out)?;
        paragraph(
            out,
            style,
            2,
            Tone::Bad,
            &style.escape(&format!("! {}. Cause: {}. Fix: {}", finding.summary, finding.cause, finding.remedy)),
        )?;
    }
    if network.ifindex.is_some() {
        write_counters(out, style, network, rates)?;
    } else if network.backend != Backend::DeadDaemon {
        writeln!(out)?;
        paragraph(
            out,
            style,
            2,
            Tone::Plain,
            "No counters: the interface of this daemon is not in this network namespace.",
        )?;
    }
    if let Some(list) = network.peers.as_deref().filter(|list| !list.is_empty()) {
        writeln!(out, "\n{}", style.paint(Tone::Bold, "Peers"))?;
        peers::write(out, style, list, now)?;
    }
    Ok(())
}

/// Writes all counters, and the blind spots.
fn write_counters(
    out: &mut dyn Write,
    style: &Style,
    network: &Network,
    rates: Option<&NetworkRates>,
) -> io::Result<()> {
    let over = match rates {
        Some(rates) if rates.reset => "  (counter reset during the interval, no rates)".to_owned(),
        Some(rates) => format!("  (rates over {:.1} s)", rates.interval),
        None => String::new(),
    };
    writeln!(out, "\n{}{over}", style.paint(Tone::Bold, "Counters"))?;
    for counter in Counter::MAIN {
        write_counter(out, style, network, counter, rates.and_then(|rates| rates.get(counter)))?;
    }
    writeln!(out, "\n{}", style.paint(Tone::Bold, "Error breakdown and counters of the network core"))?;
    write_detail(out, style, network)?;
    write_comparison(out, style, network)?;
    let text = blind_spot_list(network.backend);
    if !text.is_empty() {
        writeln!(out, "\n{}", style.paint(Tone::Bold, "Blind spots"))?;
        paragraph(out, style, 2, Tone::Plain, &format!("No counter shows {text}."))?;
    }
    Ok(())
}

/// Writes the sixteen detail counters: non-zero ones on their own lines, the others by name.
fn write_detail(out: &mut dyn Write, style: &Style, network: &Network) -> io::Result<()> {
    let (mut zero, mut unknown) = (Vec::new(), Vec::new());
    for counter in Counter::detail() {
        match network.stats.get(counter) {
            Some(0) => zero.push(counter.name()),
            None => unknown.push(counter.name()),
            Some(_) => write_counter(out, style, network, counter, None)?,
        }
    }
    for (label, names) in [("Zero:", zero), ("Not reported by the kernel:", unknown)] {
        if !names.is_empty() {
            paragraph(out, style, 2, Tone::Dim, &format!("{label} {}", names.join(", ")))?;
        }
    }
    Ok(())
}

/// Writes what identifies the interface.
fn write_identity(out: &mut dyn Write, style: &Style, network: &Network) -> io::Result<()> {
    let mut items = Vec::new();
    if let Some(key) = network.public_key {
        items.push(format!("public key {key}"));
    }
    if let Some(ifindex) = network.ifindex {
        items.push(format!("ifindex {ifindex}"));
    }
    if let Some(operstate) = network.operstate {
        items.push(format!("operstate {operstate}"));
    }
    if let Some(fwmark) = network.fwmark.filter(|&fwmark| fwmark != 0) {
        items.push(format!("fwmark {fwmark:#x}"));
    }
    if items.is_empty() { Ok(()) } else { paragraph(out, style, 2, Tone::Plain, &items.join(", ")) }
}

/// Writes a counter, and below it what it means unless it is 0.
fn write_counter(
    out: &mut dyn Write,
    style: &Style,
    network: &Network,
    counter: Counter,
    rate: Option<f64>,
) -> io::Result<()> {
    let value = network.stats.get(counter);
    let Meaning { means, misreading, remedy } = meaning(counter, network.backend);
    let is_bytes = matches!(counter, Counter::RxBytes | Counter::TxBytes);
    let text = format!("  {:<21}{:>15}", counter.name(), style.count(value));
    let tone = match value {
        Some(0) => Tone::Dim,
        Some(_) if remedy.is_some() => Tone::Bad,
        _ => Tone::Plain,
    };
    write!(out, "{}", style.paint(tone, &text))?;
    let rounded = value.filter(|&value| is_bytes && value >= 1024).map(|value| binary_units(value as f64));
    let rate = rate.map(|rate| format!("{}/s", if is_bytes { binary_units(rate) } else { format!("{rate:.1}") }));
    let mut column = text.len();
    for addition in rounded.into_iter().chain(rate) {
        if column + 2 + addition.len() > style.width.unwrap_or(usize::MAX) {
            write!(out, "\n{:INDENT$}{addition}", "")?;
            column = INDENT + addition.len();
        } else {
            write!(out, "  {addition}")?;
            column += 2 + addition.len();
        }
    }
    writeln!(out)?;
    match value {
        None => paragraph(out, style, INDENT, Tone::Dim, "Not reported by the kernel."),
        Some(0) => Ok(()),
        Some(_) => {
            paragraph(out, style, INDENT, Tone::Plain, &sentence(means))?;
            if let Some(misreading) = misreading {
                paragraph(out, style, INDENT, Tone::Plain, &format!("Not: {misreading}."))?;
            }
            if let Some(remedy) = remedy {
                paragraph(out, style, INDENT, Tone::Plain, &format!("Fix: {remedy}."))?;
            }
            Ok(())
        }
    }
}

/// Returns a text with a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| format!("{}{}.", first.to_uppercase(), letters.as_str())).unwrap_or_default()
}

/// Writes the bytes of the interface, the sum of the bytes of its peers, and the difference.
fn write_comparison(out: &mut dyn Write, style: &Style, network: &Network) -> io::Result<()> {
    let Some(peers) = &network.peers else { return Ok(()) };
    writeln!(out, "\n{}", style.paint(Tone::Bold, "Interface and peers, in bytes"))?;
    let sum = |bytes: fn(&Peer) -> u64| peers.iter().map(|peer| u128::from(bytes(peer))).sum::<u128>();
    let directions = [(Counter::RxBytes, sum(|peer| peer.rx_bytes)), (Counter::TxBytes, sum(|peer| peer.tx_bytes))];
    let difference_of = |(counter, peers): (Counter, u128)| {
        let interface = u128::from(network.stats.get(counter)?);
        let sign = if interface < peers { "-" } else { "" };
        Some(format!("{sign}{}", saturated(interface.abs_diff(peers))))
    };
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = style.width {
        table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    }
    let row = |name: &str, cell: &dyn Fn((Counter, u128)) -> String| {
        let [rx, tx] = directions.map(cell);
        [format!("  {name}"), rx, tx]
    };
    let differences = directions.map(difference_of);
    table.set_header(["", "RX", "TX"]);
    table.add_row(row("interface", &|(counter, _)| style.count(network.stats.get(counter))));
    table.add_row(row("peers", &|(_, peers)| saturated(peers)));
    table.add_row(row("difference", &|direction| difference_of(direction).unwrap_or_else(|| style.unknown())));
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    if differences.iter().flatten().any(|difference| difference != "0") {
        paragraph(out, style, 2, Tone::Plain, difference(network.backend))?;
    }
    Ok(())
}

/// Formats a sum, at most `u64::MAX`.
fn saturated(sum: u128) -> String {
    grouped(u64::try_from(sum).unwrap_or(u64::MAX))
}
