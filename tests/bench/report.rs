//! What was measured, as tables, and against the budgets.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use super::load::{CHECK, LOADS, PROGRAMS};
use super::scrape::{IDLE, SCRAPES};

/// Begins a line of `measure`.
const RESULT: &str = "RESULT\t";

/// Of a look as JSON or as metrics: millions of instructions on each load.
const BUDGET: [f64; 4] = [1.3, 8.0, 35.0, 1.45];
const WITH_BUDGET: [&str; 2] = ["wgstat status --json", "wgstat export-metrics"];
/// Of a scrape as it is.
const SCRAPE_BUDGET: [f64; 4] = [0.19, 8.0, 40.0, 0.35];
/// MiB of a server: idle on L1, and after scrapes of L3.
const SERVER_BUDGET: [(usize, &str, f64); 2] = [(0, IDLE, 3.0), (2, SCRAPES[0].0, 14.0)];
/// Of a check that looks up the way to 10,000 endpoints (L5): multiples of the floor that reads the peers.
const CHECK_BUDGET: f64 = 10.0;
/// Of this load the table has no column.
const OF_ITS_OWN: usize = 4;
/// MiB on L1 and L3.
const RESIDENT_BUDGET: [(usize, f64); 2] = [(0, 4.0), (2, 12.0)];
/// What chance may add: at 10,000 peers a run differs from the next by 3 %. On a small host a build may differ from the next by
/// as much, for code lies on other pages.
const TOLERANCE: f64 = 1.03;

/// Results by load and program.
#[derive(Default)]
pub(super) struct Report {
    results: Vec<Outcome>,
    versions: Vec<String>,
}

struct Outcome {
    load: String,
    program: String,
    /// Millions of instructions.
    cpu: f64,
    /// MiB.
    resident: f64,
}

impl Report {
    /// Takes a line of the guest if it is a result.
    pub(super) fn take(&mut self, line: &str) -> bool {
        if let Some(version) = line.strip_prefix("VERSION ") {
            self.versions.push(version.to_owned());
            return true;
        }
        let Some(fields) = line.strip_prefix(RESULT) else { return false };
        let fields: Vec<&str> = fields.split('\t').collect();
        let [load, program, micros, kibibytes] = fields[..] else { panic!("cannot read {line:?}") };
        self.results.push(Outcome {
            load: load.to_owned(),
            program: program.to_owned(),
            cpu: micros.parse::<f64>().unwrap() / 1000.0,
            resident: kibibytes.parse::<f64>().unwrap() / 1024.0,
        });
        true
    }

    pub(super) fn is_complete(&self) -> bool {
        let of = |load: &super::load::Load| {
            let server = if load.scrapes > 0 { SCRAPES.len() + 1 } else { 0 };
            load.programs.len() + server
        };
        self.results.len() == LOADS.iter().map(of).sum::<usize>()
    }

    fn of(&self, load: usize, program: &str) -> Option<&Outcome> {
        let name = LOADS.get(load)?.name;
        self.results.iter().find(|outcome| outcome.load == name && outcome.program == program)
    }

    /// What costs too much, in words.
    pub(super) fn over_budget(&self) -> Vec<String> {
        let mut over = Vec::new();
        let (scrape, _) = SCRAPES[0];
        for (load, budget) in SCRAPE_BUDGET.into_iter().enumerate() {
            over.extend(self.of(load, scrape).filter(|outcome| outcome.cpu > budget * TOLERANCE).map(|outcome| {
                format!("{scrape} on {}: {:.3} of {budget} million instructions", outcome.load, outcome.cpu)
            }));
        }
        for (load, what, budget) in SERVER_BUDGET {
            over.extend(
                self.of(load, what)
                    .filter(|outcome| outcome.resident > budget * TOLERANCE)
                    .map(|outcome| format!("{what} on {}: {:.2} of {budget} MiB", outcome.load, outcome.resident)),
            );
        }
        for program in WITH_BUDGET {
            for (load, budget) in BUDGET.into_iter().enumerate() {
                over.extend(self.of(load, program).filter(|outcome| outcome.cpu > budget * TOLERANCE).map(|outcome| {
                    format!("{program} on {}: {:.2} of {budget} million instructions", outcome.load, outcome.cpu)
                }));
            }
            for (load, budget) in RESIDENT_BUDGET {
                over.extend(
                    self.of(load, program).filter(|outcome| outcome.resident > budget).map(|outcome| {
                        format!("{program} on {}: {:.1} of {budget} MiB", outcome.load, outcome.resident)
                    }),
                );
            }
        }
        if let Some((check, floor)) = self.check()
            && check.cpu > floor.cpu * CHECK_BUDGET
        {
            over.push(format!("{CHECK}: {:.0} times the floor, of {CHECK_BUDGET}", check.cpu / floor.cpu));
        }
        over
    }

    fn check(&self) -> Option<(&Outcome, &Outcome)> {
        Some((self.of(OF_ITS_OWN, CHECK)?, self.of(OF_ITS_OWN, PROGRAMS[0])?))
    }

    /// Cost and memory.
    pub(super) fn tables(&self) -> String {
        let mut text = String::new();
        let heading = LOADS.iter().take(OF_ITS_OWN).map(|load| load.name).collect::<Vec<_>>().join(" | ");
        let rule = "---|".repeat(OF_ITS_OWN + 1);
        let _ = writeln!(text, "Millions of instructions, the kernel's included, and multiples of the floor:\n");
        let _ = writeln!(text, "| | {heading} |\n|{rule}");
        for program in PROGRAMS {
            let cells = (0..OF_ITS_OWN).map(|load| match (self.of(load, program), self.of(load, PROGRAMS[0])) {
                (Some(outcome), Some(floor)) if program != PROGRAMS[0] => {
                    format!("{:.2} ({:.1})", outcome.cpu, outcome.cpu / floor.cpu)
                }
                (Some(outcome), _) => format!("{:.2}", outcome.cpu),
                (None, _) => "-".to_owned(),
            });
            let _ = writeln!(text, "| `{program}` | {} |", cells.collect::<Vec<_>>().join(" | "));
        }
        let budget = BUDGET.map(|budget| format!("{budget}")).join(" | ");
        let _ = writeln!(text, "| budget of `{}` | {budget} |", WITH_BUDGET.join("`, `"));
        let _ = writeln!(text, "\nLargest resident memory, MiB:\n\n| | {heading} |\n|{rule}");
        for program in PROGRAMS {
            let cells = (0..OF_ITS_OWN).map(|load| {
                self.of(load, program).map_or("-".to_owned(), |outcome| format!("{:.1}", outcome.resident))
            });
            let _ = writeln!(text, "| `{program}` | {} |", cells.collect::<Vec<_>>().join(" | "));
        }
        let _ = write!(text, "\n{}", self.server(&heading, &rule));
        if let Some((check, floor)) = self.check() {
            let _ = writeln!(
                text,
                "\n`{CHECK}` on {}, which looks up the way to each endpoint: {:.1}, {:.1} times the floor's {:.1} (budget: \
                 {CHECK_BUDGET} times); {:.1} MiB.",
                LOADS[OF_ITS_OWN].name,
                check.cpu,
                check.cpu / floor.cpu,
                floor.cpu,
                check.resident
            );
        }
        text
    }

    /// What a server costs.
    fn server(&self, heading: &str, rule: &str) -> String {
        let mut text = format!(
            "A scrape of `wgstat serve` over one connection, in millions of instructions of its threads and of the kernel for \
             them;\nanswers are of their moment:\n\n| | {heading} |\n|{rule}\n"
        );
        let mut row = |what: &str, cell: &dyn Fn(usize) -> String| {
            let cells: Vec<String> = (0..OF_ITS_OWN).map(cell).collect();
            let _ = writeln!(text, "| {what} | {} |", cells.join(" | "));
        };
        let of = |load, what: &str, show: &dyn Fn(&Outcome) -> String| self.of(load, what).map_or("-".to_owned(), show);
        for (what, _) in SCRAPES {
            row(&format!("`{what}`"), &|load| of(load, what, &|outcome| format!("{:.2}", outcome.cpu)));
        }
        row("budget of the first", &|load| SCRAPE_BUDGET.get(load).map_or("-".to_owned(), f64::to_string));
        row("resident when idle, MiB", &|load| of(load, IDLE, &|outcome| format!("{:.1}", outcome.resident)));
        row("resident after scrapes, MiB", &|load| {
            of(load, SCRAPES[0].0, &|outcome| format!("{:.1}", outcome.resident))
        });
        row("and in gzip", &|load| of(load, SCRAPES[1].0, &|outcome| format!("{:.1}", outcome.resident)));
        text
    }

    /// The committed result. What stands under headings of its own was measured otherwise, and stays.
    pub(super) fn write(&self, path: &Path) {
        let before = std::fs::read_to_string(path).unwrap_or_default();
        let kept = before.find("\n## ").map_or("", |place| &before[place..]);
        let loads: Vec<String> = LOADS.iter().map(|load| format!("- {}: {}", load.name, load.what)).collect();
        let mut versions = self.versions.clone();
        for command in ["qemu-system-x86_64 --version", "rustc --version"] {
            let words: Vec<&str> = command.split(' ').collect();
            let output = Command::new(words[0]).args(&words[1..]).output().unwrap();
            versions.push(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned());
        }
        let date = Command::new("date").args(["-u", "+%F"]).output().unwrap();
        let text = format!(
            "# What a look costs\n\n\
             Measured on {} by `WGSTAT_BENCH=write cargo test --test bench`, which tests/run runs too; it fails where wgstat costs \
             more\nthan its budget. Whole processes, from start to exit, in one boot of an emulated machine whose clock counts \
             instructions:\nfigures repeat to within 1 % (3 % at 10,000 peers) on any machine, and one is to be compared with \
             another, not with a stopwatch.\nNatively, kernel work takes about two thirds of these milliseconds and the rest a \
             quarter to a fifth.\n\n\
             wgstat is the static release binary. The floor is a C program of a hundred lines that asks the kernel for the same \
             and\nlooks at none of it (`tests/bench/floor.c`). `wg` shows no counter of an interface, `ip` no peer.\n\n\
             Loads, each in a network namespace of its own; every peer has an endpoint and one allowed-ip:\n{}\n\n\
             {}\nVersions: {}.\n{kept}",
            String::from_utf8_lossy(&date.stdout).trim(),
            loads.join("\n"),
            self.tables(),
            versions.join("; ")
        );
        std::fs::write(path, text).unwrap();
    }
}
