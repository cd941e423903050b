//! The only code that talks to the system: a [`Scope`] goes in, a [`Snapshot`] comes out.
//!
//! Links and their counters need no privilege and come first; whatever fails after that becomes a [`Problem`], and the
//! rest stays.

pub mod access;
mod address;
pub mod attributes;
pub mod collector;
mod environment;
pub mod files;
pub mod kernel;
pub mod link;
pub mod link_monitor;
pub mod netlink;
pub mod netns;
mod peercred;
mod proc;
mod route;
pub mod userspace;

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use netlink_sys::protocols::{NETLINK_GENERIC, NETLINK_ROUTE};
use rustix::io::Errno;

use self::kernel::{Device, Devices};
use self::link::{Link, link_by_name, wireguard_links};
use self::netlink::{Failure, KernelSocket, Netlink, Transport};
use self::netns::NetnsSelector;
use self::userspace::{Answer, Fault, SocketFile};
use crate::error::{Error, Result};
use crate::model::{Backend, Code, Name, Network, Pattern, Problem, Snapshot, Source, printable};

/// What to read, as the command line and the configuration say.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Interfaces by name, alternative name or glob, in this order; empty means all.
    pub interfaces: Vec<Pattern>,
    /// Interfaces that should be there: one that is not is noted in [`Snapshot::missing`].
    pub expected: Vec<Name>,
    /// Interfaces to leave out, whatever else names them.
    pub exclude: Vec<Pattern>,
    /// Network namespaces to read instead of the caller's own.
    pub namespaces: Vec<NetnsSelector>,
    /// Leave the peers unread, and unknown.
    pub without_peers: bool,
    /// A named interface that is not there is noted in [`Snapshot::missing`], and no error.
    pub allow_missing: bool,
    /// Likewise one whose name a link of another kind has.
    pub allow_other_kinds: bool,
}

impl Scope {
    fn excludes(&self, name: &Name) -> bool {
        self.exclude.iter().any(|pattern| pattern.matches(name))
    }
}

/// Which daemons a namespace shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DaemonFilter {
    /// All that have a socket: without a link of its name here it may be another namespace's, or dead.
    Any,
    /// Those not known to be another namespace's, which is looked at too.
    NotInOtherNetns,
    /// Those with a link here.
    Linked,
}

const GRANT: &str = "run it with sudo, or as a service with AmbientCapabilities=CAP_NET_ADMIN";
const GRANT_SOCKET: &str = "run it with sudo: the daemons' sockets are the superuser's";
const NO_MODULE: &str =
    "the kernel knows no link kind \"wireguard\": if there should be a tunnel, try `modprobe wireguard`";

/// Reads one network namespace, again and again, over the same sockets.
pub struct NamespaceCollector<T = KernelSocket> {
    rtnl: Netlink<T>,
    devices: Devices<T>,
    sockets: PathBuf,
    daemons: DaemonFilter,
    /// Time spent on peers so far; they are read interface by interface.
    peers_took: Duration,
}

impl NamespaceCollector {
    /// Opens the sockets in the calling thread's network namespace.
    ///
    /// # Errors
    /// Where the kernel gives no netlink socket.
    pub fn open() -> Result<Self> {
        let open = |protocol, subject: &str| {
            KernelSocket::open(protocol).map_err(|error| Error::Collect {
                code: if userspace::is_denied(&error) { Code::PermissionDenied } else { Code::KernelError },
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
    /// Reads from these transports and this directory of daemons' sockets.
    pub fn with(rtnl: T, genl: T, sockets: &Path) -> Self {
        Self {
            rtnl: Netlink::new(rtnl),
            devices: Devices::new(Netlink::new(genl)),
            sockets: sockets.to_owned(),
            daemons: DaemonFilter::Any,
            peers_took: Duration::ZERO,
        }
    }

    /// Shows only these daemons.
    #[must_use]
    pub fn showing(self, daemons: DaemonFilter) -> Self {
        Self { daemons, ..self }
    }

    /// Takes one look. `now` is the Unix time, in seconds.
    ///
    /// # Errors
    /// Where the links cannot be read at all, or a named interface is absent or of another kind.
    pub fn collect(&mut self, scope: &Scope, now: u64) -> Result<Snapshot> {
        let (mut snapshot, absent) = self.look(scope, now)?;
        settle(&mut snapshot, scope, absent)?;
        Ok(snapshot)
    }

    /// One look, and beside it why a named interface is not in it.
    fn look(&mut self, scope: &Scope, now: u64) -> Result<(Snapshot, Vec<Error>)> {
        let mut snapshot = Snapshot { timestamp: now, ..Snapshot::default() };
        let mut absent = Vec::new();
        let (start, peers) = (Instant::now(), self.peers_took);
        if scope.interfaces.is_empty() {
            self.every(None, scope, &mut snapshot)?;
        }
        for pattern in &scope.interfaces {
            let found = if pattern.is_glob() {
                self.every(Some(pattern), scope, &mut snapshot)
            } else if scope.excludes(pattern.name()) {
                Ok(())
            } else {
                self.named(pattern.name(), scope, &mut snapshot)
            };
            match found {
                Err(error @ (Error::InterfaceNotFound { .. } | Error::NotWireguard { .. })) => absent.push(error),
                other => other?,
            }
        }
        let peers = self.peers_took.saturating_sub(peers);
        // Whatever fails of the links themselves is an error, and there is no snapshot.
        let links = Source { name: "links", success: true, duration: start.elapsed().saturating_sub(peers) };
        snapshot.sources.push(links);
        if !scope.without_peers {
            let success = snapshot.problems.is_empty();
            snapshot.sources.push(Source { name: "peers", success, duration: peers });
        }
        Ok((snapshot, absent))
    }

    /// Adds all interfaces that are wanted and not there yet.
    fn every(&mut self, pattern: Option<&Pattern>, scope: &Scope, snapshot: &mut Snapshot) -> Result<()> {
        let matches = |name: &Name| pattern.is_none_or(|pattern| pattern.matches(name));
        let start = snapshot.networks.len();
        let found = wireguard_links(&mut self.rtnl).map_err(|failure| collect_error(&"links", &failure))?;
        let mut is_any = false;
        for link in found.links.into_values().filter(|link| matches(&link.name)) {
            is_any = true;
            if !scope.excludes(&link.name) && !snapshot.networks.iter().any(|old| old.ifindex == Some(link.ifindex)) {
                self.add_kernel(link, scope, snapshot);
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
            Err(error) => snapshot.problems.push(Problem {
                code: if userspace::is_denied(&error) { Code::PermissionDenied } else { Code::KernelError },
                netns: None,
                interface: None,
                message: format!("cannot look for userspace daemons: {}: {error}", shown(&self.sockets)),
                hint: userspace::is_denied(&error).then(|| "run it with sudo".to_owned()),
            }),
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

    fn named(&mut self, name: &Name, scope: &Scope, snapshot: &mut Snapshot) -> Result<()> {
        let link = link_by_name(&mut self.rtnl, name).map_err(|failure| collect_error(name, &failure))?;
        match link {
            // Named twice, or by two of its names.
            Some(link) if snapshot.networks.iter().any(|network| network.ifindex == Some(link.ifindex)) => Ok(()),
            None if snapshot.networks.iter().any(|network| network.interface == *name) => Ok(()),
            Some(link) if scope.excludes(&link.name) => Ok(()),
            Some(link) if link.is("wireguard") => {
                let before = snapshot.networks.len();
                self.add_kernel(link, scope, snapshot);
                // Deleted between two requests.
                if snapshot.networks.len() > before { Ok(()) } else { Err(self.not_found(name)) }
            }
            link => {
                // An alternative name of a tun link: its socket has the proper one.
                let proper = link.as_ref().map_or(name, |link| &link.name);
                let before = snapshot.networks.len();
                let file = userspace::socket_file(&self.sockets, proper).map_err(|error| Error::Collect {
                    code: if userspace::is_denied(&error) { Code::PermissionDenied } else { Code::KernelError },
                    subject: name.to_string(),
                    cause: format!("cannot tell whether it is WireGuard: {}: {error}", shown(&self.sockets)),
                })?;
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

    /// The error that names the interfaces there are.
    fn not_found(&mut self, name: &Name) -> Error {
        let found = wireguard_links(&mut self.rtnl).unwrap_or_default();
        let files = userspace::socket_files(&self.sockets).unwrap_or_default();
        let mut names: Vec<Name> = found.links.into_values().map(|link| link.name).collect();
        names.extend(files.into_iter().map(|file| file.interface));
        names.sort();
        names.dedup();
        Error::InterfaceNotFound { name: name.clone(), have: names }
    }

    fn add_kernel(&mut self, link: Link, scope: &Scope, snapshot: &mut Snapshot) {
        let mut network = Network { backend: Backend::Kernel, ..from_link(link) };
        if !scope.without_peers
            && let Some(ifindex) = network.ifindex
        {
            let start = Instant::now();
            let device = self.devices.read(ifindex);
            self.peers_took += start.elapsed();
            match device {
                Ok(device) => fill(&mut network, device),
                // Deleted since the links were read: it is no longer there to show.
                Err(failure) if failure.is(Errno::NODEV) => return,
                Err(failure) => add_peers_problem(snapshot, &network.interface, &failure),
            }
        }
        snapshot.networks.push(network);
    }

    fn add_daemons(&mut self, files: &[SocketFile], snapshot: &mut Snapshot, scope: &Scope) -> Result<()> {
        let mut links = Vec::with_capacity(files.len());
        let mut asked = Vec::with_capacity(files.len());
        for file in files {
            let link = link_by_name(&mut self.rtnl, &file.interface)
                .map_err(|failure| collect_error(&file.interface, &failure))?;
            // Another link may have the name as an alternative one.
            let link = link.filter(|link| link.name == file.interface);
            if self.daemons != DaemonFilter::Linked || link.as_ref().is_some_and(|link| link.is("tun")) {
                links.push(link);
                asked.push(file.clone());
            }
        }
        let start = Instant::now();
        let answers = userspace::read_all(&asked, !scope.without_peers, snapshot.timestamp);
        self.peers_took += start.elapsed();
        for ((file, answer), link) in asked.iter().zip(answers).zip(links) {
            let is_elsewhere = || answer.pid.is_some_and(|pid| !shares_our_namespace(pid));
            if self.daemons == DaemonFilter::Any || !is_elsewhere() {
                add_daemon(file, answer, link, snapshot, scope);
            }
        }
        Ok(())
    }
}

/// What is said of interfaces that should be there and are not.
fn settle(snapshot: &mut Snapshot, scope: &Scope, absent: Vec<Error>) -> Result<()> {
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

/// Joins a daemon's answer to the link of its name.
fn add_daemon(file: &SocketFile, answer: Answer, link: Option<Link>, snapshot: &mut Snapshot, scope: &Scope) {
    let Answer { pid, device } = answer;
    let refused = matches!(device, Err(Fault::Refused));
    let mut network = match link {
        // Any other link has this name by chance: the daemon that left the socket died, or lives elsewhere.
        Some(link) if !link.is("tun") && matches!(device, Err(Fault::Refused | Fault::Denied)) => return,
        Some(link) if link.is("tun") && refused => from_link(link),
        Some(link) if link.is("tun") && pid.is_none_or(shares_our_namespace) => {
            Network { backend: Backend::Userspace, ..from_link(link) }
        }
        _ => Network {
            interface: file.interface.clone(),
            backend: if refused { Backend::DeadDaemon } else { Backend::Userspace },
            ..Network::default()
        },
    };
    match device {
        Ok(Some(device)) => fill(&mut network, device),
        Ok(None) => {}
        Err(_) if scope.without_peers && network.backend != Backend::DeadDaemon => {}
        Err(Fault::Denied) => add_permission_problem(snapshot, "cannot read peers of userspace daemons", GRANT_SOCKET),
        Err(Fault::Refused) if network.backend == Backend::DeadDaemon => {
            snapshot.problems.push(Problem {
                code: Code::DaemonUnreachable,
                netns: None,
                interface: Some(file.interface.clone()),
                message: format!("the daemon behind {} is dead: connection refused", shown(&file.path)),
                hint: Some("start the daemon again, or remove the socket file it left".to_owned()),
            });
        }
        Err(fault) => snapshot.problems.push(Problem {
            code: Code::DaemonUnreachable,
            netns: None,
            interface: Some(file.interface.clone()),
            message: format!("cannot read peers from {}: {fault}", shown(&file.path)),
            hint: Some("see what the daemon's log says, and restart it if it hangs".to_owned()),
        }),
    }
    snapshot.networks.push(network);
}

/// Whether a daemon's link can be the one of its name here. Where its namespace may not be looked at, the name decides.
fn shares_our_namespace(pid: i32) -> bool {
    // A process of another PID namespace cannot be looked up: it is a container's.
    if pid == 0 {
        return false;
    }
    let namespace = |path: &str| std::fs::metadata(path).map(|found| (found.dev(), found.ino()));
    match (namespace(&format!("/proc/{pid}/ns/net")), namespace("/proc/thread-self/ns/net")) {
        (Ok(theirs), Ok(ours)) => theirs == ours,
        // Not to be looked at, or gone: wireguard-go's parent listens and leaves the socket to its child.
        _ => true,
    }
}

fn from_link(link: Link) -> Network {
    Network {
        interface: link.name,
        ifindex: Some(link.ifindex),
        alias: link.alias,
        enabled: Some(link.enabled),
        up: Some(link.up),
        operstate: link.operstate,
        mtu: link.mtu,
        stats: link.stats,
        ..Network::default()
    }
}

fn fill(network: &mut Network, device: Device) {
    network.public_key = device.public_key;
    network.listen_port = device.listen_port;
    // Daemons say nothing of a mark that is not set.
    network.fwmark = Some(device.fwmark.unwrap_or(0));
    network.peers = Some(device.peers);
}

fn add_peers_problem(snapshot: &mut Snapshot, interface: &Name, failure: &Failure) {
    if failure.is(Errno::PERM) {
        return add_permission_problem(snapshot, "cannot read peers", GRANT);
    }
    let hint = matches!(failure, Failure::Interrupted).then(|| "its peers change all the time; try again".to_owned());
    snapshot.problems.push(Problem {
        code: failure_code(failure),
        netns: None,
        interface: Some(interface.clone()),
        message: format!("cannot read peers: {failure}"),
        hint,
    });
}

/// The same privilege is missing for every interface: said once.
fn add_permission_problem(snapshot: &mut Snapshot, what: &str, grant: &str) {
    let problem = Problem {
        code: Code::PermissionDenied,
        netns: None,
        interface: None,
        message: format!("{what}: operation not permitted"),
        hint: Some(grant.to_owned()),
    };
    if !snapshot.problems.contains(&problem) {
        snapshot.problems.push(problem);
    }
}

/// Anybody who may write to the folder chooses the names of sockets.
fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy()).into_owned()
}

fn failure_code(failure: &Failure) -> Code {
    match failure {
        Failure::Kernel(Errno::PERM | Errno::ACCESS, _) => Code::PermissionDenied,
        Failure::Interrupted => Code::DumpInterrupted,
        _ => Code::KernelError,
    }
}

fn collect_error(subject: &dyn ToString, failure: &Failure) -> Error {
    Error::Collect {
        code: failure_code(failure),
        subject: subject.to_string(),
        cause: format!("cannot read: {failure}"),
    }
}
