//! Holds what all connections of a server share.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::Notify;

use super::Handler;
use super::guard::AllowedHosts;
use super::metrics::Metrics;
use super::users::PendingLogins;
use super::web_config::{LoadedConfig, WebConfig};

/// Holds what all connections share.
pub(super) struct Shared {
    pub(super) handler: Rc<dyn Handler>,
    pub(super) allowed_hosts: AllowedHosts,
    pub(super) metrics: Metrics,
    pub(super) pending_logins: PendingLogins,
    /// Wakes every connection at shutdown.
    pub(super) shutdown: Notify,
    /// Is set at shutdown, for connections that did not wait on `shutdown` yet.
    pub(super) is_shutting_down: Cell<bool>,
    pub(super) web_config: WebConfig,
    pub(super) open_connections: Cell<usize>,
    pub(super) max_connections: usize,
    /// Counts connections that are being rejected with 503.
    pub(super) rejecting: Cell<usize>,
    /// Is notified whenever a connection has closed.
    pub(super) connection_closed: Notify,
}

impl Shared {
    /// Returns the current TLS settings and users.
    pub(super) fn web(&self) -> Rc<LoadedConfig> {
        self.web_config.current(|message, hint| self.handler.warn(message, hint))
    }
}
