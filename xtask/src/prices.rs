//! Compares the built-in prices with two other tables: LiteLLM's, a file of its Python package, and what
//! ccusage makes of calls, asked by giving it a transcript with a call for each model. Both are installed
//! into a temporary folder that is removed at the end; a difference is something to look into, not an
//! error.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::Result;
use crate::tool::{self, Tool, cargo};

/// Whose models LiteLLM's table is asked about.
const PROVIDERS: [&str; 12] = [
    "anthropic",
    "azure",
    "bedrock",
    "bedrock_converse",
    "deepseek",
    "gemini",
    "minimax",
    "mistral",
    "moonshot",
    "openai",
    "vertex_ai-anthropic_models",
    "xai",
];
/// Kinds of rates: our name, LiteLLM's name, and the field of a transcript by which ccusage is asked.
const RATES: [(&str, &str, &str); 4] = [
    ("input", "input_cost_per_token", "input_tokens"),
    ("output", "output_cost_per_token", "output_tokens"),
    ("cache_read", "cache_read_input_token_cost", "cache_read_input_tokens"),
    (
        "cache_write_5m",
        "cache_creation_input_token_cost",
        "cache_creation_input_tokens",
    ),
];
/// The version of ccusage that is asked; the program for this machine is a package of its own, which may come later.
const CCUSAGE: &str = "ccusage@20.0.24";
/// Tokens of each call that ccusage is asked about: below every threshold.
const TOKENS: u32 = 1_000;

/// A temporary folder.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// US dollars per million tokens by model and kind of rate.
type Table = BTreeMap<String, BTreeMap<&'static str, f64>>;

/// Prints what differs.
pub(crate) fn run(arguments: &[String]) -> Result {
    if !arguments.is_empty() {
        return Err("prices takes no arguments".to_owned());
    }
    let scratch = Scratch(std::env::temp_dir().join(format!("forgecast-prices-{}", std::process::id())));
    let folder = scratch.0.as_path();
    fs::create_dir_all(folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    cargo(&["build", "--quiet", "--package", "forgecast"]).run()?;
    let litellm = litellm(folder)?;
    let own = own(folder, &[])?;
    let mut names: Vec<String> = litellm.keys().chain(own.keys()).cloned().collect();
    names.sort_unstable();
    names.dedup();
    let ours = ours(folder, &names)?;
    print!("{}", differences("LiteLLM", &ours, &litellm));
    print!("{}", differences("ccusage", &ours, &ccusage(folder, &names)?));
    Ok(())
}

/// What holds in Forgecast for these names; every model that is listed without any.
fn own(folder: &Path, names: &[String]) -> Result<Table> {
    let program = tool::root().join("target/debug/forgecast").display().to_string();
    let mut arguments = vec!["prices", "--json"];
    arguments.extend(names.iter().map(String::as_str));
    // Neither a configuration nor prices of the developer's own.
    let nobody = folder.display().to_string();
    let text = Tool::new(".", &program, &arguments)
        .env("HOME", &nobody)
        .env("XDG_CONFIG_HOME", &nobody)
        .output()?;
    let rows: Vec<Value> = serde_json::from_str(&text).map_err(|error| format!("forgecast prices: {error}"))?;
    let table = rows.iter().map(|row| {
        let rates = RATES.iter().filter_map(|(kind, ..)| Some((*kind, row[kind].as_f64()?)));
        (row["name"].as_str().unwrap_or_default().to_owned(), rates.collect())
    });
    Ok(table.collect())
}

/// The same, in parts that fit on a command line.
fn ours(folder: &Path, names: &[String]) -> Result<Table> {
    let mut table = Table::new();
    for part in names.chunks(500) {
        table.extend(own(folder, part)?);
    }
    Ok(table)
}

/// LiteLLM's table of models that chat, of the newest package.
fn litellm(folder: &Path) -> Result<Table> {
    let target = folder.join("litellm").display().to_string();
    let arguments = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--target",
        &target,
        "litellm",
    ];
    Tool::new(".", "python3", &arguments).run()?;
    let path = folder.join("litellm/litellm/model_prices_and_context_window_backup.json");
    let text = fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let models: Map<String, Value> = serde_json::from_str(&text).map_err(|error| format!("LiteLLM: {error}"))?;
    let is_wanted = |model: &Value| {
        let provider = model["litellm_provider"].as_str().unwrap_or_default();
        let chats = matches!(model["mode"].as_str(), Some("chat" | "responses"));
        chats && PROVIDERS.contains(&provider) && model["input_cost_per_token"].as_f64() > Some(0.0)
    };
    let wanted = models.iter().filter(|(_, model)| is_wanted(model));
    let table = wanted.map(|(name, model)| {
        let rates = RATES
            .iter()
            .filter_map(|(kind, field, _)| Some((*kind, model[field].as_f64()? * 1e6)));
        (name.clone(), rates.collect())
    });
    Ok(table.collect())
}

/// What ccusage makes of one call of each model and each kind of token.
fn ccusage(folder: &Path, names: &[String]) -> Result<Table> {
    let place = folder.display().to_string();
    let arguments = [
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--prefix",
        &place,
        CCUSAGE,
    ];
    Tool::new(".", "npm", &arguments).run()?;
    let transcripts = folder.join("projects/-prices");
    fs::create_dir_all(&transcripts).map_err(|error| format!("cannot create {}: {error}", transcripts.display()))?;
    for (number, (_, _, field)) in RATES.iter().enumerate() {
        let mut lines = String::new();
        for (call, name) in names.iter().enumerate() {
            let _ = writeln!(lines, "{}", line(&format!("{number}-{call}"), name, field));
        }
        let path = transcripts.join(format!("{}.jsonl", session(number)));
        fs::write(&path, lines).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    let program = folder.join("node_modules/.bin/ccusage").display().to_string();
    let text = Tool::new(".", &program, &["claude", "session", "--json", "--offline"])
        .env("CLAUDE_CONFIG_DIR", &place)
        .env("HOME", &place)
        .output()?;
    let report: Value = serde_json::from_str(&text).map_err(|error| format!("ccusage: {error}"))?;
    let mut table = Table::new();
    for (number, (kind, ..)) in RATES.iter().enumerate() {
        let sessions = report["sessions"].as_array().into_iter().flatten();
        let of_kind = sessions.filter(|found| found["sessionId"] == session(number));
        for model in of_kind.flat_map(|found| found["modelBreakdowns"].as_array().into_iter().flatten()) {
            if let (Some(name), Some(cost @ 0.0..)) = (model["modelName"].as_str(), model["cost"].as_f64())
                && cost > 0.0
            {
                let rate = cost / f64::from(TOKENS) * 1e6;
                table.entry(name.to_owned()).or_default().insert(kind, rate);
            }
        }
    }
    Ok(table)
}

fn session(number: usize) -> String {
    format!("00000000-0000-4000-8000-00000000000{number}")
}

/// A line of a transcript: one call that used one kind of token.
fn line(id: &str, model: &str, field: &str) -> Value {
    let mut usage: Map<String, Value> = RATES
        .iter()
        .map(|(_, _, field)| ((*field).to_owned(), json!(0)))
        .collect();
    usage.insert(field.to_owned(), json!(TOKENS));
    json!({
        "type": "assistant", "sessionId": "prices", "timestamp": "2026-01-31T12:00:00.000Z", "version": "2.1.0",
        "requestId": format!("req_{id}"), "message": {"id": format!("msg_{id}"), "model": model, "usage": usage},
    })
}

/// One line for each model whose rates differ, then the models that only the others know.
fn differences(whose: &str, ours: &Table, theirs: &Table) -> String {
    let mut text = String::new();
    let (mut same, mut missing) = (0_u32, Vec::new());
    for (name, rates) in theirs {
        let Some(known) = ours.get(name).filter(|known| !known.is_empty()) else {
            missing.push(name.as_str());
            continue;
        };
        let differing = rates.iter().filter_map(|(kind, rate)| {
            let own = known.get(kind)?;
            let differs = (own - rate).abs() > 1e-6 * rate.abs().max(1e-3);
            differs.then(|| format!("{kind} {} ({whose} {})", short(*own), short(*rate)))
        });
        let differing: Vec<String> = differing.collect();
        if differing.is_empty() {
            same += 1;
        } else {
            let _ = writeln!(text, "{name}: {}", differing.join(", "));
        }
    }
    let _ = writeln!(
        text,
        "{whose}: {same} names cost the same; {} have no price here: {}\n",
        missing.len(),
        missing.join(" ")
    );
    text
}

fn short(rate: f64) -> String {
    let text = format!("{rate:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_and_what_only_the_others_know_is_listed() {
        let table = |rows: &[(&str, f64)]| -> Table {
            let rows = rows.iter();
            rows.map(|(name, rate)| ((*name).to_owned(), BTreeMap::from([("input", *rate)])))
                .collect()
        };
        let mut ours = table(&[("a", 1.0), ("b", 2.0)]);
        ours.insert("d".to_owned(), BTreeMap::new());
        let text = differences(
            "Other",
            &ours,
            &table(&[("a", 1.0), ("b", 2.5), ("c", 3.0), ("d", 4.0)]),
        );
        assert_eq!(
            text,
            "b: input 2 (Other 2.5)\nOther: 1 names cost the same; 2 have no price here: c d\n\n"
        );
    }
}
