//! A Grafana dashboard over our metrics: all networks first, then a row for each.

use serde_json::{Value, json};

/// Width of Grafana's grid.
const GRID: u32 = 24;
const HEIGHT: u32 = 8;
const SELECTED: &str = "network=~\"$network\"";

/// One panel: title, unit, expressions with their legends, and what to know about it.
struct Panel {
    title: &'static str,
    unit: &'static str,
    queries: Vec<(String, &'static str)>,
    description: &'static str,
}

/// The dashboard as a JSON file.
#[must_use]
pub fn dashboard() -> String {
    let mut panels = Vec::new();
    let mut y = 0;
    row(&mut panels, &mut y, "All networks", None, overview());
    row(&mut panels, &mut y, "$network", Some("network"), network());
    let dashboard = json!({
        "title": "WireGuard interfaces (wgstat)",
        "uid": "wgstat",
        "description": "Made by wgstat generate dashboard. Directions are the scraped host's.",
        "tags": ["wireguard", "wgstat"],
        "schemaVersion": 39,
        "editable": true,
        "refresh": "30s",
        "time": { "from": "now-6h", "to": "now" },
        "templating": { "list": [
            { "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus" },
            {
                "name": "network", "label": "Network", "type": "query",
                "datasource": datasource(),
                "query": { "query": "label_values(wg_interface_up, network)", "refId": "network" },
                "refresh": 2, "sort": 1, "multi": true, "includeAll": true,
                "current": { "text": "All", "value": "$__all" },
            },
        ] },
        "panels": panels,
    });
    format!("{dashboard:#}\n")
}

fn datasource() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

fn rate(metric: &str) -> String {
    format!("rate({metric}{{{SELECTED}}}[$__rate_interval])")
}

fn overview() -> Vec<Panel> {
    vec![
        Panel {
            title: "Throughput of all networks",
            unit: "Bps",
            queries: vec![
                (format!("sum({})", rate("wg_interface_rx_bytes_total")), "received"),
                (format!("sum({})", rate("wg_interface_tx_bytes_total")), "sent"),
            ],
            description: "The interfaces' own counters: they keep what removed peers moved.",
        },
        Panel {
            title: "Errors and drops of all networks",
            unit: "pps",
            queries: vec![
                (format!("sum({})", rate("wg_interface_rx_errors_total")), "received, refused"),
                (format!("sum({})", rate("wg_interface_tx_errors_total")), "not sent"),
                (format!("sum({})", rate("wg_interface_rx_dropped_total")), "received, dropped"),
                (format!("sum({})", rate("wg_interface_tx_dropped_total")), "dropped before sending"),
            ],
            description: "None of these is a sign of the MTU: packets over it are counted nowhere.",
        },
    ]
}

fn network() -> Vec<Panel> {
    let peers_rate = |direction: &str| rate(&format!("wg_peer_{direction}_bytes_total"));
    vec![
        Panel {
            title: "Throughput",
            unit: "Bps",
            queries: vec![
                (rate("wg_interface_rx_bytes_total"), "{{interface}} received"),
                (rate("wg_interface_tx_bytes_total"), "{{interface}} sent"),
            ],
            description: "",
        },
        Panel {
            title: "Packets",
            unit: "pps",
            queries: vec![
                (rate("wg_interface_rx_packets_total"), "{{interface}} received"),
                (rate("wg_interface_tx_packets_total"), "{{interface}} sent"),
            ],
            description: "On kernel WireGuard, messages: handshakes and keepalives are among them.",
        },
        Panel {
            title: "Errors by reason",
            unit: "pps",
            queries: vec![
                (rate("wg_interface_rx_error_reasons_total"), "received, {{reason}}"),
                (rate("wg_interface_tx_error_reasons_total"), "sent, {{reason}}"),
                (rate("wg_interface_tx_errors_total"), "not sent, all reasons"),
            ],
            description: "frame: a peer's inner source address is not in its allowed-ips. aborted: a firewall refused.",
        },
        Panel {
            title: "Drops",
            unit: "pps",
            queries: vec![
                (rate("wg_interface_rx_dropped_total"), "received, dropped"),
                (rate("wg_interface_tx_dropped_total"), "dropped before sending"),
            ],
            description: "Before sending: packets that waited for a handshake in vain, or that a firewall refused.",
        },
        Panel {
            title: "Peers online",
            unit: "short",
            queries: vec![
                (format!("wg_interface_peers_online{{{SELECTED}}}"), "online"),
                (format!("wg_interface_peers{{{SELECTED}}}"), "configured"),
            ],
            description: "Online: a handshake in the last 180 s. Without keepalive an idle peer is not.",
        },
        Panel {
            title: "Handshake ages",
            unit: "s",
            queries: vec![(
                format!("bottomk(20, time() - wg_peer_last_handshake_timestamp_seconds{{{SELECTED}}})"),
                "{{public_key}}",
            )],
            description: "The 20 youngest. Peers that never shook hands have no age.",
        },
        Panel {
            title: "Top peers",
            unit: "Bps",
            queries: vec![(format!("topk(10, {} + {})", peers_rate("rx"), peers_rate("tx")), "{{public_key}}")],
            description: "Both directions together.",
        },
    ]
}

/// Adds a row and its panels, two abreast.
fn row(panels: &mut Vec<Value>, y: &mut u32, title: &str, repeat: Option<&str>, contents: Vec<Panel>) {
    let mut header = json!({
        "id": panels.len() + 1, "type": "row", "title": title, "collapsed": false, "panels": [],
        "gridPos": { "x": 0, "y": *y, "w": GRID, "h": 1 },
    });
    if let (Some(repeat), Some(header)) = (repeat, header.as_object_mut()) {
        header.insert("repeat".to_owned(), repeat.into());
    }
    panels.push(header);
    *y += 1;
    for (place, panel) in (0..).zip(contents) {
        let right = place % 2 == 1;
        let targets: Vec<Value> = ('A'..)
            .zip(&panel.queries)
            .map(|(id, (expression, legend))| {
                json!({
                    "refId": id.to_string(), "expr": expression, "legendFormat": legend, "datasource": datasource(),
                })
            })
            .collect();
        panels.push(json!({
            "id": panels.len() + 1,
            "type": "timeseries",
            "title": panel.title,
            "description": panel.description,
            "datasource": datasource(),
            "gridPos": { "x": if right { GRID / 2 } else { 0 }, "y": *y, "w": GRID / 2, "h": HEIGHT },
            "fieldConfig": { "defaults": { "unit": panel.unit, "min": 0 }, "overrides": [] },
            "options": { "tooltip": { "mode": "multi" }, "legend": { "displayMode": "list", "placement": "bottom" } },
            "targets": targets,
        }));
        if right {
            *y += HEIGHT;
        }
    }
    *y += HEIGHT;
}
