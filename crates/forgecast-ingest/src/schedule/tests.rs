use super::*;

const MS: Duration = Duration::from_millis(1);

fn debounce() -> (Debounce<&'static str>, Instant) {
    (Debounce::new(100 * MS, 200 * MS), Instant::now())
}

#[test]
fn the_first_complete_change_of_a_quiet_file_is_due_at_once() {
    let (mut files, start) = debounce();
    files.changed(&"a", Urgency::Complete, start);
    assert_eq!(files.take_due(start), ["a"]);
    assert_eq!(files.next_due(), None);
}

#[test]
fn a_burst_is_folded_into_one_more_reading_at_the_end_of_the_window() {
    let (mut files, start) = debounce();
    files.changed(&"a", Urgency::Complete, start);
    files.take_due(start);
    for at in [1, 20, 99] {
        files.changed(&"a", Urgency::Complete, start + at * MS);
        assert_eq!(files.take_due(start + at * MS), [] as [&str; 0]);
    }
    assert_eq!(files.next_due(), Some(start + 100 * MS));
    assert_eq!(files.take_due(start + 100 * MS), ["a"]);
    assert_eq!(files.next_due(), None);
}

#[test]
fn a_writer_that_keeps_the_file_open_is_read_every_window_and_not_starved() {
    let (mut files, start) = debounce();
    let mut readings = 0;
    for at in 0..1_000 {
        files.changed(&"a", Urgency::Partial, start + at * MS);
        readings += files.take_due(start + at * MS).len();
    }
    assert!((9..=10).contains(&readings), "{readings}");
}

#[test]
fn closing_the_file_overtakes_the_wait_for_more_writes() {
    let (mut files, start) = debounce();
    files.changed(&"a", Urgency::Partial, start);
    assert_eq!(files.take_due(start), [] as [&str; 0]);
    files.changed(&"a", Urgency::Complete, start + MS);
    assert_eq!(files.take_due(start + MS), ["a"]);
    assert_eq!(files.next_due(), None, "one reading stands for both");
}

#[test]
fn a_failed_reading_opens_the_window_again_and_a_repeat_is_due_when_asked() {
    let (mut files, start) = debounce();
    files.changed(&"a", Urgency::Complete, start);
    files.take_due(start);
    files.failed(&"a");
    files.at(&"a", start + 10 * MS);
    files.changed(&"a", Urgency::Complete, start + 5 * MS);
    assert_eq!(files.take_due(start + 5 * MS), ["a"]);
    assert_eq!(files.next_due(), None);
}

#[test]
fn text_is_read_when_it_has_settled_and_at_last_even_when_it_never_does() {
    let (mut files, start) = debounce();
    files.changed(&"a", Urgency::Settle, start);
    files.changed(&"a", Urgency::Settle, start + 150 * MS);
    assert_eq!(files.take_due(start + 349 * MS), [] as [&str; 0]);
    assert_eq!(files.take_due(start + 350 * MS), ["a"]);
    for at in 0..5_000 {
        files.changed(&"b", Urgency::Settle, start + (1_000 + at) * MS);
        if files.take_due(start + (1_000 + at) * MS) == ["b"] {
            assert_eq!(at, 2_000);
            return;
        }
    }
    panic!("never read");
}

#[test]
fn files_do_not_wait_for_each_other_and_are_forgotten_when_quiet() {
    let (mut files, start) = debounce();
    files.changed(&"a", Urgency::Complete, start);
    files.take_due(start);
    files.changed(&"b", Urgency::Complete, start + MS);
    assert_eq!(files.take_due(start + MS), ["b"]);
    files.tidy(start + 200 * MS);
    assert!(files.files.is_empty());
}
