//! `watch` without a terminal to draw on: one line per network and tick, in columns that stay where they are.

use std::io::{self, Write};
use std::time::{Duration, UNIX_EPOCH};

use super::Report;
use super::human::{Style, binary_units};
use crate::model::{Counter, Network};
use crate::rates::NetworkRates;

/// Lines between two headings: the rest of a terminal's screen.
const BETWEEN_HEADINGS: usize = 22;
/// Below so many columns only the first of the columns are shown.
const WIDE: usize = 134;

/// Writes ticks one after the other.
#[derive(Debug, Default)]
pub struct Lines {
    /// Until the next heading.
    left: usize,
}

impl Lines {
    /// Writes one tick.
    ///
    /// # Errors
    /// As the writer.
    pub fn tick(&mut self, out: &mut dyn Write, style: &Style, report: &Report<'_>) -> io::Result<()> {
        let is_wide = style.width.is_none_or(|width| width >= WIDE);
        let rates = report.rates.iter().map(Option::as_ref).chain(std::iter::repeat(None));
        for (network, rates) in report.snapshot.networks.iter().zip(rates) {
            if self.left == 0 {
                heading(out, is_wide)?;
                self.left = BETWEEN_HEADINGS;
            }
            self.left -= 1;
            line(out, style, network, rates, report.snapshot.timestamp, is_wide)?;
        }
        out.flush()
    }
}

fn heading(out: &mut dyn Write, is_wide: bool) -> io::Result<()> {
    if is_wide {
        writeln!(
            out,
            "{:<20}  {:<15}  {:>13}  {:>13}  {:>10}  {:>10}  {:>8}  {:>8}  {:>8}  {:>8}  {:>9}",
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
            "{:<9}  {:<15}  {:>13}  {:>13}  {:>6}  {:>6}  {:>6}",
            "TIME", "INTERFACE", "RX", "TX", "ERR/s", "DRP/s", "ONLINE"
        )
    }
}

fn line(
    out: &mut dyn Write,
    style: &Style,
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
    // No name of an interface holds a stroke, and one column stays one word.
    let netns = network.netns.as_deref().map(|netns| format!("{netns}/")).unwrap_or_default();
    let interface = style.outside(&format!("{netns}{}", network.interface));
    let online = network.peers.as_deref().map_or_else(unknown, |peers| {
        format!("{}/{}", peers.iter().filter(|peer| peer.is_online(timestamp)).count(), peers.len())
    });
    let (rx, tx) = (bytes(Counter::RxBytes), bytes(Counter::TxBytes));
    if is_wide {
        writeln!(
            out,
            "{time:<20}  {interface:<15}  {rx:>13}  {tx:>13}  {:>10}  {:>10}  {:>8}  {:>8}  {:>8}  {:>8}  {online:>9}",
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
            "{time:<9}  {interface:<15}  {rx:>13}  {tx:>13}  {:>6}  {:>6}  {online:>6}",
            count(both(Counter::RxErrors, Counter::TxErrors)),
            count(both(Counter::RxDropped, Counter::TxDropped)),
        )
    }
}

/// At the first tick, after a reset, after the machine slept.
fn unknown() -> String {
    "-".to_owned()
}
