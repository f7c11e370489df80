//! Secrets in text become `[masked]`: what is stored, shown and sent never holds them. Built-in rules for the common
//! credentials, switched off by name, and regular expressions of the configuration. A cheap search for trigger words
//! decides which rules run at all, since nearly all text holds none.

mod assignment;
mod builtin;
mod commands;
pub(crate) mod keys;
pub(crate) mod structured;
mod tokens;

use forgecast_protocol::hex;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, LazyLock, OnceLock};

use aho_corasick::{AhoCorasick, MatchKind};
use regex::{Captures, Match, Regex};
use sha2::{Digest, Sha256};

pub use self::assignment::is_secret_key;
use self::builtin::{BUILTIN, Source};

/// What a secret is replaced by.
pub const MASK: &str = "[masked]";

/// Masking may uncover another secret's edge; after so many rounds the text is taken as it is.
const MAX_ROUNDS: usize = 4;

/// How many rules a configuration may add. There is room for 128 rules in all.
pub const MAX_OWN: usize = 30;

/// One rule: what to look for, and what to leave alone although it looks alike.
struct Rule {
    name: String,
    pattern: Pattern,
    /// Lower-case words without which the pattern cannot match; none: it is always tried.
    triggers: Vec<String>,
    /// Looks at a match again: false for a look-alike.
    accept: fn(&Captures<'_>) -> bool,
    /// What of the text at this place is the secret, where the expression cannot say it.
    narrow: fn(&str, Range<usize>) -> Range<usize>,
}

/// A regular expression, compiled when a trigger first asks for it: most processes never meet most kinds of secrets.
enum Pattern {
    Compiled(Regex),
    /// One of our own.
    Later(Source, OnceLock<Option<Regex>>),
}

impl Pattern {
    fn regex(&self) -> Option<&Regex> {
        match self {
            Self::Compiled(regex) => Some(regex),
            Self::Later(source, regex) => regex.get_or_init(|| source.regex()).as_ref(),
        }
    }
}

/// The rules in force, made once and shared.
#[derive(Clone)]
pub struct Rules(Arc<Compiled>);

struct Compiled {
    rules: Vec<Rule>,
    triggers: Option<AhoCorasick>,
    /// For each trigger, the rules that it wakes, as bits.
    wakes: Vec<u128>,
    /// The rules that always run, as bits.
    always: u128,
}

/// A rule of the configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Not a regular expression, or one that matches nothing at all.
    #[error("mask rule {name:?} cannot be used: {why}")]
    Invalid {
        /// The rule.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// There is no built-in rule of this name to switch off.
    #[error("there is no built-in mask rule {name:?}; there are: {known}")]
    Unknown {
        /// The name.
        name: String,
        /// The names there are.
        known: String,
    },
    /// More rules than there is room for.
    #[error("{found} mask rules of your own; at most {limit}")]
    TooMany {
        /// How many there are.
        found: usize,
        /// The limit.
        limit: usize,
    },
}

/// The built-in rules are made once for the whole process.
static DEFAULT: LazyLock<Rules> = LazyLock::new(|| Rules::compile(builtin_rules(&[])));

impl Default for Rules {
    fn default() -> Self {
        DEFAULT.clone()
    }
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

impl Rules {
    /// The built-in rules without those named in `off`, and `extra` ones as (name, regular expression). Where an
    /// expression has a group, only its first group is masked, else the whole match.
    ///
    /// # Errors
    /// When a rule is no regular expression or matches nothing, when there is no built-in rule to switch off, or when there
    /// are too many rules.
    pub fn new(extra: &[(String, String)], off: &[String]) -> Result<Self, RuleError> {
        if extra.is_empty() && off.is_empty() {
            return Ok(Self::default());
        }
        for name in off {
            if !BUILTIN.iter().any(|rule| rule.name == name) {
                return Err(RuleError::Unknown {
                    name: name.clone(),
                    known: BUILTIN.iter().map(|rule| rule.name).collect::<Vec<_>>().join(", "),
                });
            }
        }
        let mut rules = builtin_rules(off);
        if extra.len() > MAX_OWN {
            return Err(RuleError::TooMany {
                found: extra.len(),
                limit: MAX_OWN,
            });
        }
        for (name, pattern) in extra {
            rules.push(extra_rule(name, pattern)?);
        }
        Ok(Self::compile(rules))
    }

    /// No rules: for text that goes no further than its author.
    #[must_use]
    pub fn none() -> Self {
        Self::compile(Vec::new())
    }

    /// The names of the rules in force.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.rules.iter().map(|rule| rule.name.as_str())
    }

    fn compile(rules: Vec<Rule>) -> Self {
        let mut words: Vec<&str> = rules
            .iter()
            .flat_map(|rule| &rule.triggers)
            .map(String::as_str)
            .collect();
        words.sort_unstable();
        words.dedup();
        let bits = |wanted: &dyn Fn(&Rule) -> bool| {
            let woken = rules.iter().enumerate().filter(|(_, rule)| wanted(rule));
            woken.fold(0_u128, |bits, (index, _)| bits | 1 << index)
        };
        let triggers = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(aho_corasick::AhoCorasickKind::DFA))
            .build(&words)
            .ok();
        // Without an automaton (it cannot fail for such a list) every rule is tried: slower, never less safe.
        let always = bits(&|rule| rule.triggers.is_empty() || triggers.is_none());
        let wakes = words
            .iter()
            .map(|word| bits(&|rule| rule.triggers.iter().any(|trigger| trigger == word)))
            .collect();
        Self(Arc::new(Compiled {
            rules,
            triggers,
            wakes,
            always,
        }))
    }

    /// The text with every secret replaced by [`MASK`]. Masking twice is masking once.
    #[must_use]
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut masked = Cow::Borrowed(text);
        for _ in 0..MAX_ROUNDS {
            let ranges = self.find(&masked);
            if ranges.is_empty() {
                break;
            }
            masked = Cow::Owned(replace(&masked, &ranges));
        }
        masked
    }

    /// An id, a name or a path that other facts are found by. Where it holds a secret its hash stands for it, so that it
    /// still means the same thing wherever it is said.
    #[must_use]
    pub(crate) fn identity<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.find(text).is_empty() {
            return Cow::Borrowed(text);
        }
        let hash = hex(&Sha256::digest(text.as_bytes())[..8]);
        Cow::Owned(format!("masked-{hash}"))
    }

    /// Where the secrets are: byte ranges in order that do not touch each other. What is masked already is not found.
    #[must_use]
    pub(crate) fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut awake = self.awake(text);
        let mut found = Vec::new();
        while awake != 0 {
            let index = awake.trailing_zeros() as usize;
            awake &= awake - 1;
            self.0.rules[index].find(text, &mut found);
        }
        merged(found)
    }

    /// Which rules can match at all, as bits.
    fn awake(&self, text: &str) -> u128 {
        let compiled = &*self.0;
        let Some(triggers) = &compiled.triggers else {
            return compiled.always;
        };
        let mut awake = compiled.always;
        for hit in triggers.find_overlapping_iter(text) {
            awake |= compiled.wakes[hit.pattern().as_usize()];
        }
        awake
    }
}

impl Rule {
    fn find(&self, text: &str, found: &mut Vec<Range<usize>>) {
        let Some(pattern) = self.pattern.regex() else {
            return;
        };
        let mut at = 0;
        while at <= text.len() {
            let Some(captures) = pattern.captures_at(text, at) else {
                return;
            };
            let Some(whole) = captures.get(0) else {
                return;
            };
            let secret = group(&captures).unwrap_or(whole);
            let accepted = (self.accept)(&captures);
            if accepted {
                let range = (self.narrow)(text, secret.range());
                if !range.is_empty() && text[range.clone()] != *MASK {
                    found.push(range);
                }
            }
            // What follows the name of a look-alike may be the name of a secret: `token: password=…`.
            let next = if accepted || secret.start() <= whole.start() {
                whole.end()
            } else {
                secret.start()
            };
            // A rule of the configuration may match no text at all (`\b`); it must not be asked at the same place again.
            at = if next > at { next } else { following(text, at) };
        }
    }
}

/// The first group that took part in a match.
fn group<'t>(captures: &Captures<'t>) -> Option<Match<'t>> {
    captures.iter().skip(1).flatten().next()
}

/// The position behind the character at this one.
fn following(text: &str, at: usize) -> usize {
    let letter = text.get(at..).and_then(|rest| rest.chars().next());
    at + letter.map_or(1, char::len_utf8)
}

fn builtin_rules(off: &[String]) -> Vec<Rule> {
    let wanted = BUILTIN.iter().filter(|rule| !off.iter().any(|name| name == rule.name));
    wanted.map(builtin::Definition::rule).collect()
}

fn extra_rule(name: &str, pattern: &str) -> Result<Rule, RuleError> {
    let invalid = |why: String| RuleError::Invalid {
        name: name.to_owned(),
        why,
    };
    let pattern = regex::RegexBuilder::new(pattern)
        .size_limit(1 << 20)
        .build()
        .map_err(|error| invalid(error.to_string()))?;
    if pattern.is_match("") {
        return Err(invalid("it matches the empty text".to_owned()));
    }
    if pattern.is_match(MASK) {
        return Err(invalid(format!("it matches {MASK} itself")));
    }
    Ok(Rule {
        name: name.to_owned(),
        pattern: Pattern::Compiled(pattern),
        triggers: Vec::new(),
        accept: |_| true,
        narrow: |_, range| range,
    })
}

/// In order, and as one where they overlap or touch.
fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

pub(crate) fn replace(text: &str, ranges: &[Range<usize>]) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut from = 0;
    for range in ranges {
        replaced.push_str(&text[from..range.start]);
        replaced.push_str(MASK);
        from = range.end;
    }
    replaced.push_str(&text[from..]);
    replaced
}
