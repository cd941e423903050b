//! Runs the tests that need no emulated kernel: made-up and recorded replies, daemons that misbehave, the lab, and the
//! program as its users run it.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "it is a test")]
#![expect(clippy::indexing_slicing, reason = "a test may well fail by index")]

mod check;
mod cli;
#[path = "../common/mod.rs"]
mod common;
mod completions;
mod config;
mod documents;
mod dump;
mod environment;
mod generated;
mod golden;
mod lab;
mod manual;
mod metrics;
mod mutation;
mod names;
mod naming;
mod serve;
mod sockets;
mod structure;
#[cfg(feature = "tui")]
mod terminal;
mod units;
#[cfg(feature = "tui")]
mod view;
mod watch;
