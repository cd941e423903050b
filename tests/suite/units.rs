//! The systemd units: that systemd takes them without a word, what it thinks of their exposure, and that the README beside
//! them says the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::lab::wgstat;

/// What `wgstat.service` may have at most.
const LIMIT: f64 = 1.5;

/// Calls that a trace of `status`, `check`, `watch` and `export-metrics` shows, and those of a server with threads beside.
const CALLS: &str = "access arch_prctl bind brk capget clock_nanosleep clone close execve fchmod fcntl fstat fsync futex \
    getdents64 getegid geteuid getrandom getsockname gettid getsockopt ioctl mmap mprotect munmap newfstatat open openat poll \
    ppoll prctl pread64 prlimit64 read readlink recvfrom recvmsg renameat rseq rt_sigaction rt_sigprocmask sendto \
    set_robust_list set_tid_address setns setsockopt sigaltstack socket stat statx uname unlink write writev \
    accept4 clone3 connect epoll_create1 epoll_ctl epoll_pwait epoll_wait eventfd2 getpeername inotify_add_watch \
    inotify_init1 listen madvise mremap pipe2 sched_getaffinity sched_yield sendmsg shutdown signalfd4 socketpair tgkill \
    timerfd_create timerfd_settime";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/systemd")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = folder().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Files below a folder of the units' with one of these endings, by name.
fn files(below: &str, endings: &[&str]) -> BTreeSet<String> {
    let entries = fs::read_dir(folder().join(below)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| endings.iter().any(|ending| name.ends_with(ending))).collect()
}

fn units() -> BTreeSet<String> {
    files("", &[".service", ".socket", ".timer"])
}

fn drop_ins() -> BTreeSet<String> {
    files("wgstat.service.d", &[".conf"])
}

/// Every choice of drop-ins, none included.
fn choices() -> Vec<BTreeSet<String>> {
    drop_ins().into_iter().fold(vec![BTreeSet::new()], |choices, name| {
        let with = choices.iter().cloned().map(|mut choice| {
            choice.insert(name.clone());
            choice
        });
        let with: Vec<_> = with.collect();
        choices.into_iter().chain(with).collect()
    })
}

/// The units as they would be installed, with these drop-ins, for a program that is there.
pub(crate) fn installed(drop_ins: &BTreeSet<String>) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("wgstat.service.d")).unwrap();
    let drop_ins = drop_ins.iter().map(|name| format!("wgstat.service.d/{name}"));
    for name in units().into_iter().chain(drop_ins) {
        let text = read(&name).replace("/usr/bin/wgstat", wgstat().to_str().unwrap());
        fs::write(root.path().join(name), text).unwrap();
    }
    root
}

pub(crate) fn analyze(arguments: &[&str], units: &Path) -> Output {
    let mut command = Command::new("systemd-analyze");
    command.args(arguments).current_dir(units).env("LC_ALL", "C");
    // The colon at its end stands for systemd's own units, without which these lack what they depend on.
    command.env("SYSTEMD_UNIT_PATH", format!("{}:", units.display()));
    command.output().expect("systemd-analyze: the package systemd has it")
}

#[test]
fn systemd_takes_every_unit_with_any_drop_ins_without_a_word() {
    for choice in choices() {
        let root = installed(&choice);
        // Whether the manual is installed here is another matter; other units of this machine are, too.
        let mut arguments = vec!["verify", "--man=no", "--recursive-errors=no"];
        let units = units();
        arguments.extend(units.iter().map(String::as_str));
        let output = analyze(&arguments, root.path());
        let said = [output.stdout, output.stderr].concat();
        assert_eq!(String::from_utf8_lossy(&said), "", "{choice:?}");
        assert!(output.status.success(), "{choice:?}: {}", output.status);
    }
}

/// The overall exposure.
fn exposure(unit: &str, drop_ins: &BTreeSet<String>) -> f64 {
    let root = installed(drop_ins);
    // By path: a name alone would be looked up among the units that run here.
    let path = root.path().join(unit);
    let output = analyze(&["security", "--offline=true", "--no-pager", path.to_str().unwrap()], root.path());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (_, level) = text.split_once("Overall exposure level").unwrap_or_else(|| panic!("{unit}: {output:?}"));
    level.split_whitespace().find_map(|word| word.parse().ok()).unwrap_or_else(|| panic!("{unit}: {level}"))
}

/// The lines of the README's table of exposures: the files each names, and the number.
fn table() -> Vec<(BTreeSet<String>, f64)> {
    let readme = read("README.md");
    let (_, table) = readme.split_once("| with | exposure |").unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').collect();
        let files = cells[1].split('`').skip(1).step_by(2).map(str::to_owned).collect();
        (files, cells[2].trim().parse().unwrap_or_else(|_| panic!("{row}")))
    })
    .collect()
}

#[test]
fn readme_has_the_exposure_of_every_choice_of_drop_ins() {
    let version = analyze(&["--version"], &folder());
    // Other versions weigh some settings otherwise.
    let tolerance = if version.stdout.starts_with(b"systemd 252 ") { 0.01 } else { 0.5 };
    let mut table = table();
    let mut compare = |files: BTreeSet<String>, unit: &str, drop_ins: &BTreeSet<String>| {
        let place =
            table.iter().position(|(named, _)| *named == files).unwrap_or_else(|| panic!("no line for {files:?}"));
        let (_, told) = table.swap_remove(place);
        let exposure = exposure(unit, drop_ins);
        assert!((exposure - told).abs() < tolerance, "{files:?}: {exposure}, the README says {told}");
    };
    for choice in choices() {
        let files = if choice.is_empty() { ["wgstat.service".to_owned()].into() } else { choice.clone() };
        compare(files, "wgstat.service", &choice);
    }
    compare(["wgstat-textfile.service".to_owned()].into(), "wgstat-textfile.service", &BTreeSet::new());
    assert!(table.is_empty(), "lines for what is not there: {table:?}");
}

#[test]
fn exposure_is_within_its_limit() {
    let exposure = exposure("wgstat.service", &BTreeSet::new());
    assert!(exposure <= LIMIT, "{exposure}");
}

#[test]
fn readme_names_every_file_and_no_other() {
    let readme = read("README.md");
    let words = readme.split(|c: char| !(c.is_ascii_alphanumeric() || "-.".contains(c)));
    let is_file = |word: &&str| [".service", ".socket", ".timer", ".conf"].iter().any(|ending| word.ends_with(ending));
    let named: BTreeSet<String> = words.filter(is_file).map(str::to_owned).collect();
    let there: BTreeSet<String> = units().into_iter().chain(drop_ins()).collect();
    assert_eq!(named, there);
    for name in drop_ins() {
        let text = read(format!("wgstat.service.d/{name}"));
        assert!(text.starts_with("# ") && text.contains("# Costs: "), "{name}");
        assert!(text.contains(&format!("cp {name} /etc/systemd/system/wgstat.service.d/")), "{name}");
    }
}

#[test]
fn manual_that_a_unit_names_is_there() {
    for unit in units() {
        let text = read(&unit);
        let (_, page) = text.split_once("\nDocumentation=man:").unwrap_or_else(|| panic!("{unit} names none"));
        let page = page.split_once(")\n").unwrap().0.replace('(', ".");
        assert!(folder().join("../../man").join(&page).exists(), "{unit}: man/{page}");
    }
}

/// The calls of a set of systemd's, or the one call of this name.
fn calls(name: &str) -> BTreeSet<String> {
    if !name.starts_with('@') {
        return [name.to_owned()].into();
    }
    let output = analyze(&["syscall-filter", "--no-pager", name], &folder());
    assert!(output.status.success(), "{name}");
    let text = String::from_utf8(output.stdout).unwrap();
    let members = text.lines().skip(1).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    members.flat_map(calls).collect()
}

#[test]
fn calls_that_are_made_are_allowed() {
    for unit in units().iter().filter(|unit| unit.ends_with(".service")) {
        // systemd adds it to every list.
        let mut allowed = calls("@default");
        for list in read(unit).lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
            let (is_taken, sets) = list.strip_prefix('~').map_or((false, list), |sets| (true, sets));
            let named: BTreeSet<String> = sets.split(' ').flat_map(calls).collect();
            allowed = if is_taken { &allowed - &named } else { &allowed | &named };
        }
        let refused: Vec<&str> = CALLS.split_whitespace().filter(|&call| !allowed.contains(call)).collect();
        assert_eq!(refused, [""; 0], "{unit}");
        for call in ["mount", "ptrace", "process_vm_writev", "open_by_handle_at", "init_module", "bpf"] {
            assert!(!allowed.contains(call), "{unit}: {call}");
        }
    }
}

/// A root that is seen in itself is seen there without its read-only mounts: tried, with a file below `/etc/wireguard`.
#[test]
fn root_of_its_own_is_not_seen_in_itself() {
    let mut found = 0;
    let drop_ins = drop_ins().into_iter().map(|name| format!("wgstat.service.d/{name}"));
    for name in units().into_iter().chain(drop_ins) {
        let text = read(&name);
        let Some(root) = text.lines().find_map(|line| line.strip_prefix("RootDirectory=")) else { continue };
        let line = |wanted: &str| assert!(text.lines().any(|line| line == wanted), "{name}: {wanted}");
        line(&format!("RuntimeDirectory={}", root.strip_prefix("/run/").unwrap()));
        line(&format!("InaccessiblePaths=-+{root}"));
        // Beside ProtectSystem=strict it is not what it seems: systemd ignores it.
        assert!(!text.contains("\nTemporaryFileSystem="), "{name}");
        found += 1;
    }
    assert_eq!(found, 3);
}
