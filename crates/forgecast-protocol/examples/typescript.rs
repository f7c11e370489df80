//! Prints the wire types as one TypeScript file, in a fixed order: to the path given as the argument, else to standard
//! output. Run by `cargo xtask gen`; never edited by hand what it writes.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::{env, fs, io};

use forgecast_protocol::batch::{LogLevel, LogLine, Span};
use forgecast_protocol::event::{ArtifactKind, BudgetScope, IndexingProgress, TestBasis, UsageSource};
use forgecast_protocol::outcome::{OutcomeReport, OutcomeRow, Outcomes, OutcomesBy};
use forgecast_protocol::problem::{ErrorBody, Problem, ProblemKind};
use forgecast_protocol::report::{BudgetReport, BurnRate, GroupBy, UsageAmount, UsageReport, UsageRow};
use forgecast_protocol::session::{
    AgentView, ArtifactView, Budget, BudgetLevel, ContextWindow, CurrentPhase, DecisionView, Decisions, ErrorView,
    Estimate, PatternView, PhaseStatus, PhaseView, Progress, RowPhase, RowTasks, RowTests, RowUsage, SessionRow,
    SessionStatus, SessionView, SourceOfState, TaskView, TestIteration, TestSummary, Tests, TokenCounts, Usage,
    UsageMinute, UsageShare, WaitingFor,
};
use forgecast_protocol::timeline::{MarkKind, Timeline, TimelineMark, TimelineSpan};
use forgecast_protocol::update::{ClientMessage, HEARTBEAT_S, Index, PROTOCOL_VERSION, ServerMessage, TopicMark};
use ts_rs::{Config, TS};

const HEADER: &str = "\
// The wire types, generated from the Rust definitions in `forgecast-protocol` by `cargo xtask gen`. Do not edit.

";

/// Puts a comment of one line on one line, and takes away spaces at the ends of lines.
fn tidied(file: &str) -> String {
    let mut tidy: Vec<String> = Vec::new();
    for line in file.lines().map(str::trim_end) {
        match tidy.as_slice() {
            [.., opening, text] if line == " */" && opening == "/**" => {
                let comment = format!("/** {} */", text.trim_start_matches([' ', '*']));
                tidy.truncate(tidy.len() - 2);
                tidy.push(comment);
            }
            _ => tidy.push(line.to_owned()),
        }
    }
    tidy.join("\n") + "\n"
}

/// Appends one declaration with its documentation.
fn declare<T: TS>(file: &mut String, config: &Config) {
    file.push('\n');
    if let Some(docs) = T::docs() {
        file.push_str(&docs);
    }
    file.push_str("export ");
    file.push_str(&T::decl(config));
    file.push('\n');
}

macro_rules! declare_all {
    ($file:expr, $config:expr, $($type:ty),+ $(,)?) => { $(declare::<$type>($file, $config);)+ };
}

fn main() -> Result<(), Box<dyn Error>> {
    let config = Config::default();
    let mut file = HEADER.to_owned();
    writeln!(
        file,
        "export const PROTOCOL_VERSION = {PROTOCOL_VERSION};\nexport const HEARTBEAT_S = {HEARTBEAT_S};"
    )?;
    #[rustfmt::skip]
    declare_all!(
        &mut file, &config,
        // Messages.
        ClientMessage, ServerMessage, TopicMark, Index, IndexingProgress, ErrorBody, Problem, ProblemKind,
        LogLine, LogLevel, Span,
        // The view.
        SessionView, SessionStatus, PhaseStatus, SourceOfState, CurrentPhase, PhaseView, Progress, TaskView,
        Tests, TestSummary, TestIteration, TestBasis, AgentView, WaitingFor, Usage, UsageShare, UsageMinute, UsageSource,
        TokenCounts, ContextWindow, Budget, BudgetLevel, Decisions, DecisionView, PatternView, ArtifactView, ArtifactKind, Estimate, ErrorView,
        // The row.
        SessionRow, RowPhase, RowTasks, RowTests, RowUsage,
        // The report.
        UsageReport, UsageRow, UsageAmount, GroupBy, BurnRate, BudgetReport, BudgetScope,
        OutcomeReport, OutcomeRow, Outcomes, OutcomesBy,
        // The past.
        Timeline, TimelineSpan, TimelineMark, MarkKind,
    );
    let file = tidied(&file);
    match env::args_os().nth(1) {
        Some(path) => fs::write(path, file)?,
        None => io::stdout().write_all(file.as_bytes())?,
    }
    Ok(())
}
