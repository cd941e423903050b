//! Checks the imports of `src/` against the rows in `src/lib.rs` and the picture in `docs/architecture.md`: each part imports
//! only from lower rows, and no modules import each other in a circle.

mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use regex::Regex;

use self::imports::{Graph, Module, cycles, graph};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the graph without what a module uses of those that contain it: a part may use what its whole defines.
fn graph_of_parts(src: &Path) -> Graph {
    let mut graph = graph(src);
    for (module, used) in &mut graph {
        used.retain(|used| !module.starts_with(used));
    }
    graph
}

/// Returns the rows of the text block in `src/lib.rs`, from top to bottom: two blanks between parts, more before their text.
fn rows() -> Vec<BTreeSet<String>> {
    let library = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let block = library.split("```text\n").nth(1).unwrap().split("//! ```").next().unwrap();
    let lines = block.lines().filter_map(|line| line.strip_prefix("//! ").filter(|line| !line.starts_with(' ')));
    lines.map(|line| line[..24].split_whitespace().map(str::to_owned).collect()).collect()
}

/// Returns the uses that go up, or sideways between parts.
fn uses_against_order(graph: &Graph, rows: &[BTreeSet<String>]) -> Vec<String> {
    let row = |module: &Module| rows.iter().position(|row| module.first().is_some_and(|part| row.contains(part)));
    let is_allowed = |module: &Module, used: &Module| module.first() == used.first() || row(module) < row(used);
    graph
        .iter()
        .filter(|(module, _)| !module.is_empty())
        .flat_map(|(module, used)| used.iter().filter(|used| !used.is_empty()).map(move |used| (module, used)))
        .filter(|(module, used)| !is_allowed(module, used))
        .map(|(module, used)| format!("{} uses {}", module.join("::"), used.join("::")))
        .collect()
}

#[test]
fn every_part_uses_only_parts_in_lower_rows() {
    let rows = rows();
    let graph = graph(&root().join("src"));
    let parts: BTreeSet<String> = graph.keys().filter_map(|module| module.first().cloned()).collect();
    assert_eq!(rows.iter().flatten().cloned().collect::<BTreeSet<_>>(), parts, "src/lib.rs has every part once");
    assert!(graph.values().map(BTreeSet::len).sum::<usize>() > 300, "not all uses were found");
    let wrong = uses_against_order(&graph, &rows);
    assert!(wrong.is_empty(), "against the order in src/lib.rs:\n{}", wrong.join("\n"));
}

#[test]
fn no_modules_use_each_other_in_a_circle() {
    let found: Vec<String> = cycles(&graph_of_parts(&root().join("src")))
        .iter()
        .map(|cycle| cycle.iter().map(|module| module.join("::")).collect::<Vec<_>>().join(", "))
        .collect();
    assert!(found.is_empty(), "these use each other:\n{}", found.join("\n"));
}

#[test]
fn circle_and_upward_use_are_found_but_test_code_is_not_searched() {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("lib.rs", "pub mod upper; pub mod lower;"),
        ("upper.rs", "mod left; mod right; pub use left::Left; pub fn run() -> Left { Left(super::lower::ZERO) }"),
        ("upper/left.rs", "use super::right; pub struct Left(pub u8); fn f() { assert!(right::check()); }"),
        (
            "upper/right.rs",
            "use crate::upper::{self, Left}; pub fn check() -> bool { upper::run(); true } type T = Left;",
        ),
        ("lower.rs", "pub const ZERO: u8 = 0; #[cfg(test)] mod tests { use crate::upper::run; }"),
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let rows = ["upper", "lower"].map(|part| BTreeSet::from([part.to_owned()]));
    let with_circle = graph_of_parts(folder.path());
    let module = |path: &str| path.split("::").map(str::to_owned).collect::<Module>();
    assert_eq!(cycles(&with_circle), [BTreeSet::from([module("upper::left"), module("upper::right")])]);
    assert!(uses_against_order(&with_circle, &rows).is_empty());

    let lower = "pub const ZERO: u8 = 0; fn f() { println!(\"{:?}\", crate::upper::run()); }";
    fs::write(folder.path().join("lower.rs"), lower).unwrap();
    let with_upward_use = graph_of_parts(folder.path());
    assert_eq!(uses_against_order(&with_upward_use, &rows), ["lower uses upper"]);
}

/// The picture has the parts of `src/lib.rs` in the same rows.
#[test]
fn picture_has_the_rows_of_the_library() {
    let picture = fs::read_to_string(root().join("docs/pictures/flow.svg")).unwrap();
    let part = Regex::new(r#"class="part" x="\d+" y="(\d+)">(\w+)<"#).unwrap();
    let mut drawn: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for found in part.captures_iter(&picture) {
        drawn.entry(found[1].parse().unwrap()).or_default().insert(found[2].to_owned());
    }
    assert_eq!(drawn.into_values().collect::<Vec<_>>(), rows());
}
