//! Reads and writes recorded replies of a real kernel: text files of `SOCKET HEX` lines and the time. Their keys are
//! throw-away.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};

use wgstat::collect::netlink::{KernelSocket, Transport};

use super::wire::Script;

/// Holds the replies of one sample.
#[derive(Debug, Default, Clone)]
pub(crate) struct Recording {
    /// The Unix time of the sample.
    pub(crate) now: u64,
    /// Datagrams of the route socket, in order of arrival.
    pub(crate) rtnl: Vec<Vec<u8>>,
    /// Datagrams of the generic socket.
    pub(crate) genl: Vec<Vec<u8>>,
}

impl Recording {
    pub(crate) fn parse(text: &str) -> Self {
        let mut recording = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            match line.split_once(' ').expect("SOCKET HEX") {
                ("now", time) => recording.now = time.parse().unwrap(),
                ("rtnl", hex) => recording.rtnl.push(decode(hex)),
                ("genl", hex) => recording.genl.push(decode(hex)),
                other => panic!("cannot read {other:?}"),
            }
        }
        recording
    }

    pub(crate) fn text(&self) -> String {
        let mut text = format!("now {}\n", self.now);
        for (socket, datagrams) in [("rtnl", &self.rtnl), ("genl", &self.genl)] {
            for datagram in datagrams {
                let _ = writeln!(text, "{socket} {}", encode(datagram));
            }
        }
        text
    }

    pub(crate) fn scripts(&self) -> (Script, Script) {
        (Script::replies(self.rtnl.clone()), Script::replies(self.genl.clone()))
    }
}

fn decode(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Wraps a kernel socket and keeps a copy of every datagram.
pub(crate) struct Recorder {
    pub(crate) socket: KernelSocket,
    pub(crate) heard: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Transport for Recorder {
    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.socket.send(request)
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let length = self.socket.receive(buffer)?;
        self.heard.lock().unwrap().push(buffer.clone());
        Ok(length)
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.socket.reopen()
    }

    fn port(&self) -> u32 {
        self.socket.port()
    }
}
