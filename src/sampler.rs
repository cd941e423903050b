//! Owns a collector and the one place where time passes: the wall clock that dates a snapshot, and the monotonic clock
//! between two of them.

mod baselines;
mod on_demand;
mod watch;

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::collect::collector::{Collector, Detail};
use crate::collect::files::{Fault, Files, Item};
use crate::collect::{Scope, access};
use crate::error::Result;
use crate::findings::{DiagnosisInput, Finding, Limit, diagnose, findings, needs_routes};
use crate::model::{AccessNote, Code, Host, NameReport, Network, Problem, Settings, Snapshot, Source};
use crate::names::{Format, Names, Reader};
use crate::rates::{NetworkRates, counterpart, rates};

pub use self::on_demand::OnDemandSampler;
pub use self::watch::{Next, Tick, Watch};

/// A snapshot with what follows from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What was read.
    pub snapshot: Snapshot,
    /// In the order of the snapshot's networks; empty where nothing was measured over time.
    pub rates: Vec<Option<NetworkRates>>,
    /// What is wrong, as far as one look can tell.
    pub findings: Vec<Finding>,
}

/// Takes samples of one scope.
pub struct Sampler {
    collector: Collector,
    settings: Settings,
    files: Files,
    names: Names,
}

impl Sampler {
    /// Starts on the calling thread's network namespace, unless the scope names others.
    ///
    /// # Errors
    /// Where the kernel gives no netlink socket.
    pub fn open(scope: Scope, settings: Settings) -> Result<Self> {
        let files = Files::below(Path::new("/"));
        Ok(Self { collector: Collector::open(scope)?, settings, files, names: Names::default() })
    }

    /// One look.
    ///
    /// # Errors
    /// As [`Collector::look`].
    pub fn sample(&mut self) -> Result<Sample> {
        let mut snapshot = self.collector.look(Detail::Networks, now())?;
        self.name(&mut snapshot);
        let findings = findings(&snapshot);
        Ok(Sample { snapshot, rates: Vec::new(), findings })
    }

    /// Two looks so far apart, and the rates between them.
    ///
    /// # Errors
    /// As [`Collector::look`], at either look.
    pub fn sample_over(&mut self, interval: Duration) -> Result<Sample> {
        // Each look reads the counters of the links first, so the time from start to start is the time between those.
        let start = Instant::now();
        let before = self.collector.look(Detail::Networks, now())?;
        std::thread::sleep(interval);
        let elapsed = start.elapsed();
        let mut sample = self.sample()?;
        sample.rates = rates(&before, &sample.snapshot, elapsed);
        Ok(sample)
    }
}

impl Sampler {
    /// Names this host since its last start, and the network namespace.
    #[must_use]
    pub fn identity(&self) -> String {
        self.collector.identity()
    }

    /// Looks, compares with what was before, and looks around: all that can be told.
    ///
    /// # Errors
    /// As [`Collector::look`], at any look.
    pub fn diagnose(&mut self, since: Baseline, limits: &[Limit]) -> Result<Diagnosis> {
        let mut now = None;
        let (before, between) = match since {
            Baseline::Nothing => (None, None),
            Baseline::Interval(interval) => {
                let before = self.look()?;
                let mut left = interval;
                let mut between = None;
                if interval >= LONG {
                    std::thread::sleep(interval.saturating_sub(ANSWERED));
                    left = ANSWERED;
                    between = Some(self.look()?);
                }
                std::thread::sleep(left);
                (Some(before), between)
            }
            Baseline::TimedSample { before, at_least } => {
                let passed = self.collector.uptime().saturating_sub(uptime(&before));
                std::thread::sleep(at_least.saturating_sub(passed));
                let look = self.look()?;
                let is_new = |network: &Network| network.ifindex.is_some() && counterpart(&before, network).is_none();
                if !look.networks.iter().any(is_new) {
                    now = Some(look);
                    (Some(*before), None)
                } else if at_least.is_zero() {
                    now = Some(look);
                    (None, None)
                } else {
                    // The other run did not look at all of these: nothing would be judged of the new ones.
                    std::thread::sleep(at_least);
                    (Some(look), None)
                }
            }
        };
        let mut now = match now {
            Some(now) => now,
            None => self.look()?,
        };
        let elapsed = before.as_ref().map(|before| uptime(&now).saturating_sub(uptime(before)));
        self.name(&mut now);
        // What vanished between the first looks is not missed by the last.
        for earlier in before.iter().chain(&between).flat_map(|look| &look.problems) {
            if earlier.code == Code::NetnsNotFound && !now.problems.contains(earlier) {
                now.problems.push(earlier.clone());
            }
        }
        let before = before.map(|before| of_the_same_host(before, &now));
        self.collector.collect_environment(&mut now, |network| needs_routes(before.as_ref(), network));
        let findings = diagnose(&DiagnosisInput {
            now: &now,
            before: before.as_ref(),
            seconds: elapsed.unwrap_or_default().as_secs_f64(),
            between: between.as_ref(),
            limits,
        });
        let rates = before.as_ref().zip(elapsed).map(|(before, elapsed)| rates(before, &now, elapsed));
        let sample = Sample { snapshot: now, rates: rates.unwrap_or_default(), findings };
        Ok(Diagnosis { sample, seconds: elapsed.map(|elapsed| elapsed.as_secs_f64()) })
    }

    /// Gives networks and peers their names, and says what names may be missing.
    fn name(&mut self, snapshot: &mut Snapshot) {
        let start = Instant::now();
        self.read_names();
        self.give_names(snapshot, start);
    }

    /// Reads the files of names, if anything of them changed.
    fn read_names(&mut self) {
        let mut reader = Reader::default();
        let changed = self.files.read(&mut |item| match item {
            Item::WgQuick(path, interface) => reader.file(path, Format::WgQuick { interface: interface.clone() }),
            Item::Netdev(path) => reader.file(path, Format::Netdev),
            Item::DropIn(path) => reader.drop_in(path),
            Item::Line(line) => reader.line(line),
        });
        if changed {
            self.names = reader.finish();
        }
    }

    /// Gives the names that are known by then.
    fn give_names(&self, snapshot: &mut Snapshot, start: Instant) {
        self.names.give(&self.settings, snapshot);
        let is_nameless = |network: &Network| network.peers.iter().flatten().any(|peer| peer.name.is_none());
        let missed = self.files.faults().iter().filter(|fault| {
            // A file of wg-quick can only name the peers of its own interface.
            let own = fault.interface.as_ref();
            let mut concerned =
                snapshot.networks.iter().filter(|network| own.is_none_or(|own| *own == network.interface));
            concerned.any(is_nameless)
        });
        let problems: Vec<Problem> = missed.map(Fault::problem).collect();
        snapshot.sources.push(Source { name: "names", success: problems.is_empty(), duration: start.elapsed() });
        snapshot.problems.extend(problems);
    }

    /// Where the names of a sample come from.
    #[must_use]
    pub fn origins(&self, snapshot: &Snapshot) -> NameReport {
        self.names.origins(&self.settings, snapshot, self.collector.is_of_all())
    }

    /// What is odd in the files of names, each with its place.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.names.warnings()
    }

    /// What wgstat can see, and what would let it see more.
    #[must_use]
    pub fn access(&self) -> Vec<AccessNote> {
        access::facts(self.files.faults())
    }

    fn look(&mut self) -> Result<Snapshot> {
        self.collector.look(Detail::Host, now())
    }
}

/// What a diagnosis compares with.
#[derive(Debug)]
pub enum Baseline {
    /// Nothing: what needs time is not judged.
    Nothing,
    /// A look so long before the last one.
    Interval(Duration),
    /// A look that another run took. If it is younger than this, the rest is waited for.
    TimedSample {
        /// The look.
        before: Box<Snapshot>,
        /// The shortest time over which a rate says something.
        at_least: Duration,
    },
}

/// All that can be told, and over what time.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// The last look, with findings of every kind.
    pub sample: Sample,
    /// Seconds between the looks that were compared.
    pub seconds: Option<f64>,
}

/// Over so long a time it can be told whether traffic goes one way only, given one more look ...
const LONG: Duration = Duration::from_secs(20);
/// ... so long before the end: whoever received data until then has answered, within ten seconds.
const ANSWERED: Duration = Duration::from_secs(12);

/// Without the networks of a namespace that was made anew under its old name.
fn of_the_same_host(mut before: Snapshot, now: &Snapshot) -> Snapshot {
    let Snapshot { networks, hosts, .. } = &mut before;
    let identity = |hosts: &[Host], netns: &Option<String>| -> Option<String> {
        hosts.iter().find(|host| host.netns == *netns).map(|host| host.identity.clone())
    };
    networks.retain(|network| identity(hosts, &network.netns) == identity(&now.hosts, &network.netns));
    before
}

fn uptime(snapshot: &Snapshot) -> Duration {
    snapshot.hosts.first().map_or(Duration::ZERO, |host| host.uptime)
}

fn now() -> u64 {
    // A clock before 1970 makes every age 0, which is harmless.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
