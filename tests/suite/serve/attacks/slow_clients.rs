//! Opens connections that are idle, or send or read slowly.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use super::{WebFile, send_without_reading, stop, tls_client, under_attack};
use crate::serve::client::{Client, Server, eventually, get, is_gone, metric};

/// Waits until the server closes the connection. Returns the time since `start`.
fn wait_for_close(client: &mut Client, start: Instant) -> Duration {
    assert!(client.is_closed());
    start.elapsed()
}

/// Sends one byte per second until the server closes the connection. Returns the time since `start`.
fn send_slowly(client: &mut Client, bytes: &[u8], start: Instant) -> Duration {
    client.stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    for byte in bytes.iter().cycle() {
        let _ = client.send([*byte]);
        match client.response() {
            Err(error) if is_gone(&error) => break,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            other => panic!("{other:?}"),
        }
    }
    start.elapsed()
}

/// Tests all timeouts concurrently. It mostly waits, so it does not wait for other attacks.
#[test]
fn slow_clients_are_disconnected_in_time() {
    let (web, config) = WebFile::tls();
    let (server, encrypted) = (Server::start(&[]), web.start());
    let is_about = |time: Duration, expected: u64| {
        let expected = Duration::from_secs(expected);
        // The last byte may have been sent a second earlier.
        assert!((expected..expected + Duration::from_millis(1900)).contains(&time), "{time:?} instead of {expected:?}");
    };
    let used = |path: &str| {
        let mut client = server.client();
        client.get(path).unwrap();
        client
    };
    under_attack(&server, || {
        let start = Instant::now();
        thread::scope(|scope| {
            let clients = [
                scope.spawn(|| is_about(wait_for_close(&mut server.client(), start), 5)),
                scope
                    .spawn(|| is_about(send_slowly(&mut server.client(), b"GET /metrics HTTP/1.1\r\nHost:", start), 5)),
                scope.spawn(|| is_about(send_slowly(&mut server.client(), b"\r\n", start), 5)),
                scope.spawn(|| is_about(send_slowly(&mut server.client(), b"x", start), 5)),
                // Part of a second request, or an empty line, ends the idle phase.
                scope.spawn(|| is_about(send_slowly(&mut used("/health"), b"GET /metrics", start), 5)),
                scope.spawn(|| is_about(send_slowly(&mut used("/"), b"\r\n", start), 5)),
                scope.spawn(|| is_about(wait_for_close(&mut used("/metrics"), start), 30)),
                scope.spawn(|| is_about(wait_for_close(&mut used("/nowhere"), start), 30)),
                scope.spawn(|| is_about(wait_for_close(&mut encrypted.client(), start), 5)),
                scope.spawn(|| is_about(send_slowly(&mut encrypted.client(), &[22, 3, 1, 2, 0, 1, 0, 1], start), 5)),
                scope.spawn(|| {
                    let mut client = tls_client(&encrypted, &config);
                    client.get("/health").unwrap();
                    is_about(wait_for_close(&mut Client::over(client.stream.sock), start), 30);
                }),
            ];
            let _clients: Vec<_> = [get("/", &[]), get("/api/schema", &[]), get("/metrics", &[])]
                .map(|request| send_without_reading(&server, &request))
                .into();
            let (start, mut client) = (Instant::now(), server.client());
            let text = eventually("they are disconnected", || {
                Some(client.get("/metrics").unwrap().text())
                    .filter(|text| metric(text, "wgstat_http_refused_total{reason=\"write_timeout\"}") > 2.0)
            });
            assert!(start.elapsed() < Duration::from_secs(12), "{:?}", start.elapsed());
            assert_eq!(metric(&text, "wgstat_http_connections"), 4.0, "the scraper, two idle clients and this one");
            for thread in clients {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            }
        });
        assert_eq!(server.refused("header_timeout"), 6.0);
        assert_eq!(server.refused("idle_timeout"), 2.0);
        assert_eq!(server.refused("write_timeout"), 3.0);
    });
    let text = tls_client(&encrypted, &config).get("/metrics").unwrap().text();
    assert_eq!(metric(&text, "wgstat_http_refused_total{reason=\"header_timeout\"}"), 2.0);
    assert_eq!(metric(&text, "wgstat_http_refused_total{reason=\"idle_timeout\"}"), 1.0);
    stop(server);
    stop(encrypted);
}
