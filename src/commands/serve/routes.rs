//! Routes requests: a path is either passed to the worker, or has a static reply.

use std::cell::OnceCell;
use std::io::{Write as _, stderr};
use std::sync::Arc;

use hyper::header::CONTENT_SECURITY_POLICY;
use sd_notify::NotifyState;

use super::notify_systemd;
use super::responses::{Query, Resource, gzip};
use super::worker::Worker;
use crate::commands::output;
use crate::error::Result;
use crate::http::{Handled, Handler, Reply, Request};
use crate::model::{Name, Settings, printable};
use crate::render::dashboard::{Dashboard, dashboard};
use crate::render::{Endpoints, json};

/// Lists every path with its description, for the manual.
pub(in crate::commands) static PATHS: [(&str, &str); 7] = [
    ("/", "The dashboard: one page without external resources."),
    (
        "/metrics",
        "Metrics in Prometheus' text format 0.0.4, as export-metrics writes them, and those of the server itself.",
    ),
    ("/health", "200 while interfaces can be read, else 503; with the number of healthy and degraded networks."),
    ("/api/status", "The document of status --json, with rates and with findings that need an interval."),
    (
        "/api/networks/NAME",
        "The same for one network, by interface name or friendly name. ?netns=NAME selects one of several with the same name.",
    ),
    (
        "/api/history",
        "The counters of the last 24 hours: one sample per --poll, and one per five minutes for those older than an hour. \
         ?interface=NAME selects an interface, &netns=NAME one of several with the same name. The default is the sum of all.",
    ),
    ("/api/schema", "The JSON Schema of every document, by document type."),
];

/// Handles the requests of `serve`.
pub(super) struct Routes {
    pub(super) worker: Arc<Worker>,
    /// Whether unauthenticated clients see the peers' endpoints.
    pub(super) endpoints: Endpoints,
    /// The dashboard, rendered on first use: most servers are only scraped.
    pub(super) page: OnceCell<StaticReply>,
    /// The schemas, rendered on first use: that takes longer than a scrape.
    pub(super) schema: OnceCell<StaticReply>,
    /// Loads the configuration; returns the settings and the expected interfaces.
    pub(super) reload: Box<dyn Fn() -> Result<(Settings, Vec<Name>)>>,
}

/// Holds a reply that never changes, plain and compressed.
pub(super) struct StaticReply {
    plain: Reply,
    gzip: Reply,
}

impl StaticReply {
    /// Compresses the reply.
    fn new(plain: Reply) -> Self {
        Self { gzip: plain.clone().compressed(gzip), plain }
    }

    /// Renders the dashboard.
    fn dashboard() -> Self {
        let Dashboard { html, policy } = dashboard();
        let reply = Reply::new("text/html; charset=utf-8", html);
        let reply = reply
            .with_header(CONTENT_SECURITY_POLICY, &policy)
            .with_header(hyper::header::REFERRER_POLICY, "no-referrer")
            .with_header(hyper::header::X_FRAME_OPTIONS, "DENY");
        Self::new(reply)
    }

    /// Renders the schemas.
    fn schema() -> Self {
        let mut bytes = Vec::new();
        Self::new(match json::all_schemas(&mut bytes) {
            Ok(()) => Reply::json(200, bytes),
            Err(error) => Reply::error(500, "INTERNAL_ERROR", &error.to_string()),
        })
    }

    /// Returns the variant that the client accepts.
    fn reply(&self, request: &Request) -> Handled {
        Handled::Ready(if request.accepts_gzip { self.gzip.clone() } else { self.plain.clone() })
    }
}

impl Handler for Routes {
    fn handle(&self, request: &Request) -> Handled {
        let endpoints = if request.is_authenticated { Endpoints::Shown } else { self.endpoints };
        let parameter = |name| request.parameter(name).map(std::borrow::Cow::into_owned);
        let resource = match request.path.as_str() {
            "/" => return self.page.get_or_init(StaticReply::dashboard).reply(request),
            "/api/schema" => return self.schema.get_or_init(StaticReply::schema).reply(request),
            "/metrics" => Resource::Metrics,
            "/health" => Resource::Health,
            "/api/status" => Resource::Status(endpoints),
            "/api/history" => {
                Resource::ThroughputHistory { interface: parameter("interface"), netns: parameter("netns"), endpoints }
            }
            _ => match request.path_after("/api/networks/") {
                Some(name) => Resource::Network { name: name.into_owned(), netns: parameter("netns"), endpoints },
                None => return Handled::Ready(not_found(&request.path)),
            },
        };
        Handled::Pending(self.worker.submit(Query { resource, gzip: request.accepts_gzip }))
    }

    fn reload(&self) {
        // systemd requires the time with RELOADING=1 (sd_notify(3)).
        if let Ok(time) = NotifyState::monotonic_usec_now() {
            notify_systemd(&[NotifyState::Reloading, time]);
        }
        match (self.reload)() {
            Ok((settings, expected)) => self.worker.reload(settings, expected),
            Err(error) => {
                let message = format!("{error}; the previous configuration stays in use");
                self.warn(&message, error.hint().as_deref());
            }
        }
        notify_systemd(&[NotifyState::Ready]);
    }

    fn shutdown(&self) {
        notify_systemd(&[NotifyState::Stopping]);
    }

    fn warn(&self, message: &str, hint: Option<&str>) {
        let mut stderr = stderr();
        output::warn(&mut stderr, message, hint);
        let _ = stderr.flush();
    }
}

/// Returns 404 with the known paths.
fn not_found(path: &str) -> Reply {
    let shown: String = path.chars().take(100).collect();
    let have = PATHS.map(|(path, _)| path).join(", ");
    Reply::error(404, "NOT_FOUND", &format!("{}: no such path (have: {have})", printable(&shown)))
}
