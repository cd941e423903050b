//! Writes the table of the peers of a network, in the columns that fit the terminal.
//!
//! comfy-table would need about 35,000 instructions per row, see docs/decisions.md.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};

use super::format::{Style, Tone, add_ago, add_number, columns, grouped};
use crate::model::{AllowedIp, Peer};

/// Number of peers without `--all`.
const MAX_PEERS: usize = 20;
/// Characters of a shortened key. As many as people compare.
const SHORT_KEY: usize = 8;
/// Maximum number of characters of a name on a terminal.
const MAX_NAME: usize = 24;
/// Minimum width of the terminal for whole keys, which can be copied.
const MIN_WIDTH_FOR_KEYS: usize = 140;
/// Spaces before a line.
const INDENT: &str = "  ";
/// Spaces between two columns.
const GAP: usize = 2;

/// Number of columns.
const COLUMNS: usize = 6;
/// The headings, from left to right.
const HEADINGS: [&str; COLUMNS] = ["PEER", "ENDPOINT", "ALLOWED IPS", "HANDSHAKE", "RX", "TX"];
/// First column that is aligned to the right.
const FIRST_NUMBER: usize = 4;
/// The columns in the order in which a narrow terminal drops them: allowed IPs, endpoint, handshake.
const DROP_ORDER: [usize; 3] = [2, 1, 3];

/// Writes the peers, latest handshake first.
pub(super) fn write(out: &mut dyn Write, style: &Style, peers: &[Peer], now: u64) -> io::Result<()> {
    let mut sorted: Vec<&Peer> = peers.iter().collect();
    sorted.sort_by_key(|peer| Reverse(peer.last_handshake));
    let shown = if style.all_peers { sorted.len() } else { sorted.len().min(MAX_PEERS) };
    let (shown, rest) = sorted.split_at(shown);
    if shown.is_empty() {
        return Ok(());
    }
    let mut cells = Cells::with_capacity(shown.len());
    for peer in shown {
        add_row(&mut cells, style, peer, now);
    }
    write_table(out, style, &cells, shown, now)?;
    if !rest.is_empty() {
        writeln!(out, "{INDENT}{} and {} more (--all)", style.ellipsis(), grouped(rest.len() as u64))?;
    }
    Ok(())
}

/// Holds the cells of the table, row by row, in one buffer: a `String` per cell would double the cost.
struct Cells {
    text: String,
    /// End of each cell in the buffer, and its width in columns.
    ends: Vec<(usize, usize)>,
}

impl Cells {
    /// Returns no cells, with memory for those of `rows` peers.
    fn with_capacity(rows: usize) -> Self {
        const ROW_BYTES: usize = 128;
        Self { text: String::with_capacity(rows * ROW_BYTES), ends: Vec::with_capacity(rows * COLUMNS) }
    }

    /// Completes the cell that was appended to `text`.
    fn end_cell(&mut self) {
        let start = self.ends.last().map_or(0, |&(end, _)| end);
        self.ends.push((self.text.len(), columns(self.text.get(start..).unwrap_or_default())));
    }

    /// Returns the width of each column, headings included.
    fn widths(&self) -> [usize; COLUMNS] {
        let mut widths = HEADINGS.map(str::len);
        for row in self.ends.chunks(COLUMNS) {
            for (width, &(_, cell)) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell);
            }
        }
        widths
    }
}

/// Adds the cells of a peer.
fn add_row(cells: &mut Cells, style: &Style, peer: &Peer, now: u64) {
    let text = &mut cells.text;
    text.push_str(match (style.unicode, peer.is_online(now)) {
        (true, true) => "● ",
        (true, false) => "○ ",
        (false, true) => "* ",
        (false, false) => "- ",
    });
    if let Some(name) = &peer.name {
        add_name(text, style, &style.escape(name));
    } else {
        let key = peer.public_key.encode();
        let has_room = style.width.is_none_or(|width| width >= MIN_WIDTH_FOR_KEYS);
        let shown = if has_room { key.as_slice() } else { key.get(..SHORT_KEY).unwrap_or_default() };
        text.extend(shown.iter().copied().map(char::from));
        text.push_str(if has_room { "" } else { style.ellipsis() });
    }
    cells.end_cell();
    match peer.endpoint {
        Some(endpoint) => add_endpoint(&mut cells.text, endpoint),
        None => cells.text.push('-'),
    }
    cells.end_cell();
    add_allowed_ips(&mut cells.text, style, &peer.allowed_ips);
    cells.end_cell();
    match peer.handshake_age(now) {
        Some(age) => add_ago(&mut cells.text, age),
        None => cells.text.push_str("never"),
    }
    cells.end_cell();
    for bytes in [peer.rx_bytes, peer.tx_bytes] {
        style.add_bytes(&mut cells.text, bytes);
        cells.end_cell();
    }
}

/// Adds an endpoint.
fn add_endpoint(text: &mut String, endpoint: SocketAddr) {
    if endpoint.is_ipv4() {
        add_address(text, endpoint.ip());
        text.push(':');
        add_number(text, endpoint.port().into());
    } else {
        // Writing to a String cannot fail.
        let _ = write!(text, "{endpoint}");
    }
}

/// Adds an address. IPv4 is formatted here: the standard library takes 1,000 instructions.
fn add_address(text: &mut String, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            let [first, rest @ ..] = address.octets();
            add_number(text, first.into());
            for octet in rest {
                text.push('.');
                add_number(text, octet.into());
            }
        }
        IpAddr::V6(address) => {
            let _ = write!(text, "{address}");
        }
    }
}

/// Adds an allowed IP.
fn add_allowed_ip(text: &mut String, allowed_ip: &AllowedIp) {
    add_address(text, allowed_ip.address);
    text.push('/');
    add_number(text, allowed_ip.prefix.into());
}

/// Adds up to two allowed IPs, or the first and the number of the others.
fn add_allowed_ips(text: &mut String, style: &Style, allowed_ips: &[AllowedIp]) {
    match allowed_ips {
        [] => text.push('-'),
        [first] => add_allowed_ip(text, first),
        [first, second] => {
            add_allowed_ip(text, first);
            text.push_str(", ");
            add_allowed_ip(text, second);
        }
        [first, rest @ ..] => {
            add_allowed_ip(text, first);
            let _ = write!(text, ", {} {} more", style.ellipsis(), grouped(rest.len() as u64));
        }
    }
}

/// Adds a name, shortened on a terminal: some names are whole sentences.
fn add_name(text: &mut String, style: &Style, name: &str) {
    if style.width.is_none() || name.chars().nth(MAX_NAME).is_none() {
        text.push_str(name);
    } else {
        text.extend(name.chars().take(MAX_NAME - 1));
        text.push_str(style.ellipsis());
    }
}

/// Returns which columns fit the terminal.
fn visible(style: &Style, widths: &[usize; COLUMNS]) -> [bool; COLUMNS] {
    let mut visible = [true; COLUMNS];
    let Some(width) = style.width else { return visible };
    for dropped in DROP_ORDER {
        let needed: usize =
            widths.iter().zip(visible).filter(|(_, is_visible)| *is_visible).map(|(width, _)| width + GAP).sum();
        if INDENT.len() + needed - GAP <= width {
            break;
        }
        if let Some(is_visible) = visible.get_mut(dropped) {
            *is_visible = false;
        }
    }
    visible
}

/// Writes the heading and the rows.
fn write_table(out: &mut dyn Write, style: &Style, cells: &Cells, peers: &[&Peer], now: u64) -> io::Result<()> {
    let widths = cells.widths();
    let visible = visible(style, &widths);
    let mut line = String::new();
    let headings = HEADINGS.map(|heading| (heading, heading.len()));
    fill_line(&mut line, headings, &widths, visible);
    write_line(out, style, Tone::Dim, &line)?;
    let mut start = 0;
    for (row, peer) in cells.ends.chunks(COLUMNS).zip(peers) {
        let texts = row.iter().map(|&(end, width)| {
            let text = cells.text.get(start..end).unwrap_or_default();
            start = end;
            (text, width)
        });
        fill_line(&mut line, texts, &widths, visible);
        write_line(out, style, if peer.is_online(now) { Tone::Plain } else { Tone::Dim }, &line)?;
    }
    Ok(())
}

/// Replaces the line by the visible cells of a row, aligned.
fn fill_line<'a>(
    line: &mut String,
    cells: impl IntoIterator<Item = (&'a str, usize)>,
    widths: &[usize; COLUMNS],
    visible: [bool; COLUMNS],
) {
    line.clear();
    let cells = cells.into_iter().zip(widths).zip(visible).enumerate();
    for (column, (((text, width), &column_width), is_visible)) in cells {
        if !is_visible {
            continue;
        }
        if !line.is_empty() {
            add_spaces(line, GAP);
        }
        let fill = column_width.saturating_sub(width);
        if column >= FIRST_NUMBER {
            add_spaces(line, fill);
            line.push_str(text);
        } else {
            line.push_str(text);
            add_spaces(line, fill);
        }
    }
}

/// Appends spaces.
fn add_spaces(line: &mut String, count: usize) {
    line.extend(std::iter::repeat_n(' ', count));
}

/// Writes a line in one tone, without spaces at its end.
fn write_line(out: &mut dyn Write, style: &Style, tone: Tone, line: &str) -> io::Result<()> {
    let (start, end) = style.codes(tone);
    for part in [INDENT, start, line.trim_end(), end, "\n"] {
        out.write_all(part.as_bytes())?;
    }
    Ok(())
}
