//! `import`: Context Foundry's metrics database becomes history, and an exported session comes back. Files are only read; what
//! was imported before is known and is not counted again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use forgecast_decode::clean::Cleaner;
use forgecast_decode::push;
use forgecast_hub::session_called;
use forgecast_store::{Exported, LegacyDb};
use serde_json::Value;

use super::Context;
use super::sight::{Sight, Taken};
use crate::cli::ImportArgs;
use crate::import::{self, Extent};
use crate::{pipeline, terminal};

/// The variable in which users of Context Foundry have the path of its database.
const VARIABLE: &str = "CF_METRICS_DB";
/// Facts that are handed over in one go: what was handed over is durable, so an import that is broken off goes on there.
const AT_ONCE: usize = 500;
/// The largest export that is read.
const LARGEST_EXPORT: u64 = 1 << 30;
/// Reasons that are listed.
const REASONS: usize = 10;

/// What became of everything.
#[derive(Default)]
struct Summary {
    sessions: u64,
    new: u64,
    known: u64,
    rejected: u64,
    log_lines: u64,
    reasons: BTreeMap<String, u64>,
}

/// What is on its way.
struct Load<'a> {
    /// Where it goes; `None`: it is only looked at.
    sight: Option<&'a Sight>,
    cleaner: &'a Cleaner,
    envelopes: Vec<Value>,
    summary: &'a mut Summary,
}

/// Imports the files, one after the other.
///
/// # Errors
/// No file is named, one cannot be read, and what [`Sight`] says. What was imported before the error stays imported.
pub(crate) fn run(context: &Context, args: &ImportArgs) -> Result<()> {
    let files = files(context, args)?;
    let config = context.configure(args.sources.flags())?;
    let cleaner = Cleaner::new(pipeline::mask_rules(&config)?);
    // What cannot be read is said before anything is changed.
    let opened: Vec<Opened> = files.iter().map(|path| open(path)).collect::<Result<_>>()?;
    let sight = if args.dry_run {
        None
    } else {
        Some(Sight::open_or_make(context, &args.sources)?)
    };
    let mut summary = Summary::default();
    let result = opened.into_iter().try_for_each(|opened| match opened {
        Opened::Metrics(db) => {
            let mut load = Load {
                sight: sight.as_ref(),
                cleaner: &cleaner,
                envelopes: Vec::new(),
                summary: &mut summary,
            };
            load.metrics(&db)
        }
        Opened::Export(exported) => bring(sight.as_ref(), *exported, &cleaner, &mut summary),
    });
    if let Some(sight) = sight {
        sight.close();
    }
    terminal::print(&summary.text(args.dry_run));
    result
}

/// A file that can be imported.
enum Opened {
    Metrics(LegacyDb),
    Export(Box<Exported>),
}

fn files(context: &Context, args: &ImportArgs) -> Result<Vec<PathBuf>> {
    if !args.files.is_empty() {
        return Ok(args.files.clone());
    }
    match context.environment.variable(VARIABLE) {
        Some(path) => {
            let home = context.environment.home();
            let below = path.strip_prefix("~/").zip(home).map(|(rest, home)| home.join(rest));
            Ok(vec![below.unwrap_or_else(|| PathBuf::from(path))])
        }
        None => bail!(
            "name a file: a metrics database (often ~/.context-foundry/metrics.db; {VARIABLE} is not set), or what `forgecast export` wrote"
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
        bail!("{} is larger than any export: {size} bytes", path.display());
    }
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let exported = serde_json::from_slice(&text)
        .with_context(|| format!("{} is not what `forgecast export` writes", path.display()))?;
    Ok(Opened::Export(Box::new(exported)))
}

fn bring(sight: Option<&Sight>, mut exported: Exported, cleaner: &Cleaner, summary: &mut Summary) -> Result<()> {
    let id = exported.session.id.clone();
    let (events, lines) = (exported.events.len() as u64, exported.log.len() as u64);
    summary.sessions += 1;
    if !forgecast_server::clean_export(&mut exported, cleaner) {
        let why = format!("{id}: a fact of it holds more text than any that was taken here");
        summary.reject(why, events);
        return Ok(());
    }
    let Some(sight) = sight else {
        summary.new += events;
        summary.log_lines += lines;
        return Ok(());
    };
    match sight.bring(exported)? {
        Ok((here, true)) => {
            summary.new += events;
            summary.log_lines += lines;
            if here != id.to_string() {
                terminal::print(&format!("{id} is another session here; it was imported as {here}\n"));
            }
        }
        Ok((_, false)) => summary.known += events,
        Err(why) => summary.reject(format!("{id}: {why}"), events),
    }
    Ok(())
}

impl Load<'_> {
    fn metrics(&mut self, db: &LegacyDb) -> Result<()> {
        import::tasks(db, |id| {
            self.summary.sessions += 1;
            let extent = self.extent(id)?;
            import::envelopes(db, id, extent, |envelope| {
                self.envelopes.push(envelope);
                if self.envelopes.len() < AT_ONCE {
                    return Ok(());
                }
                self.hand_over()
            })?;
            // The next task may have the same session: whether that is here is asked when this one is.
            self.hand_over()
        })?;
        let unnamed = db.unnamed()?;
        if unnamed > 0 {
            self.summary.reject("a row that names no task".to_owned(), unnamed);
        }
        if std::io::stderr().is_terminal() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
        Ok(())
    }

    /// A session that was followed here under the task's name knows its phases and its end better than the metrics do.
    fn extent(&self, id: &str) -> Result<Extent> {
        let Some(sight) = self.sight else {
            return Ok(Extent::All);
        };
        let first = sight.first_fact(&session_called(id))?;
        let is_other = first.is_some_and(|id| id.is_none_or(|id| !id.starts_with(import::ID)));
        Ok(if is_other { Extent::Beside } else { Extent::All })
    }

    fn hand_over(&mut self) -> Result<()> {
        let envelopes = std::mem::take(&mut self.envelopes);
        if envelopes.is_empty() {
            return Ok(());
        }
        let count = envelopes.len() as u64;
        let body = serde_json::to_vec(&envelopes)?;
        let taken = match self.sight {
            Some(sight) => sight.push(&body, self.cleaner)?,
            None => look(&body, self.cleaner, count)?,
        };
        self.summary.new += taken.accepted;
        self.summary.known += taken.duplicates;
        for (index, why) in taken.rejected {
            let session = envelopes.get(index).and_then(|envelope| envelope["session"].as_str());
            let why = format!("{}: {why}", session.unwrap_or_default());
            self.summary.reject(why, 1);
        }
        if std::io::stderr().is_terminal() {
            let done = self.summary.new + self.summary.known + self.summary.rejected;
            let _ = write!(
                std::io::stderr(),
                "\r\x1b[K{} sessions, {done} facts",
                self.summary.sessions
            );
        }
        Ok(())
    }
}

/// What would be taken of these envelopes.
fn look(body: &[u8], cleaner: &Cleaner, count: u64) -> Result<Taken> {
    let pushed = push::envelopes(body, cleaner, forgecast_ingest::system_clock().now())?;
    let rejected: Vec<(usize, String)> = pushed.rejected.into_iter().map(|one| (one.index, one.why)).collect();
    Ok(Taken {
        accepted: count - rejected.len() as u64,
        duplicates: 0,
        rejected,
    })
}

impl Summary {
    fn reject(&mut self, why: String, facts: u64) {
        self.rejected += facts;
        if self.reasons.len() < REASONS || self.reasons.contains_key(&why) {
            *self.reasons.entry(why).or_default() += facts;
        }
    }

    fn text(&self, is_dry: bool) -> String {
        let told = if is_dry { "would import" } else { "imported" };
        let mut text = format!(
            "{told} {}: {} new, {} known, {} rejected",
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

fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
