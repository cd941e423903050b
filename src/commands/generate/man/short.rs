//! What the pages of `status` and `stats` have beside the options.

use super::{Page, exit_status};

pub(super) fn status(page: &mut Page) {
    page.section("OUTPUT").text(
        "For each network its state, what it received and sent, errors and drops since it was created, what is wrong with it, and its \
         peers: those with the latest handshakes first. A peer is online (●) with a handshake within the last 180 seconds. \
         Behind errors and drops that are not 0 stands an exclamation mark. What could not be read, and how to let it, is told \
         on standard error.",
    );
    exit_status(page, "Nothing usable was read; or, with --strict, not all of it.");
    page.examples(&[
        ("Two networks with all their peers, to the last byte:", "wgstat status wg0 wg1 --all --bytes"),
        ("All but some, with where their names come from:", "wgstat status 'wg*' --exclude wg1 -v"),
        (
            "Networks that sent packets which went nowhere, by a script:",
            "wgstat status --json | jq -r '.networks[]\n    | select(.interface_stats.tx_errors > 0) | .interface'",
        ),
        ("In every network namespace, those of containers too:", "sudo wgstat status --netns all"),
    ]);
    page.see_also("wgstat(1), wgstat-stats(1), wgstat-check(1), wgstat.toml(5), wg(8), ip-link(8)");
}

pub(super) fn stats(page: &mut Page) {
    page.section("OUTPUT").text(
        "Counters go by the kernel's names, as in `ip -s -s link`; they count since the interface was created, and what each \
         of them means is in COUNTERS of wgstat(1). Behind those that are not 0 their meaning stands, what they cannot mean, \
         and what to do. Rates are of the time between two looks, and there with --interval only.",
    );
    exit_status(
        page,
        "There is no such WireGuard interface, or it could not be read; or, with --strict, not all of it.",
    );
    page.examples(&[
        ("One interface, and what its counters mean:", "wgstat stats wg0"),
        ("With rates over five seconds, and without the peers:", "wgstat stats wg0 --interval 5s --no-peers"),
        ("One counter, for a script:", "wgstat stats wg0 --json |\n    jq '.networks[0].interface_stats.tx_dropped'"),
    ]);
    page.see_also("wgstat(1), wgstat-status(1), wgstat-check(1), wg(8), ip-link(8)");
}
