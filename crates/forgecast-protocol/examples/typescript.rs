//! Prints the wire types as one TypeScript file, in a fixed order: to the path given as the argument, else to standard
//! output. Run by `cargo xtask gen`; never edited by hand what it writes.

use std::any::TypeId;
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::{env, fs, io};

use forgecast_protocol::batch::LogLine;
use forgecast_protocol::event::{BudgetScope, IndexingProgress};
use forgecast_protocol::outcome::OutcomeReport;
use forgecast_protocol::problem::ErrorBody;
use forgecast_protocol::report::UsageReport;
use forgecast_protocol::session::{SessionRow, SessionView, TokenCounts};
use forgecast_protocol::timeline::Timeline;
use forgecast_protocol::update::{ClientMessage, HEARTBEAT_S, Index, PROTOCOL_VERSION, ServerMessage, TopicMark};
use ts_rs::{Config, TS, TypeVisitor};

const HEADER: &str = "\
// The wire types, generated from the Rust definitions in `forgecast-protocol` by `cargo xtask gen`. Do not edit.

";

/// Puts a comment of one line on one line, and takes away spaces at the ends of lines.
fn tidied(file: &str) -> String {
    let mut tidy: Vec<String> = Vec::new();
    for line in file.lines().map(str::trim_end) {
        match tidy.as_slice() {
            [.., opening, text] if line == " */" && opening == "/**" => {
                let comment = format!("/** {} */", text.trim_start_matches([' ', '*']));
                tidy.truncate(tidy.len() - 2);
                tidy.push(comment);
            }
            _ => tidy.push(line.to_owned()),
        }
    }
    tidy.join("\n") + "\n"
}

/// Declares types, each once and followed by those that it names.
#[derive(Default)]
struct Declarations {
    file: String,
    declared: BTreeSet<TypeId>,
    config: Config,
}

impl TypeVisitor for Declarations {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        // Only types of our own have a file that they could be written to.
        if T::output_path().is_none() || !self.declared.insert(TypeId::of::<T>()) {
            return;
        }
        self.file.push('\n');
        self.file.push_str(&T::docs().unwrap_or_default());
        self.file.push_str("export ");
        self.file.push_str(&T::decl(&self.config));
        self.file.push('\n');
        T::visit_dependencies(self);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut all = Declarations {
        file: HEADER.to_owned(),
        ..Declarations::default()
    };
    writeln!(
        all.file,
        "export const PROTOCOL_VERSION = {PROTOCOL_VERSION};\nexport const HEARTBEAT_S = {HEARTBEAT_S};"
    )?;
    // What nothing else names: messages and what they hold as text, the view, the row, answers.
    all.visit::<ClientMessage>();
    all.visit::<ServerMessage>();
    all.visit::<TopicMark>();
    all.visit::<Index>();
    all.visit::<IndexingProgress>();
    all.visit::<ErrorBody>();
    all.visit::<LogLine>();
    all.visit::<SessionView>();
    all.visit::<SessionRow>();
    all.visit::<TokenCounts>();
    all.visit::<UsageReport>();
    all.visit::<BudgetScope>();
    all.visit::<OutcomeReport>();
    all.visit::<Timeline>();
    let file = tidied(&all.file);
    match env::args_os().nth(1) {
        Some(path) => fs::write(path, file)?,
        None => io::stdout().write_all(file.as_bytes())?,
    }
    Ok(())
}
