//! The built-in rules: one line of a table each. Forms are those that the issuers document; a form with a checksum or a
//! fixed length is taken at its length, so that ordinary identifiers are left alone.

use regex::{Captures, Regex};

use super::Rule;
use super::assignment;

/// A built-in rule before it is compiled.
pub(super) struct Definition {
    /// By which it is switched off.
    pub(super) name: &'static str,
    triggers: &'static [&'static str],
    pattern: &'static str,
    accept: fn(&Captures<'_>) -> bool,
}

impl Definition {
    /// The rule; `None` cannot happen for these constants (a test compiles them all).
    pub(super) fn compile(&self) -> Option<Rule> {
        Some(Rule {
            name: self.name.to_owned(),
            pattern: Regex::new(self.pattern).ok()?,
            triggers: self.triggers,
            accept: self.accept,
        })
    }
}

fn always(_: &Captures<'_>) -> bool {
    true
}

/// Random text of this length holds a digit and a letter; a slug of words holds none.
fn random(captures: &Captures<'_>) -> bool {
    let text = captures.iter().skip(1).flatten().next().or(captures.get(0));
    text.is_some_and(|text| {
        let bytes = text.as_str().as_bytes();
        bytes.iter().any(u8::is_ascii_digit) && bytes.iter().any(u8::is_ascii_alphabetic)
    })
}

const fn rule(
    name: &'static str,
    triggers: &'static [&'static str],
    pattern: &'static str,
    accept: fn(&Captures<'_>) -> bool,
) -> Definition {
    Definition {
        name,
        triggers,
        pattern,
        accept,
    }
}

/// All of them; names are part of the configuration.
pub(super) const BUILTIN: &[Definition] = &[
    rule(
        "private-key",
        &["private key"],
        r"(?s)-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\z)",
        always,
    ),
    rule("openai", &["sk-"], r"\bsk-[A-Za-z0-9_-]{20,}", random),
    rule(
        "github",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,})",
        always,
    ),
    rule(
        "gitlab",
        &["glpat-", "gldt-", "glrt-"],
        r"\bgl(?:pat|dt|rt)-[A-Za-z0-9_-]{20,}",
        random,
    ),
    rule(
        "aws",
        &["akia", "asia", "abia", "acca"],
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
        random,
    ),
    rule(
        "slack",
        &["xox", "xapp-", "hooks.slack.com"],
        r"\b(?:xox[a-z]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/[A-Za-z0-9/]{10,})",
        random,
    ),
    rule(
        "google",
        &["aiza", "gocspx-", "ya29."],
        r"\b(?:AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{20,}|ya29\.[A-Za-z0-9_-]{20,})",
        random,
    ),
    rule(
        "jwt",
        &["eyj"],
        r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",
        always,
    ),
    rule("npm", &["npm_"], r"\bnpm_[A-Za-z0-9]{30,}", random),
    rule("pypi", &["pypi-"], r"\bpypi-[A-Za-z0-9_-]{30,}", random),
    rule("huggingface", &["hf_"], r"\bhf_[A-Za-z0-9]{30,}", always),
    rule(
        "stripe",
        &["sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_"],
        r"\b(?:[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{16,})",
        random,
    ),
    rule(
        "sendgrid",
        &["sg."],
        r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
        random,
    ),
    rule(
        "digitalocean",
        &["dop_v1_", "doo_v1_"],
        r"\bdo[op]_v1_[a-f0-9]{40,}",
        always,
    ),
    rule("age", &["age-secret-key-"], r"\bAGE-SECRET-KEY-1[A-Z0-9]{30,}", always),
    rule(
        "authorization",
        &["authorization"],
        r#"(?i)\bauthorization\\?["']?\s*[:=]\s*\\?["']?(?:(?:bearer|basic|token|digest|negotiate|apikey)\s+)?([^\s"'\\,;]{4,})"#,
        assignment::is_secret,
    ),
    rule(
        "bearer",
        &["bearer"],
        r"(?i)\bbearer\s+([A-Za-z0-9._~+/=-]{16,})",
        random,
    ),
    rule(
        "cookie",
        &["cookie:"],
        r"(?i)\b(?:set-)?cookie:[ \t]*([^\r\n]+)",
        always,
    ),
    rule(
        "url-password",
        &["://"],
        r#"(?i)\b[a-z][a-z0-9+.-]{0,30}://[^\s/@:"'<>]{0,200}:([^\s/@"'<>]{1,500})@"#,
        assignment::is_no_placeholder,
    ),
    rule(
        "url-token",
        &["://"],
        r#"(?i)\bhttps?://([^\s/@:"'<>]{16,500})@"#,
        random,
    ),
    rule(
        "assignment",
        assignment::TRIGGERS,
        assignment::PATTERN,
        assignment::accept,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_compiles_and_has_lower_case_triggers() {
        for rule in BUILTIN {
            assert!(rule.compile().is_some(), "{}", rule.name);
            assert!(!rule.triggers.is_empty(), "{}", rule.name);
            let lower = |word: &&str| **word == word.to_ascii_lowercase();
            assert!(rule.triggers.iter().all(lower), "{}", rule.name);
        }
    }
}
