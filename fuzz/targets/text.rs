//! The cleaner: whatever agents write, no control character comes out, and styles lie within the text.
#![no_main]

use std::sync::LazyLock;

use forgecast_decode::clean::Cleaner;
use forgecast_decode::mask::Rules;
use libfuzzer_sys::fuzz_target;

static CLEANER: LazyLock<Cleaner> = LazyLock::new(|| Cleaner::new(Rules::default()));

fuzz_target!(|text: &str| {
    let line = CLEANER.line(text);
    assert!(!line.contains(char::is_control), "{line:?}");
    let (text, spans, _) = CLEANER.log_line(text);
    let length = text.encode_utf16().count();
    assert!(spans.iter().all(|span| span.start <= span.end && span.end as usize <= length));
});
