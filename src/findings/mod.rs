//! Turns samples into findings, by pure rules: the problem, its cause and its fix.
//!
//! Some rules need only one sample ([`findings`]). The others need two samples, routes, addresses or settings ([`diagnose`]).
//! Without an interval, an error counter that is not 0 is only information, because it is not known when it grew.

pub mod alerts;
mod allowed_ips;
pub mod counters;
mod diagnosis;
mod errors;
mod finding;
mod input;
mod interface;
mod network_view;
mod path;
mod peer_set;
mod peers;
mod retained;
mod rule_id;
pub mod rules;
mod severity;
mod threshold;
mod tx_errors;
mod verdict;
mod wording;

pub use self::diagnosis::{diagnose, findings, in_netns, is_silent};
pub use self::finding::Finding;
pub use self::input::{DiagnosisInput, Limit};
pub use self::retained::RetainedFindings;
pub use self::rule_id::RuleId;
pub use self::severity::Severity;
pub use self::tx_errors::needs_routes;
pub use self::verdict::{Verdict, hides_trouble, verdict};
pub use self::wording::seconds;
