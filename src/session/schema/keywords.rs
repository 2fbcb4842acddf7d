//! The values of keywords, in the shape that they must have.

use serde_json::{Number, Value};

use super::compile::{Compiled, Object};
use super::rules::{Range, Type};

pub fn types_of(types: &Value) -> Compiled<Vec<Type>> {
    let one = |name: &Value| name.as_str().and_then(Type::of);
    let types = match types {
        Value::Array(names) if !names.is_empty() => names.iter().map(one).collect(),
        name => one(name).map(|name| vec![name]),
    };
    types.ok_or_else(|| {
        "'type' must be one of \"null\", \"boolean\", \"integer\", \"number\", \"string\", \"array\" and \
         \"object\", or a list of these"
            .to_owned()
    })
}

pub fn number(schema: &Object, keyword: &str) -> Compiled<Option<Number>> {
    match schema.get(keyword) {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(Some(number.clone())),
        Some(_) => Err(format!("'{keyword}' must be a number")),
    }
}

pub fn count(schema: &Object, keyword: &str) -> Compiled<Option<u64>> {
    let whole = |number: &Number| {
        let float = number
            .as_f64()
            .filter(|float| float.fract() == 0.0 && (0.0..1e15).contains(float));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it has been looked at"
        )]
        let float = float.map(|float| float as u64);
        number.as_u64().or(float)
    };
    match number(schema, keyword) {
        Ok(None) => Ok(None),
        Ok(Some(number)) if whole(&number).is_some() => Ok(whole(&number)),
        _ => Err(format!(
            "'{keyword}' must be an integer that is not negative"
        )),
    }
}

pub fn range(schema: &Object, least: &str, most: &str) -> Compiled<Option<Range>> {
    let (least, most) = (count(schema, least)?, count(schema, most)?);
    let given = least.is_some() || most.is_some();
    Ok(given.then(|| Range {
        least: least.unwrap_or(0),
        most: most.unwrap_or(u64::MAX),
    }))
}

pub fn flag(schema: &Object, keyword: &str) -> Compiled<bool> {
    match schema.get(keyword) {
        None => Ok(false),
        Some(flag) => flag
            .as_bool()
            .ok_or_else(|| format!("'{keyword}' must be a boolean")),
    }
}

pub fn names_in(names: &Value, keyword: &str) -> Compiled<Vec<String>> {
    let list = names.as_array();
    let names = list.and_then(|names| {
        names
            .iter()
            .map(|name| name.as_str().map(str::to_owned))
            .collect()
    });
    names.ok_or_else(|| format!("'{keyword}' must be a list of names"))
}

pub fn object<'a>(
    schema: &'a Object,
    keyword: &str,
) -> Compiled<impl Iterator<Item = (&'a String, &'a Value)>> {
    let fields = match schema.get(keyword) {
        None => None,
        Some(Value::Object(fields)) => Some(fields),
        Some(_) => return Err(format!("'{keyword}' must be an object")),
    };
    Ok(fields.into_iter().flatten())
}
