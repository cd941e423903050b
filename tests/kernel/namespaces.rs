//! Tests networks of the same name in several network namespaces, and namespaces that vanish.

use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use super::common::document;
use super::guest::{Host, base64, private_key, public_key, sh};

pub(super) const TESTS: &[(&str, fn())] = &[
    ("three_namespaces_with_the_same_interface_name_are_distinguished", three_namespaces),
    ("namespace_is_found_by_name_path_and_process", by_name_path_and_process),
    ("remedy_acts_in_the_namespace_of_its_finding", remedies),
    ("state_distinguishes_namespaces", state),
    ("namespace_that_vanishes_is_a_problem", vanishes),
    ("daemon_is_shown_in_its_own_namespace_only", daemon),
    ("unprivileged_user_sees_its_own_namespace", unprivileged),
    ("globs_choose_and_exclude_interfaces", globs),
];

/// Returns a namespace with wg0, in which this many packets were sent to no peer.
fn host(unsent: u32) -> Host {
    let host = Host::new();
    std::fs::write("/tmp/key", base64(&private_key(unsent))).unwrap();
    host.sh(&format!(
        "ip link add wg0 type wireguard; wg set wg0 private-key /tmp/key peer {} allowed-ips 10.9.0.2/32
         ip address add 10.9.0.1/24 dev wg0; ip link set wg0 up
         ping -q -c {unsent} -i 0.01 -W 1 10.9.0.9 >/dev/null 2>&1 || true",
        public_key(2)
    ));
    host
}

/// Holds a process that keeps a namespace without a name.
struct Keeper(Child);

impl Keeper {
    /// Starts it in the namespace of a host, and deletes the name of that.
    fn of(host: Host) -> Self {
        let sleep = Command::new("ip").args(["netns", "exec", host.name(), "sleep", "1000"]).spawn().unwrap();
        // `ip` has entered the namespace when it executes the program.
        let program = format!("/proc/{}/comm", sleep.id());
        while std::fs::read_to_string(&program).unwrap() != "sleep\n" {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        drop(host);
        Self(sleep)
    }

    /// Returns the name that wgstat shows for it.
    fn label(&self) -> String {
        std::fs::read_link(format!("/proc/{}/ns/net", self.0.id())).unwrap().to_string_lossy().into_owned()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wgstat(arguments: &str) -> Output {
    Command::new("wgstat").args(arguments.split(' ')).stdin(Stdio::null()).output().unwrap()
}

fn json(arguments: &str) -> Value {
    let output = wgstat(&format!("{arguments} --json"));
    assert!(output.stdout.starts_with(b"{"), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    document(&output.stdout)
}

/// Returns namespace, interface and `tx_errors` of each network.
fn networks(document: &Value) -> Vec<(String, String, u64)> {
    let all = document["networks"].as_array().unwrap().iter();
    all.map(|network| {
        let text = |key: &str| network[key].as_str().unwrap_or_default().to_owned();
        (text("netns"), text("interface"), network["interface_stats"]["tx_errors"].as_u64().unwrap())
    })
    .collect()
}

fn three_namespaces() {
    let (one, two, three) = (host(1), host(2), host(3));
    let counted = |host: &Host| {
        let links: Value = serde_json::from_str(&host.sh("ip -s -j link show wg0")).unwrap();
        links[0]["stats64"]["tx"]["errors"].as_u64().unwrap()
    };
    assert_eq!([&one, &two, &three].map(counted), [1, 2, 3], "the oracle");
    let keeper = Keeper::of(three);
    // A second name of a namespace, and an entry that is not a namespace.
    sh(&format!("touch /run/netns/zz /run/netns/stale; mount --bind /run/netns/{} /run/netns/zz", one.name()));

    let status = json("status --netns all");
    let expected = [(one.name().to_owned(), 1), (two.name().to_owned(), 2), (keeper.label(), 3)];
    let expected: Vec<(String, String, u64)> =
        expected.into_iter().map(|(netns, errors)| (netns, "wg0".to_owned(), errors)).collect();
    assert_eq!(networks(&status), expected);
    assert_eq!(status["totals"]["tx_errors"], 6);
    let problems = status["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!((&problems[0]["code"], &problems[0]["netns"]), (&"NETNS_NOT_FOUND".into(), &"stale".into()));
    sh("rm /run/netns/stale");

    let text = String::from_utf8(wgstat("status --netns all").stdout).unwrap();
    for (netns, ..) in &expected {
        assert!(text.contains(&format!("wg0 in {netns}: up, kernel")), "{text}");
    }
    let metrics = String::from_utf8(wgstat("export-metrics --netns all").stdout).unwrap();
    for (netns, _, errors) in &expected {
        let sample =
            format!("wg_interface_tx_errors_total{{network=\"wg0\",interface=\"wg0\",netns=\"{netns}\"}} {errors}\n");
        assert!(metrics.contains(&sample), "{sample}{metrics}");
    }
    // The families of other exporters have no label for namespaces.
    for compat in ["mindflavor", "mdlayher"] {
        let metrics = wgstat(&format!("export-metrics --no-peers --netns all --compat {compat}")).stdout;
        assert_each_series_once(&metrics);
        let metrics = wgstat(&format!("export-metrics --netns all --compat {compat}")).stdout;
        assert_each_series_once(&metrics);
    }
    let access = String::from_utf8(wgstat("check -v --netns all --interval 0").stdout).unwrap();
    let inode = std::fs::read_link("/proc/self/ns/net").unwrap();
    for fact in [
        format!("runs in {}, 3 others are visible.", inode.display()),
        format!("{}: can be entered.", one.name()),
        format!("{}: can be entered.", keeper.label()),
        ", WireGuard driver".to_owned(),
        "CAP_SYS_ADMIN, to enter other network namespaces (--netns): yes.".to_owned(),
    ] {
        assert!(access.contains(&fact), "{fact}\n{access}");
    }
    let without = String::from_utf8(one.run(&["wgstat", "export-metrics"]).stdout).unwrap();
    assert!(without.contains("interface=\"wg0\"} 1\n") && !without.contains("netns"), "{without}");
    assert_eq!(one.json("status")["networks"][0]["netns"], Value::Null);
    sh("umount /run/netns/zz; rm /run/netns/zz");
}

fn assert_each_series_once(metrics: &[u8]) {
    let text = std::str::from_utf8(metrics).unwrap();
    let mut series: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(series.len() > 50, "{text}");
    for sample in &mut series {
        *sample = sample.rsplit_once(' ').unwrap().0;
    }
    series.sort_unstable();
    let twice: Vec<&[&str]> = series.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

fn by_name_path_and_process() {
    let (named, unnamed) = (host(1), Keeper::of(host(2)));
    let name = named.name();
    let of_named = [(name.to_owned(), "wg0".to_owned(), 1)];
    for netns in [name.to_owned(), format!("/run/netns/{name}"), format!("{name} --netns /run/netns/{name}")] {
        assert_eq!(networks(&json(&format!("status --netns {netns}"))), of_named, "{netns}");
    }
    let process = unnamed.0.id();
    for netns in [process.to_string(), format!("/proc/{process}/ns/net")] {
        let status = json(&format!("status --netns {netns}"));
        assert_eq!(networks(&status), [(unnamed.label(), "wg0".to_owned(), 2)], "{netns}");
    }
    let stats = json(&format!("stats wg0 --netns {name} --netns {process}"));
    assert_eq!(networks(&stats).len(), 2);

    let wrong = [
        (format!("{name}x"), "NETNS_NOT_FOUND", format!("did you mean {name}?")),
        ("999999".to_owned(), "NETNS_NOT_FOUND", "a path, a PID, or all".to_owned()),
        ("/tmp".to_owned(), "NETNS_NOT_FOUND", "not a network namespace".to_owned()),
        ("/proc/self/ns/mnt".to_owned(), "NETNS_NOT_FOUND", "not a network namespace".to_owned()),
    ];
    for (netns, code, text) in wrong {
        let output = wgstat(&format!("status --json --netns {netns}"));
        assert_eq!(output.status.code(), Some(1), "{netns}");
        assert_eq!(document(&output.stdout)["error"]["code"], code);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(stderr.contains(&text), "{stderr}");
    }
    assert_eq!(wgstat(&format!("check wg0 wg9 wg9 --interval 0 --netns {name}")).status.code(), Some(2), "named twice");
    assert_eq!(networks(&json(&format!("status wg0 wg0 --netns {name}"))), of_named);
    // An interface may be in either namespace. One that is in none is missing.
    named.sh("ip link add only type wireguard");
    assert_eq!(networks(&json(&format!("status only --netns {name} --netns {process}"))).len(), 1);
    let output = wgstat(&format!("status wg9 --netns {name} --netns {process}"));
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(stderr.starts_with("wgstat: wg9: no such WireGuard interface (have: only, wg0)\n"), "{stderr}");
}

fn remedies() {
    let (well, down, unnamed) = (host(1), host(1), Keeper::of(host(1)));
    let inside =
        |keeper: &Keeper, command: &str| sh(&format!("nsenter --net=/proc/{}/ns/net {command}", keeper.0.id()));
    down.sh("ip link set wg0 down");
    inside(&unnamed, "ip link set wg0 down");
    let check = || json("check --interval 0 --netns all");
    let findings = |check: &Value| -> Vec<(String, String)> {
        let all = check["findings"].as_array().unwrap().iter();
        let bad = all.filter(|finding| finding["severity"] == "critical");
        bad.map(|finding| {
            assert_eq!(finding["id"], "interface_down");
            let text = |key: &str| finding[key].as_str().unwrap().to_owned();
            (text("netns"), text("remedy"))
        })
        .collect()
    };
    let found = findings(&check());
    let netns: Vec<&str> = found.iter().map(|(netns, _)| netns.as_str()).collect();
    assert_eq!(netns, [down.name(), &unnamed.label()]);
    assert!(found[0].1.starts_with(&format!("ip netns exec {} ip link set dev wg0 up", down.name())), "{found:?}");
    for (_, remedy) in &found {
        sh(remedy);
    }
    assert_eq!(findings(&check()), []);
    // The fix was run as printed, and this namespace is unchanged.
    assert_eq!(well.json("status")["networks"][0]["up"], true);
    let line = String::from_utf8(wgstat("check --plugin --interval 0 --netns all").stdout).unwrap();
    for netns in [well.name(), down.name(), &unnamed.label()] {
        assert_eq!(line.matches(&format!(" '{netns}/wg0_tx_errors'=")).count(), 1, "{line}");
    }
}

fn state() {
    let (one, two) = (host(1), host(2));
    let scope = format!("--netns {} --netns {}", one.name(), two.name());
    let check = || json(&format!("check --interval 10ms --state /tmp/state {scope}"));
    check();
    two.sh("ping -q -c 5 -i 0.01 -W 1 10.9.0.9 >/dev/null 2>&1 || true");
    let found = check();
    let errors: Vec<(&Value, &Value)> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["severity"] == "warning")
        .map(|finding| (&finding["netns"], &finding["count"]))
        .collect();
    assert_eq!(errors, [(&Value::from(two.name()), &Value::from(5))], "{found}");
    // The same name, but another namespace: counters of the former are no baseline for the latter.
    let name = two.name().to_owned();
    let count = |host: &Host| host.json("status")["networks"][0]["ifindex"].as_u64().unwrap();
    let ifindex = count(&two);
    sh(&format!("ip netns del {name}; ip netns add {name}; ip -n {name} link set lo up"));
    two.sh(&format!(
        "ip link add wg0 type wireguard; wg set wg0 private-key /tmp/key peer {} allowed-ips 10.9.0.2/32
         ip address add 10.9.0.1/24 dev wg0; ip link set wg0 up
         ping -q -c 30 -i 0.01 -W 1 10.9.0.9 >/dev/null 2>&1 || true",
        public_key(2)
    ));
    assert_eq!(count(&two), ifindex, "only the namespace distinguishes the two");
    let again = check();
    let rising =
        again["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] == "warning").count();
    assert_eq!(rising, 0, "{again}");
    sh("rm /tmp/state");
}

fn vanishes() {
    // Two samples, and three: a long interval has one in between.
    for interval in ["10s", "40s"] {
        for scope in ["--netns {stays} --netns {goes}", "--netns all"] {
            let (stays, goes) = (host(1), host(2));
            let scope = scope.replace("{stays}", stays.name()).replace("{goes}", goes.name());
            let arguments = format!("check --json --interval {interval} {scope}");
            let check = Command::new("wgstat").args(arguments.split(' ')).stdout(Stdio::piped()).spawn().unwrap();
            std::thread::sleep(std::time::Duration::from_secs(5));
            let gone = goes.name().to_owned();
            drop(goes);
            let output = check.wait_with_output().unwrap();
            let found = document(&output.stdout);
            assert_eq!(found["interfaces"], serde_json::json!(["wg0"]), "{arguments}: {found}");
            let problems = found["problems"].as_array().unwrap();
            assert_eq!(problems.len(), 1, "{arguments}: {problems:?}");
            assert_eq!((&problems[0]["code"], &problems[0]["netns"]), (&"NETNS_NOT_FOUND".into(), &gone.into()));
            assert_eq!(output.status.code(), Some(3), "not everything could be read");
        }
    }
    // The only one.
    let goes = host(1);
    let arguments = format!("check --json --interval 40s --netns {}", goes.name());
    let check = Command::new("wgstat").args(arguments.split(' ')).stdout(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_secs(5));
    drop(goes);
    let output = check.wait_with_output().unwrap();
    assert_eq!(document(&output.stdout)["problems"][0]["code"], "NETNS_NOT_FOUND");
    assert_eq!(output.status.code(), Some(3));
}

fn daemon() {
    let (host, other) = (Host::new(), Host::new());
    other.sh("ip link add wg0 type wireguard");
    std::fs::write("/tmp/key", base64(&private_key(1))).unwrap();
    let set = format!("wg set wg7 private-key /tmp/key peer {} allowed-ips 10.9.0.2/32", public_key(2));
    // In the background, it may not have detached from its parent yet.
    host.sh(&format!(
        "wireguard-go -f wg7 >/dev/null 2>&1 & n=0
         until {set} 2>/dev/null || [ $n = 100 ]; do sleep 0.1; n=$((n + 1)); done; ip link set wg7 up"
    ));
    let status = json("status --netns all");
    let interfaces: Vec<(String, String)> =
        networks(&status).into_iter().map(|(netns, interface, _)| (netns, interface)).collect();
    let expected = [(host.name(), "wg7"), (other.name(), "wg0")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(interfaces, expected, "{status}");
    assert_eq!(status["networks"][0]["peers"][0]["public_key"], public_key(2));
    host.sh("ip link del wg7");
}

fn unprivileged() {
    let (own, other) = (host(1), host(2));
    let nobody = |arguments: &str| {
        let setpriv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "wgstat"];
        own.run(&[&setpriv, arguments.split(' ').collect::<Vec<_>>().as_slice()].concat())
    };
    let output = nobody("status --json --netns all");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let status = document(&output.stdout);
    assert_eq!(
        networks(&status),
        [(own.name().to_owned(), "wg0".to_owned(), 1)],
        "the own namespace needs no privilege"
    );
    let problems = status["problems"].as_array().unwrap();
    assert!(problems.iter().all(|problem| problem["code"] == "PERMISSION_DENIED"), "{problems:?}");
    let of_other = problems.iter().find(|problem| problem["netns"] == other.name()).unwrap();
    assert!(of_other["hint"].as_str().unwrap().contains("CAP_SYS_ADMIN"), "{of_other}");
    let output = nobody(&format!("status --netns {}", other.name()));
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        stderr.contains("cannot enter it: Operation not permitted") && stderr.contains("CAP_SYS_ADMIN"),
        "{stderr}"
    );
    let access = String::from_utf8(nobody("check -v --interval 0").stdout).unwrap();
    let denied = format!("network namespace {}: cannot enter it: Operation not permitted", other.name());
    for fact in [
        denied.as_str(),
        "CAP_NET_ADMIN, to read the peers of kernel interfaces: no.",
        "AmbientCapabilities=CAP_NET_ADMIN",
    ] {
        assert!(access.split_whitespace().collect::<Vec<_>>().join(" ").contains(fact), "{fact}\n{access}");
    }
    // An interface that cannot be read is not missing.
    assert_eq!(nobody(&format!("check wg7 --netns {}", other.name())).status.code(), Some(3));
    assert_eq!(nobody(&format!("check wg7 --interval 0 --netns {} --netns all", own.name())).status.code(), Some(3));
}

fn globs() {
    let host = host(1);
    host.sh("for name in wg1 wg10 office; do ip link add $name type wireguard; done; ip link add wg2 type dummy");
    let of = |arguments: &str| -> Vec<String> {
        networks(&host.json(arguments)).into_iter().map(|(_, interface, _)| interface).collect()
    };
    assert_eq!(of("status"), ["wg0", "wg1", "wg10", "office"]);
    assert_eq!(of("status wg*"), ["wg0", "wg1", "wg10"]);
    assert_eq!(of("status wg? o*"), ["wg0", "wg1", "office"]);
    assert_eq!(of("status office wg* wg0"), ["office", "wg0", "wg1", "wg10"], "each once, in the requested order");
    assert_eq!(of("stats wg[01]"), ["wg0", "wg1"]);
    assert_eq!(of("status --exclude wg1*"), ["wg0", "office"]);
    assert_eq!(of("status wg0 wg1 --exclude wg1 --exclude o*"), ["wg0"]);
    host.sh("ip link property add dev wg0 altname another-name");
    assert_eq!(of("status another-name office --exclude wg*"), ["office"]);
    let check = host.run(&["wgstat", "check", "wg1*", "--interval", "0", "--exclude", "wg10", "--json"]);
    assert_eq!(document(&check.stdout)["interfaces"], serde_json::json!(["wg1"]));
    let metrics = String::from_utf8(host.run(&["wgstat", "export-metrics", "w*", "--exclude", "wg0"]).stdout).unwrap();
    assert_eq!(metrics.matches("\nwg_interface_up{").count(), 2, "{metrics}");
    let output = host.run(&["wgstat", "status", "x*"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(stderr, "wgstat: x*: no such WireGuard interface (have: office, wg0, wg1, wg10)\n");
    let output = host.run(&["wgstat", "check", "x*", "--interval", "0"]);
    assert_eq!(output.status.code(), Some(2), "absent, and named");
}
