//! Counted work: the instructions of a change, of a second at rest and of a burst, as callgrind counts them. A machine's
//! moods change no count, so CI compares these with the accepted ones; a wall clock it never asks.

use std::collections::BTreeMap;
use std::fs;

use crate::tool::{self, Tool, cargo};
use crate::{Result, tests};

/// The accepted counts.
const ACCEPTED: &str = "bench/work/accepted.json";
/// By how much a count may exceed the accepted one, in percent: what another version of a library or compiler may cost.
const TOLERANCE: u64 = 10;
/// By how much a change may cost more or less among many projects than among few, in percent.
const DIFFERENCE: u64 = 5;

/// What is counted: a scenario of `forgecast-work`, among so many projects, so many times.
struct Case {
    name: &'static str,
    scenario: &'static str,
    projects: u64,
    times: u64,
    /// What one count is of, beside `times`.
    each: u64,
}

const CASES: [Case; 5] = [
    Case::new("a change, 100 projects", "changes", 100, 2, 100),
    Case::new("a change, 10,000 projects", "changes", 10_000, 2, 100),
    Case::new("a second at rest, 1,000 projects", "idle", 1_000, 60, 1),
    Case::new("a second at rest, 4,000 projects", "idle", 4_000, 60, 1),
    Case::new("a change of many at once", "burst", 2_000, 1, 2_000),
];

impl Case {
    const fn new(name: &'static str, scenario: &'static str, projects: u64, times: u64, each: u64) -> Self {
        Self {
            name,
            scenario,
            projects,
            times,
            each,
        }
    }

    /// Instructions for each.
    fn count(&self) -> Result<u64> {
        let out = tool::root().join("target/work/callgrind.out");
        let out = out.to_string_lossy();
        let (projects, times) = (self.projects.to_string(), self.times.to_string());
        let arguments = [
            "--tool=callgrind",
            &format!("--callgrind-out-file={out}"),
            "--zero-before=forgecast_work::counting_begins*",
            "--dump-before=forgecast_work::counting_ends*",
            "--quiet",
            "target/work/forgecast-work",
            self.scenario,
            &projects,
            &times,
        ];
        Tool::new(".", "valgrind", &arguments).run()?;
        // The first dump is of what came before the counting, the second of what was counted.
        let dump = fs::read_to_string(format!("{out}.2")).map_err(|error| format!("{out}.2: {error}"))?;
        let total = dump.lines().find_map(|line| line.strip_prefix("totals: "));
        let total: u64 = total
            .and_then(|total| total.trim().parse().ok())
            .ok_or_else(|| format!("{out}.2 holds no total"))?;
        Ok(total / (self.times * self.each))
    }
}

/// Instructions by the name of the case.
type Counts = BTreeMap<String, u64>;

/// `work [accept]`: counts and compares, or makes what is counted the accepted counts.
pub(crate) fn run(arguments: &[String]) -> Result {
    let accepts = match arguments {
        [] => false,
        [word] if word == "accept" => true,
        _ => return Err("work [accept]".to_owned()),
    };
    tests::provide("valgrind", "--version", &["valgrind"], "counting work")?;
    cargo(&["build", "--profile", "work", "--locked", "--package", "forgecast-work"]).run()?;
    let mut counts = Counts::new();
    for case in &CASES {
        let count = case.count()?;
        println!("{count:>10} instructions for {}", case.name);
        counts.insert(case.name.to_owned(), count);
    }
    let accepted = tool::root().join(ACCEPTED);
    if accepts {
        let text = serde_json::to_string_pretty(&counts).map_err(|error| error.to_string())?;
        return fs::write(&accepted, text + "\n").map_err(|error| format!("{ACCEPTED}: {error}"));
    }
    let text = fs::read_to_string(&accepted).map_err(|error| format!("{ACCEPTED}: {error}"))?;
    let accepted: Counts = serde_json::from_str(&text).map_err(|error| format!("{ACCEPTED}: {error}"))?;
    let troubles = compare(&counts, &accepted);
    if troubles.is_empty() {
        Ok(())
    } else {
        Err(troubles.join("\n"))
    }
}

/// What exceeds the accepted counts, and what grows with the number of projects.
fn compare(counts: &Counts, accepted: &Counts) -> Vec<String> {
    let mut troubles = Vec::new();
    for (name, count) in counts {
        match accepted.get(name) {
            Some(most) if count * 100 > most * (100 + TOLERANCE) => troubles.push(format!(
                "{name}: {count} instructions, {most} are accepted; make it cheaper, or say in the commit why it is worth \
                 it and run `cargo xtask work accept`"
            )),
            Some(_) => {}
            None => troubles.push(format!("{name}: no count is accepted; run `cargo xtask work accept`")),
        }
    }
    let few = counts.get(CASES[0].name).copied().unwrap_or_default();
    let many = counts.get(CASES[1].name).copied().unwrap_or_default();
    if few.abs_diff(many) * 100 > few * DIFFERENCE {
        troubles.push(format!(
            "a change costs {few} instructions among {} projects and {many} among {}: it grows with their number",
            CASES[0].projects, CASES[1].projects
        ));
    }
    troubles
}

#[cfg(test)]
mod comparison {
    use super::*;

    fn counts(changes: [u64; 2], burst: u64) -> Counts {
        let names = [CASES[0].name, CASES[1].name, CASES[4].name];
        let counts = names.into_iter().zip([changes[0], changes[1], burst]);
        counts.map(|(name, count)| (name.to_owned(), count)).collect()
    }

    #[test]
    fn what_costs_more_than_accepted_or_grows_is_a_trouble() {
        let accepted = counts([1_000, 1_000], 500);
        assert_eq!(compare(&counts([1_020, 1_060], 540), &accepted), [""; 0]);
        let [dearer] = &compare(&counts([1_000, 1_000], 560), &accepted)[..] else {
            panic!("one trouble")
        };
        assert!(dearer.contains("560 instructions, 500 are accepted"), "{dearer}");
        let [growing] = &compare(&counts([1_000, 1_080], 500), &accepted)[..] else {
            panic!("one trouble")
        };
        assert!(growing.contains("grows with their number"), "{growing}");
        assert_eq!(compare(&accepted, &Counts::new()).len(), 3);
    }
}
