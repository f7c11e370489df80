//! Claude Code's `settings.json`: hooks by HTTP for what an agent does and waits for, and the variables that switch its
//! telemetry on. A hook costs the agent nothing while no server runs (the connection is refused) and a second at most
//! when one hangs.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstArray, CstInputValue, CstNode, CstObject, CstRootNode};

use super::{Added, Edited, HOOKS, Target};

pub(crate) mod token;

/// The events that are told by HTTP. Those at the start of a session cannot be: its transcript begins with the same. Only
/// such as every version knows that has hooks by HTTP: a version that does not know one passes the whole file over.
pub(crate) const EVENTS: [&str; 10] = [
    "UserPromptSubmit",
    "PreToolUse",
    "PostToolUse",
    "PostToolUseFailure",
    "PermissionRequest",
    "Notification",
    "SubagentStart",
    "SubagentStop",
    "Stop",
    "SessionEnd",
];
/// Seconds, the fewest there can be.
const TIMEOUT: u32 = 1;
/// The variable that says where telemetry goes.
pub(crate) const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// Variables that send a part of the telemetry elsewhere.
const OTHER_ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
];

/// The variables and their values.
pub(crate) fn telemetry(url: &str) -> [(&'static str, String); 5] {
    [
        ("CLAUDE_CODE_ENABLE_TELEMETRY", "1".to_owned()),
        ("OTEL_LOGS_EXPORTER", "otlp".to_owned()),
        ("OTEL_METRICS_EXPORTER", "otlp".to_owned()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json".to_owned()),
        (ENDPOINT, url.to_owned()),
    ]
}

/// Adds hooks and telemetry for a server. `variable` is what the environment says: somebody who exports their
/// telemetry elsewhere already goes on doing so. `earlier` is what an earlier run added.
///
/// # Errors
/// The text is no object of settings; one line.
pub(crate) fn add<'a>(
    text: Option<&str>,
    target: impl Into<Target<'a>>,
    variable: impl Fn(&str) -> Option<String>,
    earlier: Option<&Added>,
) -> Result<Edited, String> {
    let target = target.into();
    let url = target.url;
    let mut added = earlier.cloned().unwrap_or_default();
    let earlier_url = std::mem::replace(&mut added.url, url.to_owned());
    added.file |= text.is_none();
    let mut notes = Vec::new();
    let root = parse(text.unwrap_or_default())?;
    let settings = root.object_value_or_create().ok_or("it holds no object")?;
    let hooks = container(&settings, "hooks", &mut added)?;
    for event in EVENTS {
        add_hook(&hooks, event, &format!("{url}{HOOKS}"), target.token)?;
    }
    let env = container(&settings, "env", &mut added)?;
    match conflict(&env, target, &earlier_url, &added, variable) {
        Some(why) => {
            notes.push(why);
            if added.containers.iter().any(|name| name == "env") {
                remove_if_empty(&settings, "env");
                added.containers.retain(|name| name != "env");
            }
        }
        None => {
            for (name, value) in telemetry(url) {
                set_variable(&env, name, &value, &mut added);
            }
            match target.token {
                Some(token) => set_variable(&env, token::HEADERS, &token::variable(token), &mut added),
                None => remove_header(&env, &mut added),
            }
        }
    }
    if settings
        .get("disableAllHooks")
        .is_some_and(|prop| value_is(&prop.value(), "true"))
    {
        notes.push("`disableAllHooks` is true: no hook will run until it is taken out".to_owned());
    }
    Ok(Edited {
        text: Some(whole(&root, text.unwrap_or_default())),
        added,
        notes,
    })
}

/// Takes out the hooks that point to a Forgecast, and the variables that were added. Without a record of what was added
/// the variables that point to the same server are taken for it.
///
/// # Errors
/// The text is no object of settings; one line.
pub(crate) fn remove(text: &str, added: Option<&Added>) -> Result<Edited, String> {
    let root = parse(text)?;
    let settings = root.object_value().ok_or("it holds no object")?;
    let mut urls = Vec::new();
    if let Some(hooks) = settings.object_value("hooks") {
        for prop in hooks.properties() {
            if let Some(groups) = prop.array_value() {
                let removed = remove_hooks(&groups);
                let is_empty = !removed.is_empty() && groups.elements().is_empty();
                urls.extend(removed);
                if is_empty {
                    prop.remove();
                }
            }
        }
    }
    let guessed = added.is_none().then(|| guess(&settings, &urls)).flatten();
    let added = added.or(guessed.as_ref());
    if let Some(env) = settings.object_value("env") {
        let url = added.map(|added| added.url.as_str()).unwrap_or_default();
        for (name, value) in telemetry(url) {
            let ours = added.is_some_and(|added| added.keys.iter().any(|key| key == name));
            let prop = env
                .get(name)
                .filter(|prop| ours && string(&prop.value()).as_deref() == Some(value.as_str()));
            if let Some(prop) = prop {
                prop.remove();
            }
        }
        let mut keys = added.cloned().unwrap_or_default();
        remove_header(&env, &mut keys);
    }
    // Of a file that nobody recorded only what cannot have been anybody's: an empty object of hooks where some were taken out.
    for name in ["hooks", "env"] {
        let made = added.map_or(!urls.is_empty(), |added| {
            added.containers.iter().any(|made| made == name)
        });
        if made {
            remove_if_empty(&settings, name);
        }
    }
    let gone = settings.properties().is_empty() && added.is_some_and(|added| added.file);
    Ok(Edited {
        text: (!gone).then(|| whole(&root, text)),
        added: Added::default(),
        notes: Vec::new(),
    })
}

/// Whether the text has hooks to the server at `url`: how many, and where others point to.
pub(crate) fn hooks(text: &str) -> Result<Vec<(String, String)>, String> {
    let root = parse(text)?;
    let settings = root.object_value().ok_or("it holds no object")?;
    let mut found = Vec::new();
    for prop in settings.object_value("hooks").iter().flat_map(CstObject::properties) {
        let Some(name) = prop.decoded_name() else { continue };
        for group in prop.array_value().iter().flat_map(CstArray::elements) {
            let hooks = group.as_object().and_then(|group| group.array_value("hooks"));
            for hook in hooks.iter().flat_map(CstArray::elements) {
                found.extend(ours(&hook).map(|url| (name.clone(), url)));
            }
        }
    }
    Ok(found)
}

/// The value of a variable in the text.
pub(crate) fn variable(text: &str, name: &str) -> Option<String> {
    let root = parse(text).ok()?;
    string(&root.object_value()?.object_value("env")?.get(name)?.value())
}

fn parse(text: &str) -> Result<CstRootNode, String> {
    // What editors write and accept in settings, and no more: comments, and commas at the end.
    let options = ParseOptions {
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        ..ParseOptions::default()
    };
    CstRootNode::parse(text.trim_start_matches('\u{feff}'), &options)
        .map_err(|error| format!("it is not JSON: {error}"))
}

/// The text of a document: as it was when nothing changed, else with an end like that of a file.
fn whole(root: &CstRootNode, before: &str) -> String {
    let text = root.to_string();
    if before.trim_start_matches('\u{feff}') == text {
        return before.to_owned();
    }
    if text.ends_with('\n') { text } else { text + "\n" }
}

fn container(settings: &CstObject, name: &str, added: &mut Added) -> Result<CstObject, String> {
    if settings.get(name).is_none() {
        added.container(name);
    }
    settings
        .object_value_or_create(name)
        .ok_or_else(|| format!("its {name:?} is no object"))
}

fn remove_if_empty(settings: &CstObject, name: &str) {
    let empty = |prop: &jsonc_parser::cst::CstObjectProp| {
        prop.object_value().is_some_and(|object| object.properties().is_empty())
    };
    if let Some(prop) = settings.get(name).filter(empty) {
        prop.remove();
    }
}

/// Adds our hook for one event, points one that points elsewhere to `url`, or leaves it as it is.
fn add_hook(hooks: &CstObject, event: &str, url: &str, token: Option<&str>) -> Result<(), String> {
    let groups = hooks
        .array_value_or_create(event)
        .ok_or_else(|| format!("its hooks for {event} are no list"))?;
    let mut present = false;
    for group in groups.elements() {
        let list = group.as_object().and_then(|group| group.array_value("hooks"));
        for hook in list.iter().flat_map(CstArray::elements) {
            let Some(address) = ours(&hook) else { continue };
            present = true;
            if let Some(hook) = hook.as_object() {
                token::set(&hook, token);
            }
            if address != url
                && let Some(prop) = hook.as_object().and_then(|hook| hook.get("url"))
            {
                prop.set_value(url.into());
            }
        }
    }
    if !present {
        let object = |fields: Vec<(&str, CstInputValue)>| {
            CstInputValue::Object(
                fields
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect(),
            )
        };
        let mut fields = vec![("type", "http".into()), ("url", url.into())];
        fields.extend(token.map(|token| ("headers", token::headers(token))));
        fields.push(("timeout", TIMEOUT.into()));
        let hook = object(fields);
        groups.append(object(vec![("hooks", CstInputValue::Array(vec![hook]))]));
    }
    Ok(())
}

/// The address of a hook that is ours: by HTTP, and to where only a Forgecast listens.
fn ours(hook: &CstNode) -> Option<String> {
    let hook = hook.as_object()?;
    let kind = string(&hook.get("type")?.value())?;
    let url = string(&hook.get("url")?.value())?;
    let is_address = url.starts_with("http://") || url.starts_with("https://");
    (kind == "http" && is_address && url.ends_with(HOOKS)).then_some(url)
}

/// Takes our hooks out of the groups of one event, and groups that held nothing else; their addresses.
fn remove_hooks(groups: &CstArray) -> Vec<String> {
    let mut urls = Vec::new();
    for group in groups.elements() {
        let Some(list) = group.as_object().and_then(|group| group.array_value("hooks")) else {
            continue;
        };
        let before = urls.len();
        for hook in list.elements() {
            if let Some(url) = ours(&hook) {
                urls.push(url);
                hook.remove();
            }
        }
        if urls.len() > before && list.elements().is_empty() {
            group.remove();
        }
    }
    urls
}

/// Why the telemetry is left alone: it goes somewhere else, or in another way.
fn conflict(
    env: &CstObject,
    target: Target<'_>,
    earlier_url: &str,
    added: &Added,
    variable: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let url = target.url;
    let left = |name: &str, value: &str| {
        format!(
            "{name} is {value} already: telemetry is left as it is. To have it here too, let your collector pass it on to {url}"
        )
    };
    let in_file = |name: &str| env.get(name).and_then(|prop| string(&prop.value()));
    for name in OTHER_ENDPOINTS {
        if let Some(value) = in_file(name).or_else(|| variable(name)) {
            return Some(left(name, &value));
        }
    }
    let headers = in_file(token::HEADERS).or_else(|| variable(token::HEADERS));
    if target.token.is_some() && headers.is_some_and(|headers| !token::is_ours(&headers)) {
        // Their value is somebody's secret.
        return Some(left(token::HEADERS, "set"));
    }
    telemetry(url).into_iter().find_map(|(name, wanted)| {
        let said = match in_file(name) {
            // What an earlier run wrote may be written anew.
            Some(value) if added.keys.iter().any(|key| key == name) && (value == earlier_url || value == wanted) => {
                None
            }
            Some(value) => Some(value),
            None => variable(name),
        };
        said.filter(|value| value.trim_end_matches('/') != wanted)
            .map(|value| left(name, &value))
    })
}

fn set_variable(env: &CstObject, name: &str, value: &str, added: &mut Added) {
    match env.get(name) {
        Some(prop) => {
            if string(&prop.value()).is_some_and(|said| said.trim_end_matches('/') != value) {
                prop.set_value(value.into());
            }
        }
        None => {
            env.append(name, value.into());
            added.key(name);
        }
    }
}

/// Takes the token of telemetry out, when it is one that was put in.
fn remove_header(env: &CstObject, added: &mut Added) {
    let ours =
        |prop: &jsonc_parser::cst::CstObjectProp| string(&prop.value()).is_some_and(|value| token::is_ours(&value));
    if let Some(prop) = env.get(token::HEADERS).filter(ours) {
        prop.remove();
        added.keys.retain(|key| key != token::HEADERS);
    }
}

/// What was probably added to a file of which there is no record.
fn guess(settings: &CstObject, urls: &[String]) -> Option<Added> {
    let url = urls.first()?.strip_suffix(HOOKS)?.to_owned();
    let env = settings.object_value("env")?;
    let endpoint = string(&env.get(ENDPOINT)?.value())?;
    (endpoint == url).then(|| Added {
        keys: telemetry(&url).map(|(name, _)| name.to_owned()).to_vec(),
        url,
        containers: vec!["hooks".to_owned(), "env".to_owned()],
        file: false,
    })
}

fn string(value: &Option<CstNode>) -> Option<String> {
    value.as_ref()?.as_string_lit()?.decoded_value().ok()
}

fn value_is(value: &Option<CstNode>, text: &str) -> bool {
    value.as_ref().is_some_and(|value| value.to_string() == text)
}

#[cfg(test)]
mod tests;
