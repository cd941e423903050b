//! Writes the Prometheus exposition, in text format 0.0.4: absolute counters, exact integers, no rates.
//!
//! The samples of a family are in the order of the networks and their peers. No series is written twice: of two networks with
//! the same labels (for example a container's daemon whose socket is visible here) the first one is written.

mod compat;
mod exposition;

use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::LazyLock;

use self::exposition::{Exposition, Family, Kind, escaped};
use super::Report;
use super::out_buf::{OutBuf, PaddedText};
use crate::findings::counters::{Meaning, meaning};
use crate::model::{Backend, Counter, Network, Peer, PublicKey, Source, printable};

/// Holds the options of the exposition.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// The maximum number of peers of each network. Those with the latest handshakes are written.
    pub max_peers: Option<usize>,
    /// Whether endpoints are labels. They change when peers roam, and each change starts a new series.
    pub peer_endpoints: bool,
    /// The exporter whose families are written too.
    pub compat: Option<Compat>,
}

/// Names an exporter whose families can be written too, so that its dashboards and alert rules keep working.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compat {
    /// `prometheus_wireguard_exporter` of MindFlavor.
    Mindflavor,
    /// `wireguard_exporter` of mdlayher.
    Mdlayher,
}

/// Writes one exposition.
///
/// # Errors
/// Returns the writer's error.
pub fn write(out: &mut dyn Write, report: &Report<'_>, options: &Options) -> io::Result<()> {
    let networks = labelled(report, options);
    let mut exposition = Exposition { out: OutBuf::new(out) };
    exposition.interfaces(&networks);
    exposition.peers(&networks, options);
    exposition.findings(report);
    exposition.sources(&report.snapshot.sources);
    exposition.family("wgstat_build_info", Kind::Gauge, "Version of wgstat. The value is always 1.");
    exposition.sample("wgstat_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    match options.compat {
        Some(Compat::Mindflavor) => compat::mindflavor(&mut exposition, &networks),
        Some(Compat::Mdlayher) => compat::mdlayher(&mut exposition, &networks, options),
        None => {}
    }
    exposition.out.finish()
}

/// A network, the labels that all its series start with, and the peers to write.
struct LabelledNetwork<'a> {
    network: &'a Network,
    /// `{network="office",interface="wg0"`.
    labels: String,
    /// The same with the closing brace and the space before the value.
    all_labels: PaddedText,
    /// The index of `interface` in `labels`.
    interface_index: usize,
    peers: Vec<KeyedPeer<'a>>,
    online: usize,
    omitted: usize,
}

impl LabelledNetwork<'_> {
    /// Returns the label of the namespace, if one was requested.
    fn netns(&self) -> Option<(&str, &str)> {
        self.network.netns.as_deref().map(|netns| ("netns", netns))
    }
}

/// A peer and its key in base64, which every family needs.
struct KeyedPeer<'a> {
    peer: &'a Peer,
    key: [u8; PublicKey::TEXT_LEN],
}

impl<'a> From<&'a Peer> for KeyedPeer<'a> {
    fn from(peer: &'a Peer) -> Self {
        Self { peer, key: peer.public_key.encode() }
    }
}

impl KeyedPeer<'_> {
    fn key(&self) -> &str {
        // Base64 is ASCII.
        std::str::from_utf8(&self.key).unwrap_or_default()
    }
}

/// Returns the networks to write, without those whose labels another one has.
fn labelled<'a>(report: &Report<'a>, options: &Options) -> Vec<LabelledNetwork<'a>> {
    let networks = report.snapshot.networks.iter();
    let mut all: Vec<LabelledNetwork<'a>> = networks
        .map(|network| {
            let interface = network.interface.text();
            let interface = escaped(&interface);
            let name = network.name.as_deref().map(escaped);
            let name = name.as_deref().unwrap_or(&interface);
            let mut labels = ["{network=\"", name, "\",interface=\"", &*interface, "\""].concat();
            let interface_index = "{network=\"\",".len() + name.len();
            labels.extend(network.netns.as_deref().map(|netns| format!(",netns=\"{}\"", escaped(netns))));
            let peers = network.peers.as_deref().unwrap_or_default();
            let mut peers: Vec<KeyedPeer<'_>> = peers.iter().map(KeyedPeer::from).collect();
            if network.backend != Backend::Kernel {
                // The kernel's list has unique keys in a stable order. A daemon's list may have neither.
                peers.sort_by_key(|keyed| keyed.peer.public_key);
                peers.dedup_by_key(|keyed| keyed.peer.public_key);
            }
            let online = peers.iter().filter(|keyed| keyed.peer.is_online(report.snapshot.timestamp)).count();
            let all = peers.len();
            if let Some(max) = options.max_peers.filter(|&max| max < all) {
                // Chosen by handshake, written in the order of the kernel's list.
                let mut latest: Vec<(usize, KeyedPeer<'_>)> = peers.into_iter().enumerate().collect();
                latest.sort_by_key(|(_, keyed)| std::cmp::Reverse(keyed.peer.last_handshake));
                latest.truncate(max);
                latest.sort_unstable_by_key(|(index, _)| *index);
                peers = latest.into_iter().map(|(_, keyed)| keyed).collect();
            }
            let omitted = all - peers.len();
            let mut all_labels = PaddedText::default();
            all_labels.set(&[&labels, "} "]);
            LabelledNetwork { network, labels, all_labels, interface_index, peers, online, omitted }
        })
        .collect();
    // Compare the written labels: two interfaces may be equal once they are escaped. The friendly name is left out, because
    // the families of other exporters have no label for it.
    let mut seen = HashSet::with_capacity(all.len());
    let first: Vec<bool> =
        all.iter().map(|labelled| seen.insert(labelled.labels.get(labelled.interface_index..))).collect();
    let mut first = first.into_iter();
    all.retain(|_| first.next().unwrap_or(true));
    all
}

/// Follows a network's labels in all samples of its peers; the key follows it.
const PEER: &str = ",public_key=\"";

/// A family with one sample for each peer that has a value.
struct PeerFamily {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    value: fn(&Peer) -> Option<u64>,
}

impl Exposition<'_> {
    /// Writes a gauge with one sample for each network that has a value.
    fn gauge(
        &mut self,
        name: &str,
        help: &str,
        networks: &[LabelledNetwork<'_>],
        value: impl Fn(&LabelledNetwork<'_>) -> Option<u64>,
    ) {
        self.family(name, Kind::Gauge, help);
        for network in networks {
            if let Some(value) = value(network) {
                self.network_sample(name, network, value);
            }
        }
    }

    /// Writes the families of the interfaces.
    fn interfaces(&mut self, networks: &[LabelledNetwork<'_>]) {
        for (counter, family) in &*COUNTER_FAMILIES {
            self.begin(family);
            for network in networks {
                if let Some(value) = network.network.stats.get(*counter) {
                    self.network_sample(&family.name, network, value);
                }
            }
        }
        for (reasons, family) in &*REASON_FAMILIES {
            self.reasons(family, reasons, networks);
        }
        self.gauge("wg_interface_up", "Whether the interface is up and running.", networks, |labelled| {
            let network = labelled.network;
            match network.backend {
                Backend::DeadDaemon => Some(0),
                _ => network.enabled.zip(network.up).map(|(enabled, up)| u64::from(enabled && up)),
            }
        });
        self.gauge("wg_interface_mtu_bytes", "MTU of inner packets in bytes.", networks, |labelled| {
            labelled.network.mtu.map(u64::from)
        });
        self.gauge("wg_interface_peers", "Number of configured peers.", networks, |labelled| {
            labelled.network.peers.as_ref().map(|_| (labelled.peers.len() + labelled.omitted) as u64)
        });
        self.gauge(
            "wg_interface_peers_online",
            "Number of peers with a handshake in the last 180 seconds.",
            networks,
            |labelled| labelled.network.peers.as_ref().map(|_| labelled.online as u64),
        );
        self.gauge("wg_interface_peers_omitted", "Number of peers omitted by --max-peers.", networks, |labelled| {
            labelled.network.peers.as_ref().map(|_| labelled.omitted as u64)
        });
        self.family("wg_interface_info", Kind::Gauge, "Information about the interface. The value is always 1.");
        for labelled in networks {
            self.start_sample("wg_interface_info", labelled);
            for part in [",device_type=\"", labelled.network.backend.device_type(), "\",public_key=\""] {
                self.out.push_bytes(part.as_bytes());
            }
            if let Some(key) = &labelled.network.public_key {
                self.out.push_key(key);
            }
            self.out.push_bytes(b"\",listen_port=\"");
            if let Some(port) = labelled.network.listen_port {
                self.out.push_number(port.into());
            }
            self.out.push(b'"');
            self.value(1);
        }
    }

    /// Writes a family of error reasons.
    fn reasons(&mut self, family: &Family, reasons: &[Reason], networks: &[LabelledNetwork<'_>]) {
        self.begin(family);
        for labelled in networks {
            for Reason { label, counter, always } in reasons {
                if let Some(value) = labelled.network.stats.get(*counter).filter(|&value| *always || value > 0) {
                    self.start_sample(&family.name, labelled);
                    for part in [",reason=\"", label, "\""] {
                        self.out.push_bytes(part.as_bytes());
                    }
                    self.value(value);
                }
            }
        }
    }

    /// Writes the families of the peers.
    fn peers(&mut self, networks: &[LabelledNetwork<'_>], options: &Options) {
        let families = [
            PeerFamily {
                name: "wg_peer_rx_bytes_total",
                kind: Kind::Counter,
                help: "Number of bytes received from the peer.",
                value: |peer| Some(peer.rx_bytes),
            },
            PeerFamily {
                name: "wg_peer_tx_bytes_total",
                kind: Kind::Counter,
                help: "Number of bytes sent to the peer.",
                value: |peer| Some(peer.tx_bytes),
            },
            PeerFamily {
                name: "wg_peer_last_handshake_timestamp_seconds",
                kind: Kind::Gauge,
                help: "Unix time of the latest handshake. Absent until the first handshake.",
                value: |peer| peer.last_handshake,
            },
            PeerFamily {
                name: "wg_peer_persistent_keepalive_seconds",
                kind: Kind::Gauge,
                help: "Interval between keepalives in seconds. Absent if keepalives are off.",
                value: |peer| Some(u64::from(peer.persistent_keepalive)).filter(|&seconds| seconds > 0),
            },
        ];
        let mut start = PaddedText::default();
        for PeerFamily { name, kind, help, value } in families {
            self.family(name, kind, help);
            for labelled in networks {
                start.set(&[name, &labelled.labels, PEER]);
                for KeyedPeer { peer, key } in &labelled.peers {
                    if let Some(value) = value(peer) {
                        self.out.push_padded(&start);
                        self.out.push_bytes(key);
                        self.out.push_bytes(b"\"} ");
                        self.finish_sample(value);
                    }
                }
            }
        }
        let info = "wg_peer_info";
        self.family(info, Kind::Gauge, "Information about the peer, to join by public_key. The value is always 1.");
        for labelled in networks {
            start.set(&[info, &labelled.labels, PEER]);
            for KeyedPeer { peer, key } in &labelled.peers {
                self.out.push_padded(&start);
                self.out.push_bytes(key);
                self.out.push_bytes(b"\",name=\"");
                if let Some(name) = &peer.name {
                    self.out.push_bytes(escaped(name).as_bytes());
                }
                self.out.push_bytes(b"\",allowed_ips=\"");
                allowed_ips(&mut self.out, peer);
                self.out.push(b'"');
                if options.peer_endpoints {
                    self.out.push_bytes(b",endpoint=\"");
                    endpoint(&mut self.out, peer);
                    self.out.push(b'"');
                }
                self.value(1);
            }
        }
    }

    /// Writes the findings.
    fn findings(&mut self, report: &Report<'_>) {
        let name = "wg_finding";
        self.family(name, Kind::Gauge, "Number of packets, peers or interfaces that the finding covers.");
        let mut seen = HashSet::new();
        let networks = &report.snapshot.networks;
        let mut start = 0;
        for finding in report.findings {
            let interface = finding.interface.text();
            if seen.insert((&finding.netns, printable(&interface).into_owned(), finding.id)) {
                // Findings are in the order of the networks, so the search starts at the last match.
                let mut indices = (start..networks.len()).chain(0..start);
                let network = indices.find_map(|index| {
                    let network = networks.get(index).filter(|network| finding.concerns(network))?;
                    start = index;
                    Some(network)
                });
                let label = network.map_or_else(|| finding.interface.text(), Network::label);
                let mut labels = vec![("network", label.as_ref()), ("interface", interface.as_ref())];
                labels.extend(finding.netns.as_deref().map(|netns| ("netns", netns)));
                labels.extend([("id", finding.id.as_str()), ("severity", finding.severity.as_str())]);
                self.sample(name, &labels, finding.count);
            }
        }
    }

    /// Writes what wgstat reports about its own collection.
    fn sources(&mut self, sources: &[Source]) {
        let success = "wg_scrape_success";
        self.family(success, Kind::Gauge, "Whether the source could be read for every interface.");
        for source in sources {
            self.sample(success, &[("source", source.name)], u64::from(source.success));
        }
        let duration = "wg_scrape_duration_seconds";
        self.family(duration, Kind::Gauge, "Duration of reading the source in seconds.");
        for source in sources {
            for part in [duration, "{source=\"", source.name, "\"} "] {
                self.out.push_bytes(part.as_bytes());
            }
            self.out.push_number(source.duration.as_secs());
            let micros = format!(".{:06}\n", source.duration.subsec_micros());
            self.out.push_bytes(micros.as_bytes());
        }
    }
}

/// The counters that have a family in addition to the main ones. To export another counter, add it here.
const MORE_COUNTERS: [Counter; 1] = [Counter::Collisions];

/// The families of counters. They are built once, because a server writes them at each scrape.
static COUNTER_FAMILIES: LazyLock<Vec<(Counter, Family)>> = LazyLock::new(|| {
    let name = |counter: Counter| format!("wg_interface_{}_total", counter.name());
    Counter::MAIN
        .into_iter()
        .chain(MORE_COUNTERS)
        .map(|counter| (counter, Family::new(name(counter), Kind::Counter, &counter_help(counter))))
        .collect()
});

/// The families of error reasons.
static REASON_FAMILIES: LazyLock<[(&[Reason], Family); 2]> = LazyLock::new(|| {
    [("rx", &RX_REASONS[..]), ("tx", &TX_REASONS[..])].map(|(direction, reasons)| {
        let name = format!("wg_interface_{direction}_error_reasons_total");
        (reasons, Family::new(name, Kind::Counter, &reasons_help(reasons)))
    })
});

/// A detailed error counter of the kernel.
struct Reason {
    label: &'static str,
    counter: Counter,
    /// Whether it is written while 0, because WireGuard counts it. A series that starts at 5 hides that increase from `rate()`.
    always: bool,
}

const fn reason(label: &'static str, counter: Counter, always: bool) -> Reason {
    Reason { label, counter, always }
}

static RX_REASONS: [Reason; 6] = [
    reason("length", Counter::RxLengthErrors, true),
    reason("frame", Counter::RxFrameErrors, true),
    reason("over", Counter::RxOverErrors, false),
    reason("crc", Counter::RxCrcErrors, false),
    reason("fifo", Counter::RxFifoErrors, false),
    reason("missed", Counter::RxMissedErrors, false),
];
static TX_REASONS: [Reason; 5] = [
    reason("aborted", Counter::TxAbortedErrors, true),
    reason("carrier", Counter::TxCarrierErrors, false),
    reason("fifo", Counter::TxFifoErrors, false),
    reason("heartbeat", Counter::TxHeartbeatErrors, false),
    reason("window", Counter::TxWindowErrors, false),
];

/// Returns the help of a family of reasons: what those mean that WireGuard counts.
fn reasons_help(reasons: &[Reason]) -> Vec<&'static str> {
    let mut help = vec!["Number of errors by reason. They are included in the errors counter."];
    for Reason { label, counter, .. } in reasons.iter().filter(|reason| reason.always) {
        let Meaning { means, misreading, .. } = meaning(*counter, Backend::Kernel);
        help.extend([" ", label, ": ", means]);
        help.extend(misreading.iter().flat_map(|misreading| ["; not ", misreading]));
        help.push(".");
    }
    help
}

/// Returns the help of a counter: what it means with kernel WireGuard and with a userspace daemon.
fn counter_help(counter: Counter) -> [&'static str; 9] {
    let [kernel, userspace] = [Backend::Kernel, Backend::Userspace].map(|backend| meaning(counter, backend));
    let but = |misreading: Option<_>| if misreading.is_some() { "; not " } else { "" };
    [
        "On kernel WireGuard: ",
        kernel.means,
        but(kernel.misreading),
        kernel.misreading.unwrap_or_default(),
        ". On a userspace daemon: ",
        userspace.means,
        but(userspace.misreading),
        userspace.misreading.unwrap_or_default(),
        ".",
    ]
}

/// Writes the allowed IPs, separated by commas.
fn allowed_ips(out: &mut OutBuf<'_>, peer: &Peer) {
    for (index, network) in peer.allowed_ips.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.push_allowed_ip(*network);
    }
}

/// Writes the endpoint, or nothing if it is unknown.
fn endpoint(out: &mut OutBuf<'_>, peer: &Peer) {
    if let Some(endpoint) = peer.endpoint {
        out.push_endpoint(endpoint);
    }
}
