//! What findings and problems come to: one word, and the exit code of a monitoring plugin.

use super::{Finding, Severity};
use crate::model::{Code, Problem};

/// The state of all that was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is wrong.
    Ok,
    /// Traffic suffers.
    Warning,
    /// A network does not work.
    Critical,
    /// Nothing wrong is seen, but not all could be looked at.
    Unknown,
}

impl Verdict {
    /// The word of monitoring plugins.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// The exit code of monitoring plugins.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }
}

/// The worst: critical, then warning, then what could not be looked at.
#[must_use]
pub fn verdict(findings: &[Finding], problems: &[Problem]) -> Verdict {
    match findings.iter().map(|finding| finding.severity).max() {
        Some(Severity::Critical) => Verdict::Critical,
        Some(Severity::Warning) => Verdict::Warning,
        _ if problems.iter().any(hides_trouble) => Verdict::Unknown,
        _ => Verdict::Ok,
    }
}

/// Whether something may be wrong where it could not be looked. Without its name a network is as well as with it.
#[must_use]
pub fn hides_trouble(problem: &Problem) -> bool {
    problem.code != Code::NamesUnreadable
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::finding;
    use crate::model::Network;

    #[test]
    fn worst_wins_and_what_was_not_seen_counts_less_than_what_was() {
        let of = |ids: &[&'static str], problems: usize| {
            let network = Network::default();
            let findings: Vec<Finding> = ids.iter().map(|id| finding(id, &network)).collect();
            let problem = Problem {
                code: Code::PermissionDenied,
                netns: None,
                interface: None,
                message: String::new(),
                hint: None,
            };
            verdict(&findings, &vec![problem; problems])
        };
        assert_eq!(of(&[], 0), Verdict::Ok);
        assert_eq!(of(&["peer_never_seen"], 0), Verdict::Ok);
        assert_eq!(of(&["peer_never_seen"], 1), Verdict::Unknown);
        assert_eq!(of(&["tx_dropped"], 1), Verdict::Warning);
        assert_eq!(of(&["tx_dropped", "interface_down"], 1), Verdict::Critical);
    }
}
