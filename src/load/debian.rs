//! Debian's package catalogue: a Packages file, or what `apt-cache dumpavail` prints.
//!
//! A package becomes a node: its name, its description as the value, all other fields as fields, kind
//! Package. Relations become edges; of alternatives (`a | b`) the first that is loaded is taken, and for
//! a virtual package the first that provides it. A conflict with versions that are not in the catalogue,
//! as most are, is none.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use ladybug_engine::space::fields::FieldValue;

use super::LoadError;
use super::debian_version::meets;
use super::row::{Aim, Catalogue, Row};

/// Which fields name other packages, by which verb, and whether the package is of no use without them.
const RELATIONS: [(&str, &str, bool); 6] = [
    ("Pre-Depends", "DEPENDS_ON", true),
    ("Depends", "DEPENDS_ON", true),
    ("Recommends", "RECOMMENDS", false),
    ("Suggests", "SUGGESTS", false),
    ("Conflicts", CONFLICTS, false),
    ("Breaks", CONFLICTS, false),
];
const CONFLICTS: &str = "CONFLICTS_WITH";

/// Sections in the order in which their packages are taken while there is room: first what people look
/// for, last what is there for other packages and comes with them.
const SECTIONS_FIRST: [&str; 22] = [
    "web",
    "httpd",
    "net",
    "mail",
    "database",
    "admin",
    "utils",
    "editors",
    "games",
    "graphics",
    "sound",
    "video",
    "text",
    "math",
    "science",
    "education",
    "devel",
    "vcs",
    "comm",
    "news",
    "shells",
    "misc",
];
const SECTIONS_LAST: [&str; 8] = [
    "libs",
    "libdevel",
    "oldlibs",
    "debug",
    "doc",
    "localization",
    "introspection",
    "metapackages",
];

/// Reads all paragraphs. With sections, only their packages are wanted, and what those depend on.
pub fn parse(input: &[u8], sections: &[String]) -> Result<Catalogue, LoadError> {
    let text = String::from_utf8_lossy(input);
    let mut packages: Vec<Package> = Vec::new();
    let mut versions = HashMap::new();
    let mut provided: HashMap<Vec<u8>, Vec<Vec<u8>>> = HashMap::new();
    let mut paragraph = Vec::new();
    for (at, line) in text.lines().chain([""]).enumerate() {
        if line.trim_end().is_empty() {
            if let Some(package) = package(std::mem::take(&mut paragraph)) {
                // The first paragraph of a name is the version that apt would install.
                let name = package.row.name.clone();
                if let Entry::Vacant(first) = versions.entry(name.clone()) {
                    first.insert(package.version.clone());
                    for virtual_name in &package.provides {
                        let providers = provided.entry(virtual_name.clone()).or_default();
                        providers.push(name.clone());
                    }
                    packages.push(package);
                }
            }
        } else if let Some(more) = line.strip_prefix([' ', '\t']) {
            let Some((_, value)) = paragraph.last_mut() else {
                return Err(wrong(at, line));
            };
            let value: &mut String = value;
            value.push('\n');
            value.push_str(more.trim_end());
        } else {
            let Some((name, value)) = line.split_once(':') else {
                return Err(wrong(at, line));
            };
            paragraph.push((name.to_owned(), value.trim().to_owned()));
        }
    }
    let packages = packages.into_iter();
    let mut packages: Vec<Row> = packages
        .map(|package| package.without_bygone_conflicts(&versions))
        .collect();
    if packages.is_empty() {
        return Err(LoadError::Empty(
            "paragraphs with a Package field, as apt-cache dumpavail prints",
        ));
    }
    let rank = |row: &Row| {
        let section = section(row);
        if !sections.is_empty() {
            return usize::from(!sections.iter().any(|wanted| wanted == section));
        }
        let early = SECTIONS_FIRST.iter().position(|name| *name == section);
        let late = SECTIONS_LAST.iter().position(|name| *name == section);
        let between = SECTIONS_FIRST.len();
        early.or(late.map(|at| between + 1 + at)).unwrap_or(between)
    };
    packages.sort_by_cached_key(rank);
    let wanted = match sections {
        [] => packages.len(),
        _ => packages.partition_point(|row| rank(row) == 0),
    };
    if wanted == 0 {
        return Err(LoadError::Empty(
            "packages of the sections that --section names",
        ));
    }
    Ok(Catalogue {
        wanted,
        rows: packages,
        provided,
        options: sections.join(","),
    })
}

fn wrong(at: usize, line: &str) -> LoadError {
    LoadError::Syntax {
        line: at as u64 + 1,
        expected: "'Field: value', or a continuation that starts with a space",
        got: format!("'{line:.60}'"),
    }
}

/// A package's section without its area: `web` of `non-free/web`.
fn section(row: &Row) -> &str {
    let field = row.fields.iter().find(|(name, _)| name == "section");
    match field {
        Some((_, FieldValue::Bytes(section))) => {
            let section = std::str::from_utf8(section).unwrap_or_default();
            section.rsplit('/').next().unwrap_or_default()
        }
        _ => "",
    }
}

/// A paragraph.
#[derive(Default)]
struct Package {
    row: Row,
    version: String,
    /// The names that it provides.
    provides: Vec<Vec<u8>>,
    /// What versions each of the row's edges is about, as `<< 1.2`, if it is a conflict with some.
    limits: Vec<Option<String>>,
}

impl Package {
    /// The row, with those conflicts that are with a version that is there.
    fn without_bygone_conflicts(self, versions: &HashMap<Vec<u8>, String>) -> Row {
        let Self {
            mut row, limits, ..
        } = self;
        let edges = row.edges.into_iter().zip(limits);
        let is_there = |(_, aim): &(String, Aim), limit: &str| {
            let version = aim.any_of.first().and_then(|name| versions.get(name));
            version.is_some_and(|version| meets(version, limit))
        };
        row.edges = edges
            .filter(|(edge, limit)| limit.as_ref().is_none_or(|limit| is_there(edge, limit)))
            .map(|(edge, _)| edge)
            .collect();
        row
    }
}

/// A paragraph as a package, if it is one.
fn package(paragraph: Vec<(String, String)>) -> Option<Package> {
    let mut package = Package::default();
    let Package {
        row,
        version,
        provides,
        limits,
    } = &mut package;
    row.kinds = vec!["Package".to_owned()];
    for (field, value) in paragraph {
        match field.as_str() {
            "Package" => row.name = value.into_bytes(),
            "Description" => row.value = Some(value.into_bytes()),
            _ => {
                if let Some((_, verb, is_needed)) =
                    RELATIONS.iter().find(|(name, ..)| *name == field)
                {
                    for relation in value.split(',') {
                        let any_of: Vec<_> = relation.split('|').filter_map(package_name).collect();
                        if any_of.is_empty() {
                            continue;
                        }
                        let aim = Aim {
                            any_of,
                            is_needed: *is_needed,
                        };
                        row.edges.push(((*verb).to_owned(), aim));
                        // What is needed is there in a version that will do.
                        let limit = limit(relation).filter(|_| *verb == CONFLICTS);
                        limits.push(limit.map(str::to_owned));
                    }
                }
                if field == "Provides" {
                    provides.extend(value.split(',').filter_map(package_name));
                }
                if field == "Version" {
                    version.clone_from(&value);
                }
                let value = match value.parse() {
                    Ok(number) if field.ends_with("Size") => FieldValue::Integer(number),
                    _ => FieldValue::Bytes(value.into_bytes().into()),
                };
                row.fields.push((field.to_lowercase(), value));
            }
        }
    }
    (!row.name.is_empty()).then_some(package)
}

/// What is in the parentheses of a relation such as `libc6:any (>= 2.34)`.
fn limit(relation: &str) -> Option<&str> {
    let (_, rest) = relation.split_once('(')?;
    Some(rest.split_once(')')?.0)
}

/// The name in a relation such as `libc6:any (>= 2.34)`.
fn package_name(relation: &str) -> Option<Vec<u8>> {
    let name = relation.split_whitespace().next()?;
    let name = name.split([':', '(']).next()?;
    (!name.is_empty()).then(|| name.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGES: &str = "\
Package: libc6
Section: libs
Version: 2.36-9+deb12u14
Description: GNU C Library

Package: nginx-full
Section: httpd
Version: 1.22

Package: nginx
Section: httpd
Version: 1.22
Size: 41
Depends: libc6 (>= 2.34), httpd-common | apache2
Breaks: nginx-old:any (<< 1), nginx-full (<< 1), libc6 (<< 2.37)
Provides: httpd (= 1)
Description: small, powerful web server
 with two
 lines

Package: nginx
Version: 0.1
";

    #[test]
    fn paragraphs_become_packages_with_relations() {
        let catalogue = parse(PACKAGES.as_bytes(), &[]).expect("packages");
        let [_, nginx, libc] = &catalogue.rows[..] else {
            panic!("three packages")
        };
        assert_eq!((&*nginx.name, &*libc.name), (&b"nginx"[..], &b"libc6"[..]));
        assert_eq!(
            nginx.value.as_deref(),
            Some(&b"small, powerful web server\nwith two\nlines"[..])
        );
        assert!(
            nginx
                .fields
                .contains(&("size".to_owned(), FieldValue::Integer(41)))
        );
        let edges: Vec<_> = nginx
            .edges
            .iter()
            .map(|(verb, aim)| (verb.as_str(), aim.any_of.len()))
            .collect();
        // Of the versions that it breaks, that of libc6 is there.
        assert_eq!(
            edges,
            [("DEPENDS_ON", 1), ("DEPENDS_ON", 2), ("CONFLICTS_WITH", 1)]
        );
        assert_eq!(nginx.edges[2].1.any_of, [b"libc6"]);
        assert_eq!(catalogue.provided[&b"httpd"[..]], [b"nginx"]);
        let only = parse(PACKAGES.as_bytes(), &["libs".to_owned()]).expect("packages");
        assert_eq!((only.wanted, &*only.rows[0].name), (1, &b"libc6"[..]));
    }

    #[test]
    fn wrong_input_is_named() {
        let error = parse(b"Package: a\nnonsense\n", &[]).expect_err("no field");
        assert_eq!(
            error.to_string(),
            "line 2: expected 'Field: value', or a continuation that starts with a space, got 'nonsense'"
        );
        assert!(parse(b" continuation\n", &[]).is_err());
        assert!(parse(b"", &[]).is_err());
        assert!(parse(PACKAGES.as_bytes(), &["nosuch".to_owned()]).is_err());
    }
}
