//! Renders a report as bytes: one file per output format. This module does no input and knows no command-line options.

pub mod alert_rules;
pub mod check;
pub mod dashboard;
pub mod format;
pub mod grafana;
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

/// Holds what the renderers write.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The networks and their peers.
    pub snapshot: &'a Snapshot,
    /// Rates in the order of the networks of the snapshot; empty without an interval.
    pub rates: &'a [Option<NetworkRates>],
    /// The findings of the diagnosis.
    pub findings: &'a [Finding],
    /// Whether the reader may see the endpoints of peers, which the kernel shows to privileged users only.
    pub endpoints: Endpoints,
}

/// Selects whether endpoints of peers are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Endpoints {
    /// Writes them.
    #[default]
    Shown,
    /// Treats them as unknown.
    Hidden,
}
