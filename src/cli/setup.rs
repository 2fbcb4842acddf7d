//! `tinycode setup`: makes what trust levels need beforehand.

mod sandbox;

use clap::Args;

use super::exit::Exit;
use super::failure::Failure;
use super::screen::Looks;
use crate::config::Config;

const EXAMPLES: &str = "\
Examples:
  tinycode setup --sandbox                           the image of sandboxed sessions
  tinycode setup --sandbox --with pandas --with matplotlib
  tinycode setup --sandbox --image lab --with scipy  for sessions with the option `image`";

/// Options of `tinycode setup`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct SetupArgs {
    /// Make the image of sandboxed sessions
    #[arg(long, required = true)]
    sandbox: bool,
    #[command(flatten)]
    image: sandbox::ImageArgs,
}

/// Makes what it was asked for.
///
/// # Errors
/// Why it cannot be made.
pub async fn run(args: SetupArgs, config: &Config, looks: Looks) -> Result<Exit, Failure> {
    sandbox::run(args.image, config, looks).await
}
