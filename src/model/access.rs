//! What `-v` tells: where names come from, and what wgstat itself can see.

use std::path::PathBuf;

use super::PublicKey;

/// Where names come from, and which are nobody's: the configuration's, those of wg-quick and networkd files, and aliases of
/// links.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameReport {
    /// Each wg-quick or networkd file, with how many of its names somebody bears.
    pub files: Vec<(PathBuf, usize)>,
    /// The names that networks and peers go by.
    pub given: Vec<NameOrigin>,
    /// The names that nobody bears.
    pub unmatched: Vec<NameOrigin>,
    /// What is odd in the files, each with its place.
    pub odd: Vec<String>,
}

/// One name, of the configuration, of a wg-quick or networkd file, or a link's alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameOrigin {
    /// The interface; in another namespace `wg0 in blue`. `None` for a peer that is on none.
    pub qualified_name: Option<String>,
    /// The peer; `None` for the network itself.
    pub peer: Option<PublicKey>,
    /// The name.
    pub name: String,
    /// Where it stands: `FILE:LINE`, or `alias`; and for a name that nobody bears, why.
    pub remark: String,
}

/// Something that wgstat can or cannot see, by its own capabilities, `/sys/module/wireguard`, namespaces in `/run/netns` and
/// `/proc`, and sockets in `/var/run/wireguard`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessNote {
    /// What it is about.
    pub topic: &'static str,
    /// What is the case.
    pub text: String,
    /// What would let it see more.
    pub help: Option<String>,
}
