//! The published table: which fault, what `wg` and `ip` show of it, what `check` says. The guest prints its rows, and the
//! machine outside compares them with `docs/diagnosis.md`, or writes that (`WGSTAT_RECORD=1`).

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::Shown;

/// Begins a row on the guest's console.
const ROW: &str = "DIAGNOSIS ";

/// In the guest: prints a row.
pub(super) fn publish(name: &str, before: &Shown, after: &Shown, document: &Value, remedied: &str) {
    let findings = document["findings"].as_array().unwrap();
    // Of several findings the one that says most; of none, whatever is worth knowing.
    let shown = findings.iter().find(|finding| finding["id"] == remedied).or_else(|| findings.first());
    let ids: Vec<&str> = findings
        .iter()
        .filter(|finding| finding["severity"] != "info" || finding["id"] == shown.unwrap()["id"])
        .map(|finding| finding["id"].as_str().unwrap())
        .collect();
    let shown = shown.unwrap();
    let row = json!({
        "fault": name, "wg": by_wg(before, after), "ip": by_ip(before, after), "ids": ids,
        "summary": shown["summary"], "remedy": shown["remedy"], "severity": shown["severity"],
    });
    println!("{ROW}{row}");
}

/// Growth of the peers' bytes, and how many peers have a handshake.
fn by_wg(before: &Shown, after: &Shown) -> String {
    let read = |shown: &Shown| {
        let (mut received, mut sent, mut touched, mut all) = (0_i64, 0_i64, 0, 0);
        for line in shown.dump.lines().skip(1) {
            let fields: Vec<&str> = line.split('\t').collect();
            received += fields[5].parse::<i64>().unwrap();
            sent += fields[6].parse::<i64>().unwrap();
            touched += i32::from(fields[4] != "0");
            all += 1;
        }
        (received, sent, touched, all)
    };
    let ((received, sent, ..), (received_now, sent_now, touched, all)) = (read(before), read(after));
    format!(
        "handshakes with {touched} of {all} peers; received {:+} B, sent {:+} B",
        received_now - received,
        sent_now - sent
    )
}

/// Growth of the interface's counters of errors and drops.
fn by_ip(before: &Shown, after: &Shown) -> String {
    let mut moved = Vec::new();
    for direction in ["rx", "tx"] {
        let counters = after.links[0]["stats64"][direction].as_object().unwrap();
        for (name, value) in counters.iter().filter(|(name, _)| !["bytes", "packets"].contains(&name.as_str())) {
            let grown = value.as_i64().unwrap() - before.links[0]["stats64"][direction][name].as_i64().unwrap();
            if grown != 0 {
                moved.push(format!("{direction} {name} {grown:+}"));
            }
        }
    }
    let flags = after.links[0]["flags"].as_array().unwrap();
    if !flags.iter().any(|flag| flag == "UP") {
        moved.push("not UP".to_owned());
    }
    if moved.is_empty() { "nothing".to_owned() } else { moved.join(", ") }
}

/// Outside: the rows that came.
#[derive(Default)]
pub(crate) struct Table(Vec<Value>);

impl Table {
    /// Takes a line of the guest if it is a row.
    pub(crate) fn take(&mut self, line: &str) -> bool {
        // The runner's own line may not have ended.
        let Some((_, row)) = line.split_once(ROW) else { return false };
        self.0.push(serde_json::from_str(row).unwrap());
        true
    }

    /// Whether the published table is the one that was seen; rows that were not asked for are not missed. With `write` it
    /// becomes that.
    pub(crate) fn settle(&self, write: bool) -> Result<(), String> {
        if self.0.is_empty() {
            return Ok(());
        }
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/diagnosis.md");
        let text = self.text();
        if write {
            return std::fs::write(&path, text).map_err(|error| error.to_string());
        }
        let published = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        // Another kernel may count a packet more or less.
        let plain = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
        for (line, (now, then)) in text.lines().zip(published.lines()).enumerate() {
            if plain(now) != plain(then) {
                return Err(format!("docs/diagnosis.md, line {}:\n  {then}\nis now\n  {now}", line + 1));
            }
        }
        if text.lines().count() == published.lines().count() {
            Ok(())
        } else {
            Err("docs/diagnosis.md has other rows".to_owned())
        }
    }

    fn text(&self) -> String {
        let mut text = String::from(
            "# Faults, and what is seen of them\n\n\
             Made by a test run on a real kernel (`WGSTAT_RECORD=1 cargo test --test kernel -- diagnosis`): each fault was put into a \
             live\ntunnel between two hosts, alone, and looked at for two seconds (25 for traffic in one direction) while something \
             was sent.\n`wg` and `ip` are `wg show` and `ip -s -s link show`, before and after. Every run of the tests compares it \
             with what it sees,\ntypes the remedies in, with what stands in capitals filled in, and looks whether they mend it.\n\n\
             | fault | `wg` shows | `ip` shows | `wgstat check` says |\n|---|---|---|---|\n",
        );
        for row in &self.0 {
            let get = |key: &str| row[key].as_str().unwrap_or_default().replace('|', "\\|");
            let ids: Vec<String> =
                row["ids"].as_array().unwrap().iter().map(|id| format!("`{}`", id.as_str().unwrap())).collect();
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} {}: {} |",
                get("fault"),
                get("wg"),
                get("ip"),
                get("severity"),
                ids.join(", "),
                get("summary")
            );
        }
        text.push_str("\n## What it says to do\n\n");
        for row in &self.0 {
            let _ = writeln!(
                text,
                "{}:\n\n```sh\n{}\n```\n",
                row["fault"].as_str().unwrap(),
                row["remedy"].as_str().unwrap()
            );
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }
}
