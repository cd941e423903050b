//! wgstat collects the statistics of WireGuard interfaces and their peers, and explains them.
//!
//! Data flows one way. Each part uses only parts in lower rows:
//!
//! ```text
//! main                     parses the command line, runs the command, and turns an error into a message and an exit code
//! commands                 one file per subcommand: what to collect, how to print it
//! tui  config  http        the live view;  the configuration file;  an HTTP server without knowledge of WireGuard
//! sampler  state  cli      samples: snapshot, names, rates, findings;  the file of `check --state`;  options and help
//! collect  names  render   all I/O with the system;  names from comments in other programs' files;  snapshot to bytes
//! events                   changes between two samples
//! findings  history        pure rules;  recent rates, and counters of a day
//! rates  error             pure arithmetic;  errors and their exit codes
//! model                    plain data
//! ```
//!
//! `docs/architecture.md` shows this as a picture, follows the data through it, and explains how to extend it.

pub mod cli;
pub mod collect;
pub mod commands;
pub mod config;
pub mod error;
pub mod events;
pub mod findings;
pub mod history;
pub mod http;
pub mod model;
pub mod names;
pub mod rates;
pub mod render;
pub mod sampler;
pub mod state;
#[cfg(feature = "tui")]
pub mod tui;
