//! Draws one direction of a network's traffic: its rates, and a sparkline of its throughput.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::symbols::bar;
use ratatui::text::{Line, Span};
use ratatui::widgets::{RenderDirection, Sparkline, Widget as _};

use super::super::app::App;
use super::super::figures::{ink, short_count};
use super::canvas::{take_top, write, write_right};
use crate::history::Throughput;
use crate::model::Counter;
use crate::render::format::Tone;

/// Names the counters of one direction.
#[derive(Clone, Copy)]
pub(super) struct Direction {
    pub(super) name: &'static str,
    bytes: Counter,
    packets: Counter,
    pub(super) errors: Counter,
    pub(super) dropped: Counter,
    throughput: fn(Throughput) -> f64,
}

pub(super) const RX: Direction = Direction {
    name: "rx",
    bytes: Counter::RxBytes,
    packets: Counter::RxPackets,
    errors: Counter::RxErrors,
    dropped: Counter::RxDropped,
    throughput: |sample| sample.rx,
};

pub(super) const TX: Direction = Direction {
    name: "tx",
    bytes: Counter::TxBytes,
    packets: Counter::TxPackets,
    errors: Counter::TxErrors,
    dropped: Counter::TxDropped,
    throughput: |sample| sample.tx,
};

pub(super) const DIRECTIONS: [Direction; 2] = [RX, TX];

/// Columns that are reserved for the rates next to a sparkline, so that the sparkline does not move.
const RATES_WIDTH: u16 = 25;

/// Returns the throughput of a network in this direction, such as `1.24 MiB/s`.
pub(super) fn rate(app: &App, index: usize, direction: Direction) -> String {
    per_second(app, index, direction.bytes).map_or_else(unknown, |rate| app.units.rate(rate))
}

/// Returns the rate of a counter per second, if it is known.
fn per_second(app: &App, index: usize, counter: Counter) -> Option<f64> {
    app.rates_of(index)?.get(counter)
}

/// Returns the mark for an unknown rate: at the first refresh, after a counter reset and after a suspend.
fn unknown() -> String {
    "-".to_owned()
}

/// Draws the rates with a sparkline below, or next to them if the area has one row.
pub(super) fn draw(buffer: &mut Buffer, mut area: Rect, app: &App, index: usize, direction: Direction) {
    let row = take_top(&mut area, 1);
    let long = rates(app, index, direction, true);
    let fits = Line::from(long.clone()).width() <= row.width.into();
    let taken = write(buffer, row, if fits { long } else { rates(app, index, direction, false) });
    if area.is_empty() {
        let taken = taken.max(RATES_WIDTH) + 1;
        if row.width > taken {
            sparkline(buffer, Rect { x: row.x + taken, width: row.width - taken, ..row }, app, index, direction);
        }
        return;
    }
    if let Some(peak) = sparkline(buffer, area, app, index, direction) {
        let peak = format!("peak {}", app.units.rate(peak));
        write_right(buffer, row, &peak, ink(&app.style, Tone::Dim), taken + 2);
    }
}

/// Returns the rates of traffic, errors and drops. The short form leaves out errors and drops that do not grow.
fn rates(app: &App, index: usize, direction: Direction, is_long: bool) -> Vec<Span<'static>> {
    let style = &app.style;
    let count = |counter| per_second(app, index, counter).map_or_else(unknown, short_count);
    let error_rate = |name: &str, short: &str, counter| {
        let is_growing = per_second(app, index, counter).is_some_and(|rate| rate > 0.0);
        let value = count(counter);
        let mut text = match (is_long, is_growing) {
            (true, _) => format!("  {name} {value:>4}/s"),
            (false, false) => return Span::raw(""),
            (false, true) => format!(" {short} {value}"),
        };
        if is_growing {
            // Visible without colours, too.
            text.push('!');
        }
        Span::styled(text, ink(style, if is_growing { Tone::Bad } else { Tone::Dim }))
    };
    let (rate, packets) = (rate(app, index, direction), count(direction.packets));
    let traffic =
        if is_long { format!(" {rate:>13}  {packets:>5} packets/s") } else { format!(" {rate} {packets}p/s") };
    vec![
        Span::styled(direction.name, ink(style, Tone::Bold)),
        Span::raw(traffic),
        error_rate("errors", "err", direction.errors),
        error_rate("drops", "drop", direction.dropped),
    ]
}

/// Draws the history of the throughput, newest at the right, and returns its visible maximum in bytes per second. A dot marks a
/// refresh without data.
fn sparkline(buffer: &mut Buffer, area: Rect, app: &App, index: usize, direction: Direction) -> Option<f64> {
    const ASCII: bar::Set<'static> = bar::Set {
        empty: " ",
        one_eighth: ".",
        one_quarter: ".",
        three_eighths: ":",
        half: "-",
        five_eighths: "=",
        three_quarters: "+",
        seven_eighths: "*",
        full: "#",
    };
    let network = app.networks().get(index)?;
    let points =
        app.history().samples(network).rev().take(area.width.into()).map(|point| point.map(direction.throughput));
    let peak = points.clone().flatten().reduce(f64::max);
    Sparkline::default()
        .data(points.map(|point| point.map(bar_height)).collect::<Vec<Option<u64>>>())
        .direction(RenderDirection::RightToLeft)
        .bar_set(if app.style.unicode { bar::NINE_LEVELS } else { ASCII })
        .absent_value_symbol(if app.style.unicode { "·" } else { "?" })
        .absent_value_style(ink(&app.style, Tone::Dim))
        .style(ink(&app.style, Tone::Good))
        .render(area, buffer);
    peak
}

/// Returns a rate as the height of a bar.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates are never negative, and `as` saturates"
)]
const fn bar_height(rate: f64) -> u64 {
    rate as u64
}
