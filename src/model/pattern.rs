//! Interfaces as the operator names them.

use std::ffi::OsStr;

use super::Name;

/// An interface's name, or a glob (`*`, `?`, `[…]`) of some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    name: Name,
    glob: Option<glob::Pattern>,
}

impl Pattern {
    /// What was given.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// Whether it may stand for several interfaces.
    #[must_use]
    pub const fn is_glob(&self) -> bool {
        self.glob.is_some()
    }

    /// Whether it stands for this one.
    #[must_use]
    pub fn matches(&self, name: &Name) -> bool {
        self.name == *name || self.glob.as_ref().is_some_and(|glob| glob.matches(&name.text()))
    }
}

impl From<Name> for Pattern {
    fn from(name: Name) -> Self {
        let is_glob = name.as_bytes().iter().any(|byte| b"*?[".contains(byte));
        // What is no glob can only be a name: the kernel allows these characters in one.
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
