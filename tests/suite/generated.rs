//! Tests that committed generated files are up to date, and that Cargo.toml's claims about dependencies hold.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::lab::wgstat;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn names(directory: &Path) -> BTreeSet<String> {
    std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn committed_files_are_freshly_generated() {
    for (artifact, committed) in [
        ("man", "man"),
        ("completions", "completions"),
        ("schema", "docs/schema"),
        ("alert-rules", "packaging/prometheus"),
        ("dashboard", "packaging/grafana"),
    ] {
        let fresh = tempfile::tempdir().unwrap();
        let output = Command::new(wgstat()).args(["generate", artifact]).arg(fresh.path()).output().unwrap();
        assert!(output.status.success());
        assert_eq!(names(fresh.path()), names(&root().join(committed)), "{committed}/");
        for name in names(fresh.path()) {
            let now = std::fs::read_to_string(fresh.path().join(&name)).unwrap();
            assert!(now == read(&format!("{committed}/{name}")), "{committed}/{name}: run wgstat generate {artifact}");
        }
    }
    // `config` has no directory of its own.
    let fresh = tempfile::tempdir().unwrap();
    let written = Command::new(wgstat()).args(["generate", "config"]).arg(fresh.path()).output().unwrap();
    let printed = Command::new(wgstat()).args(["generate", "config"]).output().unwrap();
    assert!(written.status.success() && printed.status.success());
    let committed = read("packaging/wgstat.toml");
    assert!(String::from_utf8_lossy(&printed.stdout) == committed, "run wgstat generate config packaging");
    assert_eq!(names(fresh.path()), ["wgstat.toml".to_owned()].into());
    assert_eq!(std::fs::read_to_string(fresh.path().join("wgstat.toml")).unwrap(), committed);
}

#[test]
fn minimum_rust_version_covers_every_dependency() {
    let output = Command::new(env!("CARGO"))
        // The crates of other platforms are not downloaded.
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let version = |text: &str| -> Vec<u32> {
        text.split('.').chain(["0", "0"]).take(3).map(|part| part.parse().unwrap()).collect()
    };
    let packages = metadata["packages"].as_array().unwrap();
    let ours = packages.iter().find(|package| package["name"] == "wgstat").unwrap()["rust_version"].as_str().unwrap();
    for package in packages {
        if let Some(theirs) = package["rust_version"].as_str() {
            assert!(version(theirs) <= version(ours), "{} needs Rust {theirs}", package["name"]);
        }
    }
}

#[test]
fn every_netlink_crate_is_there_once() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--duplicates", "--edges", "normal", "--offline", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success());
    let tree = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!tree.lines().any(|line| line.starts_with("netlink")), "{tree}");
}

#[test]
fn documents_name_no_path_of_a_machine() {
    let forbidden = ["/home/", "/root/"];
    for file in ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/decisions.md", "Cargo.toml"] {
        let text = read(file);
        for word in forbidden {
            assert!(!text.contains(word), "{file}: {word}");
        }
    }
}
