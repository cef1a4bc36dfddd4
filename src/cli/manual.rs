use super::arguments::{Arguments, Completions, Man};
use super::failure::Failure;
use super::output;
use clap::CommandFactory;

/// Prints a shell's completions.
pub fn completions(arguments: &Completions) {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "calvaria", &mut text);
    output::print(&String::from_utf8_lossy(&text));
}

/// Prints the manual page of the program or of one command.
pub fn page(arguments: &Man) -> Result<(), Failure> {
    let mut all = Arguments::command();
    all.build();
    let command = match &arguments.command {
        None => all,
        Some(name) => {
            let known = || all.get_subcommands().map(|c| c.get_name()).collect::<Vec<_>>().join(", ");
            let found = all.find_subcommand(name);
            let found =
                found.ok_or_else(|| Failure::Usage(format!("no command is called {name}; known: {}", known())))?;
            found.clone()
        }
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut text)
        .map_err(|e| Failure::Write(format!("the manual page could not be made: {e}")))?;
    output::print(&String::from_utf8_lossy(&text));
    Ok(())
}
