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
    /// What to do; `INTERFACE` stands for the interface's name, `PEER` for the first peer's public key.
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

/// Every rule. Rates of alerts are over five minutes, so that one missed scrape does not hide an increase.
pub static RULES: [Rule; 18] = [
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
        remedy: "ip link set INTERFACE up; with a userspace daemon, start that first",
    },
    Rule {
        id: "daemon_dead",
        severity: Severity::Critical,
        alert: None,
        summary: "its userspace daemon is dead: the socket refuses connections and there is no link",
        cause: "the daemon was killed or crashed, and left its socket file",
        remedy: "start the daemon again, or remove the socket file",
    },
    Rule {
        id: "rx_forbidden_source",
        severity: Severity::Warning,
        alert: None,
        summary: "packets from a peer with a source address it may not use",
        cause: "a peer sent from an inner source address that is not in its allowed-ips here, or something that is neither \
                IPv4 nor IPv6; it is neither corruption nor the MTU",
        remedy: "compare the peer's own tunnel addresses with its allowed-ips on this host; a peer that forwards for others, \
                 or has a second address, needs those listed too: wg set INTERFACE peer KEY allowed-ips ALL,OF,THEM",
    },
    Rule {
        id: "rx_malformed",
        severity: Severity::Warning,
        alert: None,
        summary: "packets from a peer with a wrong inner header",
        cause: "the inner IP header claims more bytes than arrived, or there are fewer than a header has; it is not the MTU",
        remedy: "a broken or hostile peer: find it by its traffic",
    },
    Rule {
        id: "tx_refused",
        severity: Severity::Warning,
        alert: None,
        summary: "packets whose outer send was refused",
        cause: "a firewall on this host refuses the send to an IPv6 endpoint",
        remedy: "look at the firewall's output chain: nft list ruleset",
    },
    Rule {
        id: "peer_unreachable",
        severity: Severity::Warning,
        alert: None,
        summary: "handshakes go out, and none was ever answered",
        cause: "its endpoint is wrong, it is off, a firewall is between, or one of the two has the wrong key for the other",
        remedy: "wg show INTERFACE endpoints; then on the peer: is it up, on that port, with this host's public key",
    },
    Rule {
        id: "peer_never_seen",
        severity: Severity::Info,
        alert: None,
        summary: "never called in, and no endpoint to call it at",
        cause: "it was never online since the interface was created, or something keeps its handshakes away",
        remedy: "nothing, if it is not expected; else see that it reaches this host's listen port",
    },
    Rule {
        id: "peer_without_allowed_ips",
        severity: Severity::Warning,
        alert: None,
        summary: "no allowed-ips: nothing is sent to it, and whatever it sends is refused",
        cause: "none were set, or another peer was given the same ones later, which takes them away in silence",
        remedy: "wg set INTERFACE peer PEER allowed-ips ADDRESS/PREFIX",
    },
    Rule {
        id: "allowed_ips_overlap",
        severity: Severity::Info,
        alert: None,
        summary: "part of the allowed-ips lies within another peer's",
        cause: "the longer prefix wins, as with routes; often that is meant",
        remedy: "wg show INTERFACE allowed-ips",
    },
    Rule {
        id: "mtu_below_ipv6_minimum",
        severity: Severity::Warning,
        alert: None,
        summary: "IPv6 is among the allowed-ips, and the MTU is below the 1280 that it needs",
        cause: "the kernel removes IPv6 and its addresses from such an interface",
        remedy: "ip link set INTERFACE mtu 1280, then add its IPv6 address again, which was removed: ip -6 address add \
                 ADDRESS/PREFIX dev INTERFACE",
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
        remedy: "wgstat stats INTERFACE; compare the peer's own tunnel addresses with its allowed-ips on this host",
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
        remedy: "wgstat stats INTERFACE; add the destination to a peer's allowed-ips or remove the route to it",
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
        remedy: "look at the CPU load and at net.core.netdev_max_backlog",
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
        remedy: "wgstat status INTERFACE; check the endpoint, firewall, port and key of the peer without a handshake",
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
        remedy: "wgstat status INTERFACE; check that the peer is up and that its endpoint is still right",
    },
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
            expression: "wg_scrape_success == 0",
            threshold: None,
            hold: "5m",
            subject: "{{ $labels.source }} on {{ $labels.instance }}",
        }),
        summary: "wgstat cannot read all it should",
        cause: "a privilege is missing, or a userspace daemon does not answer",
        remedy: "run wgstat status as the same user: it says what is missing and how to grant it",
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
        remedy: "systemctl status wgstat.timer; run wgstat export-metrics by hand",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_stands_once_and_says_all() {
        for (place, rule) in RULES.iter().enumerate() {
            assert!(RULES.iter().skip(place + 1).all(|other| other.id != rule.id), "{}", rule.id);
            for text in [rule.summary, rule.cause, rule.remedy] {
                assert!(!text.is_empty() && !text.ends_with('.') && !text.contains("  "), "{}: {text:?}", rule.id);
            }
        }
    }
}
