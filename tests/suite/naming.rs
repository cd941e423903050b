//! Tests names, expectations and `-v` in the lab: the file of a name, the outputs that show it, and that nothing else is shown.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use wgstat::collect::name_files::{FileItem, NameFiles};
use wgstat::model::PublicKey;
use wgstat::names::{NameParser, Names};

use crate::common::document;
use crate::lab::in_lab;

/// Each source names what the sources before it leave unnamed. `$1` … are the keys of wg0's peers, `$4` of wg1's.
const SOURCES: &str = "mount -t tmpfs tmpfs /etc/wireguard; mount -t tmpfs tmpfs /etc/systemd/network
    set -- $(wg show wg0 peers) $(wg show wg1 peers); mkdir /run/t
    printf '[peers.\"%s\"]\\nname = \"of the configuration\"\\n' $1 > /run/t/c.toml
    printf '[Interface]\\n# Name = office\\nPrivateKey = SECRETSECRET\\n[Peer]\\n# hidden\\nPublicKey = %s\\n' $1 > /etc/wireguard/wg0.conf
    printf '\\n# of \\033[31mwg-quick\\n[Peer]\\nPublicKey = %s\\n[Peer]\\nPublicKey = %s\\n' $2 $2 >> /etc/wireguard/wg0.conf
    printf '[Peer]\\n# ghost\\nPublicKey = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\\n' >> /etc/wireguard/wg0.conf
    printf '[NetDev]\\nName=wg0\\nKind=wireguard\\n[WireGuardPeer]\\n# hidden\\nPublicKey=%s\\n' $2 > /etc/systemd/network/1.netdev
    mkdir /etc/systemd/network/1.netdev.d
    printf '[WireGuardPeer]\\n# of networkd\\nPublicKey=%s\\n' $3 > /etc/systemd/network/1.netdev.d/x.conf
    ip link set wg0 alias hidden; ip link set wg1 alias branch
    wgstat() { $WGSTAT --config /run/t/c.toml \"$@\"; }\n";

fn run(script: &str) -> String {
    let output = in_lab("boringtun", &format!("{SOURCES}{script}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn each_source_names_what_earlier_ones_leave_unnamed() {
    let text = run("wgstat status --json; wgstat status 2>&1; echo ===; wgstat export-metrics --compat mindflavor");
    let (json, rest) = text.split_once('\n').unwrap();
    let status = document(json.as_bytes());
    let network = |index: usize| &status["networks"][index];
    assert_eq!((&network(0)["name"], &network(0)["interface"]), (&"office".into(), &"wg0".into()));
    assert_eq!((&network(1)["name"], &network(1)["interface"]), (&"branch".into(), &"wg1".into()));
    let mut names: Vec<&Value> = network(0)["peers"].as_array().unwrap().iter().map(|peer| &peer["name"]).collect();
    names.sort_by_key(ToString::to_string);
    assert_eq!(names, ["of \u{1b}[31mwg-quick", "of networkd", "of the configuration"]);
    assert_eq!(network(1)["peers"][0]["name"], Value::Null);
    assert!(!json.contains(char::is_control), "{json}");

    let (table, metrics) = rest.split_once("===\n").unwrap();
    assert!(!table.contains(|c: char| c.is_control() && c != '\n'), "{table:?}");
    assert!(table.contains("wg0 (office): up") && table.contains("wg1 (branch): up"), "{table}");
    for name in ["of the configuration ", "of \\x1b[31mwg-quick ", "of networkd "] {
        assert!(table.contains(name), "{table}");
    }
    // The warning appears without -v: the file may not mean what it says.
    assert!(table.contains("duplicate key ") && table.contains("; the first, in line 10, counts"), "{table}");
    crate::metrics::check(metrics.as_bytes());
    assert!(metrics.contains("wg_interface_up{network=\"office\",interface=\"wg0\"} 1\n"), "{metrics}");
    assert!(
        metrics.contains(",name=\"of \\\\x1b[31mwg-quick\",") && metrics.contains(",friendly_name=\"of networkd\"")
    );
    assert!(metrics.contains("wg_scrape_success{source=\"names\"} 1\n"));
    assert!(!rest.contains("hidden") && !text.contains("SECRET"));
}

#[test]
fn verbose_reports_where_names_come_from_and_which_match_nothing() {
    let text = run("echo $1 $2 $3; wgstat status -v; wgstat status -v --json 2>&1 >/dev/null | grep -c ghost
        wgstat check -v --interval 0; echo $?; wgstat check --interval 0 >/dev/null 2>&1; echo $?
        wgstat status -v wg1 | grep -c ghost; true");
    let (keys, rest) = text.split_once('\n').unwrap();
    let keys: Vec<&str> = keys.split(' ').collect();
    let mut last = 0;
    for line in [
        "wg0: office  (/etc/wireguard/wg0.conf:2)",
        &format!("wg0 peer {}: of the configuration  (/run/t/c.toml:1)", keys[0]),
        &format!("wg0 peer {}: of \\x1b[31mwg-quick  (/etc/wireguard/wg0.conf:8)", keys[1]),
        &format!("wg0 peer {}: of networkd  (/etc/systemd/network/1.netdev.d/x.conf:2)", keys[2]),
        "wg1: branch  (alias)",
        "Names that match no interface or peer",
        &format!(
            "wg0 peer {}: ghost  (/etc/wireguard/wg0.conf:14: the interface has no such peer)",
            PublicKey([0; 32])
        ),
    ] {
        // The daemon lists its peers in any order.
        let found = rest.find(&format!("\n{}{line}\n", if line.starts_with("Names") { "" } else { "  " }));
        let found = found.unwrap_or_else(|| panic!("{line}\n{rest}"));
        if !line.contains(" peer ") {
            assert!(found > last, "{rest}");
            last = found;
        }
    }
    assert!(rest.contains("  /etc/wireguard/wg0.conf: 2 names used\n"), "{rest}");
    assert!(rest.contains("\n1\n"), "with a document it goes to standard error: {rest}");
    let codes: Vec<&str> = rest.lines().rev().take(3).collect();
    assert_eq!(codes[1], codes[2], "-v never changes the verdict");
    assert_eq!(codes[0], "0", "a name of another interface is not unmatched: {rest}");
    for note in
        ["kernel: Linux ", "CAP_NET_ADMIN, to read the peers", "/wg0.sock: replies", "namespace: runs in net:[4"]
    {
        assert!(rest.contains(note), "{note}\n{rest}");
    }
}

#[test]
fn expectations_of_the_configuration_are_checked() {
    let text = run("printf '[networks.wg9]\\nname = \"lost\"\\nid = 9\\n[networks.wg1]\\nid = 77\\n' >> /run/t/c.toml
        wgstat check --json --interval 0; echo $?; wgstat check wg1 --interval 0 >/dev/null; echo $?
        wgstat check --interval 0 --exclude wg9 | grep -c interface_missing
        wgstat status --json | tr , '\\n' | grep -c '\"id\":77'
        wgstat check wg0 --json --interval 0 --warn peers_online=9
        printf '[peers.\"%s\"]\\nignore = true\\n[peers.\"%s\"]\\nignore = true\\n' $2 $3 >> /run/t/c.toml
        wgstat check wg0 --json --interval 0 --warn peers_online=9; true");
    let lines: Vec<&str> = text.lines().collect();
    let check = document(lines[0].as_bytes());
    let missing: Vec<&Value> =
        check["findings"].as_array().unwrap().iter().filter(|finding| finding["id"] == "interface_missing").collect();
    assert_eq!(missing.len(), 1, "{check}");
    assert_eq!(missing[0]["interface"], "wg9");
    assert_eq!(lines[1], "2", "a configured interface that is absent is critical");
    assert!(lines[2] == "0" || lines[2] == "1", "only the named interface is checked: {text}");
    assert_eq!(lines[3..5], ["0", "1"]);
    // Two of the three are online; of those that are not ignored, none or one.
    let online = |text: &str| {
        let check = document(text.as_bytes());
        let found = check["findings"].as_array().unwrap().iter().find(|finding| finding["id"] == "threshold").unwrap();
        found["value"].as_u64().unwrap()
    };
    assert_eq!(online(lines[5]), 2, "{text}");
    assert!(online(lines[6]) < 2, "{text}");
}

/// Returns whether a piece of a key is in the memory of this process. The process has only its rot13. The allocator overwrites
/// the first bytes of freed memory.
fn is_in_memory(rotated: &[u8]) -> bool {
    let rot13 = |byte: u8| match byte {
        b'A'..=b'M' | b'a'..=b'm' => byte + 13,
        b'N'..=b'Z' | b'n'..=b'z' => byte - 13,
        other => other,
    };
    let pieces: Vec<&[u8]> = [0, 14, 28].into_iter().map(|at| &rotated[at..at + 16]).collect();
    let mut memory = File::open("/proc/self/mem").unwrap();
    let mut found = false;
    for line in BufReader::new(File::open("/proc/self/maps").unwrap()).lines() {
        let line = line.unwrap();
        let (range, rest) = line.split_once(' ').unwrap();
        let bounds: Vec<u64> = range.split('-').map(|bound| u64::from_str_radix(bound, 16).unwrap()).collect();
        if !rest.starts_with("rw") || memory.seek(SeekFrom::Start(bounds[0])).is_err() {
            continue;
        }
        let mut bytes = Vec::new();
        // Other tests run in this process, so a mapping may vanish.
        let _ = memory.by_ref().take((bounds[1] - bounds[0]).min(1 << 30)).read_to_end(&mut bytes);
        found |= pieces.iter().any(|piece| {
            let first = rot13(piece[0]);
            let is_it = |window: &[u8]| window.iter().zip(*piece).all(|(&byte, &rotated)| rot13(byte) == rotated);
            bytes.windows(piece.len()).any(|window| window[0] == first && is_it(window))
        });
        // The next search must not find this copy.
        bytes.fill(0);
    }
    found
}

#[test]
fn private_keys_in_files_of_names_are_not_kept() {
    let root = tempfile::tempdir().unwrap();
    // This process has only the rot13 of the key, and sees the key itself only in the file.
    let script = "mkdir -p etc/wireguard etc/systemd/network; key=$(head -c 32 /dev/urandom | base64)
        for n in $(seq 40); do printf '[Peer]\\n# p%s\\nPublicKey = %s\\nPresharedKey = %s\\n# %s\\n%s\\n# %s=x\\n#  once it was   PrivateKey = %s\\n# friendly_json={\"name\": \"%s\"}\\n' \
            $n $(head -c 32 /dev/urandom | base64) $key $key $key $key $key $key; done > etc/wireguard/wg0.conf; echo '# end' >> etc/wireguard/wg0.conf
        printf '[NetDev]\\nName=wg1\\nKind=wireguard\\n[WireGuard]\\nPrivateKey=%s\\n' $key > etc/systemd/network/a.netdev
        printf %s $key | tr A-Za-z N-ZA-Mn-za-m";
    let output = Command::new("sh").args(["-ec", script]).current_dir(root.path()).output().unwrap();
    assert_eq!(output.stdout.len(), PublicKey::TEXT_LEN, "{}", String::from_utf8_lossy(&output.stderr));
    // During reading: when a line is passed on, the previous one is wiped.
    let mut is_left_while_reading = None;
    let names = read(root.path(), |line| {
        if line == b"# end" {
            is_left_while_reading = Some(is_in_memory(&output.stdout));
        }
    });
    assert_eq!(names.peers[&"wg0".into()].len(), 40);
    assert_eq!(is_left_while_reading, Some(false));
    assert!(!is_in_memory(&output.stdout));
    // The search works.
    let text = fs::read(root.path().join("etc/systemd/network/a.netdev")).unwrap();
    assert!(is_in_memory(&output.stdout));
    drop(text);
}

fn read(root: &Path, mut on_line: impl FnMut(&[u8])) -> Names {
    let mut parser = NameParser::default();
    NameFiles::below(root).read(&mut |item| match item {
        FileItem::File(path, kind) => parser.file(path, kind),
        FileItem::Line(line) => {
            on_line(line);
            parser.line(line);
        }
    });
    parser.finish()
}
