//! Defines what `check -v` reports about wgstat's own access to the system.

/// Something that wgstat can or cannot read, by its own capabilities, `/sys/module/wireguard`, namespaces in `/run/netns` and
/// `/proc`, and sockets in `/var/run/wireguard`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessNote {
    /// The subject, in one word.
    pub topic: &'static str,
    /// The fact.
    pub text: String,
    /// How to let wgstat read more, if it could.
    pub hint: Option<String>,
}
