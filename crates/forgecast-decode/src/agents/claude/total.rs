//! What Claude Code itself says that a session used, at the end of a run and again after a resume: the last one is about
//! all of it. It includes calls that stand in no transcript, so it is compared with what was counted and never added.

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::{Fact, UsageRecorded};
use forgecast_protocol::session::{AgentTotal, TokenCounts};

use super::record::Record;
use super::{Line, Reader};
use crate::transcript::Visitor;

impl Reader {
    /// The agent's own total, where the line says it.
    pub(super) fn total(&mut self, line: &Line<'_>, out: &mut dyn Visitor) {
        if let Some(total) = total_in(line.record) {
            let usage = UsageRecorded {
                used_at: total.at,
                agent_total: Some(total),
                ..UsageRecorded::default()
            };
            out.fact(&line.context, Fact::UsageRecorded(usage));
        }
    }
}

fn total_in(record: &Record<'_>) -> Option<AgentTotal> {
    if !record.kind.is("cost-state") {
        return None;
    }
    let mut tokens = TokenCounts::default();
    let mut web_searches = 0_u64;
    for model in record.model_usage.0.iter().flat_map(|models| models.values()) {
        let model = model.0.unwrap_or_default();
        tokens.add(&TokenCounts {
            input: model.input_tokens.or_zero(),
            output: model.output_tokens.or_zero(),
            cache_read: model.cache_read_input_tokens.or_zero(),
            cache_write: model.cache_creation_input_tokens.or_zero(),
        });
        web_searches = web_searches.saturating_add(model.web_search_requests.or_zero());
    }
    let duration = record.total_duration.or_zero();
    let end = record
        .start_time
        .0
        .and_then(|start| i64::try_from(start.saturating_add(duration)).ok());
    Some(AgentTotal {
        tokens,
        cost_usd: record.total_cost_usd.0.filter(|cost| *cost >= 0.0),
        web_searches,
        priced: !record.has_unknown_model_cost.is_set(),
        at: end.map(Timestamp::from_millis),
    })
}
