//! Parses the arguments, chooses window or command, returns the exit code.

use calvaria::{app, cli};
use std::process::ExitCode;

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("error")).init();
    match cli::run(std::env::args_os()) {
        cli::Outcome::Exit(code) => ExitCode::from(code),
        cli::Outcome::Window { start, trouble } => match app::run(start, trouble) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("calvaria: {error}");
                ExitCode::from(cli::NO_WINDOW)
            }
        },
    }
}
