//! The text format itself: families, samples, labels and their escapes.

use std::borrow::Cow;

use super::Labelled;
use crate::model::printable;
use crate::render::out_buf::OutBuf;

/// What a family is.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Counter,
    Gauge,
}

/// The text, sample by sample.
pub(super) struct Exposition<'out> {
    pub(super) out: OutBuf<'out>,
}

/// A family's name, and the two lines that come before its samples.
pub(super) struct Family {
    pub(super) name: String,
    head: String,
}

impl Family {
    /// The parts of the help are our own words, which have nothing to escape.
    pub(super) fn new(name: String, kind: Kind, help: &[&str]) -> Self {
        debug_assert!(!help.iter().any(|part| part.contains(['\\', '\n'])), "{help:?}");
        let head = head(&name, kind, &help.concat()).concat();
        Self { name, head }
    }
}

fn head<'a>(name: &'a str, kind: Kind, help: &'a str) -> [&'a str; 7] {
    let kind = match kind {
        Kind::Counter => " counter\n",
        Kind::Gauge => " gauge\n",
    };
    ["# HELP ", name, " ", help, "\n# TYPE ", name, kind]
}

impl Exposition<'_> {
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        for part in head(name, kind, help) {
            self.out.push_bytes(part.as_bytes());
        }
    }

    /// Begins a family whose lines are there already.
    pub(super) fn begin(&mut self, family: &Family) {
        self.out.push_bytes(family.head.as_bytes());
    }

    /// A sample with just these labels.
    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.out.push_bytes(name.as_bytes());
        self.out.push(b'{');
        append_labels(&mut self.out, labels.iter().copied());
        self.value(value);
    }

    /// A sample of a network.
    #[expect(clippy::inline_always, reason = "hundreds of networks, each in two dozen families")]
    #[inline(always)]
    pub(super) fn of(&mut self, name: &str, network: &Labelled<'_>, value: u64) {
        self.out.push_bytes(name.as_bytes());
        self.out.push_padded(&network.all_labels);
        self.end(value);
    }

    /// A sample of a network with more labels to come.
    pub(super) fn open(&mut self, name: &str, network: &Labelled<'_>) {
        self.out.push_bytes(name.as_bytes());
        self.out.push_bytes(network.labels.as_bytes());
    }

    pub(super) fn value(&mut self, value: u64) {
        self.out.push_bytes(b"} ");
        self.end(value);
    }

    /// Behind the labels.
    #[expect(clippy::inline_always, reason = "thousands of peers, each in five families")]
    #[inline(always)]
    pub(super) fn end(&mut self, value: u64) {
        self.out.push_number(value);
        self.out.push(b'\n');
        self.out.flush_if_full();
    }
}

/// `name="value"`, parted by commas, with the three escapes of the format. What could act on a terminal is shown as text.
pub(super) fn append_labels<'a>(out: &mut OutBuf<'_>, labels: impl IntoIterator<Item = (&'a str, &'a str)>) {
    for (place, (name, value)) in labels.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        out.push_bytes(name.as_bytes());
        out.push_bytes(b"=\"");
        out.push_bytes(escaped(value).as_bytes());
        out.push(b'"');
    }
}

pub(super) fn escaped(value: &str) -> Cow<'_, str> {
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'\\' && byte != b'"';
    if value.bytes().all(plain) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(printable(value).replace('\\', "\\\\").replace('"', "\\\""))
}
