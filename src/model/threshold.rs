//! Parses and prints the operator's limits: `COUNTER=LIMIT`.

use std::fmt;
use std::time::Duration;

use super::Counter;

/// Holds a limit and the value that it applies to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Threshold {
    /// A counter's value since the interface was created, in bytes or packets as [`Counter`] says: the maximum.
    Total(Counter, u64),
    /// Rate of a counter: the maximum.
    Rate(Counter, Rate),
    /// Age of a peer's latest handshake: the maximum. A peer without a handshake has no age.
    HandshakeAge(Duration),
    /// Number of peers online: the minimum.
    PeersOnline(u64),
}

/// Holds a rate from `--warn`, `--crit` or the configuration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Amount for each `per`, in bytes or packets as [`Counter`] says.
    pub amount: f64,
    /// Unit of time.
    pub per: Per,
}

/// Names the unit of time of a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
}

impl Per {
    /// Returns the length in seconds.
    #[must_use]
    pub const fn seconds(self) -> f64 {
        match self {
            Self::Second => 1.0,
            Self::Minute => 60.0,
            Self::Hour => 3_600.0,
        }
    }

    /// Returns the text after the `/`.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "min",
            Self::Hour => "h",
        }
    }
}

const HANDSHAKE_AGE: &str = "handshake_age";
const PEERS_ONLINE: &str = "peers_online";

impl Threshold {
    /// Returns the text before the `=`: the name of the limited value.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Total(counter, _) | Self::Rate(counter, _) => counter.name(),
            Self::HandshakeAge(_) => HANDSHAKE_AGE,
            Self::PeersOnline(_) => PEERS_ONLINE,
        }
    }

    /// Parses `rx_errors=100`, `rx_errors=0/s`, `tx_dropped=10/min`, `handshake_age=5m` or `peers_online=3`.
    ///
    /// # Errors
    /// Returns a message that says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, limit) = text.split_once('=').ok_or("expected COUNTER=LIMIT, such as rx_errors=0/s")?;
        let (name, limit) = (name.trim(), limit.trim());
        let whole = || limit.parse::<u64>().map_err(|_| format!("{limit:?} is not a whole number"));
        match name {
            HANDSHAKE_AGE => humantime::parse_duration(limit)
                .map(Self::HandshakeAge)
                .map_err(|error| format!("{limit:?}: {error}; use 5m, 300s or 1h")),
            PEERS_ONLINE => whole().map(Self::PeersOnline),
            _ => {
                let counter = Counter::ALL.into_iter().find(|counter| counter.name() == name).ok_or_else(|| {
                    format!(
                        "unknown counter {name:?}; use a counter such as rx_errors, {HANDSHAKE_AGE} or {PEERS_ONLINE}"
                    )
                })?;
                match limit.split_once('/') {
                    None => whole().map(|limit| Self::Total(counter, limit)),
                    Some((amount, unit)) => rate(amount.trim(), unit.trim()).map(|rate| Self::Rate(counter, rate)),
                }
            }
        }
    }
}

/// Parses a rate: `amount` for each `unit`.
fn rate(amount: &str, unit: &str) -> Result<Rate, String> {
    let amount = match amount.parse::<f64>() {
        Ok(amount) if amount.is_finite() && amount >= 0.0 => amount,
        _ => return Err(format!("{amount:?} is not a number of 0 or more")),
    };
    let per = match unit {
        "s" | "sec" => Per::Second,
        "m" | "min" => Per::Minute,
        "h" => Per::Hour,
        _ => return Err(format!("unknown unit of time {unit:?}; use /s, /min or /h")),
    };
    Ok(Rate { amount, per })
}

/// Writes the limit without the name: `100`, `0/s`, `5m`.
impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Total(_, limit) | Self::PeersOnline(limit) => write!(f, "{limit}"),
            Self::Rate(_, rate) => write!(f, "{}/{}", rate.amount, rate.per.unit()),
            Self::HandshakeAge(age) => write!(f, "{}", humantime::format_duration(*age)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_limit_is_parsed() {
        let read = |text| Threshold::parse(text).unwrap();
        assert_eq!(read("rx_errors=100"), Threshold::Total(Counter::RxErrors, 100));
        let per = |amount, per| Rate { amount, per };
        assert_eq!(read("rx_errors=0/s"), Threshold::Rate(Counter::RxErrors, per(0.0, Per::Second)));
        assert_eq!(read("tx_dropped=10/min"), Threshold::Rate(Counter::TxDropped, per(10.0, Per::Minute)));
        assert_eq!(read("tx_bytes = 1.5/h"), Threshold::Rate(Counter::TxBytes, per(1.5, Per::Hour)));
        assert_eq!(read("handshake_age=5m"), Threshold::HandshakeAge(Duration::from_secs(300)));
        assert_eq!(read("peers_online=3"), Threshold::PeersOnline(3));
    }

    #[test]
    fn error_names_the_invalid_part() {
        for (text, named) in [
            ("rx_errors", "COUNTER=LIMIT"),
            ("rx_error=1", "rx_error"),
            ("rx_errors=", "\"\""),
            ("rx_errors=-1", "-1"),
            ("rx_errors=1.5", "1.5"),
            ("rx_errors=1/d", "\"d\""),
            ("rx_errors=NaN/s", "NaN"),
            ("rx_errors=inf/s", "inf"),
            ("rx_errors=-1/s", "-1"),
            ("rx_errors=18446744073709551616", "18446744073709551616"),
            ("handshake_age=300", "5m"),
            ("peers_online=some", "some"),
        ] {
            let error = Threshold::parse(text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
    }

    #[test]
    fn displayed_limit_parses_to_itself() {
        for text in ["rx_errors=100", "rx_errors=0/s", "tx_dropped=10/min", "handshake_age=5m", "peers_online=3"] {
            let threshold = Threshold::parse(text).unwrap();
            assert_eq!(format!("{}={threshold}", threshold.name()), text);
        }
    }
}
