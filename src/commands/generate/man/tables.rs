//! Writes the program's own tables: errors, counters, findings, configuration keys.

use super::options::sentence;
use super::roff::{escape, item, paragraph, subsection, text};
use crate::config::keys;
use crate::findings::rules::rule;
use crate::findings::{RuleId, counters};
use crate::model::{Backend, Code, Counter};

/// Returns a list of terms and their descriptions.
pub(super) fn items(items: &[(&str, &str)]) -> String {
    items.iter().map(|(term, description)| item(term, description)).collect()
}

/// Returns every error code and its meaning.
pub(super) fn errors() -> String {
    Code::ALL.iter().map(|(code, meaning)| item(code.as_str(), &sentence(&capitalised(meaning)))).collect()
}

/// Returns every counter and its meaning on an interface of this backend.
pub(super) fn counters(backend: Backend) -> String {
    let mut entries: Vec<(String, String)> = Vec::new();
    for counter in Counter::MAIN.into_iter().chain(Counter::detail()) {
        let meaning = counters::meaning(counter, backend);
        let mut text = sentence(&capitalised(meaning.means));
        for (label, more) in [("Not", meaning.misreading), ("Fix", meaning.remedy)] {
            if let Some(more) = more {
                text.extend([" ", label, ": ", &sentence(more)]);
            }
        }
        // Counters with the same meaning share an entry.
        match entries.iter_mut().find(|(_, other)| *other == text) {
            Some((names, _)) => names.extend([", ", counter.name()]),
            None => entries.push((counter.name().to_owned(), text)),
        }
    }
    entries.iter().map(|(names, text)| item(names, text)).collect()
}

/// Returns the blind spots of this backend, each with the command that shows it.
pub(super) fn blind_spots(backend: Backend) -> String {
    let spots = counters::blind_spots(backend).iter();
    spots.map(|spot| item(&capitalised(spot.fault), &format!("`{}`", spot.command))).collect()
}

/// Returns every finding of `check`. The additional text of alert rules is about their own conditions.
pub(super) fn rules() -> String {
    let mut source = String::new();
    for id in RuleId::ALL {
        let rule = rule(id);
        source += &subsection(id.as_str());
        source += &text(&format!("`{}`: {}.", id.severity().as_str(), rule.summary));
        source += &paragraph(&format!("Cause: {}", sentence(rule.cause)));
        let (command, comment) = rule.remedy.split_once("  # ").unwrap_or((rule.remedy, ""));
        source += &paragraph(&format!("Fix: `{command}`"));
        if !comment.is_empty() {
            source += &paragraph(&format!("# {comment}"));
        }
    }
    source
}

/// Returns every table and key of the configuration file.
pub(super) fn config_keys() -> String {
    let mut source = String::new();
    for table in keys::TABLES {
        source += &subsection(&format!("[{}]", table.path()));
        source += &text(table.meaning);
        source.extend(table.keys.iter().map(|key| item(key.name, &format!("{} Type: {}.", key.meaning, key.kind))));
    }
    source
}

/// Returns a configuration file with every key.
pub(super) fn config_example() -> String {
    let tables = keys::TABLES.iter().map(|table| {
        let lines = table.keys.iter().map(keys::ConfigKey::line);
        [table.example.to_owned()].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
    });
    escape(&tables.collect::<Vec<_>>().join("\n\n"))
}

/// Returns the keys of the live view.
#[cfg(feature = "tui")]
pub(super) fn live_view_keys() -> String {
    crate::tui::KEYS.iter().map(|key| item(key.keys, key.action)).collect()
}

/// Returns that this build has no live view.
#[cfg(not(feature = "tui"))]
pub(super) fn live_view_keys() -> String {
    paragraph("This build has no interactive view.")
}

/// Returns a text with its first letter in upper case.
fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
