//! Tests the systemd units: `systemd-analyze verify` accepts them, and their exposure is the one in the README.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::lab::wgstat;

/// Maximum exposure of `wgstat.service`.
const LIMIT: f64 = 1.5;

/// System calls in a trace of `status`, `check`, `watch` and `export-metrics`, and those of a server with threads.
const CALLS: &str = "access arch_prctl bind brk capget clock_nanosleep clone close execve fchmod fcntl fstat fsync futex \
    getdents64 getegid geteuid getrandom getsockname gettid getsockopt ioctl mmap mprotect munmap newfstatat open openat poll \
    ppoll prctl pread64 prlimit64 read readlink recvfrom recvmsg renameat rseq rt_sigaction rt_sigprocmask sendto \
    set_robust_list set_tid_address setns setsockopt sigaltstack socket stat statx uname unlink write writev \
    accept4 clone3 connect epoll_create1 epoll_ctl epoll_pwait epoll_wait eventfd2 getpeername inotify_add_watch \
    inotify_init1 listen madvise mremap pipe2 sched_getaffinity sched_yield sendmsg shutdown signalfd4 socketpair tgkill \
    timerfd_create timerfd_settime";

/// Returns the directory of the units.
fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/systemd")
}

/// Reads a file of that directory.
fn read(path: impl AsRef<Path>) -> String {
    let path = directory().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the names of the files in a subdirectory that have one of these suffixes.
fn files(subdirectory: &str, suffixes: &[&str]) -> BTreeSet<String> {
    let entries = fs::read_dir(directory().join(subdirectory)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| suffixes.iter().any(|suffix| name.ends_with(suffix))).collect()
}

/// Returns the units.
fn units() -> BTreeSet<String> {
    files("", &[".service", ".socket", ".timer"])
}

/// Returns the drop-ins.
fn drop_ins() -> BTreeSet<String> {
    files("wgstat.service.d", &[".conf"])
}

/// Returns every combination of drop-ins, including none.
fn combinations() -> Vec<BTreeSet<String>> {
    drop_ins().into_iter().fold(vec![BTreeSet::new()], |combinations, name| {
        let with = combinations.iter().cloned().map(|mut combination| {
            combination.insert(name.clone());
            combination
        });
        let with: Vec<_> = with.collect();
        combinations.into_iter().chain(with).collect()
    })
}

/// Copies the units and these drop-ins to a temporary directory, with the path of the tested program.
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

/// Runs systemd-analyze.
pub(crate) fn analyze(arguments: &[&str], units: &Path) -> Output {
    let mut command = Command::new("systemd-analyze");
    command.args(arguments).current_dir(units).env("LC_ALL", "C");
    // The trailing colon adds systemd's own units, which these depend on.
    command.env("SYSTEMD_UNIT_PATH", format!("{}:", units.display()));
    command.output().expect("systemd-analyze from the package systemd")
}

#[test]
fn systemd_accepts_every_unit_with_every_combination_of_drop_ins() {
    for combination in combinations() {
        let root = installed(&combination);
        // Installed manuals and other units of this machine are not tested.
        let mut arguments = vec!["verify", "--man=no", "--recursive-errors=no"];
        let units = units();
        arguments.extend(units.iter().map(String::as_str));
        let output = analyze(&arguments, root.path());
        let printed = [output.stdout, output.stderr].concat();
        assert_eq!(String::from_utf8_lossy(&printed), "", "{combination:?}");
        assert!(output.status.success(), "{combination:?}: {}", output.status);
    }
}

/// Returns the overall exposure of a unit.
fn exposure(unit: &str, drop_ins: &BTreeSet<String>) -> f64 {
    let root = installed(drop_ins);
    // A name without a path would be looked up among the installed units.
    let path = root.path().join(unit);
    let output = analyze(&["security", "--offline=true", "--no-pager", path.to_str().unwrap()], root.path());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (_, level) = text.split_once("Overall exposure level").unwrap_or_else(|| panic!("{unit}: {output:?}"));
    level.split_whitespace().find_map(|word| word.parse().ok()).unwrap_or_else(|| panic!("{unit}: {level}"))
}

/// Parses the README's table of exposures: files and number of each row.
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
fn readme_lists_the_exposure_of_every_combination_of_drop_ins() {
    let version = analyze(&["--version"], &directory());
    // Other versions rate some settings differently.
    let tolerance = if version.stdout.starts_with(b"systemd 252 ") { 0.01 } else { 0.5 };
    let mut table = table();
    let mut compare = |files: BTreeSet<String>, unit: &str, drop_ins: &BTreeSet<String>| {
        let index =
            table.iter().position(|(named, _)| *named == files).unwrap_or_else(|| panic!("no row for {files:?}"));
        let (_, documented) = table.swap_remove(index);
        let exposure = exposure(unit, drop_ins);
        assert!((exposure - documented).abs() < tolerance, "{files:?}: {exposure}, the README says {documented}");
    };
    for combination in combinations() {
        let files = if combination.is_empty() { ["wgstat.service".to_owned()].into() } else { combination.clone() };
        compare(files, "wgstat.service", &combination);
    }
    compare(["wgstat-textfile.service".to_owned()].into(), "wgstat-textfile.service", &BTreeSet::new());
    assert!(table.is_empty(), "rows for missing files: {table:?}");
}

#[test]
fn exposure_is_within_its_limit() {
    let exposure = exposure("wgstat.service", &BTreeSet::new());
    assert!(exposure <= LIMIT, "{exposure}");
}

#[test]
fn readme_lists_every_file_and_no_other() {
    let readme = read("README.md");
    let words = readme.split(|c: char| !(c.is_ascii_alphanumeric() || "-.".contains(c)));
    let is_file = |word: &&str| [".service", ".socket", ".timer", ".conf"].iter().any(|suffix| word.ends_with(suffix));
    let named: BTreeSet<String> = words.filter(is_file).map(str::to_owned).collect();
    let existing: BTreeSet<String> = units().into_iter().chain(drop_ins()).collect();
    assert_eq!(named, existing);
    for name in drop_ins() {
        let text = read(format!("wgstat.service.d/{name}"));
        assert!(text.starts_with("# ") && text.contains("# Costs: "), "{name}");
        assert!(text.contains(&format!("cp {name} /etc/systemd/system/wgstat.service.d/")), "{name}");
    }
}

#[test]
fn documentation_of_every_unit_exists() {
    for unit in units() {
        let text = read(&unit);
        let (_, page) = text.split_once("\nDocumentation=man:").unwrap_or_else(|| panic!("{unit} names none"));
        let page = page.split_once(")\n").unwrap().0.replace('(', ".");
        assert!(directory().join("../../man").join(&page).exists(), "{unit}: man/{page}");
    }
}

/// Returns the system calls of a set (`@NAME`), or the one system call of this name.
fn calls(name: &str) -> BTreeSet<String> {
    if !name.starts_with('@') {
        return [name.to_owned()].into();
    }
    let output = analyze(&["syscall-filter", "--no-pager", name], &directory());
    assert!(output.status.success(), "{name}");
    let text = String::from_utf8(output.stdout).unwrap();
    let members = text.lines().skip(1).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    members.flat_map(calls).collect()
}

#[test]
fn used_system_calls_are_allowed() {
    for unit in units().iter().filter(|unit| unit.ends_with(".service")) {
        // systemd adds this set to every list.
        let mut allowed = calls("@default");
        for list in read(unit).lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
            let (is_removed, sets) = list.strip_prefix('~').map_or((false, list), |sets| (true, sets));
            let named: BTreeSet<String> = sets.split(' ').flat_map(calls).collect();
            allowed = if is_removed { &allowed - &named } else { &allowed | &named };
        }
        let refused: Vec<&str> = CALLS.split_whitespace().filter(|&call| !allowed.contains(call)).collect();
        assert_eq!(refused, [""; 0], "{unit}");
        for call in ["mount", "ptrace", "process_vm_writev", "open_by_handle_at", "init_module", "bpf"] {
            assert!(!allowed.contains(call), "{unit}: {call}");
        }
    }
}

/// If `RootDirectory=` were visible inside itself, the files there would not be read-only.
#[test]
fn root_directory_is_not_visible_inside_itself() {
    let mut found = 0;
    let drop_ins = drop_ins().into_iter().map(|name| format!("wgstat.service.d/{name}"));
    for name in units().into_iter().chain(drop_ins) {
        let text = read(&name);
        let Some(root) = text.lines().find_map(|line| line.strip_prefix("RootDirectory=")) else { continue };
        let line = |wanted: &str| assert!(text.lines().any(|line| line == wanted), "{name}: {wanted}");
        line(&format!("RuntimeDirectory={}", root.strip_prefix("/run/").unwrap()));
        line(&format!("InaccessiblePaths=-+{root}"));
        // systemd ignores TemporaryFileSystem=/ with ProtectSystem=strict.
        assert!(!text.contains("\nTemporaryFileSystem="), "{name}");
        found += 1;
    }
    assert_eq!(found, 3);
}
