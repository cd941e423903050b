//! Cuts areas into rows and writes text into them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style as Ink;
use ratatui::symbols::border;
use ratatui::text::{Line, Span};
use ratatui::widgets::Block;

use super::super::figures::{fitted, ink};
use crate::render::format::{Style, Tone, columns};

/// Cuts rows off the top of an area and returns them.
pub(super) fn take_top(rest: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(rest.height);
    let top = Rect { height: rows, ..*rest };
    *rest = Rect { y: rest.y + rows, height: rest.height - rows, ..*rest };
    top
}

/// Cuts rows off the bottom of an area and returns them.
pub(super) fn take_bottom(rest: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(rest.height);
    rest.height -= rows;
    Rect { y: rest.y + rest.height, height: rows, ..*rest }
}

/// Writes spans into the first row of the area and cuts them at its width. Returns the columns that they take.
pub(super) fn write(buffer: &mut Buffer, area: Rect, spans: Vec<Span<'_>>) -> u16 {
    // Ratatui panics on a write outside the screen.
    let area = area.intersection(buffer.area);
    if area.is_empty() {
        return 0;
    }
    let (end, _) = buffer.set_line(area.x, area.y, &Line::from(spans), area.width);
    end - area.x
}

/// Writes text into the first row of the area; an ellipsis replaces what does not fit.
pub(super) fn write_fitted(buffer: &mut Buffer, area: Rect, style: &Style, text: &str, ink: Ink) {
    let text = fitted(style, text, area.width.into());
    write(buffer, area, vec![Span::styled(text, ink)]);
}

/// Writes text at the right end of the first row, unless it would reach into the first `reserved` columns.
pub(super) fn write_right(buffer: &mut Buffer, area: Rect, text: &str, ink: Ink, reserved: u16) {
    let width = u16::try_from(columns(text)).unwrap_or(u16::MAX);
    if width <= area.width.saturating_sub(reserved) {
        let area = Rect { x: area.x + area.width - width, width, ..area };
        write(buffer, area, vec![Span::styled(text, ink)]);
    }
}

/// Returns the area without its first and last column.
pub(super) const fn inset(area: Rect) -> Rect {
    match area.width.checked_sub(2) {
        Some(width) => Rect { x: area.x + 1, width, ..area },
        None => Rect { width: 0, ..area },
    }
}

/// Returns an empty block with a border, in ASCII if the terminal does not support Unicode.
pub(super) fn bordered(style: &Style) -> Block<'static> {
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
    let set = if style.unicode { border::PLAIN } else { ASCII };
    Block::bordered().border_set(set).border_style(ink(style, Tone::Dim))
}
