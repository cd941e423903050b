//! Collects data from the system: takes a [`Scope`], returns a [`Snapshot`](crate::model::Snapshot). No other module talks to
//! the kernel, to daemons or to `/proc`.
//!
//! [`Collector`] reads every network namespace of the scope, [`NamespaceCollector`] reads one. Links and their counters need no
//! privilege and come first. Anything that fails after that becomes a [`Problem`](crate::model::Problem), and the rest stays.

pub mod access;
mod address;
pub mod attributes;
mod collector;
mod daemons;
mod environment;
pub mod kernel;
pub mod link;
pub mod link_monitor;
pub mod name_files;
mod namespace;
pub mod netlink;
pub mod netns;
mod peercred;
mod problems;
mod proc;
mod route;
pub mod userspace;

use self::netns::NetnsSelector;
use crate::model::{Name, Pattern};

pub use self::collector::{Collector, Detail};
pub use self::namespace::NamespaceCollector;

/// Says what to collect, according to the command line and the configuration.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Interfaces by name, alternative name or glob, in this order; empty means all.
    pub interfaces: Vec<Pattern>,
    /// Interfaces that should exist: an absent one is added to [`Snapshot::missing`](crate::model::Snapshot::missing).
    pub expected: Vec<Name>,
    /// Interfaces to leave out, even if another field names them.
    pub exclude: Vec<Pattern>,
    /// Network namespaces to read instead of the caller's own.
    pub namespaces: Vec<NetnsSelector>,
    /// Leaves the peers unread; they stay unknown.
    pub without_peers: bool,
    /// Adds an absent named interface to [`Snapshot::missing`](crate::model::Snapshot::missing) instead of returning an error.
    pub allow_missing: bool,
    /// Does the same for a name that a link of another kind has.
    pub allow_other_kinds: bool,
}

impl Scope {
    /// Returns whether the interface is excluded.
    fn excludes(&self, name: &Name) -> bool {
        self.exclude.iter().any(|pattern| pattern.matches(name))
    }
}
