//! Names whose sessions have all left memory. What stays of each is the number of its newest run, so that no id is used twice.
//! A hash stands for the name: two names that share one skip a number, which harms nobody.

use std::collections::HashMap;

use forgecast_protocol::SessionName;

use crate::batch::hash_of;

/// So many names are told apart, in some 20 MB at most.
const MAX_NAMES: usize = 1 << 19;

/// The newest runs of names that have left memory.
#[derive(Clone, Debug, Default)]
pub(super) struct RetiredNames {
    newest: HashMap<u64, u32>,
    /// The newest run of any name that is not told apart any more: the next run of every other name comes after it.
    floor: u32,
}

impl RetiredNames {
    /// The newest run there was of this name, or a higher number; 0 when there was none.
    pub(super) fn newest(&self, name: &SessionName) -> u32 {
        let known = self.newest.get(&hash_of(name)).copied().unwrap_or(0);
        known.max(self.floor)
    }

    /// Adds a name.
    pub(super) fn add(&mut self, name: &SessionName, newest: u32) {
        if self.newest.len() >= MAX_NAMES {
            let highest = self.newest.values().max().copied().unwrap_or(0);
            self.floor = self.floor.max(highest);
            self.newest = HashMap::new();
        }
        let known = self.newest.entry(hash_of(name)).or_default();
        *known = newest.max(*known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_used_again_however_many_names_there_were() {
        let name = |number: usize| format!("s{number}").parse::<SessionName>().unwrap();
        let mut retired = RetiredNames::default();
        retired.add(&name(0), 3);
        retired.add(&name(0), 2);
        assert_eq!((retired.newest(&name(0)), retired.newest(&name(1))), (3, 0));
        for number in 1..=MAX_NAMES {
            retired.add(&name(number), 1);
        }
        assert!(retired.newest.len() <= MAX_NAMES);
        assert!(retired.newest(&name(0)) >= 3 && retired.newest(&name(MAX_NAMES + 1)) >= 1);
    }
}
