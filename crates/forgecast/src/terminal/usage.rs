//! Tokens and cost as a table, with digits grouped in threes, money in cents, and unpriced amounts marked.

use std::fmt::Write as _;

use forgecast_protocol::report::{CostRange, GroupBy, UsageAmount, UsageReport, UsageRow};
use forgecast_protocol::session::{TokenCounts, Usage};

use super::{Style, counted, table};
use forgecast_session::price::WEB_SEARCH;

const COLUMNS: usize = 8;

/// The report as a table, then today's usage, burn rate and budgets.
pub(crate) fn usage(report: &UsageReport, style: Style) -> String {
    if report.rows.is_empty() {
        return "No usage found.\n".to_owned();
    }
    let mut text = rows(report, style);
    let mut line = |label: &str, value: &str| text.push_str(style.labeled(label, value).trim_start_matches(' '));
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
    text
}

/// The rows of the report and their totals.
fn rows(report: &UsageReport, style: Style) -> String {
    let group = report.group_by.as_ref().to_uppercase();
    let rows = report.rows.iter();
    let rows = rows.map(|row| cells(named(row.key(), report.group_by), &row.amount));
    table::aligned(
        [
            &group,
            "INPUT",
            "OUTPUT",
            "CACHE WRITE",
            "CACHE READ",
            "CACHE HITS",
            "CALLS",
            "COST ",
        ],
        rows.chain([cells("total", &report.totals)]),
        style,
        |column| column > 0,
        |row, _, cell| match row == report.rows.len() {
            true => style.bold(cell),
            false => cell.to_owned(),
        },
    )
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

fn cells(name: &str, amount: &UsageAmount) -> [String; COLUMNS] {
    let tokens = &amount.tokens;
    [
        name.to_owned(),
        grouped(tokens.input),
        grouped(tokens.output),
        grouped(tokens.cache_write),
        grouped(tokens.cache_read),
        hits(tokens),
        grouped(amount.calls),
        cost(amount),
    ]
}

/// The share of the model's input that came from the cache.
fn hits(tokens: &TokenCounts) -> String {
    let given = tokens.total().saturating_sub(tokens.output);
    match tokens.cache_read.saturating_mul(1_000).checked_div(given) {
        Some(thousandths) => format!("{}.{} %", thousandths / 10, thousandths % 10),
        None => "-".to_owned(),
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

fn money(usd: f64) -> String {
    format!("${usd:.2}")
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
        insta::assert_snapshot!(usage(&report, Style::plain()), @r"
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
        ");
        assert_eq!(usage(&UsageReport::default(), Style::plain()), "No usage found.\n");
    }
}
