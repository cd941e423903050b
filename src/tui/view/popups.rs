//! Draws the popups over the view: help, the selected peer, findings and events. Long ones scroll.

use std::time::{Duration, UNIX_EPOCH};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::{Clear, Widget as _};

use super::super::app::{App, Popup};
use super::super::figures::{ink, lines};
use super::super::input::KEYS;
use super::canvas::{bordered, inset, take_top, write, write_right};
use crate::findings::Severity;
use crate::findings::counters::meaning;
use crate::model::Counter;
use crate::render::format::{Tone, ago, columns, grouped};

/// Maximum width: longer lines are hard to read.
const MAX_WIDTH: u16 = 100;
/// Columns of the labels at the left.
const LABEL_WIDTH: usize = 22;
/// Maximum number of allowed IPs of a peer.
const MAX_ALLOWED_IPS: usize = 200;
/// The end of the year 9999, in Unix seconds: RFC 3339 cannot express a later time.
const LATEST: u64 = 253_402_300_799;

/// A line of a popup.
type TextLine = (Tone, String);

/// Draws the open popup, if there is one.
pub(super) fn draw(buffer: &mut Buffer, screen: Rect, app: &mut App) {
    let Some(popup) = app.popup else { return };
    let width = screen.width.min(MAX_WIDTH);
    let inner = usize::from(width.saturating_sub(4));
    let (title, texts) = match popup {
        Popup::Help => ("keys".to_owned(), help(inner)),
        Popup::Detail => ("peer".to_owned(), detail(app, inner)),
        Popup::Findings => findings(app, inner),
        Popup::Events => ("events, newest first".to_owned(), events(app, inner)),
    };
    let height = u16::try_from(texts.len() + 2).unwrap_or(u16::MAX).min(screen.height);
    let area =
        Rect { x: screen.x + (screen.width - width) / 2, y: screen.y + (screen.height - height) / 2, width, height };
    Clear.render(area, buffer);
    let block = bordered(&app.style).title(Span::styled(format!(" {title} "), ink(&app.style, Tone::Bold)));
    let inside = block.inner(area);
    block.render(area, buffer);
    let mut rest = inset(inside);
    let rows = usize::from(rest.height);
    app.page = rows;
    app.scroll = app.scroll.min(texts.len().saturating_sub(rows));
    let last = (app.scroll + rows).min(texts.len());
    if texts.len() > rows {
        let bottom = Rect { y: area.y + area.height.saturating_sub(1), height: 1, ..inset(area) };
        let position = format!(" {}-{last} of {} ", app.scroll + 1, texts.len());
        write_right(buffer, bottom, &position, ink(&app.style, Tone::Dim), 0);
    }
    for (tone, text) in texts.get(app.scroll..last).unwrap_or_default() {
        write(buffer, take_top(&mut rest, 1), vec![Span::styled(text.as_str(), ink(&app.style, *tone))]);
    }
}

/// Adds a label with a text to its right, or below it on a narrow screen.
fn labelled(texts: &mut Vec<TextLine>, width: usize, label: &str, text: &str) {
    if width < LABEL_WIDTH * 2 {
        texts.push((Tone::Bold, label.to_owned()));
        paragraph(texts, width, Tone::Plain, 2, text);
        return;
    }
    for (index, line) in lines(text, width - LABEL_WIDTH).iter().enumerate() {
        let label = if index == 0 { label } else { "" };
        let fill = LABEL_WIDTH.saturating_sub(columns(label));
        texts.push((Tone::Plain, format!("{label}{:fill$}{line}", "")));
    }
}

/// Adds a text, wrapped and indented.
fn paragraph(texts: &mut Vec<TextLine>, width: usize, tone: Tone, indent: usize, text: &str) {
    let width = width.saturating_sub(indent);
    texts.extend(lines(text, width).into_iter().map(|line| (tone, format!("{:indent$}{line}", ""))));
}

/// Returns the help: every key, and the terms of the view.
fn help(width: usize) -> Vec<TextLine> {
    let mut texts = Vec::new();
    for key in KEYS {
        labelled(&mut texts, width, key.keys, key.action);
    }
    texts.push((Tone::Plain, String::new()));
    let note = "rx is traffic that this host received, tx is traffic that it sent. A peer counts as online for 180 seconds \
                after a handshake. A dot in a graph marks a refresh without data. Hold Shift to select text with the mouse.";
    paragraph(&mut texts, width, Tone::Dim, 0, note);
    texts
}

/// Returns everything that is known about the selected peer.
fn detail(app: &App, width: usize) -> Vec<TextLine> {
    let style = &app.style;
    let mut texts = Vec::new();
    let Some((index, peer)) = app.selected_peer() else { return vec![(Tone::Dim, "no peer selected".to_owned())] };
    let rates = app.rates_of(app.index()).and_then(|rates| rates.peers.get(index).copied().flatten());
    let rate = |rate: Option<f64>| rate.map_or_else(|| "rate unknown".to_owned(), |rate| app.units.rate(rate));
    let exact = |bytes: u64| format!("{} ({} B)", style.bytes(Some(bytes)), grouped(bytes));
    let handshake = peer.last_handshake.map_or_else(
        || "never".to_owned(),
        |then| {
            let time = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(then.min(LATEST)));
            format!("{} ({time})", peer.handshake_age(app.now()).map(ago).unwrap_or_default())
        },
    );
    let mut allowed: Vec<String> = peer.allowed_ips.iter().take(MAX_ALLOWED_IPS).map(ToString::to_string).collect();
    if let Some(more) = peer.allowed_ips.len().checked_sub(MAX_ALLOWED_IPS).filter(|&more| more > 0) {
        allowed.push(format!("and {} more", grouped(more as u64)));
    }
    let keepalive = match peer.persistent_keepalive {
        0 => "off".to_owned(),
        seconds => format!("every {seconds} s"),
    };
    let dash = || "-".to_owned();
    for (label, text) in [
        ("public key", peer.public_key.to_string()),
        ("name", peer.name.as_deref().map_or_else(dash, |name| style.escape(name))),
        ("endpoint", peer.endpoint.map_or_else(dash, |endpoint| endpoint.to_string())),
        ("online", if peer.is_online(app.now()) { "yes" } else { "no" }.to_owned()),
        ("last handshake", handshake),
        ("rx", format!("{}, {}", exact(peer.rx_bytes), rate(rates.and_then(|rates| rates.rx_bytes)))),
        ("tx", format!("{}, {}", exact(peer.tx_bytes), rate(rates.and_then(|rates| rates.tx_bytes)))),
        ("keepalive", keepalive),
        ("preshared key", if peer.has_preshared_key { "set" } else { "none" }.to_owned()),
        ("protocol version", peer.protocol_version.map_or_else(dash, |version| version.to_string())),
        ("allowed IPs", if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") }),
    ] {
        labelled(&mut texts, width, label, &text);
    }
    texts
}

/// Returns the title and the lines of the findings popup: the findings of the selected network with causes and fixes, then its
/// counters with the meaning of non-zero error counters.
fn findings(app: &App, width: usize) -> (String, Vec<TextLine>) {
    let style = &app.style;
    let Some(network) = app.network() else { return ("findings".to_owned(), Vec::new()) };
    let mut texts = Vec::new();
    for finding in app.tick().sample.findings.iter().filter(|finding| finding.concerns(network)) {
        let summary = format!("{}: {}", finding.severity.as_str(), finding.summary);
        paragraph(&mut texts, width, severity_tone(finding.severity), 0, &style.escape(&summary));
        paragraph(&mut texts, width, Tone::Plain, 2, &style.escape(&format!("Cause: {}", finding.cause)));
        paragraph(&mut texts, width, Tone::Bold, 2, &style.escape(&format!("Fix: {}", finding.remedy)));
        texts.push((Tone::Plain, String::new()));
    }
    if texts.is_empty() {
        texts.push((Tone::Good, "No problems found".to_owned()));
        texts.push((Tone::Plain, String::new()));
    }
    texts.push((Tone::Bold, "Counters since the interface was created".to_owned()));
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
            paragraph(&mut texts, width, Tone::Dim, 2, &format!("Not: {misreading}"));
        }
        if let Some(remedy) = meaning.remedy {
            paragraph(&mut texts, width, Tone::Bold, 2, &format!("Fix: {remedy}"));
        }
    }
    (format!("{}: findings and counters", style.escape(&network.qualified_name())), texts)
}

/// Returns the tone of a finding.
const fn severity_tone(severity: Severity) -> Tone {
    match severity {
        Severity::Info => Tone::Dim,
        Severity::Warning | Severity::Critical => Tone::Bad,
    }
}

/// Returns the events since the start, newest first.
fn events(app: &App, width: usize) -> Vec<TextLine> {
    let mut texts = Vec::new();
    for event in app.events().iter().rev() {
        let age = ago(app.now().saturating_sub(event.timestamp));
        labelled(&mut texts, width, &age, &app.style.escape(&event.sentence()));
    }
    if texts.is_empty() {
        texts.push((Tone::Dim, "no events yet".to_owned()));
    }
    texts
}
