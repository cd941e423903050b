//! The dashboard in a real browser, over live tunnels. What is looked at is in `tests/browser`, a program for each.

use std::path::PathBuf;
use std::time::Duration;

use crate::lab::lab;

/// In the lab, a server with these options, and traffic; `browse PROGRAM WORDS` runs one of the programs. What the tunnels are
/// to have before is in `prepare`.
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
    let words = ["--backend", backend, "timeout", "--foreground", &seconds, "bash", "-c", &script];
    let output = lab(&words).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{}: {text}", output.status);
    text
}

fn checks(text: &str) -> usize {
    text.lines().filter(|line| line.starts_with("ok ")).count()
}

#[test]
fn numbers_on_the_page_are_those_of_the_api_and_go_on_by_themselves() {
    let text = browse("boringtun", "", "", "browse numbers");
    assert!(checks(&text) >= 5, "{text}");
}

#[test]
fn page_needs_no_mouse_and_no_sight() {
    // A way that goes nowhere is a finding, so that there is one to look at.
    let text = browse("wireguard-go", "", "ip route add blackhole 192.0.2.99", "browse keyboard; browse axe");
    assert!(checks(&text) >= 10, "{text}");
}

#[test]
fn page_says_that_it_lost_the_server_and_finds_it_again() {
    // Whoever runs these is no bash.
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

/// Ten thousand peers, with names that would like to be markup; and pictures, to be looked at.
#[test]
fn ten_thousand_peers_with_hostile_names_are_shown_page_by_page() {
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
