//! The rules by which a fact finds its session, one sentence each.

use forgecast_protocol::{COMMAND_PREFIX, SessionRef, Subject, Timestamp};
use forgecast_session::Limits;
use proptest::prelude::*;

use super::*;

fn subject(session: Option<&str>, name: Option<&str>, directory: Option<&str>) -> Subject {
    Subject {
        session: session.map(|session| session.parse::<SessionRef>().unwrap()),
        name: name.map(str::to_owned),
        directory: directory.map(str::to_owned),
        transcript: None,
        command: None,
    }
}

fn registry() -> Registry {
    Registry::new(100)
}

fn at() -> Timestamp {
    Timestamp::from_millis(1)
}

impl Registry {
    /// Says whether a session is over.
    fn end(&mut self, id: &str, over: bool) {
        let id = id.parse().unwrap();
        self.run_mut(&id).unwrap().over = over;
    }

    fn id(&mut self, session: Option<&str>, name: Option<&str>, directory: Option<&str>) -> String {
        let subject = subject(session, name, directory);
        let found = self.lookup(&subject, Span::at(at()));
        let before = self.generation();
        match self.resolve(&subject, Span::at(at()), at(), &Producer::Files) {
            Ok(resolved) => {
                assert_eq!(found.is_some(), !resolved.created, "a look-up and a resolution agree");
                assert!(found.as_ref().is_none_or(|found| found.id == resolved.id));
                let settled = found.is_some_and(|found| found.settled);
                assert_eq!(
                    settled,
                    self.generation() == before,
                    "only what is settled changes nothing"
                );
                resolved.id.to_string()
            }
            Err(reason) => <&str>::from(reason).to_owned(),
        }
    }
}

#[test]
fn a_folder_without_a_name_has_a_session_of_the_folders_name() {
    let mut registry = registry();
    assert_eq!(registry.id(None, None, Some("/p/weather-app")), "weather-app~1");
    assert_eq!(registry.id(None, None, Some("/p/weather-app")), "weather-app~1");
    assert_eq!(registry.id(None, None, Some("/")), "root~1");
}

#[test]
fn two_folders_of_one_name_get_two_ids() {
    let mut registry = registry();
    assert_eq!(registry.id(None, None, Some("/p/app")), "app~1");
    let other = registry.id(None, None, Some("/q/app"));
    assert_ne!(other, "app~1");
    assert!(other.starts_with("app-") && other.ends_with("~1") && other.len() == "app-123456~1".len());
    assert_eq!(registry.id(None, None, Some("/q/app")), other);
    assert_eq!(registry.id(None, Some("app"), Some("/q/app")), other);
}

#[test]
fn the_first_given_name_keeps_the_id_and_names_the_session() {
    let mut registry = registry();
    assert_eq!(registry.id(None, None, Some("/p/app")), "app~1");
    assert_eq!(registry.id(None, Some("Great App"), Some("/p/app")), "app~1");
    let stored = registry.stored(&"app~1".parse().unwrap()).unwrap();
    assert_eq!((stored.name.as_str(), stored.named), ("Great App", true));
}

#[test]
fn another_name_in_the_folder_is_another_session_and_becomes_the_current_one() {
    let mut registry = registry();
    assert_eq!(registry.id(None, Some("one"), Some("/p")), "one~1");
    assert_eq!(registry.id(None, Some("two"), Some("/p")), "two~1");
    assert_eq!(registry.id(None, None, Some("/p")), "two~1");
    assert_eq!(registry.id(None, Some("one"), Some("/p")), "one~1");
    assert_eq!(registry.id(None, None, Some("/p")), "one~1");
}

#[test]
fn a_push_without_a_folder_joins_the_newest_run_of_the_name() {
    let mut registry = registry();
    assert_eq!(registry.id(None, None, Some("/p/app")), "app~1");
    registry
        .new_run(&"app~1".parse().unwrap(), at(), &Producer::Files)
        .unwrap();
    assert_eq!(registry.id(None, Some("app"), None), "app~2");
    assert_eq!(registry.id(Some("app"), None, None), "app~2");
    assert_eq!(registry.id(None, None, Some("/p/app")), "app~2");
}

#[test]
fn any_number_of_names_leaves_room_for_the_next() {
    let mut registry = Registry::new(2);
    for number in 0..100 {
        let id = registry.id(None, Some(&format!("n{number}")), None);
        assert!(registry.remove(&id.parse().unwrap()), "{id}");
    }
    assert_eq!(registry.id(None, None, Some("/p/app")), "app~1");
    assert_eq!(registry.id(None, Some("n0"), None), "n0~2");
}

#[test]
fn a_session_that_is_recalled_is_meant_by_its_id_only() {
    let mut registry = registry();
    registry.id(None, None, Some("/p/app"));
    let stored = registry.stored(&"app~1".parse().unwrap()).unwrap();
    registry.remove(&stored.id);
    registry.recall(&stored, None, &Limits::default());
    registry.recall(&stored, None, &Limits::default());
    assert!(registry.has(&stored.id));
    assert_eq!(registry.directory(&stored.id), Some("/p/app"));
    assert_eq!(registry.find(&"app".parse().unwrap()), None);
    assert_eq!(registry.id(None, None, Some("/p/app")), "app~2");
    assert!(registry.remove(&stored.id) && registry.remove(&"app~2".parse().unwrap()));
    assert_eq!(registry.places().unfinished(), 0);
    assert_eq!(registry.id(None, Some("app"), None), "app~3");
}

#[test]
fn a_push_of_an_unknown_name_makes_a_session_that_a_folder_of_that_name_adopts() {
    let mut registry = registry();
    assert_eq!(registry.id(None, Some("app"), None), "app~1");
    assert_eq!(registry.id(None, Some("app"), Some("/p/app")), "app~1");
    assert_eq!(registry.directory(&"app~1".parse().unwrap()), Some("/p/app"));
    assert_ne!(registry.id(None, Some("app"), Some("/q/app")), "app~1");
}

#[test]
fn a_finished_session_without_a_folder_is_not_adopted_but_followed_by_a_run() {
    let mut registry = registry();
    assert_eq!(registry.id(None, Some("app"), None), "app~1");
    registry.end("app~1", true);
    assert_eq!(registry.id(None, Some("app"), Some("/p/app")), "app~2");
}

#[test]
fn a_run_is_found_by_its_id_and_an_unknown_one_is_refused() {
    let mut registry = registry();
    assert_eq!(registry.id(None, Some("app"), Some("/p/app")), "app~1");
    assert_eq!(registry.id(Some("app~1"), None, None), "app~1");
    assert_eq!(registry.id(Some("app~2"), None, None), "unknown_run");
    assert_eq!(registry.id(Some("other~1"), None, None), "unknown_run");
}

#[test]
fn a_run_of_another_folder_is_a_conflict_and_never_merged_in_silence() {
    let mut registry = registry();
    assert_eq!(registry.id(None, Some("app"), Some("/p/app")), "app~1");
    let subject = subject(Some("app~1"), None, Some("/q/app"));
    assert_eq!(
        registry.resolve(&subject, Span::at(at()), at(), &Producer::Files),
        Err(Reason::Conflict)
    );
}

#[test]
fn a_fact_of_nobody_is_refused() {
    assert_eq!(registry().id(None, None, None), "no_session");
}

#[test]
fn a_name_that_fits_no_id_is_found_again_by_the_same_name() {
    let mut registry = registry();
    let id = registry.id(None, Some("My app!"), None);
    assert!(id.starts_with("My-app-"));
    assert_eq!(registry.id(None, Some("My app!"), None), id);
    assert_ne!(registry.id(None, Some("My app?"), None), id);
}

#[test]
fn a_number_is_never_used_twice() {
    let mut registry = registry();
    assert_eq!(registry.id(None, None, Some("/p/app")), "app~1");
    assert!(registry.remove(&"app~1".parse().unwrap()));
    assert!(!registry.remove(&"app~1".parse().unwrap()));
    assert_eq!(registry.find(&"app".parse().unwrap()), None);
    assert!(
        registry.families.is_empty() && registry.folders.is_empty(),
        "the name is gone with it"
    );
    assert_eq!(registry.id(None, None, Some("/p/app")), "app~2");
}

#[test]
fn a_full_registry_takes_no_new_session_and_still_knows_the_old_ones() {
    let mut registry = Registry::new(1);
    assert_eq!(registry.id(None, Some("a"), None), "a~1");
    let new = subject(None, Some("b"), None);
    assert_eq!(
        registry.resolve(&new, Span::at(at()), at(), &Producer::Files),
        Err(Reason::TooManySessions)
    );
    assert_eq!(registry.id(None, Some("a"), None), "a~1");
}

#[test]
fn what_the_store_knows_is_as_if_it_had_never_stopped() {
    let mut before = registry();
    before.id(None, None, Some("/p/app"));
    before.id(None, None, Some("/q/app"));
    before.id(None, Some("x"), Some("/p/app"));
    before.id(None, Some("Great App"), Some("/r"));
    before
        .new_run(&"app~1".parse().unwrap(), at(), &Producer::Files)
        .unwrap();
    let mut after = registry();
    for slug in before.families.keys() {
        for run in before.families[slug].runs.keys() {
            let stored = before.stored(&slug.run(*run)).unwrap();
            after.restore(&stored, None, &Limits::default());
        }
    }
    for (name, directory) in [
        (None, Some("/q/app")),
        (Some("x"), Some("/p/app")),
        (Some("Great App"), Some("/r")),
        (Some("app"), None),
    ] {
        assert_eq!(before.id(None, name, directory), after.id(None, name, directory));
    }
}

#[test]
fn a_folder_that_was_moved_keeps_its_sessions_and_leaves_its_old_place_free() {
    let mut registry = registry();
    registry.id(None, None, Some("/p/app"));
    registry.id(None, Some("tides"), Some("/p/app"));
    registry.id(None, None, Some("/p/other"));
    registry
        .new_run(&"app~1".parse().unwrap(), at(), &Producer::Files)
        .unwrap();
    let before = registry.generation();
    let moved = registry.move_folder("/p/app", "/q/lab");
    assert_eq!(moved, ["app~1", "app~2"].map(|id| id.parse().unwrap()));
    assert!(
        registry.generation() > before,
        "what was found before does not hold any more"
    );
    let stored = registry.stored(&moved[0]).unwrap();
    assert_eq!(
        (stored.name.as_str(), stored.directory.as_deref()),
        ("tides", Some("/q/lab"))
    );
    assert_eq!(registry.id(None, None, Some("/q/lab")), "app~2");
    assert_eq!(registry.id(None, Some("tides"), Some("/q/lab")), "app~2");
    assert_eq!(registry.id(None, None, Some("/p/other")), "other~1");
    // What is made at the old place is another build.
    assert!(registry.id(None, Some("app"), Some("/p/app")).starts_with("app-"));
    assert_eq!(registry.move_folder("/p/none", "/q/none"), []);
}

#[test]
fn a_folder_that_gave_its_session_a_name_gives_it_the_new_one() {
    let mut registry = registry();
    registry.id(None, None, Some("/p/app"));
    let moved = registry.move_folder("/p/app", "/p/lab");
    assert_eq!(registry.stored(&moved[0]).unwrap().name, "lab");
    assert_eq!(registry.id(None, None, Some("/p/lab")), "app~1");
}

fn of_transcript(name: &str, directory: Option<&str>) -> Subject {
    Subject {
        transcript: Some(name.parse().unwrap()),
        directory: directory.map(str::to_owned),
        ..Subject::default()
    }
}

/// A moment in minutes.
fn minute(minutes: i64) -> Timestamp {
    Timestamp::from_millis(minutes * 60_000)
}

impl Registry {
    fn of_agent(&mut self, name: &str, directory: Option<&str>, at: i64) -> String {
        let (subject, span) = (of_transcript(name, directory), Span::at(minute(at)));
        let found = self.lookup(&subject, span);
        let resolved = self.resolve(&subject, span, minute(at), &Producer::Files).unwrap();
        assert_eq!(found.is_some(), !resolved.created, "a look-up and a resolution agree");
        assert!(found.is_none_or(|found| found.id == resolved.id));
        resolved.id.to_string()
    }

    fn at_work(&mut self, id: &str, began: i64, until: i64) {
        let run = self.run_mut(&id.parse().unwrap()).unwrap();
        run.span = Span {
            began: minute(began),
            until: minute(until),
        };
    }
}

#[test]
fn a_transcript_belongs_to_the_nearest_build_at_work_above_it() {
    let mut registry = registry();
    registry.id(None, None, Some("/p"));
    registry.id(None, None, Some("/p/app"));
    registry.at_work("p~1", 0, 100);
    registry.at_work("app~1", 50, 60);
    assert_eq!(registry.of_agent("t1", Some("/p/app/src"), 55), "app~1");
    assert_eq!(registry.of_agent("t2", Some("/p/app/src"), 40), "p~1");
    assert_eq!(registry.of_agent("t3", Some("/p/app"), 101), "t3~1");
    assert_eq!(registry.of_agent("t4", Some("/papp"), 55), "t4~1");
    assert_eq!(registry.of_agent("t5", None, 55), "t5~1");
    // Bound is bound.
    assert_eq!(registry.of_agent("t1", Some("/elsewhere"), 101), "app~1");
}

#[test]
fn an_agents_own_session_is_not_the_session_of_its_folder() {
    let mut registry = registry();
    assert_eq!(registry.of_agent("t1", Some("/p/app"), 0), "t1~1");
    assert_eq!(registry.of_agent("t2", Some("/p/app"), 0), "t2~1");
    assert_eq!(registry.id(None, None, Some("/p/app")), "app~1");
    assert_eq!(registry.id(None, Some("t1"), None), "t1~1");
}

#[test]
fn a_build_takes_over_the_agents_at_work_in_its_folder_and_below() {
    let mut registry = registry();
    for (name, directory) in [
        ("t1", "/p/app"),
        ("t2", "/p/app/src"),
        ("t3", "/p/app-2"),
        ("t4", "/p"),
        ("t5", "/p/app"),
    ] {
        let id = registry.of_agent(name, Some(directory), 0);
        registry.at_work(&id, 0, 10);
    }
    registry.end("t5~1", true);
    registry.id(None, None, Some("/p/app"));
    let build: SessionId = "app~1".parse().unwrap();
    registry.at_work("app~1", 11, 20);
    assert_eq!(registry.agent_sessions_of(&build, None), []);
    registry.at_work("app~1", 5, 20);
    let own: Vec<SessionId> = ["t1~1", "t2~1"].map(|id| id.parse().unwrap()).into();
    assert_eq!(registry.agent_sessions_of(&build, None), own);
    assert_eq!(registry.mergeable().len(), 2);
    let moved = registry.rebind(&own[0], &build);
    assert_eq!(moved.len(), 1);
    assert_eq!(registry.merged(), own[..1]);
    assert!(registry.remove(&own[0]));
    assert_eq!(registry.merged(), []);
    assert_eq!(registry.agent_sessions_of(&build, None), own[1..]);
    assert_eq!(registry.of_agent("t1", None, 30), "app~1");
}

#[test]
fn a_build_that_says_when_it_was_at_work_takes_over_agents_that_are_over() {
    let mut registry = registry();
    let at = |from: i64, to: i64| Span {
        began: minute(from),
        until: minute(to),
    };
    for (name, from, to) in [("t1", 5, 10), ("t2", 30, 40), ("t3", 12, 14)] {
        let id = registry.of_agent(name, Some("/p/app"), from);
        registry.at_work(&id, from, to);
    }
    registry.end("t1~1", true);
    registry.end("t2~1", true);
    registry.id(None, None, Some("/p/app"));
    // Followed long after: by its row it was at work all the time since.
    registry.at_work("app~1", 0, 1_000);
    let build: SessionId = "app~1".parse().unwrap();
    let ids = |names: &[&str]| -> Vec<SessionId> { names.iter().map(|id| id.parse().unwrap()).collect() };
    assert_eq!(registry.agent_sessions_of(&build, None), ids(&["t3~1"]));
    assert_eq!(registry.agent_sessions_of(&build, Some(at(0, 11))), ids(&["t1~1"]));
    assert_eq!(
        registry.agent_sessions_of(&build, Some(at(0, 20))),
        ids(&["t1~1", "t3~1"])
    );
}

/// What is said of a wrapped command, by one digit of its id.
fn of_command(digit: u8, name: &str, directory: &str) -> Subject {
    let id = format!("{COMMAND_PREFIX}{}", digit.to_string().repeat(32));
    Subject {
        command: Some(id.parse().unwrap()),
        ..subject(Some(name), None, Some(directory))
    }
}

impl Registry {
    fn command(&mut self, digit: u8, name: &str, directory: &str) -> String {
        let subject = of_command(digit, name, directory);
        let resolved = self.resolve(&subject, Span::at(at()), at(), &Producer::Files);
        resolved.unwrap().id.to_string()
    }
}

#[test]
fn each_command_is_a_run_of_its_own_whatever_else_goes_on() {
    let mut registry = registry();
    assert_eq!(registry.id(None, None, Some("/p/app")), "app~1");
    assert_eq!(registry.command(1, "test", "/p/app"), "test~1");
    assert_eq!(registry.command(2, "test", "/p/app"), "test~2", "both are at work");
    assert_eq!(registry.command(1, "test", "/p/app"), "test~1");
    assert_ne!(registry.command(3, "test", "/p/other"), "test~3", "of another folder");
    let named_like_the_build = registry.command(4, "app", "/p/app");
    assert!(named_like_the_build.starts_with("app-"), "{named_like_the_build}");
    assert_eq!(
        registry.id(None, None, Some("/p/app")),
        "app~1",
        "the folder's facts are the build's"
    );
    let build = registry.id(Some("test"), None, Some("/p/app"));
    assert_eq!(
        build, "app~1",
        "a build that was given no name yet takes it, and no command does"
    );
}

#[test]
fn a_folder_of_commands_alone_has_no_session_for_its_facts() {
    let mut registry = registry();
    registry.command(1, "test", "/p/app");
    assert_eq!(registry.id(None, None, Some("/p/app")), "app~1");
    assert!(registry.remove(&"app~1".parse().unwrap()));
    assert_eq!(registry.id(None, None, Some("/p/app")), "app~2");
}

#[test]
fn a_restored_command_is_still_none_of_the_folders_builds() {
    let mut before = registry();
    before.command(1, "test", "/p/app");
    let id: SessionId = "test~1".parse().unwrap();
    let command = of_command(1, "test", "/p/app").command.unwrap();
    let mut registry = registry();
    registry.restore_transcript(&command, before.bound(&command).unwrap().clone());
    registry.restore(&before.stored(&id).unwrap(), None, &Limits::default());
    assert_eq!(registry.id(None, None, Some("/p/app")), "app~1");
    assert_eq!(registry.command(1, "test", "/p/app"), "test~1");
}

#[test]
fn agents_that_begin_within_a_command_belong_to_it_unless_a_build_is_at_work() {
    let mut registry = registry();
    let id = registry.of_agent("before", Some("/p/app"), 0);
    registry.at_work(&id, 0, 10);
    registry.command(1, "test", "/p/app");
    registry.at_work("test~1", 5, 20);
    assert_eq!(registry.of_agent("inside", Some("/p/app/src"), 6), "test~1");
    assert_eq!(registry.of_agent("elsewhere", Some("/p"), 6), "elsewhere~1");
    assert_eq!(registry.of_agent("after", Some("/p/app"), 30), "after~1");
    let test: SessionId = "test~1".parse().unwrap();
    assert_eq!(
        registry.agent_sessions_of(&test, None),
        [],
        "who began before is not inside"
    );
    // The command is heard of later than the agent, which is over by then.
    let id = registry.of_agent("late", Some("/q"), 7);
    registry.at_work(&id, 7, 9);
    registry.end(&id, true);
    registry.command(2, "late-test", "/q");
    registry.at_work("late-test~1", 6, 12);
    let late: SessionId = "late-test~1".parse().unwrap();
    assert_eq!(registry.agent_sessions_of(&late, None), [id.parse().unwrap()]);
    registry.id(None, None, Some("/p/app"));
    registry.at_work("app~1", 4, 20);
    assert_eq!(registry.of_agent("of-build", Some("/p/app"), 8), "app~1");
}

#[test]
fn bindings_are_as_many_as_there_may_be_and_what_is_given_up_is_counted() {
    let mut registry = Registry::new(10);
    registry.id(None, None, Some("/p"));
    registry.at_work("p~1", 0, 1_000);
    for number in 0..80 {
        assert_eq!(registry.of_agent(&format!("t{number}"), Some("/p"), 5), "p~1");
    }
    assert_eq!(registry.transcripts_evicted(), 30);
    assert_eq!(registry.of_agent("t0", Some("/p"), 5), "p~1");
}

proptest! {
    #[test]
    fn whatever_comes_a_session_keeps_its_folder_and_ids_are_unique(
        steps in proptest::collection::vec((0u8..4, 0u8..4, any::<bool>()), 1..60)
    ) {
        let mut registry = registry();
        let mut folders: HashMap<SessionId, String> = HashMap::new();
        for (name, directory, over) in steps {
            let name = (name > 0).then(|| format!("n{name}"));
            let directory = (directory > 0).then(|| format!("/d{directory}/n1"));
            let subject = subject(None, name.as_deref(), directory.as_deref());
            let Ok(resolved) = registry.resolve(&subject, Span::at(at()), at(), &Producer::Files) else {
                continue;
            };
            if let Some(directory) = directory {
                let old = folders.insert(resolved.id.clone(), directory.clone());
                prop_assert!(old.is_none_or(|old| old == directory), "one session in two folders");
            }
            prop_assert_eq!(registry.find(&resolved.id.clone().into()), Some(resolved.id.clone()));
            registry.end(&resolved.id.to_string(), over);
        }
    }
}
