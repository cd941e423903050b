//! Tests the documents of `serve` in the lab: they equal the output of the commands, plus what the background samples add.

use std::collections::BTreeSet;

use serde_json::Value;

use super::client::metric;
use crate::common::document;
use crate::lab::{STOP_DAEMONS, in_lab};

/// Starts a server in the lab and runs a script. In the script, `get PATH CURL-OPTIONS` sends a request.
pub(super) fn served(backend: &str, options: &str, script: &str) -> String {
    let script = format!(
        "get() {{ path=$1; shift; curl -s --max-time 20 \"$@\" \"http://127.0.0.1:9586$path\"; }}
        mkdir -p /run/t; cd /run/t; : > c.toml
        $WGSTAT serve {options} 2>/run/t/log & server=$!
        for n in $(seq 400); do get /health >/dev/null && break; kill -0 $server || {{ cat /run/t/log; exit 1; }}; sleep 0.05; done
        {script}
        kill $server; wait $server || echo the server exited with $?"
    );
    let output = in_lab(backend, &script);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&[output.stdout, output.stderr].concat()));
    String::from_utf8(output.stdout).unwrap()
}

/// Splits the output of a script at lines of `===`.
fn parts(text: &str) -> Vec<&str> {
    text.split("===\n").collect()
}

/// Parses a document and removes what differs between samples, or over HTTP.
fn comparable(text: &str) -> Value {
    let mut value = document(text.as_bytes());
    value["timestamp"] = Value::Null;
    for network in value["networks"].as_array_mut().unwrap() {
        network["rates"] = Value::Null;
        for peer in network["peers"].as_array_mut().into_iter().flatten() {
            // A daemon lists its peers in random order.
            for key in ["id", "rates", "endpoint", "transfer_rx", "transfer_tx", "last_handshake"] {
                peer[key] = Value::Null;
            }
        }
        if let Some(peers) = network["peers"].as_array_mut() {
            peers.sort_by_key(|peer| peer["public_key"].to_string());
        }
    }
    value["findings"] = Value::Null;
    value
}

/// Returns the ids of the findings.
fn ids(document: &Value) -> BTreeSet<&str> {
    document["findings"].as_array().unwrap().iter().map(|finding| finding["id"].as_str().unwrap()).collect()
}

#[test]
fn status_equals_the_output_of_the_command() {
    for backend in ["boringtun", "wireguard-go"] {
        let script = "$WGSTAT --json; echo ===; get /api/status; echo ===; $WGSTAT stats wg0 --json; echo ===
            get /api/networks/wg0; echo ===; ip -s -j link show wg0";
        let text = served(backend, "", script);
        let parts = parts(&text);
        assert_eq!(comparable(parts[0]), comparable(parts[1]), "{backend}");
        assert_eq!(comparable(parts[2]), comparable(parts[3]), "{backend}");
        let [command, http] = [parts[0], parts[1]].map(|text| document(text.as_bytes()));
        assert!(ids(&command).is_subset(&ids(&http)), "{:?} {:?}", ids(&command), ids(&http));
        let link: Value = serde_json::from_str(parts[4]).unwrap();
        let stats = &http["networks"][0]["interface_stats"];
        assert!(stats["rx_bytes"].as_u64().unwrap() > 20_000, "traffic flowed");
        for direction in ["rx", "tx"] {
            for counter in ["bytes", "packets", "errors", "dropped"] {
                assert_eq!(
                    stats[format!("{direction}_{counter}")],
                    link[0]["stats64"][direction][counter],
                    "{backend}"
                );
            }
        }
    }
}

#[test]
fn metrics_equal_those_of_the_command_plus_the_server_s_own() {
    let script =
        "$WGSTAT export-metrics; echo ===; get /metrics; echo ===; get /metrics -H 'Accept-Encoding: gzip' | gzip -d
        echo ===; get /metrics -sD - -o /dev/null -H 'Accept-Encoding: gzip'";
    let text = served("boringtun", "", script);
    let parts = parts(&text);
    for exposition in &parts[1..3] {
        crate::metrics::check(exposition.as_bytes());
    }
    let series = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with("wgstat_http_") && !line.contains(" wgstat_http_"));
        lines.map(|line| line.rsplit_once(' ').map_or(line, |(name, _)| name).to_owned()).collect()
    };
    let [command, http] = [series(parts[0]), series(parts[1])];
    // The server may add findings that need an interval.
    let without = |all: &[String]| -> Vec<String> {
        all.iter().filter(|line| !line.starts_with("wg_finding")).cloned().collect()
    };
    assert_eq!(without(&command), without(&http));
    assert!(metric(parts[2], "wgstat_http_requests_total{code=\"200\"}") >= 2.0);
    assert!(metric(parts[2], "wgstat_http_request_duration_seconds_count") >= 2.0);
    for reason in ["connections", "header", "body", "host", "credentials", "write_timeout"] {
        assert!(parts[1].contains(&format!("wgstat_http_refused_total{{reason=\"{reason}\"}} 0\n")), "{reason}");
    }
    let head = parts[3].to_lowercase();
    assert!(head.contains("content-encoding: gzip\r\n") && head.contains("vary: accept-encoding\r\n"), "{head}");
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{head}");
}

/// Returns whether a text contains an endpoint of the lab.
fn contains_endpoint(text: &str) -> bool {
    ["192.0.2.", "198.51.100.", "203.0.113."].iter().any(|address| text.contains(address))
}

#[test]
fn only_authenticated_clients_see_endpoints() {
    let all =
        "for path in /api/status /api/networks/wg0 /api/history?interface=wg0 /metrics; do get $path \"$@\"; done";
    // Without a route to carol the remedy contains her endpoint.
    let script = format!(
        "all() {{ {all}; }}; ip route add blackhole 192.0.2.99
        for n in $(seq 200); do get /api/status | grep -q endpoint_unreachable && break; sleep 0.05; done
        all; echo ===; $WGSTAT --json"
    );
    let text = served("wireguard-go", "--poll 1s", &script);
    let parts = parts(&text);
    assert!(!contains_endpoint(parts[0]), "{}", parts[0]);
    assert!(parts[0].contains("ENDPOINT"), "the remedy has a placeholder: {}", parts[0]);
    assert!(contains_endpoint(parts[1]));

    let text = served("wireguard-go", "--peer-endpoints", &all.replace("\"$@\"", ""));
    assert!(contains_endpoint(&text) && text.contains(",endpoint=\"192.0.2.2:51820\"}"));

    // The password is `secret`.
    let script = "get /api/status -u alice:secret; echo ===; get /metrics -u alice:secret; echo ===
        get /api/status -u alice:wrong; get /api/status";
    let config = "--web.config.file /run/web.yml";
    let hash = bcrypt::hash("secret", 4).unwrap();
    let text = served_with("wireguard-go", config, &format!("basic_auth_users: {{alice: \"{hash}\"}}"), script);
    let parts = self::parts(&text);
    assert!(contains_endpoint(parts[0]), "{}", parts[0]);
    assert!(!contains_endpoint(parts[1]), "as labels they would create new series");
    assert!(!contains_endpoint(parts[2]) && parts[2].matches("UNAUTHORIZED").count() == 2, "{}", parts[2]);
}

/// Does the same with a web configuration.
fn served_with(backend: &str, options: &str, web: &str, script: &str) -> String {
    let web = web.replace('$', "\\$");
    let output = in_lab(
        backend,
        &format!(
            "cat > /run/web.yml <<END\n{web}\nEND\n
            get() {{ path=$1; shift; curl -s --max-time 20 \"$@\" \"http://127.0.0.1:9586$path\"; }}
            $WGSTAT serve {options} 2>/run/log & server=$!
            for n in $(seq 400); do get /health >/dev/null && break; sleep 0.05; done
            {script}
            kill $server; wait $server"
        ),
    );
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&[output.stdout, output.stderr].concat()));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn history_and_rates_come_from_background_samples() {
    // The pings make the counters grow.
    let script = "for n in $(seq 100); do
            ping -q -c 3 -i 0.05 -W 1 10.9.0.2 >/dev/null 2>&1
            get '/api/history?interface=wg0' > h; [ $(grep -o timestamp h | wc -l) -ge 6 ] && break
        done
        cat h; echo ===; get /api/status; echo ===; get /api/history; echo ===; get /api/history?interface=nope; echo ===
        get /health";
    let text = served("boringtun", "--poll 1s", script);
    let parts = parts(&text);
    let history = document(parts[0].as_bytes());
    assert_eq!(
        (&history["type"], &history["interface"], &history["netns"]),
        (&"history".into(), &"wg0".into(), &Value::Null)
    );
    let samples = history["samples"].as_array().unwrap();
    assert!(samples.len() >= 2, "{history}");
    for pair in samples.windows(2) {
        assert!(pair[0]["timestamp"].as_u64() < pair[1]["timestamp"].as_u64());
        assert!(pair[0]["rx_packets"].as_u64() <= pair[1]["rx_packets"].as_u64());
        assert_eq!(pair[1]["reset"], false);
    }
    assert!(samples[0]["rx_packets"].as_u64() < samples.last().unwrap()["rx_packets"].as_u64(), "{history}");
    let status = document(parts[1].as_bytes());
    let rates = &status["networks"][0]["rates"];
    assert!(rates["interval_seconds"].as_f64().unwrap() >= 1.0, "{rates}");
    assert!(rates["rx_packets"].as_f64().unwrap() > 0.0, "{rates}");
    assert_eq!(
        status["networks"][0]["peers"].as_array().unwrap().iter().filter(|peer| peer["rates"].is_object()).count(),
        3
    );
    let all = document(parts[2].as_bytes());
    let (sum, one) = (all["samples"].as_array().unwrap(), samples);
    assert_eq!(all["interface"], Value::Null);
    assert!(
        sum.last().unwrap()["rx_bytes"].as_u64() > one.last().unwrap()["rx_bytes"].as_u64(),
        "the sum includes wg1"
    );
    assert_eq!(document(parts[3].as_bytes())["error"]["code"], "INTERFACE_NOT_FOUND");
    let health = document(parts[4].as_bytes());
    assert_eq!(health["networks"]["total"], 2);
}

#[test]
fn network_is_found_by_both_names_and_the_error_lists_the_known_ones() {
    let script = "ip link set wg1 alias 'branch / 2'
        get /api/networks/wg1; echo ===; get /api/networks/branch%20%2F%202; echo ===
        get /api/networks/wg9 -w '%{http_code}'; echo; echo ===; get '/api/networks/wg1?netns=blue'; echo ===
        get /api/networks/ -w '%{http_code}'";
    let text = served("boringtun", "", script);
    let parts = parts(&text);
    for part in &parts[..2] {
        let found = document(part.as_bytes());
        let networks = found["networks"].as_array().unwrap();
        assert_eq!((networks.len(), &networks[0]["interface"]), (1, &"wg1".into()));
        assert_eq!(found["totals"]["rx_bytes"], networks[0]["interface_stats"]["rx_bytes"]);
    }
    assert_eq!(
        parts[2],
        "{\"error\":{\"code\":\"INTERFACE_NOT_FOUND\",\"message\":\"wg9: no such WireGuard interface (have: wg0, wg1)\"}}\n404\n"
    );
    assert!(parts[3].contains("INTERFACE_NOT_FOUND"));
    assert!(parts[4].contains("NOT_FOUND") && parts[4].contains("404"));
}

#[test]
fn hanging_daemon_delays_only_requests_that_need_it() {
    // Twenty scrapes share one or two samples. Each sample waits two seconds for both daemons concurrently.
    let script = format!(
        "{STOP_DAEMONS}
        for n in $(seq 20); do get /metrics -w 'took %{{time_total}}\\n' > m$n & pids=\"$pids $!\"; done
        get / -o page -w 'page %{{http_code}} %{{time_total}}\\n'
        get /api/schema -o schema -w 'schema %{{http_code}} %{{time_total}}\\n'
        wait $pids; cat m20; tail -qn 1 m*; kill -CONT $(pidof wireguard-go); get /metrics | grep success.*peers"
    );
    let text = served("wireguard-go", "", &script);
    for name in ["page", "schema"] {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name} 200 ")))
            .unwrap_or_else(|| panic!("{text}"));
        assert!(line.parse::<f64>().unwrap() < 1.0, "{name}: {line} s");
    }
    assert!(text.contains("wg_scrape_success{source=\"peers\"} 0\n"), "{text}");
    let received = metric(&text, "wg_interface_rx_bytes_total{network=\"wg0\",interface=\"wg0\"}");
    assert!(received > 20_000.0, "the counters of the link are there");
    let took: Vec<f64> = text.lines().filter_map(|line| line.strip_prefix("took ")?.parse().ok()).collect();
    // m20 is printed twice.
    assert_eq!(took.len(), 21, "{text}");
    assert!(took.iter().all(|&took| took < 7.0), "{took:?}");
    assert!(text.ends_with("wg_scrape_success{source=\"peers\"} 1\n"), "peers are readable again: {text}");
}

#[test]
fn schema_is_the_published_one() {
    let text = served("boringtun", "", "get /api/schema");
    let all: Value = serde_json::from_str(&text).unwrap();
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema");
    let mut compared = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let published: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(all[path.file_stem().unwrap().to_str().unwrap()], published, "{}", path.display());
        compared += 1;
    }
    assert_eq!(compared, all.as_object().unwrap().len());
}

#[test]
fn missing_interface_is_reported_until_it_appears() {
    let script = "get /api/status; echo ===; ip link set wg1 name wg7; get /api/status; echo ===; get /health";
    let text = served("boringtun", "wg7 wg0", script);
    let parts = parts(&text);
    let before = document(parts[0].as_bytes());
    assert_eq!(before["networks"].as_array().unwrap().len(), 1);
    assert!(ids(&before).contains("interface_missing"), "{before}");
    // A renamed tun link has no socket with its new name, so it is not found. The request must not fail.
    document(parts[1].as_bytes());
    assert_eq!(document(parts[2].as_bytes())["status"], "degraded");
}

#[test]
fn names_are_reloaded_after_a_change_or_sighup() {
    let script = "mount -t tmpfs tmpfs /etc/wireguard; key=$(wg show wg1 peers); : > c.toml
        printf '[Peer]\\n# dave\\nPublicKey = %s\\n' $key > /etc/wireguard/wg1.conf; kill -HUP $server
        for n in $(seq 200); do get /api/networks/wg1 | grep -q '\"dave\"' && break; sleep 0.05; done; echo $n
        printf '[networks.wg1]\\nname = \"branch\"\\n' > c.toml; kill -HUP $server
        for n in $(seq 200); do get /metrics | grep -q 'network=\"branch\"' && break; sleep 0.05; done; echo $n
        printf '[networks.wg1]\\nnmae = \"x\"\\n' > c.toml; kill -HUP $server
        for n in $(seq 200); do grep -q 'no such key' log && break; sleep 0.05; done; get /metrics | grep -c 'wg_interface_up{network=\"branch\"'
        sleep 5.2; printf '[Peer]\\n# dora\\nPublicKey = %s\\n' $key > /etc/wireguard/wg1.conf
        for n in $(seq 200); do get /api/networks/wg1 | grep -q '\"dora\"' && break; sleep 0.05; done; echo $n; cat log";
    let text = served("boringtun", "--config c.toml", script);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].parse::<u32>().unwrap() < 200 && lines[1].parse::<u32>().unwrap() < 200, "{text}");
    assert_eq!(lines[2], "1", "the previous configuration stays in use: {text}");
    assert!(lines[3].parse::<u32>().unwrap() < 200, "{text}");
    let message = "wgstat: c.toml:2: networks.wg1.nmae: no such key; the previous configuration stays in use";
    assert!(lines.contains(&message) && lines.contains(&"hint: did you mean name? (known: name, id)"), "{text}");
}

#[test]
fn unreadable_peers_are_reported_at_the_start_and_served_as_unknown() {
    // The server may not connect to the daemon's socket.
    let script = "mkdir /run/t; cd /run/t; chmod 0 /run/wireguard/*.sock; drop='setpriv --bounding-set=-dac_override,-dac_read_search'
        $drop $WGSTAT serve 2>log & server=$!
        for n in $(seq 400); do curl -s http://127.0.0.1:9586/api/status > s && break; sleep 0.05; done
        cat s; echo ===; curl -s http://127.0.0.1:9586/health; echo ===; cat log; kill $server; wait $server
        $drop $WGSTAT serve --strict >/dev/null 2>&1; echo strict $?";
    let output = in_lab("boringtun", script);
    let text = String::from_utf8(output.stdout).unwrap();
    let parts = parts(&text);
    let status = document(parts[0].as_bytes());
    assert_eq!(status["problems"][0]["code"], "PERMISSION_DENIED", "{text}");
    for network in status["networks"].as_array().unwrap() {
        assert_eq!(network["peers"], Value::Null);
    }
    assert_eq!(document(parts[1].as_bytes())["status"], "degraded");
    assert!(
        parts[2].contains("hint: run it with sudo")
            && parts[2].contains("wgstat: listening on http://127.0.0.1:9586/\n"),
        "{text}"
    );
    assert!(parts[2].ends_with("strict 1\n"), "{text}");
}
