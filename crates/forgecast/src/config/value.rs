//! The types that a setting can have: how each is read from TOML and from a variable's text, and how it is written.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::ValueEnum;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toml::Value;

use super::setting::{PathBase, Setting, SettingValue};

/// The largest amount that a budget can be.
const MAX_DOLLARS: f64 = 1e9;

/// A type that settings can have, with what it adds to the format that serde gives it.
trait SettingType: Serialize + DeserializeOwned {
    /// What a setting of this type must be, for messages.
    const EXPECTED: &'static str;
    /// Separates the items of a list in a variable.
    const SEPARATOR: Option<char> = None;

    /// The TOML value that a variable's text stands for, as in [`SettingValue::parse`].
    fn parse(text: &str) -> Value {
        let Some(separator) = Self::SEPARATOR else {
            return Value::String(text.to_owned());
        };
        let items = text.split(separator).filter(|item| !item.is_empty());
        Value::from(items.collect::<Vec<_>>())
    }

    /// Whether a setting can have this value.
    fn is_allowed(&self) -> bool {
        true
    }

    /// The value with absolute paths.
    ///
    /// # Errors
    /// The path that is not UTF-8.
    fn resolved(self, _: PathBase<'_>) -> Result<Self, String> {
        Ok(self)
    }
}

impl<T: SettingType> SettingValue for T {
    fn parse(&self, text: &str) -> Value {
        T::parse(text)
    }

    fn read(&mut self, value: Value, setting: &Setting, base: PathBase<'_>) -> Result<(), String> {
        let (expected, range) = match &setting.range {
            Some(range) => (
                format!("{} from {} to {}", T::EXPECTED, range.start(), range.end()),
                range.clone(),
            ),
            None => (T::EXPECTED.to_owned(), i64::MIN..=i64::MAX),
        };
        if value.as_integer().is_some_and(|number| !range.contains(&number)) {
            return Err(expected);
        }
        let value = value
            .try_into()
            .ok()
            .filter(T::is_allowed)
            .ok_or_else(|| expected.clone())?;
        *self = value
            .resolved(base)
            .map_err(|wrong| format!("{expected}, not {wrong:?}"))?;
        Ok(())
    }

    fn to_toml(&self) -> Option<Value> {
        Value::try_from(self).ok()
    }

    fn separator(&self) -> Option<char> {
        T::SEPARATOR
    }
}

fn parse_or_keep<T: FromStr + Into<Value>>(text: &str) -> Value {
    text.trim().parse().map_or_else(|_| Value::from(text), T::into)
}

macro_rules! whole_numbers {
    ($($Number:ty),+) => {$(
        impl SettingType for $Number {
            const EXPECTED: &'static str = "a whole number";

            fn parse(text: &str) -> Value {
                parse_or_keep::<i64>(text)
            }
        }
    )+};
}
whole_numbers!(u16, u32, u64, usize);

impl SettingType for bool {
    const EXPECTED: &'static str = "true or false";

    fn parse(text: &str) -> Value {
        match text {
            "1" | "true" | "yes" | "on" => Value::Boolean(true),
            "0" | "false" | "no" | "off" | "" => Value::Boolean(false),
            _ => Value::from(text),
        }
    }
}

impl SettingType for String {
    const EXPECTED: &'static str = "a text";
}

impl SettingType for Vec<String> {
    const EXPECTED: &'static str = "a list of texts";
    const SEPARATOR: Option<char> = Some(',');
}

impl SettingType for Vec<IpAddr> {
    const EXPECTED: &'static str = "a list of IP addresses";
    const SEPARATOR: Option<char> = Some(',');
}

impl SettingType for PathBuf {
    const EXPECTED: &'static str = "a path in UTF-8";

    fn resolved(self, base: PathBase<'_>) -> Result<Self, String> {
        let path = match (self.strip_prefix("~"), base.home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => base.folder.join(&self),
        };
        // `a/./b` and a trailing slash would make two names of one folder.
        let path: PathBuf = path.components().collect();
        match path.to_str() {
            Some(text) if !is_lossy(text) => Ok(path),
            _ => Err(path.to_string_lossy().into_owned()),
        }
    }
}

impl SettingType for Option<PathBuf> {
    const EXPECTED: &'static str = PathBuf::EXPECTED;

    fn resolved(self, base: PathBase<'_>) -> Result<Self, String> {
        self.map(|path| path.resolved(base)).transpose()
    }
}

impl SettingType for Vec<PathBuf> {
    const EXPECTED: &'static str = "a list of paths in UTF-8";
    const SEPARATOR: Option<char> = Some(':');

    fn resolved(self, base: PathBase<'_>) -> Result<Self, String> {
        self.into_iter().map(|path| path.resolved(base)).collect()
    }
}

/// An amount of money; none if there is no limit.
impl SettingType for Option<f64> {
    const EXPECTED: &'static str = "an amount of US dollars";

    fn parse(text: &str) -> Value {
        parse_or_keep::<f64>(text)
    }

    fn is_allowed(&self) -> bool {
        self.is_none_or(|amount| (0.0..=MAX_DOLLARS).contains(&amount))
    }
}

/// A budget that can be hard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HardBudget {
    Session,
    Project,
    Day,
    Month,
}

impl SettingType for Vec<HardBudget> {
    const EXPECTED: &'static str = "a list of session, project, day, month";
    const SEPARATOR: Option<char> = Some(',');
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl SettingType for LogFormat {
    const EXPECTED: &'static str = "one of text, json";
}

/// The severity of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl SettingType for LogLevel {
    const EXPECTED: &'static str = "one of error, warn, info, debug, trace";
}

/// The address to listen on.
impl SettingValue for IpAddr {
    fn parse(&self, text: &str) -> Value {
        Value::from(text)
    }

    fn read(&mut self, value: Value, _: &Setting, _: PathBase<'_>) -> Result<(), String> {
        let text = value.as_str().ok_or("an IP address or localhost")?;
        *self = match text {
            "localhost" => Self::from([127, 0, 0, 1]),
            // What other servers take for "every address".
            "0" | "*" => Self::from([0, 0, 0, 0]),
            // `::ffff:127.0.0.1` is 127.0.0.1.
            _ => text
                .trim_matches(['[', ']'])
                .parse()
                .map(|address: Self| address.to_canonical())
                .map_err(|_| format!("an IP address or localhost, not {text:?}"))?,
        };
        Ok(())
    }

    fn to_toml(&self) -> Option<Value> {
        Some(Value::String(self.to_string()))
    }

    fn separator(&self) -> Option<char> {
        None
    }
}

/// Whether a path was not UTF-8 before it became text.
pub(super) fn is_lossy(path: &str) -> bool {
    path.contains(char::REPLACEMENT_CHARACTER)
}
