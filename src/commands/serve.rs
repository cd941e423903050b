//! `wgstat serve`: the three parts of it are the listener (`http`), which knows no WireGuard, the routes, which say who
//! answers what, and the desk, where one thread reads and writes the answers.

mod answers;
mod desk;
mod routes;

use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustix::thread::disable_transparent_huge_pages;
use sd_notify::NotifyState;

use self::desk::Desk;
pub(super) use self::routes::PATHS;
use self::routes::Routes;
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

/// The port that is registered for exporters of WireGuard.
const DEFAULT: &str = "127.0.0.1:9586";
/// Time between two samples in the background.
const POLL: Duration = Duration::from_secs(30);

pub(super) fn run(options: &Serve, mut invocation: Invocation<'_>) -> Result<Outcome> {
    // A huge page for a thread's stack would take 2 MiB: as much as the rest of an idle server. Old kernels have no such setting.
    let _ = disable_transparent_huge_pages(true);
    let ServeSettings { listen, poll, max_connections, allow_host } = invocation.settings.serve.clone();
    let web = WebConfig::read(options.web_config_file.as_deref())?;
    let listeners = listeners(options, listen)?;
    let mut scope = invocation.scope(&options.interfaces);
    scope.expected = expected(&scope, &invocation.settings);
    let mut live = OnDemandSampler::open(scope.clone(), invocation.take_settings())?;
    // What could not be read is told at once, not by the first who asks.
    let first = live.poll()?;
    for problem in &first.snapshot.problems {
        print_problem(invocation.err, problem);
    }
    invocation.print_name_warnings(live.sampler());
    let Invocation { global, err, .. } = invocation;
    if global.strict && !first.snapshot.problems.is_empty() {
        return Ok(Outcome::Incomplete);
    }
    drop(first);

    let metrics = Metrics::new().map_err(|error| failed(&error))?;
    let render = answers::Rendering {
        metrics: export_metrics::rendering(&options.metrics, options.peer_endpoints),
        own: metrics.clone(),
    };
    let poll = options.poll.or(poll).unwrap_or(POLL);
    let desk = Arc::new(Desk::default());
    let worker = desk::start(Arc::clone(&desk), live, poll, render).map_err(|error| failed(&error))?;

    let mut announcement = Vec::new();
    announce(&listeners, &web, &mut announcement);
    let handler = Routes {
        desk: Arc::clone(&desk),
        endpoints: if options.peer_endpoints { Endpoints::Shown } else { Endpoints::Hidden },
        page: std::cell::OnceCell::new(),
        schema: std::cell::OnceCell::new(),
        reload: Box::new({
            let global = global.clone();
            move || {
                let settings = crate::config::load(global.config.as_deref())?;
                let expected = expected(&scope, &settings);
                Ok((settings, expected))
            }
        }),
    };
    let options = http::Options {
        connections: options.max_connections.or(max_connections).unwrap_or(http::CONNECTIONS),
        hosts: if options.allow_host.is_empty() { allow_host } else { options.allow_host.clone() },
        web,
        metrics,
    };
    let ready = || {
        // Where nobody reads it, it serves all the same.
        let _ = err.write_all(&announcement).and_then(|()| err.flush());
        tell_manager(&[NotifyState::Ready]);
    };
    let served = http::run(&listeners, options, Rc::new(handler), ready);
    desk.close();
    // It ends when what it is reading is read.
    let _ = worker.join();
    served.map_err(|error| failed(&error))?;
    Ok(Outcome::Done)
}

/// What is needed to serve at all, and is not there.
fn failed(error: &dyn std::fmt::Display) -> Error {
    Error::Listen { address: "serve".to_owned(), source: std::io::Error::other(error.to_string()) }
}

/// The interfaces that should be there: those of the configuration, where all are looked at.
fn expected(scope: &Scope, settings: &Settings) -> Vec<Name> {
    let is_of_all =
        scope.interfaces.is_empty() && (scope.namespaces.is_empty() || scope.namespaces.contains(&NetnsSelector::All));
    if is_of_all { settings.networks.keys().cloned().collect() } else { Vec::new() }
}

/// What systemd hands over, and beside it what was asked for; the default where there is neither.
fn listeners(options: &Serve, configured: Vec<ListenAddress>) -> Result<Vec<Listener>> {
    let mut listeners = http::inherited()
        .map_err(|source| Error::Listen { address: "a socket that systemd handed over".to_owned(), source })?;
    let asked = match (&options.listen[..], &configured[..]) {
        ([], []) if listeners.is_empty() => DEFAULT.parse().into_iter().collect(),
        // The unit of the socket says where.
        ([], _) if !listeners.is_empty() => Vec::new(),
        ([], _) => configured,
        (asked, _) => asked.to_vec(),
    };
    for address in &asked {
        let listener = Listener::bind(address, options.listen_mode)
            .map_err(|source| Error::Listen { address: address.to_string(), source })?;
        listeners.push(listener);
    }
    Ok(listeners)
}

/// Says where it listens, and what that means.
fn announce(listeners: &[Listener], web: &WebConfig, err: &mut dyn Write) {
    let scheme = if web.has_tls() { "https" } else { "http" };
    for Listener { address, .. } in listeners {
        let shown = match address {
            ListenAddress::Tcp(address) => format!("{scheme}://{address}/"),
            ListenAddress::Unix(_) => address.to_string(),
        };
        let _ = writeln!(err, "wgstat: listening on {shown}");
        if address.is_local() {
            continue;
        }
        let lacks = match (web.has_tls(), web.has_authentication()) {
            (true, true) => continue,
            (true, false) => "without authentication: whoever reaches it reads names, keys and traffic of all peers",
            (false, true) => "without TLS: passwords and all else pass in the clear",
            (false, false) => {
                "without TLS and without authentication: whoever reaches it, or listens on the way, reads names, keys and \
                 traffic of all peers"
            }
        };
        warn(err, &format!("warning: {address} is not only this host's, and is served {lacks}"), Some(GUARD));
    }
}

const GUARD: &str =
    "give it --web.config.file (wgstat-serve(1), TLS AND USERS), or listen on 127.0.0.1 behind a reverse proxy";

/// Tells systemd, where it started this.
fn tell_manager(states: &[NotifyState<'_>]) {
    // Whoever started it otherwise is told nothing.
    let _ = sd_notify::notify(states);
}
