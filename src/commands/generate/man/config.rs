//! The page of the configuration file: what its table of keys knows.

use std::io;

use super::Page;
use super::page::Title;
use crate::config::{DEFAULT, keys};

pub(super) fn page() -> io::Result<Vec<u8>> {
    let about = "names, expectations and limits for wgstat(1)";
    let mut page = Page::new(&Title { name: "wgstat.toml", section: "5", about });
    page.section("SYNOPSIS").text(&format!("`{DEFAULT}`")).paragraph("`wgstat --config` FILE");
    page.section("DESCRIPTION")
        .text(
            "What you know of your networks and the kernel does not. The file is TOML, in UTF-8, of at most 16 MiB. It need not \
             be there, and everything in it may be left out. It is read anew at each run of status, stats, watch, check and \
             export-metrics, and by serve at its start and when it is told to; so whoever runs these must be able to read it; with \
             `--config /dev/null` they go without.",
        )
        .paragraph("`wgstat generate config` prints a file to start from, with every key in it and all of it commented out.");
    tables(&mut page);
    example(&mut page);
    errors(&mut page);
    page.section("FILES").item(DEFAULT, "Read unless --config names another one.");
    page.see_also("wgstat(1), wgstat-check(1), wgstat-serve(1), wgstat-generate(1), wg(8), wg-quick(8)");
    page.into_bytes()
}

fn tables(page: &mut Page) {
    page.section("KEYS");
    for table in keys::TABLES {
        page.subsection(&format!("[{}]", table.path())).text(table.meaning);
        for key in table.keys {
            page.item(key.name, &format!("{} It is {}.", key.meaning, key.kind));
        }
    }
}

fn example(page: &mut Page) {
    let mut lines = Vec::new();
    for table in keys::TABLES {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(table.example.to_owned());
        lines.extend(table.keys.iter().map(keys::Key::line));
    }
    page.section("EXAMPLE").text("Every key, with a value that it may have:");
    page.code(lines.iter().map(String::as_str));
}

fn errors(page: &mut Page) {
    page.section("ERRORS")
        .text(
            "A file that is there and cannot be read, or says something that is not in this page, is an error: CONFIG_INVALID, \
             with nothing looked at, exit code 1, or 3 with check. The message names the file, the line and the key, the hint \
             below it what would be right:",
        )
        .code([
            "wgstat: /etc/wgstat.toml:3: networks.wg0.nmae: no such key",
            "hint: did you mean name? (known: name, id)",
        ])
        .paragraph(
            "Only the first error is told. A text that could be a private key is not shown, but for the first characters of one \
             that stands as the key of a table.",
        );
}
