//! Checks links to files, headings, manual pages and known hosts. It does not use the network.

use std::collections::HashMap;

use regex::Regex;

use super::markdown::{Document, root};

/// The hosts that links may lead to.
const HOSTS: [&str; 6] =
    ["127.0.0.1:9586", "keepachangelog.com", "prometheus.io", "rustup.rs", "semver.org", "www.wireguard.com"];
/// Manual pages of other packages that the texts name.
const MANUALS_OF_OTHERS: [&str; 10] = [
    "wg(8)",
    "wg-quick(8)",
    "ip(8)",
    "ip-link(8)",
    "ip-route(8)",
    "rg(1)",
    "curl(1)",
    "man(7)",
    "systemd.exec(5)",
    "capabilities(7)",
];

#[test]
fn every_link_leads_somewhere() {
    let documents = Document::all();
    let anchors: HashMap<&str, &[String]> =
        documents.iter().map(|document| (document.path.as_str(), document.anchors.as_slice())).collect();
    for document in &documents {
        for link in &document.links {
            let location = format!("{}:{}: {}", document.path, link.line, link.target);
            if let Some((scheme, rest)) = link.target.split_once("://") {
                let host = rest.split('/').next().unwrap();
                assert!(HOSTS.contains(&host), "{location}: whose is it?");
                assert!(scheme == "https" || host.starts_with("127."), "{location}");
                continue;
            }
            let (path, anchor) = link.target.split_once('#').unwrap_or((&link.target, ""));
            let folder = document.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let path = if path.is_empty() { document.path.clone() } else { joined(folder, path) };
            assert!(root().join(&path).exists(), "{location}: there is no {path}");
            if !anchor.is_empty() {
                let known = anchors.get(path.as_str()).unwrap_or_else(|| panic!("{location}: {path} has no headings"));
                assert!(known.iter().any(|known| known == anchor), "{location}: no such heading; it has {known:?}");
            }
        }
    }
}

/// Returns a path relative to a directory, without `..`.
fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part == ".." {
            parts.pop().expect("it leaves the project");
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

#[test]
fn every_manual_page_that_is_named_exists() {
    let name = Regex::new(r"\b([a-z][a-z0-9.-]*)\(([1-8])\)").unwrap();
    for document in Document::all() {
        for found in name.captures_iter(&document.text) {
            let is_ours = root().join(format!("man/{}.{}", &found[1], &found[2])).exists();
            assert!(is_ours || MANUALS_OF_OTHERS.contains(&&found[0]), "{}: {}", document.path, &found[0]);
        }
    }
}

/// Every finding has a section in the manual.
#[test]
fn every_section_that_findings_name_exists() {
    let manual = std::fs::read_to_string(root().join("man/wgstat-check.1")).unwrap().replace('\\', "");
    for id in wgstat::findings::RuleId::ALL {
        assert!(manual.contains(&format!("fB{id}fR")) || manual.contains(&format!(".SS {id}")), "{id}");
    }
}
