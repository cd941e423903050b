//! Explains each counter on WireGuard, per backend, and its common misreading.
//!
//! Source: the drivers (`drivers/net/wireguard`, `net/ipv4/ip_tunnel_core.c`, `drivers/net/tun.c`, `net/core/dev.c`). A test on a
//! real kernel (`tests/kernel`) covers every sentence about the kernel's own backend, unless the sentence says that the cause is
//! not known. rx is what this host received, tx what it sent.

use crate::model::{Backend, Counter};

/// Explains a counter that is not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// The events that make it grow.
    pub means: &'static str,
    /// The thing that it is often mistaken for.
    pub misreading: Option<&'static str>,
    /// Advice; `None` where the counter is not a sign of trouble.
    pub remedy: Option<&'static str>,
}

const fn plain(means: &'static str) -> Meaning {
    Meaning { means, misreading: None, remedy: None }
}

/// Returns what a counter means on an interface of this backend.
#[must_use]
pub const fn meaning(counter: Counter, backend: Backend) -> Meaning {
    match backend {
        Backend::Kernel => kernel(counter),
        Backend::Userspace => userspace(counter),
        Backend::Unknown | Backend::DeadDaemon => {
            plain("counted by a tun link; the meaning depends on the program behind it, which does not answer")
        }
    }
}

const fn kernel(counter: Counter) -> Meaning {
    match counter {
        Counter::RxBytes => Meaning {
            means: "whole WireGuard messages from known peers: handshakes, keepalives (32 bytes each) and data, with 32 bytes of \
                    header and tag per message",
            misreading: Some(
                "the sum of the inner packets, or the bytes on the wire: outer IP and UDP headers are not included",
            ),
            remedy: None,
        },
        Counter::TxBytes => Meaning {
            means: "whole WireGuard messages that the outer IP stack accepted",
            misreading: Some("the bytes on the wire: outer IP and UDP headers are not included"),
            remedy: None,
        },
        Counter::RxPackets => plain("authenticated messages from known peers: handshakes, keepalives and data"),
        Counter::TxPackets => plain("messages that the outer IP stack accepted: handshakes, keepalives and data"),
        Counter::RxErrors => Meaning {
            means: "packets that were decrypted and then rejected: the inner source address is not in the peer's allowed-ips \
                    (rx_frame_errors), or the inner IP header has a wrong length (rx_length_errors)",
            misreading: Some("corruption or an MTU problem: a packet that fails authentication is counted nowhere"),
            remedy: Some("check in the error breakdown which of the two grows"),
        },
        Counter::RxFrameErrors => Meaning {
            means: "packets from an inner source address that is not in the peer's allowed-ips on this host, or packets that \
                    are neither IPv4 nor IPv6",
            misreading: Some("corruption or an MTU problem"),
            remedy: Some(
                "compare the peer's tunnel addresses with its allowed-ips on this host; a peer that forwards for other hosts \
                 or has a second address needs those listed too",
            ),
        },
        Counter::RxLengthErrors => Meaning {
            means: "packets whose inner IP header claims more bytes than arrived, or fewer than a header has",
            misreading: Some("an MTU problem"),
            remedy: Some("find the broken or hostile peer by its traffic"),
        },
        Counter::RxDropped => Meaning {
            means: "packets that the network core dropped after decryption; WireGuard itself has not used this counter since \
                    Linux 5.8, and the exact cause is not known",
            misreading: Some("packets lost on the way, which no counter on this host can show"),
            remedy: Some("check the CPU load and net.core.netdev_max_backlog"),
        },
        Counter::TxErrors => Meaning {
            means: "packets that could not be sent: no peer's allowed-ips contain the destination, the peer has no known \
                    endpoint, it was not an IP packet, segmentation failed, or the send to an IPv6 endpoint was refused \
                    (tx_aborted_errors)",
            misreading: Some("a link error"),
            remedy: Some(
                "add the destination to a peer's allowed-ips or remove the route to it; set the peer's endpoint, or wait for \
                 the peer to connect",
            ),
        },
        Counter::TxAbortedErrors => Meaning {
            means: "encrypted packets to an IPv6 endpoint that this host refused: its firewall dropped them, or the queue of \
                    the outgoing link was full",
            misreading: None,
            remedy: Some(
                "check the output chain of the firewall (nft list ruleset) and the queue of the outgoing link (tc -s qdisc show)",
            ),
        },
        Counter::TxDropped => Meaning {
            means: "packets that were given up while waiting for a handshake (more than 128 waiting, no reply for about 90 s, or \
                    the interface went down), or encrypted packets to an IPv4 endpoint that this host refused: its firewall \
                    dropped them, or the queue of the outgoing link was full",
            misreading: Some("packets lost on the way, which no counter on this host can show"),
            remedy: Some(
                "if a peer is unreachable, check its endpoint, firewall, listen port and key; then check the output chain of \
                 this host's firewall (nft list ruleset) and the queue of the outgoing link (tc -s qdisc show)",
            ),
        },
        Counter::RxNohandler => plain(
            "packets that arrived on a link that should not receive, such as an idle member of a bond; counted by the network \
             core",
        ),
        Counter::RxOtherhostDropped => {
            plain("packets to another host's link address; counted by the network core, not by WireGuard")
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
            plain("never counted by the WireGuard driver; something else in the kernel changed it")
        }
    }
}

const fn userspace(counter: Counter) -> Meaning {
    match counter {
        Counter::RxBytes => Meaning {
            means: "bytes of the inner packets that the daemon passed to this host",
            misreading: Some("WireGuard messages: handshakes, keepalives and their overhead are not included"),
            remedy: None,
        },
        Counter::TxBytes => Meaning {
            means: "bytes of the inner packets that the daemon took from this host",
            misreading: Some("proof that they were sent: only the daemon knows what happened to them"),
            remedy: None,
        },
        Counter::RxPackets => plain("inner packets that the daemon passed to this host"),
        Counter::TxPackets => plain("inner packets that the daemon took from this host"),
        Counter::RxErrors | Counter::RxFrameErrors | Counter::RxDropped => Meaning {
            means: "the daemon passed on something that is not an IP packet",
            misreading: Some("a peer using an address that is not in its allowed-ips: daemons count that nowhere"),
            remedy: Some("check the daemon's log"),
        },
        Counter::TxDropped => Meaning {
            means: "packets that the daemon did not take: it was too slow or not running, and the queue of 500 was full",
            misreading: Some("packets lost on the way, which no counter on this host can show"),
            remedy: Some("check the daemon's CPU time; the kernel's own WireGuard has no such queue"),
        },
        _ => plain("a counter of the tun link or the network core; no cause is known on WireGuard"),
    }
}

/// A fault that no counter of the interface shows. An error counter at 0 proves nothing about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlindSpot {
    /// The fault, as a noun phrase.
    pub fault: &'static str,
    /// The command that shows it; `INTERFACE`, `PORT`, `ENDPOINT` and `FWMARK` stand for the interface's.
    pub command: &'static str,
}

/// Returns the faults that no counter shows; empty where none are known.
#[must_use]
pub const fn blind_spots(backend: Backend) -> &'static [BlindSpot] {
    match backend {
        Backend::Kernel => &[
            BlindSpot {
                fault: "wrong keys or MACs, unknown peers, failed decryption, replays, garbage sent to the port",
                command: "echo module wireguard +p > /sys/kernel/debug/dynamic_debug/control; dmesg -w  # -p turns it off again",
            },
            BlindSpot { fault: "no route to an endpoint", command: "ip route get ENDPOINT mark FWMARK" },
            BlindSpot {
                fault: "inner packets larger than the MTU with \"don't fragment\" set",
                command: "ping -M do -s SIZE ADDRESS  # the peer's tunnel address; the MTU minus 28 has to pass",
            },
            BlindSpot {
                fault: "outer packets fragmented or lost on the way",
                command: "tcpdump -ni any udp port PORT  # on both ends at the same time",
            },
        ],
        Backend::Userspace => &[
            BlindSpot {
                fault: "everything inside the daemon: wrong keys, unknown peers, failed decryption, replays, packets from \
                        addresses outside a peer's allowed-ips, packets to addresses in no peer's allowed-ips",
                command: "LOG_LEVEL=debug wireguard-go -f INTERFACE  # started like this, the daemon logs what it does",
            },
            BlindSpot {
                fault: "outer packets fragmented or lost on the way",
                command: "tcpdump -ni any udp port PORT  # on both ends at the same time",
            },
        ],
        Backend::Unknown | Backend::DeadDaemon => &[],
    }
}

/// Returns the same faults as one comma-separated list.
#[must_use]
pub fn blind_spot_list(backend: Backend) -> String {
    blind_spots(backend).iter().map(|spot| spot.fault).collect::<Vec<_>>().join(", ")
}

/// Returns a sentence that says why the interface's bytes and the sum of its peers' bytes differ.
#[must_use]
pub const fn difference(backend: Backend) -> &'static str {
    match backend {
        Backend::Kernel => {
            "The difference is the traffic of removed peers, minus what the outer IP stack refused after it was charged to a \
             peer, minus what passed between reading the interface and reading its peers."
        }
        _ => {
            "They differ by design: the interface counts inner packets, and the daemon counts its peers' messages in its own way."
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
            assert!(meaning.misreading.unwrap().contains("MTU"));
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
