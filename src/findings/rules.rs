//! The table of rules: what findings say and what the generated alert rules say, in one place.

use super::Severity;

/// One rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Stable id, the same in findings, metrics and alerts.
    pub id: &'static str,
    /// How bad it is when it holds.
    pub severity: Severity,
    /// The same as an expression over our metrics.
    pub alert: Option<Alert>,
    /// What is the case, in one line.
    pub summary: &'static str,
    /// Why, in one sentence.
    pub cause: &'static str,
    /// What to type: a shell command, with what else is to be said as a comment behind it. `INTERFACE`, `PEER`, `ENDPOINT`,
    /// `PORT` and so on are filled in as far as they are known.
    pub remedy: &'static str,
}

/// The rule of this id.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

/// A rule as Prometheus evaluates it.
#[derive(Debug, Clone, Copy)]
pub struct Alert {
    /// The alert's name.
    pub name: &'static str,
    /// `PromQL`; `{threshold}` stands for the limit.
    pub expression: &'static str,
    /// The limit unless another one is given, and its unit.
    pub threshold: Option<(f64, &'static str)>,
    /// How long it has to hold.
    pub hold: &'static str,
    /// The labels of the thing concerned, for the summary.
    pub subject: &'static str,
}

const INTERFACE: &str = "{{ $labels.interface }} on {{ $labels.instance }}";
const PER_SECOND: Option<(f64, &str)> = Some((0.0, "per second"));

/// Every finding. Rates of alerts are over five minutes, so that one missed scrape does not hide an increase.
pub static RULES: [Rule; 27] = [
    Rule {
        id: "interface_down",
        severity: Severity::Critical,
        alert: Some(Alert {
            name: "WireGuardInterfaceDown",
            expression: "wg_interface_up == 0",
            threshold: None,
            hold: "2m",
            subject: INTERFACE,
        }),
        summary: "the interface is down, or its daemon is dead",
        cause: "it was never brought up, or somebody or something took it down",
        remedy: "ip link set dev INTERFACE up  # with a userspace daemon, start that first",
    },
    Rule {
        id: "interface_missing",
        severity: Severity::Critical,
        alert: None,
        summary: "it was asked for, and there is no such interface",
        cause: "it was never created, its start failed, or it has another name",
        remedy: "wg-quick up INTERFACE  # or, where systemd starts it: systemctl start wg-quick@INTERFACE",
    },
    Rule {
        id: "daemon_dead",
        severity: Severity::Critical,
        alert: None,
        summary: "its userspace daemon is dead: the socket refuses connections and there is no link",
        cause: "the daemon was killed or crashed, and left its socket file",
        remedy: "rm /var/run/wireguard/INTERFACE.sock  # then start the daemon as before, such as by wg-quick up \
                INTERFACE",
    },
    Rule {
        id: "no_address",
        severity: Severity::Warning,
        alert: None,
        summary: "it has no IP address",
        cause: "none was given to it, or its addresses were removed: nothing on this host sends from it or is reached \
                by it",
        remedy: "ip address add ADDRESS/PREFIX dev INTERFACE  # this host's own address in the tunnel",
    },
    Rule {
        id: "rx_forbidden_source",
        severity: Severity::Warning,
        alert: None,
        summary: "packets from a peer with a source address it may not use",
        cause: "a peer sent from an inner source address that is not in its allowed-ips here, or something that is neither \
                IPv4 nor IPv6; it is neither corruption nor the MTU",
        remedy: "wg set INTERFACE peer PEER allowed-ips ITS-OWN,ADDRESS/PREFIX  # if that peer may use that address; \
                it stands on the peer: ip address show; one that forwards for others needs those listed too",
    },
    Rule {
        id: "rx_malformed",
        severity: Severity::Warning,
        alert: None,
        summary: "packets from a peer with a wrong inner header",
        cause: "the inner IP header claims more bytes than arrived, or there are fewer than a header has; it is not the MTU",
        remedy: "wg show INTERFACE transfer  # a broken or hostile peer: find it by its traffic, and mend or remove \
                it",
    },
    Rule {
        id: "tx_no_peer",
        severity: Severity::Warning,
        alert: None,
        summary: "packets to addresses that no peer takes",
        cause: "a route leads into the tunnel, and no peer's allowed-ips cover the destination; the sender is told: \
                required key not available",
        remedy: "wg set INTERFACE peer PUBLIC-KEY allowed-ips ITS-OWN,ADDRESS/PREFIX",
    },
    Rule {
        id: "tx_no_endpoint",
        severity: Severity::Warning,
        alert: None,
        summary: "packets to a peer without an endpoint",
        cause: "none is configured and the peer never called in, so nothing says where to send; the sender is told: \
                destination address required",
        remedy: "wg set INTERFACE peer PEER endpoint HOST:PORT  # or wait for it, if it is the one that calls",
    },
    Rule {
        id: "tx_refused",
        severity: Severity::Warning,
        alert: None,
        summary: "packets whose outer send was refused",
        cause: "a firewall on this host, in the output hook, refuses the outer packets",
        remedy: "nft insert rule FAMILY TABLE CHAIN udp sport PORT accept  # the chain of the output hook that drops \
                it: nft list ruleset",
    },
    Rule {
        id: "peer_unreachable",
        severity: Severity::Warning,
        alert: None,
        summary: "handshakes go out to it, and none is answered",
        cause: "its endpoint is wrong, it is off, a firewall is between, or one of the two has the wrong key for the other",
        remedy: "wg set INTERFACE peer PEER endpoint HOST:PORT  # if that is not where it listens; else look there: \
                is it up, does a firewall drop UDP, and has it this host's key, OWN-KEY",
    },
    Rule {
        id: "one_way_traffic",
        severity: Severity::Warning,
        alert: None,
        summary: "data goes out, and nothing comes back",
        cause: "whoever receives data answers within ten seconds, if only with a keepalive: the data does not arrive, \
                or the answers are lost, here or on the way",
        remedy: "nft insert rule FAMILY TABLE CHAIN udp dport LISTEN-PORT accept  # if a firewall here drops what \
                arrives (nft list ruleset); else look for it on the peer: tcpdump -ni any udp port LISTEN-PORT",
    },
    Rule {
        id: "endpoint_loop",
        severity: Severity::Critical,
        alert: None,
        summary: "its endpoint is routed into the tunnel itself",
        cause: "the tunnel's own packets would have to go through the tunnel: a route into it covers the endpoint",
        remedy: "ip route replace ENDPOINT/BITS via GATEWAY  # a route of its own, outside the tunnel; for a default route \
                into it, see fwmark in wg-quick(8)",
    },
    Rule {
        id: "endpoint_unreachable",
        severity: Severity::Warning,
        alert: None,
        summary: "there is no route to its endpoint",
        cause: "the kernel has none, or one that says unreachable: the tunnel's packets go nowhere, and are counted \
                nowhere",
        remedy: "ip route add ENDPOINT/BITS via GATEWAY",
    },
    Rule {
        id: "peer_never_seen",
        severity: Severity::Info,
        alert: None,
        summary: "never called in, and no endpoint to call it at",
        cause: "it was never online since the interface was created, or something keeps its handshakes away",
        remedy: "wg show INTERFACE listen-port  # if the peer should have called: can it reach this port",
    },
    Rule {
        id: "peer_without_allowed_ips",
        severity: Severity::Warning,
        alert: None,
        summary: "no allowed-ips: nothing is sent to it, and whatever it sends is refused",
        cause: "none were set, or another peer was given the same ones later, which takes them away in silence",
        remedy: "wg set INTERFACE peer PEER allowed-ips ADDRESS/PREFIX  # the peer's own address in the tunnel",
    },
    Rule {
        id: "allowed_ips_overlap",
        severity: Severity::Info,
        alert: None,
        summary: "part of the allowed-ips lies within another peer's",
        cause: "the longer prefix wins, as with routes; often that is meant",
        remedy: "wg show INTERFACE allowed-ips  # nothing, if it is meant",
    },
    Rule {
        id: "mtu_below_ipv6_minimum",
        severity: Severity::Warning,
        alert: None,
        summary: "IPv6 is among the allowed-ips, and the MTU is below the 1280 that it needs",
        cause: "the kernel removes IPv6 and its addresses from such an interface",
        remedy: "ip link set dev INTERFACE mtu 1280 && ip -6 address add ADDRESS/PREFIX dev INTERFACE  # its IPv6 \
                address was removed with the MTU",
    },
    Rule {
        id: "mtu_too_large",
        severity: Severity::Warning,
        alert: None,
        summary: "the MTU is too large for the way to it",
        cause: "full packets are fragmented on the way or lost in silence, while small ones pass: it is slow, or \
                hangs, and no counter of the interface shows it",
        remedy: "ip link set dev INTERFACE mtu VALUE  # and MTU = VALUE in its configuration",
    },
    Rule {
        id: "mtu_too_small",
        severity: Severity::Info,
        alert: None,
        summary: "more would fit into each packet",
        cause: "the MTU was set for a narrower path than there is",
        remedy: "ip link set dev INTERFACE mtu VALUE  # and MTU = VALUE in its configuration, on both ends",
    },
    Rule {
        id: "userspace_backend",
        severity: Severity::Info,
        alert: None,
        summary: "a userspace daemon does what this kernel could do faster",
        cause: "wg-quick was told to use the daemon, or the kernel's module was not there when it started",
        remedy: "modprobe wireguard && wg-quick down INTERFACE && wg-quick up INTERFACE",
    },
    Rule {
        id: "forwarding_off",
        severity: Severity::Warning,
        alert: None,
        summary: "packets that came out of the tunnel for others were not passed on",
        cause: "this host does not forward, and receives packets for addresses that are not its own",
        remedy: "sysctl -w SETTING  # and the same in a file of /etc/sysctl.d, to keep it",
    },
    Rule {
        id: "rx_errors",
        severity: Severity::Warning,
        alert: Some(Alert {
            name: "WireGuardReceiveErrors",
            expression: "rate(wg_interface_rx_errors_total[5m]) > {threshold}",
            threshold: PER_SECOND,
            hold: "0m",
            subject: INTERFACE,
        }),
        summary: "packets received and refused",
        cause: "a peer uses an inner source address that is not in its allowed-ips (reason frame), or sends broken inner \
                packets (reason length); it is neither corruption nor the MTU",
        remedy: "wgstat stats INTERFACE  # which reason grows? then compare the peer's own tunnel addresses with its \
                allowed-ips here",
    },
    Rule {
        id: "tx_errors",
        severity: Severity::Warning,
        alert: Some(Alert {
            name: "WireGuardTransmitErrors",
            expression: "rate(wg_interface_tx_errors_total[5m]) > {threshold}",
            threshold: PER_SECOND,
            hold: "0m",
            subject: INTERFACE,
        }),
        summary: "packets that could not be sent",
        cause: "no peer's allowed-ips cover the destination, or that peer has no endpoint, or a firewall refuses the send \
                to an IPv6 endpoint (reason aborted)",
        remedy: "wgstat check INTERFACE  # add the destination to a peer's allowed-ips or remove the route to it; set \
                the peer's endpoint",
    },
    Rule {
        id: "rx_dropped",
        severity: Severity::Warning,
        alert: Some(Alert {
            name: "WireGuardReceiveDrops",
            expression: "rate(wg_interface_rx_dropped_total[5m]) > {threshold}",
            threshold: PER_SECOND,
            hold: "0m",
            subject: INTERFACE,
        }),
        summary: "received packets dropped",
        cause: "the network core drops them, and no cause is known for certain; it is not loss on the way",
        remedy: "sysctl net.core.netdev_max_backlog  # and look at the CPU load",
    },
    Rule {
        id: "tx_dropped",
        severity: Severity::Warning,
        alert: Some(Alert {
            name: "WireGuardTransmitDrops",
            expression: "rate(wg_interface_tx_dropped_total[5m]) > {threshold}",
            threshold: PER_SECOND,
            hold: "0m",
            subject: INTERFACE,
        }),
        summary: "packets dropped before sending",
        cause: "they waited for a handshake that a peer does not answer, or a firewall refuses the send to an IPv4 \
                endpoint; it is not congestion of the wire",
        remedy: "wgstat status INTERFACE --all  # check endpoint, firewall, port and key of the peer without a \
                handshake; is there a firewall here: nft list ruleset",
    },
    Rule {
        id: "peer_stale",
        severity: Severity::Warning,
        alert: Some(Alert {
            name: "WireGuardPeerStale",
            expression: "time() - wg_peer_last_handshake_timestamp_seconds > \
                         {threshold} + wg_peer_persistent_keepalive_seconds",
            threshold: Some((195.0, "seconds, and the peer's keepalive")),
            hold: "1m",
            subject: "peer {{ $labels.public_key }} of {{ $labels.interface }} on {{ $labels.instance }}",
        }),
        summary: "no handshake for longer than an idle peer with keepalive ever goes without",
        cause: "the peer is off, or the path to it is broken",
        remedy: "ping -c 3 ENDPOINT  # is the peer on, and still there? if it moved: wg set INTERFACE peer PEER \
                endpoint HOST:PORT",
    },
    Rule {
        id: "threshold",
        severity: Severity::Warning,
        alert: None,
        summary: "a limit is passed that was asked for",
        cause: "the limit was given by --warn or --crit, or by the configuration",
        remedy: "wgstat stats INTERFACE  # says what the counter means",
    },
];

/// What only Prometheus can tell: it remembers, and it sees that we do not run.
pub static ALERTS_ONLY: [Rule; 3] = [
    Rule {
        id: "peers_offline",
        severity: Severity::Info,
        alert: Some(Alert {
            name: "WireGuardPeersOffline",
            expression: "wg_interface_peers_online < wg_interface_peers_online offset 10m",
            threshold: None,
            hold: "5m",
            subject: INTERFACE,
        }),
        summary: "fewer peers are online than ten minutes ago",
        cause: "peers left, or lost their way here; without keepalive an idle peer counts as offline too",
        remedy: "wgstat status INTERFACE --all",
    },
    Rule {
        id: "scrape_failing",
        severity: Severity::Warning,
        alert: Some(Alert {
            name: "WireGuardScrapeFailing",
            expression: "wg_scrape_success{source!=\"names\"} == 0",
            threshold: None,
            hold: "5m",
            subject: "{{ $labels.source }} on {{ $labels.instance }}",
        }),
        summary: "wgstat cannot read all it should",
        cause: "a privilege is missing, or a userspace daemon does not answer",
        remedy: "wgstat status  # run as the same user, it says what is missing and how to grant it",
    },
    Rule {
        id: "textfile_stale",
        severity: Severity::Warning,
        alert: Some(Alert {
            name: "WireGuardTextfileStale",
            expression: "time() - node_textfile_mtime_seconds{file=~\".*wgstat.*\"} > {threshold}",
            threshold: Some((300.0, "seconds")),
            hold: "0m",
            subject: "{{ $labels.file }} on {{ $labels.instance }}",
        }),
        summary: "the file of metrics is no longer rewritten",
        cause: "the cron job or timer that runs wgstat export-metrics does not run, or fails",
        remedy: "systemctl status wgstat.timer  # and run wgstat export-metrics by hand",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_stands_once_and_says_all() {
        let all = || RULES.iter().chain(&ALERTS_ONLY);
        for (place, rule) in all().enumerate() {
            assert!(all().skip(place + 1).all(|other| other.id != rule.id), "{}", rule.id);
            // A command and its comment are two spaces apart.
            let remedy = rule.remedy.replacen("  # ", " ", 1);
            for text in [rule.summary, rule.cause, &remedy] {
                assert!(!text.is_empty() && !text.ends_with('.') && !text.contains("  "), "{}: {text:?}", rule.id);
            }
        }
    }

    /// Oracle: the published list; an id never vanishes and never changes its severity.
    #[test]
    fn findings_are_those_that_are_promised() {
        let promised = [
            (Severity::Critical, "daemon_dead endpoint_loop interface_down interface_missing"),
            (
                Severity::Warning,
                "endpoint_unreachable forwarding_off mtu_below_ipv6_minimum mtu_too_large no_address one_way_traffic \
                 peer_stale peer_unreachable peer_without_allowed_ips rx_dropped rx_errors rx_forbidden_source rx_malformed \
                 threshold tx_dropped tx_errors tx_no_endpoint tx_no_peer tx_refused",
            ),
            (Severity::Info, "allowed_ips_overlap mtu_too_small peer_never_seen userspace_backend"),
        ];
        for (severity, ids) in promised {
            let mut own: Vec<&str> =
                RULES.iter().filter(|rule| rule.severity == severity).map(|rule| rule.id).collect();
            own.sort_unstable();
            assert_eq!(own.join(" "), ids);
        }
    }
}
