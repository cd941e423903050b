//! Serves HTTP/1.1 with limits, timeouts, authentication and TLS. It knows nothing about WireGuard: a [`Handler`] turns a
//! request into a response.
//!
//! All connections run on one thread, so nothing here blocks. A handler that needs time returns [`Handled::Pending`].
//! Passwords are verified on a thread of their own.

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

pub use self::listener::{Listener, inherited_listeners};
pub use self::metrics::{Metrics, REFUSAL_REASONS};
pub use self::reply::{Handled, PendingReply, Reply, pending_reply};
pub use self::request::Request;
pub use self::server::{ServerOptions, run};
pub use self::web_config::WebConfig;

/// Handles the requests that passed all checks.
pub trait Handler {
    /// Returns the reply, or a reply that is still pending. It must not block.
    fn handle(&self, request: &Request) -> Handled;

    /// Reads the configuration again, after SIGHUP.
    fn reload(&self);

    /// Is called when the server has stopped accepting connections.
    fn shutdown(&self);

    /// Prints a warning for the operator.
    fn warn(&self, message: &str, hint: Option<&str>);
}

/// Maximum size of a request's header, in bytes. hyper's read buffer cannot be limited to less.
pub const MAX_HEADER_BYTES: usize = 8 * 1024;
/// Maximum number of header fields in a request: hyper's default, which costs less than an explicit limit.
pub const MAX_HEADER_FIELDS: usize = 100;
/// Time to receive a request's header, from its first byte. For the first request: from the start of the connection.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// Time that a connection may be idle between two requests.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Time for the client to read a response.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for the handler to produce a reply.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(30);
/// Time for requests in progress to finish at shutdown.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
/// Default for the maximum number of concurrent connections.
pub const DEFAULT_MAX_CONNECTIONS: usize = 64;
