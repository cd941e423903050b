//! What the page of `watch` has beside the options.

use super::{Page, errors};
use crate::render::lines::WIDE;

pub(super) fn sections(page: &mut Page) {
    #[cfg(feature = "tui")]
    keys(page);
    columns(page);
    events(page);
    signals(page);
    exit_status(page);
    page.examples(&[
        ("Live, if it is on a terminal:", "wgstat watch"),
        ("One interface, in lines for a log, ten seconds apart:", "wgstat watch wg0 --interval 10s | cat"),
        (
            "A line for everything that happens, and nothing else:",
            "wgstat watch --json | jq --unbuffered -r 'select(.interface)\n    \
             | [.type, .network, (.peer | .name // .public_key // empty)]\n    \
             | join(\" \")'",
        ),
    ]);
    page.see_also("wgstat(1), wgstat-check(1), wgstat-serve(1), wgstat.toml(5), wg(8), ip-monitor(8)");
}

#[cfg(feature = "tui")]
fn keys(page: &mut Page) {
    page.section("KEYS").text(
        "Of the live view, which is drawn on a terminal. Rates of peers, and what was exchanged with them, are in bytes with prefixes \
         of 1024, or in bits with prefixes of 1000. In a graph the newest tick stands at the right, and a dot is a tick of which \
         nothing is known.",
    );
    for key in crate::tui::KEYS {
        page.item(key.keys, key.action);
    }
}

fn columns(page: &mut Page) {
    page.section("COLUMNS").text(
        "Of the lines, which are written where there is no terminal to draw on: standard output or input is none, or TERM is \
         \"dumb\", empty or not set. Columns stay where they are; a heading stands above the first line and then above every 22, and where a longer name came. \
         \"-\" is not known: a rate at the first tick, after the counters started anew or the machine slept, and the peers of an \
         interface where they could not be read.",
    );
    page.item("TIME", "When the counters were read, in UTC. Where there are few columns the date is left out.");
    page.item("INTERFACE", "Its name; with --netns behind the namespace's, as NAMESPACE/INTERFACE.");
    page.item("RX, TX", "Bytes per second that this host received and sent, over the time since the tick before.");
    page.item("RX PKT/s, TX PKT/s", "Packets per second.");
    page.item("RX ERR/s, TX ERR/s, RX DRP/s, TX DRP/s", "Errors and drops per second.");
    page.item(
        "ERR/s, DRP/s",
        &format!(
            "Those of both directions in one, and no packets, on a terminal of fewer than {WIDE} columns, or with COLUMNS set to fewer."
        ),
    );
    page.item("ONLINE", "Peers with a handshake within the last 180 seconds, of all.");
    page.paragraph(
        "Events, and what could not be read, are told on standard error; the latter once, for as long as it lasts. Each tick is \
         written as a whole before the next is waited for, also into a pipe.",
    );
}

/// One paragraph for each of `What`'s names; a test compares them with the schema.
fn events(page: &mut Page) {
    page.section("EVENTS").text(
        "With --json each is a document of one line, between those of the ticks. All have these keys: type, schema_version, \
         timestamp (seconds since the Unix epoch), netns, interface, ifindex, network (its friendly name, else the interface's), \
         previous_interface, peer (with name and public_key), endpoint, previous_endpoint and finding. Those that an event does \
         not fill are null. Nothing is an event at the first look, and what cannot be seen neither went nor is over. A tick at which \
         nothing could be read is a document with the one key error (code and message), and no sample.",
    );
    for (name, text) in [
        (
            "interface_added",
            "An interface is there that was not, or that was made anew. At once, unless --netns is given.",
        ),
        ("interface_removed", "It is no longer there. At once, unless --netns is given."),
        (
            "interface_renamed",
            "It has another name; previous_interface is the one it had. At once, unless --netns is given.",
        ),
        ("counter_reset", "Counters started anew: the interface's, or, with peer, those of one peer."),
        ("peer_online", "The last handshake of peer is at most 180 seconds old, and was older or none before."),
        ("peer_offline", "The last handshake of peer is older than that, or the peer was removed while it was online."),
        (
            "endpoint_changed",
            "The peer is reached at endpoint, and was at previous_endpoint: it roamed, or was configured anew. Either is null \
             where there was none.",
        ),
        ("finding_raised", "Something is wrong: finding is as wgstat check shows it, see wgstat-check(1)."),
        (
            "finding_cleared",
            "It is no longer wrong; finding is as it was last. Findings that need time are judged over the last 30 to 46 seconds, \
             or over one longer interval, so they stay for that long after their cause.",
        ),
    ] {
        page.item(name, text);
    }
}

fn signals(page: &mut Page) {
    page.section("SIGNALS").text(
        "Where lines or documents are written, SIGINT, SIGTERM and SIGHUP end it, and its exit status says so. Ticks that were \
         missed while it was stopped or the machine slept are left out; those after stay at the pace of those before.",
    );
}

fn exit_status(page: &mut Page) {
    page.section("EXIT STATUS");
    page.item("0", "It was left, --count was reached, or the reader of the output went away, also between two ticks.");
    page.item(
        "1",
        "An interface that was named was not there at the start, or nothing could be read then; or, with --strict, not all could be \
         read at the last tick.",
    );
    page.item("2", "Wrong usage.");
    errors(page);
}
