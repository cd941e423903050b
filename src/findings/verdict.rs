//! Sums findings and problems up as the status of a monitoring plugin: one word and an exit code.

use super::{Finding, Severity};
use crate::model::{Code, Problem};

/// The status of everything that was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No problems found.
    Ok,
    /// Traffic suffers.
    Warning,
    /// A network does not work.
    Critical,
    /// No problems found, but not everything could be read.
    Unknown,
}

impl Verdict {
    /// Returns the word that monitoring plugins use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Returns the exit code that monitoring plugins use.
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

/// Returns the worst status: critical, then warning, then unknown.
#[must_use]
pub fn verdict(findings: &[Finding], problems: &[Problem]) -> Verdict {
    match findings.iter().map(|finding| finding.severity).max() {
        Some(Severity::Critical) => Verdict::Critical,
        Some(Severity::Warning) => Verdict::Warning,
        _ if problems.iter().any(hides_trouble) => Verdict::Unknown,
        _ => Verdict::Ok,
    }
}

/// Returns whether a problem may hide a finding. A missing name does not.
#[must_use]
pub fn hides_trouble(problem: &Problem) -> bool {
    problem.code != Code::NamesUnreadable
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::RuleId;
    use crate::model::Network;

    #[test]
    fn worst_status_wins_and_unknown_counts_less_than_warning() {
        let of = |ids: &[RuleId], problems: usize| {
            let network = Network::default();
            let findings: Vec<Finding> = ids.iter().map(|&id| Finding::new(id, &network)).collect();
            let problem = Problem::new(Code::PermissionDenied, "");
            verdict(&findings, &vec![problem; problems])
        };
        assert_eq!(of(&[], 0), Verdict::Ok);
        assert_eq!(of(&[RuleId::PeerNeverSeen], 0), Verdict::Ok);
        assert_eq!(of(&[RuleId::PeerNeverSeen], 1), Verdict::Unknown);
        assert_eq!(of(&[RuleId::TxDropped], 1), Verdict::Warning);
        assert_eq!(of(&[RuleId::TxDropped, RuleId::InterfaceDown], 1), Verdict::Critical);
    }
}
