//! Alert rules for Prometheus, from the table of rules.

use std::fmt::Write as _;

use crate::findings::rules::{ALERTS_ONLY, Alert, RULES, Rule};

/// Limits that replace the table's, each in the unit of [`Alert::threshold`], by the rule's id.
pub type Thresholds = [(&'static str, Option<f64>)];

/// The rules as a YAML file.
#[must_use]
pub fn alert_rules(thresholds: &Thresholds) -> String {
    let mut text = String::from(
        "# Made by `wgstat generate alert-rules`: for changes, generate it with other thresholds.\n\
         groups:\n  - name: wgstat\n    rules:\n",
    );
    for rule in RULES.iter().chain(&ALERTS_ONLY) {
        if let Some(alert) = &rule.alert {
            write_alert(&mut text, rule, alert, thresholds);
        }
    }
    text
}

fn write_alert(text: &mut String, rule: &Rule, alert: &Alert, thresholds: &Thresholds) {
    let given = thresholds.iter().find(|(id, _)| *id == rule.id).and_then(|(_, limit)| *limit);
    let limit = given.or(alert.threshold.map(|(limit, _)| limit)).unwrap_or_default();
    let expression = alert.expression.replace("{threshold}", &limit.to_string());
    let remedy = rule.remedy.replace("INTERFACE", "{{ $labels.interface }}");
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "      - alert: {}\n        expr: {}\n        for: {}\n        labels:\n          severity: {}\n          \
         finding: {}\n        annotations:\n          summary: {}\n          description: {}\n",
        alert.name,
        quoted(&expression),
        alert.hold,
        rule.severity.as_str(),
        rule.id,
        quoted(&format!("WireGuard: {}: {}", alert.subject, rule.summary)),
        quoted(&format!("Cause: {}. To mend it: {}", rule.cause, remedy)),
    );
}

/// A JSON string is a YAML string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
