//! Draws the peers of the selected network, in the columns that fit the width.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style as Ink};
use ratatui::text::Span;

use super::super::app::App;
use super::super::figures::{age, fitted, ink, short_bytes};
use super::super::peers::Column;
use super::canvas::{take_top, write, write_fitted};
use crate::model::Peer;
use crate::rates::PeerRates;
use crate::render::format::{Style, Tone, columns, grouped};

/// Spaces between two columns.
const GAP: usize = 2;
/// Columns of the selection mark and of the online dot, each with a space.
const MARKS: usize = 4;
/// Minimum width of a name.
const MIN_NAME: usize = 9;
/// Width of a public key in Base64.
const KEY: usize = 44;
/// Width of the longest IPv6 address with a port.
const ENDPOINT: usize = 47;
/// Maximum number of allowed IPs that are formatted: no screen has room for more.
const MAX_ALLOWED_IPS: usize = 20;
/// The columns in the order in which a narrow screen drops them.
const DROP_ORDER: [Column; 7] =
    [Column::AllowedIps, Column::Endpoint, Column::Tx, Column::Rx, Column::Handshake, Column::TxRate, Column::RxRate];

/// Draws the title, the heading and the peers.
pub(super) fn draw(buffer: &mut Buffer, mut rest: Rect, app: &mut App) {
    title(buffer, take_top(&mut rest, 1), app);
    let list = app.network().and_then(|network| network.peers.as_deref());
    let message = match list {
        None => "peers unknown".to_owned(),
        Some([]) => "no peers configured".to_owned(),
        Some(_) if app.peers.len() == 0 => "no peers match the filter (Esc clears it)".to_owned(),
        Some(_) => {
            let layout = ColumnLayout::new(rest.width.into());
            heading(buffer, take_top(&mut rest, 1), app, &layout);
            return rows(buffer, rest, app, &layout);
        }
    };
    let text = format!("{:MARKS$}{message}", "");
    write_fitted(buffer, take_top(&mut rest, 1), &app.style, &text, ink(&app.style, Tone::Dim));
}

/// Draws the title, such as `peers of wg0, bytes/s; 3 of 12 match "alice"`.
fn title(buffer: &mut Buffer, area: Rect, app: &App) {
    let style = &app.style;
    let Some(network) = app.network() else { return };
    let mut spans = vec![
        Span::raw("peers of "),
        Span::styled(style.escape(&network.interface.to_string()), ink(style, Tone::Bold)),
        Span::styled(format!(", {}", app.units.name()), ink(style, Tone::Dim)),
    ];
    if !app.filter.is_empty() {
        let all = network.peers.as_deref().unwrap_or_default().len();
        let (shown, all) = (grouped(app.peers.len() as u64), grouped(all as u64));
        spans.push(Span::raw(format!("; {shown} of {all} match \"{}\"", style.escape(&app.filter))));
    }
    write(buffer, area, spans);
}

/// Holds the columns that fit, with their widths. They depend on the screen's width alone, so that columns never move.
struct ColumnLayout(Vec<(Column, usize)>);

impl ColumnLayout {
    /// Chooses the columns for a screen of this width.
    fn new(width: usize) -> Self {
        let mut shown = Column::ALL.to_vec();
        let needed = |shown: &[Column]| shown.iter().map(|&column| GAP + min_width(column)).sum::<usize>() - GAP;
        for dropped in DROP_ORDER {
            if needed(&shown) <= width {
                break;
            }
            shown.retain(|&column| column != dropped);
        }
        let mut spare = width.saturating_sub(needed(&shown));
        let mut widths: Vec<(Column, usize)> = shown.iter().map(|&column| (column, min_width(column))).collect();
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

/// Returns the minimum width of a column.
const fn min_width(column: Column) -> usize {
    match column {
        Column::Peer => MARKS + MIN_NAME,
        Column::RxRate | Column::TxRate | Column::Rx | Column::Tx => 6,
        Column::Handshake => 10,
        Column::Endpoint => 21,
        Column::AllowedIps => 18,
    }
}

/// Returns whether a column is aligned to the right.
const fn is_number(column: Column) -> bool {
    matches!(column, Column::RxRate | Column::TxRate | Column::Rx | Column::Tx | Column::Handshake)
}

/// Draws the headings; a triangle marks the column that the peers are sorted by.
fn heading(buffer: &mut Buffer, area: Rect, app: &App, layout: &ColumnLayout) {
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
            // A sort column that does not fit is named here.
            let hidden = if is_shown { String::new() } else { format!(" by {}{mark}", sorted.heading()) };
            text = format!("{:MARKS$}{text}{hidden}", "");
        }
        let tone = if is_sorted { Tone::Bold } else { Tone::Dim };
        cell(&mut spans, &app.style, column, width, &text, ink(&app.style, tone));
    }
    write(buffer, area, spans);
}

/// Adds a cell with the gap before it.
fn cell(spans: &mut Vec<Span<'_>>, style: &Style, column: Column, width: usize, text: &str, ink: Ink) {
    let text = fitted(style, text, width);
    let fill = width.saturating_sub(columns(&text));
    let gap = if spans.is_empty() { 0 } else { GAP };
    let (before, after) = if is_number(column) { (gap + fill, 0) } else { (gap, fill) };
    spans.push(Span::styled(format!("{:before$}{text}{:after$}", "", ""), ink));
}

/// Draws the peers that fit.
fn rows(buffer: &mut Buffer, mut rest: Rect, app: &mut App, layout: &ColumnLayout) {
    let visible = app.peers.visible(rest.height.into());
    let app = &*app;
    let list = app.network().and_then(|network| network.peers.as_deref()).unwrap_or_default();
    for position in visible {
        let Some(index) = app.peers.peer_index(position) else { continue };
        let Some(peer) = list.get(index) else { continue };
        let rates = app.rates_of(app.index()).and_then(|rates| rates.peers.get(index).copied().flatten());
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

/// Returns the text of a cell.
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
            format!("{mark} {} {}", dot(style, peer.is_online(app.now())), style.escape(&peer.label()))
        }
        Column::RxRate => rate(rates.and_then(|rates| rates.rx_bytes)),
        Column::TxRate => rate(rates.and_then(|rates| rates.tx_bytes)),
        Column::Rx => short_bytes(peer.rx_bytes as f64),
        Column::Tx => short_bytes(peer.tx_bytes as f64),
        Column::Handshake => peer.handshake_age(app.now()).map_or_else(|| "never".to_owned(), age),
        Column::Endpoint => peer.endpoint.map_or_else(|| "-".to_owned(), |endpoint| endpoint.to_string()),
        Column::AllowedIps => {
            let allowed_ips: Vec<String> =
                peer.allowed_ips.iter().take(MAX_ALLOWED_IPS).map(ToString::to_string).collect();
            if allowed_ips.is_empty() { "-".to_owned() } else { allowed_ips.join(", ") }
        }
    }
}

/// Returns the dot for online or offline.
const fn dot(style: &Style, is_online: bool) -> &'static str {
    match (style.unicode, is_online) {
        (true, true) => "●",
        (true, false) => "○",
        (false, true) => "*",
        (false, false) => "-",
    }
}
