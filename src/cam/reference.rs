//! `docs/cam.md`: the reference of all methods, written from the table they are dispatched by.

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use ladybug_engine::space::concepts::{CONCEPTS, PRIMES};
    use ladybug_engine::space::verbs::{BUILT_IN, Group};

    use super::super::table::{Class, FAMILIES, Family, Operation};
    use super::super::{program, vocabulary};

    const HEAD: &str = include_str!("reference.head");

    /// The page.
    fn render() -> String {
        let mut page = HEAD.to_owned();
        let there: Vec<&Family> = FAMILIES.iter().flatten().copied().collect();
        let count = |wanted: &str| {
            let operations = there.iter().flat_map(|family| family.operations);
            operations
                .filter(|operation| operation.class.name() == wanted)
                .count()
        };
        writeln!(
            page,
            "Of the {} operations below, {} are relational, {} writes, {} other.\n",
            16 * there.len(),
            count("relational"),
            count("write"),
            count("other"),
        )
        .unwrap();
        for family in there {
            writeln!(
                page,
                "## 0x{:02X} {}\n\n{}.\n",
                family.prefix, family.name, family.doc
            )
            .unwrap();
            for (code, operation) in family.operations.iter().enumerate() {
                describe(family, code, operation, &mut page);
            }
        }
        verbs(&mut page);
        concepts(&mut page);
        programs(&mut page);
        page
    }

    /// What is called when a word is: the operations that its operands choose from.
    fn calls(page: &mut String, all: &[(&str, &Operation)]) {
        for (name, operation) in all {
            let syntax = format!("{name} {}", operation.syntax());
            writeln!(page, "    {}\n", syntax.trim_end()).unwrap();
            writeln!(page, "{}.\n", operation.doc).unwrap();
            let columns: Vec<_> = operation
                .columns
                .iter()
                .map(|column| format!("`{}`", column.name))
                .collect();
            writeln!(page, "Answers {}.\n", columns.join(", ")).unwrap();
        }
    }

    fn verbs(page: &mut String) {
        page.push_str(include_str!("reference.verbs"));
        calls(
            page,
            &[
                ("CAM.VERBS.<WORD>", &vocabulary::TARGETS),
                ("CAM.VERBS.<WORD>", &vocabulary::HOLDS),
                ("CAM.VERBS.<WORD>", &vocabulary::ASSERT),
                ("CAM.VERBS.DEFINE", &vocabulary::DEFINE_VERB),
                ("CAM.VERBS", &vocabulary::VERBS),
            ],
        );
        page.push_str("| group | verbs, each with its inverse |\n|---|---|\n");
        for group in Group::ALL {
            let words = BUILT_IN
                .iter()
                .zip(0x0700..)
                .filter(|(word, _)| word.group == group);
            let words: Vec<_> = words
                .map(|(word, id)| {
                    let inverse = match word.is_symmetric() {
                        true => "symmetric",
                        false => word.inverse,
                    };
                    let transitive = if word.is_transitive {
                        ", transitive"
                    } else {
                        ""
                    };
                    format!("`{id:04X}` {} ({inverse}{transitive})", word.name)
                })
                .collect();
            writeln!(page, "| {group} | {} |", words.join(", ")).unwrap();
        }
        page.push('\n');
    }

    fn concepts(page: &mut String) {
        page.push_str(include_str!("reference.concepts"));
        calls(
            page,
            &[
                ("CAM.CONCEPTS.<WORD>", &vocabulary::INSTANCES),
                ("CAM.CONCEPTS.<WORD>", &vocabulary::MEMBER),
                ("CAM.CONCEPTS.<WORD>", &vocabulary::MEMBER_OF_QUERY),
                ("CAM.CONCEPTS.DEFINE", &vocabulary::DEFINE_CONCEPT),
                ("CAM.CONCEPTS", &vocabulary::CONCEPTS),
            ],
        );
        for (title, words) in [
            ("Semantic primes", &CONCEPTS[..PRIMES]),
            ("Kinds", &CONCEPTS[PRIMES..]),
        ] {
            let words: Vec<_> = words
                .iter()
                .map(|word| format!("{} ({})", word.name, word.doc))
                .collect();
            writeln!(page, "{title}: {}.\n", words.join(", ")).unwrap();
        }
    }

    fn programs(page: &mut String) {
        page.push_str(include_str!("reference.programs"));
        calls(
            page,
            &[
                ("CAM.DEFINE", &program::DEFINE),
                ("CAM.UNDEFINE", &program::UNDEFINE),
                ("CAM.USER", &program::LIST),
            ],
        );
    }

    fn describe(family: &Family, code: usize, operation: &Operation, page: &mut String) {
        let name = format!("CAM.{}.{}", family.name, operation.name);
        let syntax = format!("{name} {}", operation.syntax());
        writeln!(
            page,
            "### 0x{:02X}{code:X}0 {}\n",
            family.prefix, operation.name
        )
        .unwrap();
        writeln!(page, "    {}\n", syntax.trim_end()).unwrap();
        writeln!(page, "{}.\n", operation.doc).unwrap();
        for (at, argument) in operation.arguments.iter().enumerate() {
            writeln!(page, "- `{}`: {}", argument.name, operation.expected(at)).unwrap();
        }
        if !operation.arguments.is_empty() {
            page.push('\n');
        }
        let columns: Vec<_> = operation
            .columns
            .iter()
            .map(|column| format!("`{}`", column.name))
            .collect();
        let class = match operation.class {
            Class::Relational(_) | Class::Derived(_) => "Relational: FORM plan shows its SQL.",
            Class::Write(_) => "Writes: FORM plan shows the statements that it amounts to.",
            Class::Other(_) if operation.kernel.writes() => {
                "Writes what no statement says: FORM plan shows its operators."
            }
            Class::Other(_) => "FORM plan shows its operators.",
        };
        let scope = match operation.is_scoped {
            true => "",
            false => " Reads no stored rows: scope all only.",
        };
        let columns = match columns.is_empty() {
            true => "what the call decides".to_owned(),
            false => columns.join(", "),
        };
        writeln!(page, "Answers {columns}. {class}{scope}").unwrap();
        if !operation.source.is_empty() {
            writeln!(page, "Source: {}.", operation.source).unwrap();
        }
        page.push('\n');
    }

    #[test]
    fn the_page_of_methods_is_what_the_table_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cam.md");
        let page = render();
        if std::env::var_os("LADYBUG_REGENERATE").is_some() {
            std::fs::write(path, &page).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == page,
            "docs/cam.md is not what the table says: LADYBUG_REGENERATE=1 cargo test --lib reference"
        );
    }
}
