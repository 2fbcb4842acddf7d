//! What code may import.

use serde_json::json;

use super::REFUSED;
use crate::support::Daemon;

pub fn an_import_that_is_not_allowed_is_refused_at_its_line(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    for code in [
        "\nimport os",
        "\nfrom os import path",
        "\nimport os.path",
        "\nimport json, os",
        "\n__import__('os')",
        "\nfrom os import *",
    ] {
        let error = session.exec(code)["error"].clone();
        assert_eq!(error["type"], "ImportError", "{code}");
        assert_eq!(error["message"], REFUSED, "{code}");
        assert_eq!(error["line"], 2, "{code}");
        assert!(
            !error["traceback"].to_string().contains("worker"),
            "{error}"
        );
    }
    let error = session.exec("import no_such_module")["error"].clone();
    let wanted = "import of 'no_such_module' is not allowed; add it to extra_imports";
    assert_eq!(error["message"], wanted);
    let code = "try:\n    import os\nexcept ImportError as e:\n    print(e, e.name)";
    session.check(code, json!({"output": format!("{REFUSED} os\n")}));
}

pub fn the_default_list_is_that_of_the_protocol(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    let allowed = "abc asyncio base64 bisect calendar cmath collections contextlib copy csv \
        dataclasses datetime decimal difflib enum fractions functools hashlib heapq html io \
        itertools json math numbers operator pprint random re secrets statistics string textwrap \
        time typing unicodedata urllib.parse uuid zlib zoneinfo";
    for name in allowed.split_whitespace() {
        session.check(&format!("import {name}"), json!({}));
    }
    session.check(
        "from __future__ import annotations\nimport collections.abc, html.parser",
        json!({}),
    );
    let forbidden = "os sys subprocess socket shutil pathlib ctypes threading multiprocessing \
        importlib builtins urllib urllib.request http pickle signal tempfile inspect";
    for name in forbidden.split_whitespace() {
        let error = session.exec(&format!("import {name}"))["error"].clone();
        let top = name.split('.').next().unwrap();
        let wanted = format!("import of '{top}' is not allowed; add it to extra_imports");
        assert_eq!(error["message"], wanted, "{name}");
    }
}

pub fn a_module_of_a_package_is_allowed_without_the_rest_of_it(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    let value = json!({"value": "'a%20b'"});
    session.check(
        "from urllib.parse import quote\nquote('a b')",
        value.clone(),
    );
    session.check(
        "import urllib.parse\nurllib.parse.quote('a b')",
        value.clone(),
    );
    session.check("from urllib import parse\nparse.quote('a b')", value);
    for code in [
        "import urllib.request",
        "from urllib import request",
        "from urllib import parse, request",
        "from urllib.request import urlopen",
    ] {
        let error = session.exec(code)["error"].clone();
        let wanted = "import of 'urllib' is not allowed; add it to extra_imports";
        assert_eq!(error["message"], wanted, "{code}");
    }
}

pub fn extra_imports_add_a_package_and_a_star_adds_all(level: &str) {
    let daemon = Daemon::start();
    let some = daemon.session_at(level, json!({"extra_imports": ["colorsys"]}));
    some.check(
        "import colorsys\ncolorsys.rgb_to_hsv(0, 0, 1)[2]",
        json!({"value": "1"}),
    );
    assert_eq!(some.exec("import os")["error"]["message"], REFUSED);
    let all = daemon.session_at(level, json!({"extra_imports": ["*"]}));
    all.check("import colorsys, keyword, sched", json!({}));
    let error = all.exec("import no_such_module")["error"].clone();
    assert_eq!(error["type"], "ModuleNotFoundError", "{error}");
}

pub fn what_an_allowed_module_imports_itself_is_not_looked_at(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    session.check(
        "import datetime\ndatetime.datetime.strptime('2024', '%Y').year",
        json!({"value": "2024"}),
    );
    session.check(
        "import statistics\nstatistics.mean([1, 2, 3])",
        json!({"value": "2"}),
    );
    let code = "def late():\n    import os\nsorted([1, 2], key=lambda _: late())";
    assert_eq!(session.exec(code)["error"]["message"], REFUSED);
    assert_eq!(session.exec("late()")["error"]["type"], "ImportError");
}
