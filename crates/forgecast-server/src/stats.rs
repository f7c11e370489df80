//! Reports: tokens and cost, how much of each plan is used up, and how sessions ended. The hub computes them.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use forgecast_protocol::report::OutcomeReport;
use forgecast_protocol::report::UsageReport;
use forgecast_protocol::rest::{LimitsReport, OutcomesQuery, StatsQuery};

use crate::access::Principal;
use crate::error::Error;
use crate::etag::WithEtag;
use crate::extract::InQuery;
use crate::state::AppState;

/// `GET /api/v1/stats`.
pub(crate) async fn stats(
    State(shared): State<Arc<AppState>>,
    Extension(principal): Extension<Principal>,
    InQuery(mut query): InQuery<StatsQuery>,
) -> Result<WithEtag<UsageReport>, Error> {
    let Some(scope) = principal.scope() else {
        return WithEtag::of(&shared.hub.usage_report(query).await?);
    };
    scope.ask(&mut query);
    let mut report = shared.hub.usage_report(query).await?;
    scope.report(&mut report);
    WithEtag::of(&report)
}

/// `GET /api/v1/limits`.
pub(crate) async fn limits(State(shared): State<Arc<AppState>>) -> Result<WithEtag<LimitsReport>, Error> {
    WithEtag::of(&shared.hub.limits())
}

/// `GET /api/v1/outcomes`.
pub(crate) async fn outcomes(
    State(shared): State<Arc<AppState>>,
    InQuery(query): InQuery<OutcomesQuery>,
) -> Result<WithEtag<OutcomeReport>, Error> {
    WithEtag::of(&shared.hub.outcomes(query).await?)
}
