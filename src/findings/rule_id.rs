//! Defines the ids of findings, each with its severity.

use std::fmt;

use super::Severity;

/// The stable id of a rule, the same in findings, metrics and alerts. Ids are never removed and never change their severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "rules::rule says what each of them means")]
pub enum RuleId {
    InterfaceDown,
    InterfaceMissing,
    DaemonDead,
    NoAddress,
    RxForbiddenSource,
    RxMalformed,
    TxNoPeer,
    TxNoEndpoint,
    TxRefused,
    PeerUnreachable,
    OneWayTraffic,
    EndpointLoop,
    EndpointUnreachable,
    PeerNeverSeen,
    PeerWithoutAllowedIps,
    AllowedIpsOverlap,
    MtuBelowIpv6Minimum,
    MtuTooLarge,
    MtuTooSmall,
    UserspaceBackend,
    ForwardingOff,
    RxErrors,
    TxErrors,
    RxDropped,
    TxDropped,
    PeerStale,
    Threshold,
}

impl RuleId {
    /// Every id, in the order of the manual.
    pub const ALL: [Self; 27] = [
        Self::InterfaceDown,
        Self::InterfaceMissing,
        Self::DaemonDead,
        Self::NoAddress,
        Self::RxForbiddenSource,
        Self::RxMalformed,
        Self::TxNoPeer,
        Self::TxNoEndpoint,
        Self::TxRefused,
        Self::PeerUnreachable,
        Self::OneWayTraffic,
        Self::EndpointLoop,
        Self::EndpointUnreachable,
        Self::PeerNeverSeen,
        Self::PeerWithoutAllowedIps,
        Self::AllowedIpsOverlap,
        Self::MtuBelowIpv6Minimum,
        Self::MtuTooLarge,
        Self::MtuTooSmall,
        Self::UserspaceBackend,
        Self::ForwardingOff,
        Self::RxErrors,
        Self::TxErrors,
        Self::RxDropped,
        Self::TxDropped,
        Self::PeerStale,
        Self::Threshold,
    ];

    /// Returns the id as JSON, metrics and the manual write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InterfaceDown => "interface_down",
            Self::InterfaceMissing => "interface_missing",
            Self::DaemonDead => "daemon_dead",
            Self::NoAddress => "no_address",
            Self::RxForbiddenSource => "rx_forbidden_source",
            Self::RxMalformed => "rx_malformed",
            Self::TxNoPeer => "tx_no_peer",
            Self::TxNoEndpoint => "tx_no_endpoint",
            Self::TxRefused => "tx_refused",
            Self::PeerUnreachable => "peer_unreachable",
            Self::OneWayTraffic => "one_way_traffic",
            Self::EndpointLoop => "endpoint_loop",
            Self::EndpointUnreachable => "endpoint_unreachable",
            Self::PeerNeverSeen => "peer_never_seen",
            Self::PeerWithoutAllowedIps => "peer_without_allowed_ips",
            Self::AllowedIpsOverlap => "allowed_ips_overlap",
            Self::MtuBelowIpv6Minimum => "mtu_below_ipv6_minimum",
            Self::MtuTooLarge => "mtu_too_large",
            Self::MtuTooSmall => "mtu_too_small",
            Self::UserspaceBackend => "userspace_backend",
            Self::ForwardingOff => "forwarding_off",
            Self::RxErrors => "rx_errors",
            Self::TxErrors => "tx_errors",
            Self::RxDropped => "rx_dropped",
            Self::TxDropped => "tx_dropped",
            Self::PeerStale => "peer_stale",
            Self::Threshold => "threshold",
        }
    }

    /// Returns the severity of a finding of this rule. A counter that did not grow and a limit may have another one.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::InterfaceDown | Self::InterfaceMissing | Self::DaemonDead | Self::EndpointLoop => Severity::Critical,
            Self::NoAddress
            | Self::RxForbiddenSource
            | Self::RxMalformed
            | Self::TxNoPeer
            | Self::TxNoEndpoint
            | Self::TxRefused
            | Self::PeerUnreachable
            | Self::OneWayTraffic
            | Self::EndpointUnreachable
            | Self::PeerWithoutAllowedIps
            | Self::MtuBelowIpv6Minimum
            | Self::MtuTooLarge
            | Self::ForwardingOff
            | Self::RxErrors
            | Self::TxErrors
            | Self::RxDropped
            | Self::TxDropped
            | Self::PeerStale
            | Self::Threshold => Severity::Warning,
            Self::PeerNeverSeen | Self::AllowedIpsOverlap | Self::MtuTooSmall | Self::UserspaceBackend => {
                Severity::Info
            }
        }
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Oracle: the published list.
    #[test]
    fn ids_and_severities_are_those_published() {
        let published = [
            (Severity::Critical, "daemon_dead endpoint_loop interface_down interface_missing"),
            (
                Severity::Warning,
                "endpoint_unreachable forwarding_off mtu_below_ipv6_minimum mtu_too_large no_address one_way_traffic \
                 peer_stale peer_unreachable peer_without_allowed_ips rx_dropped rx_errors rx_forbidden_source rx_malformed \
                 threshold tx_dropped tx_errors tx_no_endpoint tx_no_peer tx_refused",
            ),
            (Severity::Info, "allowed_ips_overlap mtu_too_small peer_never_seen userspace_backend"),
        ];
        for (severity, ids) in published {
            let mut own: Vec<&str> =
                RuleId::ALL.iter().filter(|id| id.severity() == severity).map(|id| id.as_str()).collect();
            own.sort_unstable();
            assert_eq!(own.join(" "), ids);
        }
    }

    #[test]
    fn all_has_every_id_once() {
        for (index, id) in RuleId::ALL.into_iter().enumerate() {
            assert_eq!(id as usize, index, "{id}");
        }
    }
}
