//! Reads the host's counters and settings from `/proc` and `/sys`.
//!
//! `/proc/net` belongs to the namespace of the process's first thread, `/proc/thread-self/net` to that of the reading thread.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::time::{ClockId, clock_gettime};

use crate::model::{Environment, Host, Name};

const NET: &str = "/proc/thread-self/net";
const SYSCTL: &str = "/proc/sys/net";
/// Maximum number of bytes that are read. None of these files is longer.
const MAX_LENGTH: u64 = 256 * 1024;

/// Returns the text of a small file; `None` on any error, because then its content is unknown.
fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(MAX_LENGTH).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Reads the host's counters and its identity.
pub(super) fn read_host() -> Host {
    let snmp = read(&Path::new(NET).join("snmp"));
    let snmp6 = read(&Path::new(NET).join("snmp6"));
    let v4 = |name| snmp.as_deref().and_then(|text| ipv4_counter(text, name));
    let v6 = |name| snmp6.as_deref().and_then(|text| ipv6_counter(text, name));
    Host {
        identity: host_identity(),
        ipv4_in_addr_errors: v4("InAddrErrors"),
        // A host without IPv6 has no fragments of it.
        fragments_created: v4("FragCreates").map(|count| count + v6("Ip6FragCreates").unwrap_or(0)),
        ..Host::default()
    }
}

/// Returns an identifier of this boot of the host and of the calling thread's network namespace.
pub(super) fn host_identity() -> String {
    let boot = read(Path::new("/proc/sys/kernel/random/boot_id")).unwrap_or_default();
    let namespace = std::fs::metadata("/proc/thread-self/ns/net").map_or(0, |found| found.ino());
    format!("{} net:[{namespace}]", boot.trim())
}

/// Returns the time since boot, suspend included (`CLOCK_BOOTTIME`).
pub(super) fn uptime() -> std::time::Duration {
    let time = clock_gettime(ClockId::Boottime);
    std::time::Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

/// Reads an interface's own IPv6 counters.
pub(super) fn read_interface_counters(interface: &Name, env: &mut Environment) {
    let Some(text) = read(&Path::new(NET).join("dev_snmp6").join(interface.as_os_str())) else { return };
    env.ipv6_in_addr_errors = ipv6_counter(&text, "Ip6InAddrErrors");
    env.ipv6_multicast_sent = ipv6_counter(&text, "Ip6OutMcastPkts");
}

/// Reads whether packets that arrive on this interface are forwarded.
pub(super) fn read_forwarding(interface: &Name, env: &mut Environment) {
    let setting = |path: PathBuf| Some(read(&path)?.trim() != "0");
    let conf = |family: &str| Path::new(SYSCTL).join(family).join("conf");
    // IPv4 uses the setting of the incoming interface, IPv6 that of the host.
    env.ipv4_forwarding = setting(conf("ipv4").join(interface.as_os_str()).join("forwarding"));
    env.ipv6_forwarding = setting(conf("ipv6").join("all/forwarding"));
}

/// Reads a link's MTU for IPv6, which a router advertisement may have lowered.
pub(super) fn read_ipv6_mtu(link: &Name) -> Option<u32> {
    read(&Path::new(SYSCTL).join("ipv6/conf").join(link.as_os_str()).join("mtu"))?.trim().parse().ok()
}

/// Returns whether the kernel has a WireGuard driver: loaded, built in, or installed as a module.
pub(super) fn has_wireguard() -> bool {
    if Path::new("/sys/module/wireguard").exists() {
        return true;
    }
    let release = rustix::system::uname();
    let modules = Path::new("/lib/modules").join(release.release().to_string_lossy().as_ref());
    let built_in = read(&modules.join("modules.builtin")).is_some_and(|list| list.contains("/wireguard.ko"));
    let file = |ending: &str| modules.join(format!("kernel/drivers/net/wireguard/wireguard.ko{ending}")).exists();
    built_in || ["", ".xz", ".zst", ".gz"].into_iter().any(file)
}

/// Returns a counter of `/proc/net/snmp`: a line of names, then one of values.
fn ipv4_counter(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Ip: "));
    let (names, values) = (lines.next()?, lines.next()?);
    names.split(' ').zip(values.split(' ')).find(|(own, _)| *own == name)?.1.parse().ok()
}

/// Returns a counter of `/proc/net/snmp6`: name and value on each line.
fn ipv6_counter(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix([' ', '\t']))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_by_name() {
        let snmp = "Ip: Forwarding DefaultTTL InAddrErrors\nIp: 2 64 17\nIcmp: InMsgs\nIcmp: 5\n";
        assert_eq!(ipv4_counter(snmp, "InAddrErrors"), Some(17));
        assert_eq!(ipv4_counter(snmp, "FragCreates"), None);
        let snmp6 = "Ip6InAddrErrors                 \t3\nIp6OutMcastPkts   \t12\n";
        assert_eq!(ipv6_counter(snmp6, "Ip6OutMcastPkts"), Some(12));
        assert_eq!(ipv6_counter(snmp6, "Ip6OutMcast"), None);
    }

    #[test]
    fn this_host_has_counters() {
        // Every Linux kernel has them.
        assert!(read_host().ipv4_in_addr_errors.is_some());
        assert!(uptime() > std::time::Duration::ZERO);
    }
}
