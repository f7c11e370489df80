//! What metrics of Claude Code mean: the agent's own sums of tokens and dollars. They are about the same calls that log
//! records and transcripts tell one by one, so they are kept beside the session to be compared, and never counted.

use std::collections::BTreeMap;

use forgecast_protocol::Subject;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Collector;
use super::model::{Group, Point, at, digest, subject};
use crate::transcript::alive;

/// Most models of one session in one body.
const MAX_MODELS: usize = 32;

/// Most kinds of tokens of one model.
const MAX_UNITS: usize = 16;

/// What is said of one session.
struct Sums {
    by_model: BTreeMap<String, BTreeMap<String, f64>>,
    delta: bool,
    until: u64,
    hasher: Sha256,
}

pub(super) fn take(groups: &[Group<'_, Point<'_>>], collector: &mut Collector<'_>) {
    let mut sessions: BTreeMap<Subject, Sums> = BTreeMap::new();
    for group in groups {
        for point in &group.items {
            let unit = match point.metric.as_ref() {
                "claude_code.token.usage" => point.attributes.text("type").unwrap_or("other"),
                "claude_code.cost.usage" => "cost_usd",
                _ => {
                    collector.found.ignored += 1;
                    continue;
                }
            };
            let Some(subject) = subject(&point.attributes, &group.resource, collector.cleaner) else {
                collector.reject("a metric without session.id: it cannot be told whose it is");
                continue;
            };
            // Nothing was used since the point before.
            if !(point.value > 0.0 && point.value.is_finite()) {
                collector.found.ignored += 1;
                continue;
            }
            let model = collector
                .cleaner
                .word(point.attributes.text("model").unwrap_or("unknown"));
            sessions
                .entry(subject)
                .or_insert_with(Sums::new)
                .add(point, model, collector.cleaner.word(unit));
        }
    }
    for (subject, sums) in sessions {
        let data = sums.value();
        let name = digest(sums.hasher);
        collector.emit(&subject, &name, 0, alive(data));
    }
}

impl Sums {
    fn new() -> Self {
        Self {
            by_model: BTreeMap::new(),
            delta: true,
            until: 0,
            hasher: Sha256::new(),
        }
    }

    fn add(&mut self, point: &Point<'_>, model: String, unit: String) {
        self.delta &= point.delta;
        self.until = self.until.max(point.time);
        self.hasher.update(point.metric.as_bytes());
        self.hasher.update(point.time.to_le_bytes());
        self.hasher.update(point.value.to_bits().to_le_bytes());
        point.attributes.hash(&mut self.hasher);
        if self.by_model.len() < MAX_MODELS || self.by_model.contains_key(&model) {
            let units = self.by_model.entry(model).or_default();
            if units.len() < MAX_UNITS || units.contains_key(&unit) {
                *units.entry(unit).or_default() += point.value;
            }
        }
    }

    fn value(&self) -> Value {
        json!({
            "event": "claude_code.metrics",
            "by_model": self.by_model,
            "temporality": if self.delta { "delta" } else { "cumulative" },
            "until": at(self.until),
        })
    }
}
