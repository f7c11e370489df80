//! The windows of plans: what sources say of them, and which sessions used what within them. An account is above sessions
//! and machines, so this stands beside them, like the sums of what was spent. It is stored under keys of its own in the same
//! transaction as the batch that it comes from.

use std::collections::{BTreeMap, BTreeSet};

use forgecast_protocol::event::{LimitPassed, LimitReported};
use forgecast_protocol::rest::{LimitBasis, LimitShare, LimitWindow, TimeRange};
use forgecast_protocol::session::BudgetLevel;
use forgecast_protocol::{Calendar, Timestamp};
use forgecast_session::plan::{self, Reading, Standing, Window, WindowKey};
use forgecast_session::price::dollars;
use serde::{Deserialize, Serialize};

/// How finely use is told apart in time.
const SLICE_MS: i64 = 5 * 60 * 1_000;
/// How long use and windows that ended are remembered: the longest window is a week.
const KEPT_MS: i64 = 8 * 24 * 60 * 60 * 1_000;
/// Windows that are remembered, so that no producer fills the memory with invented ones.
const MAX_WINDOWS: usize = 64;
/// Sessions that are listed of a window.
const MAX_SHARES: usize = 50;
/// The agent whose plan has blocks of five hours also when nothing says how much of them is used up.
const ESTIMATED_AGENT: &str = "claude";
const ESTIMATED_MINUTES: u32 = 300;
/// What stands before the keys under which this is stored. A reading is all in its key: they are a set.
const READING: &str = "reading/";
const USED: &str = "used/";
const ANNOUNCED: &str = "announced/";
/// From which percentages on the users of a window should know.
const WARNING_PERCENT: f64 = 75.0;
const CRITICAL_PERCENT: f64 = 90.0;
/// What was read, or ended, longer ago is no news to anybody.
const NEWS_MS: i64 = 60 * 60 * 1_000;
/// By how much of its length the stated end of one window wavers at most; more makes it another window.
const WAVERING_MS_PER_MINUTE: u64 = 6_000;

/// What one session used of one agent's plan in a slice of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SessionUse {
    agent: String,
    session: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    project: String,
    tokens: i64,
    /// Billionths of a US dollar.
    nanos: i64,
}

/// What was announced of a window last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Announcement {
    level: BudgetLevel,
    /// When the window ends that it was about.
    end: Timestamp,
    /// The session that it was announced to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<String>,
}

/// What its users should know of a window.
pub(crate) struct LimitNews {
    level: BudgetLevel,
    window: LimitWindow,
    end: Timestamp,
    /// The session that used it last.
    pub(crate) session: Option<String>,
}

impl LimitNews {
    /// As a fact, with the sentence that people read.
    pub(crate) fn into_fact(self, calendar: &Calendar, now: Timestamp) -> LimitPassed {
        let (level, window) = (self.level, self.window);
        let text = if level == BudgetLevel::Safe {
            format!("{}: reset, agents may go on", plan::name(&window))
        } else {
            plan::sentence(&window, self.session.as_deref(), calendar, now)
        };
        LimitPassed {
            agent: window.agent,
            account: window.account,
            scope: window.scope,
            window_minutes: window.window_minutes,
            level,
            used_percent: window.used_percent.filter(|_| level > BudgetLevel::Safe),
            resets_at: Some(self.end),
            text,
        }
    }
}

/// A difference in what a session used.
pub(crate) struct UseDelta<'a> {
    pub(crate) model: &'a str,
    pub(crate) session: &'a str,
    pub(crate) project: &'a str,
    pub(crate) used_at: Timestamp,
    pub(crate) tokens: i64,
    pub(crate) nanos: i64,
}

/// All windows, and what was used within them.
#[derive(Debug, Default)]
pub(crate) struct PlanLimits {
    windows: BTreeMap<WindowKey, Window>,
    used: BTreeMap<i64, Vec<SessionUse>>,
    announced: BTreeMap<WindowKey, Announcement>,
    /// Something was read since news were asked for.
    was_read: bool,
    /// Readings and announcements that have to be stored, and those that no longer are.
    changed: BTreeMap<String, Option<String>>,
    /// Slices whose use has to be stored.
    changed_slices: BTreeSet<i64>,
}

impl PlanLimits {
    /// From what is stored. What cannot be read is left out: it is read or used anew.
    pub(crate) fn restore(stored: Vec<(String, String)>) -> Self {
        let mut this = Self::default();
        for (key, body) in stored {
            if let Some(reading) = key.strip_prefix(READING) {
                if let Ok((window, reading)) = serde_json::from_str::<(WindowKey, Reading)>(reading) {
                    this.windows.entry(window).or_default().add(reading);
                }
            } else if let Some(window) = key.strip_prefix(ANNOUNCED) {
                let announced = serde_json::from_str(window).ok().zip(serde_json::from_str(&body).ok());
                this.announced.extend(announced);
            } else if let Some(slice) = key.strip_prefix(USED) {
                let used = slice.parse().ok().zip(serde_json::from_str(&body).ok());
                this.used.extend(used);
            }
        }
        this
    }

    /// Adds a reading. Returns whether it was not known.
    pub(crate) fn read(&mut self, fact: &LimitReported, learned_at: Timestamp) -> bool {
        let key = WindowKey::of(fact);
        if !self.windows.contains_key(&key) && self.windows.len() >= MAX_WINDOWS {
            self.forget_oldest_window();
        }
        let reading = Reading::of(fact, learned_at);
        let window = self.windows.entry(key.clone()).or_default();
        let Some(added) = window.add(reading.clone()) else {
            return false;
        };
        self.changed.insert(stored_key(&key, &reading), Some(String::new()));
        if let Some(dropped) = added.dropped {
            self.changed.insert(stored_key(&key, &dropped), None);
        }
        self.was_read = true;
        true
    }

    fn forget_oldest_window(&mut self) {
        let last = |window: &Window| window.readings().last().map(|last| last.at);
        let oldest = self.windows.iter().min_by_key(|(_, window)| last(window));
        if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
            self.forget_window(&oldest);
        }
    }

    fn forget_window(&mut self, key: &WindowKey) {
        let window = self.windows.remove(key).unwrap_or_default();
        let gone = window.readings().iter().map(|reading| (stored_key(key, reading), None));
        self.changed.extend(gone);
        self.announce(key, None);
    }

    /// Removes what a session used.
    pub(crate) fn forget(&mut self, session: &str) {
        for (slice, used) in &mut self.used {
            let known = used.len();
            used.retain(|used| used.session != session);
            if used.len() < known {
                self.changed_slices.insert(*slice);
            }
        }
    }

    /// Adds what a session used, if it may be within a window.
    pub(crate) fn add_use(&mut self, delta: &UseDelta<'_>, now: Timestamp) {
        let Some(agent) = plan::agent_of_model(delta.model) else {
            return;
        };
        let slice = slice_of(delta.used_at);
        if slice < oldest_slice(now) {
            return;
        }
        let used = self.used.entry(slice).or_default();
        let is_same = |used: &&mut SessionUse| {
            used.agent == agent && used.session == delta.session && used.project == delta.project
        };
        if let Some(used) = used.iter_mut().find(is_same) {
            used.tokens = used.tokens.saturating_add(delta.tokens);
            used.nanos = used.nanos.saturating_add(delta.nanos);
        } else {
            used.push(SessionUse {
                agent: agent.to_owned(),
                session: delta.session.to_owned(),
                project: delta.project.to_owned(),
                tokens: delta.tokens,
                nanos: delta.nanos,
            });
        }
        self.changed_slices.insert(slice);
    }

    /// What has to be stored since this was asked last: keys with their bodies, none for what is to be removed.
    pub(crate) fn take_changes(&mut self, now: Timestamp) -> Vec<(String, Option<String>)> {
        if self.changed.is_empty() && self.changed_slices.is_empty() {
            return Vec::new();
        }
        self.forget_old(now);
        let slices = std::mem::take(&mut self.changed_slices).into_iter();
        let slices = slices.map(|slice| {
            let used = self.used.get(&slice).filter(|used| !used.is_empty());
            let body = used.and_then(|used| serde_json::to_string(used).ok());
            (format!("{USED}{slice}"), body)
        });
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().chain(slices).collect()
    }

    fn forget_old(&mut self, now: Timestamp) {
        let oldest = oldest_slice(now);
        while let Some(entry) = self.used.first_entry().filter(|entry| *entry.key() < oldest) {
            self.changed_slices.insert(*entry.key());
            entry.remove();
        }
        let is_old = |window: &Window| {
            let last = window.readings().last();
            last.is_none_or(|last| last.at.plus_millis(KEPT_MS) < now)
        };
        let windows = self.windows.iter().filter(|(_, window)| is_old(window));
        let old: Vec<WindowKey> = windows.map(|(key, _)| key.clone()).collect();
        old.iter().for_each(|key| self.forget_window(key));
    }

    /// Whether [`Self::take_news`] may have something to say.
    pub(crate) fn may_have_news(&self, now: Timestamp) -> bool {
        let mut announced = self.announced.values();
        self.was_read || announced.any(|announced| announced.level >= BudgetLevel::Critical && announced.end <= now)
    }

    /// The marks that were passed since this was asked last, and the windows that can be used again. Each is said once.
    pub(crate) fn take_news(&mut self, now: Timestamp) -> Vec<LimitNews> {
        self.was_read = false;
        let keys: Vec<WindowKey> = self.windows.keys().cloned().collect();
        keys.iter().filter_map(|key| self.news_of(key, now)).collect()
    }

    fn news_of(&mut self, key: &WindowKey, now: Timestamp) -> Option<LimitNews> {
        let window = self.windows.get(key)?;
        let standing = window.standing(key.minutes, now)?;
        let said = self.announced.get(key).cloned();
        let (level, end, read_at) = match standing {
            Standing::Known(reading) => (level(reading.percent), plan::end_of(reading, key.minutes), reading.at),
            Standing::UnknownSince(end) => (BudgetLevel::Safe, end, end),
        };
        let is_of_another = |said: &Announcement, end: Timestamp| {
            let apart_ms = end.millis_since(said.end).max(said.end.millis_since(end));
            apart_ms > u64::from(key.minutes) * WAVERING_MS_PER_MINUTE
        };
        let has_begun_anew = said.as_ref().is_some_and(|said| match standing {
            Standing::UnknownSince(_) => true,
            // What is believed never falls within a window.
            Standing::Known(reading) => {
                level < said.level || reading.resets_at.is_some_and(|end| is_of_another(said, end))
            }
        });
        let before = said
            .as_ref()
            .filter(|_| !has_begun_anew)
            .map_or(BudgetLevel::Safe, |said| said.level);
        let shown = self.official(key, window, now)?;
        let is_news = read_at.plus_millis(NEWS_MS) > now;
        if level > before {
            let session = self.last_user(&key.agent).map(str::to_owned);
            let announced = Announcement {
                level,
                end,
                session: session.clone(),
            };
            self.announce(key, Some(announced));
            return is_news.then_some(LimitNews {
                level,
                window: shown,
                end,
                session,
            });
        }
        let said = said.filter(|_| has_begun_anew)?;
        self.announce(key, None);
        (said.level >= BudgetLevel::Critical && is_news).then_some(LimitNews {
            level: BudgetLevel::Safe,
            window: shown,
            end: said.end,
            session: said.session,
        })
    }

    fn announce(&mut self, key: &WindowKey, announced: Option<Announcement>) {
        let stored = format!("{ANNOUNCED}{}", serde_json::to_string(key).unwrap_or_default());
        let body = announced
            .as_ref()
            .and_then(|announced| serde_json::to_string(announced).ok());
        let was_known = match announced {
            Some(announced) => self.announced.insert(key.clone(), announced).is_some(),
            None => self.announced.remove(key).is_some(),
        };
        if was_known || body.is_some() {
            self.changed.insert(stored, body);
        }
    }

    /// The session that used an agent's plan last, and most of that.
    fn last_user(&self, agent: &str) -> Option<&str> {
        let mut slices = self.used.values().rev();
        slices.find_map(|used| {
            let used = used.iter().filter(|used| used.agent == agent && used.tokens > 0);
            used.max_by_key(|used| (used.nanos, used.tokens))
                .map(|used| used.session.as_str())
        })
    }

    /// The state of all windows.
    pub(crate) fn report(&self, now: Timestamp) -> Vec<LimitWindow> {
        let official = self.windows.iter();
        let mut windows: Vec<LimitWindow> = official
            .filter_map(|(key, window)| self.official(key, window, now))
            .collect();
        if !windows.iter().any(|window| window.agent == ESTIMATED_AGENT) {
            windows.extend(self.estimated(now));
        }
        windows
    }

    fn official(&self, key: &WindowKey, window: &Window, now: Timestamp) -> Option<LimitWindow> {
        let standing = window.standing(key.minutes, now)?;
        let believed = window.believed(key.minutes);
        let last = *believed.last()?;
        if last.at.plus_millis(KEPT_MS) < now {
            return None;
        }
        let mut shown = LimitWindow {
            account: key.account.clone(),
            scope: key.scope.clone(),
            plan: last.plan.clone(),
            observed_at: Some(last.at),
            source: Some(last.source),
            ..unread(&key.agent, key.minutes, LimitBasis::Official)
        };
        match standing {
            Standing::UnknownSince(end) => shown.unknown_since = Some(end),
            Standing::Known(reading) => {
                shown.used_percent = Some(reading.percent);
                shown.resets_at = reading.resets_at;
                shown.used_up = plan::when_used_up(&believed, now).filter(|range| is_before(range, reading.resets_at));
                let length_ms = i64::from(key.minutes) * 60_000;
                let first_read = believed.first().map_or(now, |first| first.at);
                let begin = reading.resets_at.map_or(first_read, |end| end.plus_millis(-length_ms));
                // What of an agent's use counts for one of its accounts, or for one of its models, is not known.
                let accounts = self.windows.keys().filter(|other| other.agent == key.agent);
                let is_only = accounts.clone().all(|other| other.account == key.account);
                if is_only && key.scope.is_none() {
                    self.divide(&mut shown, begin, now);
                }
            }
        }
        Some(shown)
    }

    /// The present block of five hours, for whom no source says how much of a plan is used up.
    fn estimated(&self, now: Timestamp) -> Option<LimitWindow> {
        let is_used = |used: &SessionUse| used.agent == ESTIMATED_AGENT && used.tokens > 0;
        let slices = self.used.iter().filter(|(_, used)| used.iter().any(is_used));
        let times = slices.map(|(slice, _)| Timestamp::from_millis(slice * SLICE_MS));
        let (begin, end) = plan::block_at(times, now)?;
        let mut shown = unread(ESTIMATED_AGENT, ESTIMATED_MINUTES, LimitBasis::Estimated);
        shown.resets_at = Some(end);
        self.divide(&mut shown, begin, now);
        Some(shown)
    }

    /// Divides what was used since a window began among sessions and projects.
    fn divide(&self, shown: &mut LimitWindow, begin: Timestamp, now: Timestamp) {
        let (mut sessions, mut projects) = (Amounts::default(), Amounts::default());
        let mut all = Amount::default();
        for used in self
            .used
            .range(slice_of(begin)..=slice_of(now))
            .flat_map(|(_, used)| used)
        {
            if used.agent == shown.agent {
                let amount = Amount(used.tokens, used.nanos);
                all.add(amount);
                sessions.entry(&used.session).or_default().add(amount);
                projects.entry(&used.project).or_default().add(amount);
            }
        }
        (shown.tokens, shown.cost_usd) = all.shown();
        shown.sessions = shares(sessions, all, shown.used_percent);
        shown.projects = shares(projects, all, shown.used_percent);
    }
}

fn level(percent: f64) -> BudgetLevel {
    match percent {
        percent if percent >= 100.0 => BudgetLevel::Exceeded,
        percent if percent >= CRITICAL_PERCENT => BudgetLevel::Critical,
        percent if percent >= WARNING_PERCENT => BudgetLevel::Warning,
        _ => BudgetLevel::Safe,
    }
}

/// Under which key a reading is stored.
fn stored_key(window: &WindowKey, reading: &Reading) -> String {
    format!(
        "{READING}{}",
        serde_json::to_string(&(window, reading)).unwrap_or_default()
    )
}

/// A window of which only the length is known.
fn unread(agent: &str, window_minutes: u32, basis: LimitBasis) -> LimitWindow {
    LimitWindow {
        agent: agent.to_owned(),
        account: None,
        scope: None,
        window_minutes,
        basis,
        used_percent: None,
        unknown_since: None,
        resets_at: None,
        used_up: None,
        plan: None,
        observed_at: None,
        source: None,
        tokens: 0,
        cost_usd: 0.0,
        sessions: Vec::new(),
        projects: Vec::new(),
    }
}

/// Tokens and billionths of a US dollar.
#[derive(Clone, Copy, Debug, Default)]
struct Amount(i64, i64);

type Amounts<'a> = BTreeMap<&'a str, Amount>;

impl Amount {
    fn add(&mut self, other: Self) {
        self.0 = self.0.saturating_add(other.0);
        self.1 = self.1.saturating_add(other.1);
    }

    fn shown(self) -> (u64, f64) {
        (u64::try_from(self.0).unwrap_or_default(), dollars(self.1.max(0)))
    }

    /// Percent of all that it is, by cost; by tokens when nothing has a price.
    #[expect(clippy::cast_precision_loss, reason = "a share that is shown")]
    fn share_of(self, all: Self) -> f64 {
        let (part, whole) = if all.1 > 0 { (self.1, all.1) } else { (self.0, all.0) };
        100.0 * part.max(0) as f64 / whole.max(1) as f64
    }
}

fn shares(amounts: Amounts<'_>, all: Amount, used_percent: Option<f64>) -> Vec<LimitShare> {
    let shares = amounts.into_iter().map(|(key, amount)| {
        let (tokens, cost_usd) = amount.shown();
        let share_percent = tenth(amount.share_of(all));
        LimitShare {
            key: key.to_owned(),
            share_percent,
            window_percent: used_percent.map(|used| tenth(amount.share_of(all) * used / 100.0)),
            tokens,
            cost_usd,
        }
    });
    let mut shares: Vec<_> = shares.filter(|share| share.tokens > 0).collect();
    shares.sort_by(|one, other| other.share_percent.total_cmp(&one.share_percent));
    shares.truncate(MAX_SHARES);
    shares
}

/// Rounded to a tenth.
fn tenth(percent: f64) -> f64 {
    (percent * 10.0).round() / 10.0
}

/// Whether a range begins before a window ends.
fn is_before(range: &TimeRange, end: Option<Timestamp>) -> bool {
    end.is_none_or(|end| range.from < end)
}

fn slice_of(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(SLICE_MS)
}

fn oldest_slice(now: Timestamp) -> i64 {
    slice_of(now.plus_millis(-KEPT_MS))
}
