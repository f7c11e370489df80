//! Transcripts of all kinds: lines in order through one reader, taken up again from its state in the middle.
#![no_main]

use forgecast_decode::agents::AGENTS;
use forgecast_decode::clean::Cleaner;
use forgecast_decode::transcript::{DecodedLines, Depth, TranscriptPath};
use forgecast_decode::mask::Rules;
use forgecast_protocol::{Origin, SourceKind, Timestamp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: { std::sync::LazyLock::force(&CLEANER); }, |data: &[u8]| {
    let origin = Origin { kind: SourceKind::Transcript, path: None, first_sight: false, modified_at: None };
    for agent in AGENTS {
        for depth in [Depth::Everything, Depth::UsageOnly] {
            let Ok(session) = "258c7280-ae70-4798".parse() else { return };
            let path = TranscriptPath { session, agent: None, project: None };
            let mut reader = agent.reader(path.clone(), "");
            let mut taken = DecodedLines::default();
            let mut offset = 0;
            for line in data.split(|byte| *byte == b'\n') {
                reader.line(line, offset, &origin, &CLEANER, Timestamp::from_millis(0), depth, &mut taken);
                offset += line.len() as u64 + 1;
                reader = agent.reader(path.clone(), &reader.state());
            }
        }
    }
});

static CLEANER: std::sync::LazyLock<Cleaner> = std::sync::LazyLock::new(|| Cleaner::new(Rules::default()));
