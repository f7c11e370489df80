//! What Cargo knows about the packages: names, licences and who depends on whom.

use crate::Result;
use crate::json::{self, Value};
use crate::tool;

/// One package.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The SPDX expression.
    pub(crate) licence: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a manifest.
#[derive(Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Only tests and examples see it.
    pub(crate) only_for_tests: bool,
}

/// The packages of the workspace.
pub(crate) fn workspace() -> Result<Vec<Package>> {
    read(&["metadata", "--format-version", "1", "--no-deps", "--offline"])
}

/// All packages that any build of the workspace may compile.
pub(crate) fn everything() -> Result<Vec<Package>> {
    read(&["metadata", "--format-version", "1", "--locked"])
}

fn read(arguments: &[&str]) -> Result<Vec<Package>> {
    let metadata = json::parse(&tool::cargo(arguments).output()?)?;
    Ok(metadata.get("packages").items().iter().map(package).collect())
}

fn package(value: &Value) -> Package {
    let text = |name: &str| value.get(name).text().unwrap_or_default().to_owned();
    Package {
        name: text("name"),
        version: text("version"),
        licence: value.get("license").text().map(str::to_owned),
        dependencies: value
            .get("dependencies")
            .items()
            .iter()
            .map(|dependency| Dependency {
                name: dependency.get("name").text().unwrap_or_default().to_owned(),
                only_for_tests: dependency.get("kind").text() == Some("dev"),
            })
            .collect(),
    }
}
