//! wgstat collects the statistics of WireGuard interfaces and their peers, and explains them.
//!
//! Data flows one way, and each part uses only parts in the lines below its own:
//!
//! ```text
//! main                     parse, run, turn an error into a message and an exit code
//! commands                 one file per subcommand: what to read, how to show it
//! tui  config  http        the live view;  the configuration file -> settings;  a listener that knows no WireGuard
//! sampler  state  cli      the one place where time passes: snapshot + names + rates + findings;  what `check --state`
//!                          keeps;  every flag and help text
//! collect  names  render   the only code that talks to the system;  lines of other programs' files -> names;
//!                          snapshot -> bytes, one file per output
//! events                   what happened between two looks
//! findings  history        pure rules;  rates of the last looks, a day of counters
//! rates                    pure arithmetic
//! model  error             plain data;  what can go wrong; these two know each other
//! ```
//!
//! `docs/architecture.md` has it as a picture, with the way of the data, and says how to add to it.

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
