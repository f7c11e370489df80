//! The hooks and the telemetry in the `config.toml` of Codex. Its `notify` setting is not changed, because the transcript
//! says when a turn ends.

pub(crate) mod hooks;

use toml_edit::{DocumentMut, InlineTable, Item, Table, Value};

use super::{Added, Edited, Entries, Target};

/// The name of the exporter in [`Added::keys`].
const EXPORTER: &str = "otel.exporter";

/// Makes Codex send telemetry to a server.
///
/// # Errors
/// The text is not TOML, or `otel` is not a table; one line.
pub(crate) fn add(text: Option<&str>, target: Target<'_>, earlier: Option<&Added>) -> Result<Edited, String> {
    let url = target.url;
    let (mut added, earlier_url) = Added::continued(earlier, url, text.is_none());
    let mut document = parse(text.unwrap_or_default())?;
    if !document.contains_key("otel") {
        document.insert("otel", Item::Table(Table::new()));
        added.containers.insert("otel".to_owned());
    }
    let otel = document
        .get_mut("otel")
        .and_then(Item::as_table_like_mut)
        .ok_or("`otel` is not a table")?;
    let mut notes = Vec::new();
    let ours = added.keys.contains(EXPORTER);
    let has_token = otel.get("exporter").and_then(token_of).as_deref() == target.token;
    match otel.get("exporter").map(endpoint) {
        // If the user set the exporter to this server, the headers are the user's as well.
        Some(Some(there)) if there == logs(url) && (!ours || has_token) => {}
        Some(there)
            if !(ours
                && there
                    .as_ref()
                    .is_some_and(|there| *there == logs(url) || *there == logs(&earlier_url))) =>
        {
            let there = there.unwrap_or_else(|| "something else".to_owned());
            notes.push(format!(
                "otel.exporter is already {there}, so telemetry is not changed; to have it here as well, let your collector forward it to {url}"
            ));
        }
        _ => {
            otel.insert("exporter", Item::Value(exporter(target)));
            added.keys.insert(EXPORTER.to_owned());
        }
    }
    Ok(Edited {
        text: Some(document.to_string()),
        added,
        notes,
    })
}

/// Removes the telemetry that was added.
///
/// # Errors
/// The text is not TOML; one line.
pub(crate) fn remove(text: &str, added: Option<&Added>) -> Result<Edited, String> {
    let mut document = parse(text)?;
    let has_hooks = hooks::remove(&mut document);
    let Some(added) = added else {
        let note = (!has_hooks).then(|| "init has no record of having added anything".to_owned());
        return Ok(Edited {
            text: Some(document.to_string()),
            notes: note.into_iter().collect(),
            ..Edited::default()
        });
    };
    if let Some(otel) = document.get_mut("otel").and_then(Item::as_table_like_mut) {
        if added.keys.contains(EXPORTER) && otel.get("exporter").and_then(endpoint) == Some(logs(&added.url)) {
            otel.remove("exporter");
        }
        if added.containers.contains("otel") && otel.is_empty() {
            document.remove("otel");
        }
    }
    let gone = document.is_empty() && added.file;
    Ok(Edited {
        text: (!gone).then(|| document.to_string()),
        ..Edited::default()
    })
}

/// The endpoint to which the settings send telemetry.
pub(crate) fn telemetry(text: &str) -> Option<String> {
    endpoint(parse(text).ok()?.get("otel")?.get("exporter")?)
}

/// The hooks that are ours, and where telemetry goes.
pub(super) fn entries(text: &str) -> Entries {
    Entries {
        hooks: hooks::of(text).into_iter().collect(),
        telemetry: telemetry(text).into_iter().collect(),
        ..Entries::default()
    }
}

fn parse(text: &str) -> Result<DocumentMut, String> {
    text.parse().map_err(|error: toml_edit::TomlError| {
        let message = error.to_string();
        format!("it is not TOML: {}", message.lines().next().unwrap_or_default())
    })
}

fn logs(url: &str) -> String {
    format!("{url}/v1/logs")
}

/// `{ otlp-http = { endpoint = "…/v1/logs", protocol = "json" } }`
fn exporter(target: Target<'_>) -> Value {
    let mut way = InlineTable::new();
    way.insert("endpoint", logs(target.url).into());
    way.insert("protocol", "json".into());
    if let Some(token) = target.token {
        let mut headers = InlineTable::new();
        headers.insert("Authorization", format!("Bearer {token}").into());
        way.insert("headers", Value::InlineTable(headers));
    }
    let mut exporter = InlineTable::new();
    exporter.insert("otlp-http", Value::InlineTable(way));
    Value::InlineTable(exporter)
}

/// The token that the settings send with telemetry.
pub(crate) fn token(text: &str) -> Option<String> {
    token_of(parse(text).ok()?.get("otel")?.get("exporter")?)
}

fn token_of(exporter: &Item) -> Option<String> {
    let headers = exporter.get("otlp-http")?.get("headers")?;
    let header = headers.get("Authorization")?.as_str()?;
    header.strip_prefix("Bearer ").map(str::to_owned)
}

fn endpoint(exporter: &Item) -> Option<String> {
    let way = exporter.get("otlp-http").or_else(|| exporter.get("otlp-grpc"))?;
    Some(way.get("endpoint")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://127.0.0.1:8080";
    const HERE: Target<'static> = Target { url: URL, token: None };

    const ODD: &[&str] = &[
        "",
        "model = \"gpt-5.5\"\n",
        "# mine\nmodel = \"gpt-5.5\" # the best\nnotify = [\"say\", \"done\"]\n\n[profiles.fast]\nmodel = \"gpt-5-mini\"\n",
        "[otel]\nenvironment = \"dev\" # where\n\n[mcp_servers.x]\ncommand = \"x\"\n",
        "otel = { environment = \"dev\" }\n",
    ];

    #[test]
    fn telemetry_is_added_once_and_taken_out_again() {
        for text in ODD {
            let first = add(Some(text), HERE, None).unwrap();
            let with = first.text.clone().unwrap();
            assert_eq!(telemetry(&with), Some(logs(URL)), "{with}");
            for line in text.lines().filter(|line| !line.starts_with("otel")) {
                assert!(with.contains(line), "{line} is gone from {with}");
            }
            assert_eq!(add(Some(&with), HERE, Some(&first.added)).unwrap(), first);
            let without = remove(&with, Some(&first.added)).unwrap().text.unwrap();
            assert_eq!(without.trim_end(), text.trim_end());
        }
        let made = add(None, HERE, None).unwrap();
        assert_eq!(remove(&made.text.unwrap(), Some(&made.added)).unwrap().text, None);
    }

    #[test]
    fn telemetry_that_goes_elsewhere_is_left_and_reported() {
        let text = "[otel.exporter.\"otlp-grpc\"]\nendpoint = \"https://collector.example:4317\"\n";
        let edited = add(Some(text), HERE, None).unwrap();
        assert_eq!(edited.text.as_deref(), Some(text));
        assert!(edited.notes[0].contains("collector.example"));
        assert_eq!(remove(text, None).unwrap().text.as_deref(), Some(text));
        assert!(add(Some("otel = 1\n"), HERE, None).is_err());
        assert!(add(Some("= 1\n"), HERE, None).is_err());
    }

    #[test]
    fn a_token_is_sent_where_one_is_wanted() {
        let target = |token| Target { url: URL, token };
        let first = add(Some("model = \"x\"\n"), target(Some("fc_i_one")), None).unwrap();
        let with = first.text.clone().unwrap();
        assert_eq!(token(&with).as_deref(), Some("fc_i_one"), "{with}");
        let second = add(Some(&with), target(Some("fc_i_two")), Some(&first.added)).unwrap();
        assert_eq!(token(&second.text.clone().unwrap()).as_deref(), Some("fc_i_two"));
        let without = add(second.text.as_deref(), target(None), Some(&second.added)).unwrap();
        assert_eq!(token(&without.text.unwrap()), None);
        let gone = remove(&second.text.unwrap(), Some(&second.added)).unwrap();
        assert_eq!(gone.text.unwrap().trim_end(), "model = \"x\"");
    }

    #[test]
    fn another_port_is_written_over_our_own() {
        let first = add(Some("[otel]\n"), HERE, None).unwrap();
        let moved = Target {
            url: "http://127.0.0.1:9000",
            token: None,
        };
        let moved = add(first.text.as_deref(), moved, Some(&first.added)).unwrap();
        assert_eq!(
            telemetry(&moved.text.unwrap()).unwrap(),
            "http://127.0.0.1:9000/v1/logs"
        );
    }
}
