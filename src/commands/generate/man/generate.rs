//! What the page of `generate` has beside the options.

use super::{Page, exit_status};

pub(super) fn sections(page: &mut Page) {
    page.section("WHERE THEY GO").text("Packages have what is written in its place already. Without one, by hand:");
    for (what, place) in [
        ("wgstat*.1, wgstat.toml.5", "/usr/local/share/man/man1, /usr/local/share/man/man5"),
        (
            "wgstat.bash",
            "/usr/local/share/bash-completion/completions, ~/.local/share/bash-completion/completions, or read by ~/.bashrc: \
             `source wgstat.bash`",
        ),
        ("_wgstat", "/usr/local/share/zsh/site-functions, or another folder in zsh's fpath"),
        ("wgstat.fish", "/etc/fish/completions, ~/.config/fish/completions"),
        ("wgstat-rules.yml", "what rule_files in prometheus.yml names"),
        ("wgstat.json", "Grafana: Dashboards, New, Import"),
        ("wgstat.toml", "/etc/wgstat.toml"),
    ] {
        page.item(what, &format!("{place}."));
    }
    page.paragraph(
        "The completions ask the program, without peers and without privilege, for the names of interfaces, and complete \
         names of network namespaces.",
    );
    exit_status(page, "A file could not be written.");
    page.examples(&[
        (
            "A configuration to start from, with every key in it and all of it commented out:",
            "wgstat generate config | sudo tee /etc/wgstat.toml",
        ),
        (
            "Alert rules that put up with five packets a second that are dropped on their way out:",
            "wgstat generate alert-rules . --tx-dropped 5",
        ),
        ("Completions for the bash that runs:", "wgstat generate completions . && source ./wgstat.bash"),
    ]);
    page.see_also("wgstat(1), wgstat-export-metrics(1), wgstat.toml(5), man(1)");
}
