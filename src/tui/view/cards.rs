//! Draws the networks: a card for the selected one, cards for others while there is room, else one line each.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget as _;

use super::super::app::App;
use super::super::figures::{fitted, ink, lines, problem_text};
use super::canvas::{bordered, inset, take_bottom, take_top, write, write_fitted};
use super::traffic::{self, DIRECTIONS, RX, TX};
use crate::findings::Severity;
use crate::findings::counters::meaning;
use crate::model::{Network, Problem};
use crate::render::format::Tone;
use crate::render::status::{name_suffix, state};

/// From this size on, cards have a border and sparklines have their own rows.
const BORDERED: (u16, u16) = (50, 14);
/// From this width on, the two directions are side by side.
const WIDE: u16 = 110;
/// From this height on, sparklines are higher.
const TALL: u16 = 40;
/// Lines of notes that the selected network gets before other networks get more than a line.
const MIN_NOTES: usize = 2;
/// Lines of notes that are joined to fill the last row of a card.
const JOINED_NOTES: usize = 4;

/// Describes the layout of a card; all cards of a screen have the same.
#[derive(Clone, Copy)]
struct CardLayout {
    is_bordered: bool,
    is_wide: bool,
    /// Rows of a sparkline; with 0 it is drawn next to the numbers.
    sparkline: u16,
}

impl CardLayout {
    const fn of(area: Rect) -> Self {
        let is_bordered = area.width >= BORDERED.0 && area.height >= BORDERED.1;
        let sparkline = match (is_bordered, area.height >= TALL) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => 3,
        };
        Self { is_bordered, is_wide: is_bordered && area.width >= WIDE, sparkline }
    }

    /// Returns the rows of a card without notes.
    const fn rows(self) -> u16 {
        let directions = if self.is_wide { 1 } else { 2 };
        directions * (1 + self.sparkline) + if self.is_bordered { 2 } else { 1 }
    }

    /// Returns the columns for the text of a card on a screen of this width.
    const fn columns(self, width: u16) -> u16 {
        if self.is_bordered { width.saturating_sub(4) } else { width }
    }
}

/// Holds which networks are on the screen, and the rows of each: 1 for a line, more for a card.
struct RowPlan {
    shown: Range<usize>,
    rows: Vec<usize>,
}

impl RowPlan {
    /// Divides `room` rows among `count` networks. In order of priority: the card of the selected network, two lines of its
    /// notes, a line for each other network, the rest of its notes, and cards for other networks.
    fn new(layout: CardLayout, room: usize, count: usize, selected: usize, notes: impl Fn(usize) -> usize) -> Self {
        let card = usize::from(layout.rows());
        let own = notes(selected);
        let mut left = room.saturating_sub(card);
        let first = own.min(MIN_NOTES).min(left);
        left -= first;
        let others = count.saturating_sub(1).min(left);
        left -= others;
        let more = (own - first).min(left);
        left -= more;
        let start = selected.saturating_sub(others / 2).min(count.saturating_sub(1 + others));
        let shown = start..start + others + 1;
        let rows = shown
            .clone()
            .map(|index| {
                if index == selected {
                    return (card + first + more).min(room);
                }
                let wanted = card - 1 + notes(index).min(MIN_NOTES);
                if wanted > left {
                    return 1;
                }
                left -= wanted;
                1 + wanted
            })
            .collect();
        Self { shown, rows }
    }
}

/// Draws the networks and returns the rows that they take. The peers keep what they need, up to half of the area.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App) -> u16 {
    let layout = CardLayout::of(area);
    let width = layout.columns(area.width).into();
    let peers = app.network().and_then(|network| network.peers.as_deref()).unwrap_or_default().len();
    let kept = (usize::from(area.height) / 2).min(peers.max(1) + 2);
    let room = usize::from(area.height) - kept;
    let networks = app.networks();
    let notes_of =
        |index: usize| networks.get(index).map(|network| notes(app, network, index, width)).unwrap_or_default();
    let plan = RowPlan::new(layout, room, networks.len(), app.index(), |index| notes_of(index).len());
    let mut rest = area;
    for (index, rows) in plan.shown.zip(plan.rows) {
        let Some(network) = networks.get(index) else { continue };
        let area = take_top(&mut rest, u16::try_from(rows).unwrap_or(u16::MAX));
        if rows > 1 {
            card(buffer, area, app, layout, network, index);
        } else {
            line(buffer, area, app, network, index);
        }
    }
    area.height - rest.height
}

/// Returns whether a problem concerns this network.
pub(super) fn is_about(problem: &Problem, network: &Network) -> bool {
    problem.netns == network.netns && problem.interface.as_ref() == Some(&network.interface)
}

/// Returns the notes on a network, wrapped: read errors, warnings, the meaning of error counters that grow, information.
fn notes(app: &App, network: &Network, index: usize, width: usize) -> Vec<(Tone, String)> {
    let sample = &app.tick().sample;
    let problems = sample.snapshot.problems.iter().filter(|problem| is_about(problem, network));
    let mut notes: Vec<(Tone, String)> =
        problems.map(|problem| (Tone::Bad, format!("? {}", problem_text(problem)))).collect();
    let findings = || sample.findings.iter().filter(|finding| finding.concerns(network));
    for finding in findings().filter(|finding| finding.severity > Severity::Info) {
        let command = finding.remedy.split("  # ").next().unwrap_or_default();
        notes.push((Tone::Bad, format!("! {}. Fix: {command}", finding.summary)));
    }
    for counter in DIRECTIONS.into_iter().flat_map(|direction| [direction.errors, direction.dropped]) {
        if app.rates_of(index).and_then(|rates| rates.get(counter)).is_some_and(|rate| rate > 0.0) {
            notes.push((Tone::Plain, format!("{}: {}", counter.name(), meaning(counter, network.backend).means)));
        }
    }
    for finding in findings().filter(|finding| finding.severity == Severity::Info) {
        notes.push((Tone::Dim, format!("i {}", finding.summary)));
    }
    let in_lines = |(tone, text): (Tone, String)| {
        lines(&app.style.escape(&text), width).into_iter().map(move |line| (tone, line)).collect::<Vec<_>>()
    };
    notes.into_iter().flat_map(in_lines).collect()
}

/// Returns the title of a card, such as `wg0 (office): up, kernel, mtu 1420, 3 of 5 peers online`.
fn title(app: &App, network: &Network, index: usize) -> Vec<Span<'static>> {
    let style = &app.style;
    let mark = match (index == app.index() && app.networks().len() > 1, style.unicode) {
        (false, _) => "",
        (true, true) => "▶ ",
        (true, false) => "> ",
    };
    let mut spans = vec![
        Span::raw(mark),
        Span::styled(style.escape(&network.interface.to_string()), ink(style, Tone::Bold)),
        Span::raw(name_suffix(style, network)),
    ];
    for (index, (tone, text)) in state(network, app.now()).into_iter().enumerate() {
        spans.push(Span::raw(if index == 0 { ": " } else { ", " }));
        spans.push(Span::styled(text, ink(style, tone)));
    }
    spans
}

/// Draws a network as a card.
fn card(buffer: &mut Buffer, area: Rect, app: &App, layout: CardLayout, network: &Network, index: usize) {
    let title = title(app, network, index);
    let mut rest = area;
    if layout.is_bordered {
        let title: Line<'_> = [Span::raw(" ")].into_iter().chain(title).chain([Span::raw(" ")]).collect();
        let block = bordered(&app.style).title(title);
        rest = inset(block.inner(area));
        block.render(area, buffer);
    } else {
        write(buffer, take_top(&mut rest, 1), title);
    }
    if layout.is_wide {
        let both = take_top(&mut rest, 1 + layout.sparkline);
        let width = both.width.saturating_sub(2) / 2;
        traffic::draw(buffer, Rect { width, ..both }, app, index, RX);
        traffic::draw(buffer, Rect { x: both.x + both.width - width, width, ..both }, app, index, TX);
    } else {
        for direction in DIRECTIONS {
            traffic::draw(buffer, take_top(&mut rest, 1 + layout.sparkline), app, index, direction);
        }
    }
    let notes = notes(app, network, index, rest.width.into());
    let is_cut = notes.len() > usize::from(rest.height);
    let last = if is_cut { take_bottom(&mut rest, 1) } else { Rect::ZERO };
    let shown = usize::from(rest.height);
    for (tone, note) in notes.iter().take(shown) {
        write_fitted(buffer, take_top(&mut rest, 1), &app.style, note, ink(&app.style, *tone));
    }
    if let Some((tone, _)) = notes.get(shown) {
        // The last row is filled with words of the lines that have no room.
        let rest: Vec<&str> = notes.iter().skip(shown).take(JOINED_NOTES).map(|(_, note)| note.as_str()).collect();
        let more = " (f: all)";
        let room = usize::from(last.width).saturating_sub(more.len());
        let text = fitted(&app.style, &rest.join(" "), room);
        write(
            buffer,
            last,
            vec![Span::styled(text, ink(&app.style, *tone)), Span::styled(more, ink(&app.style, Tone::Dim))],
        );
    }
}

/// Draws a network in one line.
fn line(buffer: &mut Buffer, area: Rect, app: &App, network: &Network, index: usize) {
    let style = &app.style;
    let (tone, state) = state(network, app.now()).into_iter().next().unwrap_or((Tone::Plain, String::new()));
    let worst = app.tick().sample.findings.iter().filter(|finding| finding.concerns(network));
    let worst = worst.map(|finding| finding.severity).max().filter(|&severity| severity > Severity::Info);
    let mut spans = vec![
        Span::raw("  "),
        Span::styled(format!("{:<15}", style.escape(&network.interface.to_string())), ink(style, Tone::Bold)),
        Span::styled(format!(" {state:<4}"), ink(style, tone)),
    ];
    for direction in DIRECTIONS {
        spans.push(Span::raw(format!("  {} {:>13}", direction.name, traffic::rate(app, index, direction))));
    }
    if let Some(worst) = worst {
        spans.push(Span::styled(format!("  ! {}", worst.as_str()), ink(style, Tone::Bad)));
    }
    write(buffer, area, spans);
}
