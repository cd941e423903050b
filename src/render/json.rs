//! Writes the JSON documents. They are a public API; their JSON Schemas are generated from the same definitions.
//!
//! Integers are exact, times are Unix seconds, `null` means unknown or never, and every key is always present. Characters
//! that could control a terminal are escaped.

mod check;
mod document;
mod event;
mod finding;
mod health;
mod history;
mod network;
mod peer;
mod status;

use std::io::{self, Write};

use schemars::{JsonSchema, Schema, generate::SchemaSettings};

use self::check::CheckDocument;
use self::document::{Json, document};
use self::event::EventDocument;
pub use self::health::Health;
use self::health::HealthDocument;
use self::history::HistoryDocument;
use self::status::{SampleDocument, StatusDocument};
use super::Report;
use super::check::Checked;
use super::out_buf::OutBuf;
use crate::error::Error;
use crate::events::Event;
use crate::history::counters::{CounterSample, SeriesKey};

/// The version of all documents. It is raised when a reader of an older version would misread one.
const SCHEMA_VERSION: u32 = 1;

/// Writes the document of `status --json` and `stats IFACE --json` on one line.
///
/// # Errors
/// Returns the writer's error.
pub fn status(out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    write_line(out, &StatusDocument::new(report))
}

/// Writes the document of one update of `watch --json` on one line.
///
/// # Errors
/// Returns the writer's error.
pub fn sample(out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    write_line(out, &SampleDocument::new(report))
}

/// Writes the document of one event of `watch --json` on one line.
///
/// # Errors
/// Returns the writer's error.
pub fn event(out: &mut dyn Write, event: &Event) -> io::Result<()> {
    write_line(out, &EventDocument::from(event))
}

/// Writes the document of `check --json` on one line.
///
/// # Errors
/// Returns the writer's error.
pub fn check(out: &mut dyn Write, checked: &Checked<'_>) -> io::Result<()> {
    write_line(out, &CheckDocument::new(checked))
}

/// Writes the document of `GET /api/history` on one line, with the findings and problems of the report.
///
/// # Errors
/// Returns the writer's error.
pub fn history<'a>(
    out: &mut dyn Write,
    report: &Report<'_>,
    key: &SeriesKey,
    samples: impl Iterator<Item = &'a CounterSample>,
) -> io::Result<()> {
    write_line(out, &HistoryDocument::new(report, key, samples))
}

/// Writes the document of `GET /health` on one line. The server's uptime is in seconds.
///
/// # Errors
/// Returns the writer's error.
pub fn health(out: &mut dyn Write, health: Health, uptime_seconds: u64) -> io::Result<()> {
    write_line(out, &HealthDocument::new(health, uptime_seconds))
}

/// Writes the document of an error on one line.
///
/// # Errors
/// Returns the writer's error.
pub fn error(out: &mut dyn Write, error: &Error) -> io::Result<()> {
    let error = ErrorBody { code: error.code().as_str(), message: error.to_string() };
    write_line(out, &ErrorDocument { error })
}

fn write_line(out: &mut dyn Write, document: &impl Json) -> io::Result<()> {
    let mut out = OutBuf::new(out);
    document.write(&mut out);
    out.push(b'\n');
    out.finish()
}

/// Returns the JSON Schema of every document, with its file name without the extension.
#[must_use]
pub fn schemas() -> Vec<(&'static str, Schema)> {
    fn schema<T: JsonSchema>() -> Schema {
        SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
    }
    vec![
        ("check", schema::<CheckDocument<'_>>()),
        ("status", schema::<StatusDocument<'_>>()),
        ("sample", schema::<SampleDocument<'_>>()),
        ("event", schema::<EventDocument<'_>>()),
        ("error", schema::<ErrorDocument>()),
        ("history", schema::<HistoryDocument<'_>>()),
        ("health", schema::<HealthDocument>()),
    ]
}

/// Writes all schemas as one object, by the names of the documents, on one line.
///
/// # Errors
/// Returns the writer's error.
pub fn all_schemas(out: &mut dyn Write) -> io::Result<()> {
    let all: serde_json::Map<_, _> =
        schemas().into_iter().map(|(name, schema)| (name.to_owned(), schema.to_value())).collect();
    serde_json::to_writer(&mut *out, &all)?;
    out.write_all(b"\n")
}

document! {
    /// The output of any failed command with `--json`.
    #[schemars(title = "wgstat error")]
    struct ErrorDocument {
        error: ErrorBody,
    }
}

document! {
    /// The error.
    struct ErrorBody {
        /// Stable name of this kind of error.
        code: &'static str,
        /// One line for people.
        message: String,
    }
}
