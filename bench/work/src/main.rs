//! The pipeline on real files, from the notification to the frame of a viewer and the commit, with nothing of the network:
//! one runtime on one thread, by a clock that jumps to the next timer whenever there is nothing to do. What it does is
//! then the same in every run, so a tool that counts instructions (`cargo xtask work`) finds the same number.
//!
//! `forgecast-work changes|idle|burst PROJECTS AMOUNT`: AMOUNT rounds of a change to each of a hundred projects, seconds at
//! rest, or rounds of changes to all projects at once. It is counted between two functions that mark begin and end.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use forgecast_hub::{Hub, Start, Subscription};
use forgecast_protocol::health::SourceHealth;
use forgecast_protocol::{Clock, Topic};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Between two changes of one file: longer than changes of it are gathered.
const BETWEEN: Duration = Duration::from_millis(150);
/// How long is waited before it is asked again whether all were changed.
const STEP: Duration = Duration::from_millis(2);
/// Projects that change in turn.
const TURNS: usize = 100;
/// After the start, until everything that it begins is over and each project was looked at once more.
const SETTLED: Duration = Duration::from_secs(90);
/// How long ago a project that is at rest was changed.
const AT_REST_SINCE: Duration = Duration::from_secs(2 * 3600);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [scenario, projects, amount] = arguments.as_slice() else {
        bail!("forgecast-work changes|idle|burst PROJECTS AMOUNT");
    };
    let (projects, amount) = (projects.parse()?, amount.parse()?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .max_blocking_threads(2)
        .build()?;
    runtime.block_on(async {
        let mut world = World::start(projects).await?;
        tokio::time::sleep(SETTLED).await;
        counting_begins();
        match scenario.as_str() {
            "changes" => world.change_each(amount).await?,
            "idle" => tokio::time::sleep(Duration::from_secs(amount)).await,
            "burst" => world.change_all(amount).await?,
            other => bail!("no scenario {other:?}; there are changes, idle and burst"),
        }
        counting_ends();
        world.stop().await
    })
}

/// Where a tool that counts is told to begin anew.
#[inline(never)]
fn counting_begins() {
    std::hint::black_box(());
}

/// Where such a tool is told to stop.
#[inline(never)]
fn counting_ends() {
    std::hint::black_box(());
}

/// A pipeline that has read so many projects.
struct World {
    _folder: TempDir,
    projects: Vec<PathBuf>,
    hub: Hub,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    stop: [CancellationToken; 2],
}

impl World {
    async fn start(count: u64) -> Result<Self> {
        let folder = TempDir::new()?;
        let root = folder.path().join("projects");
        let projects: Vec<PathBuf> = (0..count)
            .map(|number| root.join(format!("project-{number:05}")))
            .collect();
        for project in &projects {
            fs::create_dir_all(project.join(".context-foundry"))?;
            write(project, "beginning")?;
            // `progress_detail` says the rest; the file is as old as one of a build that is at rest.
            let file = fs::File::options().write(true).open(phase_file(project))?;
            let modified = file.metadata()?.modified()?;
            file.set_modified(modified - AT_REST_SINCE)?;
        }
        let clock = driven_clock();
        let stop = [CancellationToken::new(), CancellationToken::new()];
        let store = forgecast_store::Options {
            path: Some(folder.path().join("work.db")),
            ..forgecast_store::Options::default()
        };
        let opened = held(forgecast_store::open(
            store,
            forgecast_session::FOLD_VERSION,
            clock.now(),
        ))
        .await??;
        let options = forgecast_hub::Options::default();
        let starting = forgecast_hub::start(opened, options, clock.clone(), stop[1].clone());
        let (hub, hub_task) = held(starting).await??;
        let (report, mut health) = watch::channel(SourceHealth::default());
        let options = forgecast_ingest::Options {
            roots: vec![root],
            ..forgecast_ingest::Options::default()
        };
        let sources = forgecast_ingest::run(options, [].into(), hub.intake(), clock, report, stop[0].clone());
        let sources = tokio::spawn(async {
            if let Err(error) = sources.await {
                panic!("the sources ended: {error}");
            }
        });
        health.wait_for(|health| health.ready).await?;
        let mut index = hub.subscribe(Topic::Sessions, Start::Fresh).await?;
        while hub.counters().sessions < count {
            index.next().await;
        }
        // Only what changed once shows that the system notifies of changes.
        if let Some(project) = projects.first() {
            write(project, "beginning again")?;
        }
        held(hub.flush()).await??;
        Ok(Self {
            _folder: folder,
            projects,
            hub,
            tasks: vec![sources, hub_task],
            stop,
        })
    }

    /// Changes the phase files of a hundred projects one after the other, so many times; a viewer of each session gets
    /// each change. They take turns so that hardly any time passes, and nothing is counted of what happens by time.
    async fn change_each(&mut self, rounds: u64) -> Result<()> {
        let mut viewers = Vec::new();
        for project in self.projects.iter().take(TURNS) {
            let topic = Topic::Session(name(project).parse()?);
            let mut viewer = self.hub.subscribe(topic, Start::Fresh).await?;
            viewer.next().await;
            viewers.push(viewer);
        }
        for round in 0..rounds {
            tokio::time::sleep(BETWEEN).await;
            let detail = format!("round {round}");
            for (project, viewer) in self.projects.iter().zip(&mut viewers) {
                write(project, &detail)?;
                held(see(viewer, &detail)).await??;
                held(self.hub.flush()).await??;
            }
        }
        Ok(())
    }

    /// Changes all projects at once, so many times; a viewer of the index gets each of their rows.
    async fn change_all(&mut self, rounds: u64) -> Result<()> {
        let mut viewer = self.hub.subscribe(Topic::Sessions, Start::Fresh).await?;
        viewer.next().await;
        for round in 0..rounds {
            tokio::time::sleep(BETWEEN).await;
            let before = self.hub.counters().updates;
            for project in &self.projects {
                write(project, &format!("round {round}"))?;
            }
            while self.hub.counters().updates < before + self.projects.len() as u64 {
                // In small steps, so that no deadline of what other threads do passes meanwhile.
                tokio::task::spawn_blocking(|| std::thread::park_timeout(STEP)).await?;
                tokio::time::sleep(STEP).await;
            }
            held(self.hub.flush()).await??;
            // Their rows go out together, a moment later.
            ensure!(!viewer.next().await.ended, "the index ended");
        }
        Ok(())
    }

    /// First the sources, then the hub, which stores the rest.
    async fn stop(self) -> Result<()> {
        for (stop, task) in self.stop.iter().zip(self.tasks) {
            stop.cancel();
            task.await?;
        }
        Ok(())
    }
}

/// Waits for what other threads do: the clock stands still meanwhile, or deadlines would pass before they began.
async fn held<T>(wait: impl Future<Output = T>) -> Result<T> {
    let (done, until) = std::sync::mpsc::sync_channel::<()>(0);
    // While a blocking task runs, the runtime's clock does not jump.
    let hold = tokio::task::spawn_blocking(move || until.recv());
    let result = wait.await;
    drop(done);
    let _ = hold.await?;
    Ok(result)
}

/// Reads what a viewer gets until it holds this text.
async fn see(viewer: &mut Subscription, text: &str) -> Result<()> {
    loop {
        let delivery = viewer.next().await;
        ensure!(!delivery.ended, "the session ended");
        let holds = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(text);
        if delivery.frames.iter().any(|frame| holds(&frame.json)) {
            return Ok(());
        }
    }
}

/// The wall time at the start, and what has passed since by the runtime's clock.
fn driven_clock() -> Clock {
    let (wall, start) = (forgecast_ingest::system_clock().now(), Instant::now());
    Clock::new(move || wall.plus_millis(i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX)))
}

fn name(project: &Path) -> String {
    project.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn phase_file(project: &Path) -> PathBuf {
    project.join(".context-foundry/current-phase.json")
}

/// Writes a phase file by rename, as agents do.
fn write(project: &Path, detail: &str) -> Result<()> {
    let document = json!({
        "session_id": name(project), "current_phase": "Builder", "phase_number": "3/8", "status": "building",
        "progress_detail": detail, "test_iteration": 0, "phases_completed": ["Scout", "Architect"],
        "started_at": "2026-01-31T08:00:00Z", "last_updated": "2026-01-31T08:15:00Z",
    });
    let next = project.join(".context-foundry/next");
    fs::write(&next, document.to_string())?;
    Ok(fs::rename(next, phase_file(project))?)
}
