//! Writes the output of `-v`: the origins of names, and the access of wgstat to the system.

use std::io::{self, Write};

use super::format::{Style, Tone, grouped, paragraph};
use crate::model::{AccessNote, NameOrigin, NameReport, printable};

/// Writes the origins of names, and names that match no interface or peer.
///
/// # Errors
/// Returns the errors of the writer.
pub fn origins(out: &mut dyn Write, style: &Style, origins: &NameReport) -> io::Result<()> {
    let heading = |text| style.paint(Tone::Bold, text);
    writeln!(out, "\n{}", heading("Names"))?;
    if origins.assigned.is_empty() {
        let text = "No names: the configuration, /etc/wireguard/*.conf and the .netdev files of systemd-networkd name no \
                    network or peer of this host, and no link has an alias.";
        paragraph(out, style, 2, Tone::Dim, text)?;
    }
    write_names(out, style, &origins.assigned)?;
    if !origins.unmatched.is_empty() {
        writeln!(out, "\n{}", heading("Names that match no interface or peer"))?;
        write_names(out, style, &origins.unmatched)?;
    }
    if !origins.files.is_empty() {
        writeln!(out, "\n{}", heading("Files read for names"))?;
        for (path, used) in &origins.files {
            let names =
                if *used == 1 { "1 name used".to_owned() } else { format!("{} names used", grouped(*used as u64)) };
            writeln!(out, "  {}: {names}", style.escape(&path.to_string_lossy()))?;
        }
    }
    if !origins.warnings.is_empty() {
        writeln!(out, "\n{}", heading("Warnings"))?;
        for warning in &origins.warnings {
            writeln!(out, "  {}", style.escape(warning))?;
        }
    }
    Ok(())
}

/// Writes names with their owners and origins.
fn write_names(out: &mut dyn Write, style: &Style, names: &[NameOrigin]) -> io::Result<()> {
    for name in names {
        let owner = match (&name.qualified_name, name.peer) {
            (Some(qualified_name), Some(key)) => format!("{qualified_name} peer {key}"),
            (None, Some(key)) => format!("peer {key}"),
            (Some(qualified_name), None) => qualified_name.clone(),
            (None, None) => String::new(),
        };
        writeln!(
            out,
            "  {}: {}  ({})",
            style.escape(&owner),
            style.escape(&printable(&name.name)),
            style.escape(&name.source)
        )?;
    }
    Ok(())
}

/// Writes what wgstat has access to.
///
/// # Errors
/// Returns the errors of the writer.
pub fn access(out: &mut dyn Write, style: &Style, notes: &[AccessNote]) -> io::Result<()> {
    writeln!(out, "\n{}", style.paint(Tone::Bold, "Access"))?;
    for note in notes {
        paragraph(out, style, 2, Tone::Plain, &style.escape(&format!("{}: {}.", note.topic, note.text)))?;
        if let Some(hint) = &note.hint {
            paragraph(out, style, 4, Tone::Dim, &style.escape(&format!("Fix: {hint}.")))?;
        }
    }
    Ok(())
}
