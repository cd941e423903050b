//! Builds netlink messages as a kernel sends them, and a transport that delivers them: for faults that no real kernel
//! produces on demand, and for recorded replies.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::rc::Rc;

use wgstat::collect::NamespaceCollector;
use wgstat::collect::netlink::Transport;

/// `linux/netlink.h`.
pub(crate) const DONE: u16 = 3;
pub(crate) const ERROR: u16 = 2;
pub(crate) const MULTI: u16 = 2;
pub(crate) const DUMP_INTR: u16 = 0x10;
pub(crate) const ACK_TLVS: u16 = 0x200;
pub(crate) const CAPPED: u16 = 0x100;
/// Any type above those of control messages.
pub(crate) const DATA: u16 = 0x20;

/// Selects what the transport delivers next.
#[derive(Clone)]
pub(crate) enum Step {
    /// A datagram whose messages get the sequence number of the last request.
    Reply(Vec<u8>),
    /// A datagram as it is: for another process, or a stale one.
    Raw(Vec<u8>),
    /// `recv` fails with this errno.
    Fails(i32),
}

/// Delivers a script in order, then nothing.
pub(crate) struct Script {
    steps: VecDeque<Step>,
    sequence: [u8; 4],
    pub(crate) requests: Rc<Cell<u32>>,
    /// The flags of the last request.
    pub(crate) flags: Rc<Cell<u16>>,
    pub(crate) reopened: Rc<Cell<u32>>,
}

pub(crate) const PORT: u32 = 4711;

impl Script {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            sequence: [0; 4],
            requests: Rc::default(),
            flags: Rc::default(),
            reopened: Rc::default(),
        }
    }

    pub(crate) fn replies(datagrams: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self::new(datagrams.into_iter().map(Step::Reply))
    }
}

impl Transport for Script {
    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.sequence.copy_from_slice(&request[8..12]);
        self.requests.set(self.requests.get() + 1);
        self.flags.set(u16::from_ne_bytes([request[6], request[7]]));
        Ok(())
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let datagram = match self.steps.pop_front() {
            Some(Step::Reply(mut datagram)) => {
                address(&mut datagram, self.sequence);
                datagram
            }
            Some(Step::Raw(datagram)) => datagram,
            Some(Step::Fails(errno)) => return Err(io::Error::from_raw_os_error(errno)),
            None => return Err(io::ErrorKind::WouldBlock.into()),
        };
        buffer.extend_from_slice(&datagram[..datagram.len().min(buffer.capacity())]);
        Ok(datagram.len())
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.reopened.set(self.reopened.get() + 1);
        Ok(())
    }

    fn port(&self) -> u32 {
        PORT
    }
}

/// Sets the sequence number of every message of a datagram.
fn address(datagram: &mut [u8], sequence: [u8; 4]) {
    let mut start = 0;
    while let Some(header) = datagram.get_mut(start..start + 16) {
        let length = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
        header[8..12].copy_from_slice(&sequence);
        header[12..16].copy_from_slice(&PORT.to_ne_bytes());
        if length < 16 {
            break;
        }
        start += length.next_multiple_of(4);
    }
}

/// Returns a collector that reads these replies and finds no daemon.
pub(crate) fn collector(rtnl: Script, genl: Script) -> NamespaceCollector<Script> {
    NamespaceCollector::with(rtnl, genl, Path::new("/nonexistent"))
}

pub(crate) fn message(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + payload.len()).unwrap();
    let mut bytes = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), &flags.to_ne_bytes(), &[0; 8], payload].concat();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

pub(crate) fn done(errno: i32, flags: u16) -> Vec<u8> {
    message(DONE, MULTI | flags, &(-errno).to_ne_bytes())
}

/// Returns an error with an extended ack, with the request in full or only its header.
pub(crate) fn error(errno: i32, text: &str, capped: bool) -> Vec<u8> {
    let request = message(DATA, 1, if capped { &[] } else { &[7; 20] });
    let text = attribute(1, &[text.as_bytes(), &[0]].concat());
    let flags = ACK_TLVS | if capped { CAPPED } else { 0 };
    message(ERROR, flags, &[&(-errno).to_ne_bytes()[..], &request, &text].concat())
}

pub(crate) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).expect("an attribute has at most 64 KiB");
    let mut bytes = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), value].concat();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Returns a link as an `RTM_NEWLINK` message.
pub(crate) fn link(ifindex: u32, name: &[u8], kind: &str, counters: &[u64]) -> Vec<u8> {
    const UP_RUNNING: u32 = 0x41;
    let stats: Vec<u8> = counters.iter().flat_map(|counter| counter.to_ne_bytes()).collect();
    let mut payload = vec![0, 0, 0xfe, 0xff];
    payload.extend(ifindex.to_ne_bytes());
    payload.extend(UP_RUNNING.to_ne_bytes());
    payload.extend([0; 4]);
    payload.extend(attribute(3, &[name, &[0]].concat()));
    payload.extend(attribute(4, &1420_u32.to_ne_bytes()));
    payload.extend(attribute(16, &[0]));
    payload.extend(attribute(18, &attribute(1, kind.as_bytes())));
    payload.extend(attribute(23, &stats));
    message(16, MULTI, &payload)
}

/// Returns a reply with the number of the generic netlink family.
pub(crate) fn family() -> Vec<u8> {
    message(16, 0, &[&[1, 2, 0, 0], &attribute(1, &30_u16.to_ne_bytes())[..]].concat())
}

/// Returns a message of a WireGuard device with these peers.
pub(crate) fn device(peers: &[Vec<u8>]) -> Vec<u8> {
    let list: Vec<u8> = peers.iter().flat_map(|peer| attribute(0, peer)).collect();
    let head = [
        vec![0, 1, 0, 0],
        attribute(3, &[0x11; 32]),
        attribute(4, &[0x22; 32]),
        attribute(6, &51820_u16.to_ne_bytes()),
        attribute(7, &0_u32.to_ne_bytes()),
    ]
    .concat();
    message(30, MULTI, &[head, attribute(8, &list)].concat())
}

/// Returns a peer with all attributes. Their values follow from `number`.
pub(crate) fn peer(number: u32, last_handshake: i64, ips: &[([u8; 4], u8)]) -> Vec<u8> {
    let endpoint = [&2_u16.to_ne_bytes()[..], &51820_u16.to_be_bytes(), &[192, 0, 2, 1], &[0; 8]].concat();
    [
        attribute(1, &key(number)),
        attribute(2, &[0; 32]),
        attribute(4, &endpoint),
        attribute(5, &25_u16.to_ne_bytes()),
        attribute(6, &[last_handshake.to_ne_bytes(), [0; 8]].concat()),
        attribute(7, &u64::from(number * 1000).to_ne_bytes()),
        attribute(8, &u64::from(number * 2000).to_ne_bytes()),
        allowed_ips(ips),
        attribute(10, &1_u32.to_ne_bytes()),
    ]
    .concat()
}

/// Returns the rest of a peer that did not fit its message: the key and more allowed-ips.
pub(crate) fn continued(number: u32, ips: &[([u8; 4], u8)]) -> Vec<u8> {
    [attribute(1, &key(number)), allowed_ips(ips)].concat()
}

fn allowed_ips(ips: &[([u8; 4], u8)]) -> Vec<u8> {
    let list: Vec<u8> = ips
        .iter()
        .flat_map(|(address, prefix)| {
            let ip = [attribute(1, &2_u16.to_ne_bytes()), attribute(2, address), attribute(3, &[*prefix])].concat();
            attribute(0, &ip)
        })
        .collect();
    attribute(9, &list)
}

pub(crate) fn key(number: u32) -> [u8; 32] {
    let mut key = [0x5a; 32];
    key[..4].copy_from_slice(&number.to_le_bytes());
    key
}
