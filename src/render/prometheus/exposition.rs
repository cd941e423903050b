//! Writes the text format: families, samples, labels and escapes.

use std::borrow::Cow;

use super::LabelledNetwork;
use crate::model::printable;
use crate::render::out_buf::OutBuf;

/// The type of a family.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Counter,
    Gauge,
}

/// Writes an exposition, sample by sample.
pub(super) struct Exposition<'out> {
    pub(super) out: OutBuf<'out>,
}

/// The name of a family, and its HELP and TYPE lines.
pub(super) struct Family {
    pub(super) name: String,
    head: String,
}

impl Family {
    /// The help is the concatenation of `help`. It must not contain characters to escape.
    pub(super) fn new(name: String, kind: Kind, help: &[&str]) -> Self {
        debug_assert!(!help.iter().any(|part| part.contains(['\\', '\n'])), "{help:?}");
        let head = head(&name, kind, &help.concat()).concat();
        Self { name, head }
    }
}

/// Returns the HELP and TYPE lines, in parts.
fn head<'a>(name: &'a str, kind: Kind, help: &'a str) -> [&'a str; 7] {
    let kind = match kind {
        Kind::Counter => " counter\n",
        Kind::Gauge => " gauge\n",
    };
    ["# HELP ", name, " ", help, "\n# TYPE ", name, kind]
}

impl Exposition<'_> {
    /// Starts a family.
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        for part in head(name, kind, help) {
            self.out.push_bytes(part.as_bytes());
        }
    }

    /// Starts a family whose lines were built before.
    pub(super) fn begin(&mut self, family: &Family) {
        self.out.push_bytes(family.head.as_bytes());
    }

    /// Writes a sample with these labels.
    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.out.push_bytes(name.as_bytes());
        self.out.push(b'{');
        append_labels(&mut self.out, labels.iter().copied());
        self.value(value);
    }

    /// Writes a sample of a network.
    #[expect(clippy::inline_always, reason = "hundreds of networks, each in two dozen families")]
    #[inline(always)]
    pub(super) fn network_sample(&mut self, name: &str, network: &LabelledNetwork<'_>, value: u64) {
        self.out.push_bytes(name.as_bytes());
        self.out.push_padded(&network.all_labels);
        self.finish_sample(value);
    }

    /// Starts a sample of a network that has more labels.
    pub(super) fn start_sample(&mut self, name: &str, network: &LabelledNetwork<'_>) {
        self.out.push_bytes(name.as_bytes());
        self.out.push_bytes(network.labels.as_bytes());
    }

    /// Closes the labels and writes the value.
    pub(super) fn value(&mut self, value: u64) {
        self.out.push_bytes(b"} ");
        self.finish_sample(value);
    }

    /// Writes the value after the labels.
    #[expect(clippy::inline_always, reason = "thousands of peers, each in five families")]
    #[inline(always)]
    pub(super) fn finish_sample(&mut self, value: u64) {
        self.out.push_number(value);
        self.out.push(b'\n');
        self.out.flush_if_full();
    }
}

/// Writes `name="value"` pairs, separated by commas. Values have the escapes of the format, and characters that act on a
/// terminal are shown as text.
pub(super) fn append_labels<'a>(out: &mut OutBuf<'_>, labels: impl IntoIterator<Item = (&'a str, &'a str)>) {
    for (index, (name, value)) in labels.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.push_bytes(name.as_bytes());
        out.push_bytes(b"=\"");
        out.push_bytes(escaped(value).as_bytes());
        out.push(b'"');
    }
}

/// Returns a label value with its escapes.
pub(super) fn escaped(value: &str) -> Cow<'_, str> {
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'\\' && byte != b'"';
    if value.bytes().all(plain) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(printable(value).replace('\\', "\\\\").replace('"', "\\\""))
}
