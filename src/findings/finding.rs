//! Defines a finding, and fills in the placeholders of its remedy.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use super::rules::rule;
use super::{RuleId, Severity};
use crate::model::{Name, Network, Peer, PublicKey};

/// The number of peers that a finding names. It counts all of them.
pub(super) const MAX_NAMED_PEERS: usize = 20;

/// One thing that is wrong with one network.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The rule that found it.
    pub id: RuleId,
    /// The severity.
    pub severity: Severity,
    /// The network's namespace, where the caller selected one.
    pub netns: Option<String>,
    /// The network's interface.
    pub interface: Name,
    /// The number of things it covers: packets, peers, interfaces or exceeded limits.
    pub count: u64,
    /// The peers it concerns, at most 20.
    pub peers: Vec<PublicKey>,
    /// The number behind it, in `unit`; `None` where there is no number.
    pub value: Option<u64>,
    /// The unit of `value`: packets, peers, bytes or seconds.
    pub unit: Option<&'static str>,
    /// The problem, in one line.
    pub summary: String,
    /// The likely cause, in one sentence.
    pub cause: &'static str,
    /// A shell command, with advice as a comment behind it. What only the operator knows stands in capitals.
    pub remedy: String,
    /// The peer's endpoint, where the remedy contains it.
    pub endpoint: Option<IpAddr>,
}

impl Finding {
    /// Creates a finding with the texts and the severity of its rule. Its count is 1.
    pub(super) fn new(id: RuleId, network: &Network) -> Self {
        let rule = rule(id);
        Self {
            id,
            severity: id.severity(),
            netns: network.netns.clone(),
            interface: network.interface.clone(),
            count: 1,
            peers: Vec::new(),
            value: None,
            unit: None,
            summary: rule.summary.to_string(),
            cause: rule.cause,
            remedy: rule.remedy.replace("INTERFACE", &network.interface.shell_word()),
            endpoint: None,
        }
    }

    /// Sets the number of packets, as count and as value.
    pub(super) fn with_packets(self, count: u64) -> Self {
        Self { count, value: Some(count), unit: Some("packets"), ..self }
    }

    /// Returns whether it is about this network.
    #[must_use]
    pub fn concerns(&self, network: &Network) -> bool {
        self.netns == network.netns && self.interface == network.interface
    }

    /// Returns whether both come from the same rule and concern the same network. Their numbers may differ.
    #[must_use]
    pub fn is_same_rule(&self, other: &Self) -> bool {
        self.id == other.id && self.netns == other.netns && self.interface == other.interface
    }

    /// Returns the section of the manual that explains it.
    #[must_use]
    pub fn manual(&self) -> String {
        format!("wgstat-check(1), {}", self.id)
    }

    /// Returns the remedy without any peer's endpoint. The kernel shows endpoints to privileged processes only.
    #[must_use]
    pub fn remedy_without_endpoint(&self) -> Cow<'_, str> {
        match self.endpoint {
            Some(endpoint) => Cow::Owned(self.remedy.replace(&endpoint.to_string(), "ENDPOINT")),
            None => Cow::Borrowed(&self.remedy),
        }
    }

    /// Fills the peer's key and endpoint into the remedy.
    pub(super) fn fill_peer(self, peer: &Peer) -> Self {
        let finding = self.fill("PEER", &peer.public_key.to_string());
        match peer.endpoint {
            Some(endpoint) => finding.fill_endpoint("ENDPOINT", endpoint, &endpoint.ip().to_string()),
            None => finding,
        }
    }

    /// Replaces a placeholder by a value that contains the endpoint.
    pub(super) fn fill_endpoint(self, placeholder: &str, endpoint: SocketAddr, value: &str) -> Self {
        Self { endpoint: Some(endpoint.ip()), ..self.fill(placeholder, value) }
    }

    /// Replaces a placeholder of the remedy where it is a word of its own. A key may contain the same letters.
    pub(super) fn fill(mut self, placeholder: &str, value: &str) -> Self {
        let is_word_char = |c: char| c.is_ascii_alphanumeric() || "+/=-_".contains(c);
        let mut filled = String::with_capacity(self.remedy.len());
        let mut rest = self.remedy.as_str();
        while let Some((before, after)) = rest.split_once(placeholder) {
            filled.push_str(before);
            let is_part_of_a_word = filled.ends_with(is_word_char)
                || (placeholder.ends_with(is_word_char) && after.starts_with(is_word_char));
            filled.push_str(if is_part_of_a_word { placeholder } else { value });
            rest = after;
        }
        filled.push_str(rest);
        self.remedy = filled;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_of_a_remedy_are_filled_in() {
        let remedy = "wg set wg0 peer abc+PORT/d= endpoint HOST:1 LISTEN-PORT PORT accept PORT".to_owned();
        let filled = Finding { remedy, ..Finding::new(RuleId::Threshold, &Network::default()) }.fill("PORT", "7");
        assert_eq!(filled.remedy, "wg set wg0 peer abc+PORT/d= endpoint HOST:1 LISTEN-PORT 7 accept 7");
    }
}
