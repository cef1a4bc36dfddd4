//! Parses the arguments, chooses window or command, returns the exit code.

fn main() {}
