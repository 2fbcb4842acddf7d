//! Nothing of the machine is reached from inside.

use std::fs;
use std::net::TcpListener;

use serde_json::{Value, json};

use super::local;
use crate::support::{Daemon, Options, refused};

/// Gets at modules that the code may not import.
const MODULES: &str = "modules = final_answer.__func__.__globals__['sys'].modules\n";

#[test]
fn neither_files_nor_the_environment_nor_a_port_are_reached() {
    let daemon = Options::default().env("CANARY", "secret-1").start();
    let file = daemon.folder().join("canary");
    fs::write(&file, "secret-2").unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let session = local(&daemon, json!({"extra_imports": ["*"]}));
    let path = file.display();
    for code in [
        "import os\ndict(os.environ)".to_owned(),
        format!("import io\nio.open('{path}').read()"),
        format!("import os\nos.open('{path}', 0)"),
        "import os\nos.listdir('/')".to_owned(),
        "import os\nos.listdir('/proc')".to_owned(),
        format!("import socket\nsocket.create_connection(('127.0.0.1', {port}), 5)"),
        format!("import socket\ns = socket.socket()\ns.connect(('127.0.0.1', {port}))"),
        "import socket\ns = socket.socket()\ns.bind(('127.0.0.1', 0))\ns.listen()".to_owned(),
        "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.sendto(b'x', ('127.0.0.1', 53))".to_owned(),
        "import socket\nsocket.getaddrinfo('localhost', 80)".to_owned(),
        "import urllib.request\nurllib.request.urlopen('http://127.0.0.1')".to_owned(),
        "import subprocess\nsubprocess.run(['id'])".to_owned(),
        "import os\nos.fork()".to_owned(),
        "import threading\nthreading.Thread(target=print).start()".to_owned(),
        "import ctypes".to_owned(),
        "import os\nos.kill(1, 9)".to_owned(),
    ] {
        let result = session.exec(&code);
        let reached = result["error"] == Value::Null && result["value"] != "{}";
        assert!(!reached, "{code}: {result}");
        assert!(!result.to_string().contains("secret"), "{code}: {result}");
    }
    assert!(listener.accept().is_err(), "somebody connected");
    session.assert_usable();
    let wanted = json!({"trust_level": "local", "network": "host"});
    let (message, _) = refused(
        daemon.call("session.create", wanted),
        -32602,
        "invalid_params",
    );
    assert!(message.contains("network"), "{message}");
}

#[test]
fn escapes_from_the_names_of_a_step_lead_nowhere() {
    let daemon = Options::default().env("CANARY", "secret-1").start();
    let session = local(&daemon, json!({}));
    for code in [
        "[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == 'Popen'][0](['id'])".to_owned(),
        format!("{MODULES}dict(modules['os'].environ)"),
        format!("{MODULES}modules['os'].listdir('/')"),
        format!("{MODULES}modules['io'].open('/etc/passwd')"),
        format!("{MODULES}modules['os'].system('id')"),
        "def f():\n    import inspect\n    return inspect.currentframe().f_back.f_globals['environ']\nf()".to_owned(),
        "'{0.__func__.__globals__[sys].modules[os].environ}'.format(final_answer)".to_owned(),
        "try:\n    1 / 0\nexcept Exception as e:\n    frame = e.__traceback__.tb_frame\nwhile frame.f_back: frame = frame.f_back\n[n for n in frame.f_globals if 'secret-1' in str(frame.f_globals[n])]".to_owned(),
        format!("{MODULES}modules['builtins'].eval('__import__(\"os\").listdir(\"/\")')"),
    ] {
        let result = session.exec(&code);
        let value = result["value"].as_str().unwrap_or_default();
        let nothing = ["", "[]", "{}", "'environ({})'"].contains(&value);
        assert!(nothing, "{code}: {result}");
        assert!(!result["output"].to_string().contains("root"), "{result}");
    }
    session.assert_usable();
}

#[test]
fn a_python_that_ends_itself_is_replaced() {
    let daemon = Daemon::start();
    let session = local(&daemon, json!({"extra_imports": ["*"]}));
    for (code, says) in [
        ("import os\nos._exit(3)", "ended by the code"),
        ("import os\nos.abort()", "crashed"),
        (
            "x = []\nfor _ in range(10**6): x = [x]\ndel x",
            "ran out of stack",
        ),
    ] {
        let result = session.exec(&format!("print('before')\n{code}"));
        assert_eq!(
            (&result["state"], &result["output"]),
            (&json!("restored"), &json!("before\n")),
            "{result}"
        );
        let message = result["error"]["message"].as_str().unwrap();
        assert!(
            message.contains(says) && message.contains("as it was before"),
            "{message}"
        );
        session.assert_usable();
    }
}
