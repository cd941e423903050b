//! Tests `wgstat check` as monitoring uses it: exit codes, limits, state files and the plugin format.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use wgstat::findings::Verdict;
use wgstat::model::{InterfaceStats, Network, Snapshot};
use wgstat::render::check::Checked;
use wgstat::render::{Endpoints, Report, plugin};

use crate::common::document;
use crate::lab::{WITHOUT_WARNING, in_lab, wgstat};

fn run(words: &[&str]) -> Output {
    Command::new(wgstat()).arg("check").args(words).stdin(Stdio::null()).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Runs a script in the lab, without its warning. In it, `try WORDS` runs a check and prints its exit code.
fn lab(script: &str) -> String {
    let script = format!("{WITHOUT_WARNING}try() {{ $WGSTAT check \"$@\"; echo \"exit $?\"; }}\n{script}");
    let output = in_lab("boringtun", &script);
    assert!(output.status.success(), "{}", stderr(&output));
    out(&output)
}

#[test]
fn healthy_tunnels_are_ok_in_one_line() {
    let text = lab("try wg1");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].starts_with("OK: wg1, 1 of 1 peers online: no problems found in 2.0 s"), "{text}");
    assert_eq!(lines[1], "exit 0");
}

#[test]
fn limits_decide_the_exit_code() {
    for (options, code) in [
        ("--warn peers_online=1", 0),
        ("--warn peers_online=2", 1),
        ("--crit peers_online=2", 2),
        ("--warn peers_online=2 --crit peers_online=3", 2),
        ("--warn rx_packets=0", 1),
        ("--warn rx_packets=999999999", 0),
        ("--crit rx_packets=0/s", 0),
        ("--crit handshake_age=1h", 0),
    ] {
        let text = lab(&format!("try --interval 100ms --json {options}"));
        let (json, exit) = text.split_once('\n').unwrap();
        let document = document(json.as_bytes());
        assert_eq!(exit.trim(), format!("exit {code}"), "{options}: {json}");
        assert_eq!(document["exit_code"], code, "{options}");
        let found = document["findings"].as_array().unwrap();
        assert_eq!(found.iter().any(|finding| finding["id"] == "threshold"), code > 0, "{options}: {json}");
    }
}

#[test]
fn rate_is_what_was_sent_meanwhile() {
    let text = lab(
        "(sleep 0.3; ping -q -c 20 -i 0.01 10.9.0.2 >/dev/null) & try wg0 --json --interval 2s --warn tx_packets=9.4/s; wait
         (sleep 0.3; ping -q -c 20 -i 0.01 10.9.0.2 >/dev/null) & try wg0 --json --interval 2s --warn tx_packets=10.6/s",
    );
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines[1], lines[3]), ("exit 1", "exit 0"), "{text}");
    let found = document(lines[0].as_bytes())["findings"][0].take();
    assert_eq!((&found["id"], found["value"].as_u64()), (&"threshold".into(), Some(20)), "{found}");
}

#[test]
fn state_spans_the_time_between_two_runs() {
    let text = lab("echo 1 > /proc/sys/net/ipv6/conf/wg0/disable_ipv6; cd /run; umask 0
         try wg0 --json --state s --interval 300ms --warn tx_packets=0/s
         stat -c 'mode %a' s
         ping -q -c 30 -i 0.01 10.9.0.2 >/dev/null; sleep 1
         try wg0 --json --state s --interval 0 --warn tx_packets=0/s
         try wg0 --json --state s --interval 300ms --warn tx_packets=0/s
         ls -A | grep -c wgstat- || true");
    let lines: Vec<&str> = text.lines().collect();
    let documents: Vec<Value> = [0, 3, 5].iter().map(|line| document(lines[*line].as_bytes())).collect();
    let seconds: Vec<f64> = documents.iter().map(|document| document["interval_seconds"].as_f64().unwrap()).collect();
    assert_eq!([lines[1], lines[2], lines[4], lines[6]], ["exit 0", "mode 600", "exit 1", "exit 0"], "{text}");
    assert!(seconds[0] >= 0.3 && seconds[1] >= 1.0 && seconds[2] >= 0.3, "{seconds:?}");
    assert_eq!(documents[1]["findings"][0]["value"], 30);
    assert_eq!(lines[7], "0", "nothing else is left in the directory");
}

#[test]
fn interface_that_is_new_since_the_last_run_is_sampled_twice() {
    let text = lab("cd /run; touch s; try wg0 --json --state s --interval 300ms; sleep 1
         try wg1 --json --state s --interval 300ms; sleep 1; try wg1 --json --state s --interval 300ms");
    let seconds: Vec<f64> = text
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| document(line.as_bytes())["interval_seconds"].as_f64().unwrap())
        .collect();
    assert!(seconds[0] < 0.9 && seconds[1] < 0.9 && seconds[2] > 0.9, "{seconds:?}");
    assert_eq!(text.matches("exit 0").count(), 3, "{text}");
}

#[test]
fn state_of_another_host_starts_over() {
    let text =
        lab("cd /run; $WGSTAT check --state s --interval 100ms >/dev/null; ping -q -c 5 -i 0.01 10.9.0.2 >/dev/null
         sed -i 's/net:\\[/net:[9/' s
         try wg0 --json --state s --interval 100ms --warn tx_packets=0/s 2>&1
         grep -c 'net:.9' s || true");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("wgstat: s: the state is from another host"), "{text}");
    assert!(document(lines[1].as_bytes())["interval_seconds"].as_f64().unwrap() < 1.0);
    assert_eq!(lines[2..], ["exit 0", "0"], "{text}");
}

#[test]
fn file_that_is_not_a_state_is_an_error_and_stays_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("passwd"), "root:x:0:0::/root:/bin/sh\n").unwrap();
    assert!(Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
    for (name, cause) in [
        ("passwd", "it is not a state file of wgstat"),
        ("pipe", "cannot read: not a regular file"),
        ("", "cannot read: not a regular file"),
        ("passwd/x", "cannot read: Not a directory (os error 20)"),
    ] {
        let output = run(&["--state", &path(name), "--json"]);
        assert_eq!(output.status.code(), Some(3), "{name}");
        assert_eq!(document(&output.stdout)["error"]["code"], "CONFIG_INVALID");
        assert!(
            stderr(&output).starts_with(&format!("wgstat: {}: {cause}\nhint: ", path(name))),
            "{}",
            stderr(&output)
        );
    }
    assert_eq!(fs::read_to_string(path("passwd")).unwrap(), "root:x:0:0::/root:/bin/sh\n");
}

#[test]
fn state_that_cannot_be_written_is_unknown() {
    let text = lab("try --json --interval 0 --state /proc/s");
    let (json, exit) = text.split_once('\n').unwrap();
    let document = document(json.as_bytes());
    assert_eq!((&document["status"], exit.trim()), (&"UNKNOWN".into(), "exit 3"));
    assert_eq!(document["problems"][0]["code"], "OUTPUT_FAILED");
}

#[test]
fn absent_interface_is_critical_and_none_at_all_is_unknown() {
    let output = run(&["wg-not-there", "--interval", "0", "--json"]);
    let found = document(&output.stdout);
    assert_eq!((output.status.code(), &found["status"]), (Some(2), &"CRITICAL".into()));
    assert_eq!(found["findings"][0]["id"], "interface_missing");
    assert_eq!(found["findings"][0]["interface"], "wg-not-there");

    let output =
        Command::new("unshare").args(["-Urn"]).arg(wgstat()).args(["check", "--interval", "0"]).output().unwrap();
    assert_eq!((output.status.code(), out(&output).as_str()), (Some(3), "UNKNOWN: no WireGuard interface found\n"));
    assert!(stderr(&output).contains("\nhint: "), "{}", stderr(&output));
}

#[test]
fn wrong_usage_is_unknown() {
    for words in [
        &["--frobnicate"][..],
        &["--interval", "2"],
        &["--interval", "-1s"],
        &["--warn", "rx_errors"],
        &["--warn", "frobs=1"],
        &["--crit", "rx_errors=1/d"],
        &["--warn", "rx_errors=0/s", "--interval", "0"],
        &["--warn", "peers_online=1", "--no-peers"],
        &["--plugin", "--json"],
        &["lo"],
    ] {
        let output = run(words);
        assert_eq!(output.status.code(), Some(3), "{words:?}");
        assert!(!stderr(&output).is_empty());
    }
    // Monitoring shows standard output only.
    for words in [&["--plugin", "--frobnicate"][..], &["--plugin", "lo"], &["--plugin", "--warn", "x|y=1"]] {
        let output = run(words);
        let line = out(&output);
        assert!(line.starts_with("WGSTAT UNKNOWN - ") && line.lines().count() == 1 && !line.contains('|'), "{line}");
    }
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
}

#[test]
fn broken_pipe_keeps_the_verdict() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output =
        Command::new(wgstat()).args(["check", "wg-not-there", "--interval", "0"]).stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(2), ""));
    let output = Command::new(wgstat())
        .args(["check", "wg-not-there", "--interval", "0"])
        .stdout(File::create("/dev/full").unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "the result cannot have been read");
}

/// Oracles: the parser that plugins in Perl use, and `ip`.
#[test]
fn performance_data_is_valid_and_correct() {
    let text = lab("ip -s -j link show wg0
         try wg0 --plugin --interval 100ms --warn rx_errors=0/s --crit rx_errors=60/min --crit rx_errors=7 \
             --warn peers_online=2 --crit handshake_age=5m");
    let lines: Vec<&str> = text.lines().collect();
    let (text, data) = lines[1].split_once(" | ").unwrap();
    assert!(text.starts_with("WGSTAT ") && !data.contains('|'), "{}", lines[1]);
    let read = parsed(data);
    let has = |line: &str| assert!(read.lines().any(|own| own == line), "{line} in:\n{read}");
    let counted: Value = serde_json::from_str(lines[0]).unwrap();
    for direction in ["rx", "tx"] {
        for name in ["bytes", "packets", "dropped"] {
            has(&format!("wg0_{direction}_{name} {} c - -", counted[0]["stats64"][direction][name]));
        }
    }
    has("wg0_rx_errors 0 c - 7");
    has("wg0_peers_online 2 - 2: -");
    assert!(
        read.lines().any(|line| line.starts_with("wg0_rx_errors_per_second 0") && line.ends_with(" - 0 1")),
        "{read}"
    );
    assert!(read.lines().any(|line| line.starts_with("wg0_handshake_age ") && line.ends_with(" s - 300")), "{read}");
}

#[test]
fn hostile_interface_name_leaves_performance_data_valid() {
    let stats = InterfaceStats::from_values(&[Some(7)]);
    let network = Network { interface: "it's|=x".into(), stats, ..Network::default() };
    let snapshot = Snapshot { networks: vec![network], ..Snapshot::default() };
    let report = Report { snapshot: &snapshot, rates: &[], findings: &[], endpoints: Endpoints::Shown };
    let mut text = Vec::new();
    plugin::write(&mut text, &Checked { report, verdict: Verdict::Ok, seconds: None }, &[]).unwrap();
    let text = String::from_utf8(text).unwrap();
    let (_, data) = text.split_once('|').unwrap();
    assert!(!data.contains('|'), "{data}");
    assert_eq!(parsed(data.trim()), "it\\x27s\\x7c\\x3dx_rx_packets 7 c - -\n");
}

/// Returns label, value, unit and limits of each value, as the parser reads them.
fn parsed(data: &str) -> String {
    let mut perl = Command::new("perl")
        .args(["-MMonitoring::Plugin::Performance", "-e"])
        .arg(
            "for (Monitoring::Plugin::Performance->parse_perfstring(<STDIN>)) {
                 my $t = $_->threshold;
                 my ($w, $c) = map { defined($_) && $_->is_set ? qq($_) : '-' } $t->warning, $t->critical;
                 print join(' ', $_->label, $_->value, $_->uom || '-', $w, $c), qq(\\n);
             }",
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("perl: run the tests by tests/run, which has it");
    perl.stdin.take().unwrap().write_all(data.as_bytes()).unwrap();
    let read = out(&perl.wait_with_output().unwrap());
    assert_eq!(read.lines().count(), data.matches("'=").count(), "{data}\n{read}");
    read
}

#[test]
fn terminal_gets_paragraphs_and_commands_that_can_be_copied() {
    let script = "export WGSTAT; script -qec 'stty cols 80 rows 24; $WGSTAT check wg0 --interval 0 --crit peers_online=9 \
                  --color never' /dev/null || true";
    let text = lab(&format!("TERM=xterm LC_ALL=C.UTF-8; export TERM LC_ALL; {script}")).replace("\r\n", "\n");
    assert!(text.starts_with("CRITICAL wg0 threshold\n  peers_online is 2, below the limit of 9.\n"), "{text}");
    assert!(text.contains("\n  Fix:\n    $ wgstat stats wg0\n"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80 || line.starts_with("    $ ")), "{text}");
}

#[test]
fn state_file_gets_mode_0600_even_if_it_had_another_mode() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    for _ in 0..2 {
        run(&["wg-not-there", "--interval", "0", "--state", path.to_str().unwrap()]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    }
}
