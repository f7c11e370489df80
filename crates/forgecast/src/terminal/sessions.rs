//! Sessions as text: a list as a table, one session line by line, a change in one line.

use forgecast_protocol::rest::LimitsReport;
use forgecast_protocol::session::{
    PhaseStatus, PhaseView, RowTests, SessionRow, SessionStatus, SessionView, SourceOfState, Tests,
};
use forgecast_protocol::{Calendar, SessionId, Timestamp};
use forgecast_session::{phase_order, plan};

use super::plain::Color;
use super::short_id::short_ids;
use super::table::{Column, Table, UNKNOWN};
use super::{Style, age, layout, one_line, usage};

fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |value| format!("{value:.0} %"))
}

const COLUMNS: [Column; 8] = [
    Column::new("SESSION").cut_to(20),
    Column::new("STATUS"),
    Column::new("PHASE").cut_to(10).optional(3),
    Column::number("PROGRESS").optional(5),
    Column::new("TESTS").optional(4),
    Column::new("NOW").cut_to(16).optional(6),
    Column::new("LAST WORK").optional(1),
    Column::new("ID").optional(2),
];
const STATUS: usize = 1;
const TESTS: usize = 4;

/// The list of sessions as a table. A session of an agent appears by its title, with as much of its id as tells it apart.
pub(crate) fn sessions(rows: &[SessionRow], now: Timestamp, style: Style) -> String {
    if rows.is_empty() {
        return "There are no sessions.\n".to_owned();
    }
    let agents = rows.iter().filter(|row| row.source == SourceOfState::Transcript);
    let ids = short_ids(agents.map(|row| row.id.name().as_str()));
    let cells = rows.iter().map(|row| {
        let phase = row.phase.as_ref();
        let phase = phase.map(|phase| numbered(&phase.name, phase.number.as_deref(), phase.total));
        let id = ids.get(row.id.name().as_str());
        [
            id.map_or_else(|| row.id.to_string(), |_| row.name.clone()),
            row.status.as_ref().to_owned(),
            phase.unwrap_or_else(|| UNKNOWN.to_owned()),
            percent(row.progress_percent),
            passed_of_all(row.tests.as_ref()),
            now_at(row).unwrap_or(UNKNOWN).to_owned(),
            age(row.last_work_at, now),
            id.copied().unwrap_or_default().to_owned(),
        ]
    });
    Table::new(COLUMNS, cells).text(style, |row, column, cell| match column {
        STATUS => style.status(rows[row].status, cell),
        TESTS if rows[row].tests.as_ref().and_then(|tests| tests.failed) > Some(0) => style.paint(Color::Red, cell),
        _ => cell.to_owned(),
    })
}

/// The windows of plans that a session used a part of, a line each.
pub(crate) fn limits(
    report: &LimitsReport,
    session: &SessionId,
    calendar: &Calendar,
    now: Timestamp,
    style: Style,
) -> String {
    let id = session.to_string();
    let windows = report.windows.iter();
    let windows = windows.filter(|window| window.sessions.iter().any(|share| share.key == id));
    windows.fold(String::new(), |text, window| {
        let sentence = plan::sentence(window, Some(&id), calendar, now);
        text + &style.labeled("limit", &one_line(&sentence))
    })
}

/// What it is doing, or what it waits for, or why it stands as it does.
fn now_at(row: &SessionRow) -> Option<&str> {
    let activity = row.activity.as_deref().map(|activity| activity.text.as_str());
    let asked = row.attention.as_ref().map(|attention| attention.text.as_str());
    let reason = row.status_reason.as_deref();
    let shown = match row.status {
        SessionStatus::Running => activity.or(reason),
        // The reason of these says again when work was last seen.
        SessionStatus::Stalled | SessionStatus::Abandoned => activity,
        SessionStatus::Waiting => asked.filter(|text| !text.is_empty()).or(reason),
        _ => reason,
    };
    shown.filter(|text| !text.is_empty())
}

/// `46/48`, or what is known of it.
fn passed_of_all(tests: Option<&RowTests>) -> String {
    match tests.map(|tests| (tests.passed, tests.failed)) {
        Some((Some(passed), Some(failed))) => format!("{passed}/{}", passed.saturating_add(failed)),
        Some((None, None)) | None => UNKNOWN.to_owned(),
        Some((passed, failed)) => counts(passed, failed),
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
    let is_agents = view.source == SourceOfState::Transcript;
    let id = view.id.to_string();
    let name = if is_agents {
        one_line(&view.name)
    } else {
        id.as_str().into()
    };
    let mut text = format!(
        "{}  {}",
        style.bold(&name),
        style.status(view.status, view.status.as_ref())
    );
    if let Some(reason) = &view.status_reason {
        text.push_str(&format!("  {}", style.dim(&one_line(reason))));
    }
    text = layout::wrapped(&text, style.columns()).join("\n  ") + "\n";
    let mut line = |label: &str, value: &str| text.push_str(&style.labeled(label, &one_line(value)));
    if is_agents {
        line("id", &id);
    }
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
        SESSION        STATUS     PHASE        PROGRESS  TESTS  LAST WORK
        weather-app~1  running    Builder 3/7       7 %  5/5    12 s ago
        x~12           completed  Builder 3/7     100 %  5/5    12 s ago
        ");
        assert_eq!(sessions(&[], now(), Style::plain()), "There are no sessions.\n");
    }

    const COLORED: Style = Style {
        colored: true,
        columns: None,
    };

    #[test]
    fn agents_appear_by_their_titles_in_any_width() {
        let row = |rest: serde_json::Value| -> SessionRow {
            let mut row = json!({"source": "transcript", "last_work_at": "2026-01-01T00:00:00Z"});
            row.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            serde_json::from_value(row).unwrap()
        };
        let rows = [
            row(
                json!({"id": "7d1f0c3e-77aa-4f0e-9a55-0d5b7f7b2c11~1", "status": "running",
                "name": "Mend the flaky test of the sync queue before the release",
                "activity": {"kind": "tool", "text": "Edit src/sync/queue.rs", "since": "2026-01-01T00:00:00Z"}}),
            ),
            row(
                json!({"id": "019a8b72-1111-7000-8000-000000000000~1", "status": "waiting", "name": "日本語のタイトル",
                "attention": {"kind": "waiting", "since": "2026-01-01T00:00:00Z", "seq": 1, "text": "Wants to run: rm -rf build"}}),
            ),
        ];
        insta::assert_snapshot!(sessions(&rows, now(), Style::plain()), @r"
        SESSION                                                   STATUS   NOW                         LAST WORK  ID
        Mend the flaky test of the sync queue before the release  running  Edit src/sync/queue.rs      12 s ago   7d1f0c3e
        日本語のタイトル                                          waiting  Wants to run: rm -rf build  12 s ago   019a8b72
        ");
        insta::assert_snapshot!(sessions(&rows, now(), Style::plain().of_width(80)), @r"
        SESSION                   STATUS   NOW                       LAST WORK  ID
        Mend the flaky test of…   running  Edit src/sync/queue.rs    12 s ago   7d1f0c3e
        日本語のタイトル          waiting  Wants to run: rm -rf bu…  12 s ago   019a8b72
        ");
        let build = row(
            json!({"id": "weather-app~1", "name": "weather-app", "source": "live", "status": "running",
            "phase": {"name": "Documentation", "number": "5", "total": 7}, "progress_percent": 70.0,
            "tests": {"passed": 46, "failed": 2}}),
        );
        let all = [rows.to_vec(), vec![build]].concat();
        insta::assert_snapshot!(sessions(&all, now(), Style::plain().of_width(80)), @r"
        SESSION               STATUS   PHASE        PROGRESS  TESTS  LAST WORK  ID
        Mend the flaky test…  running  -                   -  -      12 s ago   7d1f0c3e
        日本語のタイトル      waiting  -                   -  -      12 s ago   019a8b72
        weather-app~1         running  Documentat…      70 %  46/48  12 s ago
        ");
        insta::assert_snapshot!(sessions(&all, now(), Style::plain().of_width(120)), @r"
        SESSION                     STATUS   PHASE              PROGRESS  TESTS  NOW                         LAST WORK  ID
        Mend the flaky test of th…  running  -                         -  -      Edit src/sync/queue.rs      12 s ago   7d1f0c3e
        日本語のタイトル            waiting  -                         -  -      Wants to run: rm -rf build  12 s ago   019a8b72
        weather-app~1               running  Documentation 5/7      70 %  46/48  -                           12 s ago
        ");
    }

    #[test]
    fn colors_are_the_only_control_sequences() {
        let colored = plain::rendered(&session(&view(), now(), COLORED), true);
        let plain = plain::rendered(&session(&view(), now(), Style::plain()), true);
        assert_ne!(colored, plain);
        let mut stripped = colored;
        for code in ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[36m"] {
            stripped = stripped.replace(code, "");
        }
        assert_eq!(stripped, plain);
    }
}
