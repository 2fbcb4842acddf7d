//! What a tool looks like in Python, from its JSON Schema. Pure.

use serde_json::Value;

use crate::protocol::Tool;

/// The call of a tool, such as `calculate(x: int, y: int = 0) -> int`.
#[must_use]
pub fn of(tool: &Tool) -> String {
    let schema = &tool.parameters;
    let required = schema.get("required").and_then(Value::as_array);
    let is_required =
        |name: &str| required.is_some_and(|names| names.iter().any(|one| one == name));
    let parameters: Vec<String> = schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, schema)| match schema.get("default") {
            Some(default) => format!("{name}: {} = {}", type_of(schema), literal(default)),
            None if is_required(name) => format!("{name}: {}", type_of(schema)),
            None => format!("{name}: {} = ...", type_of(schema)),
        })
        .collect();
    let returns = match &tool.returns {
        Some(Value::String(text)) => format!(" -> {text}"),
        Some(schema @ Value::Object(_)) => format!(" -> {}", type_of(schema)),
        _ => String::new(),
    };
    format!("{}({}){returns}", tool.name, parameters.join(", "))
}

/// The Python type that a schema stands for.
fn type_of(schema: &Value) -> String {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values: Vec<String> = values.iter().map(literal).collect();
        return format!("Literal[{}]", values.join(", "));
    }
    let choices = schema
        .get("anyOf")
        .or_else(|| schema.get("oneOf"))
        .and_then(Value::as_array);
    if let Some(choices) = choices {
        return choices.iter().map(type_of).collect::<Vec<_>>().join(" | ");
    }
    match schema.get("type") {
        Some(Value::String(kind)) => named(kind, schema),
        Some(Value::Array(kinds)) => {
            let kinds = kinds.iter().filter_map(Value::as_str);
            kinds
                .map(|kind| named(kind, schema))
                .collect::<Vec<_>>()
                .join(" | ")
        }
        _ => "Any".to_owned(),
    }
}

fn named(kind: &str, schema: &Value) -> String {
    match (kind, schema.get("items")) {
        ("integer", _) => "int".to_owned(),
        ("number", _) => "float".to_owned(),
        ("string", _) => "str".to_owned(),
        ("boolean", _) => "bool".to_owned(),
        ("null", _) => "None".to_owned(),
        ("object", _) => "dict".to_owned(),
        ("array", Some(items @ Value::Object(_))) => format!("list[{}]", type_of(items)),
        ("array", _) => "list".to_owned(),
        _ => "Any".to_owned(),
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::ToolKind;

    #[test]
    fn signatures_say_types_and_defaults() {
        let cases = [
            (json!({}), json!(null), "f()"),
            (
                json!({"properties": {"y": {"type": "integer"}, "x": {"type": "number", "default": 1.5}}, "required": ["y"]}),
                json!({"type": "boolean"}),
                "f(y: int, x: float = 1.5) -> bool",
            ),
            (
                json!({"properties": {"a": {"type": "array", "items": {"type": "string"}}, "b": {"enum": ["x", null]}}}),
                json!("a table"),
                "f(a: list[str] = ..., b: Literal[\"x\", None] = ...) -> a table",
            ),
            (
                json!({"properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}, "b": {"type": ["object", "null"]}, "c": {}}, "required": ["a", "b", "c"]}),
                json!(null),
                "f(a: str | None, b: dict | None, c: Any)",
            ),
        ];
        for (parameters, returns, expected) in cases {
            let tool = Tool {
                name: "f".to_owned(),
                description: String::new(),
                parameters,
                returns: Some(returns),
                kind: ToolKind::Client,
                source: None,
            };
            assert_eq!(of(&tool), expected);
        }
    }
}
