//! Reads a kernel WireGuard interface and its peers: `WG_CMD_GET_DEVICE` of the generic netlink family `wireguard`.
//!
//! The reply holds the private key and every preshared key. The parser skips the private key and only compares preshared keys
//! with zeros; no type here could hold one.

use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use netlink_packet_core::{Emitable, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_core::{NetlinkSerializable, emit_u32};
use netlink_packet_generic::ctrl::nlas::GenlCtrlAttrs;
use netlink_packet_generic::ctrl::{GenlCtrl, GenlCtrlCmd};
use netlink_packet_generic::{GenlFamily, GenlMessage};
use rustix::io::Errno;

use super::attributes::{attributes, number};
use super::netlink::{Error, Netlink, Transport};
use crate::model::{AllowedIp, Network, Peer, PublicKey};

/// Bytes of `struct genlmsghdr`, before the attributes.
const GENL_HEADER: usize = 4;
const CTRL_ATTR_FAMILY_ID: u16 = 1;

/// `linux/wireguard.h`.
const WG_CMD_GET_DEVICE: u8 = 0;
const WG_GENL_VERSION: u8 = 1;
const WGDEVICE_A_IFINDEX: u16 = 1;
const WGDEVICE_A_PUBLIC_KEY: u16 = 4;
const WGDEVICE_A_LISTEN_PORT: u16 = 6;
const WGDEVICE_A_FWMARK: u16 = 7;
const WGDEVICE_A_PEERS: u16 = 8;
const WGPEER_A_PUBLIC_KEY: u16 = 1;
const WGPEER_A_PRESHARED_KEY: u16 = 2;
const WGPEER_A_ENDPOINT: u16 = 4;
const WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL: u16 = 5;
const WGPEER_A_LAST_HANDSHAKE_TIME: u16 = 6;
const WGPEER_A_RX_BYTES: u16 = 7;
const WGPEER_A_TX_BYTES: u16 = 8;
const WGPEER_A_ALLOWEDIPS: u16 = 9;
const WGPEER_A_PROTOCOL_VERSION: u16 = 10;
const WGALLOWEDIP_A_IPADDR: u16 = 2;
const WGALLOWEDIP_A_CIDR_MASK: u16 = 3;
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// Peers of a short list, less than 6 KiB, and of a long one, less than 3 MiB.
const SHORT_LIST: usize = 32;
const LONG_LIST: usize = 16 * 1024;

/// A WireGuard device with its peers: the kernel's reply to `WG_CMD_GET_DEVICE`, or a daemon's to `get=1`.
#[derive(Debug, Default, PartialEq)]
pub struct Device {
    /// This end's public key; `None` without a private key.
    pub public_key: Option<PublicKey>,
    /// UDP port (`WGDEVICE_A_LISTEN_PORT`, `listen_port=`).
    pub listen_port: Option<u16>,
    /// Mark of the outer packets (`WGDEVICE_A_FWMARK`, `fwmark=`); 0 means none.
    pub fwmark: Option<u32>,
    /// The peers, each once, in the order of the reply.
    pub peers: Vec<Peer>,
}

/// Reads the devices of one network namespace over one socket.
pub struct DeviceReader<T> {
    genl: Netlink<T>,
    /// The ID that the kernel gave the family; it changes when the module is reloaded.
    family: Option<u16>,
}

impl<T: Transport> DeviceReader<T> {
    /// Uses this generic netlink socket.
    pub fn new(genl: Netlink<T>) -> Self {
        Self { genl, family: None }
    }

    /// Reads the device with this ifindex and all its peers.
    ///
    /// # Errors
    /// Returns `EPERM` without `CAP_NET_ADMIN`, `ENODEV` if the link is gone, and anything that makes a dump incomplete or
    /// inconsistent.
    pub fn read(&mut self, ifindex: u32) -> Result<Device, Error> {
        if let Some(family) = self.family {
            match self.dump(family, ifindex) {
                // The module was unloaded. If it was loaded again, its family has a new ID.
                Err(error) if error.is(Errno::NOENT) => {}
                other => return other,
            }
        }
        let family = self.resolve()?;
        self.family = Some(family);
        self.dump(family, ifindex)
    }

    /// Looks up the ID of the family.
    fn resolve(&mut self) -> Result<u16, Error> {
        let mut request = serialize(
            GenlMessage::from_payload(GenlCtrl {
                cmd: GenlCtrlCmd::GetFamily,
                nlas: vec![GenlCtrlAttrs::FamilyName(GetDevice::family_name().to_owned())],
            }),
            NLM_F_REQUEST,
        );
        self.genl.get(&mut request, |payload| {
            let mut family = None;
            attributes(payload.get(GENL_HEADER..).unwrap_or_default(), |kind, value| {
                if kind == CTRL_ATTR_FAMILY_ID {
                    family = Some(u16::from_ne_bytes(number(value)?));
                }
                Ok(())
            })?;
            family.ok_or(Error::Malformed("the family has no ID"))
        })
    }

    /// Sends the request under this family ID.
    fn dump(&mut self, family: u16, ifindex: u32) -> Result<Device, Error> {
        let mut message = GenlMessage::from_payload(GetDevice { ifindex });
        message.set_resolved_family_id(family);
        let mut request = serialize(message, NLM_F_REQUEST | NLM_F_DUMP);
        let mut device = self.genl.dump(&mut request, |device: &mut Device, payload| {
            parse_message(device, payload.get(GENL_HEADER..).unwrap_or_default())
        })?;
        device.peers.shrink_to_fit();
        Ok(device)
    }
}

/// The request `WG_CMD_GET_DEVICE` for one link.
#[derive(Debug)]
struct GetDevice {
    ifindex: u32,
}

impl GenlFamily for GetDevice {
    fn family_name() -> &'static str {
        "wireguard"
    }

    fn command(&self) -> u8 {
        WG_CMD_GET_DEVICE
    }

    fn version(&self) -> u8 {
        WG_GENL_VERSION
    }
}

impl netlink_packet_core::Nla for GetDevice {
    fn value_len(&self) -> usize {
        size_of::<u32>()
    }

    fn kind(&self) -> u16 {
        WGDEVICE_A_IFINDEX
    }

    fn emit_value(&self, buffer: &mut [u8]) {
        // The buffer is exactly `value_len` long.
        let _ = emit_u32(buffer, self.ifindex);
    }
}

/// Returns the bytes of a request.
fn serialize<F>(message: GenlMessage<F>, flags: u16) -> Vec<u8>
where
    F: GenlFamily + Emitable + std::fmt::Debug,
    GenlMessage<F>: NetlinkSerializable,
{
    let mut header = NetlinkHeader::default();
    header.flags = flags;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
    message.finalize();
    let mut request = vec![0; message.buffer_len()];
    message.serialize(&mut request);
    request
}

/// Parses one message of the reply into the device.
fn parse_message(device: &mut Device, message: &[u8]) -> Result<(), Error> {
    attributes(message, |kind, value| {
        match kind {
            WGDEVICE_A_PUBLIC_KEY => device.public_key = Some(PublicKey(number(value)?)),
            WGDEVICE_A_LISTEN_PORT => device.listen_port = Some(u16::from_ne_bytes(number(value)?)),
            WGDEVICE_A_FWMARK => device.fwmark = Some(u32::from_ne_bytes(number(value)?)),
            WGDEVICE_A_PEERS => {
                // Only the first peer of a message can continue the last peer of the previous message: it has the same
                // key and more allowed-ips, but no counters.
                let mut is_first = true;
                attributes(value, |_, value| {
                    // Parsed in place: there may be tens of thousands. For the same reason a list that is not short reserves
                    // room for a long one at once; unused memory costs nothing, moving a list does.
                    if device.peers.len() == device.peers.capacity()
                        && (SHORT_LIST..LONG_LIST).contains(&device.peers.len())
                    {
                        device.peers.reserve(LONG_LIST);
                    }
                    device.peers.resize_with(device.peers.len() + 1, Peer::default);
                    let Some(peer) = device.peers.last_mut() else { return Ok(()) };
                    parse_peer(peer, value)?;
                    if mem::take(&mut is_first)
                        && let [.., previous, peer] = device.peers.as_mut_slice()
                        && previous.public_key == peer.public_key
                    {
                        previous.allowed_ips.append(&mut peer.allowed_ips);
                        device.peers.pop();
                    }
                    Ok(())
                })?;
            }
            _ => {}
        }
        Ok(())
    })
}

/// Parses one entry of `WGDEVICE_A_PEERS`.
#[expect(clippy::inline_always, reason = "thousands of peers")]
#[inline(always)]
fn parse_peer(peer: &mut Peer, value: &[u8]) -> Result<(), Error> {
    attributes(value, |kind, value| {
        match kind {
            WGPEER_A_PUBLIC_KEY => peer.public_key = PublicKey(number(value)?),
            // The kernel sends zeros for "none".
            WGPEER_A_PRESHARED_KEY => peer.has_preshared_key = number::<32>(value)? != [0; 32],
            WGPEER_A_ENDPOINT => peer.endpoint = Some(parse_endpoint(value)?),
            WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL => {
                peer.persistent_keepalive = u16::from_ne_bytes(number(value)?);
            }
            WGPEER_A_LAST_HANDSHAKE_TIME => {
                // `struct __kernel_timespec`: seconds and nanoseconds, of 64 bits each.
                let Some(seconds) = value.first_chunk() else {
                    return Err(Error::Malformed("a handshake time is shorter than 8 bytes"));
                };
                peer.last_handshake = u64::try_from(i64::from_ne_bytes(*seconds)).ok().filter(|&seconds| seconds > 0);
            }
            WGPEER_A_RX_BYTES => peer.rx_bytes = u64::from_ne_bytes(number(value)?),
            WGPEER_A_TX_BYTES => peer.tx_bytes = u64::from_ne_bytes(number(value)?),
            WGPEER_A_PROTOCOL_VERSION => peer.protocol_version = Some(u32::from_ne_bytes(number(value)?)),
            WGPEER_A_ALLOWEDIPS => attributes(value, |_, value| {
                peer.allowed_ips.push(parse_allowed_ip(value)?);
                Ok(())
            })?,
            _ => {}
        }
        Ok(())
    })
}

/// Parses a `struct sockaddr_in` or `sockaddr_in6`.
#[expect(clippy::inline_always, reason = "thousands of peers")]
#[inline(always)]
fn parse_endpoint(value: &[u8]) -> Result<SocketAddr, Error> {
    match *value {
        [f0, f1, p0, p1, a, b, c, d, ..] if u16::from_ne_bytes([f0, f1]) == AF_INET => {
            Ok(SocketAddr::from((Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([p0, p1]))))
        }
        [f0, f1, p0, p1, _, _, _, _, ref rest @ ..] if u16::from_ne_bytes([f0, f1]) == AF_INET6 => {
            let malformed = || Error::Malformed("an IPv6 endpoint is truncated");
            let (address, scope) = rest.split_first_chunk::<16>().ok_or_else(malformed)?;
            let scope = u32::from_ne_bytes(*scope.first_chunk().ok_or_else(malformed)?);
            let port = u16::from_be_bytes([p0, p1]);
            Ok(SocketAddrV6::new(Ipv6Addr::from(*address), port, 0, scope).into())
        }
        _ => Err(Error::Malformed("an endpoint is neither IPv4 nor IPv6")),
    }
}

/// Parses one entry of `WGPEER_A_ALLOWEDIPS`.
#[expect(clippy::inline_always, reason = "thousands of peers")]
#[inline(always)]
fn parse_allowed_ip(value: &[u8]) -> Result<AllowedIp, Error> {
    let mut address = None;
    let mut prefix = None;
    attributes(value, |kind, value| {
        match kind {
            // The length gives the family, so the family attribute is not needed.
            WGALLOWEDIP_A_IPADDR => {
                address = match *value {
                    [a, b, c, d] => Some(IpAddr::from([a, b, c, d])),
                    _ => Some(IpAddr::from(number::<16>(value)?)),
                };
            }
            WGALLOWEDIP_A_CIDR_MASK => prefix = value.first().copied(),
            _ => {}
        }
        Ok(())
    })?;
    match (address, prefix) {
        (Some(address), Some(prefix)) => Ok(AllowedIp { address, prefix }),
        _ => Err(Error::Malformed("an allowed-ip lacks its address or prefix length")),
    }
}

/// Copies the values of a device to its network.
pub(super) fn apply_device(network: &mut Network, device: Device) {
    network.public_key = device.public_key;
    network.listen_port = device.listen_port;
    // Daemons leave out a mark that is not set.
    network.fwmark = Some(device.fwmark.unwrap_or(0));
    network.peers = Some(device.peers);
}
