//! What clap knows of a command: its synopsis, its options and what it says of itself.

use clap::{Arg, ArgAction, Command};

use super::page::{Page, option_term, option_word, value_word};

/// The heading that clap has for the options of every command.
const GLOBAL: &str = "Options of every command";
/// Behind what may be repeated. It is the end of no sentence.
pub(super) const MORE: &str = "...\\&";

/// How a command is called. The options of every command are one word.
pub(super) fn synopsis(page: &mut Page, name: &str, command: &Command) {
    let own = || command.get_arguments().filter(|arg| is_own(arg) && !is_told(arg));
    let mut words: Vec<String> = own().filter(|arg| !arg.is_positional()).map(in_synopsis).collect();
    words.push(format!("[{}]{MORE}", value_word("OPTION")));
    words.extend(own().filter(|arg| arg.is_positional()).map(in_synopsis));
    page.section("SYNOPSIS").synopsis(name, &words);
}

/// Whether it belongs to this command alone.
fn is_own(arg: &Arg) -> bool {
    arg.get_help_heading() != Some(GLOBAL)
}

/// Help and version end everything else.
fn is_told(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version)
}

fn in_synopsis(arg: &Arg) -> String {
    let value = value(arg);
    let word = match arg.get_long() {
        Some(long) => option_word(&format!("--{long}"), value.as_deref()),
        None => value_word(&value.unwrap_or_default()),
    };
    let word = if arg.is_required_set() { word } else { format!("[{word}]") };
    if is_repeated(arg) { word + MORE } else { word }
}

fn is_repeated(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

/// What stands for its value, where it takes one.
fn value(arg: &Arg) -> Option<String> {
    if !arg.get_num_args().is_some_and(|number| number.takes_values()) {
        return None;
    }
    let names = arg.get_value_names().unwrap_or_default();
    Some(names.iter().map(clap::builder::Str::as_str).collect::<Vec<_>>().join(" "))
}

/// What the help says of the command.
pub(super) fn description(page: &mut Page, command: &Command) {
    let text = command.get_long_about().or_else(|| command.get_about()).map(ToString::to_string).unwrap_or_default();
    page.section("DESCRIPTION");
    for (place, paragraph) in text.split("\n\n").enumerate() {
        if place == 0 {
            page.text(&sentence(paragraph));
        } else {
            page.paragraph(&sentence(paragraph));
        }
    }
}

/// Every option, under the heading that its help has.
pub(super) fn options(page: &mut Page, command: &Command) {
    page.section("OPTIONS");
    let arguments = || command.get_arguments();
    let (named, values): (Vec<&Arg>, Vec<&Arg>) = arguments().partition(|arg| !arg.is_positional());
    // What stands last when it is typed is what one looks for first.
    for arg in values.into_iter().chain(named.iter().copied().filter(|arg| arg.get_help_heading().is_none())) {
        option(page, arg);
    }
    let mut headings: Vec<&str> = named.iter().filter_map(|arg| arg.get_help_heading()).collect();
    headings.sort_by_key(|heading| *heading == GLOBAL);
    headings.dedup();
    for heading in headings {
        page.subsection(heading);
        for arg in named.iter().filter(|arg| arg.get_help_heading() == Some(heading)) {
            option(page, arg);
        }
    }
}

fn option(page: &mut Page, arg: &Arg) {
    let short = arg.get_short().map(|short| format!("-{short}"));
    let flags: Vec<String> = short.into_iter().chain(arg.get_long().map(|long| format!("--{long}"))).collect();
    let mut text = match arg.get_action() {
        ArgAction::Help => "Print help: a summary with -h, all of it with --help".to_owned(),
        ArgAction::Version => "Print the version".to_owned(),
        _ => arg.get_help().map(ToString::to_string).unwrap_or_default(),
    };
    let mut default: Vec<String> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    // Where the default is not clap's to know, the help says it.
    if let Some((before, told)) = text.split_once(" [default: ") {
        default = vec![told.trim_end_matches(']').to_owned()];
        text = before.to_owned();
    }
    text = sentence(&text);
    if value(arg).is_some() && !default.is_empty() {
        text.extend([" Default: ", &default.join(" "), "."]);
    }
    page.term(option_term(&flags, value(arg).as_deref()), &text);
    let values = arg.get_possible_values();
    if value(arg).is_some() && !values.is_empty() {
        page.indented(|page| {
            for value in &values {
                let help = value.get_help().map(ToString::to_string).unwrap_or_default();
                page.item(value.get_name(), &sentence(&help));
            }
        });
    }
}

/// With a full stop, which help texts and metrics go without.
pub(super) fn sentence(text: &str) -> String {
    if text.ends_with(['.', '?', '!']) { text.to_owned() } else { format!("{text}.") }
}
