//! Lists the faults: how each is injected, the traffic during the check, the expected findings, and the values for the remedy.

use super::scene::{Outer, Scene, ping, wait};
use crate::guest::public_key;

/// One fault.
pub(super) struct Fault {
    /// Its description in the published table.
    pub(super) name: &'static str,
    pub(super) outer: Outer,
    /// Whether the check runs on far.
    pub(super) seen_by_far: bool,
    pub(super) inject: fn(&Scene),
    /// Makes the traffic between the two samples.
    pub(super) meanwhile: fn(&Scene),
    /// Seconds between the samples.
    pub(super) interval: u32,
    /// The expected ids of warning or worse, sorted.
    pub(super) found: &'static [&'static str],
    /// The finding whose remedy is run, and values for its words in capitals.
    pub(super) remedy: (&'static str, &'static [(&'static str, &'static str)]),
    /// Does what the remedy asks for on the other host, or waits.
    pub(super) afterwards: fn(&Scene),
}

const PLAIN: Fault = Fault {
    name: "",
    outer: Outer::Ipv4,
    seen_by_far: false,
    inject: Scene::greet,
    meanwhile: traffic,
    interval: 2,
    found: &[],
    remedy: ("", &[]),
    afterwards: |_| (),
};

fn traffic(scene: &Scene) {
    scene.ping("-c 3 -i 0.1 10.9.0.2");
}

/// Waits for the next handshake attempt, which comes every five seconds.
fn next_attempt() {
    wait(6);
}

fn drop_output(scene: &Scene, family: &str) {
    scene.greet();
    scene.near.sh(&format!(
        "nft add table {family} t; nft add chain {family} t o \"{{ type filter hook output priority 0; }}\"
         nft add rule {family} t o meta oifname eth0 udp dport 51820 drop"
    ));
}

fn narrow(scene: &Scene, mtu: u32) {
    scene.greet();
    for host in [&scene.near, &scene.far] {
        host.sh(&format!("ip link set eth0 mtu {mtu}"));
    }
}

/// Puts a router with a link of mtu 1300 behind it between the two, and sends a full-sized packet.
fn learn(scene: &Scene) {
    scene.far.sh("ip link add d0 type dummy; ip link set d0 up mtu 1300; ip address add 198.51.100.1/24 dev d0
         sysctl -qw net.ipv4.ip_forward=1");
    scene.near.sh(&format!(
        "ip route add 198.51.100.0/24 via 192.0.2.2; wg set wg0 peer {} endpoint 198.51.100.9:51820 allowed-ips 10.9.0.8/32
         ping -q -c 2 -W 1 -i 0.2 -M do -s 1472 198.51.100.9 >/dev/null 2>&1 || true",
        public_key(8)
    ));
    scene.greet();
}

#[expect(clippy::too_many_lines, reason = "it is a list")]
pub(super) fn all() -> Vec<Fault> {
    vec![
        Fault {
            name: "a route into the tunnel that no peer has",
            inject: |scene| {
                scene.greet();
                scene.near.sh("ip route add 10.77.0.0/24 dev wg0");
            },
            meanwhile: |scene| scene.ping("-c 3 -i 0.1 10.77.0.1"),
            found: &["tx_no_peer"],
            remedy: ("tx_no_peer", &[]),
            ..PLAIN
        },
        Fault {
            name: "a peer without an endpoint",
            inject: |scene| {
                scene.greet();
                scene.add_peer(5, "");
                scene.answer_as(5);
            },
            meanwhile: |scene| scene.ping("-c 3 -i 0.1 10.9.0.5"),
            found: &["tx_no_endpoint"],
            remedy: ("tx_no_endpoint", &[("HOST:PORT", "192.0.2.2:51805")]),
            ..PLAIN
        },
        Fault {
            name: "a peer with a source address that is not allowed",
            seen_by_far: true,
            inject: |scene| {
                scene.greet();
                scene.near.sh("ip address add 10.9.0.99/32 dev wg0");
            },
            meanwhile: |scene| scene.ping("-c 5 -i 0.1 -I 10.9.0.99 10.9.0.2"),
            found: &["rx_forbidden_source"],
            remedy: ("rx_forbidden_source", &[("ADDRESS/PREFIX", "10.9.0.99/32")]),
            ..PLAIN
        },
        Fault {
            name: "300 packets to a peer that does not reply",
            inject: |scene| {
                scene.greet();
                scene.add_peer(6, "endpoint 192.0.2.99:51820");
                scene.answer_as(6);
            },
            meanwhile: |scene| scene.ping("-c 300 -i 0.002 10.9.0.6"),
            found: &["peer_unreachable", "tx_dropped"],
            remedy: ("peer_unreachable", &[("HOST:PORT", "192.0.2.2:51806")]),
            afterwards: |_| next_attempt(),
            ..PLAIN
        },
        Fault {
            name: "a peer that disappeared",
            inject: |scene| {
                scene.greet();
                scene.far.sh("ip link set eth0 down");
                wait(200);
            },
            meanwhile: |scene| scene.ping("-c 6 -i 1 10.9.0.2"),
            interval: 8,
            found: &["peer_unreachable"],
            remedy: ("peer_unreachable", &[("HOST:PORT", "192.0.2.2:51820")]),
            afterwards: |scene| {
                scene.far.sh("ip link set eth0 up");
                next_attempt();
            },
            ..PLAIN
        },
        Fault {
            name: "the interface is down",
            inject: |scene| {
                scene.greet();
                scene.near.sh("ip link set wg0 down");
            },
            found: &["interface_down"],
            remedy: ("interface_down", &[]),
            ..PLAIN
        },
        Fault {
            name: "the peer has another key for this host",
            inject: |scene| {
                scene.greet();
                scene.add_peer(3, "endpoint 192.0.2.2:51803");
                scene.answer_as(3);
                scene.far.sh(&format!(
                    "wg set wg3 peer {} remove; wg set wg3 peer {} allowed-ips 10.9.0.1/32",
                    public_key(1),
                    public_key(9)
                ));
            },
            meanwhile: |scene| scene.ping("-c 3 -i 0.1 10.9.0.3"),
            found: &["peer_unreachable"],
            remedy: ("peer_unreachable", &[("HOST:PORT", "192.0.2.2:51803")]),
            afterwards: |scene| {
                scene.far.sh(&format!("wg set wg3 peer {} allowed-ips 10.9.0.1/32", public_key(1)));
                next_attempt();
            },
            ..PLAIN
        },
        Fault {
            name: "an endpoint that is routed into the tunnel",
            inject: |scene| {
                scene.greet();
                scene.add_peer(7, "endpoint 192.0.2.7:51807");
                scene.answer_as(7);
                scene.far.sh("ip address add 192.0.2.7/24 dev eth0");
                scene.near.sh("ip route add 192.0.2.7/32 dev wg0");
            },
            meanwhile: |scene| scene.ping("-c 3 -i 0.1 10.9.0.7"),
            found: &["endpoint_loop"],
            remedy: ("endpoint_loop", &[]),
            afterwards: |_| next_attempt(),
            ..PLAIN
        },
        Fault {
            name: "no route to an endpoint",
            inject: |scene| {
                scene.greet();
                scene.add_peer(4, "endpoint 203.0.113.9:51804");
                scene.answer_as(4);
                scene.far.sh("ip address add 203.0.113.9/32 dev lo");
            },
            meanwhile: |scene| scene.ping("-c 3 -i 0.1 10.9.0.4"),
            found: &["endpoint_unreachable"],
            remedy: ("endpoint_unreachable", &[("GATEWAY", "192.0.2.2")]),
            afterwards: |_| next_attempt(),
            ..PLAIN
        },
        Fault {
            name: "a firewall here drops what goes out, over IPv4",
            inject: |scene| drop_output(scene, "ip"),
            found: &["tx_refused"],
            remedy: ("tx_refused", &[("FAMILY TABLE CHAIN", "ip t o")]),
            ..PLAIN
        },
        Fault {
            name: "a firewall here drops what goes out, over IPv6",
            outer: Outer::Ipv6,
            inject: |scene| drop_output(scene, "ip6"),
            found: &["tx_refused"],
            remedy: ("tx_refused", &[("FAMILY TABLE CHAIN", "ip6 t o")]),
            ..PLAIN
        },
        Fault { name: "an outer MTU of 1400, over IPv4", inject: |scene| narrow(scene, 1400), ..TOO_LARGE },
        Fault { name: "an outer MTU of 1300, over IPv4", inject: |scene| narrow(scene, 1300), ..TOO_LARGE },
        Fault {
            name: "an outer MTU of 1400, over IPv6",
            outer: Outer::Ipv6,
            inject: |scene| narrow(scene, 1400),
            ..TOO_LARGE
        },
        Fault {
            name: "an outer MTU of 1300, over IPv6",
            outer: Outer::Ipv6,
            inject: |scene| narrow(scene, 1300),
            ..TOO_LARGE
        },
        Fault {
            name: "a route to the endpoint with an MTU of its own",
            inject: |scene| {
                scene.greet();
                scene.near.sh("ip route add 192.0.2.2/32 dev eth0 mtu 1300");
            },
            ..TOO_LARGE
        },
        Fault {
            name: "a route with an MTU of its own, for marked packets only",
            inject: |scene| {
                scene.greet();
                scene.near.sh("wg set wg0 fwmark 51820; ip rule add fwmark 51820 table 100
                     ip route add 192.0.2.2/32 dev eth0 mtu 1300 table 100");
            },
            ..TOO_LARGE
        },
        Fault {
            name: "a smaller MTU for IPv6, as a router advertises it",
            outer: Outer::Ipv6,
            inject: |scene| {
                scene.greet();
                scene.near.sh("sysctl -qw net.ipv6.conf.eth0.mtu=1400");
            },
            ..TOO_LARGE
        },
        Fault {
            name: "a smaller MTU on the path, learnt by the kernel",
            inject: learn,
            meanwhile: |_| (),
            ..TOO_LARGE
        },
        Fault {
            name: "a peer with keepalive that lost its connection",
            inject: |scene| {
                scene.near.sh(&format!("wg set wg0 peer {} persistent-keepalive 25", public_key(2)));
                scene.greet();
                scene.far.sh("ip link set eth0 down");
                wait(230);
            },
            meanwhile: |_| (),
            found: &["peer_stale"],
            remedy: ("peer_stale", &[]),
            afterwards: |scene| {
                scene.far.sh("ip link set eth0 up");
                wait(30);
            },
            ..PLAIN
        },
        Fault {
            name: "traffic in one direction only",
            inject: |scene| {
                scene.greet();
                scene.near.sh("nft add table ip t; nft add chain ip t i \"{ type filter hook input priority 0; }\"
                     nft add rule ip t i udp dport 51820 drop");
            },
            meanwhile: |scene| scene.ping("-c 24 -i 1 10.9.0.2"),
            interval: 25,
            found: &["one_way_traffic"],
            remedy: ("one_way_traffic", &[("FAMILY TABLE CHAIN", "ip t i")]),
            ..PLAIN
        },
        Fault {
            name: "IPv6 in a tunnel with an MTU of 1200",
            inject: |scene| {
                scene.greet();
                scene.near.sh(&format!(
                    "ip -6 address add fd00::1/64 dev wg0; wg set wg0 peer {} allowed-ips 10.9.0.2/32,fd00::2/128
                     ip link set wg0 mtu 1200",
                    public_key(2)
                ));
            },
            found: &["mtu_below_ipv6_minimum"],
            remedy: ("mtu_below_ipv6_minimum", &[("ADDRESS/PREFIX", "fd00::1/64")]),
            ..PLAIN
        },
        Fault {
            name: "a peer whose allowed-ips were given to another peer",
            inject: |scene| {
                scene.add_peer(8, "");
                scene.near.sh(&format!("wg set wg0 peer {} allowed-ips 10.9.0.8/32", public_key(9)));
                scene.greet();
            },
            found: &["peer_without_allowed_ips"],
            remedy: ("peer_without_allowed_ips", &[("ADDRESS/PREFIX", "10.9.0.80/32")]),
            ..PLAIN
        },
        Fault {
            name: "forwarding is off",
            inject: |scene| {
                scene.near.sh("ip link add d1 type dummy; ip link set d1 up; ip address add 198.51.100.254/24 dev d1
                     sysctl -qw net.ipv4.ip_forward=0");
                scene.far.sh(&format!(
                    "wg set wg0 peer {} allowed-ips 10.9.0.1/32,198.51.100.0/24; ip route add 198.51.100.0/24 dev wg0",
                    public_key(1)
                ));
                scene.greet();
            },
            meanwhile: |scene| ping(&scene.far, "-c 3 -i 0.1 198.51.100.1"),
            found: &["forwarding_off"],
            remedy: ("forwarding_off", &[]),
            ..PLAIN
        },
        Fault {
            name: "forwarding is off, for IPv6",
            inject: |scene| {
                scene.near.sh("ip link add d1 type dummy; ip link set d1 up; ip address add fd01::254/64 dev d1 nodad
                     ip address add fd00::1/128 dev wg0");
                scene.far.sh(&format!(
                    "wg set wg0 peer {} allowed-ips 10.9.0.1/32,fd00::/15; ip route add fd01::/64 dev wg0
                     ip address add fd00::2/128 dev wg0",
                    public_key(1)
                ));
                scene.near.sh(&format!("wg set wg0 peer {} allowed-ips 10.9.0.2/32,fd00::2/128", public_key(2)));
                scene.greet();
            },
            meanwhile: |scene| ping(&scene.far, "-c 3 -i 0.1 fd01::1"),
            found: &["forwarding_off"],
            remedy: ("forwarding_off", &[]),
            ..PLAIN
        },
        Fault {
            name: "an interface without an address",
            inject: |scene| {
                scene.greet();
                scene.near.sh("ip address flush dev wg0");
            },
            meanwhile: |_| (),
            found: &["no_address"],
            remedy: ("no_address", &[("ADDRESS/PREFIX", "10.9.0.1/32")]),
            ..PLAIN
        },
        Fault {
            name: "a userspace daemon that was killed",
            inject: |scene| {
                scene.greet();
                scene.near.sh("wireguard-go -f wgu >/dev/null 2>&1 & n=0
                     until [ -S /var/run/wireguard/wgu.sock ] || [ $n = 100 ]; do sleep 0.1; n=$((n + 1)); done
                     kill -9 $!; wait $! || true");
            },
            found: &["daemon_dead"],
            remedy: ("daemon_dead", &[]),
            ..PLAIN
        },
        // Only information.
        Fault {
            name: "allowed-ips within another peer's",
            inject: |scene| {
                scene.near.sh(&format!("wg set wg0 peer {} allowed-ips 10.8.0.0/15", public_key(9)));
                scene.greet();
            },
            remedy: ("allowed_ips_overlap", &[]),
            ..PLAIN
        },
    ]
}

const TOO_LARGE: Fault = Fault { found: &["mtu_too_large"], remedy: ("mtu_too_large", &[]), ..PLAIN };
