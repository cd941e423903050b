//! Runs `wgstat serve`: starts the HTTP server (`http`), the routes, and the worker thread, which collects samples and renders
//! responses.

mod responses;
mod routes;
mod worker;

use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustix::thread::disable_transparent_huge_pages;
use sd_notify::NotifyState;

pub(super) use self::routes::PATHS;
use self::routes::Routes;
use self::worker::Worker;
use super::output::{print_problem, warn};
use super::{Invocation, Outcome, export_metrics};
use crate::cli::Serve;
use crate::collect::Scope;
use crate::collect::netns::NetnsSelector;
use crate::error::{Error, Result};
use crate::http::{self, Listener, Metrics, WebConfig};
use crate::model::{ListenAddress, Name, ServeSettings, Settings};
use crate::render::Endpoints;
use crate::sampler::OnDemandSampler;

/// Default address. The port is the one registered for WireGuard exporters with Prometheus.
const DEFAULT_ADDRESS: &str = "127.0.0.1:9586";
/// Default interval of background samples.
const DEFAULT_POLL: Duration = Duration::from_secs(30);

pub(super) fn run(options: &Serve, mut invocation: Invocation<'_>) -> Result<Outcome> {
    // A huge page for a thread's stack would take 2 MiB: as much as the rest of an idle server. Old kernels have no such
    // setting.
    let _ = disable_transparent_huge_pages(true);
    let ServeSettings { listen, poll, max_connections, allow_host } = invocation.settings.serve.clone();
    let web = WebConfig::read(options.web_config_file.as_deref())?;
    let listeners = open_listeners(options, listen)?;
    let mut scope = invocation.scope(&options.interfaces);
    scope.expected = expected_interfaces(&scope, &invocation.settings);
    let mut sampler = OnDemandSampler::open(scope.clone(), invocation.take_settings())?;
    // Report problems at the start, and not with the first request.
    let first = sampler.poll()?;
    for problem in &first.snapshot.problems {
        print_problem(invocation.err, problem);
    }
    invocation.print_name_warnings(sampler.sampler());
    let Invocation { global, err, .. } = invocation;
    if global.strict && !first.snapshot.problems.is_empty() {
        return Ok(Outcome::Incomplete);
    }
    drop(first);

    let metrics = Metrics::new().map_err(|error| server_error(&error))?;
    let render_options = responses::RenderOptions {
        metrics: export_metrics::exposition_options(&options.metrics, options.peer_endpoints),
        server_metrics: metrics.clone(),
    };
    let poll = options.poll.or(poll).unwrap_or(DEFAULT_POLL);
    let worker = Arc::new(Worker::default());
    let thread =
        worker::start(Arc::clone(&worker), sampler, poll, render_options).map_err(|error| server_error(&error))?;

    let mut announcement = Vec::new();
    announce(&listeners, &web, &mut announcement);
    let handler = Routes {
        worker: Arc::clone(&worker),
        endpoints: if options.peer_endpoints { Endpoints::Shown } else { Endpoints::Hidden },
        page: std::cell::OnceCell::new(),
        schema: std::cell::OnceCell::new(),
        reload: Box::new({
            let global = global.clone();
            move || {
                let settings = crate::config::load(global.config.as_deref())?;
                let expected = expected_interfaces(&scope, &settings);
                Ok((settings, expected))
            }
        }),
    };
    let options = http::ServerOptions {
        max_connections: options.max_connections.or(max_connections).unwrap_or(http::DEFAULT_MAX_CONNECTIONS),
        allowed_hosts: if options.allow_host.is_empty() { allow_host } else { options.allow_host.clone() },
        web_config: web,
        metrics,
    };
    let ready = || {
        // A closed standard error is no reason to stop.
        let _ = err.write_all(&announcement).and_then(|()| err.flush());
        notify_systemd(&[NotifyState::Ready]);
    };
    let result = http::run(&listeners, options, Rc::new(handler), ready);
    worker.close();
    // The thread finishes its current task first.
    let _ = thread.join();
    result.map_err(|error| server_error(&error))?;
    Ok(Outcome::Done)
}

/// Returns an error of the server itself, not of one address.
fn server_error(error: &dyn std::fmt::Display) -> Error {
    Error::Listen { address: "serve".to_owned(), source: std::io::Error::other(error.to_string()) }
}

/// Returns the interfaces that should exist: those of the configuration, if the scope is all interfaces.
fn expected_interfaces(scope: &Scope, settings: &Settings) -> Vec<Name> {
    let covers_all =
        scope.interfaces.is_empty() && (scope.namespaces.is_empty() || scope.namespaces.contains(&NetnsSelector::All));
    if covers_all { settings.networks.keys().cloned().collect() } else { Vec::new() }
}

/// Opens the listeners: sockets from systemd and `--listen`, else the configured addresses, else the default.
fn open_listeners(options: &Serve, configured: Vec<ListenAddress>) -> Result<Vec<Listener>> {
    let mut listeners = http::inherited_listeners()
        .map_err(|source| Error::Listen { address: "socket passed by systemd".to_owned(), source })?;
    let addresses = match (&options.listen[..], &configured[..]) {
        ([], []) if listeners.is_empty() => DEFAULT_ADDRESS.parse().into_iter().collect(),
        // The socket unit replaces the configured addresses.
        ([], _) if !listeners.is_empty() => Vec::new(),
        ([], _) => configured,
        (requested, _) => requested.to_vec(),
    };
    for address in &addresses {
        let listener = Listener::bind(address, options.listen_mode)
            .map_err(|source| Error::Listen { address: address.to_string(), source })?;
        listeners.push(listener);
    }
    Ok(listeners)
}

/// Writes the addresses, and a warning for each address that is not protected.
fn announce(listeners: &[Listener], web: &WebConfig, err: &mut dyn Write) {
    let scheme = if web.has_tls() { "https" } else { "http" };
    for Listener { address, .. } in listeners {
        let url = match address {
            ListenAddress::Tcp(address) => format!("{scheme}://{address}/"),
            ListenAddress::Unix(_) => address.to_string(),
        };
        let _ = writeln!(err, "wgstat: listening on {url}");
        if address.is_local() {
            continue;
        }
        let risk = match (web.has_tls(), web.has_authentication()) {
            (true, true) => continue,
            (true, false) => {
                "without authentication: every client that can connect reads the names, public keys and traffic of all peers"
            }
            (false, true) => "without TLS: passwords and data are sent in clear text",
            (false, false) => {
                "without TLS and without authentication: every client that can connect reads the names, public keys and \
                 traffic of all peers"
            }
        };
        warn(err, &format!("warning: {address} is reachable from other hosts {risk}"), Some(PROTECTION_HINT));
    }
}

/// Hint of the warning about an unprotected address.
const PROTECTION_HINT: &str =
    "use --web.config.file (see wgstat-serve(1), TLS AND USERS), or listen on 127.0.0.1 behind a reverse proxy";

/// Sends states to systemd (`sd_notify(3)`).
fn notify_systemd(states: &[NotifyState<'_>]) {
    // It fails if the process was not started by systemd.
    let _ = sd_notify::notify(states);
}
