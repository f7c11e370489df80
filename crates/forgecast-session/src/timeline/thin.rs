//! Leaves out what a scale of time has no room for. What is rare and says much stays; of what is many, an even choice.

use forgecast_protocol::{Revision, Timestamp};
use forgecast_protocol::{TimelineMark, TimelineSpan};

/// A longer silence counts as this long when times are chosen: else a night would leave none for the hours of work.
const SILENCE_MS: u64 = 60_000;

/// At most `most` marks, the kinds in the order of their weight; and how many were left out.
pub(super) fn marks(marks: &[TimelineMark], most: usize) -> (Vec<TimelineMark>, u64) {
    if marks.len() <= most {
        return (marks.to_vec(), 0);
    }
    let mut by_weight: Vec<usize> = (0..marks.len()).collect();
    by_weight.sort_by_key(|place| marks.get(*place).map(|mark| mark.kind));
    let mut kept: Vec<usize> = Vec::with_capacity(most);
    for kind in by_weight.chunk_by(|a, b| marks[*a].kind == marks[*b].kind) {
        let room = most - kept.len();
        kept.extend(even(kind.len(), room).filter_map(|place| kind.get(place)));
    }
    kept.sort_unstable();
    let left_out = (marks.len() - kept.len()) as u64;
    (kept.into_iter().map(|place| marks[place].clone()).collect(), left_out)
}

/// At most `most` spans, the longest ones; and how many were left out.
pub(super) fn spans(mut spans: Vec<TimelineSpan>, most: usize) -> (Vec<TimelineSpan>, u64) {
    if spans.len() <= most {
        return (spans, 0);
    }
    let left_out = (spans.len() - most) as u64;
    let length = |span: &TimelineSpan| span.ended_at.map_or(u64::MAX, |ended| ended.millis_since(span.at));
    spans.sort_by_key(|span| std::cmp::Reverse(length(span)));
    spans.truncate(most);
    spans.sort_by_key(|span| span.revision);
    (spans, left_out)
}

/// At most `most` times (but never fewer than the first and the last): one at the beginning and one at the end of each of
/// equal stretches, so that a silence keeps both its ends.
pub(super) fn times(times: &[(Revision, Timestamp)], most: usize) -> Vec<(Revision, Timestamp)> {
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return Vec::new();
    };
    if times.len() <= most.max(2) {
        return times.to_vec();
    }
    let steps: Vec<u64> = times
        .windows(2)
        .map(|pair| pair[1].1.millis_since(pair[0].1).min(SILENCE_MS))
        .collect();
    // Half of it for time and half for number: what came all at once has no length.
    let whole = steps.iter().sum::<u64>().max(1) + steps.len() as u64;
    let stretches = most.max(4) as u64 / 2 - 1;
    let mut kept = vec![*first];
    let mut passed = 0;
    let mut stretch = 0;
    for (pair, step) in times.windows(2).zip(&steps) {
        passed += step + 1;
        let now = passed * stretches / (whole + 1);
        if now != stretch {
            stretch = now;
            for time in pair {
                if kept.last().is_none_or(|last| last.0 < time.0) {
                    kept.push(*time);
                }
            }
        }
    }
    if kept.last() != Some(last) {
        kept.push(*last);
    }
    kept
}

/// `room` places of `length`, evenly; all when there is room for all.
fn even(length: usize, room: usize) -> impl Iterator<Item = usize> {
    let taken = length.min(room);
    (0..taken).map(move |number| number * length / taken.max(1))
}

#[cfg(test)]
mod tests {
    use forgecast_protocol::MarkKind;
    use proptest::prelude::*;

    use super::*;

    fn mark(number: u64, kind: MarkKind) -> TimelineMark {
        TimelineMark {
            revision: number,
            at: Timestamp::from_millis(0),
            kind,
            label: String::new(),
        }
    }

    #[test]
    fn what_is_rare_stays_and_of_what_is_many_an_even_choice() {
        let mut all: Vec<_> = (0..1_000).map(|number| mark(number, MarkKind::Agent)).collect();
        all[990].kind = MarkKind::Completed;
        all[7].kind = MarkKind::TestsFailed;
        let (kept, left_out) = marks(&all, 100);
        assert_eq!((kept.len(), left_out), (100, 900));
        assert!(kept.windows(2).all(|pair| pair[0].revision < pair[1].revision));
        let revisions = |kind| {
            kept.iter()
                .filter(move |mark| mark.kind == kind)
                .map(|mark| mark.revision)
        };
        assert_eq!(revisions(MarkKind::Completed).collect::<Vec<_>>(), [990]);
        assert_eq!(revisions(MarkKind::TestsFailed).collect::<Vec<_>>(), [7]);
        let early = revisions(MarkKind::Agent).filter(|revision| *revision < 500).count();
        assert!((45..=55).contains(&early), "{early}");
    }

    proptest! {
        #[test]
        fn times_are_few_in_order_and_keep_their_ends(
            steps in proptest::collection::vec((1u64..4, 0i64..5_000_000), 1..2_000),
            most in 2usize..600,
        ) {
            let mut all = vec![(1u64, Timestamp::from_millis(0))];
            for (revisions, ms) in steps {
                let (revision, at) = all[all.len() - 1];
                all.push((revision + revisions, at.plus_millis(ms)));
            }
            let kept = times(&all, most);
            prop_assert!(kept.len() <= most.max(4), "{} of {}", kept.len(), most);
            prop_assert_eq!(kept.first(), all.first());
            prop_assert_eq!(kept.last(), all.last());
            prop_assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1));
            prop_assert!(kept.iter().all(|time| all.contains(time)));
        }
    }
}
