//! Sessions as text: a list as a table, one session line by line, a change in one line.

use forgecast_protocol::Timestamp;
use forgecast_protocol::session::{PhaseStatus, PhaseView, SessionRow, SessionView, SourceOfState, Tests};
use forgecast_session::phase_order;

use super::{Style, age, one_line, table, usage};

fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.0} %"))
}

/// The list of sessions as a table.
pub(crate) fn sessions(rows: &[SessionRow], now: Timestamp, style: Style) -> String {
    if rows.is_empty() {
        return "There are no sessions.\n".to_owned();
    }
    let cells = rows.iter().map(|row| {
        let phase = match &row.phase {
            Some(phase) => numbered(&phase.name, phase.number.as_deref(), phase.total),
            // An agent's session has no phases, and its id says nothing, so its title is shown.
            None if row.source == SourceOfState::Transcript => shortened(&row.name),
            None => "-".to_owned(),
        };
        let tests = row.tests.as_ref().map(|tests| counts(tests.passed, tests.failed));
        [
            row.id.to_string(),
            row.status.as_ref().to_owned(),
            phase,
            percent(row.progress_percent),
            tests.unwrap_or_else(|| "-".to_owned()),
            age(row.last_work_at, now),
        ]
    });
    table::aligned(
        ["SESSION", "STATUS", "PHASE", "PROGRESS", "TESTS", "LAST WORK"],
        cells,
        style,
        // Numbers are aligned to the right.
        |column| column == 3,
        |row, column, cell| match column {
            1 => style.status(rows[row].status, cell),
            _ => cell.to_owned(),
        },
    )
}

fn shortened(text: &str) -> String {
    const MAX_LENGTH: usize = 40;
    match text.char_indices().nth(MAX_LENGTH) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

fn numbered(name: &str, number: Option<&str>, total: Option<u32>) -> String {
    match (number, total) {
        (Some(number), Some(total)) => format!("{name} {number}/{total}"),
        (Some(number), None) => format!("{name} {number}"),
        _ => name.to_owned(),
    }
}

fn counts(passed: Option<u32>, failed: Option<u32>) -> String {
    match (passed, failed) {
        (Some(passed), Some(failed)) => format!("{passed} passed, {failed} failed"),
        (Some(passed), None) => format!("{passed} passed"),
        (None, Some(failed)) => format!("{failed} failed"),
        (None, None) => "no counts".to_owned(),
    }
}

/// One session, with a line for each known field.
pub(crate) fn session(view: &SessionView, now: Timestamp, style: Style) -> String {
    let mut text = format!(
        "{}  {}",
        style.bold(&view.id.to_string()),
        style.status(view.status, view.status.as_ref())
    );
    if let Some(reason) = &view.status_reason {
        text.push_str(&format!("  {}", style.dim(reason)));
    }
    text.push('\n');
    let mut line = |label: &str, value: &str| text.push_str(&style.labeled(label, &one_line(value)));
    if let Some(task) = &view.task {
        line("task", &task.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    if let Some(phase) = &view.phase {
        let name = numbered(&phase.name, phase.number.as_deref(), phase.total);
        let detail = phase.detail.iter().map(|detail| format!(": {detail}"));
        line("phase", &format!("{name}{}", detail.collect::<String>()));
    }
    let progress = &view.progress;
    if progress.percent.is_some() || progress.tasks_total.is_some() {
        let tasks = progress.tasks_completed.zip(progress.tasks_total);
        let tasks = tasks
            .map(|(done, total)| format!(", {done} of {total} tasks"))
            .unwrap_or_default();
        line("progress", &format!("{}{tasks}", percent(progress.percent)));
    }
    if !view.phases.is_empty() {
        line("phases", &phases(view));
    }
    if let Some(tests) = &view.tests {
        line("tests", &tests_line(tests));
    }
    if let Some(estimate) = &view.estimate {
        let left = estimate
            .remaining_s
            .saturating_sub(now.millis_since(estimate.at) / 1000);
        line("estimate", &format!("{} left ({})", minutes(left), estimate.basis));
    }
    if let Some(used) = view.usage.as_ref().map(usage::summary) {
        line("usage", &used);
    }
    if let Some(decisions) = &view.decisions {
        line("decisions", &decisions.total.to_string());
    }
    for problem in view.problems.values() {
        line("problem", &problem.message);
    }
    if let Some(directory) = &view.working_directory {
        line("folder", directory);
    }
    line("last work", &age(view.last_work_at, now));
    text
}

fn minutes(seconds: u64) -> String {
    match seconds {
        0..90 => format!("about {seconds} s"),
        _ => format!("about {} min", (seconds + 30) / 60),
    }
}

fn phases(view: &SessionView) -> String {
    let mut phases: Vec<(&String, &PhaseView)> = view.phases.iter().collect();
    phases.sort_by_key(|(name, phase)| (phase.order, phase_order(name)));
    let words: Vec<String> = phases
        .into_iter()
        .map(|(name, phase)| {
            let mark = match phase.status {
                PhaseStatus::Pending => "·",
                PhaseStatus::Active => "▶",
                PhaseStatus::Completed => "✔",
                PhaseStatus::Failed => "✘",
                PhaseStatus::Skipped => "-",
            };
            let attempts = if phase.attempts > 1 {
                format!(" ×{}", phase.attempts)
            } else {
                String::new()
            };
            format!("{mark} {name}{attempts}")
        })
        .collect();
    words.join("  ")
}

fn tests_line(tests: &Tests) -> String {
    let round = tests.iteration.map(|iteration| format!("iteration {iteration}"));
    let numbers = match (&tests.summary, tests.iterations.last_key_value()) {
        (Some(summary), _) => Some(counts(summary.passed, summary.failed)),
        (None, Some((_, last))) => Some(counts(last.passed, last.failed)),
        (None, None) => None,
    };
    [round, numbers].into_iter().flatten().collect::<Vec<_>>().join(": ")
}

/// The state of a session in one line; `status --watch` prints it when it differs from the previous one.
pub(crate) fn change(view: &SessionView, style: Style) -> String {
    let mut parts = vec![style.status(view.status, view.status.as_ref())];
    if let Some(phase) = &view.phase {
        parts.push(numbered(&phase.name, phase.number.as_deref(), phase.total));
    }
    parts.push(percent(view.progress.percent));
    if let Some(detail) = view.phase.as_ref().and_then(|phase| phase.detail.clone()) {
        parts.push(detail);
    }
    if let Some(tests) = &view.tests {
        parts.push(tests_line(tests));
    }
    parts.join("  ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::plain;
    use super::*;

    fn view() -> SessionView {
        serde_json::from_value(json!({
            "id": "weather-app~2", "name": "weather-app", "source": "live", "status": "running",
            "task": "Build a weather dashboard",
            "phase": {"name": "Test", "number": "4", "total": 7, "detail": "Running 48 tests, iteration 2"},
            "phases": {
                "Scout": {"order": 1, "status": "completed", "attempts": 1},
                "Architect": {"order": 2, "status": "completed", "attempts": 2},
                "Test": {"order": 4, "status": "active", "attempts": 2},
                "Deploy": {"order": 7, "status": "pending", "attempts": 0},
            },
            "progress": {"percent": 57.4, "tasks_completed": 7, "tasks_total": 7},
            "tests": {"iteration": 2, "iterations": {"1": {"passed": 46, "failed": 2}}},
            "estimate": {"at": "2026-01-01T00:00:00Z", "remaining_s": 180, "low_s": 120, "high_s": 300, "basis": "median of 4 earlier runs"},
            "working_directory": "/home/x/weather-app",
            "last_work_at": "2026-01-01T00:00:00Z",
        }))
        .unwrap()
    }

    fn now() -> Timestamp {
        "2026-01-01T00:00:12Z".parse().unwrap()
    }

    #[test]
    fn a_session_is_shown_line_by_line() {
        insta::assert_snapshot!(session(&view(), now(), Style::plain()), @r"
        weather-app~2  running
          task       Build a weather dashboard
          phase      Test 4/7: Running 48 tests, iteration 2
          progress   57 %, 7 of 7 tasks
          phases     ✔ Scout  ✔ Architect ×2  ▶ Test ×2  · Deploy
          tests      iteration 2: 46 passed, 2 failed
          estimate   about 3 min left (median of 4 earlier runs)
          folder     /home/x/weather-app
          last work  12 s ago
        ");
    }

    #[test]
    fn sessions_are_shown_as_an_aligned_table() {
        let row = |id: &str, status: &str, percent: f64| -> SessionRow {
            serde_json::from_value(json!({
                "id": id, "name": "x", "source": "live", "status": status, "progress_percent": percent,
                "phase": {"name": "Builder", "number": "3", "total": 7},
                "tests": {"passed": 5, "failed": 0}, "last_work_at": "2026-01-01T00:00:00Z",
            }))
            .unwrap()
        };
        let rows = [row("weather-app~1", "running", 7.0), row("x~12", "completed", 100.0)];
        insta::assert_snapshot!(sessions(&rows, now(), Style::plain()), @r"
        SESSION        STATUS     PHASE        PROGRESS  TESTS               LAST WORK
        weather-app~1  running    Builder 3/7       7 %  5 passed, 0 failed  12 s ago
        x~12           completed  Builder 3/7     100 %  5 passed, 0 failed  12 s ago
        ");
        assert_eq!(sessions(&[], now(), Style::plain()), "There are no sessions.\n");
    }

    #[test]
    fn colors_are_the_only_control_sequences() {
        let colored = plain::rendered(&session(&view(), now(), Style { colored: true }), true);
        let plain = plain::rendered(&session(&view(), now(), Style::plain()), true);
        assert_ne!(colored, plain);
        let mut stripped = colored;
        for code in ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[36m"] {
            stripped = stripped.replace(code, "");
        }
        assert_eq!(stripped, plain);
    }
}
