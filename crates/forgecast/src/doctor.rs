//! Checks what is connected and what is not. It changes nothing, except that it removes the runtime files of servers that
//! no longer run.

mod access;
mod agents;
mod server;

use std::fmt::Write as _;

use forgecast_protocol::calendar::{date, parse_date};
use forgecast_session::price::{ModelPrice, PRICES_OF, Prices};
use serde::Serialize;

use crate::config::{Config, Environment};
use crate::spool::Spool;
use crate::terminal::{Health, Style, counted, one_line};

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// The subject of the check, one word.
    pub(crate) what: &'static str,
    pub(crate) state: Health,
    /// The result, one line.
    pub(crate) message: String,
    /// How to fix it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fix: Option<String>,
}

fn ok(what: &'static str, message: impl Into<String>) -> Finding {
    Finding {
        what,
        state: Health::Ok,
        message: message.into(),
        fix: None,
    }
}

fn warn(what: &'static str, message: impl Into<String>, fix: impl Into<String>) -> Finding {
    Finding {
        what,
        state: Health::Warn,
        message: message.into(),
        fix: Some(fix.into()),
    }
}

fn fail(what: &'static str, message: impl Into<String>, fix: impl Into<String>) -> Finding {
    Finding {
        state: Health::Fail,
        ..warn(what, message, fix)
    }
}

/// Runs every check.
pub(crate) fn run_checks(environment: &Environment, config: &Config) -> Vec<Finding> {
    let server = server::find(environment, config);
    let mut findings = server::findings(server.as_ref(), config);
    findings.extend(access::findings(server.as_ref(), environment, config));
    findings.push(prices(config));
    findings.extend(agents::findings(
        environment,
        config,
        server.as_ref().map(server::Server::url),
    ));
    findings.extend(spool(&Spool::within(&environment.data_folder()), server.is_some()));
    findings
}

/// Days after which prices count as old.
const OLD_PRICES_DAYS: i32 = 45;

fn prices(config: &Config) -> Finding {
    let today = crate::pipeline::local_calendar().day(forgecast_ingest::system_clock().now());
    match crate::prices::load(config) {
        Ok(prices) => age_of_prices(today, &prices),
        Err(error) => fail(
            "prices",
            format!("{error:#}"),
            "fix the file, or remove usage.prices from the configuration",
        ),
    }
}

fn age_of_prices(today: i32, prices: &Prices) -> Finding {
    let built_in = format!("built-in prices as of {PRICES_OF}");
    let models = prices.models().into_iter();
    let own: Vec<&ModelPrice> = models.filter(|known| known.is_own).collect();
    let dates = own.iter().filter_map(|known| known.date.as_deref());
    let newest = dates.filter_map(parse_date).max();
    let message = match (own.len(), newest) {
        (0, _) => built_in,
        (count, None) => format!("{built_in}, {} of your own", counted(count as u64, "price")),
        (count, Some(day)) => format!(
            "{built_in}, {} of your own as of {}",
            counted(count as u64, "price"),
            date(day)
        ),
    };
    let is_old = |day: i32| today - day > OLD_PRICES_DAYS;
    if parse_date(PRICES_OF).is_some_and(is_old) && newest.is_none_or(is_old) {
        let fix = "update Forgecast, or import newer prices with `forgecast prices import FILE`";
        return warn("prices", format!("{message}: older than {OLD_PRICES_DAYS} days"), fix);
    }
    ok("prices", message)
}

fn spool(spool: &Spool, running: bool) -> Vec<Finding> {
    let what = "spool";
    let folder = spool.folder().display();
    let mut findings = Vec::new();
    match spool.pending().map(|files| files.len()) {
        Err(error) => findings.push(fail(
            what,
            format!("cannot read {folder}: {error}"),
            "make it readable for your user",
        )),
        Ok(0) => findings.push(ok(what, "no facts from `forgecast emit` are waiting")),
        Ok(waiting) => findings.push(warn(
            what,
            format!("{waiting} facts are waiting in {folder}"),
            match running {
                true => "check again in a moment; if they are still there, see the server's log",
                false => "start the server with `forgecast`; it delivers them",
            },
        )),
    }
    match spool.quarantined().map_or(0, |files| files.len()) {
        0 => {}
        rejected => findings.push(warn(
            what,
            format!("the server rejected {rejected} facts"),
            format!(
                "inspect the files in {} and remove them",
                spool.quarantine_folder().display()
            ),
        )),
    }
    findings
}

/// The findings, one line each, followed by a line with the fix.
pub(crate) fn text(findings: &[Finding], style: Style) -> String {
    let width = findings.iter().map(|finding| finding.what.len()).max().unwrap_or(0);
    let mut text = String::new();
    for finding in findings {
        let word = style.health(finding.state);
        let _ = writeln!(text, "{word}  {:width$}  {}", finding.what, one_line(&finding.message));
        if let Some(fix) = &finding.fix {
            let _ = writeln!(
                text,
                "      {:width$}  {}",
                "",
                style.dim(&format!("→ {}", one_line(fix)))
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use forgecast_session::price::PriceOverride;

    use super::*;

    #[test]
    fn prices_are_old_after_45_days_unless_one_of_the_users_own_is_newer() {
        let built_in = parse_date(PRICES_OF).unwrap();
        let dated = |day: i32| PriceOverride {
            date: Some(date(day)),
            ..PriceOverride::default()
        };
        let with = |own: &[(&str, PriceOverride)]| {
            let own = own.iter().map(|(model, price)| ((*model).to_owned(), price.clone()));
            let own: BTreeMap<String, PriceOverride> = own.collect();
            Prices::embedded().with_overrides(&own).unwrap()
        };
        let none = with(&[]);
        assert_eq!(age_of_prices(built_in + 45, &none).state, Health::Ok);
        let old = age_of_prices(built_in + 46, &none);
        assert_eq!(old.state, Health::Warn);
        assert!(
            old.message.contains(PRICES_OF) && old.message.contains("45 days"),
            "{old:?}"
        );
        let newer = with(&[("a", dated(built_in + 1)), ("b", dated(built_in))]);
        assert_eq!(age_of_prices(built_in + 46, &newer).state, Health::Ok);
        assert_eq!(age_of_prices(built_in + 47, &newer).state, Health::Warn);
        let undated = with(&[("a", PriceOverride::default())]);
        assert_eq!(age_of_prices(built_in + 46, &undated).state, Health::Warn);
    }
}
