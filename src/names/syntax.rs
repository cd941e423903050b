//! The two formats, one line at a time. The value of a setting that is not needed is not even looked at.

/// The sections that matter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Section {
    /// `[Interface]`, `[NetDev]`, `[WireGuard]`.
    Network,
    /// `[Peer]`, `[WireGuardPeer]`.
    Peer,
    /// Any other, or none yet.
    #[default]
    Other,
}

/// The settings that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    /// `Name=` of a .netdev.
    Interface,
    /// `Kind=` of a .netdev.
    Kind,
    /// `PublicKey=`.
    PublicKey,
    /// Any other: it may be a secret.
    Other,
}

/// What a line is.
#[derive(Debug, PartialEq)]
pub(super) enum Line<'a> {
    /// Nothing at all.
    Blank,
    /// A comment, with its `#`.
    Comment(&'a [u8]),
    /// A section begins.
    Header { section: Section, comment: Option<&'a [u8]> },
    /// A setting; its value is empty where the setting is not needed.
    Setting { setting: Setting, value: &'a [u8], comment: Option<&'a [u8]> },
}

/// A line of a wg-quick file: upper and lower case are the same, and a comment may stand behind anything.
pub(super) fn wg_quick(line: &[u8]) -> Line<'_> {
    let (line, comment) =
        match line.iter().position(|&byte| byte == b'#').and_then(|place| line.split_at_checked(place)) {
            Some((line, comment)) => (line.trim_ascii(), Some(comment)),
            None => (line.trim_ascii(), None),
        };
    match (line, comment) {
        ([], None) => Line::Blank,
        ([], Some(comment)) => Line::Comment(comment),
        ([b'[', rest @ ..], comment) => {
            let section = match title(rest) {
                title if title.eq_ignore_ascii_case(b"Interface") => Section::Network,
                title if title.eq_ignore_ascii_case(b"Peer") => Section::Peer,
                _ => Section::Other,
            };
            Line::Header { section, comment }
        }
        (line, comment) => match key_and_value(line) {
            (key, value) if key.eq_ignore_ascii_case(b"PublicKey") => {
                Line::Setting { setting: Setting::PublicKey, value, comment }
            }
            _ => Line::Setting { setting: Setting::Other, value: b"", comment },
        },
    }
}

/// A line of a .netdev: upper and lower case differ, and a `#` within a line is part of it.
pub(super) fn netdev(line: &[u8]) -> Line<'_> {
    match line.trim_ascii() {
        [] => Line::Blank,
        line @ [b'#' | b';', ..] => Line::Comment(line),
        [b'[', rest @ ..] => {
            let section = match title(rest) {
                b"NetDev" | b"WireGuard" => Section::Network,
                b"WireGuardPeer" => Section::Peer,
                _ => Section::Other,
            };
            Line::Header { section, comment: None }
        }
        line => {
            let (key, value) = key_and_value(line);
            let (setting, value) = match key {
                b"Name" => (Setting::Interface, value),
                b"Kind" => (Setting::Kind, value),
                b"PublicKey" => (Setting::PublicKey, value),
                _ => (Setting::Other, b"".as_slice()),
            };
            Line::Setting { setting, value, comment: None }
        }
    }
}

/// The line without the backslash at its end that says the next one belongs to it. Two stand for one that says nothing.
pub(super) fn continued(line: &[u8]) -> Option<&[u8]> {
    let backslashes = line.iter().rev().take_while(|&&byte| byte == b'\\').count();
    line.strip_suffix(b"\\").filter(|_| backslashes % 2 == 1)
}

fn title(rest: &[u8]) -> &[u8] {
    let end = rest.iter().position(|&byte| byte == b']');
    end.and_then(|end| rest.get(..end)).unwrap_or_default().trim_ascii()
}

fn key_and_value(line: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = line.splitn(2, |&byte| byte == b'=');
    let mut part = || parts.next().unwrap_or_default().trim_ascii();
    (part(), part())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wg_quick_ignores_case_and_space() {
        let peer = Line::Header { section: Section::Peer, comment: None };
        for line in ["[Peer]", "  [peer]  ", "[ PEER ]\r"] {
            assert_eq!(wg_quick(line.as_bytes()), peer, "{line}");
        }
        for line in ["PublicKey = k= # c", "publickey=k=# c", "\tPUBLICKEY\t=\tk=\t# c"] {
            let comment = Some(b"# c".as_slice());
            let expected = Line::Setting { setting: Setting::PublicKey, value: b"k=", comment };
            assert_eq!(wg_quick(line.as_bytes()), expected, "{line}");
        }
        assert_eq!(wg_quick(b" \r"), Line::Blank);
        assert_eq!(wg_quick(b" ## x"), Line::Comment(b"## x"));
    }

    #[test]
    fn netdev_has_no_comment_behind_a_value() {
        let expected = Line::Setting { setting: Setting::Interface, value: b"wg0 # x", comment: None };
        assert_eq!(netdev(b"Name = wg0 # x"), expected);
        assert_eq!(netdev(b"; x"), Line::Comment(b"; x"));
        assert_eq!(netdev(b"[wireguardpeer]"), Line::Header { section: Section::Other, comment: None });
    }

    #[test]
    fn value_that_is_not_needed_is_not_taken() {
        for line in [wg_quick(b"PrivateKey = SECRET"), wg_quick(b"Name = SECRET"), netdev(b"PresharedKey=SECRET")] {
            assert_eq!(line, Line::Setting { setting: Setting::Other, value: b"", comment: None });
        }
    }

    #[test]
    fn odd_number_of_backslashes_continues_a_line() {
        assert_eq!(continued(b"a\\"), Some(b"a".as_slice()));
        assert_eq!(continued(b"a\\\\"), None);
        assert_eq!(continued(b"a\\\\\\"), Some(b"a\\\\".as_slice()));
        assert_eq!(continued(b""), None);
    }
}
