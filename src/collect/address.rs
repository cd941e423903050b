//! Reads the addresses of links: `RTM_GETADDR`.

use std::collections::HashMap;

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::AddressMessage;

use super::attributes::{address, attributes};
use super::link::serialize;
use super::netlink::{Error, Netlink, Transport};
use crate::model::AllowedIp;

/// `linux/if_addr.h`.
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
/// `struct ifaddrmsg`, before the attributes.
const IFADDRMSG: usize = 8;

/// Maps the ifindex of every link to its addresses.
pub(super) type Addresses = HashMap<u32, Vec<AllowedIp>>;

/// Lists the addresses of every link of this namespace.
///
/// # Errors
/// Returns an error if no attempt gave a complete and consistent list.
pub(super) fn addresses<T: Transport>(rtnl: &mut Netlink<T>) -> Result<Addresses, Error> {
    let message = RouteNetlinkMessage::GetAddress(AddressMessage::default());
    rtnl.dump(&mut serialize(message, NLM_F_REQUEST | NLM_F_DUMP), |found: &mut Addresses, payload| {
        let (header, rest) = payload
            .split_first_chunk::<IFADDRMSG>()
            .ok_or(Error::Malformed("an address is shorter than its header"))?;
        let [_, prefix, _, _, i0, i1, i2, i3] = *header;
        let (mut remote, mut local) = (None, None);
        attributes(rest, |kind, value| {
            match kind {
                // On a point-to-point link this is the other end's, and IFA_LOCAL is ours.
                IFA_ADDRESS => remote = address(value),
                IFA_LOCAL => local = address(value),
                _ => {}
            }
            Ok(())
        })?;
        if let Some(address) = local.or(remote) {
            let ifindex = u32::from_ne_bytes([i0, i1, i2, i3]);
            found.entry(ifindex).or_default().push(AllowedIp { address, prefix });
        }
        Ok(())
    })
}
