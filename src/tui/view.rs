//! Draws the live view. Only the visible part is laid out.
//!
//! From top to bottom: the header, read errors, the networks as cards, the peers of the selected network, the latest event,
//! and the keys. A popup covers them.

mod canvas;
mod cards;
mod popups;
mod table;
mod traffic;

use std::time::{Duration, UNIX_EPOCH};

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use self::canvas::{take_bottom, take_top, write, write_fitted, write_right};
use super::app::App;
use super::figures::{age, fitted, ink, lines, problem_text};
use crate::model::{Problem, qualified_name};
use crate::render::format::{Tone, columns, grouped};

/// Maximum number of lines for read errors.
const MAX_NOTICE_LINES: usize = 3;
/// Screens of this height or more have a line for the latest event.
const TALL: u16 = 18;
/// Seconds for which an event replaces the keys on a lower screen.
const EVENT_SECONDS: u64 = 10;

/// The keys in the bottom line, most important first; those that do not fit are left out.
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

/// Draws the live view on a frame.
pub fn draw(frame: &mut Frame<'_>, app: &mut App) {
    let mut rest = frame.area();
    let buffer = frame.buffer_mut();
    let is_tall = rest.height >= TALL;
    header(buffer, take_top(&mut rest, 1), app);
    footer(buffer, take_bottom(&mut rest, 1), app, is_tall);
    if is_tall {
        latest_event(buffer, take_bottom(&mut rest, 1), app, u64::MAX);
    }
    notices(buffer, &mut rest, app);
    if app.networks().is_empty() {
        no_networks(buffer, rest, app);
    } else {
        let cards = cards::draw(buffer, rest, app);
        take_top(&mut rest, cards);
        table::draw(buffer, rest, app);
    }
    let screen = buffer.area;
    popups::draw(buffer, screen, app);
}

/// Draws the program's name, the number of networks, the interval and the time in UTC.
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

/// Draws the filter while the user types it, else the keys. On a low screen a recent event replaces the keys.
fn footer(buffer: &mut Buffer, area: Rect, app: &App, is_tall: bool) {
    if app.is_typing {
        let cursor = if app.style.unicode { "▏" } else { "_" };
        let text = format!("filter: {}{cursor}", app.style.escape(&app.filter));
        // The cursor is at the end, which therefore has to be visible.
        let skipped = columns(&text).saturating_sub(area.width.into());
        let text: String = text.chars().skip(skipped).collect();
        write(buffer, area, vec![Span::styled(text, ink(&app.style, Tone::Bold))]);
        return;
    }
    if !is_tall && latest_event(buffer, area, app, EVENT_SECONDS) {
        return;
    }
    let mut spans = Vec::new();
    let mut taken = 0;
    for (key, action) in HINTS {
        taken += key.len() + action.len() + 3;
        if taken > usize::from(area.width) + 2 {
            break;
        }
        spans.push(Span::styled(key, ink(&app.style, Tone::Bold)));
        spans.push(Span::styled(format!(" {action}  "), ink(&app.style, Tone::Dim)));
    }
    write(buffer, area, spans);
}

/// Draws the latest event if it is less than `max_age` seconds old. Returns whether it drew one.
fn latest_event(buffer: &mut Buffer, area: Rect, app: &App, max_age: u64) -> bool {
    let Some(last) = app.events().back() else { return false };
    let seconds = app.now().saturating_sub(last.timestamp);
    if seconds >= max_age {
        return false;
    }
    // The first event of an update caused the others: the findings of a removed interface end with it.
    let together = app.events().iter().rev().take_while(|event| event.timestamp == last.timestamp);
    let first = together.clone().last().unwrap_or(last);
    let more = match together.count() - 1 {
        0 => String::new(),
        more => format!("  (e: {more} more)"),
    };
    let text = format!("{} ago  {}", age(seconds).replace("now", "0s"), app.style.escape(&first.sentence()));
    let room = usize::from(area.width).saturating_sub(more.len());
    let text = fitted(&app.style, &text, room) + &more;
    write_fitted(buffer, area, &app.style, &text, ink(&app.style, Tone::Dim));
    true
}

/// Draws the failure of the last sample, and problems and findings that belong to none of the networks on the screen.
fn notices(buffer: &mut Buffer, rest: &mut Rect, app: &App) {
    let sample = &app.tick().sample;
    let has_card = |problem: &Problem| app.networks().iter().any(|network| cards::is_about(problem, network));
    let problems =
        sample.snapshot.problems.iter().filter(|problem| !has_card(problem)).map(|problem| match &problem.interface {
            Some(name) => format!("{}: {}", qualified_name(name, problem.netns.as_deref()), problem_text(problem)),
            None => problem_text(problem),
        });
    let unattached =
        sample.findings.iter().filter(|finding| !app.networks().iter().any(|network| finding.concerns(network)));
    let failure = app.failure().map(|error| {
        let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{error}{hint}")
    });
    let notices = failure.into_iter().chain(problems);
    let notices = notices.chain(unattached.map(|finding| finding.summary.clone()));
    let room = MAX_NOTICE_LINES.min(usize::from(rest.height / 4));
    let width = rest.width.into();
    let lines: Vec<String> =
        notices.flat_map(|notice| lines(&app.style.escape(&format!("! {notice}")), width)).take(room + 1).collect();
    for (index, line) in lines.iter().take(room).enumerate() {
        let is_cut = index + 1 == room && lines.len() > room;
        let line = if is_cut { format!("{line} {}", app.style.ellipsis()) } else { line.clone() };
        write_fitted(buffer, take_top(rest, 1), &app.style, &line, ink(&app.style, Tone::Bad));
    }
}

/// Draws the empty state, with hints on why there may be no network.
fn no_networks(buffer: &mut Buffer, mut rest: Rect, app: &App) {
    let hints = app.tick().sample.snapshot.hints.iter().map(String::as_str);
    for text in ["no WireGuard interfaces; new ones appear here automatically"].into_iter().chain(hints) {
        for line in lines(&app.style.escape(text), rest.width.into()) {
            write(buffer, take_top(&mut rest, 1), vec![Span::raw(line)]);
        }
    }
}
