//! Tests hostile names, and that no secret is shown.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

use super::guest::{Host, base64, private_key, public_key};

pub(super) const TESTS: &[(&str, fn())] = &[
    ("hostile_names_reach_no_terminal", hostile_names),
    ("no_key_except_public_ones_is_shown", secrets),
    ("unknown_interface_is_named_with_those_that_exist", unknown_interface),
    ("other_kinds_are_refused_by_their_kind", other_kinds),
];

fn hostile_names() {
    let host = Host::new();
    let names: [&[u8]; 3] = [b"wg\xff\xfe\x1b[2J", b"w\"g\\0", "wg\u{202e}x".as_bytes()];
    for name in names {
        let words = [b"link" as &[u8], b"add", name, b"type", b"wireguard"].map(OsStr::from_bytes);
        let made = Command::new("ip").args(["-n", host.name()]).args(words).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let words = [b"link" as &[u8], b"set", name, b"alias", b"\x1b]0;owned\x07\xc3("].map(OsStr::from_bytes);
        assert!(Command::new("ip").args(["-n", host.name()]).args(words).status().unwrap().success());
    }
    let clean = |text: &[u8]| {
        let text = String::from_utf8(text.to_vec()).expect("output is UTF-8");
        let bad = text.chars().find(|&c| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c));
        assert_eq!(bad, None, "{text:?}");
        text
    };
    let text = clean(&host.run(&["wgstat", "status"]).stdout);
    assert!(text.contains("wg\\xff\\xfe\\x1b[2J") && text.contains("wg\\u{202e}x"), "{text}");

    let status = host.json("status");
    assert_eq!(status["networks"][0]["interface"], "wg\\xff\\xfe\u{1b}[2J");
    assert_eq!(status["networks"][1]["interface"], "w\"g\\0");
    assert_eq!(status["networks"][0]["alias"], "\u{1b}]0;owned\u{7}\\xc3(");

    // A request by its bytes, and a name that does not exist in the error message.
    for (name, code) in [(names[0], 0), (b"wg\x1b[31m\xff" as &[u8], 1)] {
        let output = Command::new("ip")
            .args(["netns", "exec", host.name(), "wgstat", "stats"])
            .arg(OsStr::from_bytes(name))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(code));
        clean(&output.stdout);
        clean(&output.stderr);
    }
}

fn secrets() {
    let host = Host::new();
    let (private, preshared) = ([0x59; 32], private_key(4242));
    std::fs::write("/tmp/private", base64(&private)).unwrap();
    std::fs::write("/tmp/preshared", base64(&preshared)).unwrap();
    host.sh(&format!(
        "ip link add wg0 type wireguard
         wg set wg0 private-key /tmp/private peer {} preshared-key /tmp/preshared allowed-ips 10.0.0.1/32",
        public_key(2)
    ));
    let shown = host.sh("wg show all dump");
    for arguments in ["status", "status --json", "stats wg0", "stats wg0 --json", "status --all --bytes"] {
        let words: Vec<&str> = ["wgstat"].into_iter().chain(arguments.split(' ')).collect();
        let output = host.run(&words);
        let text = [output.stdout, output.stderr].concat();
        for secret in [private, preshared] {
            // The kernel clamps a private key before it shows it.
            let mut clamped = secret;
            clamped[0] &= 0xf8;
            clamped[31] = clamped[31] & 0x7f | 0x40;
            for secret in [secret, clamped] {
                let hex = super::common::recording::encode(&secret);
                for needle in [base64(&secret).into_bytes(), hex.into_bytes(), secret.to_vec()] {
                    assert!(!contains(&text, &needle), "a secret in the output of wgstat {arguments}");
                }
            }
        }
    }
    // The oracle shows the secrets.
    assert!(shown.contains(&base64(&preshared)));
    assert_eq!(host.stats("wg0")["peers"][0]["has_preshared_key"], true);
}

fn contains(text: &[u8], needle: &[u8]) -> bool {
    text.windows(needle.len()).any(|window| window == needle)
}

fn unknown_interface() {
    let host = Host::new();
    host.sh("ip link add wg0 type wireguard; ip link add office type wireguard");
    let output = host.run(&["wgstat", "stats", "ofice"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"", "nothing is printed partially");
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "wgstat: ofice: no such WireGuard interface (have: office, wg0)\nhint: did you mean office?\n"
    );
    let output = host.run(&["wgstat", "status", "wg0", "wg9", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let document = super::common::document(&output.stdout);
    assert_eq!(document["error"]["code"], "INTERFACE_NOT_FOUND");
}

fn other_kinds() {
    let host = Host::new();
    host.sh("ip link add d0 type dummy");
    for (name, text) in [("d0", "its kind is dummy"), ("lo", "it is hardware or loopback")] {
        let output = host.run(&["wgstat", "stats", name, "--json"]);
        assert_eq!(output.status.code(), Some(1));
        let document = super::common::document(&output.stdout);
        assert_eq!(document["error"]["code"], "NOT_WIREGUARD");
        assert!(document["error"]["message"].as_str().unwrap().contains(text), "{document}");
    }
    let names = host.json("status")["networks"].as_array().unwrap().len();
    assert_eq!(names, 0);
}
