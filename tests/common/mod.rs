//! What several test crates need: the published schemas, applied to every JSON that a test sees; netlink replies made up
//! (`wire`) and recorded (`recording`). A real kernel is in `vm.rs`, for those that boot one.
#![allow(dead_code, reason = "no crate needs all of it")]

pub(crate) mod recording;
pub(crate) mod wire;

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

static STATUS: LazyLock<Validator> = LazyLock::new(|| validator(include_str!("../../docs/schema/status.json")));
static SAMPLE: LazyLock<Validator> = LazyLock::new(|| validator(include_str!("../../docs/schema/sample.json")));
static EVENT: LazyLock<Validator> = LazyLock::new(|| validator(include_str!("../../docs/schema/event.json")));
static CHECK: LazyLock<Validator> = LazyLock::new(|| validator(include_str!("../../docs/schema/check.json")));
static HISTORY: LazyLock<Validator> = LazyLock::new(|| validator(include_str!("../../docs/schema/history.json")));
static HEALTH: LazyLock<Validator> = LazyLock::new(|| validator(include_str!("../../docs/schema/health.json")));
static ERROR: LazyLock<Validator> = LazyLock::new(|| validator(include_str!("../../docs/schema/error.json")));

/// The published schema, made strict: a reader of it must accept keys it does not know, but a document of today has none.
fn validator(text: &str) -> Validator {
    let mut schema: Value = serde_json::from_str(text).expect("a schema is JSON");
    forbid_unknown_keys(&mut schema);
    jsonschema::draft202012::new(&schema).expect("a schema is valid")
}

fn forbid_unknown_keys(schema: &mut Value) {
    if let Value::Object(object) = schema {
        if object.contains_key("properties") {
            object.insert("additionalProperties".to_owned(), Value::Bool(false));
        }
        object.values_mut().for_each(forbid_unknown_keys);
    }
}

/// Parses a document and checks it against its schema.
pub(crate) fn document(text: &[u8]) -> Value {
    let value: Value = serde_json::from_slice(text)
        .unwrap_or_else(|error| panic!("not JSON ({error}): {}", String::from_utf8_lossy(text)));
    let validator = match value["type"].as_str() {
        _ if value.get("error").is_some() => &*ERROR,
        _ if value.get("uptime_seconds").is_some() => &*HEALTH,
        Some("check") => &*CHECK,
        Some("history") => &*HISTORY,
        Some("sample") => &*SAMPLE,
        Some("status") => &*STATUS,
        _ => &*EVENT,
    };
    let errors: Vec<String> =
        validator.iter_errors(&value).take(5).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "against its schema: {errors:#?}");
    value
}
