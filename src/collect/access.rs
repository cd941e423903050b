//! What wgstat itself can and cannot see, and what would let it see more: `check -v`.

use std::fs;
use std::path::Path;

use rustix::thread::{CapabilitySet, capabilities};

use super::files::Fault;
use super::netns::{self, Namespace, NetnsSelector};
use super::proc;
use super::userspace::{self, read_all, socket_files};
use crate::model::{AccessNote, printable};

/// The facts, for the calling thread's network namespace.
#[must_use]
pub fn facts(names: &[Fault]) -> Vec<AccessNote> {
    let mut facts = vec![kernel()];
    facts.extend(privileges());
    facts.extend(namespaces());
    facts.extend(sockets());
    facts.extend(names.iter().map(|fault| {
        let problem = fault.problem();
        AccessNote { topic: "names", text: problem.message, help: problem.hint }
    }));
    facts
}

fn fact(topic: &'static str, text: impl Into<String>, help: Option<&str>) -> AccessNote {
    AccessNote { topic, text: text.into(), help: help.map(str::to_owned) }
}

fn kernel() -> AccessNote {
    let name = rustix::system::uname();
    let release = printable(&name.release().to_string_lossy()).into_owned();
    if Path::new("/sys/module/wireguard").exists() {
        let version = fs::read_to_string("/sys/module/wireguard/version").unwrap_or_default();
        let version = if version.is_empty() { String::new() } else { format!(" {}", printable(version.trim())) };
        return fact("kernel", format!("Linux {release}, its WireGuard driver{version} is there"), None);
    }
    if proc::has_wireguard() {
        let text = format!("Linux {release}, its WireGuard driver is not loaded; the first interface loads it");
        return fact("kernel", text, None);
    }
    let help = "a userspace daemon can do it; for the kernel's own, install the modules of this kernel";
    fact("kernel", format!("Linux {release}, it has no WireGuard driver"), Some(help))
}

/// A capability, what it is needed for, and its name.
const NEEDED: [(CapabilitySet, &str, &str); 5] = [
    (CapabilitySet::NET_ADMIN, "CAP_NET_ADMIN", "to read the peers of kernel interfaces"),
    (CapabilitySet::DAC_OVERRIDE, "CAP_DAC_OVERRIDE", "to ask userspace daemons, whose sockets are root's"),
    (CapabilitySet::SYS_ADMIN, "CAP_SYS_ADMIN", "to enter other network namespaces (--netns)"),
    (CapabilitySet::SYS_PTRACE, "CAP_SYS_PTRACE", "to find the namespaces of other users' processes (--netns all)"),
    (CapabilitySet::DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", "to read names in files that are root's"),
];

fn privileges() -> Vec<AccessNote> {
    // It fails for no process that asks about itself.
    let own = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    let mut facts: Vec<AccessNote> = NEEDED
        .into_iter()
        .map(|(capability, name, purpose)| {
            if own.contains(capability) {
                return fact("privilege", format!("{name}, {purpose}: yes"), None);
            }
            AccessNote { topic: "privilege", text: format!("{name}, {purpose}: no"), help: Some(grant(name)) }
        })
        .collect();
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let is_all = map.split_ascii_whitespace().eq(["0", "0", "4294967295"]);
    if !map.is_empty() && !is_all {
        let text = "in a user namespace: capabilities hold only for network namespaces that were made in it";
        facts.push(fact("privilege", text, Some("run it outside, where the tunnels were made")));
    }
    facts
}

/// How to grant a capability, where this program runs.
fn grant(name: &str) -> String {
    let is_container = ["/.dockerenv", "/run/.containerenv"].into_iter().any(|mark| Path::new(mark).exists());
    let option = name.strip_prefix("CAP_").unwrap_or(name);
    if is_container {
        format!("start the container with --cap-add {option}, and --network host to see the host's tunnels")
    } else {
        format!("run it with sudo; as a service AmbientCapabilities={name}; in a container --cap-add {option}")
    }
}

/// Namespaces that are listed.
const LISTED: usize = 20;

fn namespaces() -> Vec<AccessNote> {
    let found = netns::find(&[NetnsSelector::All]).unwrap_or_default();
    let (own, others): (Vec<&Namespace>, Vec<&Namespace>) =
        found.namespaces.iter().partition(|namespace| namespace.is_own());
    let own = own.first().map_or("a network namespace that it cannot tell", |namespace| namespace.label.as_str());
    let mut facts = vec![match others.len() {
        0 => fact("namespace", format!("looks from {}, and sees no other", printable(own)), None),
        1 => fact("namespace", format!("looks from {}, and sees one other", printable(own)), Some(ALL)),
        more => fact("namespace", format!("looks from {}, and sees {more} others", printable(own)), Some(ALL)),
    }];
    for namespace in others.iter().take(LISTED) {
        facts.push(match namespace.inside(|| ()) {
            Ok(()) => fact("namespace", format!("{}: can be entered", printable(&namespace.label)), None),
            Err(problem) => AccessNote { topic: "namespace", text: problem.message, help: problem.hint },
        });
    }
    if let Some(more) = others.len().checked_sub(LISTED).filter(|&more| more > 0) {
        facts.push(fact("namespace", format!("and {more} more"), None));
    }
    facts.extend(found.problems.into_iter().map(|problem| AccessNote {
        topic: "namespace",
        text: problem.message,
        help: problem.hint,
    }));
    facts
}

const ALL: &str = "--netns NAME, or --netns all for every one, also those of containers";

fn sockets() -> Vec<AccessNote> {
    let files = match socket_files(Path::new(userspace::DIRECTORY)) {
        Ok(files) => files,
        Err(error) => {
            let text = format!("{}: cannot look for daemons: {error}", userspace::DIRECTORY);
            return vec![fact("socket", text, Some(&grant("CAP_DAC_OVERRIDE")))];
        }
    };
    if files.is_empty() {
        return vec![fact("socket", format!("no userspace daemon has one in {}", userspace::DIRECTORY), None)];
    }
    let answers = read_all(&files, true, 0);
    let told = files.iter().zip(answers).map(|(file, answer)| {
        let path = printable(&file.path.to_string_lossy()).into_owned();
        match answer.device {
            Ok(_) => fact("socket", format!("{path}: answers"), None),
            Err(fault) => {
                let is_denied = matches!(fault, userspace::Fault::Denied);
                let help = is_denied.then(|| grant("CAP_DAC_OVERRIDE"));
                fact("socket", format!("{path}: {fault}"), help.as_deref())
            }
        }
    });
    told.collect()
}
