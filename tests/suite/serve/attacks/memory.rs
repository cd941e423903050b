//! Checks that memory stays flat under load.

use std::thread;

use super::{lock, send_without_reading, stop, under_attack};
use crate::serve::client::{Client, Server, get};

#[test]
fn clients_that_clients_cost_no_memory() {
    let _lock = lock();
    let server = Server::start(&[]);
    under_attack(&server, || {
        let before = server.memory();
        let head = b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec();
        let requests = [get("/", &[]), get("/api/schema", &[]), get("/metrics", &[]), head, get("/nowhere", &[])];
        let clients: Vec<(Client, usize)> = thread::scope(|scope| {
            let threads: Vec<_> = (0..20)
                .map(|n| {
                    scope.spawn({
                        let (server, requests) = (&server, &requests);
                        move || send_without_reading(server, &requests[n % 5])
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(
            clients.iter().all(|(_, sent)| *sent < 64 << 20),
            "the server continues to read although its responses are not read"
        );
        let memory = server.memory();
        assert!(memory < before + (4 << 20), "{} KiB before, {} KiB now", before / 1024, memory / 1024);
    });
    stop(server);
}

#[test]
fn memory_does_not_grow_with_scrapes() {
    let _lock = lock();
    let server = Server::start(&[]);
    under_attack(&server, || {
        let mut client = server.client();
        for number in 0..5000 {
            let gzip: &[&str] = if number % 2 == 0 { &["Accept-Encoding: gzip"] } else { &[] };
            // Prometheus keeps its connection; other clients open new ones.
            if number % 10 == 0 {
                client = server.client();
            }
            assert_eq!(client.request("/metrics", gzip).unwrap().status, 200);
        }
    });
    assert!(server.metric("wgstat_http_requests_total{code=\"200\"}") > 5000.0);
    stop(server);
}
