//! The token in Claude Code's settings, for a server that requires one: in the header of each hook, and in the variable with
//! the headers of telemetry. It allows sending facts and nothing else.

use jsonc_parser::cst::{CstInputValue, CstObject};

use super::{our_hooks, parse, string};

/// The variable with the headers of telemetry.
pub(super) const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
/// How its value begins if it is ours. Spaces are percent-encoded in this list of headers.
const OURS: &str = "Authorization=Bearer%20fc_";

/// The value of the variable.
pub(super) fn variable(token: &str) -> String {
    format!("Authorization=Bearer%20{token}")
}

/// Whether `init` wrote this value of the variable.
pub(super) fn is_ours(value: &str) -> bool {
    value.starts_with(OURS)
}

/// The headers of a hook.
pub(super) fn headers(token: &str) -> CstInputValue {
    let value = format!("Bearer {token}");
    CstInputValue::Object(vec![("Authorization".to_owned(), value.as_str().into())])
}

/// Sets the token of one of our hooks, or removes it.
pub(super) fn set(hook: &CstObject, token: Option<&str>) {
    let current = token_of(hook);
    match (hook.get("headers"), token) {
        (_, Some(token)) if current.as_deref() == Some(token) => {}
        (Some(prop), Some(token)) => prop.set_value(headers(token)),
        (None, Some(token)) => {
            hook.append("headers", headers(token));
        }
        (Some(prop), None) if current.is_some() => prop.remove(),
        _ => {}
    }
}

fn token_of(hook: &CstObject) -> Option<String> {
    let headers = hook.object_value("headers")?;
    let value = string(&headers.get("Authorization")?.value())?;
    value.strip_prefix("Bearer ").map(str::to_owned)
}

/// The first token in the hooks of the settings.
pub(crate) fn of(text: &str) -> Option<String> {
    let settings = parse(text).ok()?.object_value()?;
    let hooks = settings.object_value("hooks")?;
    let groups = hooks.properties().into_iter().filter_map(|prop| prop.array_value());
    groups
        .flat_map(|groups| our_hooks(&groups))
        .find_map(|(hook, _)| token_of(&hook))
}
