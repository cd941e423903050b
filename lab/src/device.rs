//! Creates and configures WireGuard devices of three backends.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use boringtun::device::{DeviceConfig, DeviceHandle};
use clap::ValueEnum;
use netlink_packet_route::link::InfoKind;
use netlink_sys::protocols::NETLINK_GENERIC;
use wgstat::collect::attributes::attributes;
use wgstat::collect::netlink::{KernelSocket, Netlink};
use x25519_dalek::{PublicKey, StaticSecret};

use super::Result;
use super::net::Net;

/// Names a WireGuard implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Backend {
    /// The kernel module
    Kernel,
    /// The boringtun crate, in a thread of the lab
    Boringtun,
    /// The program wireguard-go
    WireguardGo,
}

impl Backend {
    /// Returns the kernel if it can make a WireGuard link, else boringtun.
    pub(super) fn detect() -> Result<Self> {
        let mut net = Net::open()?;
        match net.add_link("wgprobe", InfoKind::Wireguard) {
            Ok(()) => net.delete_link("wgprobe").map(|()| Self::Kernel),
            Err(_) => Ok(Self::Boringtun),
        }
    }

    pub(super) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    pub(super) fn parse(name: &str) -> Result<Self> {
        Ok(Self::from_str(name, false)?)
    }
}

/// Holds the throw-away keys of one end of a tunnel.
pub(super) struct Keys {
    pub(super) private: StaticSecret,
    pub(super) public: PublicKey,
}

impl Keys {
    pub(super) fn from_bytes(bytes: [u8; 32]) -> Self {
        let private = StaticSecret::from(bytes);
        Self { public: PublicKey::from(&private), private }
    }

    pub(super) fn random() -> Result<Self> {
        let mut bytes = [0; 32];
        std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut bytes)?;
        Ok(Self::from_bytes(bytes))
    }
}

/// Holds the settings of one peer.
pub(super) struct PeerSetup {
    pub(super) public: PublicKey,
    pub(super) endpoint: Option<SocketAddrV4>,
    pub(super) allowed_ips: Vec<(Ipv4Addr, u8)>,
    pub(super) keepalive: u16,
}

/// Holds the settings of one device.
pub(super) struct DeviceSetup<'a> {
    pub(super) name: &'a str,
    pub(super) private: &'a StaticSecret,
    pub(super) port: u16,
    pub(super) peers: Vec<PeerSetup>,
}

/// `GENL_ID_CTRL` of `linux/genetlink.h`: the family that has the numbers of all others.
const GENL_ID_CTRL: u16 = 16;
/// Limits the time that a daemon takes to open its socket, and to reply.
const DAEMON_TIMEOUT: Duration = Duration::from_secs(10);

impl DeviceSetup<'_> {
    /// Creates and configures the device in this process's network namespace.
    pub(super) fn create(&self, backend: Backend, net: &mut Net) -> Result<()> {
        match backend {
            Backend::Kernel => {
                net.add_link(self.name, InfoKind::Wireguard).map_err(|failure| format!("{}: {failure}", self.name))?;
                self.configure_kernel(net.index(self.name)?)
            }
            Backend::Boringtun => {
                let config = DeviceConfig { n_threads: 1, use_multi_queue: false, ..DeviceConfig::default() };
                let device = DeviceHandle::new(self.name, config).map_err(|error| {
                    format!("{}: cannot make a tun device: {error}; is there a /dev/net/tun (modprobe tun)?", self.name)
                })?;
                // The device lives as long as the process.
                std::mem::forget(device);
                self.configure_socket()
            }
            Backend::WireguardGo => {
                Command::new("setpriv")
                    .args(["--pdeathsig", "KILL", "wireguard-go", "--foreground", self.name])
                    .env("WG_PROCESS_FOREGROUND", "1")
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()?;
                self.configure_socket()
            }
        }
    }

    /// Configures a daemon's device by the userspace protocol's `set=1`.
    fn configure_socket(&self) -> Result<()> {
        let path = format!("/var/run/wireguard/{}.sock", self.name);
        let start = Instant::now();
        let mut stream = loop {
            match UnixStream::connect(Path::new(&path)) {
                Ok(stream) => break stream,
                Err(error) if start.elapsed() > DAEMON_TIMEOUT => return Err(format!("{path}: {error}").into()),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        let mut text = format!("set=1\nprivate_key={}\nlisten_port={}\n", hex(self.private.as_bytes()), self.port);
        for peer in &self.peers {
            writeln!(text, "public_key={}", hex(peer.public.as_bytes()))?;
            if let Some(endpoint) = peer.endpoint {
                writeln!(text, "endpoint={endpoint}")?;
            }
            writeln!(text, "persistent_keepalive_interval={}", peer.keepalive)?;
            for (address, prefix) in &peer.allowed_ips {
                writeln!(text, "allowed_ip={address}/{prefix}")?;
            }
        }
        text.push('\n');
        stream.set_read_timeout(Some(DAEMON_TIMEOUT))?;
        stream.write_all(text.as_bytes())?;
        let mut reply = String::new();
        BufReader::new(stream).read_line(&mut reply).map_err(|error| format!("{path}: {error}"))?;
        if reply == "errno=0\n" { Ok(()) } else { Err(format!("{path}: the daemon replied {reply:?}").into()) }
    }

    /// Configures a kernel device by `WG_CMD_SET_DEVICE`; the numbers are those of `linux/wireguard.h`.
    fn configure_kernel(&self, ifindex: u32) -> Result<()> {
        let peers: Vec<u8> = self.peers.iter().flat_map(|peer| nested(0, &peer_attributes(peer))).collect();
        let body = [
            attribute(1, &ifindex.to_ne_bytes()),
            attribute(3, self.private.as_bytes()),
            attribute(6, &self.port.to_ne_bytes()),
            nested(8, &peers),
        ]
        .concat();
        let mut genl = Netlink::new(KernelSocket::open(NETLINK_GENERIC)?);
        let mut family = 0;
        genl.get(&mut generic(GENL_ID_CTRL, 3, 1, &attribute(2, b"wireguard\0")), |payload| {
            attributes(payload.get(4..).unwrap_or_default(), |kind, value| {
                if let (1, &[low, high]) = (kind, value) {
                    family = u16::from_ne_bytes([low, high]);
                }
                Ok(())
            })
        })
        .map_err(|failure| failure.to_string())?;
        genl.dump(&mut generic(family, 1, 1, &body), |(), _| Ok(()))
            .map_err(|failure| format!("{}: {failure}", self.name).into())
    }
}

fn peer_attributes(peer: &PeerSetup) -> Vec<u8> {
    let mut bytes = attribute(1, peer.public.as_bytes());
    if let Some(endpoint) = peer.endpoint {
        let address =
            [&2_u16.to_ne_bytes()[..], &endpoint.port().to_be_bytes(), &endpoint.ip().octets(), &[0; 8]].concat();
        bytes.extend(attribute(4, &address));
    }
    bytes.extend(attribute(5, &peer.keepalive.to_ne_bytes()));
    let ips: Vec<u8> = peer
        .allowed_ips
        .iter()
        .flat_map(|(address, prefix)| {
            let ip = [attribute(1, &2_u16.to_ne_bytes()), attribute(2, &address.octets()), attribute(3, &[*prefix])];
            nested(0, &ip.concat())
        })
        .collect();
    bytes.extend(nested(9, &ips));
    bytes
}

/// Returns a generic netlink request that asks for an acknowledgement.
fn generic(family: u16, command: u8, version: u8, body: &[u8]) -> Vec<u8> {
    const REQUEST_ACK: u16 = 1 | 4;
    let length = u32::try_from(20 + body.len()).unwrap_or(u32::MAX);
    let mut request = [&length.to_ne_bytes()[..], &family.to_ne_bytes(), &REQUEST_ACK.to_ne_bytes(), &[0; 8]].concat();
    request.extend([command, version, 0, 0]);
    request.extend(body);
    request
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    let mut bytes = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), value].concat();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn nested(kind: u16, value: &[u8]) -> Vec<u8> {
    const NLA_F_NESTED: u16 = 0x8000;
    attribute(kind | NLA_F_NESTED, value)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
