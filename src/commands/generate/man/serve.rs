//! What the page of `serve` has beside the options.

use clap_mangen::roff::{Roff, bold, roman};

use super::item;
use crate::commands::serve::PATHS;
use crate::http::{CONNECTIONS, END_TIME, FIELDS, HEAD, HEAD_TIME, IDLE_TIME, REFUSALS, TAKE_TIME};

pub(super) fn sections() -> Vec<Roff> {
    vec![paths(), privacy(), names(), tls(), limits(), metrics(), signals(), systemd(), exit_status(), files()]
}

fn paths() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["PATHS"]).text([roman(
        "Each request to /api/status, /api/networks, /metrics and /health looks anew; those that come while a look is taken share it. \
         Findings that need time, rates and the history come from the samples in the background. HEAD is answered wherever GET is, \
         other methods with 405, and what is none of these with 404. Errors are {\"error\": {\"code\": …, \"message\": …}}.",
    )]);
    for (path, text) in PATHS {
        item(&mut section, path, text);
    }
    section
}

fn privacy() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["WHAT IS SHOWN TO WHOM"]).text([roman(
        "The kernel tells the endpoints of peers to the privileged only. Over HTTP they are null, and remedies have the word ENDPOINT \
         in their place, unless --peer-endpoints is given or the client proved who it is: with a password, or with a certificate. \
         All else, names and public keys and traffic of the peers, is shown to everyone who may connect and, where there are users, \
         logs in.",
    )]);
    section
}

fn names() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["HOST NAMES"]).text([roman(
        "A request has to be for a host that this server goes by: localhost, any address of the loopback network, the address that was \
         called, or a name of --allow-host; with others it is answered with 403. So no page of a stranger can read it through the \
         browser of somebody who may, by a name that suddenly means this host. On unix sockets any name will do.",
    )]);
    section
}

fn tls() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["TLS AND USERS"]).text([
        roman("--web.config.file names a file in the format that Prometheus' exporters share. It is YAML, with these keys and no other; relative paths begin in its folder. Whatever is wrong with it is an error at the start, and later a line on standard error while what was read before still counts. It and the files that it names are looked at for changes once a second, as requests come."),
    ]);
    item(&mut section, "tls_server_config.cert_file, key_file", "Certificate chain and private key, in PEM.");
    item(&mut section, "tls_server_config.client_ca_file", "Certificates of those who may sign the clients'.");
    item(
        &mut section,
        "tls_server_config.client_auth_type",
        "NoClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert. The two types of Go's that take certificates \
         unverified are refused: they would prove nothing.",
    );
    item(&mut section, "tls_server_config.min_version", "TLS12, which is the default, or TLS13.");
    item(
        &mut section,
        "basic_auth_users",
        "Names with bcrypt hashes of their passwords, of a cost of at most 16, such as htpasswd -nBC 10 NAME prints. Passwords are \
         compared one at a time; where more than eight wait, the next are answered with 503. Whoever came in is remembered until the \
         file changes.",
    );
    section.control("PP", []).control("nf", []);
    for line in [
        "tls_server_config:",
        "  cert_file: wgstat.crt",
        "  key_file: wgstat.key",
        "basic_auth_users:",
        "  prometheus: \"$2y$10$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay\"",
    ] {
        section.text([roman(line)]);
    }
    section.control("fi", []);
    section
}

fn limits() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["LIMITS OF REQUESTS"]).text([roman("What is beyond them is refused, and counted.")]);
    item(
        &mut section,
        &format!("{CONNECTIONS} connections"),
        "Or as --max-connections says; the next is answered with 503 at once, over TLS closed.",
    );
    item(&mut section, &format!("{} KiB of head", HEAD / 1024), &format!("And {FIELDS} fields."));
    item(
        &mut section,
        &format!("{} s to send it", HEAD_TIME.as_secs()),
        "From its first byte; for the first request of a connection, from its beginning.",
    );
    item(&mut section, &format!("{} s idle", IDLE_TIME.as_secs()), "Between two requests.");
    item(&mut section, &format!("{} s to take the answer", TAKE_TIME.as_secs()), "From when it is made.");
    item(
        &mut section,
        "No body",
        "A request that has one or promises one is answered with 413, and none of it is read.",
    );
    section
}

fn metrics() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["METRICS OF ITS OWN"]).text([roman(
        "Behind what export-metrics has: wgstat_http_requests_total by code, wgstat_http_request_duration_seconds, \
         wgstat_http_connections, and wgstat_http_refused_total by reason:",
    )]);
    for (reason, text) in REFUSALS {
        item(&mut section, reason, text);
    }
    section
}

fn signals() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["SIGNALS"]);
    item(
        &mut section,
        "SIGTERM, SIGINT",
        &format!(
            "No new connection is taken; what is under way may end within {} s. The exit status is 0.",
            END_TIME.as_secs()
        ),
    );
    item(
        &mut section,
        "SIGHUP",
        "The configuration, the files of names and the file of TLS and users are read again. Where one of them is wrong, a line says so and \
         what was read before still counts. Addresses and limits stay as they are until the next start.",
    );
    section
}

fn systemd() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["SYSTEMD"]).text([
        roman("Sockets that systemd hands over are served; then --listen adds to them, and neither the configuration nor the default counts. It is told when all is ready, when files are read again and when it ends ("),
        bold("Type=notify"),
        roman("). Units are packaged: wgstat.service, with CAP_NET_ADMIN and nothing else, wgstat.socket, and drop-ins for what needs more."),
    ]);
    section
}

fn exit_status() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["EXIT STATUS"]);
    item(&mut section, "0", "It was ended.");
    item(
        &mut section,
        "1",
        "It could not start: an address is taken, a file is wrong, or links cannot be read; or, with --strict, not all could be read.",
    );
    item(&mut section, "2", "Wrong usage.");
    section
}

fn files() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["FILES"]).text([roman(
        "Files of names are read again when they changed: at a request, if the last look at them is five seconds old. See wgstat(1).",
    )]);
    section
}
