//! Tests `wgstat watch` without a terminal, in the lab: its lines, its documents, and what happens when interfaces,
//! daemons, names, permissions and readers appear and vanish.

mod changes;
mod session;

use std::process::{Command, Output, Stdio};

use serde_json::Value;

use self::session::{FUNCTIONS, Session};
use crate::common::document;
use crate::lab::{in_lab, wgstat};

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn out(output: &Output) -> String {
    assert!(output.status.success(), "{}: {}", output.status, errors(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Returns the range of each column. Columns are separated by at least two spaces.
fn columns(line: &str) -> Vec<(usize, usize)> {
    let mut columns: Vec<(usize, usize)> = Vec::new();
    for (place, _) in line.char_indices().filter(|(_, letter)| *letter != ' ') {
        match columns.last_mut() {
            Some((_, end)) if place <= *end + 1 => *end = place + 1,
            _ => columns.push((place, place + 1)),
        }
    }
    columns
}

fn is_heading(line: &str) -> bool {
    line.starts_with("TIME ")
}

/// Returns the text of a line in this column.
fn word(line: &str, column: usize) -> &str {
    let (start, end) = columns(line)[column];
    &line[start..end]
}

const RX_PACKETS: usize = 4;
const ONLINE: usize = 10;

/// Returns the documents of this type, validated.
fn documents(lines: &[String], kind: &str) -> Vec<Value> {
    let all = lines.iter().map(|line| document(line.as_bytes()));
    all.filter(|document| document["type"] == kind).collect()
}

#[test]
fn columns_are_aligned_with_the_heading() {
    let long = "wg-15-letters-x";
    // With the name of a namespace, a network's name is longer than any interface's.
    for (width, count, words) in [("", 11, ""), ("COLUMNS=80", 7, ""), ("", 11, "--netns $$")] {
        let script = format!(
            "{FUNCTIONS} daemon {long}; date -u +%FT%TZ; {width} $WGSTAT watch {words} --interval 50ms --count 16; date -u +%FT%TZ"
        );
        let output = in_lab("boringtun", &script);
        let text = out(&output);
        let lines: Vec<&str> = text.lines().collect();
        let ([begin, lines @ .., end], "") = (lines.as_slice(), errors(&output).as_str()) else {
            panic!("{text}{}", errors(&output))
        };
        // Three interfaces, and a heading every 22 lines.
        assert_eq!(lines.len(), 3 * 16 + 3, "{text}");
        let heading = lines[0];
        assert_eq!(columns(heading).len(), count, "{heading}");
        for (number, line) in lines.iter().enumerate() {
            assert_eq!(is_heading(line), number % 23 == 0, "line {number}: {line}");
            if is_heading(line) {
                assert_eq!(*line, heading);
                continue;
            }
            assert_eq!(columns(line).len(), count, "{line}");
            for (column, (head, own)) in columns(heading).into_iter().zip(columns(line)).enumerate() {
                // Text is aligned left with its title, numbers right.
                let is_in_place = if column < 2 { head.0 == own.0 } else { head.1 == own.1 };
                assert!(is_in_place, "column {column}:\n{heading}\n{line}");
            }
            let time = word(line, 0);
            let is_between = if count == 11 { (*begin..=*end).contains(&time) } else { begin.len() == 11 + time.len() };
            assert!(is_between, "{begin} {time} {end}");
            let expected = match word(line, 1).rsplit('/').next().unwrap() {
                "wg0" => "2/3",
                "wg1" => "1/1",
                name => {
                    assert_eq!(name, long);
                    "0/0"
                }
            };
            assert_eq!(word(line, count - 1), expected, "{line}");
        }
        // Only the first tick has no rates.
        for (tick, line) in lines.iter().filter(|line| !is_heading(line)).enumerate().map(|(n, line)| (n / 3, line)) {
            for column in 2..count - 1 {
                assert_eq!(word(line, column) == "-", tick == 0, "tick {tick}: {line}");
            }
        }
    }
}

#[test]
fn each_update_is_flushed_before_the_next() {
    // All lines together fit into a buffer, which would be written at the end.
    let mut session = Session::start("", "$WGSTAT watch wg0 --interval 1s --count 40");
    let lines = [session.out.next(), session.out.next()];
    assert!(is_heading(&lines[0]) && word(&lines[1], RX_PACKETS) == "-", "{lines:?}");
    session.run("ping -q -c 5 -i 0.01 10.9.0.2");
    session.out.until(|line| word(line, RX_PACKETS) != "0.0");
}

#[test]
fn rates_are_differences_of_counters_over_the_interval() {
    // Bob does not answer, so sent and received bytes differ.
    let setup = "echo 1 > /proc/sys/net/ipv6/conf/wg0/disable_ipv6
        for process in $(pidof lab); do
            nsenter -t $process -n sh -c 'ip -o addr | grep 198.51.100.2/ && echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all'
        done";
    let mut session = Session::start(setup, "$WGSTAT watch wg0 --json --interval 700ms");
    let mut lines = vec![session.out.next()];
    session.run("ping -q -c 13 -i 0.01 10.9.0.2; ping -q -c 7 -i 0.01 -W 1 10.9.0.3; true");
    lines.extend((0..4).map(|_| session.out.next()));
    let samples = documents(&lines, "sample");
    assert_eq!(samples.len(), lines.len(), "nothing happened");
    let network = |place: usize| &samples[place]["networks"][0];
    assert_eq!(network(0)["rates"], Value::Null);
    for peer in network(0)["peers"].as_array().unwrap() {
        assert_eq!(peer["rates"], Value::Null);
    }
    let near = |rate: &Value, expected: f64| (rate.as_f64().unwrap() - expected).abs() < 1e-6 * expected.max(1.0);
    let grown = |of: &str, old: &Value, new: &Value| new[of].as_u64().unwrap() - old[of].as_u64().unwrap();
    let (mut packets, mut seconds) = ([0, 0], 0.0);
    for place in 1..samples.len() {
        let (old, new) = (network(place - 1), network(place));
        let interval = new["rates"]["interval_seconds"].as_f64().unwrap();
        assert!(interval > 0.3, "{interval}");
        assert_eq!(new["rates"]["reset"], false);
        let counters = new["interface_stats"].as_object().unwrap();
        assert_eq!(counters.len(), 9);
        for counter in counters.keys() {
            let grown = grown(counter, &old["interface_stats"], &new["interface_stats"]);
            assert!(near(&new["rates"][counter], grown as f64 / interval), "{counter}: {grown} in {interval} s: {new}");
            packets[0] += if counter == "tx_packets" { grown } else { 0 };
            packets[1] += if counter == "rx_packets" { grown } else { 0 };
        }
        for (old, new) in old["peers"].as_array().unwrap().iter().zip(new["peers"].as_array().unwrap()) {
            let interval = new["rates"]["interval_seconds"].as_f64().unwrap();
            for direction in ["rx", "tx"] {
                let grown = grown(&format!("transfer_{direction}"), old, new) as f64;
                assert!(near(&new["rates"][format!("{direction}_bytes")], grown / interval), "{new}");
            }
        }
        seconds += interval;
    }
    assert_eq!(packets, [20, 13], "sent and answered pings");
    let time = |place: usize| samples[place]["timestamp"].as_u64().unwrap();
    let passed = (time(samples.len() - 1) - time(0)) as f64;
    // The two clocks differ, and one has whole seconds.
    assert!((passed - seconds).abs() < 2.0, "{passed} s by the timestamps, {seconds} by the intervals");
}

#[test]
fn watch_stops_after_count_updates() {
    let script =
        "$WGSTAT watch --count 3 --interval 50ms; echo \"exit $?\"; $WGSTAT watch --count 1 --interval 1h --json
                  $WGSTAT watch --count 3 --interval 50ms --json; echo \"exit $?\"";
    let text = out(&in_lab("boringtun", script));
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 1 + 2 * 3 + 1 + 1 + 3 + 1, "{text}");
    assert_eq!((lines[7].as_str(), lines[12].as_str()), ("exit 0", "exit 0"));
    assert_eq!(documents(&[&lines[8..9], &lines[9..12]].concat(), "sample").len(), 4);
}

#[test]
fn signals_end_it() {
    for (signal, code) in [("TERM", "143"), ("HUP", "129")] {
        // The caller of the tests may ignore these signals (nohup), and programs inherit that.
        let command = "env --default-signal=HUP,TERM $WGSTAT watch --interval 1h";
        let mut session = Session::start("", command);
        session.out.until(|line| !is_heading(line));
        session.run(&format!("kill -{signal} $watch"));
        // The shell may name the signal, too.
        assert_eq!(session.run("wait $watch; echo $?").lines().last(), Some(code));
        assert_eq!(session.end().1, [] as [&str; 0]);
    }
}

#[test]
fn invalid_counts_and_intervals_are_usage_errors_with_a_hint() {
    let count = "must be an integer, 1 or more";
    let (bounds, unit) = ("must be between 10ms and 1day", "use 2s, 500ms or 1m");
    for (flag, value, cause) in [
        ("--count", "0", count),
        ("--count", "-1", count),
        ("--count", "1.5", count),
        ("--count", "many", count),
        ("--interval", "0", bounds),
        ("--interval", "9ms", bounds),
        ("--interval", "2days", bounds),
        ("--interval", "2", unit),
        ("--interval", "soon", unit),
    ] {
        let output = Command::new(wgstat()).args(["watch", &format!("{flag}={value}")]).output().unwrap();
        let said = errors(&output);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{flag} {value}: {said}");
        assert!(said.starts_with(&format!("error: invalid value '{value}' for '{flag} <")), "{said}");
        assert!(said.lines().next().unwrap().ends_with(cause), "{said}");
    }
}

#[test]
fn closed_pipe_ends_it_quietly_and_immediately() {
    for words in ["", "--json", "wg0 --count 5"] {
        // The interval is much longer than the timeout of the lab.
        let script = format!("{{ $WGSTAT watch {words} --interval 1h; echo \"exit $?\" >&2; }} | head -n 1");
        let output = in_lab("boringtun", &script);
        assert_eq!((errors(&output).as_str(), out(&output).lines().count()), ("exit 0\n", 1), "{words}");
        // Here the reader exits before the first write.
        let script = format!("{{ sleep 0.3; $WGSTAT watch {words} --interval 1h; echo \"exit $?\" >&2; }} | true");
        assert_eq!(errors(&in_lab("boringtun", &script)), "exit 0\n", "{words}");
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = Command::new(wgstat()).args(["watch", "--json", "--interval", "1h"]).stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), errors(&output).as_str()), (Some(0), ""));
}

#[test]
fn unknown_name_is_an_error_as_in_status() {
    for words in ["nope", "nope*", "wg0 nope", "wg00", "lo"] {
        let script = format!(
            "$WGSTAT watch {words}; echo \"exit $?\" >&2; echo === >&2; $WGSTAT status {words}; echo \"exit $?\" >&2
             $WGSTAT watch {words} --json 2>/dev/null"
        );
        let output = in_lab("boringtun", &script);
        let (said, text) = (errors(&output), String::from_utf8(output.stdout).unwrap());
        let (watch, status) = said.split_once("===\n").unwrap();
        assert_eq!(watch, status, "{words}");
        assert!(watch.ends_with("exit 1\n") && watch.starts_with("wgstat: "), "{watch}");
        assert_eq!(watch.contains("\nhint: did you mean wg0?\n"), words == "wg00", "{watch}");
        let code = if words == "lo" { "NOT_WIREGUARD" } else { "INTERFACE_NOT_FOUND" };
        assert_eq!(document(text.as_bytes())["error"]["code"], code, "stdout has only the document: {text}");
    }
}

#[test]
fn without_interfaces_it_prints_a_message_and_waits() {
    let words = ["-Urn", "sh", "-c", "\"$WGSTAT\" watch --count 2 --interval 50ms"];
    let output = Command::new("unshare").args(words).env("WGSTAT", wgstat()).stdin(Stdio::null()).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
    assert_eq!(errors(&output).lines().next(), Some("wgstat: no WireGuard interfaces yet"));
    assert_eq!(errors(&output).matches("wgstat: ").count(), 1);
}

#[test]
fn dumb_terminals_get_lines() {
    for (term, words) in [("dumb", ""), ("xterm", "</dev/null"), ("", "")] {
        let script = format!(
            "export WGSTAT; env -u NO_COLOR -u COLUMNS TERM={term} \
             script -qec 'stty cols 80 rows 24; $WGSTAT watch --count 2 --interval 50ms {words}' /dev/null"
        );
        let text = out(&in_lab("boringtun", &script)).replace("\r\n", "\n");
        assert!(!text.contains(|letter: char| letter.is_control() && letter != '\n'), "{term}: {text:?}");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.len() == 5 && is_heading(lines[0]), "{term}: {text}");
        assert!(lines.iter().all(|line| line.len() == 80 && columns(line).len() == 7), "{term}: {text}");
    }
}
