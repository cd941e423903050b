//! Sends bodies, oversized headers, random bytes and mutated requests.

use std::net::{Shutdown, SocketAddr};
use std::sync::Mutex;

use super::{PATHS, exchange, in_parallel, lock, stop, under_attack};
use crate::mutation::Random;
use crate::serve::client::{Server, get};

#[test]
fn body_is_refused_before_it_is_sent() {
    const ROUNDS: usize = 50;
    let _lock = lock();
    let server = Server::start(&[]);
    // hyper rejects 2^64 - 1 itself, as a header that is too large.
    let headers: [(&str, u16, &str); 6] = [
        ("Content-Length: 107374182400", 413, "BODY_REFUSED"),
        ("Content-Length: 1", 413, "BODY_REFUSED"),
        ("Transfer-Encoding: chunked", 413, "BODY_REFUSED"),
        ("Content-Length: 107374182400\r\nExpect: 100-continue", 413, "BODY_REFUSED"),
        ("Content-Length: 18446744073709551615", 431, "BAD_REQUEST"),
        ("Content-Length: 18446744073709551616", 400, "BAD_REQUEST"),
    ];
    // The clients stay connected and send nothing more.
    let waiting = under_attack(&server, || {
        let mut waiting = Vec::new();
        for round in 0..ROUNDS {
            for (header, status, code) in headers {
                let path = PATHS[round % PATHS.len()];
                let (responses, client) = exchange(server.address(), &get(path, &[header]));
                assert_eq!(responses.len(), 1, "{header}: {responses:?}");
                assert_eq!((responses[0].status, &*responses[0].code()), (status, code), "{header}");
                assert!(responses[0].is_last(), "{header}");
                waiting.push(client);
            }
        }
        // A body that is sent is not read, and the client gets the response.
        let body = [get("/metrics", &["Content-Length: 107374182400"]), vec![b'x'; 4 << 20]].concat();
        let (responses, _) = exchange(server.address(), &body);
        assert_eq!(responses[0].status, 413);
        waiting
    });
    assert_eq!(waiting.len(), ROUNDS * headers.len());
    assert_eq!(server.refused("body"), (4 * ROUNDS + 1) as f64);
    assert_eq!(server.refused("header"), (2 * ROUNDS) as f64);
    stop(server);
}

#[test]
fn header_is_limited_to_8_kib_and_100_fields() {
    let _lock = lock();
    let server = Server::start(&[]);
    let start = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n";
    let long = "x".repeat(1 << 20);
    let heads = [
        format!("GET /{long}"),
        format!("{long} / HTTP/1.1"),
        format!("{start}X: {long}"),
        format!("{start}{long}"),
        format!("{start}{}", "X: y\r\n".repeat(100_000)),
        format!("{start}{}\r\n", "X: y\r\n".repeat(100)),
        "\r\n".repeat(100_000),
        format!("GET / HTTP/1.1 {long}"),
    ];
    under_attack(&server, || {
        for head in &heads {
            let (responses, _) = exchange(server.address(), head.as_bytes());
            let shown = &head[..head.len().min(60)];
            assert_eq!(responses.len(), 1, "{shown:?}");
            assert!(matches!(responses[0].status, 400 | 431), "{shown:?}: {}", responses[0].status);
            assert_eq!(responses[0].code(), "BAD_REQUEST", "{shown:?}");
            assert!(responses[0].is_last());
        }
        // A header of the maximum size is accepted.
        let most = format!("{start}{}\r\n", "X: y\r\n".repeat(99));
        let mut client = server.client();
        client.send(&most).unwrap();
        assert_eq!(client.response().unwrap().status, 200);
        let most = format!("{start}X: {}\r\n\r\n", "y".repeat(8192 - start.len() - 8));
        client.send(&most).unwrap();
        assert_eq!(client.response().unwrap().status, 200);
    });
    assert_eq!(server.refused("header"), heads.len() as f64);
    stop(server);
}

/// Sends arbitrary bytes and then a valid request. Checks that the responses are valid and that none follows the one with
/// `Connection: close`. Returns the first status.
fn check_responses(address: SocketAddr, bytes: &[u8]) -> u16 {
    let last = "\r\n\r\nGET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let (responses, _) = exchange(address, &[bytes, last.as_bytes()].concat());
    let shown = String::from_utf8_lossy(bytes);
    assert!(!responses.is_empty(), "no response to {shown:?}");
    for (index, response) in responses.iter().enumerate() {
        assert_eq!(response.is_last(), index + 1 == responses.len(), "{index} of {} to {shown:?}", responses.len());
        if response.status >= 400 {
            assert!(!response.code().is_empty(), "{shown:?}");
        }
        assert!([200, 400, 403, 404, 405, 413, 414, 431].contains(&response.status), "{}: {shown:?}", response.status);
    }
    responses[0].status
}

#[test]
fn ten_thousand_random_requests_are_answered() {
    let _lock = lock();
    let server = Server::start(&[]);
    let refused = Mutex::new(0);
    under_attack(&server, || {
        in_parallel(4, 10_000, |number| {
            let mut random = Random::new(u64::try_from(number).unwrap() + 1);
            let length = random.below(200);
            let mut bytes: Vec<u8> = (0..length).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
            // Some start like a request, so that they get past the first checks.
            match random.below(4) {
                0 => drop(bytes.splice(..0, *b"GET /")),
                1 => drop(bytes.splice(..0, *b"GET / HTTP/1.1\r\nHost: localhost\r\n")),
                2 => drop(bytes.splice(..0, *b"GET /api/networks/x HTTP/1.1\r\nHost:")),
                _ => {}
            }
            if check_responses(server.address(), &bytes) == 400 {
                *refused.lock().unwrap() += 1;
            }
        });
    });
    let refused = refused.into_inner().unwrap();
    assert!(refused > 5000, "{refused}");
    assert!(server.refused("header") > 5000.0);
    stop(server);
}

#[test]
fn ten_thousand_mutated_requests_are_answered() {
    let _lock = lock();
    let server = Server::start(&[]);
    let statuses = Mutex::new(std::collections::BTreeMap::<u16, u32>::new());
    let originals = [
        get("/metrics", &["User-Agent: Prometheus/3.0", "Accept: text/plain;version=0.0.4;q=0.5,*/*;q=0.1"]),
        get("/api/networks/wg%30?netns=%2Frun&x", &["Accept-Encoding: gzip, deflate;q=0.3, *;q=0"]),
        get("/api/history?interface=wg0", &["Authorization: Basic YTpi", "Connection: keep-alive"]),
        b"POST http://localhost/ HTTP/1.1\r\nHost: localhost:1\r\nContent-Length: 3\r\n\r\nabc".to_vec(),
        b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
        b"OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n".to_vec(),
    ];
    under_attack(&server, || {
        in_parallel(4, 10_000, |number| {
            let mut random = Random::new(u64::try_from(number).unwrap() + 1);
            let mut bytes = originals[random.below(originals.len())].clone();
            random.mutate(&mut bytes);
            let status = check_responses(server.address(), &bytes);
            *statuses.lock().unwrap().entry(status).or_default() += 1;
        });
    });
    // The mutations must reach every kind of response.
    let statuses = statuses.into_inner().unwrap();
    for status in [200, 400, 403, 404, 405, 413] {
        assert!(statuses.get(&status).is_some_and(|count| *count > 20), "{statuses:?}");
    }
    stop(server);
}

#[test]
fn unusual_requests_get_exactly_one_response() {
    let _lock = lock();
    let server = Server::start(&[]);
    let host = "Host: localhost\r\n\r\n";
    let requests: Vec<(String, u16, &str)> = vec![
        // Requests in the form for a proxy, and hosts.
        (format!("GET http://localhost/health HTTP/1.1\r\n{host}"), 200, ""),
        (format!("GET http://evil.example/health HTTP/1.1\r\n{host}"), 403, "host"),
        ("GET http://localhost/health HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(), 403, "host"),
        ("GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(), 403, "host"),
        ("GET /health HTTP/1.1\r\n\r\n".to_owned(), 400, "host"),
        (format!("GET /health HTTP/1.1\r\nHost: localhost\r\n{host}"), 400, "host"),
        (format!("CONNECT localhost:22 HTTP/1.1\r\n{host}"), 405, "method"),
        (format!("OPTIONS * HTTP/1.1\r\n{host}"), 405, "method"),
        (format!("GET * HTTP/1.1\r\n{host}"), 404, ""),
        // Path traversal and invalid encoding.
        (format!("GET /../../etc/passwd HTTP/1.1\r\n{host}"), 404, ""),
        (format!("GET /api/networks/../../../etc/passwd HTTP/1.1\r\n{host}"), 404, ""),
        (format!("GET /api/networks/%2e%2e%2f%2e%2e%2fetc%2fpasswd HTTP/1.1\r\n{host}"), 404, ""),
        (format!("GET /api/networks/%00 HTTP/1.1\r\n{host}"), 404, ""),
        (format!("GET /api/networks/%1b%5b31m%0d%0aX:%20y HTTP/1.1\r\n{host}"), 404, ""),
        (format!("GET /api/networks/%ff%fe HTTP/1.1\r\n{host}"), 404, ""),
        (format!("GET /api/networks/% HTTP/1.1\r\n{host}"), 404, ""),
        (format!("GET /api/history?interface=%00&netns=../../x HTTP/1.1\r\n{host}"), 404, ""),
        (format!("GET /metrics/ HTTP/1.1\r\n{host}"), 404, ""),
        (format!("GET //metrics HTTP/1.1\r\n{host}"), 404, ""),
        // Other versions, and invalid syntax.
        ("GET /health HTTP/1.0\r\n\r\n".to_owned(), 200, ""),
        ("GET /health\r\n\r\n".to_owned(), 400, "header"),
        ("GET /health\r\n".to_owned(), 400, "header"),
        (format!("GET /health HTTP/2.0\r\n{host}"), 400, "header"),
        (format!("GET /health HTTP/1.2\r\n{host}"), 400, "header"),
        (format!("GET /\0 HTTP/1.1\r\n{host}"), 400, "header"),
        (format!("GET / HTTP/1.1\r\nX\0: y\r\n{host}"), 400, "header"),
        (format!("GET / HTTP/1.1\r\nX: y\r\n folded\r\n{host}"), 400, "header"),
        (format!("GET / HTTP/1.1\r\nX : y\r\n{host}"), 400, "header"),
        (format!("GET / HTTP/1.1\r\nContent-Length: -1\r\n{host}"), 400, "header"),
        (format!("GET / HTTP/1.1\r\nContent-Length: +1\r\n{host}"), 400, "header"),
        (format!("GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n{host}"), 400, "header"),
        (format!("GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n{host}"), 400, "header"),
        (format!("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n{host}"), 413, "body"),
        (format!("GET / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 0\r\n{host}"), 200, ""),
        ("\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03\r\n\r\n".to_owned(), 400, "header"),
        ("SSH-2.0-OpenSSH_9.9\r\n\r\n".to_owned(), 400, "header"),
    ];
    under_attack(&server, || {
        for (request, status, reason) in &requests {
            let before = (!reason.is_empty()).then(|| server.refused(reason));
            let mut client = server.client();
            client.send(request).unwrap();
            let response = client.response().unwrap_or_else(|error| panic!("{error}: {request:?}"));
            assert_eq!(response.status, *status, "{request:?}: {}", response.text());
            if *status >= 400 {
                assert!(!response.code().is_empty());
                assert!(!response.text().contains("root:"));
                assert!(!response.text().trim_end().contains(char::is_control), "{request:?}: {:?}", response.text());
            }
            if let Some(before) = before {
                assert_eq!(server.refused(reason), before + 1.0, "{request:?}");
            }
            // There is no second response.
            let _ = client.stream.shutdown(Shutdown::Write);
            assert!(client.is_closed(), "{request:?}");
        }
        // An HTTP/2 client is disconnected without a response: it would not understand one.
        let before = server.refused("header");
        for _ in 0..100 {
            let (responses, _) = exchange(server.address(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
            assert!(responses.is_empty());
        }
        assert_eq!(server.refused("header"), before + 100.0);
    });
    stop(server);
}
