//! Defines the files that give networks and peers their names, and what `-v` reports about them.

use std::path::PathBuf;

use super::{Name, PublicKey};

/// Names a kind of file that holds names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameFile {
    /// `/etc/wireguard/NAME.conf` of wg-quick: the file's name gives the interface.
    WgQuick(Name),
    /// A `.netdev` of systemd-networkd: `Name=` in `[NetDev]` gives the interface.
    Netdev,
    /// A drop-in of the `.netdev` before it.
    NetdevDropIn,
}

/// Reports where names come from (the configuration, wg-quick and networkd files, aliases of links), and which of them match
/// nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameReport {
    /// Each wg-quick or networkd file, with the number of its names in use.
    pub files: Vec<(PathBuf, usize)>,
    /// The names of networks and peers.
    pub assigned: Vec<NameOrigin>,
    /// The names that match no network and no peer.
    pub unmatched: Vec<NameOrigin>,
    /// Warnings about the files, each with its file and line.
    pub warnings: Vec<String>,
}

/// One name of the configuration, of a wg-quick or networkd file, or a link's alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameOrigin {
    /// The interface; in another namespace `wg0 in blue`. `None` for a peer that is on none.
    pub qualified_name: Option<String>,
    /// The peer; `None` for the network itself.
    pub peer: Option<PublicKey>,
    /// The name.
    pub name: String,
    /// `FILE:LINE`, or `alias`; an unmatched name adds the reason.
    pub source: String,
}
