//! Writes the line of a monitoring plugin (Nagios, Icinga, Naemon): state, text, performance data.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use super::check::Checked;
use crate::findings::{Finding, Limit, Severity, Verdict};
use crate::model::{Counter, Network, Threshold, printable, qualified_name};
use crate::rates::NetworkRates;

/// The number of findings that the line names. The others are counted.
const MAX_NAMED: usize = 5;

/// Writes the line.
///
/// # Errors
/// Returns the errors of the writer.
pub fn write(out: &mut dyn Write, checked: &Checked<'_>, limits: &[Limit]) -> io::Result<()> {
    let text = match checked.verdict {
        Verdict::Ok => checked.ok_summary(),
        Verdict::Unknown => checked.unknown_summary(),
        Verdict::Warning | Verdict::Critical => summaries(checked.report.findings),
    };
    let snapshot = checked.report.snapshot;
    let rates = checked.report.rates.iter().map(Option::as_ref).chain(std::iter::repeat(None));
    let mut data = String::new();
    for (network, rates) in snapshot.networks.iter().zip(rates) {
        add_network(&mut data, network, rates, limits, snapshot.timestamp);
    }
    let bar = if data.is_empty() { "" } else { " |" };
    writeln!(out, "WGSTAT {} - {}{bar}{data}", checked.verdict.as_str(), one_line(&text))
}

/// Writes the line for a run without a result.
///
/// # Errors
/// Returns the errors of the writer.
pub fn failure(out: &mut dyn Write, message: &str) -> io::Result<()> {
    writeln!(out, "WGSTAT {} - {}", Verdict::Unknown.as_str(), one_line(message))
}

/// Escapes what would end the line or start the performance data.
fn one_line(text: &str) -> String {
    printable(text).replace('|', "\\x7c")
}

/// Returns the summaries of what is worse than information.
fn summaries(findings: &[Finding]) -> String {
    let bad = || findings.iter().filter(|finding| finding.severity > Severity::Info);
    let texts: Vec<String> = bad()
        .take(MAX_NAMED)
        .map(|finding| {
            let qualified_name = qualified_name(&finding.interface, finding.netns.as_deref());
            format!("{qualified_name}: {} ({})", finding.summary, finding.id)
        })
        .collect();
    let more = bad().count().saturating_sub(MAX_NAMED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!("{}{more}", texts.join("; "))
}

/// Adds the performance data of one network.
fn add_network(data: &mut String, network: &Network, rates: Option<&NetworkRates>, limits: &[Limit], now: u64) {
    let netns = network.netns.as_deref().map(|netns| format!("{}/", printable(netns))).unwrap_or_default();
    let interface = format!("{netns}{}", network.interface);
    for counter in Counter::MAIN {
        let Some(value) = network.stats.get(counter) else { continue };
        let limit = |threshold: &Threshold| matches!(threshold, Threshold::Total(own, _) if *own == counter);
        add(data, &interface, counter.name(), &format!("{value}c"), &ranges(limits, limit));
    }
    for counter in Counter::MAIN {
        let Some(rate) = rates.and_then(|rates| rates.get(counter)) else { continue };
        let limit = |threshold: &Threshold| matches!(threshold, Threshold::Rate(own, _) if *own == counter);
        let label = format!("{}_per_second", counter.name());
        add(data, &interface, &label, &format!("{rate:.3}"), &ranges(limits, limit));
    }
    let Some(peers) = &network.peers else { return };
    let counted = || peers.iter().filter(|peer| !peer.is_ignored);
    let oldest = counted().filter_map(|peer| peer.handshake_age(now)).max();
    if let Some(oldest) = oldest {
        let limit = |threshold: &Threshold| matches!(threshold, Threshold::HandshakeAge(_));
        add(data, &interface, "handshake_age", &format!("{oldest}s"), &ranges(limits, limit));
    }
    let online = counted().filter(|peer| peer.is_online(now)).count();
    let limit = |threshold: &Threshold| matches!(threshold, Threshold::PeersOnline(_));
    add(data, &interface, "peers_online", &online.to_string(), &ranges(limits, limit));
    add(data, &interface, "peers", &peers.len().to_string(), "");
}

/// Adds one value: `'label'=value;warn;crit;min`. The minimum is 0.
fn add(data: &mut String, interface: &str, label: &str, value: &str, ranges: &str) {
    let label = format!("{interface}_{label}");
    // Writing to a String cannot fail.
    let _ = write!(data, " '{}'={value};{};0", quoted(&label), if ranges.is_empty() { ";" } else { ranges });
}

/// Escapes a label. It must not contain an equals sign, and not every reader knows that two quotes stand for one.
fn quoted(label: &str) -> Cow<'_, str> {
    if label.contains(['\'', '=', '|']) {
        Cow::Owned(label.replace('\'', "\\x27").replace('=', "\\x3d").replace('|', "\\x7c"))
    } else {
        Cow::Borrowed(label)
    }
}

/// Returns the strictest limits of each severity as ranges: `LIMIT` means 0 to LIMIT, `LIMIT:` means LIMIT or more.
fn ranges(limits: &[Limit], concerns: impl Fn(&Threshold) -> bool) -> String {
    let range = |severity| {
        let own = limits.iter().filter(|limit| limit.severity == severity && concerns(&limit.threshold));
        let strictest = own.map(|limit| bound(&limit.threshold)).reduce(|one, other| match (one.1, other.1) {
            (true, _) => (one.0.max(other.0), true),
            (false, _) => (one.0.min(other.0), false),
        });
        strictest.map(|(bound, is_minimum)| format!("{bound}{}", if is_minimum { ":" } else { "" })).unwrap_or_default()
    };
    format!("{};{}", range(Severity::Warning), range(Severity::Critical))
}

/// Returns the bound in the unit of its value, and whether it is a minimum.
fn bound(threshold: &Threshold) -> (f64, bool) {
    match threshold {
        Threshold::Total(_, most) => (*most as f64, false),
        Threshold::Rate(_, most) => (most.amount / most.per.seconds(), false),
        Threshold::HandshakeAge(most) => (most.as_secs_f64(), false),
        Threshold::PeersOnline(least) => (*least as f64, true),
    }
}
