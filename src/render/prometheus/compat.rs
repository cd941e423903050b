//! The families of other exporters, with their names, labels and quirks.

use super::exposition::{Exposition, Kind};
use super::{Keyed, Labelled, Options, PeerFamily};

/// `prometheus_wireguard_exporter`: a handshake that never was is 0.
pub(super) fn mindflavor(exposition: &mut Exposition<'_>, networks: &[Labelled<'_>]) {
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
        for of in networks {
            let interface = of.network.interface.text();
            for keyed in &of.peers {
                let Keyed { peer, .. } = keyed;
                let ips: Vec<String> = peer.allowed_ips.iter().map(ToString::to_string).collect();
                let ips = ips.join(",");
                let mut labels =
                    vec![("interface", interface.as_ref()), ("public_key", keyed.key()), ("allowed_ips", &ips)];
                labels.extend(peer.name.as_deref().map(|name| ("friendly_name", name)));
                labels.extend(of.netns());
                if let Some(value) = value(peer) {
                    exposition.sample(name, &labels, value);
                }
            }
        }
    }
}

/// `wireguard_exporter`: an endpoint that is not to be told is empty.
pub(super) fn mdlayher(exposition: &mut Exposition<'_>, networks: &[Labelled<'_>], options: &Options) {
    exposition.family("wireguard_device_info", Kind::Gauge, "Metadata about a device.");
    for of in networks {
        let key = of.network.public_key.map(|key| key.to_string()).unwrap_or_default();
        let device = of.network.interface.text();
        let labels = [("device", device.as_ref()), ("public_key", &key)];
        exposition.sample("wireguard_device_info", &with_netns(&labels, of), 1);
    }
    each(
        exposition,
        networks,
        "wireguard_peer_info",
        Kind::Gauge,
        "Metadata about a peer.",
        |exposition, device, network, of| {
            let endpoint = of.peer.endpoint.filter(|_| options.peer_endpoints).map(|endpoint| endpoint.to_string());
            let (endpoint, name) = (endpoint.unwrap_or_default(), of.peer.name.as_deref().unwrap_or_default());
            let labels = [("device", device), ("public_key", of.key()), ("endpoint", &endpoint), ("name", name)];
            exposition.sample("wireguard_peer_info", &with_netns(&labels, network), 1);
        },
    );
    let ips = "wireguard_peer_allowed_ips_info";
    each(
        exposition,
        networks,
        ips,
        Kind::Gauge,
        "Metadata about each of a peer's allowed IP subnets.",
        |exposition, device, network, of| {
            for ip in &of.peer.allowed_ips {
                let family = if ip.address.is_ipv4() { "IPv4" } else { "IPv6" };
                let ip = ip.to_string();
                let labels = [("device", device), ("public_key", of.key()), ("allowed_ips", &ip), ("family", family)];
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
        each(exposition, networks, name, kind, help, |exposition, device, network, of| {
            if let Some(value) = value(of.peer) {
                exposition.sample(name, &with_netns(&[("device", device), ("public_key", of.key())], network), value);
            }
        });
    }
}

/// Where `--netns` was given those programs would run once in each namespace, and their targets would tell them apart.
fn with_netns<'a>(labels: &[(&'a str, &'a str)], of: &'a Labelled<'_>) -> Vec<(&'a str, &'a str)> {
    labels.iter().copied().chain(of.netns()).collect()
}

/// A family with the samples that `sample` writes for a device's peer.
fn each(
    exposition: &mut Exposition<'_>,
    networks: &[Labelled<'_>],
    name: &str,
    kind: Kind,
    help: &str,
    sample: impl Fn(&mut Exposition<'_>, &str, &Labelled<'_>, &Keyed<'_>),
) {
    exposition.family(name, kind, help);
    for of in networks {
        let device = of.network.interface.text();
        for peer in &of.peers {
            sample(exposition, &device, of, peer);
        }
    }
}
