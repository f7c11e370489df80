//! OpenTelemetry logs and metrics as JSON.
#![no_main]

use std::sync::LazyLock;

use forgecast_decode::clean::Cleaner;
use forgecast_decode::otlp::{self, Encoding};
use forgecast_decode::mask::Rules;
use forgecast_protocol::Timestamp;
use libfuzzer_sys::fuzz_target;

static CLEANER: LazyLock<Cleaner> = LazyLock::new(|| Cleaner::new(Rules::default()));

fuzz_target!(|data: &[u8]| {
    let now = Timestamp::from_millis(0);
    let _ = otlp::logs(data, Encoding::Json, &CLEANER, now);
    let _ = otlp::metrics(data, Encoding::Json, &CLEANER, now);
});
