//! What is wrong with an interface itself, its address and its host.

use super::network_view::NetworkView;
use super::{Finding, finding};
use crate::model::{AllowedIp, Backend, Counter, Name, Network};

/// An interface that was asked for and is not there.
pub(super) fn missing(name: &Name) -> Finding {
    finding("interface_missing", &Network { interface: name.clone(), ..Network::default() })
}

pub(super) fn evaluate(view: &NetworkView<'_>, found: &mut Vec<Finding>) {
    let network = view.network;
    if network.backend == Backend::DeadDaemon {
        found.push(finding("daemon_dead", network));
    }
    if view.is_down() {
        found.push(Finding { summary: "it is administratively down".to_owned(), ..finding("interface_down", network) });
    }
    let Some(env) = view.env() else { return };
    // Down, or with an MTU that IPv6 does not bear, it lost addresses for that reason.
    let lost = view.is_down() || super::peers::is_below_ipv6_minimum(network);
    if env.addresses.as_deref().is_some_and(<[AllowedIp]>::is_empty) && !lost {
        found.push(finding("no_address", network));
    }
    if network.backend == Backend::Userspace && view.host.is_some_and(|host| host.has_wireguard) {
        found.push(finding("userspace_backend", network));
    }
    found.extend(forwarding_off(view));
}

/// Packets for others that came in and were not passed on: the counter is the whole host's, so it counts only as far as
/// packets came out of this tunnel at all.
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
    // Broadcasts of another network on some other link count there, too: it has to be a notable part of what came out.
    (count > 0 && count.saturating_mul(10) >= received).then(|| {
        let base = finding("forwarding_off", view.network);
        Finding {
            count,
            value: Some(count),
            unit: Some("packets"),
            summary: format!("{}, {}", super::errors::counted(count, &base.summary), view.period()),
            ..base
        }
        .with("SETTING", setting)
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
        assert_eq!((found[0].id, found[0].severity), ("interface_down", Severity::Critical));
        assert!(found[0].remedy.starts_with("ip link set dev wg0 up"));
    }

    #[test]
    fn dead_daemon_is_critical() {
        let dead = Network { backend: Backend::DeadDaemon, ..Network::default() };
        let found = findings(&Snapshot { networks: vec![dead], ..Snapshot::default() });
        assert_eq!((found[0].id, found[0].severity), ("daemon_dead", Severity::Critical));
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

    /// What is found after so many packets came in and so many were for others, of each family.
    fn ids(received: u64, ipv4: u64, ipv6: u64, forwarding: bool) -> Vec<(&'static str, u64)> {
        let host = |errors| Host { ipv4_in_addr_errors: Some(errors), ..Host::default() };
        let env = |errors| Environment {
            ipv6_in_addr_errors: Some(errors),
            ipv4_forwarding: Some(forwarding),
            ipv6_forwarding: Some(forwarding),
            ..Environment::default()
        };
        let (before, now) = (snapshot(10, host(5), env(5)), snapshot(10 + received, host(5 + ipv4), env(5 + ipv6)));
        let case = DiagnosisInput { now: &now, before: Some(&before), seconds: 2.0, between: None, limits: &[] };
        diagnose(&case).iter().map(|finding| (finding.id, finding.count)).collect()
    }

    #[test]
    fn forwarding_matters_where_packets_for_others_come_out_of_the_tunnel() {
        assert_eq!(ids(3, 3, 0, false), [("forwarding_off", 3)]);
        assert_eq!(ids(3, 0, 3, false), [("forwarding_off", 3)]);
        assert_eq!(ids(3, 3, 0, true), [], "it is on: the packets had no other way");
        assert_eq!(ids(0, 3, 0, false), [], "they came from elsewhere");
        assert_eq!(ids(3, 0, 0, false), []);
        assert_eq!(ids(31, 3, 0, false), [], "too few of them");
    }

    #[test]
    fn interface_without_any_address_is_told() {
        let with = |addresses, enabled, mtu| {
            let env = Environment { addresses, ..Environment::default() };
            let mut snapshot = snapshot(0, Host::default(), env);
            snapshot.networks[0].enabled = Some(enabled);
            snapshot.networks[0].mtu = Some(mtu);
            let peers = super::super::allowed_ips::tests::peer(1, "fd00::2/128");
            snapshot.networks[0].peers = Some(vec![crate::model::Peer { last_handshake: Some(0), ..peers }]);
            let case = DiagnosisInput { now: &snapshot, before: None, seconds: 0.0, between: None, limits: &[] };
            diagnose(&case).iter().map(|finding| finding.id).collect::<Vec<_>>()
        };
        assert_eq!(with(Some(vec![]), true, 1420), ["no_address"]);
        assert_eq!(with(None, true, 1420), [""; 0], "they could not be read");
        assert_eq!(with(Some(vec![]), false, 1420), ["interface_down"]);
        assert_eq!(with(Some(vec![]), true, 1200), ["mtu_below_ipv6_minimum"]);
    }

    #[test]
    fn daemon_is_told_only_where_the_kernel_could_do_its_work() {
        let with = |has_wireguard| {
            let host = Host { has_wireguard, ..Host::default() };
            let mut snapshot = snapshot(0, host, Environment::default());
            snapshot.networks[0].backend = Backend::Userspace;
            let case = DiagnosisInput { now: &snapshot, before: None, seconds: 0.0, between: None, limits: &[] };
            diagnose(&case).iter().map(|finding| (finding.id, finding.severity)).collect::<Vec<_>>()
        };
        assert_eq!(with(true), [("userspace_backend", Severity::Info)]);
        assert_eq!(with(false), []);
    }

    #[test]
    fn absent_interface_is_critical() {
        let snapshot = Snapshot { missing: vec!["wg9".into()], ..Snapshot::default() };
        let case = DiagnosisInput { now: &snapshot, before: None, seconds: 0.0, between: None, limits: &[] };
        let found = diagnose(&case);
        assert_eq!((found[0].id, found[0].severity), ("interface_missing", Severity::Critical));
        assert!(found[0].remedy.starts_with("wg-quick up wg9"));
    }
}
