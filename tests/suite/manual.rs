//! Tests the man pages: mandoc and man accept them, they are complete, and their examples work.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::CommandFactory as _;
use wgstat::cli::Cli;
use wgstat::config::keys::TABLES;
use wgstat::findings::RuleId;
use wgstat::model::{Code, Counter};

use crate::lab::in_lab;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("man")
}

/// Returns every page by its file name.
fn pages() -> BTreeMap<String, String> {
    let names = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.map(|name| (name.clone(), fs::read_to_string(folder().join(name)).unwrap())).collect()
}

fn page(name: &str) -> String {
    pages().remove(name).unwrap_or_else(|| panic!("man/{name}"))
}

/// Removes escapes and keeps the lines.
fn plain(source: &str) -> String {
    let fonts = ["\\fB", "\\fI", "\\fR", "\\&"].iter().fold(source.to_owned(), |text, font| text.replace(font, ""));
    fonts.replace("\\-", "-").replace("\\~", " ").replace("\\(aq", "'").replace("\\e", "\\")
}

/// Removes escapes and line breaks.
fn prose(source: &str) -> String {
    plain(source).split_whitespace().collect::<Vec<&str>>().join(" ")
}

/// Returns the headings and texts of all sections, in order.
fn sections(source: &str) -> Vec<(String, &str)> {
    let headed = source.split("\n.SH ").skip(1);
    headed.map(|section| section.split_once('\n').unwrap()).map(|(name, text)| (name.replace('"', ""), text)).collect()
}

fn section<'a>(source: &'a str, name: &str) -> &'a str {
    sections(source).into_iter().find(|(heading, _)| heading == name).unwrap_or_else(|| panic!("{name}")).1
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder())
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}: run the tests by tests/run, which has it"));
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn mandoc_and_man_accept_every_page() {
    for name in pages().keys() {
        let warnings = run("mandoc", &["-T", "lint", "-W", "style", name]);
        // The pages have no date: committed pages are compared with generated ones.
        let warnings: Vec<&str> =
            warnings.lines().filter(|line| !line.ends_with("WARNING: missing date, using \"\": TH")).collect();
        assert_eq!(warnings, [""; 0], "{name}");
        let drawn = run("sh", &["-c", &format!("man --warnings -E UTF-8 -l -Tutf8 -Z {name} >/dev/null")]);
        assert_eq!(drawn, "", "{name}");
        // Examples are not broken into lines, so they have to fit.
        let drawn = run("sh", &["-c", &format!("MANWIDTH=80 man -l {name}")]);
        let wide: Vec<&str> = drawn.lines().filter(|line| line.chars().count() > 80).collect();
        assert_eq!(wide, [""; 0], "{name}");
        assert!(drawn.lines().count() > 30 && !drawn.contains('\u{2010}'), "{name}: a word was broken");
        // `whatis` and `apropos` find the page.
        let (title, about) = prose(section(&page(name), "NAME")).split_once(" - ").map(own).unwrap();
        assert_eq!(run("lexgrog", &[name]), format!("{name}: \"{title} - {about}\"\n"));
        assert!(name.starts_with(&title), "{name}");
    }
}

/// Converts both parts to strings.
fn own((first, second): (&str, &str)) -> (String, String) {
    (first.to_owned(), second.to_owned())
}

#[test]
fn every_page_has_its_sections() {
    for (name, source) in pages() {
        let headings: Vec<String> = sections(&source).into_iter().map(|(heading, _)| heading).collect();
        assert_eq!(headings[..3], ["NAME", "SYNOPSIS", "DESCRIPTION"], "{name}");
        assert_eq!(headings.last().unwrap(), "SEE ALSO", "{name}");
        let needed: &[&str] = if name.ends_with(".5") {
            &["KEYS", "EXAMPLE", "ERRORS", "FILES"]
        } else {
            &["OPTIONS", "EXAMPLES", "EXIT STATUS"]
        };
        for needed in needed {
            assert!(headings.iter().any(|heading| heading == needed), "{name}: {needed}");
        }
        assert_eq!(headings.iter().collect::<BTreeSet<_>>().len(), headings.len(), "{name}: duplicate heading");
        let text = prose(&source);
        // Remains of Markdown, of clap and of the templates.
        for stray in ["`", "**", "(see a summary", "Possible values", "<FILE>"] {
            assert!(!text.contains(stray), "{name}: {stray}");
        }
    }
}

#[test]
fn references_between_pages_are_valid() {
    let pages = pages();
    let of_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    for (name, source) in &pages {
        let text = prose(source);
        for (at, _) in text.match_indices('(') {
            let word = text[..at].rsplit(|c| !of_name(c)).next().unwrap();
            let digit = text[at..].chars().nth(1).filter(|_| text[at..].chars().nth(2) == Some(')'));
            if let Some(digit) = digit.filter(|digit| word.starts_with("wgstat") && digit.is_ascii_digit()) {
                assert!(pages.contains_key(&format!("{word}.{digit}")), "{name}: {word}({digit})");
            }
        }
        let see = prose(section(source, "SEE ALSO"));
        assert!(name == "wgstat.1" || see.contains("wgstat(1)"), "{name}: {see}");
    }
    let see = prose(section(&pages["wgstat.1"], "SEE ALSO"));
    for name in pages.keys().filter(|name| *name != "wgstat.1") {
        let (page, number) = name.rsplit_once('.').unwrap();
        assert!(see.contains(&format!("{page}({number})")), "{name}");
    }
}

#[test]
fn synopsis_and_options_name_every_flag_with_its_value() {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    for command in std::iter::once(&command).chain(command.get_subcommands()) {
        let is_whole = command.get_name() == "wgstat";
        let name = if is_whole { "wgstat.1".to_owned() } else { format!("wgstat-{}.1", command.get_name()) };
        let source = page(&name);
        let (synopsis, options) = (prose(section(&source, "SYNOPSIS")), section(&source, "OPTIONS"));
        for arg in command.get_arguments() {
            let value = arg.get_value_names().filter(|_| arg.get_action().takes_values()).unwrap_or_default();
            let value = value.iter().map(ToString::to_string).collect::<String>();
            let word = match arg.get_long() {
                Some(long) => format!("--{long} {value}"),
                None => value,
            };
            let word = word.trim_end();
            let terms = options.lines().map(plain);
            assert!(
                terms.into_iter().any(|line| line == word || line.ends_with(&format!(", {word}"))),
                "{name}: {word}"
            );
            if arg.get_help_heading() != Some("Global options") && !is_whole && word != "--help" {
                assert!(synopsis.contains(word), "{name}: {word}: {synopsis}");
            }
        }
    }
}

#[test]
fn every_code_counter_finding_and_key_is_named() {
    let (whole, check) = (page("wgstat.1"), page("wgstat-check.1"));
    let has = |source: &str, heading: &str, term: &str| {
        let section = section(source, heading);
        section
            .lines()
            .map(plain)
            .any(|line| line.split(", ").any(|name| name == term || name == format!(".SS {term}")))
    };
    for (code, _) in Code::ALL {
        assert!(has(&whole, "ERRORS", code.as_str()), "{code}");
    }
    for counter in Counter::ALL {
        assert!(has(&whole, "COUNTERS", counter.name()), "{}", counter.name());
    }
    for id in RuleId::ALL {
        assert!(has(&check, "FINDINGS", id.as_str()), "{id}");
    }
    let source = page("wgstat.toml.5");
    for table in TABLES {
        let section = section(&source, "KEYS").split(".SS ").find(|section| prose(section).contains(table.meaning));
        let section = section.expect(table.root);
        for key in table.keys {
            assert!(section.contains(&format!(".TP\n\\fB{}\\fR\n", key.name)), "{}", key.name);
            let text = prose(section);
            assert!(text.contains(key.meaning) && text.contains(&key.kind.to_string()), "{}", key.name);
        }
    }
}

#[test]
fn every_event_is_named_and_its_keys() {
    let source = page("wgstat-watch.1");
    let events = section(&source, "EVENTS");
    let schema = fs::read_to_string(folder().join("../docs/schema/event.json")).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let properties = schema["properties"].as_object().unwrap();
    let types = properties["type"]["enum"].as_array().unwrap();
    for name in types {
        assert!(events.contains(&format!(".TP\n\\fB{}\\fR\n", name.as_str().unwrap())), "{name}");
    }
    assert_eq!(events.matches(".TP\n").count(), types.len());
    let words: BTreeSet<&str> = events.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    for key in properties.keys() {
        assert!(words.contains(key.as_str()), "{key}");
    }
}

/// Compares the pages with the metrics of a running server: names, types, help texts and labels.
#[test]
fn every_metric_is_named_with_its_type_and_labels() {
    let script = "for compat in mindflavor mdlayher; do $WGSTAT export-metrics --compat $compat; done
        $WGSTAT serve --listen unix:/run/s.sock 2>/dev/null &
        for n in $(seq 500); do [ -S /run/s.sock ] && break; sleep 0.02; done
        curl -s --unix-socket /run/s.sock http://localhost/ >/dev/null
        curl -s --unix-socket /run/s.sock http://localhost/metrics";
    let exposed = String::from_utf8(in_lab("boringtun", script).stdout).unwrap();
    let (metrics, serve) = (page("wgstat-export-metrics.1"), page("wgstat-serve.1"));
    let listed = [section(&metrics, "METRICS"), section(&serve, "SERVER METRICS")].map(plain).concat();
    let mut families = BTreeSet::new();
    let (mut help, mut current) = ("", "");
    for line in exposed.lines() {
        if let Some(text) = line.strip_prefix("# HELP ") {
            help = text.split_once(' ').unwrap().1;
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' ')) {
            current = name;
            families.insert(name.to_owned());
            let (term, text) = entry(&listed, name);
            let kind = format!("{}{}", kind[..1].to_uppercase(), &kind[1..]);
            assert!(prose(text).starts_with(&format!("{kind}. {help}")), "{term}: {text}");
        } else if let Some((_, labels)) = line.rsplit_once("\"}").and_then(|(start, _)| start.split_once('{')) {
            let names: Vec<&str> = labels.split("\",").map(|label| label.split_once("=\"").unwrap().0).collect();
            assert_eq!(entry(&listed, current).0, format!("{current} {{{}}}", names.join(", ")));
        }
    }
    assert!(families.len() >= 40, "{families:?}");
    let listed = listed
        .lines()
        .filter(|line| ["wg", "wireguard_"].iter().any(|start| line.starts_with(start)) && line.contains('_'))
        .filter_map(|line| {
            let name = line.split(' ').next()?;
            (listed.contains(&format!(".TP\n{name}"))).then(|| name.to_owned())
        });
    assert_eq!(listed.collect::<BTreeSet<_>>(), families, "and no other");
}

/// Returns the term and the description of a family.
fn entry<'a>(listed: &'a str, name: &str) -> (&'a str, &'a str) {
    let entry = listed.split(".TP\n").find(|entry| entry.split(['\n', ' ']).next() == Some(name));
    let (term, text) = entry.unwrap_or_else(|| panic!("{name} is not in the manual")).split_once('\n').unwrap();
    (term, text.split("\n.").next().unwrap())
}

/// Returns the examples of all pages.
fn examples() -> Vec<String> {
    let mut examples = Vec::new();
    for (_, source) in pages().into_iter().filter(|(name, _)| name.ends_with(".1")) {
        let blocks = section(&source, "EXAMPLES").split(".EX\n").skip(1);
        examples.extend(blocks.map(|block| plain(block.split("\n.EE").next().unwrap())));
    }
    examples
}

#[test]
fn every_example_works() {
    let dir = tempfile::tempdir().unwrap();
    let mut script = format!("cd '{}'\n{EXAMPLE_SETUP}", dir.path().display());
    let (mut number, mut queries) = (0, Vec::new());
    for example in examples() {
        let command = example.trim_start_matches("* * * * * root ");
        if !["wgstat", "sudo", "curl"].contains(&command.split(' ').next().unwrap()) {
            queries.push(example);
            continue;
        }
        number += 1;
        fs::write(dir.path().join(format!("{number}.sh")), format!("set -o pipefail\n{command}\n")).unwrap();
        // Requests need a running server.
        let wait = if command.starts_with("curl") { "ready;" } else { "" };
        let run = format!("{wait} mkdir in.{number}; cd in.{number}; bash ../{number}.sh >out 2>err </dev/null");
        script.extend(["(", &run, "; echo $? >status) & pids=\"$pids $!\"\n"]);
    }
    assert!(number > 25, "{number}");
    script += "wait $pids";
    let output = in_lab("boringtun", &script);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for number in 1..=number {
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap_or_default();
        let example = read(&format!("{number}.sh"));
        let [out, err, status] = ["out", "err", "status"].map(|name| read(&format!("in.{number}/{name}")));
        let status = status.trim();
        // The exit code of `check` depends on its findings.
        let is_check = example.contains("wgstat check");
        let expected: &[&str] = if is_check { &["0", "1", "2"] } else { &["0"] };
        assert!(expected.contains(&status), "{example}: {status}: {out}{err}");
        // Commands that write files and servers print nothing.
        let is_quiet = ["serve", "generate", "--output", "select("].iter().any(|word| example.contains(word));
        assert!(is_quiet || out.lines().count() > 0, "{example}: no output: {err}");
        assert!(!err.contains("error") && !out.lines().any(|line| line == "null"), "{example}: {out}{err}");
    }
    assert!(!queries.is_empty());
    for query in queries {
        let rules = format!("groups: [{{name: a, rules: [{{record: a, expr: {query:?}}}]}}]");
        fs::write(dir.path().join("rules.yml"), rules).unwrap();
        let result = run("promtool", &["check", "rules", dir.path().join("rules.yml").to_str().unwrap()]);
        assert!(result.contains("SUCCESS: 1 rules found"), "{result}");
    }
}

/// Prepares what the examples need (`sudo`, directories, a certificate) and ends those that would run for ever.
const EXAMPLE_SETUP: &str = r#"
mkdir bin; PATH=$PWD/bin:$PATH; export PATH
printf '#!/bin/sh\nexec "$@"\n' > bin/sudo
cat > bin/wgstat <<'END'
#!/bin/sh
case $1 in
serve) "$WGSTAT" "$@" & echo listening ;;
watch) timeout 3 "$WGSTAT" "$@" || [ $? = 124 ] ;;
*) exec "$WGSTAT" "$@" ;;
esac
END
chmod +x bin/*
for folder in /etc /var/lib; do mount -t tmpfs none $folder; done
mkdir -p /etc/wgstat /var/lib/wgstat /var/lib/prometheus/node-exporter
(cd /etc/wgstat
    openssl req -x509 -newkey ed25519 -nodes -keyout wgstat.key -out wgstat.crt -subj /CN=a -config /dev/null 2>/dev/null
    printf 'tls_server_config: {cert_file: wgstat.crt, key_file: wgstat.key}\n' > web.yml)
ready() { for n in $(seq 500); do [ -S /run/wgstat.sock ] && curl -s http://127.0.0.1:9586/health >/dev/null && break; sleep 0.02; done; }
"#;
