//! The networks: the selected one in full, others in full while there is room, else a line each.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget as _;

use super::super::App;
use super::super::figures::{fitted, ink, lines};
use super::popups::{framed, inset};
use super::traffic::{self, DIRECTIONS, RX, TX};
use super::{sentence, take_bottom, take_top, write, write_fitted};
use crate::findings::Severity;
use crate::findings::counters::meaning;
use crate::model::{Network, Problem};
use crate::render::human::Tone;
use crate::render::status::{beside, facts};

/// From this size on cards have frames, and sparklines rows of their own.
const FRAMED: (u16, u16) = (50, 14);
/// From this width on what is received stands beside what is sent.
const WIDE: u16 = 110;
/// From this height on sparklines are higher.
const HIGH: u16 = 40;
/// Lines of notes that a network has before others have more than a line.
const FIRST_NOTES: usize = 2;
/// Lines of notes that are looked at for what the last row has room for.
const REST: usize = 4;

/// How a card in full is laid out.
#[derive(Clone, Copy)]
struct Form {
    is_framed: bool,
    is_wide: bool,
    /// Rows of a sparkline; 0 puts it beside the numbers.
    spark: u16,
}

impl Form {
    const fn of(area: Rect) -> Self {
        let is_framed = area.width >= FRAMED.0 && area.height >= FRAMED.1;
        let spark = match (is_framed, area.height >= HIGH) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => 3,
        };
        Self { is_framed, is_wide: is_framed && area.width >= WIDE, spark }
    }

    /// Rows of a card without notes.
    const fn rows(self) -> u16 {
        let directions = if self.is_wide { 1 } else { 2 };
        directions * (1 + self.spark) + if self.is_framed { 2 } else { 1 }
    }

    /// Columns that notes have.
    const fn columns(self, width: u16) -> u16 {
        if self.is_framed { width.saturating_sub(4) } else { width }
    }
}

/// The networks that are shown, and their rows: one for a line, more for a card in full.
struct Share {
    shown: Range<usize>,
    rows: Vec<usize>,
}

impl Share {
    /// The selected network's card comes first, then two lines of what there is to say of it, then a line for each other
    /// network, then all there is to say; and what is left lets others have whole cards.
    fn new(form: Form, room: usize, count: usize, selected: usize, notes: impl Fn(usize) -> usize) -> Self {
        let card = usize::from(form.rows());
        let own = notes(selected);
        let mut left = room.saturating_sub(card);
        let first = own.min(FIRST_NOTES).min(left);
        left -= first;
        let others = count.saturating_sub(1).min(left);
        left -= others;
        let more = (own - first).min(left);
        left -= more;
        let start = selected.saturating_sub(others / 2).min(count.saturating_sub(1 + others));
        let shown = start..start + others + 1;
        let rows = shown
            .clone()
            .map(|place| {
                if place == selected {
                    return (card + first + more).min(room);
                }
                let wanted = card - 1 + notes(place).min(FIRST_NOTES);
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

/// Draws the networks; returns the rows they take. The peers keep what they need, up to half of the screen.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App) -> u16 {
    let form = Form::of(area);
    let width = form.columns(area.width).into();
    let peers = app.network().and_then(|network| network.peers.as_deref()).unwrap_or_default().len();
    let kept = (usize::from(area.height) / 2).min(peers.max(1) + 2);
    let room = usize::from(area.height) - kept;
    let networks = app.networks();
    let notes_of =
        |place: usize| networks.get(place).map(|network| notes(app, network, place, width)).unwrap_or_default();
    let share = Share::new(form, room, networks.len(), app.place(), |place| notes_of(place).len());
    let mut rest = area;
    for (place, rows) in share.shown.zip(share.rows) {
        let Some(network) = networks.get(place) else { continue };
        let area = take_top(&mut rest, u16::try_from(rows).unwrap_or(u16::MAX));
        if rows > 1 {
            card(buffer, area, app, form, network, place);
        } else {
            line(buffer, area, app, network, place);
        }
    }
    area.height - rest.height
}

/// Whether a problem is this network's.
pub(super) fn is_about(problem: &Problem, network: &Network) -> bool {
    problem.netns == network.netns && problem.interface.as_ref() == Some(&network.interface)
}

/// How a finding stands out.
pub(super) const fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Info => Tone::Dim,
        Severity::Warning | Severity::Critical => Tone::Bad,
    }
}

/// What there is to say of a network, in lines: what could not be read, what is wrong, what the counters mean that moved.
fn notes(app: &App, network: &Network, place: usize, width: usize) -> Vec<(Tone, String)> {
    let sample = &app.tick().sample;
    let problems = sample.snapshot.problems.iter().filter(|problem| is_about(problem, network));
    let mut notes: Vec<(Tone, String)> =
        problems.map(|problem| (Tone::Bad, format!("? {}", sentence(problem)))).collect();
    let findings = || sample.findings.iter().filter(|finding| finding.concerns(network));
    for finding in findings().filter(|finding| finding.severity > Severity::Info) {
        let command = finding.remedy.split("  # ").next().unwrap_or_default();
        notes.push((Tone::Bad, format!("! {}. To mend it: {command}", finding.summary)));
    }
    for counter in DIRECTIONS.into_iter().flat_map(|direction| [direction.errors, direction.dropped]) {
        if app.rates_of(place).and_then(|rates| rates.get(counter)).is_some_and(|rate| rate > 0.0) {
            notes.push((Tone::Plain, format!("{}: {}", counter.name(), meaning(counter, network.backend).means)));
        }
    }
    for finding in findings().filter(|finding| finding.severity == Severity::Info) {
        notes.push((Tone::Dim, format!("i {}", finding.summary)));
    }
    let in_lines = |(tone, text): (Tone, String)| {
        lines(&app.style.outside(&text), width).into_iter().map(move |line| (tone, line)).collect::<Vec<_>>()
    };
    notes.into_iter().flat_map(in_lines).collect()
}

/// `wg0 (office): up, kernel, mtu 1420, 3 of 5 peers online`.
fn title(app: &App, network: &Network, place: usize) -> Vec<Span<'static>> {
    let style = &app.style;
    let mark = match (place == app.place() && app.networks().len() > 1, style.unicode) {
        (false, _) => "",
        (true, true) => "▶ ",
        (true, false) => "> ",
    };
    let mut spans = vec![
        Span::raw(mark),
        Span::styled(style.outside(&network.interface.to_string()), ink(style, Tone::Bold)),
        Span::raw(beside(style, network)),
    ];
    for (place, (tone, fact)) in facts(network, app.now()).into_iter().enumerate() {
        spans.push(Span::raw(if place == 0 { ": " } else { ", " }));
        spans.push(Span::styled(fact, ink(style, tone)));
    }
    spans
}

fn card(buffer: &mut Buffer, area: Rect, app: &App, form: Form, network: &Network, place: usize) {
    let title = title(app, network, place);
    let mut rest = area;
    if form.is_framed {
        let title: Line<'_> = [Span::raw(" ")].into_iter().chain(title).chain([Span::raw(" ")]).collect();
        let block = framed(&app.style).title(title);
        rest = inset(block.inner(area));
        block.render(area, buffer);
    } else {
        write(buffer, take_top(&mut rest, 1), title);
    }
    if form.is_wide {
        let both = take_top(&mut rest, 1 + form.spark);
        let width = both.width.saturating_sub(2) / 2;
        traffic::draw(buffer, Rect { width, ..both }, app, place, RX);
        traffic::draw(buffer, Rect { x: both.x + both.width - width, width, ..both }, app, place, TX);
    } else {
        for direction in DIRECTIONS {
            traffic::draw(buffer, take_top(&mut rest, 1 + form.spark), app, place, direction);
        }
    }
    let notes = notes(app, network, place, rest.width.into());
    let is_cut = notes.len() > usize::from(rest.height);
    let last = if is_cut { take_bottom(&mut rest, 1) } else { Rect::ZERO };
    let shown = usize::from(rest.height);
    for (tone, note) in notes.iter().take(shown) {
        write_fitted(buffer, take_top(&mut rest, 1), &app.style, note, ink(&app.style, *tone));
    }
    if let Some((tone, _)) = notes.get(shown) {
        // The words that would come next, whatever line they stood in.
        let rest: Vec<&str> = notes.iter().skip(shown).take(REST).map(|(_, note)| note.as_str()).collect();
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

/// A network in one line.
fn line(buffer: &mut Buffer, area: Rect, app: &App, network: &Network, place: usize) {
    let style = &app.style;
    let (tone, state) = facts(network, app.now()).into_iter().next().unwrap_or((Tone::Plain, String::new()));
    let worst = app.tick().sample.findings.iter().filter(|finding| finding.concerns(network));
    let worst = worst.map(|finding| finding.severity).max().filter(|&severity| severity > Severity::Info);
    let mut spans = vec![
        Span::raw("  "),
        Span::styled(format!("{:<15}", style.outside(&network.interface.to_string())), ink(style, Tone::Bold)),
        Span::styled(format!(" {state:<4}"), ink(style, tone)),
    ];
    for direction in DIRECTIONS {
        spans.push(Span::raw(format!("  {} {:>13}", direction.name, traffic::rate(app, place, direction))));
    }
    if let Some(worst) = worst {
        spans.push(Span::styled(format!("  ! {}", worst.as_str()), ink(style, Tone::Bad)));
    }
    write(buffer, area, spans);
}
