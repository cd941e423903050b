//! What rustdoc shows of the library's items: a number says its unit, and a fact its source. Lints see to the rest:
//! `missing_docs`, `missing_errors_doc`, and `unreachable_pub`, by which whatever is `pub` is the library's.
//!
//! A unit is one of [`UNITS`] in the item's own text, a source one of [`SOURCES`]. Whether it is the right one, only a reader
//! can tell. `Duration` and `Instant` have their unit in their type.

use std::fs;

use regex::Regex;
use syn::{Attribute, Expr, Field, Fields, FnArg, Ident, ImplItem, Item, Lit, Meta, ReturnType, Signature, TraitItem};
use syn::{GenericArgument, PathArguments, Type, Visibility};

use super::markdown::root;

/// What numbers are of: amounts; what another field or the caller says; and what something is known by.
const UNITS: &str = concat!(
    r"(?i)\b(bytes|bits|packets|fragments|seconds|per second|Unix time|characters|columns|ticks|connections|fields|networks",
    r"|peers|names|unit|ifindex|index|id|line|place|port|mark|mode|octal|PID|protocol|errno|exit code|HTTP status)\b",
);

/// Where facts are read: the kernel's words, paths, commands; or what they are worked out of.
const SOURCES: &str = concat!(
    r"\b(IFLA|WGDEVICE_A|WGPEER_A|WGALLOWEDIP_A|WG_CMD|RTM|RTA|RTPROT|CLOCK)_|SO_PEERCRED|`get=1`",
    r"|`/(proc|sys|run|var/run|etc)/|wg-quick|configuration|command line|by the error|own account|computed from",
);

/// What holds facts, or what follows from them by arithmetic alone.
const FACTS: [&str; 5] = ["src/model", "src/collect/", "src/names", "src/rates", "src/history"];

#[test]
fn every_number_says_its_unit_and_every_fact_its_source() {
    let mut walk = Walk {
        unit: Regex::new(UNITS).unwrap(),
        source: Regex::new(SOURCES).unwrap(),
        path: String::new(),
        missing: Vec::new(),
        numbers: 0,
        facts: 0,
    };
    for path in glob::glob(&format!("{}/src/**/*.rs", root().display())).unwrap() {
        let path = path.unwrap();
        walk.path = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        let file = syn::parse_file(&fs::read_to_string(&path).unwrap());
        walk.items(&file.unwrap_or_else(|error| panic!("{}: {error}", walk.path)).items);
    }
    assert!(walk.missing.is_empty(), "{} items:\n{}", walk.missing.len(), walk.missing.join("\n"));
    let (numbers, facts) = (walk.numbers, walk.facts);
    assert!(numbers > 100 && facts > 35, "not all was seen: {numbers} numbers, {facts} facts");
}

struct Walk {
    unit: Regex,
    source: Regex,
    path: String,
    missing: Vec<String>,
    numbers: usize,
    facts: usize,
}

impl Walk {
    fn items(&mut self, items: &[Item]) {
        for item in items {
            match item {
                Item::Const(item) if is_public(&item.vis) => self.number("", &item.ident, &item.attrs, [&*item.ty]),
                Item::Static(item) if is_public(&item.vis) => self.number("", &item.ident, &item.attrs, [&*item.ty]),
                Item::Type(item) if is_public(&item.vis) => self.number("", &item.ident, &item.attrs, [&*item.ty]),
                Item::Fn(item) if is_public(&item.vis) => self.function("", &item.sig, &item.attrs),
                Item::Struct(item) if is_public(&item.vis) => {
                    let public: Vec<&Field> = item.fields.iter().filter(|field| is_public(&field.vis)).collect();
                    self.fields("", &item.ident, &item.attrs, &public);
                    // Plain data: what has public fields, or is another type under a new name.
                    if !public.is_empty() || matches!(item.fields, Fields::Unnamed(_)) {
                        self.fact(&item.ident, &item.attrs, &public);
                    }
                }
                Item::Enum(item) if is_public(&item.vis) => {
                    for variant in &item.variants {
                        let fields: Vec<&Field> = variant.fields.iter().collect();
                        self.fields(&format!("{}::", item.ident), &variant.ident, &variant.attrs, &fields);
                    }
                }
                Item::Trait(item) if is_public(&item.vis) => {
                    for inner in &item.items {
                        if let TraitItem::Fn(inner) = inner {
                            self.function(&format!("{}::", item.ident), &inner.sig, &inner.attrs);
                        }
                    }
                }
                Item::Impl(item) if item.trait_.is_none() => {
                    let of = if let Type::Path(own) = &*item.self_ty { own.path.segments.last() } else { None };
                    let of = of.map(|own| format!("{}::", own.ident)).unwrap_or_default();
                    for inner in &item.items {
                        match inner {
                            ImplItem::Fn(inner) if is_public(&inner.vis) => {
                                self.function(&of, &inner.sig, &inner.attrs);
                            }
                            ImplItem::Const(inner) if is_public(&inner.vis) => {
                                self.number(&of, &inner.ident, &inner.attrs, [&inner.ty]);
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn number<'a>(
        &mut self,
        of: &str,
        item: &Ident,
        attributes: &[Attribute],
        types: impl IntoIterator<Item = &'a Type>,
    ) {
        if types.into_iter().any(is_number) {
            self.numbers += 1;
            if !self.unit.is_match(&doc(attributes)) {
                self.miss(of, item, "a number without a unit: say what it counts, in a word of UNITS");
            }
        }
    }

    /// One text for what a function takes and what it returns.
    fn function(&mut self, of: &str, signature: &Signature, attributes: &[Attribute]) {
        let result = if let ReturnType::Type(_, result) = &signature.output { Some(&**result) } else { None };
        let taken = signature.inputs.iter().filter_map(|argument| match argument {
            FnArg::Typed(argument) => Some(&*argument.ty),
            FnArg::Receiver(_) => None,
        });
        self.number(of, &signature.ident, attributes, taken.chain(result));
    }

    /// Those without a name have the text of what they are in.
    fn fields(&mut self, of: &str, item: &Ident, attributes: &[Attribute], fields: &[&Field]) {
        for field in fields {
            match &field.ident {
                Some(name) => self.number(&format!("{of}{item}."), name, &field.attrs, [&field.ty]),
                None => self.number(of, item, attributes, [&field.ty]),
            }
        }
    }

    fn fact(&mut self, item: &Ident, attributes: &[Attribute], fields: &[&Field]) {
        if !FACTS.iter().any(|start| self.path.starts_with(start)) {
            return;
        }
        self.facts += 1;
        let has_source = |attributes: &[Attribute]| self.source.is_match(&doc(attributes));
        let has_each = !fields.is_empty() && fields.iter().all(|field| has_source(&field.attrs));
        if !has_each && !has_source(attributes) {
            self.miss("", item, "a fact without a source: say where it is read, as in SOURCES, here or at each field");
        }
    }

    fn miss(&mut self, of: &str, item: &Ident, what: &str) {
        self.missing.push(format!("{}:{} {of}{item}: {what}", self.path, item.span().start().line));
    }
}

const fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Whether it is a number or holds one. Bytes in a row are none.
fn is_number(of: &Type) -> bool {
    const NUMBERS: &str = "u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64 NonZeroU64";
    let is_byte = |of: &Type| matches!(of, Type::Path(path) if path.path.is_ident("u8"));
    match of {
        Type::Array(list) => !is_byte(&list.elem) && is_number(&list.elem),
        Type::Slice(list) => !is_byte(&list.elem) && is_number(&list.elem),
        Type::Reference(reference) => is_number(&reference.elem),
        Type::Tuple(tuple) => tuple.elems.iter().any(is_number),
        Type::Path(path) => path.path.segments.iter().any(|segment| match &segment.arguments {
            PathArguments::AngleBracketed(inner) => inner.args.iter().any(|argument| match argument {
                GenericArgument::Type(inner) => !(segment.ident == "Vec" && is_byte(inner)) && is_number(inner),
                _ => false,
            }),
            _ => NUMBERS.split(' ').any(|name| segment.ident == name),
        }),
        _ => false,
    }
}

/// The text of a doc comment.
fn doc(attributes: &[Attribute]) -> String {
    let text = attributes.iter().filter_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else { return None };
        let Expr::Lit(literal) = &pair.value else { return None };
        let Lit::Str(text) = &literal.lit else { return None };
        pair.path.is_ident("doc").then(|| text.value())
    });
    text.collect::<Vec<_>>().join("\n")
}
