//! Tests routes and addresses with made-up replies: rare ones of a real kernel, and invalid ones.

use std::panic::{AssertUnwindSafe, catch_unwind};

use wgstat::collect::Scope;
use wgstat::model::{Detour, Path, Snapshot};

use crate::common::wire::{MULTI, Script, attribute, collector, device, done, error, family, link, message, peer};
use crate::mutation::Random;

const NOW: u64 = 1_795_000_000;
const ERROR: u16 = 2;
const EINVAL: i32 = 22;
const ENETUNREACH: i32 = 101;

/// Returns a `struct rtmsg` with this prefix length, type and attributes.
fn route(prefix: u8, kind: u8, attributes: &[Vec<u8>]) -> Vec<u8> {
    message(24, MULTI, &[&[2, prefix, 0, 0, 254, 0, 0, kind, 0, 0, 0, 0][..], &attributes.concat()].concat())
}

fn out_of(ifindex: u32) -> Vec<u8> {
    attribute(4, &ifindex.to_ne_bytes())
}

/// Returns an error without a text.
fn refusal(errno: i32) -> Vec<u8> {
    message(ERROR, 0, &[&(-errno).to_ne_bytes()[..], &[0; 16]].concat())
}

/// Collects wg0 (ifindex 3), with one peer at 192.0.2.1. These replies follow those about addresses.
fn env(replies: Vec<Vec<u8>>) -> Snapshot {
    let mut rtnl = vec![[link(3, b"wg0", "wireguard", &[7]), done(0, 0)].concat(), done(0, 0)];
    rtnl.extend(replies);
    let genl = vec![family(), [device(&[peer(1, 0, &[([10, 9, 0, 2], 32)])]), done(0, 0)].concat()];
    let mut collector = collector(Script::replies(rtnl), Script::replies(genl));
    let mut snapshot = collector.collect(&Scope::default(), NOW).unwrap();
    collector.collect_environment(&mut snapshot, |_| false);
    snapshot
}

fn path(snapshot: &Snapshot) -> Option<Path> {
    let network = &snapshot.networks[0];
    let endpoint = network.peers.as_ref().unwrap()[0].endpoint.unwrap();
    network.environment.as_ref().unwrap().path(endpoint).cloned()
}

#[test]
fn path_through_a_link_has_its_mtu_and_the_routes() {
    let mtu = attribute(8, &attribute(2, &1300_u32.to_ne_bytes()));
    let gateway = attribute(5, &[192, 0, 2, 254]);
    let snapshot = env(vec![route(32, 1, &[out_of(2), mtu, gateway]), link(2, b"eth0", "", &[])]);
    assert_eq!(path(&snapshot), Some(Path::Through { ifindex: 2, mtu: Some(1300), is_routed: true }));
    let eth0 = &snapshot.host(None).unwrap().links[&2];
    assert_eq!((eth0.name.text().as_ref(), eth0.mtu), ("eth0", Some(1420)));
    assert_eq!(snapshot.problems, []);
}

#[test]
fn path_to_one_address_is_looked_up_once() {
    let rtnl = Script::replies([
        [link(3, b"wg0", "wireguard", &[7]), done(0, 0)].concat(),
        done(0, 0),
        route(32, 2, &[out_of(1)]),
    ]);
    let requests = rtnl.requests.clone();
    // All at one address.
    let peers: Vec<Vec<u8>> = (1..=20).map(|number| peer(number, 0, &[])).collect();
    let mut collector = collector(rtnl, Script::replies([family(), [device(&peers), done(0, 0)].concat()]));
    let mut snapshot = collector.collect(&Scope::default(), NOW).unwrap();
    collector.collect_environment(&mut snapshot, |_| false);
    assert_eq!((path(&snapshot), requests.get()), (Some(Path::Local), 3));
}

#[test]
fn local_and_missing_routes_are_distinguished() {
    assert_eq!(path(&env(vec![route(32, 2, &[out_of(1)])])), Some(Path::Local));
    assert_eq!(path(&env(vec![refusal(ENETUNREACH)])), Some(Path::None));
    // An "unreachable" route as IPv6 gives it, and a "blackhole".
    assert_eq!(path(&env(vec![route(32, 7, &[])])), Some(Path::None));
    assert_eq!(path(&env(vec![refusal(EINVAL)])), Some(Path::None));
}

#[test]
fn request_that_is_refused_is_a_problem_and_no_finding() {
    for reply in [error(EINVAL, "not so", false), refusal(12)] {
        let snapshot = env(vec![reply]);
        assert_eq!(path(&snapshot), None);
        assert!(snapshot.problems[0].message.starts_with("cannot read the routes to its endpoints: "));
    }
    // Addresses that cannot be read are unknown, not an empty list.
    let genl = vec![family(), [device(&[]), done(0, 0)].concat()];
    let rtnl = vec![[link(3, b"wg0", "wireguard", &[7]), done(0, 0)].concat(), refusal(12)];
    let mut collector = collector(Script::replies(rtnl), Script::replies(genl));
    let mut snapshot = collector.collect(&Scope::default(), NOW).unwrap();
    collector.collect_environment(&mut snapshot, |_| false);
    assert_eq!(snapshot.networks[0].environment.as_ref().unwrap().addresses, None);
    assert!(snapshot.problems[0].message.starts_with("cannot read addresses: "));
}

#[test]
fn detour_around_a_loop_is_the_longest_prefix_outside_the_tunnel() {
    let to = |address: [u8; 4]| attribute(1, &address);
    let all = [
        route(32, 1, &[to([192, 0, 2, 1]), out_of(3)]),
        route(0, 1, &[out_of(5)]),
        route(24, 1, &[to([192, 0, 2, 0]), out_of(2), attribute(5, &[192, 0, 2, 254])]),
        route(16, 1, &[to([198, 51, 0, 0]), out_of(6)]),
        done(0, 0),
    ];
    let snapshot = env(vec![route(32, 1, &[out_of(3)]), all.concat(), link(2, b"eth0", "", &[])]);
    let detour = Detour { gateway: Some([192, 0, 2, 254].into()), link: "eth0".into() };
    assert_eq!(path(&snapshot), Some(Path::Loop(Some(detour))));
    assert_eq!(path(&env(vec![route(32, 1, &[out_of(3)]), done(0, 0)])), Some(Path::Loop(None)));
}

#[test]
fn mutated_routes_and_addresses_never_panic() {
    let address = message(
        20,
        MULTI,
        &[&[2, 24, 0, 0, 3, 0, 0, 0][..], &attribute(1, &[10, 9, 0, 1]), &attribute(2, &[10, 9, 0, 1])].concat(),
    );
    let replies = [
        [address, done(0, 0)].concat(),
        route(
            32,
            1,
            &[attribute(8, &attribute(2, &[0; 4])), attribute(9, &[0; 16]), attribute(18, &[0; 6]), out_of(3)],
        ),
        [route(24, 1, &[attribute(1, &[192, 0, 2, 0]), out_of(2)]), done(0, 0)].concat(),
        link(2, b"eth0", "", &[]),
    ];
    let mut random = Random::new(7);
    let (mut known, mut unknown) = (0, 0);
    for round in 0..3000 {
        let mut mutated = replies.clone();
        let place = random.below(mutated.len());
        random.mutate(&mut mutated[place]);
        let collect = || {
            let mut rtnl = vec![[link(3, b"wg0", "wireguard", &[7]), done(0, 0)].concat()];
            rtnl.extend(mutated.clone());
            let genl = vec![family(), [device(&[peer(1, 0, &[])]), done(0, 0)].concat()];
            let mut collector = collector(Script::replies(rtnl), Script::replies(genl));
            let mut snapshot = collector.collect(&Scope::default(), NOW).unwrap();
            collector.collect_environment(&mut snapshot, |_| false);
            snapshot
        };
        match catch_unwind(AssertUnwindSafe(collect)) {
            Ok(snapshot) if snapshot.problems.is_empty() => known += 1,
            Ok(_) => unknown += 1,
            Err(panic) => {
                println!("round {round}: {mutated:02x?}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    assert!(known > 300 && unknown > 300, "{known} known, {unknown} unknown");
}
