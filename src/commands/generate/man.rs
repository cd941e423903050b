//! The manual pages: what clap knows of the commands, what the tables know of counters, errors, findings and metrics, and for
//! each page what is written by hand.

mod check;
mod config;
mod generate;
mod metrics;
mod options;
mod page;
mod serve;
mod short;
mod watch;
mod wgstat;

use std::io;

use clap::CommandFactory as _;

use self::page::{Page, Title};
use crate::cli::Cli;

pub(super) fn pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = vec![("wgstat.1".to_owned(), wgstat::page(&command)?)];
    for subcommand in command.get_subcommands() {
        let name = format!("wgstat-{}", subcommand.get_name());
        let about = subcommand.get_about().map(ToString::to_string).unwrap_or_default();
        let mut page = Page::new(&Title { name: &name, section: "1", about: &about });
        options::synopsis(&mut page, &format!("wgstat {}", subcommand.get_name()), subcommand);
        options::description(&mut page, subcommand);
        options::options(&mut page, subcommand);
        match subcommand.get_name() {
            "status" => short::status(&mut page),
            "stats" => short::stats(&mut page),
            "watch" => watch::sections(&mut page),
            "check" => check::sections(&mut page),
            "export-metrics" => metrics::sections(&mut page)?,
            "serve" => serve::sections(&mut page)?,
            _ => generate::sections(&mut page),
        }
        pages.push((format!("{name}.1"), page.into_bytes()?));
    }
    pages.push(("wgstat.toml.5".to_owned(), config::page()?));
    Ok(pages)
}

/// Most commands end in the same ways.
fn exit_status(page: &mut Page, failed: &str) {
    page.section("EXIT STATUS").item("0", "Done.").item("1", failed).item("2", "Wrong usage.");
    errors(page);
}

fn errors(page: &mut Page) {
    page.paragraph("What went wrong is told on standard error, with --json by a code too: see ERRORS in wgstat(1).");
}
