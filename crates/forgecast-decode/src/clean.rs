//! Text from agents is cleaned once, here, on the way in: no control character, no escape sequence, no invisible trick and
//! no known secret is stored, shown or sent. Cleaning what is clean changes nothing.

mod level;
mod scan;
mod style;

use std::borrow::Cow;

use forgecast_protocol::batch::LogLevel;
use forgecast_protocol::{Batch, Event, Fact, Span, Subject};
use serde_json::{Map, Value};

pub(crate) use self::level::named as level_named;
pub use self::scan::is_hidden;
use self::scan::{Piece, is_plain, scan};
use self::style::Styled;
use crate::mask::{self, Rules};

/// Longest text of several lines that is kept, in bytes.
pub const MAX_TEXT: usize = 64 << 10;
/// Longest line that is kept, in bytes.
pub const MAX_LINE: usize = 4 << 10;
/// Longest word, name or id that is kept, in bytes.
pub const MAX_WORD: usize = 200;
/// Largest value that is kept, counted in bytes of its texts and keys and 8 for anything else.
const MAX_VALUE: usize = 64 << 10;

/// Stands at the end of what was cut off.
const CUT: &str = "…";

/// What is cut off anyway need not be searched; so many times the limit is, since escape sequences take room that they do
/// not keep, and so that a secret at the edge is seen whole.
const NEAR: usize = 16;

/// Lines of a private key after which its end is no longer waited for.
const MAX_KEY_LINES: u16 = 200;

/// Cleans text from agents. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Cleaner {
    rules: Rules,
}

/// What must be remembered from one line of a log to the next: whether a private key is being printed, or a block of YAML that
/// is a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogState {
    key_lines_left: u16,
    /// How deep the name of the block is indented.
    block: Option<usize>,
}

impl Cleaner {
    /// A cleaner with these rules for secrets.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { rules }
    }

    /// What an event is found by — whose it is, its id, the ids of its call — holds no secret either: where it would, its
    /// hash stands for it, so that the same thing still has the same name wherever it is told.
    pub(crate) fn identities(&self, mut event: Event) -> Event {
        let change = |text: &str| match self.identity(text) {
            Cow::Owned(masked) => Some(masked),
            Cow::Borrowed(_) => None,
        };
        let optional = |text: &mut Option<String>| {
            if let Some(masked) = text.as_deref().and_then(change) {
                *text = Some(masked);
            }
        };
        if let Some(id) = event.id.as_ref().and_then(|id| change(id.as_str())) {
            event.id = id.parse().ok();
        }
        self.subject(&mut event.subject);
        if let Fact::CallReported(call) = &mut event.fact {
            let ids = &mut call.call;
            for text in [&mut ids.message, &mut ids.request, &mut call.model, &mut call.agent] {
                optional(text);
            }
            for tool in &mut call.tools {
                if let Some(masked) = change(tool) {
                    *tool = masked;
                }
            }
        }
        event
    }

    /// A name as it came, or what stands for it because it holds a secret; to be asked before anything is made of it.
    pub(crate) fn identity<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.rules.identity(&plain_line(text)) {
            Cow::Owned(masked) => Cow::Owned(masked),
            Cow::Borrowed(_) => Cow::Borrowed(text),
        }
    }

    /// A path or a key that begins with one: each name in it that holds a secret is replaced as an identity would be, so that
    /// it is still the same file or folder wherever it is named.
    #[must_use]
    pub fn path<'t>(&self, path: &'t str) -> Cow<'t, str> {
        const SEPARATORS: [char; 2] = ['/', '#'];
        if self.rules.find(path).is_empty() {
            return Cow::Borrowed(path);
        }
        let mut shown = String::with_capacity(path.len());
        for part in path.split_inclusive(SEPARATORS) {
            let name = part.trim_end_matches(SEPARATORS);
            shown.push_str(&self.identity(name));
            shown.push_str(&part[name.len()..]);
        }
        // One that no single name holds, such as a password in an address.
        if !self.rules.find(&shown).is_empty() {
            let root = if path.starts_with('/') { "/" } else { "" };
            shown = format!("{root}{}", self.identity(path));
        }
        Cow::Owned(shown)
    }

    /// The path of a folder as an agent or a producer says it: one line without control characters, as [`Self::path`].
    pub(crate) fn folder(&self, text: &str) -> String {
        let plain = stripped(prefix(text, MAX_LINE), ' ', ' ');
        self.path(plain.trim()).into_owned()
    }

    /// Replaces secrets in the names of files and folders in what sources learned: whose it is, where it comes from, what it is
    /// about. Checkpoints keep the paths of their files as they are on the disk.
    pub fn names(&self, batch: &mut Batch) {
        for event in &mut batch.events {
            self.subject(&mut event.subject);
            event.origin.path = event.origin.path.take().map(|path| self.path(&path).into_owned());
            match &mut event.fact {
                Fact::ArtifactChanged(artifact) => self.replace_names([&mut artifact.name]),
                Fact::SourceGone(gone) => self.replace_names([&mut gone.path]),
                Fact::SourceReturned(returned) => self.replace_names([&mut returned.path]),
                Fact::SourceMoved(moved) => self.replace_names([&mut moved.from, &mut moved.to]),
                Fact::ProblemFound(found) => {
                    self.replace_names([&mut found.key].into_iter().chain(&mut found.problem.subject));
                    found.problem.message = self.line(&found.problem.message);
                }
                Fact::ProblemCleared(cleared) => self.replace_names([&mut cleared.key]),
                _ => {}
            }
        }
        for chunk in &mut batch.logs {
            self.subject(&mut chunk.subject);
            self.replace_names(chunk.lines.iter_mut().filter_map(|line| line.from.as_mut()));
        }
    }

    fn replace_names<'t>(&self, names: impl IntoIterator<Item = &'t mut String>) {
        for name in names {
            if let Cow::Owned(shown) = self.path(name) {
                *name = shown;
            }
        }
    }

    /// A small JSON document that is stored, with every text that holds a secret replaced as an identity would be.
    pub(crate) fn remembered(&self, document: String) -> String {
        // An escape within a text may divide a secret.
        if !document.contains('\\') && self.rules.find(&document).is_empty() {
            return document;
        }
        let Ok(mut value) = serde_json::from_str::<Value>(&document) else {
            return String::new();
        };
        self.without_secrets(&mut value);
        value.to_string()
    }

    fn without_secrets(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.identity(text).into_owned(),
            Value::Array(items) => items.iter_mut().for_each(|item| self.without_secrets(item)),
            Value::Object(map) => {
                for (key, mut item) in std::mem::take(map) {
                    self.without_secrets(&mut item);
                    map.insert(self.identity(&key).into_owned(), item);
                }
            }
            _ => {}
        }
    }

    /// Replaces secrets in the names and the folder of a subject.
    pub(crate) fn subject(&self, subject: &mut Subject) {
        self.replace_names(subject.name.iter_mut().chain(&mut subject.directory));
        if let Some(name) = &subject.transcript
            && let Cow::Owned(masked) = self.identity(name.as_str())
        {
            subject.transcript = masked.parse().ok();
        }
    }

    /// Text of several lines: `\n` ends a line, tabs stay, at most [`MAX_TEXT`] bytes.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let plain = stripped(prefix(text, MAX_TEXT * NEAR), '\n', '\t');
        self.finished(&plain, MAX_TEXT)
    }

    /// Text of one line: line ends and tabs become spaces, none at its ends, at most [`MAX_LINE`] bytes.
    #[must_use]
    pub fn line(&self, text: &str) -> String {
        self.one_line(text, MAX_LINE)
    }

    /// A name, id or word: as a line, at most [`MAX_WORD`] bytes.
    #[must_use]
    pub fn word(&self, text: &str) -> String {
        self.one_line(text, MAX_WORD)
    }

    fn one_line(&self, text: &str, limit: usize) -> String {
        let plain = stripped(prefix(text, limit * NEAR), ' ', ' ');
        self.finished(plain.trim(), limit)
    }

    /// Masks and cuts. Cutting may give what stands at the edge the form of a secret, so what was cut is masked again; as
    /// that may make it longer, less is kept until it fits: each round keeps less than the one before.
    fn finished(&self, plain: &str, limit: usize) -> String {
        let text = self.rules.mask(plain);
        if text.len() <= limit {
            return text.into_owned();
        }
        let mut keep = limit - CUT.len();
        loop {
            let cut = format!("{}{CUT}", prefix(&text, keep).trim_end());
            let masked = self.rules.mask(&cut).into_owned();
            let over = masked.len().saturating_sub(limit);
            if over == 0 || keep == 0 {
                return masked;
            }
            keep = keep.saturating_sub(over);
        }
    }

    /// One line of a log: its text, its styles and how serious it says it is. Of a line that overwrites itself (a
    /// progress bar), what is seen at the end.
    #[must_use]
    pub fn log_line(&self, line: &str) -> (String, Vec<Span>, Option<LogLevel>) {
        self.shown(line).0
    }

    /// A line of a log, and whether a private key begins in it that goes on in the next.
    fn shown(&self, line: &str) -> ((String, Vec<Span>, Option<LogLevel>), bool) {
        let mut opens = false;
        let mut styled = Styled::default();
        scan(prefix(line, MAX_TEXT), |piece| styled.push(piece));
        styled.trim_end();
        let found = self.rules.find(styled.text());
        if styled.text().contains(mask::keys::PUTTY) {
            opens = true;
        }
        if !found.is_empty() {
            opens |= styled.text().contains("PRIVATE KEY") && mask::keys::opens(styled.text());
            styled.mask(&found);
            // A second look, as in `Rules::mask`: masking may have uncovered an edge.
            let again = self.rules.find(styled.text());
            styled.mask(&again);
        }
        styled.cut(MAX_LINE, CUT);
        let (text, spans) = styled.finish();
        let level = level::of(&text);
        ((text, spans, level), opens)
    }

    /// Cleans a line that follows others of the same log, so that a private key printed over many lines is masked on each
    /// of them.
    #[must_use]
    pub fn next_log_line(&self, state: &mut LogState, line: &str) -> (String, Vec<Span>, Option<LogLevel>) {
        if state.key_lines_left > 0 {
            let plain = plain_line(prefix(line, MAX_TEXT));
            if mask::keys::closes(&plain) && !mask::keys::opens(&plain) {
                state.key_lines_left = 0;
                return (mask::MASK.to_owned(), Vec::new(), None);
            }
            if mask::keys::goes_on(&plain) && !mask::keys::opens(&plain) {
                state.key_lines_left -= 1;
                return (mask::MASK.to_owned(), Vec::new(), None);
            }
            // What cannot be a key's ends it: a header that is only spoken of must not hide the log that follows.
            state.key_lines_left = 0;
        }
        if let Some(indent) = state.block {
            let plain = plain_line(prefix(line, MAX_TEXT));
            if plain.trim().is_empty() || mask::structured::indent(&plain) > indent {
                return (mask::MASK.to_owned(), Vec::new(), None);
            }
        }
        let (shown, opens) = self.shown(line);
        state.block = mask::structured::opens_block(&shown.0).filter(|_| self.has_rule("yaml-block"));
        if opens && self.has_rule("private-key") {
            state.key_lines_left = MAX_KEY_LINES;
        }
        shown
    }

    fn has_rule(&self, name: &str) -> bool {
        self.rules.names().any(|known| known == name)
    }

    /// Every text and key within a value, and no more than 64 KiB of it; what is left out of an object or a list is
    /// replaced by `…`. A text under a key such as `password` is masked whatever it looks like.
    #[must_use]
    pub fn value(&self, value: Value) -> Value {
        let mut room = MAX_VALUE;
        self.nested(value, &mut room)
    }

    /// Cleans the value of one field, whose name may say that it is a secret.
    #[must_use]
    pub(crate) fn member(&self, key: &str, value: Value) -> Value {
        if value.is_string() && mask::is_secret_key(key) {
            return Value::String(mask::MASK.to_owned());
        }
        self.value(value)
    }

    fn nested(&self, value: Value, room: &mut usize) -> Value {
        match value {
            Value::String(text) => {
                let text = self.text(&text);
                let kept = if text.len() > *room {
                    let cut = format!("{}{CUT}", prefix(&text, *room));
                    self.rules.mask(&cut).into_owned()
                } else {
                    text
                };
                *room = room.saturating_sub(kept.len());
                Value::String(kept)
            }
            Value::Array(items) => Value::Array(self.items(items, room)),
            Value::Object(map) => Value::Object(self.members(map, room)),
            other => {
                *room = room.saturating_sub(8);
                other
            }
        }
    }

    fn items(&self, items: Vec<Value>, room: &mut usize) -> Vec<Value> {
        let mut kept = Vec::new();
        for item in items {
            if *room == 0 {
                kept.push(Value::String(CUT.to_owned()));
                break;
            }
            *room = room.saturating_sub(1);
            kept.push(self.nested(item, room));
        }
        kept
    }

    fn members(&self, map: Map<String, Value>, room: &mut usize) -> Map<String, Value> {
        let mut kept = Map::new();
        for (key, value) in map {
            if *room == 0 {
                kept.insert(CUT.to_owned(), Value::String(CUT.to_owned()));
                break;
            }
            let secret = value.is_string() && mask::is_secret_key(&key);
            let key = self.word(&key);
            *room = room.saturating_sub(key.len() + 1);
            let value = if secret {
                Value::String(mask::MASK.to_owned())
            } else {
                self.nested(value, room)
            };
            kept.insert(key, value);
        }
        kept
    }
}

/// The longest beginning of at most so many bytes.
pub(crate) fn prefix(text: &str, limit: usize) -> &str {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Text without control sequences and invisible characters; line ends and tabs become what is given.
fn stripped(text: &str, line_end: char, tab: char) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    scan(text, |piece| match piece {
        Piece::Text(text) => kept.push_str(text),
        Piece::Tab => kept.push(tab),
        Piece::LineEnd | Piece::Return => kept.push(line_end),
        Piece::Style(_) => {}
    });
    Cow::Owned(kept)
}

/// A line without control sequences and invisible characters, not masked and not cut: for decoders that only count.
pub(crate) fn plain_line(line: &str) -> Cow<'_, str> {
    stripped(line, ' ', ' ')
}
