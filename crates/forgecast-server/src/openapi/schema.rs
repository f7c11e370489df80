//! What a derived schema needs before readers see it: no `null` for what is left out, and words instead of links of the code.

use serde_json::Value;

/// A field that may be left out is left out when it is unknown: what a derive calls null is not there.
pub(super) fn absent_is_not_null(schema: &mut Value) {
    let required: Vec<Value> = schema["required"].as_array().cloned().unwrap_or_default();
    if let Some(Value::Object(fields)) = schema.get_mut("properties") {
        for (name, field) in fields {
            if !required.iter().any(|one| one == name.as_str()) {
                without_null(field);
            }
        }
    }
    match schema {
        Value::Object(map) => map.values_mut().for_each(absent_is_not_null),
        Value::Array(list) => list.iter_mut().for_each(absent_is_not_null),
        _ => {}
    }
}

fn without_null(field: &mut Value) {
    if let Some(Value::Array(types)) = field.get_mut("type") {
        types.retain(|one| one != "null");
        if let [one] = types.as_slice() {
            field["type"] = one.clone();
        }
    }
    let choices = field.get("anyOf").and_then(Value::as_array);
    let left: Option<Vec<Value>> = choices.map(|choices| {
        let real = choices.iter().filter(|one| one["type"] != "null");
        real.cloned().collect()
    });
    // One choice is none: it stands for itself, beside the words about the field.
    if let (Some(left), Some(map)) = (left, field.as_object_mut())
        && let [Value::Object(only)] = left.as_slice()
    {
        map.remove("anyOf");
        map.extend(only.clone());
    }
}

/// What is written for readers of the code is put into words for readers of the API: without links, on one line.
pub(super) fn for_readers(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            // A field may be called `description`, too: then it is a schema.
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = without_links(text);
            }
            if map.get("description").is_some_and(|text| text == "") {
                map.remove("description");
            }
            if map.get("title").is_some_and(Value::is_string) {
                map.remove("title");
            }
            map.values_mut().for_each(for_readers);
        }
        Value::Array(list) => list.iter_mut().for_each(for_readers),
        _ => {}
    }
}

/// A link of the code, such as [`update::BEAT`](x), becomes the name that it shows.
fn without_links(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, link)) = rest.split_once("[`") {
        let Some((name, _)) = link.split_once("`]") else {
            break;
        };
        plain.push_str(before);
        plain.push('`');
        plain.push_str(name.rsplit("::").next().unwrap_or(name));
        plain.push('`');
        rest = behind(link);
    }
    plain + rest
}

/// What follows a link, of which the beginning is gone.
fn behind(link: &str) -> &str {
    let rest = link.split_once(']').map_or("", |(_, rest)| rest);
    let target = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    target.map_or(rest, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_the_code_become_words() {
        for (code, words) in [
            ("The files\nof a folder.", "The files of a folder."),
            ("A view, or an [`Index`].", "A view, or an `Index`."),
            ("Every [`update::BEAT`](x) seconds.", "Every `BEAT` seconds."),
            ("Plain `code` [a] stays.", "Plain `code` [a] stays."),
        ] {
            assert_eq!(without_links(code), words);
        }
    }
}
