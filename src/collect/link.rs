//! Which links exist, and what the kernel counts on them: `RTM_GETLINK`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use netlink_packet_core::{DefaultNla, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkExtentMask, LinkInfo, LinkMessage};
use rustix::io::Errno;

use super::attributes::{attributes, number};
use super::netlink::{Failure, Netlink, Transport};
use crate::model::{InterfaceStats, Name};

/// Attributes of `linux/if_link.h` that are read or sent as bytes.
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_OPERSTATE: u16 = 16;
const IFLA_LINKINFO: u16 = 18;
const IFLA_IFALIAS: u16 = 20;
const IFLA_STATS64: u16 = 23;
const IFLA_ALT_IFNAME: u16 = 53;
const IFLA_INFO_KIND: u16 = 1;
/// `struct ifinfomsg`, before the attributes.
const IFINFOMSG: usize = 16;
const IFF_UP: u32 = 1;
const IFF_RUNNING: u32 = 0x40;
/// `IFNAMSIZ` and `ALTIFNAMSIZ`, each with its NUL.
const IFNAMSIZ: usize = 16;
const ALTIFNAMSIZ: usize = 128;

/// One link of this network namespace, as `RTM_NEWLINK` has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Link {
    /// The kernel's index.
    pub ifindex: u32,
    /// The name (`IFLA_IFNAME`).
    pub name: Name,
    /// `wireguard`, `tun`, … (`IFLA_INFO_KIND`); `None` for hardware and loopback.
    pub kind: Option<Name>,
    /// `IFF_UP`.
    pub enabled: bool,
    /// `IFF_RUNNING`.
    pub up: bool,
    /// RFC 2863 state (`IFLA_OPERSTATE`), in the words of `ip link`.
    pub operstate: Option<&'static str>,
    /// Bytes of a packet (`IFLA_MTU`), of a tunnel's the inner one.
    pub mtu: Option<u32>,
    /// `ip link set … alias …` (`IFLA_IFALIAS`).
    pub alias: Option<Name>,
    /// The 64-bit counters (`IFLA_STATS64`).
    pub stats: InterfaceStats,
}

impl Link {
    /// Whether the link is of this kind.
    #[must_use]
    pub fn is(&self, kind: &str) -> bool {
        self.kind.as_ref().is_some_and(|own| own.as_bytes() == kind.as_bytes())
    }
}

/// The WireGuard links of this network namespace, as `RTM_GETLINK` lists them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct WireguardLinks {
    /// They, by ifindex: the order is stable, and a link that the kernel lists twice while others move counts once.
    pub links: BTreeMap<u32, Link>,
    /// Whether the kernel knows the kind at all: without the module it ignores the filter and lists every link.
    pub kind_is_known: bool,
}

/// Lists the links of kind `wireguard`.
///
/// # Errors
/// Where no attempt gave a whole and consistent list.
pub fn wireguard_links<T: Transport>(rtnl: &mut Netlink<T>) -> Result<WireguardLinks, Failure> {
    // The kernel stays the same for as long as this program runs.
    static ANY_SIZE: LazyLock<bool> =
        LazyLock::new(|| loses_links_in_silence(&rustix::system::uname().release().to_string_lossy()));
    match list(rtnl, *ANY_SIZE) {
        // A link has more names than fit the page that the kernel reserves for it.
        Err(failure) if failure.is(Errno::MSGSIZE) => list(rtnl, true),
        result => result,
    }
}

/// Whether this kernel ends a list early, and calls it whole, where a link does not fit: seen on 6.18, not on 6.1. In between,
/// 6.9 made the list anew.
fn loses_links_in_silence(release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse::<u32>().ok());
    // One that cannot be read is taken for a new one.
    numbers.next().is_none_or(|major| (major, numbers.next().unwrap_or(0)) >= (6, 9))
}

/// Lists the links. For `any_size` the kernel first measures every link of the namespace, which is most of the cost where there
/// are thousands.
fn list<T: Transport>(rtnl: &mut Netlink<T>, any_size: bool) -> Result<WireguardLinks, Failure> {
    // A server asks the same at each request.
    static PLAIN: LazyLock<Vec<u8>> = LazyLock::new(|| list_request(false));
    static ANY_SIZE: LazyLock<Vec<u8>> = LazyLock::new(|| list_request(true));
    let mut request = if any_size { ANY_SIZE.clone() } else { PLAIN.clone() };
    let (links, others) = rtnl.dump(&mut request, |(links, others): &mut (BTreeMap<u32, Link>, bool), payload| {
        let link = parse(payload)?;
        if link.is("wireguard") {
            links.insert(link.ifindex, link);
        } else {
            *others = true;
        }
        Ok(())
    })?;
    Ok(WireguardLinks { links, kind_is_known: !others })
}

fn list_request(any_size: bool) -> Vec<u8> {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Wireguard)]));
    if any_size {
        // Of all bits this one asks for nothing: it concerns bridges' own dumps only.
        message.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::Mrp]));
    }
    serialize(RouteNetlinkMessage::GetLink(message), NLM_F_REQUEST | NLM_F_DUMP)
}

/// The one link of this name or alternative name, whatever its kind; `None` where there is none.
///
/// # Errors
/// Where the kernel gives no usable answer.
pub fn link_by_name<T: Transport>(rtnl: &mut Netlink<T>, name: &Name) -> Result<Option<Link>, Failure> {
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes.len() >= ALTIFNAMSIZ {
        return Ok(None);
    }
    // The short attribute also finds short alternative names; the long one is unknown to kernels before 5.5.
    let kind = if bytes.len() < IFNAMSIZ { IFLA_IFNAME } else { IFLA_ALT_IFNAME };
    let mut terminated = bytes.to_vec();
    terminated.push(0);
    let mut message = LinkMessage::default();
    // As bytes, because the crate's own attribute takes UTF-8 only.
    message.attributes = vec![LinkAttribute::Other(DefaultNla::new(kind, terminated))];
    match rtnl.get(&mut serialize(RouteNetlinkMessage::GetLink(message), NLM_F_REQUEST), parse) {
        Ok(link) => Ok(Some(link)),
        // ENODEV: no such link; EINVAL, ERANGE: not a possible name of one (an older kernel and a long name, say).
        Err(failure) if [Errno::NODEV, Errno::INVAL, Errno::RANGE].into_iter().any(|errno| failure.is(errno)) => {
            Ok(None)
        }
        Err(failure) => Err(failure),
    }
}

/// The one link of this index; `None` where there is none.
///
/// # Errors
/// Where the kernel gives no usable answer.
pub fn link_by_index<T: Transport>(rtnl: &mut Netlink<T>, ifindex: u32) -> Result<Option<Link>, Failure> {
    let mut message = LinkMessage::default();
    message.header.index = ifindex;
    match rtnl.get(&mut serialize(RouteNetlinkMessage::GetLink(message), NLM_F_REQUEST), parse) {
        Ok(link) => Ok(Some(link)),
        Err(failure) if failure.is(Errno::NODEV) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Whether this message of a link is of one that may be a tunnel; so is what cannot be read.
pub(super) fn is_tunnel(payload: &[u8]) -> bool {
    parse(payload).map_or(true, |link| link.is("wireguard") || link.is("tun"))
}

pub(super) fn serialize(message: RouteNetlinkMessage, flags: u16) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = flags;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
    message.finalize();
    let mut request = vec![0; message.buffer_len()];
    message.serialize(&mut request);
    request
}

fn parse(payload: &[u8]) -> Result<Link, Failure> {
    let (header, rest) =
        payload.split_first_chunk::<IFINFOMSG>().ok_or(Failure::Malformed("a link is shorter than its header"))?;
    let [_, _, _, _, i0, i1, i2, i3, f0, f1, f2, f3, ..] = *header;
    let flags = u32::from_ne_bytes([f0, f1, f2, f3]);
    let mut link = Link {
        ifindex: u32::from_ne_bytes([i0, i1, i2, i3]),
        enabled: flags & IFF_UP != 0,
        up: flags & IFF_RUNNING != 0,
        ..Link::default()
    };
    attributes(rest, |kind, value| {
        match kind {
            IFLA_IFNAME => link.name = Name::new(value),
            IFLA_MTU => link.mtu = Some(u32::from_ne_bytes(number(value)?)),
            IFLA_OPERSTATE => link.operstate = value.first().map(|&state| operstate(state)),
            IFLA_IFALIAS => link.alias = Some(Name::new(value)),
            IFLA_STATS64 => link.stats = InterfaceStats::from_stats64(value),
            IFLA_LINKINFO => attributes(value, |kind, value| {
                if kind == IFLA_INFO_KIND {
                    link.kind = Some(Name::new(value));
                }
                Ok(())
            })?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(link)
}

/// The words of `ip link` for `IF_OPER_*`.
const fn operstate(state: u8) -> &'static str {
    match state {
        1 => "notpresent",
        2 => "down",
        3 => "lowerlayerdown",
        4 => "testing",
        5 => "dormant",
        6 => "up",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_that_lose_links_in_silence_are_told_by_their_release() {
        for release in ["6.9.0", "6.18.44-fc-v657", "6.12.48+deb13-amd64", "7.0-rc1", "10.1", "next"] {
            assert!(loses_links_in_silence(release), "{release}");
        }
        for release in ["6.1.0-56-cloud-amd64", "6.8.0-31-generic", "5.14.0-570.el9", "3.10.0", "4.19.0-27"] {
            assert!(!loses_links_in_silence(release), "{release}");
        }
    }
}
