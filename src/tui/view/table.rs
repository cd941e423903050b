//! The peers of the selected network, in as many columns as there is room for.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style as Ink};
use ratatui::text::Span;

use super::super::App;
use super::super::figures::{age, columns, fitted, ink, short_bytes};
use super::super::peers::Column;
use super::{take_top, write, write_fitted};
use crate::model::Peer;
use crate::rates::PeerRates;
use crate::render::human::{Style, Tone, grouped};

/// Between two columns.
const GAP: usize = 2;
/// The mark of the selected one and the dot of one that is online.
const MARKS: usize = 4;
/// A name narrower than this tells nothing.
const NARROWEST_NAME: usize = 9;
/// A key takes so many columns.
const KEY: usize = 44;
/// An IPv6 address with its port.
const ENDPOINT: usize = 47;
/// Allowed-ips that are looked at: more are never seen.
const ALLOWED: usize = 20;
/// What is left out first where there is no room.
const EXPENDABLE: [Column; 7] =
    [Column::AllowedIps, Column::Endpoint, Column::Tx, Column::Rx, Column::Handshake, Column::TxRate, Column::RxRate];

/// Draws the list, with a heading.
pub(super) fn draw(buffer: &mut Buffer, mut rest: Rect, app: &mut App) {
    title(buffer, take_top(&mut rest, 1), app);
    let list = app.network().and_then(|network| network.peers.as_deref());
    let message = match list {
        None => "unknown".to_owned(),
        Some([]) => "none configured".to_owned(),
        Some(_) if app.peers.len() == 0 => "none; Esc shows all".to_owned(),
        Some(_) => {
            let layout = Layout::new(rest.width.into());
            heading(buffer, take_top(&mut rest, 1), app, &layout);
            return rows(buffer, rest, app, &layout);
        }
    };
    let text = format!("{:MARKS$}{message}", "");
    write_fitted(buffer, take_top(&mut rest, 1), &app.style, &text, ink(&app.style, Tone::Dim));
}

/// `peers of wg0, bytes/s; 3 of 12 have "alice"`.
fn title(buffer: &mut Buffer, area: Rect, app: &App) {
    let style = &app.style;
    let Some(network) = app.network() else { return };
    let mut spans = vec![
        Span::raw("peers of "),
        Span::styled(style.outside(&network.interface.to_string()), ink(style, Tone::Bold)),
        Span::styled(format!(", {}", app.units.name()), ink(style, Tone::Dim)),
    ];
    if !app.filter.is_empty() {
        let all = network.peers.as_deref().unwrap_or_default().len();
        let (shown, all) = (grouped(app.peers.len() as u64), grouped(all as u64));
        spans.push(Span::raw(format!("; {shown} of {all} have \"{}\"", style.outside(&app.filter))));
    }
    write(buffer, area, spans);
}

/// The columns that fit, with their widths. They follow from the width alone: nothing jumps when figures change.
struct Layout(Vec<(Column, usize)>);

impl Layout {
    fn new(width: usize) -> Self {
        let mut shown = Column::ALL.to_vec();
        let needed = |shown: &[Column]| shown.iter().map(|&column| GAP + narrowest(column)).sum::<usize>() - GAP;
        for expendable in EXPENDABLE {
            if needed(&shown) <= width {
                break;
            }
            shown.retain(|&column| column != expendable);
        }
        let mut spare = width.saturating_sub(needed(&shown));
        let mut widths: Vec<(Column, usize)> = shown.iter().map(|&column| (column, narrowest(column))).collect();
        for (column, width) in &mut widths {
            let most = match column {
                Column::Peer => MARKS + KEY,
                Column::Endpoint => ENDPOINT,
                Column::AllowedIps => usize::MAX,
                _ => *width,
            };
            let more = spare.min(most - *width);
            *width += more;
            spare -= more;
        }
        Self(widths)
    }
}

const fn narrowest(column: Column) -> usize {
    match column {
        Column::Peer => MARKS + NARROWEST_NAME,
        Column::RxRate | Column::TxRate | Column::Rx | Column::Tx => 6,
        Column::Handshake => 10,
        Column::Endpoint => 21,
        Column::AllowedIps => 18,
    }
}

const fn is_number(column: Column) -> bool {
    matches!(column, Column::RxRate | Column::TxRate | Column::Rx | Column::Tx | Column::Handshake)
}

fn heading(buffer: &mut Buffer, area: Rect, app: &App, layout: &Layout) {
    let sorted = app.peers.column();
    let mark = match (app.style.unicode, app.peers.is_ascending()) {
        (true, true) => "▲",
        (true, false) => "▼",
        (false, true) => "^",
        (false, false) => "v",
    };
    let is_shown = layout.0.iter().any(|&(column, _)| column == sorted);
    let mut spans = Vec::with_capacity(layout.0.len());
    for &(column, width) in &layout.0 {
        let is_sorted = column == sorted;
        let mut text = if is_sorted { format!("{}{mark}", column.heading()) } else { column.heading().to_owned() };
        if column == Column::Peer {
            // What the list is sorted by has to be said also where that has no room.
            let hidden = if is_shown { String::new() } else { format!(" by {}{mark}", sorted.heading()) };
            text = format!("{:MARKS$}{text}{hidden}", "");
        }
        let tone = if is_sorted { Tone::Bold } else { Tone::Dim };
        cell(&mut spans, &app.style, column, width, &text, ink(&app.style, tone));
    }
    write(buffer, area, spans);
}

/// One cell and the gap before it.
fn cell(spans: &mut Vec<Span<'_>>, style: &Style, column: Column, width: usize, text: &str, ink: Ink) {
    let text = fitted(style, text, width);
    let fill = width.saturating_sub(columns(&text));
    let gap = if spans.is_empty() { 0 } else { GAP };
    let (before, after) = if is_number(column) { (gap + fill, 0) } else { (gap, fill) };
    spans.push(Span::styled(format!("{:before$}{text}{:after$}", "", ""), ink));
}

fn rows(buffer: &mut Buffer, mut rest: Rect, app: &mut App, layout: &Layout) {
    let window = app.peers.window(rest.height.into());
    let app = &*app;
    let list = app.network().and_then(|network| network.peers.as_deref()).unwrap_or_default();
    for position in window {
        let Some(place) = app.peers.at(position) else { continue };
        let Some(peer) = list.get(place) else { continue };
        let rates = app.rates_of(app.place()).and_then(|rates| rates.peers.get(place).copied().flatten());
        let area = take_top(&mut rest, 1);
        let is_selected = app.peers.selected() == Some(peer.public_key);
        let is_online = peer.is_online(app.now());
        let tone = if is_online { Tone::Plain } else { Tone::Dim };
        let mut spans = Vec::with_capacity(layout.0.len());
        for &(column, width) in &layout.0 {
            let text = text(app, column, peer, rates, is_selected);
            cell(&mut spans, &app.style, column, width, &text, ink(&app.style, tone));
        }
        write(buffer, area, spans);
        if is_selected {
            buffer.set_style(area, Ink::new().add_modifier(Modifier::REVERSED));
        } else if is_online && area.width > 2 {
            buffer.set_style(Rect { x: area.x + 2, width: 1, ..area }, ink(&app.style, Tone::Good));
        }
    }
}

fn text(app: &App, column: Column, peer: &Peer, rates: Option<PeerRates>, is_selected: bool) -> String {
    let style = &app.style;
    let rate = |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), |rate| app.units.short_rate(rate));
    match column {
        Column::Peer => {
            let mark = match (is_selected, style.unicode) {
                (false, _) => " ",
                (true, true) => "▶",
                (true, false) => ">",
            };
            format!("{mark} {} {}", dot(style, peer.is_online(app.now())), style.outside(&peer.label()))
        }
        Column::RxRate => rate(rates.and_then(|rates| rates.rx_bytes)),
        Column::TxRate => rate(rates.and_then(|rates| rates.tx_bytes)),
        Column::Rx => short_bytes(peer.rx_bytes as f64),
        Column::Tx => short_bytes(peer.tx_bytes as f64),
        Column::Handshake => peer.handshake_age(app.now()).map_or_else(|| "never".to_owned(), age),
        Column::Endpoint => peer.endpoint.map_or_else(|| "-".to_owned(), |endpoint| endpoint.to_string()),
        Column::AllowedIps => {
            let some: Vec<String> = peer.allowed_ips.iter().take(ALLOWED).map(ToString::to_string).collect();
            if some.is_empty() { "-".to_owned() } else { some.join(", ") }
        }
    }
}

/// Online or not.
const fn dot(style: &Style, is_online: bool) -> &'static str {
    match (style.unicode, is_online) {
        (true, true) => "●",
        (true, false) => "○",
        (false, true) => "*",
        (false, false) => "-",
    }
}
