//! Holds the settings from the configuration file: names, expectations and limits, which the kernel does not know.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::{ListenAddress, Name, PublicKey, Threshold};

/// Holds the configuration; empty without a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// Networks by interface name; each is expected to exist.
    pub networks: BTreeMap<Name, NetworkSettings>,
    /// Peers by public key.
    pub peers: BTreeMap<PublicKey, PeerSettings>,
    /// Limits for a warning in `check`, as with `--warn`.
    pub warn: Vec<Threshold>,
    /// Limits for a critical result in `check`, as with `--crit`.
    pub crit: Vec<Threshold>,
    /// Defaults for the options of `serve`.
    pub serve: ServeSettings,
    /// The path of the configuration file; `None` without one.
    pub file: Option<PathBuf>,
}

/// Holds the settings of one network: `[networks.IFACE]` of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkSettings {
    /// Name to show instead of the interface's.
    pub name: Option<String>,
    /// Id to show instead of the ifindex; unique.
    pub id: Option<u32>,
    /// Line of the table in the file, from 1.
    pub line: usize,
}

/// Holds the settings of one peer: `[peers."KEY"]` of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeerSettings {
    /// Friendly name of the peer.
    pub name: Option<String>,
    /// Expected interval between keepalives from the peer, in seconds; never 0.
    pub expected_keepalive: Option<u16>,
    /// `true` if findings and limits ignore the peer.
    pub ignore: bool,
    /// Line of the table in the file, from 1.
    pub line: usize,
}

/// Holds the settings of `serve`: `[serve]` of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServeSettings {
    /// Addresses to listen on.
    pub listen: Vec<ListenAddress>,
    /// Interval between background samples.
    pub poll: Option<Duration>,
    /// Maximum number of concurrent connections.
    pub max_connections: Option<usize>,
    /// Accepted host names in requests.
    pub allow_host: Vec<String>,
}
