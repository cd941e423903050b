//! What each counter means on WireGuard, by who does the work, and what it cannot mean.
//!
//! The source is the driver itself (`drivers/net/wireguard`, `net/ipv4/ip_tunnel_core.c`, `drivers/net/tun.c`,
//! `net/core/dev.c`); every sentence about the kernel's own backend is shown by a test on a real kernel
//! (`tests/kernel`) or it says that it is not known. rx is what this host received, tx what it sent.

use crate::model::{Backend, Counter};

/// What a counter that is not 0 says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// What makes it grow.
    pub means: &'static str,
    /// What it is often taken for and is not.
    pub not: Option<&'static str>,
    /// What to do about it, where it is a sign of trouble.
    pub remedy: Option<&'static str>,
}

const fn plain(means: &'static str) -> Meaning {
    Meaning { means, not: None, remedy: None }
}

/// What this counter means on an interface of this backend.
#[must_use]
pub const fn meaning(counter: Counter, backend: Backend) -> Meaning {
    match backend {
        Backend::Kernel => kernel(counter),
        Backend::Userspace => userspace(counter),
        Backend::Unknown | Backend::DeadDaemon => {
            plain("counted by a tun link; what it means depends on the program behind it, which does not answer")
        }
    }
}

const fn kernel(counter: Counter) -> Meaning {
    match counter {
        Counter::RxBytes => Meaning {
            means: "whole WireGuard messages from known peers: handshakes, keepalives (32 bytes) and data with its 32 bytes \
                    of header and tag",
            not: Some("the sum of inner packets, nor what the wire carried: outer IP and UDP headers are not in it"),
            remedy: None,
        },
        Counter::TxBytes => Meaning {
            means: "whole WireGuard messages that the outer IP stack accepted",
            not: Some("what the wire carried: outer IP and UDP headers are not in it"),
            remedy: None,
        },
        Counter::RxPackets => plain("authenticated messages from known peers: handshakes, keepalives and data"),
        Counter::TxPackets => plain("messages that the outer IP stack accepted: handshakes, keepalives and data"),
        Counter::RxErrors => Meaning {
            means: "packets that decrypted fine and were refused: the inner source address is not in the peer's \
                    allowed-ips (rx_frame_errors), or the inner IP header is wrong (rx_length_errors)",
            not: Some("corruption or MTU: a packet that fails authentication is counted nowhere"),
            remedy: Some("see which of the two grows in the error breakdown"),
        },
        Counter::RxFrameErrors => Meaning {
            means: "a peer sent from an inner source address that is not in its allowed-ips here, or something that is \
                    neither IPv4 nor IPv6",
            not: Some("corruption or MTU"),
            remedy: Some(
                "compare the peer's own tunnel addresses with its allowed-ips on this host; a peer that forwards for \
                 others, or has a second address, needs those listed too",
            ),
        },
        Counter::RxLengthErrors => Meaning {
            means: "the inner IP header claims more bytes than arrived, or there are fewer than a header has",
            not: Some("MTU"),
            remedy: Some("a broken or hostile peer: find it by its traffic"),
        },
        Counter::RxDropped => Meaning {
            means: "dropped by the network core after decryption; WireGuard itself has not counted here since Linux 5.8, \
                    and no cause is known for certain",
            not: Some("packets lost on the way, which no counter here can see"),
            remedy: Some("look at the CPU load and at net.core.netdev_max_backlog"),
        },
        Counter::TxErrors => Meaning {
            means: "packets that could not be sent: no peer's allowed-ips cover the destination, or that peer has no \
                    known endpoint, or it was no IP packet, or segmentation failed, or the outer send to an IPv6 \
                    endpoint was refused (tx_aborted_errors)",
            not: Some("an error of the wire"),
            remedy: Some(
                "add the destination to a peer's allowed-ips or remove the route to it; set the peer's endpoint, or \
                 wait for it to call in",
            ),
        },
        Counter::TxAbortedErrors => Meaning {
            means: "the outer send to an IPv6 endpoint was refused",
            not: None,
            remedy: Some("look at the firewall's output chain"),
        },
        Counter::TxDropped => Meaning {
            means: "packets given up while waiting for a handshake (more than 128 waiting, about 90 s without an answer, \
                    or the interface going down), or the outer send to an IPv4 endpoint was refused",
            not: Some("congestion of the wire"),
            remedy: Some(
                "a peer is unreachable: check its endpoint, its firewall, its listen port and its key; then this host's \
                 firewall output chain",
            ),
        },
        Counter::RxNohandler => plain(
            "arrived on a link that was not to receive, such as an idle member of a bond; counted by the network core",
        ),
        Counter::RxOtherhostDropped => {
            plain("addressed to another host's link address; counted by the network core, not by WireGuard")
        }
        Counter::Multicast
        | Counter::Collisions
        | Counter::RxOverErrors
        | Counter::RxCrcErrors
        | Counter::RxFifoErrors
        | Counter::RxMissedErrors
        | Counter::TxCarrierErrors
        | Counter::TxFifoErrors
        | Counter::TxHeartbeatErrors
        | Counter::TxWindowErrors
        | Counter::RxCompressed
        | Counter::TxCompressed => {
            plain("never counted by the WireGuard driver: something else in the kernel moved it")
        }
    }
}

const fn userspace(counter: Counter) -> Meaning {
    match counter {
        Counter::RxBytes => Meaning {
            means: "the size of the inner packets that the daemon handed to this host",
            not: Some("WireGuard messages: handshakes, keepalives and their overhead are not in it"),
            remedy: None,
        },
        Counter::TxBytes => Meaning {
            means: "the size of the inner packets that the daemon took from this host",
            not: Some("proof that they were sent: what became of them only the daemon knows"),
            remedy: None,
        },
        Counter::RxPackets => plain("inner packets that the daemon handed to this host"),
        Counter::TxPackets => plain("inner packets that the daemon took from this host"),
        Counter::RxErrors | Counter::RxFrameErrors | Counter::RxDropped => Meaning {
            means: "the daemon handed over something that is no IP packet",
            not: Some("a peer using an address it may not: daemons count that nowhere"),
            remedy: Some("see what the daemon's log says"),
        },
        Counter::TxDropped => Meaning {
            means: "the daemon was too slow to take packets, or not running: the queue of 500 was full",
            not: Some("packets lost on the way"),
            remedy: Some("look at the daemon's CPU time; the kernel's own WireGuard has no such queue"),
        },
        _ => plain("a counter of the tun link or the network core; no cause of it is known on WireGuard"),
    }
}

/// Something that no counter of an interface shows, so that an error counter at 0 proves nothing about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlindSpot {
    /// What it is.
    pub what: &'static str,
    /// The command that shows it; `INTERFACE` and `PORT` stand for the interface's.
    pub look: &'static str,
}

/// What is counted nowhere; empty where nothing is known.
#[must_use]
pub const fn counted_nowhere(backend: Backend) -> &'static [BlindSpot] {
    match backend {
        Backend::Kernel => &[
            BlindSpot {
                what: "a wrong key or MAC, an unknown peer, failed decryption, replays, garbage sent to the port",
                look: "echo module wireguard +p > /sys/kernel/debug/dynamic_debug/control; dmesg -w  # and -p to end it",
            },
            BlindSpot { what: "no route to an endpoint", look: "ip route get ENDPOINT mark FWMARK" },
            BlindSpot {
                what: "inner packets over the MTU with \"don't fragment\" set",
                look: "ping -M do -s SIZE ADDRESS  # the peer's in the tunnel; 28 bytes less than the MTU must pass",
            },
            BlindSpot {
                what: "outer packets fragmented or lost on the way",
                look: "tcpdump -ni any udp port PORT  # on both ends at once",
            },
        ],
        Backend::Userspace => &[
            BlindSpot {
                what: "everything that happens inside the daemon: wrong keys, unknown peers, failed decryption, replays, \
                       packets from addresses outside allowed-ips or to no peer's",
                look: "LOG_LEVEL=debug wireguard-go -f INTERFACE  # started so, it says what it does",
            },
            BlindSpot {
                what: "outer packets fragmented or lost on the way",
                look: "tcpdump -ni any udp port PORT  # on both ends at once",
            },
        ],
        Backend::Unknown | Backend::DeadDaemon => &[],
    }
}

/// The same as one list of things.
#[must_use]
pub fn all_counted_nowhere(backend: Backend) -> String {
    counted_nowhere(backend).iter().map(|unseen| unseen.what).collect::<Vec<_>>().join(", ")
}

/// Why the interface's bytes and the sum of its peers' differ; a sentence.
#[must_use]
pub const fn difference(backend: Backend) -> &'static str {
    match backend {
        Backend::Kernel => {
            "The difference is the traffic of peers that were removed, less what the outer IP stack refused after a peer was \
             charged for it, less what passed between reading the interface and reading its peers."
        }
        _ => {
            "They differ by design: the interface counts inner packets, and a daemon its peers' messages in a way of its own."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rx_errors_are_never_blamed_on_the_mtu() {
        for counter in [Counter::RxErrors, Counter::RxFrameErrors, Counter::RxLengthErrors] {
            let meaning = kernel(counter);
            assert!(!meaning.means.contains("MTU"));
            assert!(meaning.not.unwrap().contains("MTU"));
        }
    }

    #[test]
    fn every_counter_has_a_meaning_on_every_backend() {
        for backend in [Backend::Kernel, Backend::Userspace, Backend::Unknown] {
            for counter in Counter::ALL {
                assert!(!meaning(counter, backend).means.is_empty());
            }
        }
    }
}
