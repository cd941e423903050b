//! Writes the output of `check`: every finding with its cause and its fix.

use std::io::{self, Write};

use super::Report;
use super::format::{Style, Tone, grouped, paragraph};
use crate::findings::counters::blind_spots;
use crate::findings::{Finding, Severity, Verdict, hides_trouble, in_netns, is_silent, seconds as duration};
use crate::model::{Network, Problem, qualified_name};

/// The result of a check.
#[derive(Debug, Clone, Copy)]
pub struct Checked<'a> {
    /// The samples and the findings.
    pub report: Report<'a>,
    /// The status.
    pub verdict: Verdict,
    /// Seconds between the two samples that were compared; `None` after one sample.
    pub seconds: Option<f64>,
}

/// A fault that no counter shows, on a network without an online peer.
pub(super) struct Unexplained<'a> {
    pub(super) network: &'a Network,
    pub(super) fault: &'static str,
    /// The command that shows it, with the values of this network.
    pub(super) command: String,
}

impl Checked<'_> {
    /// Returns the blind spots of each network without an online peer and without a finding that explains it.
    pub(super) fn unexplained(&self) -> Vec<Unexplained<'_>> {
        let Report { snapshot, findings, .. } = self.report;
        let silent = snapshot.networks.iter().filter(|network| is_silent(network, findings, snapshot.timestamp));
        silent
            .flat_map(|network| {
                blind_spots(network.backend).iter().map(move |spot| Unexplained {
                    network,
                    fault: spot.fault,
                    command: match network.netns.as_ref().and_then(|netns| snapshot.exec_prefixes.get(netns)) {
                        Some(prefix) => in_netns(&fill_command(spot.command, network), prefix),
                        None => fill_command(spot.command, network),
                    },
                })
            })
            .collect()
    }

    /// Returns one line for the status OK: what was checked.
    pub(super) fn ok_summary(&self) -> String {
        let snapshot = self.report.snapshot;
        let peers = snapshot.networks.iter().flat_map(|network| network.peers.iter().flatten());
        let (online, all) = peers.fold((0_u64, 0_u64), |(online, all), peer| {
            (online + u64::from(peer.is_online(snapshot.timestamp)), all + 1)
        });
        let interfaces = match snapshot.networks.as_slice() {
            [one] => one.qualified_name(),
            several => format!("{} interfaces", grouped(several.len() as u64)),
        };
        let period = self.seconds.map_or_else(
            || "in one sample (rules that need two were skipped)".to_owned(),
            |seconds| format!("in {}", duration(seconds)),
        );
        let known = snapshot.networks.iter().any(|network| network.peers.is_some());
        let peers =
            if known { format!(", {} of {} peers online", grouped(online), grouped(all)) } else { String::new() };
        format!("{interfaces}{peers}: no problems found {period}")
    }

    /// Returns one line for the status UNKNOWN: what could not be read.
    pub(super) fn unknown_summary(&self) -> String {
        let problems: Vec<&Problem> =
            self.report.snapshot.problems.iter().filter(|problem| hides_trouble(problem)).collect();
        match problems.as_slice() {
            [] => String::new(),
            [one] => one.message.clone(),
            [one, more @ ..] => format!("{}, and {} more", one.message, more.len()),
        }
    }
}

/// Fills the network's values into a command.
fn fill_command(command: &str, network: &Network) -> String {
    let mut command = command.replace("INTERFACE", &network.interface.shell_word());
    if let Some(port) = network.listen_port.filter(|&port| port != 0) {
        command = command.replace("PORT", &port.to_string());
    }
    if let Some(endpoint) = network.peers.iter().flatten().find_map(|peer| peer.endpoint) {
        command = command.replace("ENDPOINT", &endpoint.ip().to_string());
    }
    match network.fwmark {
        Some(0) => command.replace(" mark FWMARK", ""),
        Some(mark) => command.replace("FWMARK", &format!("{mark:#x}")),
        None => command,
    }
}

/// Writes every finding: a paragraph each on a terminal, else a line each.
///
/// # Errors
/// Returns the errors of the writer.
pub fn write(out: &mut dyn Write, style: &Style, checked: &Checked<'_>) -> io::Result<()> {
    match checked.verdict {
        Verdict::Ok => writeln!(out, "{}: {}", style.paint(Tone::Good, "OK"), style.escape(&checked.ok_summary()))?,
        Verdict::Unknown => {
            writeln!(out, "{}: {}", style.paint(Tone::Bad, "UNKNOWN"), style.escape(&checked.unknown_summary()))?;
        }
        Verdict::Warning | Verdict::Critical => {}
    }
    for (number, finding) in checked.report.findings.iter().enumerate() {
        if style.width.is_some() {
            if number > 0 {
                writeln!(out)?;
            }
            write_paragraph(out, style, finding)?;
        } else {
            let line = format!(
                "{}: {}: {}: {}. Cause: {}. See also: {}. Fix: {}",
                word(finding.severity),
                qualified_name(&finding.interface, finding.netns.as_deref()),
                finding.id,
                finding.summary,
                finding.cause,
                finding.manual(),
                finding.remedy
            );
            writeln!(out, "{}", style.escape(&line))?;
        }
    }
    write_unexplained(out, style, checked)
}

/// Returns the severity as `check` writes it.
const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "INFO",
        Severity::Warning => "WARNING",
        Severity::Critical => "CRITICAL",
    }
}

/// Writes one finding for a terminal.
fn write_paragraph(out: &mut dyn Write, style: &Style, finding: &Finding) -> io::Result<()> {
    let tone = if finding.severity > Severity::Info { Tone::Bad } else { Tone::Bold };
    writeln!(
        out,
        "{} {} {}",
        style.paint(tone, word(finding.severity)),
        style.paint(Tone::Bold, &style.escape(&qualified_name(&finding.interface, finding.netns.as_deref()))),
        finding.id
    )?;
    paragraph(out, style, 2, Tone::Plain, &style.escape(&format!("{}.", finding.summary)))?;
    paragraph(out, style, 2, Tone::Plain, &format!("Cause: {}.", finding.cause))?;
    // The command stays on one line, so that it can be copied.
    let (command, comment) = finding.remedy.split_once("# ").unwrap_or((&finding.remedy, ""));
    if !command.trim().is_empty() {
        writeln!(out, "  Fix:\n    $ {}", style.paint(Tone::Bold, &style.escape(command.trim())))?;
    }
    if !comment.is_empty() {
        paragraph(out, style, 4, Tone::Plain, &style.escape(&format!("# {comment}")))?;
    }
    paragraph(out, style, 2, Tone::Dim, &format!("See also: {}", finding.manual()))
}

/// Writes the blind spots, network by network.
fn write_unexplained(out: &mut dyn Write, style: &Style, checked: &Checked<'_>) -> io::Result<()> {
    let unexplained = checked.unexplained();
    let mut last = None;
    for Unexplained { network, fault, command } in &unexplained {
        if last != Some(*network) {
            last = Some(*network);
            let text = format!(
                "{}: no peer is online, and no counter shows why; they may just be idle. No counter shows these faults; to check them:",
                network.qualified_name()
            );
            if style.width.is_some() {
                paragraph(out, style, 0, Tone::Plain, &style.escape(&text))?;
            } else {
                writeln!(out, "{text}")?;
            }
        }
        if style.width.is_some() {
            paragraph(out, style, 2, Tone::Plain, &format!("- {fault}:"))?;
            writeln!(out, "    $ {}", style.escape(command))?;
        } else {
            writeln!(out, "  {fault}: {command}")?;
        }
    }
    Ok(())
}
