//! `demo`: starts the producer of invented builds and the same server as `serve`, which sees nothing but its files.

use anyhow::{Context as _, Result};
use tokio_util::sync::CancellationToken;
use toml::Value;

use super::serve::Service;
use super::{Context, listen};
use crate::cli::DemoArgs;
use crate::demo::{self, Demo};
use crate::shutdown;

/// Plays until a signal; with `--once --no-serve` until every build ended.
///
/// # Errors
/// A folder that cannot be written, and what `serve` refuses.
pub(crate) async fn run(context: &Context, args: &DemoArgs) -> Result<()> {
    // Dropped at the end, and everything in it with it.
    let temporary = tempfile::Builder::new()
        .prefix("forgecast-demo-")
        .tempdir()
        .context("cannot make a temporary folder")?;
    let into = args.into.clone().unwrap_or_else(|| temporary.path().join("projects"));
    let options = demo::Options {
        into: into.clone(),
        builds: args.builds,
        speed: args.speed,
        seed: args.seed,
        once: args.once,
    };
    let mut flags = listen(args.host.as_deref(), args.port, args.open);
    let root = Value::String(into.to_string_lossy().into_owned());
    flags.extend([
        ("roots", Value::Array(vec![root])),
        ("checkpoints", Value::Array(Vec::new())),
        ("logs", Value::Array(Vec::new())),
        // Invented builds beside somebody's real sessions would be neither.
        ("transcripts.enabled", Value::Boolean(false)),
    ]);
    let config = context.configure(flags)?;
    let clock = forgecast_ingest::system_clock();
    let shutdown = shutdown::on_signals()?;
    let player = Demo::prepare(&options, &clock).await?;
    if args.no_serve {
        return Ok(player.play(shutdown).await?);
    }
    let service = Service {
        context,
        config: &config,
        db: temporary.path().join("forgecast.db"),
        spool: None,
        clock,
    };
    let stop_player = CancellationToken::new();
    let playing = tokio::spawn(player.play(stop_player.clone()));
    let served = service.run(shutdown).await;
    stop_player.cancel();
    let played = playing.await.context("the producer ended in a panic")?;
    served.and(played.map_err(Into::into))
}
