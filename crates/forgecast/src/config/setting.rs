//! What a setting is: its key, its documentation, its value, and how every setting of a table is visited.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::path::Path;

use toml::Value;

/// A setting as the file, the variables and the documentation know it.
pub(super) struct Setting {
    /// Dotted key, such as `sources.debounce_ms`.
    pub(super) key: String,
    /// What it does, as comment lines of a TOML file.
    pub(super) about: Cow<'static, str>,
    /// The default depends on the environment; `about` says how.
    pub(super) is_default_computed: bool,
    /// The allowed values of a whole number; every field that holds one has a range.
    pub(super) range: Option<RangeInclusive<i64>>,
}

impl Setting {
    /// The variable that sets it, such as `FORGECAST_SOURCES_DEBOUNCE_MS`.
    pub(super) fn variable(&self) -> String {
        format!("FORGECAST_{}", self.key.replace('.', "_").to_uppercase())
    }
}

/// What a relative path and `~` mean where a value was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct PathBase<'a> {
    pub(super) folder: &'a Path,
    pub(super) home: Option<&'a Path>,
}

/// The value of any setting.
pub(super) trait SettingValue {
    /// The TOML value that a variable's text stands for. Text that stands for none is returned as text, which `read`
    /// refuses.
    fn parse(&self, text: &str) -> Value;

    /// Replaces the value; paths become absolute.
    ///
    /// # Errors
    /// What the setting must be. The old value is kept.
    fn read(&mut self, value: Value, setting: &Setting, base: PathBase<'_>) -> Result<(), String>;

    /// The value as TOML; none if it is not set.
    fn to_toml(&self) -> Option<Value>;

    /// What separates the items of a list in a variable.
    fn separator(&self) -> Option<char>;

    /// Whether only the file can set it.
    fn is_file_only(&self) -> bool {
        false
    }
}

/// Called with every setting in the order of the documentation, and with the field that holds its value.
pub(super) type Visitor<'a> = &'a mut dyn FnMut(&Setting, &mut dyn SettingValue);

/// A field of a section: one setting, or a table of them.
pub(super) trait Field {
    /// Visits the settings of this field, which is described by `setting`.
    fn visit(&mut self, setting: Setting, visitor: Visitor<'_>);
}

impl<T: SettingValue> Field for T {
    fn visit(&mut self, setting: Setting, visitor: Visitor<'_>) {
        visitor(&setting, self);
    }
}

/// The key of a setting that exists; made by the macro `key!` and, for the folders of an agent, by `AgentFolders::key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key(pub(super) Cow<'static, str>);

impl Key {
    /// Only for the macro `key!`, which checks that there is such a setting and writes a dot before each part.
    pub(crate) const fn checked(dotted: &'static str) -> Self {
        Self(Cow::Borrowed(dotted))
    }

    /// The key as the file writes it.
    pub(super) fn as_str(&self) -> &str {
        self.0.trim_start_matches('.')
    }
}
