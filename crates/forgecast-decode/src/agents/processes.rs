//! What agents write about their own processes, in a shape that does not depend on the agent.
//! Whether a process is there is asked by whoever may read `/proc`.

use forgecast_protocol::event::ProcessStatus;
use forgecast_protocol::session::WaitingFor;
use forgecast_protocol::{SessionName, Timestamp};

use crate::Unparsable;
use crate::clean::Cleaner;

/// Where an agent says what its processes are doing, and how that is read.
pub struct ProcessFiles {
    /// The folder below its home with one file for each process, `<pid>.json`.
    pub processes: &'static str,
    /// The folder below its home with one folder for each background job.
    pub jobs: &'static str,
    /// The file in the folder of a job.
    pub job: &'static str,
    /// Reads the file of a process. `Ok(None)`: a process without a session.
    ///
    /// # Errors
    /// When it is no object or not complete.
    pub read_process: fn(&[u8], &Cleaner) -> Result<Option<ProcessFile>, Unparsable>,
    /// Reads the file of a job. `Ok(None)`: a job without a session.
    ///
    /// # Errors
    /// When it is no object or not complete.
    pub read_job: fn(&[u8], &Cleaner) -> Result<Option<JobFile>, Unparsable>,
}

/// What the file of a process says. The process itself may be gone.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessFile {
    /// Its id, in the process namespace that it runs in.
    pub pid: u32,
    /// When it started, in clock ticks since the machine started, as the 22nd field of
    /// `/proc/<pid>/stat` has it.
    pub started: Option<String>,
    /// The machine and the process namespace that it runs in: `linux:<machine id>:pid:[<number>]`.
    pub domain: Option<String>,
    /// The session that it works on.
    pub session: SessionName,
    /// The folder that it works in.
    pub directory: Option<String>,
    /// The background job that it does.
    pub job: Option<String>,
    /// What it is doing.
    pub status: ProcessStatus,
    /// What it waits for, when it waits.
    pub waiting_for: Option<WaitingFor>,
    /// Why it waits, one line.
    pub reason: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Whether somebody sits in front of it.
    pub attended: Option<bool>,
}

/// What the file of a background job says.
#[derive(Clone, Debug, PartialEq)]
pub struct JobFile {
    /// The session that it is about.
    pub session: SessionName,
    /// The folder that it works in.
    pub directory: Option<String>,
    /// How it ended and why, one line; `None` while it goes on.
    pub ended: Option<(ProcessStatus, String)>,
    /// What it needs from a person, one line.
    pub needs: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
}
