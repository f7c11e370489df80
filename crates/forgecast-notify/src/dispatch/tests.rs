//! Laws of the dispatcher: sessions that need somebody and stop to, targets that fail in every way, silences, restarts and
//! crashes, in any order and at any time.

use forgecast_protocol::rest::NotificationState;
use forgecast_protocol::session::{Attention, AttentionKind};
use forgecast_protocol::{Subject, Timestamp};
use forgecast_session::Session;
use proptest::prelude::*;

use super::*;
use crate::rules::Rules;
use crate::target::{Channel, Target};

const NAMES: [&str; 2] = ["all", "builds"];
const MINUTE: i64 = 60_000;

fn target(name: &str) -> Target {
    let argv = vec!["true".to_owned()];
    let mut target = Target::new(name, Channel::Command { argv });
    target.resolved = name == "all";
    if name == "builds" {
        target.rules = Rules {
            projects: vec!["build-*".to_owned()],
            ..Rules::default()
        };
    }
    target
}

/// How a target behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behavior {
    Takes,
    Refuses,
    /// Takes messages and does not answer.
    Hangs,
    Gone,
}

#[derive(Clone, Debug)]
enum Step {
    Needs(u8, AttentionKind),
    Goes(u8),
    Forgotten(u8),
    Passes(i64),
    Behaves(usize, Behavior),
    Silenced(i64),
    Retried,
    Restarted,
    /// Whether answers come only with the next step but one.
    Slow(bool),
    /// A crash right after what is due was written, before any of it was sent.
    Crashed,
}

/// A dispatcher with the world around it.
struct World {
    now: Timestamp,
    dispatcher: Dispatcher,
    notifications: Vec<Notification>,
    memory: BTreeMap<String, serde_json::Value>,
    rows: BTreeMap<SessionId, SessionRow>,
    seqs: BTreeMap<SessionId, u64>,
    behaviors: [Behavior; 2],
    /// Everything that arrived: the target's place and the message.
    received: Vec<(usize, Notification)>,
    /// Attempts that are under way, each with how it will end.
    sending: Vec<(Attempt, Outcome)>,
    is_slow: bool,
    incarnation: u32,
}

fn id(number: u8) -> SessionId {
    let name = if number.is_multiple_of(2) { "build" } else { "other" };
    format!("{name}-{number}~1").parse().unwrap()
}

impl World {
    fn new() -> Self {
        let now = Timestamp::from_millis(1_767_225_600_000);
        let mut world = Self {
            now,
            dispatcher: restored(0, StoredNotifications::default(), &[], now),
            notifications: Vec::new(),
            memory: BTreeMap::new(),
            rows: BTreeMap::new(),
            seqs: BTreeMap::new(),
            behaviors: [Behavior::Takes; 2],
            received: Vec::new(),
            sending: Vec::new(),
            is_slow: false,
            incarnation: 0,
        };
        world.write();
        world
    }

    /// What the store does.
    fn write(&mut self) {
        for write in std::mem::take(self.dispatcher.writes()) {
            match write {
                NotificationWrite::Put(message) => {
                    match self.notifications.iter_mut().find(|known| known.id == message.id) {
                        Some(known) => *known = message,
                        None => self.notifications.push(message),
                    }
                }
                NotificationWrite::Remove(id) => self.notifications.retain(|known| known.id != id),
                NotificationWrite::Remember(key, value) => drop(self.memory.insert(key, value)),
                NotificationWrite::Forget(key) => drop(self.memory.remove(&key)),
            }
        }
    }

    fn restart(&mut self) {
        self.incarnation += 1;
        self.sending.clear();
        let mut waiting = self.notifications.clone();
        waiting.retain(|message| message.state == NotificationState::Waiting);
        let memory = self.memory.clone();
        let mut current: Vec<SessionRow> = self.rows.values().cloned().collect();
        current.retain(|row| row.attention.is_some());
        let stored = StoredNotifications { waiting, memory };
        self.dispatcher = restored(self.incarnation, stored, &current, self.now);
        self.write();
    }

    fn needs(&mut self, session: &SessionId, kind: AttentionKind) {
        let seq = self.seqs.entry(session.clone()).or_default();
        *seq += 1;
        let mut row = Session::new(session.clone(), &Subject::default(), self.now).row();
        row.project = session.to_string().split('~').next().map(str::to_owned);
        row.attention = Some(Attention {
            kind,
            since: self.now,
            seq: *seq,
            text: "why".to_owned(),
            your_turn: false,
            level: None,
        });
        self.dispatcher.observe(session, Some(&row), self.now);
        self.rows.insert(session.clone(), row);
    }

    fn goes(&mut self, session: &SessionId) {
        if let Some(row) = self.rows.get_mut(session) {
            row.attention = None;
            self.dispatcher.observe(session, Some(row), self.now);
        }
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Needs(number, kind) => self.needs(&id(*number), *kind),
            Step::Goes(number) => self.goes(&id(*number)),
            Step::Forgotten(number) => {
                self.rows.remove(&id(*number));
                self.dispatcher.observe(&id(*number), None, self.now);
            }
            Step::Passes(millis) => self.now = self.now.plus_millis(*millis),
            Step::Behaves(target, behavior) => self.behaviors[*target] = *behavior,
            Step::Silenced(millis) => self
                .dispatcher
                .silence((*millis > 0).then(|| self.now.plus_millis(*millis))),
            Step::Retried => self.retry(),
            Step::Restarted => self.restart(),
            Step::Slow(is_slow) => self.is_slow = *is_slow,
            Step::Crashed => {
                self.dispatcher.start_due(self.now);
                self.write();
                self.restart();
            }
        }
        self.send();
    }

    fn retry(&mut self) {
        let mut dead = self.notifications.clone();
        dead.retain(|message| message.state == NotificationState::Dead);
        self.dispatcher.retry(None, dead, self.now);
    }

    fn send(&mut self) {
        self.answer();
        loop {
            let attempts = self.dispatcher.start_due(self.now);
            self.write();
            if attempts.is_empty() {
                return;
            }
            for attempt in attempts {
                let outcome = self.receive(&attempt);
                self.sending.push((attempt, outcome));
            }
            if self.is_slow {
                return;
            }
            self.answer();
        }
    }

    fn answer(&mut self) {
        for (attempt, outcome) in std::mem::take(&mut self.sending) {
            self.dispatcher.finished(&attempt, outcome, self.now, 0.5);
        }
        self.write();
    }

    fn receive(&mut self, attempt: &Attempt) -> Outcome {
        let stored = self.notifications.iter().find(|known| known.id == attempt.message.id);
        assert_eq!(stored, Some(&attempt.message), "it was written down as it is sent");
        let behavior = self.behaviors[attempt.target];
        if matches!(behavior, Behavior::Takes | Behavior::Hangs) {
            self.check_received(attempt);
            self.received.push((attempt.target, attempt.message.clone()));
        }
        match behavior {
            Behavior::Takes => Outcome::Delivered,
            Behavior::Gone => Outcome::Gone("410".to_owned()),
            _ => Outcome::Failed {
                error: "no".to_owned(),
                uncertain: behavior == Behavior::Hangs,
                pause_ms: None,
            },
        }
    }

    /// A message that arrives for the first time names only what is needed, and one that arrives again is the same.
    fn check_received(&self, attempt: &Attempt) {
        let message = &attempt.message;
        let first = self.received.iter().find(|(_, known)| known.id == message.id);
        if let Some((_, first)) = first {
            assert_eq!((&first.items, &first.resolved), (&message.items, &message.resolved));
        } else if message.attempts == 1 {
            for item in &message.items {
                assert!(self.is_open(item), "called for what is over: {item:?}");
            }
        }
        for item in &message.resolved {
            assert!(!self.is_open(item), "said to be over: {item:?}");
        }
    }

    fn is_open(&self, item: &NotificationItem) -> bool {
        let attention = self.rows.get(&item.session).and_then(|row| row.attention.as_ref());
        attention.is_some_and(|attention| attention.seq == item.seq)
    }

    /// Everybody takes messages again, and time passes until there is nothing left to do.
    fn settle(&mut self) {
        self.behaviors = [Behavior::Takes; 2];
        self.is_slow = false;
        self.answer();
        self.dispatcher.silence(None);
        self.retry();
        self.write();
        self.send();
        for _ in 0..1_000 {
            let Some(due) = self.dispatcher.next_due(self.now) else {
                return;
            };
            self.now = self.now.max(due);
            self.send();
        }
        panic!("there is always something to do");
    }

    /// In how many messages each number of a session arrived at a target.
    fn calls(
        &self,
        target: usize,
        of: impl Fn(&Notification) -> &Vec<NotificationItem>,
    ) -> BTreeMap<(SessionId, u64), usize> {
        let mut ids: BTreeMap<(SessionId, u64), BTreeSet<&str>> = BTreeMap::new();
        for (_, message) in self.received.iter().filter(|(at, _)| *at == target) {
            for item in of(message) {
                ids.entry((item.session.clone(), item.seq))
                    .or_default()
                    .insert(&message.id);
            }
        }
        ids.into_iter().map(|(number, ids)| (number, ids.len())).collect()
    }
}

fn restored(incarnation: u32, stored: StoredNotifications, current: &[SessionRow], now: Timestamp) -> Dispatcher {
    let mut number = 0;
    let new_id = move || {
        number += 1;
        format!("msg_{incarnation}_{number}")
    };
    let targets = NAMES.map(target);
    Dispatcher::restore(&targets, Calendar::default(), Box::new(new_id), stored, current, now)
}

fn step() -> impl Strategy<Value = Step> {
    use AttentionKind::{Completed, Failed, Stalled, Waiting};
    let kind = prop_oneof![Just(Waiting), Just(Failed), Just(Stalled), Just(Completed)];
    let behavior = prop_oneof![
        Just(Behavior::Takes),
        Just(Behavior::Refuses),
        Just(Behavior::Hangs),
        Just(Behavior::Gone)
    ];
    prop_oneof![
        4 => (0..4_u8, kind).prop_map(|(session, kind)| Step::Needs(session, kind)),
        3 => (0..4_u8).prop_map(Step::Goes),
        1 => (0..4_u8).prop_map(Step::Forgotten),
        4 => prop_oneof![0..3_000_i64, Just(10 * MINUTE), Just(8 * 24 * 60 * MINUTE)].prop_map(Step::Passes),
        2 => (0..2_usize, behavior).prop_map(|(target, behavior)| Step::Behaves(target, behavior)),
        1 => prop_oneof![Just(0), Just(5 * MINUTE)].prop_map(Step::Silenced),
        1 => Just(Step::Retried),
        1 => Just(Step::Restarted),
        2 => any::<bool>().prop_map(Step::Slow),
        1 => Just(Step::Crashed),
    ]
}

proptest! {
    #[test]
    fn every_need_is_called_for_once_and_nothing_else_is(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        for step in &steps {
            world.apply(step);
            let waiting = world.notifications.iter().filter(|message| message.state == NotificationState::Waiting);
            prop_assert!(waiting.count() <= 2 * NAMES.len() + 2, "a target has one frozen message and one that collects");
        }
        world.settle();
        for (place, name) in NAMES.iter().enumerate() {
            let calls = world.calls(place, |message| &message.items);
            for (number, times) in &calls {
                prop_assert_eq!(*times, 1, "{} was called for {:?} in several messages", name, number);
            }
            let rules = target(name).rules;
            for row in world.rows.values() {
                let Some(attention) = &row.attention else { continue };
                let wanted = rules.match_row(attention.kind, row);
                let called = calls.contains_key(&(row.id.clone(), attention.seq));
                prop_assert_eq!(called, wanted, "{}: {:?}", name, row);
            }
            let over = world.calls(place, |message| &message.resolved);
            prop_assert!(over.values().all(|times| *times == 1), "{over:?}");
            prop_assert!(*name == "all" || over.is_empty());
            for (session, seq) in calls.keys().filter(|_| *name == "all") {
                let row = world.rows.get(session).and_then(|row| row.attention.as_ref());
                let is_open = row.is_some_and(|attention| attention.seq == *seq);
                prop_assert_eq!(over.contains_key(&(session.clone(), *seq)), !is_open, "{:?} {}", session, seq);
            }
        }
        let left = world.notifications.iter().filter(|message| message.state == NotificationState::Waiting);
        prop_assert_eq!(left.count(), 0);
    }

    #[test]
    fn a_target_that_answers_is_called_within_three_seconds(
        steps in prop::collection::vec((0..4_u8, any::<bool>(), 0..2_000_i64), 1..40),
    ) {
        let mut world = World::new();
        let mut raised = BTreeMap::new();
        for (session, needs, pause) in steps {
            let session = id(session);
            if needs {
                world.needs(&session, AttentionKind::Waiting);
                raised.insert((session.clone(), world.seqs[&session]), world.now);
            } else {
                world.goes(&session);
            }
            let until = world.now.plus_millis(pause);
            while let Some(due) = world.dispatcher.next_due(world.now).filter(|due| *due <= until) {
                world.now = world.now.max(due);
                world.send();
            }
            world.now = until;
            world.send();
            for row in world.rows.values() {
                let Some(attention) = &row.attention else { continue };
                let number = (row.id.clone(), attention.seq);
                if world.now.millis_since(raised[&number]) > 3_000 {
                    prop_assert!(world.calls(0, |message| &message.items).contains_key(&number));
                }
            }
        }
    }
}

#[test]
fn many_needs_at_once_are_one_message() {
    let mut world = World::new();
    for number in 0..30 {
        world.needs(&id(number), AttentionKind::Waiting);
        world.now = world.now.plus_millis(10);
        world.send();
    }
    world.settle();
    let sizes: Vec<_> = world
        .received
        .iter()
        .map(|(target, message)| (*target, message.items.len()))
        .collect();
    assert_eq!(sizes, [(0, 30), (1, 15)]);
}

#[test]
fn what_needed_somebody_before_the_first_start_is_history() {
    let mut world = World::new();
    world.needs(&id(0), AttentionKind::Failed);
    world.now = world.now.plus_millis(1);
    world.memory.clear();
    world.notifications.clear();
    world.restart();
    world.needs(&id(1), AttentionKind::Failed);
    world.settle();
    let called: Vec<_> = world.received.iter().flat_map(|(_, message)| &message.items).collect();
    assert_eq!(called.len(), 1, "{called:?}");
    assert_eq!(called[0].session, id(1));
    world.goes(&id(0));
    world.settle();
    assert!(world.received.iter().all(|(_, message)| message.resolved.is_empty()));
}

#[test]
fn an_hour_of_outage_ends_with_one_message_about_what_is_still_needed() {
    let mut world = World::new();
    world.behaviors[0] = Behavior::Refuses;
    for number in [1, 3, 5] {
        world.apply(&Step::Needs(number, AttentionKind::Waiting));
        for _ in 0..20 {
            world.apply(&Step::Passes(MINUTE));
        }
    }
    world.apply(&Step::Goes(3));
    assert!(world.received.is_empty());
    world.settle();
    let sessions: Vec<_> = world
        .received
        .iter()
        .flat_map(|(_, message)| &message.items)
        .map(|item| &item.session)
        .collect();
    assert_eq!((world.received.len(), sessions), (1, vec![&id(1), &id(5)]));
}

#[test]
fn a_message_that_waited_for_a_week_is_dead_and_can_be_sent_again() {
    let mut world = World::new();
    world.behaviors[0] = Behavior::Gone;
    world.apply(&Step::Needs(1, AttentionKind::Failed));
    world.apply(&Step::Passes(2_000));
    let mut described = [NotificationTarget {
        name: "all".to_owned(),
        kind: forgecast_protocol::rest::TargetKind::Command,
        host: None,
        your_turn: false,
        events: Vec::new(),
        projects: Vec::new(),
        quiet: None,
        resolved: true,
        include_text: true,
        waiting: 0,
        failures: 0,
        next_attempt_at: None,
        disabled: None,
    }];
    world.restart();
    world.dispatcher.describe(&mut described);
    assert_eq!(
        (described[0].disabled.as_deref(), described[0].waiting),
        (Some("410"), 1)
    );
    world.apply(&Step::Passes(7 * 24 * 60 * MINUTE));
    let message = &world.notifications[0];
    assert_eq!(message.state, NotificationState::Dead);
    assert_eq!(message.error.as_deref(), Some("given up after 7 days; 410"));
    world.settle();
    assert_eq!(world.received.len(), 1);
    assert_eq!(world.notifications[0].state, NotificationState::Delivered);
}
