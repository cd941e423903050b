//! Opens more connections than the server or its descriptors allow.

use std::io;
use std::time::Instant;

use super::{CONNECTIONS, PATHS, RESPONSE_LIMIT, in_parallel, lock, raise_descriptor_limit, stop, under_attack};
use crate::serve::client::{Client, Server, eventually, get, is_gone, metric};

#[test]
fn twenty_thousand_reset_connections_leak_nothing() {
    let _lock = lock();
    let server = Server::start(&[]);
    under_attack(&server, || {
        in_parallel(4, 20_000, |number| {
            let mut client = server.client();
            // Each request is different, so that none shares the reply of another.
            let path = match number % 3 {
                0 => PATHS[number / 3 % PATHS.len()].to_owned(),
                _ => format!("/api/networks/{number}{}", "x".repeat(1000)),
            };
            let _ = client.send(get(&path, &[]));
            client.reset();
        });
    });
    stop(server);
}

#[test]
fn lack_of_descriptors_does_not_affect_open_connections() {
    let _lock = lock();
    let server = Server::start(&[]);
    let limit_descriptors = |more: usize| {
        let pid = rustix::process::Pid::from_raw(server.pid().as_raw());
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        let current = u64::try_from(server.descriptors() + more).unwrap();
        let limit = rustix::process::Rlimit { current: Some(current), ..limit };
        rustix::process::prlimit(pid, rustix::process::Resource::Nofile, limit).unwrap();
    };
    under_attack(&server, || {
        let refused = server.refused("descriptors");
        let mut client = server.client();
        assert_eq!(client.get("/health").unwrap().status, 200);
        limit_descriptors(5);
        let mut idle: Vec<Client> = (0..30).map(|_| server.client()).collect();
        let count = |client: &mut Client| {
            let text = client.get("/metrics").unwrap().text();
            metric(&text, "wgstat_http_refused_total{reason=\"descriptors\"}")
        };
        // The server retries with a pause, and not in a busy loop.
        let before = eventually("the server runs out of descriptors", || {
            Some(count(&mut client)).filter(|now| *now > refused + 3.0)
        });
        let start = Instant::now();
        for path in PATHS {
            let status = client.get(path).unwrap().status;
            assert_eq!(status, if path.ends_with("nowhere") || path.ends_with("wg0") { 404 } else { 200 }, "{path}");
        }
        let retries = count(&mut client) - before;
        assert!(retries <= start.elapsed().as_secs_f64() * 10.0 + 1.0, "{retries} in {:?}", start.elapsed());
        // A closed connection makes room for the next one.
        drop(idle.remove(0));
        drop(idle);
        assert_eq!(server.get("/metrics").status, 200, "with the same limit");
    });
    stop(server);
}

/// Returns whether a rejected client got a response; `None` if the client is not rejected.
fn rejection(client: &mut Client) -> Option<bool> {
    client.stream.set_nonblocking(true).unwrap();
    let response = client.response();
    client.stream.set_nonblocking(false).unwrap();
    match response {
        Ok(response) => {
            assert_eq!((response.status, response.code().as_str()), (503, "BUSY"));
            assert_eq!(response.header("retry-after"), Some("1"));
            Some(true)
        }
        Err(error) if is_gone(&error) => Some(false),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn connections_beyond_the_limit_are_rejected() {
    let _lock = lock();
    raise_descriptor_limit();
    let server = Server::start(&[]);
    under_attack(&server, || {
        let mut idle: Vec<Client> = (0..900).map(|_| server.client()).collect();
        // The scraper uses one connection.
        let expected = 900 - (CONNECTIONS - 1);
        let (mut rejected, mut closed) = (0, 0);
        eventually("all other clients are rejected", || {
            idle.retain_mut(|client| match rejection(client) {
                Some(true) => {
                    rejected += 1;
                    false
                }
                Some(false) => {
                    closed += 1;
                    false
                }
                None => true,
            });
            (rejected + closed >= expected).then_some(())
        });
        assert_eq!((rejected + closed, idle.len()), (expected, CONNECTIONS - 1));
        assert!(rejected >= 64, "{rejected} got a response");
        // A new client is rejected at once, even if it sends a request.
        for path in PATHS {
            let start = Instant::now();
            let mut client = server.client();
            let response = client.get(path).unwrap();
            assert_eq!((response.status, response.is_last()), (503, true));
            assert!(client.is_closed());
            assert!(start.elapsed() < RESPONSE_LIMIT, "{:?}", start.elapsed());
        }
        // A closed connection makes room for one client.
        drop(idle.pop());
        let mut client = eventually("a connection is accepted", || {
            let mut client = server.client();
            (client.get("/health").is_ok_and(|response| response.status == 200)).then_some(client)
        });
        assert_eq!(server.get("/health").status, 503);
        assert_eq!(client.get("/metrics").unwrap().status, 200);
    });
    assert!(server.refused("connections") >= 838.0);
    assert_eq!(server.metric("wgstat_http_connections"), 1.0);
    stop(server);
}
