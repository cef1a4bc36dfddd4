//! Parses the arguments, chooses window or command, returns the exit code.

use calvaria::{app, cli, scan};
use std::process::ExitCode;

fn main() -> ExitCode {
    // A damaged picture is told once, by the error of the file it is in.
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("error,jpeg2k=off")).init();
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !scan::is_decoding() {
            tell(panic);
        }
    }));
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
