//! Whether two values are equal as JSON Schema has it: `1` and `1.0` are, and objects whatever their order.

use std::cmp::Ordering;
use std::hash::{BuildHasher, Hasher};

use serde_json::Value;

use super::budget::{Budget, Failure};
use super::number;

/// Bytes of a text that are compared in one unit of work.
const BYTES: u64 = 64;

/// Whether two values are equal.
pub fn equal(a: &Value, b: &Value, budget: &mut Budget<'_>) -> Result<bool, Failure> {
    budget.spend(1)?;
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => Ok(number::compare(a, b) == Ordering::Equal),
        (Value::String(a), Value::String(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            budget.spend(a.len() as u64 / BYTES)?;
            Ok(a == b)
        }
        (Value::Array(a), Value::Array(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for (a, b) in a.iter().zip(b) {
                if !equal(a, b, budget)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Object(a), Value::Object(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for (name, a) in a {
                budget.spend(name.len() as u64 / BYTES)?;
                match b.get(name) {
                    Some(b) if equal(a, b, budget)? => {}
                    _ => return Ok(false),
                }
            }
            Ok(true)
        }
        (Value::Null, Value::Null) => Ok(true),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        _ => Ok(false),
    }
}

/// Units of work that an item costs which is compared with all others of its list.
const ITEM: u64 = 16;

/// Whether no two items are equal. Takes time in proportion to them, not to the pairs of them.
pub fn all_differ(items: &[Value], budget: &mut Budget<'_>) -> Result<bool, Failure> {
    budget.spend(ITEM * items.len() as u64)?;
    let seed = foldhash::quality::RandomState::default();
    let mut hashes = Vec::with_capacity(items.len());
    for item in items {
        let mut hasher = seed.build_hasher();
        hash(item, &mut hasher, &seed, budget)?;
        hashes.push((hasher.finish(), item));
    }
    hashes.sort_unstable_by_key(|(hash, _)| *hash);
    for alike in hashes.chunk_by(|(a, _), (b, _)| a == b) {
        for (at, (_, a)) in alike.iter().enumerate() {
            for (_, b) in &alike[..at] {
                if equal(a, b, budget)? {
                    return Ok(false);
                }
            }
        }
    }
    Ok(true)
}

/// Equal values have equal hashes.
fn hash(
    value: &Value,
    hasher: &mut impl Hasher,
    seed: &foldhash::quality::RandomState,
    budget: &mut Budget<'_>,
) -> Result<(), Failure> {
    budget.spend(1)?;
    match value {
        Value::Null => hasher.write_u8(0),
        Value::Bool(value) => hasher.write_u8(1 + u8::from(*value)),
        Value::Number(number) => {
            hasher.write_u8(3);
            let float = number.as_f64().unwrap_or_default() + 0.0; // zero has no sign
            hasher.write_u64(float.to_bits());
        }
        Value::String(text) => {
            budget.spend(text.len() as u64 / BYTES)?;
            hasher.write_u8(4);
            hasher.write(text.as_bytes());
        }
        Value::Array(items) => {
            hasher.write_u8(5);
            hasher.write_usize(items.len());
            for item in items {
                hash(item, hasher, seed, budget)?;
            }
        }
        Value::Object(fields) => {
            let mut all = 0_u64; // whatever their order
            for (name, value) in fields {
                let mut field = seed.build_hasher();
                budget.spend(name.len() as u64 / BYTES)?;
                field.write(name.as_bytes());
                hash(value, &mut field, seed, budget)?;
                all = all.wrapping_add(field.finish());
            }
            hasher.write_u8(6);
            hasher.write_u64(all);
        }
    }
    Ok(())
}
