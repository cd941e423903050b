//! Assigns names to networks and peers: those of the configuration first, then those of files, then the link's alias.

use std::path::Path;

use super::{FoundName, Names};
use crate::model::{Name, NameOrigin, NameReport, Network, Peer, PublicKey, Settings, Snapshot, printable};

impl Names {
    /// Assigns a name to every network and peer that has one, and the other settings of the configuration.
    pub fn assign(&self, settings: &Settings, snapshot: &mut Snapshot) {
        for network in &mut snapshot.networks {
            let set = settings.networks.get(&network.interface);
            network.id = set.and_then(|set| set.id);
            let alias = || network.alias.as_ref().map(Name::text).filter(|alias| !alias.is_empty());
            network.name = set
                .and_then(|set| set.name.clone())
                .or_else(|| self.networks.get(&network.interface).map(|found| found.name.clone()))
                .or_else(|| alias().map(std::borrow::Cow::into_owned));
            let in_files = self.peers.get(&network.interface);
            if in_files.is_none() && settings.peers.is_empty() {
                continue;
            }
            for peer in network.peers.iter_mut().flatten() {
                let set = settings.peers.get(&peer.public_key);
                let in_file = || Some(in_files?.get(&peer.public_key)?.name.clone());
                peer.name = set.and_then(|set| set.name.clone()).or_else(in_file);
                peer.expected_keepalive = set.and_then(|set| set.expected_keepalive).unwrap_or(0);
                peer.is_ignored = set.is_some_and(|set| set.ignore);
            }
        }
    }

    /// Reports where the names in this snapshot come from. A snapshot that `covers_all` interfaces shows which names match
    /// nothing.
    #[must_use]
    pub fn report(&self, settings: &Settings, snapshot: &Snapshot, covers_all: bool) -> NameReport {
        let mut report = NameReport::default();
        let configuration = settings.file.as_deref().unwrap_or(Path::new(""));
        let mut used = vec![0; self.files.len()];
        for network in &snapshot.networks {
            let mut add = |peer: Option<&Peer>, name: &str, source: String| {
                report.assigned.push(NameOrigin {
                    qualified_name: Some(network.qualified_name()),
                    peer: peer.map(|peer| peer.public_key),
                    name: name.to_owned(),
                    source,
                });
            };
            let set = settings.networks.get(&network.interface).filter(|set| set.name.is_some());
            match (&network.name, set, self.networks.get(&network.interface)) {
                (Some(name), Some(set), _) => add(None, name, location(configuration, set.line)),
                (Some(name), None, Some(found)) => add(None, name, self.count_use(found, &mut used)),
                (Some(name), None, None) => add(None, name, "alias".to_owned()),
                (None, ..) => {}
            }
            for peer in network.peers.iter().flatten() {
                let Some(name) = &peer.name else { continue };
                let set = settings.peers.get(&peer.public_key).filter(|set| set.name.is_some());
                let found = || self.peers.get(&network.interface)?.get(&peer.public_key);
                let source = match (set, found()) {
                    (Some(set), _) => location(configuration, set.line),
                    (None, Some(found)) => self.count_use(found, &mut used),
                    (None, None) => String::new(),
                };
                add(Some(peer), name, source);
            }
        }
        self.add_unmatched(settings, snapshot, covers_all, &mut report);
        report.files = self.files.iter().cloned().zip(used).collect();
        report.warnings = self.warning_lines();
        report
    }

    /// Returns the warnings about the files, each with its file and line.
    #[must_use]
    pub fn warning_lines(&self) -> Vec<String> {
        let line = |warning: &super::ParseWarning| {
            format!("{}: {}", self.location(warning.file, warning.line), warning.text(&self.files))
        };
        self.warnings.iter().map(line).collect()
    }

    /// Adds the names that match no network and no peer, with the reason.
    fn add_unmatched(&self, settings: &Settings, snapshot: &Snapshot, covers_all: bool, report: &mut NameReport) {
        let networks_of = |name: &Name| -> Vec<&Network> {
            snapshot.networks.iter().filter(|network| network.interface == *name).collect()
        };
        let has = |network: &Network, key| network.peers.iter().flatten().any(|peer| peer.public_key == key);
        let configuration = settings.file.as_deref().unwrap_or(Path::new(""));
        for (interface, set) in &settings.networks {
            if let Some(name) = set.name.as_ref().filter(|_| covers_all && networks_of(interface).is_empty()) {
                let source = format!("{}: {NO_INTERFACE}", location(configuration, set.line));
                report.unmatched.push(unmatched(Some(interface), None, name, source));
            }
        }
        let has_unread_peers = snapshot.networks.iter().any(|network| network.peers.is_none());
        for (&key, set) in &settings.peers {
            let is_absent = || !snapshot.networks.iter().any(|network| has(network, key));
            if let Some(name) = set.name.as_ref().filter(|_| covers_all && is_absent()) {
                let reason = if has_unread_peers { UNREAD } else { "no interface has this peer" };
                let source = format!("{}: {reason}", location(configuration, set.line));
                report.unmatched.push(unmatched(None, Some(key), name, source));
            }
        }
        for (interface, found) in &self.networks {
            if covers_all && networks_of(interface).is_empty() {
                let source = format!("{}: {NO_INTERFACE}", self.location(found.file, found.line));
                report.unmatched.push(unmatched(Some(interface), None, &found.name, source));
            }
        }
        for (interface, peers) in &self.peers {
            let networks = networks_of(interface);
            if networks.is_empty() && !covers_all {
                continue;
            }
            for (&key, found) in peers {
                let reason = match networks.as_slice() {
                    [] => NO_INTERFACE,
                    networks if networks.iter().any(|network| has(network, key)) => continue,
                    networks if networks.iter().any(|network| network.peers.is_none()) => UNREAD,
                    _ => "the interface has no such peer",
                };
                let source = format!("{}: {reason}", self.location(found.file, found.line));
                report.unmatched.push(unmatched(Some(interface), Some(key), &found.name, source));
            }
        }
    }

    /// Counts a name of its file as used, and returns its location.
    fn count_use(&self, found: &FoundName, used: &mut [usize]) -> String {
        if let Some(used) = used.get_mut(found.file) {
            *used += 1;
        }
        self.location(found.file, found.line)
    }

    /// Returns `FILE:LINE` for an index in [`Names::files`].
    fn location(&self, file: usize, line: usize) -> String {
        self.files.get(file).map_or_else(String::new, |path| location(path, line))
    }
}

const NO_INTERFACE: &str = "no such interface";
const UNREAD: &str = "not all peers could be read";

/// Returns `FILE:LINE`, safe for a terminal.
fn location(path: &Path, line: usize) -> String {
    format!("{}:{line}", printable(&path.to_string_lossy()))
}

/// Returns the origin of a name that matches nothing.
fn unmatched(interface: Option<&Name>, peer: Option<PublicKey>, name: &str, source: String) -> NameOrigin {
    NameOrigin { qualified_name: interface.map(ToString::to_string), peer, name: name.to_owned(), source }
}
