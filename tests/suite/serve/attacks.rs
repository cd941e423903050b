//! Clients that mean harm, and one beside them that does not: whatever the others do, it gets every answer within a second,
//! and when they are gone all is as it was before they came.
//!
//! No attack comes twice in the suite, so each is one test, and they wait for each other: a second is little on a machine
//! that is busy with another attack.
#![expect(clippy::float_cmp, reason = "what is counted is a whole number")]

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustix::net::sockopt::set_socket_recv_buffer_size;
use tempfile::TempDir;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::client::{Client, Response, Server, eventually, get, is_gone};
use crate::mutation::Random;

/// An answer is there within this time, whatever goes on.
const SOON: Duration = Duration::from_secs(1);
/// What memory may have grown by when an attack is over.
const LEFT: u64 = 2 * 1024 * 1024;
/// Connections that a server takes.
const CONNECTIONS: usize = 64;
const PATHS: [&str; 8] =
    ["/", "/metrics", "/health", "/api/status", "/api/history", "/api/schema", "/api/networks/wg0", "/nowhere"];

/// Only one attack at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    // Whoever failed before has nothing to do with the next.
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a client says and hears through.
trait Line: Read + Write + Send {}
impl<T: Read + Write + Send> Line for T {}

type Connect<'a> = &'a (dyn Fn() -> Client<Box<dyn Line>> + Sync);

/// A server, and how a client that means no harm speaks to it.
struct Trial<'a> {
    server: &'a Server,
    connect: Connect<'a>,
    fields: &'a [&'a str],
}

/// What of a process an attack must not change.
struct State {
    memory: u64,
    threads: u64,
    descriptors: usize,
}

impl State {
    fn of(server: &Server) -> Self {
        Self { memory: server.memory(), threads: server.threads(), descriptors: server.descriptors() }
    }
}

impl Trial<'_> {
    /// Every path, with and without gzip, on nearly as many connections as there may be: what memory ordinary use takes.
    fn warm_up(&self) {
        let mut clients: Vec<_> = (0..CONNECTIONS - 8).map(|_| (self.connect)()).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            let mut fields = self.fields.to_vec();
            fields.extend((number % 2 == 0).then_some("Accept-Encoding: gzip"));
            for path in PATHS {
                client.request(path, &fields).unwrap();
            }
        }
    }

    /// How it is with one connection: all others that there were have ended.
    fn quiet(&self) -> State {
        let mut client = eventually("there is room", || {
            let mut client = (self.connect)();
            client.request("/health", self.fields).is_ok_and(|response| response.status == 200).then_some(client)
        });
        eventually("all others have ended", || {
            let text = client.request("/metrics", self.fields).unwrap().text();
            (super::client::metric(&text, "wgstat_http_connections") <= 1.0).then(|| State::of(self.server))
        })
    }

    /// Scrapes on one connection until all is over. It is there before the attack, so it is never turned away.
    fn scrape(&self, has_begun: &AtomicBool, is_over: &AtomicBool) -> Vec<(u16, Duration)> {
        let mut client = (self.connect)();
        let mut scrapes = Vec::new();
        // The last one begins when the attack is over.
        let mut is_last = false;
        while !is_last {
            is_last = is_over.load(Ordering::SeqCst);
            let start = Instant::now();
            let response = client.request("/metrics", self.fields).unwrap_or_else(|error| {
                panic!("scrape {}, after {:?}: {error}: {}", scrapes.len(), start.elapsed(), self.server.stderr())
            });
            scrapes.push((response.status, start.elapsed()));
            if response.is_last() {
                client = (self.connect)();
            }
            has_begun.store(true, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(20));
        }
        scrapes
    }

    /// Attacks while somebody scrapes, and then looks whether that was noticed, and whether anything stays.
    fn under_attack<T>(&self, attack: impl FnOnce() -> T) -> T {
        let server = self.server;
        let fields = self.fields;
        self.warm_up();
        let before = self.quiet();
        let (has_begun, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
        let (result, scrapes) = thread::scope(|scope| {
            let scraper = scope.spawn(|| self.scrape(&has_begun, &is_over));
            // Also where the attack itself fails.
            let end = OnDrop(&is_over);
            eventually("the first scrape", || {
                (has_begun.load(Ordering::SeqCst) || scraper.is_finished()).then_some(())
            });
            let result = attack();
            drop(end);
            (result, scraper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        let late: Vec<&(u16, Duration)> = scrapes.iter().filter(|(_, time)| *time > SOON).collect();
        assert!(late.is_empty(), "of {} scrapes: {late:?}", scrapes.len());
        assert!(scrapes.iter().all(|(status, _)| *status == 200), "{scrapes:?}");
        assert!(scrapes.len() >= 2);

        let now = self.quiet();
        assert_eq!(now.descriptors, before.descriptors);
        let text =
            format!("memory is near {} KiB, and no more than {} threads run", before.memory / 1024, before.threads);
        eventually(&text, || {
            let now = State::of(server);
            (now.threads <= before.threads && now.memory <= before.memory + LEFT).then_some(())
        });
        let response = (self.connect)().request("/health", fields).unwrap();
        assert_eq!(response.status, 200);
        assert!(!server.stderr().contains("panicked"), "{}", server.stderr());
        result
    }
}

struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Attacks a server without TLS and users.
fn under_attack<T>(server: &Server, attack: impl FnOnce() -> T) -> T {
    let connect = || boxed(server.client());
    Trial { server, connect: &connect, fields: &[] }.under_attack(attack)
}

fn boxed(client: Client) -> Client<Box<dyn Line>> {
    Client::over(Box::new(client.stream))
}

/// Ends it as an operator does: it has to end as if nothing had been.
fn end(server: Server) {
    let stopped = server.stop();
    assert_eq!(stopped.status.code(), Some(0), "{}", stopped.stderr);
    assert!(stopped.time < SOON, "{:?}", stopped.time);
    assert!(!stopped.stderr.contains("panicked"), "{}", stopped.stderr);
}

/// This process may have as many descriptors as it is allowed to.
fn have_descriptors() {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
}

/// Sends without caring whether anybody takes it; then reads all that comes until the connection ends.
fn exchange(address: SocketAddr, bytes: &[u8]) -> (Vec<Response>, Client) {
    let mut client = Client::connect(address).unwrap();
    // Who is refused may be cut off while it still speaks.
    let _ = client.send(bytes);
    let mut responses = Vec::new();
    loop {
        match client.response() {
            Ok(response) => responses.push(response),
            Err(error) if is_gone(&error) => return (responses, client),
            Err(error) => panic!("{error} after {} answers to {:?}", responses.len(), String::from_utf8_lossy(bytes)),
        }
    }
}

/// Spreads a number of things to do over a few threads.
fn in_parallel(threads: usize, count: usize, work: impl Fn(usize) + Sync) {
    thread::scope(|scope| {
        for thread in 0..threads {
            let work = &work;
            scope.spawn(move || (thread..count).step_by(threads).for_each(work));
        }
    });
}

#[test]
fn body_is_refused_before_it_comes() {
    const ROUNDS: usize = 50;
    let _alone = alone();
    let server = Server::start(&[]);
    // 2^64 - 1 is the length that the parser itself refuses, as a head that says too much.
    let promises: [(&str, u16, &str); 6] = [
        ("Content-Length: 107374182400", 413, "BODY_REFUSED"),
        ("Content-Length: 1", 413, "BODY_REFUSED"),
        ("Transfer-Encoding: chunked", 413, "BODY_REFUSED"),
        ("Content-Length: 107374182400\r\nExpect: 100-continue", 413, "BODY_REFUSED"),
        ("Content-Length: 18446744073709551615", 431, "BAD_REQUEST"),
        ("Content-Length: 18446744073709551616", 400, "BAD_REQUEST"),
    ];
    // Those who promised stay, and say nothing more.
    let waiting = under_attack(&server, || {
        let mut waiting = Vec::new();
        for round in 0..ROUNDS {
            for (promise, status, code) in promises {
                let path = PATHS[round % PATHS.len()];
                let (responses, client) = exchange(server.address(), &get(path, &[promise]));
                assert_eq!(responses.len(), 1, "{promise}: {responses:?}");
                assert_eq!((responses[0].status, &*responses[0].code()), (status, code), "{promise}");
                assert!(responses[0].is_last(), "{promise}");
                waiting.push(client);
            }
        }
        // A body that does come is not read: the answer is there all the same.
        let body = [get("/metrics", &["Content-Length: 107374182400"]), vec![b'x'; 4 << 20]].concat();
        let (responses, _) = exchange(server.address(), &body);
        assert_eq!(responses[0].status, 413);
        waiting
    });
    assert_eq!(waiting.len(), ROUNDS * promises.len());
    assert_eq!(server.refused("body"), (4 * ROUNDS + 1) as f64);
    assert_eq!(server.refused("header"), (2 * ROUNDS) as f64);
    end(server);
}

#[test]
fn twenty_thousand_connections_reset_after_the_request_leave_nothing() {
    let _alone = alone();
    let server = Server::start(&[]);
    under_attack(&server, || {
        in_parallel(4, 20_000, |number| {
            let mut client = server.client();
            // Each asks for something else, so that none can have the answer of another.
            let path = match number % 3 {
                0 => PATHS[number / 3 % PATHS.len()].to_owned(),
                _ => format!("/api/networks/{number}{}", "x".repeat(1000)),
            };
            let _ = client.send(get(&path, &[]));
            client.reset();
        });
    });
    end(server);
}

#[test]
fn descriptors_used_up_hold_up_nobody_who_is_connected() {
    let _alone = alone();
    let server = Server::start(&[]);
    let few = |more: usize| {
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
        few(5);
        let mut idle: Vec<Client> = (0..30).map(|_| server.client()).collect();
        let count = |client: &mut Client| {
            let text = client.get("/metrics").unwrap().text();
            super::client::metric(&text, "wgstat_http_refused_total{reason=\"descriptors\"}")
        };
        // It tries again and again, and does nothing else than wait between.
        let before =
            eventually("no descriptor is left", || Some(count(&mut client)).filter(|now| *now > refused + 3.0));
        let start = Instant::now();
        for path in PATHS {
            let status = client.get(path).unwrap().status;
            assert_eq!(status, if path.ends_with("nowhere") || path.ends_with("wg0") { 404 } else { 200 }, "{path}");
        }
        let tried = count(&mut client) - before;
        assert!(tried <= start.elapsed().as_secs_f64() * 10.0 + 1.0, "{tried} in {:?}", start.elapsed());
        // One goes, and the next in the row has its place.
        drop(idle.remove(0));
        drop(idle);
        assert_eq!(server.get("/metrics").status, 200, "with the same limit");
    });
    end(server);
}

#[test]
fn head_without_end_is_cut_off_at_8_kib_and_100_fields() {
    let _alone = alone();
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
        // As much as may be is taken.
        let most = format!("{start}{}\r\n", "X: y\r\n".repeat(99));
        let mut client = server.client();
        client.send(&most).unwrap();
        assert_eq!(client.response().unwrap().status, 200);
        let most = format!("{start}X: {}\r\n\r\n", "y".repeat(8192 - start.len() - 8));
        client.send(&most).unwrap();
        assert_eq!(client.response().unwrap().status, 200);
    });
    assert_eq!(server.refused("header"), heads.len() as f64);
    end(server);
}

/// Says whether a client was turned away, and how: with an answer or without.
fn is_turned_away(client: &mut Client) -> Option<bool> {
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
fn nine_hundred_idle_connections_are_turned_away_beyond_the_limit() {
    let _alone = alone();
    have_descriptors();
    let server = Server::start(&[]);
    under_attack(&server, || {
        let mut idle: Vec<Client> = (0..900).map(|_| server.client()).collect();
        // The scraper has one of the places.
        let expected = 900 - (CONNECTIONS - 1);
        let (mut told, mut closed) = (0, 0);
        eventually("all others are turned away", || {
            idle.retain_mut(|client| match is_turned_away(client) {
                Some(true) => {
                    told += 1;
                    false
                }
                Some(false) => {
                    closed += 1;
                    false
                }
                None => true,
            });
            (told + closed >= expected).then_some(())
        });
        assert_eq!((told + closed, idle.len()), (expected, CONNECTIONS - 1));
        assert!(told >= 64, "{told} were told why");
        // Who comes now is told at once, also after it has said what it wants.
        for path in PATHS {
            let start = Instant::now();
            let mut client = server.client();
            let response = client.get(path).unwrap();
            assert_eq!((response.status, response.is_last()), (503, true));
            assert!(client.is_closed());
            assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
        }
        // One goes, and there is room for one.
        drop(idle.pop());
        let mut client = eventually("there is room", || {
            let mut client = server.client();
            (client.get("/health").is_ok_and(|response| response.status == 200)).then_some(client)
        });
        assert_eq!(server.get("/health").status, 503);
        assert_eq!(client.get("/metrics").unwrap().status, 200);
    });
    assert!(server.refused("connections") >= 838.0);
    assert_eq!(server.metric("wgstat_http_connections"), 1.0);
    end(server);
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let _alone = alone();
    let server = Server::start(&[]);
    under_attack(&server, || {
        let one = [get("/nowhere/1", &[]), get("/health", &[]), get("/", &[]), get("/metrics", &[])].concat();
        let mut client = server.client();
        let mut speaker = client.stream.try_clone().unwrap();
        thread::scope(|scope| {
            scope.spawn(move || {
                for _ in 0..300 {
                    speaker.write_all(&one).unwrap();
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
        // Behind the last of them nonsense, which is answered once and last.
        let bytes = [get("/", &[]), get("/metrics", &[]), b"nonsense\r\n\r\n".to_vec(), get("/", &[])].concat();
        let (responses, _) = exchange(server.address(), &bytes);
        let statuses: Vec<u16> = responses.iter().map(|response| response.status).collect();
        assert_eq!(statuses, [200, 200, 400]);
        assert_eq!(responses[2].code(), "BAD_REQUEST");
    });
    assert_eq!(server.refused("header"), 1.0);
    end(server);
}

/// What comes of a request that may be anything, followed by one that is none: always answers, and never a second after the
/// one that is said to be the last.
fn sound(address: SocketAddr, bytes: &[u8]) -> u16 {
    let last = "\r\n\r\nGET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let (responses, _) = exchange(address, &[bytes, last.as_bytes()].concat());
    let shown = String::from_utf8_lossy(bytes);
    assert!(!responses.is_empty(), "no answer to {shown:?}");
    for (place, response) in responses.iter().enumerate() {
        assert_eq!(response.is_last(), place + 1 == responses.len(), "{place} of {} to {shown:?}", responses.len());
        if response.status >= 400 {
            assert!(!response.code().is_empty(), "{shown:?}");
        }
        assert!([200, 400, 403, 404, 405, 413, 414, 431].contains(&response.status), "{}: {shown:?}", response.status);
    }
    responses[0].status
}

#[test]
fn ten_thousand_random_requests_are_answered() {
    let _alone = alone();
    let server = Server::start(&[]);
    let refused = Mutex::new(0);
    under_attack(&server, || {
        in_parallel(4, 10_000, |number| {
            let mut random = Random::new(u64::try_from(number).unwrap() + 1);
            let length = random.below(200);
            let mut bytes: Vec<u8> = (0..length).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
            // Some begin as a request does, so that they come further.
            match random.below(4) {
                0 => drop(bytes.splice(..0, *b"GET /")),
                1 => drop(bytes.splice(..0, *b"GET / HTTP/1.1\r\nHost: localhost\r\n")),
                2 => drop(bytes.splice(..0, *b"GET /api/networks/x HTTP/1.1\r\nHost:")),
                _ => {}
            }
            if sound(server.address(), &bytes) == 400 {
                *refused.lock().unwrap() += 1;
            }
        });
    });
    let refused = refused.into_inner().unwrap();
    assert!(refused > 5000, "{refused}");
    assert!(server.refused("header") > 5000.0);
    end(server);
}

#[test]
fn ten_thousand_mutated_requests_are_answered() {
    let _alone = alone();
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
            let status = sound(server.address(), &bytes);
            *statuses.lock().unwrap().entry(status).or_default() += 1;
        });
    });
    // Mutations that are all fatal, or all harmless, would test little.
    let statuses = statuses.into_inner().unwrap();
    for status in [200, 400, 403, 404, 405, 413] {
        assert!(statuses.get(&status).is_some_and(|count| *count > 20), "{statuses:?}");
    }
    end(server);
}

#[test]
fn thousand_scrapes_at_once_are_answered_or_told_to_come_again() {
    let _alone = alone();
    have_descriptors();
    let server = Server::start(&[]);
    let (answered, told, closed) = under_attack(&server, || {
        let mut clients: Vec<Client> = (0..1000)
            .map(|_| {
                let mut client = server.client();
                let _ = client.send(get("/metrics", &[]));
                client
            })
            .collect();
        let (mut answered, mut told, mut closed) = (0, 0, 0);
        for client in &mut clients {
            match client.response() {
                Ok(response) if response.status == 200 => answered += 1,
                Ok(response) => {
                    assert_eq!((response.status, response.code().as_str()), (503, "BUSY"));
                    told += 1;
                }
                Err(error) if is_gone(&error) => closed += 1,
                Err(error) => panic!("{error}"),
            }
        }
        (answered, told, closed)
    });
    // Each keeps its connection, so no second one gets its place.
    assert_eq!(answered, CONNECTIONS - 1, "{told} told, {closed} closed");
    assert_eq!(answered + told + closed, 1000);
    assert!(told >= 64, "{told} told, {closed} closed");
    end(server);
}

/// Asks for more and more, and takes nothing; says how much was taken of it.
fn never_read(server: &Server, request: &[u8]) -> (Client, usize) {
    let mut client = server.client();
    set_socket_recv_buffer_size(&client.stream, 4096).unwrap();
    client.stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let (requests, mut sent) = (request.repeat(100), 0);
    // Far more than both sides' buffers hold; it is not read before the answers are.
    while sent < 64 << 20 {
        match client.stream.write(&requests) {
            Ok(written) => sent += written,
            Err(_) => break,
        }
    }
    (client, sent)
}

#[test]
fn clients_that_never_read_cost_no_memory() {
    let _alone = alone();
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
                        move || never_read(server, &requests[n % 5])
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(clients.iter().all(|(_, sent)| *sent < 64 << 20), "it reads on though nobody takes the answers");
        let memory = server.memory();
        assert!(memory < before + (4 << 20), "{} KiB before, {} KiB now", before / 1024, memory / 1024);
    });
    end(server);
}

#[test]
fn requests_for_what_is_not_here_are_answered_once() {
    let _alone = alone();
    let server = Server::start(&[]);
    let host = "Host: localhost\r\n\r\n";
    let requests: Vec<(String, u16, &str)> = vec![
        // As a proxy is asked, and of whom.
        (format!("GET http://localhost/health HTTP/1.1\r\n{host}"), 200, ""),
        (format!("GET http://evil.example/health HTTP/1.1\r\n{host}"), 403, "host"),
        ("GET http://localhost/health HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(), 403, "host"),
        ("GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(), 403, "host"),
        ("GET /health HTTP/1.1\r\n\r\n".to_owned(), 400, "host"),
        (format!("GET /health HTTP/1.1\r\nHost: localhost\r\n{host}"), 400, "host"),
        (format!("CONNECT localhost:22 HTTP/1.1\r\n{host}"), 405, "method"),
        (format!("OPTIONS * HTTP/1.1\r\n{host}"), 405, "method"),
        (format!("GET * HTTP/1.1\r\n{host}"), 404, ""),
        // Out of where it is.
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
        // Other versions, and what is none.
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
            // And only once.
            let _ = client.stream.shutdown(Shutdown::Write);
            assert!(client.is_closed(), "{request:?}");
        }
        // Who speaks HTTP/2 understands no answer of ours, and is cut off.
        let before = server.refused("header");
        for _ in 0..100 {
            let (responses, _) = exchange(server.address(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
            assert!(responses.is_empty());
        }
        assert_eq!(server.refused("header"), before + 100.0);
    });
    end(server);
}

#[test]
fn five_thousand_scrapes_leave_memory_flat() {
    let _alone = alone();
    let server = Server::start(&[]);
    under_attack(&server, || {
        let mut client = server.client();
        for number in 0..5000 {
            let gzip: &[&str] = if number % 2 == 0 { &["Accept-Encoding: gzip"] } else { &[] };
            // Prometheus keeps its connection; others come and go.
            if number % 10 == 0 {
                client = server.client();
            }
            assert_eq!(client.request("/metrics", gzip).unwrap().status, 200);
        }
    });
    assert!(server.metric("wgstat_http_requests_total{code=\"200\"}") > 5000.0);
    end(server);
}

/// A folder with a web configuration, and the options that name it.
struct Web {
    folder: TempDir,
    path: String,
}

impl Web {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.yml");
        fs::write(&path, text).unwrap();
        let path = path.into_os_string().into_string().unwrap();
        Self { folder, path }
    }

    /// Two users, alice and bob, with these costs.
    fn users(alice: u32, bob: u32) -> Self {
        let hash = |cost| bcrypt::hash("secret", cost).unwrap();
        Self::new(&format!("basic_auth_users:\n  alice: '{}'\n  bob: '{}'\n", hash(alice), hash(bob)))
    }

    fn start(&self) -> Server {
        Server::start(&["--web.config.file", &self.path])
    }

    /// TLS with a certificate for 127.0.0.1, and what a client needs to trust it.
    fn tls() -> (Self, Arc<ClientConfig>) {
        let web = Self::new("tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n");
        let output = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "key.pem", "-out", "cert.pem"])
            .current_dir(web.folder.path())
            .output()
            .expect("openssl makes the certificate");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(web.folder.path().join("cert.pem")).unwrap()).unwrap();
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        (web, Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
    }
}

fn over_tls(server: &Server, config: &Arc<ClientConfig>) -> Client<StreamOwned<ClientConnection, TcpStream>> {
    let name = ServerName::from(server.address().ip());
    let connection = ClientConnection::new(Arc::clone(config), name).unwrap();
    Client::over(StreamOwned::new(connection, server.client().stream))
}

fn login(name: &str, password: &str) -> String {
    format!("Authorization: Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

#[test]
fn wrong_and_huge_credentials_are_refused_alike() {
    let _alone = alone();
    let web = Web::users(4, 4);
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
    Trial { server: &server, connect: &connect, fields: &[&right] }.under_attack(|| {
        let scrape = |client: &mut Client| {
            let text = client.request("/metrics", &[&right]).unwrap().text();
            super::client::metric(&text, "wgstat_http_refused_total{reason=\"credentials\"}")
        };
        let mut client = server.client();
        let before = scrape(&mut client);
        for field in &wrong {
            for path in PATHS {
                // The connection stays: who mistyped may try again.
                let response = client.request(path, &[field]).unwrap();
                assert_eq!((response.status, response.code().as_str()), (401, "UNAUTHORIZED"), "{field}");
                let asked = response.header("www-authenticate").unwrap();
                assert_eq!(asked, "Basic realm=\"wgstat\", charset=\"UTF-8\"");
            }
        }
        assert_eq!(scrape(&mut client), before + (wrong.len() * PATHS.len()) as f64);
        assert_eq!(client.request("/health", &[&login("bob", "secret")]).unwrap().status, 200);
        let too_long = login("alice", &"x".repeat(7000));
        assert_eq!(client.request("/health", &[&too_long]).unwrap().status, 431);
    });
    assert!(!server.stderr().contains("secret"));
    end(server);
}

#[test]
fn flood_of_wrong_logins_holds_up_nobody_who_is_known() {
    let _alone = alone();
    let web = Web::users(12, 12);
    let server = web.start();
    let right = login("alice", "secret");
    let connect = || boxed(server.client());
    Trial { server: &server, connect: &connect, fields: &[&right] }.under_attack(|| {
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
        let of = |wanted| results.iter().filter(move |(status, _)| *status == wanted).map(|(_, time)| *time);
        assert_eq!((of(401).count() + of(503).count(), results.len()), (40, 40), "{results:?}");
        assert!((8..=12).contains(&of(401).count()), "eight wait at a time: {results:?}");
        assert!(of(503).all(|time| time < SOON), "{results:?}");
    });
    let mut client = server.client();
    let text = client.request("/metrics", &[&right]).unwrap().text();
    assert!(super::client::metric(&text, "wgstat_http_refused_total{reason=\"busy\"}") >= 28.0);
    end(server);
}

#[test]
fn logins_that_nobody_waits_for_any_more_keep_nobody_out() {
    let _alone = alone();
    let web = Web::users(10, 10);
    let server = web.start();
    let right = login("alice", "secret");
    let connect = || boxed(server.client());
    Trial { server: &server, connect: &connect, fields: &[&right] }.under_attack(|| {
        in_parallel(2, 1000, |number| {
            let mut client = server.client();
            let _ = client.send(get("/metrics", &[&login("bob", &number.to_string())]));
            client.reset();
        });
        // At most eight are compared before.
        let start = Instant::now();
        eventually("bob comes in", || {
            let response = server.client().request("/health", &[&login("bob", "secret")]);
            response.is_ok_and(|response| response.status == 200).then_some(())
        });
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    });
    end(server);
}

#[test]
fn tls_handshakes_that_are_abandoned_leave_nothing() {
    let _alone = alone();
    let (web, config) = Web::tls();
    let server = web.start();
    let connect = || Client::over(Box::new(over_tls(&server, &config).stream) as Box<dyn Line>);
    // What a client says first.
    let hello = {
        let mut connection =
            ClientConnection::new(Arc::clone(&config), ServerName::from(server.address().ip())).unwrap();
        let mut bytes = Vec::new();
        connection.write_tls(&mut bytes).unwrap();
        bytes
    };
    let refused = || {
        // While all places are taken it is closed without a word.
        let text = eventually("there is room", || over_tls(&server, &config).get("/metrics").ok()).text();
        super::client::metric(&text, "wgstat_http_refused_total{reason=\"tls\"}")
    };
    Trial { server: &server, connect: &connect, fields: &[] }.under_attack(|| {
        let before = refused();
        in_parallel(4, 2000, |number| {
            let mut client = server.client();
            let _ = match number % 5 {
                0 => Ok(()),
                1 => client.send(&hello[..hello.len() / 2]),
                2 => client.send(&hello),
                3 => client.send(get("/metrics", &[])),
                _ => client.send([b"\x16\x03\x01\xff\xff".to_vec(), vec![0; 1000]].concat()),
            };
            if number % 2 == 0 { client.reset() } else { drop(client) }
        });
        // Some may have been turned away before a word of TLS.
        let counted = eventually("they are counted", || Some(refused() - before).filter(|counted| *counted > 1000.0));
        assert!(counted <= 2000.0, "{counted}");
        // Who shook hands and went.
        in_parallel(4, 400, |_| {
            let mut client = over_tls(&server, &config);
            let _ = client.send(get("/", &[]));
            Client::over(client.stream.sock).reset();
        });
        // All places are taken by those who do not go on: there is none for others, and that is all.
        let mut held: Vec<Client> = (0..CONNECTIONS - 1).map(|_| server.client()).collect();
        for client in &mut held {
            client.send(&hello[..20]).unwrap();
        }
        eventually("there is no room", || over_tls(&server, &config).get("/health").is_err().then_some(()));
        drop(held);
        eventually("there is room", || over_tls(&server, &config).get("/health").ok());
    });
    end(server);
}

/// When somebody was cut off, since they began to wait.
fn cut_off(client: &mut Client, start: Instant) -> Duration {
    assert!(client.is_closed());
    start.elapsed()
}

/// Says a byte each second, until it is cut off.
fn drip(client: &mut Client, bytes: &[u8], start: Instant) -> Duration {
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

/// All that has to be waited for at once. It waits for no other attack, and holds up none.
#[test]
fn who_dawdles_is_cut_off_in_time() {
    let (web, config) = Web::tls();
    let (server, encrypted) = (Server::start(&[]), web.start());
    let is_about = |time: Duration, expected: u64| {
        let expected = Duration::from_secs(expected);
        // The last byte of a drip may be a second before the end of it.
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
            let at_once = [
                scope.spawn(|| is_about(cut_off(&mut server.client(), start), 5)),
                scope.spawn(|| is_about(drip(&mut server.client(), b"GET /metrics HTTP/1.1\r\nHost:", start), 5)),
                scope.spawn(|| is_about(drip(&mut server.client(), b"\r\n", start), 5)),
                scope.spawn(|| is_about(drip(&mut server.client(), b"x", start), 5)),
                // Half a head after a whole one is no idle connection, and neither is an empty line.
                scope.spawn(|| is_about(drip(&mut used("/health"), b"GET /metrics", start), 5)),
                scope.spawn(|| is_about(drip(&mut used("/"), b"\r\n", start), 5)),
                scope.spawn(|| is_about(cut_off(&mut used("/metrics"), start), 30)),
                scope.spawn(|| is_about(cut_off(&mut used("/nowhere"), start), 30)),
                scope.spawn(|| is_about(cut_off(&mut encrypted.client(), start), 5)),
                scope.spawn(|| is_about(drip(&mut encrypted.client(), &[22, 3, 1, 2, 0, 1, 0, 1], start), 5)),
                scope.spawn(|| {
                    let mut client = over_tls(&encrypted, &config);
                    client.get("/health").unwrap();
                    is_about(cut_off(&mut Client::over(client.stream.sock), start), 30);
                }),
            ];
            let _never_read: Vec<_> = [get("/", &[]), get("/api/schema", &[]), get("/metrics", &[])]
                .map(|request| never_read(&server, &request))
                .into();
            let (start, mut client) = (Instant::now(), server.client());
            let text = eventually("they are cut off", || {
                Some(client.get("/metrics").unwrap().text()).filter(|text| {
                    super::client::metric(text, "wgstat_http_refused_total{reason=\"write_timeout\"}") > 2.0
                })
            });
            assert!(start.elapsed() < Duration::from_secs(12), "{:?}", start.elapsed());
            assert_eq!(
                super::client::metric(&text, "wgstat_http_connections"),
                4.0,
                "the scraper, two that idle, and this"
            );
            for thread in at_once {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            }
        });
        assert_eq!(server.refused("header_timeout"), 6.0);
        assert_eq!(server.refused("idle_timeout"), 2.0);
        assert_eq!(server.refused("write_timeout"), 3.0);
    });
    let text = over_tls(&encrypted, &config).get("/metrics").unwrap().text();
    assert_eq!(super::client::metric(&text, "wgstat_http_refused_total{reason=\"header_timeout\"}"), 2.0);
    assert_eq!(super::client::metric(&text, "wgstat_http_refused_total{reason=\"idle_timeout\"}"), 1.0);
    end(server);
    end(encrypted);
}

#[test]
fn end_waits_for_nobody_who_waits_for_nothing() {
    let server = Server::start(&[]);
    let _silent: Vec<Client> = (0..20).map(|_| server.client()).collect();
    let mut idle: Vec<Client> = (0..20).map(|_| server.client()).collect();
    for client in &mut idle {
        client.get("/metrics").unwrap();
    }
    end(server);
    assert!(idle.iter_mut().all(Client::is_closed));
}

#[test]
fn end_comes_within_five_seconds_whatever_connections_are_at() {
    let web = Web::users(14, 4);
    let server = web.start();
    let right = login("bob", "secret");
    let _silent = server.client();
    let mut idle = server.client();
    assert_eq!(idle.request("/metrics", &[&right]).unwrap().status, 200);
    let mut half = server.client();
    half.send("GET /metrics HTTP/1.1\r\nHost: lo").unwrap();
    let mut half_of_second = server.client();
    half_of_second.send([get("/metrics", &[&right]), b"GET".to_vec()].concat()).unwrap();
    let (_never_reads, _) = never_read(&server, &get("/", &[&right]));
    // A login that takes long, and one that waits behind it.
    let mut making: Vec<Client> = (0..2).map(|_| server.client()).collect();
    for client in &mut making {
        client.send(get("/metrics", &[&login("alice", "other")])).unwrap();
    }
    // Whoever is here has been seen.
    assert_eq!(idle.request("/health", &[&right]).unwrap().status, 200);
    let stopped = server.stop();
    assert_eq!(stopped.status.code(), Some(0), "{}", stopped.stderr);
    // What is under way has five seconds; and the machine may be busy.
    assert!(stopped.time < Duration::from_secs(6), "{:?}", stopped.time);
    assert!(!stopped.stderr.contains("panicked"), "{}", stopped.stderr);
    assert!(idle.is_closed());
}
