//! Compares tables of facts with the program: meanings of counters, metric families, keys of documents.
//! `WGSTAT_GOLDEN=write cargo test --test suite documents::facts` writes those of counters.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::ops::Range;

use regex::Regex;
use serde_json::{Map, Value};
use wgstat::findings::counters::{Meaning, blind_spots, meaning};
use wgstat::http;
use wgstat::model::{Backend, Code, Counter};

use super::markdown::root;
use crate::lab::in_lab;
use crate::serve::client::Server;

const COUNTERS: &str = "docs/counters.md";
const METRICS: &str = "docs/metrics.md";
const HTTP: &str = "docs/http.md";
const JSON: &str = "docs/json.md";

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the first table below a heading.
fn table<'a>(path: &str, text: &'a str, heading: &str) -> &'a str {
    &text[place_of_table(path, text, heading)]
}

fn place_of_table(path: &str, text: &str, heading: &str) -> Range<usize> {
    let start = text.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("{path}: no {heading:?}"));
    let start = start + text[start..].find("\n|").unwrap_or_else(|| panic!("{path}: no table below {heading:?}")) + 1;
    let end = text[start..].find("\n\n").map_or(text.len(), |end| start + end + 1);
    start..end
}

/// Returns the cells of each row below the header of a table.
fn rows(table: &str) -> Vec<Vec<&str>> {
    let bare = table.lines().skip(2).map(|row| row.strip_prefix('|').and_then(|row| row.strip_suffix('|')).unwrap());
    bare.map(|row| row.split('|').map(str::trim).collect()).collect()
}

/// Returns the text between backquotes.
fn names(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Returns the table of the meanings of counters. Counters with the same meaning share a row.
fn meanings(backend: Backend) -> String {
    let mut rows: Vec<(Vec<&str>, Meaning)> = Vec::new();
    for counter in Counter::MAIN.into_iter().chain(Counter::detail()) {
        let meaning = meaning(counter, backend);
        match rows.iter_mut().find(|(_, other)| *other == meaning) {
            Some((counters, _)) => counters.push(counter.name()),
            None => rows.push((vec![counter.name()], meaning)),
        }
    }
    let mut table = "| counter | counts | does not mean | fix |\n|---|---|---|---|\n".to_owned();
    for (counters, Meaning { means, misreading, remedy }) in rows {
        let counters: Vec<String> = counters.iter().map(|name| format!("`{name}`")).collect();
        let cells = [&counters.join(" "), means, misreading.unwrap_or_default(), remedy.unwrap_or_default()];
        writeln!(table, "| {} |", cells.join(" | ")).unwrap();
    }
    table
}

/// Returns the table of the blind spots of a backend.
fn blind_spot_table(backend: Backend) -> String {
    let mut table = "| fault | command that shows it |\n|---|---|\n".to_owned();
    for spot in blind_spots(backend) {
        writeln!(table, "| {} | `{}` |", spot.fault, spot.command).unwrap();
    }
    table
}

#[test]
fn tables_of_counters_match_the_program() {
    let mut text = read(COUNTERS);
    for (heading, fresh) in [
        ("## On kernel WireGuard", meanings(Backend::Kernel)),
        ("## On a userspace daemon", meanings(Backend::Userspace)),
        ("### On the kernel", blind_spot_table(Backend::Kernel)),
        ("### In a daemon", blind_spot_table(Backend::Userspace)),
    ] {
        let place = place_of_table(COUNTERS, &text, heading);
        if std::env::var_os("WGSTAT_GOLDEN").is_some_and(|value| value == "write") {
            text.replace_range(place, &fresh);
            fs::write(root().join(COUNTERS), &text).unwrap();
        } else {
            assert_eq!(text[place], fresh, "{COUNTERS}, {heading}");
        }
    }
}

/// The type and the labels of each family.
type Families = BTreeMap<String, (String, BTreeSet<String>)>;

fn families(exposition: &str, into: &mut Families) {
    let label = Regex::new(r#"[{,]([a-z_]+)=""#).unwrap();
    let mut family = String::new();
    for line in exposition.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' ')) {
            name.clone_into(&mut family);
            kind.clone_into(&mut into.entry(family.clone()).or_default().0);
        } else if !line.starts_with('#') && !line.is_empty() {
            let labels = line.find('{').map_or("", |start| &line[start..]);
            let labels = label.captures_iter(labels).map(|found| found[1].to_owned());
            into.get_mut(&family).unwrap().1.extend(labels);
        }
    }
}

/// The tables of families, with the prefixes of their names.
const FAMILIES: [(&str, &[&str]); 6] = [
    ("## Interfaces", &["wg_interface_"]),
    ("## Peers", &["wg_peer_"]),
    ("## Findings and wgstat itself", &["wg_finding", "wg_scrape_", "wgstat_build_info"]),
    ("## The server", &["wgstat_http_"]),
    ("### mindflavor", &["wireguard_sent", "wireguard_received", "wireguard_latest"]),
    ("### mdlayher", &["wireguard_device", "wireguard_peer"]),
];

#[test]
fn tables_of_metrics_match_the_exposition() {
    let mut exposed = Families::new();
    // The recording of a kernel with faults has families that the lab has no sample of.
    for exposition in ["faults.prom", "faults.mindflavor.prom", "faults.mdlayher.prom"] {
        families(&read(&format!("tests/golden/{exposition}")), &mut exposed);
    }
    for words in ["", "--compat mindflavor", "--compat mdlayher --peer-endpoints"] {
        let output = in_lab("boringtun", &format!("$WGSTAT export-metrics {words}"));
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
        families(std::str::from_utf8(&output.stdout).unwrap(), &mut exposed);
    }
    let server = Server::start(&[]);
    families(&server.get("/metrics").text(), &mut exposed);
    server.stop();

    let text = read(METRICS);
    let mut written = Families::new();
    for (heading, starts) in FAMILIES {
        for row in rows(table(METRICS, &text, heading)) {
            assert!(row.len() == 5 && !row[3].is_empty(), "{METRICS}: {row:?}");
            for name in names(row[0]) {
                assert!(starts.iter().any(|start| name.starts_with(start)), "{METRICS}: {name} below {heading}");
                let labels = names(row[2]).into_iter().map(str::to_owned).collect();
                assert!(written.insert(name.to_owned(), (row[1].to_owned(), labels)).is_none(), "twice: {name}");
            }
        }
    }
    for (name, family) in &exposed {
        assert_eq!(written.get(name), Some(family), "{METRICS}: {name}");
    }
    let unknown: Vec<&String> = written.keys().filter(|name| !exposed.contains_key(*name)).collect();
    assert!(unknown.is_empty(), "{METRICS} has families that nothing exposes: {unknown:?}");
}

/// Returns whether a table of metrics has the family of this series.
pub(super) fn has_series(series: &str) -> bool {
    let text = read(METRICS);
    let family = ["_bucket", "_sum", "_count"].iter().find_map(|ending| series.strip_suffix(ending)).unwrap_or(series);
    FAMILIES
        .iter()
        .any(|(heading, _)| rows(table(METRICS, &text, heading)).iter().any(|row| names(row[0]).contains(&family)))
}

/// Returns the type of a key, in words.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.trim_start_matches("#/$defs/");
        return if name == "PublicKey" { "string".to_owned() } else { format!("[{name}](#{})", name.to_lowercase()) };
    }
    if let Some(either) = schema["anyOf"].as_array() {
        return either.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let of = |name: &str| match name {
        "array" => format!("array of {}", kind(&schema["items"])),
        name => name.to_owned(),
    };
    match &schema["type"] {
        Value::String(name) => of(name),
        Value::Array(names) => names.iter().map(|name| of(name.as_str().unwrap())).collect::<Vec<_>>().join(" or "),
        _ => panic!("a key without a type: {schema}"),
    }
}

fn keys(properties: &Map<String, Value>) -> BTreeMap<String, String> {
    properties.iter().map(|(key, schema)| (key.clone(), kind(schema))).collect()
}

#[test]
fn tables_of_keys_match_the_schema() {
    let text = read(JSON);
    let mut parts: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for name in ["status", "sample", "event", "check", "history", "health", "error"] {
        let schema: Value = serde_json::from_str(&read(&format!("docs/schema/{name}.json"))).unwrap();
        if let Some(properties) = schema["properties"].as_object() {
            parts.insert(format!("## {name}"), keys(properties));
        }
        for (part, schema) in schema["$defs"].as_object().into_iter().flatten() {
            if let Some(properties) = schema["properties"].as_object() {
                let (heading, fresh) = (format!("### {part}"), keys(properties));
                let known = parts.insert(heading, fresh.clone());
                assert!(known.is_none_or(|known| known == fresh), "{part} differs between documents");
            }
        }
    }
    for (heading, expected) in &parts {
        let mut written = BTreeMap::new();
        for row in rows(table(JSON, &text, heading)) {
            assert!(row.len() == 3 && !row[2].is_empty(), "{JSON}, {heading}: {row:?}");
            written.extend(names(row[0]).into_iter().map(|key| (key.to_owned(), row[1].to_owned())));
        }
        assert_eq!(&written, expected, "{JSON}, {heading}");
    }
}

#[test]
fn codes_match_the_program() {
    let mut fresh = "| code | means |\n|---|---|\n".to_owned();
    for (code, means) in Code::ALL {
        writeln!(fresh, "| `{code}` | {means} |").unwrap();
    }
    assert_eq!(table(JSON, &read(JSON), "## Codes"), fresh);
}

/// Oracle: the server's error for an unknown path names all paths.
#[test]
fn paths_reasons_and_limits_match_the_server() {
    let text = read(HTTP);
    let server = Server::start(&[]);
    let answer = server.get("/nowhere").text();
    server.stop();
    let (_, have) = answer.split_once("(have: ").unwrap();
    let have: Vec<&str> = have.split(')').next().unwrap().split(", ").collect();
    let written: Vec<&str> = rows(table(HTTP, &text, "## Paths")).iter().flat_map(|row| names(row[0])).collect();
    assert_eq!(written, have);

    let mut reasons = "| reason | meaning |\n|---|---|\n".to_owned();
    for (reason, means) in http::REFUSAL_REASONS {
        writeln!(reasons, "| `{reason}` | {means} |").unwrap();
    }
    assert_eq!(table(HTTP, &text, "### Refused requests"), reasons);

    let limits = table(HTTP, &text, "## Limits");
    for (limit, is) in [
        ("concurrent connections", format!("{}, or", http::DEFAULT_MAX_CONNECTIONS)),
        ("request header", format!("{} KiB, and {} fields", http::MAX_HEADER_BYTES / 1024, http::MAX_HEADER_FIELDS)),
        ("time to send the request header", format!("{} s |", http::HEADER_TIMEOUT.as_secs())),
        ("idle time between two requests", format!("{} s |", http::IDLE_TIMEOUT.as_secs())),
        ("time to read the response", format!("{} s |", http::WRITE_TIMEOUT.as_secs())),
        ("time for requests in progress at shutdown", format!("{} s |", http::SHUTDOWN_TIMEOUT.as_secs())),
    ] {
        assert!(limits.contains(&format!("\n| {limit} | {is}")), "{HTTP}: {limit}: {is}");
    }
}
