//! `stats`: one interface in full, and what its counters mean.

use std::io::{self, Write};

use super::human::{Style, Tone, binary_units, grouped, paragraph};
use super::{Report, peers, status};
use crate::findings::Severity;
use crate::findings::counters::{Meaning, blind_spot_list, difference, meaning};
use crate::model::{Backend, Counter, Network};
use crate::rates::NetworkRates;

/// Indent of a sentence below its counter.
const BELOW: usize = 6;

/// Writes the panel of `wgstat stats IFACE`.
///
/// # Errors
/// As the writer.
pub fn write(out: &mut dyn Write, style: &Style, report: &Report<'_>) -> io::Result<()> {
    let rates = report.rates.iter().map(Option::as_ref).chain(std::iter::repeat(None));
    for (place, (network, rates)) in report.snapshot.networks.iter().zip(rates).enumerate() {
        if place > 0 {
            writeln!(out)?;
        }
        write_network(out, style, network, rates, report)?;
    }
    Ok(())
}

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
            &style.outside(&format!("! {}. Cause: {}. To mend it: {}", finding.summary, finding.cause, finding.remedy)),
        )?;
    }
    if network.ifindex.is_some() {
        write_counters(out, style, network, rates)?;
    } else if network.backend != Backend::DeadDaemon {
        writeln!(out)?;
        paragraph(out, style, 2, Tone::Plain, "There are no counters: the daemon's link is not in this namespace.")?;
    }
    if let Some(list) = network.peers.as_deref().filter(|list| !list.is_empty()) {
        writeln!(out, "\n{}", style.paint(Tone::Bold, "Peers"))?;
        peers::write(out, style, list, now)?;
    }
    Ok(())
}

fn write_counters(
    out: &mut dyn Write,
    style: &Style,
    network: &Network,
    rates: Option<&NetworkRates>,
) -> io::Result<()> {
    let over = match rates {
        Some(rates) if rates.reset => "  (the counters started anew while they were measured)".to_owned(),
        Some(rates) => format!("  (rates over {:.1} s)", rates.interval),
        None => String::new(),
    };
    writeln!(out, "\n{}{over}", style.paint(Tone::Bold, "Counters"))?;
    for counter in Counter::MAIN {
        write_counter(out, style, network, counter, rates.and_then(|rates| rates.get(counter)))?;
    }
    writeln!(out, "\n{}", style.paint(Tone::Bold, "Error breakdown, and the network core's counters"))?;
    write_detail(out, style, network)?;
    write_comparison(out, style, network)?;
    let text = blind_spot_list(network.backend);
    if !text.is_empty() {
        writeln!(out, "\n{}", style.paint(Tone::Bold, "Counted nowhere"))?;
        paragraph(out, style, 2, Tone::Plain, &format!("No counter here can show {text}."))?;
    }
    Ok(())
}

/// The sixteen other counters: those that moved on lines of their own, the rest by name.
fn write_detail(out: &mut dyn Write, style: &Style, network: &Network) -> io::Result<()> {
    let (mut zero, mut unknown) = (Vec::new(), Vec::new());
    for counter in Counter::detail() {
        match network.stats.get(counter) {
            Some(0) => zero.push(counter.name()),
            None => unknown.push(counter.name()),
            Some(_) => write_counter(out, style, network, counter, None)?,
        }
    }
    for (label, names) in [("At 0:", zero), ("Not known, the kernel did not send it:", unknown)] {
        if !names.is_empty() {
            paragraph(out, style, 2, Tone::Dim, &format!("{label} {}", names.join(", ")))?;
        }
    }
    Ok(())
}

/// What tells this interface from others.
fn write_identity(out: &mut dyn Write, style: &Style, network: &Network) -> io::Result<()> {
    let mut facts = Vec::new();
    if let Some(key) = network.public_key {
        facts.push(format!("public key {key}"));
    }
    if let Some(ifindex) = network.ifindex {
        facts.push(format!("ifindex {ifindex}"));
    }
    if let Some(operstate) = network.operstate {
        facts.push(format!("operstate {operstate}"));
    }
    if let Some(fwmark) = network.fwmark.filter(|&fwmark| fwmark != 0) {
        facts.push(format!("fwmark {fwmark:#x}"));
    }
    if facts.is_empty() { Ok(()) } else { paragraph(out, style, 2, Tone::Plain, &facts.join(", ")) }
}

/// A counter on its line, and below it what it means unless it is 0.
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
    let human = value.filter(|&value| is_bytes && value >= 1024).map(|value| binary_units(value as f64));
    let rate = rate.map(|rate| format!("{}/s", if is_bytes { binary_units(rate) } else { format!("{rate:.1}") }));
    let mut column = text.len();
    for addition in human.into_iter().chain(rate) {
        if column + 2 + addition.len() > style.width.unwrap_or(usize::MAX) {
            write!(out, "\n{:BELOW$}{addition}", "")?;
            column = BELOW + addition.len();
        } else {
            write!(out, "  {addition}")?;
            column += 2 + addition.len();
        }
    }
    writeln!(out)?;
    match value {
        None => paragraph(out, style, BELOW, Tone::Dim, "Not known: the kernel did not send it."),
        Some(0) => Ok(()),
        Some(_) => {
            paragraph(out, style, BELOW, Tone::Plain, &sentence(means))?;
            if let Some(misreading) = misreading {
                paragraph(out, style, BELOW, Tone::Plain, &format!("Not: {misreading}."))?;
            }
            if let Some(remedy) = remedy {
                paragraph(out, style, BELOW, Tone::Plain, &format!("Do: {remedy}."))?;
            }
            Ok(())
        }
    }
}

/// The texts stand in lists elsewhere; here each is a sentence.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| format!("{}{}.", first.to_uppercase(), letters.as_str())).unwrap_or_default()
}

/// The interface's bytes beside the sum of its peers'. The difference has a sign.
fn write_comparison(out: &mut dyn Write, style: &Style, network: &Network) -> io::Result<()> {
    let Some(peers) = &network.peers else { return Ok(()) };
    writeln!(out, "\n{}", style.paint(Tone::Bold, "Interface and peers, in bytes"))?;
    let sum = |bytes: fn(&crate::model::Peer) -> u64| peers.iter().map(|peer| u128::from(bytes(peer))).sum::<u128>();
    let directions = [
        ("received", Counter::RxBytes, sum(|peer| peer.rx_bytes)),
        ("sent", Counter::TxBytes, sum(|peer| peer.tx_bytes)),
    ];
    let mut differs = false;
    for (direction, counter, peers) in directions {
        let Some(interface) = network.stats.get(counter) else { continue };
        let interface = u128::from(interface);
        let sign = if interface < peers { "-" } else { "" };
        let apart = u64::try_from(interface.abs_diff(peers)).unwrap_or(u64::MAX);
        differs |= apart != 0;
        let peers = u64::try_from(peers).unwrap_or(u64::MAX);
        let text = format!(
            "{direction}: interface {}, peers {}, difference {sign}{}",
            style.count(network.stats.get(counter)),
            grouped(peers),
            grouped(apart)
        );
        paragraph(out, style, 2, Tone::Plain, &text)?;
    }
    if differs {
        paragraph(out, style, 2, Tone::Plain, difference(network.backend))?;
    }
    Ok(())
}
