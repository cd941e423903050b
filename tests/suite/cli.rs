//! Tests the command line: terminals, pipes, locales, exit codes.

use std::fs::File;
use std::process::{Command, Output, Stdio};

use crate::common::document;
use crate::lab::{in_lab, wgstat};

fn run(words: &[&str]) -> Output {
    Command::new(wgstat()).args(words).stdin(Stdio::null()).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Runs `wgstat COMMAND` in the lab, on a terminal with this number of columns.
fn on_terminal(environment: &str, columns: u32, command: &str) -> String {
    let script = format!(
        "export WGSTAT; env -u NO_COLOR -u COLUMNS LC_ALL=C.UTF-8 TERM=xterm {environment} \
         script -qec 'stty cols {columns} rows 24; $WGSTAT {command}' /dev/null"
    );
    let output = in_lab("boringtun", &script);
    assert!(output.status.success(), "{}", stderr(&output));
    String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n")
}

#[test]
fn terminal_gets_colours_within_its_width() {
    for columns in [60, 80, 200] {
        for command in ["status", "stats wg0", "status --bytes --all"] {
            let text = on_terminal("", columns, command);
            assert!(text.contains("\x1b[1m"), "{text}");
            assert!(text.contains('●'), "{text}");
            for line in text.replace("\x1b[0m", "").lines() {
                let plain: String = ["1", "2", "32", "1;31"]
                    .iter()
                    .fold(line.to_owned(), |line, code| line.replace(&format!("\x1b[{code}m"), ""));
                let width = plain.chars().count();
                assert!(width <= columns as usize, "{columns} columns, {command}: {plain}");
            }
        }
    }
}

#[test]
fn colours_can_be_disabled() {
    for environment in ["NO_COLOR=1", "TERM=dumb"] {
        let text = on_terminal(environment, 80, "status");
        assert!(!text.contains('\x1b'), "{environment}: {text:?}");
    }
    assert!(!on_terminal("", 80, "status --color never").contains('\x1b'));
    assert!(on_terminal("NO_COLOR=1", 80, "status --color always").contains('\x1b'));
    assert!(on_terminal("TERM=dumb", 80, "stats wg0").is_ascii());
}

#[test]
fn pipe_gets_every_column_and_no_colour() {
    let output = in_lab("boringtun", "env -u COLUMNS LC_ALL=C.UTF-8 $WGSTAT status");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("ALLOWED IPS") && text.contains('●') && !text.contains('\x1b'), "{text}");
    let wide = in_lab("boringtun", "env COLUMNS=60 LC_ALL=C.UTF-8 $WGSTAT status");
    assert!(String::from_utf8(wide.stdout).unwrap().lines().all(|line| line.chars().count() <= 60));
}

#[test]
fn c_locale_gets_ascii() {
    for locale in ["C", "POSIX", "de_DE.ISO-8859-1"] {
        let output = in_lab("boringtun", &format!("LC_ALL={locale} $WGSTAT status; LC_ALL={locale} $WGSTAT stats wg0"));
        assert!(output.status.success() && output.stdout.is_ascii(), "{locale}");
    }
}

#[test]
fn status_is_the_default_command() {
    let output =
        in_lab("boringtun", "$WGSTAT; echo ===; $WGSTAT status; echo ===; $WGSTAT --json; $WGSTAT status --json");
    let text = String::from_utf8(output.stdout).unwrap();
    let parts: Vec<&str> = text.split("===\n").collect();
    let without_ages =
        |text: &str| -> Vec<String> { text.lines().map(|line| line.chars().take(40).collect()).collect() };
    assert_eq!(without_ages(parts[0]), without_ages(parts[1]));
    let documents: Vec<_> = parts[2].lines().map(|line| document(line.as_bytes())).collect();
    assert_eq!(documents[0]["networks"][0]["public_key"], documents[1]["networks"][0]["public_key"]);
}

#[test]
fn rates_are_measured_over_the_interval() {
    let output = in_lab("boringtun", "$WGSTAT stats wg0 --interval 300ms --json; $WGSTAT stats wg0 --interval 100ms");
    let text = String::from_utf8(output.stdout).unwrap();
    let (json, panel) = text.split_once('\n').unwrap();
    let rates = &document(json.as_bytes())["networks"][0]["rates"];
    assert!(rates["interval_seconds"].as_f64().unwrap() >= 0.3, "{rates}");
    assert_eq!(rates["rx_errors"], 0.0);
    let seconds = panel.split_once("(rates over ").and_then(|(_, after)| after.split_once(" s)")).unwrap().0;
    // On a busy machine the sleep takes longer.
    assert!(seconds.parse::<f64>().unwrap() >= 0.1 && seconds.len() == "0.1".len(), "{panel}");
}

#[test]
fn wrong_usage_exits_with_2() {
    for words in [
        &["stats"][..],
        &["--frobnicate"],
        &["status", "--interval", "2s"],
        &["stats", "wg0", "--interval", "2"],
        &["stats", "wg0", "--interval", "0s"],
        &["generate", "nonsense"],
        &["generate", "alert-rules", "--rx-errors", "-1"],
        &["generate", "alert-rules", "--rx-errors", "many"],
        &["stats", "wg0", "wg1"],
        &["frobnicate"],
    ] {
        let output = run(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(stderr(&output).starts_with("error: "), "{words:?}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn unknown_interface_exits_with_1_and_its_code() {
    let output = run(&["stats", "wg-not-there", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(document(&output.stdout)["error"]["code"], "INTERFACE_NOT_FOUND");
    assert!(stderr(&output).starts_with("wgstat: wg-not-there: no such WireGuard interface"));
}

#[test]
fn loopback_is_not_wireguard() {
    let output = run(&["stats", "lo"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output), "wgstat: lo: not a WireGuard interface (it is hardware or loopback)\n");
}

#[test]
fn broken_pipe_is_quiet() {
    for words in [&["status", "--json"][..], &["--help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(wgstat()).args(words).stdout(writer).output().unwrap();
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""), "{words:?}");
    }
}

#[test]
fn full_disk_is_an_error() {
    let output = Command::new(wgstat()).arg("--json").stdout(File::create("/dev/full").unwrap()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output).lines().next(),
        Some("wgstat: standard output: cannot write: No space left on device (os error 28)")
    );
}

#[test]
fn foreign_text_is_escaped_in_the_c_locale() {
    let script = "ip link set wg0 alias büro; LC_ALL=C $WGSTAT status; LC_ALL=C.UTF-8 $WGSTAT status | grep -c büro";
    let text = String::from_utf8(in_lab("boringtun", script).stdout).unwrap();
    let (ascii, count) = text.trim_end().rsplit_once('\n').unwrap();
    assert!(ascii.is_ascii() && ascii.contains("b\\u{fc}ro"), "{ascii}");
    assert_eq!(count, "1");
}

#[test]
fn unwritable_directory_is_named() {
    let output = run(&["generate", "schema", "/proc/nowhere"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("wgstat: /proc/nowhere/check.json: cannot write: "), "{}", stderr(&output));
    let output = run(&["generate", "schema", "/proc/nowhere", "--json"]);
    assert_eq!(document(&output.stdout)["error"]["code"], "OUTPUT_FAILED");
}

#[test]
fn fresh_network_namespace_has_no_networks() {
    let output = Command::new("unshare").args(["-Urn"]).arg(wgstat()).arg("--json").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(document(&output.stdout)["networks"], serde_json::json!([]));
}
