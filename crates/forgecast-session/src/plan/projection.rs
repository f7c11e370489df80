//! When a window will be used up at the present rate. What is used is a noisy rate that drifts, seen through readings that
//! may be rounded to whole percents. The readings are cut into equal spans of time; how much the use of one span differs
//! from that of the next says how noisy it is, how much more it differs from that of later ones says how much it drifts
//! (the local level model; its level is found by a Kalman filter). The noise, the drift and the uncertainty of the level
//! give the spread of the time that is left, taken as log-normal.

use forgecast_protocol::Timestamp;
use forgecast_protocol::rest::TimeRange;

use super::Reading;

/// Spans into which the readings are cut, and how far those are apart that tell of the drift.
const SPANS: usize = 24;
const APART: usize = SPANS / 3;
/// Nothing is said from fewer readings, or from less time.
const MIN_READINGS: usize = 4;
const MIN_SECONDS: f64 = 15.0 * 60.0;
/// Tenth and ninetieth percentile of the normal distribution.
const EIGHTY_PERCENT: f64 = 1.281_6;
/// Fitted to generated series, and tested on others: how much of the drift that was seen is believed, and the spread.
const DRIFT: f64 = 0.25;
const SPREAD: f64 = 0.97;
/// The rate is at least this share of the mean one: who pauses goes on.
const LOWEST_RATE: f64 = 0.15;
/// Variance of the difference of two numbers that are rounded down to whole percents.
const ROUNDING: f64 = 1.0 / 6.0;

/// In which range a window will be used up, with a probability of 80 %, at the rate of its believed readings since it
/// began anew. `None` when too little is known, or nothing is being used.
#[must_use]
pub fn when_used_up(readings: &[&Reading], now: Timestamp) -> Option<TimeRange> {
    let (first, last) = (readings.first()?, readings.last()?);
    let seconds = seconds(now.millis_since(first.at));
    let used = last.percent - first.percent;
    if readings.len() < MIN_READINGS || seconds < MIN_SECONDS || used <= 0.0 || last.percent >= 100.0 {
        return None;
    }
    let is_rounded = readings.iter().all(|reading| reading.percent.fract() == 0.0);
    let rounding = if is_rounded { ROUNDING } else { 0.0 };
    let left = 100.0 - last.percent - if is_rounded { 0.5 } else { 0.0 };
    let (median, deviation) = remaining(&Uses::of(readings, now), left, rounding);
    let at = |sign: f64| {
        let spans = median * (sign * EIGHTY_PERCENT * SPREAD * deviation).exp();
        after(now, spans * seconds / SPANS_F)
    };
    Some(TimeRange {
        from: at(-1.0),
        to: at(1.0),
    })
}

const SPANS_F: f64 = SPANS as f64;

/// What was used in each span, in percent, and the mean of it.
struct Uses {
    spans: [f64; SPANS],
    mean: f64,
}

impl Uses {
    fn of(readings: &[&Reading], now: Timestamp) -> Self {
        let mut spans = [0.0; SPANS];
        let mut before = readings.first().copied();
        let begin = before.map_or(now, |first| first.at);
        let length_ms = now.millis_since(begin).max(1);
        for reading in readings {
            let place = reading.at.millis_since(begin).saturating_mul(SPANS as u64) / length_ms;
            let place = usize::try_from(place).unwrap_or(SPANS).min(SPANS - 1);
            spans[place] += reading.percent - before.map_or(0.0, |before| before.percent);
            before = Some(reading);
        }
        Self {
            spans,
            mean: spans.iter().sum::<f64>() / SPANS_F,
        }
    }

    fn variance(&self) -> f64 {
        mean_square(self.spans.iter().map(|used| used - self.mean))
    }

    /// The mean square of the difference of two spans so many apart.
    fn difference(&self, apart: usize) -> f64 {
        mean_square(
            self.spans
                .iter()
                .zip(&self.spans[apart..])
                .map(|(one, later)| later - one),
        )
    }

    /// The rate at the end in percent per span, and its variance.
    fn level(&self, noise: f64, drift: f64) -> (f64, f64) {
        let (mut level, mut variance) = (self.mean, self.variance());
        for used in self.spans {
            variance += drift;
            let gain = variance / (variance + noise);
            level += gain * (used - level);
            variance *= 1.0 - gain;
        }
        (level.max(LOWEST_RATE * self.mean), variance)
    }
}

/// In how many spans so many percent will be used, and the standard deviation of the logarithm of that.
#[expect(clippy::cast_precision_loss, reason = "a few spans")]
fn remaining(uses: &Uses, left: f64, rounding: f64) -> (f64, f64) {
    let (near, far) = (uses.difference(1), uses.difference(APART));
    let drift = DRIFT * ((far - near) / (APART - 1) as f64).max(0.0);
    let noise = ((near - drift) / 2.0).max(0.25 * uses.variance()).max(1e-9);
    let (rate, uncertainty) = uses.level(noise, drift);
    let spans = left / rate;
    let noise = (noise - rounding).max(0.3 * noise);
    let variance = uncertainty * spans * spans + drift * spans.powi(3) / 3.0 + noise * spans + rounding;
    let deviation = (variance / (left * left)).ln_1p().sqrt();
    (spans, deviation)
}

#[expect(clippy::cast_precision_loss, reason = "a few spans")]
fn mean_square(values: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = values.fold((0usize, 0.0), |(count, sum), value| {
        (count + 1, value.mul_add(value, sum))
    });
    sum / count.max(1) as f64
}

#[expect(clippy::cast_precision_loss, reason = "a week at most")]
fn seconds(millis: u64) -> f64 {
    millis as f64 / 1_000.0
}

#[expect(clippy::cast_possible_truncation, reason = "a cast of floats saturates")]
fn after(now: Timestamp, seconds: f64) -> Timestamp {
    // A rate next to nothing is reached in a year as well as never.
    now.plus_millis((seconds * 1_000.0).min(3.2e10) as i64)
}
