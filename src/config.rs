//! Loads the configuration file. If there is none, the cost is a single failed `open`.

mod document;
pub mod keys;

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::error::{Error, Result};
use crate::model::{Settings, printable};

/// The file that is read without `--config`.
pub const DEFAULT: &str = "/etc/wgstat.toml";
/// Maximum size of the file, in bytes. 100,000 peers fit.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// Loads the configuration from the named file, or from [`DEFAULT`] if that exists.
///
/// # Errors
/// Returns [`Error::Config`] with the first error in the file.
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

/// Parses the text of a configuration; `path` is used in errors.
///
/// # Errors
/// Returns [`Error::Config`] with the first error in the file: `FILE:LINE: KEY: cause`.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Settings> {
    let file = printable(&path.to_string_lossy()).into_owned();
    let settings = match str::from_utf8(bytes) {
        Ok(text) => document::read(&file, text)?,
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = before.split(|&byte| byte == b'\n').count();
            return Err(Error::Config {
                subject: format!("{file}:{line}"),
                cause: "not UTF-8".to_owned(),
                hint: Some("save it as UTF-8".to_owned()),
            });
        }
    };
    Ok(Settings { file: Some(path.to_owned()), ..settings })
}

/// Opens a file without blocking, even if it is a pipe or a terminal.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)
}

/// Reads a regular file or `/dev/null`.
fn read(file: File) -> io::Result<Vec<u8>> {
    let found = file.metadata()?;
    let is_null = found.file_type().is_char_device() && found.rdev() == libc::makedev(1, 3);
    if !found.is_file() && !is_null {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(io::Error::other("larger than 16 MiB"));
    }
    Ok(bytes)
}

/// Returns the error for a file that could not be read.
fn unreadable(path: &Path, is_default: bool, error: &io::Error) -> Error {
    let file = printable(&path.to_string_lossy()).into_owned();
    let hint = match error.kind() {
        io::ErrorKind::PermissionDenied if is_default => {
            format!("chmod 644 {file}, or use --config /dev/null to run without it")
        }
        io::ErrorKind::PermissionDenied => format!("chmod 644 {file}, or run it with sudo"),
        io::ErrorKind::NotFound => format!("create it with: wgstat generate config > {file}"),
        _ if is_default => format!("replace {file} by a TOML file, or use --config /dev/null to run without it"),
        _ => "give --config a TOML file, or /dev/null to run without one".to_owned(),
    };
    Error::Config { subject: file, cause: format!("cannot read: {error}"), hint: Some(hint) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commented_default_sets_nothing() {
        let settings = parse(Path::new("x"), keys::commented().as_bytes()).unwrap();
        assert_eq!(settings, Settings { file: Some("x".into()), ..Settings::default() });
    }

    /// A key that the parser forgot would change nothing.
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
