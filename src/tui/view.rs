//! How the view looks. Only what is on the screen is laid out.
//!
//! From the top: a line of the program's own, what could not be read, the networks as cards, the peers of the selected one,
//! the last event and the keys. Over it, what was asked for.

mod cards;
mod popups;
mod table;
mod traffic;

use std::time::{Duration, UNIX_EPOCH};

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style as Ink;
use ratatui::text::{Line, Span};

use super::App;
use super::figures::{age, columns, fitted, ink, lines};
use crate::model::{Problem, printable};
use crate::render::human::{Style, Tone, grouped};

/// Lines for what could not be read.
const NOTICES: usize = 3;
/// From this height on there is a line for events.
const TALL: u16 = 18;
/// Seconds for which an event is shown where it takes the place of the keys.
const NEWS: u64 = 10;

/// Keys that are named at the bottom, as far as there is room.
const HINTS: [(&str, &str); 9] = [
    ("?", "help"),
    ("q", "quit"),
    ("Tab", "network"),
    ("s", "sort"),
    ("/", "filter"),
    ("Enter", "peer"),
    ("f", "findings"),
    ("e", "events"),
    ("Space", "pause"),
];

/// Draws the view.
pub fn draw(frame: &mut Frame<'_>, app: &mut App) {
    let mut rest = frame.area();
    let buffer = frame.buffer_mut();
    let is_tall = rest.height >= TALL;
    header(buffer, take_top(&mut rest, 1), app);
    footer(buffer, take_bottom(&mut rest, 1), app, is_tall);
    if is_tall {
        link_monitor(buffer, take_bottom(&mut rest, 1), app, u64::MAX);
    }
    notices(buffer, &mut rest, app);
    if app.networks().is_empty() {
        nothing(buffer, rest, app);
    } else {
        let cards = cards::draw(buffer, rest, app);
        take_top(&mut rest, cards);
        table::draw(buffer, rest, app);
    }
    let screen = buffer.area;
    popups::draw(buffer, screen, app);
}

/// Cuts rows off the top.
fn take_top(rest: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(rest.height);
    let top = Rect { height: rows, ..*rest };
    *rest = Rect { y: rest.y + rows, height: rest.height - rows, ..*rest };
    top
}

/// Cuts rows off the bottom.
fn take_bottom(rest: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(rest.height);
    rest.height -= rows;
    Rect { y: rest.y + rest.height, height: rows, ..*rest }
}

/// Writes spans into the first row of the area, as far as they fit; returns the columns they take.
fn write(buffer: &mut Buffer, area: Rect, spans: Vec<Span<'_>>) -> u16 {
    // Writing beyond the screen would be a panic.
    let area = area.intersection(buffer.area);
    if area.is_empty() {
        return 0;
    }
    let (end, _) = buffer.set_line(area.x, area.y, &Line::from(spans), area.width);
    end - area.x
}

/// Writes a text into the first row, cut with a sign where it does not fit.
fn write_fitted(buffer: &mut Buffer, area: Rect, style: &Style, text: &str, ink: Ink) {
    let text = fitted(style, text, area.width.into());
    write(buffer, area, vec![Span::styled(text, ink)]);
}

/// Writes a text at the right end of the first row, where that leaves so many columns.
fn write_right(buffer: &mut Buffer, area: Rect, text: &str, ink: Ink, left: u16) {
    let width = u16::try_from(columns(text)).unwrap_or(u16::MAX);
    if width <= area.width.saturating_sub(left) {
        let area = Rect { x: area.x + area.width - width, width, ..area };
        write(buffer, area, vec![Span::styled(text, ink)]);
    }
}

fn header(buffer: &mut Buffer, area: Rect, app: &App) {
    let style = &app.style;
    let count = app.networks().len();
    let networks = if count == 1 { "1 network".to_owned() } else { format!("{} networks", grouped(count as u64)) };
    let mut spans = vec![
        Span::styled("wgstat", ink(style, Tone::Bold)),
        Span::raw(format!("  {networks}, every {}", humantime::format_duration(app.interval))),
    ];
    if app.is_paused() {
        spans.push(Span::styled("  PAUSED", ink(style, Tone::Bad)));
    }
    let left = write(buffer, area, spans);
    let time = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(app.now())).to_string();
    let time = time.get(11..).unwrap_or_default();
    write_right(buffer, area, time, ink(style, Tone::Dim), left + 2);
}

/// The filter while it is typed, else the keys; where the screen is low, an event takes their place for a while.
fn footer(buffer: &mut Buffer, area: Rect, app: &App, is_tall: bool) {
    if app.is_typing {
        let cursor = if app.style.unicode { "▏" } else { "_" };
        let text = format!("filter: {}{cursor}", app.style.outside(&app.filter));
        // The end is what is being typed.
        let skipped = columns(&text).saturating_sub(area.width.into());
        let text: String = text.chars().skip(skipped).collect();
        write(buffer, area, vec![Span::styled(text, ink(&app.style, Tone::Bold))]);
        return;
    }
    if !is_tall && link_monitor(buffer, area, app, NEWS) {
        return;
    }
    let mut spans = Vec::new();
    let mut taken = 0;
    for (key, does) in HINTS {
        taken += key.len() + does.len() + 3;
        if taken > usize::from(area.width) + 2 {
            break;
        }
        spans.push(Span::styled(key, ink(&app.style, Tone::Bold)));
        spans.push(Span::styled(format!(" {does}  "), ink(&app.style, Tone::Dim)));
    }
    write(buffer, area, spans);
}

/// What happened last, unless that is longer ago; whether there was anything.
fn link_monitor(buffer: &mut Buffer, area: Rect, app: &App, oldest: u64) -> bool {
    let Some(last) = app.events().back() else { return false };
    let seconds = app.now().saturating_sub(last.timestamp);
    if seconds >= oldest {
        return false;
    }
    // Of what was seen at once the first is the cause of the others: an interface that goes takes its findings along.
    let together = app.events().iter().rev().take_while(|event| event.timestamp == last.timestamp);
    let first = together.clone().last().unwrap_or(last);
    let more = match together.count() - 1 {
        0 => String::new(),
        more => format!("  (e: {more} more)"),
    };
    let text = format!("{} ago  {}", age(seconds).replace("now", "0s"), app.style.outside(&first.sentence()));
    let room = usize::from(area.width).saturating_sub(more.len());
    let text = fitted(&app.style, &text, room) + &more;
    write_fitted(buffer, area, &app.style, &text, ink(&app.style, Tone::Dim));
    true
}

/// What could not be read at all, and what is wrong with no network that is there.
fn notices(buffer: &mut Buffer, rest: &mut Rect, app: &App) {
    let sample = &app.tick().sample;
    let has_card = |problem: &Problem| app.networks().iter().any(|network| cards::is_about(problem, network));
    let problems = sample.snapshot.problems.iter().filter(|problem| !has_card(problem)).map(placed);
    let homeless =
        sample.findings.iter().filter(|finding| !app.networks().iter().any(|network| finding.concerns(network)));
    let failure = app.failure().map(|error| {
        let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{error}{hint}")
    });
    let notices = failure.into_iter().chain(problems);
    let notices = notices.chain(homeless.map(|finding| finding.summary.clone()));
    let room = NOTICES.min(usize::from(rest.height / 4));
    let width = rest.width.into();
    let lines: Vec<String> =
        notices.flat_map(|notice| lines(&app.style.outside(&format!("! {notice}")), width)).take(room + 1).collect();
    for (place, line) in lines.iter().take(room).enumerate() {
        let is_cut = place + 1 == room && lines.len() > room;
        let line = if is_cut { format!("{line} {}", app.style.ellipsis()) } else { line.clone() };
        write_fitted(buffer, take_top(rest, 1), &app.style, &line, ink(&app.style, Tone::Bad));
    }
}

/// What could not be read, and the remedy.
fn sentence(problem: &Problem) -> String {
    let hint = problem.hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{}{}", printable(&problem.message), printable(&hint))
}

/// The same, and where.
fn placed(problem: &Problem) -> String {
    let place =
        problem.interface.as_ref().map(|name| crate::model::qualified_name(name, problem.netns.as_deref()) + ": ");
    place.unwrap_or_default() + &sentence(problem)
}

fn nothing(buffer: &mut Buffer, mut rest: Rect, app: &App) {
    let hints = app.tick().sample.snapshot.hints.iter().map(String::as_str);
    for text in ["no WireGuard interfaces: they appear here by themselves"].into_iter().chain(hints) {
        for line in lines(&app.style.outside(text), rest.width.into()) {
            write(buffer, take_top(&mut rest, 1), vec![Span::raw(line)]);
        }
    }
}
