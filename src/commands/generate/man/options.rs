//! Writes what clap knows about a command: its name, synopsis, description and options.

use clap::{Arg, ArgAction, Command};

use super::roff::{bold, escape, italic, item, item_with, paragraph, subsection, text};

/// The heading of the options of every command; see [`crate::cli::Global`].
const GLOBAL: &str = "Global options";
/// Follows what may be repeated. `\&` keeps it from ending a sentence.
const MORE: &str = "...\\&";

/// Returns the line of the NAME section.
pub(super) fn name(command: &Command) -> String {
    let about = about(command).replace('`', "");
    if command.get_name() == "wgstat" {
        return text(&format!("wgstat - {about}"));
    }
    text(&format!("wgstat-{} - {about}", command.get_name()))
}

/// Returns how to call a command. The global options are one word.
pub(super) fn synopsis(command: &Command) -> String {
    let own = || command.get_arguments().filter(|arg| !is_global(arg) && !is_help(arg));
    let mut words: Vec<String> = own().filter(|arg| !arg.is_positional()).map(synopsis_word).collect();
    words.push(format!("[{}]{MORE}", italic("OPTION")));
    words.extend(own().filter(|arg| arg.is_positional()).map(synopsis_word));
    let words = words.iter().map(|word| word.replace(' ', "\\~")).collect::<Vec<_>>().join("\n.RB ");
    // .YS turns hyphenation on again.
    format!(".SY wgstat\\~{}\n.RB {words}\n.YS\n.nh\n", escape(command.get_name()))
}

/// Returns the long help text of a command.
pub(super) fn description(command: &Command) -> String {
    let help = command.get_long_about().map_or_else(|| about(command), ToString::to_string);
    let mut paragraphs = help.split("\n\n").map(sentence);
    let first = paragraphs.next().unwrap_or_default();
    text(&first) + &paragraphs.map(|content| paragraph(&content)).collect::<String>()
}

/// Returns every option of a command, under the headings of its help.
pub(super) fn options(command: &Command) -> String {
    let (values, named): (Vec<&Arg>, Vec<&Arg>) = command.get_arguments().partition(|arg| arg.is_positional());
    let own = named.iter().filter(|arg| arg.get_help_heading().is_none());
    let mut source: String = values.iter().chain(own).map(|arg| option(arg)).collect();
    let mut headings: Vec<&str> = named.iter().filter_map(|arg| arg.get_help_heading()).collect();
    headings.sort_by_key(|heading| *heading == GLOBAL);
    headings.dedup();
    for heading in headings {
        source += &subsection(heading);
        let options = named.iter().filter(|arg| arg.get_help_heading() == Some(heading));
        source.extend(options.map(|arg| option(arg)));
    }
    source
}

/// Returns every subcommand with its arguments and its summary.
pub(super) fn commands(program: &Command) -> String {
    let mut source = String::new();
    for command in program.get_subcommands() {
        let name = command.get_name();
        let words: Vec<String> = [bold(name)].into_iter().chain(command.get_positionals().map(synopsis_word)).collect();
        source += &item_with(&words.join(" "), &format!("{}. See wgstat-{name}(1).", about(command)));
    }
    source
}

/// Returns the names of the subcommands' pages, for the SEE ALSO section.
pub(super) fn see_commands(program: &Command) -> String {
    let pages: Vec<String> =
        program.get_subcommands().map(|command| format!("wgstat-{}(1),", command.get_name())).collect();
    text(&pages.join(" "))
}

/// Returns a text with a full stop, which help texts go without.
pub(super) fn sentence(text: &str) -> String {
    if text.ends_with(['.', '?', '!']) { text.to_owned() } else { format!("{text}.") }
}

/// Returns the summary of a command.
fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

fn is_global(arg: &Arg) -> bool {
    arg.get_help_heading() == Some(GLOBAL)
}

/// Returns whether it is `--help` or `--version`, which are not part of a synopsis.
fn is_help(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version)
}

/// Returns an argument as synopses show it: `[--interval INTERVAL]`.
fn synopsis_word(arg: &Arg) -> String {
    let value = value_name(arg).map(|value| italic(&value));
    let flag = arg.get_long().map(|long| bold(&format!("--{long}")));
    let word = flag.into_iter().chain(value).collect::<Vec<_>>().join(" ");
    let word = if arg.is_required_set() { word } else { format!("[{word}]") };
    if matches!(arg.get_action(), ArgAction::Append) { word + MORE } else { word }
}

/// Returns the placeholder of an argument's value; `None` if it takes none.
fn value_name(arg: &Arg) -> Option<String> {
    if !arg.get_num_args().is_some_and(|number| number.takes_values()) {
        return None;
    }
    let names = arg.get_value_names().unwrap_or_default();
    Some(names.iter().map(clap::builder::Str::as_str).collect::<Vec<_>>().join(" "))
}

/// Returns an option's entry: its flags, its help, its default and its possible values.
fn option(arg: &Arg) -> String {
    let short = arg.get_short().map(|short| bold(&format!("-{short}")));
    let flags: Vec<String> = short.into_iter().chain(arg.get_long().map(|long| bold(&format!("--{long}")))).collect();
    let value = value_name(arg);
    let words = [Some(flags.join(", ")).filter(|flags| !flags.is_empty()), value.as_deref().map(italic)];
    let term = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let help = match arg.get_action() {
        ArgAction::Help => "Print help: a summary with -h, the full text with --help".to_owned(),
        ArgAction::Version => "Print the version".to_owned(),
        _ => arg.get_help().map(ToString::to_string).unwrap_or_default(),
    };
    let defaults = arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned());
    // The help text states defaults that clap does not know.
    let (help, default) = match help.split_once(" [default: ") {
        Some((help, default)) => (help.to_owned(), default.trim_end_matches(']').to_owned()),
        None => (help, defaults.collect::<Vec<_>>().join(" ")),
    };
    let mut description = sentence(&help);
    if value.is_some() && !default.is_empty() {
        description.extend([" Default: ", &default, "."]);
    }
    let mut source = item_with(&term, &description);
    let choices = arg.get_possible_values();
    if value.is_some() && !choices.is_empty() {
        let help_of = |help: Option<&clap::builder::StyledStr>| help.map(ToString::to_string).unwrap_or_default();
        let choices = choices.iter().map(|choice| item(choice.get_name(), &sentence(&help_of(choice.get_help()))));
        source.extend([".RS\n", &choices.collect::<String>(), ".RE\n"]);
    }
    source
}
