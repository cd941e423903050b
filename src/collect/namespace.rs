//! Collects one network namespace: its WireGuard links, their peers, and the userspace daemons.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use netlink_sys::protocols::{NETLINK_GENERIC, NETLINK_ROUTE};
use rustix::io::Errno;

use super::Scope;
use super::daemons::{DaemonFilter, add_daemon};
use super::kernel::{DeviceReader, apply_device};
use super::link::{Link, link_by_name, network_of_link, wireguard_links};
use super::netlink::{KernelSocket, Netlink, Transport};
use super::problems::{NO_MODULE, add_peers_unreadable, io_code, links_unreadable, socket_unknown, sockets_unlisted};
use super::userspace::{self, SocketFile};
use crate::error::{Error, Result};
use crate::model::{Backend, Name, Network, Pattern, Snapshot, Source};

/// Collects one network namespace as often as needed, over the same sockets.
pub struct NamespaceCollector<T = KernelSocket> {
    pub(super) rtnl: Netlink<T>,
    devices: DeviceReader<T>,
    sockets: PathBuf,
    daemons: DaemonFilter,
    /// Total time spent on peers; they are read interface by interface.
    peers_took: Duration,
}

impl NamespaceCollector {
    /// Opens the netlink sockets in the calling thread's network namespace.
    ///
    /// # Errors
    /// Returns an error if the kernel provides no netlink socket.
    pub fn open() -> Result<Self> {
        let open = |protocol, subject: &str| {
            KernelSocket::open(protocol).map_err(|error| Error::Collect {
                code: io_code(&error),
                subject: subject.to_owned(),
                cause: error.to_string(),
            })
        };
        let rtnl = open(NETLINK_ROUTE, "netlink route socket")?;
        let genl = open(NETLINK_GENERIC, "generic netlink socket")?;
        Ok(Self::with(rtnl, genl, Path::new(userspace::DIRECTORY)))
    }
}

impl<T: Transport> NamespaceCollector<T> {
    /// Uses these transports and this directory of daemons' sockets.
    pub fn with(rtnl: T, genl: T, sockets: &Path) -> Self {
        Self {
            rtnl: Netlink::new(rtnl),
            devices: DeviceReader::new(Netlink::new(genl)),
            sockets: sockets.to_owned(),
            daemons: DaemonFilter::Any,
            peers_took: Duration::ZERO,
        }
    }

    /// Limits the daemons to these.
    #[must_use]
    pub(super) fn filter_daemons(self, daemons: DaemonFilter) -> Self {
        Self { daemons, ..self }
    }

    /// Collects a snapshot. `now` is the Unix time, in seconds.
    ///
    /// # Errors
    /// Returns an error if the links cannot be read at all, or a named interface is absent or of another kind.
    pub fn collect(&mut self, scope: &Scope, now: u64) -> Result<Snapshot> {
        let (mut snapshot, absent) = self.collect_present(scope, now)?;
        check_missing(&mut snapshot, scope, absent)?;
        Ok(snapshot)
    }

    /// Collects a snapshot, and returns with it one error for each named interface that is absent or of another kind.
    ///
    /// # Errors
    /// Returns an error if the links cannot be read at all.
    pub(super) fn collect_present(&mut self, scope: &Scope, now: u64) -> Result<(Snapshot, Vec<Error>)> {
        let mut snapshot = Snapshot { timestamp: now, ..Snapshot::default() };
        let mut absent = Vec::new();
        let (start, peers_before) = (Instant::now(), self.peers_took);
        if scope.interfaces.is_empty() {
            self.add_matching(None, scope, &mut snapshot)?;
        }
        for pattern in &scope.interfaces {
            let added = if pattern.is_glob() {
                self.add_matching(Some(pattern), scope, &mut snapshot)
            } else if scope.excludes(pattern.name()) {
                Ok(())
            } else {
                self.add_named(pattern.name(), scope, &mut snapshot)
            };
            match added {
                Err(error @ (Error::InterfaceNotFound { .. } | Error::NotWireguard { .. })) => absent.push(error),
                other => other?,
            }
        }
        let peers_took = self.peers_took.saturating_sub(peers_before);
        // If the links themselves cannot be read, there is no snapshot, so this is an error.
        let links_took = start.elapsed().saturating_sub(peers_took);
        snapshot.sources.push(Source { name: "links", success: true, duration: links_took });
        if !scope.without_peers {
            let success = snapshot.problems.is_empty();
            snapshot.sources.push(Source { name: "peers", success, duration: peers_took });
        }
        Ok((snapshot, absent))
    }

    /// Adds every interface that matches and is not in the snapshot yet; `None` matches all.
    fn add_matching(&mut self, pattern: Option<&Pattern>, scope: &Scope, snapshot: &mut Snapshot) -> Result<()> {
        let matches = |name: &Name| pattern.is_none_or(|pattern| pattern.matches(name));
        let start = snapshot.networks.len();
        let found = wireguard_links(&mut self.rtnl).map_err(|error| links_unreadable(&"links", &error))?;
        let mut is_any = false;
        for link in found.links.into_values().filter(|link| matches(&link.name)) {
            is_any = true;
            if !scope.excludes(&link.name) && !snapshot.networks.iter().any(|old| old.ifindex == Some(link.ifindex)) {
                self.add_kernel_link(link, scope, snapshot);
            }
        }
        match userspace::socket_files(&self.sockets) {
            Ok(mut files) => {
                files.retain(|file| matches(&file.interface));
                is_any |= !files.is_empty();
                // An earlier pattern may have matched it.
                let earlier = snapshot.networks.get(..start).unwrap_or_default();
                files.retain(|file| !earlier.iter().any(|network| network.interface == file.interface));
                files.retain(|file| !scope.excludes(&file.interface));
                self.add_daemons(&files, snapshot, scope)?;
            }
            Err(error) => snapshot.problems.push(sockets_unlisted(&self.sockets, &error)),
        }
        if let Some(added) = snapshot.networks.get_mut(start..) {
            added.sort_by_key(|network| network.ifindex.unwrap_or(u32::MAX));
        }
        match pattern {
            Some(pattern) if !is_any => return Err(self.not_found(pattern.name())),
            None if snapshot.networks.is_empty() && snapshot.problems.is_empty() && !found.kind_is_known => {
                snapshot.hints.push(NO_MODULE.to_owned());
            }
            _ => {}
        }
        Ok(())
    }

    /// Adds the interface of this name or alternative name, unless it is in the snapshot already.
    fn add_named(&mut self, name: &Name, scope: &Scope, snapshot: &mut Snapshot) -> Result<()> {
        let link = link_by_name(&mut self.rtnl, name).map_err(|error| links_unreadable(name, &error))?;
        match link {
            // Named twice, or by two of its names.
            Some(link) if snapshot.networks.iter().any(|network| network.ifindex == Some(link.ifindex)) => Ok(()),
            None if snapshot.networks.iter().any(|network| network.interface == *name) => Ok(()),
            Some(link) if scope.excludes(&link.name) => Ok(()),
            Some(link) if link.is("wireguard") => {
                let before = snapshot.networks.len();
                self.add_kernel_link(link, scope, snapshot);
                // Deleted between two requests.
                if snapshot.networks.len() > before { Ok(()) } else { Err(self.not_found(name)) }
            }
            link => {
                // An alternative name of a tun link: the socket has the primary one.
                let primary = link.as_ref().map_or(name, |link| &link.name);
                let before = snapshot.networks.len();
                let file = userspace::socket_file(&self.sockets, primary)
                    .map_err(|error| socket_unknown(name, &self.sockets, &error))?;
                if let Some(file) = file {
                    self.add_daemons(&[file], snapshot, scope)?;
                }
                match link {
                    _ if snapshot.networks.len() > before => Ok(()),
                    Some(link) => Err(Error::NotWireguard { name: name.clone(), kind: link.kind }),
                    None => Err(self.not_found(name)),
                }
            }
        }
    }

    /// Returns the error for an absent interface, with the names of those that exist.
    fn not_found(&mut self, name: &Name) -> Error {
        let found = wireguard_links(&mut self.rtnl).unwrap_or_default();
        let files = userspace::socket_files(&self.sockets).unwrap_or_default();
        let mut names: Vec<Name> = found.links.into_values().map(|link| link.name).collect();
        names.extend(files.into_iter().map(|file| file.interface));
        names.sort();
        names.dedup();
        Error::InterfaceNotFound { name: name.clone(), have: names }
    }

    /// Adds a link of kind `wireguard` with its peers; nothing if it was deleted meanwhile.
    fn add_kernel_link(&mut self, link: Link, scope: &Scope, snapshot: &mut Snapshot) {
        let ifindex = link.ifindex;
        let mut network = Network { backend: Backend::Kernel, ..network_of_link(link) };
        if !scope.without_peers {
            let start = Instant::now();
            let device = self.devices.read(ifindex);
            self.peers_took += start.elapsed();
            match device {
                Ok(device) => apply_device(&mut network, device),
                // Deleted since the links were read.
                Err(error) if error.is(Errno::NODEV) => return,
                Err(error) => add_peers_unreadable(snapshot, &network.interface, &error),
            }
        }
        snapshot.networks.push(network);
    }

    /// Queries the daemons behind these sockets, and adds those that belong to this namespace.
    fn add_daemons(&mut self, files: &[SocketFile], snapshot: &mut Snapshot, scope: &Scope) -> Result<()> {
        let mut links = Vec::with_capacity(files.len());
        let mut queried = Vec::with_capacity(files.len());
        for file in files {
            let link = link_by_name(&mut self.rtnl, &file.interface)
                .map_err(|error| links_unreadable(&file.interface, &error))?;
            // Another link may have the name as an alternative one.
            let link = link.filter(|link| link.name == file.interface);
            if self.daemons.allows_link(link.as_ref()) {
                links.push(link);
                queried.push(file.clone());
            }
        }
        let start = Instant::now();
        let replies = userspace::query_all(&queried, !scope.without_peers, snapshot.timestamp);
        self.peers_took += start.elapsed();
        for ((file, reply), link) in queried.iter().zip(replies).zip(links) {
            if self.daemons.allows_process(reply.pid) {
                add_daemon(file, reply, link, snapshot, scope);
            }
        }
        Ok(())
    }
}

/// Adds absent interfaces to [`Snapshot::missing`]: named ones if the scope allows it, and expected ones.
///
/// # Errors
/// Returns the first error in `absent` that the scope does not allow.
pub(super) fn check_missing(snapshot: &mut Snapshot, scope: &Scope, absent: Vec<Error>) -> Result<()> {
    for error in absent {
        let name = match error {
            Error::InterfaceNotFound { name, .. } if scope.allow_missing => name,
            Error::NotWireguard { name, .. } if scope.allow_other_kinds => name,
            other => return Err(other),
        };
        if !snapshot.missing.contains(&name) {
            snapshot.missing.push(name);
        }
    }
    for name in &scope.expected {
        if !scope.excludes(name) && !snapshot.networks.iter().any(|network| network.interface == *name) {
            snapshot.missing.push(name.clone());
        }
    }
    Ok(())
}
