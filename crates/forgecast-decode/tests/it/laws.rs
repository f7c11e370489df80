//! Laws of everything that reads what others write: where the bytes are cut and in which order files grow makes no
//! difference, and no bytes at all make it fail.

use forgecast_decode::agents::Agent;
use forgecast_decode::agents::claude_hook;
use forgecast_decode::clean::Cleaner;
use forgecast_decode::otlp::{self as telemetry, Encoding};
use forgecast_decode::transcript::{DecodedLines, Depth};
use proptest::prelude::*;
use serde_json::Value;

use super::transcripts::{agent, bytes, now, read_bytes, reader};
use super::{claude, codex, foundry, hooks, otlp};

/// Every kind of transcript, with a file of it.
pub(super) fn files() -> Vec<(&'static Agent, String, Vec<u8>)> {
    vec![
        (
            agent("claude"),
            "projects/p/5f1c.jsonl".to_owned(),
            bytes(&claude::conversation()),
        ),
        (
            agent("claude"),
            "projects/p/agent-a77.jsonl".to_owned(),
            bytes(&claude::conversation()),
        ),
        (
            agent("codex"),
            codex::path("0199a1b2-0000-7000-8000-0123456789ab"),
            bytes(&codex::rollout()),
        ),
        (
            agent("codex"),
            codex::path("0199a1b2-0000-7000-8000-0123456789ac"),
            bytes(&codex::paginated()),
        ),
        (agent("foundry"), foundry::PATH.to_owned(), bytes(&foundry::events())),
    ]
}

/// The same lines, however they are split into chunks.
fn flat(taken: &DecodedLines) -> (Vec<Value>, Vec<String>, u64, u64) {
    let events = taken.events.iter().map(|event| serde_json::to_value(event).unwrap());
    let lines = taken
        .logs
        .iter()
        .flat_map(|chunk| &chunk.lines)
        .map(|line| serde_json::to_string(line).unwrap());
    (events.collect(), lines.collect(), taken.unknown, taken.bad)
}

/// Reads a file in pieces that end at these places, with a new reader from the state of the one before for each piece,
/// as after a restart. A line that is not complete waits for the rest.
fn in_pieces(kind: &'static Agent, path: &str, bytes: &[u8], cuts: &[usize], depth: Depth) -> DecodedLines {
    let (mut taken, mut state, mut done) = (DecodedLines::default(), String::new(), 0);
    for cut in cuts.iter().copied().chain([bytes.len()]) {
        let end = bytes[..cut]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        if end <= done {
            continue;
        }
        let mut reader = reader(kind, path, &state);
        read_bytes(&mut reader, &bytes[done..end], done as u64, depth, &mut taken);
        (state, done) = (reader.state(), end);
        assert!(state.len() < 8_192, "{state}");
    }
    taken
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_slicing_and_any_restart_give_the_same(
        which in 0..files().len(),
        cuts in proptest::collection::vec(0.0..1.0_f64, 0..12),
        everything in any::<bool>(),
    ) {
        let (kind, path, bytes) = files().swap_remove(which);
        let depth = if everything { Depth::Everything } else { Depth::UsageOnly };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share of a small length")]
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| (cut * bytes.len() as f64) as usize).collect();
        cuts.sort_unstable();
        let whole = in_pieces(kind, &path, &bytes, &[], depth);
        let pieces = in_pieces(kind, &path, &bytes, &cuts, depth);
        prop_assert_eq!(flat(&whole), flat(&pieces));
    }

    #[test]
    fn files_that_grow_in_turns_give_each_what_it_gives_alone(turns in proptest::collection::vec(0..files().len(), 0..200)) {
        let files = files();
        let mut readers: Vec<_> = files.iter().map(|(kind, path, _)| reader(kind, path, "")).collect();
        let mut taken = vec![DecodedLines::default(); files.len()];
        let mut lines: Vec<_> = files.iter().map(|(_, _, bytes)| bytes.split_inclusive(|byte| *byte == b'\n')).collect();
        let mut offsets = vec![0; files.len()];
        let rest = (0..files.len()).flat_map(|which| std::iter::repeat_n(which, 100));
        for which in turns.into_iter().chain(rest) {
            if let Some(line) = lines[which].next() {
                read_bytes(&mut readers[which], line, offsets[which], Depth::Everything, &mut taken[which]);
                offsets[which] += line.len() as u64;
            }
        }
        for ((kind, path, bytes), taken) in files.iter().zip(&taken) {
            prop_assert_eq!(flat(&in_pieces(kind, path, bytes, &[], Depth::Everything)), flat(taken));
        }
    }

    #[test]
    fn bytes_that_were_changed_anywhere_never_make_it_fail(
        which in 0..seeds().len(),
        changes in proptest::collection::vec((0.0..1.0_f64, any::<u8>(), 0..3_u8), 1..20),
        state in "\\PC{0,40}",
    ) {
        let mut bytes = seeds().swap_remove(which).1;
        for (place, byte, how) in changes {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share of a small length")]
            let at = (place * bytes.len() as f64) as usize;
            match how {
                0 if at < bytes.len() => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => bytes.truncate(at.max(1)),
            }
        }
        survive(&bytes, &state);
    }

    #[test]
    fn random_bytes_never_make_it_fail(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        survive(&bytes, "");
    }
}

/// Bytes of every kind that is read, by the name of the corpus they belong to.
pub(super) fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let mut seeds: Vec<_> = files().into_iter().map(|(_, _, bytes)| ("transcript", bytes)).collect();
    let all = hooks::all();
    seeds.push(("hooks", all[10].to_string().into_bytes()));
    seeds.push(("otlp_json", otlp::logs().to_string().into_bytes()));
    seeds.push(("otlp_protobuf", otlp::protobuf(&otlp::logs())));
    seeds.push(("otlp_protobuf", otlp::protobuf(&otlp::metrics())));
    seeds
}

/// Whatever the bytes are, every reader gives an answer, and its state is one that it reads again.
pub(super) fn survive(bytes: &[u8], state: &str) {
    let cleaner = Cleaner::default();
    for (kind, path, _) in files() {
        for depth in [Depth::Everything, Depth::UsageOnly] {
            let mut reader = reader(kind, &path, state);
            let mut taken = DecodedLines::default();
            read_bytes(&mut reader, bytes, 0, depth, &mut taken);
            let kept = reader.state();
            assert_eq!(self::reader(kind, &path, &kept).state(), kept);
        }
    }
    let _ = claude_hook(bytes, &cleaner, now());
    for encoding in [Encoding::Json, Encoding::Protobuf] {
        let _ = telemetry::logs(bytes, encoding, &cleaner, now(), &telemetry::Sequences::default());
        let _ = telemetry::metrics(bytes, encoding, &cleaner, now());
    }
}
