//! Adds links, addresses and routes by netlink, so that the lab works without `ip`.

use std::net::Ipv4Addr;

use netlink_packet_core::{NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkMessage};
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use wgstat::collect::link::{Link, link_by_name};
use wgstat::collect::netlink::{self, KernelSocket, Netlink};
use wgstat::model::{Counter, Name};

use super::Result;

/// Configures the network namespace that it was opened in.
pub(super) struct Net(Netlink);

impl Net {
    pub(super) fn open() -> Result<Self> {
        Ok(Self(Netlink::new(KernelSocket::open(NETLINK_ROUTE)?)))
    }

    fn request(&mut self, message: RouteNetlinkMessage, flags: u16) -> Result<(), netlink::Error> {
        let mut message = NetlinkMessage::from(message);
        message.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
        message.finalize();
        let mut request = vec![0; message.buffer_len()];
        message.serialize(&mut request);
        self.0.dump(&mut request, |(), _| Ok(()))
    }

    fn link(&mut self, name: &str) -> Result<Link> {
        let link = link_by_name(&mut self.0, &Name::from(name)).map_err(|failure| format!("{name}: {failure}"))?;
        link.ok_or_else(|| format!("{name}: no such link").into())
    }

    /// Returns the index of a link.
    pub(super) fn index(&mut self, name: &str) -> Result<u32> {
        Ok(self.link(name)?.ifindex)
    }

    /// Returns the number of packets that the link dropped instead of sending them.
    pub(super) fn tx_dropped(&mut self, name: &str) -> Result<u64> {
        Ok(self.link(name)?.stats.get(Counter::TxDropped).unwrap_or(0))
    }

    /// Adds a link of a kind that needs no options.
    pub(super) fn add_link(&mut self, name: &str, kind: InfoKind) -> Result<(), netlink::Error> {
        let mut message = LinkMessage::default();
        message.attributes =
            vec![LinkAttribute::IfName(name.to_owned()), LinkAttribute::LinkInfo(vec![LinkInfo::Kind(kind)])];
        self.request(RouteNetlinkMessage::NewLink(message), NLM_F_CREATE | NLM_F_EXCL)
    }

    /// Deletes a link.
    pub(super) fn delete_link(&mut self, name: &str) -> Result<()> {
        let mut message = LinkMessage::default();
        message.header.index = self.index(name)?;
        self.request(RouteNetlinkMessage::DelLink(message), 0).map_err(|failure| format!("{name}: {failure}").into())
    }

    /// Adds a pair of Ethernet links: `name` here, and `eth0` in the network namespace of a process.
    pub(super) fn add_veth(&mut self, name: &str, pid: u32) -> Result<()> {
        let mut peer = LinkMessage::default();
        peer.attributes = vec![LinkAttribute::IfName("eth0".to_owned()), LinkAttribute::NetNsPid(pid)];
        let mut message = LinkMessage::default();
        message.attributes = vec![
            LinkAttribute::IfName(name.to_owned()),
            LinkAttribute::LinkInfo(vec![
                LinkInfo::Kind(InfoKind::Veth),
                LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
            ]),
        ];
        self.request(RouteNetlinkMessage::NewLink(message), NLM_F_CREATE | NLM_F_EXCL)
            .map_err(|failure| format!("{name}: {failure}").into())
    }

    /// Brings a link up, and sets its MTU if one is given.
    pub(super) fn up(&mut self, name: &str, mtu: Option<u32>) -> Result<()> {
        let mut message = LinkMessage::default();
        message.header.index = self.index(name)?;
        message.header.flags = LinkFlags::Up;
        message.header.change_mask = LinkFlags::Up;
        message.attributes.extend(mtu.map(LinkAttribute::Mtu));
        self.request(RouteNetlinkMessage::SetLink(message), 0).map_err(|failure| format!("{name}: {failure}").into())
    }

    /// Sets the length of a link's transmit queue, in packets.
    pub(super) fn set_queue_length(&mut self, name: &str, packets: u32) -> Result<()> {
        let mut message = LinkMessage::default();
        message.header.index = self.index(name)?;
        message.attributes = vec![LinkAttribute::TxQueueLen(packets)];
        self.request(RouteNetlinkMessage::SetLink(message), 0).map_err(|failure| format!("{name}: {failure}").into())
    }

    /// Adds an address to a link.
    pub(super) fn add_address(&mut self, name: &str, address: Ipv4Addr, prefix: u8) -> Result<()> {
        let mut message = AddressMessage::default();
        message.header.family = AddressFamily::Inet;
        message.header.prefix_len = prefix;
        message.header.index = self.index(name)?;
        message.attributes = vec![AddressAttribute::Local(address.into()), AddressAttribute::Address(address.into())];
        self.request(RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE)
            .map_err(|failure| format!("{name}: {address}: {failure}").into())
    }

    /// Adds a route for a prefix into a link.
    pub(super) fn add_route(&mut self, name: &str, destination: Ipv4Addr, prefix: u8) -> Result<()> {
        let link = RouteAttribute::Oif(self.index(name)?);
        self.request_route(RouteType::Unicast, destination, prefix, vec![link])
    }

    /// Makes an address unreachable.
    pub(super) fn add_unreachable(&mut self, destination: Ipv4Addr) -> Result<()> {
        self.request_route(RouteType::Unreachable, destination, 32, Vec::new())
    }

    fn request_route(
        &mut self,
        kind: RouteType,
        destination: Ipv4Addr,
        prefix: u8,
        mut attributes: Vec<RouteAttribute>,
    ) -> Result<()> {
        attributes.push(RouteAttribute::Destination(RouteAddress::Inet(destination)));
        let mut message = RouteMessage::default();
        message.header.address_family = AddressFamily::Inet;
        message.header.destination_prefix_length = prefix;
        message.header.table = RouteHeader::RT_TABLE_MAIN;
        message.header.protocol = RouteProtocol::Static;
        message.header.scope = RouteScope::Link;
        message.header.kind = kind;
        message.attributes = attributes;
        self.request(RouteNetlinkMessage::NewRoute(message), NLM_F_CREATE)
            .map_err(|failure| format!("{destination}: {failure}").into())
    }
}
