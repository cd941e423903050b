//! Authenticates users by name and bcrypt hash, in the format of Prometheus exporters.
//!
//! bcrypt is slow by design. So one thread verifies one password after the other, few logins may wait for it, and a successful
//! login is cached until the file changes. An unknown user name takes as long as a wrong password and gets the same response.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac::{self, HMAC_SHA256};
use ring::rand::SystemRandom;
use zeroize::Zeroizing;

/// Maximum number of logins that are being verified or wait for it.
const MAX_PENDING_LOGINS: usize = 8;

/// Holds the users and the cache of successful logins.
pub(super) struct Users {
    /// bcrypt hash of each user's password.
    hashes: BTreeMap<String, String>,
    /// The hash that the password of an unknown user is verified against: the most expensive one.
    dummy_hash: String,
    /// The key of the cached tags, random per process.
    cache_key: hmac::Key,
    /// HMAC of name and password of each successful login.
    cache: RefCell<BTreeMap<String, hmac::Tag>>,
}

/// Is the result of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoginResult {
    Accepted,
    Rejected,
    /// Too many logins are pending.
    Busy,
}

/// Counts pending logins. It outlives a reload of the users.
pub(super) type PendingLogins = Arc<AtomicUsize>;

impl Users {
    /// Creates users from names and bcrypt hashes.
    ///
    /// # Errors
    /// Returns an error if the kernel provides no random numbers.
    pub(super) fn new(hashes: BTreeMap<String, String>) -> Result<Self, String> {
        let cache_key = hmac::Key::generate(HMAC_SHA256, &SystemRandom::new());
        let cache_key = cache_key.map_err(|_| "the kernel provides no random numbers".to_owned())?;
        let dummy_hash = hashes.values().max_by_key(|hash| bcrypt_cost(hash)).cloned().unwrap_or_default();
        Ok(Self { hashes, dummy_hash, cache_key, cache: RefCell::default() })
    }

    /// Verifies the value of an Authorization header.
    pub(super) async fn login(&self, header: &[u8], pending: &PendingLogins) -> LoginResult {
        let Some((name, password)) = parse_credentials(header) else { return LoginResult::Rejected };
        let message = Zeroizing::new([name.as_bytes(), b"\0", &password].concat());
        if let Some(tag) = self.cache.borrow().get(&name)
            && hmac::verify(&self.cache_key, &message, tag.as_ref()).is_ok()
        {
            return LoginResult::Accepted;
        }
        let Some(permit) = LoginPermit::acquire(pending) else { return LoginResult::Busy };
        let known_hash = self.hashes.get(&name);
        let hash = known_hash.unwrap_or(&self.dummy_hash).clone();
        let verified = tokio::task::spawn_blocking(move || {
            // The permit is released here, and not when the client disconnects: the verification continues.
            let _permit = permit;
            bcrypt::verify(&*password, &hash).unwrap_or(false)
        });
        let is_correct = verified.await.unwrap_or(false);
        if !is_correct || known_hash.is_none() {
            return LoginResult::Rejected;
        }
        self.cache.borrow_mut().insert(name, hmac::sign(&self.cache_key, &message));
        LoginResult::Accepted
    }
}

/// Counts as one pending login until it is dropped.
struct LoginPermit(PendingLogins);

impl LoginPermit {
    /// Returns a permit unless the limit is reached. It is called on one thread only, so check and increment need not be
    /// atomic.
    fn acquire(pending: &PendingLogins) -> Option<Self> {
        if pending.load(Ordering::Relaxed) >= MAX_PENDING_LOGINS {
            return None;
        }
        pending.fetch_add(1, Ordering::Relaxed);
        Some(Self(Arc::clone(pending)))
    }
}

impl Drop for LoginPermit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Returns the cost of a bcrypt hash (2^cost rounds), or `None` if the text is no bcrypt hash.
pub(super) fn bcrypt_cost(hash: &str) -> Option<u32> {
    let rest = ["$2a$", "$2b$", "$2x$", "$2y$"].iter().find_map(|prefix| hash.strip_prefix(prefix))?;
    let (cost, tail) = rest.split_once('$')?;
    (tail.len() == 53 && cost.len() == 2).then(|| cost.parse().ok()).flatten()
}

/// Parses `Basic` credentials: base64 of `NAME:PASSWORD` (RFC 7617).
fn parse_credentials(header: &[u8]) -> Option<(String, Zeroizing<Vec<u8>>)> {
    let (scheme, rest) = header.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let text = Zeroizing::new(STANDARD.decode(rest.trim_ascii()).ok()?);
    let colon = text.iter().position(|&byte| byte == b':')?;
    let (name, password) = text.split_at_checked(colon)?;
    Some((String::from_utf8(name.to_vec()).ok()?, Zeroizing::new(password.get(1..)?.to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic_auth(text: &str) -> Vec<u8> {
        format!("Basic {}", STANDARD.encode(text)).into_bytes()
    }

    fn users() -> Users {
        let hash = |password: &str| bcrypt::hash(password, 4).unwrap();
        Users::new([("alice".to_owned(), hash("secret")), ("bob".to_owned(), hash("other"))].into()).unwrap()
    }

    fn login(users: &Users, headers: &[Vec<u8>], pending: &PendingLogins) -> Vec<LoginResult> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut results = Vec::new();
            for header in headers {
                results.push(users.login(header, pending).await);
            }
            results
        })
    }

    #[test]
    fn only_the_right_password_is_accepted_also_from_the_cache() {
        use LoginResult::{Accepted, Rejected};
        let headers = [
            "alice:secret",
            "alice:secret",
            "alice:other",
            "bob:secret",
            "bob:other",
            "carol:secret",
            "alice:",
            ":",
            "",
        ];
        let headers = headers.map(basic_auth);
        let expected = [Accepted, Accepted, Rejected, Rejected, Accepted, Rejected, Rejected, Rejected, Rejected];
        assert_eq!(login(&users(), &headers, &PendingLogins::default()), expected);
    }

    #[test]
    fn anything_but_basic_authentication_is_rejected() {
        let headers: [&[u8]; 7] =
            [b"", b"Basic", b"Basic ", b"Basic !!!", b"Bearer YTpi", b"Basic \xff", b"basic YWxpY2U="];
        let results = login(&users(), &headers.map(<[u8]>::to_vec), &PendingLogins::default());
        assert!(results.iter().all(|&result| result == LoginResult::Rejected), "{results:?}");
    }

    #[test]
    fn scheme_is_case_insensitive() {
        let lower = [b"bAsIc ".to_vec(), STANDARD.encode("alice:secret").into_bytes()].concat();
        assert_eq!(login(&users(), &[lower], &PendingLogins::default()), [LoginResult::Accepted]);
    }

    #[test]
    fn cached_login_is_accepted_while_too_many_are_pending() {
        let (users, pending) = (users(), PendingLogins::default());
        assert_eq!(login(&users, &[basic_auth("alice:secret")], &pending), [LoginResult::Accepted]);
        pending.store(MAX_PENDING_LOGINS, Ordering::Relaxed);
        let headers = [basic_auth("alice:secret"), basic_auth("bob:other")];
        assert_eq!(login(&users, &headers, &pending), [LoginResult::Accepted, LoginResult::Busy]);
        assert_eq!(pending.load(Ordering::Relaxed), MAX_PENDING_LOGINS);
    }

    #[test]
    fn abandoned_login_stays_pending_until_it_is_verified() {
        let (users, pending) = (users(), PendingLogins::default());
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        let (release, held) = std::sync::mpsc::channel::<()>();
        runtime.block_on(async {
            // The only thread is busy, so none of these logins is verified.
            let busy = tokio::task::spawn_blocking(move || held.recv());
            for _ in 0..MAX_PENDING_LOGINS {
                let header = basic_auth("alice:other");
                let mut login = std::pin::pin!(users.login(&header, &pending));
                let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(login.as_mut().poll(cx))).await;
                assert!(polled.is_pending());
            }
            assert_eq!(users.login(&basic_auth("bob:other"), &pending).await, LoginResult::Busy);
            release.send(()).unwrap();
            busy.await.unwrap().unwrap();
            tokio::task::spawn_blocking(|| ()).await.unwrap();
            assert_eq!(users.login(&basic_auth("bob:other"), &pending).await, LoginResult::Accepted);
        });
        assert_eq!(pending.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn only_bcrypt_hashes_have_a_cost() {
        assert_eq!(bcrypt_cost(&bcrypt::hash("x", 5).unwrap()), Some(5));
        assert_eq!(bcrypt_cost("$2y$10$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay"), Some(10));
        for text in
            ["", "secret", "$1$10$x", "$2y$10$short", "$2y$1$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay"]
        {
            assert_eq!(bcrypt_cost(text), None, "{text}");
        }
    }
}
