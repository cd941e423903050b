//! Tests the dashboard in Chromium with live tunnels. The checks are in `tests/browser`, one program each.

use std::path::PathBuf;
use std::time::Duration;

use crate::lab::lab;

/// Runs `prepare`, starts a server and traffic in the lab, and runs `script`. In it, `browse PROGRAM ARGUMENTS` runs one of
/// the programs.
fn browse(backend: &str, options: &str, prepare: &str, script: &str) -> String {
    let programs = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser");
    let script = format!(
        "url=http://127.0.0.1:9586/; mkdir -p /run/t; cd /run/t; export HOME=/run/t
        serve() {{
            $WGSTAT serve --poll 2s {options} 2>>/run/t/log & echo $! > pid
            for n in $(seq 400); do curl -s -o /dev/null ${{url}}health && return; sleep 0.05; done; cat log; exit 1
        }}
        browse() {{
            program=$1; shift
            node {programs}/$program.mjs $url \"$@\" > out 2>&1 || {{ echo \"$program failed\"; cat out log; exit 1; }}
            cat out
        }}
        {prepare}
        serve; ping -q -i 0.2 -s 400 10.9.0.2 >/dev/null 2>&1 &
        {script}
        grep -i panicked log && exit 1; kill %% $(cat pid); true"
    );
    let seconds = Duration::from_secs(480).as_secs().to_string();
    let arguments = ["--backend", backend, "timeout", "--foreground", &seconds, "bash", "-c", &script];
    let output = lab(&arguments).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{}: {text}", output.status);
    text
}

/// Counts the checks that passed.
fn checks(text: &str) -> usize {
    text.lines().filter(|line| line.starts_with("ok ")).count()
}

#[test]
fn page_shows_the_numbers_of_the_api_and_updates_them() {
    let text = browse("boringtun", "", "", "browse numbers");
    assert!(checks(&text) >= 5, "{text}");
}

#[test]
fn page_is_usable_by_keyboard_and_screen_reader() {
    // A blackhole route causes a finding, so that the page shows one.
    let text = browse("wireguard-go", "", "ip route add blackhole 192.0.2.99", "browse keyboard; browse axe");
    assert!(checks(&text) >= 10, "{text}");
}

#[test]
fn page_reports_a_lost_server_and_reconnects() {
    // The programs run these with sh.
    let script = "cat > stop <<'END'
kill $(cat pid); for n in $(seq 400); do kill -0 $(cat pid) 2>/dev/null || exit 0; sleep 0.05; done; exit 1
END
        cat > start <<'END'
$WGSTAT serve --poll 2s >>/run/t/log 2>&1 & echo $! > pid
END
        browse recovery 'sh stop' 'sh start'";
    let text = browse("boringtun", "", "", script);
    assert!(checks(&text) >= 3, "{text}");
}

/// Uses ten thousand peers with HTML in their names. Saves screenshots.
#[test]
fn ten_thousand_peers_with_hostile_names_are_paginated() {
    let prepare = "printf '[networks.wg0]\\nname = \"<b onmouseover=alert(1)>office</b>\"\\n' > c.toml
        for key in $(wg show wg0 peers); do
            printf \"[peers.\\\"%s\\\"]\\nname = '%s'\\n\" $key '<img src=x onerror=window.__owned=1>&amp;\"' >> c.toml
        done
        for n in $(seq 10000); do
            printf '[Peer]\\nPublicKey = %s=\\nAllowedIPs = 10.%d.%d.%d/32\\n' $(printf '%042dA' $n) $((100 + n / 62500)) $((n / 250 % 250)) $((n % 250))
        done > peers.conf
        wg addconf wg1 peers.conf";
    let pictures = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    std::fs::create_dir_all(&pictures).unwrap();
    let script = format!("browse many; browse hostile; browse screenshots {}", pictures.display());
    let text = browse("wireguard-go", "--config c.toml", prepare, &script);
    assert!(checks(&text) >= 6, "{text}");
    let taken = std::fs::read_dir(&pictures).unwrap().count();
    assert!(taken >= 4, "{taken} pictures in {}", pictures.display());
}
