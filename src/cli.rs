//! Every flag and every help text. The man pages and the completions are made from these types.

use std::ffi::OsString;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::model::{ListenAddress, Threshold, parse_host_name, parse_interval, parse_poll};

/// What the kernel knows about WireGuard interfaces, and what it means.
#[derive(Debug, Parser)]
#[command(
    name = "wgstat",
    version,
    about = "Show what the kernel knows about WireGuard interfaces, and what it means",
    long_about = "Show the interface counters of WireGuard tunnels (packets, errors, drops, real throughput), joined with \
                  their peers, and say what they mean. Interface counters need no privilege; peers need CAP_NET_ADMIN.\n\n\
                  Directions are this host's: rx is what it received, tx what it sent.",
    max_term_width = 100,
    subcommand_value_name = "COMMAND"
)]
pub struct Cli {
    /// What to do; without a command, `status`.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
#[expect(clippy::struct_excessive_bools, reason = "four independent flags, not a state machine")]
pub struct Global {
    /// Print one JSON document instead of text (its schema: `wgstat generate schema`)
    #[arg(long, global = true)]
    pub json: bool,

    /// Leave these interfaces out: names or globs; may be repeated
    #[arg(long, global = true, value_name = "GLOB")]
    pub exclude: Vec<OsString>,

    /// Look into other network namespaces: entries of /run/netns, paths, processes by their numbers, or all; may be repeated
    #[arg(long, global = true, value_name = "NAME|PATH|PID|all")]
    pub netns: Vec<OsString>,

    /// When to use colours; NO_COLOR is honoured
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,

    /// Exit with 1 if anything could not be read
    #[arg(long, global = true)]
    pub strict: bool,

    /// Leave the peers unread; needs no privilege
    #[arg(long, global = true)]
    pub no_peers: bool,

    /// Read this configuration instead of /etc/wgstat.toml
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,

    /// Say where names come from (status, stats, check), and what wgstat itself can see (check)
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal that has them, unless `NO_COLOR` is set
    Auto,
    /// Into pipes and files too
    Always,
    /// Not on terminals either
    Never,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
// Only the flags of the called command are built: all of them together cost 10 % of a short run.
#[command(defer = true)]
pub enum Command {
    /// Show every WireGuard network: state, traffic, errors, drops, peers
    ///
    /// This is what wgstat does without a command. Userspace daemons (wireguard-go, boringtun) are found by their
    /// sockets in /var/run/wireguard.
    Status(Status),

    /// Show one interface in full, and what its counters mean
    ///
    /// The nine main counters, the error breakdown, what each counter that is not 0 means here and what it cannot mean,
    /// and how the interface's bytes differ from its peers'.
    Stats(Stats),

    /// Watch rates, errors, drops and peers as they change
    ///
    /// On a terminal a live view, with its keys behind `?`. Elsewhere one line per interface and tick, and what happens on
    /// standard error; with --json one document per tick, of type `sample`, and one per event: `interface_added`,
    /// `interface_removed`, `interface_renamed`, `counter_reset`, `peer_online`, `peer_offline`, `endpoint_changed`,
    /// `finding_raised`, `finding_cleared`.
    ///
    /// Changes of links are seen at once, all else at the next tick. Interfaces may come and go; those named have to be there
    /// at the start.
    Watch(Watch),

    /// Say what is wrong, why, and what to do; for people and for monitoring
    ///
    /// Is it errors, drops, the MTU or a peer? Each finding comes with its numbers, its cause and a remedy to type; what only
    /// you know stands in it in capitals. A counter that is not 0 is no trouble by itself: it is when it grows, over
    /// --interval, or with --state since the last run. Some findings need time: a peer that no longer answers 6 seconds,
    /// traffic in one direction only 20.
    ///
    /// Exits with 0 if all is well, 1 for a warning, 2 if it is critical, 3 if not all could be looked at or the usage was
    /// wrong, as monitoring plugins do.
    Check(Check),

    /// Print Prometheus metrics, or write them for `node_exporter`'s textfile collector
    ///
    /// Absolute counters of the interfaces and their peers, in the text format that the textfile collector reads. With
    /// --output the file is replaced as a whole: a reader sees the old one or the new one, never half of one.
    ExportMetrics(ExportMetrics),

    /// Serve a dashboard, JSON and Prometheus metrics over HTTP
    ///
    /// `/` is a dashboard for people, `/metrics` for Prometheus, `/api/status` what `status --json` prints; every request looks
    /// anew. In the background a sample each --poll tells rates and what needs time, and keeps a day of counters.
    ///
    /// It listens on 127.0.0.1:9586 unless told otherwise, by --listen, the configuration or systemd's sockets. TLS and
    /// passwords come from --web.config.file, in the format of Prometheus' exporters. SIGHUP reads all files again, SIGTERM
    /// ends it.
    Serve(Box<Serve>),

    /// Write the files that are packaged: manual, completions, schema, alert rules, dashboard, configuration
    Generate(Generate),
}

#[expect(missing_docs, reason = "clap would take them for the command's: see Command")]
#[derive(Debug, Default, Args)]
pub struct Status {
    /// Only these interfaces: names, or globs such as 'wg*'
    #[arg(value_name = "IFACE")]
    pub interfaces: Vec<OsString>,

    /// Show all peers, not just the 20 with the latest handshakes
    #[arg(long)]
    pub all: bool,

    /// Show bytes to the last digit
    #[arg(long)]
    pub bytes: bool,
}

#[expect(missing_docs, reason = "clap would take them for the command's: see Command")]
#[derive(Debug, Args)]
pub struct Stats {
    /// The interface, by its name or an alternative name; or a glob of several
    #[arg(value_name = "IFACE")]
    pub interface: OsString,

    /// Look twice, so far apart, and show rates (2s, 500ms, 1m)
    #[arg(long, value_name = "TIME", value_parser = parse_interval)]
    pub interval: Option<Duration>,

    /// Show all peers, not just the 20 with the latest handshakes
    #[arg(long)]
    pub all: bool,

    /// Show the peers' bytes to the last digit
    #[arg(long)]
    pub bytes: bool,
}

#[expect(missing_docs, reason = "clap would take them for the command's: see Command")]
#[derive(Debug, Args)]
pub struct Watch {
    /// Only these interfaces: names, or globs such as 'wg*'
    #[arg(value_name = "IFACE")]
    pub interfaces: Vec<OsString>,

    /// Look so often (2s, 500ms, 1m)
    #[arg(long, value_name = "TIME", value_parser = parse_interval, default_value = "2s")]
    pub interval: Duration,

    /// End after so many ticks
    #[arg(long, value_name = "N", value_parser = count)]
    pub count: Option<NonZeroU64>,
}

#[expect(missing_docs, reason = "clap would take them for the command's: see Command")]
#[derive(Debug, Args)]
pub struct Check {
    /// Only these interfaces: names, or globs such as 'wg*'; one that is not there is critical
    #[arg(value_name = "IFACE")]
    pub interfaces: Vec<OsString>,

    /// Look twice, so far apart (2s, 500ms, 1m); 0 looks once, and judges nothing that needs time
    #[arg(long, value_name = "TIME", value_parser = interval_or_none, default_value = "2s")]
    pub interval: Duration,

    /// Compare with the last run, and keep this one's counters in the file; the first run looks twice
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub state: Option<PathBuf>,

    #[expect(clippy::doc_markdown, reason = "it is the help text")]
    /// Warn if an interface passes a limit: rx_errors=100, rx_errors=0/s, tx_dropped=10/min, handshake_age=5m, or has fewer
    /// peers_online=3
    #[arg(long, value_name = "COUNTER=LIMIT", value_parser = Threshold::parse)]
    pub warn: Vec<Threshold>,

    /// The same, and it is critical
    #[arg(long, value_name = "COUNTER=LIMIT", value_parser = Threshold::parse)]
    pub crit: Vec<Threshold>,

    /// Print the one line of monitoring plugins, with performance data
    #[arg(long, conflicts_with = "json")]
    pub plugin: bool,
}

#[expect(missing_docs, reason = "clap would take them for the command's: see Command")]
#[derive(Debug, Args)]
pub struct ExportMetrics {
    /// Only these interfaces: names, or globs such as 'wg*'
    #[arg(value_name = "IFACE")]
    pub interfaces: Vec<OsString>,

    /// Replace this file instead of printing; the textfile collector reads *.prom
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    /// Label peers with their endpoints; each time a peer roams this makes a new series
    #[arg(long)]
    pub peer_endpoints: bool,

    /// What is written.
    #[command(flatten)]
    pub metrics: Metrics,
}

#[expect(missing_docs, reason = "clap would take them for the command's: see Command")]
#[derive(Debug, Clone, Default, Args)]
pub struct Metrics {
    /// Write at most so many peers of each network, those with the latest handshakes
    #[arg(long, value_name = "N")]
    pub max_peers: Option<usize>,

    /// Write another exporter's metrics too, for its dashboards and rules
    #[arg(long, value_name = "EXPORTER")]
    pub compat: Option<CompatArg>,
}

#[expect(missing_docs, reason = "clap would take them for the command's: see Command")]
#[derive(Debug, Args)]
pub struct Serve {
    /// Only these interfaces: names, or globs such as 'wg*'; they may come later
    #[arg(value_name = "IFACE")]
    pub interfaces: Vec<OsString>,

    /// Listen at this address and port, or on unix:PATH; may be repeated [default: 127.0.0.1:9586, or systemd's sockets]
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = ListenAddress::from_str)]
    pub listen: Vec<ListenAddress>,

    /// Mode of socket files, in octal
    #[arg(long, value_name = "MODE", value_parser = mode, default_value = "0600")]
    pub listen_mode: u32,

    /// Take a sample in the background so often: for rates, what needs time, and the charts [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = parse_poll)]
    pub poll: Option<Duration>,

    /// Serve so many connections at a time [default: 64]
    #[arg(long, value_name = "N", value_parser = connections)]
    pub max_connections: Option<usize>,

    /// Answer to this host name too, as behind a reverse proxy; may be repeated
    #[arg(long, value_name = "NAME", value_parser = parse_host_name)]
    pub allow_host: Vec<String>,

    /// TLS and users, in the format of Prometheus' exporters; read again when it changes
    #[arg(long = "web.config.file", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub web_config_file: Option<PathBuf>,

    /// Show peers' endpoints to everyone, not only to clients that proved who they are; and label peers with them
    #[arg(long)]
    pub peer_endpoints: bool,

    /// What /metrics has.
    #[command(flatten)]
    pub metrics: Metrics,
}

/// `--compat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CompatArg {
    /// MindFlavor's `prometheus_wireguard_exporter`
    Mindflavor,
    /// mdlayher's `wireguard_exporter`
    Mdlayher,
}

#[expect(missing_docs, reason = "clap would take them for the command's: see Command")]
#[derive(Debug, Args)]
pub struct Generate {
    /// What to write
    pub what: Artifact,

    /// Directory to write to, made if it is missing [default: man, completions, docs/schema, packaging/prometheus or
    /// packaging/grafana; the configuration is printed]
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,

    /// With alert-rules: limits of the rates
    #[command(flatten)]
    pub limits: Limits,
}

#[expect(missing_docs, reason = "clap would take them for the command's: see Command")]
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Limits of alert-rules")]
pub struct Limits {
    /// Receive errors per second that are still well [default: 0]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub rx_errors: Option<f64>,

    /// Transmit errors per second that are still well [default: 0]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub tx_errors: Option<f64>,

    /// Receive drops per second that are still well [default: 0]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub rx_dropped: Option<f64>,

    /// Transmit drops per second that are still well [default: 0]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub tx_dropped: Option<f64>,
}

/// What `generate` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Artifact {
    /// Manual pages
    Man,
    /// Completions for bash, zsh and fish
    Completions,
    /// JSON Schema of every document
    Schema,
    /// Alert rules for Prometheus
    AlertRules,
    /// A dashboard for Grafana
    Dashboard,
    /// A configuration file, all of it commented out
    Config,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate >= 0.0 => Ok(rate),
        _ => Err("it must be a number of packets per second, 0 or more".to_owned()),
    }
}

fn interval_or_none(text: &str) -> Result<Duration, String> {
    if matches!(text, "0" | "0s") { Ok(Duration::ZERO) } else { parse_interval(text) }
}

/// Connections at a time, at most: more would need more descriptors than a process is usually given.
pub const MOST_CONNECTIONS: usize = 4096;

fn connections(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=MOST_CONNECTIONS) => Ok(number),
        _ => Err(format!("it must be a whole number from 1 to {MOST_CONNECTIONS}")),
    }
}

fn mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("it must be a mode in octal, such as 0660".to_owned()),
    }
}

fn count(text: &str) -> Result<NonZeroU64, String> {
    text.parse().map_err(|_| "it must be a whole number, 1 or more".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
