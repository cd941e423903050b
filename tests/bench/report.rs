//! Compares the results with the budgets, and writes them as tables.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use super::budgets::{ACCEPTED, Accepted, BUDGETS, CHECK_BUDGET, TOLERANCE};
use super::load::{CHECK, FLOOR, LOADS, PROGRAMS};
use super::scrape::{GZIP, IDLE, PLAIN};

/// The first column of a result in the guest's output.
const RESULT: &str = "RESULT\t";
/// Loads that have a column in the tables; those after it are measured for a line of their own.
const COLUMNS: usize = 4;

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantity {
    /// Millions of instructions, from start to exit or per scrape.
    Instructions,
    /// MiB of resident memory: the largest of a process that has ended, the current one of a server.
    Resident,
    /// System calls per scrape.
    SystemCalls,
}

impl Quantity {
    const fn unit(self) -> &'static str {
        match self {
            Self::Instructions => "million instructions",
            Self::Resident => "MiB",
            Self::SystemCalls => "system calls",
        }
    }

    fn show(self, value: f64) -> String {
        match self {
            Self::Instructions => format!("{value:.2}"),
            Self::Resident => format!("{value:.1}"),
            Self::SystemCalls => format!("{value:.0}"),
        }
    }
}

/// Collects the results of one run.
#[derive(Default)]
pub(super) struct Report {
    results: Vec<Measurement>,
    versions: Vec<String>,
}

struct Measurement {
    load: String,
    subject: String,
    quantity: Quantity,
    value: f64,
}

/// Returns the accepted result of a subject that is over its budget.
fn accepted(load: &str, subject: &str, quantity: Quantity) -> Option<&'static Accepted> {
    ACCEPTED.iter().find(|accepted| (accepted.load, accepted.subject, accepted.quantity) == (load, subject, quantity))
}

impl Report {
    /// Takes a line of the guest's output if it is a result; returns whether it is.
    pub(super) fn take(&mut self, line: &str) -> bool {
        if let Some(version) = line.strip_prefix("VERSION ") {
            self.versions.push(version.to_owned());
            return true;
        }
        let Some(columns) = line.strip_prefix(RESULT) else { return false };
        let columns: Vec<&str> = columns.split('\t').collect();
        let [load, subject, quantity, value] = columns[..] else { panic!("unexpected {line:?}") };
        let value: f64 = value.parse().unwrap();
        let (quantity, value) = match quantity {
            "cpu_us" => (Quantity::Instructions, value / 1000.0),
            "rss_kib" => (Quantity::Resident, value / 1024.0),
            "syscalls" => (Quantity::SystemCalls, value),
            _ => panic!("unexpected {line:?}"),
        };
        self.results.push(Measurement { load: load.to_owned(), subject: subject.to_owned(), quantity, value });
        true
    }

    /// Returns whether every subject was measured on all selected loads (on all loads if none is selected).
    pub(super) fn is_complete(&self, selected: &[String]) -> bool {
        LOADS.iter().filter(|load| load.is_selected(selected)).all(|load| {
            let scrapes: &[&str] = if load.scrapes > 0 { &[IDLE, PLAIN, GZIP] } else { &[] };
            load.programs
                .iter()
                .chain(scrapes)
                .all(|subject| self.results.iter().any(|result| result.load == load.name && result.subject == *subject))
        })
    }

    fn value(&self, load: usize, subject: &str, quantity: Quantity) -> Option<f64> {
        let name = LOADS.get(load)?.name;
        let result = self
            .results
            .iter()
            .find(|result| result.load == name && result.subject == subject && result.quantity == quantity)?;
        Some(result.value)
    }

    /// Describes every result that is over its budget, or over the accepted value if there is one.
    pub(super) fn over_budget(&self) -> Vec<String> {
        let mut over = Vec::new();
        for budget in &BUDGETS {
            for (load, limit) in budget.limits.into_iter().enumerate() {
                let Some(limit) = limit else { continue };
                let Some(value) = self.value(load, budget.subject, budget.quantity) else { continue };
                let (name, unit) = (LOADS[load].name, budget.quantity.unit());
                let limit = accepted(name, budget.subject, budget.quantity).map_or(limit, |accepted| accepted.value);
                if value > limit * TOLERANCE {
                    over.push(format!("{} on {name}: {value:.3} of {limit} {unit}", budget.subject));
                }
            }
        }
        if let Some((check, floor)) = self.check()
            && check > floor * CHECK_BUDGET
        {
            over.push(format!("{CHECK}: {:.1} times the floor, of {CHECK_BUDGET}", check / floor));
        }
        over
    }

    /// Returns the instructions of `check` and of the floor on L5.
    fn check(&self) -> Option<(f64, f64)> {
        let instructions = |subject| self.value(COLUMNS, subject, Quantity::Instructions);
        Some((instructions(CHECK)?, instructions(FLOOR)?))
    }

    /// Renders all results as Markdown.
    pub(super) fn tables(&self) -> String {
        let mut text = String::from(
            "Million instructions per run, the kernel's included (in brackets: multiples of the floor):\n\n",
        );
        self.table(&mut text, &PROGRAMS, Quantity::Instructions, true);
        text += "\nLargest resident memory of a run, MiB:\n\n";
        self.table(&mut text, &PROGRAMS, Quantity::Resident, false);
        text += "\nMillion instructions of `wgstat serve` per scrape of `/metrics` over one connection; every scrape reads the \
                 kernel:\n\n";
        self.table(&mut text, &[PLAIN, GZIP], Quantity::Instructions, false);
        text += "\nSystem calls per scrape:\n\n";
        self.table(&mut text, &[PLAIN, GZIP], Quantity::SystemCalls, false);
        text += "\nResident memory of `wgstat serve`, MiB; idle is after the first scrape:\n\n";
        self.table(&mut text, &[IDLE, PLAIN, GZIP], Quantity::Resident, false);
        if let Some((check, floor)) = self.check() {
            let _ = writeln!(
                text,
                "\n`{CHECK}` on {}, which looks up the route to each endpoint: {check:.1} million instructions, {:.1} times the \
                 floor's {floor:.1} (budget: {CHECK_BUDGET} times); {:.1} MiB.",
                LOADS[COLUMNS].name,
                check / floor,
                self.value(COLUMNS, CHECK, Quantity::Resident).unwrap_or_default(),
            );
        }
        text
    }

    fn table(&self, text: &mut String, subjects: &[&str], quantity: Quantity, has_multiples: bool) {
        let names: Vec<&str> = LOADS.iter().take(COLUMNS).map(|load| load.name).collect();
        let _ = writeln!(text, "| | {} |\n|{}", names.join(" | "), "---|".repeat(COLUMNS + 1));
        for subject in subjects {
            let cells = (0..COLUMNS).map(|load| {
                let Some(value) = self.value(load, subject, quantity) else { return "-".to_owned() };
                match self.value(load, FLOOR, quantity) {
                    Some(floor) if has_multiples && *subject != FLOOR => {
                        format!("{} ({:.1})", quantity.show(value), value / floor)
                    }
                    _ => quantity.show(value),
                }
            });
            let _ = writeln!(text, "| `{subject}` | {} |", cells.collect::<Vec<_>>().join(" | "));
            for budget in BUDGETS.iter().filter(|budget| budget.subject == *subject && budget.quantity == quantity) {
                let limits = (0..COLUMNS).map(|load| {
                    let Some(limit) = budget.limits[load] else { return String::new() };
                    let is_over = accepted(LOADS[load].name, subject, quantity).is_some()
                        && self.value(load, subject, quantity).is_some_and(|value| value > limit);
                    if is_over { format!("{limit} (over budget)") } else { limit.to_string() }
                });
                let _ = writeln!(text, "| budget | {} |", limits.collect::<Vec<_>>().join(" | "));
            }
        }
        let is_in_table = |entry: &&Accepted| entry.quantity == quantity && subjects.contains(&entry.subject);
        for (index, entry) in ACCEPTED.iter().filter(is_in_table).enumerate() {
            let Accepted { load, subject, value, reason, .. } = entry;
            // A list begins after an empty line.
            let start = if index == 0 { "\n" } else { "" };
            let _ = writeln!(text, "{start}- `{subject}` on {load} is over budget: {reason} (accepted: {value})");
        }
    }

    /// Writes `docs/performance.md`.
    pub(super) fn write(&self, path: &Path) {
        let loads: Vec<String> = LOADS.iter().map(|load| format!("- {}: {}", load.name, load.description)).collect();
        let mut versions = self.versions.clone();
        for command in ["qemu-system-x86_64 --version", "rustc --version"] {
            let words: Vec<&str> = command.split(' ').collect();
            let output = Command::new(words[0]).args(&words[1..]).output().unwrap();
            versions.push(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned());
        }
        let date = Command::new("date").args(["-u", "+%F"]).output().unwrap();
        let text = format!(
            "# Performance\n\n\
             All figures are from one run of `WGSTAT_BENCH=write cargo test --test bench` on {}. `tests/run` runs the same test; it \
             fails\nif wgstat is more than 3 % over a budget.\n\n\
             The unit is a million instructions, those of the kernel included, counted by an emulated machine. Figures repeat to \
             within 1 %\n(3 % at 10,000 peers) on any machine. The emulator models no caches, so compare them with each other, not with a \
             stopwatch: on hardware,\nkernel work takes about two thirds of a millisecond per million instructions, and the rest a \
             quarter to a fifth.\n\n\
             wgstat is the static release binary. The floor is a C program of a hundred lines that asks the kernel for the same \
             data and\ndoes not parse it (`tests/bench/floor.c`). `wg` shows no interface counters, `ip` shows no peers.\n\n\
             Each load has its own network namespace. Every peer has an endpoint and one allowed IP.\n\n{}\n\n\
             {}\nVersions: {}.\n",
            String::from_utf8_lossy(&date.stdout).trim(),
            loads.join("\n"),
            self.tables(),
            versions.join("; ")
        );
        std::fs::write(path, text).unwrap();
    }
}
