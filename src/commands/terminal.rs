//! What the terminal behind standard output can show, if it is one.

use std::env;
#[cfg(feature = "tui")]
use std::io::stdin;
use std::io::{IsTerminal as _, stdout};

use crate::cli::Color;
use crate::render::format::Style;

/// Below this nothing is laid out: lines wrap instead.
const NARROWEST: usize = 40;

/// The style for standard output.
pub(super) fn style(color: Color) -> Style {
    let terminal = stdout().is_terminal();
    let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
    Style {
        width: width(terminal),
        color: match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !dumb && !set("NO_COLOR"),
        },
        unicode: is_utf8_locale() && !(terminal && dumb),
        ..Style::default()
    }
}

/// Whether a view can be drawn and keys be read.
#[cfg(feature = "tui")]
pub(super) fn can_draw() -> bool {
    let is_able = env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
    // Serial lines often do not say how large the terminal is.
    let has_size = rustix::termios::tcgetwinsize(stdout()).is_ok_and(|size| size.ws_col > 0 && size.ws_row > 0);
    stdout().is_terminal() && stdin().is_terminal() && is_able && has_size
}

/// `COLUMNS` where it is set, else the terminal's width. A pipe has none: what reads it should not miss a column.
fn width(terminal: bool) -> Option<usize> {
    let columns = env::var("COLUMNS").ok().and_then(|columns| columns.parse::<usize>().ok()).filter(|&width| width > 0);
    let of_terminal = || {
        let size = rustix::termios::tcgetwinsize(stdout()).ok()?;
        Some(usize::from(size.ws_col)).filter(|&width| width > 0)
    };
    match columns {
        Some(width) => Some(width.max(NARROWEST)),
        None if terminal => Some(of_terminal().unwrap_or(80).max(NARROWEST)),
        None => None,
    }
}

/// As the C library decides: the first of these that is set and not empty names the character set.
fn is_utf8_locale() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(env::var_os).find(|value| !value.is_empty());
    locale.is_some_and(|locale| {
        let locale = locale.to_string_lossy().to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}
