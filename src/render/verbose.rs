//! What `-v` adds: where names come from, and what wgstat itself can see.

use std::io::{self, Write};

use super::human::{Style, Tone, grouped, paragraph};
use crate::model::{AccessNote, NameOrigin, NameReport, printable};

/// Writes where names come from, and which are nobody's.
///
/// # Errors
/// As the writer.
pub fn origins(out: &mut dyn Write, style: &Style, origins: &NameReport) -> io::Result<()> {
    let heading = |text| style.paint(Tone::Bold, text);
    writeln!(out, "\n{}", heading("Names"))?;
    if origins.given.is_empty() {
        let text = "Nobody has one: neither the configuration, /etc/wireguard/*.conf nor systemd-networkd's .netdev files \
                    name a network or peer that is here, and no link has an alias.";
        paragraph(out, style, 2, Tone::Dim, text)?;
    }
    write_given(out, style, &origins.given)?;
    if !origins.unmatched.is_empty() {
        writeln!(out, "\n{}", heading("Names that match nobody"))?;
        write_given(out, style, &origins.unmatched)?;
    }
    if !origins.files.is_empty() {
        writeln!(out, "\n{}", heading("Files with names that were read"))?;
        for (path, used) in &origins.files {
            let names = if *used == 1 {
                "1 name is used".to_owned()
            } else {
                format!("{} names are used", grouped(*used as u64))
            };
            writeln!(out, "  {}: {names}", style.outside(&path.to_string_lossy()))?;
        }
    }
    if !origins.odd.is_empty() {
        writeln!(out, "\n{}", heading("What is odd in them"))?;
        for odd in &origins.odd {
            writeln!(out, "  {}", style.outside(odd))?;
        }
    }
    Ok(())
}

fn write_given(out: &mut dyn Write, style: &Style, all: &[NameOrigin]) -> io::Result<()> {
    for given in all {
        let whose = match (&given.qualified_name, given.peer) {
            (Some(qualified_name), Some(key)) => format!("{qualified_name} peer {key}"),
            (None, Some(key)) => format!("peer {key}"),
            (Some(qualified_name), None) => qualified_name.clone(),
            (None, None) => String::new(),
        };
        writeln!(
            out,
            "  {}: {}  ({})",
            style.outside(&whose),
            style.outside(&printable(&given.name)),
            style.outside(&given.remark)
        )?;
    }
    Ok(())
}

/// Writes what wgstat can see.
///
/// # Errors
/// As the writer.
pub fn access(out: &mut dyn Write, style: &Style, facts: &[AccessNote]) -> io::Result<()> {
    writeln!(out, "\n{}", style.paint(Tone::Bold, "What wgstat can see"))?;
    for fact in facts {
        paragraph(out, style, 2, Tone::Plain, &style.outside(&format!("{}: {}.", fact.topic, fact.text)))?;
        if let Some(help) = &fact.help {
            paragraph(out, style, 4, Tone::Dim, &style.outside(&format!("To see more: {help}.")))?;
        }
    }
    Ok(())
}
