//! temporary
use std::process::ExitCode;
use tinycode::{config::Config, transport};
fn main() -> ExitCode {
    tinycode::config::hide_key().unwrap();
    real()
}
#[tokio::main]
async fn real() -> ExitCode {
    let mut o = transport::Options::default();
    let config = Config::from_environment();
    o.state_folder = config.state_folder.clone();
    let a: Vec<String> = std::env::args().skip(2).collect();
    let mut i = 0;
    while i < a.len() {
        match a[i].as_str() {
            "--stdio" => o.stdio = true,
            "--socket" => {
                i += 1;
                o.socket = Some(a[i].clone().into())
            }
            "--ws" => {
                i += 1;
                o.ws = Some(a[i].clone())
            }
            _ => {}
        }
        i += 1;
    }
    if o.socket.is_none() && o.ws.is_none() {
        o.stdio = true
    }
    transport::serve(config.app(None), o)
        .await
        .unwrap_or(ExitCode::from(4))
}
