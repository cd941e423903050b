//! Matches userspace daemons with the links of the same name, and adds them to the snapshot.

use std::os::unix::fs::MetadataExt as _;

use super::Scope;
use super::kernel::apply_device;
use super::link::{Link, network_of_link};
use super::problems::{add_sockets_denied, daemon_dead, daemon_unreadable};
use super::userspace::{self, Reply, SocketFile};
use crate::model::{Backend, Network, Snapshot};

/// Selects the daemons that belong to a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DaemonFilter {
    /// All that have a socket. A daemon without a link of its name may belong to another namespace, or be dead.
    Any,
    /// Those not known to belong to another namespace, which is read too.
    NotInOtherNetns,
    /// Those with a link in this namespace.
    Linked,
}

impl DaemonFilter {
    /// Returns whether to query the daemon with this link of its name.
    pub(super) fn allows_link(self, link: Option<&Link>) -> bool {
        self != Self::Linked || link.is_some_and(|link| link.is("tun"))
    }

    /// Returns whether to keep the daemon with this PID.
    pub(super) fn allows_process(self, pid: Option<i32>) -> bool {
        self == Self::Any || pid.is_none_or(shares_our_namespace)
    }
}

/// Adds a daemon's reply, joined with the link of its name.
pub(super) fn add_daemon(file: &SocketFile, reply: Reply, link: Option<Link>, snapshot: &mut Snapshot, scope: &Scope) {
    let Reply { pid, device } = reply;
    let refused = matches!(device, Err(userspace::Error::Refused));
    let denied = matches!(device, Err(userspace::Error::Denied));
    let mut network = match link {
        // Any other link has this name by chance: the daemon that left the socket died, or runs elsewhere.
        Some(link) if !link.is("tun") && (refused || denied) => return,
        Some(link) if link.is("tun") && refused => network_of_link(link),
        Some(link) if link.is("tun") && pid.is_none_or(shares_our_namespace) => {
            Network { backend: Backend::Userspace, ..network_of_link(link) }
        }
        _ => Network {
            interface: file.interface.clone(),
            backend: if refused { Backend::DeadDaemon } else { Backend::Userspace },
            ..Network::default()
        },
    };
    let is_dead = network.backend == Backend::DeadDaemon;
    match device {
        Ok(Some(device)) => apply_device(&mut network, device),
        Ok(None) => {}
        Err(_) if scope.without_peers && !is_dead => {}
        Err(userspace::Error::Denied) => add_sockets_denied(snapshot),
        Err(userspace::Error::Refused) if is_dead => snapshot.problems.push(daemon_dead(file)),
        Err(error) => snapshot.problems.push(daemon_unreadable(file, &error)),
    }
    snapshot.networks.push(network);
}

/// Returns whether the process may own a link of this namespace. If its namespace cannot be read, the name decides.
fn shares_our_namespace(pid: i32) -> bool {
    // A process of another PID namespace cannot be looked up: it is a container's.
    if pid == 0 {
        return false;
    }
    let namespace = |path: &str| std::fs::metadata(path).map(|found| (found.dev(), found.ino()));
    match (namespace(&format!("/proc/{pid}/ns/net")), namespace("/proc/thread-self/ns/net")) {
        (Ok(theirs), Ok(ours)) => theirs == ours,
        // Unreadable, or gone: wireguard-go's parent listens and leaves the socket to its child.
        _ => true,
    }
}
