//! Tests the exposition with promtool, a real `node_exporter` and a real Prometheus: no series is written twice, and the file
//! is always complete.

use std::collections::HashSet;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use crate::lab::{STOP_DAEMONS, in_lab, wgstat};

/// Runs promtool, which `tests/run` unpacks from Debian's package and puts on the PATH.
fn promtool(text: &[u8]) -> Output {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool: run the tests by tests/run, which has it");
    child.stdin.take().unwrap().write_all(text).unwrap();
    child.wait_with_output().unwrap()
}

/// Checks an exposition: promtool accepts it, each family starts once with its HELP and TYPE, and no series is written twice,
/// which promtool does not check.
pub(crate) fn check(text: &[u8]) {
    let output = promtool(text);
    let complaints = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && complaints.is_empty(), "{}", String::from_utf8_lossy(&complaints));

    let text = std::str::from_utf8(text).unwrap();
    let (mut families, mut series) = (HashSet::new(), HashSet::new());
    let mut family = "";
    for line in text.lines() {
        assert!(!line.contains(char::is_control), "{line:?}");
        if let Some(help) = line.strip_prefix("# HELP ") {
            family = help.split(' ').next().unwrap();
            assert!(families.insert(family), "{family} starts twice");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            assert_eq!(kind.split(' ').next(), Some(family));
        } else {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let own = name.split('{').next().unwrap();
            let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|ending| own.strip_suffix(ending));
            assert!(own == family || of_histogram == Some(family), "{line}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            assert!(series.insert(name), "twice: {name}");
        }
    }
}

fn text(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn value(text: &str, series: &str) -> u64 {
    let line = text.lines().find(|line| line.starts_with(series)).unwrap_or_else(|| panic!("no {series} in {text}"));
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[test]
fn exposition_of_the_lab_has_the_eight_required_counters() {
    for backend in ["boringtun", "wireguard-go"] {
        let script = "$WGSTAT export-metrics; echo ===; ip -s -j link show wg0; ip -s -j link show wg1";
        let text = text(in_lab(backend, script));
        let (exposition, links) = text.split_once("===\n").unwrap();
        check(exposition.as_bytes());
        for (interface, link) in ["wg0", "wg1"].into_iter().zip(links.lines()) {
            let link: serde_json::Value = serde_json::from_str(link).unwrap();
            for direction in ["rx", "tx"] {
                for counter in ["bytes", "packets", "errors", "dropped"] {
                    let series = format!(
                        "wg_interface_{direction}_{counter}_total{{network=\"{interface}\",interface=\"{interface}\"}}"
                    );
                    assert_eq!(value(exposition, &series), link[0]["stats64"][direction][counter], "{series}");
                }
            }
        }
        assert_eq!(value(exposition, "wg_interface_peers_online{network=\"wg0\""), 2);
        assert_eq!(value(exposition, "wg_scrape_success{source=\"peers\"}"), 1);
    }
}

#[test]
fn daemon_that_does_not_answer_is_a_failed_source() {
    let script = format!("{STOP_DAEMONS}$WGSTAT export-metrics");
    let text = text(in_lab("wireguard-go", &script));
    check(text.as_bytes());
    assert_eq!(value(&text, "wg_scrape_success{source=\"links\"}"), 1);
    assert_eq!(value(&text, "wg_scrape_success{source=\"peers\"}"), 0);
    assert!(value(&text, "wg_interface_rx_bytes_total{network=\"wg0\"") > 20_000, "the rest is exported");
    assert!(!text.contains("wg_interface_peers{"), "unknown is not 0");
}

/// Has promtool evaluate the rules over series that must raise each alert, and over others that must not.
#[test]
fn alert_rules_fire_only_when_they_should() {
    let directory = tempfile::tempdir().unwrap();
    let generate = |arguments: &[&str]| {
        let status =
            Command::new(wgstat()).args(["generate", "alert-rules"]).arg(directory.path()).args(arguments).output();
        assert!(status.unwrap().status.success());
    };
    let promtool = |arguments: &[&str]| {
        let output = Command::new("promtool").args(arguments).current_dir(directory.path()).output().unwrap();
        (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    std::fs::write(directory.path().join("test.yml"), include_str!("../fixtures/alert-rules-test.yml")).unwrap();
    generate(&[]);
    assert!(promtool(&["check", "rules", "wgstat-rules.yml"]).0);
    let (passed, text) = promtool(&["test", "rules", "test.yml"]);
    assert!(passed, "{text}");

    // With a limit above one error a minute the alert must not fire.
    generate(&["--tx-errors", "0.5"]);
    let (passed, text) = promtool(&["test", "rules", "test.yml"]);
    assert!(!passed && text.contains("WireGuardTransmitErrors"), "{text}");
}

#[test]
fn options_choose_peers_and_labels() {
    let script = "$WGSTAT export-metrics --max-peers 1; echo ===; $WGSTAT export-metrics --peer-endpoints; echo ===; \
                  $WGSTAT export-metrics --no-peers wg1";
    let text = text(in_lab("boringtun", script));
    let parts: Vec<&str> = text.split("===\n").collect();
    for part in &parts {
        check(part.as_bytes());
    }
    assert_eq!(value(parts[0], "wg_interface_peers_omitted{network=\"wg0\""), 2);
    assert_eq!(value(parts[0], "wg_interface_peers{network=\"wg0\""), 3);
    assert_eq!(parts[0].matches("\nwg_peer_rx_bytes_total{").count(), 2, "one for each network");
    assert!(!parts[0].contains("endpoint=") && parts[1].contains(",endpoint=\"192.0.2.2:51820\"}"));
    assert!(!parts[2].contains("\nwg_peer_rx_bytes_total{") && !parts[2].contains("wg0"));
}

#[test]
fn order_is_the_same_at_each_scrape() {
    // boringtun keeps its peers in a map whose order changes.
    let script = "for n in 1 2 3 4; do $WGSTAT export-metrics | sed 's/ [0-9.]*$//' | md5sum; done | sort -u | wc -l";
    assert_eq!(text(in_lab("boringtun", script)).trim(), "1");
}

#[test]
fn file_that_cannot_be_written_is_named_and_the_old_one_stays() {
    let script = "mkdir -p /run/t/full /run/t/ro /run/t/folder/x.prom; cd /run/t
        mount -t tmpfs -o size=8k tmpfs full; mount -t tmpfs tmpfs ro
        for d in full ro; do echo old > $d/x.prom; done; mount -o remount,ro ro
        for path in full/x.prom ro/x.prom missing/x.prom folder/x.prom; do
            $WGSTAT export-metrics --json --output $path 2>&1 | tr '\\n' ' '; echo
        done
        $WGSTAT export-metrics --output full/x.prom 2>/dev/null; echo $?
        mkfifo pipe; ln -s pipe link; echo old > there.prom; ln -s there.prom link.prom
        for path in pipe link; do $WGSTAT export-metrics --output $path 2>/dev/null; test -p $path && echo $?; done
        $WGSTAT export-metrics --output link.prom; readlink link.prom; grep -c build_info{ there.prom
        cat full/x.prom ro/x.prom; ls -A full; ls -A folder
        echo old > old.prom; $WGSTAT export-metrics wg9 --output old.prom 2>/dev/null; echo $?; cat old.prom";
    let text = text(in_lab("boringtun", script));
    let lines: Vec<&str> = text.lines().collect();
    let causes = [
        ("full/x.prom", "No space left on device (os error 28) "),
        ("ro/x.prom", "Read-only file system (os error 30) "),
        ("missing/x.prom", "No such file or directory (os error 2) hint: create the directory first "),
        ("folder/x.prom", "is a directory hint: give the name of a file in it "),
    ];
    for ((path, cause), line) in causes.into_iter().zip(&lines) {
        assert!(line.contains(&format!("wgstat: {path}: cannot write: {cause}")), "{line}");
        assert!(line.contains("\"OUTPUT_FAILED\""), "{line}");
    }
    assert_eq!(lines[4..], ["1", "0", "0", "there.prom", "1", "old", "old", "x.prom", "x.prom", "1", "old"]);
}

#[test]
fn file_is_readable_for_the_collector_and_alone() {
    let script = "umask 077; mkdir /run/t; cd /run/t; $WGSTAT export-metrics --output x.prom; \
                  stat -c %a x.prom; ls -A; cat x.prom";
    let text = text(in_lab("boringtun", script));
    let (head, exposition) = text.split_once("x.prom\n").unwrap();
    assert_eq!(head, "644\n");
    check(exposition.as_bytes());
}

#[test]
fn file_is_complete_even_after_a_kill() {
    let script = "mkdir /run/t; cd /run/t; $WGSTAT export-metrics --output x.prom; lines=$(wc -l < x.prom)
        for n in $(seq 300); do
            $WGSTAT export-metrics --output x.prom & sleep 0.00$((n % 10)); kill -9 $! 2>/dev/null; wait $! 2>/dev/null
            [ $(wc -l < x.prom) = $lines ] || echo torn
            grep -q ^wgstat_build_info x.prom || echo torn
        done; ls *.prom";
    assert_eq!(text(in_lab("boringtun", script)), "x.prom\n");
}

/// Waits until a server responds on a port. A large program starts slowly if its file is not cached yet.
const ANSWERS: &str = "answers() {
        for n in $(seq 600); do
            bash -c \"exec 3<>/dev/tcp/127.0.0.1/$1\" 2>/dev/null && return; sleep 0.1
        done
        echo nothing answers on port $1
    }";

/// Debian's `node_exporter` reads the file while it is rewritten.
#[test]
fn node_exporter_reads_the_file_while_it_is_rewritten() {
    let script = format!(
        "{ANSWERS}
        mkdir /run/t; cd /run/t; $WGSTAT export-metrics --output wg.prom
        prometheus-node-exporter --web.listen-address=127.0.0.1:9100 --collector.disable-defaults \
            --collector.textfile --collector.textfile.directory=/run/t >/run/log 2>&1 &
        exporter=$!
        answers 9100
        # 1,000 times at least, and for as long as it takes to scrape ten times.
        (rewrites=0
        until [ $rewrites -ge 1000 -a -e /run/enough -o $rewrites -ge 50000 ]; do
            $WGSTAT export-metrics --output wg.prom; rewrites=$((rewrites + 1))
        done; touch /run/done) &
        scrapes=0
        until [ -e /run/done ]; do
            bash -c 'exec 3<>/dev/tcp/127.0.0.1/9100 && printf \"GET /metrics HTTP/1.0\\r\\n\\r\\n\" >&3 && cat <&3' \
                > /run/scrape 2>/dev/null || {{ echo no answer; sleep 0.1; continue; }}
            scrapes=$((scrapes + 1)); [ $scrapes -lt 10 ] || touch /run/enough
            for family in $(sed -n 's/^# TYPE \\(wg[a-z_]*\\) .*/\\1/p' wg.prom); do
                case $family in wg_finding) continue;; esac
                grep -q \"^$family\" /run/scrape || echo missing $family
            done
            grep '^node_textfile_scrape_error [^0]' /run/scrape
        done
        kill $exporter; grep -i 'level=error' /run/log; [ -e /run/enough ] && echo scraped; true"
    );
    assert_eq!(text(in_lab("boringtun", &script)), "scraped\n");
}

/// Returns the expressions of the dashboard, with Grafana's variables replaced.
fn dashboard_expressions() -> Vec<String> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/grafana/wgstat.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    targets
        .map(|target| {
            target["expr"].as_str().unwrap().replace("$__rate_interval", "10s").replace("$network", "wg0|wg1")
        })
        .collect()
}

/// Conditions of public alert rules for MindFlavor's exporter: a peer without a handshake, with an old handshake, without
/// traffic. In the lab carol matches all of them.
const MINDFLAVOR: [&str; 3] = [
    "wireguard_latest_handshake_seconds == 0",
    "time() - wireguard_latest_handshake_seconds > 300",
    "rate(wireguard_sent_bytes_total[10s]) + rate(wireguard_received_bytes_total[10s]) == 0",
];

/// The number of pings of 500 bytes, and the window of `rate()` in seconds.
const SENT: u64 = 100;
const WINDOW: u64 = 10;

/// A real Prometheus scrapes a real `node_exporter` that reads our file. Every expression of the dashboard returns data, and
/// `rate()` of each required counter equals the traffic that was sent.
#[test]
fn prometheus_answers_every_expression_of_the_dashboard() {
    let expressions = dashboard_expressions();
    assert!(expressions.len() >= 15, "{expressions:?}");
    let all = expressions.iter().map(String::as_str).chain(MINDFLAVOR);
    let queries = all.fold(String::new(), |text, expression| text + "ask '" + expression + "'\n");
    let script = format!(
        "{ANSWERS}
        mkdir /run/t /run/p; cd /run/t
        # Or the kernel asks for routers in between, 48 bytes each time.
        echo 1 > /proc/sys/net/ipv6/conf/wg0/disable_ipv6
        printf 'scrape_configs: [{{job_name: node, scrape_interval: 1s, static_configs: [{{targets: [127.0.0.1:9100]}}]}}]' \
            > /run/prometheus.yml
        $WGSTAT export-metrics --output wg.prom
        prometheus-node-exporter --web.listen-address=127.0.0.1:9100 --collector.disable-defaults \
            --collector.textfile --collector.textfile.directory=/run/t >/run/log 2>&1 &
        prometheus --config.file=/run/prometheus.yml --storage.tsdb.path=/run/p --web.listen-address=127.0.0.1:9090 \
            >/run/plog 2>&1 &
        answers 9100; answers 9090
        for n in $(seq 14); do
            ping -q -c 10 -i 0.05 -s 472 10.9.0.2 >/dev/null 2>&1; $WGSTAT export-metrics --compat mindflavor --output wg.prom; sleep 0.5
        done
        ask() {{
            answer=$(promtool query instant http://127.0.0.1:9090 \"$1\" 2>&1)
            case $answer in *'=> '*) ;; *) echo \"no data: $1: $answer\";; esac
        }}
        {queries}
        # The window of the rates: some scrapes before the pings, and some after.
        $WGSTAT export-metrics --output wg.prom; ip -s -j link show wg0 >/run/before; sleep 8
        ping -q -c {SENT} -i 0.02 -s 472 10.9.0.2 >/dev/null 2>&1
        ip -s -j link show wg0 >/run/after; $WGSTAT export-metrics --output wg.prom; sleep 3
        value() {{ promtool query instant \"$@\" | sed -n 's/.*=> \\([^ ]*\\) .*/\\1/p'; }}
        now=$(value http://127.0.0.1:9090 'timestamp(wg_interface_tx_bytes_total{{interface=\"wg0\"}})')
        echo links; cat /run/before /run/after
        for name in rx_bytes rx_packets rx_errors rx_dropped tx_bytes tx_packets tx_errors tx_dropped; do
            echo $name $(value --time=$now http://127.0.0.1:9090 \"rate(wg_interface_${{name}}_total{{interface='wg0'}}[{WINDOW}s])\")
        done"
    );
    let text = text(in_lab("boringtun", &script));
    let (complaints, rates) = text.split_once("links\n").unwrap_or_else(|| panic!("{text}"));
    assert_eq!(complaints, "");
    let mut lines = rates.lines();
    let [before, after] = [(); 2].map(|()| serde_json::from_str::<serde_json::Value>(lines.next().unwrap()).unwrap());
    let mut compared = 0;
    for (name, rate) in lines.map(|line| line.split_once(' ').unwrap()) {
        let (direction, what) = name.split_once('_').unwrap();
        let [before, after] = [&before, &after].map(|link| link[0]["stats64"][direction][what].as_u64().unwrap());
        let counted = after - before;
        // A daemon's link counts inner packets, and none that the daemon rejects.
        let sent = match what {
            "packets" => SENT,
            "bytes" => SENT * 500,
            _ => 0,
        };
        assert_eq!(counted, sent, "{name}");
        let grown = rate.parse::<f64>().unwrap() * WINDOW as f64;
        // If a scrape is late, one second of the window is extrapolated.
        let least = counted as f64 * 0.98;
        let most = counted as f64 * (WINDOW as f64 / (WINDOW - 1) as f64 + 0.02);
        assert!((least..=most).contains(&grown), "{name}: {grown} by rate(), {counted} by ip");
        compared += 1;
    }
    assert_eq!(compared, 8);
}
