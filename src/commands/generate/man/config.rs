//! The page of the configuration file: what its table of keys knows.

use std::io;

use clap_mangen::roff::{Roff, bold, roman};

use super::item;
use crate::config::{DEFAULT, keys};

pub(super) fn page() -> io::Result<Vec<u8>> {
    let mut page = Roff::new();
    // The blank is the date: an empty one would not be written at all.
    page.control("TH", ["wgstat.toml", "5", " ", "wgstat", "wgstat manual"]);
    page.control("SH", ["NAME"]).text([roman("wgstat.toml - names, expectations and limits for wgstat(1)")]);
    page.control("SH", ["SYNOPSIS"]).text([bold(DEFAULT)]);
    page.control("PP", []).text([bold("wgstat --config "), roman("FILE")]);
    page.control("SH", ["DESCRIPTION"]).text([roman(
        "What you know of your networks and the kernel does not. The file is TOML, in UTF-8, of at most 16 MiB. It need not be \
         there, and everything in it may be left out. It is read anew at each run of status, stats, watch, check and \
         export-metrics, and by serve at its start and when it is told to; so whoever runs these must be able to read it; with --config /dev/null they go without.",
    )]);
    page.control("PP", []).text([
        bold("wgstat generate config"),
        roman(" prints a file to start from, with every key in it and all of it commented out."),
    ]);
    tables(&mut page);
    example(&mut page);
    errors(&mut page);
    page.control("SH", ["SEE ALSO"]).text([roman("wgstat(1), wgstat-check(1), wgstat-generate(1), wg(8)")]);
    let mut bytes = Vec::new();
    page.to_writer(&mut bytes)?;
    Ok(bytes)
}

fn tables(page: &mut Roff) {
    page.control("SH", ["KEYS"]);
    for table in keys::TABLES {
        page.control("SS", [format!("[{}]", table.path()).as_str()]).text([roman(table.meaning)]);
        for key in table.keys {
            item(page, key.name, &format!("{} It is {}.", key.meaning, key.kind));
        }
    }
}

fn example(page: &mut Roff) {
    page.control("SH", ["EXAMPLE"]).control("nf", []);
    for (number, table) in keys::TABLES.into_iter().enumerate() {
        if number > 0 {
            page.control("sp", []);
        }
        let lines: Vec<String> = table.keys.iter().map(keys::Key::line).collect();
        for line in [table.example].into_iter().chain(lines.iter().map(String::as_str)) {
            page.text([roman(line)]);
        }
    }
    page.control("fi", []);
}

fn errors(page: &mut Roff) {
    page.control("SH", ["ERRORS"]).text([roman(
        "A file that is there and cannot be read, or says something that is not in this page, is an error: CONFIG_INVALID, \
         with nothing looked at, exit code 1, or 3 with check. The message names the file, the line and the key, the hint below \
         it what would be right:",
    )]);
    page.control("PP", []).control("nf", []);
    page.text([roman("wgstat: /etc/wgstat.toml:3: networks.wg0.nmae: no such key")]);
    page.text([roman("hint: did you mean name? (known: name, id)")]).control("fi", []);
    page.control("PP", [])
        .text([roman("Only the first error is told. A text that could be a private key is not shown, but for the first characters of one that stands as the key of a table.")]);
}
