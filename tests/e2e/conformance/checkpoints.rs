//! Checkpoints: where a session can go back to, and what goes back with it.

use serde_json::{Value, json};

use crate::support::{
    Daemon, Model, Session, calculate, client_tool, integers, python_tool, refused, returns,
};

/// Runs until it is killed: no interrupt reaches it.
const STUBBORN: &str = "sum(range(10**12))";

/// The checkpoints and their steps.
fn steps(session: &Session<'_>) -> Vec<(String, u64)> {
    let answer = session.call("session.checkpoints", json!({})).unwrap();
    let list = answer["checkpoints"].as_array().unwrap();
    let times = list.iter().map(|one| one["time"].as_f64().unwrap());
    assert!(times.is_sorted(), "{answer}");
    list.iter()
        .map(|one| {
            let name = one["checkpoint"].as_str().unwrap().to_owned();
            (name, one["step"].as_u64().unwrap())
        })
        .collect()
}

fn named(list: &[(&str, u64)]) -> Vec<(String, u64)> {
    let named = list.iter().map(|(name, step)| ((*name).to_owned(), *step));
    named.collect()
}

/// What was said so far.
fn conversation(session: &Session<'_>) -> Value {
    session.call("memory.steps", json!({})).unwrap()["steps"].take()
}

/// The number of the latest step.
fn step(session: &Session<'_>) -> Value {
    session.call("session.get", json!({})).unwrap()["step"].take()
}

pub fn each_step_leaves_one(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    assert_eq!(steps(&session), named(&[("c0", 0)]));
    session.exec("x = 1");
    session.exec("1 / 0"); // one that fails has changed things too
    session.exec("# nothing");
    let wanted = [("c0", 0), ("c1", 1), ("c2", 2), ("c3", 3)];
    assert_eq!(steps(&session), named(&wanted));
    for (name, number) in &wanted[1..] {
        let finished = session.event("step.finished", |event| event["step"] == *number);
        let kept = session.event("checkpoint", |event| event["step"] == *number);
        assert_eq!(kept["checkpoint"], *name);
        assert_eq!(
            kept["seq"].as_u64(),
            finished["seq"].as_u64().map(|seq| seq + 1)
        );
    }
    session.rewind("c2");
    assert_eq!(
        steps(&session),
        named(&wanted),
        "a way back does not vanish"
    );
    session.exec("y = 1");
    assert_eq!(steps(&session).last(), Some(&("c4".to_owned(), 3)));
}

pub fn each_turn_leaves_one(level: &str) {
    let model = Model::new([
        "```python\nx = 1\n```",
        "no code",
        "```python\nfinal_answer(x)\n```",
        "```python\nx = 2\n```",
    ]);
    let daemon = Daemon::start();
    let session = daemon.session_at(level, model.options());
    session.call("run", json!({"task": "t"})).unwrap();
    session.call("step", json!({"task": "u"})).unwrap();
    let wanted = [("c0", 0), ("c1", 1), ("c2", 2), ("c3", 3), ("c4", 4)];
    assert_eq!(steps(&session), named(&wanted));
    session.rewind("c3");
    session.check("x", json!({"value": "1"}));
}

pub fn a_rewind_brings_back_what_python_was(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    let checkpoint = session.keep(
        "import math\nx = [1]\nsame = x\ndef grow():\n    x.append(len(x))\n    return x\nnumbers = iter(range(9))\nnext(numbers)",
    );
    session.exec("grow()\nnext(numbers)\ny = 2\nmath.pi = 3\ndel same\ndef grow(): return 'other'");
    let info = session.rewind(&checkpoint);
    assert_eq!((&info["state"], &info["step"]), (&json!("idle"), &json!(1)));
    let event = session.event("session.rewound", |_| true);
    assert_eq!(
        (&event["checkpoint"], &event["step"]),
        (&json!(checkpoint), &json!(1))
    );
    session.check("grow(), next(numbers)", json!({"value": "([1, 1], 1)"}));
    session.check("same is x", json!({"value": "True"}));
    session.check("math.pi > 3", json!({"value": "True"}));
    assert_eq!(session.exec("y")["error"]["type"], "NameError");
}

pub fn each_is_all_that_python_was_however_much_changed_since(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    session.printed(
        "import hashlib, random\n\
         data = [bytes(5_000) for n in range(400)]\n\
         def change(count):\n\
         \x20   for n in random.sample(range(400), count): data[n] = random.randbytes(5_000)\n\
         def digest():\n\
         \x20   return hashlib.sha256(b''.join(data)).hexdigest()",
    );
    // Few values change in one step and many in another; the memory grows and is given back.
    let changes = [(1, 0), (300, 1), (5, 12), (0, 3), (2, 0), (400, 0)];
    let digests = changes.map(|(count, mebibytes)| {
        let code = format!("change({count})\nmore = bytes({mebibytes} << 20)\ndigest()");
        session.exec(&code)["value"].clone()
    });
    for step in [4, 1, 5, 3] {
        session.rewind(&format!("c{}", step + 2));
        assert_eq!(session.exec("digest()")["value"], digests[step], "{step}");
    }
}

pub fn random_numbers_come_again_after_a_rewind(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    let checkpoint = session.keep("import random\nrandom.random()");
    let draw = || session.exec("random.random()")["value"].take();
    let (first, second) = (draw(), draw());
    assert_ne!(first, second);
    for _ in 0..2 {
        session.rewind(&checkpoint);
        assert_eq!((draw(), draw()), (first.clone(), second.clone()));
    }
}

pub fn the_scratchpad_goes_back_for_code_and_for_clients(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    let store = |name: &str, value: Value| {
        let params = json!({"name": name, "value": value});
        session.call("memory.store", params).unwrap();
    };
    store("theirs", json!("a"));
    let checkpoint = session.keep("store('ours', [1])\nobserve('seen')");
    let before = session.call("memory.list", json!({})).unwrap();
    session.printed("store('ours', 2)\nstore('later', 3)\nmemory.fail('no good')");
    store("theirs", json!("b"));
    session.rewind(&checkpoint);
    assert_eq!(session.call("memory.list", json!({})).unwrap(), before);
    let recalled = session.call("memory.recall", json!({"name": "ours"}));
    assert_eq!(recalled, Ok(json!({"value": [1], "found": true})));
    session.check(
        "recall('ours'), recall('theirs'), recall('later')",
        json!({"value": "([1], 'a', None)"}),
    );
}

pub fn the_conversation_goes_back(level: &str) {
    let model = Model::new([
        "```python\nfinal_answer(1)\n```",
        "```python\nfinal_answer(2)\n```",
        "```python\nfinal_answer(3)\n```",
    ]);
    let daemon = Daemon::start();
    let session = daemon.session_at(level, model.options());
    let run = |task: &str| session.call("run", json!({"task": task})).unwrap();
    run("the first task");
    let checkpoint = session.checkpoints().pop().unwrap();
    let before = conversation(&session);
    run("the second task");
    assert_ne!(conversation(&session), before);
    session.rewind(&checkpoint);
    assert_eq!(conversation(&session), before);
    assert_eq!(step(&session), 1);
    run("the third task");
    let asked = format!("{:?}", model.requests()[2].messages());
    assert!(asked.contains("the first task"), "{asked}");
    assert!(!asked.contains("the second task"), "{asked}");
    assert_eq!(step(&session), 2);
}

pub fn a_rewind_can_be_undone(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    let early = session.keep("x = 'early'\nstore('x', x)");
    let late = session.keep("x = 'late'\nstore('x', x)");
    for _ in 0..2 {
        for (checkpoint, number, x) in [(&early, 1, "early"), (&late, 2, "late")] {
            let info = session.rewind(checkpoint);
            assert_eq!(info["step"], number);
            session.check(
                "x, recall('x')",
                json!({"value": format!("('{x}', '{x}')")}),
            );
        }
    }
}

pub fn the_beginning_is_a_session_without_steps(level: &str) {
    let model = Model::new(["```python\nx = 1\nstore('x', 1)\nfinal_answer(x)\n```"]);
    let daemon = Daemon::start();
    let session = daemon.session_at(level, model.options());
    let before = conversation(&session);
    let empty = session.call("memory.list", json!({})).unwrap();
    session.call("run", json!({"task": "t"})).unwrap();
    assert_eq!(session.rewind("c0")["step"], 0);
    assert_eq!(conversation(&session), before);
    assert_eq!(session.call("memory.list", json!({})).unwrap(), empty);
    session.check(
        "'x' in globals(), recall('x')",
        json!({"value": "(False, None)"}),
    );
    assert_eq!(step(&session), 1);
}

pub fn a_reset_can_be_undone(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    let checkpoint = session.keep("x = 1\nstore('x', 1)");
    session.call("session.reset", json!({})).unwrap();
    session.check(
        "'x' in globals(), recall('x')",
        json!({"value": "(False, 1)"}),
    );
    if level == "sandboxed" {
        assert!(!session.checkpoints().contains(&checkpoint)); // it went with its container
        return;
    }
    session.rewind(&checkpoint);
    session.check("x, recall('x')", json!({"value": "(1, 1)"}));
}

pub fn one_that_is_not_there_is_refused_and_changes_nothing(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    session.printed("x = 1");
    let list = session.checkpoints();
    for name in [
        "c2",
        "c99",
        "",
        "1",
        "c",
        "c-1",
        "c01",
        "C1",
        " c1",
        "c18446744073709551616",
    ] {
        let answer = session.call("session.rewind", json!({"checkpoint": name}));
        let (message, hint) = refused(answer, -32602, "invalid_params");
        assert!(message.contains(&format!("'{name}'")), "{message}");
        assert!(hint.contains("session.checkpoints"), "{hint}");
    }
    for params in [
        json!({}),
        json!({"checkpoint": 1}),
        json!({"checkpoint": null}),
    ] {
        let answer = session.call("session.rewind", params);
        let (message, _) = refused(answer, -32602, "invalid_params");
        assert!(
            message.contains("checkpoint") || message.contains("string"),
            "{message}"
        );
    }
    let params = json!({"session": "s-1", "checkpoint": "c0"});
    refused(
        daemon.call("session.rewind", params),
        -31001,
        "session_not_found",
    );
    assert_eq!(session.checkpoints(), list);
    session.check("x", json!({"value": "1"}));
}

pub fn the_oldest_go_and_the_beginning_stays(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    for x in 1..=30 {
        session.printed(&format!("x = {x}"));
    }
    let list = session.checkpoints();
    assert!((6..=16).contains(&list.len()), "{list:?}");
    let newest = (1..list.len()).rev().map(|back| format!("c{}", 31 - back));
    let wanted: Vec<String> = std::iter::once("c0".to_owned()).chain(newest).collect();
    assert_eq!(list, wanted);
    let answer = session.call("session.rewind", json!({"checkpoint": "c1"}));
    refused(answer, -32602, "invalid_params");
    session.check("x", json!({"value": "30"}));
    session.rewind(&list[3]);
    session.check("x", json!({"value": list[3][1..]}));
    session.rewind("c0");
    session.check("'x' in globals()", json!({"value": "False"}));
}

pub fn without_checkpoints_there_is_no_way_back(level: &str) {
    let daemon = Daemon::start();
    let limits = json!({"timeout_seconds": 0.5});
    let session = daemon.session_at(level, json!({"checkpoints": false, "limits": limits}));
    session.printed("x = 1");
    assert_eq!(session.checkpoints(), [] as [&str; 0]);
    for name in ["c0", "c1"] {
        let answer = session.call("session.rewind", json!({"checkpoint": name}));
        refused(answer, -32602, "invalid_params");
    }
    session.check("x", json!({"value": "1"}));
    assert!(!session.event_types().contains(&"checkpoint".to_owned()));
    assert_eq!(session.exec(STUBBORN)["state"], "lost");
    assert_eq!(session.exec("x")["error"]["type"], "NameError");
}

pub fn rewinds_wait_in_line(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({"tools": [calculate()]}));
    let checkpoint = session.keep("x = 1");
    let first = session.start_exec("calculate(1, 2)\nx = 2\nx");
    let call = session.tool_call("calculate"); // until it is answered, the code runs
    let rewind = session.start("session.rewind", json!({"checkpoint": checkpoint}));
    let last = session.start_exec("x");
    assert_eq!(
        session.checkpoints(),
        ["c0", "c1"],
        "told while the code runs"
    );
    assert!(!daemon.has_answer(rewind));
    session.answer(&call, returns(3)).unwrap();
    assert_eq!(daemon.wait(first).unwrap()["value"], "2");
    daemon.wait(rewind).unwrap();
    assert_eq!(daemon.wait(last).unwrap()["value"], "1");
}

pub fn an_interrupt_works_after_a_rewind(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    let checkpoint = session.keep("x = 1");
    for on in ["one", "two"] {
        session.rewind(&checkpoint);
        let code = format!("print('{on}', flush=True)\nwhile True: pass");
        let result = session.interrupted(&code, on);
        assert_eq!(
            (&result["interrupted"], &result["state"]),
            (&json!(true), &json!("kept"))
        );
        session.check("x", json!({"value": "1"}));
    }
}

pub fn a_task_goes_on_from_where_it_was(level: &str) {
    let model = Model::new([
        "```python\nx = 10\n```",
        "```python\nx = 'wrong'\n```",
        "```python\nfinal_answer(x + 1)\n```",
    ]);
    let daemon = Daemon::start();
    let mut options = model.options();
    options["limits"] = json!({"max_steps": 2});
    let session = daemon.session_at(level, options);
    session.call("step", json!({"task": "the task"})).unwrap();
    let checkpoint = session.checkpoints().pop().unwrap();
    let second = session.call("step", json!({})).unwrap();
    assert_eq!(second["state"], "step_limit_reached");
    session.rewind(&checkpoint);
    let last = session.call("step", json!({})).unwrap();
    assert_eq!(
        (
            &last["step"],
            &last["state"],
            &last["final_answer"]["value"]
        ),
        (&json!(2), &json!("completed"), &json!(11))
    );
    let requests = model.requests();
    assert_eq!(requests[1].messages(), requests[2].messages());
}

pub fn tools_work_after_a_rewind(level: &str) {
    let daemon = Daemon::start();
    let twice = python_tool("twice", "def twice(x):\n    return 2 * x");
    let session = daemon.session_at(level, json!({"tools": [calculate(), twice]}));
    let before = session.keep("x = 1");
    let result = session.exec_with("x = calculate(1, 2)", |_| returns(3));
    assert_eq!(result["error"], Value::Null, "{result}");
    for checkpoint in [&before, "c0"] {
        session.rewind(checkpoint);
        let result = session.exec_with("calculate(1, 2), twice(4)", |_| returns(3));
        assert_eq!(result["value"], "(3, 8)", "{result}");
    }
}

pub fn tools_stay_those_of_today_and_the_model_is_told(level: &str) {
    let model = Model::new([
        "```python\nfinal_answer(1)\n```",
        "```python\nfinal_answer(later(1, 2))\n```",
    ]);
    let daemon = Daemon::start();
    let session = daemon.session_at(level, model.options());
    session.call("run", json!({"task": "t"})).unwrap();
    let checkpoint = session.checkpoints().pop().unwrap();
    session.register(json!([client_tool("later", integers(&["x", "y"]))]));
    session.rewind(&checkpoint);
    let list = session.call("tools.list", json!({})).unwrap();
    assert_eq!(list["tools"][0]["name"], "later");
    let request = session.start("run", json!({"task": "u"}));
    assert_eq!(session.serve_tools(request, |_| returns(7)), "7");
    let asked = model.requests()[1].messages();
    assert!(
        asked
            .iter()
            .any(|(_, text)| text.contains("later(x: int, y: int)")),
        "{asked:?}"
    );
}

pub fn a_step_that_is_killed_is_undone(level: &str) {
    let daemon = Daemon::start();
    let limits = json!({"timeout_seconds": 0.5});
    let session = daemon.session_at(level, json!({"limits": limits}));
    let code = "x = [1]\nstore('x', 'before')\nobserve('before')";
    session.printed(code);
    let memory = session.call("memory.list", json!({})).unwrap();
    for _ in 0..2 {
        let result = session.exec(&format!(
            "x.append(2)\nstore('x', 'undone')\nstore('y', 1)\nobserve('undone')\n{STUBBORN}"
        ));
        assert_eq!(
            (&result["state"], &result["timeout"]),
            (&json!("restored"), &json!(true)),
            "{result}"
        );
        let message = result["error"]["message"].as_str().unwrap();
        assert!(message.contains("as it was before this"), "{message}");
        assert_eq!(session.call("memory.list", json!({})).unwrap(), memory);
        session.check(
            "x, recall('x'), recall('y')",
            json!({"value": "([1], 'before', None)"}),
        );
    }
}

pub fn what_a_client_stores_while_a_step_is_killed_stays(level: &str) {
    let daemon = Daemon::start();
    let limits = json!({"timeout_seconds": 2.0});
    let session = daemon.session_at(level, json!({"limits": limits}));
    session.printed("x = 1");
    let request = session.start_exec(&format!(
        "store('ours', 1)\nprint('on', flush=True)\n{STUBBORN}"
    ));
    session.until_printed("on");
    let params = json!({"name": "theirs", "value": [2]});
    session.call("memory.store", params).unwrap();
    session
        .call("memory.observe", json!({"text": "noted"}))
        .unwrap();
    assert_eq!(daemon.wait(request).unwrap()["state"], "restored");
    let list = session.call("memory.list", json!({})).unwrap();
    assert_eq!(
        (&list["variables"], &list["observations"]),
        (&json!({"theirs": [2]}), &json!(["noted"]))
    );
    session.check(
        "recall('ours'), recall('theirs'), x",
        json!({"value": "(None, [2], 1)"}),
    );
}
