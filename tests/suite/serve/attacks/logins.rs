//! Sends wrong and abandoned credentials.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use super::{PATHS, RESPONSE_LIMIT, Target, WebFile, boxed, in_parallel, lock, login, stop};
use crate::serve::client::{Client, eventually, get, metric};

#[test]
fn wrong_and_huge_credentials_get_the_same_response() {
    let _lock = lock();
    let web = WebFile::users(4, 4);
    let server = web.start();
    let right = login("alice", "secret");
    let connect = || boxed(server.client());
    let huge = "x".repeat(5900);
    let wrong = [
        String::from("X: y"),
        login("alice", ""),
        login("alice", "other"),
        login("alice", "secret\0"),
        login("alice", "\0"),
        login("", ""),
        login("carol", "secret"),
        login("alice", &huge),
        login(&huge, "secret"),
        login("alice", &format!("secret{}", "x".repeat(100))),
        format!("Authorization: Basic {}", "!".repeat(7900)),
        format!("Authorization: Bearer {huge}"),
        String::from("Authorization: Basic"),
        String::from("Authorization: \u{ff}\u{fe}"),
    ];
    Target { server: &server, connect: &connect, fields: &[&right] }.under_attack(|| {
        let scrape = |client: &mut Client| {
            let text = client.request("/metrics", &[&right]).unwrap().text();
            metric(&text, "wgstat_http_refused_total{reason=\"credentials\"}")
        };
        let mut client = server.client();
        let before = scrape(&mut client);
        for field in &wrong {
            for path in PATHS {
                // The connection stays open for another attempt.
                let response = client.request(path, &[field]).unwrap();
                assert_eq!((response.status, response.code().as_str()), (401, "UNAUTHORIZED"), "{field}");
                let challenge = response.header("www-authenticate").unwrap();
                assert_eq!(challenge, "Basic realm=\"wgstat\", charset=\"UTF-8\"");
            }
        }
        assert_eq!(scrape(&mut client), before + (wrong.len() * PATHS.len()) as f64);
        assert_eq!(client.request("/health", &[&login("bob", "secret")]).unwrap().status, 200);
        let too_long = login("alice", &"x".repeat(7000));
        assert_eq!(client.request("/health", &[&too_long]).unwrap().status, 431);
    });
    assert!(!server.stderr().contains("secret"));
    stop(server);
}

#[test]
fn flood_of_wrong_logins_does_not_delay_known_users() {
    let _lock = lock();
    let web = WebFile::users(12, 12);
    let server = web.start();
    let right = login("alice", "secret");
    let connect = || boxed(server.client());
    Target { server: &server, connect: &connect, fields: &[&right] }.under_attack(|| {
        let results = Mutex::new(Vec::new());
        let mut clients: Vec<Client> = (0..40).map(|_| server.client()).collect();
        thread::scope(|scope| {
            for (number, client) in clients.iter_mut().enumerate() {
                let results = &results;
                scope.spawn(move || {
                    let name = ["alice", "bob", "carol"][number % 3];
                    let start = Instant::now();
                    let response = client.request("/metrics", &[&login(name, &number.to_string())]).unwrap();
                    results.lock().unwrap().push((response.status, start.elapsed()));
                });
            }
        });
        let results = results.into_inner().unwrap();
        let of = |expected| results.iter().filter(move |(status, _)| *status == expected).map(|(_, time)| *time);
        assert_eq!((of(401).count() + of(503).count(), results.len()), (40, 40), "{results:?}");
        assert!((8..=12).contains(&of(401).count()), "eight are pending at once: {results:?}");
        assert!(of(503).all(|time| time < RESPONSE_LIMIT), "{results:?}");
    });
    let mut client = server.client();
    let text = client.request("/metrics", &[&right]).unwrap().text();
    assert!(metric(&text, "wgstat_http_refused_total{reason=\"busy\"}") >= 28.0);
    stop(server);
}

#[test]
fn abandoned_logins_do_not_block_other_users() {
    let _lock = lock();
    let web = WebFile::users(10, 10);
    let server = web.start();
    let right = login("alice", "secret");
    let connect = || boxed(server.client());
    Target { server: &server, connect: &connect, fields: &[&right] }.under_attack(|| {
        in_parallel(2, 1000, |number| {
            let mut client = server.client();
            let _ = client.send(get("/metrics", &[&login("bob", &number.to_string())]));
            client.reset();
        });
        // At most eight verifications come first.
        let start = Instant::now();
        eventually("bob is accepted", || {
            let response = server.client().request("/health", &[&login("bob", "secret")]);
            response.is_ok_and(|response| response.status == 200).then_some(())
        });
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    });
    stop(server);
}
