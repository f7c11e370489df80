//! `import`: imports a metrics database of Context Foundry as history, and exported sessions. The files are not changed, and
//! facts that were imported before are not counted again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use forgecast_decode::clean::Cleaner;
use forgecast_decode::push;
use forgecast_hub::session_called;
use forgecast_protocol::rest::{Exported, PushReceipt, Rejection};
use forgecast_store::LegacyDb;
use serde_json::Value;

use super::Context;
use super::session_client::{Database, SessionClient};
use crate::cli::ImportArgs;
use crate::import::{self, ImportScope};
use crate::pipeline;
use crate::terminal::{self, Progress, Unit, counted};

/// Context Foundry's variable with the path of its metrics database.
const VARIABLE: &str = "CF_METRICS_DB";
/// Facts per request. Each request is durable, so an interrupted import continues after the last one.
const BATCH_FACTS: usize = 500;
/// The largest export that is read.
const LARGEST_EXPORT: u64 = 1 << 30;
/// How many reasons for rejections are listed.
const MAX_REASONS: usize = 10;

/// Counts of what was imported.
#[derive(Default)]
struct Summary {
    sessions: u64,
    new: u64,
    known: u64,
    rejected: u64,
    log_lines: u64,
    reasons: BTreeMap<String, u64>,
}

/// The import of one metrics database.
struct MetricsImport<'a> {
    /// The destination; `None` for a dry run.
    client: Option<&'a SessionClient>,
    cleaner: &'a Cleaner,
    envelopes: Vec<Value>,
    summary: &'a mut Summary,
    /// Is told how many sessions were begun.
    progress: &'a dyn Fn(u64),
}

/// Imports the files one by one.
///
/// # Errors
/// No file is named, a file cannot be read, and the errors of [`SessionClient`]. What was imported before the error stays.
pub(crate) fn run(context: &Context, args: &ImportArgs) -> Result<()> {
    let files = files(context, args)?;
    let config = context.configure(args.sources.flags())?;
    let cleaner = Cleaner::new(pipeline::mask_rules(&config)?);
    // Every file is opened before anything is changed.
    let opened: Vec<Opened> = files.iter().map(|path| open(path)).collect::<Result<_>>()?;
    let open_client = || SessionClient::open(context, &args.sources, Database::ToAdd);
    let client = (!args.dry_run).then(open_client).transpose()?;
    let total = opened.iter().map(Opened::sessions).sum::<Result<u64>>()?;
    let bar = Progress::of("importing sessions", Unit::Things);
    let progress = |begun: u64| bar.at(begun.saturating_sub(1), total);
    let mut summary = Summary::default();
    let result = opened.into_iter().try_for_each(|opened| match opened {
        Opened::Metrics(db) => {
            let mut import = MetricsImport {
                client: client.as_ref(),
                cleaner: &cleaner,
                envelopes: Vec::new(),
                summary: &mut summary,
                progress: &progress,
            };
            import.metrics(&db)
        }
        Opened::Export(exported) => {
            progress(summary.sessions + 1);
            import_session(client.as_ref(), *exported, &cleaner, &mut summary)
        }
    });
    drop(client);
    drop(bar);
    terminal::print(&summary.text(args.dry_run));
    result
}

/// A file that can be imported.
enum Opened {
    Metrics(LegacyDb),
    Export(Box<Exported>),
}

impl Opened {
    /// How many sessions are in it.
    fn sessions(&self) -> Result<u64> {
        match self {
            Self::Metrics(db) => Ok(db.task_count()?),
            Self::Export(_) => Ok(1),
        }
    }
}

fn files(context: &Context, args: &ImportArgs) -> Result<Vec<PathBuf>> {
    if !args.files.is_empty() {
        return Ok(args.files.clone());
    }
    match context.environment.variable(VARIABLE) {
        Some(path) => Ok(vec![context.environment.expanded(path)]),
        None => bail!(
            "name a file: a metrics database (usually ~/.context-foundry/metrics.db; {VARIABLE} is not set), or a file written by `forgecast export`"
        ),
    }
}

fn open(path: &Path) -> Result<Opened> {
    let metadata = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    if metadata.is_file() {
        let mut beginning = Vec::new();
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        file.take(64).read_to_end(&mut beginning)?;
        if beginning.trim_ascii_start().first() == Some(&b'{') {
            return export(path, metadata.len());
        }
    }
    Ok(Opened::Metrics(LegacyDb::open(path)?))
}

fn export(path: &Path, size: u64) -> Result<Opened> {
    if size > LARGEST_EXPORT {
        bail!("{} has {size} bytes, which is too large for an export", path.display());
    }
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let exported = serde_json::from_slice(&text)
        .with_context(|| format!("{} was not written by `forgecast export`", path.display()))?;
    Ok(Opened::Export(Box::new(exported)))
}

fn import_session(
    client: Option<&SessionClient>,
    mut exported: Exported,
    cleaner: &Cleaner,
    summary: &mut Summary,
) -> Result<()> {
    let id = exported.session.id.clone();
    let (events, lines) = (exported.events.len() as u64, exported.log.len() as u64);
    summary.sessions += 1;
    if !forgecast_decode::exported::clean_export(&mut exported, cleaner) {
        let why = format!("{id}: a fact contains more text than Forgecast accepts");
        summary.reject(why, events);
        return Ok(());
    }
    let Some(client) = client else {
        summary.new += events;
        summary.log_lines += lines;
        return Ok(());
    };
    match client.import_session(exported)? {
        Ok((here, true)) => {
            summary.new += events;
            summary.log_lines += lines;
            if here != id.to_string() {
                terminal::print(&format!(
                    "{id} already exists with other facts; it was imported as {here}\n"
                ));
            }
        }
        Ok((_, false)) => summary.known += events,
        Err(why) => summary.reject(format!("{id}: {why}"), events),
    }
    Ok(())
}

impl MetricsImport<'_> {
    fn metrics(&mut self, db: &LegacyDb) -> Result<()> {
        import::tasks(db, |id| {
            self.summary.sessions += 1;
            (self.progress)(self.summary.sessions);
            let scope = self.scope(id)?;
            import::envelopes(db, id, scope, |envelope| {
                self.envelopes.push(envelope);
                if self.envelopes.len() < BATCH_FACTS {
                    return Ok(());
                }
                self.hand_over()
            })?;
            // The next task may belong to the same session, so this one must be stored before `scope` asks for it.
            self.hand_over()
        })?;
        let unnamed = db.unnamed()?;
        if unnamed > 0 {
            self.summary.reject("a row without a task".to_owned(), unnamed);
        }
        Ok(())
    }

    /// How much to import of a task: a session of its name that was recorded live knows its phases and its end better than
    /// the metrics do.
    fn scope(&self, id: &str) -> Result<ImportScope> {
        let Some(client) = self.client else {
            return Ok(ImportScope::Everything);
        };
        let first = client.first_fact(&session_called(id))?;
        let is_other = first.is_some_and(|id| id.is_none_or(|id| !id.starts_with(import::ID)));
        Ok(if is_other {
            ImportScope::Supplement
        } else {
            ImportScope::Everything
        })
    }

    fn hand_over(&mut self) -> Result<()> {
        let envelopes = std::mem::take(&mut self.envelopes);
        if envelopes.is_empty() {
            return Ok(());
        }
        let count = envelopes.len() as u64;
        let body = serde_json::to_vec(&envelopes)?;
        let taken = match self.client {
            Some(client) => client.push(&body, self.cleaner)?,
            None => dry_run(&body, self.cleaner, count)?,
        };
        self.summary.new += taken.accepted;
        self.summary.known += taken.duplicates;
        for Rejection { index, problem } in taken.rejected {
            let session = envelopes.get(index).and_then(|envelope| envelope["session"].as_str());
            let why = format!("{}: {problem}", session.unwrap_or_default());
            self.summary.reject(why, 1);
        }
        Ok(())
    }
}

/// What a server would accept of these envelopes.
fn dry_run(body: &[u8], cleaner: &Cleaner, count: u64) -> Result<PushReceipt> {
    let pushed = push::envelopes(body, cleaner, forgecast_ingest::system_clock().now())?;
    let unread = pushed.rejected.into_iter().map(|one| Rejection {
        index: one.index,
        problem: one.why,
    });
    let rejected: Vec<Rejection> = unread.collect();
    Ok(PushReceipt {
        accepted: count - rejected.len() as u64,
        duplicates: 0,
        rejected,
    })
}

impl Summary {
    fn reject(&mut self, why: String, facts: u64) {
        self.rejected += facts;
        if self.reasons.len() < MAX_REASONS || self.reasons.contains_key(&why) {
            *self.reasons.entry(why).or_default() += facts;
        }
    }

    fn text(&self, is_dry: bool) -> String {
        let verb = if is_dry { "would import" } else { "imported" };
        let mut text = format!(
            "{verb} {}: {} new, {} known, {} rejected",
            counted(self.sessions, "session"),
            counted(self.new, "fact"),
            self.known,
            self.rejected
        );
        if self.log_lines > 0 {
            text.push_str(&format!("; {}", counted(self.log_lines, "log line")));
        }
        text.push('\n');
        for (why, count) in &self.reasons {
            text.push_str(&format!("  rejected {count}: {why}\n"));
        }
        text
    }
}
