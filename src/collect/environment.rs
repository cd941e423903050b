//! Collects what a diagnosis needs besides the networks: the host's counters with each snapshot, and its routes, addresses and
//! settings with the last one. What cannot be read becomes a [`Problem`], and the rules that need it stay silent.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::address::{Addresses, addresses};
use super::link::link_by_index;
use super::netlink::{self, Transport};
use super::problems::netlink_code;
use super::route::{RouteEntry, best_route_avoiding, lookup_routes, routes_into};
use super::{NamespaceCollector, proc};
use crate::model::{Detour, Environment, Host, Network, OuterLink, Path, PathKey, Problem, Route, Snapshot};

/// Adds the counters that a later snapshot is compared with. `uptime` is the time since boot when the collection began: the
/// links' counters are read first, and rates are computed over the time between those.
pub(super) fn collect_host_counters(snapshot: &mut Snapshot, uptime: Duration) {
    snapshot.hosts = vec![Host { uptime, ..proc::read_host() }];
    for network in &mut snapshot.networks {
        let mut env = Environment::default();
        if network.ifindex.is_some() {
            proc::read_interface_counters(&network.interface, &mut env);
        }
        network.environment = Some(Box::new(env));
    }
}

impl<T: Transport> NamespaceCollector<T> {
    /// Adds addresses, settings and the path to every endpoint; and the routes into the networks selected by `needs_routes`:
    /// only some need them, and a router may have a million.
    pub fn collect_environment(&mut self, snapshot: &mut Snapshot, needs_routes: impl Fn(&Network) -> bool) {
        let mut problems = Vec::new();
        let mut host = snapshot.hosts.pop().unwrap_or_default();
        host.has_wireguard = proc::has_wireguard();
        let addresses = or_problem(addresses(&mut self.rtnl), "addresses", None, &mut problems);
        for network in &mut snapshot.networks {
            let Some(ifindex) = network.ifindex else { continue };
            let mut env = network.environment.take().unwrap_or_default();
            proc::read_forwarding(&network.interface, &mut env);
            env.addresses = addresses.as_ref().map(|all: &Addresses| all.get(&ifindex).cloned().unwrap_or_default());
            if needs_routes(network) {
                let routes = or_problem(routes_into(&mut self.rtnl, ifindex), "routes", Some(network), &mut problems);
                env.routes = routes.map(|all| all.iter().filter_map(route).collect());
            }
            let paths = self.paths(network, ifindex, &mut host.links);
            env.paths =
                or_problem(paths, "the routes to its endpoints", Some(network), &mut problems).unwrap_or_default();
            network.environment = Some(env);
        }
        snapshot.hosts.push(host);
        snapshot.problems.append(&mut problems);
    }

    /// Looks up the path to each endpoint's address, once per address.
    fn paths(
        &mut self,
        network: &Network,
        ifindex: u32,
        links: &mut BTreeMap<u32, OuterLink>,
    ) -> Result<HashMap<PathKey, Path>, netlink::Error> {
        let endpoints: BTreeSet<PathKey> =
            network.peers.iter().flatten().filter_map(|peer| peer.endpoint).map(PathKey::from).collect();
        let endpoints: Vec<PathKey> = endpoints.into_iter().collect();
        let routes = lookup_routes(&mut self.rtnl, &endpoints, network.fwmark.unwrap_or(0))?;
        let mut paths = HashMap::with_capacity(endpoints.len());
        let mut has_detour = false;
        for (endpoint, route) in endpoints.into_iter().zip(routes) {
            let path = match route {
                None => Path::None,
                Some(route) if route.is_local() => Path::Local,
                // One detour is enough, because each takes a dump of all routes.
                Some(RouteEntry { ifindex: Some(out), .. }) if out == ifindex && has_detour => Path::Loop(None),
                Some(RouteEntry { ifindex: Some(out), .. }) if out == ifindex => {
                    has_detour = true;
                    Path::Loop(self.detour(endpoint, ifindex)?)
                }
                Some(RouteEntry { ifindex: Some(out), mtu, is_routed, .. }) => {
                    self.add_outer_link(out, links)?;
                    Path::Through { ifindex: out, mtu, is_routed }
                }
                Some(_) => continue,
            };
            paths.insert(endpoint, path);
        }
        Ok(paths)
    }

    /// Adds the link of this index, unless it is known already.
    fn add_outer_link(&mut self, ifindex: u32, links: &mut BTreeMap<u32, OuterLink>) -> Result<(), netlink::Error> {
        if links.contains_key(&ifindex) {
            return Ok(());
        }
        let link = link_by_index(&mut self.rtnl, ifindex)?.map_or_else(OuterLink::default, |link| OuterLink {
            ipv6_mtu: proc::read_ipv6_mtu(&link.name),
            mtu: link.mtu,
            name: link.name,
        });
        links.insert(ifindex, link);
        Ok(())
    }

    /// Returns the best route to an endpoint outside the tunnel; `None` if there is none, or its router is not known.
    fn detour(&mut self, endpoint: PathKey, ifindex: u32) -> Result<Option<Detour>, netlink::Error> {
        let Some(route) = best_route_avoiding(&mut self.rtnl, endpoint.address, ifindex)? else { return Ok(None) };
        // A multipath route has several routers.
        let Some(out) = route.ifindex.filter(|_| !route.is_routed || route.gateway.is_some()) else { return Ok(None) };
        let link = link_by_index(&mut self.rtnl, out)?;
        Ok(link.map(|link| Detour { gateway: route.gateway, link: link.name }))
    }
}

/// Returns a route into a tunnel; `None` if its destination is not an IP address.
fn route(entry: &RouteEntry) -> Option<Route> {
    Some(Route { destination: entry.destination?, is_connected: entry.is_connected() })
}

/// Returns what was read, or adds a Problem and returns `None`.
fn or_problem<R>(
    read: Result<R, netlink::Error>,
    subject: &str,
    network: Option<&Network>,
    problems: &mut Vec<Problem>,
) -> Option<R> {
    read.map_err(|error| {
        problems.push(Problem {
            netns: network.and_then(|network| network.netns.clone()),
            interface: network.map(|network| network.interface.clone()),
            ..Problem::new(netlink_code(&error), format!("cannot read {subject}: {error}"))
        });
    })
    .ok()
}
