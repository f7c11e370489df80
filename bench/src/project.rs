//! Projects on disk, as agents write them.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::json;

/// A folder with a phase file.
pub(crate) struct Project {
    folder: PathBuf,
    name: String,
}

impl Project {
    /// Makes the project number `number` below `root`, with a phase file.
    pub(crate) fn create(root: &Path, number: usize) -> Result<Self> {
        let name = format!("project-{number:05}");
        let folder = root.join(&name).join(".context-foundry");
        std::fs::create_dir_all(&folder)?;
        let project = Self { folder, name };
        project.write("beginning")?;
        Ok(project)
    }

    /// Makes `count` projects.
    pub(crate) fn create_many(root: &Path, count: usize) -> Result<Vec<Self>> {
        (0..count).map(|number| Self::create(root, number)).collect()
    }

    /// Name of the session.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Prepares a phase file whose detail is `detail` beside the real one; `publish` puts it in place.
    pub(crate) fn prepare(&self, detail: &str) -> Result<()> {
        self.prepare_phase(3, detail)
    }

    /// The same with another number of the phase.
    pub(crate) fn prepare_phase(&self, number: u32, detail: &str) -> Result<()> {
        let document = json!({
            "session_id": self.name, "current_phase": "Builder", "phase_number": format!("{number}/8"), "status": "building",
            "progress_detail": detail, "test_iteration": 0, "phases_completed": ["Scout", "Architect"],
            "started_at": "2026-01-31T08:00:00Z", "last_updated": "2026-01-31T08:15:00Z",
        });
        Ok(std::fs::write(self.folder.join("next"), document.to_string())?)
    }

    /// Renames what was prepared over the phase file.
    pub(crate) fn publish(&self) -> Result<()> {
        Ok(std::fs::rename(
            self.folder.join("next"),
            self.folder.join("current-phase.json"),
        )?)
    }

    /// Writes a phase file atomically.
    pub(crate) fn write(&self, detail: &str) -> Result<()> {
        self.prepare(detail)?;
        self.publish()
    }

    /// The project's folder.
    pub(crate) fn directory(&self) -> &Path {
        self.folder.parent().unwrap_or(&self.folder)
    }

    /// The path of the phase file.
    pub(crate) fn phase_file(&self) -> PathBuf {
        self.folder.join("current-phase.json")
    }
}
