//! Reads links and their counters: `RTM_GETLINK`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use netlink_packet_core::{DefaultNla, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkExtentMask, LinkInfo, LinkMessage};
use rustix::io::Errno;

use super::attributes::{attributes, number};
use super::netlink::{Error, Netlink, Transport};
use crate::model::{InterfaceStats, Name, Network};

/// `linux/if_link.h`.
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_OPERSTATE: u16 = 16;
const IFLA_LINKINFO: u16 = 18;
const IFLA_IFALIAS: u16 = 20;
const IFLA_STATS64: u16 = 23;
const IFLA_ALT_IFNAME: u16 = 53;
const IFLA_INFO_KIND: u16 = 1;
/// Bytes of `struct ifinfomsg`, before the attributes.
const IFINFOMSG: usize = 16;
const IFF_UP: u32 = 1;
const IFF_RUNNING: u32 = 0x40;
/// `IFNAMSIZ` and `ALTIFNAMSIZ`, each with its NUL.
const IFNAMSIZ: usize = 16;
const ALTIFNAMSIZ: usize = 128;

/// One link of this network namespace (`RTM_NEWLINK`).
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
    /// RFC 2863 state (`IFLA_OPERSTATE`), as `ip link` prints it.
    pub operstate: Option<&'static str>,
    /// MTU in bytes (`IFLA_MTU`); for a tunnel that of the inner packets.
    pub mtu: Option<u32>,
    /// `ip link set … alias …` (`IFLA_IFALIAS`).
    pub alias: Option<Name>,
    /// The 64-bit counters (`IFLA_STATS64`).
    pub stats: InterfaceStats,
}

impl Link {
    /// Returns whether the link is of this kind.
    #[must_use]
    pub fn is(&self, kind: &str) -> bool {
        self.kind.as_ref().is_some_and(|own| own.as_bytes() == kind.as_bytes())
    }
}

/// The WireGuard links of this network namespace (`RTM_GETLINK`).
#[derive(Debug, Default, PartialEq, Eq)]
pub struct WireguardLinks {
    /// The links by ifindex: the order is stable, and a link that the kernel lists twice during changes counts once.
    pub links: BTreeMap<u32, Link>,
    /// Whether the kernel has the kind `wireguard`. Without the module it ignores the filter and lists every link.
    pub kind_is_known: bool,
}

/// Returns the links of kind `wireguard`.
///
/// # Errors
/// Returns an error if no attempt gave a complete and consistent list.
pub fn wireguard_links<T: Transport>(rtnl: &mut Netlink<T>) -> Result<WireguardLinks, Error> {
    // The kernel cannot change while this program runs.
    static ANY_SIZE: LazyLock<bool> =
        LazyLock::new(|| omits_links_silently(&rustix::system::uname().release().to_string_lossy()));
    match list(rtnl, *ANY_SIZE) {
        // A link has more names than fit into the page that the kernel reserves for it.
        Err(error) if error.is(Errno::MSGSIZE) => list(rtnl, true),
        result => result,
    }
}

/// Returns whether this kernel ends a list early and reports it as complete if a link does not fit: seen on 6.18, not on
/// 6.1. The listing was rewritten in 6.9.
fn omits_links_silently(release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse::<u32>().ok());
    // An unknown version counts as a new one.
    numbers.next().is_none_or(|major| (major, numbers.next().unwrap_or(0)) >= (6, 9))
}

/// Dumps the links. With `any_size` the kernel first measures every link of the namespace. With thousands of links, that is
/// most of the cost.
fn list<T: Transport>(rtnl: &mut Netlink<T>, any_size: bool) -> Result<WireguardLinks, Error> {
    // `serve` sends the same request at each scrape.
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

/// Returns the request for all links of kind `wireguard`.
fn list_request(any_size: bool) -> Vec<u8> {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Wireguard)]));
    if any_size {
        // Any bit makes the kernel measure the links. This one adds nothing else: it concerns dumps of bridges only.
        message.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::Mrp]));
    }
    serialize(RouteNetlinkMessage::GetLink(message), NLM_F_REQUEST | NLM_F_DUMP)
}

/// Returns the link with this name or alternative name, whatever its kind; `None` if there is none.
///
/// # Errors
/// Returns an error if the kernel gives no usable reply.
pub fn link_by_name<T: Transport>(rtnl: &mut Netlink<T>, name: &Name) -> Result<Option<Link>, Error> {
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes.len() >= ALTIFNAMSIZ {
        return Ok(None);
    }
    // The short attribute finds short alternative names too; kernels before 5.5 do not know the long one.
    let kind = if bytes.len() < IFNAMSIZ { IFLA_IFNAME } else { IFLA_ALT_IFNAME };
    let mut terminated = bytes.to_vec();
    terminated.push(0);
    let mut message = LinkMessage::default();
    // As bytes: the crate's own attribute takes UTF-8 only.
    message.attributes = vec![LinkAttribute::Other(DefaultNla::new(kind, terminated))];
    match rtnl.get(&mut serialize(RouteNetlinkMessage::GetLink(message), NLM_F_REQUEST), parse) {
        Ok(link) => Ok(Some(link)),
        // ENODEV: no such link; EINVAL, ERANGE: not a valid name, such as a long one on an older kernel.
        Err(error) if [Errno::NODEV, Errno::INVAL, Errno::RANGE].into_iter().any(|errno| error.is(errno)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the link with this ifindex; `None` if there is none.
///
/// # Errors
/// Returns an error if the kernel gives no usable reply.
pub fn link_by_index<T: Transport>(rtnl: &mut Netlink<T>, ifindex: u32) -> Result<Option<Link>, Error> {
    let mut message = LinkMessage::default();
    message.header.index = ifindex;
    match rtnl.get(&mut serialize(RouteNetlinkMessage::GetLink(message), NLM_F_REQUEST), parse) {
        Ok(link) => Ok(Some(link)),
        Err(error) if error.is(Errno::NODEV) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns whether a link's message may be about a tunnel; one that cannot be parsed may be.
pub(super) fn may_be_tunnel(payload: &[u8]) -> bool {
    parse(payload).map_or(true, |link| link.is("wireguard") || link.is("tun"))
}

/// Returns the bytes of a request.
pub(super) fn serialize(message: RouteNetlinkMessage, flags: u16) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = flags;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
    message.finalize();
    let mut request = vec![0; message.buffer_len()];
    message.serialize(&mut request);
    request
}

/// Parses the payload of an `RTM_NEWLINK`.
fn parse(payload: &[u8]) -> Result<Link, Error> {
    let (header, rest) =
        payload.split_first_chunk::<IFINFOMSG>().ok_or(Error::Malformed("a link is shorter than its header"))?;
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

/// Returns the word of `ip link` for an `IF_OPER_*`.
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

/// Returns a network with the values of its link.
pub(super) fn network_of_link(link: Link) -> Network {
    Network {
        interface: link.name,
        ifindex: Some(link.ifindex),
        alias: link.alias,
        enabled: Some(link.enabled),
        up: Some(link.up),
        operstate: link.operstate,
        mtu: link.mtu,
        stats: link.stats,
        ..Network::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_that_omit_links_are_recognised_by_their_release() {
        for release in ["6.9.0", "6.18.44-fc-v657", "6.12.48+deb13-amd64", "7.0-rc1", "10.1", "next"] {
            assert!(omits_links_silently(release), "{release}");
        }
        for release in ["6.1.0-56-cloud-amd64", "6.8.0-31-generic", "5.14.0-570.el9", "3.10.0", "4.19.0-27"] {
            assert!(!omits_links_silently(release), "{release}");
        }
    }
}
