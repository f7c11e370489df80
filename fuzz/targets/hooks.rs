//! Bodies of hooks.
#![no_main]

use std::sync::LazyLock;

use forgecast_decode::clean::Cleaner;
use forgecast_decode::agents::claude_hook;
use forgecast_decode::mask::Rules;
use forgecast_protocol::Timestamp;
use libfuzzer_sys::fuzz_target;

static CLEANER: LazyLock<Cleaner> = LazyLock::new(|| Cleaner::new(Rules::default()));

fuzz_target!(|data: &[u8]| {
    let _ = claude_hook(data, &CLEANER, Timestamp::from_millis(0));
});
