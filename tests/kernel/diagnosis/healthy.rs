//! Checks healthy tunnels with unusual settings: no warning, and exit code 0.

use super::scene::{BAD, Outer, Scene, check, ids, wait};
use crate::guest::{Host, public_key, sh};

/// A name, the scene, and seconds between the samples.
type Variation = (&'static str, fn() -> Scene, u32);

pub(super) const ALL: &[Variation] = &[
    ("idle after a handshake", || with(Outer::Ipv4, ""), 2),
    ("over IPv6", || with(Outer::Ipv6, ""), 2),
    ("an MTU of 1280", || with(Outer::Ipv4, "ip link set wg0 mtu 1280"), 2),
    ("an MTU of 1412, for PPPoE", || with(Outer::Ipv6, "ip link set wg0 mtu 1412"), 2),
    ("the largest MTU over IPv4", || with(Outer::Ipv4, "ip link set wg0 mtu 1440"), 2),
    ("jumbo frames", || both(Outer::Ipv4, "ip link set eth0 mtu 9000; ip link set wg0 mtu 8920"), 2),
    ("keepalive 25", || keepalive(25), 2),
    ("keepalive 60", || keepalive(60), 2),
    ("keepalive 300", || keepalive(300), 2),
    ("idle for an hour, without keepalive", idle, 30),
    ("road warriors that have never connected", road_warriors, 2),
    ("no peer at all", no_peer, 2),
    ("IPv6 only, just started", ipv6_only, 2),
    ("full tunnel with a mark, as wg-quick makes it", marked_full_tunnel, 7),
    ("full tunnel with a route of its own for the endpoint", full_tunnel, 2),
    ("full tunnel by two halves", halves, 2),
    ("created in one namespace and moved to another", moved, 2),
    ("a tunnel in a tunnel", nested, 2),
    ("errors long ago", old_errors, 2),
    ("data one way, and only keepalives back", data_one_way, 25),
    ("an endpoint on this host", local, 2),
];

fn with(outer: Outer, near: &str) -> Scene {
    let scene = Scene::new(outer);
    scene.near.sh(near);
    scene.greet();
    scene
}

fn both(outer: Outer, script: &str) -> Scene {
    let scene = Scene::new(outer);
    scene.near.sh(script);
    scene.far.sh(script);
    scene.greet();
    scene
}

/// Checks just before and after the next handshake is due: one of them sees the oldest age.
fn keepalive(seconds: u64) -> Scene {
    let scene = Scene::new(Outer::Ipv4);
    scene.near.sh(&format!("wg set wg0 peer {} persistent-keepalive {seconds}", public_key(2)));
    scene.greet();
    for _ in 0..25 {
        wait(if seconds < 100 { 13 } else { 29 });
        for host in [&scene.near, &scene.far] {
            assert_eq!(ids(&check(host, "--interval 0", || ()), BAD), [""; 0], "keepalive {seconds}");
        }
    }
    scene
}

fn idle() -> Scene {
    let scene = with(Outer::Ipv4, "");
    wait(3600);
    scene
}

fn road_warriors() -> Scene {
    let scene = Scene::new(Outer::Ipv4);
    for number in 5..9 {
        scene.add_peer(number, "");
    }
    scene.greet();
    scene
}

fn no_peer() -> Scene {
    with(Outer::Ipv4, "ip link add wg1 type wireguard; ip address add 10.8.0.1/24 dev wg1; ip link set wg1 up")
}

/// The kernel has just sent its multicast reports into a tunnel where no peer's allowed-ips contain them: counted, but harmless.
fn ipv6_only() -> Scene {
    let scene = Scene::new(Outer::Ipv6);
    for (host, number, other) in [(&scene.near, 1, 2), (&scene.far, 2, 1)] {
        host.sh(&format!(
            "ip address flush dev wg0; wg set wg0 peer {} allowed-ips fd00::{other}/128
             ip -6 address add fd00::{number}/128 dev wg0; ip -6 route add fd00::{other}/128 dev wg0",
            public_key(other)
        ));
    }
    scene.near.sh("ping -q -c 1 -W 2 fd00::2 >/dev/null");
    scene
}

fn marked_full_tunnel() -> Scene {
    let scene = Scene::new(Outer::Ipv4);
    scene.near.sh(&format!(
        "ip route add default via 192.0.2.2 dev eth0; wg set wg0 fwmark 51820 peer {} allowed-ips 0.0.0.0/0,::/0
         ip route add default dev wg0 table 51820; ip rule add not fwmark 51820 table 51820
         ip rule add table main suppress_prefixlength 0",
        public_key(2)
    ));
    // The same with an endpoint that only the default route matches.
    scene.far.sh("ip address add 203.0.113.9/32 dev lo");
    scene.near.sh(&format!("wg set wg0 peer {} endpoint 203.0.113.9:51820", public_key(2)));
    scene.greet();
    // No peer is online any more, so the route counts.
    wait(400);
    scene
}

fn full_tunnel() -> Scene {
    let scene = Scene::new(Outer::Ipv4);
    scene.near.sh(&format!(
        "ip route add 192.0.2.2/32 dev eth0; wg set wg0 peer {} allowed-ips 0.0.0.0/0; ip route add default dev wg0",
        public_key(2)
    ));
    scene.greet();
    wait(400);
    scene
}

fn halves() -> Scene {
    let scene = Scene::new(Outer::Ipv4);
    scene.near.sh(&format!(
        "wg set wg0 peer {} allowed-ips 0.0.0.0/1,128.0.0.0/1; ip route add default dev wg0",
        public_key(2)
    ));
    scene.greet();
    scene
}

/// As in a container: the outer packets leave from the host's namespace, and the container has no route except the tunnel.
fn moved() -> Scene {
    let scene = Scene::new(Outer::Ipv4);
    let inner = Host::new();
    sh(&format!("ip -n {} link set wg0 netns {}", scene.near.name(), inner.name()));
    inner.sh(&format!(
        "ip address add 10.9.0.1/32 dev wg0; ip link set wg0 up; ip route add default dev wg0
         wg set wg0 peer {} allowed-ips 0.0.0.0/0; ping -q -c 1 -W 2 10.9.0.2 >/dev/null",
        public_key(2)
    ));
    // The outer host is only kept alive.
    Scene { near: inner, far: scene.far.with(scene.near) }
}

fn nested() -> Scene {
    let scene = with(Outer::Ipv4, "");
    for (host, number, other) in [(&scene.near, 3, 4), (&scene.far, 4, 3)] {
        host.sh(&format!(
            "ip link add wg1 mtu 1340 type wireguard
             wg set wg1 listen-port 51821 private-key /tmp/k{number} \
                peer {} allowed-ips 10.10.0.{other}/32 endpoint 10.9.0.{}:51821
             ip address add 10.10.0.{number}/32 dev wg1; ip link set wg1 up; ip route add 10.10.0.{other}/32 dev wg1",
            public_key(other),
            other - 2
        ));
    }
    scene.near.sh("ping -q -c 1 -W 2 10.10.0.4 >/dev/null");
    scene
}

fn old_errors() -> Scene {
    let scene = with(Outer::Ipv4, "ip route add 10.77.0.0/24 dev wg0");
    scene.ping("-c 3 -i 0.1 10.77.0.1");
    scene
}

/// The far host receives everything and answers nothing.
fn data_one_way() -> Scene {
    let scene = with(Outer::Ipv4, "");
    scene.far.sh("nft add table ip t; nft add chain ip t i \"{ type filter hook input priority 0; }\"
         nft add rule ip t i icmp type echo-request drop");
    scene
}

fn local() -> Scene {
    let scene = with(Outer::Ipv4, "");
    scene.near.sh(&format!(
        "ip link add wg1 type wireguard; wg set wg1 listen-port 51821 private-key /tmp/k3 \
            peer {} allowed-ips 10.10.0.4/32 endpoint 127.0.0.1:51822
         ip link add wg2 type wireguard; wg set wg2 listen-port 51822 private-key /tmp/k4 \
            peer {} allowed-ips 10.10.0.3/32
         ip address add 10.10.0.3/32 dev wg1; ip address add 10.10.0.5/32 dev wg2
         ip link set wg1 up; ip link set wg2 up; ip route add 10.10.0.4/32 dev wg1",
        public_key(4),
        public_key(3)
    ));
    scene.ping("-c 1 10.10.0.4");
    scene
}
