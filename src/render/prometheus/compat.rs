//! Writes the families of other exporters, with their names, labels and quirks.

use super::exposition::{Exposition, Kind};
use super::{KeyedPeer, LabelledNetwork, Options, PeerFamily};

/// Writes the families of `prometheus_wireguard_exporter`. The handshake time is 0 until the first handshake.
pub(super) fn mindflavor(exposition: &mut Exposition<'_>, networks: &[LabelledNetwork<'_>]) {
    let families = [
        PeerFamily {
            name: "wireguard_sent_bytes_total",
            kind: Kind::Counter,
            help: "Bytes sent to the peer",
            value: |peer| Some(peer.tx_bytes),
        },
        PeerFamily {
            name: "wireguard_received_bytes_total",
            kind: Kind::Counter,
            help: "Bytes received from the peer",
            value: |peer| Some(peer.rx_bytes),
        },
        PeerFamily {
            name: "wireguard_latest_handshake_seconds",
            kind: Kind::Gauge,
            help: "UNIX timestamp seconds of the last handshake",
            value: |peer| Some(peer.last_handshake.unwrap_or(0)),
        },
    ];
    for PeerFamily { name, kind, help, value } in families {
        exposition.family(name, kind, help);
        for labelled in networks {
            let interface = labelled.network.interface.text();
            for keyed in &labelled.peers {
                let KeyedPeer { peer, .. } = keyed;
                let ips: Vec<String> = peer.allowed_ips.iter().map(ToString::to_string).collect();
                let ips = ips.join(",");
                let mut labels =
                    vec![("interface", interface.as_ref()), ("public_key", keyed.key()), ("allowed_ips", &ips)];
                labels.extend(peer.name.as_deref().map(|name| ("friendly_name", name)));
                labels.extend(labelled.netns());
                if let Some(value) = value(peer) {
                    exposition.sample(name, &labels, value);
                }
            }
        }
    }
}

/// Writes the families of `wireguard_exporter`. Endpoints are empty unless they are labels.
pub(super) fn mdlayher(exposition: &mut Exposition<'_>, networks: &[LabelledNetwork<'_>], options: &Options) {
    exposition.family("wireguard_device_info", Kind::Gauge, "Metadata about a device.");
    for labelled in networks {
        let key = labelled.network.public_key.map(|key| key.to_string()).unwrap_or_default();
        let device = labelled.network.interface.text();
        let labels = [("device", device.as_ref()), ("public_key", &key)];
        exposition.sample("wireguard_device_info", &with_netns(&labels, labelled), 1);
    }
    peer_family(
        exposition,
        networks,
        "wireguard_peer_info",
        Kind::Gauge,
        "Metadata about a peer.",
        |exposition, device, network, keyed| {
            let endpoint = keyed.peer.endpoint.filter(|_| options.peer_endpoints).map(|endpoint| endpoint.to_string());
            let (endpoint, name) = (endpoint.unwrap_or_default(), keyed.peer.name.as_deref().unwrap_or_default());
            let labels = [("device", device), ("public_key", keyed.key()), ("endpoint", &endpoint), ("name", name)];
            exposition.sample("wireguard_peer_info", &with_netns(&labels, network), 1);
        },
    );
    let ips = "wireguard_peer_allowed_ips_info";
    peer_family(
        exposition,
        networks,
        ips,
        Kind::Gauge,
        "Metadata about each of a peer's allowed IP subnets.",
        |exposition, device, network, keyed| {
            for ip in &keyed.peer.allowed_ips {
                let family = if ip.address.is_ipv4() { "IPv4" } else { "IPv6" };
                let ip = ip.to_string();
                let labels =
                    [("device", device), ("public_key", keyed.key()), ("allowed_ips", &ip), ("family", family)];
                exposition.sample(ips, &with_netns(&labels, network), 1);
            }
        },
    );
    let families = [
        PeerFamily {
            name: "wireguard_peer_receive_bytes_total",
            kind: Kind::Counter,
            help: "Bytes received from a peer.",
            value: |peer| Some(peer.rx_bytes),
        },
        PeerFamily {
            name: "wireguard_peer_transmit_bytes_total",
            kind: Kind::Counter,
            help: "Bytes sent to a peer.",
            value: |peer| Some(peer.tx_bytes),
        },
        PeerFamily {
            name: "wireguard_peer_last_handshake_seconds",
            kind: Kind::Gauge,
            help: "UNIX time of the last handshake with a peer.",
            value: |peer| Some(peer.last_handshake.unwrap_or(0)),
        },
    ];
    for PeerFamily { name, kind, help, value } in families {
        peer_family(exposition, networks, name, kind, help, |exposition, device, network, keyed| {
            if let Some(value) = value(keyed.peer) {
                exposition.sample(
                    name,
                    &with_netns(&[("device", device), ("public_key", keyed.key())], network),
                    value,
                );
            }
        });
    }
}

/// Adds the label of the namespace. Those exporters run once per namespace, and their targets differ.
fn with_netns<'a>(labels: &[(&'a str, &'a str)], labelled: &'a LabelledNetwork<'_>) -> Vec<(&'a str, &'a str)> {
    labels.iter().copied().chain(labelled.netns()).collect()
}

/// Writes a family; `sample` writes the samples of a peer.
fn peer_family(
    exposition: &mut Exposition<'_>,
    networks: &[LabelledNetwork<'_>],
    name: &str,
    kind: Kind,
    help: &str,
    sample: impl Fn(&mut Exposition<'_>, &str, &LabelledNetwork<'_>, &KeyedPeer<'_>),
) {
    exposition.family(name, kind, help);
    for labelled in networks {
        let device = labelled.network.interface.text();
        for peer in &labelled.peers {
            sample(exposition, &device, labelled, peer);
        }
    }
}
