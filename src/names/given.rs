//! Gives networks and peers their names: the configuration's first, then those of files, then the link's alias.

use std::path::Path;

use super::{Named, Names};
use crate::model::{Name, NameOrigin, NameReport, Network, Peer, Settings, Snapshot, printable};

impl Names {
    /// Names every network and peer that has a name.
    pub fn give(&self, settings: &Settings, snapshot: &mut Snapshot) {
        for network in &mut snapshot.networks {
            let set = settings.networks.get(&network.interface);
            network.id = set.and_then(|set| set.id);
            let alias = || network.alias.as_ref().map(Name::text).filter(|alias| !alias.is_empty());
            network.name = set
                .and_then(|set| set.name.clone())
                .or_else(|| self.networks.get(&network.interface).map(|named| named.name.clone()))
                .or_else(|| alias().map(std::borrow::Cow::into_owned));
            let of_files = self.peers.get(&network.interface);
            if of_files.is_none() && settings.peers.is_empty() {
                continue;
            }
            for peer in network.peers.iter_mut().flatten() {
                let set = settings.peers.get(&peer.public_key);
                let of_file = || Some(of_files?.get(&peer.public_key)?.name.clone());
                peer.name = set.and_then(|set| set.name.clone()).or_else(of_file);
                peer.expected_keepalive = set.and_then(|set| set.expected_keepalive).unwrap_or(0);
                peer.is_ignored = set.is_some_and(|set| set.ignore);
            }
        }
    }

    /// Where the names in this snapshot come from. Where it `is_all` there is, a name that is not in it is nobody's.
    #[must_use]
    pub fn origins(&self, settings: &Settings, snapshot: &Snapshot, is_all: bool) -> NameReport {
        let mut origins = NameReport::default();
        let configuration = settings.file.as_deref().unwrap_or(Path::new(""));
        let mut used = vec![0; self.files.len()];
        for network in &snapshot.networks {
            let mut add = |peer: Option<&Peer>, name: &str, remark: String| {
                origins.given.push(NameOrigin {
                    qualified_name: Some(network.qualified_name()),
                    peer: peer.map(|peer| peer.public_key),
                    name: name.to_owned(),
                    remark,
                });
            };
            let set = settings.networks.get(&network.interface).filter(|set| set.name.is_some());
            match (&network.name, set, self.networks.get(&network.interface)) {
                (Some(name), Some(set), _) => add(None, name, at(configuration, set.line)),
                (Some(name), None, Some(named)) => add(None, name, self.from(named, &mut used)),
                (Some(name), None, None) => add(None, name, "alias".to_owned()),
                (None, ..) => {}
            }
            for peer in network.peers.iter().flatten() {
                let Some(name) = &peer.name else { continue };
                let set = settings.peers.get(&peer.public_key).filter(|set| set.name.is_some());
                let named = || self.peers.get(&network.interface)?.get(&peer.public_key);
                let remark = match (set, named()) {
                    (Some(set), _) => at(configuration, set.line),
                    (None, Some(named)) => self.from(named, &mut used),
                    (None, None) => String::new(),
                };
                add(Some(peer), name, remark);
            }
        }
        self.add_unmatched(settings, snapshot, is_all, &mut origins);
        origins.files = self.files.iter().cloned().zip(used).collect();
        origins.odd = self.warnings();
        origins
    }

    /// What is odd in the files, each with its place.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.remarks.iter().map(|remark| format!("{}: {}", self.at(remark.file, remark.line), remark.text)).collect()
    }

    fn add_unmatched(&self, settings: &Settings, snapshot: &Snapshot, is_all: bool, origins: &mut NameReport) {
        let of_name = |name: &Name| -> Vec<&Network> {
            snapshot.networks.iter().filter(|network| network.interface == *name).collect()
        };
        let has = |network: &Network, key| network.peers.iter().flatten().any(|peer| peer.public_key == key);
        let configuration = settings.file.as_deref().unwrap_or(Path::new(""));
        for (interface, set) in &settings.networks {
            if let Some(name) = set.name.as_ref().filter(|_| is_all && of_name(interface).is_empty()) {
                let remark = format!("{}: there is no such interface", at(configuration, set.line));
                origins.unmatched.push(unmatched(Some(interface), None, name, remark));
            }
        }
        let blind = snapshot.networks.iter().any(|network| network.peers.is_none());
        for (&key, set) in &settings.peers {
            let name = set.name.as_ref().filter(|_| is_all && !snapshot.networks.iter().any(|of| has(of, key)));
            if let Some(name) = name {
                let why = if blind { UNREAD } else { "no interface has such a peer" };
                origins.unmatched.push(unmatched(
                    None,
                    Some(key),
                    name,
                    format!("{}: {why}", at(configuration, set.line)),
                ));
            }
        }
        for (interface, named) in &self.networks {
            if is_all && of_name(interface).is_empty() {
                let remark = format!("{}: there is no such interface", self.at(named.file, named.line));
                origins.unmatched.push(unmatched(Some(interface), None, &named.name, remark));
            }
        }
        for (interface, peers) in &self.peers {
            let networks = of_name(interface);
            if networks.is_empty() && !is_all {
                continue;
            }
            for (&key, named) in peers {
                let why = match networks.as_slice() {
                    [] => "there is no such interface",
                    networks if networks.iter().any(|network| has(network, key)) => continue,
                    networks if networks.iter().any(|network| network.peers.is_none()) => UNREAD,
                    _ => "the interface has no such peer",
                };
                let remark = format!("{}: {why}", self.at(named.file, named.line));
                origins.unmatched.push(unmatched(Some(interface), Some(key), &named.name, remark));
            }
        }
    }

    fn from(&self, named: &Named, used: &mut [usize]) -> String {
        if let Some(used) = used.get_mut(named.file) {
            *used += 1;
        }
        self.at(named.file, named.line)
    }

    fn at(&self, file: usize, line: usize) -> String {
        self.files.get(file).map_or_else(String::new, |path| at(path, line))
    }
}

const UNREAD: &str = "not all peers could be read";

fn at(path: &Path, line: usize) -> String {
    format!("{}:{line}", printable(&path.to_string_lossy()))
}

fn unmatched(
    interface: Option<&Name>,
    peer: Option<crate::model::PublicKey>,
    name: &str,
    remark: String,
) -> NameOrigin {
    NameOrigin { qualified_name: interface.map(ToString::to_string), peer, name: name.to_owned(), remark }
}
