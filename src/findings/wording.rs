//! Words the numbers in summaries: packets, peers, time frames and lists.

use std::fmt;

use super::RuleId;
use super::rules::{Summary, rule};
use crate::model::Peer;

/// Writes the summary without numbers, as the manual and the alerts have it.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interface(text) => f.write_str(text),
            Self::Packets { event, reason: None } => write!(f, "packets {event}"),
            Self::Packets { event, reason: Some(reason) } => write!(f, "packets {event}: {reason}"),
            Self::Peers { one, .. } => write!(f, "a peer {one}"),
        }
    }
}

/// Returns the summary of a rule about packets: `3 packets not sent in 2.0 s: REASON`. A `reason` replaces that of the rule.
pub(super) fn about_packets(id: RuleId, count: u64, period: &str, reason: Option<&str>) -> String {
    let (event, own_reason) = match rule(id).summary {
        Summary::Packets { event, reason } => (event, reason),
        other => return other.to_string(),
    };
    let packets = if count == 1 { "packet" } else { "packets" };
    match reason.or(own_reason) {
        Some(reason) => format!("{count} {packets} {event} {period}: {reason}"),
        None => format!("{count} {packets} {event} {period}"),
    }
}

/// Returns the summary of a rule about peers: `peer NAME has no endpoint`, or `3 peers have no endpoint`.
pub(super) fn about_peers(id: RuleId, count: u64, first: &Peer) -> String {
    match rule(id).summary {
        Summary::Peers { one, .. } if count == 1 => format!("peer {} {one}", first.label()),
        Summary::Peers { several, .. } => format!("{count} peers {several}"),
        other => other.to_string(),
    }
}

/// Returns the first three items, and how many more there are: `a, b, c and 2 more`.
pub(super) fn first_three(items: &[impl fmt::Display]) -> String {
    let shown: Vec<String> = items.iter().take(3).map(ToString::to_string).collect();
    let more = if items.len() > 3 { format!(" and {} more", items.len() - 3) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// Returns a duration given in seconds as text: `2.0 s`, `5 min`.
#[must_use]
pub fn seconds(seconds: f64) -> String {
    if seconds < 120.0 { format!("{seconds:.1} s") } else { format!("{:.0} min", seconds / 60.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_decides_the_form_of_noun_and_verb() {
        let peer = Peer { name: Some("alice".into()), ..Peer::default() };
        let peers = |count| about_peers(RuleId::PeerNeverSeen, count, &peer);
        assert_eq!(peers(1), "peer alice has never connected and has no endpoint");
        assert_eq!(peers(297), "297 peers have never connected and have no endpoint");
        let packets = |count| about_packets(RuleId::TxErrors, count, "in 2.0 s", None);
        assert_eq!(
            (packets(1), packets(3)),
            ("1 packet not sent in 2.0 s".into(), "3 packets not sent in 2.0 s".into())
        );
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(first_three(&[1, 2, 3]), "1, 2, 3");
        assert_eq!(first_three(&[1, 2, 3, 4, 5]), "1, 2, 3 and 2 more");
    }
}
