//! Writes the output of `watch` without a terminal: one line per network and update, in fixed columns.

use std::io::{self, Write};
use std::time::{Duration, UNIX_EPOCH};

use super::Report;
use super::format::{Style, binary_units};
use crate::model::{Counter, Network};
use crate::rates::NetworkRates;

/// Lines below a heading, which is repeated once per screen.
const LINES_PER_HEADING: usize = 22;
/// Minimum width for packet rates and for separate error rates of rx and tx.
pub const WIDE: usize = 142;

/// Minimum width of the name column: the longest interface name. Namespaces and escaped characters can make a name longer.
const NAME_WIDTH: usize = 15;

/// Writes samples as lines, with a heading if one is due.
#[derive(Debug)]
pub struct LineWriter {
    /// Lines until the next heading.
    left: usize,
    /// Width of the longest name so far.
    name_width: usize,
}

impl Default for LineWriter {
    fn default() -> Self {
        Self { left: 0, name_width: NAME_WIDTH }
    }
}

impl LineWriter {
    /// Writes one line per network.
    ///
    /// # Errors
    /// Returns the errors of the writer.
    pub fn write(&mut self, out: &mut dyn Write, style: &Style, report: &Report<'_>) -> io::Result<()> {
        let names: Vec<String> = report.snapshot.networks.iter().map(|network| name(style, network)).collect();
        let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
        if longest > self.name_width {
            // Columns move only together with a new heading.
            *self = Self { left: 0, name_width: longest };
        }
        let is_wide = style.width.is_none_or(|width| width >= WIDE - NAME_WIDTH + self.name_width);
        let rates = report.rates.iter().map(Option::as_ref).chain(std::iter::repeat(None));
        for ((network, name), rates) in report.snapshot.networks.iter().zip(&names).zip(rates) {
            if self.left == 0 {
                heading(out, is_wide, self.name_width)?;
                self.left = LINES_PER_HEADING;
            }
            self.left -= 1;
            line(out, &format!("{name:<0$}", self.name_width), network, rates, report.snapshot.timestamp, is_wide)?;
        }
        out.flush()
    }
}

/// Returns the name of an interface, as `NETNS/NAME` in a named namespace. Interface names contain no slash.
fn name(style: &Style, network: &Network) -> String {
    let netns = network.netns.as_deref().map(|netns| format!("{netns}/")).unwrap_or_default();
    style.escape(&format!("{netns}{}", network.interface))
}

/// Writes the heading.
fn heading(out: &mut dyn Write, is_wide: bool, name: usize) -> io::Result<()> {
    if is_wide {
        writeln!(
            out,
            "{:<20}  {:<name$}  {:>13}  {:>13}  {:>10}  {:>10}  {:>8}  {:>8}  {:>8}  {:>8}  {:>9}",
            "TIME",
            "INTERFACE",
            "RX",
            "TX",
            "RX PKT/s",
            "TX PKT/s",
            "RX ERR/s",
            "TX ERR/s",
            "RX DRP/s",
            "TX DRP/s",
            "ONLINE"
        )
    } else {
        writeln!(
            out,
            "{:<9}  {:<name$}  {:>13}  {:>13}  {:>6}  {:>6}  {:>6}",
            "TIME", "INTERFACE", "RX", "TX", "ERR/s", "DRP/s", "ONLINE"
        )
    }
}

/// Writes the line of one network.
fn line(
    out: &mut dyn Write,
    name: &str,
    network: &Network,
    rates: Option<&NetworkRates>,
    timestamp: u64,
    is_wide: bool,
) -> io::Result<()> {
    let rate = |counter| rates.and_then(|rates| rates.get(counter));
    let bytes = |counter| rate(counter).map_or_else(unknown, |rate| format!("{}/s", binary_units(rate)));
    let count = |rate: Option<f64>| rate.map_or_else(unknown, |rate| format!("{rate:.1}"));
    let sum = |rx, tx| rate(rx).zip(rate(tx)).map(|(rx, tx)| rx + tx);
    let time = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(timestamp)).to_string();
    let online = network.peers.as_deref().map_or_else(unknown, |peers| {
        format!("{}/{}", peers.iter().filter(|peer| peer.is_online(timestamp)).count(), peers.len())
    });
    let (rx, tx) = (bytes(Counter::RxBytes), bytes(Counter::TxBytes));
    if is_wide {
        writeln!(
            out,
            "{time:<20}  {name}  {rx:>13}  {tx:>13}  {:>10}  {:>10}  {:>8}  {:>8}  {:>8}  {:>8}  {online:>9}",
            count(rate(Counter::RxPackets)),
            count(rate(Counter::TxPackets)),
            count(rate(Counter::RxErrors)),
            count(rate(Counter::TxErrors)),
            count(rate(Counter::RxDropped)),
            count(rate(Counter::TxDropped)),
        )
    } else {
        let time = time.get(11..).unwrap_or_default();
        writeln!(
            out,
            "{time:<9}  {name}  {rx:>13}  {tx:>13}  {:>6}  {:>6}  {online:>6}",
            count(sum(Counter::RxErrors, Counter::TxErrors)),
            count(sum(Counter::RxDropped, Counter::TxDropped)),
        )
    }
}

/// Returns the mark for an unknown rate: in the first line, after a counter reset and after a suspend.
fn unknown() -> String {
    "-".to_owned()
}
