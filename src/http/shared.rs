//! What all connections of a server have in common.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::Notify;

use super::Handler;
use super::guard::Hosts;
use super::metrics::Metrics;
use super::users::Queue;
use super::web_config::{Loaded, WebConfig};

/// What all connections have in common.
pub(super) struct Shared {
    pub(super) handler: Rc<dyn Handler>,
    pub(super) hosts: Hosts,
    pub(super) metrics: Metrics,
    pub(super) logins: Queue,
    pub(super) stop: Notify,
    pub(super) is_stopping: Cell<bool>,
    pub(super) web: WebConfig,
    pub(super) open: Cell<usize>,
    pub(super) most: usize,
    pub(super) turned_away: Cell<usize>,
    /// The last connection ended.
    pub(super) ended: Notify,
}

impl Shared {
    /// TLS and users as they are now.
    pub(super) fn web(&self) -> Rc<Loaded> {
        self.web.current(|message, hint| self.handler.remark(message, hint))
    }
}
