//! Writes the description of the whole API, the server's routes and those of this crate: to the path given as the argument,
//! else to standard output. Run by `cargo xtask gen`.

use std::error::Error;
use std::io::Write as _;
use std::{env, fs, io};

fn main() -> Result<(), Box<dyn Error>> {
    let document = forgecast_server::openapi::document(forgecast_legacy::routes().table());
    let text = serde_json::to_string_pretty(&document)? + "\n";
    match env::args_os().nth(1) {
        Some(path) => fs::write(path, text)?,
        None => io::stdout().write_all(text.as_bytes())?,
    }
    Ok(())
}
