//! What the successor's agents used. The model stands in the line that says that an agent began, the tokens in the one
//! that says that it was done.

use std::collections::BTreeMap;

use forgecast_protocol::SessionName;
use forgecast_protocol::event::{CallId, CallReported, CallTokens, UsageSource};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::lenient::{Count, Number, Object, Text};
use crate::transcript::{session_name, when};

/// Most agents whose model is remembered.
const MAX_MODELS: usize = 64;
/// Longest name that is taken.
const MAX_NAME: usize = 200;

/// Which model an agent runs on, by session and role.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Models(BTreeMap<String, String>);

impl Models {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn begin(&mut self, session: &str, role: &str, model: &str) {
        let key = format!("{session}/{role}");
        if self.0.len() >= MAX_MODELS && !self.0.contains_key(&key) {
            self.0.pop_first();
        }
        let plain = model.chars().filter(char::is_ascii_graphic);
        self.0.insert(key, plain.take(MAX_NAME).collect());
    }

    pub(super) fn of(&self, session: &str, role: &str) -> Option<String> {
        self.0.get(&format!("{session}/{role}")).cloned()
    }
}

/// An account of what an agent used, for readers who want nothing else.
pub(crate) struct Counted {
    pub(crate) call: CallReported,
    pub(crate) session: SessionName,
    pub(crate) directory: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Record<'a> {
    #[serde(borrow)]
    timestamp: Text<'a>,
    #[serde(borrow)]
    session_id: Text<'a>,
    #[serde(borrow)]
    project_dir: Text<'a>,
    #[serde(borrow)]
    event_type: Text<'a>,
    #[serde(borrow)]
    payload: Object<Payload<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Payload<'a> {
    #[serde(borrow)]
    role: Text<'a>,
    #[serde(borrow)]
    model: Text<'a>,
    tokens_in: Count,
    tokens_out: Count,
    cache_creation_tokens: Count,
    cache_read_tokens: Count,
    cost_usd: Number,
}

/// The account in a line; an agent that begins is remembered with its model. An account is known by its line: the same
/// line is the same account.
///
/// # Errors
/// When the line cannot be read, or says no time.
pub(crate) fn count(line: &[u8], offset: u64, models: &mut Models) -> Result<Option<Counted>, &'static str> {
    let record: Record<'_> = serde_json::from_slice(line).map_err(|_| "no event")?;
    let Some(payload) = &record.payload.0 else {
        return Ok(None);
    };
    let session = record.session_id.get().unwrap_or_default();
    let role = payload.role.get().unwrap_or_default();
    match record.event_type.get() {
        Some("agent_started") => {
            if let Some(model) = payload.model.get() {
                models.begin(session, role, model);
            }
            return Ok(None);
        }
        Some("agent_done") => {}
        _ => return Ok(None),
    }
    let tokens = CallTokens {
        input: payload.tokens_in.or_zero(),
        output: payload.tokens_out.or_zero(),
        cache_read: payload.cache_read_tokens.or_zero(),
        cache_write_5m: payload.cache_creation_tokens.or_zero(),
        cache_write_1h: 0,
    };
    if tokens.total() == 0 {
        return Ok(None);
    }
    let at = record.timestamp.get().and_then(when).ok_or("usage without a time")?;
    let directory = record.project_dir.owned();
    let name = record.session_id.owned().or_else(|| directory.clone());
    let digest = Sha256::digest(line);
    let digest: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Ok(Some(Counted {
        call: CallReported {
            call: CallId {
                message: Some(format!("foundry:{digest}")),
                ..CallId::default()
            },
            source: UsageSource::Reported,
            used_at: Some(at),
            model: models.of(session, role),
            fast: None,
            tokens,
            cost_usd: payload.cost_usd.0.filter(|cost| *cost >= 0.0),
            agent: payload.role.owned(),
            tools: Vec::new(),
            offset,
        },
        session: session_name(name.as_deref().unwrap_or_default()),
        directory,
    }))
}
