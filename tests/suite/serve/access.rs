//! Tests access: hosts, methods, users, TLS, sockets.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;

use super::client::{Client, Response, Server, TIMEOUT, eventually};
use crate::common::document;
use crate::lab::wgstat;

/// Returns a hash of the password `secret`, with a low cost for debug builds.
fn hash() -> String {
    bcrypt::hash("secret", 4).unwrap()
}

/// Sends a request and reads the response.
fn ask(server: &Server, request: &str) -> Response {
    let mut client = server.client();
    client.send(request).unwrap();
    client.response().unwrap()
}

/// Requests /health with this Host header.
fn get_with_host(server: &Server, host: &str) -> Response {
    ask(server, &format!("GET /health HTTP/1.1\r\nHost: {host}\r\n\r\n"))
}

#[test]
fn only_allowed_hosts_are_answered() {
    let server = Server::start(&["--allow-host", "vpn.example.org"]);
    let port = server.address().port();
    for host in
        ["localhost", &format!("127.0.0.1:{port}"), "[::1]:1", "127.8.8.8", "vpn.example.org", "VPN.EXAMPLE.ORG:443"]
    {
        assert_eq!(get_with_host(&server, host).status, 200, "{host}");
    }
    for host in ["evil.example", &format!("evil.example:{port}"), "192.0.2.1", "localhost.evil.example", ""] {
        let response = get_with_host(&server, host);
        assert_eq!((response.status, response.code().as_str()), (403, "HOST_NOT_ALLOWED"), "{host}");
    }
    // Both the host in the URI and the Host header must be allowed.
    let absolute = |uri: &str, host: &str| ask(&server, &format!("GET {uri} HTTP/1.1\r\nHost: {host}\r\n\r\n")).status;
    assert_eq!(absolute("http://localhost/health", "localhost"), 200);
    assert_eq!(absolute("http://evil.example/health", "localhost"), 403);
    assert_eq!(absolute("http://localhost/health", "evil.example"), 403);
    let without = ask(&server, "GET /health HTTP/1.1\r\n\r\n");
    assert_eq!((without.status, without.code().as_str()), (400, "BAD_REQUEST"));
    let twice = ask(&server, "GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n");
    assert_eq!(twice.status, 400);
    assert_eq!(ask(&server, "GET /health HTTP/1.0\r\n\r\n").status, 200, "no browser sends HTTP/1.0");
    assert!(server.refused("host") >= 9.0);
}

#[test]
fn every_path_allows_only_get_and_head() {
    let server = Server::start(&[]);
    let paths = ["/", "/metrics", "/health", "/api/status", "/api/history", "/api/schema"];
    for path in paths {
        let got = server.get(path);
        assert_eq!(got.status, 200, "{path}");
        assert_eq!(got.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(got.header("access-control-allow-origin"), None, "{path}: no other origin may read it");
        let mut client = server.client();
        client.send(format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).unwrap();
        let head = client.response_to_head().unwrap();
        assert_eq!(head.status, 200, "{path}");
        let names =
            |response: &Response| -> Vec<String> { response.headers.iter().map(|(name, _)| name.clone()).collect() };
        assert_eq!(names(&head), names(&got), "{path}");
        assert_eq!(client.get("/health").unwrap().status, 200, "HEAD has no body");
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "FROB"] {
            let response = ask(&server, &format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
            assert_eq!((response.status, response.header("allow")), (405, Some("GET, HEAD")), "{method} {path}");
            assert_eq!(response.code(), "METHOD_NOT_ALLOWED");
        }
    }
    for path in ["/nope", "/api", "/api/", "//", "/metrics/", "/api/networks/", "/index.html", "/api/status%00"] {
        let response = server.get(path);
        assert_eq!((response.status, response.code().as_str()), (404, "NOT_FOUND"), "{path}");
    }
    assert_eq!(server.get("/metrics?x=1").status, 200, "an unknown parameter is ignored");
    for path in ["/health", "/api/status", "/api/history"] {
        document(&server.get(path).body);
    }
}

#[test]
fn page_is_one_document_with_a_strict_policy() {
    let server = Server::start(&[]);
    let page = server.get("/");
    let policy = page.header("content-security-policy").unwrap();
    for word in
        ["default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"]
    {
        assert!(policy.contains(word), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.body.len() < 64 * 1024, "{} bytes", page.body.len());
}

#[test]
fn password_is_required_on_every_path_and_the_file_is_reloaded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("web.yml");
    fs::write(&path, format!("basic_auth_users:\n  alice: \"{}\"\n", hash())).unwrap();
    let server = Server::start(&["--web.config.file", path.to_str().unwrap()]);
    // "alice:secret", and "bob:secret".
    let (alice, bob) = ("Authorization: Basic YWxpY2U6c2VjcmV0", "Authorization: Basic Ym9iOnNlY3JldA==");
    let mut client = server.client();
    let mut status = |path: &str, field: &str| client.request(path, &[field]).unwrap().status;
    for path in ["/", "/metrics", "/health", "/api/status", "/nope"] {
        assert_eq!(status(path, "X: y"), 401, "{path}");
    }
    assert_eq!((status("/metrics", alice), status("/metrics", bob)), (200, 401));
    let response = server.get("/");
    assert_eq!(response.header("www-authenticate"), Some("Basic realm=\"wgstat\", charset=\"UTF-8\""));
    assert_eq!(response.code(), "UNAUTHORIZED");

    fs::write(&path, format!("basic_auth_users:\n  bob: \"{}\"\n", hash())).unwrap();
    // The change also applies to open connections.
    eventually("bob is accepted", || (status("/metrics", bob) == 200).then_some(()));
    assert_eq!(status("/metrics", alice), 401);
    fs::write(&path, "basic_auth_users: nonsense\n").unwrap();
    eventually("the error is printed", || {
        // The file is checked with each request.
        status("/metrics", bob);
        server.stderr().contains("the previous configuration stays in use").then_some(())
    });
    assert_eq!((status("/metrics", bob), status("/metrics", alice)), (200, 401));
    assert!(!server.stderr().contains("nonsense"), "{}", server.stderr());
}

/// Runs a program in a directory.
fn run(program: &str, arguments: &[&str], directory: &Path) -> Output {
    Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"))
}

/// Creates a CA, a certificate for localhost, one for a client, and a self-signed one (`stranger`).
fn certificates(directory: &Path) {
    let script = "make() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout $1.key -out $1.crt -subj /CN=$1 \"${@:2}\"; }
        make ca; make stranger
        make server -CA ca.crt -CAkey ca.key -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext basicConstraints=CA:FALSE
        make client -CA ca.crt -CAkey ca.key -addext basicConstraints=CA:FALSE -addext extendedKeyUsage=clientAuth";
    let output = run("bash", &["-ec", script], directory);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Runs curl. Returns the status code, or the negative exit code of curl.
fn curl(server: &Server, directory: &Path, arguments: &[&str]) -> i32 {
    let url = format!("https://localhost:{}/metrics", server.address().port());
    let common = ["-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "20", "--cacert", "ca.crt", &url];
    let output = run("curl", &[&common[..], arguments].concat(), directory);
    match output.status.code() {
        Some(0) => String::from_utf8_lossy(&output.stdout).parse().unwrap(),
        code => -code.unwrap(),
    }
}

#[test]
fn tls_versions_and_client_certificates_are_enforced() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    certificates(directory);
    let with = |text: &str| {
        fs::write(
            directory.join("web.yml"),
            format!("tls_server_config: {{cert_file: server.crt, key_file: server.key{text}}}\n"),
        )
        .unwrap();
        Server::start(&["--web.config.file", directory.join("web.yml").to_str().unwrap()])
    };
    let client = ["--cert", "client.crt", "--key", "client.key"];
    let stranger = ["--cert", "stranger.crt", "--key", "stranger.key"];

    let server = with("");
    assert!(server.stderr().contains("listening on https://127.0.0.1:"), "{}", server.stderr());
    assert_eq!((curl(&server, directory, &[]), curl(&server, directory, &["--tls-max", "1.2"])), (200, 200));
    assert!(curl(&server, directory, &["--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"]) < 0);
    let plain = server.client().get("/metrics");
    assert!(plain.is_err(), "{plain:?}");

    let server = with(", min_version: TLS13");
    assert!(curl(&server, directory, &["--tls-max", "1.2"]) < 0);
    assert_eq!(curl(&server, directory, &[]), 200);

    let server = with(", client_ca_file: ca.crt, client_auth_type: RequireAndVerifyClientCert");
    assert_eq!(curl(&server, directory, &client), 200);
    assert!(curl(&server, directory, &[]) < 0 && curl(&server, directory, &stranger) < 0);

    let server = with(", client_ca_file: ca.crt, client_auth_type: VerifyClientCertIfGiven");
    assert_eq!((curl(&server, directory, &[]), curl(&server, directory, &client)), (200, 200));
    assert!(curl(&server, directory, &stranger) < 0);
}

#[test]
fn renewed_certificate_is_loaded_without_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    certificates(directory);
    fs::write(directory.join("web.yml"), "tls_server_config: {cert_file: server.crt, key_file: server.key}\n").unwrap();
    let server = Server::start(&["--web.config.file", directory.join("web.yml").to_str().unwrap()]);
    let serial = || {
        let script = format!(
            "openssl s_client -connect localhost:{} -CAfile ca.crt </dev/null 2>/dev/null | openssl x509 -noout -serial",
            server.address().port()
        );
        String::from_utf8(run("bash", &["-c", &script], directory).stdout).unwrap()
    };
    let old = serial();
    assert!(old.starts_with("serial="), "{old}");
    certificates(directory);
    eventually("the new certificate", || (serial() != old).then_some(()));
    // A key that does not belong to the certificate is not loaded.
    let new = serial();
    fs::copy(directory.join("client.key"), directory.join("server.key")).unwrap();
    eventually("the error is printed", || {
        serial();
        server.stderr().contains("server.crt").then_some(())
    });
    assert_eq!(serial(), new);
}

/// Starts a server. Returns it with a function that reads the next line of its standard error.
fn start(arguments: &[&str], environment: &[(&str, &Path)]) -> (std::process::Child, impl FnMut() -> String + use<>) {
    let mut command = Command::new(wgstat());
    command.arg("serve").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, value) in environment {
        command.env(name, value);
    }
    let mut child = command.spawn().unwrap();
    let mut lines = std::io::BufReader::new(child.stderr.take().unwrap());
    let next = move || {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut lines, &mut line).unwrap();
        line
    };
    (child, next)
}

/// Stops a server with SIGTERM. Returns its exit status.
fn stop(mut child: std::process::Child) -> i32 {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    eventually("the server exits", || child.try_wait().unwrap()).code().unwrap()
}

#[test]
fn unix_socket_has_its_mode_and_is_removed_at_exit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("http.sock");
    let address = format!("unix:{}", path.display());
    for (options, mode) in [(&[][..], 0o600), (&["--listen-mode", "0660"][..], 0o660)] {
        let (child, mut line) = start(&[&["--listen", &address][..], options].concat(), &[]);
        assert_eq!(line(), format!("wgstat: listening on {address}\n"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
        let stream = UnixStream::connect(&path).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        let mut client = Client::over(stream);
        client.send("GET /health HTTP/1.1\r\nHost: whatever\r\n\r\n").unwrap();
        assert_eq!(client.response().unwrap().status, 200, "any host is allowed on a Unix socket");
        let output = Command::new(wgstat()).args(["serve", "--listen", &address]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("hint: another program listens on it"));
        assert_eq!(stop(child), 0);
        assert!(!path.exists());
    }
}

#[test]
fn listen_error_names_address_cause_and_hint() {
    let server = Server::start(&[]);
    let taken = server.address().to_string();
    let file = tempfile::NamedTempFile::new().unwrap();
    let file = format!("unix:{}", file.path().display());
    for (address, cause, hint) in [
        (taken.as_str(), "in use", "ss -ltnp 'sport = :"),
        ("192.0.2.77:9586", "ddress", "ip address"),
        ("unix:/nowhere/x.sock", "No such file or directory", "create the directory first"),
        (&file, "already exists", "not a socket: use another path"),
    ] {
        let output = Command::new(wgstat()).args(["serve", "--json", "--listen", address]).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.starts_with(&format!("wgstat: {address}: cannot listen: ")), "{error}");
        assert!(error.contains(cause) && error.contains(hint), "{error}");
        assert_eq!(document(&output.stdout)["error"]["code"], "LISTEN_FAILED");
    }
    for arguments in [
        &["--listen", "localhost:9586"][..],
        &["--listen", "9586"],
        &["--poll", "0s"],
        &["--max-connections", "0"],
        &["--max-connections", "5000"],
        &["--allow-host", "http://x/"],
        &["--listen-mode", "0999"],
    ] {
        let output = Command::new(wgstat()).arg("serve").args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(arguments[0]), "{arguments:?}");
    }
}

#[test]
fn unprotected_address_is_warned_about() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    certificates(directory);
    let tls = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n";
    let users = format!("basic_auth_users: {{alice: \"{}\"}}\n", hash());
    let warning = |listen: &str, web: &str| -> Option<String> {
        fs::write(directory.join("web.yml"), web).unwrap();
        let server =
            Server::start(&["--listen", listen, "--web.config.file", directory.join("web.yml").to_str().unwrap()]);
        // The warning is printed before the server is ready.
        eventually("both addresses are printed", || {
            (server.stderr().matches("listening on").count() == 2).then_some(())
        });
        let text = server.stop().stderr;
        text.lines().find_map(|line| line.strip_prefix("wgstat: warning: ")).map(str::to_owned)
    };
    assert_eq!(warning("[::1]:0", ""), None);
    assert_eq!(warning("127.0.0.2:0", ""), None);
    assert!(warning("0.0.0.0:0", "").unwrap().contains("without TLS and without authentication"));
    assert!(warning("[::]:0", tls).unwrap().contains("without authentication"));
    assert!(warning("0.0.0.0:0", &users).unwrap().contains("without TLS: passwords"));
    assert_eq!(warning("0.0.0.0:0", &format!("{tls}{users}")), None);
}

#[test]
fn wildcard_allows_the_local_address_of_the_connection() {
    let server = Server::start(&["--listen", "0.0.0.0:0"]);
    let port: u16 = eventually("the second address", || {
        let text = server.stderr();
        let port = text.lines().find_map(|line| line.strip_prefix("wgstat: listening on http://0.0.0.0:"))?;
        port.strip_suffix('/')?.parse().ok()
    });
    let mut client = Client::connect(([127, 0, 0, 3], port).into()).unwrap();
    client.send(format!("GET /health HTTP/1.1\r\nHost: 127.0.0.3:{port}\r\n\r\n")).unwrap();
    assert_eq!(client.response().unwrap().status, 200);
    client.send(format!("GET /health HTTP/1.1\r\nHost: 192.0.2.1:{port}\r\n\r\n")).unwrap();
    assert_eq!(client.response().unwrap().status, 403);
}

#[test]
fn options_override_the_configured_addresses() {
    let directory = tempfile::tempdir().unwrap();
    let path: PathBuf = directory.path().join("c.toml");
    let socket = directory.path().join("a.sock");
    let text = format!(
        "[serve]\nlisten = [\"unix:{}\"]\nallow_host = [\"a.example\"]\nmax_connections = 3\npoll = \"7s\"\n",
        socket.display()
    );
    fs::write(&path, text).unwrap();
    let (child, mut line) = start(&["--config", path.to_str().unwrap()], &[]);
    assert_eq!(line(), format!("wgstat: listening on unix:{}\n", socket.display()));
    assert_eq!(stop(child), 0);

    let server = Server::start(&["--config", path.to_str().unwrap()]);
    assert!(!socket.exists());
    assert_eq!((get_with_host(&server, "a.example").status, get_with_host(&server, "b.example").status), (200, 403));
    let open: Vec<Client> = (0..3).map(|_| server.client()).collect();
    eventually("all three connections are in use", || {
        (server.client().get("/health").is_ok_and(|response| response.status == 503)).then_some(())
    });
    drop(open);
    drop(server);
    let server = Server::start(&["--config", path.to_str().unwrap(), "--allow-host", "b.example"]);
    eventually("a connection is accepted", || (get_with_host(&server, "b.example").status == 200).then_some(()));
    assert_eq!(get_with_host(&server, "a.example").status, 403);
}

/// Uses a datagram socket in place of systemd's.
#[test]
fn systemd_is_notified_of_ready_reloading_and_stopping() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(TIMEOUT)).unwrap();
    let next = || {
        let mut buffer = [0; 1024];
        let length = manager.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).trim_end().to_owned()
    };
    let (child, _) = start(&["--listen", "127.0.0.1:0"], &[("NOTIFY_SOCKET", &path)]);
    assert_eq!(next(), "READY=1");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGHUP).unwrap();
    let reloading = next();
    let (first, time) = reloading.split_once('\n').unwrap();
    assert_eq!(first, "RELOADING=1");
    assert!(time.strip_prefix("MONOTONIC_USEC=").unwrap().parse::<u64>().unwrap() > 0);
    assert_eq!(next(), "READY=1");
    let (status, stopping) = (stop(child), next());
    assert_eq!((status, stopping.as_str()), (0, "STOPPING=1"));
}

/// Uses systemd-socket-activate.
#[test]
fn sockets_from_systemd_are_served() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("handed.sock");
    // A free port.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut activate = Command::new("systemd-socket-activate");
    activate.args(["-l", &address, "-l", path.to_str().unwrap()]).arg(wgstat()).args(["serve", "--poll", "1h"]);
    let child = activate.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut client = eventually("systemd listens", || Client::connect(address.parse().unwrap()).ok());
    assert_eq!(client.get("/health").unwrap().status, 200, "the first request starts the server");
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(b"GET /health HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("200 OK"), "{answer}");
    let mut child = child;
    let mut stderr = child.stderr.take().unwrap();
    assert_eq!(stop(child), 0);
    let mut text = String::new();
    stderr.read_to_string(&mut text).unwrap();
    assert!(text.contains(&format!("wgstat: listening on http://{address}/\n")), "{text}");
    assert!(!text.contains(":9586"), "the default address is not used: {text}");
    assert!(path.exists(), "systemd removes the socket file");
}

#[test]
fn shutdown_waits_only_for_requests_in_progress() {
    let server = Server::start(&[]);
    let mut idle = server.client();
    assert_eq!(idle.get("/health").unwrap().status, 200);
    let mut half = server.client();
    half.send("GET /health HTTP/1.1\r\nHost: local").unwrap();
    let address = server.address();
    let stopped = server.stop();
    assert_eq!(stopped.status.code(), Some(0));
    assert!(stopped.time < Duration::from_secs(7), "{:?}", stopped.time);
    assert!(idle.is_closed() && half.is_closed());
    assert!(Client::connect(address).is_err());
    assert!(!stopped.stderr.contains("panicked"), "{}", stopped.stderr);
}
