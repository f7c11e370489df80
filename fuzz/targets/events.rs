//! What producers push, and the lines of an event log.
#![no_main]

use std::sync::LazyLock;

use forgecast_decode::clean::Cleaner;
use forgecast_decode::push;
use forgecast_decode::mask::Rules;
use forgecast_protocol::Timestamp;
use libfuzzer_sys::fuzz_target;

static CLEANER: LazyLock<Cleaner> = LazyLock::new(|| Cleaner::new(Rules::default()));

fuzz_target!(|data: &[u8]| {
    let _ = push::envelopes(data, &CLEANER, Timestamp::from_millis(0));
});
