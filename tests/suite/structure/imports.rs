//! Computes which module of `src/` uses which, from the sources: `use` declarations and paths in code, macros included.
//!
//! A re-export is followed to the file that defines the item. Code behind `#[cfg(test)]` is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The path of a module below the crate: `["collect", "netlink"]`; the crate itself and `main.rs` are `[]` and `["main"]`.
pub(super) type Module = Vec<String>;

/// Which modules each module uses.
pub(super) type Graph = BTreeMap<Module, BTreeSet<Module>>;

/// Holds what one file declares, and the paths that it uses.
#[derive(Default)]
struct Source {
    defined: BTreeSet<String>,
    /// Names that `use` and `mod` bring into scope, with their paths below the crate.
    aliases: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    /// Paths below the crate.
    paths: BTreeSet<Vec<String>>,
}

/// Reads every file below `src` and returns the graph.
pub(super) fn graph(src: &Path) -> Graph {
    let mut sources = BTreeMap::new();
    read(src, &Vec::new(), &mut sources);
    let mut graph = Graph::new();
    for (module, source) in &sources {
        let used = source.paths.iter().filter_map(|path| resolve(&sources, path, 0)).filter(|used| used != module);
        graph.insert(module.clone(), used.collect());
    }
    graph
}

fn read(folder: &Path, parent: &Module, sources: &mut BTreeMap<Module, Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let module: Module = parent.iter().cloned().chain([name.clone()]).collect();
        if path.is_dir() {
            read(&path, &module, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") && name != "tests" {
            let module = match name.as_str() {
                "lib" => Vec::new(),
                "mod" => parent.clone(),
                _ => module,
            };
            let text = fs::read_to_string(&path).unwrap();
            let mut source = Source::default();
            let tokens = text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            walk(tokens, &module, true, &mut source);
            sources.insert(module, source);
        }
    }
}

/// Collects declarations and paths. Only the outermost tokens of a file declare items of its module.
fn walk(tokens: TokenStream, module: &Module, is_outermost: bool, source: &mut Source) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut index = 0;
    while index < tokens.len() {
        match &tokens[index] {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                let attribute = tokens.get(index + 1).map(ToString::to_string).unwrap_or_default();
                index += 2;
                if attribute.replace(' ', "") == "[cfg(test)]" {
                    index = end_of_item(&tokens, index);
                }
            }
            TokenTree::Ident(word) if *word == "use" => {
                let end = (index..tokens.len()).find(|&end| is_punct(&tokens, end, ';')).unwrap_or(tokens.len());
                collect_uses(&tokens[index + 1..end], &Vec::new(), module, source);
                index = end + 1;
            }
            TokenTree::Ident(word) if is_outermost && *word == "mod" => {
                let name = tokens[index + 1].to_string();
                let path = module.iter().cloned().chain([name.clone()]).collect();
                source.aliases.insert(name, path);
                index += 2;
            }
            TokenTree::Ident(word) if is_outermost && declares(&word.to_string()) => {
                source.defined.insert(tokens[index + 1].to_string());
                index += 2;
            }
            TokenTree::Ident(_) => {
                let (path, end) = path(&tokens, index);
                if path.len() > 1 {
                    add_path(&path, module, source);
                }
                index = end;
            }
            TokenTree::Group(group) => {
                walk(group.stream(), module, false, source);
                index += 1;
            }
            _ => index += 1,
        }
    }
}

fn declares(keyword: &str) -> bool {
    ["fn", "struct", "enum", "trait", "type", "const", "static", "union"].contains(&keyword)
}

fn is_punct(tokens: &[TokenTree], index: usize, expected: char) -> bool {
    matches!(tokens.get(index), Some(TokenTree::Punct(punct)) if punct.as_char() == expected)
}

/// Returns the index behind an item: behind its semicolon or its braces.
fn end_of_item(tokens: &[TokenTree], start: usize) -> usize {
    let is_end = |index: &usize| {
        let is_block = matches!(&tokens[*index], TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
        is_block || is_punct(tokens, *index, ';')
    };
    (start..tokens.len()).find(is_end).map_or(tokens.len(), |index| index + 1)
}

/// Reads `a::b::c`, and returns the index behind it.
fn path(tokens: &[TokenTree], start: usize) -> (Vec<String>, usize) {
    let mut path = vec![tokens[start].to_string()];
    let mut index = start + 1;
    while is_punct(tokens, index, ':') && is_punct(tokens, index + 1, ':') {
        let Some(TokenTree::Ident(word)) = tokens.get(index + 2) else { break };
        path.push(word.to_string());
        index += 3;
    }
    (path, index)
}

/// Reads the tree of a `use` declaration: `a::{b, c::D as E, f::*}`.
fn collect_uses(tokens: &[TokenTree], prefix: &[String], module: &Module, source: &mut Source) {
    for tree in tokens.split(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',')) {
        let Some(TokenTree::Ident(_)) = tree.first() else { continue };
        let (path, end) = path(tree, 0);
        let mut path: Vec<String> = prefix.iter().cloned().chain(path).collect();
        match tree.get(end + 2) {
            Some(TokenTree::Group(group)) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                collect_uses(&inner, &path, module, source);
            }
            Some(TokenTree::Punct(punct)) if punct.as_char() == '*' => {
                source.globs.extend(absolute(&path, module, source));
                add_path(&path, module, source);
            }
            _ => {
                let alias = tree.get(end + 1).filter(|_| tree.len() > end + 1).map(ToString::to_string);
                if path.last().is_some_and(|last| last == "self") {
                    path.pop();
                }
                if let Some(path) = absolute(&path, module, source) {
                    let alias = alias.or_else(|| path.last().cloned()).unwrap_or_default();
                    source.aliases.insert(alias, path.clone());
                    source.paths.insert(path);
                }
            }
        }
    }
}

fn add_path(path: &[String], module: &Module, source: &mut Source) {
    source.paths.extend(absolute(path, module, source));
}

/// Returns a path below the crate; `None` for paths into other crates.
fn absolute(path: &[String], module: &Module, source: &Source) -> Option<Vec<String>> {
    let (first, rest) = path.split_first()?;
    let supers = path.iter().take_while(|segment| *segment == "super").count();
    match first.as_str() {
        "crate" | "wgstat" => Some(rest.to_vec()),
        "self" => Some(module.iter().chain(rest).cloned().collect()),
        "super" => Some(module[..module.len().checked_sub(supers)?].iter().chain(&path[supers..]).cloned().collect()),
        name => source.aliases.get(name).map(|start| start.iter().chain(rest).cloned().collect()),
    }
}

/// Returns the module that defines the item at a path. A path of a module without an item is no use of it.
fn resolve(sources: &BTreeMap<Module, Source>, path: &[String], depth: usize) -> Option<Module> {
    let length = (0..=path.len()).rev().find(|&length| sources.contains_key(&path[..length]))?;
    let (module, rest) = path.split_at(length);
    let (item, behind) = rest.split_first()?;
    let source = &sources[module];
    if source.defined.contains(item) || depth > 8 {
        return Some(module.to_vec());
    }
    if let Some(target) = source.aliases.get(item) {
        let target: Vec<String> = target.iter().chain(behind).cloned().collect();
        return resolve(sources, &target, depth + 1);
    }
    let in_glob = source.globs.iter().find_map(|glob| {
        let known = sources.get(glob)?;
        let has_item = known.defined.contains(item) || known.aliases.contains_key(item);
        has_item.then(|| glob.iter().chain(rest).cloned().collect::<Vec<String>>())
    });
    in_glob.map_or_else(|| Some(module.to_vec()), |target| resolve(sources, &target, depth + 1))
}

/// Returns every set of modules that use each other, directly or through others.
pub(super) fn cycles(graph: &Graph) -> Vec<BTreeSet<Module>> {
    let reachable: BTreeMap<&Module, BTreeSet<&Module>> =
        graph.keys().map(|module| (module, reachable_from(graph, module))).collect();
    let mut cycles: Vec<BTreeSet<Module>> = Vec::new();
    for module in graph.keys() {
        let mutual =
            reachable[module].iter().filter(|other| reachable.get(*other).is_some_and(|set| set.contains(module)));
        let cycle: BTreeSet<Module> = mutual.map(|other| (*other).clone()).collect();
        if cycle.len() > 1 && !cycles.contains(&cycle) {
            cycles.push(cycle);
        }
    }
    cycles
}

fn reachable_from<'a>(graph: &'a Graph, start: &'a Module) -> BTreeSet<&'a Module> {
    let mut seen = BTreeSet::new();
    let mut pending = vec![start];
    while let Some(module) = pending.pop() {
        for used in graph.get(module).into_iter().flatten() {
            if seen.insert(used) {
                pending.push(used);
            }
        }
    }
    seen
}
