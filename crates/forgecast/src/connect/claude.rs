//! Claude Code's `settings.json`: HTTP hooks that report what an agent does and waits for, and the variables that switch its
//! telemetry on. A hook costs the agent nothing while no server runs, because the connection is refused, and at most a second
//! if the server hangs.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstArray, CstInputValue, CstNode, CstObject, CstObjectProp, CstRootNode};

use super::{Added, Edited, Entries, HOOKS, Target};

pub(crate) mod answers;
pub(crate) mod status_line;
pub(crate) mod token;

/// The events with a hook. Claude Code has no HTTP hooks for the start of a session; the transcript begins with it. Only events
/// that every version with HTTP hooks knows are used, because a version ignores the whole file if it does not know one.
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
/// The hooks' timeout in seconds, the smallest that is allowed.
const TIMEOUT: u32 = 1;
/// The variable with the endpoint of telemetry.
pub(crate) const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// Variables that redirect a part of the telemetry.
const OTHER_ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
];

/// The variables that switch telemetry on, with their values.
pub(crate) fn telemetry(url: &str) -> [(&'static str, String); 5] {
    [
        ("CLAUDE_CODE_ENABLE_TELEMETRY", "1".to_owned()),
        ("OTEL_LOGS_EXPORTER", "otlp".to_owned()),
        ("OTEL_METRICS_EXPORTER", "otlp".to_owned()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json".to_owned()),
        (ENDPOINT, url.to_owned()),
    ]
}

/// Adds hooks and telemetry for a server. `variable` reads the environment: telemetry that already goes elsewhere is not
/// changed. `earlier` is what an earlier run added.
///
/// # Errors
/// The text is not a JSON object; one line.
pub(crate) fn add(
    text: Option<&str>,
    target: Target<'_>,
    variable: impl Fn(&str) -> Option<String>,
    earlier: Option<&Added>,
) -> Result<Edited, String> {
    let url = target.url;
    let (mut added, earlier_url) = Added::continued(earlier, url, text.is_none());
    let mut notes = Vec::new();
    let root = parse(text.unwrap_or_default())?;
    let settings = root.object_value_or_create().ok_or("it is not a JSON object")?;
    let hooks = container(&settings, "hooks", &mut added)?;
    for event in EVENTS {
        add_hook(&hooks, event, &format!("{url}{HOOKS}"), target.token)?;
    }
    let env = container(&settings, "env", &mut added)?;
    match conflict(&env, target, &earlier_url, &added, variable) {
        Some(why) => {
            notes.push(why);
            if added.containers.remove("env") {
                remove_if_empty(&settings, "env");
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
    let disabled = settings.get("disableAllHooks").and_then(|prop| prop.value());
    if disabled.is_some_and(|value| value.to_string() == "true") {
        notes.push("`disableAllHooks` is true; no hook runs until it is removed".to_owned());
    }
    Ok(Edited {
        text: Some(whole(&root, text.unwrap_or_default())),
        added,
        notes,
    })
}

/// Removes the hooks that point to a Forgecast server, and the variables that were added. Without a record of what was added,
/// the variables that point to the same server are removed.
///
/// # Errors
/// The text is not a JSON object; one line.
pub(crate) fn remove(text: &str, added: Option<&Added>) -> Result<Edited, String> {
    let root = parse(text)?;
    let settings = root.object_value().ok_or("it is not a JSON object")?;
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
    status_line::remove(&settings);
    let guessed = added.is_none().then(|| guess(&settings, &urls)).flatten();
    let added = added.or(guessed.as_ref());
    if let Some(env) = settings.object_value("env") {
        let url = added.map(|added| added.url.as_str()).unwrap_or_default();
        for (name, value) in telemetry(url) {
            let ours = added.is_some_and(|added| added.keys.contains(name));
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
    // Without a record, only an object that is empty after hooks were removed from it is ours.
    for name in ["hooks", "env"] {
        if added.map_or(!urls.is_empty(), |added| added.containers.contains(name)) {
            remove_if_empty(&settings, name);
        }
    }
    let gone = settings.properties().is_empty() && added.is_some_and(|added| added.file);
    Ok(Edited {
        text: (!gone).then(|| whole(&root, text)),
        ..Edited::default()
    })
}

/// The hooks of the text that point to a Forgecast server: event and address.
pub(crate) fn hooks(text: &str) -> Result<Vec<(String, String)>, String> {
    let root = parse(text)?;
    let settings = root.object_value().ok_or("it is not a JSON object")?;
    let mut found = Vec::new();
    for prop in settings.object_value("hooks").iter().flat_map(CstObject::properties) {
        let Some(name) = prop.decoded_name() else { continue };
        if let Some(groups) = prop.array_value() {
            found.extend(our_hooks(&groups).map(|(_, url)| (name.clone(), url)));
        }
    }
    Ok(found)
}

/// The hooks, the variables and the status line that are ours; nothing of a text that cannot be read.
pub(super) fn entries(text: &str) -> Entries {
    let hooks = hooks(text).unwrap_or_default().into_iter();
    let names = telemetry("").map(|(name, _)| name).into_iter().chain([token::HEADERS]);
    let values = names.filter_map(|name| Some(format!("{name}={}", variable(text, name)?)));
    Entries {
        hooks: hooks.map(|(event, url)| format!("{event} {url}")).collect(),
        telemetry: values.collect(),
        status_line: status_line(text).into_iter().collect(),
    }
}

/// The command of the status line, if it is ours; none of a text that cannot be read.
fn status_line(text: &str) -> Option<String> {
    status_line::ours(&parse(text).ok()?.object_value()?)
}

/// The value of a variable in the settings.
pub(crate) fn variable(text: &str, name: &str) -> Option<String> {
    let root = parse(text).ok()?;
    string(&root.object_value()?.object_value("env")?.get(name)?.value())
}

fn parse(text: &str) -> Result<CstRootNode, String> {
    // Comments and trailing commas are allowed, as in editors, and nothing else.
    let options = ParseOptions {
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        ..ParseOptions::default()
    };
    CstRootNode::parse(text.trim_start_matches('\u{feff}'), &options)
        .map_err(|error| format!("it is not JSON: {error}"))
}

/// The text of the document: unchanged if nothing changed, else ending with a line break.
fn whole(root: &CstRootNode, before: &str) -> String {
    let text = root.to_string();
    if before.trim_start_matches('\u{feff}') == text {
        return before.to_owned();
    }
    if text.ends_with('\n') { text } else { text + "\n" }
}

fn container(settings: &CstObject, name: &str, added: &mut Added) -> Result<CstObject, String> {
    if settings.get(name).is_none() {
        added.containers.insert(name.to_owned());
    }
    settings
        .object_value_or_create(name)
        .ok_or_else(|| format!("{name:?} is not an object"))
}

fn remove_if_empty(settings: &CstObject, name: &str) {
    let empty = |prop: &CstObjectProp| prop.object_value().is_some_and(|object| object.properties().is_empty());
    if let Some(prop) = settings.get(name).filter(empty) {
        prop.remove();
    }
}

/// Adds our hook for one event, or makes an existing one point to `url`.
fn add_hook(hooks: &CstObject, event: &str, url: &str, token: Option<&str>) -> Result<(), String> {
    let groups = hooks
        .array_value_or_create(event)
        .ok_or_else(|| format!("the hooks for {event} are not a list"))?;
    let mut present = false;
    for (hook, address) in our_hooks(&groups) {
        present = true;
        token::set(&hook, token);
        let url = answers::moved(&address, url);
        if address != url
            && let Some(prop) = hook.get("url")
        {
            prop.set_value(url.as_str().into());
        }
    }
    if !present {
        let object = |fields: Vec<(&str, CstInputValue)>| {
            let named = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
            CstInputValue::Object(named.collect())
        };
        let mut fields = vec![("type", "http".into()), ("url", url.into())];
        fields.extend(token.map(|token| ("headers", token::headers(token))));
        fields.push(("timeout", TIMEOUT.into()));
        let hook = object(fields);
        groups.append(object(vec![("hooks", CstInputValue::Array(vec![hook]))]));
    }
    Ok(())
}

/// Our hooks in the groups of one event, with their addresses.
fn our_hooks(groups: &CstArray) -> impl Iterator<Item = (CstObject, String)> + use<> {
    let lists = groups.elements().into_iter();
    let lists = lists.filter_map(|group| group.as_object()?.array_value("hooks"));
    lists
        .flat_map(|list| list.elements())
        .filter_map(|hook| Some((hook.as_object()?, ours(&hook)?)))
}

/// The address of a hook that is ours: an HTTP hook with the path of a Forgecast server.
fn ours(hook: &CstNode) -> Option<String> {
    let hook = hook.as_object()?;
    let kind = string(&hook.get("type")?.value())?;
    let url = string(&hook.get("url")?.value())?;
    let is_address = url.starts_with("http://") || url.starts_with("https://");
    (kind == "http" && is_address && answers::server(&url).is_some()).then_some(url)
}

/// Removes our hooks from the groups of one event, and groups that are empty then. Returns the addresses of the hooks.
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

/// Why telemetry is not changed: it already goes elsewhere, or in another way.
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
            "{name} is already {value}, so telemetry is not changed; to have it here as well, let your collector forward it to {url}"
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
        // The value is a secret of the user.
        return Some(left(token::HEADERS, "set"));
    }
    telemetry(url).into_iter().find_map(|(name, wanted)| {
        let current = match in_file(name) {
            // A value that an earlier run wrote may be replaced.
            Some(value) if added.keys.contains(name) && (value == earlier_url || value == wanted) => None,
            Some(value) => Some(value),
            None => variable(name),
        };
        current
            .filter(|value| value.trim_end_matches('/') != wanted)
            .map(|value| left(name, &value))
    })
}

fn set_variable(env: &CstObject, name: &str, value: &str, added: &mut Added) {
    match env.get(name) {
        Some(prop) => {
            if string(&prop.value()).is_some_and(|current| current.trim_end_matches('/') != value) {
                prop.set_value(value.into());
            }
        }
        None => {
            env.append(name, value.into());
            added.keys.insert(name.to_owned());
        }
    }
}

/// Removes the token of telemetry, if it is one of ours.
fn remove_header(env: &CstObject, added: &mut Added) {
    let ours = |prop: &CstObjectProp| string(&prop.value()).is_some_and(|value| token::is_ours(&value));
    if let Some(prop) = env.get(token::HEADERS).filter(ours) {
        prop.remove();
        added.keys.remove(token::HEADERS);
    }
}

/// What was probably added to a file without a record.
fn guess(settings: &CstObject, urls: &[String]) -> Option<Added> {
    let url = answers::server(urls.first()?)?.to_owned();
    let env = settings.object_value("env")?;
    let endpoint = string(&env.get(ENDPOINT)?.value())?;
    (endpoint == url).then(|| Added {
        keys: telemetry(&url).map(|(name, _)| name.to_owned()).into(),
        url,
        containers: ["hooks", "env"].map(str::to_owned).into(),
        file: false,
    })
}

fn string(value: &Option<CstNode>) -> Option<String> {
    value.as_ref()?.as_string_lit()?.decoded_value().ok()
}

#[cfg(test)]
mod tests;
