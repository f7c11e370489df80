//! Files that are appended to: log lines, and the broadcaster's envelopes kept for replay. A reading takes one bounded
//! piece; what is left is read in the next, so that no log keeps others waiting.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use forgecast_protocol::event::ArtifactKind;
use forgecast_protocol::{LogChunk, LogLine, Origin, ProblemKind};

use super::{Content, ScanPass, SetKind, SourceFile, SourceSet};
use crate::facts;
use crate::problem::field_key;
use crate::tail::{LINE_GRACE, Line, Piece, Tail, rotated};
use forgecast_decode::clean::LogState;
use forgecast_decode::{Format, overnight, push};
use forgecast_open::{OpenError, Opened};

/// The growth of a log is work of the build; said this often at most.
const GROWTH_MS: u64 = 10_000;

impl SourceSet {
    pub(super) fn read_log(
        &mut self,
        path: &str,
        source: &mut SourceFile,
        pass: &mut ScanPass<'_>,
    ) -> Result<(), OpenError> {
        let Content::Log(tail, colors, said_at) = &mut source.content else {
            return Ok(());
        };
        let now = pass.base.stat(Path::new(path))?;
        let differs = tail.differs(&now);
        if !differs && !tail.is_overdue(pass.now) {
            return Ok(());
        }
        if !self.has_owner(path, pass)? {
            tail.present = true;
            return Ok(());
        }
        let first_sight = std::mem::replace(&mut source.first_sight, false);
        if tail.is_replaced_by(&now) {
            self.finish_rotated(path, &source.format, tail, colors, pass);
            *colors = LogState::default();
        }
        let opened = pass.base.file(Path::new(path), u64::MAX)?;
        let piece = if differs {
            advance(path, tail, &opened)?
        } else {
            tail.finish_log(&opened, is_whole(&source.format))
        };
        if differs && !piece.more && tail.waits_for_end(pass.now) {
            pass.outcome.unfinished.push((path.to_owned(), LINE_GRACE));
        }
        if piece.restarted {
            *colors = LogState::default();
        }
        pass.outcome.reads += 1;
        pass.outcome.bytes += piece.bytes;
        pass.touched(&tail.identity);
        self.clear_inherited(path, &mut source.inherited, false, pass);
        self.clear_file(path, pass);
        let identity = opened.identity;
        if source.format == Format::Log
            && piece.bytes > 0
            && said_at.is_none_or(|at| pass.now.millis_since(at) >= GROWTH_MS)
        {
            *said_at = Some(pass.now);
            let origin = pass.origin(path, &source.format, &identity, first_sight);
            let fact = facts::artifact(path, ArtifactKind::Log, &identity, None, pass.now);
            pass.event(&self.subject(path), &origin, fact);
        }
        if piece.more {
            pass.outcome.more.push(path.to_owned());
        }
        let checkpoint = tail.checkpoint(String::new());
        let origin = pass.origin(path, &source.format, &identity, first_sight);
        self.take_lines(path, &source.format, piece, colors, &origin, pass);
        self.checkpoint(path, checkpoint, pass);
        Ok(())
    }

    /// Whether it is known whose the log is: an overnight log says so in its first lines, and is nobody's if it does not.
    fn has_owner(&mut self, path: &str, pass: &ScanPass<'_>) -> Result<bool, OpenError> {
        let Some(mark) = overnight::mark(path).filter(|_| self.kind == SetKind::Logs) else {
            return Ok(true);
        };
        if let Some(owner) = self.overnight.get(path) {
            return Ok(owner.is_some());
        }
        let opened = pass.base.file(Path::new(path), u64::MAX)?;
        let mut head = vec![0; overnight::HEAD_BYTES];
        let length = opened
            .file
            .read_at(&mut head, 0)
            .map_err(|source| read_error(path, source))?;
        head.truncate(length);
        let owner = overnight::session(mark, &head, &pass.context.cleaner);
        let is_known = owner.is_some();
        if is_known || head.len() == overnight::HEAD_BYTES {
            self.overnight.insert(path.to_owned(), owner);
        }
        Ok(is_known)
    }

    /// Reads what was written to the old file between our last reading and its rotation.
    fn finish_rotated(
        &mut self,
        path: &str,
        format: &Format,
        tail: &mut Tail,
        colors: &mut LogState,
        pass: &mut ScanPass<'_>,
    ) {
        let Some((_, opened)) = rotated(&pass.base, path, tail) else {
            return;
        };
        let origin: Origin = pass.origin(path, format, &opened.identity, false);
        while let Ok(piece) = tail.advance(&opened) {
            pass.outcome.reads += 1;
            pass.outcome.bytes += piece.bytes;
            let more = piece.more;
            self.take_lines(path, format, piece, colors, &origin, pass);
            if !more {
                break;
            }
        }
    }

    fn take_lines(
        &mut self,
        path: &str,
        format: &Format,
        piece: Piece,
        colors: &mut LogState,
        origin: &Origin,
        pass: &mut ScanPass<'_>,
    ) {
        if let Some(line) = piece.lines.iter().find(|line| line.dropped > 0) {
            let file = self.key(path);
            let message = format!("{path}: a line of {} bytes was cut", line.total());
            let fact = self
                .problems
                .found(&field_key(&file, "line"), ProblemKind::Oversize, message, &file);
            self.emit(fact, path, pass);
        }
        if *format == Format::EventsJsonl {
            self.take_envelopes(path, &piece.lines, origin, pass);
            return;
        }
        let from = super::last_name(path);
        // The lines have no times of their own; the file was written no later than this.
        let at = origin.modified_at.unwrap_or(pass.now);
        let clean = |line: Line| {
            let mut text = String::from_utf8_lossy(&line.bytes).into_owned();
            if line.dropped > 0 {
                text.push_str(&format!(" … ({} bytes left out)", line.dropped));
            }
            let (text, spans, level) = pass.context.cleaner.next_log_line(colors, &text);
            LogLine {
                offset: 0,
                at,
                level,
                from: Some(from.clone()),
                text,
                spans,
            }
        };
        let lines: Vec<_> = piece.lines.into_iter().map(clean).collect();
        if !lines.is_empty() {
            pass.outcome.batch.logs.push(LogChunk {
                subject: self.subject(path),
                id: None,
                lines,
            });
        }
    }

    fn take_envelopes(&mut self, path: &str, lines: &[Line], origin: &Origin, pass: &mut ScanPass<'_>) {
        let (mut bad, mut reason) = (0_u32, String::new());
        for line in lines.iter().filter(|line| !line.bytes.trim_ascii().is_empty()) {
            match push::line(&line.bytes, origin, &pass.context.cleaner, pass.now) {
                Ok(pushed) => {
                    pass.outcome.batch.events.extend(pushed.batch.events);
                    pass.outcome.batch.logs.extend(pushed.batch.logs);
                    if let Some(rejected) = pushed.rejected.into_iter().next() {
                        (bad, reason) = (bad + 1, rejected.why);
                    }
                }
                Err(error) => (bad, reason) = (bad + 1, error.to_string()),
            }
        }
        if bad > 0 {
            let file = self.key(path);
            let message = format!("{path}: {bad} lines could not be read; the last: {reason}");
            let fact = self
                .problems
                .found(&field_key(&file, "lines"), ProblemKind::Unparsable, message, &file);
            self.emit(fact, path, pass);
        }
    }
}

fn advance(path: &str, tail: &mut Tail, opened: &Opened) -> Result<Piece, OpenError> {
    tail.advance(opened).map_err(|source| read_error(path, source))
}

fn read_error(path: &str, source: io::Error) -> OpenError {
    OpenError::Io {
        operation: "read",
        path: path.to_owned(),
        source,
    }
}

/// Whether a last line without its end says all that it will: text does, an envelope when it is one.
fn is_whole(format: &Format) -> fn(&[u8]) -> bool {
    match format {
        Format::EventsJsonl => facts::is_object,
        _ => |_| true,
    }
}

/// Whose log it is, by its path within a folder of logs: `ralph_<session>/…`, `events/<session>/…`, else its own name. An
/// overnight log is named after a time, so its name alone says nothing.
pub(super) fn session_of(path: &str) -> Option<String> {
    if overnight::mark(path).is_some() {
        return None;
    }
    let mut parts = path.split('/');
    let first = parts.next()?;
    match parts.next() {
        Some(second) if first == "events" => Some(second.to_owned()),
        Some(_) => Some(first.strip_prefix("ralph_").unwrap_or(first).to_owned()),
        None => Some(first.rsplit_once('.').map_or(first, |(stem, _)| stem).to_owned()),
    }
    .filter(|name| !name.is_empty())
}

impl Line {
    fn total(&self) -> u64 {
        u64::try_from(self.bytes.len())
            .unwrap_or(u64::MAX)
            .saturating_add(self.dropped)
    }
}
