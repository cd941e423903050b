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

impl Page<'_> {
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        self.family_of_parts(name, kind, &[help]);
    }

    /// The parts of the help are our own words, which have nothing to escape.
    pub(super) fn family_of_parts(&mut self, name: &str, kind: Kind, help: &[&str]) {
        debug_assert!(!help.iter().any(|part| part.contains(['\\', '\n'])), "{help:?}");
        let kind = match kind {
            Kind::Counter => " counter\n",
            Kind::Gauge => " gauge\n",
        };
        for part in ["# HELP ", name, " "].iter().chain(help).chain(&["\n# TYPE ", name, kind]) {
            self.text.raw(part.as_bytes());
        }
    }

    /// A sample with just these labels.
    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.text.raw(name.as_bytes());
        self.text.byte(b'{');
        append_labels(&mut self.text, labels.iter().copied());
        self.value(value);
    }

    /// A sample of a network.
    pub(super) fn of(&mut self, name: &str, network: &Labelled<'_>, value: u64) {
        self.open(name, network);
        self.value(value);
    }

    pub(super) fn open(&mut self, name: &str, network: &Labelled<'_>) {
        self.text.raw(name.as_bytes());
        self.text.byte(b'{');
        self.text.raw(network.labels.as_bytes());
    }

    pub(super) fn value(&mut self, value: u64) {
        self.text.raw(b"} ");
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
