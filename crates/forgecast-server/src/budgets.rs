//! Hard budgets: how they stand, and what an administrator may do about them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use forgecast_protocol::rest::{BudgetClear, BudgetRaise, HardBudget, HardBudgets};

use crate::error::Error;
use crate::etag::NoStore;
use crate::extract::InBody;
use crate::state::AppState;

/// More US dollars than any budget has.
const MAX_USD: f64 = 1e9;

/// `GET /api/v1/budgets`.
pub(crate) async fn list(State(shared): State<Arc<AppState>>) -> NoStore<Json<HardBudgets>> {
    NoStore(Json(shared.hub.hard_budgets()))
}

/// `POST /api/v1/budgets/raise`.
pub(crate) async fn raise(
    State(shared): State<Arc<AppState>>,
    InBody(request, _): InBody<BudgetRaise>,
) -> Result<Json<HardBudget>, Error> {
    let BudgetRaise { budget, usd } = shared.read_json(request).await?;
    if !(0.0..=MAX_USD).contains(&usd) {
        return Err(Error::Malformed(format!("usd: expected 0 to {MAX_USD}, found {usd}")));
    }
    change(&shared, &budget, Some(usd)).await
}

/// `POST /api/v1/budgets/clear`.
pub(crate) async fn clear(
    State(shared): State<Arc<AppState>>,
    InBody(request, _): InBody<BudgetClear>,
) -> Result<Json<HardBudget>, Error> {
    let BudgetClear { budget } = shared.read_json(request).await?;
    change(&shared, &budget, None).await
}

async fn change(shared: &AppState, budget: &str, usd: Option<f64>) -> Result<Json<HardBudget>, Error> {
    let changed = shared.hub.change_budget(budget, usd).await?;
    changed.map(Json).ok_or_else(|| {
        Error::Malformed(format!(
            "no hard budget is called {budget:?}; budgets.hard says which are hard: day, month, project/NAME and \
             session/ID"
        ))
    })
}
