//! What the page of `serve` has beside the options.

use std::io;

use super::{Page, errors, metrics};
use crate::commands::serve::PATHS;
use crate::http::{
    DEFAULT_MAX_CONNECTIONS, HEADER_TIMEOUT, IDLE_TIMEOUT, MAX_HEADER_BYTES, MAX_HEADER_FIELDS, Metrics,
    REFUSAL_REASONS, SHUTDOWN_TIMEOUT, WRITE_TIMEOUT,
};

pub(super) fn sections(page: &mut Page) -> io::Result<()> {
    paths(page);
    privacy(page);
    names(page);
    tls(page);
    limits(page);
    signals(page);
    systemd(page);
    exit_status(page);
    files(page);
    environment(page);
    page.examples(&[
        ("For this host alone, with its peers:", "sudo wgstat serve"),
        (
            "For others, with TLS and passwords:",
            "sudo wgstat serve --listen 192.0.2.1:9586 \\\n    --web.config.file /etc/wgstat/web.yml",
        ),
        (
            "On a socket, for a reverse proxy that passes the name of its host on:",
            "sudo wgstat serve --listen unix:/run/wgstat.sock --listen-mode 0660 \\\n    --allow-host vpn.example.org",
        ),
        ("The same, asked:", "curl -s --unix-socket /run/wgstat.sock http://localhost/health"),
        (
            "One network, and the oldest sample of the last 24 hours:",
            "curl -s http://127.0.0.1:9586/api/networks/wg0 | jq '.networks[0]'\n\
             curl -s http://127.0.0.1:9586/api/history | jq '.samples[0]'",
        ),
    ]);
    own_metrics(page)?;
    page.see_also(
        "wgstat(1), wgstat-export-metrics(1), wgstat-watch(1), wgstat.toml(5), systemd.socket(5), curl(1), htpasswd(1)",
    );
    Ok(())
}

fn paths(page: &mut Page) {
    page.section("PATHS").text(
        "Each request to /api/status, /api/networks, /metrics and /health looks anew; those that come while a look is taken share it. \
         Findings that need time, rates and the history come from the samples in the background. HEAD is answered wherever GET is, \
         other methods with 405, and what is none of these with 404. Errors are {\"error\": {\"code\": …, \"message\": …}}.",
    );
    for (path, text) in PATHS {
        page.item(path, text);
    }
}

fn privacy(page: &mut Page) {
    page.section("WHAT IS SHOWN TO WHOM").text(
        "The kernel tells the endpoints of peers to the privileged only. Over HTTP they are null, and remedies have the word ENDPOINT \
         in their place, unless --peer-endpoints is given or the client proved who it is: with a password, or with a certificate. \
         All else, names and public keys and traffic of the peers, is shown to everyone who may connect and, where there are users, \
         logs in.",
    );
}

fn names(page: &mut Page) {
    page.section("HOST NAMES").text(
        "A request has to be for a host that this server goes by: localhost, any address of the loopback network, the address that was \
         called, or a name of --allow-host; with others it is answered with 403. So no page of a stranger can read it through the \
         browser of somebody who may, by a name that suddenly means this host. On unix sockets any name will do.",
    );
}

fn tls(page: &mut Page) {
    page.section("TLS AND USERS").text(
        "--web.config.file names a file in the format that Prometheus' exporters share. It is YAML, with these keys and no other; \
         relative paths begin in its folder. Whatever is wrong with it is an error at the start, and later a line on standard error \
         while what was read before still counts. It and the files that it names are looked at for changes once a second, as \
         requests come.",
    );
    page.item("tls_server_config.cert_file, key_file", "Certificate chain and private key, in PEM.");
    page.item("tls_server_config.client_ca_file", "Certificates of those who may sign the clients'.");
    page.item(
        "tls_server_config.client_auth_type",
        "NoClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert. The two types of Go's that take certificates \
         unverified are refused: they would prove nothing.",
    );
    page.item("tls_server_config.min_version", "TLS12, which is the default, or TLS13.");
    page.item(
        "basic_auth_users",
        "Names with bcrypt hashes of their passwords, of a cost of at most 16, such as htpasswd -nBC 10 NAME prints. Passwords are \
         compared one at a time; where more than eight wait, the next are answered with 503. Whoever came in is remembered until the \
         file changes.",
    );
    page.code([
        "tls_server_config:",
        "  cert_file: wgstat.crt",
        "  key_file: wgstat.key",
        "basic_auth_users:",
        "  bob: \"$2y$10$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay\"",
    ]);
}

fn limits(page: &mut Page) {
    page.section("LIMITS OF REQUESTS").text("What is beyond them is refused, and counted.");
    page.item(
        &format!("{DEFAULT_MAX_CONNECTIONS} connections"),
        "Or as --max-connections says; the next is answered with 503 at once, over TLS closed.",
    );
    page.item(&format!("{} KiB of head", MAX_HEADER_BYTES / 1024), &format!("And {MAX_HEADER_FIELDS} fields."));
    page.item(
        &format!("{} s to send it", HEADER_TIMEOUT.as_secs()),
        "From its first byte; for the first request of a connection, from its beginning.",
    );
    page.item(&format!("{} s idle", IDLE_TIMEOUT.as_secs()), "Between two requests.");
    page.item(&format!("{} s to take the answer", WRITE_TIMEOUT.as_secs()), "From when it is made.");
    page.item("No body", "A request that has one or promises one is answered with 413, and none of it is read.");
}

fn own_metrics(page: &mut Page) -> io::Result<()> {
    page.section("METRICS OF ITS OWN").text("Behind what wgstat-export-metrics(1) lists, /metrics has these:");
    let mut text = Vec::new();
    Metrics::new().map_err(io::Error::other)?.write(&mut text);
    metrics::list(page, &metrics::families(&String::from_utf8_lossy(&text)));
    page.paragraph("The reasons why something is refused:");
    for (reason, text) in REFUSAL_REASONS {
        page.item(reason, text);
    }
    Ok(())
}

fn signals(page: &mut Page) {
    page.section("SIGNALS");
    page.item(
        "SIGTERM, SIGINT",
        &format!(
            "No new connection is taken; what is under way may end within {} s. The exit status is 0.",
            SHUTDOWN_TIMEOUT.as_secs()
        ),
    );
    page.item(
        "SIGHUP",
        "The configuration, the files of names and the file of TLS and users are read again. Where one of them is wrong, a line says so and \
         what was read before still counts. Addresses and limits stay as they are until the next start.",
    );
}

fn systemd(page: &mut Page) {
    page.section("SYSTEMD").text(
        "Sockets that systemd hands over are served; then --listen adds to them, and neither the configuration nor the default counts. \
         It is told when all is ready, when files are read again and when it ends (`Type=notify`). Units are packaged: \
         wgstat.service, with CAP_NET_ADMIN and nothing else, wgstat.socket, and drop-ins for what needs more.",
    );
}

fn exit_status(page: &mut Page) {
    page.section("EXIT STATUS");
    page.item("0", "It was ended.");
    page.item(
        "1",
        "It could not start: an address is taken, a file is wrong, or links cannot be read; or, with --strict, not all could be read.",
    );
    page.item("2", "Wrong usage.");
    errors(page);
}

fn environment(page: &mut Page) {
    page.section("ENVIRONMENT")
        .item("LISTEN_FDS, LISTEN_PID", "Set by systemd: sockets that it hands over.")
        .item("NOTIFY_SOCKET", "Set by systemd: where it is told.");
}

fn files(page: &mut Page) {
    page.section("FILES").text(
        "Files of names are read again when they changed: at a request, if the last look at them is five seconds old. See wgstat(1).",
    );
}
