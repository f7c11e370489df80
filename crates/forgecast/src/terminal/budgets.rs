//! Hard budgets as a table, and one in a line.

use forgecast_protocol::rest::HardBudget;

use super::Style;
use super::table::{self, Column};

/// The budgets as a table.
pub(crate) fn budgets(budgets: &[HardBudget], style: Style) -> String {
    let rows = budgets.iter().map(|budget| {
        [
            budget.budget.clone(),
            budget.period.clone().unwrap_or_default(),
            usd(budget.spent_usd),
            budget.limit_usd.map_or_else(|| "cleared".to_owned(), usd),
            usd(budget.configured_usd),
            budget.denied.to_string(),
        ]
    });
    let columns = [
        Column::new("BUDGET"),
        Column::new("PERIOD"),
        Column::number("SPENT"),
        Column::number("LIMIT"),
        Column::number("CONFIGURED"),
        Column::number("DENIED"),
    ];
    table::plain(columns, rows, style)
}

/// How one budget stands.
pub(crate) fn budget_line(budget: &HardBudget) -> String {
    let until = budget.period.as_ref().map(|period| format!(" in {period}"));
    let until = until.unwrap_or_default();
    let (name, spent) = (&budget.budget, usd(budget.spent_usd));
    match budget.limit_usd {
        None => format!("{name}: {spent} spent, nobody is stopped{until}"),
        Some(limit) if limit <= budget.spent_usd => {
            format!("{name}: {spent} of {} spent{until}; agents stay stopped", usd(limit))
        }
        Some(limit) => format!("{name}: {spent} of {} spent{until}", usd(limit)),
    }
}

fn usd(amount: f64) -> String {
    format!("${amount:.2}")
}

#[cfg(test)]
mod tests {
    use forgecast_protocol::event::BudgetScope;

    use super::*;

    #[test]
    fn budgets_are_listed_with_what_is_spent_and_allowed() {
        let day = HardBudget {
            budget: "day".to_owned(),
            scope: BudgetScope::Day,
            period: Some("2026-12-01".to_owned()),
            limit_usd: Some(20.0),
            configured_usd: 20.0,
            spent_usd: 20.125,
            denied: 3,
        };
        let project = HardBudget {
            budget: "project/weather app".to_owned(),
            scope: BudgetScope::Project,
            period: Some("2026-12".to_owned()),
            limit_usd: None,
            denied: 0,
            ..day.clone()
        };
        insta::assert_snapshot!(budgets(&[day.clone(), project.clone()], Style::plain()), @r"
        BUDGET               PERIOD       SPENT    LIMIT  CONFIGURED  DENIED
        day                  2026-12-01  $20.12   $20.00      $20.00       3
        project/weather app  2026-12     $20.12  cleared      $20.00       0
        ");
        insta::assert_snapshot!(budget_line(&day), @"day: $20.12 of $20.00 spent in 2026-12-01; agents stay stopped");
        insta::assert_snapshot!(budget_line(&project), @"project/weather app: $20.12 spent, nobody is stopped in 2026-12");
    }
}
