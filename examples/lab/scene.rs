//! What there is to see: a host with two networks, and who is at the other ends.
//!
//! | network | peer  | address   | it |
//! |---------|-------|-----------|----|
//! | wg0     | alice | 10.9.0.2  | is live |
//! | wg0     | bob   | 10.9.0.3  | is live, and also sends 5 packets from 10.9.0.77, which is not in its allowed-ips |
//! | wg0     | carol | 10.9.0.4  | never answers; 4 packets wait for it |
//! | wg0     | none  | 10.9.9.0/24 | is routed into the tunnel, and belongs to no peer; 3 packets went there |
//! | wg1     | dave  | 10.8.0.2  | is live |

use std::io::{BufRead as _, Write as _, stdin, stdout};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::process::{Child, ExitCode};
use std::time::Duration;

use super::daemon::{Backend, DeviceSetup, Keys, PeerSetup};
use super::net::Net;
use super::{Ended, Result, expect, sandbox, start, tell};

const MTU: u32 = 1420;
const PORT: u16 = 51820;
/// Echo, where the far hosts answer, and discard, where nobody listens.
const ECHO: u16 = 7;
const DISCARD: u16 = 9;
/// An address that bob uses and may not.
const STRAY: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 77);
const STRAY_PACKETS: usize = 5;
const CAROL: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 4);
const CAROL_PACKETS: usize = 4;
const NOBODY: Ipv4Addr = Ipv4Addr::new(10, 9, 9, 9);
const NOBODY_PACKETS: usize = 3;
/// Payloads that each live peer gets and sends back, and their size.
const EXCHANGED: usize = 20;
const PAYLOAD: [u8; 1000] = [0x57; 1000];

/// A live peer: where it is on the outer network, and in the tunnel.
struct Far {
    name: &'static str,
    network: &'static str,
    /// The host is .1 there, the peer .2.
    outer: [u8; 3],
    inner: Ipv4Addr,
    stray: Option<Ipv4Addr>,
}

const FAR: [Far; 3] = [
    Far { name: "alice", network: "wg0", outer: [192, 0, 2], inner: Ipv4Addr::new(10, 9, 0, 2), stray: None },
    Far { name: "bob", network: "wg0", outer: [198, 51, 100], inner: Ipv4Addr::new(10, 9, 0, 3), stray: Some(STRAY) },
    Far { name: "dave", network: "wg1", outer: [203, 0, 113], inner: Ipv4Addr::new(10, 8, 0, 2), stray: None },
];

/// The host's networks: interface, its inner address, its port.
const NETWORKS: [(&str, Ipv4Addr, u16); 2] =
    [("wg0", Ipv4Addr::new(10, 9, 0, 1), PORT), ("wg1", Ipv4Addr::new(10, 8, 0, 1), PORT + 1)];

impl Far {
    fn outer(&self, host: u8) -> Ipv4Addr {
        let [a, b, c] = self.outer;
        Ipv4Addr::new(a, b, c, host)
    }
}

/// The host that the command will see. Says "ready" when all traffic has been, and stays.
pub(super) fn host(backend: Backend) -> Result<ExitCode> {
    let mut net = Net::open()?;
    net.up("lo", None)?;
    let own = [Keys::random()?, Keys::random()?];
    let mut far: Vec<(Child, Keys)> = Vec::new();
    for peer in &FAR {
        let mut child = start(&format!("far {}", backend.name()))?;
        expect(&mut child, "here")?;
        net.add_veth(peer.name, child.id())?;
        net.add_address(peer.name, peer.outer(1), 24)?;
        net.up(peer.name, None)?;
        far.push((child, Keys::random()?));
    }
    for ((name, address, port), keys) in NETWORKS.iter().zip(&own) {
        let mut peers: Vec<PeerSetup> = FAR
            .iter()
            .zip(&far)
            .filter(|(peer, _)| peer.network == *name)
            .map(|(peer, (_, keys))| PeerSetup {
                public: keys.public,
                endpoint: Some(SocketAddrV4::new(peer.outer(2), PORT)),
                allowed_ips: vec![(peer.inner, 32)],
                keepalive: 25,
            })
            .collect();
        if *name == "wg0" {
            // Nobody has this outer address.
            let endpoint = Some(SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 99), PORT));
            let public = Keys::random()?.public;
            peers.push(PeerSetup { public, endpoint, allowed_ips: vec![(CAROL, 32)], keepalive: 0 });
        }
        DeviceSetup { name, private: &keys.private, port: *port, peers }.create(backend, &mut net)?;
        net.add_address(name, *address, 24)?;
        net.up(name, Some(MTU))?;
    }
    net.add_route("wg0", Ipv4Addr::new(10, 9, 9, 0), 24)?;

    for (peer, (child, keys)) in FAR.iter().zip(&mut far) {
        let network = NETWORKS.iter().zip(&own).find(|((name, ..), _)| *name == peer.network);
        let ((_, inner, _), host) = network.ok_or("a peer of no network")?;
        let stray = peer.stray.map_or_else(|| "-".to_owned(), |address| address.to_string());
        let private = keys.private.as_bytes().map(|byte| byte.to_string()).join(",");
        let public = host.public.as_bytes().map(|byte| byte.to_string()).join(",");
        let words = [private, public, peer.outer(2).to_string(), peer.inner.to_string(), inner.to_string(), stray];
        tell(child, &words.join(" "))?;
        expect(child, "up")?;
        exchange(*inner, peer)?;
        tell(child, "go on")?;
        expect(child, "done")?;
    }
    let socket = UdpSocket::bind((NETWORKS[0].1, 0))?;
    for (address, packets) in [(CAROL, CAROL_PACKETS), (NOBODY, NOBODY_PACKETS)] {
        for _ in 0..packets {
            // To nobody's address the kernel refuses some of these, which is the point.
            let _ = socket.send_to(&PAYLOAD, (address, DISCARD));
        }
    }
    say("ready")?;
    wait_for_ever()
}

/// Sends to a peer's echo until it answers, then a fixed number of payloads there and back.
fn exchange(own: Ipv4Addr, peer: &Far) -> Result<()> {
    let socket = UdpSocket::bind((own, 0))?;
    socket.connect((peer.inner, ECHO))?;
    socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    let mut buffer = [0; PAYLOAD.len()];
    let answered = (0..50).any(|_| socket.send(b"hello").is_ok() && socket.recv(&mut buffer).is_ok());
    if !answered {
        return Err(format!("{} does not answer through the tunnel", peer.name).into());
    }
    for _ in 0..EXCHANGED {
        socket.send(&PAYLOAD)?;
        let _ = socket.recv(&mut buffer);
    }
    Ok(())
}

/// A peer's host. Everything it is to be comes over standard input.
pub(super) fn far(backend: Backend) -> Result<ExitCode> {
    sandbox::enter_network()?;
    say("here")?;
    let line = next_line()?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let [private, public, outer, inner, host, stray] = words.as_slice() else {
        return Err(format!("cannot read {line:?}").into());
    };
    let inner: Ipv4Addr = inner.parse()?;
    let host: Ipv4Addr = host.parse()?;
    let mut net = Net::open()?;
    net.up("lo", None)?;
    net.add_address("eth0", outer.parse()?, 24)?;
    net.up("eth0", None)?;
    let keys = Keys::from_bytes(key(private)?);
    // It learns the host's endpoint from the host's first packet: two ends that begin at once wait for each other.
    let peer = PeerSetup { public: key(public)?.into(), endpoint: None, allowed_ips: vec![(host, 32)], keepalive: 0 };
    DeviceSetup { name: "wg0", private: &keys.private, port: PORT, peers: vec![peer] }.create(backend, &mut net)?;
    net.add_address("wg0", inner, 24)?;
    net.up("wg0", Some(MTU))?;
    let echo = UdpSocket::bind((inner, ECHO))?;
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = echo.recv_from(&mut buffer) {
            let _ = echo.send_to(buffer.get(..length).unwrap_or_default(), from);
        }
    });
    say("up")?;

    next_line()?;
    if let Ok(stray) = stray.parse::<Ipv4Addr>() {
        net.add_address("wg0", stray, 32)?;
        let socket = UdpSocket::bind((stray, 0))?;
        for _ in 0..STRAY_PACKETS {
            socket.send_to(b"from an address that is not mine", (host, DISCARD))?;
        }
    }
    say("done")?;
    wait_for_ever()
}

/// Tells whoever started this process.
fn say(line: &str) -> Result<()> {
    Ok(writeln!(stdout(), "{line}")?)
}

fn next_line() -> Result<String> {
    let mut line = String::new();
    stdin().lock().read_line(&mut line)?;
    if line.is_empty() { Err(Ended.into()) } else { Ok(line) }
}

fn key(text: &str) -> Result<[u8; 32]> {
    let bytes = text.split(',').map(str::parse).collect::<Result<Vec<u8>, _>>()?;
    bytes.try_into().map_err(|_| "a key has 32 bytes".into())
}

/// Until the lab's own end kills this process.
fn wait_for_ever() -> ! {
    loop {
        std::thread::park();
    }
}
