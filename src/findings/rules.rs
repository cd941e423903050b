//! Holds the texts of every rule in one table: summary, cause and remedy.

use super::RuleId;

/// The texts of one rule. None ends with a full stop.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The problem, in one line.
    pub summary: Summary,
    /// The likely cause, in one sentence.
    pub cause: &'static str,
    /// A shell command, with advice as a comment behind it. Words in capitals (`INTERFACE`, `PEER`, `ENDPOINT`, `PORT` and so
    /// on) are replaced where the value is known.
    pub remedy: &'static str,
}

/// A summary without its numbers; `wording` adds them.
#[derive(Debug, Clone, Copy)]
pub enum Summary {
    /// A statement about the interface.
    Interface(&'static str),
    /// Something that happened to a number of packets.
    Packets {
        /// The event. "3 packets" stands before it, and the time frame behind it.
        event: &'static str,
        /// The reason, where the rule knows it.
        reason: Option<&'static str>,
    },
    /// A statement about one peer or several, without its subject.
    Peers {
        /// The statement about one peer.
        one: &'static str,
        /// The statement about several peers.
        several: &'static str,
    },
}

const fn packets(event: &'static str, reason: &'static str) -> Summary {
    Summary::Packets { event, reason: Some(reason) }
}

/// Returns the texts of a rule.
#[must_use]
#[expect(clippy::too_many_lines, reason = "it is a table")]
pub const fn rule(id: RuleId) -> Rule {
    match id {
        RuleId::InterfaceDown => Rule {
            summary: Summary::Interface("the interface is down, or its userspace daemon is not running"),
            cause: "it was never brought up, or something took it down",
            remedy: "ip link set dev INTERFACE up  # for a userspace interface, start its daemon first",
        },
        RuleId::InterfaceMissing => Rule {
            summary: Summary::Interface("interface not found (requested or configured)"),
            cause: "it was never created, it failed to start, or it has another name",
            remedy: "wg-quick up INTERFACE  # or, with systemd: systemctl start wg-quick@INTERFACE",
        },
        RuleId::DaemonDead => Rule {
            summary: Summary::Interface(
                "the userspace daemon is not running: its socket refuses connections, and the link is gone",
            ),
            cause: "the daemon was killed or crashed, and its socket file was left behind",
            remedy: "rm /var/run/wireguard/INTERFACE.sock  # then start the daemon again, for example with wg-quick up \
                    INTERFACE",
        },
        RuleId::NoAddress => Rule {
            summary: Summary::Interface("the interface has no IP address"),
            cause: "no address was configured, or its addresses were removed; this host can neither send from it nor be \
                    reached through it",
            remedy: "ip address add ADDRESS/PREFIX dev INTERFACE  # this host's address in the tunnel",
        },
        RuleId::RxForbiddenSource => Rule {
            summary: packets("rejected", "the source address is not in the peer's allowed-ips"),
            cause: "a peer sent packets from an inner source address that is not in its allowed-ips on this host, or packets \
                    that are neither IPv4 nor IPv6; it is not corruption and not an MTU problem",
            remedy: "wg set INTERFACE peer PEER allowed-ips CURRENT-IPS,ADDRESS/PREFIX  # if the peer may use that address; \
                    run ip address show on the peer to find it; a peer that forwards for other hosts needs their addresses too",
        },
        RuleId::RxMalformed => Rule {
            summary: packets("rejected", "the inner IP header has a wrong length"),
            cause: "the inner IP header claims more bytes than arrived, or fewer than a header has; it is not an MTU problem",
            remedy: "wg show INTERFACE transfer  # a broken or hostile peer: find it by its traffic, then fix or remove it",
        },
        RuleId::TxNoPeer => Rule {
            summary: packets("not sent", "no peer's allowed-ips contain the destination"),
            cause: "a route leads into the tunnel, but no peer's allowed-ips contain the destination; the sender gets the \
                    error: Required key not available",
            remedy: "wg set INTERFACE peer PUBLIC-KEY allowed-ips CURRENT-IPS,ADDRESS/PREFIX",
        },
        RuleId::TxNoEndpoint => Rule {
            summary: packets("not sent", "the peer has no endpoint"),
            cause: "no endpoint is configured and the peer has never connected, so the destination is not known; the sender \
                    gets the error: Destination address required",
            remedy: "wg set INTERFACE peer PEER endpoint HOST:PORT  # or wait, if the peer is the one that connects",
        },
        RuleId::TxRefused => Rule {
            summary: packets("not sent", "this host refused the encrypted packet"),
            cause: "the output chain of this host's firewall drops the encrypted packets, or the queue of the outgoing link \
                    was full",
            remedy: "nft insert rule FAMILY TABLE CHAIN udp sport PORT accept  # in the output chain that drops them: nft \
                    list ruleset; for a full queue: tc -s qdisc show",
        },
        RuleId::PeerUnreachable => Rule {
            summary: Summary::Peers {
                one: "is unreachable: handshake attempts get no reply",
                several: "are unreachable: handshake attempts get no reply",
            },
            cause: "the endpoint is wrong, the peer is off, a firewall drops the packets, or one side has the wrong key of \
                    the other",
            remedy: "wg set INTERFACE peer PEER endpoint HOST:PORT  # if the endpoint is wrong; otherwise check on the peer: \
                    is it up, does a firewall drop UDP, does it have this host's key OWN-KEY",
        },
        RuleId::OneWayTraffic => Rule {
            summary: Summary::Peers {
                one: "does not answer: data goes out, nothing comes back",
                several: "do not answer: data goes out, nothing comes back",
            },
            cause: "a peer that receives data answers within ten seconds, at least with a keepalive; so the data does not \
                    arrive, or the answers are lost on the way or on this host",
            remedy: "nft insert rule FAMILY TABLE CHAIN udp dport LISTEN-PORT accept  # if a firewall on this host drops \
                    what arrives: nft list ruleset; otherwise watch on the peer: tcpdump -ni any udp port LISTEN-PORT",
        },
        RuleId::EndpointLoop => Rule {
            summary: Summary::Peers {
                one: "has an endpoint that is routed into the tunnel itself",
                several: "have endpoints that are routed into the tunnel itself",
            },
            cause: "a route into the tunnel covers the endpoint, so the tunnel would have to carry its own packets",
            remedy: "ip route replace ENDPOINT/BITS via GATEWAY  # a route to the endpoint outside the tunnel; for a default \
                    route into the tunnel, see fwmark in wg-quick(8)",
        },
        RuleId::EndpointUnreachable => Rule {
            summary: Summary::Peers {
                one: "cannot be reached: no route to its endpoint",
                several: "cannot be reached: no route to their endpoints",
            },
            cause: "the kernel has no route to the endpoint, or one of type unreachable; the packets are not sent, and no \
                    counter shows it",
            remedy: "ip route add ENDPOINT/BITS via GATEWAY",
        },
        RuleId::PeerNeverSeen => Rule {
            summary: Summary::Peers {
                one: "has never connected and has no endpoint",
                several: "have never connected and have no endpoint",
            },
            cause: "the peer was not online since the interface was created, or its handshakes do not arrive",
            remedy: "wg show INTERFACE listen-port  # if the peer should have connected, check that it can reach this port",
        },
        RuleId::PeerWithoutAllowedIps => Rule {
            summary: Summary::Peers {
                one: "has no allowed-ips: nothing is sent to it, and everything it sends is rejected",
                several: "have no allowed-ips: nothing is sent to them, and everything they send is rejected",
            },
            cause: "none were configured, or another peer was given the same addresses later, which removes them here \
                    without a message",
            remedy: "wg set INTERFACE peer PEER allowed-ips ADDRESS/PREFIX  # the peer's address in the tunnel",
        },
        RuleId::AllowedIpsOverlap => Rule {
            summary: Summary::Peers {
                one: "has allowed-ips that lie within another peer's",
                several: "have allowed-ips that lie within another peer's",
            },
            cause: "the longer prefix wins, as with routes; this is often intended",
            remedy: "wg show INTERFACE allowed-ips  # nothing to do, if it is intended",
        },
        RuleId::MtuBelowIpv6Minimum => Rule {
            summary: Summary::Interface("the MTU is below 1280, the minimum for IPv6, but allowed-ips contain IPv6"),
            cause: "the kernel disables IPv6 on such an interface and removes its IPv6 addresses",
            remedy: "ip link set dev INTERFACE mtu 1280 && ip -6 address add ADDRESS/PREFIX dev INTERFACE  # the small MTU \
                    removed the IPv6 address",
        },
        RuleId::MtuTooLarge => Rule {
            summary: Summary::Interface("the MTU is too large for the path to a peer"),
            cause: "full-sized packets are fragmented or lost on the way, while small ones pass: connections are slow or \
                    hang, and no counter of the interface shows it",
            remedy: "ip link set dev INTERFACE mtu VALUE  # and set MTU = VALUE in its configuration",
        },
        RuleId::MtuTooSmall => Rule {
            summary: Summary::Interface("the MTU is smaller than the path allows"),
            cause: "the MTU was set for a path with a smaller MTU",
            remedy: "ip link set dev INTERFACE mtu VALUE  # and set MTU = VALUE in its configuration, on both ends",
        },
        RuleId::UserspaceBackend => Rule {
            summary: Summary::Interface("a userspace daemon runs this interface, but the kernel could do it faster"),
            cause: "wg-quick was told to use the daemon, or the kernel module was missing when it started",
            remedy: "modprobe wireguard && wg-quick down INTERFACE && wg-quick up INTERFACE",
        },
        RuleId::ForwardingOff => Rule {
            summary: packets("not forwarded", "they came through the tunnel for other hosts, and IP forwarding is off"),
            cause: "this host receives packets for addresses that are not its own, but does not forward",
            remedy: "sysctl -w SETTING  # to make it permanent, add it to a file in /etc/sysctl.d",
        },
        RuleId::RxErrors => Rule {
            summary: Summary::Packets { event: "rejected on receive", reason: None },
            cause: "a peer uses an inner source address that is not in its allowed-ips (reason frame), or sends inner \
                    packets with a wrong length (reason length); it is not corruption and not an MTU problem",
            remedy: "wgstat stats INTERFACE  # shows which reason grows; then compare the peer's tunnel addresses with its \
                    allowed-ips on this host",
        },
        RuleId::TxErrors => Rule {
            summary: Summary::Packets { event: "not sent", reason: None },
            cause: "no peer's allowed-ips contain the destination, the peer has no endpoint, or the send to an IPv6 endpoint \
                    was refused (reason aborted)",
            remedy: "wgstat check INTERFACE  # then add the destination to a peer's allowed-ips or remove the route to it, \
                    or set the peer's endpoint",
        },
        RuleId::RxDropped => Rule {
            summary: Summary::Packets { event: "dropped on receive", reason: None },
            cause: "the network core dropped them, and the exact cause is not known; it is not loss on the way",
            remedy: "sysctl net.core.netdev_max_backlog  # and check the CPU load",
        },
        RuleId::TxDropped => Rule {
            summary: Summary::Packets { event: "dropped before sending", reason: None },
            cause: "they waited for a handshake that a peer does not answer, or the send to an IPv4 endpoint was refused: by \
                    this host's firewall, or because the queue of the outgoing link was full",
            remedy: "wgstat status INTERFACE --all  # check endpoint, firewall, port and key of the peer without a \
                    handshake; then the firewall on this host: nft list ruleset; then the queue: tc -s qdisc show",
        },
        RuleId::PeerStale => Rule {
            summary: Summary::Peers {
                one: "is stale: no handshake for longer than its keepalive allows",
                several: "are stale: no handshake for longer than their keepalive allows",
            },
            cause: "the peer is off, or the path to it is broken",
            remedy: "ping -c 3 ENDPOINT  # is the peer up and reachable? if it moved: wg set INTERFACE peer PEER endpoint \
                    HOST:PORT",
        },
        RuleId::Threshold => Rule {
            summary: Summary::Interface("a counter is beyond the limit that was set for it"),
            cause: "the limit was set with --warn or --crit, or in the configuration",
            remedy: "wgstat stats INTERFACE  # explains the counter",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_phrases_without_a_full_stop() {
        for id in RuleId::ALL {
            let Rule { summary, cause, remedy } = rule(id);
            // A command and its comment are two spaces apart.
            let remedy = remedy.replacen("  # ", " ", 1);
            let mut texts = vec![cause, &remedy];
            match summary {
                Summary::Interface(text) => texts.push(text),
                Summary::Packets { event, reason } => texts.extend([Some(event), reason].into_iter().flatten()),
                Summary::Peers { one, several } => texts.extend([one, several]),
            }
            for text in texts {
                assert!(!text.is_empty() && !text.ends_with('.') && !text.contains("  "), "{id}: {text:?}");
            }
        }
    }
}
