//! Generates the shell completions: `clap_complete` writes the options, and a function per shell completes names.

use std::io;

use clap::{Arg, Command, CommandFactory as _, ValueHint};
use clap_complete::Shell;

use crate::cli::Cli;

/// Marks an interface name. clap has no such hint: the shell code that `clap_complete` writes for this one is replaced.
const INTERFACE: ValueHint = ValueHint::Hostname;
/// Marks the name of a network namespace, in the same way.
const NAMESPACE: ValueHint = ValueHint::Username;

/// Returns the completions of all shells, under the file names that the shells expect.
///
/// # Errors
/// Returns an error if the output of `clap_complete` lacks the text that is to be replaced.
pub(super) fn files() -> io::Result<Vec<(String, Vec<u8>)>> {
    let command = hinted();
    let commands = |separator| interface_commands(&command).join(separator);
    let generated = |shell| {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut command.clone(), "wgstat", &mut text);
        // Shells show help texts as they are, without Markdown.
        String::from_utf8_lossy(&text).replace("\\`", "").replace('`', "")
    };
    let bash = include_str!("completions/names.bash")
        .replace("@COMMANDS@", &commands("|"))
        .replace("@OPTIONS@", &other_options(&command).join("|"))
        + &replaced(&generated(Shell::Bash), "complete -F _wgstat -o", "complete -F _wgstat_with_names -o")?;
    let zsh = replaced(&generated(Shell::Zsh), ":_hosts'", ":_wgstat_interfaces'")?;
    let zsh = replaced(&zsh, ":_users'", ":_wgstat_namespaces'")?;
    let head = "#compdef wgstat\n\n";
    let zsh = replaced(&zsh, head, &[head, include_str!("completions/names.zsh")].concat())?;
    let fish = replaced(&generated(Shell::Fish), "(__fish_print_hostnames)", "(__fish_wgstat_interfaces)")?;
    let fish = replaced(&fish, "(__fish_complete_users)", "(__fish_wgstat_namespaces)")?
        + &include_str!("completions/names.fish").replace("@COMMANDS@", &commands(" "));
    Ok([("wgstat.bash", bash), ("_wgstat", zsh), ("wgstat.fish", fish)]
        .map(|(name, text)| (name.to_owned(), text.into_bytes()))
        .into())
}

/// Replaces text that has to be there. Otherwise a new version of `clap_complete` could drop the names unnoticed.
fn replaced(text: &str, from: &str, to: &str) -> io::Result<String> {
    if text.contains(from) {
        return Ok(text.replace(from, to));
    }
    Err(io::Error::other(format!("the output of clap_complete does not contain \"{}\"", from.trim())))
}

/// Returns the command line with a hint for every value.
fn hinted() -> Command {
    let mut command = Cli::command();
    command.build();
    command.mut_args(hint).mut_subcommands(|command| command.mut_args(hint))
}

/// Adds the hint for the value of an argument.
fn hint(arg: Arg) -> Arg {
    let hint = match (arg.get_id().as_str(), arg.get_value_hint()) {
        ("interface" | "interfaces" | "exclude", _) => INTERFACE,
        ("netns", _) => NAMESPACE,
        // Numbers and intervals are not file names.
        (_, ValueHint::Unknown) if takes_value(&arg) => ValueHint::Other,
        (_, hint) => hint,
    };
    arg.value_hint(hint)
}

/// Returns whether an argument takes a value.
fn takes_value(arg: &Arg) -> bool {
    arg.get_num_args().is_some_and(|number| number.takes_values())
}

/// Returns the names of the commands that take interfaces.
fn interface_commands(command: &Command) -> Vec<&str> {
    let takes_interface = |command: &&Command| command.get_positionals().any(|arg| arg.get_value_hint() == INTERFACE);
    command.get_subcommands().filter(takes_interface).map(Command::get_name).collect()
}

/// Returns the options whose value is neither an interface nor a namespace.
fn other_options(command: &Command) -> Vec<String> {
    let commands = std::iter::once(command).chain(command.get_subcommands());
    let mut options: Vec<String> = commands
        .flat_map(Command::get_opts)
        .filter(|arg| takes_value(arg) && ![INTERFACE, NAMESPACE].contains(&arg.get_value_hint()))
        .filter_map(|arg| Some(format!("--{}", arg.get_long()?)))
        .collect();
    options.sort_unstable();
    options.dedup();
    options
}
