//! Detects what standard output supports: width, colours, Unicode, and a live view.

use std::env;
#[cfg(feature = "tui")]
use std::io::stdin;
use std::io::{IsTerminal as _, stdout};

use crate::cli::Color;
use crate::render::format::Style;

/// Minimum width of the layout; on a narrower terminal, lines wrap.
const MIN_WIDTH: usize = 40;

/// Returns the style for standard output.
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

/// Returns whether the terminal supports the live view: output, keys, cursor control and a known size.
#[cfg(feature = "tui")]
pub(super) fn can_draw() -> bool {
    let is_able = env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
    // The size of a serial terminal is often unknown.
    let has_size = rustix::termios::tcgetwinsize(stdout()).is_ok_and(|size| size.ws_col > 0 && size.ws_row > 0);
    stdout().is_terminal() && stdin().is_terminal() && is_able && has_size
}

/// Returns `COLUMNS` if it is set, else the width of the terminal. A pipe is unlimited, so that no column is dropped.
fn width(terminal: bool) -> Option<usize> {
    let columns = env::var("COLUMNS").ok().and_then(|columns| columns.parse::<usize>().ok()).filter(|&width| width > 0);
    let of_terminal = || {
        let size = rustix::termios::tcgetwinsize(stdout()).ok()?;
        Some(usize::from(size.ws_col)).filter(|&width| width > 0)
    };
    match columns {
        Some(width) => Some(width.max(MIN_WIDTH)),
        None if terminal => Some(of_terminal().unwrap_or(80).max(MIN_WIDTH)),
        None => None,
    }
}

/// Returns whether the locale uses UTF-8. Like in the C library, the first non-empty variable decides.
fn is_utf8_locale() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(env::var_os).find(|value| !value.is_empty());
    locale.is_some_and(|locale| {
        let locale = locale.to_string_lossy().to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}
