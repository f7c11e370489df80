//! One session: its view, and what the fold remembers besides. The fold itself is in `fold`, the rules of a run's life
//! in `run`, the row in `row`.

use forgecast_protocol::event::{PhaseReported, UsageSource};
use forgecast_protocol::session::{SessionView, SourceOfState};
use forgecast_protocol::{Event, Fact, SessionId, Subject, Timestamp};
use serde::{Deserialize, Serialize};

use crate::sections::files::Files;
use crate::sections::life::{Circumstances, Standing};
use crate::sections::phases::phase_at;
use crate::sections::{Identity, State};

/// An agent that was started writes its first word within this, milliseconds.
const FIRST_WORD_MS: i64 = 10_000;

/// The state of one session: what a snapshot in the store holds, as the JSON of this type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    pub(crate) view: SessionView,
    #[serde(rename = "memory")]
    pub(crate) state: State,
}

impl Session {
    /// A session of which nothing is known but whose it is, first heard of at `at` (the time of its first event).
    #[must_use]
    pub fn new(id: SessionId, subject: &Subject, at: Timestamp) -> Self {
        let name = display_name(&id, subject);
        let mut view = SessionView::new(id, name);
        view.working_directory.clone_from(&subject.directory);
        if subject.transcript.is_some() {
            view.source = SourceOfState::Transcript;
        }
        if subject.command.is_some() {
            // A command began when its wrapper started it; no source will say it better.
            view.started_at = Some(at);
        }
        let state = State {
            identity: Identity {
                named: subject.name.is_some(),
                ..Identity::default()
            },
            files: Files::new(at),
            ..State::default()
        };
        Self { view, state }
    }

    /// Puts a stored state in this one's place: one that includes facts which are no longer kept.
    pub fn replace(&mut self, mut stored: Self) {
        stored.state.attention.continue_from(&self.state.attention);
        *self = stored;
    }

    /// What viewers see.
    #[must_use]
    pub fn view(&self) -> &SessionView {
        &self.view
    }

    /// When what an event says became true: now for what changes while the run is followed, the file's time for what was
    /// there.
    #[must_use]
    pub fn time_of(&self, event: &Event) -> Timestamp {
        let at = self.state.files.context(event).at;
        match &event.fact {
            Fact::UsageRecorded(usage) => usage.used_at.map_or(at, |used| used.min(at)),
            _ => at,
        }
    }

    /// The phase that the build was in at a time: the present one if that had begun, else the one that went on then, else
    /// the last that had begun by then. Nothing for a build without phases.
    #[must_use]
    pub fn phase_at(&self, at: Timestamp) -> Option<&str> {
        if self.state.stages.are_known() {
            return self.state.stages.at(at);
        }
        phase_at(&self.view, self.state.phases.attempt_began(), at)
    }

    /// Whether usage that this source reports without naming a call would count.
    #[must_use]
    pub fn counts_report(&self, source: UsageSource) -> bool {
        self.state.usage.counts_report(source)
    }

    /// Whose reports of usage without a call count at the moment, and what they cost in US dollars.
    #[must_use]
    pub fn reported_cost(&self) -> Option<(UsageSource, Option<f64>)> {
        self.state.usage.reported_cost()
    }

    /// Whether an event says word for word what another source of the same session said last: a phase file and the same
    /// file by HTTP are one fact.
    #[must_use]
    pub fn repeats_another_source(&self, event: &Event) -> bool {
        let is_shown = self.view.source == SourceOfState::Live;
        let repeats = |fact: &PhaseReported| self.state.phases.repeats_another_source(event.origin.kind, fact);
        is_shown && matches!(&event.fact, Fact::PhaseReported(fact) if repeats(fact))
    }

    /// Whether the session's phase file says this at the moment, word for word.
    #[must_use]
    pub fn phase_file_says(&self, fact: &PhaseReported) -> bool {
        self.view.source == SourceOfState::Live && self.state.phases.file_says(fact)
    }

    /// Whether this is an agent session, known from its transcript, its hooks or its telemetry, and no build. It has no
    /// phases and nothing that says how it ended well or badly; when it is closed, or nothing follows its last turn, it is
    /// over until it is taken up again. A build is never ended by this.
    pub(crate) fn is_agent_session(&self) -> bool {
        self.view.source == SourceOfState::Transcript
    }

    /// Whether it is a build whose producer tells its runs, and drives each of its agents to the end of one prompt: nobody
    /// is asked for another.
    fn drives_agents(&self) -> bool {
        self.state.identity.run.is_some() && !self.is_agent_session()
    }

    /// When a build whose producer tells its runs was at work, by the producer's own account.
    #[must_use]
    pub fn told_span(&self) -> Option<(Timestamp, Timestamp)> {
        let began = self.view.started_at.filter(|_| self.drives_agents())?;
        let told_at = self.state.stages.told_at();
        let until = self.state.life.followed_at().or_else(|| {
            let grace = if self.state.life.is_over() { 0 } else { FIRST_WORD_MS };
            told_at.map(|told_at| told_at.plus_millis(grace))
        });
        Some((began, until.map_or(began, |until| until.max(began))))
    }

    /// Since when there was no work: the last one, or the first word of the session. An agent's is as old as its files say.
    #[must_use]
    pub fn quiet_since(&self) -> Timestamp {
        let opened_at = self.view.started_at.filter(|_| self.is_agent_session());
        let last = self.view.last_work_at.or(opened_at);
        last.unwrap_or(self.state.files.first_at())
    }

    /// How the session stands by all that is known of it.
    pub(crate) fn standing(&self) -> Standing {
        let life = &self.state.life;
        life.standing(&Circumstances {
            agent_session: self.is_agent_session(),
            untouched: self.view.last_work_at.is_none(),
            quiet_since: self.quiet_since(),
            agents: self.state.agents.standing(life.is_silent(), self.drives_agents()),
            processes: &self.state.processes,
        })
    }
}

/// The name that a producer gave, else the folder's, else the one in the id.
fn display_name(id: &SessionId, subject: &Subject) -> String {
    let folder = subject.directory.as_deref().and_then(last_part);
    let name = subject.name.as_deref().or(folder);
    name.map_or_else(|| id.name().to_string(), str::to_owned)
}

/// The folder's own name; none for the root of all.
pub(crate) fn last_part(path: &str) -> Option<&str> {
    let last = path.trim_end_matches('/').rsplit('/').next()?;
    (!last.is_empty()).then_some(last)
}
