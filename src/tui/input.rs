//! What the keys do.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent, MouseEventKind};

/// Keys, and what they do, as people read it.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The keys, parted by commas.
    pub keys: &'static str,
    /// What they do.
    pub does: &'static str,
}

const fn key(keys: &'static str, does: &'static str) -> Key {
    Key { keys, does }
}

/// Every key, for the help of the view and the manual.
pub const KEYS: [Key; 18] = [
    key("Tab, Right", "next network"),
    key("Shift-Tab, Left", "previous network"),
    key("Up, Down, k, j", "select a peer; so does the mouse wheel"),
    key("PageUp, PageDown", "a page of peers up or down"),
    key("Home, End, g, G", "the first or the last peer"),
    key("Enter", "all about the selected peer"),
    key("s, S", "sort the peers by the next or the previous column"),
    key("r", "reverse the order"),
    key("/", "show only the peers whose name, key, endpoint or allowed-ips hold what you type"),
    key("Esc, q", "close what is open; else Esc shows all peers and selects none"),
    key("f", "findings and counters of the network, with causes and remedies"),
    key("e", "events so far"),
    key("u", "bits or bytes per second"),
    key("+, -", "longer or shorter interval"),
    key("Space, p", "pause: nothing moves until you press it again"),
    key("?, h", "this help"),
    key("q, Ctrl-C", "quit"),
    key("Ctrl-Z, Ctrl-L", "suspend; draw anew"),
];

/// What a key or the mouse asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Whatever is open.
    Quit,
    /// Closes what is open, else quits.
    Leave,
    Suspend,
    Redraw,
    /// Closes what is open.
    Back,
    Help,
    Detail,
    Findings,
    Events,
    /// The next network, or the previous.
    Network(Turn),
    /// Through the peers, or through what is open.
    Move(Motion),
    Sort(Turn),
    Reverse,
    Filter,
    Pause,
    Units,
    Interval(Turn),
}

/// Which of two neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Next,
    Previous,
}

/// How far through a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Motion {
    Up(usize),
    Down(usize),
    PageUp,
    PageDown,
    First,
    Last,
}

/// Lines that one notch of the wheel moves.
const NOTCH: usize = 3;

/// What this key asks for.
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
        KeyCode::Char('q') => Action::Leave,
        KeyCode::Esc => Action::Back,
        KeyCode::Char('?' | 'h') => Action::Help,
        KeyCode::Enter => Action::Detail,
        KeyCode::Char('f') => Action::Findings,
        KeyCode::Char('e') => Action::Events,
        KeyCode::Tab | KeyCode::Right => Action::Network(Turn::Next),
        KeyCode::BackTab | KeyCode::Left => Action::Network(Turn::Previous),
        KeyCode::Up | KeyCode::Char('k') => Action::Move(Motion::Up(1)),
        KeyCode::Down | KeyCode::Char('j') => Action::Move(Motion::Down(1)),
        KeyCode::PageUp => Action::Move(Motion::PageUp),
        KeyCode::PageDown => Action::Move(Motion::PageDown),
        KeyCode::Home | KeyCode::Char('g') => Action::Move(Motion::First),
        KeyCode::End | KeyCode::Char('G') => Action::Move(Motion::Last),
        KeyCode::Char('s') => Action::Sort(Turn::Next),
        KeyCode::Char('S') => Action::Sort(Turn::Previous),
        KeyCode::Char('r') => Action::Reverse,
        KeyCode::Char('/') => Action::Filter,
        KeyCode::Char(' ' | 'p') => Action::Pause,
        KeyCode::Char('u') => Action::Units,
        KeyCode::Char('+' | '=') => Action::Interval(Turn::Next),
        KeyCode::Char('-' | '_') => Action::Interval(Turn::Previous),
        _ => return None,
    })
}

/// What the mouse asks for.
pub(super) const fn wheel(mouse: MouseEvent) -> Option<Action> {
    match mouse.kind {
        MouseEventKind::ScrollUp => Some(Action::Move(Motion::Up(NOTCH))),
        MouseEventKind::ScrollDown => Some(Action::Move(Motion::Down(NOTCH))),
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
        for Key { keys, does } in KEYS {
            for name in keys.split(", ") {
                assert!(action(press(name)).is_some(), "{name}: {does}");
            }
        }
    }

    #[test]
    fn key_held_with_control_is_not_the_key_alone() {
        let key = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::CONTROL);
        assert_eq!(action(key), None);
    }
}
