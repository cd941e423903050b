//! Matches interface names against names and globs from the command line or the configuration.

use std::ffi::OsStr;

use super::Name;

/// Holds an interface name or a glob (`*`, `?`, `[…]`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    name: Name,
    glob: Option<glob::Pattern>,
}

impl Pattern {
    /// Returns the text of the pattern.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// Returns whether the pattern can match several interfaces.
    #[must_use]
    pub const fn is_glob(&self) -> bool {
        self.glob.is_some()
    }

    /// Returns whether the pattern matches this interface.
    #[must_use]
    pub fn matches(&self, name: &Name) -> bool {
        self.name == *name || self.glob.as_ref().is_some_and(|glob| glob.matches(&name.text()))
    }
}

impl From<Name> for Pattern {
    fn from(name: Name) -> Self {
        let is_glob = name.as_bytes().iter().any(|byte| b"*?[".contains(byte));
        // An invalid glob can only be a name: the kernel allows these characters in names.
        let glob = if is_glob { glob::Pattern::new(&name.text()).ok() } else { None };
        Self { name, glob }
    }
}

impl From<&OsStr> for Pattern {
    fn from(text: &OsStr) -> Self {
        Self::from(Name::from(text))
    }
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        Self::from(Name::from(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::from(pattern).matches(&name.into())
    }

    #[test]
    fn globs_match_as_in_a_shell() {
        assert!(matches("wg*", "wg0") && matches("wg*", "wg") && !matches("wg*", "xwg0"));
        assert!(matches("wg?", "wg0") && !matches("wg?", "wg10"));
        assert!(matches("wg[0-2]", "wg1") && !matches("wg[0-2]", "wg3") && matches("wg[!0-2]", "wg3"));
        assert!(matches("*", ".hidden"));
    }

    #[test]
    fn name_that_looks_like_a_glob_is_still_a_name() {
        assert!(matches("wg*", "wg*") && matches("a[b", "a[b") && !matches("a[b", "ab"));
        assert!(!Pattern::from("wg0").is_glob() && !Pattern::from("a[b").is_glob() && Pattern::from("wg*").is_glob());
    }

    #[test]
    fn glob_finds_names_that_are_not_utf8() {
        assert!(Pattern::from("wg*").matches(&Name::new(b"wg\xff")));
    }
}
