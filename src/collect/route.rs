//! Reads routes: the one that packets to an endpoint take, and those into a tunnel (`RTM_GETROUTE`).

use std::net::IpAddr;

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use rustix::io::Errno;

use super::attributes::{address, attributes, number};
use super::link::serialize;
use super::netlink::{Error, Netlink, Transport};
use crate::model::{AllowedIp, PathKey};

/// `linux/rtnetlink.h`.
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_METRICS: u16 = 8;
const RTA_MULTIPATH: u16 = 9;
const RTA_TABLE: u16 = 15;
const RTA_VIA: u16 = 18;
const RTAX_MTU: u16 = 2;
const RTN_UNICAST: u8 = 1;
const RTN_LOCAL: u8 = 2;
const RTPROT_KERNEL: u8 = 2;
const RT_TABLE_LOCAL: u32 = 255;
/// Bytes of `struct rtmsg`, before the attributes.
const RTMSG: usize = 12;
/// Bytes of `struct rtnexthop`, before its attributes.
const RTNEXTHOP: usize = 8;

/// One route of a table, or the result of a route lookup.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RouteEntry {
    pub(super) destination: Option<AllowedIp>,
    pub(super) table: u32,
    pub(super) protocol: u8,
    pub(super) kind: u8,
    pub(super) ifindex: Option<u32>,
    pub(super) gateway: Option<IpAddr>,
    pub(super) is_routed: bool,
    pub(super) priority: u32,
    pub(super) mtu: Option<u32>,
}

impl RouteEntry {
    /// Returns whether the destination is this host.
    pub(super) const fn is_local(&self) -> bool {
        self.kind == RTN_LOCAL
    }

    /// Returns whether the route forwards packets, unlike `blackhole` or `unreachable`.
    pub(super) const fn is_unicast(&self) -> bool {
        self.kind == RTN_UNICAST
    }

    /// Returns whether the kernel added the route for an address of the link.
    pub(super) const fn is_connected(&self) -> bool {
        self.protocol == RTPROT_KERNEL
    }
}

/// Looks up the route to each address, for packets with this mark; `None` if there is none.
///
/// # Errors
/// Returns an error if the exchange failed, or the kernel refused a lookup.
pub(super) fn lookup_routes<T: Transport>(
    rtnl: &mut Netlink<T>,
    destinations: &[PathKey],
    mark: u32,
) -> Result<Vec<Option<RouteEntry>>, Error> {
    let mut requests: Vec<Vec<u8>> = destinations.iter().map(|destination| request(*destination, mark)).collect();
    let results = rtnl.get_many(&mut requests, parse)?;
    results
        .into_iter()
        .map(|result| match result {
            Ok(entry) => Ok((entry.is_unicast() || entry.is_local()).then_some(entry)),
            // No route; "unreachable" and "prohibit" routes; a host without this family; a link that is gone. A "blackhole" is
            // EINVAL without a text; the kernel adds a text if it refuses the request itself.
            Err(
                Error::Kernel(
                    Errno::NETUNREACH
                    | Errno::HOSTUNREACH
                    | Errno::ACCESS
                    | Errno::OPNOTSUPP
                    | Errno::AFNOSUPPORT
                    | Errno::NODEV,
                    _,
                )
                | Error::Kernel(Errno::INVAL, None),
            ) => Ok(None),
            Err(error) => Err(error),
        })
        .collect()
}

/// Returns the request to look up one destination.
fn request(destination: PathKey, mark: u32) -> Vec<u8> {
    let mut message = RouteMessage::default();
    let (family, bits, address) = match destination.address {
        IpAddr::V4(address) => (AddressFamily::Inet, 32, RouteAddress::Inet(address)),
        IpAddr::V6(address) => (AddressFamily::Inet6, 128, RouteAddress::Inet6(address)),
    };
    message.header.address_family = family;
    message.header.destination_prefix_length = bits;
    message.attributes.push(RouteAttribute::Destination(address));
    if mark != 0 {
        message.attributes.push(RouteAttribute::Mark(mark));
    }
    if destination.scope != 0 {
        message.attributes.push(RouteAttribute::Oif(destination.scope));
    }
    serialize(RouteNetlinkMessage::GetRoute(message), NLM_F_REQUEST)
}

/// Returns the routes into a link, of both families and every table but the local one.
///
/// # Errors
/// Returns an error if no attempt gave a complete and consistent list.
pub(super) fn routes_into<T: Transport>(rtnl: &mut Netlink<T>, ifindex: u32) -> Result<Vec<RouteEntry>, Error> {
    let mut all = list(rtnl, AddressFamily::Inet, Some(ifindex))?;
    all.append(&mut list(rtnl, AddressFamily::Inet6, Some(ifindex))?);
    // Kernels before 5.0 do not filter.
    all.retain(|entry| entry.ifindex == Some(ifindex) && entry.table != RT_TABLE_LOCAL && entry.is_unicast());
    Ok(all)
}

/// Returns the best route to an address among those that do not lead into this link.
///
/// # Errors
/// Returns the errors of [`routes_into`].
pub(super) fn best_route_avoiding<T: Transport>(
    rtnl: &mut Netlink<T>,
    address: IpAddr,
    ifindex: u32,
) -> Result<Option<RouteEntry>, Error> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let mut all = list(rtnl, family, None)?;
    all.retain(|entry| {
        entry.is_unicast()
            && entry.ifindex.is_some_and(|own| own != ifindex)
            && entry.destination.is_some_and(|destination| destination.contains(address))
    });
    let rank = |entry: &RouteEntry| (entry.destination.map_or(0, |to| to.prefix), std::cmp::Reverse(entry.priority));
    Ok(all.into_iter().max_by_key(rank))
}

/// Dumps the routes of one family; with an ifindex only those into that link.
fn list<T: Transport>(
    rtnl: &mut Netlink<T>,
    family: AddressFamily,
    ifindex: Option<u32>,
) -> Result<Vec<RouteEntry>, Error> {
    let mut message = RouteMessage::default();
    message.header.address_family = family;
    message.attributes.extend(ifindex.map(RouteAttribute::Oif));
    let mut request = serialize(RouteNetlinkMessage::GetRoute(message), NLM_F_REQUEST | NLM_F_DUMP);
    let listed = rtnl.dump(&mut request, |all: &mut Vec<RouteEntry>, payload| {
        all.push(parse(payload)?);
        Ok(())
    });
    match listed {
        // The host does not have this family.
        Err(error) if error.is(Errno::OPNOTSUPP) || error.is(Errno::AFNOSUPPORT) => Ok(Vec::new()),
        other => other,
    }
}

/// Parses the payload of an `RTM_NEWROUTE`.
fn parse(payload: &[u8]) -> Result<RouteEntry, Error> {
    let (header, rest) =
        payload.split_first_chunk::<RTMSG>().ok_or(Error::Malformed("a route is shorter than its header"))?;
    let [family, prefix, _, _, table, protocol, _, kind, ..] = *header;
    let any = if i32::from(family) == libc::AF_INET6 { IpAddr::from([0; 16]) } else { IpAddr::from([0; 4]) };
    let mut entry = RouteEntry {
        // A default route has no destination.
        destination: Some(AllowedIp { address: any, prefix }),
        table: table.into(),
        protocol,
        kind,
        ..RouteEntry::default()
    };
    attributes(rest, |kind, value| {
        match kind {
            RTA_DST => entry.destination = address(value).map(|address| AllowedIp { address, prefix }),
            RTA_OIF => entry.ifindex = Some(u32::from_ne_bytes(number(value)?)),
            RTA_GATEWAY => {
                entry.gateway = address(value);
                entry.is_routed = true;
            }
            // `struct rtvia`: the family, then the address.
            RTA_VIA => {
                entry.gateway = value.get(2..).and_then(address);
                entry.is_routed = true;
            }
            RTA_PRIORITY => entry.priority = u32::from_ne_bytes(number(value)?),
            RTA_TABLE => entry.table = u32::from_ne_bytes(number(value)?),
            RTA_METRICS => attributes(value, |kind, value| {
                if kind == RTAX_MTU {
                    entry.mtu = Some(u32::from_ne_bytes(number(value)?)).filter(|&mtu| mtu > 0);
                }
                Ok(())
            })?,
            // The first nexthop stands for all.
            RTA_MULTIPATH => {
                if let Some((hop, _)) = value.split_first_chunk::<RTNEXTHOP>() {
                    let [_, _, _, _, i0, i1, i2, i3] = *hop;
                    entry.ifindex = Some(u32::from_ne_bytes([i0, i1, i2, i3]));
                    entry.is_routed = true;
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(entry)
}
