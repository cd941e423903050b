//! Reports what wgstat can and cannot read, and what would let it read more, for `check -v`.

use std::fs;
use std::path::Path;

use rustix::thread::{CapabilitySet, capabilities};

use super::name_files::UnreadableFile;
use super::netns::{self, Namespace, NetnsSelector};
use super::proc;
use super::userspace::{self, query_all, socket_files};
use crate::model::{AccessNote, Problem, printable};

/// Returns the notes for the calling thread's network namespace.
#[must_use]
pub fn access_notes(unreadable: &[UnreadableFile]) -> Vec<AccessNote> {
    let mut notes = vec![kernel()];
    notes.extend(privileges());
    notes.extend(namespaces());
    notes.extend(sockets());
    notes.extend(unreadable.iter().map(|file| note_of_problem("names", file.problem())));
    notes
}

/// Returns a note, with a hint if wgstat could read more.
fn note(topic: &'static str, text: impl Into<String>, hint: Option<&str>) -> AccessNote {
    AccessNote { topic, text: text.into(), hint: hint.map(str::to_owned) }
}

/// Returns a note with the words of a Problem.
fn note_of_problem(topic: &'static str, problem: Problem) -> AccessNote {
    AccessNote { topic, text: problem.message, hint: problem.hint }
}

/// Reports the kernel's release and its WireGuard driver.
fn kernel() -> AccessNote {
    let name = rustix::system::uname();
    let release = printable(&name.release().to_string_lossy()).into_owned();
    if Path::new("/sys/module/wireguard").exists() {
        let version = fs::read_to_string("/sys/module/wireguard/version").unwrap_or_default();
        let version = if version.is_empty() { String::new() } else { format!(" {}", printable(version.trim())) };
        return note("kernel", format!("Linux {release}, WireGuard driver{version} loaded"), None);
    }
    if proc::has_wireguard() {
        let text = format!("Linux {release}, WireGuard driver not loaded; the first interface loads it");
        return note("kernel", text, None);
    }
    let hint = "install the modules of this kernel, or use a userspace daemon";
    note("kernel", format!("Linux {release}, no WireGuard driver"), Some(hint))
}

/// Lists the capabilities with their names and purposes.
const NEEDED: [(CapabilitySet, &str, &str); 5] = [
    (CapabilitySet::NET_ADMIN, "CAP_NET_ADMIN", "to read the peers of kernel interfaces"),
    (CapabilitySet::DAC_OVERRIDE, "CAP_DAC_OVERRIDE", "to query userspace daemons, whose sockets are owned by root"),
    (CapabilitySet::SYS_ADMIN, "CAP_SYS_ADMIN", "to enter other network namespaces (--netns)"),
    (CapabilitySet::SYS_PTRACE, "CAP_SYS_PTRACE", "to find the namespaces of other users' processes (--netns all)"),
    (CapabilitySet::DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", "to read names in files that are owned by root"),
];

/// Reports the capabilities of this process, and a user namespace that limits them.
fn privileges() -> Vec<AccessNote> {
    // The call cannot fail for the calling thread itself.
    let own = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    let mut notes: Vec<AccessNote> = NEEDED
        .into_iter()
        .map(|(capability, name, purpose)| {
            if own.contains(capability) {
                return note("privilege", format!("{name}, {purpose}: yes"), None);
            }
            note("privilege", format!("{name}, {purpose}: no"), Some(&how_to_grant(name)))
        })
        .collect();
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let is_initial = map.split_ascii_whitespace().eq(["0", "0", "4294967295"]);
    if !map.is_empty() && !is_initial {
        let text = "in a user namespace: capabilities apply only to network namespaces created in it";
        notes.push(note("privilege", text, Some("run it outside, where the tunnels were created")));
    }
    notes
}

/// Returns how to grant a capability in the environment of this process.
fn how_to_grant(capability: &str) -> String {
    let is_container = ["/.dockerenv", "/run/.containerenv"].into_iter().any(|mark| Path::new(mark).exists());
    let option = capability.strip_prefix("CAP_").unwrap_or(capability);
    if is_container {
        format!("start the container with --cap-add {option}, and --network host to see the host's tunnels")
    } else {
        format!("run it with sudo; as a service AmbientCapabilities={capability}; in a container --cap-add {option}")
    }
}

/// Maximum number of namespaces that are listed one by one.
const MAX_LISTED: usize = 20;

/// Reports the network namespaces that exist and those that can be entered.
fn namespaces() -> Vec<AccessNote> {
    let found = netns::find(&[NetnsSelector::All]).unwrap_or_default();
    let (own, others): (Vec<&Namespace>, Vec<&Namespace>) =
        found.namespaces.iter().partition(|namespace| namespace.is_own());
    let own = own.first().map_or("an unknown network namespace", |namespace| namespace.label.as_str());
    let own = printable(own);
    let mut notes = vec![match others.len() {
        0 => note("namespace", format!("runs in {own}, no other is visible"), None),
        1 => note("namespace", format!("runs in {own}, one other is visible"), Some(OTHER_NAMESPACES)),
        more => note("namespace", format!("runs in {own}, {more} others are visible"), Some(OTHER_NAMESPACES)),
    }];
    for namespace in others.iter().take(MAX_LISTED) {
        notes.push(match namespace.run_in(|| ()) {
            Ok(()) => note("namespace", format!("{}: can be entered", printable(&namespace.label)), None),
            Err(problem) => note_of_problem("namespace", problem),
        });
    }
    if let Some(more) = others.len().checked_sub(MAX_LISTED).filter(|&more| more > 0) {
        notes.push(note("namespace", format!("and {more} more"), None));
    }
    notes.extend(found.problems.into_iter().map(|problem| note_of_problem("namespace", problem)));
    notes
}

const OTHER_NAMESPACES: &str = "use --netns NAME, or --netns all to include those of containers";

/// Reports which userspace daemons reply.
fn sockets() -> Vec<AccessNote> {
    let files = match socket_files(Path::new(userspace::DIRECTORY)) {
        Ok(files) => files,
        Err(error) => {
            let text = format!("{}: cannot list userspace daemons: {error}", userspace::DIRECTORY);
            return vec![note("socket", text, Some(&how_to_grant("CAP_DAC_OVERRIDE")))];
        }
    };
    if files.is_empty() {
        return vec![note("socket", format!("no userspace daemon in {}", userspace::DIRECTORY), None)];
    }
    let replies = query_all(&files, true, 0);
    let notes = files.iter().zip(replies).map(|(file, reply)| {
        let path = printable(&file.path.to_string_lossy()).into_owned();
        match reply.device {
            Ok(_) => note("socket", format!("{path}: replies"), None),
            Err(error) => {
                let is_denied = matches!(error, userspace::Error::Denied);
                let hint = is_denied.then(|| how_to_grant("CAP_DAC_OVERRIDE"));
                note("socket", format!("{path}: {error}"), hint.as_deref())
            }
        }
    });
    notes.collect()
}
