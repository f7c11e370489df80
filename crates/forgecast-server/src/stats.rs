//! What history says of tokens and money, and of how sessions ended. Asks the hub and passes on what it says; works nothing out.

use std::sync::Arc;

use axum::extract::State;
use forgecast_hub::{Hub, OutcomeQuery, ReportQuery};
use forgecast_protocol::outcome::OutcomeReport;
use forgecast_protocol::report::UsageReport;
use forgecast_protocol::rest::{Day, OutcomesQuery, StatsQuery};

use crate::error::Error;
use crate::etag::WithEtag;
use crate::extract::InQuery;
use crate::state::AppState;

/// `GET /api/v1/stats`.
pub(crate) async fn stats(
    State(shared): State<Arc<AppState>>,
    InQuery(query): InQuery<StatsQuery>,
) -> Result<WithEtag<UsageReport>, Error> {
    let (since, until) = days(query.since, query.until, &shared.hub)?;
    // Usage is filed under the run that a name means, else under the name of a transcript.
    let filed = |session| {
        shared
            .hub
            .resolve(&session)
            .map_or_else(|| session.to_string(), |id| id.to_string())
    };
    let query = ReportQuery {
        group_by: query.group_by.unwrap_or_default(),
        since,
        until,
        project: query.project,
        session: query.session.map(filed),
    };
    WithEtag::of(&shared.hub.usage_report(query).await?)
}

/// `GET /api/v1/outcomes`.
pub(crate) async fn outcomes(
    State(shared): State<Arc<AppState>>,
    InQuery(query): InQuery<OutcomesQuery>,
) -> Result<WithEtag<OutcomeReport>, Error> {
    let (since, until) = days(query.since, query.until, &shared.hub)?;
    let query = OutcomeQuery {
        group_by: query.group_by.unwrap_or_default(),
        since,
        until,
        project: query.project,
    };
    WithEtag::of(&shared.hub.outcomes(query).await?)
}

/// The first and the last day that a query names, in the calendar of the hub.
fn days(since: Option<Day>, until: Option<Day>, hub: &Hub) -> Result<(Option<i32>, Option<i32>), Error> {
    let number = |day| match day {
        Day::Date(number) => number,
        Day::Of(moment) => hub.day(moment),
    };
    let (since, until) = (since.map(number), until.map(number));
    if since.zip(until).is_some_and(|(since, until)| since > until) {
        return Err(Error::Malformed("since is after until".to_owned()));
    }
    Ok((since, until))
}
