//! `tinycode setup`: makes what trust levels need beforehand.

mod local;

use clap::Args;

use super::exit::Exit;
use super::failure::Failure;
use super::screen::Looks;
use crate::config::Config;

const EXAMPLES: &str = "\
Examples:
  tinycode setup                                     the Python of local sessions
  tinycode setup --local-component python.wasm       the same, from one that was built elsewhere";

/// Options of `tinycode setup`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct SetupArgs {
    /// Write how it goes as JSON lines to stdout
    #[arg(long)]
    json: bool,
}

/// Makes what it was asked for.
///
/// # Errors
/// Why it cannot be made.
pub async fn run(args: SetupArgs, config: &Config, looks: Looks) -> Result<Exit, Failure> {
    local::run(args.json, config, looks).await
}
