//! Attacks a server while a well-behaved client scrapes it: every scrape succeeds within a second, and no resource is leaked.
//!
//! The attacks run one after the other, because a second is little on a busy machine.
#![expect(clippy::float_cmp, reason = "counters are integers")]

mod connections;
mod floods;
mod logins;
mod malformed;
mod memory;
mod shutdown;
mod slow_clients;
mod tls;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
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

use super::client::{Client, Response, Server, eventually, is_gone, metric};

/// Maximum time for a response during an attack.
const RESPONSE_LIMIT: Duration = Duration::from_secs(1);

/// Maximum growth of resident memory after an attack, in bytes.
const MEMORY_LIMIT: u64 = 2 * 1024 * 1024;

/// Default maximum number of concurrent connections.
const CONNECTIONS: usize = 64;

const PATHS: [&str; 8] =
    ["/", "/metrics", "/health", "/api/status", "/api/history", "/api/schema", "/api/networks/wg0", "/nowhere"];

/// Is held during an attack: attacks run one after the other.
static LOCK: Mutex<()> = Mutex::new(());

/// Waits for the other attacks.
fn lock() -> MutexGuard<'static, ()> {
    // A failed attack does not affect the next one.
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Is a connection of a client, with or without TLS.
trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

type Connect<'a> = &'a (dyn Fn() -> Client<Box<dyn Stream>> + Sync);

/// Holds a server under attack, and how a well-behaved client connects to it.
struct Target<'a> {
    server: &'a Server,
    connect: Connect<'a>,
    /// Header fields of each request.
    fields: &'a [&'a str],
}

/// Holds the resources of the server process that an attack must not change.
struct Usage {
    memory: u64,
    threads: u64,
    descriptors: usize,
}

impl Usage {
    fn of(server: &Server) -> Self {
        Self { memory: server.memory(), threads: server.threads(), descriptors: server.descriptors() }
    }
}

impl Target<'_> {
    /// Requests every path, with and without gzip, on almost all connections: the process then has its normal size.
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

    /// Waits until all connections but one are closed, and returns the usage.
    fn idle_usage(&self) -> Usage {
        let mut client = eventually("a connection is accepted", || {
            let mut client = (self.connect)();
            client.request("/health", self.fields).is_ok_and(|response| response.status == 200).then_some(client)
        });
        eventually("all other connections are closed", || {
            let text = client.request("/metrics", self.fields).unwrap().text();
            (metric(&text, "wgstat_http_connections") <= 1.0).then(|| Usage::of(self.server))
        })
    }

    /// Scrapes on one connection until the attack is over. It connects before the attack, so it is never rejected.
    fn scrape(&self, has_started: &AtomicBool, is_over: &AtomicBool) -> Vec<(u16, Duration)> {
        let mut client = (self.connect)();
        let mut scrapes = Vec::new();
        // The last scrape starts after the attack.
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
            has_started.store(true, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(20));
        }
        scrapes
    }

    /// Attacks while a client scrapes. Then checks that every scrape succeeded in time, and that no resource is leaked.
    fn under_attack<T>(&self, attack: impl FnOnce() -> T) -> T {
        let server = self.server;
        let fields = self.fields;
        self.warm_up();
        let before = self.idle_usage();
        let (has_started, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
        let (result, scrapes) = thread::scope(|scope| {
            let scraper = scope.spawn(|| self.scrape(&has_started, &is_over));
            // This also ends the scraper if the attack fails.
            let guard = SetOnDrop(&is_over);
            eventually("the first scrape", || {
                (has_started.load(Ordering::SeqCst) || scraper.is_finished()).then_some(())
            });
            let result = attack();
            drop(guard);
            (result, scraper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        let late: Vec<&(u16, Duration)> = scrapes.iter().filter(|(_, time)| *time > RESPONSE_LIMIT).collect();
        assert!(late.is_empty(), "of {} scrapes: {late:?}", scrapes.len());
        assert!(scrapes.iter().all(|(status, _)| *status == 200), "{scrapes:?}");
        assert!(scrapes.len() >= 2);

        let now = self.idle_usage();
        assert_eq!(now.descriptors, before.descriptors);
        let text = format!("memory is about {} KiB, and at most {} threads run", before.memory / 1024, before.threads);
        eventually(&text, || {
            let now = Usage::of(server);
            (now.threads <= before.threads && now.memory <= before.memory + MEMORY_LIMIT).then_some(())
        });
        let response = (self.connect)().request("/health", fields).unwrap();
        assert_eq!(response.status, 200);
        assert!(!server.stderr().contains("panicked"), "{}", server.stderr());
        result
    }
}

/// Sets a flag when it is dropped.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Attacks a server without TLS and without users.
fn under_attack<T>(server: &Server, attack: impl FnOnce() -> T) -> T {
    let connect = || boxed(server.client());
    Target { server, connect: &connect, fields: &[] }.under_attack(attack)
}

/// Converts a client of a TCP stream.
fn boxed(client: Client) -> Client<Box<dyn Stream>> {
    Client::over(Box::new(client.stream))
}

/// Stops the server with SIGTERM. It must exit with 0 within [`RESPONSE_LIMIT`].
fn stop(server: Server) {
    let stopped = server.stop();
    assert_eq!(stopped.status.code(), Some(0), "{}", stopped.stderr);
    assert!(stopped.time < RESPONSE_LIMIT, "{:?}", stopped.time);
    assert!(!stopped.stderr.contains("panicked"), "{}", stopped.stderr);
}

/// Raises this process's limit of descriptors to the hard limit.
fn raise_descriptor_limit() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
}

/// Sends bytes, and reads all responses until the server closes the connection.
fn exchange(address: SocketAddr, bytes: &[u8]) -> (Vec<Response>, Client) {
    let mut client = Client::connect(address).unwrap();
    // The server may close the connection before it has read everything.
    let _ = client.send(bytes);
    let mut responses = Vec::new();
    loop {
        match client.response() {
            Ok(response) => responses.push(response),
            Err(error) if is_gone(&error) => return (responses, client),
            Err(error) => panic!("{error} after {} responses to {:?}", responses.len(), String::from_utf8_lossy(bytes)),
        }
    }
}

/// Runs `work` for the numbers below `count` on several threads.
fn in_parallel(threads: usize, count: usize, work: impl Fn(usize) + Sync) {
    thread::scope(|scope| {
        for thread in 0..threads {
            let work = &work;
            scope.spawn(move || (thread..count).step_by(threads).for_each(work));
        }
    });
}

/// Sends requests without reading responses, until the server stops reading. Returns the number of bytes sent.
fn send_without_reading(server: &Server, request: &[u8]) -> (Client, usize) {
    let mut client = server.client();
    set_socket_recv_buffer_size(&client.stream, 4096).unwrap();
    client.stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let (requests, mut sent) = (request.repeat(100), 0);
    // This is far more than the buffers of both sides hold.
    while sent < 64 << 20 {
        match client.stream.write(&requests) {
            Ok(written) => sent += written,
            Err(_) => break,
        }
    }
    (client, sent)
}

/// Holds a web configuration in a temporary directory.
struct WebFile {
    directory: TempDir,
    path: String,
}

impl WebFile {
    fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("web.yml");
        fs::write(&path, text).unwrap();
        let path = path.into_os_string().into_string().unwrap();
        Self { directory, path }
    }

    /// Writes a configuration with the users alice and bob, with these bcrypt costs and the password `secret`.
    fn users(alice: u32, bob: u32) -> Self {
        let hash = |cost| bcrypt::hash("secret", cost).unwrap();
        Self::new(&format!("basic_auth_users:\n  alice: '{}'\n  bob: '{}'\n", hash(alice), hash(bob)))
    }

    fn start(&self) -> Server {
        Server::start(&["--web.config.file", &self.path])
    }

    /// Writes a configuration with a certificate for 127.0.0.1. Returns also a client configuration that trusts it.
    fn tls() -> (Self, Arc<ClientConfig>) {
        let web = Self::new("tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n");
        let output = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "key.pem", "-out", "cert.pem"])
            .current_dir(web.directory.path())
            .output()
            .expect("openssl makes the certificate");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(web.directory.path().join("cert.pem")).unwrap()).unwrap();
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        (web, Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
    }
}

/// Connects with TLS.
fn tls_client(server: &Server, config: &Arc<ClientConfig>) -> Client<StreamOwned<ClientConnection, TcpStream>> {
    let name = ServerName::from(server.address().ip());
    let connection = ClientConnection::new(Arc::clone(config), name).unwrap();
    Client::over(StreamOwned::new(connection, server.client().stream))
}

/// Returns a header field with credentials.
fn login(name: &str, password: &str) -> String {
    format!("Authorization: Basic {}", STANDARD.encode(format!("{name}:{password}")))
}
