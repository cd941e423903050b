//! Applies the recipes of `docs/architecture.md` to a copy of the project, builds it, runs its unit tests, and checks what each
//! recipe adds. The document shows parts of the patches.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::markdown::{Document, root};
use crate::common;
use crate::lab::lab;

const RECIPES: [&str; 6] = [
    "add-counter.patch",
    "add-rule.patch",
    "add-output.patch",
    "add-family.patch",
    "add-command.patch",
    "add-names.patch",
];

fn patch_path(name: &str) -> PathBuf {
    root().join("docs/examples").join(name)
}

fn output_text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// Copies the sources without the integration tests. The directory is always the same: in another one, cargo would take them
/// for another package, and build artifacts would pile up.
fn copy(target: &Path) -> PathBuf {
    let folder = target.join("project");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    let copied = Command::new("cp")
        .arg("-r")
        .args(["src", "lab", "docs", "man", "packaging", "completions", "Cargo.lock", ".cargo", "clippy.toml"])
        .arg(&folder)
        .current_dir(root())
        .status()
        .unwrap();
    assert!(copied.success());
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let kept: Vec<&str> = manifest.split("\n\n").filter(|part| !part.starts_with("[[test]]")).collect();
    fs::write(folder.join("Cargo.toml"), kept.join("\n\n")).unwrap();
    // With an integration test, cargo builds the program too, from the dependencies of a test build.
    fs::create_dir(folder.join("tests")).unwrap();
    fs::write(folder.join("tests/none.rs"), "").unwrap();
    folder
}

fn apply(folder: &Path, name: &str, words: &[&str]) {
    let output = Command::new("git")
        .arg("apply")
        .args(words)
        .arg(patch_path(name))
        .current_dir(folder)
        .env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{name}: {}", output_text(&output));
}

/// Returns a target directory with the dependencies of this build.
fn built_dependencies() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let profile = own.ancestors().nth(2).unwrap();
    let target = profile.parent().unwrap().join("recipes");
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    if fs::read_to_string(target.join("Cargo.lock")).is_ok_and(|seeded| seeded == lock) {
        return target;
    }
    let script = r#"set -e
        rm -rf "$2"; mkdir -p "$2/debug/deps"
        cp -a "$1/.fingerprint" "$1/build" "$2/debug/"
        find "$1/deps" -maxdepth 1 -type f ! -name '*wgstat-*' ! -name 'suite-*' ! -name 'kernel-*' ! -name 'bench-*' ! -name 'lab-*' \
            -exec cp -al -t "$2/debug/deps" {} +"#;
    let seeded = Command::new("sh").args(["-c", script, "seed"]).args([profile, &target]).status().unwrap();
    assert!(seeded.success());
    fs::write(target.join("Cargo.lock"), lock).unwrap();
    target
}

#[test]
fn recipes_work() {
    let target = built_dependencies();
    let folder = copy(&target);
    for name in RECIPES {
        apply(&folder, name, &["--check"]);
    }
    for name in RECIPES {
        apply(&folder, name, &[]);
    }
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["test", "--quiet", "--locked", "--offline", "--lib", "--test", "none"])
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", &target)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", output_text(&output));

    let run = |words: &str| {
        let mut command = lab(&["--backend", "wireguard-go", "timeout", "60", "sh", "-c", &format!("$WGSTAT {words}")]);
        let output = command.env("WGSTAT", target.join("debug/wgstat")).output().unwrap();
        assert!(output.status.success(), "{words}: {}", output_text(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let status: serde_json::Value = serde_json::from_str(&run("status wg1 --json")).unwrap();
    let detail = &status["networks"][0]["interface_stats_detail"];
    assert_eq!(detail.get("rx_example"), Some(&serde_json::Value::Null), "this kernel does not send it: {detail}");
    let words =
        "check wg1 --json; wg set wg1 peer $(wg show wg1 peers) allowed-ips 0.0.0.0/0 && $WGSTAT check wg1 --json";
    let checks = run(words);
    let found: Vec<Vec<String>> = checks.lines().map(findings).collect();
    assert_eq!(found, [vec![], vec!["peer_takes_the_rest".to_owned()]], "without and with such a peer");
    let csv = run("status --csv");
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines[0],
        "interface,rx_bytes,tx_bytes,rx_packets,tx_packets,rx_errors,tx_errors,rx_dropped,tx_dropped,multicast"
    );
    assert!(lines.len() == 3 && lines[1].starts_with("wg0,") && lines[2].starts_with("wg1,"), "{csv}");

    assert!(run("export-metrics").contains("\nwg_interface_rx_nohandler_total{network=\"wg0\",interface=\"wg0\"} 0\n"));
    assert_eq!(run("interfaces"), "wg0\nwg1\n");
    let words = "interfaces >/dev/null; mkdir -p /run/example/wireguard
        printf '# dave\n[Peer]\nPublicKey = %s\n' $(wg show wg1 peers) > /run/example/wireguard/wg1.conf
        $WGSTAT status wg1 --json";
    let named: serde_json::Value = serde_json::from_str(&run(words)).unwrap();
    assert_eq!(named["networks"][0]["peers"][0]["name"], "dave");

    // The published schema rejects the counter. The generated one has it.
    let refused = std::panic::catch_unwind(|| common::document(run("status wg1 --json").as_bytes()));
    assert!(refused.is_err());
    let schemas = folder.join("fresh");
    let output = Command::new(target.join("debug/wgstat")).args(["generate", "schema"]).arg(&schemas).output().unwrap();
    assert!(output.status.success());
    assert!(fs::read_to_string(schemas.join("status.json")).unwrap().contains("\"rx_example\""));
}

fn findings(document: &str) -> Vec<String> {
    let document: serde_json::Value = serde_json::from_str(document).unwrap();
    document["findings"].as_array().unwrap().iter().map(|found| found["id"].as_str().unwrap().to_owned()).collect()
}

/// A newcomer's small change stays small.
#[test]
fn metric_family_of_an_existing_counter_changes_at_most_four_files() {
    let patch = fs::read_to_string(patch_path("add-family.patch")).unwrap();
    let files = patch.lines().filter(|line| line.starts_with("diff --git ")).count();
    assert!((1..=4).contains(&files), "{files} files");
}

#[test]
fn document_shows_parts_of_every_patch() {
    let document = Document::read("docs/architecture.md");
    let patches = RECIPES.map(|name| fs::read_to_string(patch_path(name)).unwrap());
    let shown: Vec<&str> =
        document.blocks.iter().filter(|block| block.language == "diff").map(|block| block.text.as_str()).collect();
    for block in &shown {
        assert!(patches.iter().any(|patch| patch.contains(block)), "in no patch:\n{block}");
    }
    for (name, patch) in RECIPES.iter().zip(&patches) {
        assert!(shown.iter().any(|block| patch.contains(block)), "nothing of {name} is shown");
        assert!(document.links.iter().any(|link| link.target == format!("examples/{name}")), "{name} is not linked");
    }
}
