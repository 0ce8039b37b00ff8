//! The house itself: which module imports which.
//!
//! In each folder the modules, each with all that is below it, import one another without circles: whoever reads one
//! need not have read another first that needs the one. What a module says of itself in tests does not count.

#![expect(clippy::unwrap_used, reason = "a test ends where it panics")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A module: its path below the crate, as in `["feed", "hub"]`.
type Name = Vec<String>;

/// The modules of a crate.
struct Crate {
    /// The text of each, without its tests.
    texts: BTreeMap<Name, String>,
    /// Of each, the names that it passes on from a module below it.
    passed_on: BTreeMap<Name, BTreeMap<String, String>>,
}

impl Crate {
    fn read(source: &Path) -> Self {
        let mut texts = BTreeMap::new();
        for file in files(source) {
            let text = std::fs::read_to_string(&file).unwrap();
            texts.insert(name_of(source, &file), without_tests(&text));
        }
        let passed_on = texts.iter().map(|(name, text)| (name.clone(), passed_on(text))).collect();
        Self { texts, passed_on }
    }

    /// The module that a path leads to, from the root of the crate.
    fn resolve(&self, path: &[String]) -> Name {
        let mut at = Name::new();
        for segment in path {
            let mut below = at.clone();
            below.push(segment.clone());
            if self.texts.contains_key(&below) {
                at = below;
                continue;
            }
            let passed_on = self.passed_on.get(&at).and_then(|names| names.get(segment));
            match passed_on {
                Some(child) => at.push(child.clone()),
                None => break,
            }
        }
        at
    }

    /// Which module of a folder imports which of it.
    fn imports_in(&self, folder: &[String]) -> BTreeMap<String, BTreeSet<String>> {
        let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, text) in &self.texts {
            let Some(from) = below(folder, name) else { continue };
            for path in paths(name, text) {
                let to = self.resolve(&path);
                if let Some(to) = below(folder, &to).filter(|to| *to != from) {
                    imports.entry(from.clone()).or_default().insert(to);
                }
            }
        }
        imports
    }

    fn folders(&self) -> BTreeSet<Name> {
        self.texts
            .keys()
            .filter(|name| !name.is_empty())
            .map(|name| name[..name.len() - 1].to_vec())
            .collect()
    }
}

/// The module of a folder that another one is or is below.
fn below(folder: &[String], name: &[String]) -> Option<String> {
    name.strip_prefix(folder)?.first().cloned()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if path.extension().is_some_and(|kind| kind == "rs") && !path.ends_with("tests.rs") {
            all.push(path);
        }
    }
    all
}

fn name_of(source: &Path, file: &Path) -> Name {
    let inside = file.strip_prefix(source).unwrap().with_extension("");
    let mut name: Name = inside.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if matches!(name.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        name.pop();
    }
    name
}

fn without_tests(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The names that `pub use child::{…}` passes on, and from where.
fn passed_on(text: &str) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for statement in text.split(';') {
        let Some((before, tree)) = statement.rsplit_once("use ") else { continue };
        let is_public = before.rsplit('\n').next().is_some_and(|line| line.trim().starts_with("pub"));
        if !is_public {
            continue;
        }
        for path in spread(tree) {
            if let [child, .., name] = path.as_slice() {
                names.insert(name.clone(), child.clone());
            }
        }
    }
    names
}

/// The paths into its own crate that a module names, from the crate's root.
fn paths(name: &[String], text: &str) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some(at) = ["crate::", "super::"].iter().filter_map(|start| rest.find(start)).min() {
        let is_use = rest[..at].trim_end().ends_with("use");
        let ends: &[char] = if is_use { &[';'] } else { &[';', ')', ' ', '<', '>', '(', '&', '?', '{', ','] };
        let end = rest[at..].find(ends).map_or(rest.len(), |end| at + end);
        for path in spread(&rest[at..end]) {
            let up = path.iter().take_while(|segment| *segment == "super").count();
            let own = if path[0] == "crate" { &path[1..] } else { &path[up..] };
            let base = if path[0] == "crate" { &[] } else { &name[..name.len().saturating_sub(up)] };
            all.push(base.iter().chain(own).cloned().collect());
        }
        rest = &rest[end.max(at + 1)..];
    }
    all
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`.
fn spread(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        let path: Vec<String> = path.split("::").map(|part| part.trim().to_owned()).collect();
        return if path.iter().any(String::is_empty) { Vec::new() } else { vec![path] };
    };
    let head: Vec<String> =
        tree[..open].split("::").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect();
    let close = tree.rfind('}').unwrap_or(tree.len());
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for letter in tree[open + 1..close].chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(letter);
    }
    let joined = |part: &String| {
        let below = if part.trim() == "self" { vec![Vec::new()] } else { spread(part) };
        below.into_iter().map(|below| [head.clone(), below].concat()).collect::<Vec<_>>()
    };
    parts.iter().flat_map(joined).collect()
}

/// A circle, if there is one.
fn circle(imports: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn walk(
        at: &str,
        imports: &BTreeMap<String, BTreeSet<String>>,
        way: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        if let Some(start) = way.iter().position(|one| one == at) {
            return Some(way[start..].to_vec());
        }
        if !done.insert(at.to_owned()) {
            return None;
        }
        way.push(at.to_owned());
        let found = imports.get(at).into_iter().flatten().find_map(|next| walk(next, imports, way, done));
        way.pop();
        found
    }
    let mut done = BTreeSet::new();
    imports.keys().find_map(|start| walk(start, imports, &mut Vec::new(), &mut done))
}

#[test]
fn modules_import_one_another_without_circles() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = Vec::new();
    for name in ["domain", "domain/derive", "application", "projections", "infrastructure", "api"] {
        let read = Crate::read(&root.join(name).join("src"));
        assert!(!read.texts.is_empty(), "{name} has no modules");
        for folder in read.folders() {
            if let Some(circle) = circle(&read.imports_in(&folder)) {
                found.push(format!("{name} {}: {}", folder.join("/"), circle.join(" -> ")));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_circle_is_found() {
    let of = |pairs: &[(&str, &str)]| {
        let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in pairs {
            imports.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        circle(&imports)
    };
    assert_eq!(of(&[("a", "b"), ("b", "c"), ("a", "c")]), None);
    assert_eq!(of(&[("a", "b"), ("b", "c"), ("c", "b")]), Some(vec!["b".to_owned(), "c".to_owned()]));
}

#[test]
fn imports_are_read_through_braces_and_what_a_module_passes_on() {
    let name = |text: &str| text.split("::").map(ToOwned::to_owned).collect::<Name>();
    let spread: Vec<String> =
        spread("super::{a::{B, c::D}, self}").iter().map(|path| path.join("::")).collect();
    assert_eq!(spread, ["super::a::B", "super::a::c::D", "super"]);
    let text = "use crate::feed::{Hub, Tail as T};\nfn f(x: &crate::ports::Store) { super::g() }";
    let paths: Vec<String> = paths(&name("worker::lane"), text).iter().map(|path| path.join("::")).collect();
    assert_eq!(paths, ["feed::Hub", "feed::Tail", "ports::Store", "worker::g"]);
    assert_eq!(passed_on("mod hub;\npub use hub::{Hub};")["Hub"], "hub");
}

#[test]
fn the_readme_shows_the_example_as_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let read = |file: &str| std::fs::read_to_string(root.join(file)).unwrap();
    let example = read("api/examples/gym.rs");
    let code = example.split("#[cfg(test)]").next().unwrap();
    let code = code[code.find("use wilco").unwrap()..].trim();
    assert!(read("README.md").contains(code), "README.md shows another example than api/examples/gym.rs");
}
