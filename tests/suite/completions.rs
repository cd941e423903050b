//! Tests the committed completions in their shells, with interface names that would do harm if a shell expanded them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::lab::in_lab;

/// Valid interface names. The first three create a file if a shell expands or runs them.
const HOSTILE: [&str; 6] = ["wg$(>PWNED1)", "`>PWNED2`", ";>PWNED3;", "it's", "-x", "a\"b"];
/// The names that are completed. Names like options and names that are escaped in the metrics are left out.
const OFFERED: [&str; 4] = ["wg$(>PWNED1)", "`>PWNED2`", ";>PWNED3;", "it's"];
/// Ctrl-T: saves the typed line and clears it.
const KEEP: &str = "\u{14}";

/// A temporary home directory with the program in `bin`, the shell's start-up files and the test's results.
struct Home(TempDir);

impl Home {
    fn new(files: &[(&str, &str)]) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        for directory in ["bin", "broken", "home"] {
            fs::create_dir(home.path().join(directory)).unwrap();
        }
        for (name, text) in files {
            fs::write(home.path().join(name), text).unwrap();
        }
        home
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.path().join(name)).unwrap_or_default()).into_owned()
    }

    /// Runs a script in the lab, in this directory, when the hostile interfaces exist. `$completions` is their directory.
    fn run(&self, script: &str) {
        let names = HOSTILE.map(|name| format!("'{}'", name.replace('\'', "'\\''"))).join(" ");
        let script = format!(
            "cd '{home}' && ln -s $WGSTAT bin/wgstat
            printf '#!/bin/sh\\necho COMPLAINT >&2; echo COMPLAINT; exit 1\\n' > broken/wgstat; chmod +x broken/wgstat
            export completions='{completions}' HOME=$PWD/home TERM=dumb LC_ALL=C.UTF-8
            # The lab's PATH contains the program too.
            plain=/usr/bin:/bin; PATH=$PWD/bin:$PATH
            mkdir /run/netns; : > /run/netns/blue
            for name in {names}; do wireguard-go -f \"$name\" >/dev/null 2>&1 & done
            for name in {names}; do
                for n in $(seq 500); do ip link show dev \"$name\" >/dev/null 2>&1 && break; sleep 0.02; done
                for n in $(seq 500); do [ -S \"/run/wireguard/$name.sock\" ] && break; sleep 0.02; done
            done
            {script}",
            home = self.path().display(),
            completions = completions().display(),
        );
        let output = in_lab("wireguard-go", &script);
        assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        for entry in fs::read_dir(self.path()).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(!name.contains("PWNED"), "{name}: a name was run");
        }
    }
}

fn completions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("completions")
}

/// What is typed, and the line that results. The start-up file of the shell saves the lines in `kept`.
type Line<'a> = (&'a str, &'a str);

/// Types into an interactive shell on a terminal: with the program, without it, and with one that only prints errors.
fn typed(files: &[(&str, &str)], shell: &str, lines: &[Line<'_>], hostile: &str) {
    let home = Home::new(files);
    let keys = lines.iter().map(|(typed, _)| *typed).chain([""]).collect::<Vec<&str>>().join(KEEP);
    // The shell must pass this name on unchanged.
    let keys = format!("{keys}wgstat stats --json {hostile}\t> ran\nexit\n");
    fs::write(home.path().join("keys"), keys).unwrap();
    fs::write(home.path().join("few"), format!("wgstat stats w\t{KEEP}wgstat --exclude w\t{KEEP}exit\n")).unwrap();
    home.run(&format!(
        "enter() {{ PATH=$1 script -qec '{shell}' /dev/null < $2 > log.$3; mv kept kept.$3; }}
        enter $PATH keys installed
        enter $plain few missing
        enter $PWD/broken:$plain few broken"
    ));
    let log = home.read("log.installed");
    let kept = home.read("kept.installed");
    let expected: Vec<&str> = lines.iter().map(|(_, line)| *line).collect();
    assert_eq!(kept.lines().map(str::trim_end).collect::<Vec<&str>>(), expected, "{log}");
    let ran: Value = serde_json::from_str(&home.read("ran")).unwrap_or_else(|error| panic!("{error}: {log}"));
    assert_eq!(ran["networks"][0]["interface"], HOSTILE[0]);
    for state in ["missing", "broken"] {
        let log = home.read(&format!("log.{state}"));
        assert_eq!(home.read(&format!("kept.{state}")), "wgstat stats w\nwgstat --exclude w\n", "{state}: {log}");
        let lower = log.to_lowercase();
        for word in ["complaint", "not found", "error", "no such file"] {
            assert!(!lower.contains(word), "{state}: {log}");
        }
    }
}

#[test]
fn bash_completes_commands_flags_and_names() {
    let start = format!(
        "source \"$completions/wgstat.bash\"
        bind 'TAB: menu-complete'
        keep() {{ printf '%s\\n' \"$READLINE_LINE\" >> kept; READLINE_LINE=; }}
        bind -x '\"{KEEP}\": keep'
        PS1="
    );
    let lines = [
        ("wgstat che\t", "wgstat check"),
        ("wgstat stats --interv\t", "wgstat stats --interval"),
        ("wgstat stats w\t", "wgstat stats wg0"),
        ("wgstat stats w\t\t", "wgstat stats wg1"),
        ("wgstat check wg0 w\t\t", "wgstat check wg0 wg1"),
        ("wgstat stats \\`\t", "wgstat stats \\`\\>PWNED2\\`"),
        ("wgstat stats \\;\t", "wgstat stats \\;\\>PWNED3\\;"),
        ("wgstat stats -x\t", "wgstat stats -x"),
        ("wgstat --exclude w\t", "wgstat --exclude wg0"),
        ("wgstat check --exclude=w\t\t", "wgstat check --exclude=wg1"),
        ("wgstat check --netns b\t", "wgstat check --netns blue"),
        ("wgstat --color al\t", "wgstat --color always"),
        ("wgstat check --state /proc/versi\t", "wgstat check --state /proc/version"),
        ("wgstat check --interval w\t", "wgstat check --interval w"),
        ("bin/wgstat stats w\t", "bin/wgstat stats wg0"),
        ("~/../bin/wgstat stats w\t", "~/../bin/wgstat stats wg0"),
    ];
    typed(&[(".bashrc", &start)], "bash --rcfile .bashrc -i", &lines, "wg\\$");
}

#[test]
fn zsh_completes_commands_flags_and_names() {
    let start = format!(
        "fpath=(\"$completions\" $fpath)
        autoload -Uz compinit && compinit -u -d ./dump
        keep() {{ print -r -- \"$BUFFER\" >> kept; BUFFER= }}
        zle -N keep && bindkey '{KEEP}' keep && bindkey '^I' menu-complete
        PROMPT="
    );
    let lines = [
        ("wgstat che\t", "wgstat check"),
        ("wgstat stats --interv\t", "wgstat stats --interval="),
        ("wgstat stats w\t\t", "wgstat stats wg0"),
        ("wgstat stats w\t\t\t", "wgstat stats wg1"),
        ("wgstat check wg0 w\t\t\t", "wgstat check wg0 wg1"),
        ("wgstat stats \\`\t", "wgstat stats \\`\\>PWNED2\\`"),
        ("wgstat stats \\;\t", "wgstat stats \\;\\>PWNED3\\;"),
        ("wgstat --exclude w\t\t", "wgstat --exclude wg0"),
        ("wgstat check --exclude=w\t\t\t", "wgstat check --exclude=wg1"),
        ("wgstat check --netns b\t", "wgstat check --netns blue"),
        ("wgstat --color al\t", "wgstat --color always"),
        ("wgstat check --state /proc/versi\t", "wgstat check --state /proc/version"),
        ("wgstat check --interval w\t", "wgstat check --interval w"),
        ("bin/wgstat stats w\t\t", "bin/wgstat stats wg0"),
        ("~/../bin/wgstat stats w\t\t", "~/../bin/wgstat stats wg0"),
    ];
    typed(&[(".zshrc", &start)], "ZDOTDIR=. zsh -i", &lines, "wg\\$");
}

#[test]
fn fish_completes_commands_flags_and_names() {
    let words = [
        "wgstat che",
        "wgstat stats --interv",
        "wgstat stats ",
        "wgstat --exclude w",
        "wgstat check wg0 --exclude=w",
        "wgstat check --netns ",
        "wgstat --color=al",
        "wgstat check --state /proc/versi",
        "wgstat check --interval w",
        "bin/wgstat stats w",
        "~/../bin/wgstat stats w",
    ];
    let home = Home::new(&[("words", &words.join("\n"))]);
    home.run(
        "ask() { PATH=$1 fish --no-config -c 'source $completions/wgstat.fish
            while read -l words
                complete -C \"$words\" | string replace -r \"\\t.*\" \"\"
                echo .
            end' < words > answers.$2 2> complaints.$2; }
        ask $PATH installed
        ask $plain missing
        ask $PWD/broken:$plain broken",
    );
    let answers = |name: &str| -> Vec<BTreeSet<String>> {
        assert_eq!(home.read(&format!("complaints.{name}")), "", "{name}");
        let text = home.read(&format!("answers.{name}"));
        let answers = text.split_terminator(".\n");
        answers.map(|answer| answer.lines().map(str::to_owned).collect()).collect()
    };
    let all: Vec<&str> = ["wg0", "wg1"].into_iter().chain(OFFERED).collect();
    let of_w = ["wg0", "wg1", OFFERED[0]];
    let excluded = of_w.map(|name| format!("--exclude={name}"));
    let excluded = excluded.each_ref().map(String::as_str);
    let expected: [&[&str]; 11] = [
        &["check"],
        &["--interval"],
        &all,
        &of_w,
        &excluded,
        &["all", "blue"],
        &["--color=always"],
        &["/proc/version"],
        &[],
        &of_w,
        &of_w,
    ];
    let expected: Vec<BTreeSet<String>> =
        expected.into_iter().map(|names| names.iter().map(|&name| name.to_owned()).collect()).collect();
    for ((words, answer), expected) in words.iter().zip(answers("installed")).zip(&expected) {
        assert_eq!(answer, *expected, "{words}");
    }
    assert_eq!(answers("installed").len(), words.len());
    for state in ["missing", "broken"] {
        let answers = answers(state);
        assert_eq!(answers[..2], expected[..2], "{state}");
        assert!(answers[2].is_empty() && answers[3].is_empty(), "{state}: {answers:?}");
    }
}

/// Reading the peers of a daemon that hangs takes two seconds.
#[test]
fn completing_names_needs_neither_privileges_nor_a_daemon() {
    let script = format!(
        "{}mkdir /run/t; cd /run/t; ln -s $WGSTAT wgstat
        time() {{ start=$(date +%s%N); \"$@\"; echo $(( ($(date +%s%N) - start) / 1000000 )); }}
        time setpriv --bounding-set=-all --inh-caps=-all ./wgstat export-metrics --no-peers --config /dev/null
        time ./wgstat export-metrics --config /dev/null >asked; tail -n 1 asked",
        crate::lab::STOP_DAEMONS
    );
    let output = in_lab("wireguard-go", &script);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text.matches("wg_interface_info{network=\"wg").count(), 2, "{text}");
    let milliseconds: Vec<u64> = text.lines().filter_map(|line| line.parse().ok()).collect();
    let [unasked, asked] = milliseconds[..] else { panic!("{text}") };
    assert!(unasked + 1000 < asked, "{unasked} {asked}");
}
