//! Gives blocks in other formats to the programs that read them, with the files that they name.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;

use super::markdown::{Block, Document};
use super::stage::certificate;
use crate::common;
use crate::lab::wgstat;
use crate::serve::client::Server;
use crate::units;

/// Checks all blocks of a language. `check` gets `PATH:LINE` and the block.
fn each(language: &str, check: impl Fn(&str, &Block)) {
    let mut count = 0;
    for document in Document::all() {
        for block in document.blocks.iter().filter(|block| block.language == language) {
            check(&format!("{}:{}", document.path, block.line), block);
            count += 1;
        }
    }
    assert!(count > 0, "no block is written in {language}: take it out of the list");
}

fn output_text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// Returns a directory with certificate, key and password, and the text with that directory instead of the host's.
fn with_files(text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "vpn.example.org");
    fs::write(folder.path().join("wgstat.password"), "secret").unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    let text = ["/etc/wgstat/", "/etc/prometheus/"]
        .iter()
        .fold(text.to_owned(), |text, of_host| text.replace(of_host, &format!("{path}/")));
    (folder, text)
}

#[test]
fn configurations_are_taken() {
    each("toml", |location, block| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wgstat.toml");
        fs::write(&file, &block.text).unwrap();
        let output = Command::new(wgstat()).arg("--config").arg(&file).output().unwrap();
        // This machine need not have a tunnel.
        assert!(
            !output_text(&output).contains("wgstat.toml:") && output.status.code() != Some(2),
            "{location}: {}",
            output_text(&output)
        );
    });
}

#[test]
fn yaml_is_accepted_by_its_program() {
    each("yaml", |location, block| {
        let (folder, text) = with_files(&block.text);
        let file = folder.path().join("file.yml");
        fs::write(&file, &text).unwrap();
        if text.contains("scrape_configs:") || text.contains("rule_files:") {
            promtool(location, &["check", "config"], &file);
        } else if text.contains("groups:") {
            promtool(location, &["check", "rules"], &file);
        } else if text.contains("tls_server_config:") || text.contains("basic_auth_users:") {
            Server::start(&["--web.config.file", file.to_str().unwrap()]).stop();
        } else {
            panic!("{location}: unknown kind of block");
        }
    });
}

fn promtool(location: &str, words: &[&str], file: &Path) {
    let output = Command::new("promtool").args(words).arg(file).output().expect("promtool: tests/run has it");
    assert!(output.status.success(), "{location}: {}", output_text(&output));
}

/// Every paragraph is a query.
#[test]
fn queries_are_accepted_by_promtool() {
    each("promql", |location, block| {
        let mut rules = "groups:\n- name: documents\n  rules:\n".to_owned();
        for (number, query) in block.text.split("\n\n").enumerate() {
            let lines: Vec<&str> = query.lines().filter(|line| !line.starts_with('#')).collect();
            let query = serde_json::to_string(&lines.join(" ")).unwrap();
            writeln!(rules, "  - record: rule{number}\n    expr: {query}").unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules.yml");
        fs::write(&file, rules).unwrap();
        promtool(location, &["check", "rules"], &file);
        for name in block.text.split(|c: char| !c.is_alphanumeric() && c != '_') {
            let is_ours = ["wg_", "wgstat_", "wireguard_"].iter().any(|start| name.starts_with(start));
            assert!(!is_ours || super::facts::has_series(name), "{location}: nothing exposes {name}");
        }
    });
}

/// systemd reads each as a drop-in of the packaged units.
#[test]
fn drop_ins_are_accepted_by_systemd() {
    each("ini", |location, block| {
        let root = units::installed(&BTreeSet::new());
        let unit = if block.text.contains("[Socket]") { "wgstat.socket" } else { "wgstat.service" };
        let text = block.text.replace("/usr/bin/wgstat", wgstat().to_str().unwrap());
        fs::create_dir_all(root.path().join(format!("{unit}.d"))).unwrap();
        fs::write(root.path().join(format!("{unit}.d/document.conf")), text).unwrap();
        let output = units::analyze(&["verify", "--man=no", "--recursive-errors=no", unit], root.path());
        assert!(output.status.success() && output_text(&output).is_empty(), "{location}: {}", output_text(&output));
    });
}

/// A whole document is validated with its schema too.
#[test]
fn json_is_json() {
    each("json", |location, block| {
        let value: Value = serde_json::from_str(&block.text).unwrap_or_else(|error| panic!("{location}: {error}"));
        if ["type", "error", "uptime_seconds"].iter().any(|key| value.get(key).is_some()) {
            common::document(block.text.as_bytes());
        }
    });
}

/// nginx reads each within a minimal configuration.
#[test]
fn reverse_proxies_are_accepted_by_nginx() {
    each("nginx", |location, block| {
        let (folder, text) = with_files(&block.text);
        let path = folder.path().display();
        // nginx -t opens its listen sockets, and ports of this machine may be in use.
        let text = Regex::new(r"listen \d+").unwrap().replace_all(&text, format!("listen unix:{path}/socket"));
        let text = format!(
            "pid {path}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\nclient_body_temp_path {path}/a;\n\
             proxy_temp_path {path}/b;\nfastcgi_temp_path {path}/c;\nuwsgi_temp_path {path}/d;\nscgi_temp_path {path}/e;\n\
             {text}\n}}\n"
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, text).unwrap();
        let output = Command::new("nginx")
            .args(["-t", "-e", "stderr", "-c"])
            .arg(&file)
            .output()
            .expect("nginx: run the tests by tests/run, which has it");
        assert!(output.status.success(), "{location}: {}", output_text(&output));
    });
}
