//! What the name of a model says: which model it is, and in which region it runs. Clouds, gateways
//! and agents decorate the vendor's name (`us.anthropic.claude-opus-4-6-v1`,
//! `openrouter/anthropic/claude-opus-4.6:thinking`, `claude-opus-4-6@20260205`); decorations are
//! removed one at a time, so that the longest name that the table knows is found. Nothing is ever
//! completed or guessed: `claude-opus-4-61` is not `claude-opus-4-6`.

/// Where a model runs, as its name says. Some vendors charge more for a region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Region {
    /// Anywhere, or not said.
    #[default]
    Global,
    /// Within one geography, such as the European Union.
    Geography,
    /// In a cloud of the US government.
    Government,
}

/// Prefixes of Amazon's inference profiles and suffixes of Google's endpoints that name a
/// geography.
const GEOGRAPHIES: [&str; 9] = ["us", "eu", "apac", "jp", "au", "ca", "sa", "in", "asia"];
const GOVERNMENT: &str = "us-gov";
/// Who made a model, where clouds write it before the name and charge what its vendor does. Models of
/// others have prices of their own there, which nobody lists here.
const VENDORS: [&str; 2] = ["anthropic", "openai"];

/// The names under which to look for a model, the most exact first, and the region that applies to
/// what is found under each of them.
pub(super) fn candidates(model: &str) -> Vec<(String, Region)> {
    let whole = model.to_lowercase();
    let mut candidates = vec![(key(&whole), Region::Global)];
    let (path, mut name) = whole.rsplit_once('/').unwrap_or(("", &whole));
    let mut region = region_of_path(path);
    let mut add = |name: &str, region| candidates.push((key(name), region));
    add(name, region);
    if let Some((prefix, rest)) = name.split_once('.')
        && let Some(prefix) = region_named(prefix)
    {
        name = rest;
        region = region.or(prefix);
        add(name, region);
    }
    if let Some(rest) = VENDORS.iter().find_map(|vendor| without_vendor(name, vendor)) {
        name = rest;
        add(name, region);
    }
    while let Some((shorter, suffix)) = without_suffix(name) {
        name = shorter;
        region = region.or(suffix);
        add(name, region);
    }
    candidates
}

/// The form of a name by which models are compared: lower case, versions with hyphens, and for
/// Claude the family before the version. `Claude-3.5-Sonnet` and `claude-sonnet-3-5` are the same.
pub(super) fn key(name: &str) -> String {
    let name = name.to_lowercase();
    let is_digit = |at: Option<usize>| {
        at.and_then(|at| name.as_bytes().get(at))
            .is_some_and(u8::is_ascii_digit)
    };
    let hyphenated: String = name
        .char_indices()
        .map(|(at, letter)| {
            let in_version = letter == '.' && is_digit(at.checked_sub(1)) && is_digit(Some(at + 1));
            if in_version { '-' } else { letter }
        })
        .collect();
    match hyphenated.strip_prefix("claude-") {
        Some(rest) => claude_key(rest),
        None => hyphenated,
    }
}

fn claude_key(rest: &str) -> String {
    let parts: Vec<&str> = rest.split('-').collect();
    let is_number = |part: &&&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let version = parts.iter().take_while(is_number).count();
    let (version, family) = parts.split_at(version);
    let mut parts = [&["claude"], family, version].concat();
    // `claude-opus-4-0` is what Anthropic calls the newest `claude-opus-4`.
    if parts.len() > 3 && parts.last() == Some(&"0") {
        parts.pop();
    }
    parts.join("-")
}

impl Region {
    fn or(self, other: Self) -> Self {
        if self == Self::Global { other } else { self }
    }
}

/// `None` for what names no region.
fn region_named(text: &str) -> Option<Region> {
    match text {
        "global" => Some(Region::Global),
        GOVERNMENT => Some(Region::Government),
        text if GEOGRAPHIES.contains(&text) => Some(Region::Geography),
        _ => None,
    }
}

/// Of `bedrock/us-gov-west-1`, `azure/eu` or the beginning of an ARN.
fn region_of_path(path: &str) -> Region {
    let mut parts = path.split(['/', ':']);
    let is_government = |part: &str| part == "aws-us-gov" || part.starts_with(GOVERNMENT);
    if parts.clone().any(is_government) {
        return Region::Government;
    }
    // Only Azure writes a geography here; the region of an ARN is where the call was sent.
    match (parts.next(), parts.next().and_then(region_named)) {
        (Some("azure"), Some(region)) => region,
        _ => Region::Global,
    }
}

/// `anthropic.claude-opus-4-6`, `anthropic:…` and `anthropic--…`.
fn without_vendor<'a>(name: &'a str, vendor: &str) -> Option<&'a str> {
    let rest = name.strip_prefix(vendor)?;
    [".", ":", "--"].iter().find_map(|mark| rest.strip_prefix(mark))
}

/// The name without its last decoration, and the region that the decoration names.
fn without_suffix(name: &str) -> Option<(&str, Region)> {
    let plain = ["[1m]", "-latest", ":thinking", ":beta"];
    let of_claude = ["-thinking"].into_iter().filter(|_| name.starts_with("claude-"));
    let mut suffixes = plain.into_iter().chain(of_claude);
    let stripped = suffixes.find_map(|suffix| name.strip_suffix(suffix));
    match stripped
        .or_else(|| without_version(name))
        .or_else(|| without_date(name))
    {
        Some(name) => Some((name, Region::Global)),
        None => without_place(name),
    }
}

/// Without Google's version or endpoint: `@20250929`, `@default`, `@eu`.
fn without_place(name: &str) -> Option<(&str, Region)> {
    let (name, place) = name.rsplit_once('@')?;
    let is_version = is_digits(place, 8) || place == "default" || place == "latest";
    let region = if is_version {
        Some(Region::Global)
    } else {
        region_named(place)
    };
    region.map(|region| (name, region))
}

/// Without the version of a cloud's deployment: `-v1:0`, `-v1:0:200k`, and `-v1` for Claude, whose
/// own names never end so.
fn without_version(name: &str) -> Option<&str> {
    let (name, number) = name.rsplit_once("-v")?;
    let mut parts = number.split(':');
    let major = parts
        .next()
        .is_some_and(|part| !part.is_empty() && is_digits(part, part.len()));
    let minor = match parts.next() {
        Some(part) => !part.is_empty() && is_digits(part, part.len()),
        None => name.starts_with("claude-"),
    };
    let window = parts.next().is_none_or(|part| {
        let thousands = part.strip_suffix('k').unwrap_or_default();
        !thousands.is_empty() && is_digits(thousands, thousands.len())
    });
    (major && minor && window && parts.next().is_none()).then_some(name)
}

/// Without `-20250929` or `-2025-08-07`.
pub(super) fn without_date(name: &str) -> Option<&str> {
    if let Some((name, date)) = name.rsplit_once('-')
        && is_digits(date, 8)
    {
        return Some(name);
    }
    let mut parts = name.rsplitn(4, '-');
    let date = [2, 2, 4]
        .into_iter()
        .all(|length| parts.next().is_some_and(|part| is_digits(part, length)));
    parts.next().filter(|_| date)
}

fn is_digits(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
}
