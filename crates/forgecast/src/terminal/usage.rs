//! Tokens and cost as a table, with digits grouped in threes, money in cents, and unpriced amounts marked.

use std::fmt::Write as _;

use forgecast_protocol::report::{CostRange, GroupBy, UsageAmount, UsageReport, UsageRow};
use forgecast_protocol::session::{TokenCounts, Usage};

use super::short_id::short_ids;
use super::table::{Column, Table, UNKNOWN};
use super::{Style, counted};
use forgecast_session::price::WEB_SEARCH;

/// Whether numbers are written out or rounded, which is where they do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digits {
    All,
    Rounded,
}

/// The report as a table, then today's usage, burn rate and budgets, and who counted it.
pub(crate) fn usage(report: &UsageReport, counted_by: &str, style: Style) -> String {
    if report.rows.is_empty() {
        return "No usage found.\n".to_owned() + &entry(style, "counted", counted_by);
    }
    let mut text = rows(report, style);
    let mut line = |label: &str, value: &str| text.push_str(&entry(style, label, value));
    if report.totals.unpriced_calls > 0 {
        let unpriced = grouped(report.totals.unpriced_calls);
        line(
            "*",
            &format!("{unpriced} calls to models without a price are not included"),
        );
    }
    let searches = web_searches(report);
    if searches > 0.0 {
        line(
            "searches",
            &format!("{} of it for searches of the web", money(searches)),
        );
    }
    if let Some(totals) = &report.agent_totals {
        let sessions = counted(totals.sessions, "session");
        line(
            "agents",
            &format!(
                "{} by their own account of {sessions}, of which {} is counted here",
                money(totals.cost_usd),
                money(totals.counted_usd)
            ),
        );
    }
    if let Some(today) = &report.today {
        let projected = report
            .today_projected_usd
            .map(|usd| format!(", {} by midnight", range(usd)))
            .unwrap_or_default();
        let tokens = grouped(today.tokens.total());
        line(
            "today",
            &format!("{} for {tokens} tokens{projected}", money(today.cost_usd)),
        );
    }
    if let Some(burn) = report.burn.as_ref().filter(|burn| burn.tokens_per_minute > 0.0) {
        let minutes = burn.window_s / 60;
        line(
            "burn rate",
            &format!(
                "{:.0} tokens a minute, {} an hour (last {minutes} minutes)",
                burn.tokens_per_minute,
                money(burn.usd_per_hour)
            ),
        );
    }
    for budget in &report.budgets {
        line(
            "budget",
            &format!(
                "{}: {} of {}{}",
                budget.period,
                money(budget.spent_usd),
                money(budget.limit_usd),
                budget
                    .projected_usd
                    .map(|usd| format!(", {} at its end", range(usd)))
                    .unwrap_or_default()
            ),
        );
    }
    line("prices", &format!("US dollars, as of {}", report.prices_of));
    line("counted", counted_by);
    text
}

/// A line below the table.
fn entry(style: Style, label: &str, value: &str) -> String {
    let lines = style.labeled(label, value);
    let lines = lines.lines().map(|line| line.strip_prefix("  ").unwrap_or(line));
    lines.flat_map(|line| [line, "\n"]).collect()
}

const COLUMNS: usize = 9;

/// The rows of the report and their totals.
fn rows(report: &UsageReport, style: Style) -> String {
    let table = |digits| {
        let columns = [
            Column::new(heading(report.group_by)).cut_to(16),
            Column::new("ID").optional(1),
            Column::number("INPUT"),
            Column::number("OUTPUT"),
            Column::number("CACHE WRITE").optional(3),
            Column::number("CACHE READ").optional(2),
            Column::number("CACHE HITS").optional(4),
            Column::number("CALLS"),
            Column::number("COST "),
        ];
        let titled = report.rows.iter().filter(|row| row.title.is_some());
        let ids = short_ids(titled.map(UsageRow::key));
        let rows = report.rows.iter().map(|row| {
            let id = ids.get(row.key()).copied().unwrap_or_default();
            let name = row
                .title
                .as_deref()
                .unwrap_or_else(|| named(row.key(), report.group_by));
            cells([name, id], &row.amount, digits)
        });
        Table::new(columns, rows.chain([cells(["total", ""], &report.totals, digits)]))
    };
    let whole = table(Digits::All);
    let table = if whole.fits(style) {
        whole
    } else {
        table(Digits::Rounded)
    };
    table.text(style, |row, _, cell| match row == report.rows.len() {
        true => style.bold(cell),
        false => cell.to_owned(),
    })
}

fn heading(group: GroupBy) -> &'static str {
    match group {
        GroupBy::Day => "DAY",
        GroupBy::Project => "PROJECT",
        GroupBy::Model => "MODEL",
        GroupBy::Phase => "PHASE",
        GroupBy::Session => "SESSION",
    }
}

/// What searching the web cost, which is part of the report.
fn web_searches(report: &UsageReport) -> f64 {
    let of_row = |row: &UsageRow| match report.group_by {
        GroupBy::Model if row.key() == WEB_SEARCH => row.amount.cost_usd,
        _ => row.models.get(WEB_SEARCH).map_or(0.0, |amount| amount.cost_usd),
    };
    report.rows.iter().map(of_row).sum()
}

/// The usage of one session in one line: tokens, cost, context window.
pub(super) fn summary(usage: &Usage) -> String {
    let mut text = format!("{} tokens", grouped(usage.tokens.total()));
    if let Some(usd) = usage.cost_usd {
        let mark = if usage.unpriced_calls > 0 { " or more" } else { "" };
        let _ = write!(text, ", {}{mark}", money(usd));
    }
    if let Some(context) = &usage.context {
        let _ = write!(text, ", context {:.0} % full", context.percent);
    }
    let sources: Vec<&str> = usage.provenance.iter().map(AsRef::as_ref).collect();
    if !sources.is_empty() {
        let _ = write!(text, " ({})", sources.join(", "));
    }
    text
}

fn named(key: &str, group: GroupBy) -> &str {
    match (key, group) {
        ("", GroupBy::Phase) => "(no phase)",
        ("", GroupBy::Model) => "(no model)",
        ("", _) => "(none)",
        (key, _) => key,
    }
}

fn cells([name, id]: [&str; 2], amount: &UsageAmount, digits: Digits) -> [String; COLUMNS] {
    let number = |number| match digits {
        Digits::All => grouped(number),
        Digits::Rounded => rounded(number),
    };
    let tokens = &amount.tokens;
    [
        name.to_owned(),
        id.to_owned(),
        number(tokens.input),
        number(tokens.output),
        number(tokens.cache_write),
        number(tokens.cache_read),
        hits(tokens),
        number(amount.calls),
        cost(amount),
    ]
}

/// The share of the model's input that came from the cache.
fn hits(tokens: &TokenCounts) -> String {
    let given = tokens.total().saturating_sub(tokens.output);
    match tokens.cache_read.saturating_mul(1_000).checked_div(given) {
        Some(thousandths) => format!("{}.{} %", thousandths / 10, thousandths % 10),
        None => UNKNOWN.to_owned(),
    }
}

/// The cost, with space for the mark so that the cents are aligned.
fn cost(amount: &UsageAmount) -> String {
    match amount.unpriced_calls {
        0 => format!("{} ", money(amount.cost_usd)),
        unpriced if unpriced >= amount.calls && amount.cost_usd == 0.0 => "unpriced ".to_owned(),
        _ => format!("{}*", money(amount.cost_usd)),
    }
}

fn range(usd: CostRange) -> String {
    let (low, high) = (money(usd.low), money(usd.high));
    if low == high { low } else { format!("{low} to {high}") }
}

/// `$1,234.50`
fn money(usd: f64) -> String {
    let text = format!("{usd:.2}");
    match text.split_once('.') {
        Some((dollars, cents)) => format!("${}.{cents}", dollars.parse().map_or(dollars.to_owned(), grouped)),
        None => format!("${text}"),
    }
}

/// `1,234,567`
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `999`, `1.2k`, `35M`: two digits or three, rounded down.
fn rounded(number: u64) -> String {
    let units = [(1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")];
    let Some((unit, letter)) = units.into_iter().find(|(unit, _)| number >= *unit) else {
        return number.to_string();
    };
    match number / (unit / 10) {
        tenths @ ..100 => format!("{}.{}{letter}", tenths / 10, tenths % 10),
        tenths => format!("{}{letter}", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forgecast_protocol::report::AgentTotals;

    fn amount(input: u64, cache_read: u64, cost_usd: f64, unpriced_calls: u64) -> UsageAmount {
        UsageAmount {
            tokens: TokenCounts {
                input,
                cache_read,
                output: 1_234_567,
                cache_write: 0,
            },
            cost_usd,
            calls: 2,
            unpriced_calls,
        }
    }

    #[test]
    fn a_session_s_usage_is_one_line() {
        use forgecast_protocol::event::UsageSource;
        let usage = Usage {
            tokens: amount(1_000, 9_000, 0.0, 0).tokens,
            cost_usd: Some(0.456),
            unpriced_calls: 1,
            provenance: vec![UsageSource::Transcript, UsageSource::Hook],
            ..Usage::default()
        };
        assert_eq!(summary(&usage), "1,244,567 tokens, $0.46 or more (transcript, hook)");
    }

    #[test]
    fn numbers_are_aligned_and_what_has_no_price_is_marked() {
        let row = |name: &str, amount| UsageRow {
            group: [(GroupBy::Project, name.to_owned())].into(),
            amount,
            ..UsageRow::default()
        };
        let rows = vec![
            row("weather-app", amount(1_000, 9_000, 12.226, 0)),
            row("", amount(10, 0, 0.5, 1)),
            row("other", amount(0, 0, 0.0, 2)),
            UsageRow {
                models: [(WEB_SEARCH.to_owned(), amount(0, 0, 0.25, 0))].into(),
                ..row("search", UsageAmount::default())
            },
        ];
        let mut totals = UsageAmount::default();
        rows.iter().for_each(|row| totals.add(&row.amount));
        let report = UsageReport {
            group_by: GroupBy::Project,
            rows,
            totals,
            agent_totals: Some(AgentTotals {
                sessions: 3,
                cost_usd: 13.0,
                counted_usd: 12.5,
            }),
            today: Some(amount(1, 0, 1.0, 0)),
            prices_of: "2026-11-21".to_owned(),
            ..UsageReport::default()
        };
        let by = "from the transcripts in ~/.claude; no server is running";
        insta::assert_snapshot!(usage(&report, by, Style::plain()), @r"
        PROJECT      INPUT     OUTPUT  CACHE WRITE  CACHE READ  CACHE HITS  CALLS      COST
        weather-app  1,000  1,234,567            0       9,000      90.0 %      2    $12.23
        (none)          10  1,234,567            0           0       0.0 %      2     $0.50*
        other            0  1,234,567            0           0           -      2  unpriced
        search           0          0            0           0           -      0     $0.00
        total        1,010  3,703,701            0       9,000      89.9 %      6    $12.73*
        *          3 calls to models without a price are not included
        searches   $0.25 of it for searches of the web
        agents     $13.00 by their own account of 3 sessions, of which $12.50 is counted here
        today      $1.00 for 1,234,568 tokens
        prices     US dollars, as of 2026-11-21
        counted    from the transcripts in ~/.claude; no server is running
        ");
        insta::assert_snapshot!(usage(&report, by, Style::plain().of_width(80)), @r"
        PROJECT      INPUT  OUTPUT  CACHE WRITE  CACHE READ  CALLS      COST
        weather-app   1.0k    1.2M            0        9.0k      2    $12.23
        (none)          10    1.2M            0           0      2     $0.50*
        other            0    1.2M            0           0      2  unpriced
        search           0       0            0           0      0     $0.00
        total         1.0k    3.7M            0        9.0k      6    $12.73*
        *          3 calls to models without a price are not included
        searches   $0.25 of it for searches of the web
        agents     $13.00 by their own account of 3 sessions, of which $12.50 is
                   counted here
        today      $1.00 for 1,234,568 tokens
        prices     US dollars, as of 2026-11-21
        counted    from the transcripts in ~/.claude; no server is running
        ");
        insta::assert_snapshot!(usage(&UsageReport::default(), by, Style::plain()), @r"
        No usage found.
        counted    from the transcripts in ~/.claude; no server is running
        ");
    }

    #[test]
    fn sessions_of_agents_appear_by_their_titles() {
        let row = |id: &str, title: Option<&str>| UsageRow {
            group: [(GroupBy::Session, id.to_owned())].into(),
            title: title.map(str::to_owned),
            amount: amount(123_456_789, 9_876_543_210, 1_234.5, 0),
            ..UsageRow::default()
        };
        let report = UsageReport {
            group_by: GroupBy::Session,
            rows: vec![
                row(
                    "7d1f0c3e-77aa-4f0e-9a55-0d5b7f7b2c11",
                    Some("Mend the flaky test of the sync queue"),
                ),
                row("deploy~1", None),
            ],
            prices_of: "2026-11-21".to_owned(),
            ..UsageReport::default()
        };
        insta::assert_snapshot!(usage(&report, "by the server at http://127.0.0.1:8080", Style::plain().of_width(80)), @r"
        SESSION                   ID        INPUT  OUTPUT  CACHE READ  CALLS       COST
        Mend the flaky test of…   7d1f0c3e   123M    1.2M        9.8G      2  $1,234.50
        deploy~1                             123M    1.2M        9.8G      2  $1,234.50
        total                                   0       0           0      0      $0.00
        prices     US dollars, as of 2026-11-21
        counted    by the server at http://127.0.0.1:8080
        ");
    }

    #[test]
    fn large_numbers_are_rounded_down_to_a_few_digits() {
        let shown = [
            0,
            999,
            1_000,
            1_299,
            99_999,
            999_999,
            1_234_567,
            35_000_000,
            9_876_543_210,
        ]
        .map(rounded);
        assert_eq!(
            shown,
            ["0", "999", "1.0k", "1.2k", "99k", "999k", "1.2M", "35M", "9.8G"]
        );
    }
}
