//! Defines JSON documents: one struct gives both the schema and the writer.
//!
//! serde could do that too, but exceeds the budget for 10,000 peers; docs/decisions.md has the figures.

use std::borrow::Cow;
use std::io::{self, Write};
use std::net::SocketAddr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize as _;

use crate::model::{AllowedIp, Counter, MainCounters, PublicKey, acts_on_terminal};
use crate::render::out_buf::OutBuf;

/// A JSON value.
pub(super) trait Json {
    /// Writes the value. Errors of the writer are returned by [`OutBuf::finish`].
    fn write(&self, out: &mut OutBuf<'_>);
}

/// A JSON object, whose members another object may include.
pub(super) trait Object {
    /// Writes the keys and values without the braces.
    fn write_members(&self, out: &mut OutBuf<'_>);

    /// Writes the object.
    #[inline]
    fn write_object(&self, out: &mut OutBuf<'_>) {
        out.push(b'{');
        self.write_members(out);
        out.push(b'}');
    }
}

/// Defines a struct whose fields are the keys of a JSON object, in their order. It derives the schema from the struct and
/// writes the fields in turn, so the two cannot differ. The members of a last field `..name` become members of this object.
///
/// Each key is a constant together with its punctuation: copying that is a few instructions.
macro_rules! document {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $name:ident $(<$lifetime:lifetime>)? {
            $(#[$first_attribute:meta])* $first:ident: $first_type:ty,
            $($(#[$field_attribute:meta])* $field:ident: $type:ty,)*
            $(.. $rest:ident: $rest_type:ty,)?
        }
    ) => {
        #[derive(schemars::JsonSchema)]
        $(#[$attribute])*
        $visibility struct $name $(<$lifetime>)? {
            $(#[$first_attribute])* $first: $first_type,
            $($(#[$field_attribute])* $field: $type,)*
            $(#[schemars(flatten)] $rest: $rest_type,)?
        }

        impl $(<$lifetime>)? $crate::render::json::document::Json for $name $(<$lifetime>)? {
            #[inline]
            fn write(&self, out: &mut $crate::render::out_buf::OutBuf<'_>) {
                $crate::render::json::document::Object::write_object(self, out);
            }
        }

        impl $(<$lifetime>)? $crate::render::json::document::Object for $name $(<$lifetime>)? {
            #[inline]
            fn write_members(&self, out: &mut $crate::render::out_buf::OutBuf<'_>) {
                use $crate::render::json::document::{Json as _, key};
                out.push_bytes(concat!("\"", key!($first), "\":").as_bytes());
                self.$first.write(out);
                $(
                    out.push_bytes(concat!(",\"", key!($field), "\":").as_bytes());
                    self.$field.write(out);
                )*
                $(
                    out.push(b',');
                    self.$rest.write_members(out);
                )?
            }
        }
    };
}

/// The key of a field: its name, without the prefix of a raw identifier.
macro_rules! key {
    (r#type) => {
        "type"
    };
    ($field:ident) => {
        stringify!($field)
    };
}

pub(super) use {document, key};

impl<T: Json> Json for Option<T> {
    #[inline]
    fn write(&self, out: &mut OutBuf<'_>) {
        match self {
            Some(value) => value.write(out),
            None => out.push_bytes(b"null"),
        }
    }
}

impl<T: Json> Json for [T] {
    fn write(&self, out: &mut OutBuf<'_>) {
        write_array(out, self);
    }
}

impl<T: Json> Json for Vec<T> {
    fn write(&self, out: &mut OutBuf<'_>) {
        write_array(out, self);
    }
}

impl<T: Json + ?Sized> Json for &T {
    #[inline]
    fn write(&self, out: &mut OutBuf<'_>) {
        (**self).write(out);
    }
}

/// Writes an array. Only one element at a time is in memory if the iterator makes them.
pub(super) fn write_array(out: &mut OutBuf<'_>, elements: impl IntoIterator<Item = impl Json>) {
    out.push(b'[');
    for (index, element) in elements.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        element.write(out);
        out.flush_if_full();
    }
    out.push(b']');
}

macro_rules! integers {
    ($($type:ty)+) => {
        $(
            impl Json for $type {
                #[inline]
                fn write(&self, out: &mut OutBuf<'_>) {
                    out.push_number(u64::from(*self));
                }
            }
        )+
    };
}
integers!(u8 u16 u32 u64);

impl Json for usize {
    #[inline]
    fn write(&self, out: &mut OutBuf<'_>) {
        out.push_number(*self as u64);
    }
}

impl Json for f64 {
    fn write(&self, out: &mut OutBuf<'_>) {
        // Writing to the buffer cannot fail.
        let _ = serde_json::to_writer(out, self);
    }
}

impl Json for bool {
    #[inline]
    fn write(&self, out: &mut OutBuf<'_>) {
        // Constant lengths: a copy of variable length is a call of memcpy.
        if *self {
            out.push_bytes(b"true");
        } else {
            out.push_bytes(b"false");
        }
    }
}

impl Json for str {
    fn write(&self, out: &mut OutBuf<'_>) {
        let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
        if self.bytes().all(is_plain) {
            out.push(b'"');
            out.push_bytes(self.as_bytes());
            out.push(b'"');
        } else {
            // Writing to the buffer cannot fail.
            let _ = self.serialize(&mut serde_json::Serializer::with_formatter(out, TerminalSafe));
        }
    }
}

impl Json for String {
    fn write(&self, out: &mut OutBuf<'_>) {
        self.as_str().write(out);
    }
}

impl Json for Cow<'_, str> {
    fn write(&self, out: &mut OutBuf<'_>) {
        (**self).write(out);
    }
}

impl Json for PublicKey {
    #[inline]
    fn write(&self, out: &mut OutBuf<'_>) {
        let mut quoted = [b'"'; PublicKey::TEXT_LEN + 2];
        let [_, text @ .., _] = &mut quoted;
        *text = self.encode();
        out.push_bytes(&quoted);
    }
}

impl Json for SocketAddr {
    #[inline]
    fn write(&self, out: &mut OutBuf<'_>) {
        out.push(b'"');
        out.push_endpoint(*self);
        out.push(b'"');
    }
}

impl Json for AllowedIp {
    #[inline]
    fn write(&self, out: &mut OutBuf<'_>) {
        out.push(b'"');
        out.push_allowed_ip(*self);
        out.push(b'"');
    }
}

impl<T: Json> Json for MainCounters<T> {
    fn write(&self, out: &mut OutBuf<'_>) {
        self.write_object(out);
    }
}

impl<T: Json> Object for MainCounters<T> {
    fn write_members(&self, out: &mut OutBuf<'_>) {
        write_counters(out, self.iter());
    }
}

/// Writes one member per counter: its name and the value.
pub(super) fn write_counters<T: Json>(out: &mut OutBuf<'_>, counters: impl Iterator<Item = (Counter, T)>) {
    for (index, (counter, value)) in counters.enumerate() {
        out.push_bytes(if index > 0 { b",\"" } else { b"\"" });
        out.push_bytes(counter.name().as_bytes());
        out.push_bytes(b"\":");
        value.write(out);
    }
}

impl<T: JsonSchema> JsonSchema for MainCounters<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "MainCounters".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        counters_schema::<T>(generator, Counter::MAIN)
    }
}

/// Returns the schema of an object with one key per counter.
pub(super) fn counters_schema<T: JsonSchema>(
    generator: &mut SchemaGenerator,
    counters: impl IntoIterator<Item = Counter>,
) -> Schema {
    let names: Vec<&str> = counters.into_iter().map(Counter::name).collect();
    let properties: serde_json::Map<_, _> =
        names.iter().map(|&name| (name.to_owned(), generator.subschema_for::<T>().to_value())).collect();
    json_schema!({ "type": "object", "properties": properties, "required": names })
}

impl JsonSchema for PublicKey {
    fn schema_name() -> Cow<'static, str> {
        "PublicKey".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "A public key in base64.", "type": "string" })
    }
}

/// Escapes the characters that act on a terminal, which JSON allows in strings.
struct TerminalSafe;

impl serde_json::ser::Formatter for TerminalSafe {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // serde_json escapes the control characters below the space itself.
        if fragment.is_ascii() && !fragment.as_bytes().contains(&0x7f) {
            return writer.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            if acts_on_terminal(c) {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            } else {
                writer.write_all(c.encode_utf8(&mut [0; 4]).as_bytes())?;
            }
        }
        Ok(())
    }
}
