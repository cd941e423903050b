//! One network with all that a rule may look at.

use super::DiagnosisInput;
use crate::model::{Counter, Environment, Host, Network, Peer, Snapshot};
use crate::rates::{Change, between, change, counterpart};

/// One network now, and what it is compared with.
#[derive(Clone, Copy)]
pub(super) struct NetworkView<'a> {
    pub(super) network: &'a Network,
    /// Unix time.
    pub(super) now: u64,
    pub(super) host: Option<&'a Host>,
    pub(super) past: Option<Past<'a>>,
}

/// The same network some time ago.
#[derive(Clone, Copy)]
pub(super) struct Past<'a> {
    pub(super) network: &'a Network,
    pub(super) host: Option<&'a Host>,
    pub(super) seconds: f64,
    pub(super) between: Option<&'a Network>,
}

impl<'a> NetworkView<'a> {
    /// One look only.
    pub(super) fn now(snapshot: &'a Snapshot, network: &'a Network) -> Self {
        Self { network, now: snapshot.timestamp, host: None, past: None }
    }

    pub(super) fn of(case: &DiagnosisInput<'a>, network: &'a Network) -> Self {
        let before = case.before.and_then(|before| {
            let old = counterpart(before, network)?;
            let seconds = between(before, case.now, network).map_or(case.seconds, |time| time.as_secs_f64());
            (seconds > 0.0 && !is_reset(old, network)).then_some(Past {
                network: old,
                host: before.host(network.netns.as_deref()),
                seconds,
                between: case.between.and_then(|between| counterpart(between, network)),
            })
        });
        Self { past: before, host: case.now.host(network.netns.as_deref()), ..Self::now(case.now, network) }
    }

    pub(super) fn env(&self) -> Option<&'a Environment> {
        self.network.environment.as_deref()
    }

    pub(super) fn is_down(&self) -> bool {
        self.network.enabled == Some(false)
    }

    /// How much a counter grew; 0 where nothing is known of it.
    pub(super) fn grown(&self, counter: Counter) -> u64 {
        self.past.map_or(0, |past| growth(past.network.stats.get(counter), self.network.stats.get(counter)))
    }

    /// The same for something that is not a counter of the interface.
    pub(super) fn grown_of(&self, of_interface: impl Fn(&Environment) -> Option<u64>) -> u64 {
        let Some((past, now)) = self.past.zip(self.env()) else { return 0 };
        growth(past.network.environment.as_deref().and_then(&of_interface), of_interface(now))
    }

    pub(super) fn grown_of_host(&self, of_host: impl Fn(&Host) -> Option<u64>) -> u64 {
        let Some((past, now)) = self.past.zip(self.host) else { return 0 };
        growth(past.host.and_then(&of_host), of_host(now))
    }

    /// The peers, each with its former self.
    pub(super) fn peers(&self) -> &'a [Peer] {
        self.network.peers.as_deref().unwrap_or_default()
    }

    /// ` in 2.0 s`, or since when else.
    pub(super) fn period(&self) -> String {
        self.past.map_or_else(String::new, |past| format!("in {}", seconds(past.seconds)))
    }
}

/// A time between looks, given in seconds: `2.0 s`, `5 min`.
#[must_use]
pub fn seconds(seconds: f64) -> String {
    if seconds < 120.0 { format!("{seconds:.1} s") } else { format!("{:.0} min", seconds / 60.0) }
}

fn growth(old: Option<u64>, new: Option<u64>) -> u64 {
    match old.zip(new).map(|(old, new)| change(old, new)) {
        Some(Change::Grew(by)) => by,
        _ => 0,
    }
}

/// Whether the counters started anew: then what they show says nothing of the time between.
fn is_reset(old: &Network, new: &Network) -> bool {
    Counter::ALL.into_iter().any(|counter| {
        old.stats.get(counter).zip(new.stats.get(counter)).is_some_and(|(old, new)| change(old, new) == Change::Reset)
    })
}
