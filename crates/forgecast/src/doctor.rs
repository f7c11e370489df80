//! What is connected and what is not. Looks and asks; changes nothing but files of servers that are gone.

mod access;
mod agents;
mod server;

use std::fmt::Write as _;

use serde::Serialize;

use crate::config::{Config, Environment};
use crate::spool::Spool;
use crate::terminal::{Style, one_line};

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Ok,
    /// It works without.
    Warn,
    /// It does not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What was looked at, one word.
    pub(crate) what: &'static str,
    pub(crate) state: State,
    /// How it is, one line.
    pub(crate) message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fix: Option<String>,
}

fn ok(what: &'static str, message: impl Into<String>) -> Finding {
    Finding {
        what,
        state: State::Ok,
        message: message.into(),
        fix: None,
    }
}

fn warn(what: &'static str, message: impl Into<String>, fix: impl Into<String>) -> Finding {
    Finding {
        what,
        state: State::Warn,
        message: message.into(),
        fix: Some(fix.into()),
    }
}

fn fail(what: &'static str, message: impl Into<String>, fix: impl Into<String>) -> Finding {
    Finding {
        state: State::Fail,
        ..warn(what, message, fix)
    }
}

/// Looks at everything.
pub(crate) fn look(environment: &Environment, config: &Config) -> Vec<Finding> {
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

fn prices(config: &Config) -> Finding {
    match crate::pipeline::prices(config) {
        Ok(_) => ok("prices", format!("of {}", forgecast_session::price::PRICES_OF)),
        Err(error) => fail(
            "prices",
            format!("{error:#}"),
            "mend the file, or take usage.prices out",
        ),
    }
}

fn spool(spool: &Spool, running: bool) -> Vec<Finding> {
    let what = "spool";
    let folder = spool.folder().display();
    let mut findings = Vec::new();
    match spool.pending().map(|files| files.len()) {
        Err(error) => findings.push(fail(
            what,
            format!("cannot read {folder}: {error}"),
            "make it readable for you",
        )),
        Ok(0) => findings.push(ok(what, "no fact of `forgecast emit` waits")),
        Ok(waiting) if running => findings.push(warn(
            what,
            format!("{waiting} facts wait in {folder}"),
            "look again in a moment; if they are still there, the log of the server says why",
        )),
        Ok(waiting) => findings.push(warn(
            what,
            format!("{waiting} facts wait in {folder}"),
            "start the server: `forgecast` delivers them",
        )),
    }
    match spool.set_aside().map_or(0, |files| files.len()) {
        0 => {}
        aside => findings.push(warn(
            what,
            format!("{aside} facts could not be taken by any server"),
            format!("look at the files in {} and remove them", spool.aside().display()),
        )),
    }
    findings
}

/// The findings, a line each and one for the way out.
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
