//! Provides the helpers of several test crates: the published schemas, for every JSON document that a test sees, the lab, and netlink
//! replies, made up (`wire`) and recorded (`recording`). `vm.rs` boots a real kernel.
#![allow(dead_code, reason = "no crate needs all of it")]

pub(crate) mod recording;
pub(crate) mod wire;

use std::path::{Path, PathBuf};
use std::process::Command;
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

/// Returns a validator of a published schema that also rejects unknown keys. Readers must accept them, but we write none.
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

static LAB: LazyLock<PathBuf> = LazyLock::new(|| {
    let own = std::env::current_exe().expect("the path of this program");
    let programs = own.ancestors().nth(2).expect("this program is in target/PROFILE/deps");
    let mut build = cargo();
    build.args(["build", "--quiet", "--locked", "--package", "lab", "--bin", "lab"]);
    if programs.ends_with("release") {
        build.arg("--release");
    }
    let status = build.status().unwrap_or_else(|error| panic!("cargo: {error}"));
    assert!(status.success(), "building the lab failed");
    programs.join("lab")
});

/// Returns the lab, built by the first call. `cargo test` builds programs of the tested package only.
pub(crate) fn lab_program() -> &'static Path {
    &LAB
}

/// Returns cargo as a user would start it in the project's directory. The variables that cargo set for this test would make
/// build scripts run again.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    without_package_variables(&mut command);
    command
}

/// Removes the variables that cargo sets for the programs of a package.
pub(crate) fn without_package_variables(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_MANIFEST_") || text.starts_with("CARGO_PKG_") {
            command.env_remove(&name);
        }
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
