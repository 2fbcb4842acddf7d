use serde_json::{Value, json};

use super::*;

mod bounds;

fn allowance() -> Allowance {
    Allowance {
        bytes: 1 << 20,
        patterns: 4_000,
    }
}

fn compiled(schema: &Value) -> Schema {
    Schema::new(schema, &mut allowance()).unwrap().0
}

/// What is wrong with a value; empty where nothing is.
fn wrong(schema: &Value, value: &Value) -> String {
    match compiled(schema).check(value, Budget::new(100_000, None)) {
        Ok(()) => String::new(),
        Err(Failure::Mismatch { place, what }) if place.is_empty() => what,
        Err(Failure::Mismatch { place, what }) => format!("{place}: {what}"),
        Err(failure) => format!("{failure:?}"),
    }
}

#[test]
fn values_are_held_to_each_keyword() {
    let row =
        |schema: Value, good: Value, bad: Value, what: &'static str| (schema, good, bad, what);
    let table = [
        row(
            json!({"type": "integer"}),
            json!([1, 1.0, -3, 1e300]),
            json!([1.5, "1", null, true]),
            "is not of type \"integer\"",
        ),
        row(
            json!({"type": ["string", "null"]}),
            json!(["", null]),
            json!([1, false, [], {}]),
            "is not of types \"string\", \"null\"",
        ),
        row(
            json!({"enum": ["a", 1, null, [1]]}),
            json!(["a", 1.0, null, [1.0]]),
            json!(["b", 2, false, [1, 1]]),
            "is not one of \"a\", 1 or 2 other candidates",
        ),
        row(
            json!({"enum": ["a", "b", "c"]}),
            json!(["c"]),
            json!(["d"]),
            "\"d\" is not one of \"a\", \"b\" or \"c\"",
        ),
        row(
            json!({"const": {"a": 1, "b": 2}}),
            json!([{"b": 2.0, "a": 1}]),
            json!([{"a": 1}, {"a": 1, "b": 3}]),
            "was expected",
        ),
        row(
            json!({"minimum": 1, "maximum": 2}),
            json!([1, 2, 1.5, "x"]),
            json!([0.999]),
            "is less than the minimum of 1",
        ),
        row(
            json!({"exclusiveMaximum": 2}),
            json!([1.999]),
            json!([2, 2.0]),
            "is greater than or equal to the maximum of 2",
        ),
        row(
            json!({"minimum": 0, "exclusiveMinimum": true}),
            json!([1]),
            json!([0]),
            "is less than or equal to the minimum of 0",
        ),
        row(
            json!({"maximum": 9_007_199_254_740_993_u64}),
            json!([9_007_199_254_740_993_u64]),
            json!([9_007_199_254_740_994_u64]),
            "is greater than the maximum",
        ),
        row(
            json!({"multipleOf": 0.1}),
            json!([0.3, 1, 0, 1e20]),
            json!([0.35]),
            "is not a multiple of 0.1",
        ),
        row(
            json!({"multipleOf": 3}),
            json!([9, -3, 9.0]),
            json!([10, 1.5]),
            "is not a multiple of 3",
        ),
        row(
            json!({"minLength": 2, "maxLength": 3}),
            json!(["éé", "😀😀😀"]),
            json!(["é"]),
            "is shorter than 2 characters",
        ),
        row(
            json!({"maxLength": 1}),
            json!(["é", ""]),
            json!(["ab"]),
            "is longer than 1 character",
        ),
        row(
            json!({"pattern": "^[a-z]+\\d$"}),
            json!(["ab1", 5]),
            json!(["ab", "ab1\n", "AB1"]),
            "does not match \"^[a-z]+\\d$\"",
        ),
        row(
            json!({"minItems": 1}),
            json!([[1]]),
            json!([[]]),
            "[] has less than 1 item",
        ),
        row(
            json!({"maxItems": 2}),
            json!([[1, 2]]),
            json!([[1, 2, 3]]),
            "has more than 2 items",
        ),
        row(
            json!({"uniqueItems": true}),
            json!([[1, "1", [1], [2], {"a": 1}]]),
            json!([[1, 1.0], [{"a": 1, "b": 2}, {"b": 2, "a": 1}], [0.0, -0.0]]),
            "has non-unique elements",
        ),
        row(
            json!({"items": {"type": "integer"}}),
            json!([[1, 2], []]),
            json!([[1, "x"]]),
            "1: \"x\" is not of type \"integer\"",
        ),
        row(
            json!({"prefixItems": [{"type": "string"}], "items": false}),
            json!([["a"], []]),
            json!([["a", 1]]),
            "1: False schema does not allow 1",
        ),
        row(
            json!({"items": [{"type": "string"}], "additionalItems": {"type": "null"}}),
            json!([["a", null]]),
            json!([["a", 1]]),
            "1: 1 is not of type \"null\"",
        ),
        row(
            json!({"contains": {"type": "string"}}),
            json!([[1, "a"]]),
            json!([[1], []]),
            "None of",
        ),
        row(
            json!({"contains": {"type": "string"}, "minContains": 2, "maxContains": 2}),
            json!([["a", "b", 1]]),
            json!([["a"]]),
            "Less than 2 of",
        ),
        row(
            json!({"contains": {"type": "string"}, "maxContains": 1}),
            json!([["a"]]),
            json!([["a", "b"]]),
            "More than 1 of",
        ),
        row(
            json!({"minProperties": 1, "maxProperties": 1}),
            json!([{"a": 1}]),
            json!([{}]),
            "{} has less than 1 property",
        ),
        row(
            json!({"required": ["a"]}),
            json!([{"a": null}, []]),
            json!([{}]),
            "\"a\" is a required property",
        ),
        row(
            json!({"properties": {"a": {"properties": {"b": {"type": "null"}}}}}),
            json!([{"a": {"b": null}}, {}]),
            json!([{"a": {"b": 1}}]),
            "a.b: 1 is not of type \"null\"",
        ),
        row(
            json!({"properties": {"a": {}}, "additionalProperties": false}),
            json!([{"a": 1}]),
            json!([{"a": 1, "b": 1}]),
            "Additional properties are not allowed (\"b\" was unexpected)",
        ),
        row(
            json!({"additionalProperties": {"type": "integer"}}),
            json!([{"a": 1}]),
            json!([{"a": "x"}]),
            "a: \"x\" is not of type",
        ),
        row(
            json!({"patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": false}),
            json!([{"x1": 1}]),
            json!([{"x1": "x"}]),
            "x1: \"x\" is not of type",
        ),
        row(
            json!({"propertyNames": {"maxLength": 2}}),
            json!([{"ab": 1}]),
            json!([{"abc": 1}]),
            "\"abc\" is longer than 2 characters",
        ),
        row(
            json!({"dependentRequired": {"a": ["b"]}}),
            json!([{"a": 1, "b": 1}, {}]),
            json!([{"a": 1}]),
            "\"b\" is a required property",
        ),
        row(
            json!({"dependentSchemas": {"a": {"required": ["b"]}}}),
            json!([{"b": 1}]),
            json!([{"a": 1}]),
            "\"b\" is a required property",
        ),
        row(
            json!({"dependencies": {"a": ["b"]}}),
            json!([{"b": 1}]),
            json!([{"a": 1}]),
            "\"b\" is a required property",
        ),
        row(
            json!({"allOf": [{"type": "integer"}, {"minimum": 2}]}),
            json!([2]),
            json!([1]),
            "1 is less than the minimum of 2",
        ),
        row(
            json!({"anyOf": [{"type": "integer"}, {"type": "null"}]}),
            json!([2, null]),
            json!(["x"]),
            "\"x\" is not valid under any of the schemas listed in the 'anyOf' keyword",
        ),
        row(
            json!({"oneOf": [{"type": "integer"}, {"minimum": 2}]}),
            json!([1, 2.5]),
            json!([3]),
            "3 is valid under more than one of the schemas listed in the 'oneOf' keyword",
        ),
        row(
            json!({"not": {"type": "integer"}}),
            json!(["x"]),
            json!([3]),
            "3 is not allowed by the 'not' keyword",
        ),
        row(
            json!({"if": {"type": "string"}, "then": {"maxLength": 1}, "else": {"type": "null"}}),
            json!(["x", null]),
            json!([1]),
            "1 is not of type \"null\"",
        ),
        row(
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}}),
            json!([null]),
            json!([1]),
            "1 is not of type \"null\"",
        ),
        row(
            json!({"$ref": "#/definitions/a%20b~1c", "definitions": {"a b/c": {"type": "null"}}}),
            json!([null]),
            json!([1]),
            "is not of type",
        ),
        row(
            json!({"$id": "https://x.y/z", "properties": {"a": {"$ref": "https://x.y/z#/$defs/a"}}, "$defs": {"a": {"type": "null"}}}),
            json!([{"a": null}]),
            json!([{"a": 1}]),
            "a: 1 is not of type",
        ),
        row(
            json!({"properties": {"a": false}}),
            json!([{}, {"b": 1}]),
            json!([{"a": 1}]),
            "a: False schema does not allow 1",
        ),
        row(
            json!({"format": "email", "nullable": true, "default": 5, "x-mine": [], "title": "t", "type": "string"}),
            json!(["no address"]),
            json!([null]),
            "is not of type",
        ),
    ];
    for (schema, good, bad, what) in table {
        for value in good.as_array().unwrap() {
            assert_eq!(wrong(&schema, value), "", "{schema} for {value}");
        }
        for value in bad.as_array().unwrap() {
            let said = wrong(&schema, value);
            let first = bad.as_array().unwrap().first() == Some(value);
            assert!(!said.is_empty(), "{schema} for {value}");
            assert!(
                !first || said.contains(what),
                "{schema} for {value}: {said}"
            );
        }
    }
}

#[test]
fn patterns_mean_what_they_mean_elsewhere() {
    for (pattern, good, bad) in [
        (r"^\w+$", "a_1", "é"),
        (r"^[\w.-]+$", "a.-1", "a b"),
        (r"^[^\d\s]+$", "ab", "a1"),
        (r"^[[&~]+$", "[&~", "a"),
        (r"^\D\W\S$", "a-b", "1-b"),
        (r"^a\/b\-c\_$", "a/b-c_", "ab"),
        (r"^(?<year>\d{4})-(?:\d\d)$", "2024-01", "x"),
        (r"^\u00e9\x41$", "éA", "eA"),
        (r"^\p{L}+$", "äöß", "1"),
        (r"\bword\b", "a word.", "swords"),
        (r"a[^]b", "a\nb", "ab"),
        (r"^(?:a[]|b)$", "b", "a"),
        (r"^[\b]$", "\u{8}", "b"),
        ("", "anything", ""),
    ] {
        let schema = json!({"pattern": pattern});
        assert_eq!(wrong(&schema, &json!(good)), "", "{pattern}");
        if !pattern.is_empty() {
            assert!(!wrong(&schema, &json!(bad)).is_empty(), "{pattern}: {bad}");
        }
    }
}

#[test]
fn schemas_that_cannot_be_checked_are_refused_by_name() {
    let chain: serde_json::Map<String, Value> = (0..100)
        .map(|n| {
            (
                n.to_string(),
                json!({"allOf": [{"$ref": format!("#/$defs/{}", n + 1)}]}),
            )
        })
        .chain([("100".to_owned(), json!({}))])
        .collect();
    for (schema, says) in [
        (
            json!({"$ref": "https://example.com/schema.json"}),
            "nothing is fetched",
        ),
        (
            json!({"properties": {"a": {"$ref": "file:///etc/passwd"}}}),
            "a: '$ref' is 'file:///etc/passwd', and nothing is fetched",
        ),
        (json!({"$ref": "#/$defs/none"}), "nothing at this place"),
        (json!({"$ref": "#anchor"}), "refer to a part of it"),
        (json!({"$ref": "other.json#/a"}), "nothing is fetched"),
        (json!({"$ref": 5}), "'$ref' must be a string"),
        (json!({"$ref": "#"}), "circle"),
        (
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"anyOf": [{"$ref": "#/$defs/a"}]}}}),
            "circle",
        ),
        (json!({"not": {"if": {"$ref": "#"}}}), "circle"),
        (json!({"dependentSchemas": {"a": {"$ref": "#"}}}), "circle"),
        (
            json!({"$ref": "#/$defs/0", "$defs": chain}),
            "at most 64 may",
        ),
        (
            json!({"unevaluatedProperties": false}),
            "'unevaluatedProperties' is not supported",
        ),
        (
            json!({"items": {"unevaluatedItems": false}}),
            "items: the keyword 'unevaluatedItems' is not supported",
        ),
        (
            json!({"properties": {"x": {"$dynamicRef": "#x"}}}),
            "x: the keyword '$dynamicRef' is not supported",
        ),
        (
            json!({"properties": {"x": {"$id": "y", "items": {"$ref": "#/$defs/a"}}}, "$defs": {"a": {}}}),
            "'$id' changes",
        ),
        (json!({"pattern": "(?=a)b"}), "look-around"),
        (json!({"pattern": "(a)\\1"}), "back-references"),
        (
            json!({"pattern": "(a"}),
            "the pattern '(a' cannot be used (unclosed group)",
        ),
        (json!({"pattern": "((a{1000}){1000}){1000}"}), "too large"),
        (json!({"patternProperties": {"[": {}}}), "cannot be used"),
        (json!({"type": "whole"}), "'type' must be one of"),
        (json!({"type": []}), "'type' must be"),
        (json!({"properties": []}), "'properties' must be an object"),
        (json!({"properties": {"x": 5}}), "x: 5 is no schema"),
        (
            json!({"required": "a"}),
            "'required' must be a list of names",
        ),
        (
            json!({"required": [1]}),
            "'required' must be a list of names",
        ),
        (json!({"enum": {}}), "'enum' must be a list"),
        (json!({"minimum": "1"}), "'minimum' must be a number"),
        (json!({"minLength": -1}), "'minLength' must be an integer"),
        (json!({"maxItems": 1.5}), "'maxItems' must be an integer"),
        (json!({"multipleOf": 0}), "must be more than 0"),
        (json!({"uniqueItems": 1}), "'uniqueItems' must be a boolean"),
        (
            json!({"anyOf": []}),
            "'anyOf' must be a list of schemas that is not empty",
        ),
        (json!({"allOf": {}}), "'allOf' must be a list"),
        (json!({"enum": ["x".repeat(2 << 20)]}), "there is room for"),
    ] {
        let error = Schema::new(&schema, &mut allowance()).unwrap_err();
        assert!(error.contains(says), "{schema:.200}: {error}");
        assert!(error.len() < 1_000, "{schema:.200}: {error}");
    }
    let patterns: Vec<Value> = (0..2_000)
        .map(|n| json!({"pattern": format!("a{{{}}}", 500 + n % 100)}))
        .collect();
    let error = Schema::new(&json!({"allOf": patterns}), &mut allowance()).unwrap_err();
    assert!(error.contains("too many patterns"), "{error}");
}
