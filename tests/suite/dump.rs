//! Tests the rules of a netlink dump, with made-up replies. `tests/kernel` tests those that a real kernel produces on demand.

use wgstat::collect::Scope;
use wgstat::collect::netlink::{self, Netlink};
use wgstat::error::Error;
use wgstat::model::{Code, Counter, Snapshot};

use crate::common::wire::{
    ACK_TLVS, DATA, DONE, DUMP_INTR, MULTI, PORT, Script, Step, attribute, collector, continued, device, done, error,
    family, key, link, message, peer,
};

const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const EINTR: i32 = 4;
const ENODEV: i32 = 19;
const ENOBUFS: i32 = 105;
const NOW: u64 = 1_795_000_000;

/// The payloads of a dump, and how many requests and sockets it took.
fn dump(steps: Vec<Step>) -> (Result<Vec<Vec<u8>>, netlink::Error>, u32, u32) {
    let script = Script::new(steps);
    let (requests, reopened) = (script.requests.clone(), script.reopened.clone());
    let result = Netlink::new(script).dump(&mut [0; 16], |all: &mut Vec<Vec<u8>>, payload| {
        all.push(payload.to_vec());
        Ok(())
    });
    (result, requests.get(), reopened.get())
}

fn data(text: &[u8]) -> Vec<u8> {
    message(DATA, MULTI, text)
}

fn reply(messages: &[Vec<u8>]) -> Step {
    Step::Reply(messages.concat())
}

fn collect(rtnl: Vec<Vec<u8>>, genl: Vec<Vec<u8>>) -> Snapshot {
    collector(Script::replies(rtnl), Script::replies(genl)).collect(&Scope::default(), NOW).unwrap()
}

// Rule 1: a datagram larger than the buffer.
#[test]
fn datagram_larger_than_the_buffer_is_requested_again() {
    let payload = vec![b'x'; 100_000];
    let large = message(DATA, MULTI, &payload);
    let whole = [large.clone(), done(0, 0)].concat();
    let (result, requests, _) = dump(vec![Step::Reply(whole.clone()), Step::Reply(whole)]);
    assert_eq!(result.unwrap(), [payload]);
    assert_eq!(requests, 2);
}

#[test]
fn one_interface_is_requested_by_name_and_nothing_is_dumped() {
    const NLM_F_DUMP: u16 = 0x300;
    let rtnl = Script::replies([link(3, b"wg0", "wireguard", &[7])]);
    let (requests, flags) = (rtnl.requests.clone(), rtnl.flags.clone());
    let genl = Script::replies([family(), [device(&[]), done(0, 0)].concat()]);
    let scope = Scope { interfaces: vec!["wg0".into()], ..Scope::default() };
    let snapshot = collector(rtnl, genl).collect(&scope, NOW).unwrap();
    assert_eq!(snapshot.networks[0].interface, "wg0".into());
    assert_eq!((requests.get(), flags.get() & NLM_F_DUMP), (1, 0));
}

// Rule 3: a kernel without the module ignores the filter.
#[test]
fn links_of_other_kinds_are_no_networks() {
    let links = [link(1, b"lo", "", &[]), link(2, b"br0", "bridge", &[9]), link(3, b"wg0", "wireguard", &[7])];
    let snapshot = collect(vec![links.concat(), done(0, 0)], vec![family(), [device(&[]), done(0, 0)].concat()]);
    assert_eq!(snapshot.networks.len(), 1);
    assert_eq!(snapshot.networks[0].stats.get(Counter::RxPackets), Some(7));
    let snapshot = collect(vec![links[..2].concat(), done(0, 0)], vec![]);
    assert!(snapshot.networks.is_empty() && snapshot.hints[0].contains("modprobe wireguard"), "{:?}", snapshot.hints);
}

// Rule 4: the end mark carries an errno, and errors carry text.
#[test]
fn errno_in_the_end_mark_is_a_failure() {
    let (result, ..) = dump(vec![reply(&[data(b"half"), done(EPERM, 0)])]);
    assert_eq!(result.unwrap_err().to_string(), "operation not permitted");
    let text = attribute(1, b"no such thing\0");
    let payload = [&(-ENODEV).to_ne_bytes()[..], &text].concat();
    let (result, ..) = dump(vec![reply(&[message(DONE, MULTI | ACK_TLVS, &payload)])]);
    assert_eq!(result.unwrap_err().to_string(), "no such device (no such thing)");
}

#[test]
fn extended_ack_is_shown() {
    for capped in [true, false] {
        let (result, ..) = dump(vec![reply(&[error(ENODEV, "Unknown \u{1b}[1mdevice", capped)])]);
        assert_eq!(result.unwrap_err().to_string(), "no such device (Unknown \\x1b[1mdevice)");
    }
}

// Rule 5: an interrupted dump.
#[test]
fn interrupted_dump_is_discarded_and_retried() {
    let interrupted = message(DATA, MULTI | DUMP_INTR, b"torn");
    let (result, requests, reopened) =
        dump(vec![reply(&[interrupted, done(0, 0)]), reply(&[data(b"whol"), done(0, 0)])]);
    assert_eq!(result.unwrap(), [b"whol"]);
    assert_eq!((requests, reopened), (2, 1));
    // Only the end mark may have the flag.
    let (result, requests, _) =
        dump(vec![reply(&[data(b"torn"), done(0, DUMP_INTR)]), reply(&[data(b"whol"), done(0, 0)])]);
    assert_eq!((result.unwrap(), requests), (vec![b"whol".to_vec()], 2));
}

#[test]
fn dump_that_is_always_interrupted_becomes_a_problem_of_its_device() {
    let torn = [device(&[peer(1, 0, &[])]), done(0, DUMP_INTR)].concat();
    let links = [link(3, b"wg0", "wireguard", &[7]), link(4, b"wg1", "wireguard", &[8]), done(0, 0)].concat();
    let mut genl = vec![family()];
    genl.extend(std::iter::repeat_n(torn, 10));
    genl.push([device(&[peer(2, 0, &[])]), done(0, 0)].concat());
    let snapshot = collect(vec![links], genl);
    assert_eq!(snapshot.networks[0].peers, None);
    assert_eq!(snapshot.networks[0].stats.get(Counter::RxPackets), Some(7));
    assert_eq!(snapshot.networks[1].peers.as_ref().unwrap().len(), 1, "the other device is not affected");
    assert_eq!(snapshot.problems.len(), 1);
    assert_eq!(snapshot.problems[0].code, Code::DumpInterrupted);
    assert_eq!(snapshot.problems[0].interface, Some("wg0".into()));
}

#[test]
fn link_list_that_is_always_interrupted_is_an_error() {
    let torn = [link(3, b"wg0", "wireguard", &[]), done(0, DUMP_INTR)].concat();
    let mut collector = collector(Script::replies(std::iter::repeat_n(torn, 10)), Script::new([]));
    let error = collector.collect(&Scope::default(), NOW).unwrap_err();
    assert_eq!(error.code(), Code::DumpInterrupted);
    assert_eq!(error.to_string(), "links: cannot read: interrupted by changes 10 times in a row");
}

// Rule 7: the addressee of a reply, lengths, the number of the family.
#[test]
fn replies_to_others_and_to_earlier_requests_are_passed_over() {
    // The first request has number 1. Raw messages stay unchanged.
    let addressed = |text: &[u8], sequence: u8, port: u32| {
        let mut datagram = [data(text), done(0, 0)].concat();
        for start in [0, 20] {
            datagram[start + 8] = sequence;
            datagram[start + 12..start + 16].copy_from_slice(&port.to_ne_bytes());
        }
        Step::Raw(datagram)
    };
    let mine = reply(&[data(b"mine"), done(0, 0)]);
    let (result, requests, _) = dump(vec![addressed(b"old!", 0, PORT), addressed(b"port", 1, PORT + 1), mine]);
    assert_eq!((result.unwrap(), requests), (vec![b"mine".to_vec()], 1));
}

#[test]
fn messages_are_stepped_by_aligned_lengths() {
    let odd = message(DATA, MULTI, b"12345");
    assert_eq!(odd.len(), 24);
    let (result, ..) = dump(vec![reply(&[odd, data(b"next"), done(0, 0)])]);
    assert_eq!(result.unwrap(), [b"12345".to_vec(), b"next".to_vec()]);
}

#[test]
fn impossible_length_is_rejected() {
    for length in [0_u32, 15, 21, u32::MAX] {
        let mut bad = data(b"good");
        bad[..4].copy_from_slice(&length.to_ne_bytes());
        let (result, ..) = dump(vec![Step::Reply(bad)]);
        let error = result.unwrap_err();
        // It is too short for its own header, so it has no addressee.
        assert!(matches!(error, netlink::Error::Malformed(_)), "{length}: {error}");
    }
    let overlong = link(3, b"wg0", "wireguard", &[]);
    let mut broken = overlong.clone();
    broken[32] = 0xff;
    broken[33] = 0xff;
    let mut collector = collector(Script::replies([[broken, done(0, 0)].concat()]), Script::new([]));
    let error = collector.collect(&Scope::default(), NOW).unwrap_err();
    assert!(error.to_string().contains("longer than its message"), "{error}");
}

#[test]
fn family_is_resolved_once_and_again_after_it_vanished() {
    let links = || [link(3, b"wg0", "wireguard", &[]), link(4, b"wg1", "wireguard", &[]), done(0, 0)].concat();
    let whole = || [device(&[peer(1, 0, &[])]), done(0, 0)].concat();
    // wg0: resolve, read. wg1: read, because the number is known. Then the module is reloaded: wg0 fails, resolve, read.
    let genl = Script::replies([family(), whole(), whole(), error(ENOENT, "", true), family(), whole(), whole()]);
    let requests = genl.requests.clone();
    let mut collector = collector(Script::replies([links(), links()]), genl);
    for expected in [3, 7] {
        let snapshot = collector.collect(&Scope::default(), NOW).unwrap();
        assert_eq!(snapshot.problems, []);
        assert_eq!(requests.get(), expected);
    }
}

#[test]
fn device_that_vanishes_between_two_requests_is_not_shown() {
    let links = [link(3, b"wg0", "wireguard", &[]), done(0, 0)].concat();
    let snapshot = collect(vec![links], vec![family(), error(ENODEV, "", true)]);
    assert_eq!((snapshot.networks.len(), snapshot.problems.len()), (0, 0));
}

#[test]
fn named_device_that_vanishes_is_not_found() {
    let rtnl = Script::replies([link(3, b"wg0", "wireguard", &[]), done(0, 0)]);
    let genl = Script::replies([family(), error(ENODEV, "", true)]);
    let scope = Scope { interfaces: vec!["wg0".into()], ..Scope::default() };
    let error = collector(rtnl, genl).collect(&scope, NOW).unwrap_err();
    assert_eq!(error.code(), Code::InterfaceNotFound);
}

#[test]
fn silence_is_an_error_and_not_the_end_of_a_list() {
    let (result, ..) = dump(vec![Step::Reply(data(b"half"))]);
    assert!(matches!(result.unwrap_err(), netlink::Error::Timeout));
}

#[test]
fn signal_does_not_end_a_dump() {
    let (result, requests, _) =
        dump(vec![Step::Fails(EINTR), Step::Reply(data(b"one ")), Step::Fails(EINTR), Step::Reply(done(0, 0))]);
    assert_eq!((result.unwrap().len(), requests), (1, 1));
}

// Rule 8: split peers.
#[test]
fn split_peer_is_joined() {
    let snapshot = collect(
        vec![[link(3, b"wg0", "wireguard", &[]), done(0, 0)].concat()],
        vec![
            family(),
            device(&[peer(1, 50, &[([10, 0, 0, 1], 32)]), peer(2, 60, &[([10, 0, 0, 2], 32)])]),
            device(&[continued(2, &[([10, 0, 0, 3], 32)])]),
            device(&[continued(2, &[([10, 0, 0, 4], 32)]), peer(3, 70, &[])]),
            done(0, 0),
        ],
    );
    let peers = snapshot.networks[0].peers.as_ref().unwrap();
    assert_eq!(peers.len(), 3);
    assert_eq!(peers[1].public_key.0, key(2));
    assert_eq!((peers[1].rx_bytes, peers[1].last_handshake), (2000, Some(60)), "its counters stay");
    let ips: Vec<String> = peers[1].allowed_ips.iter().map(ToString::to_string).collect();
    assert_eq!(ips, ["10.0.0.2/32", "10.0.0.3/32", "10.0.0.4/32"]);
}

#[test]
fn only_the_first_peer_of_a_message_can_continue_another() {
    // The same key twice within one message is not a continuation, whatever it is.
    let snapshot = collect(
        vec![[link(3, b"wg0", "wireguard", &[]), done(0, 0)].concat()],
        vec![family(), device(&[peer(1, 0, &[]), continued(1, &[([10, 0, 0, 9], 32)])]), done(0, 0)],
    );
    assert_eq!(snapshot.networks[0].peers.as_ref().unwrap().len(), 2);
}

// Rule 9: overruns.
#[test]
fn overrun_starts_the_dump_again() {
    const OVERRUN: u16 = 4;
    for overrun in [Step::Fails(ENOBUFS), reply(&[message(OVERRUN, 0, &[])])] {
        let (result, requests, reopened) =
            dump(vec![Step::Reply(data(b"lost")), overrun, reply(&[data(b"whol"), done(0, 0)])]);
        assert_eq!(result.unwrap(), [b"whol"]);
        assert_eq!((requests, reopened), (2, 1), "a new socket: on the old one the kernel still dumps");
    }
}

#[test]
fn counters_near_their_limit_are_exact() {
    let counters = [u64::MAX; 25];
    let snapshot = collect(
        vec![[link(3, b"wg0", "wireguard", &counters), done(0, 0)].concat()],
        vec![family(), [device(&[]), done(0, 0)].concat()],
    );
    assert_eq!(snapshot.networks[0].stats.get(Counter::RxOtherhostDropped), Some(u64::MAX));
}

#[test]
fn handshake_times_before_1970_are_never() {
    let snapshot = collect(
        vec![[link(3, b"wg0", "wireguard", &[]), done(0, 0)].concat()],
        vec![family(), [device(&[peer(1, 0, &[]), peer(2, -5, &[]), peer(3, i64::MAX, &[])]), done(0, 0)].concat()],
    );
    let times: Vec<Option<u64>> = snapshot.networks[0].peers.iter().flatten().map(|peer| peer.last_handshake).collect();
    assert_eq!(times, [None, None, Some(i64::MAX.unsigned_abs())]);
}

#[test]
fn error_of_the_link_list_is_named() {
    let mut collector = collector(Script::replies([error(EPERM, "", true)]), Script::new([]));
    match collector.collect(&Scope::default(), NOW).unwrap_err() {
        Error::Collect { code, cause, .. } => {
            assert_eq!((code, cause.as_str()), (Code::PermissionDenied, "cannot read: operation not permitted"));
        }
        other => panic!("{other}"),
    }
}
