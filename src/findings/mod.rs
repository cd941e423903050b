//! Judgement: pure rules from a snapshot to what is wrong, why, and what to do.
//!
//! Only rules that one look can decide are here yet; a non-zero counter is information, because nothing says when it
//! grew.

pub mod counters;
mod interface;
mod peers;
pub mod rules;

use crate::model::{Name, Network, PublicKey, Snapshot};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Traffic suffers.
    Warning,
    /// The network does not work.
    Critical,
}

impl Severity {
    /// As JSON and metrics have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// One thing that is wrong with one network.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Stable id of the rule.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The network's namespace, where the caller named one.
    pub netns: Option<String>,
    /// The network's interface.
    pub interface: Name,
    /// How many things it covers: packets, peers, interfaces.
    pub count: u64,
    /// The peers it concerns, at most 20.
    pub peers: Vec<PublicKey>,
    /// The number behind it, where there is one.
    pub value: Option<u64>,
    /// The unit of `value`.
    pub unit: Option<&'static str>,
    /// What is the case, in one line.
    pub summary: String,
    /// Why, in one sentence.
    pub cause: &'static str,
    /// What to type.
    pub remedy: String,
}

impl Finding {
    /// Whether it is about this network.
    #[must_use]
    pub fn concerns(&self, network: &Network) -> bool {
        self.netns == network.netns && self.interface == network.interface
    }
}

/// What one look at the networks can tell, network by network.
#[must_use]
pub fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    let mut found = Vec::new();
    for network in &snapshot.networks {
        interface::judge(network, &mut found);
        peers::judge(network, snapshot.timestamp, &mut found);
    }
    found
}

/// A finding of one thing, in the words of its rule.
fn finding(id: &'static str, network: &Network) -> Finding {
    let rule = rules::rule(id).unwrap_or(&rules::RULES[0]);
    debug_assert_eq!(rule.id, id, "it is in no rule");
    Finding {
        id,
        severity: rule.severity,
        netns: network.netns.clone(),
        interface: network.interface.clone(),
        count: 1,
        peers: Vec::new(),
        value: None,
        unit: None,
        summary: rule.summary.to_owned(),
        cause: rule.cause,
        remedy: rule.remedy.replace("INTERFACE", &network.interface.to_string()),
    }
}
