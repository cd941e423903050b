//! Enters the namespaces of the lab.

use std::fs;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::Signal;

use super::Result;

/// Moves this process into user, network and mount namespaces of its own, where it is root.
pub(super) fn enter() -> Result<()> {
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    unshare(CloneFlags::CLONE_NEWUSER).map_err(|error| forbidden(&error.to_string()))?;
    // user_namespaces(7): without privilege, gid_map can be written only after setgroups is denied.
    let maps = [("setgroups", "deny".to_owned()), ("uid_map", format!("0 {uid} 1")), ("gid_map", format!("0 {gid} 1"))];
    for (file, text) in maps {
        // Where AppArmor restricts user namespaces, unshare succeeds and this does not.
        fs::write(format!("/proc/self/{file}"), text).map_err(|error| forbidden(&error.to_string()))?;
    }
    enter_network()?;
    // This takes effect for the children. The first one becomes PID 1, and the kernel ends the others with it.
    unshare(CloneFlags::CLONE_NEWPID).map_err(|error| forbidden(&error.to_string()))?;
    Ok(())
}

/// Mounts the /proc of this PID namespace.
pub(super) fn mount_proc() -> Result<()> {
    let none = None::<&str>;
    mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), none)
        .map_err(|error| forbidden(&error.to_string()).into())
}

/// Moves this process into network and mount namespaces of its own, with an empty /run for sockets of daemons.
pub(super) fn enter_network() -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).map_err(|error| forbidden(&error.to_string()))?;
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .and_then(|()| mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), Some("mode=0755")))
        .map_err(|error| forbidden(&error.to_string()))?;
    fs::create_dir_all("/var/run/wireguard")?;
    Ok(())
}

/// Ends this process as soon as its parent ends.
pub(super) fn die_with_parent() -> Result<()> {
    Ok(prctl::set_pdeathsig(Signal::SIGKILL)?)
}

/// Returns an error text with the setting that forbids namespaces, and how to change it.
fn forbidden(error: &str) -> String {
    let setting = |path: &str| fs::read_to_string(path).ok().map(|value| value.trim().to_owned());
    let settings = [
        ("/proc/sys/kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
        ("/proc/sys/user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=10000"),
        ("/proc/sys/user/max_pid_namespaces", "0", "sysctl user.max_pid_namespaces=10000"),
        ("/proc/sys/user/max_net_namespaces", "0", "sysctl user.max_net_namespaces=10000"),
        (
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    ];
    for (path, forbids, fix) in settings {
        if setting(path).as_deref() == Some(forbids) {
            return format!("namespaces are forbidden here ({error}): {path} is {forbids}; to allow them: sudo {fix}");
        }
    }
    let container = if Path::new("/.dockerenv").exists() || Path::new("/run/.containerenv").exists() {
        "; a container's seccomp profile forbids them too (docker: --security-opt seccomp=unconfined)"
    } else {
        ""
    };
    format!(
        "namespaces are forbidden here ({error}), and no known setting does it{container}; a chroot forbids them too"
    )
}
