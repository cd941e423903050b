//! Collects every network namespace of a scope, and merges them into one snapshot.

use std::time::Duration;

use super::daemons::DaemonFilter;
use super::environment::collect_host_counters;
use super::link_monitor::LinkMonitor;
use super::namespace::check_missing;
use super::netns::{self, Namespace, NetnsSelector};
use super::{NamespaceCollector, Scope, proc};
use crate::error::{Error, Result};
use crate::model::{Host, Name, Network, Problem, Snapshot};

/// Says how much to collect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Networks and peers.
    Networks,
    /// Also the host's counters, which a diagnosis compares.
    Host,
}

/// Collects a scope as often as needed.
pub struct Collector {
    scope: Scope,
    /// For the caller's own namespace, whose sockets stay open. For other namespaces sockets are opened at each collection: a
    /// socket that stays open would keep a deleted namespace alive.
    own: Option<NamespaceCollector>,
    has_collected: bool,
    /// The namespaces that had networks at the last collection.
    with_networks: Vec<Namespace>,
}

impl Collector {
    /// Opens sockets in the calling thread's network namespace, unless the scope names others.
    ///
    /// # Errors
    /// Returns an error if the kernel provides no netlink socket.
    pub fn open(scope: Scope) -> Result<Self> {
        let own = if scope.namespaces.is_empty() { Some(NamespaceCollector::open()?) } else { None };
        Ok(Self { scope, own, has_collected: false, with_networks: Vec::new() })
    }

    /// Makes later collections add an absent named interface to [`Snapshot::missing`] instead of returning an error. The same
    /// applies to a link of another kind with that name, and to a link whose daemon has not opened its socket yet.
    pub fn allow_missing(&mut self) {
        self.scope.allow_missing = true;
        self.scope.allow_other_kinds = true;
    }

    /// Replaces the interfaces that should exist.
    pub fn expect(&mut self, expected: Vec<Name>) {
        self.scope.expected = expected;
    }

    /// Opens a monitor of the links in the caller's namespace. It is disabled if the scope names other namespaces: its
    /// socket would keep them alive.
    ///
    /// # Errors
    /// Returns an error if the kernel provides no netlink socket.
    pub fn link_monitor(&self) -> Result<LinkMonitor> {
        if self.own.is_some() { LinkMonitor::open() } else { Ok(LinkMonitor::disabled()) }
    }

    /// Returns whether the scope includes every interface.
    #[must_use]
    pub fn covers_all(&self) -> bool {
        let Scope { interfaces, exclude, namespaces, .. } = &self.scope;
        interfaces.is_empty()
            && exclude.is_empty()
            && (namespaces.is_empty() || namespaces.contains(&NetnsSelector::All))
    }

    /// Returns an identifier of this boot of the host and of the caller's network namespace.
    #[must_use]
    pub fn host_identity(&self) -> String {
        proc::host_identity()
    }

    /// Returns the time since boot (`CLOCK_BOOTTIME`).
    #[must_use]
    pub fn uptime(&self) -> Duration {
        proc::uptime()
    }

    /// Collects a snapshot. `now` is the Unix time, in seconds.
    ///
    /// # Errors
    /// Returns an error if nothing could be read, or a named interface is in no namespace.
    pub fn collect(&mut self, detail: Detail, now: u64) -> Result<Snapshot> {
        let Some(collector) = &mut self.own else { return self.collect_namespaces(detail, now) };
        let start = proc::uptime();
        let mut snapshot = collector.collect(&self.scope, now)?;
        if detail == Detail::Host {
            collect_host_counters(&mut snapshot, start);
        }
        Ok(snapshot)
    }

    /// Adds the environment that a diagnosis needs, and the routes into the networks selected by `needs_routes`.
    pub fn collect_environment(&mut self, snapshot: &mut Snapshot, needs_routes: impl Fn(&Network) -> bool + Sync) {
        match &mut self.own {
            Some(collector) => collector.collect_environment(snapshot, needs_routes),
            None => self.collect_environment_of_namespaces(snapshot, &needs_routes),
        }
    }

    /// Collects the namespaces that the scope names.
    fn collect_namespaces(&mut self, detail: Detail, now: u64) -> Result<Snapshot> {
        let found = netns::find(&self.scope.namespaces)?;
        let mut merged = Snapshot { timestamp: now, problems: found.problems, ..Snapshot::default() };
        for error in found.missing {
            match error {
                // It existed at an earlier collection.
                Error::NetnsNotFound { name, .. } if self.has_collected => merged.problems.push(netns::vanished(&name)),
                error => return Err(error),
            }
        }
        self.has_collected = true;
        // Only a namespace that had networks is reported. Most namespaces have no tunnel, and come and go with the programs in
        // them.
        for gone in self.with_networks.iter().filter(|old| !found.namespaces.iter().any(|now| now.is_same(old))) {
            let problem = netns::vanished(&gone.label);
            if !merged.problems.contains(&problem) {
                merged.problems.push(problem);
            }
        }
        let mut absent = AbsentInterfaces::default();
        let mut first_failure = None;
        let mut with_networks = Vec::new();
        for namespace in &found.namespaces {
            match collect_namespace(namespace, &self.scope, detail, now) {
                Ok((snapshot, absent_here)) => {
                    if !snapshot.networks.is_empty() {
                        with_networks.push(namespace.clone());
                    }
                    merge(&mut merged, snapshot, namespace);
                    absent.add(absent_here);
                }
                Err(problem) => {
                    merged.problems.push(problem.clone());
                    first_failure = first_failure.or(Some(problem));
                }
            }
        }
        self.with_networks = with_networks;
        let Some(problem) = first_failure else {
            return check_missing(&mut merged, &self.scope, absent.in_every_namespace()).map(|()| merged);
        };
        for source in &mut merged.sources {
            source.success = false;
        }
        // An interface that is in none of the others may be in the one that failed.
        let may_be_there =
            absent.namespaces == 0 || !absent.in_every_namespace().is_empty() && !self.scope.allow_missing;
        if may_be_there { Err(Error::Unreadable(Box::new(problem))) } else { Ok(merged) }
    }

    /// Adds the environment of each namespace that had networks.
    fn collect_environment_of_namespaces(
        &self,
        snapshot: &mut Snapshot,
        needs_routes: &(impl Fn(&Network) -> bool + Sync),
    ) {
        let mut networks = std::mem::take(&mut snapshot.networks);
        let mut hosts = std::mem::take(&mut snapshot.hosts);
        for namespace in &self.with_networks {
            let label = Some(namespace.label.as_str());
            let mut part = Snapshot { timestamp: snapshot.timestamp, ..Snapshot::default() };
            part.networks = networks.extract_if(.., |network| network.netns.as_deref() == label).collect();
            part.hosts = hosts.extract_if(.., |host| host.netns.as_deref() == label).collect();
            if !part.networks.is_empty() {
                let collected = namespace.run_in(|| {
                    NamespaceCollector::open()
                        .map(|mut collector| collector.collect_environment(&mut part, needs_routes))
                });
                let collected =
                    collected.and_then(|result| result.map_err(|error| netns::not_collected(namespace, &error)));
                snapshot.problems.extend(collected.err());
            }
            merge(snapshot, part, namespace);
        }
    }
}

/// Collects one namespace; returns its snapshot, and an error for each named interface that does not exist.
fn collect_namespace(
    namespace: &Namespace,
    scope: &Scope,
    detail: Detail,
    now: u64,
) -> Result<(Snapshot, Vec<Error>), Problem> {
    let daemons = if namespace.is_own() { DaemonFilter::NotInOtherNetns } else { DaemonFilter::Linked };
    let collected = namespace.run_in(|| {
        let start = proc::uptime();
        let mut collector = NamespaceCollector::open()?.filter_daemons(daemons);
        let (mut snapshot, absent) = collector.collect_present(scope, now)?;
        if detail == Detail::Host {
            collect_host_counters(&mut snapshot, start);
        }
        Ok((snapshot, absent))
    })?;
    collected.map_err(|error: Error| netns::not_collected(namespace, &error))
}

/// Merges the snapshot of one namespace into that of all.
fn merge(merged: &mut Snapshot, part: Snapshot, namespace: &Namespace) {
    let label = || Some(namespace.label.clone());
    if let Some(exec_prefix) = namespace.exec_prefix().filter(|_| !part.networks.is_empty()) {
        merged.exec_prefixes.insert(namespace.label.clone(), exec_prefix);
    }
    merged.networks.extend(part.networks.into_iter().map(|network| Network { netns: label(), ..network }));
    merged.problems.extend(part.problems.into_iter().map(|problem| Problem { netns: label(), ..problem }));
    merged.hosts.extend(part.hosts.into_iter().map(|host| Host { netns: label(), ..host }));
    for source in part.sources {
        match merged.sources.iter_mut().find(|known| known.name == source.name) {
            Some(known) => {
                known.success &= source.success;
                known.duration += source.duration;
            }
            None => merged.sources.push(source),
        }
    }
    for hint in part.hints {
        if !merged.hints.contains(&hint) {
            merged.hints.push(hint);
        }
    }
    if !merged.networks.is_empty() {
        // Hints about an empty namespace are useless if another one has interfaces.
        merged.hints.clear();
    }
}

/// Counts the namespaces that each named interface is absent from.
#[derive(Default)]
struct AbsentInterfaces {
    /// Number of namespaces that were collected.
    namespaces: usize,
    /// Errors, each with the number of namespaces that returned it.
    errors: Vec<(usize, Error)>,
}

impl AbsentInterfaces {
    /// Adds the errors of one more namespace.
    fn add(&mut self, errors: Vec<Error>) {
        self.namespaces += 1;
        let mut here: Vec<Error> = Vec::new();
        for error in errors {
            // An interface may be named twice.
            if !here.iter().any(|known| interface_of(known) == interface_of(&error)) {
                here.push(error);
            }
        }
        for error in here {
            let same = self.errors.iter_mut().find(|(_, known)| interface_of(known) == interface_of(&error));
            let Some((count, known)) = same else {
                self.errors.push((1, error));
                continue;
            };
            *count += 1;
            if let (Error::InterfaceNotFound { have, .. }, Error::InterfaceNotFound { have: mut more, .. }) =
                (known, error)
            {
                have.append(&mut more);
                have.sort();
                have.dedup();
            }
        }
    }

    /// Returns the errors of interfaces that are absent from every namespace.
    fn in_every_namespace(self) -> Vec<Error> {
        let all = self.namespaces;
        self.errors.into_iter().filter(|(count, _)| *count == all).map(|(_, error)| error).collect()
    }
}

/// Returns the interface that an error is about.
const fn interface_of(error: &Error) -> Option<&Name> {
    match error {
        Error::InterfaceNotFound { name, .. } | Error::NotWireguard { name, .. } => Some(name),
        _ => None,
    }
}
