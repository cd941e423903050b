//! Who may come in: names and bcrypt hashes, as Prometheus' exporters have them.
//!
//! A comparison takes long by design, so one thread makes one at a time, few may wait for it, and whoever passed is remembered
//! until the file changes. An unknown name costs as much as a wrong password, and says as little.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac::{self, HMAC_SHA256};
use ring::rand::SystemRandom;
use zeroize::Zeroizing;

/// Logins that wait for their turn.
const WAITING: usize = 8;

/// Names with the hashes of their passwords.
pub(super) struct Users {
    hashes: BTreeMap<String, String>,
    /// The hash that an unknown name is compared with: as dear as the dearest.
    dummy: String,
    /// The key of the proofs below: they mean nothing outside this process.
    key: hmac::Key,
    /// Of each user who came in, a proof of the password.
    passed: RefCell<BTreeMap<String, hmac::Tag>>,
}

/// What became of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Login {
    Passed,
    Refused,
    /// Too many wait already.
    Busy,
}

/// How many comparisons wait or run; shared by all versions of the users.
pub(super) type Queue = Arc<AtomicUsize>;

impl Users {
    /// Takes names and hashes, which have to be bcrypt's.
    pub(super) fn new(hashes: BTreeMap<String, String>) -> Result<Self, String> {
        let key = hmac::Key::generate(HMAC_SHA256, &SystemRandom::new());
        let key = key.map_err(|_| "the kernel gives no random numbers".to_owned())?;
        let dearest = hashes.values().max_by_key(|hash| cost(hash)).cloned().unwrap_or_default();
        Ok(Self {
            // Whatever comes of that comparison, an unknown name is refused.
            dummy: dearest,
            hashes,
            key,
            passed: RefCell::default(),
        })
    }

    /// Checks the value of an Authorization header field.
    pub(super) async fn login(&self, field: &[u8], queue: &Queue) -> Login {
        let Some((name, password)) = credentials(field) else { return Login::Refused };
        let proof = Zeroizing::new([name.as_bytes(), b"\0", &password].concat());
        if let Some(tag) = self.passed.borrow().get(&name)
            && hmac::verify(&self.key, &proof, tag.as_ref()).is_ok()
        {
            return Login::Passed;
        }
        let Some(turn) = Turn::take(queue) else { return Login::Busy };
        let known = self.hashes.get(&name);
        let hash = known.unwrap_or(&self.dummy).clone();
        let compared = tokio::task::spawn_blocking(move || {
            // It ends with the comparison, which goes on where the client does not wait for it.
            let _turn = turn;
            bcrypt::verify(&*password, &hash).unwrap_or(false)
        });
        let is_right = compared.await.unwrap_or(false);
        if !is_right || known.is_none() {
            return Login::Refused;
        }
        self.passed.borrow_mut().insert(name, hmac::sign(&self.key, &proof));
        Login::Passed
    }
}

/// A place in the queue; it is free again however the login ends.
struct Turn(Queue);

impl Turn {
    /// The next place, if there is one. Only the thread that serves takes any.
    fn take(queue: &Queue) -> Option<Self> {
        if queue.load(Ordering::Relaxed) >= WAITING {
            return None;
        }
        queue.fetch_add(1, Ordering::Relaxed);
        Some(Self(Arc::clone(queue)))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The cost of a bcrypt hash: two to this power rounds.
pub(super) fn cost(hash: &str) -> Option<u32> {
    let rest = ["$2a$", "$2b$", "$2x$", "$2y$"].iter().find_map(|prefix| hash.strip_prefix(prefix))?;
    let (cost, tail) = rest.split_once('$')?;
    (tail.len() == 53 && cost.len() == 2).then(|| cost.parse().ok()).flatten()
}

/// `Basic`, and base64 of name, colon, password.
fn credentials(field: &[u8]) -> Option<(String, Zeroizing<Vec<u8>>)> {
    let (scheme, rest) = field.split_at_checked(6)?;
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

    fn field(text: &str) -> Vec<u8> {
        format!("Basic {}", STANDARD.encode(text)).into_bytes()
    }

    fn users() -> Users {
        let hash = |password: &str| bcrypt::hash(password, 4).unwrap();
        Users::new([("alice".to_owned(), hash("secret")), ("bob".to_owned(), hash("other"))].into()).unwrap()
    }

    fn login(users: &Users, fields: &[Vec<u8>], queue: &Queue) -> Vec<Login> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut results = Vec::new();
            for field in fields {
                results.push(users.login(field, queue).await);
            }
            results
        })
    }

    #[test]
    fn only_the_own_password_lets_in_also_from_memory() {
        use Login::{Passed, Refused};
        let fields = [
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
        let fields = fields.map(field);
        let expected = [Passed, Passed, Refused, Refused, Passed, Refused, Refused, Refused, Refused];
        assert_eq!(login(&users(), &fields, &Queue::default()), expected);
    }

    #[test]
    fn what_is_no_basic_authentication_is_refused() {
        let fields: [&[u8]; 7] =
            [b"", b"Basic", b"Basic ", b"Basic !!!", b"Bearer YTpi", b"Basic \xff", b"basic YWxpY2U="];
        let results = login(&users(), &fields.map(<[u8]>::to_vec), &Queue::default());
        assert!(results.iter().all(|&result| result == Login::Refused), "{results:?}");
    }

    #[test]
    fn scheme_is_read_in_any_case() {
        let lower = [b"bAsIc ".to_vec(), STANDARD.encode("alice:secret").into_bytes()].concat();
        assert_eq!(login(&users(), &[lower], &Queue::default()), [Login::Passed]);
    }

    #[test]
    fn few_wait_and_whoever_is_known_never_does() {
        let (users, queue) = (users(), Queue::default());
        assert_eq!(login(&users, &[field("alice:secret")], &queue), [Login::Passed]);
        queue.store(WAITING, Ordering::Relaxed);
        let fields = [field("alice:secret"), field("bob:other")];
        assert_eq!(login(&users, &fields, &queue), [Login::Passed, Login::Busy]);
        assert_eq!(queue.load(Ordering::Relaxed), WAITING);
    }

    #[test]
    fn login_that_nobody_waits_for_keeps_its_place_until_it_is_compared() {
        let (users, queue) = (users(), Queue::default());
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        let (release, held) = std::sync::mpsc::channel::<()>();
        runtime.block_on(async {
            // The one thread is busy, so none of these is compared.
            let busy = tokio::task::spawn_blocking(move || held.recv());
            for _ in 0..WAITING {
                let field = field("alice:other");
                let mut login = std::pin::pin!(users.login(&field, &queue));
                let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(login.as_mut().poll(cx))).await;
                assert!(polled.is_pending());
            }
            assert_eq!(users.login(&field("bob:other"), &queue).await, Login::Busy);
            release.send(()).unwrap();
            busy.await.unwrap().unwrap();
            tokio::task::spawn_blocking(|| ()).await.unwrap();
            assert_eq!(users.login(&field("bob:other"), &queue).await, Login::Passed);
        });
        assert_eq!(queue.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn cost_of_a_hash_is_read_and_nothing_else_is_one() {
        assert_eq!(cost(&bcrypt::hash("x", 5).unwrap()), Some(5));
        assert_eq!(cost("$2y$10$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay"), Some(10));
        for text in
            ["", "secret", "$1$10$x", "$2y$10$short", "$2y$1$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay"]
        {
            assert_eq!(cost(text), None, "{text}");
        }
    }
}
