//! What the operator knows and the kernel does not: names, expectations, limits.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::{ListenAddress, Name, PublicKey, Threshold};

/// The configuration. Without one, everything is empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// Networks by interface name; each is expected to exist.
    pub networks: BTreeMap<Name, NetworkSettings>,
    /// Peers by public key.
    pub peers: BTreeMap<PublicKey, PeerSettings>,
    /// Limits of `check`, as `--warn` has them.
    pub warn: Vec<Threshold>,
    /// Limits of `check`, as `--crit` has them.
    pub crit: Vec<Threshold>,
    /// Of `serve`, what its options do not say.
    pub serve: ServeSettings,
    /// The file that all this was read from; `None` where there is none.
    pub file: Option<PathBuf>,
}

/// What is known of one network: `[networks.IFACE]` of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkSettings {
    /// Shown instead of the interface's name.
    pub name: Option<String>,
    /// Its id, shown instead of the ifindex; no two networks have the same.
    pub id: Option<u32>,
    /// Line of its table in the file, from 1.
    pub line: usize,
}

/// What is known of one peer: `[peers."KEY"]` of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeerSettings {
    /// Its friendly name.
    pub name: Option<String>,
    /// Seconds between the keepalives that it is expected to send; never 0.
    pub expected_keepalive: Option<u16>,
    /// No finding and no limit is about it.
    pub ignore: bool,
    /// Line of its table in the file, from 1.
    pub line: usize,
}

/// How to serve: `[serve]` of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServeSettings {
    /// Where to listen.
    pub listen: Vec<ListenAddress>,
    /// Time between two samples in the background.
    pub poll: Option<Duration>,
    /// Connections at a time.
    pub max_connections: Option<usize>,
    /// Host names to answer to.
    pub allow_host: Vec<String>,
}
