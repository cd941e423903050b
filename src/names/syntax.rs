//! Parses lines of the two file formats. The value of a setting that is not needed is never read.

/// Names the sections that matter.
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

/// Names the settings that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    /// `Name=` of a .netdev.
    Interface,
    /// `Kind=` of a .netdev.
    Kind,
    /// `PublicKey=`.
    PublicKey,
    /// Any other; its value may be a secret.
    Other,
}

/// Holds a parsed line.
#[derive(Debug, PartialEq)]
pub(super) enum ConfigLine<'a> {
    /// An empty line.
    Blank,
    /// A comment, with its `#`.
    Comment(&'a [u8]),
    /// A section begins.
    Header { section: Section, comment: Option<&'a [u8]> },
    /// A setting; the value is empty if it is not needed.
    Setting { setting: Setting, value: &'a [u8], comment: Option<&'a [u8]> },
}

/// Parses a line of a wg-quick file: case is ignored, and a comment may follow anything.
pub(super) fn wg_quick(line: &[u8]) -> ConfigLine<'_> {
    let (line, comment) =
        match line.iter().position(|&byte| byte == b'#').and_then(|start| line.split_at_checked(start)) {
            Some((line, comment)) => (line.trim_ascii(), Some(comment)),
            None => (line.trim_ascii(), None),
        };
    match (line, comment) {
        ([], None) => ConfigLine::Blank,
        ([], Some(comment)) => ConfigLine::Comment(comment),
        ([b'[', rest @ ..], comment) => {
            let section = match title(rest) {
                title if title.eq_ignore_ascii_case(b"Interface") => Section::Network,
                title if title.eq_ignore_ascii_case(b"Peer") => Section::Peer,
                _ => Section::Other,
            };
            ConfigLine::Header { section, comment }
        }
        (line, comment) => match key_and_value(line) {
            (key, value) if key.eq_ignore_ascii_case(b"PublicKey") => {
                ConfigLine::Setting { setting: Setting::PublicKey, value, comment }
            }
            _ => ConfigLine::Setting { setting: Setting::Other, value: b"", comment },
        },
    }
}

/// Parses a line of a .netdev: case matters, and a `#` within a line is part of it.
pub(super) fn netdev(line: &[u8]) -> ConfigLine<'_> {
    match line.trim_ascii() {
        [] => ConfigLine::Blank,
        line @ [b'#' | b';', ..] => ConfigLine::Comment(line),
        [b'[', rest @ ..] => {
            let section = match title(rest) {
                b"NetDev" | b"WireGuard" => Section::Network,
                b"WireGuardPeer" => Section::Peer,
                _ => Section::Other,
            };
            ConfigLine::Header { section, comment: None }
        }
        line => {
            let (key, value) = key_and_value(line);
            let (setting, value) = match key {
                b"Name" => (Setting::Interface, value),
                b"Kind" => (Setting::Kind, value),
                b"PublicKey" => (Setting::PublicKey, value),
                _ => (Setting::Other, b"".as_slice()),
            };
            ConfigLine::Setting { setting, value, comment: None }
        }
    }
}

/// Returns the line without its trailing backslash, if it continues on the next line. Two backslashes are an escaped one.
pub(super) fn continued(line: &[u8]) -> Option<&[u8]> {
    let backslashes = line.iter().rev().take_while(|&&byte| byte == b'\\').count();
    line.strip_suffix(b"\\").filter(|_| backslashes % 2 == 1)
}

/// Returns the title of a section's header, without its brackets.
fn title(rest: &[u8]) -> &[u8] {
    let end = rest.iter().position(|&byte| byte == b']');
    end.and_then(|end| rest.get(..end)).unwrap_or_default().trim_ascii()
}

/// Splits a setting into key and value.
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
        let peer = ConfigLine::Header { section: Section::Peer, comment: None };
        for line in ["[Peer]", "  [peer]  ", "[ PEER ]\r"] {
            assert_eq!(wg_quick(line.as_bytes()), peer, "{line}");
        }
        for line in ["PublicKey = k= # c", "publickey=k=# c", "\tPUBLICKEY\t=\tk=\t# c"] {
            let comment = Some(b"# c".as_slice());
            let expected = ConfigLine::Setting { setting: Setting::PublicKey, value: b"k=", comment };
            assert_eq!(wg_quick(line.as_bytes()), expected, "{line}");
        }
        assert_eq!(wg_quick(b" \r"), ConfigLine::Blank);
        assert_eq!(wg_quick(b" ## x"), ConfigLine::Comment(b"## x"));
    }

    #[test]
    fn netdev_has_no_comment_after_a_value() {
        let expected = ConfigLine::Setting { setting: Setting::Interface, value: b"wg0 # x", comment: None };
        assert_eq!(netdev(b"Name = wg0 # x"), expected);
        assert_eq!(netdev(b"; x"), ConfigLine::Comment(b"; x"));
        assert_eq!(netdev(b"[wireguardpeer]"), ConfigLine::Header { section: Section::Other, comment: None });
    }

    #[test]
    fn value_that_is_not_needed_is_not_read() {
        for line in [wg_quick(b"PrivateKey = SECRET"), wg_quick(b"Name = SECRET"), netdev(b"PresharedKey=SECRET")] {
            assert_eq!(line, ConfigLine::Setting { setting: Setting::Other, value: b"", comment: None });
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
