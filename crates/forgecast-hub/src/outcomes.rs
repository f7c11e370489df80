//! Reports on finished sessions from the history: how they ended and how long they took, by day and by project. The handle
//! answers them, never the hub's task.

use std::collections::BTreeMap;

use forgecast_protocol::calendar::date;
use forgecast_protocol::report::{OutcomeReport, OutcomeRow, Outcomes, OutcomesBy};
use forgecast_protocol::rest::OutcomesQuery;
use forgecast_protocol::{SessionStatus, Timestamp};
use forgecast_store::Finished;

use crate::error::Error;
use crate::hub::Hub;

const DAY_MS: i64 = 86_400_000;
/// More than any time zone is away from UTC.
const MARGIN_DAYS: i64 = 2;

impl Hub {
    /// How sessions that are over ended, of all that are stored.
    ///
    /// # Errors
    /// The first day is after the last one, or the store failed.
    pub async fn outcomes(&self, query: OutcomesQuery) -> Result<OutcomeReport, Error> {
        let (since, until) = self.days(query.since, query.until)?;
        self.settle().await;
        let calendar = &self.shared.options.calendar;
        // The store knows no calendar: it is asked for a little more than what is wanted.
        let ended_since = since.map(|since| {
            let day = i64::from(since).saturating_sub(MARGIN_DAYS);
            Timestamp::from_millis(day.saturating_mul(DAY_MS))
        });
        let finished = self.shared.store.finished(ended_since, query.project).await;
        let finished = finished.map_err(Error::store("list finished sessions"))?;
        let within = finished
            .into_iter()
            .map(|one| (calendar.day(one.ended_at), one))
            .filter(|&(day, _)| since.is_none_or(|since| since <= day))
            .filter(|&(day, _)| until.is_none_or(|until| day <= until));
        Ok(report(query.group_by.unwrap_or_default(), within))
    }
}

/// Sessions of one group while they are counted.
#[derive(Default)]
struct Group {
    outcomes: Outcomes,
    took_s: Vec<u64>,
}

impl Group {
    fn add(&mut self, one: &Finished) {
        let counted = match one.status {
            SessionStatus::Completed => &mut self.outcomes.completed,
            SessionStatus::Failed => &mut self.outcomes.failed,
            _ => &mut self.outcomes.abandoned,
        };
        *counted = counted.saturating_add(1);
        if one.status == SessionStatus::Completed
            && let Some(started_at) = one.started_at
        {
            let took_ms = one.ended_at.as_millis().saturating_sub(started_at.as_millis());
            self.took_s.extend(u64::try_from(took_ms).ok().map(|ms| ms / 1_000));
        }
    }

    fn done(mut self) -> Outcomes {
        self.took_s.sort_unstable();
        self.outcomes.median_s = self.took_s.get(self.took_s.len() / 2).copied();
        self.outcomes.longest_s = self.took_s.last().copied();
        self.outcomes
    }
}

fn report(group_by: OutcomesBy, finished: impl Iterator<Item = (i32, Finished)>) -> OutcomeReport {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let mut totals = Group::default();
    for (day, one) in finished {
        totals.add(&one);
        let key = match group_by {
            OutcomesBy::Day => date(day),
            OutcomesBy::Project => one.project.clone().unwrap_or_default(),
        };
        groups.entry(key).or_default().add(&one);
    }
    let mut rows: Vec<OutcomeRow> = groups
        .into_iter()
        .map(|(key, group)| OutcomeRow {
            key,
            outcomes: group.done(),
        })
        .collect();
    match group_by {
        OutcomesBy::Day => rows.reverse(),
        OutcomesBy::Project => rows.sort_by_key(|row| std::cmp::Reverse(sessions(&row.outcomes))),
    }
    OutcomeReport {
        group_by,
        rows,
        totals: totals.done(),
    }
}

fn sessions(outcomes: &Outcomes) -> u32 {
    outcomes
        .completed
        .saturating_add(outcomes.failed)
        .saturating_add(outcomes.abandoned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(project: &str, status: SessionStatus, took_s: Option<i64>) -> (i32, Finished) {
        let ended_at = Timestamp::from_millis(20_000 * DAY_MS + 40_000_000);
        let finished = Finished {
            project: Some(project.to_owned()),
            status,
            started_at: took_s.map(|took_s| ended_at.plus_millis(-took_s * 1_000)),
            ended_at,
        };
        (20_000, finished)
    }

    #[test]
    fn sessions_are_counted_by_how_they_ended_and_only_completed_ones_are_timed() {
        use SessionStatus::{Abandoned, Completed, Failed};
        let finished = [
            one("shop", Completed, Some(60)),
            one("shop", Completed, Some(600)),
            one("shop", Completed, Some(90)),
            one("shop", Failed, Some(5)),
            one("shop", Completed, None),
            one("cellar", Abandoned, Some(7)),
        ];
        let report = report(OutcomesBy::Project, finished.into_iter());
        let keys: Vec<&str> = report.rows.iter().map(|row| row.key.as_str()).collect();
        assert_eq!(keys, ["shop", "cellar"], "the most sessions first");
        let shop = &report.rows[0].outcomes;
        assert_eq!((shop.completed, shop.failed, shop.abandoned), (4, 1, 0));
        assert_eq!((shop.median_s, shop.longest_s), (Some(90), Some(600)));
        assert_eq!(report.rows[1].outcomes.median_s, None);
        assert_eq!((report.totals.completed, report.totals.abandoned), (4, 1));
    }

    #[test]
    fn a_clock_that_went_back_gives_no_duration() {
        let report = report(
            OutcomesBy::Day,
            [one("a", SessionStatus::Completed, Some(-30))].into_iter(),
        );
        assert_eq!((report.totals.completed, report.totals.median_s), (1, None));
    }
}
