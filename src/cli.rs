//! Defines every flag and every help text. Man pages and completions are generated from these types.

use std::ffi::OsString;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::model::{ListenAddress, Threshold, parse_host_name, parse_interval, parse_poll};

/// Holds the parsed command line.
#[derive(Debug, Parser)]
#[command(
    name = "wgstat",
    version,
    about = "Show WireGuard interface statistics and diagnose problems",
    long_about = "Show the interface counters of WireGuard tunnels (packets, errors, drops, throughput) together with their \
                  peers, explain what they mean, and diagnose problems.\n\n\
                  Interface counters can be read without privileges; peers need CAP_NET_ADMIN. Directions are from this \
                  host's point of view: rx is received, tx is sent.",
    max_term_width = 100,
    subcommand_value_name = "COMMAND"
)]
pub struct Cli {
    /// The subcommand; `None` means `status`.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The global options before the command; [`Cli::global`] merges them with those after it.
    #[command(flatten)]
    global: Global,
}

impl Cli {
    /// Returns the global options. An option after the command replaces the same option before it.
    #[must_use]
    pub fn global(&self) -> Global {
        let of_command = match &self.command {
            None => return self.global.clone(),
            Some(Command::Status(command)) => &command.global,
            Some(Command::Stats(command)) => &command.global,
            Some(Command::Watch(command)) => &command.global,
            Some(Command::Check(command)) => &command.global,
            Some(Command::ExportMetrics(command)) => &command.global,
            Some(Command::Serve(command)) => &command.global,
            Some(Command::Generate(command)) => &command.global,
        };
        self.global.replaced_by(of_command)
    }
}

// Holds the options of one command and the global options after it. This is not a doc comment, because clap would print it as
// the help of every command. clap can pass global options on to the commands itself (`global = true`), but copies them into
// each.
#[expect(missing_docs, reason = "clap would take them for the command's: see Command")]
#[derive(Debug, Args)]
pub struct WithGlobal<T: Args> {
    /// The command's own options.
    #[command(flatten)]
    pub options: T,

    #[command(flatten)]
    global: Global,
}

#[expect(missing_docs, reason = "clap would take them for the command's: see Command")]
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
#[expect(clippy::struct_excessive_bools, reason = "four independent flags, not a state machine")]
pub struct Global {
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,

    /// Exclude interfaces by name or glob; may be repeated
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<OsString>,

    /// Read other network namespaces: a name in /run/netns, a path, a PID, or all; may be repeated
    #[arg(long, value_name = "NAME|PATH|PID|all")]
    pub netns: Vec<OsString>,

    /// When to use colours [default: auto]
    #[arg(long, value_name = "WHEN")]
    pub color: Option<Color>,

    /// Exit with status 1 if anything could not be read
    #[arg(long)]
    pub strict: bool,

    /// Do not read peers; no privileges needed
    #[arg(long)]
    pub no_peers: bool,

    /// Read this configuration file instead of /etc/wgstat.toml
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,

    /// Show where names come from (status, stats, check) and what wgstat can read (check)
    #[arg(short, long)]
    pub verbose: bool,
}

impl Global {
    fn replaced_by(&self, later: &Self) -> Self {
        let list =
            |earlier: &Vec<OsString>, later: &Vec<OsString>| if later.is_empty() { earlier } else { later }.clone();
        Self {
            json: self.json || later.json,
            exclude: list(&self.exclude, &later.exclude),
            netns: list(&self.netns, &later.netns),
            color: later.color.or(self.color),
            strict: self.strict || later.strict,
            no_peers: self.no_peers || later.no_peers,
            config: later.config.clone().or_else(|| self.config.clone()),
            verbose: self.verbose || later.verbose,
        }
    }
}

/// Says when to use colours: the value of `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always, also in pipes and files
    Always,
    /// Never
    Never,
}

/// Names the subcommand and holds its options.
#[derive(Debug, Subcommand)]
// clap builds only the flags of the command in use: building all of them is a tenth of a short run's cost.
#[command(defer = true)]
pub enum Command {
    /// Show all WireGuard interfaces: state, traffic, errors, drops, peers
    ///
    /// This is the default command. Userspace daemons (wireguard-go, boringtun) are found by their sockets in
    /// /var/run/wireguard.
    Status(WithGlobal<Status>),

    /// Show one interface in detail and explain its counters
    ///
    /// Shows the main counters and the error breakdown, explains what each nonzero counter means on WireGuard, and compares
    /// the interface's bytes with the sum of its peers' bytes.
    Stats(WithGlobal<Stats>),

    /// Show rates, errors, drops and peers live
    ///
    /// On a terminal this is an interactive view; press `?` for its keys. Otherwise it prints one line per interface and
    /// update, and events to standard error. With --json it prints one document of type `sample` per update and one document
    /// per event: `interface_added`, `interface_removed`, `interface_renamed`, `counter_reset`, `peer_online`,
    /// `peer_offline`, `endpoint_changed`, `finding_raised`, `finding_cleared`.
    ///
    /// Link changes are shown immediately, everything else at the next update. Interfaces may appear and disappear, but
    /// interfaces named on the command line must exist at the start.
    Watch(WithGlobal<Watch>),

    /// Find problems and suggest fixes, for people and for monitoring
    ///
    /// Each finding has its numbers, the likely cause and a command that fixes it; replace the words in capitals. A counter
    /// that is not 0 is not a problem in itself. It is one if it grows, over --interval or, with --state, since the last run.
    /// Some findings need a longer interval: 6 seconds for a peer that stopped replying, 20 seconds for traffic in only one
    /// direction.
    ///
    /// Exits with the status of a monitoring plugin: 0 OK, 1 warning, 2 critical, 3 unknown (not everything could be read, or
    /// wrong usage).
    Check(WithGlobal<Check>),

    /// Print Prometheus metrics, or write them for `node_exporter`'s textfile collector
    ///
    /// Writes the absolute counters of interfaces and peers in the Prometheus text format. With --output the file is replaced
    /// atomically, so that a reader never sees half of it.
    ExportMetrics(WithGlobal<ExportMetrics>),

    /// Serve a dashboard, JSON and Prometheus metrics over HTTP
    ///
    /// `/` is the dashboard, `/metrics` is for Prometheus, and `/api/status` returns what `status --json` prints. Every
    /// request reads the current counters. A background sample every --poll provides rates, findings that need time, and the
    /// counters of the last 24 hours.
    ///
    /// The server listens on 127.0.0.1:9586 unless --listen, the configuration file or systemd says otherwise. TLS and
    /// passwords are configured with --web.config.file, in the format of Prometheus exporters. SIGHUP reloads all files,
    /// SIGTERM stops the server.
    Serve(Box<WithGlobal<Serve>>),

    /// Generate man pages, completions, JSON Schema, alert rules, a dashboard or a configuration file
    Generate(WithGlobal<Generate>),
}

#[expect(missing_docs, reason = "clap would use them as the command's help")]
#[derive(Debug, Default, Args)]
pub struct Status {
    /// Show only these interfaces: names, or globs such as 'wg*'
    #[arg(value_name = "IFACE")]
    pub interfaces: Vec<OsString>,

    /// Show all peers, not only the 20 with the latest handshakes
    #[arg(long)]
    pub all: bool,

    /// Show exact byte counts
    #[arg(long)]
    pub bytes: bool,
}

#[expect(missing_docs, reason = "clap would use them as the command's help")]
#[derive(Debug, Args)]
pub struct Stats {
    /// Interface name, alternative name, or glob
    #[arg(value_name = "IFACE")]
    pub interface: OsString,

    /// Sample twice, INTERVAL apart, and show rates (2s, 500ms, 1m)
    #[arg(long, value_name = "INTERVAL", value_parser = parse_interval)]
    pub interval: Option<Duration>,

    /// Show all peers, not only the 20 with the latest handshakes
    #[arg(long)]
    pub all: bool,

    /// Show exact byte counts of peers
    #[arg(long)]
    pub bytes: bool,
}

#[expect(missing_docs, reason = "clap would use them as the command's help")]
#[derive(Debug, Args)]
pub struct Watch {
    /// Show only these interfaces: names, or globs such as 'wg*'
    #[arg(value_name = "IFACE")]
    pub interfaces: Vec<OsString>,

    /// Refresh interval (2s, 500ms, 1m)
    #[arg(long, value_name = "INTERVAL", value_parser = parse_interval, default_value = "2s")]
    pub interval: Duration,

    /// Stop after N updates
    #[arg(long, value_name = "N", value_parser = count)]
    pub count: Option<NonZeroU64>,
}

#[expect(missing_docs, reason = "clap would use them as the command's help")]
#[derive(Debug, Args)]
pub struct Check {
    /// Check only these interfaces: names, or globs such as 'wg*'; a missing interface is critical
    #[arg(value_name = "IFACE")]
    pub interfaces: Vec<OsString>,

    /// Sample twice, INTERVAL apart (2s, 500ms, 1m); 0 samples once and skips findings that need two samples
    #[arg(long, value_name = "INTERVAL", value_parser = interval_or_zero, default_value = "2s")]
    pub interval: Duration,

    /// Compare with the counters that the last run saved in FILE; the first run samples twice
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub state: Option<PathBuf>,

    #[expect(clippy::doc_markdown, reason = "it is the help text")]
    /// Warn if a counter exceeds its limit (rx_errors=100, rx_errors=0/s, tx_dropped=10/min), a handshake is older
    /// (handshake_age=5m), or fewer peers are online (peers_online=3); may be repeated
    #[arg(long, value_name = "COUNTER=LIMIT", value_parser = Threshold::parse)]
    pub warn: Vec<Threshold>,

    /// Like --warn, but critical
    #[arg(long, value_name = "COUNTER=LIMIT", value_parser = Threshold::parse)]
    pub crit: Vec<Threshold>,

    /// Print one line in the format of monitoring plugins, with performance data
    #[arg(long, conflicts_with = "json")]
    pub plugin: bool,
}

#[expect(missing_docs, reason = "clap would use them as the command's help")]
#[derive(Debug, Args)]
pub struct ExportMetrics {
    /// Export only these interfaces: names, or globs such as 'wg*'
    #[arg(value_name = "IFACE")]
    pub interfaces: Vec<OsString>,

    /// Write to FILE instead of standard output; the textfile collector reads *.prom
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    #[expect(clippy::doc_markdown, reason = "it is the help text")]
    /// Add the endpoint label to wg_peer_info; each time a peer roams, a new series begins
    #[arg(long)]
    pub peer_endpoints: bool,

    /// The options of the exposition.
    #[command(flatten)]
    pub metrics: Metrics,
}

#[expect(missing_docs, reason = "clap would use them as the command's help")]
#[derive(Debug, Clone, Default, Args)]
pub struct Metrics {
    /// Maximum number of peers per interface; those with the latest handshakes are exported
    #[arg(long, value_name = "N")]
    pub max_peers: Option<usize>,

    /// Also export the metrics of another exporter, for its dashboards and alert rules
    #[arg(long, value_name = "EXPORTER")]
    pub compat: Option<CompatArg>,
}

#[expect(missing_docs, reason = "clap would use them as the command's help")]
#[derive(Debug, Args)]
pub struct Serve {
    /// Serve only these interfaces: names, or globs such as 'wg*'; they need not exist yet
    #[arg(value_name = "IFACE")]
    pub interfaces: Vec<OsString>,

    /// Listen on this address and port, or on unix:PATH; may be repeated [default: 127.0.0.1:9586, or systemd sockets]
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = ListenAddress::from_str)]
    pub listen: Vec<ListenAddress>,

    /// File mode of Unix sockets, in octal
    #[arg(long, value_name = "MODE", value_parser = mode, default_value = "0600")]
    pub listen_mode: u32,

    /// Interval of background samples, for rates, charts and findings that need time [default: 30s]
    #[arg(long, value_name = "INTERVAL", value_parser = parse_poll)]
    pub poll: Option<Duration>,

    /// Maximum number of concurrent connections [default: 64]
    #[arg(long, value_name = "N", value_parser = connections)]
    pub max_connections: Option<usize>,

    /// Accept requests for this host name too, e.g. from a reverse proxy; may be repeated
    #[arg(long, value_name = "NAME", value_parser = parse_host_name)]
    pub allow_host: Vec<String>,

    /// TLS and users, in the format of Prometheus exporters; reloaded when the file changes
    #[arg(long = "web.config.file", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub web_config_file: Option<PathBuf>,

    /// Show peer endpoints to all clients, not only to authenticated ones, and add them to the metrics
    #[arg(long)]
    pub peer_endpoints: bool,

    /// The options of `/metrics`.
    #[command(flatten)]
    pub metrics: Metrics,
}

/// Names the exporter whose metrics are exported too: the value of `--compat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CompatArg {
    /// MindFlavor's `prometheus_wireguard_exporter`
    Mindflavor,
    /// mdlayher's `wireguard_exporter`
    Mdlayher,
}

#[expect(missing_docs, reason = "clap would use them as the command's help")]
#[derive(Debug, Args)]
pub struct Generate {
    /// What to generate
    #[arg(value_name = "ARTIFACT")]
    pub artifact: Artifact,

    /// Output directory, created if missing [default: man, completions, docs/schema, packaging/prometheus or
    /// packaging/grafana; config is printed to standard output]
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,

    /// The tolerated rates of `alert-rules`.
    #[command(flatten)]
    pub limits: Limits,
}

#[expect(missing_docs, reason = "clap would use them as the command's help")]
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Options of alert-rules")]
pub struct Limits {
    /// Tolerated receive errors per second [default: 0]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub rx_errors: Option<f64>,

    /// Tolerated transmit errors per second [default: 0]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub tx_errors: Option<f64>,

    /// Tolerated receive drops per second [default: 0]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub rx_dropped: Option<f64>,

    /// Tolerated transmit drops per second [default: 0]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub tx_dropped: Option<f64>,
}

/// Names what `generate` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Artifact {
    /// Man pages
    Man,
    /// Shell completions for bash, zsh and fish
    Completions,
    /// JSON Schema of every document
    Schema,
    /// Alert rules for Prometheus
    AlertRules,
    /// Dashboard for Grafana
    Dashboard,
    /// Configuration file with all keys, commented out
    Config,
}

/// Parses a rate in events per second.
fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate >= 0.0 => Ok(rate),
        _ => Err("must be a number, 0 or more".to_owned()),
    }
}

/// Parses an interval, or `0` for a single sample.
fn interval_or_zero(text: &str) -> Result<Duration, String> {
    if matches!(text, "0" | "0s") { Ok(Duration::ZERO) } else { parse_interval(text) }
}

/// Upper bound of `--max-connections`. A process seldom gets more file descriptors.
const MAX_CONNECTIONS: usize = 4096;

/// Parses the maximum number of connections.
fn connections(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=MAX_CONNECTIONS) => Ok(number),
        _ => Err(format!("must be an integer from 1 to {MAX_CONNECTIONS}")),
    }
}

/// Parses the permission bits of a file.
fn mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("must be a file mode in octal, e.g. 0660".to_owned()),
    }
}

/// Parses a number of updates.
fn count(text: &str) -> Result<NonZeroU64, String> {
    text.parse().map_err(|_| "must be an integer, 1 or more".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_are_merged() {
        let global = |words: &str| Cli::try_parse_from(words.split(' ')).unwrap().global();
        for words in ["wgstat --json", "wgstat --json status", "wgstat status --json", "wgstat --json status --json"] {
            assert!(global(words).json, "{words}");
        }
        assert!(!global("wgstat status").json);
        assert_eq!(global("wgstat --netns a --netns b status").netns, ["a", "b"]);
        assert_eq!(global("wgstat --netns a status --netns b").netns, ["b"]);
        assert_eq!(global("wgstat --color never status --color auto").color, Some(Color::Auto));
        assert_eq!(global("wgstat --color never status").color, Some(Color::Never));
        assert_eq!(global("wgstat --config a serve --config b").config, Some(PathBuf::from("b")));
        assert_eq!(global("wgstat --config a check -v").config, Some(PathBuf::from("a")));
    }
}
