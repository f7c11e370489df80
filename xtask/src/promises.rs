//! The promises of the system that Forgecast replaces, each with its tests: the table of `docs/context-foundry.md`, run and
//! printed with what is measured on the way.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::Result;
use crate::tests;
use crate::tool::{self, Tool, cargo};

/// Where the table is.
const TABLE: &str = "docs/context-foundry.md";

/// One line of the table.
#[derive(Debug, PartialEq)]
struct Promise {
    /// `S8`.
    number: String,
    text: String,
    tests: Vec<Test>,
}

/// A test: what runs it, and its name; of one that Vitest or Playwright runs, a part of its title is enough.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Test {
    runner: Runner,
    name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Runner {
    /// `rust:` cargo-nextest.
    Rust,
    /// `ui:` Vitest.
    Ui,
    /// `e2e:` Playwright.
    Browser,
    /// `day:` builds at work for minutes or hours (`bench/src/day.rs`).
    Day,
}

/// Names of the tests that ran, and whether each passed.
type Outcomes = Vec<(String, bool)>;

/// The one test of [`Runner::Day`].
const DAY: &str = "a day of builds at twelve times its pace";
/// How long it takes, in minutes, unless it is said otherwise.
const DAY_MINUTES: f64 = 10.0;

/// `promises [--minutes N | --hours N]`: runs the tests of the table and prints its lines.
pub(crate) fn run(arguments: &[String]) -> Result {
    let minutes = minutes(arguments)?;
    let text = fs::read_to_string(tool::root().join(TABLE)).map_err(|error| format!("{TABLE}: {error}"))?;
    let promises = promises(&text)?;
    let named = |runner: Runner| -> Vec<&str> {
        let tests = promises.iter().flat_map(|promise| &promise.tests);
        tests
            .filter(|test| test.runner == runner)
            .map(|test| test.name.as_str())
            .collect()
    };
    let (day, figures) = day(minutes)?;
    let outcomes = BTreeMap::from([
        (Runner::Day, day),
        (Runner::Rust, rust(&named(Runner::Rust))?),
        (Runner::Ui, ui(&named(Runner::Ui))?),
        (Runner::Browser, browser(&named(Runner::Browser))?),
    ]);
    let mut broken = 0;
    for promise in &promises {
        let wrong: Vec<String> = promise
            .tests
            .iter()
            .filter_map(|test| trouble(test, &outcomes))
            .collect();
        let mark = if wrong.is_empty() { "✓" } else { "✗" };
        println!(
            "{mark} {:<4} {} (tests: {})",
            promise.number,
            promise.text,
            promise.tests.len()
        );
        if promise.tests.iter().any(|test| test.runner == Runner::Day) {
            println!("       measured in {minutes} min: {figures}");
        }
        wrong.iter().for_each(|wrong| println!("       {wrong}"));
        broken += usize::from(!wrong.is_empty());
    }
    match broken {
        0 => Ok(()),
        broken => Err(format!("{broken} of {} promises are not kept", promises.len())),
    }
}

/// What is wrong with a test of the table, if anything is.
fn trouble(test: &Test, outcomes: &BTreeMap<Runner, Outcomes>) -> Option<String> {
    let ran = outcomes.get(&test.runner).into_iter().flatten();
    let mut ran = ran.filter(|(name, _)| name.contains(&test.name)).peekable();
    if ran.peek().is_none() {
        return Some(format!("no such test: {}", test.name));
    }
    let mut failed = ran.filter(|(_, passed)| !passed);
    failed.next().map(|(name, _)| format!("failed: {name}"))
}

/// The lines of the table.
fn promises(text: &str) -> Result<Vec<Promise>> {
    let rows = text.lines().filter(|line| line.starts_with("| S"));
    let promises = rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [number, text, tests, ..] = cells[..] else {
            return Err(format!("{TABLE}: a line without tests: {row}"));
        };
        let tests = tests.split('`').skip(1).step_by(2).map(test);
        let tests = tests.collect::<Result<Vec<Test>>>()?;
        if tests.is_empty() {
            return Err(format!("{TABLE}: {number} names no test"));
        }
        Ok(Promise {
            number: number.to_owned(),
            text: text.to_owned(),
            tests,
        })
    });
    promises.collect()
}

/// How long the day takes, in minutes.
fn minutes(arguments: &[String]) -> Result<f64> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (unit, number) = match words[..] {
        [] => return Ok(DAY_MINUTES),
        ["--minutes", number] => (1.0, number),
        ["--hours", number] => (60.0, number),
        _ => return Err("promises takes `--minutes N` or `--hours N`, how long a day of builds is played".to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| format!("`{number}` is no number"))?;
    let minutes = number * unit;
    if (1.0..=24.0 * 60.0).contains(&minutes) {
        Ok(minutes)
    } else {
        Err("a day of builds is played in 1 minute to 24 hours".to_owned())
    }
}

/// `rust: name`, `ui: name`, `e2e: name`, `day: name`.
fn test(text: &str) -> Result<Test> {
    let (runner, name) = text.split_once(": ").unwrap_or(("", text));
    let runner = match runner {
        "rust" => Runner::Rust,
        "ui" => Runner::Ui,
        "e2e" => Runner::Browser,
        "day" => Runner::Day,
        _ => {
            return Err(format!(
                "{TABLE}: `{text}` does not say what runs it: rust, ui, e2e or day"
            ));
        }
    };
    Ok(Test {
        runner,
        name: name.to_owned(),
    })
}

/// In the words of cargo-nextest: `PASS [   0.014s] (3/9) forgecast-hub::it durability::what_…`.
fn rust(names: &[&str]) -> Result<Outcomes> {
    let filter = format!("test(/(^|::)({})$/)", names.join("|"));
    let arguments = [
        "nextest",
        "run",
        "--workspace",
        "--locked",
        "--no-fail-fast",
        "-E",
        &filter,
    ];
    let printed = cargo(&arguments).errors()?;
    let outcomes = printed.lines().filter_map(|line| {
        let (word, rest) = line.trim().split_once(' ')?;
        let passed = match word {
            "PASS" => true,
            "FAIL" | "TIMEOUT" | "SIGABRT" => false,
            _ => return None,
        };
        Some((rest.rsplit_once(' ')?.1.to_owned(), passed))
    });
    Ok(outcomes.collect())
}

fn ui(names: &[&str]) -> Result<Outcomes> {
    const FOLDER: &str = "crates/forgecast-ui";
    tests::install(FOLDER)?;
    let report = Tool::new(
        FOLDER,
        "npx",
        &["vitest", "run", "--reporter=json", "-t", &names.join("|")],
    )
    .printed()?;
    let tests = array(&report, "testResults").into_iter();
    let tests = tests.flat_map(|file| file["assertionResults"].as_array().cloned().unwrap_or_default());
    let ran = tests.filter(|test| test["status"] == "passed" || test["status"] == "failed");
    Ok(ran
        .map(|test| (text(&test["title"]), test["status"] == "passed"))
        .collect())
}

fn browser(names: &[&str]) -> Result<Outcomes> {
    tests::prepare_browser()?;
    let report = Tool::new(
        "e2e",
        "npx",
        &["playwright", "test", "--reporter=json", "-g", &names.join("|")],
    )
    .printed()?;
    let mut suites = array(&report, "suites");
    let mut outcomes = Vec::new();
    while let Some(suite) = suites.pop() {
        suites.extend(suite["suites"].as_array().cloned().unwrap_or_default());
        let specs = suite["specs"].as_array().into_iter().flatten();
        outcomes.extend(specs.map(|spec| (text(&spec["title"]), spec["ok"] == true)));
    }
    Ok(outcomes)
}

/// The day, with what was measured; what is not kept of it is written to standard error.
fn day(minutes: f64) -> Result<(Outcomes, String)> {
    tests::build_binary()?;
    println!("a day of builds, {minutes} min");
    let minutes = minutes.to_string();
    let played = cargo(&[
        "run",
        "--quiet",
        "--locked",
        "--package",
        "forgecast-bench",
        "--",
        "day",
        "--binary",
        "target/debug/forgecast",
        "--minutes",
        &minutes,
    ]);
    let (printed, is_kept) = played.judged()?;
    Ok((vec![(DAY.to_owned(), is_kept)], printed.trim().to_owned()))
}

/// A list in a report that stands behind whatever else was printed.
fn array(report: &str, name: &str) -> Vec<Value> {
    let report = report.find('{').map_or("", |begin| &report[begin..]);
    let report: Value = serde_json::from_str(report).unwrap_or_default();
    report[name].as_array().cloned().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod table {
    use super::*;

    #[test]
    fn the_table_names_fourteen_promises_and_runners_that_are_known() {
        let text = fs::read_to_string(tool::root().join(TABLE)).unwrap();
        let promises = promises(&text).unwrap();
        let numbers: Vec<&str> = promises.iter().map(|promise| promise.number.as_str()).collect();
        let expected: Vec<String> = (1..=14).map(|number| format!("S{number}")).collect();
        assert_eq!(numbers, expected);
        assert!(super::promises("| S1 | x | none | |").is_err());
        assert!(super::promises("| S1 | x | `x` | |").is_err());
    }

    #[test]
    fn a_day_takes_ten_minutes_or_what_is_said() {
        let of = |words: &str| minutes(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(of(""), Ok(10.0));
        assert_eq!(of("--minutes 3"), Ok(3.0));
        assert_eq!(of("--hours 24"), Ok(1440.0));
        for wrong in [
            "--minutes",
            "--minutes many",
            "--minutes 0",
            "--hours 25",
            "--days 1",
            "3",
            "--hours NaN",
        ] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_test_that_did_not_run_or_failed_is_a_trouble() {
        let wanted = test("rust: a").unwrap();
        let with = |ran: &[(&str, bool)]| {
            let ran = ran.iter().map(|(name, passed)| ((*name).to_owned(), *passed)).collect();
            trouble(&wanted, &BTreeMap::from([(Runner::Rust, ran)]))
        };
        assert_eq!(with(&[("b", true)]).as_deref(), Some("no such test: a"));
        assert_eq!(
            with(&[("x::a", true), ("y::a", false)]).as_deref(),
            Some("failed: y::a")
        );
        assert_eq!(with(&[("x::a", true)]), None);
    }
}
