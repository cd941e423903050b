//! The table of a network's peers, in as many columns as the terminal has room for.

use std::cmp::Reverse;
use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::human::{Style, Tone, ago, grouped};
use crate::model::{Peer, PublicKey};

/// Peers that are shown unless all are asked for.
const SHOWN: usize = 20;
/// A key's first characters tell peers apart as surely as people compare them.
const SHORT_KEY: usize = 8;
/// As many characters of a name are shown on a terminal.
const LONGEST_NAME: usize = 24;
const INDENT: &str = "  ";
const GAP: usize = 2;

/// The columns in the order they stand.
const HEADINGS: [&str; 6] = ["PEER", "ENDPOINT", "ALLOWED IPS", "HANDSHAKE", "RECEIVED", "SENT"];
/// What is left out first where there is no room: allowed-ips, then the endpoint, and with very long numbers the age.
const EXPENDABLE: [usize; 3] = [2, 1, 3];

/// Writes the peers, latest handshake first.
pub(super) fn write(out: &mut dyn Write, style: &Style, peers: &[Peer], now: u64) -> io::Result<()> {
    let mut sorted: Vec<&Peer> = peers.iter().collect();
    sorted.sort_by_key(|peer| Reverse(peer.last_handshake));
    let shown = if style.all_peers { sorted.len() } else { sorted.len().min(SHOWN) };
    let (shown, rest) = sorted.split_at(shown);
    if shown.is_empty() {
        return Ok(());
    }
    let rows: Vec<[String; 6]> = shown.iter().map(|peer| row(style, peer, now, full_keys(style))).collect();
    let columns = columns(style, &rows);
    write_table(out, style, &rows, &columns, shown, now)?;
    if !rest.is_empty() {
        writeln!(out, "{INDENT}{} and {} more (--all)", style.ellipsis(), grouped(rest.len() as u64))?;
    }
    Ok(())
}

/// Whole keys, so that they can be copied, need about 120 columns.
fn full_keys(style: &Style) -> bool {
    style.width.is_none_or(|width| width >= 140)
}

fn row(style: &Style, peer: &Peer, now: u64, full_keys: bool) -> [String; 6] {
    let online = peer.is_online(now);
    let dot = match (style.unicode, online) {
        (true, true) => "●",
        (true, false) => "○",
        (false, true) => "*",
        (false, false) => "-",
    };
    let name = match &peer.name {
        Some(name) => shortened(style, &style.outside(name)),
        None if full_keys => peer.public_key.to_string(),
        None => format!("{}{}", short(peer.public_key), style.ellipsis()),
    };
    [
        format!("{dot} {name}"),
        peer.endpoint.map_or_else(|| "-".to_owned(), |endpoint| endpoint.to_string()),
        allowed_ips(style, peer),
        peer.handshake_age(now).map_or_else(|| "never".to_owned(), ago),
        style.bytes(Some(peer.rx_bytes)),
        style.bytes(Some(peer.tx_bytes)),
    ]
}

/// Some are whole sentences, and a terminal has columns for other things.
fn shortened(style: &Style, name: &str) -> String {
    if style.width.is_none() || name.chars().nth(LONGEST_NAME).is_none() {
        return name.to_owned();
    }
    name.chars().take(LONGEST_NAME - 1).chain(style.ellipsis().chars()).collect()
}

fn short(key: PublicKey) -> String {
    key.to_string().chars().take(SHORT_KEY).collect()
}

fn allowed_ips(style: &Style, peer: &Peer) -> String {
    match peer.allowed_ips.as_slice() {
        [] => "-".to_owned(),
        [first, second] => format!("{first}, {second}"),
        [first] => first.to_string(),
        [first, rest @ ..] => format!("{first}, {} {} more", style.ellipsis(), grouped(rest.len() as u64)),
    }
}

/// The columns that fit.
fn columns(style: &Style, rows: &[[String; 6]]) -> Vec<usize> {
    let mut columns: Vec<usize> = (0..HEADINGS.len()).collect();
    let Some(width) = style.width else { return columns };
    let widths: Vec<usize> = (0..HEADINGS.len())
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(String::as_str);
            let heading = HEADINGS.get(column).copied();
            cells.chain(heading).map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    for expendable in EXPENDABLE {
        let needed: usize = columns.iter().filter_map(|&column| widths.get(column)).map(|width| width + GAP).sum();
        if INDENT.len() + needed - GAP <= width {
            break;
        }
        columns.retain(|&column| column != expendable);
    }
    columns
}

fn write_table(
    out: &mut dyn Write,
    style: &Style,
    rows: &[[String; 6]],
    columns: &[usize],
    peers: &[&Peer],
    now: u64,
) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(pick(&HEADINGS, columns));
    for row in rows {
        table.add_row(pick(row, columns));
    }
    for (place, column) in table.column_iter_mut().enumerate() {
        let right = columns.get(place).is_some_and(|&column| column >= HEADINGS.len() - 2);
        column.set_padding((0, u16::try_from(GAP).unwrap_or(0)));
        column.set_cell_alignment(if right { CellAlignment::Right } else { CellAlignment::Left });
    }
    // Whole lines are painted, not cells: the table's own arithmetic stays free of escape codes.
    let tones = peers.iter().map(|peer| if peer.is_online(now) { Tone::Plain } else { Tone::Dim });
    for (line, tone) in table.lines().zip(std::iter::once(Tone::Dim).chain(tones)) {
        writeln!(out, "{INDENT}{}", style.paint(tone, line.trim_end()))?;
    }
    Ok(())
}

/// The cells of these columns.
fn pick<'a>(cells: &'a [impl AsRef<str>], columns: &[usize]) -> Vec<&'a str> {
    columns.iter().filter_map(|&column| cells.get(column)).map(AsRef::as_ref).collect()
}
