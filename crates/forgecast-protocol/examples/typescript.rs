//! Prints the wire types as one TypeScript file, in the order of their names: to the path given as the argument, else to standard
//! output. Run by `cargo xtask gen`; never edited by hand what it writes.

use std::collections::BTreeMap;
use std::error::Error;
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

/// Declarations by name: of the types that are visited, and of those that they name.
#[derive(Default)]
struct Declarations {
    all: BTreeMap<String, String>,
    config: Config,
}

impl TypeVisitor for Declarations {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        // Only types of our own have a file that they could be written to.
        if T::output_path().is_none() {
            return;
        }
        let name = T::ident(&self.config);
        if self.all.contains_key(&name) {
            return;
        }
        let docs = T::docs().unwrap_or_default();
        let declaration = format!("\n{docs}export {}\n", T::decl(&self.config));
        self.all.insert(name, declaration);
        T::visit_dependencies(self);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut all = Declarations::default();
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
    let constants =
        format!("export const PROTOCOL_VERSION = {PROTOCOL_VERSION};\nexport const HEARTBEAT_S = {HEARTBEAT_S};\n");
    let declarations = all.all.into_values().collect::<String>();
    let file = tidied(&[HEADER, &constants, &declarations].concat());
    match env::args_os().nth(1) {
        Some(path) => fs::write(path, file)?,
        None => io::stdout().write_all(file.as_bytes())?,
    }
    Ok(())
}
