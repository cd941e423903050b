//! Holds one network with everything that a rule may use.

use super::DiagnosisInput;
use super::wording::seconds;
use crate::model::{Counter, Environment, Host, Network, Peer, Snapshot};
use crate::rates::{Change, change, counterpart, time_between};

/// Holds one network now, and the older sample that it is compared with.
#[derive(Clone, Copy)]
pub(super) struct NetworkView<'a> {
    pub(super) network: &'a Network,
    /// When it was sampled, in seconds since the Unix epoch.
    pub(super) now: u64,
    /// The host, where it was read.
    pub(super) host: Option<&'a Host>,
    /// `None` without an older sample, or where the counters were reset since.
    pub(super) past: Option<Past<'a>>,
}

/// Holds the same network at an older sample.
#[derive(Clone, Copy)]
pub(super) struct Past<'a> {
    pub(super) network: &'a Network,
    pub(super) host: Option<&'a Host>,
    /// The time since then.
    pub(super) seconds: f64,
    /// A sample between the two.
    pub(super) between: Option<&'a Network>,
}

impl<'a> NetworkView<'a> {
    /// Creates a view of one sample only.
    pub(super) fn now(snapshot: &'a Snapshot, network: &'a Network) -> Self {
        Self { network, now: snapshot.timestamp, host: None, past: None }
    }

    /// Creates a view that compares two samples.
    pub(super) fn of(input: &DiagnosisInput<'a>, network: &'a Network) -> Self {
        let before = input.before.and_then(|before| {
            let old = counterpart(before, network)?;
            let seconds = time_between(before, input.now, network).map_or(input.seconds, |time| time.as_secs_f64());
            (seconds > 0.0 && !is_reset(old, network)).then_some(Past {
                network: old,
                host: before.host(network.netns.as_deref()),
                seconds,
                between: input.between.and_then(|between| counterpart(between, network)),
            })
        });
        Self { past: before, host: input.now.host(network.netns.as_deref()), ..Self::now(input.now, network) }
    }

    /// Returns the environment of the interface, where it was read.
    pub(super) fn env(&self) -> Option<&'a Environment> {
        self.network.environment.as_deref()
    }

    /// Returns whether the interface is administratively down.
    pub(super) fn is_down(&self) -> bool {
        self.network.enabled == Some(false)
    }

    /// Returns how much a counter of the interface grew; 0 where that is not known.
    pub(super) fn grown(&self, counter: Counter) -> u64 {
        self.past.map_or(0, |past| growth(past.network.stats.get(counter), self.network.stats.get(counter)))
    }

    /// Returns how much a counter of the environment grew; 0 where that is not known.
    pub(super) fn grown_of(&self, of_interface: impl Fn(&Environment) -> Option<u64>) -> u64 {
        let Some((past, now)) = self.past.zip(self.env()) else { return 0 };
        growth(past.network.environment.as_deref().and_then(&of_interface), of_interface(now))
    }

    /// Returns how much a counter of the host grew; 0 where that is not known.
    pub(super) fn grown_of_host(&self, of_host: impl Fn(&Host) -> Option<u64>) -> u64 {
        let Some((past, now)) = self.past.zip(self.host) else { return 0 };
        growth(past.host.and_then(&of_host), of_host(now))
    }

    /// Returns the peers; none where they could not be read.
    pub(super) fn peers(&self) -> &'a [Peer] {
        self.network.peers.as_deref().unwrap_or_default()
    }

    /// Returns the time frame as text: `in 2.0 s`; empty without an older sample.
    pub(super) fn period(&self) -> String {
        self.past.map_or_else(String::new, |past| format!("in {}", seconds(past.seconds)))
    }
}

/// Returns by how much a value grew; 0 after a reset or where a value is not known.
fn growth(old: Option<u64>, new: Option<u64>) -> u64 {
    match old.zip(new).map(|(old, new)| change(old, new)) {
        Some(Change::Grew(by)) => by,
        _ => 0,
    }
}

/// Returns whether any counter was reset. Then the other counters say nothing about the time between either.
fn is_reset(old: &Network, new: &Network) -> bool {
    Counter::ALL.into_iter().any(|counter| {
        old.stats.get(counter).zip(new.stats.get(counter)).is_some_and(|(old, new)| change(old, new) == Change::Reset)
    })
}
