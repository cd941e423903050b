//! Parses values of both the command line and the configuration file: intervals and host names.

use std::time::Duration;

/// The shortest interval with a meaningful rate.
const SHORTEST: Duration = Duration::from_millis(10);
/// The longest interval. Longer ones are likely a typing mistake.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Parses an interval: `2s`, `500ms`, `1m`; from 10 ms to one day.
///
/// # Errors
/// Returns a one-line message that says what is wrong with the text.
pub fn parse_interval(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).map_err(|error| format!("{error}; use 2s, 500ms or 1m"))?;
    if (SHORTEST..=LONGEST).contains(&interval) {
        Ok(interval)
    } else {
        Err("must be between 10ms and 1day".to_owned())
    }
}

/// The shortest interval between background samples. `watch` is for shorter ones.
const SHORTEST_POLL: Duration = Duration::from_secs(1);

/// Parses the interval of background samples (`--poll`, `[serve] poll`): from one second to one day.
///
/// # Errors
/// Returns a one-line message that says what is wrong with the text.
pub fn parse_poll(text: &str) -> Result<Duration, String> {
    match parse_interval(text) {
        Ok(poll) if poll < SHORTEST_POLL => Err("must be between 1s and 1day".to_owned()),
        other => other,
    }
}

/// Parses a host name that the server answers to (`--allow-host`, `[serve] allow_host`).
///
/// # Errors
/// Returns a one-line message that says what is wrong with the text.
pub fn parse_host_name(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if !text.is_empty() && text.len() <= 253 && text.chars().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("expected a host name without scheme, port or path, such as vpn.example.org".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_has_a_unit_and_bounds() {
        assert_eq!(parse_interval("500ms"), Ok(Duration::from_millis(500)));
        for bad in ["2", "0s", "9ms", "2days", "", "-1s", "99999999999999999999s"] {
            assert!(parse_interval(bad).is_err(), "{bad}");
        }
    }
}
