//! The program `tinycode`: see `cli.rs`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tinycode::cli::main()
}
