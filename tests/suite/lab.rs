//! Tests wgstat in the lab with both userspace daemons against `wg` and `ip`, and the lab itself:
//! nothing of it is left behind.

use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use serde_json::Value;

use crate::common::{document, lab_program};

/// Returns the program under test: `$WGSTAT`, or the build of this profile.
pub(crate) fn wgstat() -> PathBuf {
    std::env::var_os("WGSTAT").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_wgstat")), PathBuf::from)
}

/// Returns a command that runs in the lab, with the program under test as `$WGSTAT`.
pub(crate) fn lab(words: &[&str]) -> Command {
    let mut command = Command::new(lab_program());
    let path = std::env::var("PATH").unwrap();
    command.args(words).env("WGSTAT", wgstat()).env("PATH", format!("{path}:/usr/sbin:/sbin")).stdin(Stdio::null());
    // With it, the lab would build wgstat.
    command.env_remove("CARGO");
    command
}

/// Runs a shell script in the lab with this backend. `$WGSTAT` is the program under test.
pub(crate) fn in_lab(backend: &str, script: &str) -> Output {
    let limited = format!("exec timeout --foreground 120 sh -c '{}'", script.replace('\'', "'\\''"));
    lab(&["--backend", backend, "sh", "-c", &limited]).output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Removes the route that makes carol unreachable with boringtun, so that no tunnel has a warning.
pub(crate) const WITHOUT_WARNING: &str = "ip route del unreachable 192.0.2.99\n";

/// Stops every thread of both wireguard-go. On a busy machine the last one may still answer after `kill` returned.
pub(crate) const STOP_DAEMONS: &str = "for n in $(seq 200); do
        kill -STOP $(pidof wireguard-go)
        states=$(cat /proc/[0-9]*/task/*/stat 2>/dev/null | sed -n 's/^[0-9]* (wireguard-go) \\(.\\).*/\\1/p' | sort -u)
        [ \"$states\" = T ] && break; sleep 0.05
    done; [ \"$states\" = T ] || echo still running: $states
    ";

const DAEMONS: [&str; 2] = ["boringtun", "wireguard-go"];

#[test]
fn userspace_numbers_are_those_of_wg_and_ip() {
    for backend in DAEMONS {
        let script =
            "ip -s -s -j -d link show type tun; echo; echo ===; wg show all dump; echo ===; $WGSTAT status --json";
        let text = text(&in_lab(backend, script));
        let parts: Vec<&str> = text.split("===\n").collect();
        let links: Value = serde_json::from_str(parts[0].trim()).unwrap();
        let status = document(parts[2].as_bytes());
        assert_eq!(status["problems"], Value::Array(vec![]), "{backend}");
        let networks = status["networks"].as_array().unwrap();
        let links: Vec<&Value> = links.as_array().unwrap().iter().filter(|link| link.get("ifname").is_some()).collect();
        assert_eq!((networks.len(), links.len()), (2, 2), "{backend}");
        for (network, link) in networks.iter().zip(links) {
            assert_eq!(network["interface"], link["ifname"]);
            assert_eq!(network["ifindex"], link["ifindex"]);
            assert_eq!(network["mtu"], link["mtu"]);
            assert_eq!(network["device_type"], "userspace");
            for direction in ["rx", "tx"] {
                for counter in ["bytes", "packets", "errors", "dropped"] {
                    let ours = &network["interface_stats"][format!("{direction}_{counter}")];
                    assert_eq!(*ours, link["stats64"][direction][counter], "{backend}: {direction}_{counter}");
                }
            }
        }
        same_peers(backend, networks, parts[1]);
        let counts: Vec<(usize, usize)> = networks
            .iter()
            .map(|network| {
                let peers = network["peers"].as_array().unwrap();
                (peers.iter().filter(|peer| peer["online"] == true).count(), peers.len())
            })
            .collect();
        assert_eq!(counts, [(2, 3), (1, 1)], "{backend}");
    }
}

fn same_peers(backend: &str, networks: &[Value], dump: &str) {
    let mut compared = 0;
    for columns in dump.lines().map(|line| line.split('\t').collect::<Vec<&str>>()) {
        let network = networks.iter().find(|network| network["interface"] == columns[0]).unwrap();
        if columns.len() == 5 {
            assert_eq!(network["listen_port"].to_string(), columns[3]);
            // wg does not parse the key under which boringtun reports its public key.
            if columns[2] != "(none)" {
                assert_eq!(network["public_key"], columns[2], "{backend}");
            }
            assert!(network["public_key"].is_string(), "{backend}");
            continue;
        }
        let peer = network["peers"].as_array().unwrap().iter().find(|peer| peer["public_key"] == columns[1]).unwrap();
        assert_eq!(peer["endpoint"], columns[3]);
        assert_eq!(peer["allowed_ips"][0], columns[4]);
        assert_eq!(peer["transfer_rx"].to_string(), columns[6], "{backend}");
        assert_eq!(peer["transfer_tx"].to_string(), columns[7], "{backend}");
        // wg takes the seconds since the handshake, which boringtun reports, for a time: "55 years ago".
        if backend == "wireguard-go" {
            assert_eq!(peer["last_handshake"].as_u64().unwrap_or(0).to_string(), columns[5]);
        }
        compared += 1;
    }
    assert_eq!(compared, 4, "{backend}");
}

#[test]
fn stopped_daemon_is_a_problem_and_its_counters_stay() {
    let script = "$WGSTAT status --json; echo $? >&2; $WGSTAT --strict >/dev/null 2>&1; echo $? >&2";
    let script = &format!("{STOP_DAEMONS}{script}");
    let output = in_lab("wireguard-go", script);
    let status = document(&output.stdout);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "0\n1\n", "exit codes without and with --strict");
    for (network, problem) in status["networks"].as_array().unwrap().iter().zip(status["problems"].as_array().unwrap())
    {
        assert_eq!(network["peers"], Value::Null);
        assert!(network["interface_stats"]["rx_bytes"].as_u64().unwrap() > 20_000);
        assert_eq!(problem["code"], "DAEMON_UNREACHABLE");
        assert_eq!(problem["interface"], network["interface"]);
    }
    assert_eq!(status["problems"].as_array().unwrap().len(), 2);
}

#[test]
fn killed_daemon_is_kept_as_dead() {
    // The links vanish shortly after the processes.
    let script = "kill -9 $(pidof wireguard-go)
        for n in $(seq 500); do [ -z \"$(ip -br link show type tun)\" ] && break; sleep 0.02; done
        $WGSTAT status --json";
    let output = in_lab("wireguard-go", script);
    let status = document(&output.stdout);
    let networks = status["networks"].as_array().unwrap();
    assert_eq!(networks.len(), 2);
    for (network, finding) in networks.iter().zip(status["findings"].as_array().unwrap()) {
        assert_eq!(network["ifindex"], Value::Null);
        assert_eq!(network["interface_stats"]["rx_bytes"], Value::Null);
        assert_eq!((&finding["id"], &finding["severity"]), (&"daemon_dead".into(), &"critical".into()));
    }
}

#[test]
fn daemon_in_the_background_keeps_its_link() {
    // Its parent listened on the socket and is gone, so SO_PEERCRED has no living PID.
    let script = "wireguard-go wg7 >/dev/null 2>&1; \
                  for n in $(seq 500); do [ -S /run/wireguard/wg7.sock ] && break; sleep 0.02; done; ip link set wg7 up; $WGSTAT stats wg7 --json; \
                  ip -j link show wg7";
    let output = in_lab("boringtun", script);
    let text = text(&output);
    let starting = |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap();
    let network = &document(starting("{").as_bytes())["networks"][0];
    let link: Value = serde_json::from_str(starting("[")).unwrap();
    assert_eq!(network["ifindex"], link[0]["ifindex"]);
    assert_eq!(network["enabled"], true);
    assert_eq!(network["interface_stats"]["rx_bytes"], 0);
}

#[test]
fn socket_whose_name_is_another_link_s_altname_does_not_take_that_link() {
    let script = "ip link property add dev wg0 altname other; mv /run/wireguard/wg1.sock /run/wireguard/other.sock; \
                  $WGSTAT --json";
    let status = document(&in_lab("wireguard-go", script).stdout);
    let names: Vec<&str> =
        status["networks"].as_array().unwrap().iter().map(|network| network["interface"].as_str().unwrap()).collect();
    assert_eq!(names, ["wg0", "other"]);
    assert_eq!(status["networks"][1]["ifindex"], Value::Null);
}

#[test]
fn unsearchable_directory_proves_nothing() {
    let script = "chmod 0 /run/wireguard; drop='setpriv --bounding-set=-dac_override,-dac_read_search'; \
                  $drop $WGSTAT stats wg0 --json; $drop $WGSTAT --json";
    let output = in_lab("boringtun", script);
    let text = String::from_utf8(output.stdout).unwrap();
    let documents: Vec<Value> = text.lines().map(|line| document(line.as_bytes())).collect();
    assert_eq!(documents[0]["error"]["code"], "PERMISSION_DENIED", "neither INTERFACE_NOT_FOUND nor NOT_WIREGUARD");
    assert_eq!(documents[1]["problems"][0]["code"], "PERMISSION_DENIED");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains("modprobe"), "{stderr}");
}

#[test]
fn two_names_of_a_tunnel_are_one_network() {
    let script = "ip link property add dev wg0 altname office; $WGSTAT stats office --json; \
                  $WGSTAT status wg0 office --json";
    let text = text(&in_lab("boringtun", script));
    for line in text.lines() {
        let document = document(line.as_bytes());
        assert_eq!(document["networks"].as_array().unwrap().len(), 1);
        assert_eq!(document["networks"][0]["interface"], "wg0");
    }
}

#[test]
fn tun_link_without_a_daemon_is_not_wireguard() {
    let output = in_lab("boringtun", "ip tuntap add tap0 mode tun; $WGSTAT stats tap0 --json; $WGSTAT --json");
    let text = String::from_utf8(output.stdout).unwrap();
    let (error, status) = text.split_once('\n').unwrap();
    let error = document(error.as_bytes());
    assert_eq!(error["error"]["code"], "NOT_WIREGUARD");
    assert!(String::from_utf8_lossy(&output.stderr).contains("hint: start its userspace WireGuard daemon"));
    assert_eq!(document(status.as_bytes())["networks"].as_array().unwrap().len(), 2);
}

/// Returns the processes in a network namespace, given as `readlink /proc/self/ns/net` prints it.
fn processes_in(namespace: &str) -> Vec<PathBuf> {
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .filter(|process| {
            std::fs::read_link(process.join("ns/net")).is_ok_and(|link| link == Path::new(namespace.trim()))
        })
        .collect()
}

fn assert_gone(namespace: &str) {
    let start = Instant::now();
    while !processes_in(namespace).is_empty() {
        assert!(start.elapsed() < Duration::from_secs(10), "still there: {:?}", processes_in(namespace));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn nothing_of_the_lab_stays() {
    for backend in DAEMONS {
        // Processes that the command left in the background are gone too.
        let script = "readlink /proc/self/ns/net; setsid sleep 600 >/dev/null 2>&1 & wireguard-go wg7 >/dev/null 2>&1";
        let namespace = text(&in_lab(backend, script));
        assert_gone(&namespace);
    }
}

#[test]
fn nothing_stays_after_a_signal_either() {
    use std::io::{BufRead as _, BufReader};
    // Ctrl-C reaches the whole process group, a crash only the lab's first process.
    for (signal, whole_group) in [(Signal::SIGINT, true), (Signal::SIGKILL, false), (Signal::SIGTERM, false)] {
        let mut child = lab(&["--backend", "wireguard-go", "sh", "-c", "readlink /proc/self/ns/net; exec sleep 600"])
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut namespace = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut namespace).unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        assert!(processes_in(&namespace).len() >= 4, "the command, the host, two daemons");
        if whole_group {
            killpg(pid, signal).unwrap();
        } else {
            kill(pid, signal).unwrap();
        }
        let status = child.wait().unwrap();
        assert!(status.signal().is_some() || status.code() == Some(130), "{status}");
        assert_gone(&namespace);
    }
}

#[test]
fn lab_passes_on_the_exit_code_of_its_command() {
    assert_eq!(in_lab("boringtun", "exit 7").status.code(), Some(7));
    let output = lab(&["no-such-program"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("lab: no-such-program: "));
}

#[test]
fn lab_names_the_setting_that_forbids_namespaces() {
    let script = format!("echo 0 > /proc/sys/user/max_user_namespaces && {} true", lab_program().display());
    let output = Command::new("unshare").args(["--user", "--map-root-user", "sh", "-c", &script]).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("namespaces are forbidden here"), "{message}");
    assert!(message.contains("sudo sysctl user.max_user_namespaces=10000"), "{message}");
}
