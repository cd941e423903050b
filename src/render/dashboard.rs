//! Builds the dashboard: one HTML page with an embedded style and script, and its Content-Security-Policy.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};

use crate::findings::counters::{Meaning, meaning};
use crate::model::{Backend, Counter};

const HTML: &str = include_str!("dashboard/index.html");
const STYLE: &str = include_str!("dashboard/style.css");
/// The modules of the script, in the order in which they need each other.
const SCRIPT: &str = concat!(
    "'use strict';\n",
    include_str!("dashboard/script/format.js"),
    include_str!("dashboard/script/dom.js"),
    include_str!("dashboard/script/update.js"),
    include_str!("dashboard/script/overview.js"),
    include_str!("dashboard/script/findings.js"),
    include_str!("dashboard/script/counters.js"),
    include_str!("dashboard/script/networks.js"),
    include_str!("dashboard/script/peers.js"),
    include_str!("dashboard/script/rates.js"),
    include_str!("dashboard/script/charts.js"),
    include_str!("dashboard/script/main.js"),
);

/// The dashboard.
#[derive(Debug)]
pub struct Dashboard {
    /// The HTML document.
    pub html: String,
    /// The value of its Content-Security-Policy header. It allows this script, this style and requests to this server only.
    pub policy: String,
}

/// Returns the dashboard.
#[must_use]
pub fn dashboard() -> Dashboard {
    // The version is replaced first, because nothing may be replaced within the other files.
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

/// Returns the text between the first two tags.
fn between<'a>(html: &'a str, open: &str, close: &str) -> &'a str {
    let rest = html.split_once(open).map_or("", |(_, rest)| rest);
    rest.split_once(close).map_or("", |(inside, _)| inside)
}

/// Returns the hash of an inline script or style, as in a Content-Security-Policy.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(digest(&SHA256, text.as_bytes())))
}

/// Returns the meaning of each counter as a JSON object, by backend. `*` stands for all counters that WireGuard never changes.
fn meanings() -> String {
    let entry = |meaning: Meaning| -> Value {
        let texts = [("means", Some(meaning.means)), ("misreading", meaning.misreading), ("remedy", meaning.remedy)];
        texts
            .into_iter()
            .filter_map(|(key, text)| Some((key.to_owned(), Value::from(text?))))
            .collect::<Map<_, _>>()
            .into()
    };
    let counters = |backend| -> Value {
        let unused = meaning(Counter::Multicast, backend);
        let used = Counter::ALL.into_iter().map(|counter| (counter.name(), meaning(counter, backend)));
        let all = used.filter(|(_, meaning)| *meaning != unused).chain([("*", unused)]);
        all.map(|(name, meaning)| (name.to_owned(), entry(meaning))).collect::<Map<_, _>>().into()
    };
    let backends = [Backend::Kernel, Backend::Userspace, Backend::Unknown];
    let all: Map<String, Value> =
        backends.into_iter().map(|backend| (backend.device_type().to_owned(), counters(backend))).collect();
    // No text may end the <script> element.
    Value::Object(all).to_string().replace("</", "<\\/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashboard_is_complete_and_small() {
        let dashboard = dashboard();
        for placeholder in ["/*STYLE*/", "/*SCRIPT*/", "/*MEANINGS*/", "{{"] {
            assert!(!dashboard.html.contains(placeholder), "{placeholder}");
        }
        assert!(dashboard.html.len() < 64 * 1024, "{} bytes", dashboard.html.len());
        assert!(between(&dashboard.html, "<style>", "</style>").contains(STYLE));
        assert!(between(&dashboard.html, "<script>", "</script>").contains(SCRIPT));
    }

    #[test]
    fn dashboard_has_one_script_one_style_and_no_external_resource() {
        let html = dashboard().html;
        assert_eq!(
            (html.matches("<script").count(), html.matches("<style").count()),
            (2, 1),
            "the other script has the meanings"
        );
        for forbidden in [" src=", "//cdn", "@import", "url(http", " style=\"", " onclick", " onload"] {
            assert!(!html.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn script_makes_no_markup_from_text() {
        for sink in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "DOMParser"]
        {
            assert!(!SCRIPT.contains(sink), "{sink}");
        }
    }
}
