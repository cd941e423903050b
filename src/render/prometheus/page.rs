//! The text format itself: families, samples, labels and their escapes.

use std::borrow::Cow;

use super::Labelled;
use crate::model::printable;
use crate::render::text::Text;

/// What a family is.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Counter,
    Gauge,
}

/// The text, sample by sample.
pub(super) struct Page<'out> {
    pub(super) text: Text<'out>,
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

impl Page<'_> {
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        for part in head(name, kind, help) {
            self.text.raw(part.as_bytes());
        }
    }

    /// Begins a family whose lines are there already.
    pub(super) fn begin(&mut self, family: &Family) {
        self.text.raw(family.head.as_bytes());
    }

    /// A sample with just these labels.
    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.text.raw(name.as_bytes());
        self.text.byte(b'{');
        append_labels(&mut self.text, labels.iter().copied());
        self.value(value);
    }

    /// A sample of a network.
    #[expect(clippy::inline_always, reason = "hundreds of networks, each in two dozen families")]
    #[inline(always)]
    pub(super) fn of(&mut self, name: &str, network: &Labelled<'_>, value: u64) {
        self.text.raw(name.as_bytes());
        self.text.piece(&network.all_labels);
        self.end(value);
    }

    /// A sample of a network with more labels to come.
    pub(super) fn open(&mut self, name: &str, network: &Labelled<'_>) {
        self.text.raw(name.as_bytes());
        self.text.raw(network.labels.as_bytes());
    }

    pub(super) fn value(&mut self, value: u64) {
        self.text.raw(b"} ");
        self.end(value);
    }

    /// Behind the labels.
    #[expect(clippy::inline_always, reason = "thousands of peers, each in five families")]
    #[inline(always)]
    pub(super) fn end(&mut self, value: u64) {
        self.text.number(value);
        self.text.byte(b'\n');
        self.text.pass_on();
    }
}

/// `name="value"`, parted by commas, with the three escapes of the format. What could act on a terminal is shown as text.
pub(super) fn append_labels<'a>(text: &mut Text<'_>, labels: impl IntoIterator<Item = (&'a str, &'a str)>) {
    for (place, (name, value)) in labels.into_iter().enumerate() {
        if place > 0 {
            text.byte(b',');
        }
        text.raw(name.as_bytes());
        text.raw(b"=\"");
        text.raw(escaped(value).as_bytes());
        text.byte(b'"');
    }
}

pub(super) fn escaped(value: &str) -> Cow<'_, str> {
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'\\' && byte != b'"';
    if value.bytes().all(plain) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(printable(value).replace('\\', "\\\\").replace('"', "\\\""))
}
