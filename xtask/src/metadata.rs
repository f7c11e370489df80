//! What `cargo metadata` says about the packages of the workspace: their names and who depends on whom.

use serde_json::Value;

use crate::Result;
use crate::tool;

/// One package.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) dependencies: Vec<Dependency>,
}

/// One dependency in a manifest.
#[derive(Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Only tests and examples see it.
    pub(crate) only_for_tests: bool,
}

/// The packages of the workspace.
pub(crate) fn workspace() -> Result<Vec<Package>> {
    let output = tool::cargo(&["metadata", "--format-version", "1", "--no-deps", "--offline"]).output()?;
    let metadata: Value = serde_json::from_str(&output).map_err(|error| format!("cargo metadata: {error}"))?;
    Ok(items(&metadata, "packages").map(package).collect())
}

fn package(package: &Value) -> Package {
    Package {
        name: text(package, "name"),
        dependencies: items(package, "dependencies")
            .map(|dependency| Dependency {
                name: text(dependency, "name"),
                only_for_tests: dependency["kind"] == "dev",
            })
            .collect(),
    }
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten()
}
