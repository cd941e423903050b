//! Defines every table and key of the configuration. The parser, the commented default and the manual use these definitions.

use std::fmt::{self, Write as _};

/// Describes a table of the file.
#[derive(Debug)]
pub struct ConfigTable {
    /// The first word of its header.
    pub root: &'static str,
    /// A placeholder for the second word, if there is one.
    pub of: Option<&'static str>,
    /// An example of its header.
    pub example: &'static str,
    /// Its purpose, in a sentence.
    pub meaning: &'static str,
    /// Its keys.
    pub keys: &'static [ConfigKey],
}

/// Describes a key of a table.
#[derive(Debug)]
pub struct ConfigKey {
    /// Its name in the file.
    pub name: &'static str,
    /// The kind of its value.
    pub kind: ValueKind,
    /// Its effect, in a sentence.
    pub meaning: &'static str,
    /// An example of a value.
    pub example: &'static str,
}

/// Names the kind of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// A friendly name.
    Text,
    /// An integer between these bounds, inclusive, in the unit that the key's meaning names.
    Number(u32, u32),
    /// True or false.
    Flag,
    /// Limits, as with `--warn`.
    Limits,
    /// A duration, as with `--poll`.
    Time,
    /// Addresses, as with `--listen`.
    Addresses,
    /// Host names, as with `--allow-host`.
    Hosts,
}

/// Maximum length of a name, in characters.
pub const MAX_NAME: usize = 128;

impl ValueKind {
    /// Returns the TOML type with its article.
    #[must_use]
    pub const fn article(self) -> &'static str {
        match self {
            Self::Text | Self::Time => "a string",
            Self::Number(..) => "an integer",
            Self::Flag => "true or false",
            Self::Limits | Self::Addresses | Self::Hosts => "an array of strings",
        }
    }
}

impl fmt::Display for ValueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => write!(f, "a string of 1 to {MAX_NAME} characters"),
            Self::Number(least, most) => write!(f, "an integer from {least} to {most}"),
            Self::Flag => f.write_str("true or false"),
            Self::Limits => f.write_str("an array of strings COUNTER=LIMIT"),
            Self::Time => f.write_str("a string with a duration from 1s to 1day"),
            Self::Addresses => f.write_str("an array of strings ADDRESS:PORT or unix:PATH"),
            Self::Hosts => f.write_str("an array of strings, each a host name"),
        }
    }
}

impl ConfigTable {
    /// Returns the header as in the manual: `networks.IFACE`.
    #[must_use]
    pub fn path(&self) -> String {
        self.of.map_or_else(|| self.root.to_owned(), |of| format!("{}.{of}", self.root))
    }
}

impl ConfigKey {
    /// Returns an example of a line: `id = 7`.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} = {}", self.name, self.example)
    }
}

/// `[networks.IFACE]`.
pub static NETWORKS: ConfigTable = ConfigTable {
    root: "networks",
    of: Some("IFACE"),
    example: "[networks.wg0]",
    meaning: "A network, by interface name, in any network namespace. The interface is expected to exist; check reports it if it does not.",
    keys: &[
        ConfigKey {
            name: "name",
            kind: ValueKind::Text,
            meaning: "Replaces the interface's name in output, and is the label network of metrics.",
            example: "\"office\"",
        },
        ConfigKey {
            name: "id",
            kind: ValueKind::Number(0, u32::MAX),
            meaning: "Replaces the kernel's index, which changes when the interface is created again. It must be unique.",
            example: "7",
        },
    ],
};

/// `[peers."KEY"]`.
pub static PEERS: ConfigTable = ConfigTable {
    root: "peers",
    of: Some("\"PUBLIC-KEY\""),
    example: "[peers.\"xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\"]",
    meaning: "A peer, by its public key in quotes, on any interface.",
    keys: &[
        ConfigKey {
            name: "name",
            kind: ValueKind::Text,
            meaning: "Replaces its key in output.",
            example: "\"alice-laptop\"",
        },
        ConfigKey {
            name: "expected_keepalive",
            kind: ValueKind::Number(1, 65_535),
            meaning: "Seconds between the keepalives that the peer sends. A handshake older than 195 seconds plus this interval is stale.",
            example: "25",
        },
        ConfigKey {
            name: "ignore",
            kind: ValueKind::Flag,
            meaning: "If true, findings and limits ignore this peer.",
            example: "true",
        },
    ],
};

/// `[thresholds]`.
pub static THRESHOLDS: ConfigTable = ConfigTable {
    root: "thresholds",
    of: None,
    example: "[thresholds]",
    meaning: "Limits of wgstat check. An option on the command line replaces the limits of the same counter.",
    keys: &[
        ConfigKey {
            name: "warn",
            kind: ValueKind::Limits,
            meaning: "Limits for a warning, as with --warn.",
            example: "[\"rx_errors=0/s\", \"handshake_age=5m\"]",
        },
        ConfigKey {
            name: "crit",
            kind: ValueKind::Limits,
            meaning: "Limits for a critical result, as with --crit.",
            example: "[\"peers_online=1\"]",
        },
    ],
};

/// `[serve]`.
pub static SERVE: ConfigTable = ConfigTable {
    root: "serve",
    of: None,
    example: "[serve]",
    meaning: "Settings of wgstat serve. An option on the command line replaces the key of the same name. They are read only at startup.",
    keys: &[
        ConfigKey {
            name: "listen",
            kind: ValueKind::Addresses,
            meaning: "Addresses to listen on, as with --listen.",
            example: "[\"127.0.0.1:9586\", \"unix:/run/wgstat/http.sock\"]",
        },
        ConfigKey {
            name: "allow_host",
            kind: ValueKind::Hosts,
            meaning: "Host names to accept in requests, in addition to localhost and the listen addresses, as with --allow-host.",
            example: "[\"vpn.example.org\"]",
        },
        ConfigKey {
            name: "max_connections",
            kind: ValueKind::Number(1, 4096),
            meaning: "Maximum number of concurrent connections.",
            example: "64",
        },
        ConfigKey {
            name: "poll",
            kind: ValueKind::Time,
            meaning: "Interval of background samples, for rates, charts and findings that need time.",
            example: "\"30s\"",
        },
    ],
};

/// All tables, in the order of the manual.
pub static TABLES: [&ConfigTable; 4] = [&NETWORKS, &PEERS, &THRESHOLDS, &SERVE];

/// Returns a configuration that sets nothing and shows every key. Removing `# ` from the start of a line enables it.
#[must_use]
pub fn commented() -> String {
    let mut text = "\
## The configuration of wgstat: /etc/wgstat.toml, or the file given with --config.
## Every user who runs wgstat must be able to read it.
## Lines that begin with a single # are examples. To use one, remove the \"# \" from it and from the header of its table.
## See also: wgstat.toml(5)
"
    .to_owned();
    for table in TABLES {
        text.extend(["\n## ", table.meaning, "\n# ", table.example, "\n"]);
        for key in table.keys {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n## {}\n## It is {}.\n# {}\n", key.meaning, key.kind, key.line());
        }
    }
    text
}
