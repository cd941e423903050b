//! Takes samples: collects a snapshot, and adds names, rates and findings.
//!
//! This is the only module that reads clocks: the wall clock for the timestamp of a snapshot, and the monotonic clock for
//! intervals.

mod baselines;
mod on_demand;
mod watch;

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::collect::name_files::{FileItem, NameFiles, UnreadableFile};
use crate::collect::{Collector, Detail, Scope, access};
use crate::error::Result;
use crate::findings::{DiagnosisInput, Finding, Limit, diagnose, findings, needs_routes};
use crate::model::{AccessNote, Code, Host, NameReport, Network, Problem, Settings, Snapshot, Source};
use crate::names::{NameParser, Names};
use crate::rates::{NetworkRates, counterpart, rates};

pub use self::on_demand::OnDemandSampler;
pub use self::watch::{Next, Tick, Watch};

/// Holds a snapshot with its rates and findings.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The collected data.
    pub snapshot: Snapshot,
    /// Rates in the order of the snapshot's networks; empty without an interval.
    pub rates: Vec<Option<NetworkRates>>,
    /// The findings that need one snapshot only; after a diagnosis, all findings.
    pub findings: Vec<Finding>,
}

/// Takes samples of one scope.
pub struct Sampler {
    collector: Collector,
    settings: Settings,
    name_files: NameFiles,
    names: Names,
}

impl Sampler {
    /// Opens sockets in the calling thread's network namespace, unless the scope names others.
    ///
    /// # Errors
    /// Returns an error if the kernel provides no netlink socket.
    pub fn open(scope: Scope, settings: Settings) -> Result<Self> {
        let name_files = NameFiles::below(Path::new("/"));
        Ok(Self { collector: Collector::open(scope)?, settings, name_files, names: Names::default() })
    }

    /// Takes one sample, without rates.
    ///
    /// # Errors
    /// Returns the errors of [`Collector::collect`].
    pub fn sample(&mut self) -> Result<Sample> {
        let mut snapshot = self.collector.collect(Detail::Networks, now())?;
        self.add_names(&mut snapshot);
        let findings = findings(&snapshot);
        Ok(Sample { snapshot, rates: Vec::new(), findings })
    }

    /// Collects twice, one interval apart, and takes a sample with the rates between.
    ///
    /// # Errors
    /// Returns the errors of [`Collector::collect`], for either sample.
    pub fn sample_over(&mut self, interval: Duration) -> Result<Sample> {
        // Each collection reads the counters of the links first, so the time between the two starts is the time between the
        // readings.
        let start = Instant::now();
        let before = self.collector.collect(Detail::Networks, now())?;
        std::thread::sleep(interval);
        let elapsed = start.elapsed();
        let mut sample = self.sample()?;
        sample.rates = rates(&before, &sample.snapshot, elapsed);
        Ok(sample)
    }

    /// Returns an identifier of this boot of the host and of the caller's network namespace.
    #[must_use]
    pub fn host_identity(&self) -> String {
        self.collector.host_identity()
    }

    /// Collects, compares with the baseline, and evaluates every rule.
    ///
    /// # Errors
    /// Returns the errors of [`Collector::collect`], for any of the samples.
    pub fn diagnose(&mut self, baseline: Baseline, limits: &[Limit]) -> Result<Diagnosis> {
        let mut now = None;
        let (before, between) = match baseline {
            Baseline::None => (None, None),
            Baseline::Interval(interval) => {
                let before = self.collect_with_host()?;
                let mut left = interval;
                let mut between = None;
                if interval >= ONE_WAY_INTERVAL {
                    std::thread::sleep(interval.saturating_sub(REPLY_TIME));
                    left = REPLY_TIME;
                    between = Some(self.collect_with_host()?);
                }
                std::thread::sleep(left);
                (Some(before), between)
            }
            Baseline::Saved { before, at_least } => {
                let passed = self.collector.uptime().saturating_sub(uptime(&before));
                std::thread::sleep(at_least.saturating_sub(passed));
                let snapshot = self.collect_with_host()?;
                let is_new = |network: &Network| network.ifindex.is_some() && counterpart(&before, network).is_none();
                if !snapshot.networks.iter().any(is_new) {
                    now = Some(snapshot);
                    (Some(*before), None)
                } else if at_least.is_zero() {
                    now = Some(snapshot);
                    (None, None)
                } else {
                    // The other run did not collect all of these, and new ones would not be evaluated.
                    std::thread::sleep(at_least);
                    (Some(snapshot), None)
                }
            }
        };
        let mut now = match now {
            Some(now) => now,
            None => self.collect_with_host()?,
        };
        let elapsed = before.as_ref().map(|before| uptime(&now).saturating_sub(uptime(before)));
        self.add_names(&mut now);
        // The last collection does not miss a namespace that vanished between the first two.
        for earlier in before.iter().chain(&between).flat_map(|snapshot| &snapshot.problems) {
            if earlier.code == Code::NetnsNotFound && !now.problems.contains(earlier) {
                now.problems.push(earlier.clone());
            }
        }
        let before = before.map(|before| of_same_namespaces(before, &now));
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

    /// Reads the name files if they changed, and assigns the names.
    fn add_names(&mut self, snapshot: &mut Snapshot) {
        let start = Instant::now();
        self.read_names();
        self.assign_names(snapshot, start);
    }

    /// Reads the name files, if one of them changed.
    fn read_names(&mut self) {
        let mut parser = NameParser::default();
        let has_changed = self.name_files.read(&mut |item| match item {
            FileItem::File(path, kind) => parser.file(path, kind),
            FileItem::Line(line) => parser.line(line),
        });
        if has_changed {
            self.names = parser.finish();
        }
    }

    /// Assigns the names that were read, and adds a Problem if a name may be missing. `start` is when reading began.
    fn assign_names(&self, snapshot: &mut Snapshot, start: Instant) {
        self.names.assign(&self.settings, snapshot);
        let has_nameless = |network: &Network| network.peers.iter().flatten().any(|peer| peer.name.is_none());
        let may_have_named = self.name_files.unreadable().iter().filter(|file| {
            // A file of wg-quick can only name the peers of its own interface.
            let only = file.interface.as_ref();
            let mut concerned =
                snapshot.networks.iter().filter(|network| only.is_none_or(|only| *only == network.interface));
            concerned.any(has_nameless)
        });
        let problems: Vec<Problem> = may_have_named.map(UnreadableFile::problem).collect();
        snapshot.sources.push(Source { name: "names", success: problems.is_empty(), duration: start.elapsed() });
        snapshot.problems.extend(problems);
    }

    /// Reports where the names in a snapshot come from.
    #[must_use]
    pub fn name_report(&self, snapshot: &Snapshot) -> NameReport {
        self.names.report(&self.settings, snapshot, self.collector.covers_all())
    }

    /// Returns the warnings about the name files, each with its file and line.
    #[must_use]
    pub fn name_warnings(&self) -> Vec<String> {
        self.names.warning_lines()
    }

    /// Reports what wgstat can read, and what would let it read more.
    #[must_use]
    pub fn access_notes(&self) -> Vec<AccessNote> {
        access::access_notes(self.name_files.unreadable())
    }

    /// Collects a snapshot with the host's counters.
    fn collect_with_host(&mut self) -> Result<Snapshot> {
        self.collector.collect(Detail::Host, now())
    }
}

/// Selects what a diagnosis compares with.
#[derive(Debug)]
pub enum Baseline {
    /// Nothing: rules that need time are not evaluated.
    None,
    /// A snapshot that is collected this long before the last one.
    Interval(Duration),
    /// A snapshot that an earlier run saved.
    Saved {
        /// The snapshot.
        before: Box<Snapshot>,
        /// Minimum time over which to compare. With a younger snapshot the diagnosis waits for the rest of it.
        at_least: Duration,
    },
}

/// Holds a sample with all findings, and the time that it compares over.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// The last snapshot, with findings of every kind.
    pub sample: Sample,
    /// Seconds between the snapshots that were compared; `None` if nothing was compared.
    pub seconds: Option<f64>,
}

/// Minimum interval over which one-way traffic can be detected. It needs one more snapshot ...
const ONE_WAY_INTERVAL: Duration = Duration::from_secs(20);
/// ... this long before the end: a peer that received data before it has replied by then, within ten seconds.
const REPLY_TIME: Duration = Duration::from_secs(12);

/// Returns the snapshot without the networks of a namespace that was deleted and created again under its name.
fn of_same_namespaces(mut before: Snapshot, now: &Snapshot) -> Snapshot {
    let Snapshot { networks, hosts, .. } = &mut before;
    let identity = |hosts: &[Host], netns: &Option<String>| -> Option<String> {
        hosts.iter().find(|host| host.netns == *netns).map(|host| host.identity.clone())
    };
    networks.retain(|network| identity(hosts, &network.netns) == identity(&now.hosts, &network.netns));
    before
}

/// Returns the time since boot at which the snapshot was collected.
fn uptime(snapshot: &Snapshot) -> Duration {
    snapshot.hosts.first().map_or(Duration::ZERO, |host| host.uptime)
}

/// Returns the Unix time, in seconds.
fn now() -> u64 {
    // A clock before 1970 makes every age 0, which is harmless.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
