//! `tinycode setup`: makes what trust levels need beforehand.

mod local;
mod sandbox;

use clap::Args;

use super::exit::Exit;
use super::failure::Failure;
use super::screen::Looks;
use crate::config::Config;

const EXAMPLES: &str = "\
Examples:
  tinycode setup                                     the Python of local sessions
  tinycode setup --local-component python.wasm       the same, from one that was built elsewhere
  tinycode setup --sandbox                           the image of sandboxed sessions
  tinycode setup --sandbox --with pandas --with matplotlib
  tinycode setup --sandbox --image lab --with scipy  for sessions with the option `image`";

/// Options of `tinycode setup`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct SetupArgs {
    /// Write how it goes as JSON lines to stdout
    #[arg(long, conflicts_with = "sandbox")]
    json: bool,
    /// Make the image of sandboxed sessions, and nothing else
    #[arg(long)]
    sandbox: bool,
    #[command(flatten)]
    image: sandbox::ImageArgs,
}

/// Makes what it was asked for.
///
/// # Errors
/// Why it cannot be made.
pub async fn run(args: SetupArgs, config: &Config, looks: Looks) -> Result<Exit, Failure> {
    if args.sandbox {
        sandbox::run(args.image, config, looks).await
    } else {
        local::run(args.json, config, looks).await
    }
}
