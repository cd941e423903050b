//! Tests the configuration file: every mistake is reported with its line, key and fix, in golden files
//! (`WGSTAT_GOLDEN=write cargo test --test suite config` writes them), and no content panics.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use wgstat::config::{self, keys};
use wgstat::model::{NetworkSettings, PeerSettings, PublicKey, ServeSettings, Settings, Threshold};

use crate::common::document;
use crate::lab::{WITHOUT_WARNING, in_lab, wgstat};
use crate::mutation::Random;

const FOLDER: &str = "tests/golden/config";

/// Runs `wgstat --config FILE WORDS` in the directory that the golden files name.
fn run(file: &str, words: &[&str]) -> Output {
    Command::new(wgstat())
        .args(["--config", file])
        .args(words)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Returns the names of all golden files, without extension.
fn goldens() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .collect();
    names.sort();
    names
}

/// At least two dozen mistakes are all reported, in two lines each.
#[test]
fn config_errors_are_golden() {
    assert!(goldens().len() >= 24);
    for name in goldens() {
        let file = format!("{FOLDER}/{name}.toml");
        let output = run(&file, &["status"]);
        let said = stderr(&output);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{name}: {said}");
        let lines: Vec<&str> = said.lines().collect();
        assert!(lines.len() == 2 && lines[0].starts_with(&format!("wgstat: {file}:")), "{name}: {said}");
        assert!(lines[1].starts_with("hint: ") && !has_key(&said), "{name}: {said}");
        assert!(!said.contains(|c: char| c != '\n' && c.is_control()), "{name}: {said:?}");
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER).join(format!("{name}.txt"));
        if std::env::var_os("WGSTAT_GOLDEN").is_some_and(|value| value == "write") {
            fs::write(&golden, &said).unwrap();
        }
        assert_eq!(said, fs::read_to_string(&golden).unwrap_or_default(), "{name}");
    }
}

#[test]
fn config_errors_have_the_shape_of_each_command() {
    let file = format!("{FOLDER}/unknown-network-key.toml");
    for (words, code) in [
        (&[][..], 1),
        (&["status"], 1),
        (&["stats", "lo"], 1),
        (&["export-metrics"], 1),
        (&["check"], 3),
        (&["check", "--interval", "0"], 3),
    ] {
        let output = run(&file, &[words, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(code), "{words:?}");
        let error = &document(&output.stdout)["error"];
        assert_eq!(error["code"], "CONFIG_INVALID");
        assert_eq!(error["message"], format!("{file}:3: networks.wg0.nmae: no such key"));
    }
    let output = run(&file, &["check", "--plugin"]);
    let line = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(line, format!("WGSTAT UNKNOWN - {file}:3: networks.wg0.nmae: no such key\n"));
    let output = run(&file, &["generate", "config"]);
    assert_eq!(output.status.code(), Some(0), "generated files do not depend on it");
}

#[test]
fn file_that_is_no_configuration_is_named_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    assert!(Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
    fs::File::create(path("huge")).unwrap().set_len(16 * 1024 * 1024 + 1).unwrap();
    for (name, cause, remedy) in [
        ("missing", "No such file or directory (os error 2)", "create it with: wgstat generate config > "),
        ("missing/x", "No such file or directory (os error 2)", "create it with: wgstat generate config > "),
        ("huge/x", "Not a directory (os error 20)", "give --config a TOML file"),
        ("", "not a regular file", "give --config a TOML file"),
        ("pipe", "not a regular file", "give --config a TOML file"),
        ("huge", "larger than 16 MiB", "give --config a TOML file"),
    ] {
        let file = path(name);
        let output = run(&file, &["status"]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        let said = stderr(&output);
        assert!(said.starts_with(&format!("wgstat: {file}: cannot read: {cause}\nhint: {remedy}")), "{said}");
    }
    let said = stderr(&run("/dev/tty\u{1b}[2J", &["status"]));
    assert!(said.starts_with("wgstat: /dev/tty\\x1b[2J: cannot read: "), "{said:?}");
    let said = stderr(&run("/dev/zero", &["status"]));
    assert!(said.starts_with("wgstat: /dev/zero: cannot read: not a regular file\n"), "{said}");
}

/// Root may read every file, so the test runs as another user.
#[test]
fn unreadable_file_is_named_with_a_hint() {
    let script = "mount -t tmpfs none /etc && printf '[networks.wg0]\\n' > /etc/wgstat.toml && chmod 000 /etc/wgstat.toml
         cp /etc/wgstat.toml /run/other.toml; chmod 000 /run/other.toml
         for options in '' '--config /run/other.toml' '--config /dev/null'; do
             setpriv --bounding-set=-all --inh-caps=-all $WGSTAT status $options >/run/out 2>&1; echo \"exit $?\"; head -2 /run/out
         done";
    let output = in_lab("boringtun", script);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(
        text.starts_with(
            "exit 1\nwgstat: /etc/wgstat.toml: cannot read: Permission denied (os error 13)\n\
             hint: chmod 644 /etc/wgstat.toml, or use --config /dev/null to run without it\n\
             exit 1\nwgstat: /run/other.toml: cannot read: Permission denied (os error 13)\n\
             hint: chmod 644 /run/other.toml, or run it with sudo\nexit 0\n"
        ),
        "{text}{}",
        stderr(&output)
    );
}

#[test]
fn configured_limits_are_evaluated_and_options_replace_them() {
    let script = "cat > /run/c.toml <<END
[thresholds]
warn = [\"rx_packets=0\", \"tx_packets=999999999/s\"]
crit = [\"peers_online=9\"]
END
         try() { $WGSTAT check wg0 --interval 0 --config /run/c.toml \"$@\" >/dev/null; echo \"$* $?\"; }
         try
         try --crit peers_online=0
         try --no-peers
         try --crit peers_online=0 --warn rx_packets=999999999
         $WGSTAT status --config /run/c.toml >/dev/null; echo $?";
    let output = in_lab("boringtun", &format!("{WITHOUT_WARNING}{script}"));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(
        text,
        " 2\n--crit peers_online=0 1\n--no-peers 1\n--crit peers_online=0 --warn rx_packets=999999999 0\n0\n",
        "{}",
        stderr(&output)
    );
}

/// The default configuration sets nothing. Without the `# ` of its examples, it sets what is documented.
#[test]
fn commented_default_holds_what_is_documented() {
    let read = |text: &str| config::parse(Path::new("wgstat.toml"), text.as_bytes()).unwrap();
    let file = Some(PathBuf::from("wgstat.toml"));
    let commented = keys::commented();
    assert_eq!(read(&commented), Settings { file: file.clone(), ..Settings::default() });

    let lines: Vec<&str> = commented.lines().map(|line| line.strip_prefix("# ").unwrap_or(line)).collect();
    let line_of = |header: &str| 1 + lines.iter().position(|line| line.starts_with(header)).unwrap();
    let network = NetworkSettings { name: Some("office".to_owned()), id: Some(7), line: line_of("[networks") };
    let peer = PeerSettings {
        name: Some("alice-laptop".to_owned()),
        expected_keepalive: Some(25),
        ignore: true,
        line: line_of("[peers"),
    };
    let key = PublicKey::parse("xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=").unwrap();
    let limits = |texts: &[&str]| texts.iter().map(|text| Threshold::parse(text).unwrap()).collect();
    let expected = Settings {
        networks: [("wg0".into(), network)].into(),
        peers: [(key, peer)].into(),
        warn: limits(&["rx_errors=0/s", "handshake_age=5m"]),
        crit: limits(&["peers_online=1"]),
        serve: ServeSettings {
            listen: vec!["127.0.0.1:9586".parse().unwrap(), "unix:/run/wgstat/http.sock".parse().unwrap()],
            allow_host: vec!["vpn.example.org".to_owned()],
            max_connections: Some(64),
            poll: Some(Duration::from_secs(30)),
        },
        file,
    };
    assert_eq!(read(&lines.join("\n")), expected);
}

#[test]
fn values_at_their_bounds_are_accepted_in_any_notation() {
    let long = "ü".repeat(128);
    let text = format!(
        "\u{feff}networks = {{ \"wg\\u00fc-123456789a\" = {{ id = 0xffff_ffff, name = '{long}' }}, wg1 = {{ id = 0 }} }}\r\n\
         [peers.'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=']\r\nexpected_keepalive = 65535\r\nignore = false\r\n\
         [thresholds]\r\nwarn = []\r\n"
    );
    let settings = config::parse(Path::new("x"), text.as_bytes()).unwrap();
    let network = &settings.networks[&"wgü-123456789a".into()];
    assert_eq!((network.id, network.name.as_deref(), network.line), (Some(u32::MAX), Some(long.as_str()), 1));
    assert_eq!(settings.networks[&"wg1".into()].id, Some(0));
    let peer = &settings.peers[&PublicKey([0; 32])];
    assert_eq!((peer.expected_keepalive, peer.ignore, peer.line), (Some(65_535), false, 2));
    let nothing = config::parse(Path::new("x"), b"").unwrap();
    assert_eq!(nothing, Settings { file: Some("x".into()), ..Settings::default() });
}

/// Returns whether the text contains something in the form of a key.
fn has_key(text: &str) -> bool {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    text.as_bytes().windows(44).any(|window| window[..43].iter().all(is_base64) && window[43] == b'=')
}

#[test]
fn mutated_config_never_panics_and_its_error_has_a_line_and_no_key() {
    const ROUNDS: u32 = 600;
    let uncommented = keys::commented().replace("\n# ", "\n");
    let bad = goldens()
        .into_iter()
        .map(|name| fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER).join(format!("{name}.toml"))).unwrap());
    let secrets = "[peers.\"yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\"]\nname = \"yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\"\n";
    let good = [uncommented, secrets.to_owned()].map(String::into_bytes);
    let (mut usable, mut refused) = (0, 0);
    for (seed, text) in (1..).zip(good.into_iter().chain(bad)) {
        let mut random = Random::new(seed);
        for round in 0..ROUNDS {
            let mut mutated = text.clone();
            random.mutate(&mut mutated);
            match catch_unwind(AssertUnwindSafe(|| config::parse(Path::new("x"), &mutated))) {
                Ok(Ok(_)) => usable += 1,
                Ok(Err(error)) => {
                    refused += 1;
                    let said = format!("{error}\nhint: {}", error.hint().expect("every error has a remedy"));
                    let line = said.strip_prefix("x:").and_then(|rest| rest.split(':').next()?.parse::<usize>().ok());
                    let lines = mutated.split(|&byte| byte == b'\n').count();
                    assert!(line.is_some_and(|line| (1..=lines).contains(&line)), "{said}");
                    assert!(!has_key(&said) && said.len() < 1000, "{said}");
                    assert!(!said.contains(|c: char| c != '\n' && c.is_control()), "{said:?}");
                }
                Err(panic) => {
                    println!("text {seed}, round {round}:\n{}", String::from_utf8_lossy(&mutated));
                    std::panic::resume_unwind(panic);
                }
            }
        }
    }
    assert!(usable + refused >= 20_000 && usable > 1000 && refused > 10_000, "{usable} usable, {refused} refused");
}
