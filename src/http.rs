//! A guarded HTTP listener that knows no WireGuard: whoever it serves is a [`Handler`], a plain function from a request to an
//! answer. Limits, deadlines, authentication and TLS are here.
//!
//! One thread does all of it, and never waits: what takes long is promised ([`Answer::Later`]), passwords are compared on a
//! thread of their own.

mod connection;
mod guard;
mod listener;
mod metrics;
mod reply;
mod request;
mod server;
mod shared;
mod tls;
mod users;
mod web_config;

use std::time::Duration;

pub use self::listener::{Listener, inherited};
pub use self::metrics::{Metrics, REFUSALS};
pub use self::reply::{Answer, Promise, Reply, promise};
pub use self::request::Request;
pub use self::server::{Options, run};
pub use self::web_config::WebConfig;

/// Who answers the requests that the guard lets through.
pub trait Handler {
    /// Answers a request, or promises to. It must not wait.
    fn answer(&self, request: &Request) -> Answer;

    /// The operator asked for everything to be read again.
    fn reload(&self);

    /// No new connection is taken any more.
    fn stopping(&self);

    /// Something that the operator should know.
    fn remark(&self, message: &str, hint: Option<&str>);
}

/// Bytes of a request's head, at most. It is also the least that hyper's buffer can be limited to.
pub const HEAD: usize = 8 * 1024;
/// Header fields of a request, at most: hyper's own limit, which costs less than one of ours would.
pub const FIELDS: usize = 100;
/// A head has to be here so long after its first byte, the first one of a connection so long after that began.
pub const HEAD_TIME: Duration = Duration::from_secs(5);
/// A connection may be idle between two requests.
pub const IDLE_TIME: Duration = Duration::from_secs(30);
/// An answer has to be taken.
pub const TAKE_TIME: Duration = Duration::from_secs(10);
/// An answer has to be made; nobody waits for longer.
const MAKE_TIME: Duration = Duration::from_secs(30);
/// What is under way when it stops has so long to end.
pub const END_TIME: Duration = Duration::from_secs(5);
/// Connections at a time, unless another limit is given.
pub const CONNECTIONS: usize = 64;
