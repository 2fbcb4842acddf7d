//! What a check may take.

use serde_json::{Value, json};

use super::*;

/// A list within lists, or the like.
fn nested(depth: usize, innermost: Value, around: impl Fn(Value) -> Value) -> Value {
    (0..depth).fold(innermost, |value, _| around(value))
}

#[test]
fn recursive_schemas_take_time_in_proportion_to_the_value() {
    let kinds = |kind: &str| {
        let reference = json!({"$ref": "#/$defs/e"});
        json!({
            "type": "object", "required": ["left"],
            "properties": {"left": reference, "right": reference, "kind": {"const": kind}},
        })
    };
    let union = json!({"anyOf": [kinds("a"), kinds("b"), {"type": "null"}]});
    let schema = json!({"properties": {"x": {"$ref": "#/$defs/e"}}, "$defs": {"e": union}});
    let value = |kind: &'static str| {
        nested(
            90,
            json!(null),
            move |left| json!({"left": left, "kind": kind}),
        )
    };
    assert_eq!(wrong(&schema, &json!({"x": value("b")})), "");
    let said = wrong(&schema, &json!({"x": value("c")}));
    assert!(
        said.starts_with("x: {\"left\":{\"left\":") && said.contains("anyOf"),
        "{said}"
    );
    assert!(said.len() < 400, "{said}");
    // The same schema in place, twice at each of 30 levels.
    let twice = |n: u32| {
        let next = json!({"$ref": format!("#/$defs/{}", n + 1)});
        (n.to_string(), json!({"allOf": [next, next]}))
    };
    let mut defs: serde_json::Map<String, Value> = (0..30).map(twice).collect();
    defs.insert("30".to_owned(), json!({"type": "integer"}));
    let schema = json!({"$ref": "#/$defs/0", "$defs": defs});
    assert_eq!(wrong(&schema, &json!(1)), "");
    assert!(wrong(&schema, &json!("x")).contains("is not of type"));
}

#[test]
fn work_is_bounded_by_the_budget() {
    use std::sync::atomic::AtomicBool;
    let numbers = json!((0..100_000).collect::<Vec<_>>());
    let long = json!("a".repeat(1_000_000));
    for (schema, value) in [
        (json!({"items": {"type": "integer"}}), &numbers),
        (json!({"uniqueItems": true}), &numbers),
        (json!({"contains": {"type": "string"}}), &numbers),
        (json!({"enum": [numbers]}), &numbers),
        (json!({"pattern": "(x+x+)+y"}), &long),
        (json!({"pattern": "^(a?){200}a{200}$"}), &long),
        (json!({"not": {"pattern": "b"}}), &long),
    ] {
        let schema = compiled(&schema);
        let checked = schema.check(value, Budget::new(50_000, None));
        assert_eq!(checked, Err(Failure::Exhausted), "{schema:?}");
        let stop = AtomicBool::new(true);
        let checked = schema.check(value, Budget::new(u64::MAX, Some(&stop)));
        assert_eq!(checked, Err(Failure::Stopped), "{schema:?}");
    }
}

/// On a stack as small as that of the threads which do this.
#[test]
fn a_value_as_deep_as_can_be_needs_little_stack() {
    let schema = json!({"anyOf": [{"type": "null"}, {"allOf": [{"oneOf": [{"properties": {"a": {"$ref": "#"}}}]}]}]});
    let value = nested(120, json!(null), |inner| json!({"a": inner}));
    let check = move || wrong(&schema, &value);
    let thread = std::thread::Builder::new().stack_size(1 << 20);
    let said = thread.spawn(check).unwrap().join().unwrap();
    assert!(said.is_empty() || said == "Exhausted", "{said}");
}
