//! Completions: what clap knows, and for each shell a committed function that asks the installed program for names.

use std::io;

use clap::{Arg, Command, CommandFactory as _, ValueHint};
use clap_complete::Shell;

use crate::cli::Cli;

/// Where a name of an interface, or of a network namespace, is expected. clap has no hint for either, and each shell something
/// of its own for these, which stands nowhere else: it is replaced.
const INTERFACE: ValueHint = ValueHint::Hostname;
const NAMESPACE: ValueHint = ValueHint::Username;

/// Under the names that the shells look for.
pub(super) fn files() -> io::Result<Vec<(String, Vec<u8>)>> {
    let command = hinted();
    let commands = |between| takers(&command).join(between);
    let generated = |shell| {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut command.clone(), "wgstat", &mut text);
        // Help texts have them; a shell that shows them would have no use for them.
        String::from_utf8_lossy(&text).replace("\\`", "").replace('`', "")
    };
    let bash = include_str!("completions/names.bash")
        .replace("@COMMANDS@", &commands("|"))
        .replace("@OPTIONS@", &options(&command).join("|"))
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

/// Fails where there is nothing to replace: then `clap_complete` writes something else than it did.
fn replaced(text: &str, from: &str, to: &str) -> io::Result<String> {
    if text.contains(from) {
        return Ok(text.replace(from, to));
    }
    Err(io::Error::other(format!("clap_complete's output has no \"{}\"", from.trim())))
}

/// The program's flags, with what their values are.
fn hinted() -> Command {
    let mut command = Cli::command();
    command.build();
    command.mut_args(hint).mut_subcommands(|command| command.mut_args(hint))
}

fn hint(arg: Arg) -> Arg {
    let hint = match (arg.get_id().as_str(), arg.get_value_hint()) {
        ("interface" | "interfaces" | "exclude", _) => INTERFACE,
        ("netns", _) => NAMESPACE,
        // A number or a time: no file.
        (_, ValueHint::Unknown) if takes_value(&arg) => ValueHint::Other,
        (_, hint) => hint,
    };
    arg.value_hint(hint)
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_num_args().is_some_and(|number| number.takes_values())
}

/// The commands that interfaces are named to.
fn takers(command: &Command) -> Vec<&str> {
    let takes = |command: &&Command| command.get_positionals().any(|arg| arg.get_value_hint() == INTERFACE);
    command.get_subcommands().filter(takes).map(Command::get_name).collect()
}

/// Every option that has a value and is none of ours.
fn options(command: &Command) -> Vec<String> {
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
