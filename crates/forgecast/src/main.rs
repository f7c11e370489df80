//! The binary: command line, configuration, wiring and signals. The parts that it connects are in the other crates.

mod access;
mod cli;
mod client;
mod commands;
mod config;
mod connect;
mod delivery;
mod demo;
mod doctor;
mod emit;
mod import;
mod memory;
mod nearest;
mod notify;
mod pipeline;
mod prices;
mod private_folder;
mod runtime_file;
mod server_urls;
mod shutdown;
mod spool;
mod telemetry;
mod terminal;
mod typo;
mod usage;
mod wrap;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::{CommandFactory, Parser};
use tokio::runtime::Runtime;

use cli::{Cli, Command, ConfigCommand};
use commands::{Context, Flags};
use config::Environment;
use forgecast_decode::clean::is_hidden;

fn main() -> ExitCode {
    let began = Instant::now();
    match run(parse(), began) {
        Ok(code) => code,
        Err(error) => {
            // One line: what happened, why, and what to do.
            terminal::print_error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Parses the command line. An error repeats the wrong argument, so control sequences in arguments are made visible first.
fn parse() -> Cli {
    let error = match Cli::try_parse() {
        Ok(cli) => return cli,
        Err(error) => error,
    };
    let is_plain = |argument: std::ffi::OsString| !argument.to_string_lossy().contains(is_hidden);
    if !error.use_stderr() || std::env::args_os().all(is_plain) {
        error.exit();
    }
    terminal::print_errors(&error.to_string());
    std::process::exit(error.exit_code())
}

fn run(cli: Cli, began: Instant) -> Result<ExitCode> {
    let command = cli.command.unwrap_or(Command::Serve(cli.serve));
    let context = Context {
        environment: Environment::of_this_process(),
        common: cli.common,
        is_server: matches!(command, Command::Serve(_) | Command::Demo(_)),
    };
    let done = match command {
        Command::Run(args) => return Ok(wrap::run(&context, &args)?.into()),
        Command::RunInTerminal { command } => return Ok(wrap::become_command(&command).into()),
        Command::Serve(args) => block_on(commands::serve::run(&context, &args)),
        Command::Demo(args) => block_on(commands::demo::run(&context, &args)),
        Command::Sessions(args) => commands::sessions::run(&context, &args),
        Command::Status(args) => commands::status::run(&context, &args),
        Command::Usage(args) => commands::usage::run(&context, &args),
        Command::Prices(args) => commands::prices::run(&context, &args),
        Command::Emit(args) => commands::emit::run(&context, &args, began),
        Command::Statusline(args) => {
            commands::statusline::run(&context, &args);
            Ok(())
        }
        Command::Hook(args) => {
            commands::hook::run(&context, &args);
            Ok(())
        }
        Command::Ingest(args) => commands::ingest::run(&context, &args),
        Command::Init(args) => commands::init::run(&context, &args),
        Command::Doctor(args) => commands::doctor::run(&context, &args),
        Command::Forget(args) => commands::forget::run(&context, &args),
        Command::Export(args) => commands::export::run(&context, &args),
        Command::Backup(args) => commands::backup::backup(&context, &args),
        Command::Restore(args) => commands::backup::restore(&context, &args),
        Command::Import(args) => commands::import::run(&context, &args),
        Command::Budget(args) => commands::budget::run(&context, &args),
        Command::Notify(args) => commands::notify::run(&context, &args),
        Command::Token(args) => commands::token::run(&context, &args),
        Command::Share(args) => commands::share::run(&context, &args),
        Command::Config { command } => show_config(&context, command),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "forgecast", &mut std::io::stdout().lock());
            Ok(())
        }
    };
    done.map(|()| ExitCode::SUCCESS)
}

fn show_config(context: &Context, command: ConfigCommand) -> Result<()> {
    let text = match command {
        ConfigCommand::Show => config::show(&context.configure(Flags::default())?),
        ConfigCommand::Default => config::default_file(),
    };
    terminal::print(&text);
    Ok(())
}

fn block_on(command: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = Runtime::new().context("cannot start the runtime")?;
    let result = runtime.block_on(command);
    // A thread that is stuck on a dead disk must not keep the process alive.
    runtime.shutdown_background();
    result
}
