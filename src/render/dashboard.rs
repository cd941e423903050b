//! The dashboard: one document of three files and the meanings of the counters, and the policy that lets a browser run this
//! script and nothing else.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};

use crate::findings::counters::{Meaning, meaning};
use crate::model::{Backend, Counter};

static HTML: &str = include_str!("dashboard/index.html");
static STYLE: &str = include_str!("dashboard/style.css");
static SCRIPT: &str = include_str!("dashboard/script.js");

/// The dashboard.
#[derive(Debug)]
pub struct Dashboard {
    /// The document.
    pub html: String,
    /// The value of its Content-Security-Policy header field.
    pub policy: String,
}

/// Makes the dashboard.
#[must_use]
pub fn dashboard() -> Dashboard {
    // The version first: what comes from the other files is not to be touched.
    let html = HTML.replace("{{version}}", env!("CARGO_PKG_VERSION"));
    let html = html.replace("/*MEANINGS*/", &meanings()).replace("/*STYLE*/", STYLE).replace("/*SCRIPT*/", SCRIPT);
    let (style, script) = (between(&html, "<style>", "</style>"), between(&html, "<script>", "</script>"));
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; connect-src 'self'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        hash(style),
        hash(script)
    );
    Dashboard { html, policy }
}

/// What stands between the first of two tags and the second.
fn between<'a>(html: &'a str, open: &str, close: &str) -> &'a str {
    let rest = html.split_once(open).map_or("", |(_, rest)| rest);
    rest.split_once(close).map_or("", |(inside, _)| inside)
}

/// As a policy names a text.
fn hash(text: &str) -> String {
    let mut hash = "sha256-".to_owned();
    // Writing to a String cannot fail.
    let _ = write!(hash, "{}", STANDARD.encode(digest(&SHA256, text.as_bytes())));
    hash
}

/// What each counter means, by who does the work; `*` stands for all that mean the same as one that WireGuard never counts.
fn meanings() -> String {
    let of = |backend| -> Value {
        let rest = meaning(Counter::Multicast, backend);
        let told = |meaning: Meaning| {
            let all = [("means", Some(meaning.means)), ("not", meaning.misreading), ("remedy", meaning.remedy)];
            all.into_iter().filter_map(|(key, text)| Some((key.to_owned(), Value::from(text?)))).collect::<Map<_, _>>()
        };
        let counters = Counter::ALL.into_iter().map(|counter| (counter.name(), meaning(counter, backend)));
        let all = counters.filter(|(_, meaning)| *meaning != rest).chain([("*", rest)]);
        Value::Object(all.map(|(name, meaning)| (name.to_owned(), Value::Object(told(meaning)))).collect())
    };
    let backends = [Backend::Kernel, Backend::Userspace, Backend::Unknown];
    let all: Map<String, Value> =
        backends.into_iter().map(|backend| (backend.device_type().to_owned(), of(backend))).collect();
    // No text of ours ends the element that it stands in.
    Value::Object(all).to_string().replace("</", "<\\/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_is_whole_and_small() {
        let page = dashboard();
        for left_over in ["/*STYLE*/", "/*SCRIPT*/", "/*MEANINGS*/", "{{"] {
            assert!(!page.html.contains(left_over), "{left_over}");
        }
        assert!(page.html.len() < 60 * 1024, "{} bytes", page.html.len());
        assert!(between(&page.html, "<style>", "</style>").contains(STYLE));
        assert!(between(&page.html, "<script>", "</script>").contains(SCRIPT));
    }

    #[test]
    fn page_has_one_script_one_style_and_nothing_from_elsewhere() {
        let html = dashboard().html;
        assert_eq!((html.matches("<script").count(), html.matches("<style").count()), (2, 1), "the other has meanings");
        for forbidden in [" src=", "//cdn", "@import", "url(http", " style=\"", " onclick", " onload"] {
            assert!(!html.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn nothing_from_outside_becomes_markup() {
        for way in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "DOMParser"]
        {
            assert!(!SCRIPT.contains(way), "{way}");
        }
    }
}
