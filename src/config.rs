//! The configuration file. Whoever has none pays one look for it.

mod document;
pub mod keys;

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::error::{Error, Result};
use crate::model::{Settings, printable};

/// Read where `--config` names no other.
pub const DEFAULT: &str = "/etc/wgstat.toml";
/// A configuration of 100,000 peers is smaller.
const LIMIT: u64 = 16 * 1024 * 1024;

/// Reads the configuration from the named file, or from [`DEFAULT`] if that exists.
///
/// # Errors
/// [`Error::Config`] with the first thing that is wrong with it.
pub fn load(named: Option<&Path>) -> Result<Settings> {
    let path = named.unwrap_or(Path::new(DEFAULT));
    let bytes = match open(path) {
        Ok(file) => read(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => {
            return Ok(Settings::default());
        }
        Err(error) => Err(error),
    };
    match bytes {
        Ok(bytes) => parse(path, &bytes),
        Err(error) => Err(unreadable(path, named.is_none(), &error)),
    }
}

/// Reads the text of a configuration that came from this file.
///
/// # Errors
/// [`Error::Config`] with the first thing that is wrong with it: `FILE:LINE: KEY: cause`.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Settings> {
    let file = printable(&path.to_string_lossy()).into_owned();
    let settings = match str::from_utf8(bytes) {
        Ok(text) => document::read(&file, text)?,
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = before.split(|&byte| byte == b'\n').count();
            return Err(Error::Config {
                subject: format!("{file}:{line}"),
                cause: "it is not UTF-8".to_owned(),
                hint: Some("save it as UTF-8".to_owned()),
            });
        }
    };
    Ok(Settings { file: Some(path.to_owned()), ..settings })
}

/// Opens what may be a pipe or a terminal, without waiting for its other end.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)
}

fn read(file: File) -> io::Result<Vec<u8>> {
    let found = file.metadata()?;
    let is_null = found.file_type().is_char_device() && found.rdev() == libc::makedev(1, 3);
    if !found.is_file() && !is_null {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(io::Error::other("it is larger than 16 MiB"));
    }
    Ok(bytes)
}

fn unreadable(path: &Path, is_default: bool, error: &io::Error) -> Error {
    let file = printable(&path.to_string_lossy()).into_owned();
    let hint = match error.kind() {
        io::ErrorKind::PermissionDenied if is_default => {
            format!("chmod 644 {file}, or --config /dev/null to go without")
        }
        io::ErrorKind::PermissionDenied => format!("chmod 644 {file}, or run it with sudo"),
        io::ErrorKind::NotFound => format!("wgstat generate config > {file} makes one to start from"),
        _ if is_default => format!("make {file} a file of TOML, or --config /dev/null to go without"),
        _ => "let --config name a file of TOML, or /dev/null to go without".to_owned(),
    };
    Error::Config { subject: file, cause: format!("cannot read: {error}"), hint: Some(hint) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commented_default_says_nothing() {
        let settings = parse(Path::new("x"), keys::commented().as_bytes()).unwrap();
        assert_eq!(settings, Settings { file: Some("x".into()), ..Settings::default() });
    }

    /// Every key of the table is one that the code takes: a key that it forgot would change nothing.
    #[test]
    fn every_key_changes_something() {
        for table in keys::TABLES {
            let read = |text: &str| parse(Path::new("x"), text.as_bytes()).unwrap();
            let without = read(table.example);
            for key in table.keys {
                assert_ne!(read(&format!("{}\n{}", table.example, key.line())), without, "{}", key.name);
            }
        }
    }
}
