//! What a diagnosis needs beside the networks themselves: counters of the host at each look, and at the last one its routes,
//! addresses and settings. What cannot be read becomes a [`Problem`], and the rules that need it stay silent.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::address::{Addresses, addresses};
use super::link::link_by_index;
use super::netlink::{Failure, Transport};
use super::route::{Entry, routes_into, way_around, ways};
use super::{NamespaceCollector, failure_code, proc};
use crate::model::{Detour, Environment, Host, Network, OuterLink, Path, PathKey, Problem, Route, Snapshot};

impl<T: Transport> NamespaceCollector<T> {
    /// Adds the counters that a later look is compared with. The look began at this `uptime`: what it is compared by are the
    /// links' counters, which are read first.
    pub fn count_host(&self, snapshot: &mut Snapshot, uptime: Duration) {
        snapshot.hosts = vec![Host { uptime, ..proc::host() }];
        for network in &mut snapshot.networks {
            let mut env = Environment::default();
            if network.ifindex.is_some() {
                proc::count_interface(&network.interface, &mut env);
            }
            network.environment = Some(Box::new(env));
        }
    }

    /// Adds addresses, settings and the way to every endpoint; and the routes into those networks that `needs_routes`: only
    /// some need them, and a router may have a million.
    pub fn collect_environment(&mut self, snapshot: &mut Snapshot, needs_routes: impl Fn(&Network) -> bool) {
        let mut problems = Vec::new();
        let mut host = snapshot.hosts.pop().unwrap_or_default();
        host.has_wireguard = proc::has_wireguard();
        let addresses = known(addresses(&mut self.rtnl), "addresses", None, &mut problems);
        for network in &mut snapshot.networks {
            let Some(ifindex) = network.ifindex else { continue };
            let mut env = network.environment.take().unwrap_or_default();
            proc::forwarding(&network.interface, &mut env);
            env.addresses = addresses.as_ref().map(|all: &Addresses| all.get(&ifindex).cloned().unwrap_or_default());
            if needs_routes(network) {
                let routes = known(routes_into(&mut self.rtnl, ifindex), "routes", Some(network), &mut problems);
                env.routes = routes.map(|all| all.iter().filter_map(into_tunnel).collect());
            }
            let paths = self.paths(network, ifindex, &mut host.links);
            env.paths = known(paths, "the way to its endpoints", Some(network), &mut problems).unwrap_or_default();
            network.environment = Some(env);
        }
        snapshot.hosts.push(host);
        snapshot.problems.append(&mut problems);
    }

    /// The way to each endpoint's address, asked for once.
    fn paths(
        &mut self,
        network: &Network,
        ifindex: u32,
        links: &mut BTreeMap<u32, OuterLink>,
    ) -> Result<HashMap<PathKey, Path>, Failure> {
        let endpoints: BTreeSet<PathKey> =
            network.peers.iter().flatten().filter_map(|peer| peer.endpoint).map(PathKey::from).collect();
        let endpoints: Vec<PathKey> = endpoints.into_iter().collect();
        let ways = ways(&mut self.rtnl, &endpoints, network.fwmark.unwrap_or(0))?;
        let mut paths = HashMap::with_capacity(endpoints.len());
        let mut has_detour = false;
        for (endpoint, way) in endpoints.into_iter().zip(ways) {
            let path = match way {
                None => Path::None,
                Some(way) if way.is_local() => Path::Local,
                // One example is enough: each takes a list of all routes.
                Some(Entry { ifindex: Some(out), .. }) if out == ifindex && has_detour => Path::Loop(None),
                Some(Entry { ifindex: Some(out), .. }) if out == ifindex => {
                    has_detour = true;
                    Path::Loop(self.detour(endpoint, ifindex)?)
                }
                Some(Entry { ifindex: Some(out), mtu, is_routed, .. }) => {
                    self.note_link(out, links)?;
                    Path::Through { ifindex: out, mtu, is_routed }
                }
                Some(_) => continue,
            };
            paths.insert(endpoint, path);
        }
        Ok(paths)
    }

    fn note_link(&mut self, ifindex: u32, links: &mut BTreeMap<u32, OuterLink>) -> Result<(), Failure> {
        if links.contains_key(&ifindex) {
            return Ok(());
        }
        let link = link_by_index(&mut self.rtnl, ifindex)?.map_or_else(OuterLink::default, |link| OuterLink {
            ipv6_mtu: proc::ipv6_mtu(&link.name),
            mtu: link.mtu,
            name: link.name,
        });
        links.insert(ifindex, link);
        Ok(())
    }

    fn detour(&mut self, endpoint: PathKey, ifindex: u32) -> Result<Option<Detour>, Failure> {
        let Some(way) = way_around(&mut self.rtnl, endpoint.address, ifindex)? else { return Ok(None) };
        // Of several ways at once the router is not known.
        let Some(out) = way.ifindex.filter(|_| !way.is_routed || way.gateway.is_some()) else { return Ok(None) };
        let link = link_by_index(&mut self.rtnl, out)?;
        Ok(link.map(|link| Detour { gateway: way.gateway, link: link.name }))
    }
}

fn into_tunnel(entry: &Entry) -> Option<Route> {
    Some(Route { destination: entry.destination?, is_connected: entry.is_connected() })
}

/// What was read; or a problem, and nothing.
fn known<R>(read: Result<R, Failure>, what: &str, network: Option<&Network>, problems: &mut Vec<Problem>) -> Option<R> {
    read.map_err(|failure| {
        problems.push(Problem {
            code: failure_code(&failure),
            netns: network.and_then(|network| network.netns.clone()),
            interface: network.map(|network| network.interface.clone()),
            message: format!("cannot read {what}: {failure}"),
            hint: None,
        });
    })
    .ok()
}
