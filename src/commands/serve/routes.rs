//! Who answers what: from a path to what is asked for at the desk, or to what is known at once.

use std::cell::OnceCell;
use std::io::{Write as _, stderr};
use std::sync::Arc;

use hyper::header::CONTENT_SECURITY_POLICY;
use sd_notify::NotifyState;

use super::answers::{Wanted, What, gzip};
use super::desk::Desk;
use super::tell_manager;
use crate::commands::output::warn;
use crate::error::Result;
use crate::http::{Answer, Handler, Reply, Request};
use crate::model::{Name, Settings, printable};
use crate::render::dashboard::{Dashboard, dashboard};
use crate::render::{Endpoints, json};

/// Every path with what it has, for the manual.
pub(in crate::commands) static PATHS: [(&str, &str); 7] = [
    ("/", "The dashboard: one page that needs nothing from elsewhere."),
    (
        "/metrics",
        "Metrics for Prometheus, in the text format 0.0.4, as export-metrics writes them, and those of the server itself.",
    ),
    ("/health", "200 while links can be read, else 503; with the number of networks that are well and that are not."),
    ("/api/status", "What status --json prints, with rates, and with findings that need time."),
    (
        "/api/networks/NAME",
        "The same of one network, by its interface's or its friendly name; ?netns=NAME where there are several of that name.",
    ),
    (
        "/api/history",
        "The counters of the last 24 hours, one sample each --poll and of what is older than an hour one in five minutes: with \
         ?interface=NAME of an interface, and &netns=NAME where there are several of that name; else the sum of all.",
    ),
    ("/api/schema", "The JSON Schema of every document, by its type."),
];

/// The routes of `serve`.
pub(super) struct Routes {
    pub(super) desk: Arc<Desk>,
    /// What those see who did not prove who they are.
    pub(super) endpoints: Endpoints,
    /// Made when it is asked for: most servers are only scraped.
    pub(super) page: OnceCell<Made>,
    /// As the page: to make it takes longer than a scrape.
    pub(super) schema: OnceCell<Made>,
    /// Reads the configuration again.
    pub(super) reload: Box<dyn Fn() -> Result<(Settings, Vec<Name>)>>,
}

/// An answer that never changes.
pub(super) struct Made {
    plain: Reply,
    gzip: Reply,
}

impl Made {
    fn new(plain: Reply) -> Self {
        Self { gzip: plain.clone().compressed(gzip), plain }
    }

    fn dashboard() -> Self {
        let Dashboard { html, policy } = dashboard();
        let reply = Reply::new("text/html; charset=utf-8", html);
        let reply = reply
            .with(CONTENT_SECURITY_POLICY, &policy)
            .with(hyper::header::REFERRER_POLICY, "no-referrer")
            .with(hyper::header::X_FRAME_OPTIONS, "DENY");
        Self::new(reply)
    }

    fn schema() -> Self {
        let mut bytes = Vec::new();
        Self::new(match json::schema_of_all(&mut bytes) {
            Ok(()) => Reply::json(200, bytes),
            Err(error) => Reply::error(500, "INTERNAL_ERROR", &error.to_string()),
        })
    }

    fn answer(&self, request: &Request) -> Answer {
        Answer::Now(if request.accepts_gzip { self.gzip.clone() } else { self.plain.clone() })
    }
}

impl Handler for Routes {
    fn answer(&self, request: &Request) -> Answer {
        let endpoints = if request.is_authenticated { Endpoints::Shown } else { self.endpoints };
        let parameter = |name| request.parameter(name).map(std::borrow::Cow::into_owned);
        let what = match request.path.as_str() {
            "/" => return self.page.get_or_init(Made::dashboard).answer(request),
            "/api/schema" => return self.schema.get_or_init(Made::schema).answer(request),
            "/metrics" => What::Metrics,
            "/health" => What::Health,
            "/api/status" => What::Status(endpoints),
            "/api/history" => {
                What::ThroughputHistory { interface: parameter("interface"), netns: parameter("netns"), endpoints }
            }
            _ => match request.behind("/api/networks/") {
                Some(name) => What::Network { name: name.into_owned(), netns: parameter("netns"), endpoints },
                None => return Answer::Now(not_found(&request.path)),
            },
        };
        Answer::Later(self.desk.ask(Wanted { what, gzip: request.accepts_gzip }))
    }

    fn reload(&self) {
        // Where the clock cannot be read, systemd is told nothing rather than half of it.
        if let Ok(since) = NotifyState::monotonic_usec_now() {
            tell_manager(&[NotifyState::Reloading, since]);
        }
        match (self.reload)() {
            Ok((settings, expected)) => self.desk.reload(settings, expected),
            Err(error) => {
                let message = format!("{error}; what was read before still counts");
                self.remark(&message, error.hint().as_deref());
            }
        }
        tell_manager(&[NotifyState::Ready]);
    }

    fn stopping(&self) {
        tell_manager(&[NotifyState::Stopping]);
    }

    fn remark(&self, message: &str, hint: Option<&str>) {
        let mut remarks = stderr();
        warn(&mut remarks, message, hint);
        let _ = remarks.flush();
    }
}

fn not_found(path: &str) -> Reply {
    let shown: String = path.chars().take(100).collect();
    let have = PATHS.map(|(path, _)| path).join(", ");
    Reply::error(404, "NOT_FOUND", &format!("{}: no such path (have: {have})", printable(&shown)))
}
