//! The targets of notifications, made of the configuration: addresses are parsed and secrets are read from their files,
//! which nobody else may be able to read.

use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use forgecast_decode::clean::is_hidden;
use forgecast_notify::{AllowedAddress, Channel, Endpoint, Options, Rules, Secret, Target};
use forgecast_protocol::rest::TargetKind;

use crate::config::{Config, NotifyTarget};
use crate::pipeline;

/// The longest secret that is read, in bytes.
const MAX_SECRET: u64 = 4_096;
/// The longest name of a target, in characters.
const MAX_NAME: usize = 60;

/// How people are called, by the configuration. The `url` is empty when it does not say where links lead.
///
/// # Errors
/// A target is not complete or contradicts itself, or a file with a secret cannot be read or can be read by others.
pub(crate) fn options(config: &Config) -> Result<Options> {
    let notify = &config.notify;
    let allowed = notify.allowed_addresses.iter().map(|text| {
        let parsed = text.parse::<AllowedAddress>();
        parsed.with_context(|| format!("notify.allowed_addresses: {text:?}"))
    });
    let mut names = BTreeSet::new();
    let mut targets = Vec::new();
    for written in &notify.targets.0 {
        let name = &written.name;
        if name.is_empty() || name.chars().count() > MAX_NAME || name.contains(is_hidden) {
            bail!("notify.targets: a name has 1 to {MAX_NAME} visible characters, not {name:?}");
        }
        if !names.insert(name) {
            bail!("notify.targets: two targets are called {name:?}");
        }
        targets.push(target(written).with_context(|| format!("notify.targets: the target {name:?}"))?);
    }
    Ok(Options {
        targets,
        allowed_addresses: allowed.collect::<Result<_>>()?,
        url: notify.url.trim_end_matches('/').to_owned(),
        calendar: pipeline::local_calendar(),
    })
}

fn target(written: &NotifyTarget) -> Result<Target> {
    check_fields(written)?;
    let channel = match written.kind {
        TargetKind::Ntfy => Channel::Ntfy {
            url: endpoint(written)?,
            token: written.token_file.as_deref().map(secret).transpose()?,
        },
        TargetKind::Slack => Channel::Slack {
            url: endpoint(written)?,
        },
        TargetKind::Webhook => {
            let file = written
                .secret_file
                .as_deref()
                .context("needs secret_file, the key that messages are signed with")?;
            let Secret(key) = secret(file)?;
            let key = key.parse().with_context(|| file.display().to_string())?;
            Channel::Webhook {
                url: endpoint(written)?,
                key,
            }
        }
        TargetKind::Command => Channel::Command {
            argv: written.command.clone(),
        },
    };
    let mut target = Target::new(&written.name, channel);
    target.rules = Rules {
        events: written.events.clone().unwrap_or(target.rules.events),
        your_turn: written.your_turn,
        projects: written.projects.clone(),
        quiet: written.quiet.as_deref().map(str::parse).transpose().context("quiet")?,
    };
    target.resolved = written.resolved;
    target.include_text = written.include_text.unwrap_or(target.include_text);
    target.group_ms = written.group_ms.unwrap_or(target.group_ms);
    target.cool_down_ms = written.cool_down_ms.unwrap_or(target.cool_down_ms);
    Ok(target)
}

/// Refuses what a target of this kind does not have.
fn check_fields(written: &NotifyTarget) -> Result<()> {
    let is_command = written.kind == TargetKind::Command;
    let has_url = written.url.is_some() || written.url_file.is_some();
    let misplaced = [
        ("command", !is_command && !written.command.is_empty()),
        ("url", is_command && has_url),
        (
            "token_file",
            written.kind != TargetKind::Ntfy && written.token_file.is_some(),
        ),
        (
            "secret_file",
            written.kind != TargetKind::Webhook && written.secret_file.is_some(),
        ),
    ];
    if let Some((field, _)) = misplaced.into_iter().find(|(_, is_misplaced)| *is_misplaced) {
        bail!("a target of this kind has no {field}");
    }
    if is_command && written.command.first().is_none_or(String::is_empty) {
        bail!("needs command, a list of a program and its arguments");
    }
    Ok(())
}

fn endpoint(written: &NotifyTarget) -> Result<Endpoint> {
    match (&written.url, &written.url_file) {
        (Some(url), None) => url.parse().context("url"),
        (None, Some(file)) => secret(file)?.0.parse().with_context(|| file.display().to_string()),
        _ => bail!("needs either url or url_file"),
    }
}

/// What a file that only this user can read contains.
fn secret(path: &Path) -> Result<Secret> {
    let cannot_read = || format!("cannot read {}", path.display());
    let file = std::fs::File::open(path).with_context(cannot_read)?;
    let metadata = file.metadata().with_context(cannot_read)?;
    if !metadata.is_file() {
        bail!("{} is not a file", path.display());
    }
    if metadata.mode() & 0o077 != 0 {
        bail!("others can read {}; restrict it: chmod 600 {0}", path.display());
    }
    let mut text = String::new();
    file.take(MAX_SECRET)
        .read_to_string(&mut text)
        .with_context(cannot_read)?;
    let text = text.trim();
    if text.is_empty() {
        bail!("{} is empty", path.display());
    }
    Ok(Secret(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::Environment;

    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// The options of a file, beside secrets that nobody else can read and one that everybody can.
    fn of_file(text: &str) -> Result<Options, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, content, mode) in [
            ("key", KEY, 0o600),
            ("slack", "https://hooks.slack.com/services/T/B/canary\n", 0o600),
            ("open", KEY, 0o644),
            ("empty", " \n", 0o600),
        ] {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        }
        fs::write(folder.path().join("forgecast.toml"), text).unwrap();
        let environment = Environment::made_of(folder.path(), &[]);
        let anonymous = |error: String| error.replace(&folder.path().display().to_string(), "");
        let config = Config::resolve(&environment, None, Vec::new()).map_err(|error| anonymous(error.to_string()))?;
        assert!(
            !crate::config::show(&config).contains("canary"),
            "an address is not shown"
        );
        options(&config).map_err(|error| anonymous(format!("{error:#}")))
    }

    fn refused(text: &str) -> String {
        of_file(text).unwrap_err()
    }

    #[test]
    fn targets_are_made_of_their_tables_and_secrets_of_files() {
        let options = of_file(
            "[notify]\nurl = 'https://builds.example/'\nallowed_addresses = ['192.168.1.0/24']\n\
             [[notify.targets]]\nname = 'team'\nkind = 'slack'\nurl_file = 'slack'\nevents = ['failed']\nprojects = ['web-*']\n\
             [[notify.targets]]\nname = 'hook'\nkind = 'webhook'\nurl = 'https://a.example/b'\nsecret_file = 'key'\n\
             quiet = '22:00-07:00'\nresolved = true\ninclude_text = false\ncool_down_ms = 60000\n\
             [[notify.targets]]\nname = 'bell'\nkind = 'command'\ncommand = ['notify-send', 'Forgecast']\n",
        );
        let options = options.unwrap();
        assert_eq!(
            (options.targets.len(), options.url.as_str()),
            (3, "https://builds.example")
        );
        let [team, hook, bell] = options.targets.as_slice() else {
            panic!()
        };
        assert_eq!(
            (team.rules.events.len(), team.rules.projects.as_slice()),
            (1, ["web-*".to_owned()].as_slice())
        );
        assert_eq!(
            (hook.resolved, hook.include_text, hook.cool_down_ms, hook.group_ms),
            (true, false, 60_000, 1_000)
        );
        assert_eq!(hook.rules.quiet.unwrap().to_string(), "22:00-07:00");
        assert!(matches!(&bell.channel, Channel::Command { argv } if argv.len() == 2));
        let shown = format!("{options:?}");
        assert!(!shown.contains("canary") && !shown.contains(KEY), "{shown}");
    }

    #[test]
    fn a_target_that_cannot_work_is_refused_with_the_way_out() {
        let target = |rest: &str| refused(&format!("[[notify.targets]]\nname = 'a'\n{rest}"));
        let webhook = |file: &str| {
            target(&format!(
                "kind = 'webhook'\nurl = 'https://a.example'\nsecret_file = '{file}'"
            ))
        };
        let errors = [
            webhook("open"),
            webhook("missing"),
            webhook("empty"),
            webhook("slack"),
            target("kind = 'webhook'\nurl = 'https://a.example'"),
            target("kind = 'ntfy'"),
            target("kind = 'ntfy'\nurl = 'ntfy.sh/a'"),
            target("kind = 'ntfy'\nurl = 'https://ntfy.sh/a'\nsecret_file = 'key'"),
            target("kind = 'command'"),
            target("kind = 'command'\ncommand = ['a']\nquiet = 'at night'"),
            target("kind = 'pager'"),
            target("kind = 'command'\ncommnd = ['a']"),
            refused("[notify]\nallowed_addresses = ['localhost']"),
            refused("[notify]\ntargets = 'phone'"),
        ];
        insta::assert_snapshot!(errors.join("\n"));
        let twice = "[[notify.targets]]\nname = 'a'\nkind = 'command'\ncommand = ['a']\n".repeat(2);
        assert_eq!(refused(&twice), "notify.targets: two targets are called \"a\"");
    }
}
