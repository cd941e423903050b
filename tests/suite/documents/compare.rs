//! Compares an output in a document with the printed one, by the names in them: counters, ids, keys, interfaces and
//! addresses. Prose, numbers and layout may differ, so that a changed sentence fails no test.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

static NAME: LazyLock<Regex> = LazyLock::new(|| {
    let parts = [
        // A counter, an id, a key: `rx_errors`.
        r"\b[A-Za-z]+(?:_[A-Za-z0-9]+)+\b",
        // An interface: `wg0`.
        r"\bwg\d+\b",
        // An address or a prefix.
        r"\b\d{1,3}(?:\.\d{1,3}){3}(?:/\d+)?\b",
        // A severity of `check`.
        r"\b(?:OK|WARNING|CRITICAL|UNKNOWN)\b",
    ];
    Regex::new(&parts.join("|")).unwrap()
});

/// Returns the names that a document shows and the program did not print, in order.
pub(super) fn missing<'a>(shown: &'a str, printed: &str) -> Vec<&'a str> {
    let printed: BTreeSet<&str> = NAME.find_iter(printed).map(|found| found.as_str()).collect();
    NAME.find_iter(shown).map(|found| found.as_str()).filter(|name| !printed.contains(name)).collect()
}

#[test]
fn prose_numbers_and_layout_are_not_compared() {
    let printed = "wg0: up, 1 of 3 peers online\n  rx_errors   5  rejected packets";
    assert!(missing("wg0: up, 2 peers\n\nrx_errors 7: packets that were refused", printed).is_empty());
}

#[test]
fn missing_counter_interface_address_and_severity_are_found() {
    let printed = "OK wg0 10.9.0.0/24 rx_errors";
    let shown = "WARNING wg1 10.9.9.0/24 rx_errors tx_errors";
    assert_eq!(missing(shown, printed), ["WARNING", "wg1", "10.9.9.0/24", "tx_errors"]);
}
