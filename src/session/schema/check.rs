//! Whether a value keeps a schema, within a budget of work.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::Schema;
use super::budget::{Budget, Failure};
use super::equality::{all_differ, equal};
use super::number;
use super::rules::{Bound, Id, Items, Options, Properties, Range, Rule, Type};
use super::shown::{cut, options, shown};

/// Schemas within schemas, and parts within parts, that a check goes down.
const MAX_DEPTH: usize = 600;
/// What is remembered of values that have been held to a schema which is referred to.
const MAX_KNOWN: usize = 1 << 16;
/// Bytes of a text that cost a unit of work.
const BYTES: u64 = 64;
/// Bytes of the place that a message names.
const MAX_PLACE: usize = 200;

impl Schema {
    /// Whether the value keeps the schema.
    ///
    /// # Errors
    /// Why it was not found to.
    pub fn check(&self, value: &Value, budget: Budget<'_>) -> Result<(), Failure> {
        let mut check = Check {
            schema: self,
            budget,
            known: HashMap::default(),
            reports: true,
            path: Vec::new(),
            depth: 0,
        };
        check.node(0, value)
    }
}

/// A part of a value, as its place says it.
#[derive(Clone, Copy)]
enum Part<'a> {
    Property(&'a str),
    Item(usize),
}

struct Check<'a> {
    schema: &'a Schema,
    budget: Budget<'a>,
    /// Whether values, by where they are in memory, keep a schema that is referred to. Without this a
    /// recursive schema with alternatives takes time exponential in the depth of the value.
    known: HashMap<(Id, usize), bool, foldhash::fast::RandomState>,
    /// Whether somebody reads what is wrong.
    reports: bool,
    path: Vec<Part<'a>>,
    depth: usize,
}

type Checked = Result<(), Failure>;

impl<'a> Check<'a> {
    fn node(&mut self, id: Id, value: &'a Value) -> Checked {
        self.budget.spend(1)?;
        if self.depth >= MAX_DEPTH {
            return Err(Failure::Exhausted);
        }
        self.depth += 1;
        let schema = self.schema;
        let mut checked = Ok(());
        for rule in &schema.nodes[id].rules {
            checked = self.rule(rule, value);
            if checked.is_err() {
                break;
            }
        }
        self.depth -= 1;
        checked
    }

    /// Only passes on: what it calls needs little of the stack together, as the check goes deep.
    fn rule(&mut self, rule: &'a Rule, value: &'a Value) -> Checked {
        match (rule, value) {
            (Rule::All(ids), _) => ids.iter().try_for_each(|id| self.node(*id, value)),
            (Rule::Any(ids), _) => self.any(ids, value),
            (Rule::One(ids), _) => self.one(ids, value),
            (Rule::Not(id), _) => self.not(*id, value),
            (Rule::If(test, then, otherwise), _) => self.either(*test, *then, *otherwise, value),
            (Rule::Ref(id), _) => self.referred(*id, value),
            (Rule::Items(rules), Value::Array(items)) => self.items(rules, items),
            (Rule::Contains(id, range), Value::Array(items)) => {
                self.contains(*id, *range, items, value)
            }
            (Rule::Properties(rules), Value::Object(fields)) => self.properties(rules, fields),
            (Rule::Names(id), Value::Object(fields)) => self.names(*id, fields),
            (Rule::DependentSchema(name, id), Value::Object(fields)) => {
                match fields.contains_key(name) {
                    true => self.node(*id, value),
                    false => Ok(()),
                }
            }
            _ => self.leaf(rule, value),
        }
    }

    /// The rules that look at no further schema.
    fn leaf(&mut self, rule: &'a Rule, value: &'a Value) -> Checked {
        match (rule, value) {
            (Rule::Never, _) => {
                self.wrong(|| format!("False schema does not allow {}", shown(value)))
            }
            (Rule::Type(types), _) => self.of_type(types, value),
            (Rule::Enum(options), _) => self.one_of(options, value),
            (Rule::Const(wanted), _) => match equal(wanted, value, &mut self.budget)? {
                true => Ok(()),
                false => self.wrong(|| format!("{} was expected", shown(wanted))),
            },
            (Rule::Bound(bound), Value::Number(number)) => {
                let side = number::compare(number, &bound.limit);
                let within = match bound.lower {
                    true => side.is_gt(),
                    false => side.is_lt(),
                };
                match within || (side.is_eq() && !bound.exclusive) {
                    true => Ok(()),
                    false => self.wrong(|| out_of_bounds(bound, value)),
                }
            }
            (Rule::MultipleOf(of), Value::Number(number)) => {
                match number::is_multiple(number, of) {
                    true => Ok(()),
                    false => self.wrong(|| format!("{} is not a multiple of {of}", shown(value))),
                }
            }
            (Rule::Length(range), Value::String(text)) => {
                self.budget.spend(text.len() as u64 / BYTES)?;
                let length = text.chars().count() as u64;
                self.counted(
                    *range,
                    length,
                    value,
                    ["longer", "shorter"],
                    "character",
                    "characters",
                )
            }
            (Rule::Pattern(pattern), Value::String(text)) => {
                match pattern.matches(text, &mut self.budget)? {
                    true => Ok(()),
                    false => self.wrong(|| {
                        format!("{} does not match \"{}\"", shown(value), pattern.shown())
                    }),
                }
            }
            (Rule::Count(range), Value::Array(items)) => self.counted(
                *range,
                items.len() as u64,
                value,
                MORE_OR_LESS,
                "item",
                "items",
            ),
            (Rule::Unique, Value::Array(items)) => match all_differ(items, &mut self.budget)? {
                true => Ok(()),
                false => self.wrong(|| format!("{} has non-unique elements", shown(value))),
            },
            (Rule::Size(range), Value::Object(fields)) => {
                let size = fields.len() as u64;
                self.counted(*range, size, value, MORE_OR_LESS, "property", "properties")
            }
            (Rule::Required(names), Value::Object(fields)) => self.required(names, fields),
            (Rule::DependentRequired(name, names), Value::Object(fields)) => {
                match fields.contains_key(name) {
                    true => self.required(names, fields),
                    false => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// The failure of a rule, with its message if somebody reads it.
    fn wrong(&self, what: impl FnOnce() -> String) -> Checked {
        if !self.reports {
            return Err(Failure::Mismatch {
                place: String::new(),
                what: String::new(),
            });
        }
        let mut place = String::new();
        for part in &self.path {
            if place.len() > MAX_PLACE {
                break;
            }
            if !place.is_empty() {
                place.push('.');
            }
            match part {
                Part::Property(name) => place.push_str(&cut(name, MAX_PLACE)),
                Part::Item(index) => place.push_str(&index.to_string()),
            }
        }
        let (place, what) = (cut(&place, MAX_PLACE), what());
        Err(Failure::Mismatch { place, what })
    }

    /// Whether a value keeps a schema, where it need not.
    fn keeps(&mut self, id: Id, value: &'a Value) -> Result<bool, Failure> {
        let reports = std::mem::replace(&mut self.reports, false);
        let checked = self.node(id, value);
        self.reports = reports;
        match checked {
            Ok(()) => Ok(true),
            Err(Failure::Mismatch { .. }) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    fn part(&mut self, part: Part<'a>, id: Id, value: &'a Value) -> Checked {
        self.path.push(part);
        let checked = self.node(id, value);
        self.path.pop();
        checked
    }

    fn any(&mut self, ids: &'a [Id], value: &'a Value) -> Checked {
        for id in ids {
            if self.keeps(*id, value)? {
                return Ok(());
            }
        }
        self.wrong(|| under_none(value, "anyOf"))
    }

    fn one(&mut self, ids: &'a [Id], value: &'a Value) -> Checked {
        let mut kept = false;
        for id in ids {
            if self.keeps(*id, value)? && std::mem::replace(&mut kept, true) {
                return self.wrong(|| {
                    let value = shown(value);
                    format!("{value} is valid under more than one of the schemas listed in the 'oneOf' keyword")
                });
            }
        }
        match kept {
            true => Ok(()),
            false => self.wrong(|| under_none(value, "oneOf")),
        }
    }

    fn not(&mut self, id: Id, value: &'a Value) -> Checked {
        match self.keeps(id, value)? {
            true => self.wrong(|| format!("{} is not allowed by the 'not' keyword", shown(value))),
            false => Ok(()),
        }
    }

    fn either(
        &mut self,
        test: Id,
        then: Option<Id>,
        otherwise: Option<Id>,
        value: &'a Value,
    ) -> Checked {
        let branch = match self.keeps(test, value)? {
            true => then,
            false => otherwise,
        };
        branch.map_or(Ok(()), |id| self.node(id, value))
    }

    fn referred(&mut self, id: Id, value: &'a Value) -> Checked {
        let key = (id, std::ptr::from_ref(value).addr());
        match self.known.get(&key).copied() {
            Some(true) => return Ok(()),
            Some(false) if !self.reports => return self.wrong(String::new),
            _ => {}
        }
        let checked = self.node(id, value);
        let kept = match &checked {
            Ok(()) => true,
            Err(Failure::Mismatch { .. }) => false,
            Err(_) => return checked,
        };
        if self.known.len() < MAX_KNOWN {
            self.known.insert(key, kept);
        }
        checked
    }

    fn items(&mut self, rules: &'a Items, items: &'a [Value]) -> Checked {
        let ids = rules.first.iter().copied().map(Some);
        let ids = ids.chain(std::iter::repeat(rules.rest));
        for ((index, item), id) in items.iter().enumerate().zip(ids) {
            match id {
                Some(id) => self.part(Part::Item(index), id, item)?,
                None => break,
            }
        }
        Ok(())
    }

    fn contains(&mut self, id: Id, range: Range, items: &'a [Value], value: &'a Value) -> Checked {
        let mut count = 0;
        for item in items {
            count += u64::from(self.keeps(id, item)?);
            if count > range.most || (count >= range.least && range.most == u64::MAX) {
                break;
            }
        }
        let (least, most) = (range.least, range.most);
        if count < least {
            let few = |what: &str| {
                format!(
                    "{what} of {} are valid under the given schema",
                    shown(value)
                )
            };
            return self.wrong(|| match count {
                0 => few("None"),
                _ => few(&format!("Less than {least}")),
            });
        }
        match count > most {
            true => self.wrong(|| {
                format!(
                    "More than {most} of {} are valid under the given schema",
                    shown(value)
                )
            }),
            false => Ok(()),
        }
    }

    fn properties(&mut self, rules: &'a Properties, fields: &'a Map<String, Value>) -> Checked {
        let mut unexpected: Vec<&str> = Vec::new();
        let mut count = 0;
        for (name, value) in fields {
            self.budget.spend(1 + name.len() as u64 / BYTES)?;
            let named = rules.named.get(name).copied();
            let mut found = named.is_some();
            if let Some(id) = named {
                self.part(Part::Property(name), id, value)?;
            }
            for (pattern, id) in &rules.matching {
                if pattern.matches(name, &mut self.budget)? {
                    found = true;
                    self.part(Part::Property(name), *id, value)?;
                }
            }
            match rules.others.filter(|_| !found) {
                Some(id) => self.part(Part::Property(name), id, value)?,
                None if rules.closed && !found => {
                    count += 1;
                    if unexpected.len() < 3 {
                        unexpected.push(name);
                    }
                }
                None => {}
            }
        }
        if count == 0 {
            return Ok(());
        }
        self.wrong(|| {
            let (names, were) = (
                options(&unexpected, count),
                if count == 1 { "was" } else { "were" },
            );
            format!("Additional properties are not allowed ({names} {were} unexpected)")
        })
    }

    fn names(&mut self, id: Id, fields: &'a Map<String, Value>) -> Checked {
        for name in fields.keys() {
            self.budget.spend(name.len() as u64 / BYTES)?;
            let name = Value::String(name.clone());
            let mut check = Check {
                budget: Budget { ..self.budget },
                known: HashMap::default(), // the name is not where others have been
                path: self.path.clone(),
                ..*self
            };
            check.node(id, &name)?;
            self.budget.left = check.budget.left;
        }
        Ok(())
    }

    fn required(&mut self, names: &'a [String], fields: &Map<String, Value>) -> Checked {
        self.budget.spend(names.len() as u64)?;
        match names.iter().find(|name| !fields.contains_key(*name)) {
            Some(name) => self.wrong(|| format!("{} is a required property", shown(name))),
            None => Ok(()),
        }
    }

    fn of_type(&self, types: &[Type], value: &Value) -> Checked {
        if types.iter().any(|kind| is_of_type(*kind, value)) {
            return Ok(());
        }
        self.wrong(|| match types {
            [kind] => format!("{} is not of type \"{}\"", shown(value), kind.name()),
            kinds => {
                let kinds: Vec<_> = kinds
                    .iter()
                    .map(|kind| format!("\"{}\"", kind.name()))
                    .collect();
                format!("{} is not of types {}", shown(value), kinds.join(", "))
            }
        })
    }

    fn one_of(&mut self, list: &'a Options, value: &Value) -> Checked {
        if let Value::String(text) = value {
            self.budget.spend(text.len() as u64 / BYTES)?;
            if list.texts.contains(text) {
                return Ok(());
            }
        } else {
            for option in &list.others {
                if equal(option, value, &mut self.budget)? {
                    return Ok(());
                }
            }
        }
        self.wrong(|| {
            let known = options(&list.first, list.count);
            format!("{} is not one of {known}", shown(value))
        })
    }

    fn counted(
        &self,
        range: Range,
        count: u64,
        value: &Value,
        [more, less]: [&str; 2],
        singular: &str,
        plural: &str,
    ) -> Checked {
        let (how, limit) = match count {
            _ if count > range.most => (more, range.most),
            _ if count < range.least => (less, range.least),
            _ => return Ok(()),
        };
        self.wrong(|| {
            let verb = if how.starts_with("has") { "" } else { "is " };
            let unit = if limit == 1 { singular } else { plural };
            format!("{} {verb}{how} than {limit} {unit}", shown(value))
        })
    }
}

/// What lists and objects have that are too long, or too short.
const MORE_OR_LESS: [&str; 2] = ["has more", "has less"];

fn is_of_type(kind: Type, value: &Value) -> bool {
    match (kind, value) {
        (Type::Null, Value::Null)
        | (Type::Boolean, Value::Bool(_))
        | (Type::Number, Value::Number(_))
        | (Type::String, Value::String(_))
        | (Type::Array, Value::Array(_))
        | (Type::Object, Value::Object(_)) => true,
        (Type::Integer, Value::Number(number)) => number::is_integer(number),
        _ => false,
    }
}

fn under_none(value: &Value, keyword: &str) -> String {
    let value = shown(value);
    format!("{value} is not valid under any of the schemas listed in the '{keyword}' keyword")
}

fn out_of_bounds(bound: &Bound, value: &Value) -> String {
    let than = match (bound.lower, bound.exclusive) {
        (true, false) => "less than the minimum",
        (true, true) => "less than or equal to the minimum",
        (false, false) => "greater than the maximum",
        (false, true) => "greater than or equal to the maximum",
    };
    format!("{} is {than} of {}", shown(value), bound.limit)
}
