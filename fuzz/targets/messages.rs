//! What viewers send, and ids as they come in paths.
#![no_main]

use forgecast_protocol::{ClientMessage, SessionRef, Topic};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = serde_json::from_slice::<ClientMessage>(data);
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(id) = text.parse::<SessionRef>() {
            assert_eq!(id.to_string(), text);
        }
        let _ = text.parse::<Topic>();
    }
});
