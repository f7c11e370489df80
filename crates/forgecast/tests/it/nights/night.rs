//! One night: what happens in it by chance, and how well it was called.

use std::fmt;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Receiver, asks, builds, fails, is_answered, serve};
use crate::world::{Server, World, pause, request};

const BUILDS: usize = 8;
/// Seconds without work after which a build is stalled, in a night.
const STALLED_AFTER_S: u64 = 4;
/// How often a build at work says so.
const PULSE: Duration = Duration::from_millis(500);
/// Within which a need has to be called for.
const PROMISE: Duration = Duration::from_secs(5);

/// A moment that needs a person.
#[derive(Clone, Debug)]
struct Moment {
    session: String,
    kind: &'static str,
    began: Instant,
    /// Since when a server was there to call for it.
    seen: Option<Instant>,
    ended: Option<Instant>,
    calls: Vec<Instant>,
}

/// What a build does, and until when.
enum Doing {
    Works {
        pulsed: Instant,
    },
    Waits,
    Failed,
    /// Without a word since.
    Stalls,
}

struct Build {
    name: String,
    doing: Doing,
    until: Instant,
}

/// Builds that need somebody at random, the server that calls, and who is called.
pub(super) struct Night {
    world: World,
    receiver: Receiver,
    server: Option<Server>,
    random: fastrand::Rng,
    builds: Vec<Build>,
    moments: Vec<Moment>,
    sent: u64,
}

impl Night {
    pub(super) fn new(seed: u64) -> Self {
        let (world, receiver) = (World::new(), Receiver::start());
        let server = Some(serve(&world, &receiver, STALLED_AFTER_S));
        let now = Instant::now();
        let builds = (0..BUILDS).map(|number| Build {
            name: format!("build-{number}"),
            doing: Doing::Works { pulsed: now },
            until: now,
        });
        Self {
            builds: builds.collect(),
            world,
            receiver,
            server,
            random: fastrand::Rng::with_seed(seed),
            moments: Vec::new(),
            sent: 0,
        }
    }

    /// Plays, and ends when everything that needs somebody at the end had its time to be called for.
    pub(super) fn play(&mut self, length: Duration) {
        let end = Instant::now() + length;
        let mut restart = Instant::now() + self.between(6.0, 12.0);
        while Instant::now() < end {
            for number in 0..self.builds.len() {
                self.step(number);
            }
            if Instant::now() > restart {
                self.restart();
                restart = Instant::now() + self.between(6.0, 12.0);
            }
            pause(Duration::from_millis(20));
        }
        // Builds at work would stall now, so each of them asks one last time.
        for number in 0..self.builds.len() {
            if matches!(self.builds[number].doing, Doing::Works { .. }) {
                self.ask(number);
            }
        }
        pause(PROMISE + Duration::from_secs(STALLED_AFTER_S + 1));
    }

    fn step(&mut self, number: usize) {
        let now = Instant::now();
        let Build { name, doing, until } = &mut self.builds[number];
        let name = name.clone();
        if now < *until {
            if let Doing::Works { pulsed } = doing
                && now > *pulsed + PULSE
            {
                *pulsed = now;
                self.works(&name);
            }
            return;
        }
        match doing {
            Doing::Works { .. } => match self.random.u8(0..10) {
                0..5 => self.ask(number),
                5..7 => self.fail(number),
                7..9 => self.stall(number),
                _ => self.work(number),
            },
            Doing::Waits => {
                self.post(&is_answered(&name));
                self.work(number);
            }
            Doing::Failed | Doing::Stalls => self.work(number),
        }
    }

    /// Goes on; what needed somebody needs nobody any more.
    fn work(&mut self, number: usize) {
        let name = self.builds[number].name.clone();
        self.works(&name);
        let now = Instant::now();
        let open = self
            .moments
            .iter_mut()
            .rfind(|moment| moment.session == name && moment.ended.is_none());
        if let Some(moment) = open {
            moment.ended = Some(now);
        }
        let until = now + self.between(0.5, 4.0);
        self.begin(number, Doing::Works { pulsed: now }, until);
    }

    fn works(&mut self, name: &str) {
        let event = builds(name, &format!("step {}", self.sent));
        self.post(&event);
    }

    fn ask(&mut self, number: usize) {
        let name = self.builds[number].name.clone();
        let event = asks(&name, &format!("Wants to run: step {}", self.sent));
        self.needs(number, "waiting", Doing::Waits, Duration::ZERO, Some(&event));
    }

    fn fail(&mut self, number: usize) {
        let event = fails(&self.builds[number].name);
        self.needs(number, "failed", Doing::Failed, Duration::ZERO, Some(&event));
    }

    fn stall(&mut self, number: usize) {
        let name = self.builds[number].name.clone();
        self.works(&name);
        let silence = Duration::from_secs(STALLED_AFTER_S);
        self.needs(number, "stalled", Doing::Stalls, silence, None);
    }

    /// From `later` on somebody is needed: for a moment that may pass unnoticed, or for longer than the promise.
    fn needs(&mut self, number: usize, kind: &'static str, doing: Doing, later: Duration, event: Option<&Value>) {
        if let Some(event) = event {
            self.post(event);
        }
        let began = Instant::now() + later;
        let is_short = self.random.u8(0..4) == 0;
        let until = began
            + if is_short {
                self.between(0.1, 1.0)
            } else {
                self.between(6.0, 9.0)
            };
        self.moments.push(Moment {
            session: self.builds[number].name.clone(),
            kind,
            began,
            seen: Some(began),
            ended: None,
            calls: Vec::new(),
        });
        self.begin(number, doing, until);
    }

    fn begin(&mut self, number: usize, doing: Doing, until: Instant) {
        let build = &mut self.builds[number];
        (build.doing, build.until) = (doing, until);
    }

    /// Sends a fact until it is known to be stored.
    fn post(&mut self, event: &Value) {
        let mut event = event.clone();
        event["id"] = format!("night-{}", self.sent).into();
        self.sent += 1;
        let server = self.server.as_ref().unwrap();
        while request(server.address(), "POST", "/api/v1/events", &event.to_string()).0 != 200 {
            pause(Duration::from_millis(10));
        }
    }

    fn restart(&mut self) {
        let server = self.server.take().unwrap();
        if self.random.bool() {
            assert!(server.stop().success());
        } else {
            server.kill();
        }
        self.server = Some(serve(&self.world, &self.receiver, STALLED_AFTER_S));
        let now = Instant::now();
        for moment in self.moments.iter_mut().filter(|moment| moment.ended.is_none()) {
            moment.seen = moment.seen.max(Some(now));
        }
        // A restart took the time in which a build would have said that it works.
        for number in 0..self.builds.len() {
            if let Doing::Works { pulsed } = &mut self.builds[number].doing {
                *pulsed = now;
                let name = self.builds[number].name.clone();
                self.works(&name);
            }
        }
    }

    fn between(&mut self, least: f64, most: f64) -> Duration {
        Duration::from_secs_f64(least + self.random.f64() * (most - least))
    }

    /// Which calls were right, and which needs were called for in time.
    pub(super) fn judge(mut self) -> Report {
        let mut report = Report::default();
        for call in self.receiver.calls() {
            report.calls += 1;
            let moment = self.moments.iter_mut().rfind(|moment| {
                // The clock of a stall is the server's own.
                let began = moment.began - Duration::from_millis(200);
                moment.session == call.session && moment.kind == call.kind && began <= call.at
            });
            match moment {
                Some(moment)
                    if moment.calls.is_empty() && moment.ended.is_none_or(|ended| call.at < ended + PROMISE) =>
                {
                    moment.calls.push(call.at);
                    report.right_calls += 1;
                }
                other => report.faults.push(format!("called for nothing: {call:?}; {other:?}")),
            }
        }
        for moment in &self.moments {
            let seen = moment.seen.unwrap_or(moment.began).max(moment.began);
            let is_long = moment.ended.is_none_or(|ended| ended > seen + PROMISE);
            if !is_long && moment.calls.is_empty() {
                report.short += 1;
                continue;
            }
            report.moments += 1;
            match moment.calls.first() {
                Some(at) if *at <= seen + PROMISE => {
                    report.called += 1;
                    report.slowest = report.slowest.max(at.saturating_duration_since(seen));
                }
                _ => report.faults.push(format!("not called for within 5 s: {moment:?}")),
            }
        }
        report
    }
}

/// How well a night was called.
#[derive(Default)]
pub(super) struct Report {
    calls: usize,
    right_calls: usize,
    moments: usize,
    called: usize,
    /// Moments that were over before anybody could be called.
    short: usize,
    slowest: Duration,
    faults: Vec<String>,
}

impl Report {
    pub(super) fn is_perfect(&self) -> bool {
        self.moments > 0 && self.called == self.moments && self.calls == self.right_calls
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        writeln!(
            f,
            "nights: precision {:.3} ({} of {} calls), recall {:.3} ({} of {} moments), slowest call {:.1} s, {} moments too short",
            share(self.right_calls, self.calls),
            self.right_calls,
            self.calls,
            share(self.called, self.moments),
            self.called,
            self.moments,
            self.slowest.as_secs_f64(),
            self.short,
        )?;
        self.faults.iter().try_for_each(|fault| writeln!(f, "  {fault}"))
    }
}
