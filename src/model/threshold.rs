//! Limits that the operator sets: `COUNTER=LIMIT`.

use std::fmt;
use std::time::Duration;

use super::Counter;

/// What is measured, and how much of it is too much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Threshold {
    /// A counter's value since the interface was created, in bytes or packets as [`Counter`] says; more is too much.
    Total(Counter, u64),
    /// How fast a counter grows; more is too much.
    Rate(Counter, Rate),
    /// Age of a peer's last handshake; more is too much. A peer that never had one has no age.
    HandshakeAge(Duration),
    /// How many peers are online; fewer are too few.
    PeersOnline(u64),
}

/// So much in each of these, as `--warn` or the configuration has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// How much, in bytes or packets as [`Counter`] says.
    pub amount: f64,
    /// In what time.
    pub per: Per,
}

/// The time of a rate.
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
    /// In seconds.
    #[must_use]
    pub const fn seconds(self) -> f64 {
        match self {
            Self::Second => 1.0,
            Self::Minute => 60.0,
            Self::Hour => 3_600.0,
        }
    }

    /// As it is written behind the `/`.
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
    /// What is measured.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Total(counter, _) | Self::Rate(counter, _) => counter.name(),
            Self::HandshakeAge(_) => HANDSHAKE_AGE,
            Self::PeersOnline(_) => PEERS_ONLINE,
        }
    }

    /// Reads `rx_errors=100`, `rx_errors=0/s`, `tx_dropped=10/min`, `handshake_age=5m` or `peers_online=3`.
    ///
    /// # Errors
    /// What is wrong with the text, for the person who wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, limit) = text.split_once('=').ok_or("it must be COUNTER=LIMIT, such as rx_errors=0/s")?;
        let (name, limit) = (name.trim(), limit.trim());
        let whole = || limit.parse::<u64>().map_err(|_| format!("{limit:?} is no whole number"));
        match name {
            HANDSHAKE_AGE => humantime::parse_duration(limit)
                .map(Self::HandshakeAge)
                .map_err(|error| format!("{limit:?}: {error}; write it as 5m, 300s or 1h")),
            PEERS_ONLINE => whole().map(Self::PeersOnline),
            _ => {
                let counter = Counter::ALL.into_iter().find(|counter| counter.name() == name).ok_or_else(|| {
                    format!(
                        "there is no counter {name:?}; have: rx_errors and the like, {HANDSHAKE_AGE}, {PEERS_ONLINE}"
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

fn rate(amount: &str, unit: &str) -> Result<Rate, String> {
    let amount = match amount.parse::<f64>() {
        Ok(amount) if amount.is_finite() && amount >= 0.0 => amount,
        _ => return Err(format!("{amount:?} is no number, 0 or more")),
    };
    let per = match unit {
        "s" | "sec" => Per::Second,
        "m" | "min" => Per::Minute,
        "h" => Per::Hour,
        _ => return Err(format!("a rate is per /s, /min or /h, not per {unit:?}")),
    };
    Ok(Rate { amount, per })
}

/// The limit alone: `100`, `0/s`, `5m`.
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
    fn every_kind_of_limit_is_read() {
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
    fn what_cannot_be_meant_is_named() {
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
    fn limit_reads_as_it_was_written() {
        for text in ["rx_errors=100", "rx_errors=0/s", "tx_dropped=10/min", "handshake_age=5m", "peers_online=3"] {
            let threshold = Threshold::parse(text).unwrap();
            assert_eq!(format!("{}={threshold}", threshold.name()), text);
        }
    }
}
