//! Files that are rewritten: read when they differ, decoded, and passed on only when they are whole. The last good
//! content stands while a new one is being written, and for as long as a broken one lies there.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::Duration;

use forgecast_protocol::event::{Fact, SessionSeen};
use forgecast_protocol::{FileIdentity, ProblemKind, Subject};

use super::{BUILDLOOP, Content, ScanPass, SourceFile, SourceSet, TASKS};
use crate::document::{Document, Reading};
use crate::facts;
use crate::problem::field_key;
use forgecast_decode::{Decoded, Format, Unparsable};
use forgecast_open::OpenError;

/// When a half-written document is read again: milliseconds after each failure.
const RETRY_MS: [u64; 3] = [10, 30, 60];

impl SourceSet {
    pub(super) fn read_document(
        &mut self,
        path: &str,
        source: &mut SourceFile,
        again: bool,
        pass: &mut ScanPass<'_>,
    ) -> Result<(), OpenError> {
        let (format, first_sight) = (source.format.clone(), source.first_sight);
        let Content::Document(document) = &mut source.content else {
            return Ok(());
        };
        if !again {
            document.attempts = 0;
        }
        let before = document.identity;
        let (limit, is_news) = (format.max_bytes(), self.phase.is_behind(&format, document));
        match document.read_rewritten(&pass.base, Path::new(path), limit, again, is_news)? {
            Reading::Unchanged => return Ok(()),
            Reading::Same => {
                pass.outcome.reads += 1;
                pass.outcome.bytes += document.identity.size;
                document.attempts = 0;
                if before != document.identity && !document.refreshed {
                    document.refreshed = true;
                    self.checkpoint(path, document.checkpoint(), pass);
                }
                self.clear_inherited(path, &mut source.inherited, false, pass);
                self.clear_file(path, pass);
            }
            Reading::Fresh { bytes, digest, torn } => {
                pass.outcome.reads += 1;
                pass.outcome.bytes += document.identity.size;
                match judge(&format, path, &bytes, document, pass) {
                    Ok(decoded) if !(torn && self.may_retry(path, document, pass)) => {
                        document.digest = digest;
                        document.attempts = 0;
                        document.refreshed = false;
                        self.follow_phase(&decoded);
                        document.state = self.phase.mark(&format);
                        let (identity, checkpoint) = (document.identity, document.checkpoint());
                        source.first_sight = false;
                        self.checkpoint(path, checkpoint, pass);
                        self.clear_inherited(path, &mut source.inherited, true, pass);
                        self.accept(path, &format, decoded, &identity, first_sight, pass);
                        if let Format::Checkpoint(part) = format {
                            self.parts.insert(part, bytes);
                        }
                    }
                    Ok(_) => {}
                    Err(why) => self.unusable(path, &why, document, pass),
                }
            }
        }
        Ok(())
    }

    fn follow_phase(&mut self, decoded: &Decoded) {
        for fact in &decoded.facts {
            if let Fact::PhaseReported(report) = fact {
                self.phase.enter(report.phase.as_deref());
            }
        }
    }

    /// Whether the document will be read again soon.
    fn may_retry(&self, path: &str, document: &mut Document, pass: &mut ScanPass<'_>) -> bool {
        let Some(wait) = RETRY_MS.get(usize::from(document.attempts)) else {
            return false;
        };
        document.attempts += 1;
        pass.outcome.retry.push((path.to_owned(), Duration::from_millis(*wait)));
        true
    }

    fn unusable(&mut self, path: &str, why: &Unusable, document: &mut Document, pass: &mut ScanPass<'_>) {
        if why.may_pass && self.may_retry(path, document, pass) {
            return;
        }
        let key = self.key(path);
        let fact = self.problems.found(&key, why.kind, why.message.clone(), &key);
        if fact.is_some() {
            // The next life knows what was told, and takes it back when the file is whole again.
            self.checkpoint(path, document.checkpoint(), pass);
        }
        self.emit(fact, path, pass);
    }

    /// New whole content.
    fn accept(
        &mut self,
        path: &str,
        format: &Format,
        decoded: Decoded,
        identity: &FileIdentity,
        first_sight: bool,
        pass: &mut ScanPass<'_>,
    ) {
        pass.touched(identity);
        self.clear_file(path, pass);
        self.report_fields(path, &decoded, pass);
        if matches!(format, Format::Checkpoint(_)) {
            // Told together with the folder's other files.
            return;
        }
        let origin = pass.origin(path, format, identity, first_sight);
        let subject = Subject {
            name: decoded.name,
            ..self.subject(path)
        };
        let listed = format
            .artifact_kind()
            .map(|kind| facts::artifact(path, kind, identity, decoded.dated, pass.now));
        for fact in listed.into_iter().chain(decoded.facts) {
            pass.event(&subject, &origin, fact);
        }
        if *format == Format::Phase {
            self.build_name.clone_from(&subject.name);
        }
        if *format == Format::Phase && !std::mem::replace(&mut self.introduced, true) && pass.context.host.is_some() {
            let seen = SessionSeen {
                host: pass.context.host.clone(),
                ..SessionSeen::default()
            };
            pass.event(&subject, &origin, Fact::SessionSeen(seen));
        }
    }

    /// Tells anew what Foundry's documents are and what its lists of tasks say. The manifest is of a run that is over.
    pub(super) fn retell(&self, pass: &mut ScanPass<'_>) {
        let of_foundry = |path: &str| path.starts_with(BUILDLOOP) || TASKS.contains(&path);
        for (path, source) in self
            .files
            .iter()
            .filter(|(path, file)| of_foundry(path) && file.was_seen())
        {
            // What is wrong with a file was told when it was read.
            let Ok((identity, decoded)) = read_again(path, &source.format, pass) else {
                continue;
            };
            let Some(kind) = source.format.artifact_kind() else {
                continue;
            };
            let origin = pass.origin(path, &source.format, &identity, true);
            let listed = facts::artifact(path, kind, &identity, None, pass.now);
            for fact in std::iter::once(listed).chain(decoded.facts) {
                pass.event(&self.subject(path), &origin, fact);
            }
        }
    }

    /// The file's own problem is over.
    pub(super) fn clear_file(&mut self, path: &str, pass: &mut ScanPass<'_>) {
        let fact = self.problems.cleared(&self.key(path));
        self.emit(fact, path, pass);
    }

    /// Fields that are wrong now, and those that no longer are.
    fn report_fields(&mut self, path: &str, decoded: &Decoded, pass: &mut ScanPass<'_>) {
        let file = self.key(path);
        for key in self.problems.keys_below(&field_key(&file, "")) {
            if !decoded
                .bad_fields
                .iter()
                .any(|(field, _)| field_key(&file, field) == key)
            {
                let fact = self.problems.cleared(&key);
                self.emit(fact, path, pass);
            }
        }
        for (field, why) in &decoded.bad_fields {
            let fact = self
                .problems
                .found(&field_key(&file, field), ProblemKind::BadField, why.clone(), &file);
            self.emit(fact, path, pass);
        }
    }

    /// A file that is only listed: what `stat` says is all there is to know.
    pub(super) fn read_listed(
        &mut self,
        path: &str,
        source: &mut SourceFile,
        pass: &mut ScanPass<'_>,
    ) -> Result<(), OpenError> {
        let Content::Listed(seen) = &mut source.content else {
            return Ok(());
        };
        let now = pass.base.stat(Path::new(path))?;
        if *seen == now {
            return Ok(());
        }
        *seen = now;
        // Opened to be judged as everything is; not read.
        let identity = pass.base.file(Path::new(path), u64::MAX)?.identity;
        *seen = identity;
        let first_sight = std::mem::replace(&mut source.first_sight, false);
        let checkpoint = forgecast_protocol::SourceCheckpoint {
            identity,
            ..Default::default()
        };
        self.checkpoint(path, checkpoint, pass);
        self.clear_inherited(path, &mut source.inherited, true, pass);
        if let Some(kind) = source.format.artifact_kind() {
            pass.touched(&identity);
            self.clear_file(path, pass);
            let origin = pass.origin(path, &source.format, &identity, first_sight);
            let fact = facts::artifact(path, kind, &identity, None, pass.now);
            pass.event(&self.subject(path), &origin, fact);
        }
        Ok(())
    }
}

/// A file as it is, and what it says if it is a list of tasks.
fn read_again(path: &str, format: &Format, pass: &ScanPass<'_>) -> Result<(FileIdentity, Decoded), OpenError> {
    let mut opened = pass.base.file(Path::new(path), u64::MAX)?;
    if *format != Format::TasksMd {
        return Ok((opened.identity, Decoded::default()));
    }
    let bytes = opened.read_all(Path::new(path), format.max_bytes())?;
    let decoded = forgecast_decode::decode(format, path, &bytes, &pass.context.cleaner);
    Ok((opened.identity, decoded.unwrap_or_default()))
}

/// Why a document is not passed on.
struct Unusable {
    kind: ProblemKind,
    message: String,
    /// It may be whole in a moment.
    may_pass: bool,
}

fn judge(
    format: &Format,
    path: &str,
    bytes: &[u8],
    document: &Document,
    pass: &ScanPass<'_>,
) -> Result<Decoded, Unusable> {
    // Text that was there and is empty is about to be written; JSON says so by itself.
    if format.must_settle()
        && bytes.is_empty()
        && !document.digest.is_empty()
        && usize::from(document.attempts) < RETRY_MS.len()
    {
        return Err(Unusable {
            kind: ProblemKind::Unparsable,
            message: "empty".to_owned(),
            may_pass: true,
        });
    }
    let decode = || forgecast_decode::decode(format, path, bytes, &pass.context.cleaner);
    // A fault of a decoder must cost no more than the file that found it.
    match std::panic::catch_unwind(AssertUnwindSafe(decode)) {
        Ok(Ok(decoded)) => Ok(decoded),
        Ok(Err(why)) => Err(Unusable {
            kind: why.problem_kind(),
            message: format!("{path}: {why}"),
            may_pass: matches!(
                why,
                Unparsable::Truncated | Unparsable::Invalid { .. } | Unparsable::Unexpected { .. }
            ),
        }),
        Err(_) => Err(Unusable {
            kind: ProblemKind::Unparsable,
            message: format!("{path}: reading it failed by a fault of Forgecast; please report it with this file"),
            may_pass: false,
        }),
    }
}
