//! Evaluates the interface itself, its address and its host.

use super::network_view::NetworkView;
use super::peers::is_below_ipv6_minimum;
use super::wording::about_packets;
use super::{Finding, RuleId};
use crate::model::{AllowedIp, Backend, Counter, Name, Network};

/// Returns the finding about an interface that was requested or configured and does not exist.
pub(super) fn missing(name: &Name) -> Finding {
    Finding::new(RuleId::InterfaceMissing, &Network { interface: name.clone(), ..Network::default() })
}

/// Adds what is wrong with the interface.
pub(super) fn evaluate(view: &NetworkView<'_>, found: &mut Vec<Finding>) {
    let network = view.network;
    if network.backend == Backend::DeadDaemon {
        found.push(Finding::new(RuleId::DaemonDead, network));
    }
    if view.is_down() {
        found.push(Finding {
            summary: "the interface is administratively down".to_owned(),
            ..Finding::new(RuleId::InterfaceDown, network)
        });
    }
    let Some(env) = view.env() else { return };
    // An interface that is down or has an MTU too small for IPv6 lost its addresses for that reason.
    let is_explained = view.is_down() || is_below_ipv6_minimum(network);
    if env.addresses.as_deref().is_some_and(<[AllowedIp]>::is_empty) && !is_explained {
        found.push(Finding::new(RuleId::NoAddress, network));
    }
    if network.backend == Backend::Userspace && view.host.is_some_and(|host| host.has_wireguard) {
        found.push(Finding::new(RuleId::UserspaceBackend, network));
    }
    found.extend(forwarding_off(view));
}

/// Returns a finding if packets for other hosts came in and were not forwarded. The counter belongs to the whole host, so it
/// counts at most as many packets as came out of this tunnel.
fn forwarding_off(view: &NetworkView<'_>) -> Option<Finding> {
    let env = view.env()?;
    let received = view.grown(Counter::RxPackets);
    let ipv4 = if env.ipv4_forwarding == Some(false) { view.grown_of_host(|host| host.ipv4_in_addr_errors) } else { 0 };
    let ipv6 = if env.ipv6_forwarding == Some(false) { view.grown_of(|env| env.ipv6_in_addr_errors) } else { 0 };
    let count = (ipv4 + ipv6).min(received);
    let setting = match (ipv4, ipv6) {
        (_, 0) => "net.ipv4.ip_forward=1",
        (0, _) => "net.ipv6.conf.all.forwarding=1",
        _ => "net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1",
    };
    // The counter includes broadcasts on other links, so it has to be a notable part of what came out of the tunnel.
    (count > 0 && count.saturating_mul(10) >= received).then(|| {
        Finding {
            summary: about_packets(RuleId::ForwardingOff, count, &view.period(), None),
            ..Finding::new(RuleId::ForwardingOff, view.network)
        }
        .with_packets(count)
        .fill("SETTING", setting)
    })
}

#[cfg(test)]
mod tests {
    use super::super::{DiagnosisInput, Severity, diagnose, findings};
    use super::*;
    use crate::model::{Environment, Host, InterfaceStats, Snapshot};

    #[test]
    fn interface_that_is_down_is_critical() {
        let network = Network { interface: "wg0".into(), enabled: Some(false), ..Network::default() };
        let found = findings(&Snapshot { networks: vec![network], ..Snapshot::default() });
        assert_eq!((found[0].id, found[0].severity), (RuleId::InterfaceDown, Severity::Critical));
        assert!(found[0].remedy.starts_with("ip link set dev wg0 up"));
    }

    #[test]
    fn dead_daemon_is_critical() {
        let dead = Network { backend: Backend::DeadDaemon, ..Network::default() };
        let found = findings(&Snapshot { networks: vec![dead], ..Snapshot::default() });
        assert_eq!((found[0].id, found[0].severity), (RuleId::DaemonDead, Severity::Critical));
    }

    fn snapshot(received: u64, host: Host, env: Environment) -> Snapshot {
        let network = Network {
            ifindex: Some(4),
            enabled: Some(true),
            backend: Backend::Kernel,
            stats: InterfaceStats::from_values(&[Some(received)]),
            environment: Some(Box::new(env)),
            ..Network::default()
        };
        Snapshot { networks: vec![network], hosts: vec![host], ..Snapshot::default() }
    }

    /// Returns what is found after `received` packets came in, with this many for other hosts in each family.
    fn ids(received: u64, ipv4: u64, ipv6: u64, forwarding: bool) -> Vec<(RuleId, u64)> {
        let host = |errors| Host { ipv4_in_addr_errors: Some(errors), ..Host::default() };
        let env = |errors| Environment {
            ipv6_in_addr_errors: Some(errors),
            ipv4_forwarding: Some(forwarding),
            ipv6_forwarding: Some(forwarding),
            ..Environment::default()
        };
        let (before, now) = (snapshot(10, host(5), env(5)), snapshot(10 + received, host(5 + ipv4), env(5 + ipv6)));
        let input = DiagnosisInput { now: &now, before: Some(&before), seconds: 2.0, between: None, limits: &[] };
        diagnose(&input).iter().map(|finding| (finding.id, finding.count)).collect()
    }

    #[test]
    fn forwarding_matters_where_packets_for_others_come_out_of_the_tunnel() {
        assert_eq!(ids(3, 3, 0, false), [(RuleId::ForwardingOff, 3)]);
        assert_eq!(ids(3, 0, 3, false), [(RuleId::ForwardingOff, 3)]);
        assert_eq!(ids(3, 3, 0, true), [], "it is on, so the packets had no route");
        assert_eq!(ids(0, 3, 0, false), [], "they came from elsewhere");
        assert_eq!(ids(3, 0, 0, false), []);
        assert_eq!(ids(31, 3, 0, false), [], "too few");
    }

    #[test]
    fn interface_without_any_address_is_found() {
        let with = |addresses, enabled, mtu| {
            let env = Environment { addresses, ..Environment::default() };
            let mut snapshot = snapshot(0, Host::default(), env);
            snapshot.networks[0].enabled = Some(enabled);
            snapshot.networks[0].mtu = Some(mtu);
            let peers = super::super::allowed_ips::tests::peer(1, "fd00::2/128");
            snapshot.networks[0].peers = Some(vec![crate::model::Peer { last_handshake: Some(0), ..peers }]);
            let input = DiagnosisInput { now: &snapshot, before: None, seconds: 0.0, between: None, limits: &[] };
            diagnose(&input).iter().map(|finding| finding.id).collect::<Vec<_>>()
        };
        assert_eq!(with(Some(vec![]), true, 1420), [RuleId::NoAddress]);
        assert_eq!(with(None, true, 1420), [], "addresses could not be read");
        assert_eq!(with(Some(vec![]), false, 1420), [RuleId::InterfaceDown]);
        assert_eq!(with(Some(vec![]), true, 1200), [RuleId::MtuBelowIpv6Minimum]);
    }

    #[test]
    fn daemon_is_found_only_where_the_kernel_could_replace_it() {
        let with = |has_wireguard| {
            let host = Host { has_wireguard, ..Host::default() };
            let mut snapshot = snapshot(0, host, Environment::default());
            snapshot.networks[0].backend = Backend::Userspace;
            let input = DiagnosisInput { now: &snapshot, before: None, seconds: 0.0, between: None, limits: &[] };
            diagnose(&input).iter().map(|finding| (finding.id, finding.severity)).collect::<Vec<_>>()
        };
        assert_eq!(with(true), [(RuleId::UserspaceBackend, Severity::Info)]);
        assert_eq!(with(false), []);
    }

    #[test]
    fn absent_interface_is_critical() {
        let snapshot = Snapshot { missing: vec!["wg9".into()], ..Snapshot::default() };
        let input = DiagnosisInput { now: &snapshot, before: None, seconds: 0.0, between: None, limits: &[] };
        let found = diagnose(&input);
        assert_eq!((found[0].id, found[0].severity), (RuleId::InterfaceMissing, Severity::Critical));
        assert!(found[0].remedy.starts_with("wg-quick up wg9"));
    }
}
