//! Judgement: pure rules from what was read to what is wrong, why, and what to do.
//!
//! One look can decide some of them ([`findings`]); growth, routes, addresses and settings decide the rest ([`diagnose`]).
//! Without an interval a counter that is not 0 is information, because nothing says when it grew.

mod allowed_ips;
pub mod counters;
mod errors;
mod interface;
mod network_view;
mod path;
mod peers;
mod retained;
pub mod rules;
mod threshold;
mod tx_errors;
mod verdict;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::net::{IpAddr, SocketAddr};

use self::network_view::NetworkView;
pub use self::network_view::seconds;
pub use self::retained::RetainedFindings;
pub use self::threshold::Limit;
pub use self::tx_errors::needs_routes;
pub use self::verdict::{Verdict, hides_trouble, verdict};
use crate::model::{Name, Network, Peer, PublicKey, Snapshot};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Traffic suffers.
    Warning,
    /// The network does not work.
    Critical,
}

impl Severity {
    /// As JSON and metrics have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// How many peers a finding names; it counts them all.
const NAMED: usize = 20;

/// One thing that is wrong with one network.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Stable id of the rule.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The network's namespace, where the caller named one.
    pub netns: Option<String>,
    /// The network's interface.
    pub interface: Name,
    /// How many things it covers: packets, peers, interfaces, or limits that are passed.
    pub count: u64,
    /// The peers it concerns, at most 20.
    pub peers: Vec<PublicKey>,
    /// The number behind it, in the unit `unit`, where there is one.
    pub value: Option<u64>,
    /// The unit of `value`: packets, peers, bytes or seconds.
    pub unit: Option<&'static str>,
    /// What is the case, in one line.
    pub summary: String,
    /// Why, in one sentence.
    pub cause: &'static str,
    /// What to type: a shell command, with what else is to be said of it as a comment. What only the operator knows stands in
    /// capitals.
    pub remedy: String,
    /// The peer's endpoint, where the remedy names it.
    pub endpoint: Option<IpAddr>,
}

impl Finding {
    /// Whether it is about this network.
    #[must_use]
    pub fn concerns(&self, network: &Network) -> bool {
        self.netns == network.netns && self.interface == network.interface
    }

    /// Where the manual has more of it.
    #[must_use]
    pub fn manual(&self) -> String {
        format!("wgstat-check(1), {}", self.id)
    }

    /// The remedy without any peer's endpoint, which the kernel shows to the privileged only.
    #[must_use]
    pub fn remedy_without_endpoint(&self) -> Cow<'_, str> {
        match self.endpoint {
            Some(endpoint) => Cow::Owned(self.remedy.replace(&endpoint.to_string(), "ENDPOINT")),
            None => Cow::Borrowed(&self.remedy),
        }
    }

    /// Fills a peer's endpoint in, as this word.
    fn with_endpoint(self, word: &str, endpoint: SocketAddr, value: &str) -> Self {
        Self { endpoint: Some(endpoint.ip()), ..self.with(word, value) }
    }

    /// Fills a word of the remedy in, where it stands alone: a key may well hold the same letters.
    fn with(mut self, word: &str, value: &str) -> Self {
        let joins = |c: char| c.is_ascii_alphanumeric() || "+/=-_".contains(c);
        let mut filled = String::with_capacity(self.remedy.len());
        let mut rest = self.remedy.as_str();
        while let Some((before, after)) = rest.split_once(word) {
            filled.push_str(before);
            let is_part = filled.ends_with(joins) || (word.ends_with(joins) && after.starts_with(joins));
            filled.push_str(if is_part { word } else { value });
            rest = after;
        }
        filled.push_str(rest);
        self.remedy = filled;
        self
    }
}

/// What one look at the networks can tell, network by network.
#[must_use]
pub fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    let mut found = Vec::new();
    for network in &snapshot.networks {
        evaluate(&NetworkView::now(snapshot, network), &[], &mut found);
    }
    prefix_netns(&mut found, snapshot);
    found
}

/// What is to be judged.
#[derive(Debug, Clone, Copy)]
pub struct DiagnosisInput<'a> {
    /// The last look, with the surroundings.
    pub now: &'a Snapshot,
    /// The look it is compared with.
    pub before: Option<&'a Snapshot>,
    /// Seconds between the two; 0 where there is only one.
    pub seconds: f64,
    /// A look between the two, long enough before the last for a peer to have answered.
    pub between: Option<&'a Snapshot>,
    /// What the operator asked to be told.
    pub limits: &'a [Limit],
}

/// All that can be told, the worst first.
#[must_use]
pub fn diagnose(case: &DiagnosisInput<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = case.now.missing.iter().map(interface::missing).collect();
    for network in &case.now.networks {
        evaluate(&NetworkView::of(case, network), case.limits, &mut found);
    }
    found.sort_by_key(|finding| Reverse(finding.severity));
    prefix_netns(&mut found, case.now);
    found
}

/// A command acts on the network namespace that it runs in.
fn prefix_netns(found: &mut [Finding], snapshot: &Snapshot) {
    if snapshot.exec_prefixes.is_empty() {
        return;
    }
    for finding in found {
        let Some(enter) = finding.netns.as_ref().and_then(|netns| snapshot.exec_prefixes.get(netns)) else { continue };
        finding.remedy = in_netns(&finding.remedy, enter);
    }
}

/// The same with each command in another namespace; the comment stays.
#[must_use]
pub fn in_netns(remedy: &str, enter: &str) -> String {
    let (commands, comment) = match remedy.find("  # ") {
        Some(at) => remedy.split_at(at),
        None if remedy.starts_with('#') => ("", remedy),
        None => (remedy, ""),
    };
    if commands.is_empty() {
        return comment.to_owned();
    }
    let in_netns: Vec<String> = commands.split(" && ").map(|command| format!("{enter} {command}")).collect();
    in_netns.join(" && ") + comment
}

/// Whether no counter tells why a network that has peers is in touch with none, at the Unix time `now`.
#[must_use]
pub fn is_silent(network: &Network, findings: &[Finding], now: u64) -> bool {
    let peers = network.peers.as_deref().unwrap_or_default();
    !peers.is_empty()
        && !peers.iter().any(|peer| peer.is_online(now))
        && !findings.iter().any(|finding| finding.severity > Severity::Info && finding.concerns(network))
}

fn evaluate(view: &NetworkView<'_>, limits: &[Limit], found: &mut Vec<Finding>) {
    interface::evaluate(view, found);
    errors::evaluate(view, found);
    let explained = path::evaluate(view, found);
    peers::evaluate(view, &explained, found);
    found.extend(threshold::evaluate(view, limits));
}

/// A finding of one thing, in the words of its rule.
fn finding(id: &'static str, network: &Network) -> Finding {
    let rule = rules::rule(id).unwrap_or(&rules::RULES[0]);
    debug_assert_eq!(rule.id, id, "it is in no rule");
    Finding {
        id,
        severity: rule.severity,
        netns: network.netns.clone(),
        interface: network.interface.clone(),
        count: 1,
        peers: Vec::new(),
        value: None,
        unit: None,
        summary: rule.summary.to_owned(),
        cause: rule.cause,
        remedy: rule.remedy.replace("INTERFACE", &network.interface.shell_word()),
        endpoint: None,
    }
}

/// The peers that a rule holds for.
struct PeerSet<'a> {
    id: &'static str,
    count: u64,
    named: Vec<&'a Peer>,
}

impl<'a> PeerSet<'a> {
    fn new(id: &'static str) -> Self {
        Self { id, count: 0, named: Vec::new() }
    }

    fn add(&mut self, peer: &'a Peer) {
        if peer.is_ignored {
            return;
        }
        self.count += 1;
        if self.named.len() < NAMED {
            self.named.push(peer);
        }
    }

    fn finding(&self, network: &Network) -> Option<Finding> {
        let first = self.named.first()?;
        let base = finding(self.id, network);
        let base = Finding {
            count: self.count,
            value: Some(self.count),
            unit: Some("peers"),
            summary: match self.count {
                1 => format!("peer {}: {}", first.label(), base.summary),
                count => format!("{count} peers: {}", base.summary),
            },
            peers: self.named.iter().map(|peer| peer.public_key).collect(),
            ..base
        };
        Some(about_peer(base, first))
    }
}

/// Fills a peer in.
fn about_peer(finding: Finding, peer: &Peer) -> Finding {
    let finding = finding.with("PEER", &peer.public_key.to_string());
    match peer.endpoint {
        Some(endpoint) => finding.with_endpoint("ENDPOINT", endpoint, &endpoint.ip().to_string()),
        None => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_of_a_remedy_are_filled_in() {
        let remedy = "wg set wg0 peer abc+PORT/d= endpoint HOST:1 LISTEN-PORT PORT accept PORT".to_owned();
        let filled = Finding { remedy, ..finding("threshold", &Network::default()) }.with("PORT", "7");
        assert_eq!(filled.remedy, "wg set wg0 peer abc+PORT/d= endpoint HOST:1 LISTEN-PORT 7 accept 7");
    }

    #[test]
    fn every_command_of_a_remedy_enters_the_namespace() {
        let network = Network { netns: Some("blue".to_owned()), ..Network::default() };
        let remedies = [
            ("a && b  # c && d", "ip netns exec blue a && ip netns exec blue b  # c && d"),
            ("a", "ip netns exec blue a"),
            ("# only words", "# only words"),
        ];
        let exec_prefixes = [("blue".to_owned(), "ip netns exec blue".to_owned())].into();
        let snapshot = Snapshot { exec_prefixes, ..Snapshot::default() };
        for (before, after) in remedies {
            let mut found = [Finding { remedy: before.to_owned(), ..finding("threshold", &network) }];
            prefix_netns(&mut found, &snapshot);
            assert_eq!(found[0].remedy, after);
        }
    }
}
