//! `check`: what is wrong, why, and what to type.

use std::io::{self, Write};

use super::Report;
use super::human::{Style, Tone, grouped, paragraph};
use crate::findings::counters::counted_nowhere;
use crate::findings::{Finding, Severity, Verdict, hides_trouble, in_netns, is_silent, seconds as elapsed};
use crate::model::{Network, Problem, qualified_name};

/// What a check came to.
#[derive(Debug, Clone, Copy)]
pub struct Checked<'a> {
    /// What was read and found.
    pub report: Report<'a>,
    /// All of it in a word.
    pub verdict: Verdict,
    /// Seconds between the two looks that were compared.
    pub seconds: Option<f64>,
}

/// A thing that no counter shows, of a network that is in touch with no peer.
pub(super) struct Unexplained<'a> {
    pub(super) network: &'a Network,
    pub(super) what: &'static str,
    pub(super) look: String,
}

impl Checked<'_> {
    /// What is counted nowhere, for the networks that nothing explains.
    pub(super) fn blind(&self) -> Vec<Unexplained<'_>> {
        let Report { snapshot, findings, .. } = self.report;
        let silent = snapshot.networks.iter().filter(|network| is_silent(network, findings, snapshot.timestamp));
        silent
            .flat_map(|network| {
                counted_nowhere(network.backend).iter().map(move |unseen| Unexplained {
                    network,
                    what: unseen.what,
                    look: match network.netns.as_ref().and_then(|netns| snapshot.exec_prefixes.get(netns)) {
                        Some(enter) => in_netns(&filled(unseen.look, network), enter),
                        None => filled(unseen.look, network),
                    },
                })
            })
            .collect()
    }

    /// What was looked at, and how it is.
    pub(super) fn all_in_all(&self) -> String {
        let snapshot = self.report.snapshot;
        let peers = snapshot.networks.iter().flat_map(|network| network.peers.iter().flatten());
        let (online, all) = peers.fold((0_u64, 0_u64), |(online, all), peer| {
            (online + u64::from(peer.is_online(snapshot.timestamp)), all + 1)
        });
        let what = match snapshot.networks.as_slice() {
            [one] => one.qualified_name(),
            several => format!("{} interfaces", grouped(several.len() as u64)),
        };
        let time = self.seconds.map_or_else(
            || "at one look: what needs time was not judged".to_owned(),
            |seconds| format!("over {}", elapsed(seconds)),
        );
        let known = snapshot.networks.iter().any(|network| network.peers.is_some());
        let peers =
            if known { format!("{} of {} peers online, ", grouped(online), grouped(all)) } else { String::new() };
        format!("{what}: {peers}nothing wrong {time}")
    }

    /// Why not all is known.
    pub(super) fn not_seen(&self) -> String {
        let problems: Vec<&Problem> =
            self.report.snapshot.problems.iter().filter(|problem| hides_trouble(problem)).collect();
        match problems.as_slice() {
            [] => String::new(),
            [one] => one.message.clone(),
            [one, more @ ..] => format!("{}, and {} more", one.message, more.len()),
        }
    }
}

fn filled(look: &str, network: &Network) -> String {
    let mut look = look.replace("INTERFACE", &network.interface.shell_word());
    if let Some(port) = network.listen_port.filter(|&port| port != 0) {
        look = look.replace("PORT", &port.to_string());
    }
    if let Some(endpoint) = network.peers.iter().flatten().find_map(|peer| peer.endpoint) {
        look = look.replace("ENDPOINT", &endpoint.ip().to_string());
    }
    match network.fwmark {
        Some(0) => look.replace(" mark FWMARK", ""),
        Some(mark) => look.replace("FWMARK", &format!("{mark:#x}")),
        None => look,
    }
}

/// Writes every finding: one line each where it is read by a program, a paragraph where it is read on a terminal.
///
/// # Errors
/// As the writer.
pub fn write(out: &mut dyn Write, style: &Style, checked: &Checked<'_>) -> io::Result<()> {
    match checked.verdict {
        Verdict::Ok => writeln!(out, "{}: {}", style.paint(Tone::Good, "OK"), style.outside(&checked.all_in_all()))?,
        Verdict::Unknown => {
            writeln!(out, "{}: {}", style.paint(Tone::Bad, "UNKNOWN"), style.outside(&checked.not_seen()))?;
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
                "{}: {}: {}: {}. Cause: {}. See: {}. Remedy: {}",
                word(finding.severity),
                qualified_name(&finding.interface, finding.netns.as_deref()),
                finding.id,
                finding.summary,
                finding.cause,
                finding.manual(),
                finding.remedy
            );
            writeln!(out, "{}", style.outside(&line))?;
        }
    }
    write_blind(out, style, checked)
}

const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "INFO",
        Severity::Warning => "WARNING",
        Severity::Critical => "CRITICAL",
    }
}

fn write_paragraph(out: &mut dyn Write, style: &Style, finding: &Finding) -> io::Result<()> {
    let tone = if finding.severity > Severity::Info { Tone::Bad } else { Tone::Bold };
    writeln!(
        out,
        "{} {} {}",
        style.paint(tone, word(finding.severity)),
        style.paint(Tone::Bold, &style.outside(&qualified_name(&finding.interface, finding.netns.as_deref()))),
        finding.id
    )?;
    paragraph(out, style, 2, Tone::Plain, &style.outside(&format!("{}.", finding.summary)))?;
    paragraph(out, style, 2, Tone::Plain, &format!("Cause: {}.", finding.cause))?;
    // A command that is broken into lines cannot be copied.
    let (command, comment) = finding.remedy.split_once("# ").unwrap_or((&finding.remedy, ""));
    if !command.trim().is_empty() {
        writeln!(out, "  $ {}", style.paint(Tone::Bold, &style.outside(command.trim())))?;
    }
    if !comment.is_empty() {
        paragraph(out, style, 4, Tone::Plain, &style.outside(&format!("# {comment}")))?;
    }
    paragraph(out, style, 2, Tone::Dim, &format!("More: {}", finding.manual()))
}

fn write_blind(out: &mut dyn Write, style: &Style, checked: &Checked<'_>) -> io::Result<()> {
    let blind = checked.blind();
    let mut last = None;
    for Unexplained { network, what, look } in &blind {
        if last != Some(*network) {
            last = Some(*network);
            let text = format!(
                "{}: no peer is in touch, and no counter tells why; it may just be idle. Counted nowhere, and how to look:",
                network.qualified_name()
            );
            if style.width.is_some() {
                paragraph(out, style, 0, Tone::Plain, &style.outside(&text))?;
            } else {
                writeln!(out, "{text}")?;
            }
        }
        if style.width.is_some() {
            paragraph(out, style, 2, Tone::Plain, &format!("- {what}:"))?;
            writeln!(out, "    $ {}", style.outside(look))?;
        } else {
            writeln!(out, "  {what}: {look}")?;
        }
    }
    Ok(())
}
