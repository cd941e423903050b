//! `--web.config.file`: TLS and users, in the format that Prometheus' exporters share; read again when a file of it changes.

mod document;

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio_rustls::TlsAcceptor;

use self::document::{Mistake, TlsSection, Wrong};
use super::tls::{self, ClientAuth, Oldest, TlsFiles};
use super::users::{Users, cost};
use crate::error::{Error, Result};
use crate::model::printable;

/// Looked at for changes that often at most.
const LOOKS: Duration = Duration::from_secs(1);
/// A file of thousands of users is smaller.
const LIMIT: u64 = 1024 * 1024;
/// A hash of this cost keeps a processor busy for some seconds at each first login.
const DEAREST: u32 = 16;

/// What it comes to.
pub(super) struct Loaded {
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) users: Option<Users>,
    /// Whether whoever got through TLS has shown a certificate.
    pub(super) has_known_clients: bool,
}

/// What tells that a file changed: device, inode, size, and the time of the last change.
type Stamp = Option<(u64, u64, u64, i64, i64)>;

/// Files, each as it was just before it was read: what changes in between is a change.
type Stamps = Vec<(PathBuf, Stamp)>;

/// The configuration, as it was when last read.
pub struct WebConfig {
    path: Option<PathBuf>,
    state: RefCell<State>,
}

struct State {
    loaded: Rc<Loaded>,
    /// Of what counts. Where those that are there now are of no use, they differ, and are tried again at each look.
    stamps: Stamps,
    /// What was told of those last.
    refusal: Option<String>,
    due: Instant,
}

impl WebConfig {
    /// Reads the file; without one there is neither TLS nor any user.
    ///
    /// # Errors
    /// [`Error::Config`] with what is wrong, and where.
    pub fn read(path: Option<&Path>) -> Result<Self> {
        let (loaded, stamps) = match path {
            Some(path) => load(path)?,
            None => (Loaded { tls: None, users: None, has_known_clients: false }, Vec::new()),
        };
        let state = State { loaded: Rc::new(loaded), stamps, refusal: None, due: Instant::now() + LOOKS };
        Ok(Self { path: path.map(Path::to_owned), state: RefCell::new(state) })
    }

    /// Whether connections are encrypted.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.state.borrow().loaded.tls.is_some()
    }

    /// Whether a client has to prove who it is.
    #[must_use]
    pub fn has_authentication(&self) -> bool {
        let loaded = &self.state.borrow().loaded;
        loaded.users.is_some() || loaded.has_known_clients
    }

    /// What counts now. A file that changed is read first; where that fails, `remark` is told once and nothing changes.
    pub(super) fn current(&self, remark: impl FnOnce(&str, Option<&str>)) -> Rc<Loaded> {
        let mut state = self.state.borrow_mut();
        let now = Instant::now();
        if let Some(path) = &self.path
            && now >= state.due
        {
            state.due = now + LOOKS;
            if state.stamps.iter().any(|(file, before)| stamp(file) != *before) {
                match load(path) {
                    Ok((loaded, stamps)) => {
                        state.loaded = Rc::new(loaded);
                        state.stamps = stamps;
                        state.refusal = None;
                    }
                    Err(error) => {
                        let message = format!("{error}; what was read before still counts");
                        if state.refusal.as_ref() != Some(&message) {
                            remark(&message, error.hint().as_deref());
                        }
                        state.refusal = Some(message);
                    }
                }
            }
        }
        Rc::clone(&state.loaded)
    }

    /// Looks for changes at the next occasion.
    pub(super) fn look_soon(&self) {
        self.state.borrow_mut().due = Instant::now();
    }
}

fn stamp(path: &Path) -> Stamp {
    let found = fs::metadata(path).ok()?;
    Some((found.dev(), found.ino(), found.size(), found.mtime(), found.mtime_nsec()))
}

/// Reads the file and those that it names.
fn load(path: &Path) -> Result<(Loaded, Stamps)> {
    let stamped = |file: PathBuf| {
        let stamp = stamp(&file);
        (file, stamp)
    };
    let mut stamps = vec![stamped(path.to_owned())];
    let found = fs::metadata(path).map_err(|error| refused(path, None, format!("cannot read: {error}"), None))?;
    if !found.is_file() || found.len() > LIMIT {
        return Err(refused(path, None, "it is no regular file of at most 1 MiB".to_owned(), None));
    }
    let text = fs::read_to_string(path).map_err(|error| refused(path, None, format!("cannot read: {error}"), None))?;
    let document = document::read(&text).map_err(|mistake| not_right(path, mistake))?;
    let mut has_known_clients = false;
    let tls = match document.tls {
        Some(section) => {
            let tls = tls_files(path, section)?;
            stamps.extend([tls.certificate.clone(), tls.key.clone()].map(stamped));
            stamps.extend(tls.client_authority.clone().map(stamped));
            has_known_clients = tls.client == ClientAuth::Required;
            Some(tls::acceptor(&tls).map_err(|(file, cause)| refused(&file, None, cause, None))?)
        }
        None => None,
    };
    let users = Some(document.users).filter(|users| !users.is_empty());
    for (name, hash) in users.iter().flatten() {
        let key = format!("basic_auth_users.{}", printable(name));
        match cost(hash) {
            None => {
                let hint = "make it with htpasswd -nBC 10 NAME, and put it in quotes".to_owned();
                return Err(refused(path, None, format!("{key}: its value is no bcrypt hash"), Some(hint)));
            }
            Some(cost) if cost > DEAREST => {
                let hint = format!("a cost of 10 is usual; {DEAREST} is the most");
                return Err(refused(
                    path,
                    None,
                    format!("{key}: a hash of cost {cost} would block all logins"),
                    Some(hint),
                ));
            }
            Some(_) => {}
        }
    }
    let users = users.map(Users::new).transpose().map_err(|cause| refused(path, None, cause, None))?;
    Ok((Loaded { tls, users, has_known_clients }, stamps))
}

/// Paths are relative to the folder of the file.
fn tls_files(path: &Path, section: TlsSection) -> Result<TlsFiles> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let key = |key: &str, cause: String, hint: &str| {
        Err(refused(path, None, format!("tls_server_config.{key}: {cause}"), Some(hint.to_owned())))
    };
    let client = match section.client_auth_type.as_deref() {
        None if section.client_ca_file.is_some() => {
            let hint = "set it to RequireAndVerifyClientCert, VerifyClientCertIfGiven or NoClientCert";
            return key("client_auth_type", "it is missing, and there is a client_ca_file".to_owned(), hint);
        }
        None | Some("" | "NoClientCert") => ClientAuth::None,
        Some("VerifyClientCertIfGiven") => ClientAuth::IfGiven,
        Some("RequireAndVerifyClientCert") => ClientAuth::Required,
        Some(other @ ("RequestClientCert" | "RequireAnyClientCert")) => {
            let cause = format!("{other} takes certificates that nobody verifies, and is not supported");
            return key("client_auth_type", cause, "use RequireAndVerifyClientCert with a client_ca_file");
        }
        Some(_) => {
            let hint = "it is NoClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert";
            return key("client_auth_type", "no such type".to_owned(), hint);
        }
    };
    if client != ClientAuth::None && section.client_ca_file.is_none() {
        let cause = "it is missing, and client_auth_type asks for certificates".to_owned();
        return key("client_ca_file", cause, "let it name the certificates of those who may sign the clients'");
    }
    let oldest = match section.min_version.as_deref() {
        None | Some("" | "TLS12") => Oldest::Tls12,
        Some("TLS13") => Oldest::Tls13,
        Some("TLS10" | "TLS11") => {
            return key("min_version", "versions before TLS12 are not supported".to_owned(), "use TLS12 or TLS13");
        }
        Some(_) => return key("min_version", "no such version".to_owned(), "use TLS12 or TLS13"),
    };
    Ok(TlsFiles {
        certificate: folder.join(section.cert_file),
        key: folder.join(section.key_file),
        client_authority: section.client_ca_file.map(|file| folder.join(file)),
        client,
        oldest,
    })
}

fn not_right(path: &Path, mistake: Mistake) -> Error {
    const KNOWN: &str =
        "tls_server_config with cert_file, key_file, client_ca_file, client_auth_type, min_version; basic_auth_users";
    let shown = |key: &str| printable(&key.chars().take(40).collect::<String>()).into_owned();
    let (cause, hint) = match mistake.what {
        Wrong::UnknownKey(key) => (format!("{}: no such key", shown(&key)), format!("known: {KNOWN}")),
        Wrong::MissingKey(key) => (format!("{key}: it is missing"), format!("known: {KNOWN}")),
        Wrong::RepeatedKey(key) => {
            (format!("{}: this key was there before", shown(&key)), "leave one of the two".to_owned())
        }
        Wrong::Shape => ("it is not what it should be".to_owned(), format!("it is YAML; known: {KNOWN}")),
    };
    refused(path, Some(mistake.line), cause, Some(hint))
}

fn refused(path: &Path, line: Option<usize>, cause: String, hint: Option<String>) -> Error {
    let file = printable(&path.to_string_lossy()).into_owned();
    let subject = line.map_or(file.clone(), |line| format!("{file}:{line}"));
    Error::Config { subject, cause, hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<WebConfig> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.yml");
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
    fn nothing_is_no_tls_and_no_users() {
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
    fn mistakes_are_told_by_line_and_key_and_hold_no_secret() {
        for (text, expected) in [
            ("basic_auth_user:\n  a: b\n", ":1: basic_auth_user: no such key"),
            ("http_server_config:\n  http2: true\n", ":1: http_server_config: no such key"),
            ("tls_server_config:\n  cert_file: a\n  key_file: b\n  ciphers: c\n", ":4: ciphers: no such key"),
            ("tls_server_config:\n  cert_file: a\n", ": key_file: it is missing"),
            ("basic_auth_users:\n  alice: secret\n", ": basic_auth_users.alice: its value is no bcrypt hash"),
            ("basic_auth_users: alice:secret\n", "it is not what it should be"),
            ("- secret\n", "it is not what it should be"),
            ("basic_auth_users: [secret\n", "it is not what it should be"),
            ("basic_auth_users:\n  alice: [secret]\n", ":2: it is not what it should be"),
            ("basic_auth_users:\n  alice: &x secret\n  bob: *x\n", ":3: it is not what it should be"),
            ("{}\n---\nbasic_auth_users: {alice: secret}\n", "it is not what it should be"),
            ("basic_auth_users:\n  alice: secret\n  alice: secret\n", ":3: alice: this key was there before"),
            ("{}\n\tsecret: @\n", "it is not what it should be"),
            (
                "tls_server_config: {cert_file: a, key_file: b, client_auth_type: RequireAnyClientCert}\n",
                "RequireAnyClientCert takes certificates that nobody verifies",
            ),
            ("tls_server_config: {cert_file: a, key_file: b, min_version: TLS10}\n", "versions before TLS12"),
            (
                "tls_server_config: {cert_file: a, key_file: b, client_auth_type: VerifyClientCertIfGiven}\n",
                "client_ca_file: it is missing",
            ),
        ] {
            let message = message(text);
            assert!(message.contains(expected), "{text}: {message}");
            assert!(!message.contains("secret"), "{message}");
        }
    }

    #[test]
    fn hash_too_dear_to_compare_is_refused() {
        let text = format!("basic_auth_users:\n  alice: {}\n", HASH.replace("$10$", "$17$"));
        assert!(message(&text).contains("cost 17"));
    }

    #[test]
    fn file_that_is_missing_is_named() {
        let error = read("tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n").err().unwrap();
        assert!(error.to_string().contains("cert.pem: cannot read: "), "{error}");
    }

    #[test]
    fn change_is_taken_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.yml");
        fs::write(&path, format!("basic_auth_users:\n  alice: {HASH}\n")).unwrap();
        let config = WebConfig::read(Some(&path)).unwrap();
        let look = || {
            config.look_soon();
            let mut told = None;
            let loaded = config.current(|message, _| told = Some(message.to_owned()));
            (loaded.users.is_some(), told)
        };
        assert_eq!(look(), (true, None));
        fs::write(&path, "nonsense: true\n").unwrap();
        let (has_users, told) = look();
        assert!(has_users && told.unwrap().ends_with("no such key; what was read before still counts"));
        assert_eq!(look(), (true, None), "it is told once");
        fs::write(&path, "{}\n").unwrap();
        assert_eq!(look(), (false, None));
        // What it names may come later.
        fs::write(&path, "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n").unwrap();
        assert!(look().1.unwrap().contains("cert.pem: cannot read: "));
        fs::write(folder.path().join("cert.pem"), "no certificate").unwrap();
        let told = look().1.unwrap();
        assert!(told.contains("cert.pem") && !told.contains("cannot read"), "{told}");
    }
}
