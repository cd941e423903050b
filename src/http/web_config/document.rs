//! The web configuration as it is written: YAML -> settings.
//!
//! It is read event by event, without a tree: nothing of it is deeper than two mappings, so that nothing grows with what the
//! file holds, and an alias is refused before anything is copied.

use std::collections::BTreeMap;
use std::path::PathBuf;

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};

/// The whole file.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) tls: Option<TlsSection>,
    /// Name and bcrypt hash.
    pub(super) users: BTreeMap<String, String>,
}

/// `tls_server_config`.
#[derive(Debug)]
pub(super) struct TlsSection {
    pub(super) cert_file: PathBuf,
    pub(super) key_file: PathBuf,
    pub(super) client_ca_file: Option<PathBuf>,
    pub(super) client_auth_type: Option<String>,
    pub(super) min_version: Option<String>,
}

/// What is wrong with the file, and in which line, from 1.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) line: usize,
    pub(super) what: Wrong,
}

/// Somebody may have put a password where it does not belong: values are never part of it.
#[derive(Debug)]
pub(super) enum Wrong {
    UnknownKey(String),
    MissingKey(&'static str),
    RepeatedKey(String),
    /// It is no YAML, or of another shape.
    Shape,
}

type Result<T> = std::result::Result<T, Mistake>;

pub(super) fn read(text: &str) -> Result<Document> {
    let mut reader = Reader { events: Parser::new_from_str(text), line: 1 };
    let mut document = Document::default();
    reader.expect(&Event::StreamStart)?;
    // Nothing, or nothing but comments.
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
            _ => return Err(reader.mistake(Wrong::UnknownKey(key.to_owned()))),
        }
        Ok(())
    })?;
    reader.expect(&Event::DocumentEnd)?;
    reader.expect(&Event::StreamEnd)?;
    Ok(document)
}

/// An empty section is none.
fn tls_section(reader: &mut Reader<'_>) -> Result<Option<TlsSection>> {
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
            _ => return Err(reader.mistake(Wrong::UnknownKey(key.to_owned()))),
        };
        *value = reader.text()?;
        Ok(())
    })?;
    if is_empty {
        return Ok(None);
    }
    let needed =
        |value: Option<String>, key| value.map(PathBuf::from).ok_or(Mistake { line, what: Wrong::MissingKey(key) });
    Ok(Some(TlsSection {
        cert_file: needed(cert_file, "cert_file")?,
        key_file: needed(key_file, "key_file")?,
        client_ca_file: client_ca_file.map(PathBuf::from),
        client_auth_type,
        min_version,
    }))
}

struct Reader<'a> {
    events: Parser<'a, StrInput<'a>>,
    /// Of what was read last.
    line: usize,
}

impl<'a> Reader<'a> {
    fn mistake(&self, what: Wrong) -> Mistake {
        Mistake { line: self.line, what }
    }

    fn next(&mut self) -> Result<Event<'a>> {
        match self.events.next_event() {
            Some(Ok((event, span))) => {
                self.line = span.start.line();
                Ok(event)
            }
            Some(Err(error)) => Err(Mistake { line: error.marker().line(), what: Wrong::Shape }),
            None => Err(self.mistake(Wrong::Shape)),
        }
    }

    fn expect(&mut self, expected: &Event<'_>) -> Result<()> {
        if self.next()? == *expected { Ok(()) } else { Err(self.mistake(Wrong::Shape)) }
    }

    /// Calls `each` for every key, which reads the value. Nothing where a mapping should be is an empty one.
    fn mapping(&mut self, mut each: impl FnMut(&mut Self, &str) -> Result<()>) -> Result<()> {
        match self.next()? {
            Event::MappingStart(..) => {}
            Event::Scalar(value, ScalarStyle::Plain, ..) if is_null(&value) => return Ok(()),
            _ => return Err(self.mistake(Wrong::Shape)),
        }
        let mut seen = Vec::new();
        loop {
            match self.next()? {
                Event::MappingEnd => return Ok(()),
                Event::Scalar(key, ..) if seen.contains(&key) => {
                    return Err(self.mistake(Wrong::RepeatedKey(key.into_owned())));
                }
                Event::Scalar(key, ..) => {
                    each(self, &key)?;
                    seen.push(key);
                }
                _ => return Err(self.mistake(Wrong::Shape)),
            }
        }
    }

    /// A text; `None` if nothing stands there.
    fn text(&mut self) -> Result<Option<String>> {
        match self.next()? {
            Event::Scalar(value, ScalarStyle::Plain, ..) if is_null(&value) => Ok(None),
            Event::Scalar(value, ..) => Ok(Some(value.into_owned())),
            _ => Err(self.mistake(Wrong::Shape)),
        }
    }
}

/// As YAML 1.2's core schema has it.
fn is_null(plain: &str) -> bool {
    matches!(plain, "" | "~" | "null" | "Null" | "NULL")
}
