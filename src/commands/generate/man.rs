//! Generates the man pages from the templates in the directory `man` next to this file.
//!
//! A template is man(7) source with placeholders such as `@OPTIONS@` for everything that the program knows itself: options,
//! counters, errors, findings, metrics, limits.

mod metrics;
mod options;
mod roff;
mod tables;

use std::io;

use clap::{Command, CommandFactory as _};

use crate::cli::Cli;
use crate::http;
use crate::model::Backend;
use crate::render::lines::WIDE;
use crate::render::prometheus::Compat;

/// The file name of each page and its template.
const TEMPLATES: [(&str, &str); 9] = [
    ("wgstat.1", include_str!("man/wgstat.1.in")),
    ("wgstat-status.1", include_str!("man/wgstat-status.1.in")),
    ("wgstat-stats.1", include_str!("man/wgstat-stats.1.in")),
    ("wgstat-watch.1", include_str!("man/wgstat-watch.1.in")),
    ("wgstat-check.1", include_str!("man/wgstat-check.1.in")),
    ("wgstat-export-metrics.1", include_str!("man/wgstat-export-metrics.1.in")),
    ("wgstat-serve.1", include_str!("man/wgstat-serve.1.in")),
    ("wgstat-generate.1", include_str!("man/wgstat-generate.1.in")),
    ("wgstat.toml.5", include_str!("man/wgstat.toml.5.in")),
];

/// Returns the file name and the content of every page.
///
/// # Errors
/// Returns an error if a template has an unknown placeholder, or a metrics renderer fails.
pub(super) fn pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    let program = program();
    let page = |(name, template): &(&str, &str)| {
        let command = command(&program, name);
        let text = fill(template, |placeholder| value(placeholder, &program, command))?;
        Ok(((*name).to_owned(), text.into_bytes()))
    };
    TEMPLATES.iter().map(page).collect()
}

/// Returns the definition of the command line, with all subcommands.
fn program() -> Command {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    program
}

/// Returns the command that a page describes; the program itself if the page describes none.
fn command<'a>(program: &'a Command, page: &str) -> &'a Command {
    program.get_subcommands().find(|command| page == page_of(command)).unwrap_or(program)
}

/// Returns the file name of a subcommand's page.
fn page_of(command: &Command) -> String {
    format!("wgstat-{}.1", command.get_name())
}

/// Replaces every `@NAME@` of a template.
fn fill(template: &str, value: impl Fn(&str) -> io::Result<String>) -> io::Result<String> {
    let mut text = String::new();
    // Parts alternate between source and placeholders: the templates contain no other `@`.
    for (index, part) in template.split('@').enumerate() {
        if index % 2 == 0 {
            text.push_str(part);
        } else {
            text.push_str(value(part)?.trim_end());
        }
    }
    Ok(text)
}

/// Returns what stands for a placeholder.
fn value(placeholder: &str, program: &Command, command: &Command) -> io::Result<String> {
    Ok(match placeholder {
        "VERSION" => env!("CARGO_PKG_VERSION").to_owned(),
        "NAME" => options::name(command),
        "SYNOPSIS" => options::synopsis(command),
        "DESCRIPTION" => options::description(command),
        "OPTIONS" => options::options(command),
        "COMMANDS" => options::commands(program),
        "SEE_COMMANDS" => options::see_commands(program),
        "ERRORS" => tables::errors(),
        "COUNTERS_KERNEL" => tables::counters(Backend::Kernel),
        "COUNTERS_USERSPACE" => tables::counters(Backend::Userspace),
        "BLIND_SPOTS_KERNEL" => tables::blind_spots(Backend::Kernel),
        "BLIND_SPOTS_USERSPACE" => tables::blind_spots(Backend::Userspace),
        "RULES" => tables::rules(),
        "CONFIG" => tables::config_keys(),
        "CONFIG_EXAMPLE" => tables::config_example(),
        "KEYS" => tables::live_view_keys(),
        "PATHS" => tables::items(&crate::commands::serve::PATHS),
        "REFUSALS" => tables::items(&http::REFUSAL_REASONS),
        "METRICS" => metrics::families_of_network()?,
        "METRICS_MINDFLAVOR" => metrics::families_of_compat(Compat::Mindflavor)?,
        "METRICS_MDLAYHER" => metrics::families_of_compat(Compat::Mdlayher)?,
        "METRICS_SERVER" => metrics::families_of_server()?,
        "WIDE" => WIDE.to_string(),
        "MAX_CONNECTIONS" => http::DEFAULT_MAX_CONNECTIONS.to_string(),
        "MAX_HEADER_KIB" => (http::MAX_HEADER_BYTES / 1024).to_string(),
        "MAX_HEADER_FIELDS" => http::MAX_HEADER_FIELDS.to_string(),
        "HEADER_TIMEOUT" => http::HEADER_TIMEOUT.as_secs().to_string(),
        "IDLE_TIMEOUT" => http::IDLE_TIMEOUT.as_secs().to_string(),
        "WRITE_TIMEOUT" => http::WRITE_TIMEOUT.as_secs().to_string(),
        "SHUTDOWN_TIMEOUT" => http::SHUTDOWN_TIMEOUT.as_secs().to_string(),
        unknown => return Err(io::Error::other(format!("unknown placeholder @{unknown}@"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_template_with_its_sections() {
        for command in program().get_subcommands() {
            let page = page_of(command);
            let template = TEMPLATES.iter().find(|(name, _)| *name == page);
            let (_, text) = template.unwrap_or_else(|| panic!("{page}.in is missing, or not in TEMPLATES"));
            for section in ["SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "EXIT STATUS", "SEE ALSO"] {
                assert!(text.contains(&format!("\n.SH {section}\n")), "{page}.in has no section {section}");
            }
        }
    }

    #[test]
    fn placeholder_is_replaced_within_a_line() {
        let value = |name: &str| if name == "N" { Ok("7\n".to_owned()) } else { Err(io::Error::other("unknown")) };
        assert_eq!(fill("a @N@ b\n@N@\n", value).unwrap(), "a 7 b\n7\n");
        assert!(fill("@M@", value).is_err());
    }
}
