use std::io::Write;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use forgecast_open::Base;

const NAME: &str = "log";

fn read(folder: &Path, tail: &mut Tail) -> Vec<Line> {
    let base = Base::open(folder).unwrap();
    let mut lines = Vec::new();
    loop {
        let piece = tail.advance(&base.file(Path::new(NAME), u64::MAX).unwrap()).unwrap();
        lines.extend(piece.lines);
        if !piece.more {
            return lines;
        }
    }
}

fn append(folder: &Path, bytes: &[u8]) {
    let mut options = std::fs::OpenOptions::new();
    options
        .append(true)
        .create(true)
        .open(folder.join(NAME))
        .unwrap()
        .write_all(bytes)
        .unwrap();
}

fn texts(lines: &[Line]) -> Vec<String> {
    lines
        .iter()
        .map(|line| String::from_utf8_lossy(&line.bytes).into_owned())
        .collect()
}

/// What a line splitter of three lines of code says.
fn expected(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<_> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    lines.pop();
    for line in &mut lines {
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_the_bytes_gives_the_same_lines(
        pieces in prop::collection::vec(prop::collection::vec(prop::sample::select(&b"ab\n\r\xff"[..]), 0..12), 1..12),
        restarts in prop::collection::vec(any::<bool>(), 12),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (mut tail, mut lines, mut all) = (Tail::default(), Vec::new(), Vec::new());
        for (piece, restart) in pieces.iter().zip(restarts) {
            append(folder.path(), piece);
            all.extend_from_slice(piece);
            lines.extend(read(folder.path(), &mut tail));
            if restart {
                tail = Tail::known(&tail.checkpoint(String::new()));
            }
        }
        let lines: Vec<_> = lines.into_iter().map(|line| line.bytes).collect();
        prop_assert_eq!(lines, expected(&all));
    }

    #[test]
    fn a_last_line_that_was_taken_is_not_taken_again_when_its_end_comes(
        steps in prop::collection::vec((prop::collection::vec(prop::sample::select(&b"ab\n\r"[..]), 0..6), any::<bool>(), any::<bool>()), 1..12),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (mut tail, mut lines) = (Tail::default(), Vec::new());
        // What a line splitter says that is told when to take what it has.
        let (mut expected, mut held, mut taken) = (Vec::new(), Vec::new(), false);
        let without_return = |line: &[u8]| line.strip_suffix(b"\r").unwrap_or(line).to_vec();
        for (piece, finish, restart) in steps {
            append(folder.path(), &piece);
            lines.extend(read(folder.path(), &mut tail));
            for byte in piece {
                if byte != b'\n' {
                    held.push(byte);
                    continue;
                }
                if !(std::mem::take(&mut taken) && held.trim_ascii().is_empty()) {
                    expected.push(without_return(&held));
                }
                held.clear();
            }
            if finish {
                let opened = Base::open(folder.path()).unwrap().file(Path::new(NAME), u64::MAX).unwrap();
                lines.extend(tail.finish_log(&opened, |_| true).lines);
                if !held.is_empty() {
                    expected.push(without_return(&held));
                    (held, taken) = (Vec::new(), true);
                }
            }
            if restart {
                tail = Tail::known(&tail.checkpoint(String::new()));
            }
        }
        let lines: Vec<_> = lines.into_iter().map(|line| line.bytes).collect();
        prop_assert_eq!(lines, expected);
    }

    #[test]
    fn a_long_line_is_cut_at_the_same_place_however_it_arrives(cuts in prop::collection::vec(1_usize..200_000, 0..6)) {
        let folder = tempfile::tempdir().unwrap();
        let (mut tail, mut lines) = (Tail::default(), Vec::new());
        let total = MAX_LINE_BYTES + 200_000;
        let mut bytes = vec![b'x'; total];
        bytes.extend_from_slice(b"\nnext\n");
        let mut rest = &bytes[..];
        for cut in cuts {
            let (now, later) = rest.split_at(cut.min(rest.len()));
            append(folder.path(), now);
            lines.extend(read(folder.path(), &mut tail));
            rest = later;
        }
        append(folder.path(), rest);
        lines.extend(read(folder.path(), &mut tail));
        prop_assert_eq!(lines.len(), 2);
        prop_assert_eq!(lines[0].bytes.len(), MAX_LINE_BYTES);
        prop_assert_eq!(lines[0].dropped, 200_000);
        prop_assert_eq!(&lines[1].bytes[..], b"next");
    }
}

#[test]
fn a_file_that_was_cut_or_replaced_is_read_from_its_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let mut tail = Tail::default();
    append(folder.path(), b"one\ntwo\n");
    assert_eq!(texts(&read(folder.path(), &mut tail)), ["one", "two"]);
    std::fs::write(folder.path().join(NAME), "cut\n").unwrap();
    assert_eq!(texts(&read(folder.path(), &mut tail)), ["cut"]);
    std::fs::write(folder.path().join("new"), "replaced\nby another\n").unwrap();
    std::fs::rename(folder.path().join("new"), folder.path().join(NAME)).unwrap();
    assert_eq!(texts(&read(folder.path(), &mut tail)), ["replaced", "by another"]);
}

#[test]
fn a_file_that_was_cut_and_grew_beyond_the_offset_is_noticed_by_its_last_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let mut tail = Tail::default();
    append(folder.path(), b"first\nsecond\n");
    read(folder.path(), &mut tail);
    std::fs::write(folder.path().join(NAME), "all of it is other text\nand longer\n").unwrap();
    assert_eq!(
        texts(&read(folder.path(), &mut tail)),
        ["all of it is other text", "and longer"]
    );
}

#[test]
fn of_a_huge_log_never_seen_before_only_the_end_is_read_from_a_whole_line_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = std::fs::File::create(folder.path().join(NAME)).unwrap();
    file.set_len(5 * 1024 * 1024 * 1024).unwrap();
    append(folder.path(), b"\nlast\n");
    let base = Base::open(folder.path()).unwrap();
    let (mut tail, mut read, mut lines) = (Tail::default(), 0, Vec::new());
    loop {
        let piece = tail.advance(&base.file(Path::new(NAME), u64::MAX).unwrap()).unwrap();
        read += piece.bytes;
        lines.extend(piece.lines);
        if !piece.more {
            break;
        }
    }
    assert_eq!(texts(&lines), ["last"]);
    assert!(read <= FIRST_SIGHT_BYTES + 64 * u64::try_from(WITNESS_BYTES).unwrap());
}

#[test]
fn work_is_proportional_to_what_was_appended() {
    let folder = tempfile::tempdir().unwrap();
    let mut tail = Tail::default();
    append(folder.path(), &b"a line of text\n".repeat(10_000));
    read(folder.path(), &mut tail);
    append(folder.path(), b"one more\n");
    let base = Base::open(folder.path()).unwrap();
    let piece = tail.advance(&base.file(Path::new(NAME), u64::MAX).unwrap()).unwrap();
    assert_eq!(piece.bytes, 9 + u64::try_from(WITNESS_BYTES).unwrap());
}

/// Lines that are taken whole up to 1,000 bytes of which 100 are held.
const SHORT: Limits = Limits {
    held: 100,
    whole: 1_000,
    first_sight: u64::MAX,
};

fn read_whole(folder: &Path, tail: &mut Tail) -> Vec<(u64, usize, u64)> {
    let base = Base::open(folder).unwrap();
    let (mut lines, mut buffer) = (Vec::new(), Vec::new());
    loop {
        let opened = base.file(Path::new(NAME), u64::MAX).unwrap();
        let progress = tail.read(&opened, &SHORT, &mut buffer, &mut |part| match part {
            Part::Restarted => lines.clear(),
            Part::Line { bytes, offset, dropped } => lines.push((offset, bytes.len(), dropped)),
        });
        assert!(tail.partial.len() <= SHORT.held);
        if !progress.unwrap().more {
            return lines;
        }
    }
}

#[test]
fn a_long_line_is_read_again_when_it_is_whole_unless_it_is_too_long() {
    let folder = tempfile::tempdir().unwrap();
    let (mut tail, mut lines) = (Tail::default(), Vec::new());
    for part in [
        &[b'a'; 600][..],
        &[b'b'; 400],
        b"\nshort\n",
        &[b'c'; 1_001],
        b"\nend\nhalf",
    ] {
        append(folder.path(), part);
        lines.extend(read_whole(folder.path(), &mut tail));
    }
    assert_eq!(lines, [(0, 1_000, 0), (1_001, 5, 0), (1_007, 100, 901), (2_009, 3, 0)]);
    assert_eq!(tail.offset(), 2_013);
}

#[test]
fn a_file_that_was_cut_and_grew_unwatched_is_detected_by_its_digest() {
    let folder = tempfile::tempdir().unwrap();
    let mut tail = Tail::default();
    append(folder.path(), b"first\nsecond\nhalf");
    read(folder.path(), &mut tail);
    let known = tail.checkpoint(String::new());
    append(folder.path(), b" of it\n");
    assert_eq!(texts(&read(folder.path(), &mut Tail::known(&known))), ["half of it"]);
    std::fs::write(folder.path().join(NAME), "other text\nand longer than before\n").unwrap();
    assert_eq!(
        texts(&read(folder.path(), &mut Tail::known(&known))),
        ["other text", "and longer than before"]
    );
}
