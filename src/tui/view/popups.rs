//! What lies over the view when it is asked for: texts of any length, of which a part is seen.

use std::time::{Duration, UNIX_EPOCH};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::symbols::border;
use ratatui::text::Span;
use ratatui::widgets::{Block, Clear, Widget as _};

use super::super::app::Popup;
use super::super::figures::{columns, ink, lines};
use super::super::{App, KEYS};
use super::{cards, take_top, write, write_right};
use crate::findings::counters::meaning;
use crate::model::Counter;
use crate::render::human::{Style, Tone, ago, grouped};

/// No wider than can be read.
const WIDEST: u16 = 100;
/// Columns of what stands before a text.
const LABEL: usize = 22;
/// Entries that are listed of what has no bound.
const LISTED: usize = 200;
/// The end of the year 9999: what comes later cannot be written as a date.
const LATEST: u64 = 253_402_300_799;

/// A line, and how it stands out.
type Text = (Tone, String);

/// Draws what is open.
pub(super) fn draw(buffer: &mut Buffer, screen: Rect, app: &mut App) {
    let Some(popup) = app.popup else { return };
    let width = screen.width.min(WIDEST);
    let inner = usize::from(width.saturating_sub(4));
    let (title, texts) = match popup {
        Popup::Help => ("keys".to_owned(), help(inner)),
        Popup::Detail => ("peer".to_owned(), detail(app, inner)),
        Popup::Findings => findings(app, inner),
        Popup::Events => ("events, the newest first".to_owned(), events(app, inner)),
    };
    let height = u16::try_from(texts.len() + 2).unwrap_or(u16::MAX).min(screen.height);
    let area =
        Rect { x: screen.x + (screen.width - width) / 2, y: screen.y + (screen.height - height) / 2, width, height };
    Clear.render(area, buffer);
    let block = framed(&app.style).title(Span::styled(format!(" {title} "), ink(&app.style, Tone::Bold)));
    let inside = block.inner(area);
    block.render(area, buffer);
    let mut rest = inset(inside);
    let rows = usize::from(rest.height);
    app.page = rows;
    app.scroll = app.scroll.min(texts.len().saturating_sub(rows));
    let last = (app.scroll + rows).min(texts.len());
    if texts.len() > rows {
        let bottom = Rect { y: area.y + area.height.saturating_sub(1), height: 1, ..inset(area) };
        let place = format!(" {}-{last} of {} ", app.scroll + 1, texts.len());
        write_right(buffer, bottom, &place, ink(&app.style, Tone::Dim), 0);
    }
    for (tone, text) in texts.get(app.scroll..last).unwrap_or_default() {
        write(buffer, take_top(&mut rest, 1), vec![Span::styled(text.as_str(), ink(&app.style, *tone))]);
    }
}

/// Without its first and last column.
pub(super) const fn inset(area: Rect) -> Rect {
    match area.width.checked_sub(2) {
        Some(width) => Rect { x: area.x + 1, width, ..area },
        None => Rect { width: 0, ..area },
    }
}

/// A frame of characters that the terminal has.
pub(super) const fn frame(style: &Style) -> border::Set<'static> {
    const ASCII: border::Set<'static> = border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    };
    if style.unicode { border::PLAIN } else { ASCII }
}

/// An area with a frame around it.
pub(super) fn framed(style: &Style) -> Block<'static> {
    Block::bordered().border_set(frame(style)).border_style(ink(style, Tone::Dim))
}

/// A label, and a text beside it in as many lines as it needs; below it where it is narrow.
fn labelled(texts: &mut Vec<Text>, width: usize, label: &str, text: &str) {
    if width < LABEL * 2 {
        texts.push((Tone::Bold, label.to_owned()));
        paragraph(texts, width, Tone::Plain, 2, text);
        return;
    }
    for (place, line) in lines(text, width - LABEL).iter().enumerate() {
        let label = if place == 0 { label } else { "" };
        let fill = LABEL.saturating_sub(columns(label));
        texts.push((Tone::Plain, format!("{label}{:fill$}{line}", "")));
    }
}

fn paragraph(texts: &mut Vec<Text>, width: usize, tone: Tone, indent: usize, text: &str) {
    let width = width.saturating_sub(indent);
    texts.extend(lines(text, width).into_iter().map(|line| (tone, format!("{:indent$}{line}", ""))));
}

fn help(width: usize) -> Vec<Text> {
    let mut texts = Vec::new();
    for key in KEYS {
        labelled(&mut texts, width, key.keys, key.does);
    }
    texts.push((Tone::Plain, String::new()));
    let note = "rx is what this host received, tx what it sent. A peer is online for 180 seconds after a handshake. A dot in a \
                graph is a tick of which nothing is known. To select text with the mouse, hold Shift.";
    paragraph(&mut texts, width, Tone::Dim, 0, note);
    texts
}

/// All about the selected peer.
fn detail(app: &App, width: usize) -> Vec<Text> {
    let style = &app.style;
    let mut texts = Vec::new();
    let Some((place, peer)) = app.selected_peer() else { return vec![(Tone::Dim, "no peer is selected".to_owned())] };
    let rates = app.rates_of(app.place()).and_then(|rates| rates.peers.get(place).copied().flatten());
    let rate = |rate: Option<f64>| rate.map_or_else(|| "rate unknown".to_owned(), |rate| app.units.rate(rate));
    let exact = |bytes: u64| format!("{} ({} B)", style.bytes(Some(bytes)), grouped(bytes));
    let handshake = peer.last_handshake.map_or_else(
        || "never".to_owned(),
        |then| {
            let time = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(then.min(LATEST)));
            format!("{} ({time})", peer.handshake_age(app.now()).map(ago).unwrap_or_default())
        },
    );
    let mut allowed: Vec<String> = peer.allowed_ips.iter().take(LISTED).map(ToString::to_string).collect();
    if let Some(more) = peer.allowed_ips.len().checked_sub(LISTED).filter(|&more| more > 0) {
        allowed.push(format!("and {} more", grouped(more as u64)));
    }
    let keepalive = match peer.persistent_keepalive {
        0 => "off".to_owned(),
        seconds => format!("every {seconds} s"),
    };
    let dash = || "-".to_owned();
    for (label, text) in [
        ("public key", peer.public_key.to_string()),
        ("name", peer.name.as_deref().map_or_else(dash, |name| style.outside(name))),
        ("endpoint", peer.endpoint.map_or_else(dash, |endpoint| endpoint.to_string())),
        ("online", if peer.is_online(app.now()) { "yes" } else { "no" }.to_owned()),
        ("last handshake", handshake),
        ("received", format!("{}, {}", exact(peer.rx_bytes), rate(rates.and_then(|rates| rates.rx_bytes)))),
        ("sent", format!("{}, {}", exact(peer.tx_bytes), rate(rates.and_then(|rates| rates.tx_bytes)))),
        ("keepalive", keepalive),
        ("preshared key", if peer.has_preshared_key { "set" } else { "none" }.to_owned()),
        ("protocol version", peer.protocol_version.map_or_else(dash, |version| version.to_string())),
        ("allowed-ips", if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") }),
    ] {
        labelled(&mut texts, width, label, &text);
    }
    texts
}

/// The network's findings in full, and its counters with what those mean that tell of trouble.
fn findings(app: &App, width: usize) -> (String, Vec<Text>) {
    let style = &app.style;
    let Some(network) = app.network() else { return ("findings".to_owned(), Vec::new()) };
    let mut texts = Vec::new();
    for finding in app.tick().sample.findings.iter().filter(|finding| finding.concerns(network)) {
        let summary = format!("{}: {}", finding.severity.as_str(), finding.summary);
        paragraph(&mut texts, width, cards::tone(finding.severity), 0, &style.outside(&summary));
        paragraph(&mut texts, width, Tone::Plain, 2, &style.outside(finding.cause));
        paragraph(&mut texts, width, Tone::Bold, 2, &style.outside(&format!("$ {}", finding.remedy)));
        texts.push((Tone::Plain, String::new()));
    }
    if texts.is_empty() {
        texts.push((Tone::Good, "no findings".to_owned()));
        texts.push((Tone::Plain, String::new()));
    }
    texts.push((Tone::Bold, "counters since the interface was created".to_owned()));
    let moved = Counter::detail().filter(|&counter| network.stats.get(counter).is_some_and(|value| value > 0));
    for counter in Counter::MAIN.into_iter().chain(moved) {
        let value = network.stats.get(counter);
        labelled(&mut texts, width, counter.name(), &style.count(value));
        let is_traffic =
            [Counter::RxBytes, Counter::TxBytes, Counter::RxPackets, Counter::TxPackets].contains(&counter);
        if is_traffic || value.unwrap_or(0) == 0 {
            continue;
        }
        let meaning = meaning(counter, network.backend);
        paragraph(&mut texts, width, Tone::Plain, 2, meaning.means);
        if let Some(misreading) = meaning.misreading {
            paragraph(&mut texts, width, Tone::Dim, 2, &format!("not: {misreading}"));
        }
        if let Some(remedy) = meaning.remedy {
            paragraph(&mut texts, width, Tone::Bold, 2, &format!("to do: {remedy}"));
        }
    }
    (format!("{}: findings and counters", style.outside(&network.qualified_name())), texts)
}

fn events(app: &App, width: usize) -> Vec<Text> {
    let mut texts = Vec::new();
    for event in app.events().iter().rev() {
        let age = ago(app.now().saturating_sub(event.timestamp));
        labelled(&mut texts, width, &age, &app.style.outside(&event.sentence()));
    }
    if texts.is_empty() {
        texts.push((Tone::Dim, "nothing has happened since the start".to_owned()));
    }
    texts
}
