//! The ids of agents in brief. They are long and say nothing, so tables show their beginning, and commands accept it.

use std::collections::{BTreeMap, BTreeSet};

/// The least that is shown of an id, in bytes.
const LEAST: usize = 8;
/// The length of a whole id.
const WHOLE: usize = 36;

/// As much of each id as tells it from the others, at least eight letters; of all the same length.
pub(super) fn short_ids<'i>(ids: impl Iterator<Item = &'i str>) -> BTreeMap<&'i str, &'i str> {
    let ids: Vec<&str> = ids.collect::<BTreeSet<_>>().into_iter().collect();
    // Among sorted ids those that begin alike are neighbors.
    let alike = ids.windows(2).map(|neighbors| shared(neighbors[0], neighbors[1]));
    let length = alike.max().map_or(LEAST, |alike| LEAST.max(alike + 1));
    ids.iter().map(|id| (*id, id.get(..length).unwrap_or(id))).collect()
}

fn shared(one: &str, other: &str) -> usize {
    one.bytes()
        .zip(other.bytes())
        .take_while(|(one, other)| one == other)
        .count()
}

/// Whether a text may be the beginning of an agent's id.
pub(crate) fn is_short_id(text: &str) -> bool {
    (LEAST..WHOLE).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_as_short_as_they_can_be_told_apart() {
        let of = |ids: &[&'static str]| short_ids(ids.iter().copied()).into_values().collect::<Vec<_>>();
        let (one, other) = (
            "7d1f0c3e-77aa-4f0e-9a55-0d5b7f7b2c11",
            "019a8b72-1111-7000-8000-000000000000",
        );
        assert_eq!(of(&[one, other]), ["019a8b72", "7d1f0c3e"]);
        let neighbor = "019a8b72-1112-7000-8000-000000000000";
        assert_eq!(of(&[other, neighbor]), ["019a8b72-1111", "019a8b72-1112"]);
        assert_eq!(of(&["short", one]), ["7d1f0c3e", "short"]);
        assert!(is_short_id("7d1f0c3e-77") && !is_short_id("weather-app") && !is_short_id("7d1f0c3"));
        assert!(!is_short_id(one), "a whole one is not looked up");
    }
}
