//! `demo`: runs simulated builds, which only write files, and the same server as `serve`, which watches these files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio_util::sync::CancellationToken;

use super::serve::Service;
use super::{Context, Flags};
use crate::cli::DemoArgs;
use forgecast_decode::agents::AGENTS;

use crate::config::{AgentFolders, key};
use crate::demo::{self, Demo};
use crate::shutdown;

/// Silence after which a build of the demo is stalled, at speed 1.
const STALLED_AFTER: Duration = Duration::from_secs(25);
/// Budgets that some of the demo's sessions, and an hour of it, reach.
const SESSION_BUDGET_USD: f64 = 5.5;
const DAY_BUDGET_USD: f64 = 60.0;

/// Runs until a signal, or with `--once --no-serve` until every build has ended.
///
/// # Errors
/// A folder cannot be written, and the errors of `serve`.
pub(crate) async fn run(context: &Context, args: &DemoArgs) -> Result<()> {
    // Dropped at the end, together with its content.
    let temporary = tempfile::Builder::new()
        .prefix("forgecast-demo-")
        .tempdir()
        .context("cannot make a temporary folder")?;
    let given = args.into.as_deref().map(|into| context.environment.absolute(into));
    let (into, claude) = match &given {
        Some(into) => (into.clone(), into.join("claude")),
        None => (temporary.path().join("projects"), temporary.path().join("claude")),
    };
    let (into, claude) = (folder(&into)?, folder(&claude)?);
    let options = demo::Options {
        into: into.clone(),
        claude: claude.clone(),
        builds: args.builds,
        speed: args.speed,
        seed: args.seed,
        once: args.once,
    };
    let only = |folder: &Path| vec![folder.to_string_lossy().into_owned()];
    let none = Vec::<String>::new;
    let mut flags = Flags::default();
    args.listen.add_to(&mut flags);
    flags.set(key!(roots), Some(only(&into)));
    flags.set(key!(checkpoints), Some(none()));
    flags.set(key!(logs), Some(none()));
    flags.set(key!(transcripts.enabled), Some(true));
    // Only the demo's own folders, so that simulated builds are not mixed with real sessions.
    for agent in AGENTS {
        let folders = if agent.key == "claude" { only(&claude) } else { none() };
        flags.set(AgentFolders::key(agent), Some(folders));
    }
    // Minutes of the demo stand for hours: silence and spending show sooner than in earnest.
    let silence = STALLED_AFTER.div_f64(args.speed).as_secs().max(2);
    flags.set(key!(sessions.stalled_after_s), Some(silence));
    flags.set(key!(budgets.session_usd), Some(SESSION_BUDGET_USD));
    flags.set(key!(budgets.day_usd), Some(DAY_BUDGET_USD));
    let config = context.configure(flags)?;
    let shutdown = shutdown::on_signals()?;
    let player = Demo::prepare(&options, &forgecast_ingest::system_clock()).await?;
    if args.no_serve {
        return Ok(player.play(shutdown).await?);
    }
    let service = Service {
        context,
        config: &config,
        db: temporary.path().join("forgecast.db"),
        spool: None,
        // Nobody is called for simulated builds.
        notify: forgecast_notify::Options {
            url: String::new(),
            ..forgecast_notify::Options::default()
        },
    };
    let stop_player = CancellationToken::new();
    let playing = tokio::spawn(player.play(stop_player.clone()));
    let served = service.run(shutdown).await;
    stop_player.cancel();
    let played = playing.await.context("the producer ended in a panic")?;
    served.and(played.map_err(Into::into))
}

/// Makes a folder; its path as the sources will find it.
fn folder(path: &Path) -> Result<PathBuf> {
    if path.exists() && !path.is_dir() {
        bail!("{} is not a folder; name another one", path.display());
    }
    let made = std::fs::create_dir_all(path).and_then(|()| path.canonicalize());
    made.with_context(|| format!("cannot make {}", path.display()))
}
