//! Which file of a crate takes something from which other one: read from the tokens of its sources, without unit tests.
//!
//! Seen are `use` with all its braces, and paths in code, types, attributes and macros that begin with `crate`, `super`, `self`, a child
//! module or a name that was imported. Whatever stands between, an import goes to the file that defines what is imported: a
//! `pub use` is a door, not a room. Not seen is a method that is called on a value without its type being named.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The files of a crate and what they import from each other.
#[derive(Debug, Default)]
pub(crate) struct Imports {
    /// Relative to `src/`.
    files: Vec<String>,
    modules: Vec<Module>,
    /// From file to file, and a path by which it is done.
    edges: BTreeMap<usize, BTreeMap<usize, String>>,
}

/// A module: a file, or a part of one.
#[derive(Debug, Default)]
struct Module {
    file: usize,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    items: BTreeSet<String>,
    /// What names stand for, and the modules of which all names are taken.
    aliases: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    /// Every path that is used, with the first name of each.
    paths: BTreeSet<Vec<String>>,
}

/// Words in front of the name of an item.
const ITEMS: [&str; 9] = ["fn", "struct", "enum", "union", "trait", "type", "const", "static", "macro_rules"];

impl Imports {
    /// Reads the sources below `root`, the file of a crate's outermost module.
    pub(crate) fn of(root: &Path) -> Self {
        let mut imports = Self::default();
        let folder = root.parent().expect("a file lies in a folder");
        imports.file(root, folder, folder, None);
        for module in 0..imports.modules.len() {
            for path in imports.modules[module].paths.clone() {
                let Some((to, whole)) = imports.resolve(module, &path, 0) else { continue };
                let (from, to) = (imports.modules[module].file, imports.modules[to].file);
                // A single word that is also the name of a module is a variable.
                if from != to && !(whole && path.len() == 1) {
                    imports.edges.entry(from).or_default().entry(to).or_insert(path.join("::"));
                }
            }
        }
        imports
    }

    /// Returns the shortest circle through each file that is part of one, each circle once, in words.
    pub(crate) fn circles(&self) -> BTreeSet<String> {
        let mut circles = BTreeMap::new();
        for start in 0..self.files.len() {
            if let Some(circle) = self.way_back(start) {
                let files: BTreeSet<usize> = circle.iter().copied().collect();
                circles.entry(files).or_insert_with(|| {
                    let ways = circle
                        .windows(2)
                        .map(|way| format!(" -> {} ({})", self.files[way[1]], self.edges[&way[0]][&way[1]]));
                    format!("{}{}", self.files[start], ways.collect::<String>())
                });
            }
        }
        circles.into_values().collect()
    }

    /// Returns the number of files that were read.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// Returns the shortest way from `start` back to it.
    fn way_back(&self, start: usize) -> Option<Vec<usize>> {
        let mut before = BTreeMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(file) = queue.pop_front() {
            for next in self.edges.get(&file).into_iter().flat_map(BTreeMap::keys) {
                if !before.contains_key(next) {
                    before.insert(*next, file);
                    queue.push_back(*next);
                }
            }
        }
        let mut way = vec![start, *before.get(&start)?];
        while way.last() != Some(&start) {
            way.push(before[&way[way.len() - 1]]);
        }
        way.reverse();
        Some(way)
    }

    /// Reads a file whose child modules lie in `below`.
    fn file(&mut self, path: &Path, src: &Path, below: &Path, parent: Option<usize>) -> usize {
        let text =
            std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let tokens = text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file = self.files.len();
        self.files.push(path.strip_prefix(src).expect("it lies in src/").display().to_string());
        let module = self.modules.len();
        self.modules.push(Module { file, parent, ..Module::default() });
        self.scan(module, tested_no_more(tokens), Some((src, below)));
        module
    }

    /// Takes in the tokens of a module; `folders` at its top, where its items and child modules stand.
    fn scan(&mut self, module: usize, tokens: Vec<TokenTree>, folders: Option<(&Path, &Path)>) {
        let mut at = 0;
        while at < tokens.len() {
            let rest = &tokens[at..];
            let word = ident(rest.first()).unwrap_or_default();
            // `use<...>` says what a type captures.
            if word == "use" && !rest.get(1).is_some_and(|token| is(token, '<')) {
                let end = rest.iter().position(|token| is(token, ';')).expect("a `use` ends with `;`");
                let mut names = Vec::new();
                tree(&rest[1..end], &[], &mut names);
                let shown = is_public(&tokens[..at]);
                for (path, name) in names {
                    let this = &mut self.modules[module];
                    if !shown {
                        this.paths.insert(path.clone());
                    }
                    match name.as_str() {
                        "*" => this.globs.push(path),
                        _ => drop(this.aliases.insert(name, path)),
                    }
                }
                at += end + 1;
            } else if let (true, "mod", Some(name)) = (folders.is_some(), word.as_str(), ident(rest.get(1))) {
                let (src, below) = folders.expect("at the top of a module");
                let inside = below.join(&name);
                let child = match &rest[2] {
                    TokenTree::Group(group) => {
                        let child = self.modules.len();
                        let file = self.modules[module].file;
                        self.modules.push(Module { file, parent: Some(module), ..Module::default() });
                        self.scan(child, group.stream().into_iter().collect(), Some((src, &inside)));
                        child
                    }
                    _ => {
                        let places: [PathBuf; 2] = [below.join(format!("{name}.rs")), inside.join("mod.rs")];
                        let path = places.into_iter().find(|path| path.exists());
                        self.file(&path.expect("a module has a file"), src, &inside, Some(module))
                    }
                };
                self.modules[module].children.insert(name, child);
                at += 3;
            } else if let TokenTree::Group(group) = &rest[0] {
                self.scan(module, group.stream().into_iter().collect(), None);
                at += 1;
            } else if word.is_empty() {
                at += 1;
            } else {
                if folders.is_some() && ITEMS.contains(&word.as_str()) {
                    let skipped = if word == "macro_rules" { 2 } else { 1 };
                    self.modules[module].items.extend(ident(rest.get(skipped)));
                }
                let path = path(rest);
                at += 3 * path.len() - 2;
                self.modules[module].paths.insert(path);
            }
        }
    }

    /// Returns the module that `path` leads to from `module`, and whether it is that itself and not something that it defines; `None`
    /// where that is none of this crate's.
    fn resolve(&self, module: usize, path: &[String], depth: usize) -> Option<(usize, bool)> {
        let mut here = module;
        for (number, word) in path.iter().enumerate() {
            let this = &self.modules[here];
            here = match word.as_str() {
                "crate" => 0,
                "self" => here,
                "super" => this.parent?,
                word => match this.children.get(word) {
                    Some(child) => *child,
                    None => match self.name(here, word, depth) {
                        Some((next, true)) => next,
                        Some(found) => return Some(found),
                        // What a macro defines is not seen as an item.
                        None => return (number > 0).then_some((here, false)),
                    },
                },
            };
        }
        Some((here, true))
    }

    /// Returns what a name that is no child module stands for in `module`.
    fn name(&self, module: usize, word: &str, depth: usize) -> Option<(usize, bool)> {
        let this = &self.modules[module];
        if this.items.contains(word) {
            return Some((module, false));
        }
        if depth > self.modules.len() {
            return None;
        }
        if let Some(path) = this.aliases.get(word).filter(|path| *path != &[word]) {
            return self.resolve(module, path, depth + 1);
        }
        this.globs.iter().find_map(|glob| {
            let (all, _) =
                self.resolve(module, glob, depth + 1).filter(|(all, whole)| *whole && *all != module)?;
            let child = self.modules[all].children.get(word).map(|child| (*child, true));
            child.or_else(|| self.name(all, word, depth + 1))
        })
    }
}

/// Returns the path that `tokens` begin with.
fn path(tokens: &[TokenTree]) -> Vec<String> {
    let mut words: Vec<String> = ident(tokens.first()).into_iter().collect();
    while let [colon, second, word, ..] = &tokens[3 * words.len() - 2..]
        && is(colon, ':')
        && is(second, ':')
        && let Some(word) = ident(Some(word))
    {
        words.push(word);
    }
    words
}

/// Lists the paths of a `use` and the names that they get.
fn tree(tokens: &[TokenTree], outer: &[String], names: &mut Vec<(Vec<String>, String)>) {
    for tokens in tokens.split(|token| is(token, ',')) {
        let mut whole = outer.to_vec();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => {
                    tree(&group.stream().into_iter().collect::<Vec<_>>(), &whole, names);
                    whole.clear();
                }
                TokenTree::Ident(word) if word == "as" => {
                    names.push((std::mem::take(&mut whole), ident(tokens.get(at + 1)).unwrap_or_default()));
                    break;
                }
                TokenTree::Ident(word) if word == "self" && !whole.is_empty() => {}
                TokenTree::Ident(word) => whole.push(word.to_string()),
                token if is(token, '*') => names.push((std::mem::take(&mut whole), "*".to_owned())),
                _ => {}
            }
        }
        if let Some(last) = whole.last().cloned() {
            names.push((whole, last));
        }
    }
}

/// Leaves out what is compiled for unit tests alone.
fn tested_no_more(tokens: TokenStream) -> Vec<TokenTree> {
    let mut kept: Vec<TokenTree> = Vec::new();
    let mut tokens = tokens.into_iter();
    while let Some(token) = tokens.next() {
        let attribute = kept.last().is_some_and(|last| is(last, '#'));
        match token {
            TokenTree::Group(group)
                if attribute && group.stream().to_string().replace(' ', "") == "cfg(test)" =>
            {
                kept.pop();
                let ends = |token: &TokenTree| match token {
                    TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                    token => is(token, ';'),
                };
                tokens.find(ends);
            }
            TokenTree::Group(group) => {
                let inner = tested_no_more(group.stream()).into_iter().collect();
                kept.push(proc_macro2::Group::new(group.delimiter(), inner).into());
            }
            token => kept.push(token),
        }
    }
    kept
}

/// Whether `pub`, `pub(crate)` or the like end `tokens`.
fn is_public(tokens: &[TokenTree]) -> bool {
    let before = match tokens.last() {
        Some(TokenTree::Group(_)) => &tokens[..tokens.len() - 1],
        _ => tokens,
    };
    ident(before.last()).is_some_and(|word| word == "pub")
}

fn ident(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(word)) => Some(word.to_string()),
        _ => None,
    }
}

fn is(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(found) if found.as_char() == sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a crate of these files and returns its circles.
    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("it takes a folder");
            std::fs::write(path, text).expect("it takes a file");
        }
        Imports::of(&folder.path().join("lib.rs")).circles().into_iter().collect()
    }

    #[test]
    fn every_way_to_import_is_seen() {
        let b = "use crate::a::A; pub struct B; pub fn b() {} pub const C: u8 = 0; pub trait T {}";
        for import in [
            "use crate::b::B;",
            "use super::b::{self, B};",
            "use crate::{c::C, b::{self as other, B}};",
            "use crate::b::*;",
            "fn f() { use super::b::T as _; }",
            "fn f() -> u8 { crate::b::C }",
            "fn f() -> Vec<super::b::B> { Vec::<crate::b::B>::new() }",
            "#[derive(Debug)] struct S { b: Option<[crate::b::B; 2]> }",
            "fn f() { println!(\"{}\", 1 + super::b::C); }",
            "use crate::B;",
            "use crate::c::door::B;",
            "mod inner { use super::super::b::B; }",
            "macro_rules! m { () => { $crate::b::b() } }",
        ] {
            let files = [
                ("lib.rs", "mod a; mod b; mod c; pub use b::B;"),
                ("a.rs", &*format!("pub struct A; {import}")),
                ("b.rs", b),
                ("c/mod.rs", "pub mod door; pub struct C;"),
                ("c/door.rs", "pub use crate::b::*;"),
            ];
            let found = circles(&files);
            assert_eq!(found.len(), 1, "{import}: {found:?}");
            assert!(
                found[0].starts_with("a.rs -> b.rs (") && found[0].ends_with(") -> a.rs (crate::a::A)"),
                "{found:?}"
            );
        }
    }

    #[test]
    fn what_is_no_import_makes_no_circle() {
        for text in [
            "// use crate::b::B;",
            "/// [`crate::b::B`]\npub fn f() {}",
            "fn f() -> &'static str { \"crate::b::B\" }",
            "#[cfg(test)] mod tests { use crate::b::B; }",
            "#[cfg(test)] use crate::b::B;",
            "fn f(b: u8) -> u8 { b }",
            "use std::b::B;",
        ] {
            let files = [
                ("lib.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
                ("a.rs", &*format!("pub struct A; {text}")),
                ("b.rs", "use crate::A; pub struct B;"),
            ];
            assert_eq!(circles(&files), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_list_and_its_entries_are_no_circle_unless_they_know_the_list() {
        let list = |entry: &str, more: &str| {
            circles(&[
                ("lib.rs", "mod list; pub fn all() -> usize { list::ALL.len() }"),
                (
                    "list/mod.rs",
                    &format!(
                        "mod entry; mod one; use entry::Entry; pub const ALL: &[Entry] = &[one::ONE]; {more}"
                    ),
                ),
                ("list/entry.rs", "pub struct Entry;"),
                ("list/one.rs", entry),
            ])
        };
        let own = "use super::entry::Entry; pub const ONE: Entry = Entry;";
        assert_eq!(list(own, ""), Vec::<String>::new());
        assert_eq!(
            list(&own.replace("entry::", ""), ""),
            Vec::<String>::new(),
            "by way of the list's own import"
        );
        let known = list(&format!("{own} fn f() -> usize {{ super::MANY }}"), "pub const MANY: usize = 1;");
        assert_eq!(known, ["list/mod.rs -> list/one.rs (one::ONE) -> list/mod.rs (super::MANY)"]);
    }
}
