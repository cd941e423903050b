//! Parses the YAML of the web configuration.
//!
//! It reads parser events and builds no tree. The format has two levels of mappings, so a malicious file cannot make it
//! allocate much. Aliases are rejected.

use std::collections::BTreeMap;
use std::path::PathBuf;

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};

/// Holds the parsed file.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) tls: Option<TlsSection>,
    /// bcrypt hash of each user.
    pub(super) users: BTreeMap<String, String>,
}

/// Holds the section `tls_server_config`.
#[derive(Debug)]
pub(super) struct TlsSection {
    pub(super) cert_file: PathBuf,
    pub(super) key_file: PathBuf,
    pub(super) client_ca_file: Option<PathBuf>,
    pub(super) client_auth_type: Option<String>,
    pub(super) min_version: Option<String>,
}

/// Says what is wrong with the file, and in which line (from 1).
#[derive(Debug)]
pub(super) struct ParseError {
    pub(super) line: usize,
    pub(super) kind: ParseErrorKind,
}

/// Says what is wrong. It never contains values: one may be a misplaced password.
#[derive(Debug)]
pub(super) enum ParseErrorKind {
    UnknownKey(String),
    MissingKey(&'static str),
    DuplicateKey(String),
    /// Invalid YAML, or a value of an unexpected type.
    Invalid,
}

type Result<T> = std::result::Result<T, ParseError>;

/// Parses the file.
///
/// # Errors
/// Returns the first error and its line.
pub(super) fn parse(text: &str) -> Result<Document> {
    let mut reader = EventReader { events: Parser::new_from_str(text), line: 1 };
    let mut document = Document::default();
    reader.expect(&Event::StreamStart)?;
    // The file is empty, or has only comments.
    if reader.next()? == Event::StreamEnd {
        return Ok(document);
    }
    reader.mapping(|reader, key| {
        match key {
            "tls_server_config" => document.tls = tls_section(reader)?,
            "basic_auth_users" => reader.mapping(|reader, name| {
                let hash = reader.text()?.unwrap_or_default();
                document.users.insert(name.to_owned(), hash);
                Ok(())
            })?,
            _ => return Err(reader.error(ParseErrorKind::UnknownKey(key.to_owned()))),
        }
        Ok(())
    })?;
    reader.expect(&Event::DocumentEnd)?;
    reader.expect(&Event::StreamEnd)?;
    Ok(document)
}

/// Reads the TLS section; `None` if it is empty.
fn tls_section(reader: &mut EventReader<'_>) -> Result<Option<TlsSection>> {
    let [mut cert_file, mut key_file, mut client_ca_file, mut client_auth_type, mut min_version] = [const { None }; 5];
    let mut is_empty = true;
    let line = reader.line;
    reader.mapping(|reader, key| {
        is_empty = false;
        let value = match key {
            "cert_file" => &mut cert_file,
            "key_file" => &mut key_file,
            "client_ca_file" => &mut client_ca_file,
            "client_auth_type" => &mut client_auth_type,
            "min_version" => &mut min_version,
            _ => return Err(reader.error(ParseErrorKind::UnknownKey(key.to_owned()))),
        };
        *value = reader.text()?;
        Ok(())
    })?;
    if is_empty {
        return Ok(None);
    }
    let required = |value: Option<String>, key| {
        value.map(PathBuf::from).ok_or(ParseError { line, kind: ParseErrorKind::MissingKey(key) })
    };
    Ok(Some(TlsSection {
        cert_file: required(cert_file, "cert_file")?,
        key_file: required(key_file, "key_file")?,
        client_ca_file: client_ca_file.map(PathBuf::from),
        client_auth_type,
        min_version,
    }))
}

/// Reads parser events.
struct EventReader<'a> {
    events: Parser<'a, StrInput<'a>>,
    /// Line of the last event.
    line: usize,
}

impl<'a> EventReader<'a> {
    /// Returns an error at the current line.
    fn error(&self, kind: ParseErrorKind) -> ParseError {
        ParseError { line: self.line, kind }
    }

    /// Returns the next event.
    fn next(&mut self) -> Result<Event<'a>> {
        match self.events.next_event() {
            Some(Ok((event, span))) => {
                self.line = span.start.line();
                Ok(event)
            }
            Some(Err(error)) => Err(ParseError { line: error.marker().line(), kind: ParseErrorKind::Invalid }),
            None => Err(self.error(ParseErrorKind::Invalid)),
        }
    }

    /// Requires the next event to be this one.
    fn expect(&mut self, expected: &Event<'_>) -> Result<()> {
        if self.next()? == *expected { Ok(()) } else { Err(self.error(ParseErrorKind::Invalid)) }
    }

    /// Reads a mapping. It calls `each` for every key; `each` reads the value. A null counts as an empty mapping.
    fn mapping(&mut self, mut each: impl FnMut(&mut Self, &str) -> Result<()>) -> Result<()> {
        match self.next()? {
            Event::MappingStart(..) => {}
            Event::Scalar(value, ScalarStyle::Plain, ..) if is_null(&value) => return Ok(()),
            _ => return Err(self.error(ParseErrorKind::Invalid)),
        }
        let mut seen = Vec::new();
        loop {
            match self.next()? {
                Event::MappingEnd => return Ok(()),
                Event::Scalar(key, ..) if seen.contains(&key) => {
                    return Err(self.error(ParseErrorKind::DuplicateKey(key.into_owned())));
                }
                Event::Scalar(key, ..) => {
                    each(self, &key)?;
                    seen.push(key);
                }
                _ => return Err(self.error(ParseErrorKind::Invalid)),
            }
        }
    }

    /// Reads a scalar; `None` if it is null.
    fn text(&mut self) -> Result<Option<String>> {
        match self.next()? {
            Event::Scalar(value, ScalarStyle::Plain, ..) if is_null(&value) => Ok(None),
            Event::Scalar(value, ..) => Ok(Some(value.into_owned())),
            _ => Err(self.error(ParseErrorKind::Invalid)),
        }
    }
}

/// Returns whether a plain scalar is null, by the core schema of YAML 1.2.
fn is_null(plain: &str) -> bool {
    matches!(plain, "" | "~" | "null" | "Null" | "NULL")
}
