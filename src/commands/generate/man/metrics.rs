//! What the page of `export-metrics` has beside the options; and the list of metrics, which is read from an exposition that
//! the renderer itself writes, so that none can be missing.

use std::io;
use std::net::Ipv4Addr;

use roff::{bold, italic, roman};

use super::options::sentence;
use super::{Page, exit_status};
use crate::findings::findings;
use crate::model::{AllowedIp, Backend, InterfaceStats, Network, Peer, Snapshot, Source};
use crate::render::prometheus::{Compat, Options, write};
use crate::render::{Endpoints, Report};

pub(super) fn sections(page: &mut Page) -> io::Result<()> {
    exit_status(
        page,
        "Nothing usable was read, or the file could not be replaced; or, with --strict, not all was read.",
    );
    page.examples(&[
        ("To standard output:", "wgstat export-metrics"),
        (
            "For node_exporter's textfile collector, once a minute by /etc/cron.d/wgstat:",
            "* * * * * root wgstat export-metrics \\\n    --output /var/lib/prometheus/node-exporter/wgstat.prom",
        ),
        (
            "For dashboards of another exporter, and no more than a hundred peers:",
            "wgstat export-metrics --compat mindflavor --max-peers 100",
        ),
        (
            "In Prometheus, what each peer sends per second, by the names of the peers:",
            "rate(wg_peer_rx_bytes_total[5m])\n  * on (instance, interface, public_key) group_left (name)\n    wg_peer_info",
        ),
    ]);
    page.section("METRICS")
        .text(
            "In the text format 0.0.4 of Prometheus. Counters are absolute, as the kernel or the daemon has them, in whole \
             numbers of 64 bits; units stand at the end of a name. What is not known is left out.",
        )
        .paragraph(
            "The label network is the network's name, else the interface's. With --netns there is the label netns behind \
             interface, and with --peer-endpoints the label endpoint on wg_peer_info. Every other label is listed here:",
        );
    let ours = exposition(None)?;
    list(page, &families(&ours));
    for (compat, name) in [(Compat::Mindflavor, "mindflavor"), (Compat::Mdlayher, "mdlayher")] {
        page.subsection(&format!("With --compat {name}"));
        list(page, &families(exposition(Some(compat))?.strip_prefix(&ours).unwrap_or_default()));
    }
    page.see_also("wgstat(1), wgstat-serve(1), wgstat-generate(1), prometheus-node-exporter(1)");
    Ok(())
}

/// What is written of a network that has everything.
fn exposition(compat: Option<Compat>) -> io::Result<String> {
    let peer = Peer {
        last_handshake: Some(1),
        persistent_keepalive: 25,
        allowed_ips: [AllowedIp { address: Ipv4Addr::LOCALHOST.into(), prefix: 32 }].into_iter().collect(),
        ..Peer::default()
    };
    let network = Network {
        interface: "wg0".into(),
        backend: Backend::Kernel,
        enabled: Some(false),
        up: Some(false),
        mtu: Some(1420),
        stats: InterfaceStats::from_values(&[Some(1); 25]),
        peers: Some(vec![peer]),
        ..Network::default()
    };
    let source = |name| Source { name, success: true, duration: std::time::Duration::ZERO };
    let snapshot = Snapshot {
        networks: vec![network],
        sources: ["links", "peers", "names"].map(source).into(),
        ..Snapshot::default()
    };
    let mut findings = findings(&snapshot);
    // One shows the labels; several would look like all severities that there are.
    findings.truncate(1);
    let report = Report { snapshot: &snapshot, rates: &[], findings: &findings, endpoints: Endpoints::Hidden };
    let mut text = Vec::new();
    write(&mut text, &report, &Options { compat, ..Options::default() })?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// A family of an exposition.
#[derive(Default)]
pub(super) struct Family<'a> {
    name: &'a str,
    kind: &'a str,
    help: &'a str,
    labels: Vec<&'a str>,
    /// Of the last label, in the order they were written.
    values: Vec<&'a str>,
}

/// The families of an exposition whose labels have neither commas nor quotes in them.
pub(super) fn families(text: &str) -> Vec<Family<'_>> {
    let mut families: Vec<Family<'_>> = Vec::new();
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|line| line.split_once(' ')) {
            families.push(Family { name, help, ..Family::default() });
        } else if let Some(family) = families.last_mut() {
            if let Some((_, kind)) = line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' ')) {
                family.kind = kind;
            } else if let Some((_, labels)) = line.rsplit_once('}').and_then(|(labels, _)| labels.split_once('{')) {
                let labels: Vec<(&str, &str)> = labels.split(',').filter_map(|label| label.split_once('=')).collect();
                family.labels = labels.iter().map(|(name, _)| *name).collect();
                family.values.extend(labels.last().map(|(_, value)| value.trim_matches('"')));
            }
        }
    }
    families
}

pub(super) fn list(page: &mut Page, families: &[Family<'_>]) {
    for Family { name, kind, help, labels, values } in families {
        let mut term = vec![bold(*name)];
        if !labels.is_empty() {
            term.extend([roman(" {"), italic(labels.join(", ")), roman("}")]);
        }
        let (first, rest) = kind.split_at_checked(1).unwrap_or_default();
        let mut text = format!("{}{rest}. {}", first.to_uppercase(), sentence(help));
        if let (Some(label), [_, _, ..]) = (labels.last(), values.as_slice()) {
            text.extend([" Values of ", label, ": ", &values.join(", "), "."]);
        }
        page.term(term, &text);
    }
}
