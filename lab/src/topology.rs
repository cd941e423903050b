//! Sets up the hosts of the lab: the one that the command sees, with two networks, and one for each live peer.
//!
//! | network | peer  | address     | what happens |
//! |---------|-------|-------------|--------------|
//! | wg0     | alice | 10.9.0.2    | is online; a daemon gets a burst for it that is too long for the queue |
//! | wg0     | bob   | 10.9.0.3    | is online, and sends 5 packets from 10.9.0.77, which is not in its allowed-ips |
//! | wg0     | carol | 10.9.0.4    | never answers; 4 packets wait for it; with boringtun there is no route to it |
//! | wg0     | none  | 10.9.9.0/24 | is routed into the tunnel, but is in no peer's allowed-ips; 3 packets go there |
//! | wg1     | dave  | 10.8.0.2    | is online |

use std::io::{BufRead as _, Write as _, stdin, stdout};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::process::{Child, ExitCode};
use std::time::Duration;

use super::device::{Backend, DeviceSetup, Keys, PeerSetup};
use super::net::Net;
use super::{OtherEndClosed, Result, sandbox, send_line, spawn_role, wait_for_line};

const MTU: u32 = 1420;
const PORT: u16 = 51820;
/// The port where remote hosts send back what they get.
const ECHO: u16 = 7;
/// A port on which no process listens.
const DISCARD: u16 = 9;
/// The address that bob uses without permission.
const STRAY: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 77);
const STRAY_PACKETS: usize = 5;
/// The peer that never answers.
const CAROL: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 4);
/// An outer address that no host has.
const CAROL_OUTER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 99);
const CAROL_PACKETS: usize = 4;
/// An address that is routed into wg0 but belongs to no peer.
const UNASSIGNED: Ipv4Addr = Ipv4Addr::new(10, 9, 9, 9);
const UNASSIGNED_PACKETS: usize = 3;
/// Payloads that each remote host gets and sends back.
const EXCHANGED: usize = 20;
/// Packets of a burst that is longer than the queue in front of a daemon, the number of tries, and the length of the queue.
const BURST: usize = 50;
const BURSTS: usize = 100;
const SHORT_QUEUE: u32 = 2;
/// The kernel's own length of a tun link's queue (`TUN_READQ_SIZE` of `drivers/net/tun.c`).
const DEFAULT_QUEUE: u32 = 500;
const PAYLOAD: [u8; 1000] = [0x57; 1000];

/// Holds the addresses of a peer that is online.
struct Remote {
    name: &'static str,
    network: &'static str,
    /// The first bytes of the outer network, in which the host is .1 and the peer .2.
    outer: [u8; 3],
    inner: Ipv4Addr,
    stray: Option<Ipv4Addr>,
}

const REMOTES: [Remote; 3] = [
    Remote { name: "alice", network: "wg0", outer: [192, 0, 2], inner: Ipv4Addr::new(10, 9, 0, 2), stray: None },
    Remote {
        name: "bob",
        network: "wg0",
        outer: [198, 51, 100],
        inner: Ipv4Addr::new(10, 9, 0, 3),
        stray: Some(STRAY),
    },
    Remote { name: "dave", network: "wg1", outer: [203, 0, 113], inner: Ipv4Addr::new(10, 8, 0, 2), stray: None },
];

/// The host's networks: interface, inner address, port.
const NETWORKS: [(&str, Ipv4Addr, u16); 2] =
    [("wg0", Ipv4Addr::new(10, 9, 0, 1), PORT), ("wg1", Ipv4Addr::new(10, 8, 0, 1), PORT + 1)];

impl Remote {
    fn outer(&self, host: u8) -> Ipv4Addr {
        let [a, b, c] = self.outer;
        Ipv4Addr::new(a, b, c, host)
    }
}

/// Sets up the host that the command sees, prints "ready" when all traffic has been sent, and never returns.
pub(super) fn run_host(backend: Backend) -> Result<ExitCode> {
    let mut net = Net::open()?;
    net.up("lo", None)?;
    let own = [Keys::random()?, Keys::random()?];
    let mut remotes: Vec<(Child, Keys)> = Vec::new();
    for peer in &REMOTES {
        let mut child = spawn_role("remote", backend)?;
        wait_for_line(&mut child, "created")?;
        net.add_veth(peer.name, child.id())?;
        net.add_address(peer.name, peer.outer(1), 24)?;
        net.up(peer.name, None)?;
        remotes.push((child, Keys::random()?));
    }
    for ((name, address, port), keys) in NETWORKS.iter().zip(&own) {
        let mut peers: Vec<PeerSetup> = REMOTES
            .iter()
            .zip(&remotes)
            .filter(|(peer, _)| peer.network == *name)
            .map(|(peer, (_, keys))| PeerSetup {
                public: keys.public,
                endpoint: Some(SocketAddrV4::new(peer.outer(2), PORT)),
                allowed_ips: vec![(peer.inner, 32)],
                keepalive: 25,
            })
            .collect();
        if *name == "wg0" {
            let endpoint = Some(SocketAddrV4::new(CAROL_OUTER, PORT));
            let public = Keys::random()?.public;
            peers.push(PeerSetup { public, endpoint, allowed_ips: vec![(CAROL, 32)], keepalive: 0 });
        }
        DeviceSetup { name, private: &keys.private, port: *port, peers }.create(backend, &mut net)?;
        net.add_address(name, *address, 24)?;
        net.up(name, Some(MTU))?;
    }
    net.add_route("wg0", Ipv4Addr::new(10, 9, 9, 0), 24)?;
    if backend == Backend::Boringtun {
        // boringtun does not count handshake attempts, so nothing would show that carol does not answer.
        net.add_unreachable(CAROL_OUTER)?;
    }

    for (peer, (child, keys)) in REMOTES.iter().zip(&mut remotes) {
        let network = NETWORKS.iter().zip(&own).find(|((name, ..), _)| *name == peer.network);
        let ((_, inner, _), host) = network.ok_or("a peer of no network")?;
        let stray = peer.stray.map_or_else(|| "-".to_owned(), |address| address.to_string());
        let private = keys.private.as_bytes().map(|byte| byte.to_string()).join(",");
        let public = host.public.as_bytes().map(|byte| byte.to_string()).join(",");
        let settings = [private, public, peer.outer(2).to_string(), peer.inner.to_string(), inner.to_string(), stray];
        send_line(child, &settings.join(" "))?;
        wait_for_line(child, "up")?;
        exchange(*inner, peer)?;
        send_line(child, "send")?;
        wait_for_line(child, "done")?;
    }
    let socket = UdpSocket::bind((NETWORKS[0].1, 0))?;
    for (address, packets) in [(CAROL, CAROL_PACKETS), (UNASSIGNED, UNASSIGNED_PACKETS)] {
        for _ in 0..packets {
            // The kernel refuses to send to the unassigned address. The lab shows that.
            let _ = socket.send_to(&PAYLOAD, (address, DISCARD));
        }
    }
    if backend != Backend::Kernel {
        overflow_queue(&mut net)?;
    }
    print_line("ready")?;
    wait_forever()
}

/// Sends bursts to alice until a packet is dropped in front of the daemon. The kernel's WireGuard has no such queue.
fn overflow_queue(net: &mut Net) -> Result<()> {
    let ([(interface, own, _), ..], [alice, ..]) = (NETWORKS, REMOTES);
    let socket = UdpSocket::bind((own, 0))?;
    net.set_queue_length(interface, SHORT_QUEUE)?;
    for _ in 0..BURSTS {
        for _ in 0..BURST {
            let _ = socket.send_to(&PAYLOAD, (alice.inner, DISCARD));
        }
        if net.tx_dropped(interface)? > 0 {
            return net.set_queue_length(interface, DEFAULT_QUEUE);
        }
    }
    Err(format!("{interface}: the daemon took {BURSTS} bursts of {BURST} packets without a drop").into())
}

/// Sends to a peer's echo port until it answers, then a fixed number of payloads there and back.
fn exchange(own: Ipv4Addr, peer: &Remote) -> Result<()> {
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

/// Sets up the host of a peer from the settings on standard input, answers at its echo port, and never returns.
pub(super) fn run_remote(backend: Backend) -> Result<ExitCode> {
    sandbox::enter_network()?;
    print_line("created")?;
    let line = read_line()?;
    let settings: Vec<&str> = line.split_whitespace().collect();
    let [private, public, outer, inner, host, stray] = settings.as_slice() else {
        return Err(format!("cannot read {line:?}").into());
    };
    let inner: Ipv4Addr = inner.parse()?;
    let host: Ipv4Addr = host.parse()?;
    let mut net = Net::open()?;
    net.up("lo", None)?;
    net.add_address("eth0", outer.parse()?, 24)?;
    net.up("eth0", None)?;
    let keys = Keys::from_bytes(parse_key(private)?);
    // It learns the host's endpoint from the host's first packet. Two initiators at once would delay the handshake.
    let peer =
        PeerSetup { public: parse_key(public)?.into(), endpoint: None, allowed_ips: vec![(host, 32)], keepalive: 0 };
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
    print_line("up")?;

    read_line()?;
    if let Ok(stray) = stray.parse::<Ipv4Addr>() {
        net.add_address("wg0", stray, 32)?;
        let socket = UdpSocket::bind((stray, 0))?;
        for _ in 0..STRAY_PACKETS {
            socket.send_to(b"from an address that is not mine", (host, DISCARD))?;
        }
    }
    print_line("done")?;
    wait_forever()
}

/// Prints a line for the parent process.
fn print_line(line: &str) -> Result<()> {
    Ok(writeln!(stdout(), "{line}")?)
}

fn read_line() -> Result<String> {
    let mut line = String::new();
    stdin().lock().read_line(&mut line)?;
    if line.is_empty() { Err(OtherEndClosed.into()) } else { Ok(line) }
}

fn parse_key(text: &str) -> Result<[u8; 32]> {
    let bytes = text.split(',').map(str::parse).collect::<Result<Vec<u8>, _>>()?;
    bytes.try_into().map_err(|_| "a key has 32 bytes".into())
}

/// Waits until the kernel kills this process.
fn wait_forever() -> ! {
    loop {
        std::thread::park();
    }
}
