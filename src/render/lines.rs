//! `watch` without a terminal to draw on: one line per network and tick, in columns that stay where they are.

use std::io::{self, Write};
use std::time::{Duration, UNIX_EPOCH};

use super::Report;
use super::human::{Style, binary_units};
use crate::model::{Counter, Network};
use crate::rates::NetworkRates;

/// Lines between two headings: the rest of a terminal's screen.
const BETWEEN_HEADINGS: usize = 22;
/// Columns that a line needs that tells directions and packets apart. Where there are fewer, those are left out.
pub const WIDE: usize = 142;

/// The longest name of an interface; with its namespace's before it, or out of characters that are escaped, it can be longer.
const NAME: usize = 15;

/// Writes ticks one after the other.
#[derive(Debug)]
pub struct Lines {
    /// Until the next heading.
    left: usize,
    /// The longest name so far.
    name: usize,
}

impl Default for Lines {
    fn default() -> Self {
        Self { left: 0, name: NAME }
    }
}

impl Lines {
    /// Writes one tick.
    ///
    /// # Errors
    /// As the writer.
    pub fn tick(&mut self, out: &mut dyn Write, style: &Style, report: &Report<'_>) -> io::Result<()> {
        let names: Vec<String> = report.snapshot.networks.iter().map(|network| name(style, network)).collect();
        let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
        if longest > self.name {
            // Columns move under a new heading only.
            *self = Self { left: 0, name: longest };
        }
        let is_wide = style.width.is_none_or(|width| width >= WIDE - NAME + self.name);
        let rates = report.rates.iter().map(Option::as_ref).chain(std::iter::repeat(None));
        for ((network, name), rates) in report.snapshot.networks.iter().zip(&names).zip(rates) {
            if self.left == 0 {
                heading(out, is_wide, self.name)?;
                self.left = BETWEEN_HEADINGS;
            }
            self.left -= 1;
            line(out, &format!("{name:<0$}", self.name), network, rates, report.snapshot.timestamp, is_wide)?;
        }
        out.flush()
    }
}

/// Where namespaces are named, with that of its own before it; no name of an interface holds a stroke.
fn name(style: &Style, network: &Network) -> String {
    let netns = network.netns.as_deref().map(|netns| format!("{netns}/")).unwrap_or_default();
    style.outside(&format!("{netns}{}", network.interface))
}

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
    let both = |rx, tx| rate(rx).zip(rate(tx)).map(|(rx, tx)| rx + tx);
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
            count(both(Counter::RxErrors, Counter::TxErrors)),
            count(both(Counter::RxDropped, Counter::TxDropped)),
        )
    }
}

/// At the first tick, after a reset, after the machine slept.
fn unknown() -> String {
    "-".to_owned()
}
