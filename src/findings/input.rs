//! Defines the input of a diagnosis.

use super::Severity;
use crate::model::{Snapshot, Threshold};

/// Holds the samples that a diagnosis compares, and the limits.
#[derive(Debug, Clone, Copy)]
pub struct DiagnosisInput<'a> {
    /// The newest sample, with its environment.
    pub now: &'a Snapshot,
    /// The sample that it is compared with.
    pub before: Option<&'a Snapshot>,
    /// Seconds between the two; 0 where there is only one.
    pub seconds: f64,
    /// A sample between the two, long enough before the newest for a peer to have answered.
    pub between: Option<&'a Snapshot>,
    /// The limits that the operator set.
    pub limits: &'a [Limit],
}

/// A limit that the operator set, and how bad it is to exceed it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// The limit.
    pub threshold: Threshold,
    /// Warning or critical.
    pub severity: Severity,
}
