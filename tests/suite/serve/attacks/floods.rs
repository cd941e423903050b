//! Sends many valid requests at once.

use std::io::Write as _;
use std::thread;

use super::{CONNECTIONS, exchange, lock, raise_descriptor_limit, stop, under_attack};
use crate::serve::client::{Client, Server, get, is_gone};

#[test]
fn pipelined_requests_are_answered_in_order() {
    let _lock = lock();
    let server = Server::start(&[]);
    under_attack(&server, || {
        let one = [get("/nowhere/1", &[]), get("/health", &[]), get("/", &[]), get("/metrics", &[])].concat();
        let mut client = server.client();
        let mut writer = client.stream.try_clone().unwrap();
        thread::scope(|scope| {
            scope.spawn(move || {
                for _ in 0..300 {
                    writer.write_all(&one).unwrap();
                }
            });
            for round in 0..300 {
                let types = ["application/json", "application/json", "text/html", "text/plain"];
                for (status, kind) in [404, 200, 200, 200].into_iter().zip(types) {
                    let response = client.response().unwrap();
                    assert_eq!(response.status, status, "{round}");
                    assert!(response.header("content-type").unwrap().starts_with(kind), "{round}");
                }
            }
        });
        // An invalid request gets one response, and it is the last.
        let bytes = [get("/", &[]), get("/metrics", &[]), b"nonsense\r\n\r\n".to_vec(), get("/", &[])].concat();
        let (responses, _) = exchange(server.address(), &bytes);
        let statuses: Vec<u16> = responses.iter().map(|response| response.status).collect();
        assert_eq!(statuses, [200, 200, 400]);
        assert_eq!(responses[2].code(), "BAD_REQUEST");
    });
    assert_eq!(server.refused("header"), 1.0);
    stop(server);
}

#[test]
fn thousand_concurrent_scrapes_are_answered_or_rejected() {
    let _lock = lock();
    raise_descriptor_limit();
    let server = Server::start(&[]);
    let (answered, rejected, closed) = under_attack(&server, || {
        let mut clients: Vec<Client> = (0..1000)
            .map(|_| {
                let mut client = server.client();
                let _ = client.send(get("/metrics", &[]));
                client
            })
            .collect();
        let (mut answered, mut rejected, mut closed) = (0, 0, 0);
        for client in &mut clients {
            match client.response() {
                Ok(response) if response.status == 200 => answered += 1,
                Ok(response) => {
                    assert_eq!((response.status, response.code().as_str()), (503, "BUSY"));
                    rejected += 1;
                }
                Err(error) if is_gone(&error) => closed += 1,
                Err(error) => panic!("{error}"),
            }
        }
        (answered, rejected, closed)
    });
    // Every client keeps its connection, so no other one gets it.
    assert_eq!(answered, CONNECTIONS - 1, "{rejected} rejected, {closed} closed");
    assert_eq!(answered + rejected + closed, 1000);
    assert!(rejected >= 64, "{rejected} rejected, {closed} closed");
    stop(server);
}
