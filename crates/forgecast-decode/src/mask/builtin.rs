//! The built-in rules: one entry of a table each. What is known by how it begins stands in `tokens`, arguments of commands
//! stand in `commands`, and what is known by what stands around it in the other files.

use std::ops::Range;
use std::sync::OnceLock;

use regex::{Captures, Regex};

use super::commands::{COMMANDS, Form};
use super::tokens::{self, Token};
use super::{Pattern, Rule, assignment, group, keys, structured};

/// A built-in rule before it is compiled.
pub(super) struct Definition {
    /// By which it is switched off.
    pub(super) name: &'static str,
    source: Source,
    accept: fn(&Captures<'_>) -> bool,
    narrow: fn(&str, Range<usize>) -> Range<usize>,
}

/// What a built-in rule looks for.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// One expression, and words of which one is there where it matches.
    Expression(&'static [&'static str], &'static str),
    /// Several of them.
    Forms(&'static [Form]),
    /// Tokens, each known by its beginning.
    Tokens(&'static [Token]),
}

impl Source {
    /// The expression. `None` cannot happen for these constants (a test compiles them all).
    pub(super) fn regex(self) -> Option<Regex> {
        let expression = match self {
            Self::Expression(_, expression) => expression.to_owned(),
            Self::Forms(forms) => forms.iter().map(|form| form.1).collect::<Vec<_>>().join("|"),
            Self::Tokens(tokens) => {
                let tokens = tokens.iter().map(|(prefix, rest)| regex::escape(prefix) + rest);
                // Also behind an underscore, as in `clone_ghp_…`: names are often joined like that.
                format!(r"(?:\b|_)({})", tokens.collect::<Vec<_>>().join("|"))
            }
        };
        Regex::new(&expression).ok()
    }

    /// Lower-case words without which the expression cannot match.
    fn triggers(self) -> Vec<String> {
        match self {
            Self::Expression(words, _) => words.iter().map(|word| (*word).to_owned()).collect(),
            Self::Forms(forms) => forms
                .iter()
                .flat_map(|form| form.0)
                .map(|word| (*word).to_owned())
                .collect(),
            Self::Tokens(tokens) => tokens.iter().map(|(prefix, _)| prefix.to_ascii_lowercase()).collect(),
        }
    }
}

impl Definition {
    /// The rule.
    pub(super) fn rule(&self) -> Rule {
        Rule {
            name: self.name.to_owned(),
            pattern: Pattern::Later(self.source, OnceLock::new()),
            triggers: self.source.triggers(),
            accept: self.accept,
            narrow: self.narrow,
        }
    }
}

fn always(_: &Captures<'_>) -> bool {
    true
}

/// Random text of this length holds a digit and a letter; a slug of words holds none.
fn random(captures: &Captures<'_>) -> bool {
    let text = group(captures).or(captures.get(0));
    text.is_some_and(|text| {
        let bytes = text.as_str().as_bytes();
        bytes.iter().any(u8::is_ascii_digit) && bytes.iter().any(u8::is_ascii_alphabetic)
    })
}

/// Random text has a run of letters and digits, mixed, that no word has; names joined by dashes are no secret, however
/// many (`sk-estimator-doc-link-v2`).
fn dense(captures: &Captures<'_>) -> bool {
    let text = group(captures).or(captures.get(0));
    let is_mixed = |run: &str| {
        run.len() >= 12 && run.bytes().any(|b| b.is_ascii_digit()) && run.bytes().any(|b| b.is_ascii_alphabetic())
    };
    text.is_some_and(|text| {
        text.as_str()
            .split(|letter: char| !letter.is_ascii_alphanumeric())
            .any(is_mixed)
    })
}

const fn rule(
    name: &'static str,
    triggers: &'static [&'static str],
    expression: &'static str,
    accept: fn(&Captures<'_>) -> bool,
) -> Definition {
    of(name, Source::Expression(triggers, expression), accept)
}

const fn tokens(name: &'static str, tokens: &'static [Token]) -> Definition {
    of(name, Source::Tokens(tokens), random)
}

const fn of(name: &'static str, source: Source, accept: fn(&Captures<'_>) -> bool) -> Definition {
    Definition {
        name,
        source,
        accept,
        narrow: |_, range| range,
    }
}

/// All of them; names are part of the configuration.
pub(super) const BUILTIN: &[Definition] = &[
    rule("private-key", &["private key", "private-lines"], keys::PATTERN, always),
    // What opens this program itself.
    tokens("forgecast", tokens::FORGECAST),
    of("openai", Source::Tokens(tokens::OPENAI), dense),
    tokens("model-vendor", tokens::MODELS),
    of("github", Source::Tokens(tokens::GITHUB), always),
    tokens("gitlab", tokens::GITLAB),
    rule(
        "aws",
        &["akia", "asia", "abia", "acca"],
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
        random,
    ),
    rule(
        "slack",
        &["xox", "xapp-", "hooks.slack.com"],
        r"\b(?:xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/[A-Za-z0-9/]{10,})",
        random,
    ),
    rule(
        "google",
        &["aiza", "gocspx-", "ya29.", "1//0"],
        r"\b(?:AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{20,}|ya29\.[A-Za-z0-9_-]{20,}|1//0[A-Za-z0-9_-]{40,})",
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
    tokens("stripe", tokens::STRIPE),
    rule(
        "sendgrid",
        &["sg."],
        r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
        random,
    ),
    of("digitalocean", Source::Tokens(tokens::DIGITALOCEAN), always),
    rule("age", &["age-secret-key-"], r"\bAGE-SECRET-KEY-1[A-Z0-9]{30,}", always),
    rule(
        "azure",
        &["q~"],
        r"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}",
        always,
    ),
    tokens("cloud", tokens::CLOUD),
    tokens("registry", tokens::REGISTRY),
    tokens("service", tokens::SERVICE),
    rule(
        "mail",
        &["key-", "-us"],
        r"\b(?:key-[a-f0-9]{32}|[a-f0-9]{32}-us[0-9]{1,2})\b",
        random,
    ),
    // Tokens that are known by how they end.
    rule(
        "suffix",
        &["_mmk", ".atlasv1.", "azdo", "nral"],
        r"\b(?:[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}|[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}|[a-f0-9]{36}NRAL)\b",
        random,
    ),
    rule(
        "chat-bot",
        &[":aa", "/api/webhooks/", "webhook.office.com"],
        r"(?:\b[0-9]{8,10}:AA[A-Za-z0-9_-]{33}\b|discord(?:app)?\.com/api/webhooks/[0-9]{10,}/[A-Za-z0-9_-]{40,}|webhook\.office\.com/webhookb2/[A-Za-z0-9@/-]{40,})",
        always,
    ),
    rule(
        "signed-url",
        &["sig=", "signature="],
        r"(?i)[?&;](?:sig|signature|x-amz-signature|x-goog-signature)=([A-Za-z0-9%+/=_-]{20,})",
        random,
    ),
    rule(
        "authorization",
        &["authorization"],
        assignment::AUTHORIZATION,
        assignment::is_credential,
    ),
    of("command-line", Source::Forms(COMMANDS), assignment::is_argument),
    rule(
        "bearer",
        &["bearer"],
        r"(?i)\bbearer\s+([A-Za-z0-9._~+/=-]{16,})",
        random,
    ),
    rule(
        "cookie",
        &["cookie", "curl"],
        r#"(?i)\bcurl\b[^\r\n]{0,400}?[ \t](?:-b|--cookie)[ =]?["']?([^\s"'=;]+=[^"'\r\n]+)|\b(?:set-)?cookie(?:\\?["'][ \t]*:[ \t]*\\?["']([^"'\r\n\\]*=[^"'\r\n\\]*)|:[ \t]*([^\s=;,]+=[^\r\n]+))"#,
        always,
    ),
    rule(
        "url-password",
        &["://"],
        r#"(?i)\b[a-z][a-z0-9+.-]{0,30}://[^\s/@:"'<>]{0,200}:([^\s/@"'<>]{1,500}(?:@[^\s/@?#"'<>,:]{1,100}){0,4})@(sha256:)?"#,
        assignment::is_no_placeholder,
    ),
    rule(
        "url-token",
        &["://"],
        r#"(?i)\bhttps?://([^\s/@:"'<>]{16,500})@"#,
        random,
    ),
    rule(
        "env",
        assignment::ENV_TRIGGERS,
        assignment::ENV_PATTERN,
        assignment::is_setting,
    ),
    rule(
        "assignment",
        assignment::TRIGGERS,
        assignment::PATTERN,
        assignment::accept,
    ),
    rule("xml", structured::NAMED, structured::XML, structured::is_secret),
    rule(
        "named-value",
        structured::NAMED,
        structured::NAMED_VALUE,
        structured::is_secret,
    ),
    Definition {
        narrow: structured::block,
        ..rule("yaml-block", &[": |", ": >"], structured::YAML_BLOCK, always)
    },
    rule("jwk", &["kty"], structured::JWK, structured::is_mixed),
    rule(
        "encoded",
        &["\"auth", "_auth", "client-key-data"],
        structured::ENCODED,
        structured::is_encoded,
    ),
    rule(
        "prompt",
        &["password ", "passphrase ", "passcode ", "pin "],
        structured::PROMPT,
        structured::is_secret,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_compiles_and_has_lower_case_triggers() {
        for rule in BUILTIN {
            assert!(rule.rule().pattern.regex().is_some(), "{}", rule.name);
            let triggers = rule.source.triggers();
            assert!(!triggers.is_empty(), "{}", rule.name);
            let lower = |word: &String| *word == word.to_ascii_lowercase();
            assert!(triggers.iter().all(lower), "{}", rule.name);
        }
    }
}
