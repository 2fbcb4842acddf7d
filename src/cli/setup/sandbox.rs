//! `tinycode setup --sandbox`: the image of sandboxed sessions.

use clap::{Args, ValueEnum};

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::screen::{Looks, Screen, complain, print};
use crate::config::Config;
use crate::engine::sandboxed::DEFAULT_IMAGE;
use crate::engine::sandboxed::image::{self, Recipe, Source};
use crate::protocol::Error;

/// Options about the image.
#[derive(Args, Debug)]
pub struct ImageArgs {
    /// Put this package into the image, with all that it needs; may be given several times
    #[arg(long, value_name = "PACKAGE", requires = "sandbox")]
    with: Vec<String>,
    /// Call the image this
    #[arg(long, value_name = "NAME", default_value = DEFAULT_IMAGE, requires = "sandbox")]
    image: String,
    /// Make it from this [default: a registry, or Debian's packages where none can be reached]
    #[arg(long, value_name = "WHAT", requires = "sandbox")]
    from: Option<Origin>,
}

/// What an image can be made from.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Origin {
    /// Python's own image
    Registry,
    /// The packages of this machine's Debian
    Debian,
}

/// Makes the image.
///
/// # Errors
/// Why it cannot be made.
pub async fn run(args: ImageArgs, config: &Config, looks: Looks) -> Result<Exit, Failure> {
    let recipe = Recipe {
        image: args.image,
        from: args.from.map(|origin| match origin {
            Origin::Registry => Source::Registry,
            Origin::Debian => Source::Debian,
        }),
        with: args.with,
        cache: config.cache_folder.clone(),
    };
    let mut screen = Screen::new(looks.err);
    let live = looks.err.live;
    let mut say = |what: &str| match live {
        true => screen.now(what),
        false => drop(complain(&format!("{what}\n"))),
    };
    let made = image::make(&config.docker, &recipe, &mut say).await;
    screen.end()?;
    let made = made.map_err(Error::from)?;
    let megabytes = made.size / 1_000_000;
    print(&format!(
        "{}, {megabytes} MB, from {}\n",
        made.image, made.from
    ))?;
    Ok(Exit::Answer)
}
