//! A snapshot and what follows from it in, bytes out: one file per output. Nothing here reads anything or knows a flag.

pub mod alert_rules;
pub mod check;
pub mod dashboard;
pub mod grafana;
pub mod human;
pub mod json;
pub mod lines;
mod out_buf;
mod peers;
pub mod plugin;
pub mod prometheus;
pub mod stats;
pub mod status;
pub mod verbose;

use crate::findings::Finding;
use crate::model::Snapshot;
use crate::rates::NetworkRates;

/// What there is to show.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// What was read.
    pub snapshot: &'a Snapshot,
    /// In the order of the snapshot's networks; empty where nothing was measured over time.
    pub rates: &'a [Option<NetworkRates>],
    /// What is wrong.
    pub findings: &'a [Finding],
    /// Whether the reader may see where the peers are, which the kernel shows to the privileged only.
    pub endpoints: Endpoints,
}

/// Whether endpoints of peers are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Endpoints {
    /// They are.
    #[default]
    Shown,
    /// As if nothing were known of them.
    Hidden,
}
