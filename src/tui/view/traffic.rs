//! One direction of a network's traffic: its numbers, and its history as a sparkline.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::symbols::bar;
use ratatui::text::{Line, Span};
use ratatui::widgets::{RenderDirection, Sparkline, Widget as _};

use super::super::App;
use super::super::figures::{ink, short_count};
use super::{take_top, write, write_right};
use crate::history::Throughput;
use crate::model::Counter;
use crate::render::human::Tone;

/// One direction of a network's traffic.
#[derive(Clone, Copy)]
pub(super) struct Direction {
    pub(super) name: &'static str,
    bytes: Counter,
    packets: Counter,
    pub(super) errors: Counter,
    pub(super) dropped: Counter,
    of: fn(Throughput) -> f64,
}

pub(super) const RX: Direction = Direction {
    name: "rx",
    bytes: Counter::RxBytes,
    packets: Counter::RxPackets,
    errors: Counter::RxErrors,
    dropped: Counter::RxDropped,
    of: |throughput| throughput.rx,
};

pub(super) const TX: Direction = Direction {
    name: "tx",
    bytes: Counter::TxBytes,
    packets: Counter::TxPackets,
    errors: Counter::TxErrors,
    dropped: Counter::TxDropped,
    of: |throughput| throughput.tx,
};

/// Both.
pub(super) const DIRECTIONS: [Direction; 2] = [RX, TX];

/// Columns of the numbers where a sparkline stands beside them, which is not to jump when they change.
const NUMBERS: u16 = 25;

/// A network's throughput in this direction.
pub(super) fn rate(app: &App, place: usize, direction: Direction) -> String {
    per_second(app, place, direction.bytes).map_or_else(unknown, |rate| app.units.rate(rate))
}

fn per_second(app: &App, place: usize, counter: Counter) -> Option<f64> {
    app.rates_of(place)?.get(counter)
}

/// At the first tick, after a reset, after the machine slept.
fn unknown() -> String {
    "-".to_owned()
}

/// Draws the numbers, and below them the sparkline; beside them where there is only one row.
pub(super) fn draw(buffer: &mut Buffer, mut area: Rect, app: &App, place: usize, direction: Direction) {
    let row = take_top(&mut area, 1);
    let long = numbers(app, place, direction, true);
    let fits = Line::from(long.clone()).width() <= row.width.into();
    let taken = write(buffer, row, if fits { long } else { numbers(app, place, direction, false) });
    if area.is_empty() {
        let taken = taken.max(NUMBERS) + 1;
        if row.width > taken {
            spark(buffer, Rect { x: row.x + taken, width: row.width - taken, ..row }, app, place, direction);
        }
        return;
    }
    if let Some(peak) = spark(buffer, area, app, place, direction) {
        let peak = format!("peak {}", app.units.rate(peak));
        write_right(buffer, row, &peak, ink(&app.style, Tone::Dim), taken + 2);
    }
}

fn numbers(app: &App, place: usize, direction: Direction, is_long: bool) -> Vec<Span<'static>> {
    let style = &app.style;
    let count = |counter| per_second(app, place, counter).map_or_else(unknown, short_count);
    let trouble = |name: &str, short: &str, counter| {
        let has_moved = per_second(app, place, counter).is_some_and(|rate| rate > 0.0);
        let value = count(counter);
        let mut text = match (is_long, has_moved) {
            (true, _) => format!("  {name} {value:>4}/s"),
            // Where there is little room, none for what is as it should be.
            (false, false) => return Span::raw(""),
            (false, true) => format!(" {short} {value}"),
        };
        if has_moved {
            // Marked also where there are no colours.
            text.push('!');
        }
        Span::styled(text, ink(style, if has_moved { Tone::Bad } else { Tone::Dim }))
    };
    let (rate, packets) = (rate(app, place, direction), count(direction.packets));
    let traffic =
        if is_long { format!(" {rate:>13}  {packets:>5} packets/s") } else { format!(" {rate} {packets}p/s") };
    vec![
        Span::styled(direction.name, ink(style, Tone::Bold)),
        Span::raw(traffic),
        trouble("errors", "err", direction.errors),
        trouble("drops", "drop", direction.dropped),
    ]
}

/// Draws history, the newest at the right, as much as there is room for; returns the highest of what is shown. What is not
/// known has a mark of its own.
fn spark(buffer: &mut Buffer, area: Rect, app: &App, place: usize, direction: Direction) -> Option<f64> {
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
    let network = app.networks().get(place)?;
    let points = app.history().samples(network).rev().take(area.width.into()).map(|point| point.map(direction.of));
    let peak = points.clone().flatten().reduce(f64::max);
    Sparkline::default()
        .data(points.map(|point| point.map(whole)).collect::<Vec<Option<u64>>>())
        .direction(RenderDirection::RightToLeft)
        .bar_set(if app.style.unicode { bar::NINE_LEVELS } else { ASCII })
        .absent_value_symbol(if app.style.unicode { "·" } else { "?" })
        .absent_value_style(ink(&app.style, Tone::Dim))
        .style(ink(&app.style, Tone::Good))
        .render(area, buffer);
    peak
}

/// For the height of a bar, a byte more or less is nothing.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates are never negative, and `as` saturates"
)]
const fn whole(rate: f64) -> u64 {
    rate as u64
}
