//! Facts and log lines that Forgecast wrote itself and that come back by hand: an export may have been changed meanwhile,
//! or made with fewer rules for secrets, so its text is cleaned like any other. Of what is clean nothing changes.

use forgecast_protocol::rest::Exported;
use forgecast_protocol::{Event, Fact, LogLine};

use crate::clean::Cleaner;

/// Cleans the name, folder, facts and log of an exported session; its row is not used. `false` when
/// cleaning would make a fact unreadable: then none of it may be used.
#[must_use]
pub fn clean_export(exported: &mut Exported, cleaner: &Cleaner) -> bool {
    let session = &mut exported.session;
    session.name = cleaner.word(&session.name);
    session
        .directory
        .take_if(|directory| cleaner.line(directory) != *directory);
    exported.log.iter_mut().for_each(|line| clean_line(line, cleaner));
    exported
        .events
        .iter_mut()
        .all(|stored| clean_event(&mut stored.event, cleaner))
}

/// Cleans all text of a fact; `false` when it is no fact of its kind any more, and then it must not be used.
fn clean_event(event: &mut Event, cleaner: &Cleaner) -> bool {
    let subject = &mut event.subject;
    subject.name = subject.name.take().map(|name| cleaner.word(&name));
    // A path that has to be changed leads somewhere else.
    subject
        .directory
        .take_if(|directory| cleaner.line(directory) != *directory);
    event.origin.path = event.origin.path.take().map(|path| cleaner.line(&path));
    let fact = serde_json::to_value(&event.fact).ok().map(|fact| cleaner.value(fact));
    match fact.and_then(|fact| serde_json::from_value::<Fact>(fact).ok()) {
        Some(fact) => {
            event.fact = fact;
            true
        }
        None => false,
    }
}

/// Cleans a line of a log. Its styles are kept when nothing had to be changed.
fn clean_line(line: &mut LogLine, cleaner: &Cleaner) {
    let (text, spans, _) = cleaner.log_line(&line.text);
    if text != line.text {
        line.text = text;
        line.spans = spans;
    }
    line.from = line.from.take().map(|from| cleaner.word(&from));
}
