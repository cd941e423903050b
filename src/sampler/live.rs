//! Looks whenever somebody asks, and samples in the background that tell what needs time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::looks::{Looks, Moment, Occasion};
use super::{Sample, Sampler, now};
use crate::collect::Scope;
use crate::collect::survey::Depth;
use crate::error::Result;
use crate::findings::{Lasting, findings};
use crate::history::record::Record;
use crate::model::{Name, Settings};

/// Files of names are looked at for changes that often at most: that costs more than reading a small network.
const NAMES: Duration = Duration::from_secs(5);

/// One scope, looked at on demand and in the background.
pub struct Live {
    sampler: Sampler,
    looks: Looks,
    lasting: Lasting,
    record: Record,
    /// When the files of names are to be looked at again.
    names_due: Instant,
}

impl Live {
    /// Starts on the calling thread's network namespace, unless the scope names others. Interfaces that are named and not
    /// there are missing, and no error: they may come.
    ///
    /// # Errors
    /// Where the kernel gives no netlink socket.
    pub fn open(scope: Scope, settings: Settings) -> Result<Self> {
        let mut sampler = Sampler::open(scope, settings)?;
        sampler.survey.tolerate_missing();
        Ok(Self {
            sampler,
            looks: Looks::default(),
            lasting: Lasting::default(),
            record: Record::default(),
            names_due: Instant::now(),
        })
    }

    /// A sample in the background: with all that can be told by now, and kept for what comes after it.
    ///
    /// # Errors
    /// As [`crate::collect::survey::Survey::look`].
    pub fn poll(&mut self) -> Result<Arc<Sample>> {
        let uptime = self.sampler.survey.uptime();
        let sample = self.looks.look(&mut self.sampler, Occasion::Tick)?;
        self.names_due = Instant::now() + NAMES;
        self.lasting = Lasting::of(&sample.snapshot, &sample.findings);
        self.record.add(&sample.snapshot, uptime);
        Ok(sample)
    }

    /// A look now, with what the samples in the background told; with rates since one of them, if they are wanted.
    ///
    /// # Errors
    /// As [`crate::collect::survey::Survey::look`].
    pub fn look(&mut self, with_rates: bool) -> Result<Sample> {
        let moment = Moment::now(&self.sampler);
        let mut snapshot = self.sampler.survey.look(Depth::Networks, now())?;
        let start = Instant::now();
        if start >= self.names_due {
            self.sampler.read_names();
            self.names_due = start + NAMES;
        }
        self.sampler.give_names(&mut snapshot, start);
        let findings = self.lasting.join(&snapshot, findings(&snapshot));
        let rates = if with_rates { self.looks.rates(&snapshot, moment) } else { Vec::new() };
        Ok(Sample { snapshot, rates, findings })
    }

    /// Goes on with other settings and other interfaces that should be there, and looks at the files of names again.
    pub fn reload(&mut self, settings: Settings, expected: Vec<Name>) {
        self.sampler.settings = settings;
        self.sampler.survey.expect(expected);
        self.names_due = Instant::now();
    }

    /// The last sample in the background.
    #[must_use]
    pub fn last(&self) -> Option<&Sample> {
        self.looks.last()
    }

    /// The last day.
    #[must_use]
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// What the looks are taken by.
    #[must_use]
    pub const fn sampler(&self) -> &Sampler {
        &self.sampler
    }
}
