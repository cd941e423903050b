//! A real Prometheus scrapes a real `node_exporter` that reads our file. For counters of the kernel, `rate()` of each required
//! counter equals the traffic that was sent.

use std::time::Duration;

use serde_json::Value;

use super::faults::Pair;
use super::guest::Host;

pub(super) const TESTS: &[(&str, fn())] = &[
    ("rate_of_each_counter_is_what_was_sent", rates),
    ("prometheus_scrapes_the_server_over_tls_with_a_password", served),
];

/// Seconds between scrapes.
const SCRAPE: u64 = 5;
/// The range of `rate()` in seconds: it covers the traffic and the time before and after.
const WINDOW: u64 = 60;

/// The traffic: packets that are sent. The replies to pings are received.
const PINGS: u64 = 100;
const TO_NO_PEER: u64 = 30;
const FROM_FORBIDDEN_SOURCE: u64 = 20;
const REFUSED: u64 = 10;
/// A ping of 472 bytes is an inner packet of 500, padded to 512, in a message with 32 bytes of its own.
const MESSAGE: u64 = 544;
/// Tolerated bytes of keepalives and a handshake.
const EXTRA: u64 = 4;

/// Holds Prometheus, its `node_exporter` or our server, and their files. They end with the test.
struct Monitoring<'a>(&'a Host);

/// The paths of a certificate for 127.0.0.1 and its key in the guest.
pub(super) const CERTIFICATE: [&str; 2] = ["etc/wgstat.crt", "etc/wgstat.key"];

impl<'a> Monitoring<'a> {
    /// Starts a Prometheus that scrapes the server twice, once with the wrong password.
    fn of_server(host: &'a Host) -> Self {
        let [certificate, key] = CERTIFICATE;
        let hash = bcrypt::hash("correct", 4).unwrap();
        let job = |password: &str| {
            format!(
                "{{job_name: {password}, scrape_interval: {SCRAPE}s, scheme: https, basic_auth: {{username: prometheus, \
                 password: {password}}}, tls_config: {{ca_file: /{certificate}}}, static_configs: [{{targets: [127.0.0.1:9586]}}]}}"
            )
        };
        host.sh(&format!(
            "rm -rf /tmp/tsdb
             cat > /tmp/web.yml <<END
tls_server_config: {{cert_file: /{certificate}, key_file: /{key}, min_version: TLS13}}
basic_auth_users: {{prometheus: \"{}\"}}
END
             cat > /tmp/prometheus.yml <<END
scrape_configs: [{}, {}]
END
             wgstat serve --web.config.file /tmp/web.yml >/tmp/serve.log 2>&1 &
             prometheus --config.file=/tmp/prometheus.yml --storage.tsdb.path=/tmp/tsdb \
                 --web.listen-address=127.0.0.1:9090 >/tmp/prometheus.log 2>&1 &",
            hash.replace('$', "\\$"),
            job("correct"),
            job("wrong")
        ));
        Self(host)
    }

    fn start(host: &'a Host) -> Self {
        host.sh(&format!(
            "rm -rf /tmp/textfile /tmp/tsdb; mkdir -p /tmp/textfile
             printf 'scrape_configs: [{{job_name: node, scrape_interval: {SCRAPE}s, static_configs: [{{targets: [127.0.0.1:9100]}}]}}]' \
                 > /tmp/prometheus.yml
             prometheus-node-exporter --web.listen-address=127.0.0.1:9100 --collector.disable-defaults --collector.textfile \
                 --collector.textfile.directory=/tmp/textfile >/tmp/exporter.log 2>&1 &
             prometheus --config.file=/tmp/prometheus.yml --storage.tsdb.path=/tmp/tsdb \
                 --web.listen-address=127.0.0.1:9090 >/tmp/prometheus.log 2>&1 &"
        ));
        Self(host)
    }

    /// Returns the value of an expression at a time.
    fn ask(&self, expression: &str, time: Option<f64>) -> Option<f64> {
        let time = time.map(|time| format!("&time={time:.3}")).unwrap_or_default();
        let url = "http://127.0.0.1:9090/api/v1/query";
        let answer = self.0.run(&["busybox", "wget", "-qO-", "--post-data", &format!("query={expression}{time}"), url]);
        let answer: Value = serde_json::from_slice(&answer.stdout).ok()?;
        answer["data"]["result"][0]["value"][1].as_str()?.parse().ok()
    }

    /// Waits until a scrape has this value.
    fn wait_for(&self, expression: &str, value: u64) {
        for _ in 0..60 {
            if self.ask(expression, None) == Some(value as f64) {
                return;
            }
            std::thread::sleep(Duration::from_secs(2));
        }
        panic!("{expression} is never {value}: {}", self.0.sh("tail -n 5 /tmp/*.log"));
    }
}

impl Drop for Monitoring<'_> {
    fn drop(&mut self) {
        self.0.run(&["sh", "-c", "kill $(pidof prometheus prometheus-node-exporter wgstat)"]);
    }
}

/// Returns the eight counters from `ip`.
fn counters(host: &Host) -> Vec<(String, u64)> {
    let link: Value = serde_json::from_str(&host.sh("ip -s -j link show wg0")).unwrap();
    let names = ["bytes", "packets", "errors", "dropped"];
    let pairs = ["rx", "tx"].into_iter().flat_map(|direction| names.map(|name| (direction, name)));
    pairs
        .map(|(direction, name)| (format!("{direction}_{name}"), link[0]["stats64"][direction][name].as_u64().unwrap()))
        .collect()
}

fn rates() {
    let Pair { near, far } = Pair::new();
    // The handshake must not count as traffic.
    near.sh("ping -q -c 2 10.9.0.2 >/dev/null");
    far.sh("ip address add 10.9.0.77/24 dev wg0");
    let monitoring = Monitoring::start(&near);
    let export = || near.sh("wgstat export-metrics --output /tmp/textfile/wg.prom");
    let before = counters(&near);
    let bytes = "wg_interface_tx_bytes_total{interface=\"wg0\"}";
    export();
    monitoring.wait_for(bytes, before[4].1);
    // The range has to be full of scrapes.
    std::thread::sleep(Duration::from_secs(WINDOW));

    near.sh(&format!("ping -q -c {PINGS} -i 0.02 -s 472 10.9.0.2 >/dev/null"));
    near.sh(&format!("ping -q -c {TO_NO_PEER} -i 0.02 -W 1 10.9.0.99 >/dev/null || true"));
    far.sh(&format!("ping -q -c {FROM_FORBIDDEN_SOURCE} -i 0.02 -W 1 -I 10.9.0.77 10.9.0.1 >/dev/null || true"));
    near.sh("nft add table ip t; nft 'add chain ip t o { type filter hook output priority 0; }'; nft add rule ip t o udp dport 51820 drop");
    near.sh(&format!("ping -q -c {REFUSED} -i 0.02 -W 1 10.9.0.2 >/dev/null || true"));
    near.sh("nft delete table ip t");
    let after = counters(&near);
    export();
    monitoring.wait_for(bytes, after[4].1);
    std::thread::sleep(Duration::from_secs(2 * SCRAPE));

    // At the time of a scrape the range starts and ends with one, and nothing is extrapolated.
    let time = monitoring.ask(&format!("timestamp({bytes})"), None).unwrap();
    let sent = [
        ("rx_bytes", PINGS * MESSAGE),
        ("rx_packets", PINGS),
        ("rx_errors", FROM_FORBIDDEN_SOURCE),
        ("rx_dropped", 0),
        ("tx_bytes", PINGS * MESSAGE),
        ("tx_packets", PINGS),
        ("tx_errors", TO_NO_PEER),
        ("tx_dropped", REFUSED),
    ];
    for (((name, sent), (key, before)), (_, after)) in sent.into_iter().zip(before).zip(after) {
        assert_eq!(name, key);
        let rate =
            monitoring.ask(&format!("rate(wg_interface_{name}_total{{interface=\"wg0\"}}[{WINDOW}s])"), Some(time));
        let grown = rate.unwrap_or_else(|| panic!("no rate of {name}")) * WINDOW as f64;
        let counted = after - before;
        assert!((grown - counted as f64).abs() <= counted as f64 * 0.02, "{name}: {grown} by rate(), {counted} by ip");
        let extra = if name.ends_with("bytes") { EXTRA * MESSAGE } else { EXTRA };
        let extra = if name.ends_with("packets") || name.ends_with("bytes") { extra } else { 0 };
        assert!((sent..=sent + extra).contains(&counted), "{name}: {counted} by ip, {sent} sent");
    }
}

fn served() {
    let Pair { near, far } = Pair::new();
    near.sh("ping -q -c 2 10.9.0.2 >/dev/null");
    let monitoring = Monitoring::of_server(&near);
    monitoring.wait_for("up{job=\"correct\"}", 1);
    monitoring.wait_for("up{job=\"wrong\"}", 0);
    far.sh("ip address add 10.9.0.77/24 dev wg0");
    near.sh(&format!("ping -q -c {PINGS} -i 0.02 -s 472 10.9.0.2 >/dev/null"));
    near.sh(&format!("ping -q -c {TO_NO_PEER} -i 0.02 -W 1 10.9.0.99 >/dev/null || true"));
    far.sh(&format!("ping -q -c {FROM_FORBIDDEN_SOURCE} -i 0.02 -W 1 -I 10.9.0.77 10.9.0.1 >/dev/null || true"));
    for (name, value) in counters(&near) {
        monitoring.wait_for(&format!("wg_interface_{name}_total{{interface=\"wg0\"}}"), value);
    }
    // It is found by growth, so only background samples can find it.
    monitoring.wait_for("wg_finding{id=\"rx_forbidden_source\",severity=\"warning\"}", FROM_FORBIDDEN_SOURCE);
    let refused = monitoring.ask("wgstat_http_refused_total{reason=\"credentials\"}", None).unwrap();
    let served = monitoring.ask("wgstat_http_requests_total{code=\"200\"}", None).unwrap();
    assert!(refused >= 1.0 && served >= 3.0, "{refused} refused, {served} served");
    let log = near.sh("cat /tmp/serve.log");
    assert!(log.starts_with("wgstat: listening on https://127.0.0.1:9586/\n") && log.lines().count() == 1, "{log}");
}
