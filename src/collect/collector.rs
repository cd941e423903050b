//! Looks at every network namespace of a scope, and makes one snapshot of them.

use std::time::Duration;

use super::link_monitor::LinkMonitor;
use super::netns::{self, Namespace, NetnsSelector};
use super::{DaemonFilter, NamespaceCollector, Scope, proc, settle};
use crate::error::{Error, Result};
use crate::model::{Host, Name, Network, Problem, Snapshot};

/// How far to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// At networks and peers.
    Networks,
    /// At the host's own counters too, which a diagnosis compares.
    Host,
}

/// Looks at a scope, again and again.
pub struct Collector {
    scope: Scope,
    /// For the caller's own namespace, whose sockets stay open. Others are opened for each look: a socket that is left open
    /// would keep a namespace that is to vanish.
    own: Option<NamespaceCollector>,
    has_looked: bool,
    /// The namespaces of the last look that have networks.
    with_networks: Vec<Namespace>,
}

impl Collector {
    /// Starts on the calling thread's network namespace, unless the scope names others.
    ///
    /// # Errors
    /// Where the kernel gives no netlink socket.
    pub fn open(scope: Scope) -> Result<Self> {
        let own = if scope.namespaces.is_empty() { Some(NamespaceCollector::open()?) } else { None };
        Ok(Self { scope, own, has_looked: false, with_networks: Vec::new() })
    }

    /// From now on a named interface that is not there is noted in [`Snapshot::missing`], and no error; nor is a link of
    /// another kind that took its name, or whose daemon has yet to open its socket.
    pub fn allow_missing(&mut self) {
        self.scope.allow_missing = true;
        self.scope.allow_other_kinds = true;
    }

    /// From now on these interfaces should be there.
    pub fn expect(&mut self, expected: Vec<Name>) {
        self.scope.expected = expected;
    }

    /// News of the links it looks at. Of other namespaces than the caller's there is none: the socket would keep them.
    ///
    /// # Errors
    /// Where the kernel gives no netlink socket.
    pub fn link_monitor(&self) -> Result<LinkMonitor> {
        if self.own.is_some() { LinkMonitor::open() } else { Ok(LinkMonitor::disabled()) }
    }

    /// Whether it looks at every interface there is.
    #[must_use]
    pub fn is_of_all(&self) -> bool {
        let Scope { interfaces, exclude, namespaces, .. } = &self.scope;
        interfaces.is_empty()
            && exclude.is_empty()
            && (namespaces.is_empty() || namespaces.contains(&NetnsSelector::All))
    }

    /// Names this host since its last start, and the network namespace.
    #[must_use]
    pub fn identity(&self) -> String {
        proc::identity()
    }

    /// Time since the machine was started (`CLOCK_BOOTTIME`).
    #[must_use]
    pub fn uptime(&self) -> Duration {
        proc::uptime()
    }

    /// Takes one look. `now` is the Unix time, in seconds.
    ///
    /// # Errors
    /// Where nothing could be read, or a named interface is in no namespace.
    pub fn look(&mut self, depth: Detail, now: u64) -> Result<Snapshot> {
        let Some(collector) = &mut self.own else { return self.look_into_namespaces(depth, now) };
        let start = proc::uptime();
        let mut snapshot = collector.collect(&self.scope, now)?;
        if depth == Detail::Host {
            collector.count_host(&mut snapshot, start);
        }
        Ok(snapshot)
    }

    /// Adds what a diagnosis needs of the surroundings; the routes into those networks that `needs_routes`.
    pub fn collect_environment(&mut self, snapshot: &mut Snapshot, needs_routes: impl Fn(&Network) -> bool + Sync) {
        match &mut self.own {
            Some(collector) => collector.collect_environment(snapshot, needs_routes),
            None => self.look_around_in_namespaces(snapshot, &needs_routes),
        }
    }

    fn look_into_namespaces(&mut self, depth: Detail, now: u64) -> Result<Snapshot> {
        let found = netns::find(&self.scope.namespaces)?;
        let mut whole = Snapshot { timestamp: now, problems: found.problems, ..Snapshot::default() };
        for error in found.missing {
            match error {
                // It was there at an earlier look.
                Error::NetnsNotFound { name, .. } if self.has_looked => whole.problems.push(netns::vanished(&name)),
                error => return Err(error),
            }
        }
        self.has_looked = true;
        // Most namespaces have no tunnel, and come and go with the programs in them.
        for gone in self.with_networks.iter().filter(|old| !found.namespaces.iter().any(|now| now.is(old))) {
            let problem = netns::vanished(&gone.label);
            if !whole.problems.contains(&problem) {
                whole.problems.push(problem);
            }
        }
        let mut absent = Absent::default();
        let mut failure = None;
        let mut with_networks = Vec::new();
        for namespace in &found.namespaces {
            match look_into(namespace, &self.scope, depth, now) {
                Ok((snapshot, absent_here)) => {
                    if !snapshot.networks.is_empty() {
                        with_networks.push(namespace.clone());
                    }
                    add(&mut whole, snapshot, namespace);
                    absent.add(absent_here);
                }
                Err(problem) => {
                    whole.problems.push(problem.clone());
                    failure = failure.or(Some(problem));
                }
            }
        }
        self.with_networks = with_networks;
        let Some(problem) = failure else {
            return settle(&mut whole, &self.scope, absent.everywhere()).map(|()| whole);
        };
        for source in &mut whole.sources {
            source.success = false;
        }
        // What is in none of the others may be in that one.
        let is_nowhere = absent.namespaces == 0 || !absent.everywhere().is_empty() && !self.scope.allow_missing;
        if is_nowhere { Err(Error::Unseen(Box::new(problem))) } else { Ok(whole) }
    }

    fn look_around_in_namespaces(&self, snapshot: &mut Snapshot, needs_routes: &(impl Fn(&Network) -> bool + Sync)) {
        let mut networks = std::mem::take(&mut snapshot.networks);
        let mut hosts = std::mem::take(&mut snapshot.hosts);
        for namespace in &self.with_networks {
            let label = Some(namespace.label.as_str());
            let mut part = Snapshot { timestamp: snapshot.timestamp, ..Snapshot::default() };
            part.networks = networks.extract_if(.., |network| network.netns.as_deref() == label).collect();
            part.hosts = hosts.extract_if(.., |host| host.netns.as_deref() == label).collect();
            if !part.networks.is_empty() {
                let looked = namespace.inside(|| {
                    NamespaceCollector::open()
                        .map(|mut collector| collector.collect_environment(&mut part, needs_routes))
                });
                if let Err(problem) = looked.and_then(|looked| looked.map_err(|error| netns::failed(namespace, &error)))
                {
                    snapshot.problems.push(problem);
                }
            }
            add(snapshot, part, namespace);
        }
    }
}

/// One namespace, and the named interfaces that are not there.
fn look_into(namespace: &Namespace, scope: &Scope, depth: Detail, now: u64) -> Result<(Snapshot, Vec<Error>), Problem> {
    let daemons = if namespace.is_own() { DaemonFilter::NotInOtherNetns } else { DaemonFilter::Linked };
    let looked = namespace.inside(|| {
        let start = proc::uptime();
        let mut collector = NamespaceCollector::open()?.showing(daemons);
        let (mut snapshot, absent) = collector.look(scope, now)?;
        if depth == Detail::Host {
            collector.count_host(&mut snapshot, start);
        }
        Ok((snapshot, absent))
    })?;
    looked.map_err(|error: Error| netns::failed(namespace, &error))
}

/// Adds what was seen in one namespace.
fn add(whole: &mut Snapshot, part: Snapshot, namespace: &Namespace) {
    let label = || Some(namespace.label.clone());
    if let Some(exec_prefix) = namespace.exec_prefix().filter(|_| !part.networks.is_empty()) {
        whole.exec_prefixes.insert(namespace.label.clone(), exec_prefix);
    }
    whole.networks.extend(part.networks.into_iter().map(|network| Network { netns: label(), ..network }));
    whole.problems.extend(part.problems.into_iter().map(|problem| Problem { netns: label(), ..problem }));
    whole.hosts.extend(part.hosts.into_iter().map(|host| Host { netns: label(), ..host }));
    for source in part.sources {
        match whole.sources.iter_mut().find(|known| known.name == source.name) {
            Some(known) => {
                known.success &= source.success;
                known.duration += source.duration;
            }
            None => whole.sources.push(source),
        }
    }
    for hint in part.hints {
        if !whole.hints.contains(&hint) {
            whole.hints.push(hint);
        }
    }
    if !whole.networks.is_empty() {
        // What they say of an empty namespace is of no use beside one that is not.
        whole.hints.clear();
    }
}

/// Named interfaces that are not in one namespace; in another they may be.
#[derive(Default)]
struct Absent {
    /// Those that were looked at.
    namespaces: usize,
    /// Each with the number of namespaces that it is not in.
    errors: Vec<(usize, Error)>,
}

impl Absent {
    fn add(&mut self, errors: Vec<Error>) {
        self.namespaces += 1;
        let mut here: Vec<Error> = Vec::new();
        for error in errors {
            // It may have been named twice.
            if !here.iter().any(|known| subject(known) == subject(&error)) {
                here.push(error);
            }
        }
        for error in here {
            let same = self.errors.iter_mut().find(|(_, known)| subject(known) == subject(&error));
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

    fn everywhere(self) -> Vec<Error> {
        let all = self.namespaces;
        self.errors.into_iter().filter(|(count, _)| *count == all).map(|(_, error)| error).collect()
    }
}

const fn subject(error: &Error) -> Option<&Name> {
    match error {
        Error::InterfaceNotFound { name, .. } | Error::NotWireguard { name, .. } => Some(name),
        _ => None,
    }
}
