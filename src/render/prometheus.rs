//! Prometheus' text format 0.0.4, written straight from the snapshot: absolute counters, exact integers, never rates.
//!
//! A family's samples stand together, in the order of the networks and of their peers, and no series stands twice: of
//! two networks with the same labels (a container's daemon whose socket is visible here, say) the first counts.

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
    let mut exposition = Exposition { out: OutBuf::new(out) };
    exposition.interfaces(&networks);
    exposition.peers(&networks, options);
    exposition.findings(report);
    exposition.sources(&report.snapshot.sources);
    exposition.family("wgstat_build_info", Kind::Gauge, "The version of wgstat that wrote this.");
    exposition.sample("wgstat_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    match options.compat {
        Some(Compat::Mindflavor) => compat::mindflavor(&mut exposition, &networks),
        Some(Compat::Mdlayher) => compat::mdlayher(&mut exposition, &networks, options),
        None => {}
    }
    exposition.out.finish()
}

/// A network with the labels that all its series begin with, and the peers to write.
struct Labelled<'a> {
    network: &'a Network,
    /// `{network="office",interface="wg0"`.
    labels: String,
    /// The same where no more are to come, up to the value.
    all_labels: PaddedText,
    /// Where `interface` begins in it.
    behind_name: usize,
    peers: Vec<Keyed<'a>>,
    online: usize,
    omitted: usize,
}

impl Labelled<'_> {
    /// The label of the namespace, where the caller named one.
    fn netns(&self) -> Option<(&str, &str)> {
        self.network.netns.as_deref().map(|netns| ("netns", netns))
    }
}

/// A peer and its key as text, which every family needs.
struct Keyed<'a> {
    peer: &'a Peer,
    key: [u8; PublicKey::TEXT_LEN],
}

impl<'a> From<&'a Peer> for Keyed<'a> {
    fn from(peer: &'a Peer) -> Self {
        Self { peer, key: peer.public_key.encode() }
    }
}

impl Keyed<'_> {
    fn key(&self) -> &str {
        // Base64 is ASCII.
        std::str::from_utf8(&self.key).unwrap_or_default()
    }
}

fn labelled<'a>(report: &Report<'a>, options: &Options) -> Vec<Labelled<'a>> {
    let networks = report.snapshot.networks.iter();
    let mut all: Vec<Labelled<'a>> = networks
        .map(|network| {
            let interface = network.interface.text();
            let interface = escaped(&interface);
            let name = network.name.as_deref().map(escaped);
            let name = name.as_deref().unwrap_or(&interface);
            let mut labels = ["{network=\"", name, "\",interface=\"", &*interface, "\""].concat();
            let behind_name = "{network=\"\",".len() + name.len();
            labels.extend(network.netns.as_deref().map(|netns| format!(",netns=\"{}\"", escaped(netns))));
            let peers = network.peers.as_deref().unwrap_or_default();
            let mut peers: Vec<Keyed<'_>> = peers.iter().map(Keyed::from).collect();
            if network.backend != Backend::Kernel {
                // A kernel's list has each key once, in an order that stays; a daemon's may be anything.
                peers.sort_by_key(|keyed| keyed.peer.public_key);
                peers.dedup_by_key(|keyed| keyed.peer.public_key);
            }
            let online = peers.iter().filter(|keyed| keyed.peer.is_online(report.snapshot.timestamp)).count();
            let all = peers.len();
            if let Some(most) = options.max_peers.filter(|&most| most < all) {
                // The choice by handshake, the order by the kernel's list.
                let mut latest: Vec<(usize, Keyed<'_>)> = peers.into_iter().enumerate().collect();
                latest.sort_by_key(|(_, keyed)| std::cmp::Reverse(keyed.peer.last_handshake));
                latest.truncate(most);
                latest.sort_unstable_by_key(|(place, _)| *place);
                peers = latest.into_iter().map(|(_, keyed)| keyed).collect();
            }
            let omitted = all - peers.len();
            let mut all_labels = PaddedText::default();
            all_labels.set(&[&labels, "} "]);
            Labelled { network, labels, all_labels, behind_name, peers, online, omitted }
        })
        .collect();
    // By what is written: two interfaces may look alike once they are escaped. Whatever they are called, other exporters'
    // families have no label for it.
    let mut seen = HashSet::with_capacity(all.len());
    let first: Vec<bool> = all.iter().map(|of| seen.insert(of.labels.get(of.behind_name..))).collect();
    let mut first = first.into_iter();
    all.retain(|_| first.next().unwrap_or(true));
    all
}

/// Behind a network's labels: what all samples of its peers have, up to the key.
const PEER: &str = ",public_key=\"";

/// A family with one number for each peer that has it.
struct PeerFamily {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    value: fn(&Peer) -> Option<u64>,
}

impl Exposition<'_> {
    /// A family with one sample for each network that has a value.
    fn gauge(
        &mut self,
        name: &str,
        help: &str,
        networks: &[Labelled<'_>],
        value: impl Fn(&Labelled<'_>) -> Option<u64>,
    ) {
        self.family(name, Kind::Gauge, help);
        for network in networks {
            if let Some(value) = value(network) {
                self.of(name, network, value);
            }
        }
    }

    fn interfaces(&mut self, networks: &[Labelled<'_>]) {
        for (counter, family) in &*COUNTERS {
            self.begin(family);
            for network in networks {
                if let Some(value) = network.network.stats.get(*counter) {
                    self.of(&family.name, network, value);
                }
            }
        }
        for (reasons, family) in &*REASONS {
            self.reasons(family, reasons, networks);
        }
        self.gauge("wg_interface_up", "1 while the interface is up and running.", networks, |of| {
            let network = of.network;
            match network.backend {
                Backend::DeadDaemon => Some(0),
                _ => network.enabled.zip(network.up).map(|(enabled, up)| u64::from(enabled && up)),
            }
        });
        self.gauge("wg_interface_mtu_bytes", "MTU of inner packets.", networks, |of| of.network.mtu.map(u64::from));
        self.gauge("wg_interface_peers", "Configured peers.", networks, |of| {
            of.network.peers.as_ref().map(|_| (of.peers.len() + of.omitted) as u64)
        });
        self.gauge("wg_interface_peers_online", "Peers with a handshake in the last 180 s.", networks, |of| {
            of.network.peers.as_ref().map(|_| of.online as u64)
        });
        self.gauge("wg_interface_peers_omitted", "Peers left out of this exposition by --max-peers.", networks, |of| {
            of.network.peers.as_ref().map(|_| of.omitted as u64)
        });
        self.family("wg_interface_info", Kind::Gauge, "What the interface is. The value is always 1.");
        for of in networks {
            self.open("wg_interface_info", of);
            for part in [",device_type=\"", of.network.backend.device_type(), "\",public_key=\""] {
                self.out.push_bytes(part.as_bytes());
            }
            if let Some(key) = &of.network.public_key {
                self.out.push_key(key);
            }
            self.out.push_bytes(b"\",listen_port=\"");
            if let Some(port) = of.network.listen_port {
                self.out.push_number(port.into());
            }
            self.out.push(b'"');
            self.value(1);
        }
    }

    /// What errors are made of.
    fn reasons(&mut self, family: &Family, reasons: &[Reason], networks: &[Labelled<'_>]) {
        self.begin(family);
        for of in networks {
            for Reason { label, counter, always } in reasons {
                if let Some(value) = of.network.stats.get(*counter).filter(|&value| *always || value > 0) {
                    self.open(&family.name, of);
                    for part in [",reason=\"", label, "\""] {
                        self.out.push_bytes(part.as_bytes());
                    }
                    self.value(value);
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
        let mut start = PaddedText::default();
        for PeerFamily { name, kind, help, value } in families {
            self.family(name, kind, help);
            for of in networks {
                start.set(&[name, &of.labels, PEER]);
                for Keyed { peer, key } in &of.peers {
                    if let Some(value) = value(peer) {
                        self.out.push_padded(&start);
                        self.out.push_bytes(key);
                        self.out.push_bytes(b"\"} ");
                        self.end(value);
                    }
                }
            }
        }
        let info = "wg_peer_info";
        self.family(info, Kind::Gauge, "What the peer is: join with it by public_key. The value is always 1.");
        for of in networks {
            start.set(&[info, &of.labels, PEER]);
            for Keyed { peer, key } in &of.peers {
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

    fn findings(&mut self, report: &Report<'_>) {
        let name = "wg_finding";
        self.family(
            name,
            Kind::Gauge,
            "What is wrong with a network, as far as one look can tell; how many it covers.",
        );
        let mut seen = HashSet::new();
        let networks = &report.snapshot.networks;
        let mut near = 0;
        for finding in report.findings {
            let interface = finding.interface.text();
            if seen.insert((&finding.netns, printable(&interface).into_owned(), finding.id)) {
                // Findings follow the networks, so the next one's is seldom far.
                let mut places = (near..networks.len()).chain(0..near);
                let network = places.find_map(|place| {
                    let network = networks.get(place).filter(|network| finding.concerns(network))?;
                    near = place;
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

    fn sources(&mut self, sources: &[Source]) {
        let success = "wg_scrape_success";
        self.family(success, Kind::Gauge, "1 if the source could be read for every interface.");
        for source in sources {
            self.sample(success, &[("source", source.name)], u64::from(source.success));
        }
        let duration = "wg_scrape_duration_seconds";
        self.family(duration, Kind::Gauge, "How long reading the source took.");
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

/// The counters of an interface. A server writes them at each scrape: their lines are put together once.
static COUNTERS: LazyLock<Vec<(Counter, Family)>> = LazyLock::new(|| {
    let counters = Counter::MAIN.into_iter().chain([Counter::Collisions]);
    let name = |counter: Counter| format!("wg_interface_{}_total", counter.name());
    counters.map(|counter| (counter, Family::new(name(counter), Kind::Counter, &counter_help(counter)))).collect()
});

/// What errors are made of.
static REASONS: LazyLock<[(&[Reason], Family); 2]> = LazyLock::new(|| {
    [("rx", &RX_REASONS[..]), ("tx", &TX_REASONS[..])].map(|(direction, reasons)| {
        let name = format!("wg_interface_{direction}_error_reasons_total");
        (reasons, Family::new(name, Kind::Counter, &reasons_help(reasons)))
    })
});

/// One of the kernel's detailed error counters.
struct Reason {
    label: &'static str,
    counter: Counter,
    /// WireGuard counts it, so that it is written while 0 too: a series that is born at 5 hides its increase.
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

/// What those reasons mean that WireGuard counts.
fn reasons_help(reasons: &[Reason]) -> Vec<&'static str> {
    let mut help = vec!["Errors by reason; they are part of the errors counter."];
    for Reason { label, counter, .. } in reasons.iter().filter(|reason| reason.always) {
        let Meaning { means, misreading, .. } = meaning(*counter, Backend::Kernel);
        help.extend([" ", label, ": ", means]);
        help.extend(misreading.iter().flat_map(|misreading| ["; not ", misreading]));
        help.push(".");
    }
    help
}

/// What the counter means and does not, on the kernel's WireGuard and on a daemon's link.
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

/// Parted by commas.
fn allowed_ips(out: &mut OutBuf<'_>, peer: &Peer) {
    for (place, network) in peer.allowed_ips.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        out.push_allowed_ip(*network);
    }
}

/// Nothing where it is unknown.
fn endpoint(out: &mut OutBuf<'_>, peer: &Peer) {
    if let Some(endpoint) = peer.endpoint {
        out.push_endpoint(endpoint);
    }
}
