//! Defines the key bindings.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent, MouseEventKind};

/// Describes keys for the help and the manual.
#[derive(Debug, Clone, Copy)]
pub struct KeyHelp {
    /// Names of the keys, separated by commas.
    pub keys: &'static str,
    /// Describes what the keys do.
    pub action: &'static str,
}

const fn key(keys: &'static str, action: &'static str) -> KeyHelp {
    KeyHelp { keys, action }
}

/// All keys, for the help popup and the manual page.
pub const KEYS: [KeyHelp; 18] = [
    key("Tab, Right", "next network"),
    key("Shift-Tab, Left", "previous network"),
    key("Up, Down, k, j", "select a peer (also with the mouse wheel)"),
    key("PageUp, PageDown", "page up or down"),
    key("Home, End, g, G", "first or last peer"),
    key("Enter", "details of the selected peer"),
    key("s, S", "sort by the next or previous column"),
    key("r", "reverse the sort order"),
    key("/", "filter the peers by name, key, endpoint or allowed IPs"),
    key("Esc, q", "close the popup; without a popup, Esc clears filter and selection"),
    key("f", "findings and counters of the network, with causes and fixes"),
    key("e", "events since the start"),
    key("u", "switch between bytes and bits per second"),
    key("+, -", "longer or shorter refresh interval"),
    key("Space, p", "pause or resume the display"),
    key("?, h", "this help"),
    key("q, Ctrl-C", "quit"),
    key("Ctrl-Z, Ctrl-L", "suspend; redraw the screen"),
];

/// Lists the actions of keys and the mouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Quits, with or without a popup.
    Quit,
    /// Closes the popup, else quits.
    CloseOrQuit,
    Suspend,
    Redraw,
    /// Closes the popup, else clears filter and selection.
    Back,
    Help,
    Detail,
    Findings,
    Events,
    /// Selects the next or previous network.
    Network(Step),
    /// Moves through the peers or scrolls the popup.
    Move(Motion),
    Sort(Step),
    Reverse,
    Filter,
    Pause,
    Units,
    Interval(Step),
}

/// Selects one of two neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Next,
    Previous,
}

/// Describes a movement through a list; numbers are lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Motion {
    Up(usize),
    Down(usize),
    PageUp,
    PageDown,
    First,
    Last,
}

/// Lines per notch of the mouse wheel.
const WHEEL_LINES: usize = 3;

/// Returns the action of a key.
pub(super) const fn action(key: KeyEvent) -> Option<Action> {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match key.code {
            KeyCode::Char('c') => Some(Action::Quit),
            KeyCode::Char('z') => Some(Action::Suspend),
            KeyCode::Char('l') => Some(Action::Redraw),
            _ => None,
        };
    }
    Some(match key.code {
        KeyCode::Char('q') => Action::CloseOrQuit,
        KeyCode::Esc => Action::Back,
        KeyCode::Char('?' | 'h') => Action::Help,
        KeyCode::Enter => Action::Detail,
        KeyCode::Char('f') => Action::Findings,
        KeyCode::Char('e') => Action::Events,
        KeyCode::Tab | KeyCode::Right => Action::Network(Step::Next),
        KeyCode::BackTab | KeyCode::Left => Action::Network(Step::Previous),
        KeyCode::Up | KeyCode::Char('k') => Action::Move(Motion::Up(1)),
        KeyCode::Down | KeyCode::Char('j') => Action::Move(Motion::Down(1)),
        KeyCode::PageUp => Action::Move(Motion::PageUp),
        KeyCode::PageDown => Action::Move(Motion::PageDown),
        KeyCode::Home | KeyCode::Char('g') => Action::Move(Motion::First),
        KeyCode::End | KeyCode::Char('G') => Action::Move(Motion::Last),
        KeyCode::Char('s') => Action::Sort(Step::Next),
        KeyCode::Char('S') => Action::Sort(Step::Previous),
        KeyCode::Char('r') => Action::Reverse,
        KeyCode::Char('/') => Action::Filter,
        KeyCode::Char(' ' | 'p') => Action::Pause,
        KeyCode::Char('u') => Action::Units,
        KeyCode::Char('+' | '=') => Action::Interval(Step::Next),
        KeyCode::Char('-' | '_') => Action::Interval(Step::Previous),
        _ => return None,
    })
}

/// Returns the action of the mouse wheel.
pub(super) const fn wheel(mouse: MouseEvent) -> Option<Action> {
    match mouse.kind {
        MouseEventKind::ScrollUp => Some(Action::Move(Motion::Up(WHEEL_LINES))),
        MouseEventKind::ScrollDown => Some(Action::Move(Motion::Down(WHEEL_LINES))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(name: &str) -> KeyEvent {
        let code = match name {
            "Tab" => KeyCode::Tab,
            "Shift-Tab" => KeyCode::BackTab,
            "Left" => KeyCode::Left,
            "Right" => KeyCode::Right,
            "Up" => KeyCode::Up,
            "Down" => KeyCode::Down,
            "PageUp" => KeyCode::PageUp,
            "PageDown" => KeyCode::PageDown,
            "Home" => KeyCode::Home,
            "End" => KeyCode::End,
            "Enter" => KeyCode::Enter,
            "Esc" => KeyCode::Esc,
            "Space" => KeyCode::Char(' '),
            "Ctrl-C" | "Ctrl-L" | "Ctrl-Z" => {
                let letter = name.chars().last().unwrap().to_ascii_lowercase();
                return KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL);
            }
            _ => KeyCode::Char(name.parse().unwrap()),
        };
        KeyEvent::new(code, KeyModifiers::NONE)
    }

    #[test]
    fn every_key_of_the_help_does_something() {
        for help in KEYS {
            for name in help.keys.split(", ") {
                assert!(action(press(name)).is_some(), "{name}: {}", help.action);
            }
        }
    }

    #[test]
    fn key_with_control_is_another_key() {
        let key = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::CONTROL);
        assert_eq!(action(key), None);
    }
}
