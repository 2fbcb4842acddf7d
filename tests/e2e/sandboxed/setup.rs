//! `tinycode setup --sandbox`. That it makes an image is seen before the tests: they run in one.

use super::sandboxed;
use crate::support::{docker, tinycode};

#[test]
fn without_an_engine_it_says_what_to_do() {
    let setup = tinycode(&["setup", "--sandbox"]).env("DOCKER_HOST", "unix:///no/engine.sock");
    let ended = setup.run();
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stderr.contains("does not answer"), "{ended:?}");
    assert!(ended.stderr.contains(" hint: start Docker"), "{ended:?}");
}

#[test]
fn packages_are_for_the_image_alone() {
    let ended = tinycode(&["setup", "--with", "pandas"]).run();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--sandbox"), "{ended:?}");
}

sandboxed! {
    fn the_image_says_what_is_in_it() {
        let labels = "{{index .Config.Labels \"tinycode.from\"}} {{.Config.Entrypoint}} {{.Config.Cmd}}";
        let said = docker(&["image", "inspect", "tinycode-sandbox", "--format", labels]);
        assert!(said.starts_with("debian ") || said.contains("python@sha256:"), "{said}");
        assert!(said.ends_with(" [] [python3]\n"), "{said}");
        let daemon = "{{index .Config.Labels \"tinycode.daemon\"}}";
        assert_eq!(docker(&["image", "inspect", "tinycode-sandbox", "--format", daemon]).trim(), "");
    }
}
