//! wgstat: what the kernel knows about WireGuard interfaces, joined with their peers, and what it means.
//!
//! Data goes one way, top to bottom; each part uses only what stands below it:
//!
//! ```text
//! main                     parse, run, turn an error into a message and an exit code
//! commands  cli            one file per subcommand; every flag and help text
//!    │  ╲   ╲   ╲
//!    │  tui  config  http   the live view;  the configuration file -> settings;  a listener that knows no WireGuard
//! sampler                  snapshot + names + rates + findings + events; the one place where time passes
//!    │   ╲    ╲
//!    │  names  ╲            lines of other programs' files -> names
//!    │          ╲
//! collect      render      the only code that talks to the system;  snapshot -> bytes, one file per output
//!    │      ╱   │
//!    │  events  history    what happened between two looks;  rates of the last of them, a day of counters
//!    │  findings  rates    pure rules;  pure arithmetic
//!    │    ╱
//! model  error             plain data;  what can go wrong
//! ```

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
