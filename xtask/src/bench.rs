//! Measures: builds what is measured as it ships and hands over to the bench crate, which knows the figures.

use crate::Result;
use crate::tool::cargo;

/// `bench [name…]`: the figures of these names, all without one.
pub(crate) fn run(names: &[String]) -> Result {
    cargo(&[
        "build",
        "--release",
        "--locked",
        "--package",
        "forgecast",
        "--package",
        "forgecast-bench",
    ])
    .run()?;
    let mut arguments = vec![
        "run",
        "--release",
        "--locked",
        "--quiet",
        "--package",
        "forgecast-bench",
        "--",
    ];
    arguments.extend(names.iter().map(String::as_str));
    cargo(&arguments).run()
}
