//! From JSON to the rules of a schema.

use std::collections::HashMap;
use std::io::{self, Write};

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::Schema;
use super::keywords::{flag, names_in, number, object, range, types_of};
use super::pattern::Pattern;
use super::rules::{Bound, Id, Items, Node, Options, Properties, Range, Rule};
use super::shown::{cut, shown};

/// Schemas within one that each hold the value itself to the next one.
const MAX_CHAIN: usize = 64;
/// Bytes of the place that a message names.
const MAX_PLACE: usize = 200;
/// Keywords that mean something which is not supported.
const UNSUPPORTED: [&str; 4] = [
    "unevaluatedProperties",
    "unevaluatedItems",
    "$dynamicRef",
    "$recursiveRef",
];

/// What schemas may take that are registered together.
#[derive(Debug)]
pub struct Allowance {
    /// Bytes of JSON.
    pub bytes: usize,
    /// Units of work to compile patterns.
    pub patterns: u64,
}

impl Allowance {
    /// Takes the bytes of a schema out of it; says how many they are.
    fn take(&mut self, schema: &Value) -> Result<usize, String> {
        let mut length = Length(0);
        let _ = serde_json::to_writer(&mut length, schema); // always serialises
        let left = self.bytes.checked_sub(length.0);
        self.bytes = left.ok_or_else(|| {
            let (bytes, most) = (length.0, self.bytes);
            format!("it has {bytes} bytes, and there is room for {most}")
        })?;
        Ok(length.0)
    }
}

/// Counts what is written.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Schema {
    /// Compiles a schema; also says how many bytes of JSON it has.
    ///
    /// # Errors
    /// What is wrong with it, or what of it is not supported.
    pub fn new(root: &Value, allowance: &mut Allowance) -> Result<(Self, usize), String> {
        let bytes = allowance.take(root)?;
        let mut compiler = Compiler {
            root,
            url: root.get("$id").and_then(Value::as_str).unwrap_or_default(),
            nodes: Vec::new(),
            ids: HashMap::new(),
            waiting: Vec::new(),
            allowance,
            refers: false,
            renamed: None,
        };
        compiler.schema(root, "")?;
        while let Some((id, value, place)) = compiler.waiting.pop() {
            let compiled = compiler.node(value, &place);
            let rules = compiled.map_err(|problem| match place.is_empty() {
                true => problem,
                false => format!("{}: {problem}", cut(&place, MAX_PLACE)),
            })?;
            compiler.nodes[id] = Node { rules };
        }
        if let Some(place) = compiler.renamed.filter(|_| compiler.refers) {
            return Err(format!(
                "{place}: '$id' changes what each '$ref' means, and is not supported"
            ));
        }
        check_chains(&compiler.nodes)?;
        let nodes = compiler.nodes;
        Ok((Self { nodes }, bytes))
    }
}

/// Makes sure that no schema holds a value to itself, or by way of too many others.
fn check_chains(nodes: &[Node]) -> Result<(), String> {
    let next = |id: Id| nodes[id].rules.iter().flat_map(Rule::in_place);
    let mut before = vec![0_usize; nodes.len()];
    (0..nodes.len())
        .flat_map(next)
        .for_each(|id| before[id] += 1);
    let mut lengths = vec![1_usize; nodes.len()];
    let mut ready: Vec<Id> = (0..nodes.len()).filter(|id| before[*id] == 0).collect();
    let mut done = 0;
    while let Some(id) = ready.pop() {
        done += 1;
        for after in next(id) {
            lengths[after] = lengths[after].max(lengths[id] + 1);
            before[after] -= 1;
            if before[after] == 0 {
                ready.push(after);
            }
        }
    }
    if done < nodes.len() {
        return Err(
            "its '$ref's lead in a circle in which nothing of the value is looked at".to_owned(),
        );
    }
    match lengths.into_iter().max() {
        Some(most) if most > MAX_CHAIN => Err(format!(
            "{most} schemas refer each to the next one for the same value, and at most {MAX_CHAIN} may"
        )),
        _ => Ok(()),
    }
}

/// What became of compiling something.
pub type Compiled<T> = Result<T, String>;
/// A schema.
pub type Object = Map<String, Value>;

struct Compiler<'a> {
    root: &'a Value,
    /// What the schema calls itself.
    url: &'a str,
    nodes: Vec<Node>,
    /// The nodes of schemas that have been seen, by where they are in memory.
    ids: HashMap<usize, Id>,
    /// Nodes that are to be compiled, and their places: so that none of this nests.
    waiting: Vec<(Id, &'a Value, String)>,
    allowance: &'a mut Allowance,
    /// Whether there is a `$ref`.
    refers: bool,
    /// The place of a schema within the schema that has a name of its own.
    renamed: Option<String>,
}

impl<'a> Compiler<'a> {
    fn schema(&mut self, value: &'a Value, place: &str) -> Compiled<Id> {
        let fresh = self.nodes.len();
        let id = *self
            .ids
            .entry(std::ptr::from_ref(value).addr())
            .or_insert(fresh);
        if id == fresh {
            self.nodes.push(Node::default());
            self.waiting.push((id, value, cut(place, MAX_PLACE)));
        }
        Ok(id)
    }

    fn node(&mut self, value: &'a Value, place: &str) -> Compiled<Vec<Rule>> {
        let schema = match value {
            Value::Bool(true) => return Ok(Vec::new()),
            Value::Bool(false) => return Ok(vec![Rule::Never]),
            Value::Object(schema) => schema,
            other => {
                return Err(format!(
                    "{} is no schema: it must be an object or a boolean",
                    shown(other)
                ));
            }
        };
        if !place.is_empty()
            && schema
                .get("$id")
                .and_then(Value::as_str)
                .is_some_and(|id| !id.starts_with('#'))
        {
            self.renamed = Some(place.to_owned());
        }
        let allows_all =
            |value: &Value| *value == true || value.as_object().is_some_and(Map::is_empty);
        for keyword in UNSUPPORTED {
            if schema.get(keyword).is_some_and(|value| !allows_all(value)) {
                return Err(format!("the keyword '{keyword}' is not supported"));
            }
        }
        let mut rules = Vec::new();
        self.of_any(schema, &mut rules)?;
        self.of_numbers(schema, &mut rules)?;
        self.of_texts(schema, &mut rules)?;
        self.of_lists(schema, place, &mut rules)?;
        self.of_objects(schema, place, &mut rules)?;
        self.in_place(schema, place, &mut rules)?;
        Ok(rules)
    }

    fn of_any(&self, schema: &Object, rules: &mut Vec<Rule>) -> Compiled<()> {
        if let Some(types) = schema.get("type") {
            rules.push(Rule::Type(types_of(types)?));
        }
        if let Some(options) = schema.get("enum") {
            let options = options.as_array().ok_or("'enum' must be a list")?;
            let texts = options.iter().filter_map(Value::as_str).map(str::to_owned);
            let others = options.iter().filter(|option| !option.is_string());
            rules.push(Rule::Enum(Options {
                texts: texts.collect(),
                others: others.cloned().collect(),
                first: options.iter().take(3).cloned().collect(),
                count: options.len(),
            }));
        }
        if let Some(value) = schema.get("const") {
            rules.push(Rule::Const(value.clone()));
        }
        Ok(())
    }

    fn of_numbers(&self, schema: &Object, rules: &mut Vec<Rule>) -> Compiled<()> {
        for (lower, inclusive, exclusive) in [
            (true, "minimum", "exclusiveMinimum"),
            (false, "maximum", "exclusiveMaximum"),
        ] {
            // In older drafts the second one only says how the first one is meant.
            let flag = schema.get(exclusive).and_then(Value::as_bool);
            if let Some(limit) = number(schema, inclusive)? {
                let exclusive = flag == Some(true);
                rules.push(Rule::Bound(Bound {
                    limit,
                    lower,
                    exclusive,
                }));
            }
            if flag.is_none()
                && let Some(limit) = number(schema, exclusive)?
            {
                let exclusive = true;
                rules.push(Rule::Bound(Bound {
                    limit,
                    lower,
                    exclusive,
                }));
            }
        }
        if let Some(of) = number(schema, "multipleOf")? {
            if of.as_f64().is_none_or(|of| of <= 0.0) {
                return Err(format!("'multipleOf' is {of}, and must be more than 0"));
            }
            rules.push(Rule::MultipleOf(of));
        }
        Ok(())
    }

    fn of_texts(&mut self, schema: &Object, rules: &mut Vec<Rule>) -> Compiled<()> {
        rules.extend(range(schema, "minLength", "maxLength")?.map(Rule::Length));
        if let Some(source) = schema.get("pattern") {
            let source = source.as_str().ok_or("'pattern' must be a string")?;
            rules.push(Rule::Pattern(self.pattern(source)?));
        }
        Ok(())
    }

    fn pattern(&mut self, source: &str) -> Compiled<Pattern> {
        let pattern = Pattern::new(source)?;
        let left = self.allowance.patterns.checked_sub(pattern.weight());
        self.allowance.patterns = left.ok_or("there are too many patterns, or too large ones")?;
        Ok(pattern)
    }

    fn of_lists(&mut self, schema: &'a Object, place: &str, rules: &mut Vec<Rule>) -> Compiled<()> {
        rules.extend(range(schema, "minItems", "maxItems")?.map(Rule::Count));
        if flag(schema, "uniqueItems")? {
            rules.push(Rule::Unique);
        }
        let (first, rest) = match (schema.get("prefixItems"), schema.get("items")) {
            (None, Some(first @ Value::Array(_))) => (Some(("items", first)), "additionalItems"),
            (first, _) => (first.map(|first| ("prefixItems", first)), "items"),
        };
        let first = match first {
            Some((keyword, list)) => self.list(list, keyword, place)?,
            None => Vec::new(),
        };
        let rest = match schema.get(rest) {
            Some(schema) => Some(self.schema(schema, &below(place, rest))?),
            None => None,
        };
        if rest.is_some() || !first.is_empty() {
            rules.push(Rule::Items(Items { first, rest }));
        }
        if let Some(contains) = schema.get("contains") {
            let id = self.schema(contains, &below(place, "contains"))?;
            let given = range(schema, "minContains", "maxContains")?;
            let mut range = given.unwrap_or(Range {
                least: 1,
                most: u64::MAX,
            });
            if !schema.contains_key("minContains") {
                range.least = 1;
            }
            rules.push(Rule::Contains(id, range));
        }
        Ok(())
    }

    fn of_objects(
        &mut self,
        schema: &'a Object,
        place: &str,
        rules: &mut Vec<Rule>,
    ) -> Compiled<()> {
        rules.extend(range(schema, "minProperties", "maxProperties")?.map(Rule::Size));
        if let Some(names) = schema.get("required") {
            rules.push(Rule::Required(names_in(names, "required")?));
        }
        let mut properties = Properties::default();
        for (name, schema) in object(schema, "properties")? {
            let id = self.schema(schema, &below(place, name))?;
            properties.named.insert(name.clone(), id);
        }
        for (source, schema) in object(schema, "patternProperties")? {
            let id = self.schema(schema, &below(place, source))?;
            properties.matching.push((self.pattern(source)?, id));
        }
        match schema.get("additionalProperties") {
            None | Some(Value::Bool(true)) => {}
            Some(Value::Bool(false)) => properties.closed = true,
            Some(others) => {
                properties.others =
                    Some(self.schema(others, &below(place, "additionalProperties"))?);
            }
        }
        if !properties.is_empty() {
            rules.push(Rule::Properties(Box::new(properties)));
        }
        if let Some(names) = schema.get("propertyNames") {
            rules.push(Rule::Names(
                self.schema(names, &below(place, "propertyNames"))?,
            ));
        }
        for keyword in ["dependentRequired", "dependentSchemas", "dependencies"] {
            for (name, needs) in object(schema, keyword)? {
                rules.push(match needs {
                    Value::Array(_) if keyword != "dependentSchemas" => {
                        Rule::DependentRequired(name.clone(), names_in(needs, keyword)?)
                    }
                    _ if keyword == "dependentRequired" => {
                        return Err(format!("'{keyword}' must hold lists of names"));
                    }
                    schema => Rule::DependentSchema(
                        name.clone(),
                        self.schema(schema, &below(place, name))?,
                    ),
                });
            }
        }
        Ok(())
    }

    fn in_place(&mut self, schema: &'a Object, place: &str, rules: &mut Vec<Rule>) -> Compiled<()> {
        if let Some(reference) = schema.get("$ref") {
            self.refers = true;
            let reference = reference.as_str().ok_or("'$ref' must be a string")?;
            let target = self.resolve(reference)?;
            rules.push(Rule::Ref(self.schema(target, reference)?));
        }
        for (keyword, rule) in [
            ("allOf", Rule::All as fn(Vec<Id>) -> Rule),
            ("anyOf", Rule::Any),
            ("oneOf", Rule::One),
        ] {
            if let Some(list) = schema.get(keyword) {
                rules.push(rule(self.list(list, keyword, place)?));
            }
        }
        if let Some(not) = schema.get("not") {
            rules.push(Rule::Not(self.schema(not, &below(place, "not"))?));
        }
        if let Some(test) = schema.get("if") {
            let test = self.schema(test, &below(place, "if"))?;
            let mut branch = |keyword: &str| match schema.get(keyword) {
                Some(branch) => self.schema(branch, &below(place, keyword)).map(Some),
                None => Ok(None),
            };
            rules.push(Rule::If(test, branch("then")?, branch("else")?));
        }
        Ok(())
    }

    fn list(&mut self, list: &'a Value, keyword: &str, place: &str) -> Compiled<Vec<Id>> {
        let list = list.as_array().filter(|list| !list.is_empty());
        let list =
            list.ok_or_else(|| format!("'{keyword}' must be a list of schemas that is not empty"))?;
        let place = below(place, keyword);
        let ids = list.iter().enumerate();
        ids.map(|(index, schema)| self.schema(schema, &below(&place, &index.to_string())))
            .collect()
    }

    /// The schema that a `$ref` refers to. Nothing is read or fetched for it.
    fn resolve(&self, reference: &str) -> Compiled<&'a Value> {
        let quoted = cut(reference, MAX_PLACE);
        let local = reference.strip_prefix(self.url.trim_end_matches('#'));
        let pointer = match local.unwrap_or(reference).strip_prefix('#') {
            Some(pointer) if pointer.is_empty() || pointer.starts_with('/') => pointer,
            None if local == Some("") && !reference.is_empty() => "",
            _ => {
                return Err(format!(
                    "'$ref' is '{quoted}', and nothing is fetched or read for a schema: refer to a part of \
                     it, such as '#/$defs/name'"
                ));
            }
        };
        let pointer = percent_decode_str(pointer).decode_utf8_lossy();
        let target = self.root.pointer(&pointer);
        target.ok_or_else(|| {
            format!("'$ref' is '{quoted}', and there is nothing at this place of the schema")
        })
    }
}

fn below(place: &str, name: &str) -> String {
    match place.is_empty() {
        true => cut(name, MAX_PLACE),
        false => format!("{place}.{}", cut(name, MAX_PLACE)),
    }
}
