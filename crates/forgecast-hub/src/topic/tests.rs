//! The laws of a topic, whatever is published, read, left and resumed in whatever order.

use forgecast_protocol::ServerMessage;
use forgecast_session::patch;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const EPOCH: u32 = 7;

fn topic(limits: RingLimits) -> StateTopic {
    let content = Content::View(JsonObject::of(&json!({})));
    let topic = StateTopic::new("session/a~1", Epoch::new(EPOCH), limits, 0, content, Vec::new());
    topic.begin(1, Content::View(JsonObject::of(&json!({ "n": 0 }))));
    topic
}

fn publish(topic: &StateTopic, state: &Value) {
    let view = JsonObject::of(state);
    if let Some(patch) = topic.view().unwrap().diff(&view) {
        let revision = topic.rendered().revision + 1;
        topic.publish(revision, &patch, |content| *content = Content::View(view));
    }
}

/// A viewer that refuses gaps and overlaps.
#[derive(Default)]
struct Viewer {
    cursor: Cursor,
    epoch: Option<Epoch>,
    revision: Revision,
    state: Value,
    snapshots: usize,
}

impl Viewer {
    fn read(&mut self, topic: &StateTopic) {
        let mut frames = Vec::new();
        topic.take(&mut self.cursor, &mut frames);
        for frame in frames {
            match serde_json::from_slice(&frame.json).unwrap() {
                ServerMessage::Snapshot {
                    epoch, revision, state, ..
                } => {
                    self.epoch = Some(epoch);
                    (self.revision, self.state) = (revision, state);
                    self.snapshots += 1;
                }
                ServerMessage::Patch {
                    epoch,
                    from,
                    revision,
                    patch,
                    ..
                } => {
                    assert_eq!((self.epoch, self.revision), (Some(epoch), from), "a gap or an overlap");
                    patch::merge(&mut self.state, &patch);
                    self.revision = revision;
                }
                ServerMessage::Event { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Leaves, and comes back with what it has.
    fn resume(&mut self, topic: &StateTopic) {
        let position = self.epoch.map(|epoch| Position {
            epoch,
            revision: self.revision,
        });
        self.cursor = topic.cursor(position);
    }

    fn is_true_to(&self, topic: &StateTopic) -> bool {
        let rendered = topic.rendered();
        self.revision == rendered.revision && serde_json::to_vec(&self.state).unwrap() == *rendered.body()
    }
}

fn state() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (0u32..9).prop_map(Value::from),
        "[a-c]{0,40}".prop_map(Value::from)
    ];
    let object = leaf.prop_recursive(3, 20, 4, |inner| {
        proptest::collection::btree_map("[a-d]", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect()))
    });
    proptest::collection::btree_map("[a-d]", object, 0..4).prop_map(|map| Value::Object(map.into_iter().collect()))
}

#[derive(Clone, Debug)]
enum Step {
    Publish(Value),
    Event,
    Read(usize),
    Resume(usize),
    Fresh(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => state().prop_map(Step::Publish),
        1 => Just(Step::Event),
        3 => (0usize..4).prop_map(Step::Read),
        2 => (0usize..4).prop_map(Step::Resume),
        1 => (0usize..4).prop_map(Step::Fresh),
    ]
}

proptest! {
    #[test]
    fn whoever_reads_holds_the_newest_state_however_it_came_there(
        steps in proptest::collection::vec(step(), 1..80),
        patches in 1usize..6,
        bytes in 100usize..2000,
    ) {
        let topic = topic(RingLimits { patches, bytes });
        let mut viewers: [Viewer; 4] = Default::default();
        let _watching = topic.handle.viewers.fetch_add(1, Ordering::AcqRel);
        for step in steps {
            match step {
                Step::Publish(state) => publish(&topic, &state),
                Step::Event => topic.publish_event(&json!({ "type": "x" })),
                Step::Read(number) => {
                    viewers[number].read(&topic);
                    prop_assert!(viewers[number].is_true_to(&topic));
                }
                Step::Resume(number) => viewers[number].resume(&topic),
                Step::Fresh(number) => viewers[number] = Viewer::default(),
            }
        }
    }

    #[test]
    fn a_revision_in_the_ring_is_resumed_by_patches_and_any_other_by_a_snapshot(
        published in 1u64..20,
        held in 0u64..25,
        same_epoch in any::<bool>(),
    ) {
        let topic = topic(RingLimits { patches: 8, bytes: 1 << 20 });
        // Large enough that a handful of patches is smaller than a snapshot.
        for number in 1..=published {
            publish(&topic, &json!({ "n": number, "ballast": "x".repeat(5000) }));
        }
        let head = topic.rendered().revision;
        let epoch = Epoch::new(if same_epoch { EPOCH } else { EPOCH + 1 });
        let mut cursor = topic.cursor(Some(Position { epoch, revision: held }));
        let mut frames = Vec::new();
        topic.take(&mut cursor, &mut frames);
        let oldest = topic.state().ring.front().unwrap().from;
        if same_epoch && held == head {
            prop_assert!(frames.is_empty());
        } else if same_epoch && held >= oldest.max(2) && held < head {
            prop_assert_eq!(frames.len() as u64, head - held);
            prop_assert!(frames.iter().all(|frame| frame.kind == FrameKind::Patch));
        } else {
            prop_assert_eq!(frames.len(), 1);
            prop_assert!(frames[0].kind == FrameKind::Snapshot || held == 1);
        }
    }
}

#[test]
fn patches_that_are_larger_than_the_state_are_replaced_by_a_snapshot() {
    let topic = topic(RingLimits {
        patches: 100,
        bytes: 1 << 20,
    });
    let mut viewer = Viewer::default();
    viewer.read(&topic);
    for number in 0..20 {
        publish(&topic, &json!({ "text": format!("{number}").repeat(400) }));
    }
    viewer.read(&topic);
    assert_eq!(viewer.snapshots, 2);
    assert!(viewer.is_true_to(&topic));
}

#[test]
fn every_viewer_is_handed_the_same_bytes() {
    let topic = topic(RingLimits {
        patches: 100,
        bytes: 1 << 20,
    });
    let (mut one, mut two) = (topic.cursor(None), topic.cursor(None));
    for round in 0..2 {
        let (mut frames, mut others) = (Vec::new(), Vec::new());
        topic.take(&mut one, &mut frames);
        topic.take(&mut two, &mut others);
        assert_eq!(frames.len(), 1, "round {round}");
        assert_eq!(frames[0].json.as_ptr(), others[0].json.as_ptr());
        publish(&topic, &json!({ "n": 1 }));
    }
}

#[test]
fn an_event_stands_between_the_revisions_between_which_it_came() {
    let topic = topic(RingLimits {
        patches: 100,
        bytes: 1 << 20,
    });
    topic.handle.viewers.fetch_add(1, Ordering::AcqRel);
    let mut cursor = topic.cursor(None);
    topic.take(&mut cursor, &mut Vec::new());
    publish(&topic, &json!({ "n": 1 }));
    topic.publish_event(&json!({ "type": "x" }));
    topic.publish_event(&json!({ "type": "y" }));
    publish(&topic, &json!({ "n": 2 }));
    let mut frames = Vec::new();
    topic.take(&mut cursor, &mut frames);
    let kinds: Vec<_> = frames.iter().map(|frame| frame.kind).collect();
    assert_eq!(
        kinds,
        [FrameKind::Patch, FrameKind::Event, FrameKind::Event, FrameKind::Patch]
    );
}

#[test]
fn a_hole_in_what_is_kept_is_a_reset_not_a_gap() {
    let patch = |from, revision| RetainedPatch {
        from,
        revision,
        frame: frame::patch("session/a~1", Epoch::new(EPOCH), from, revision, b"{}"),
    };
    let content = Content::View(JsonObject::of(&json!({ "ballast": "x".repeat(5000) })));
    let limits = RingLimits {
        patches: 100,
        bytes: 1 << 20,
    };
    let ring = vec![patch(3, 4), patch(6, 7), patch(7, 8)];
    let topic = StateTopic::new("session/a~1", Epoch::new(EPOCH), limits, 8, content, ring);
    for (held, kind) in [
        (3, FrameKind::Snapshot),
        (5, FrameKind::Snapshot),
        (6, FrameKind::Patch),
    ] {
        let epoch = Epoch::new(EPOCH);
        let mut cursor = topic.cursor(Some(Position { epoch, revision: held }));
        let mut frames = Vec::new();
        topic.take(&mut cursor, &mut frames);
        assert_eq!(frames[0].kind, kind, "from {held}");
    }
}

#[test]
fn publishing_and_reading_at_the_same_time_leaves_neither_gap_nor_overlap() {
    let topic = topic(RingLimits {
        patches: 8,
        bytes: 4096,
    });
    std::thread::scope(|threads| {
        let readers: Vec<_> = (0..3)
            .map(|number| {
                let topic = &topic;
                threads.spawn(move || {
                    let mut viewer = Viewer::default();
                    while viewer.revision < 2000 {
                        viewer.read(topic);
                        if viewer.revision % (number + 2) == 0 {
                            viewer.resume(topic);
                        }
                        std::thread::yield_now();
                    }
                    viewer.is_true_to(topic)
                })
            })
            .collect();
        for number in 1..2000 {
            publish(&topic, &json!({ "n": number, "text": "x".repeat(number % 900) }));
        }
        assert!(readers.into_iter().all(|reader| reader.join().unwrap()));
    });
}
