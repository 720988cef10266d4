//! Which rows fit a space: as many of the wanted ones as there is room for, each with everything it
//! needs, and what that needs.

use std::collections::HashMap;

use super::row::Catalogue;

/// Keeps rows in their order of preference while they and all they need fit into `capacity`. A row whose
/// needs do not fit is left out, and smaller ones after it still come in. A need that the catalogue
/// cannot meet at all does not count.
pub fn choose(catalogue: Catalogue, capacity: usize) -> Catalogue {
    let index: HashMap<&[u8], usize> = catalogue
        .rows
        .iter()
        .enumerate()
        .map(|(at, row)| (&*row.name, at))
        .collect();
    let mut is_chosen = vec![false; catalogue.rows.len()];
    let mut chosen = 0;
    // A row that did not fit once will not fit later: room only shrinks, and whoever needs it fails too.
    let mut is_refused = vec![false; catalogue.rows.len()];
    for wanted in 0..catalogue.wanted {
        let closure = closure(&catalogue, &index, &is_chosen, wanted);
        if chosen + closure.len() > capacity || closure.iter().any(|&at| is_refused[at]) {
            is_refused[wanted] = true;
            continue;
        }
        chosen += closure.len();
        closure.into_iter().for_each(|at| is_chosen[at] = true);
    }
    let mut keep = is_chosen.into_iter();
    let mut rows = catalogue.rows;
    rows.retain(|_| keep.next().expect("one mark a row"));
    Catalogue {
        wanted: rows.len(),
        rows,
        ..catalogue
    }
}

/// A row that is not chosen yet and all that it needs and that is not chosen yet.
fn closure(
    catalogue: &Catalogue,
    index: &HashMap<&[u8], usize>,
    is_chosen: &[bool],
    start: usize,
) -> Vec<usize> {
    let mut found = Vec::new();
    if is_chosen[start] {
        return found;
    }
    found.push(start);
    let mut is_found = std::collections::HashSet::from([start]);
    let mut next = 0;
    while let Some(&at) = found.get(next) {
        next += 1;
        for (_, aim) in catalogue.rows[at]
            .edges
            .iter()
            .filter(|(_, aim)| aim.is_needed)
        {
            let candidates: Vec<usize> = catalogue
                .candidates(aim)
                .filter_map(|name| index.get(name).copied())
                .collect();
            let is_met = candidates
                .iter()
                .any(|c| is_chosen[*c] || is_found.contains(c));
            if let Some(&first) = candidates.first().filter(|_| !is_met) {
                is_found.insert(first);
                found.push(first);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::row::{Aim, Row};
    use super::*;

    fn catalogue(rows: &[(&str, &[&str])]) -> Catalogue {
        let row = |(name, needs): &(&str, &[&str])| Row {
            name: name.as_bytes().to_vec(),
            edges: needs
                .iter()
                .map(|need| {
                    let any_of = need.split('|').map(|n| n.as_bytes().to_vec()).collect();
                    (
                        "DEPENDS_ON".to_owned(),
                        Aim {
                            any_of,
                            is_needed: true,
                        },
                    )
                })
                .collect(),
            ..Row::default()
        };
        let rows: Vec<_> = rows.iter().map(row).collect();
        Catalogue {
            wanted: rows.len(),
            rows,
            ..Catalogue::default()
        }
    }

    fn names(catalogue: &Catalogue) -> Vec<String> {
        let name = |row: &Row| String::from_utf8_lossy(&row.name).into_owned();
        catalogue.rows.iter().map(name).collect()
    }

    #[test]
    fn what_is_chosen_has_all_it_needs_and_fits() {
        let all = || {
            catalogue(&[
                ("big", &["a", "b", "c"]),
                ("a", &["b"]),
                ("b", &["a"]),
                ("c", &[]),
                ("d", &["x|c", "missing"]),
            ])
        };
        assert_eq!(names(&choose(all(), 5)), ["big", "a", "b", "c", "d"]);
        assert_eq!(names(&choose(all(), 4)), ["big", "a", "b", "c"]);
        assert_eq!(names(&choose(all(), 3)), ["a", "b", "c"]);
        assert_eq!(names(&choose(all(), 1)), ["c"]);
        let mut few = all();
        few.wanted = 1;
        assert_eq!(names(&choose(few, 9)), ["big", "a", "b", "c"]);
    }

    #[test]
    fn a_provider_will_do() {
        let mut mail = catalogue(&[("mutt", &["mta"]), ("postfix", &[]), ("exim", &[])]);
        mail.wanted = 1;
        mail.provided
            .insert(b"mta".to_vec(), vec![b"exim".to_vec(), b"postfix".to_vec()]);
        assert_eq!(names(&choose(mail, 9)), ["mutt", "exim"]);
    }
}
