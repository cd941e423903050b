//! Words the Problems and errors of a collection: the thing, the cause, and the fix if there is one.

use std::path::Path;

use rustix::io::Errno;

use super::netlink;
use super::userspace::{self, is_denied};
use crate::error::Error;
use crate::model::{Code, Name, Problem, Snapshot, printable};

const GRANT_NET_ADMIN: &str = "run it with sudo, or as a service with AmbientCapabilities=CAP_NET_ADMIN";
const GRANT_SOCKETS: &str = "run it with sudo: the sockets are owned by root";

/// Hint for a host without the kernel's WireGuard driver and without a tunnel.
pub(super) const NO_MODULE: &str =
    "the kernel has no link kind \"wireguard\": if there should be a tunnel, try `modprobe wireguard`";

/// Returns the code of a failed netlink request.
pub(super) fn netlink_code(error: &netlink::Error) -> Code {
    match error {
        netlink::Error::Kernel(Errno::PERM | Errno::ACCESS, _) => Code::PermissionDenied,
        netlink::Error::Interrupted => Code::DumpInterrupted,
        _ => Code::KernelError,
    }
}

/// Returns the code of a failed system call.
pub(super) fn io_code(error: &std::io::Error) -> Code {
    if is_denied(error) { Code::PermissionDenied } else { Code::KernelError }
}

/// Returns the error for links that could not be read; `subject` is `links` or a link's name.
pub(super) fn links_unreadable(subject: &dyn ToString, error: &netlink::Error) -> Error {
    Error::Collect { code: netlink_code(error), subject: subject.to_string(), cause: format!("cannot read: {error}") }
}

/// Adds the Problem of a kernel interface whose peers could not be read.
pub(super) fn add_peers_unreadable(snapshot: &mut Snapshot, interface: &Name, error: &netlink::Error) {
    if error.is(Errno::PERM) {
        return add_permission_problem(snapshot, "cannot read peers", GRANT_NET_ADMIN);
    }
    let problem = Problem::new(netlink_code(error), format!("cannot read peers: {error}")).interface(interface.clone());
    let is_interrupted = matches!(error, netlink::Error::Interrupted);
    snapshot.problems.push(if is_interrupted { problem.hint("its peers keep changing; try again") } else { problem });
}

/// Adds the Problem of daemons whose sockets the caller may not open.
pub(super) fn add_sockets_denied(snapshot: &mut Snapshot) {
    add_permission_problem(snapshot, "cannot read peers of userspace daemons", GRANT_SOCKETS);
}

/// Adds a missing privilege once: it is the same for every interface.
fn add_permission_problem(snapshot: &mut Snapshot, subject: &str, hint: &str) {
    let problem = Problem::new(Code::PermissionDenied, format!("{subject}: operation not permitted")).hint(hint);
    if !snapshot.problems.contains(&problem) {
        snapshot.problems.push(problem);
    }
}

/// Returns the Problem of a directory of sockets that could not be listed.
pub(super) fn sockets_unlisted(directory: &Path, error: &std::io::Error) -> Problem {
    let message = format!("cannot list userspace daemons: {}: {error}", path_text(directory));
    let problem = Problem::new(io_code(error), message);
    if is_denied(error) { problem.hint("run it with sudo") } else { problem }
}

/// Returns the error for a name whose socket could not be looked up.
pub(super) fn socket_unknown(name: &Name, directory: &Path, error: &std::io::Error) -> Error {
    Error::Collect {
        code: io_code(error),
        subject: name.to_string(),
        cause: format!("cannot check whether it is WireGuard: {}: {error}", path_text(directory)),
    }
}

/// Returns the Problem of a socket without a daemon behind it.
pub(super) fn daemon_dead(socket: &userspace::SocketFile) -> Problem {
    let message = format!("the daemon behind {} is dead: connection refused", path_text(&socket.path));
    Problem::new(Code::DaemonUnreachable, message)
        .interface(socket.interface.clone())
        .hint("restart the daemon, or remove the stale socket file")
}

/// Returns the Problem of a daemon that gave no usable reply.
pub(super) fn daemon_unreadable(socket: &userspace::SocketFile, error: &userspace::Error) -> Problem {
    let message = format!("cannot read peers from {}: {error}", path_text(&socket.path));
    Problem::new(Code::DaemonUnreachable, message)
        .interface(socket.interface.clone())
        .hint("check the daemon's log, and restart the daemon if it hangs")
}

/// Returns a path safe for a terminal: anyone who may write to the directory chooses the names of sockets.
fn path_text(path: &Path) -> String {
    printable(&path.to_string_lossy()).into_owned()
}
