//! Loads `--web.config.file`: TLS settings and users in the format of Prometheus exporters. It is reloaded when a file changes.

mod document;

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio_rustls::TlsAcceptor;

use self::document::{ParseError, ParseErrorKind, TlsSection};
use super::tls::{self, ClientAuth, MinVersion, TlsFiles};
use super::users::{Users, bcrypt_cost};
use crate::error::{Error, Result};
use crate::model::printable;

/// Minimum time between two checks for changed files.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Maximum size of the file, in bytes. Thousands of users fit.
const MAX_FILE_SIZE: u64 = 1024 * 1024;
/// Maximum cost of a bcrypt hash. At this cost a login takes some seconds of CPU time.
const MAX_BCRYPT_COST: u32 = 16;

/// Holds the settings that were loaded.
pub(super) struct LoadedConfig {
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) users: Option<Users>,
    /// Whether clients must present a certificate.
    pub(super) requires_client_certificate: bool,
}

/// Identifies a version of a file: device, inode, size, and modification time in seconds and nanoseconds.
type Stamp = Option<(u64, u64, u64, i64, i64)>;

/// Lists files with their stamps, taken before the files were read. So a change while reading is noticed.
type Stamps = Vec<(PathBuf, Stamp)>;

/// Holds the web configuration and reloads it.
pub struct WebConfig {
    path: Option<PathBuf>,
    cache: RefCell<Cache>,
}

/// Holds the last valid configuration.
struct Cache {
    loaded: Rc<LoadedConfig>,
    /// Stamps of the files of `loaded`. Invalid files have other stamps, so every check tries to load them again.
    stamps: Stamps,
    /// The last warning about invalid files, to print it once.
    last_warning: Option<String>,
    next_check: Instant,
}

impl WebConfig {
    /// Loads the file. Without a file there is no TLS and there are no users.
    ///
    /// # Errors
    /// Returns [`Error::Config`] with the file, the line if known, and the cause.
    pub fn read(path: Option<&Path>) -> Result<Self> {
        let (loaded, stamps) = match path {
            Some(path) => load(path)?,
            None => (LoadedConfig { tls: None, users: None, requires_client_certificate: false }, Vec::new()),
        };
        let next_check = Instant::now() + CHECK_INTERVAL;
        let cache = Cache { loaded: Rc::new(loaded), stamps, last_warning: None, next_check };
        Ok(Self { path: path.map(Path::to_owned), cache: RefCell::new(cache) })
    }

    /// Returns whether connections use TLS.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.cache.borrow().loaded.tls.is_some()
    }

    /// Returns whether clients need a password or a certificate.
    #[must_use]
    pub fn has_authentication(&self) -> bool {
        let loaded = &self.cache.borrow().loaded;
        loaded.users.is_some() || loaded.requires_client_certificate
    }

    /// Returns the current settings, after reloading changed files. If they are invalid, the previous settings stay in use, and
    /// `warn` is called once with the message and a hint.
    pub(super) fn current(&self, warn: impl FnOnce(&str, Option<&str>)) -> Rc<LoadedConfig> {
        let mut cache = self.cache.borrow_mut();
        let now = Instant::now();
        if let Some(path) = &self.path
            && now >= cache.next_check
        {
            cache.next_check = now + CHECK_INTERVAL;
            if cache.stamps.iter().any(|(file, before)| stamp(file) != *before) {
                match load(path) {
                    Ok((loaded, stamps)) => {
                        cache.loaded = Rc::new(loaded);
                        cache.stamps = stamps;
                        cache.last_warning = None;
                    }
                    Err(error) => {
                        let message = format!("{error}; the previous configuration stays in use");
                        if cache.last_warning.as_ref() != Some(&message) {
                            warn(&message, error.hint().as_deref());
                        }
                        cache.last_warning = Some(message);
                    }
                }
            }
        }
        Rc::clone(&cache.loaded)
    }

    /// Makes the next call of `current` check for changed files.
    pub(super) fn check_soon(&self) {
        self.cache.borrow_mut().next_check = Instant::now();
    }
}

/// Returns the stamp of a file; `None` if it cannot be read.
fn stamp(path: &Path) -> Stamp {
    let found = fs::metadata(path).ok()?;
    Some((found.dev(), found.ino(), found.size(), found.mtime(), found.mtime_nsec()))
}

/// Loads the file, and the files that it names.
fn load(path: &Path) -> Result<(LoadedConfig, Stamps)> {
    let stamped = |file: PathBuf| {
        let stamp = stamp(&file);
        (file, stamp)
    };
    let mut stamps = vec![stamped(path.to_owned())];
    let found = fs::metadata(path).map_err(|error| config_error(path, None, format!("cannot read: {error}"), None))?;
    if !found.is_file() || found.len() > MAX_FILE_SIZE {
        return Err(config_error(path, None, "not a regular file, or larger than 1 MiB".to_owned(), None));
    }
    let text =
        fs::read_to_string(path).map_err(|error| config_error(path, None, format!("cannot read: {error}"), None))?;
    let document = document::parse(&text).map_err(|error| parse_error(path, error))?;
    let mut requires_client_certificate = false;
    let tls = match document.tls {
        Some(section) => {
            let tls = tls_files(path, section)?;
            stamps.extend([tls.certificate.clone(), tls.key.clone()].map(stamped));
            stamps.extend(tls.client_ca.clone().map(stamped));
            requires_client_certificate = tls.client_auth == ClientAuth::Required;
            Some(tls::build_acceptor(&tls).map_err(|(file, cause)| config_error(&file, None, cause, None))?)
        }
        None => None,
    };
    let users = Some(document.users).filter(|users| !users.is_empty());
    for (name, hash) in users.iter().flatten() {
        let key = format!("basic_auth_users.{}", printable(name));
        match bcrypt_cost(hash) {
            None => {
                let hint = "create it with htpasswd -nBC 10 NAME and put it in quotes".to_owned();
                return Err(config_error(path, None, format!("{key}: not a bcrypt hash"), Some(hint)));
            }
            Some(cost) if cost > MAX_BCRYPT_COST => {
                let hint = format!("use a cost of 10; the maximum is {MAX_BCRYPT_COST}");
                return Err(config_error(path, None, format!("{key}: cost {cost} is too high"), Some(hint)));
            }
            Some(_) => {}
        }
    }
    let users = users.map(Users::new).transpose().map_err(|cause| config_error(path, None, cause, None))?;
    Ok((LoadedConfig { tls, users, requires_client_certificate }, stamps))
}

/// Validates the TLS section. Its paths are relative to the directory of the file.
fn tls_files(path: &Path, section: TlsSection) -> Result<TlsFiles> {
    let directory = path.parent().unwrap_or(Path::new(""));
    let key_error = |key: &str, cause: String, hint: &str| {
        Err(config_error(path, None, format!("tls_server_config.{key}: {cause}"), Some(hint.to_owned())))
    };
    let client_auth = match section.client_auth_type.as_deref() {
        None if section.client_ca_file.is_some() => {
            let hint = "set it to RequireAndVerifyClientCert, VerifyClientCertIfGiven or NoClientCert";
            return key_error("client_auth_type", "missing, although client_ca_file is set".to_owned(), hint);
        }
        None | Some("" | "NoClientCert") => ClientAuth::None,
        Some("VerifyClientCertIfGiven") => ClientAuth::IfGiven,
        Some("RequireAndVerifyClientCert") => ClientAuth::Required,
        Some(other @ ("RequestClientCert" | "RequireAnyClientCert")) => {
            let cause = format!("{other} accepts unverified certificates and is not supported");
            return key_error("client_auth_type", cause, "use RequireAndVerifyClientCert with a client_ca_file");
        }
        Some(_) => {
            let hint = "use NoClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert";
            return key_error("client_auth_type", "unknown type".to_owned(), hint);
        }
    };
    if client_auth != ClientAuth::None && section.client_ca_file.is_none() {
        let cause = "missing, although client_auth_type requires certificates".to_owned();
        return key_error(
            "client_ca_file",
            cause,
            "set it to a file with the CA certificates that sign the clients' certificates",
        );
    }
    let min_version = match section.min_version.as_deref() {
        None | Some("" | "TLS12") => MinVersion::Tls12,
        Some("TLS13") => MinVersion::Tls13,
        Some("TLS10" | "TLS11") => {
            return key_error(
                "min_version",
                "versions before TLS12 are not supported".to_owned(),
                "use TLS12 or TLS13",
            );
        }
        Some(_) => return key_error("min_version", "unknown version".to_owned(), "use TLS12 or TLS13"),
    };
    Ok(TlsFiles {
        certificate: directory.join(section.cert_file),
        key: directory.join(section.key_file),
        client_ca: section.client_ca_file.map(|file| directory.join(file)),
        client_auth,
        min_version,
    })
}

/// Converts an error of the parser, with the file and line.
fn parse_error(path: &Path, error: ParseError) -> Error {
    const KNOWN_KEYS: &str =
        "tls_server_config with cert_file, key_file, client_ca_file, client_auth_type, min_version; basic_auth_users";
    let escaped = |key: &str| printable(&key.chars().take(40).collect::<String>()).into_owned();
    let (cause, hint) = match error.kind {
        ParseErrorKind::UnknownKey(key) => (format!("{}: no such key", escaped(&key)), format!("known: {KNOWN_KEYS}")),
        ParseErrorKind::MissingKey(key) => (format!("{key}: missing"), format!("known: {KNOWN_KEYS}")),
        ParseErrorKind::DuplicateKey(key) => {
            (format!("{}: duplicate key", escaped(&key)), "remove one of them".to_owned())
        }
        ParseErrorKind::Invalid => ("invalid YAML or unexpected type".to_owned(), format!("known: {KNOWN_KEYS}")),
    };
    config_error(path, Some(error.line), cause, Some(hint))
}

/// Returns an error about a file, or about one line of it.
fn config_error(path: &Path, line: Option<usize>, cause: String, hint: Option<String>) -> Error {
    let file = printable(&path.to_string_lossy()).into_owned();
    let subject = line.map_or(file.clone(), |line| format!("{file}:{line}"));
    Error::Config { subject, cause, hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<WebConfig> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("web.yml");
        fs::write(&path, text).unwrap();
        WebConfig::read(Some(&path))
    }

    fn message(text: &str) -> String {
        let error = read(text).err().unwrap();
        let message = error.to_string();
        message.split_once("web.yml").unwrap().1.to_owned()
    }

    const HASH: &str = "$2y$10$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay";

    #[test]
    fn empty_file_means_no_tls_and_no_users() {
        for text in [
            "",
            "# only a comment\n",
            "---\n",
            "{}",
            "basic_auth_users: {}\n",
            "basic_auth_users:\ntls_server_config:\n",
        ] {
            let config = read(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
            assert!(!config.has_tls() && !config.has_authentication(), "{text:?}");
        }
        assert!(read(&format!("basic_auth_users:\n  alice: {HASH}\n")).unwrap().has_authentication());
    }

    #[test]
    fn errors_name_line_and_key_and_contain_no_secret() {
        for (text, expected) in [
            ("basic_auth_user:\n  a: b\n", ":1: basic_auth_user: no such key"),
            ("http_server_config:\n  http2: true\n", ":1: http_server_config: no such key"),
            ("tls_server_config:\n  cert_file: a\n  key_file: b\n  ciphers: c\n", ":4: ciphers: no such key"),
            ("tls_server_config:\n  cert_file: a\n", ": key_file: missing"),
            ("basic_auth_users:\n  alice: secret\n", ": basic_auth_users.alice: not a bcrypt hash"),
            ("basic_auth_users: alice:secret\n", "invalid YAML or unexpected type"),
            ("- secret\n", "invalid YAML or unexpected type"),
            ("basic_auth_users: [secret\n", "invalid YAML or unexpected type"),
            ("basic_auth_users:\n  alice: [secret]\n", ":2: invalid YAML or unexpected type"),
            ("basic_auth_users:\n  alice: &x secret\n  bob: *x\n", ":3: invalid YAML or unexpected type"),
            ("{}\n---\nbasic_auth_users: {alice: secret}\n", "invalid YAML or unexpected type"),
            ("basic_auth_users:\n  alice: secret\n  alice: secret\n", ":3: alice: duplicate key"),
            ("{}\n\tsecret: @\n", "invalid YAML or unexpected type"),
            (
                "tls_server_config: {cert_file: a, key_file: b, client_auth_type: RequireAnyClientCert}\n",
                "RequireAnyClientCert accepts unverified certificates",
            ),
            ("tls_server_config: {cert_file: a, key_file: b, min_version: TLS10}\n", "versions before TLS12"),
            (
                "tls_server_config: {cert_file: a, key_file: b, client_auth_type: VerifyClientCertIfGiven}\n",
                "client_ca_file: missing",
            ),
        ] {
            let message = message(text);
            assert!(message.contains(expected), "{text}: {message}");
            assert!(!message.contains("secret"), "{message}");
        }
    }

    #[test]
    fn hash_with_excessive_cost_is_config_error() {
        let text = format!("basic_auth_users:\n  alice: {}\n", HASH.replace("$10$", "$17$"));
        assert!(message(&text).contains("cost 17"));
    }

    #[test]
    fn missing_file_is_named() {
        let error = read("tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n").err().unwrap();
        assert!(error.to_string().contains("cert.pem: cannot read: "), "{error}");
    }

    #[test]
    fn valid_change_is_loaded_and_invalid_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("web.yml");
        fs::write(&path, format!("basic_auth_users:\n  alice: {HASH}\n")).unwrap();
        let config = WebConfig::read(Some(&path)).unwrap();
        let check = || {
            config.check_soon();
            let mut warning = None;
            let loaded = config.current(|message, _| warning = Some(message.to_owned()));
            (loaded.users.is_some(), warning)
        };
        assert_eq!(check(), (true, None));
        fs::write(&path, "nonsense: true\n").unwrap();
        let (has_users, warning) = check();
        assert!(has_users && warning.unwrap().ends_with("no such key; the previous configuration stays in use"));
        assert_eq!(check(), (true, None), "the warning is printed once");
        fs::write(&path, "{}\n").unwrap();
        assert_eq!(check(), (false, None));
        // The files that it names may appear later.
        fs::write(&path, "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n").unwrap();
        assert!(check().1.unwrap().contains("cert.pem: cannot read: "));
        fs::write(directory.path().join("cert.pem"), "no certificate").unwrap();
        let warning = check().1.unwrap();
        assert!(warning.contains("cert.pem") && !warning.contains("cannot read"), "{warning}");
    }
}
