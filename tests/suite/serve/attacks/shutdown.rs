//! Stops the server in every phase of a connection.

use std::time::Duration;

use super::{WebFile, login, send_without_reading, stop};
use crate::serve::client::{Client, Server, get};

#[test]
fn shutdown_does_not_wait_for_idle_connections() {
    let server = Server::start(&[]);
    let _silent: Vec<Client> = (0..20).map(|_| server.client()).collect();
    let mut idle: Vec<Client> = (0..20).map(|_| server.client()).collect();
    for client in &mut idle {
        client.get("/metrics").unwrap();
    }
    stop(server);
    assert!(idle.iter_mut().all(Client::is_closed));
}

#[test]
fn shutdown_takes_at_most_five_seconds_in_every_phase_of_a_connection() {
    let web = WebFile::users(14, 4);
    let server = web.start();
    let right = login("bob", "secret");
    let _silent = server.client();
    let mut idle = server.client();
    assert_eq!(idle.request("/metrics", &[&right]).unwrap().status, 200);
    let mut half = server.client();
    half.send("GET /metrics HTTP/1.1\r\nHost: lo").unwrap();
    let mut half_of_second = server.client();
    half_of_second.send([get("/metrics", &[&right]), b"GET".to_vec()].concat()).unwrap();
    let (_client, _) = send_without_reading(&server, &get("/", &[&right]));
    // One login is being verified, and one waits for it.
    let mut pending: Vec<Client> = (0..2).map(|_| server.client()).collect();
    for client in &mut pending {
        client.send(get("/metrics", &[&login("alice", "other")])).unwrap();
    }
    // The server has accepted all of them.
    assert_eq!(idle.request("/health", &[&right]).unwrap().status, 200);
    let stopped = server.stop();
    assert_eq!(stopped.status.code(), Some(0), "{}", stopped.stderr);
    // Requests in progress have five seconds, and the machine may be busy.
    assert!(stopped.time < Duration::from_secs(6), "{:?}", stopped.time);
    assert!(!stopped.stderr.contains("panicked"), "{}", stopped.stderr);
    assert!(idle.is_closed());
}
