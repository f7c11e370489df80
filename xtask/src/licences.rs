//! The licences of everything that is compiled in, compared with those that anyone may use under either of ours.

use crate::Result;
use crate::metadata;

/// SPDX names of licences that ask for no more than their own text.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Compares and prints one line.
pub(crate) fn run() -> Result {
    let packages = metadata::everything()?;
    let wrong: Vec<String> = packages
        .iter()
        .filter(|package| !package.licence.as_deref().is_some_and(fine))
        .map(|package| {
            let licence = package.licence.as_deref().unwrap_or("no licence");
            format!("{} {}: {licence}", package.name, package.version)
        })
        .collect();
    if wrong.is_empty() {
        println!("licences: {} packages, all allowed", packages.len());
        Ok(())
    } else {
        Err(format!(
            "licences that are not in the list of xtask/src/licences.rs:\n  {}",
            wrong.join("\n  ")
        ))
    }
}

/// Whether an SPDX expression can be met with allowed licences: one side of every OR, both sides of every AND.
fn fine(expression: &str) -> bool {
    let expression = expression.trim();
    if let Some((left, right)) = split(expression, " OR ").or_else(|| split(expression, "/")) {
        return fine(left) || fine(right);
    }
    if let Some((left, right)) = split(expression, " AND ") {
        return fine(left) && fine(right);
    }
    match expression.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => fine(inner),
        None => ALLOWED.contains(&expression),
    }
}

/// Splits at the first `operator` that stands outside of parentheses.
fn split<'a>(expression: &'a str, operator: &str) -> Option<(&'a str, &'a str)> {
    let outside = |at: &usize| {
        let before = &expression[..*at];
        before.matches('(').count() == before.matches(')').count()
    };
    let at = expression.match_indices(operator).map(|(at, _)| at).find(outside)?;
    Some((&expression[..at], &expression[at + operator.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_fine_when_it_can_be_met() {
        for expression in [
            "MIT",
            "MIT OR GPL-3.0",
            "MIT/Apache-2.0",
            "(MIT OR GPL-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(fine(expression), "{expression}");
        }
        for expression in [
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(GPL-2.0 OR AGPL-3.0) AND MIT",
            "MPL-2.0",
            "",
        ] {
            assert!(!fine(expression), "{expression}");
        }
    }
}
