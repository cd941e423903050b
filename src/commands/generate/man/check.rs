//! What the page of `check` has beside the options.

use super::{Page, errors};
use crate::findings::RuleId;
use crate::findings::counters;
use crate::findings::rules::rule;
use crate::model::Backend;

pub(super) fn sections(page: &mut Page) {
    verdicts(page);
    limits(page);
    state(page);
    page.examples(&[
        ("What is wrong here, and what to type:", "wgstat check"),
        (
            "Is there traffic in one direction only? That takes twenty seconds to tell:",
            "wgstat check wg0 --interval 20s",
        ),
        ("What wgstat itself can see here, and what would help:", "sudo wgstat check -v"),
        (
            "For monitoring, once every five minutes and over all of them, with limits of your own:",
            "wgstat check wg0 --plugin --state /var/lib/wgstat/check.json \\\n    \
             --warn rx_errors=0/s --warn tx_dropped=10/min \\\n    \
             --crit tx_dropped=100/min --warn handshake_age=5m \\\n    \
             --crit peers_online=1",
        ),
        (
            "The ids of all that is worse than information, for a script:",
            "wgstat check --json |\n    jq -r '.findings[] | select(.severity != \"info\") | .id'",
        ),
    ]);
    findings(page);
    counted_nowhere(page);
    page.see_also(
        "wgstat(1), wgstat-stats(1), wgstat-watch(1), wgstat.toml(5), wg(8), ip-link(8), ip-route(8), wg-quick(8)",
    );
}

fn verdicts(page: &mut Page) {
    page.section("EXIT STATUS")
        .text("The worst of what was found, in the order critical, warning, unknown, OK. A broken pipe does not change it.")
        .item("0", "OK: nothing is wrong. Findings that are only information do not count.")
        .item("1", "WARNING: traffic suffers, or a limit of --warn is passed.")
        .item("2", "CRITICAL: a tunnel does not work, a named interface is missing, or a limit of --crit is passed.")
        .item(
            "3",
            "UNKNOWN: there is no WireGuard interface, not all could be read (peers need CAP_NET_ADMIN, unless --no-peers \
             is given), the state could not be kept, or the usage was wrong.",
        );
    errors(page);
}

fn limits(page: &mut Page) {
    page.section("LIMITS")
        .text(
            "--warn and --crit take COUNTER=LIMIT and may be repeated. Each interface is compared for itself; what is \
             passed is the finding \"threshold\". COUNTER is one of the kernel's names, as `wgstat stats` shows them, or one \
             of the two last:",
        )
        .item("rx_errors=100", "More than so many since the interface was created.")
        .item(
            "rx_errors=0/s, tx_dropped=10/min, tx_bytes=1000000/h",
            "Grew faster, over --interval or with --state since the last run.",
        )
        .item(
            "handshake_age=5m",
            "A peer's last handshake is older. A peer that never had one has no age; without keepalive an old one may just \
             be idle.",
        )
        .item("peers_online=3", "Fewer peers had a handshake within the last 180 seconds.")
        .paragraph(
            "The configuration may have limits too: see wgstat.toml(5). Those of a COUNTER that --warn names here are \
             replaced, and likewise with --crit. Those that need peers or two looks are left out where --no-peers or \
             --interval 0 is given.",
        );
}

fn state(page: &mut Page) {
    page.section("STATE").text(
        "With --state FILE the counters are compared with those of the last run, so that a check every five minutes sees all \
         five minutes. The file is replaced as a whole, with mode 0600. Where there is none yet, or it is of another host, of \
         another network namespace, or from before the machine was started, the run looks twice, --interval apart, and begins \
         it anew; so it does where an interface is not in the file, or was created anew since. A run that follows within less \
         than --interval waits for the rest of it. A file that is something else is an error, and left as it is. Traffic in \
         one direction only is told without --state only, over 20 seconds or more: that takes a look in between.",
    );
}

/// Every finding of `check`: what the generated alert rules have beside is about their own conditions.
fn findings(page: &mut Page) {
    page.section("FINDINGS").text(
        "Each by its id. What stands in capitals in a remedy is filled in as far as it is known. A counter of errors or drops \
         that is not 0 is information; it is a warning when it grew.",
    );
    for id in RuleId::ALL {
        let rule = rule(id);
        page.subsection(id.as_str()).text(&format!("`{}`: {}.", id.severity().as_str(), rule.summary));
        page.paragraph(&format!("Cause: {}.", rule.cause));
        let (command, comment) = rule.remedy.split_once("  # ").unwrap_or((rule.remedy, ""));
        page.paragraph(&format!("Remedy: `{command}`"));
        if !comment.is_empty() {
            page.paragraph(&format!("# {comment}"));
        }
    }
}

fn counted_nowhere(page: &mut Page) {
    page.section("COUNTED NOWHERE")
        .text("No counter shows these. They are listed where no peer is in touch and nothing else explains it.");
    for (backend, title) in [(Backend::Kernel, "The kernel's WireGuard"), (Backend::Userspace, "A userspace daemon")] {
        page.subsection(title);
        for spot in counters::blind_spots(backend) {
            page.item(spot.fault, spot.command);
        }
    }
}
