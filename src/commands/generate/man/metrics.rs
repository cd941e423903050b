//! Lists the metrics. The list is read from an exposition that the renderer itself writes, so that no family can be missing.

use std::io;
use std::net::Ipv4Addr;

use super::options::sentence;
use super::roff::{bold, italic, item_with};
use crate::findings::findings;
use crate::http::Metrics;
use crate::model::{AllowedIp, Backend, InterfaceStats, Network, Peer, Snapshot, Source};
use crate::render::prometheus::{Compat, Options, write};
use crate::render::{Endpoints, Report};

/// Returns the families of interfaces and peers.
pub(super) fn families_of_network() -> io::Result<String> {
    Ok(list(&families(&exposition(None)?)))
}

/// Returns the families that `--compat` adds.
pub(super) fn families_of_compat(compat: Compat) -> io::Result<String> {
    let own = exposition(None)?;
    Ok(list(&families(exposition(Some(compat))?.strip_prefix(&own).unwrap_or_default())))
}

/// Returns the families that `serve` adds.
pub(super) fn families_of_server() -> io::Result<String> {
    let mut text = Vec::new();
    Metrics::new().map_err(io::Error::other)?.write(&mut text);
    Ok(list(&families(&String::from_utf8_lossy(&text))))
}

/// Returns the exposition of a network that has every family.
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
    // One finding is enough for the labels. Several would look like a complete list of severities.
    findings.truncate(1);
    let report = Report { snapshot: &snapshot, rates: &[], findings: &findings, endpoints: Endpoints::Hidden };
    let mut text = Vec::new();
    write(&mut text, &report, &Options { compat, ..Options::default() })?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Holds a family of an exposition.
#[derive(Default)]
struct Family<'a> {
    name: &'a str,
    kind: &'a str,
    help: &'a str,
    labels: Vec<&'a str>,
    /// Values of the last label, in the order of the exposition.
    values: Vec<&'a str>,
}

/// Parses an exposition whose label values contain neither commas nor quotes.
fn families(text: &str) -> Vec<Family<'_>> {
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

/// Returns the entries of families: name and labels, then type, help and the values of the last label.
fn list(families: &[Family<'_>]) -> String {
    let entry = |Family { name, kind, help, labels, values }: &Family<'_>| {
        let labels_term =
            if labels.is_empty() { String::new() } else { format!(" {{{}}}", italic(&labels.join(", "))) };
        let (first, rest) = kind.split_at_checked(1).unwrap_or_default();
        let mut text = format!("{}{rest}. {}", first.to_uppercase(), sentence(help));
        if let (Some(label), [_, _, ..]) = (labels.last(), values.as_slice()) {
            text.extend([" Values of ", label, ": ", &values.join(", "), "."]);
        }
        item_with(&(bold(name) + &labels_term), &text)
    };
    families.iter().map(entry).collect()
}
