//! Transcripts of invented sessions, in the shape and the proportions of real ones: a sixth of the lines tell of calls,
//! several lines per call with growing numbers, and most of the bytes are what tools answered.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Result;

/// What tools answer, for the most part: text that only has to be there.
const FILLER: &str =
    "the quick brown fox jumps over the lazy dog and writes a function that returns early, then a test of it; ";
const MODELS: [&str; 3] = [
    "claude-opus-4-6",
    "claude-sonnet-4-5-20250929",
    "claude-haiku-4-5-20251001",
];

/// One transcript that is being written.
pub(crate) struct Transcript<W: Write> {
    out: W,
    session: String,
    filler: String,
    random: u64,
    call: u64,
    /// Bytes written.
    pub(crate) bytes: u64,
}

impl Transcript<BufWriter<File>> {
    /// Begins the transcript of session `number` below the folder of an agent's configuration.
    pub(crate) fn create(config: &Path, number: usize) -> Result<Self> {
        let project = config.join(format!("projects/-srv-project-{}", number % 40));
        std::fs::create_dir_all(&project)?;
        let session = session(number);
        let file = File::create(project.join(format!("{session}.jsonl")))?;
        Ok(Self::new(BufWriter::with_capacity(1 << 20, file), session, number))
    }

    /// Goes on writing to that transcript, with calls that it does not have yet.
    pub(crate) fn append(config: &Path, number: usize) -> Result<Self> {
        let session = session(number);
        let path = config.join(format!("projects/-srv-project-{}/{session}.jsonl", number % 40));
        let file = File::options().append(true).open(path)?;
        let mut transcript = Self::new(BufWriter::new(file), session, number);
        transcript.call = 1 << 40;
        Ok(transcript)
    }
}

fn session(number: usize) -> String {
    format!("{number:08x}-0000-4000-8000-{number:012x}")
}

impl<W: Write> Transcript<W> {
    fn new(out: W, session: String, number: usize) -> Self {
        Self {
            out,
            session,
            filler: FILLER.repeat(1 + 64 * 1024 / FILLER.len()),
            random: 0x9E37_79B9_7F4A_7C15 ^ (number as u64 + 1),
            call: 0,
            bytes: 0,
        }
    }

    fn random(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below
    }

    /// Some text, shorter than `below` bytes.
    fn text(&mut self, below: u64) -> String {
        let length = usize::try_from(self.random(below)).unwrap_or(0);
        self.filler[..length].to_owned()
    }

    /// Writes calls and what belongs to them until there are so many bytes, then everything to the file.
    pub(crate) fn write(&mut self, bytes: u64) -> Result<()> {
        while self.bytes < bytes {
            self.turn()?;
        }
        self.out.flush()?;
        Ok(())
    }

    fn line(&mut self, kind: &str, rest: &str) -> Result<()> {
        let second = self.call % 86_400;
        let (h, m, s) = (second / 3600, second / 60 % 60, second % 60);
        let day = 1 + self.call / 86_400 % 28;
        let line = format!(
            "{{\"parentUuid\":\"{0:016x}\",\"isSidechain\":false,\"userType\":\"external\",\"cwd\":\"/srv/project\",\"sessionId\":\"{1}\",\"version\":\"2.1.39\",\"gitBranch\":\"main\",\"type\":\"{kind}\",{rest},\"uuid\":\"{0:016x}\",\"timestamp\":\"2026-02-{day:02}T{h:02}:{m:02}:{s:02}.000Z\"}}\n",
            self.random, self.session
        );
        self.out.write_all(line.as_bytes())?;
        self.bytes += line.len() as u64;
        Ok(())
    }

    /// One call in two lines, what its tool answered, and the noise between.
    fn turn(&mut self) -> Result<()> {
        self.call += 1;
        let call = self.call;
        let (input, read, write) = (1 + self.random(20), self.random(150_000), self.random(4_000));
        let model = MODELS[usize::try_from(self.random(3)).unwrap_or(0)];
        let session = self.session[..8].to_owned();
        for output in [5, 50 + self.random(2_000)] {
            let text = self.text(1_500);
            self.line(
                "assistant",
                &format!(
                    "\"message\":{{\"model\":\"{model}\",\"id\":\"msg_{session}{call:016x}\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[{{\"type\":\"text\",\"text\":\"{text}\"}}],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{{\"input_tokens\":{input},\"cache_creation_input_tokens\":{write},\"cache_read_input_tokens\":{read},\"cache_creation\":{{\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":{write}}},\"output_tokens\":{output},\"service_tier\":\"standard\"}}}},\"requestId\":\"req_{session}{call:016x}\""
                ),
            )?;
        }
        for _ in 0..8 {
            self.line("progress", "\"data\":{\"type\":\"hook_progress\",\"hookEvent\":\"PostToolUse\",\"hookName\":\"PostToolUse:Read\",\"command\":\"/usr/local/bin/note\"},\"parentToolUseID\":\"toolu_1\",\"toolUseID\":\"toolu_1\"")?;
        }
        let text = self.text(20_000);
        self.line("user", &format!("\"message\":{{\"role\":\"user\",\"content\":[{{\"tool_use_id\":\"toolu_1\",\"type\":\"tool_result\",\"content\":\"{text}\"}}]}},\"toolUseResult\":{{\"stdout\":\"ok\",\"stderr\":\"\"}}"))
    }
}

/// Writes so many bytes of transcripts of about 2.8 MB each, as one real session has. Returns how many there are.
pub(crate) fn archive(config: &Path, bytes: u64) -> Result<usize> {
    const EACH: u64 = 2_800_000;
    let count = usize::try_from(bytes.div_ceil(EACH))?;
    for number in 0..count {
        Transcript::create(config, number)?.write(EACH.min(bytes))?;
    }
    Ok(count)
}
