//! Every key of the configuration: what a file may say, the commented default and the manual all come from here.

use std::fmt::{self, Write as _};

/// A table of the file.
#[derive(Debug)]
pub struct Table {
    /// Its first word.
    pub root: &'static str,
    /// What stands for the second, where there is one.
    pub of: Option<&'static str>,
    /// A header that may be written so.
    pub example: &'static str,
    /// What it is about, in a sentence.
    pub meaning: &'static str,
    /// What may stand in it.
    pub keys: &'static [Key],
}

/// A key of a table.
#[derive(Debug)]
pub struct Key {
    /// As it is written.
    pub name: &'static str,
    /// What its value has to be.
    pub kind: Kind,
    /// What it does, in a sentence.
    pub meaning: &'static str,
    /// A value that may be written so.
    pub example: &'static str,
}

/// What a value has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A name for people.
    Text,
    /// A whole number within these bounds, both included, in the unit that the key's meaning names.
    Number(u32, u32),
    /// Yes or no.
    Flag,
    /// Limits, as `--warn` has them.
    Limits,
    /// A time, as `--poll` has it.
    Time,
    /// Addresses, as `--listen` has them.
    Addresses,
    /// Host names, as `--allow-host` has them.
    Hosts,
}

/// The longest name, in characters.
pub const LONGEST_NAME: usize = 128;

impl Kind {
    /// The type, as TOML calls it.
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

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => write!(f, "a string of 1 to {LONGEST_NAME} characters"),
            Self::Number(least, most) => write!(f, "an integer from {least} to {most}"),
            Self::Flag => f.write_str("true or false"),
            Self::Limits => f.write_str("an array of strings COUNTER=LIMIT"),
            Self::Time => f.write_str("a string with a time from 1s to 1day"),
            Self::Addresses => f.write_str("an array of strings ADDRESS:PORT or unix:PATH"),
            Self::Hosts => f.write_str("an array of strings, each a host name"),
        }
    }
}

impl Table {
    /// As the manual has it: `networks.IFACE`.
    #[must_use]
    pub fn path(&self) -> String {
        self.of.map_or_else(|| self.root.to_owned(), |of| format!("{}.{of}", self.root))
    }
}

impl Key {
    /// A line that may be written so: `id = 7`.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} = {}", self.name, self.example)
    }
}

/// `[networks.IFACE]`.
pub static NETWORKS: Table = Table {
    root: "networks",
    of: Some("IFACE"),
    example: "[networks.wg0]",
    meaning: "A network, by the name of its interface, in whatever network namespace. It is expected to exist: check says so if it does not.",
    keys: &[
        Key {
            name: "name",
            kind: Kind::Text,
            meaning: "Shown instead of the interface's name, and the label network of metrics.",
            example: "\"office\"",
        },
        Key {
            name: "id",
            kind: Kind::Number(0, u32::MAX),
            meaning: "Instead of the kernel's index, which changes when the interface is made anew. No two networks may have \
                      the same.",
            example: "7",
        },
    ],
};

/// `[peers."KEY"]`.
pub static PEERS: Table = Table {
    root: "peers",
    of: Some("\"PUBLIC-KEY\""),
    example: "[peers.\"xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\"]",
    meaning: "A peer, by its public key in quotes, on whatever interface it is.",
    keys: &[
        Key { name: "name", kind: Kind::Text, meaning: "Shown instead of its key.", example: "\"alice-laptop\"" },
        Key {
            name: "expected_keepalive",
            kind: Kind::Number(1, 65_535),
            meaning: "Seconds. The peer is expected to keep the tunnel alive itself: a handshake that is older than 195 seconds \
                      and this is stale.",
            example: "25",
        },
        Key {
            name: "ignore",
            kind: Kind::Flag,
            meaning: "With true, no finding and no limit is about this peer.",
            example: "true",
        },
    ],
};

/// `[thresholds]`.
pub static THRESHOLDS: Table = Table {
    root: "thresholds",
    of: None,
    example: "[thresholds]",
    meaning: "Limits of wgstat check. An option on the command line replaces those of the same counter.",
    keys: &[
        Key {
            name: "warn",
            kind: Kind::Limits,
            meaning: "Warn if an interface passes one of them, as --warn does.",
            example: "[\"rx_errors=0/s\", \"handshake_age=5m\"]",
        },
        Key {
            name: "crit",
            kind: Kind::Limits,
            meaning: "The same, and it is critical, as --crit has it.",
            example: "[\"peers_online=1\"]",
        },
    ],
};

/// `[serve]`.
pub static SERVE: Table = Table {
    root: "serve",
    of: None,
    example: "[serve]",
    meaning: "How wgstat serve serves. An option on the command line replaces the key of its name. All of it is read at the start only.",
    keys: &[
        Key {
            name: "listen",
            kind: Kind::Addresses,
            meaning: "Where it listens, as --listen has it.",
            example: "[\"127.0.0.1:9586\", \"unix:/run/wgstat/http.sock\"]",
        },
        Key {
            name: "allow_host",
            kind: Kind::Hosts,
            meaning: "Host names that it answers to beside localhost and its addresses, as --allow-host has them.",
            example: "[\"vpn.example.org\"]",
        },
        Key { name: "max_connections", kind: Kind::Number(1, 4096), meaning: "Connections at a time.", example: "64" },
        Key {
            name: "poll",
            kind: Kind::Time,
            meaning: "Time between two samples in the background, which tell rates and what needs time.",
            example: "\"30s\"",
        },
    ],
};

/// All tables.
pub static TABLES: [&Table; 4] = [&NETWORKS, &PEERS, &THRESHOLDS, &SERVE];

/// A configuration that says nothing, and shows what it could say: without the `# ` at the beginning of a line, it does.
#[must_use]
pub fn commented() -> String {
    let mut text = "\
## The configuration of wgstat: /etc/wgstat.toml, or what --config names. It must be readable for everyone who runs wgstat.
## Lines that begin with one # are examples; take the \"# \" away from a table's line and from the keys that you want.
## More: wgstat.toml(5)
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
