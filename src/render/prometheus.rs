//! Prometheus' text format 0.0.4, written straight from the snapshot: absolute counters, exact integers, never rates.
//!
//! A family's samples stand together, in the order of the networks and of their peers, and no series stands twice: of
//! two networks with the same labels (a container's daemon whose socket is visible here, say) the first counts.

mod compat;

use std::collections::HashSet;
use std::io::{self, Write};

use itoa::Integer;

use super::Report;
use crate::findings::counters::{Meaning, meaning};
use crate::model::{Backend, Counter, Name, Network, Peer, PublicKey, Source, printable};

/// What to write beside what is always written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// At most so many peers of each network, those with the latest handshakes.
    pub max_peers: Option<usize>,
    /// Endpoints as labels: they change when peers roam, and each change is a new series.
    pub peer_endpoints: bool,
    /// The families of another exporter too.
    pub compat: Option<Compat>,
}

/// Exporters whose families can be written too, so that their dashboards and rules go on working.
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
/// As the writer.
pub fn write(out: &mut dyn Write, report: &Report<'_>, options: &Options) -> io::Result<()> {
    let networks = labelled(report, options);
    let mut page = Page { text: Vec::with_capacity(16 * 1024) };
    page.interfaces(&networks);
    page.peers(&networks, options);
    page.findings(report);
    page.sources(&report.snapshot.sources);
    page.family("wgstat_build_info", Kind::Gauge, "The version of wgstat that wrote this.");
    page.sample("wgstat_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    match options.compat {
        Some(Compat::Mindflavor) => compat::mindflavor(&mut page, &networks),
        Some(Compat::Mdlayher) => compat::mdlayher(&mut page, &networks, options),
        None => {}
    }
    out.write_all(&page.text)
}

/// A network with the labels that all its series begin with, and the peers to write.
struct Labelled<'a> {
    network: &'a Network,
    /// `network="office",interface="wg0"`.
    labels: Vec<u8>,
    peers: Vec<&'a Peer>,
    online: usize,
    omitted: usize,
}

fn labelled<'a>(report: &Report<'a>, options: &Options) -> Vec<Labelled<'a>> {
    let mut seen = HashSet::new();
    let networks = report.snapshot.networks.iter();
    networks
        .filter_map(|network| {
            let mut labels = Vec::new();
            let mut pairs = vec![("network", network.interface.text()), ("interface", network.interface.text())];
            pairs.extend(network.netns.as_deref().map(|netns| ("netns", netns.into())));
            append_labels(&mut labels, pairs.iter().map(|(name, value)| (*name, value.as_ref())));
            // By what is written: two names may look alike once they are escaped.
            if !seen.insert(labels.clone()) {
                return None;
            }
            let mut peers: Vec<&Peer> = network.peers.iter().flatten().collect();
            if network.backend != Backend::Kernel {
                // A kernel's list has each key once, in an order that stays; a daemon's may be anything.
                peers.sort_by_key(|peer| peer.public_key);
                peers.dedup_by_key(|peer| peer.public_key);
            }
            let online = peers.iter().filter(|peer| peer.is_online(report.snapshot.timestamp)).count();
            let all = peers.len();
            if let Some(most) = options.max_peers.filter(|&most| most < all) {
                // The choice by handshake, the order by the kernel's list.
                let mut latest: Vec<usize> = (0..all).collect();
                latest.sort_by_key(|&place| std::cmp::Reverse(peers.get(place).and_then(|peer| peer.last_handshake)));
                latest.truncate(most);
                latest.sort_unstable();
                peers = latest.into_iter().filter_map(|place| peers.get(place).copied()).collect();
            }
            Some(Labelled { network, labels, online, omitted: all - peers.len(), peers })
        })
        .collect()
}

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
}

/// A family with one number for each peer that has it.
struct PeerFamily {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    value: fn(&Peer) -> Option<u64>,
}

/// The text so far.
struct Page {
    text: Vec<u8>,
}

impl Page {
    fn family(&mut self, name: &str, kind: Kind, help: &str) {
        for part in ["# HELP ", name, " "] {
            self.text.extend_from_slice(part.as_bytes());
        }
        for byte in help.bytes() {
            match byte {
                b'\\' => self.text.extend_from_slice(b"\\\\"),
                b'\n' => self.text.extend_from_slice(b"\\n"),
                _ => self.text.push(byte),
            }
        }
        let kind = match kind {
            Kind::Counter => " counter\n",
            Kind::Gauge => " gauge\n",
        };
        for part in ["\n# TYPE ", name, kind] {
            self.text.extend_from_slice(part.as_bytes());
        }
    }

    /// A sample with just these labels.
    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Integer) {
        self.text.extend_from_slice(name.as_bytes());
        self.text.push(b'{');
        append_labels(&mut self.text, labels.iter().copied());
        self.value(value);
    }

    /// A sample of a network.
    fn of(&mut self, name: &str, network: &Labelled<'_>, labels: &[(&str, &str)], value: impl Integer) {
        self.open(name, network);
        for (label, value) in labels {
            self.text.push(b',');
            append_labels(&mut self.text, [(*label, *value)]);
        }
        self.value(value);
    }

    fn open(&mut self, name: &str, network: &Labelled<'_>) {
        self.text.extend_from_slice(name.as_bytes());
        self.text.push(b'{');
        self.text.extend_from_slice(&network.labels);
    }

    /// A sample of a peer.
    fn of_peer(&mut self, name: &str, network: &Labelled<'_>, peer: &Peer, value: impl Integer) {
        self.open(name, network);
        self.text.extend_from_slice(b",public_key=\"");
        self.text.extend_from_slice(peer.public_key.encode(&mut [0; PublicKey::TEXT_LEN]).as_bytes());
        self.text.push(b'"');
        self.value(value);
    }

    fn value(&mut self, value: impl Integer) {
        self.text.extend_from_slice(b"} ");
        self.text.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        self.text.push(b'\n');
    }

    /// A family with one sample for each network that has a value.
    fn gauge<V: Integer>(
        &mut self,
        name: &str,
        help: &str,
        networks: &[Labelled<'_>],
        value: impl Fn(&Labelled<'_>) -> Option<V>,
    ) {
        self.family(name, Kind::Gauge, help);
        for network in networks {
            if let Some(value) = value(network) {
                self.of(name, network, &[], value);
            }
        }
    }

    fn interfaces(&mut self, networks: &[Labelled<'_>]) {
        for counter in Counter::MAIN.into_iter().chain([Counter::Collisions]) {
            let name = format!("wg_interface_{}_total", counter.name());
            self.family(&name, Kind::Counter, &counter_help(counter));
            for network in networks {
                if let Some(value) = network.network.stats.get(counter) {
                    self.of(&name, network, &[], value);
                }
            }
        }
        self.reasons("wg_interface_rx_error_reasons_total", &RX_REASONS, networks);
        self.reasons("wg_interface_tx_error_reasons_total", &TX_REASONS, networks);
        self.gauge("wg_interface_up", "1 while the interface is up and running.", networks, |of| {
            let network = of.network;
            match network.backend {
                Backend::DeadDaemon => Some(0_u8),
                _ => network.enabled.zip(network.up).map(|(enabled, up)| u8::from(enabled && up)),
            }
        });
        self.gauge("wg_interface_mtu_bytes", "MTU of inner packets.", networks, |of| of.network.mtu);
        self.gauge("wg_interface_peers", "Configured peers.", networks, |of| {
            of.network.peers.as_ref().map(|_| of.peers.len() + of.omitted)
        });
        self.gauge("wg_interface_peers_online", "Peers with a handshake in the last 180 s.", networks, |of| {
            of.network.peers.as_ref().map(|_| of.online)
        });
        self.gauge("wg_interface_peers_omitted", "Peers left out of this exposition by --max-peers.", networks, |of| {
            of.network.peers.as_ref().map(|_| of.omitted)
        });
        self.family("wg_interface_info", Kind::Gauge, "What the interface is. The value is always 1.");
        for of in networks {
            let key = of.network.public_key.map(|key| key.to_string()).unwrap_or_default();
            let port = of.network.listen_port.map(|port| port.to_string()).unwrap_or_default();
            let backend = of.network.backend.device_type();
            let labels = [("device_type", backend), ("public_key", key.as_str()), ("listen_port", port.as_str())];
            self.of("wg_interface_info", of, &labels, 1);
        }
    }

    /// What errors are made of. Reasons that WireGuard counts are there from the start: a series that is born at 5 hides
    /// its increase.
    fn reasons(&mut self, name: &str, reasons: &[(&str, Counter, bool)], networks: &[Labelled<'_>]) {
        let mut help = String::from("Errors by reason; they are part of the errors counter.");
        for (reason, counter, _) in reasons.iter().filter(|(.., always)| *always) {
            let Meaning { means, not, .. } = meaning(*counter, Backend::Kernel);
            help.extend([" ", reason, ": ", means]);
            help.extend(not.iter().flat_map(|not| ["; not ", not]));
            help.push('.');
        }
        self.family(name, Kind::Counter, &help);
        for of in networks {
            for (reason, counter, always) in reasons {
                if let Some(value) = of.network.stats.get(*counter).filter(|&value| *always || value > 0) {
                    self.of(name, of, &[("reason", reason)], value);
                }
            }
        }
    }

    fn peers(&mut self, networks: &[Labelled<'_>], options: &Options) {
        let families = [
            PeerFamily {
                name: "wg_peer_rx_bytes_total",
                kind: Kind::Counter,
                help: "Bytes received from the peer.",
                value: |peer| Some(peer.rx_bytes),
            },
            PeerFamily {
                name: "wg_peer_tx_bytes_total",
                kind: Kind::Counter,
                help: "Bytes sent to the peer.",
                value: |peer| Some(peer.tx_bytes),
            },
            PeerFamily {
                name: "wg_peer_last_handshake_timestamp_seconds",
                kind: Kind::Gauge,
                help: "Unix time of the latest handshake; absent while there was none.",
                value: |peer| peer.last_handshake,
            },
            PeerFamily {
                name: "wg_peer_persistent_keepalive_seconds",
                kind: Kind::Gauge,
                help: "Seconds between keepalives; absent while they are off.",
                value: |peer| Some(u64::from(peer.persistent_keepalive)).filter(|&seconds| seconds > 0),
            },
        ];
        for PeerFamily { name, kind, help, value } in families {
            self.family(name, kind, help);
            for of in networks {
                for peer in &of.peers {
                    if let Some(value) = value(peer) {
                        self.of_peer(name, of, peer, value);
                    }
                }
            }
        }
        let info = "wg_peer_info";
        self.family(info, Kind::Gauge, "What the peer is: join with it by public_key. The value is always 1.");
        for of in networks {
            for peer in &of.peers {
                self.open(info, of);
                let key = peer.public_key.to_string();
                let ips = allowed_ips(peer);
                self.text.push(b',');
                let name = peer.name.as_deref().unwrap_or_default();
                append_labels(&mut self.text, [("public_key", key.as_str()), ("name", name), ("allowed_ips", &ips)]);
                if options.peer_endpoints {
                    self.text.push(b',');
                    append_labels(&mut self.text, [("endpoint", endpoint(peer).as_str())]);
                }
                self.value(1);
            }
        }
    }

    fn findings(&mut self, report: &Report<'_>) {
        let name = "wg_finding";
        self.family(
            name,
            Kind::Gauge,
            "What is wrong with a network, as far as one look can tell; how many it covers.",
        );
        let mut seen = HashSet::new();
        for finding in report.findings {
            let interface = finding.interface.text();
            if seen.insert((&finding.netns, printable(&interface).into_owned(), finding.id)) {
                let mut labels = vec![("network", interface.as_ref()), ("interface", interface.as_ref())];
                labels.extend(finding.netns.as_deref().map(|netns| ("netns", netns)));
                labels.extend([("id", finding.id), ("severity", finding.severity.as_str())]);
                self.sample(name, &labels, finding.count);
            }
        }
    }

    fn sources(&mut self, sources: &[Source]) {
        let success = "wg_scrape_success";
        self.family(success, Kind::Gauge, "1 if the source could be read for every interface.");
        for source in sources {
            self.sample(success, &[("source", source.name)], u8::from(source.success));
        }
        let duration = "wg_scrape_duration_seconds";
        self.family(duration, Kind::Gauge, "How long reading the source took.");
        for source in sources {
            // Writing to a Vec cannot fail.
            let _ =
                writeln!(self.text, "{duration}{{source=\"{}\"}} {:.6}", source.name, source.duration.as_secs_f64());
        }
    }
}

/// Reason, counter, and whether WireGuard itself counts it.
const RX_REASONS: [(&str, Counter, bool); 6] = [
    ("length", Counter::RxLengthErrors, true),
    ("frame", Counter::RxFrameErrors, true),
    ("over", Counter::RxOverErrors, false),
    ("crc", Counter::RxCrcErrors, false),
    ("fifo", Counter::RxFifoErrors, false),
    ("missed", Counter::RxMissedErrors, false),
];
const TX_REASONS: [(&str, Counter, bool); 5] = [
    ("aborted", Counter::TxAbortedErrors, true),
    ("carrier", Counter::TxCarrierErrors, false),
    ("fifo", Counter::TxFifoErrors, false),
    ("heartbeat", Counter::TxHeartbeatErrors, false),
    ("window", Counter::TxWindowErrors, false),
];

/// What the counter means and does not, on the kernel's WireGuard and on a daemon's link.
fn counter_help(counter: Counter) -> String {
    let say = |backend| {
        let Meaning { means, not, .. } = meaning(counter, backend);
        not.map_or_else(|| means.to_owned(), |not| format!("{means}; not {not}"))
    };
    format!("On kernel WireGuard: {}. On a userspace daemon: {}.", say(Backend::Kernel), say(Backend::Userspace))
}

fn allowed_ips(peer: &Peer) -> String {
    let mut text = String::new();
    for (place, ip) in peer.allowed_ips.iter().enumerate() {
        use std::fmt::Write as _;
        let comma = if place > 0 { "," } else { "" };
        let _ = write!(text, "{comma}{ip}");
    }
    text
}

fn endpoint(peer: &Peer) -> String {
    peer.endpoint.map(|endpoint| endpoint.to_string()).unwrap_or_default()
}

/// `name="value"`, parted by commas, with the three escapes of the format. What could act on a terminal is shown as text.
fn append_labels<'a>(text: &mut Vec<u8>, labels: impl IntoIterator<Item = (&'a str, &'a str)>) {
    for (place, (name, value)) in labels.into_iter().enumerate() {
        if place > 0 {
            text.push(b',');
        }
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(b"=\"");
        for byte in printable(value).bytes() {
            match byte {
                b'\\' => text.extend_from_slice(b"\\\\"),
                b'"' => text.extend_from_slice(b"\\\""),
                _ => text.push(byte),
            }
        }
        text.push(b'"');
    }
}

/// The text form of a name, for labels.
fn device(name: &Name) -> String {
    name.text().into_owned()
}
