//! Tests userspace daemons that misbehave, with real sockets in a directory of their own and links of the real kernel.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use netlink_sys::protocols::{NETLINK_GENERIC, NETLINK_ROUTE};
use wgstat::collect::netlink::KernelSocket;
use wgstat::collect::{NamespaceCollector, Scope};
use wgstat::error::Error;
use wgstat::model::{Backend, Code, Network, Snapshot};

const NOW: u64 = 1_795_000_000;
const HONEST: &str = "private_key=4040404040404040404040404040404040404040404040404040404040404040\nlisten_port=51820\n\
    public_key=0101010101010101010101010101010101010101010101010101010101010101\n\
    preshared_key=0202020202020202020202020202020202020202020202020202020202020202\n\
    protocol_version=1\nendpoint=192.0.2.1:51820\nlast_handshake_time_sec=1794999990\nlast_handshake_time_nsec=1\n\
    tx_bytes=20\nrx_bytes=10\npersistent_keepalive_interval=25\nallowed_ip=10.0.0.2/32\nerrno=0\n\n";

fn collector(directory: &Path) -> NamespaceCollector {
    let open = |protocol| KernelSocket::open(protocol).unwrap();
    NamespaceCollector::with(open(NETLINK_ROUTE), open(NETLINK_GENERIC), directory)
}

fn collect(directory: &Path) -> Snapshot {
    collector(directory).collect(&Scope::default(), NOW).unwrap()
}

/// Listens under this name and answers each connection in this way, until the test ends.
fn daemon(directory: &Path, name: &str, answer: fn(UnixStream)) {
    let listener = UnixListener::bind(directory.join(format!("{name}.sock"))).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
}

/// Reads the whole request before it replies. Closing a connection with unread data would reset it.
fn say(mut stream: UnixStream, answer: &[u8]) {
    let mut request = [0; 7];
    stream.read_exact(&mut request).unwrap();
    assert_eq!(&request, b"get=1\n\n");
    let _ = stream.write_all(answer);
}

fn honest(stream: UnixStream) {
    say(stream, HONEST.as_bytes());
}

fn hang(stream: UnixStream) {
    std::thread::sleep(Duration::from_secs(60));
    drop(stream);
}

/// Replies slowly, without an end.
fn drip(mut stream: UnixStream) {
    for _ in 0..600 {
        if stream.write_all(b"x=1\n").is_err() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn flood(mut stream: UnixStream) {
    while stream.write_all(&b"rubbish=1\n".repeat(1000)).is_ok() {}
}

fn network<'a>(snapshot: &'a Snapshot, name: &str) -> &'a Network {
    snapshot.networks.iter().find(|network| network.interface == name.into()).unwrap()
}

#[test]
fn bad_daemons_become_problems_and_delay_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    daemon(path, "honest", honest);
    for name in ["hung1", "hung2", "hung3", "hung4"] {
        daemon(path, name, hang);
    }
    daemon(path, "drip", drip);
    daemon(path, "flood", flood);
    daemon(path, "web", |stream| say(stream, b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    daemon(path, "refuses", |stream| say(stream, b"errno=-22\n\n"));
    daemon(path, "mute", |stream| say(stream, b""));
    drop(UnixListener::bind(path.join("dead.sock")).unwrap());
    std::fs::write(path.join("file.sock"), "").unwrap();
    std::fs::write(path.join("notes.txt"), "").unwrap();

    let start = Instant::now();
    let snapshot = collect(path);
    // All of them share one timeout of 2 s. One after the other, they would take 12 s.
    assert!(start.elapsed() < Duration::from_secs(11), "{:?}", start.elapsed());

    assert_eq!(snapshot.networks.len(), 11, "a file that is not a socket is not a daemon");
    let honest = network(&snapshot, "honest");
    assert_eq!(honest.backend, Backend::Userspace);
    assert_eq!(honest.ifindex, None, "there is no link of this name");
    assert_eq!(honest.listen_port, Some(51820));
    // Oracle: `wg pubkey` of 32 bytes of 0x40.
    assert_eq!(honest.public_key.unwrap().to_string(), "17XoHTNuV4sTuNcG6C0GHjA4yWvOZs3PUNVmuW3buhA=");
    let peer = &honest.peers.as_ref().unwrap()[0];
    assert!(peer.has_preshared_key);
    assert_eq!((peer.rx_bytes, peer.tx_bytes, peer.last_handshake), (10, 20, Some(1_794_999_990)));

    let problems: Vec<(String, String)> = snapshot
        .problems
        .iter()
        .map(|problem| {
            assert_eq!(problem.code, Code::DaemonUnreachable);
            assert!(problem.hint.is_some());
            let cause = problem.message.rsplit_once(".sock").unwrap().1.trim_start_matches([':', ' ']).to_owned();
            (problem.interface.as_ref().unwrap().to_string(), cause)
        })
        .collect();
    let cause = |name: &str| problems.iter().find(|(of, _)| of == name).unwrap().1.as_str();
    for hung in ["hung1", "hung2", "hung3", "hung4", "drip"] {
        assert_eq!(cause(hung), "no complete reply within 2 s");
        assert_eq!(network(&snapshot, hung).peers, None);
    }
    assert_eq!(cause("web"), "malformed reply: a line has no =");
    assert_eq!(cause("refuses"), "the daemon replied with errno -22");
    assert_eq!(cause("mute"), "malformed reply: no blank line at its end");
    assert!(cause("flood").contains("longer than 64 MiB") || cause("flood").contains("within 2 s"));
    assert_eq!(cause("dead"), "is dead: connection refused");
    assert_eq!(network(&snapshot, "dead").backend, Backend::DeadDaemon);
    assert_eq!(problems.len(), 10, "{problems:#?}");
    assert_eq!(snapshot.networks.last().unwrap().ifindex, None);
}

#[test]
fn daemon_that_does_not_accept_is_not_waited_for() {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("full.sock");
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    rustix::net::bind(&socket, &SocketAddrUnix::new(&path).unwrap()).unwrap();
    rustix::net::listen(&socket, 0).unwrap();
    // With a full backlog, connect(2) would block.
    let _first = UnixStream::connect(&path).unwrap();
    let start = Instant::now();
    let snapshot = collect(directory.path());
    assert!(start.elapsed() < Duration::from_secs(11), "{:?}", start.elapsed());
    assert!(snapshot.problems[0].message.ends_with("no complete reply within 2 s"), "{:?}", snapshot.problems);
}

#[test]
fn many_peers_of_a_daemon_are_read_within_the_deadline() {
    let directory = tempfile::tempdir().unwrap();
    daemon(directory.path(), "large", |mut stream| {
        let mut text = String::from("listen_port=1\n");
        for number in 0..20_000 {
            use std::fmt::Write as _;
            let _ = write!(text, "public_key={number:064x}\nrx_bytes={number}\nallowed_ip=10.0.0.0/32\n");
        }
        text.push_str("errno=0\n\n");
        let _ = stream.write_all(text.as_bytes());
    });
    let snapshot = collect(directory.path());
    assert_eq!(snapshot.problems, []);
    let peers = network(&snapshot, "large").peers.as_ref().unwrap();
    assert_eq!((peers.len(), peers[19_999].rx_bytes), (20_000, 19_999));
}

#[test]
fn socket_of_one_name_is_found_by_that_name() {
    let directory = tempfile::tempdir().unwrap();
    daemon(directory.path(), "wg7", honest);
    daemon(directory.path(), "other", hang);
    let mut collector = collector(directory.path());
    let mut named = |name: &str| collector.collect(&Scope { interfaces: vec![name.into()], ..Scope::default() }, NOW);
    assert_eq!(named("wg7").unwrap().networks.len(), 1);
    match named("wg8").unwrap_err() {
        Error::InterfaceNotFound { have, .. } => assert!(have.contains(&"wg7".into()), "{have:?}"),
        other => panic!("{other}"),
    }
    for evil in ["../wg7", "", "a/../../wg7", &"x".repeat(200)] {
        assert!(matches!(named(evil), Err(Error::InterfaceNotFound { .. })), "{evil}");
    }
}

#[test]
fn name_of_a_socket_reaches_no_terminal_raw() {
    let directory = tempfile::tempdir().unwrap();
    drop(UnixListener::bind(directory.path().join("\u{1b}[2J\u{9b}x.sock")).unwrap());
    daemon(directory.path(), "\u{1b}]0;mute\u{7}", |stream| say(stream, b""));
    let snapshot = collect(directory.path());
    assert_eq!(snapshot.problems.len(), 2);
    for problem in &snapshot.problems {
        let shown = format!("{} {}", problem.interface.as_ref().unwrap(), problem.message);
        assert!(!shown.contains(char::is_control), "{shown:?}");
    }
}

#[test]
fn missing_directory_is_not_a_problem() {
    assert_eq!(collect(Path::new("/nonexistent/wireguard")).problems, []);
}

#[test]
fn without_peers_no_daemon_is_queried() {
    let directory = tempfile::tempdir().unwrap();
    daemon(directory.path(), "honest", honest);
    daemon(directory.path(), "hung", hang);
    drop(UnixListener::bind(directory.path().join("dead.sock")).unwrap());
    let scope = Scope { without_peers: true, ..Scope::default() };
    let start = Instant::now();
    let snapshot = collector(directory.path()).collect(&scope, NOW).unwrap();
    assert!(start.elapsed() < Duration::from_secs(2), "it does not wait");
    for name in ["honest", "hung"] {
        assert_eq!((network(&snapshot, name).peers.is_none(), network(&snapshot, name).listen_port), (true, None));
    }
    assert_eq!(network(&snapshot, "dead").backend, Backend::DeadDaemon);
    assert_eq!(snapshot.problems.len(), 1, "the dead one: {:?}", snapshot.problems);
}
