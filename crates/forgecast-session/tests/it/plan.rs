//! Windows of plans: which reading is believed, whatever the order in which they arrive, and when a window is used up.

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::LimitSource;
use forgecast_session::plan::{Reading, Standing, Window, block_at, when_used_up};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{Index, select};

const FIVE_HOURS: u32 = 300;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + minute * 60_000)
}

fn reading(minute: i64, percent: f64, end: i64) -> Reading {
    Reading {
        at: at(minute),
        percent,
        resets_at: Some(at(end)),
        plan: None,
        source: LimitSource::Transcript,
    }
}

fn window(readings: &[(i64, f64, i64)]) -> Window {
    let mut window = Window::default();
    for (minute, percent, end) in readings {
        window.add(reading(*minute, *percent, *end));
    }
    window
}

fn percent(window: &Window, minute: i64) -> Option<f64> {
    match window.standing(FIVE_HOURS, at(minute))? {
        Standing::Known(reading) => Some(reading.percent),
        Standing::UnknownSince(_) => None,
    }
}

#[test]
fn a_window_that_ended_is_unknown_since_then_and_never_empty() {
    let window = window(&[(0, 40.0, 100), (50, 80.0, 100)]);
    assert_eq!(percent(&window, 99), Some(80.0));
    assert_eq!(
        window.standing(FIVE_HOURS, at(100)),
        Some(Standing::UnknownSince(at(100)))
    );
    assert_eq!(
        window.standing(FIVE_HOURS, at(900)),
        Some(Standing::UnknownSince(at(100)))
    );
    assert_eq!(Window::default().standing(FIVE_HOURS, at(0)), None);
}

#[test]
fn without_a_reset_a_reading_holds_for_the_length_of_the_window() {
    let mut window = Window::default();
    window.add(Reading {
        resets_at: None,
        ..reading(0, 12.0, 0)
    });
    assert_eq!(percent(&window, 299), Some(12.0));
    assert_eq!(
        window.standing(FIVE_HOURS, at(300)),
        Some(Standing::UnknownSince(at(300)))
    );
}

#[test]
fn a_reset_before_its_time_is_believed_once_it_is_read_twice() {
    let once = window(&[(0, 80.0, 200), (10, 3.0, 310)]);
    assert_eq!(percent(&once, 11), Some(80.0));
    let late = window(&[(0, 80.0, 200), (10, 3.0, 310), (11, 81.0, 200)]);
    assert_eq!(percent(&late, 12), Some(81.0), "it was another session's old one");
    let twice = window(&[(0, 80.0, 200), (10, 3.0, 310), (11, 4.0, 310)]);
    assert_eq!(percent(&twice, 12), Some(4.0));
    assert_eq!(twice.believed(FIVE_HOURS).len(), 2, "both are of the new window");
}

#[test]
fn the_next_window_is_believed_at_once() {
    let window = window(&[(0, 80.0, 100), (101, 2.0, 401)]);
    assert_eq!(percent(&window, 102), Some(2.0));
    assert_eq!(window.believed(FIVE_HOURS).len(), 1);
}

#[test]
fn two_hosts_of_one_account_are_one_window() {
    let here = [(0, 10.0, 300), (20, 30.0, 300)];
    let there = [(10, 20.0, 300), (30, 40.0, 300)];
    let both = window(&[here, there].concat());
    assert_eq!(percent(&both, 31), Some(40.0));
    assert_eq!(both.believed(FIVE_HOURS).len(), 4);
}

fn any_reading() -> impl Strategy<Value = Reading> {
    let source = select(vec![LimitSource::Transcript, LimitSource::StatusLine]);
    (0..2_000_i64, 0..101_u32, of(0..2_400_i64), source).prop_map(|(minute, percent, end, source)| Reading {
        at: at(minute),
        percent: f64::from(percent),
        resets_at: end.map(at),
        plan: None,
        source,
    })
}

proptest! {
    #[test]
    fn the_order_of_arrival_decides_nothing(
        readings in vec(any_reading(), 0..400),
        moves in vec(any::<(Index, Index)>(), 0..400),
        again in vec(any::<Index>(), 0..20),
    ) {
        let mut other = readings.clone();
        if !readings.is_empty() {
            other.extend(again.iter().map(|index| index.get(&readings).clone()));
            for (one, two) in moves {
                let (one, two) = (one.index(other.len()), two.index(other.len()));
                other.swap(one, two);
            }
        }
        let (mut here, mut there) = (Window::default(), Window::default());
        readings.into_iter().for_each(|reading| { here.add(reading); });
        other.into_iter().for_each(|reading| { there.add(reading); });
        prop_assert_eq!(&here, &there);
    }

    #[test]
    fn what_is_believed_never_falls_and_no_ended_window_is_known(
        readings in vec(any_reading(), 1..100),
        minute in 0..3_000_i64,
    ) {
        let mut window = Window::default();
        readings.into_iter().for_each(|reading| { window.add(reading); });
        let believed = window.believed(FIVE_HOURS);
        prop_assert!(believed.is_sorted_by(|one, next| one.at <= next.at && one.percent <= next.percent));
        match window.standing(FIVE_HOURS, at(minute)) {
            Some(Standing::Known(reading)) => {
                let end = reading.resets_at.unwrap_or(reading.at.plus_millis(i64::from(FIVE_HOURS) * 60_000));
                prop_assert!(end > at(minute));
            }
            Some(Standing::UnknownSince(end)) => prop_assert!(end <= at(minute)),
            None => prop_assert!(false, "it was read"),
        }
    }
}

#[test]
fn a_block_begins_with_the_full_hour_of_the_first_use_after_the_one_before() {
    let used = [at(0), at(30), at(281), at(400)];
    let minutes = |now: i64| {
        let (begin, end) = block_at(used, at(now))?;
        let minute = |time: Timestamp| (time.as_millis() - at(0).as_millis()) / 60_000;
        Some((minute(begin), minute(end)))
    };
    assert_eq!(at(0).to_string(), "2027-01-15T08:00:00.000Z");
    assert_eq!(minutes(10), Some((0, 300)));
    assert_eq!(minutes(299), Some((0, 300)));
    assert_eq!(minutes(300), None, "nothing was used since");
    assert_eq!(minutes(401), Some((360, 660)));
    assert_eq!(minutes(700), None);
    assert_eq!(block_at([], at(0)), None);
}

/// Numbers that look random and are the same each time.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        #[expect(clippy::cast_precision_loss, reason = "53 bits")]
        let fraction = ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64;
        fraction
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Exponentially distributed, with this mean.
    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.uniform()).ln()
    }

    fn normal(&mut self) -> f64 {
        let (radius, angle) = (1.0 - self.uniform(), std::f64::consts::TAU * self.uniform());
        (-2.0 * radius.ln()).sqrt() * angle.cos()
    }
}

/// How the calls of a series are spread.
#[derive(Clone, Copy, Debug)]
enum Pace {
    Steady,
    /// Work and pauses take turns.
    Pauses,
    /// The rate wanders.
    Drift,
}

/// Calls until everything is used up: each one's minute and what is used up after it.
fn calls(random: &mut Random, pace: Pace) -> Vec<(f64, f64)> {
    let (minutes, count, spread) = (
        random.between(100.0, 285.0),
        random.between(500.0, 2_000.0),
        random.between(0.4, 0.9),
    );
    let (mut now, mut used, mut log_rate) = (0.0, random.between(0.0, 5.0), 0.0_f64);
    let (mut works, mut until) = (false, 0.0);
    let mut calls = Vec::new();
    while used < 100.0 {
        match pace {
            Pace::Steady => {}
            Pace::Drift => log_rate = 0.998 * log_rate + 0.01 * random.normal(),
            Pace::Pauses => {
                while now >= until || !works {
                    now = f64::max(now, until);
                    works = !works;
                    until = now + random.exponential(if works { 5.0 } else { 1.0 });
                }
            }
        }
        now += random.exponential(log_rate.exp() * minutes / count);
        used += 100.0 / count * (spread * random.normal() - spread * spread / 2.0).exp();
        calls.push((now, used.min(100.0)));
    }
    calls
}

/// Whether the range that is forecast somewhere on the way holds, and its width as a share of the time that is left.
fn forecast(seed: u64, pace: Pace, step: f64) -> Option<(bool, f64)> {
    let mut random = Random(seed);
    let calls = calls(&mut random, pace);
    let hit = calls.last()?.0;
    let now = hit * random.between(0.3, 0.85);
    let time = |minute: f64| at(0).plus_millis(millis(minute));
    let mut window = Window::default();
    let mut said = -1.0;
    for (minute, used) in calls.iter().filter(|(minute, _)| *minute <= now) {
        let percent = (used / step).floor() * step;
        if percent > said {
            said = percent;
            window.add(Reading {
                at: time(*minute),
                percent,
                resets_at: Some(at(900)),
                plan: None,
                source: LimitSource::Transcript,
            });
        }
    }
    let range = when_used_up(&window.believed(900), time(now))?;
    let left = time(hit).millis_since(time(now));
    let (from, to) = (range.from.millis_since(time(now)), range.to.millis_since(time(now)));
    #[expect(clippy::cast_precision_loss, reason = "some hours")]
    let width = (to - from) as f64 / left as f64;
    Some(((from..=to).contains(&left), width))
}

#[expect(clippy::cast_possible_truncation, reason = "some hours")]
fn millis(minutes: f64) -> i64 {
    (minutes * 60_000.0) as i64
}

/// The constants of the forecast were fitted to other series.
#[test]
fn four_of_five_ranges_hold_and_they_are_narrow() {
    let (mut held, mut widths) = (0_u32, Vec::new());
    for (number, pace) in [Pace::Steady, Pace::Pauses, Pace::Drift].into_iter().enumerate() {
        for (kind, step) in [0.1, 1.0].into_iter().enumerate() {
            for series in 0..200 {
                let seed = 1_000_000 * (2 * number as u64 + kind as u64 + 1) + series;
                let (is_held, width) = forecast(seed, pace, step).unwrap();
                held += u32::from(is_held);
                widths.push(width);
            }
        }
    }
    widths.sort_by(f64::total_cmp);
    let share = f64::from(held) / f64::from(u32::try_from(widths.len()).unwrap());
    let median = widths[widths.len() / 2];
    let figures = format!("{share:.3} of the ranges hold, their median width is {median:.3} of the time that is left");
    println!("{figures}");
    assert!((0.75..=0.85).contains(&share) && median <= 0.3, "{figures}");
}

#[test]
fn nothing_is_forecast_from_too_little_or_when_nothing_is_used() {
    let believed = |readings: &[(i64, f64, i64)], now| when_used_up(&window(readings).believed(FIVE_HOURS), at(now));
    assert_eq!(believed(&[], 0), None);
    let steady: Vec<_> = (0..20)
        .map(|step| (step, f64::from(u32::try_from(step).unwrap()), 300))
        .collect();
    assert_eq!(believed(&steady[..10], 10), None, "ten minutes");
    assert!(believed(&steady, 20).is_some());
    assert_eq!(
        believed(&[(0, 5.0, 300), (10, 5.0, 300), (20, 5.0, 300), (30, 5.0, 300)], 30),
        None
    );
    let over: Vec<_> = (0..20)
        .map(|step| (step, 81.0 + f64::from(u32::try_from(step).unwrap()), 300))
        .collect();
    assert_eq!(believed(&over, 20), None, "it is used up");
}
