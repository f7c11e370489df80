//! Says when a budget, or a mark on the way to it, was passed: to the session whose call did it, and to all who watch the
//! overview. Each mark of each period once.

use forgecast_protocol::event::{BudgetPassed, BudgetScope};
use forgecast_protocol::session::BudgetLevel;
use forgecast_protocol::{Fact, SessionId};
use serde_json::json;

use super::Task;
use super::fold::Folding;
use crate::history::internal;
use crate::spending::level;

const KIND: &str = "budget_passed";
/// What was spent longer ago is no reason to call anybody.
const NEWS_MS: u64 = 24 * 60 * 60 * 1000;

impl Task {
    pub(super) fn pass_budgets(&mut self, folding: &mut Folding) {
        let spenders = std::mem::take(&mut folding.spenders);
        let Some((last, _)) = spenders.last() else {
            return;
        };
        let options = &self.shared.options;
        let now = self.shared.clock.now();
        let today = options.calendar.day(now);
        let passed = self.shared.spending().passed(today, &options.budgets);
        for passed in passed {
            self.say_budget(last, passed, true, folding);
        }
        let Some(limit_usd) = self.shared.options.budgets.session_usd else {
            return;
        };
        for (id, spent_at) in &spenders {
            let usage = self.live.get(id).and_then(|live| live.session.view().usage.as_ref());
            let Some(spent_usd) = usage.and_then(|usage| usage.cost_usd) else {
                continue;
            };
            // What was said last is part of the view, so it is known after a restart, too.
            let said = usage.and_then(|usage| usage.budget.as_ref());
            let said = said.filter(|budget| (budget.limit_usd - limit_usd).abs() < f64::EPSILON);
            let said = said.map_or(BudgetLevel::Safe, |budget| budget.level);
            let level = level(spent_usd, limit_usd);
            if level > said {
                let passed = BudgetPassed {
                    scope: BudgetScope::Session,
                    period: None,
                    level,
                    limit_usd,
                    spent_usd,
                };
                // What an archive tells is in the view, and no news to anybody.
                let is_news = now.millis_since(*spent_at) < NEWS_MS;
                self.say_budget(id, passed, is_news, folding);
            }
        }
    }

    fn say_budget(&mut self, id: &SessionId, passed: BudgetPassed, is_news: bool, folding: &mut Folding) {
        let Some(live) = self.live.get_mut(id) else {
            return;
        };
        let event = internal(id, self.shared.clock.now(), Fact::BudgetPassed(passed.clone()));
        live.session.apply(&event);
        let said = json!({ "type": KIND, "session": id, "at": event.at, "data": passed });
        if is_news {
            folding.said.push(said.clone());
            folding.passed_on.push((id.clone(), said));
        }
        folding.push(id.clone(), event);
        self.shared.tally.lock().internal += 1;
    }
}
