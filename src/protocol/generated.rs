//! Generates `editors/protocol/` from the wire types, and fails where the checked-in files are stale.
//!
//! Renew them with `UPDATE_PROTOCOL=1 cargo test --lib protocol`.

use std::fmt::Write as _;
use std::path::Path;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};
use ts_rs::{Config, TS};

use super::*;

struct Method {
    name: &'static str,
    doc: String,
    params: Value,
    result: Value,
    params_ts: String,
    result_ts: String,
}

fn methods(schemas: &mut SchemaGenerator, ts: &Config) -> Vec<Method> {
    let mut all = Vec::new();
    macro_rules! describe {
        ($($(#[doc = $doc:literal])+ $name:literal => $module:ident::$handler:ident($params:ty) -> $result:ty;)*) => {
            $(all.push(Method {
                name: $name,
                doc: [$($doc),+].join("").trim().to_owned(),
                params: schemas.subschema_for::<$params>().to_value(),
                result: schemas.subschema_for::<$result>().to_value(),
                params_ts: <$params as TS>::name(ts),
                result_ts: <$result as TS>::name(ts),
            });)*
        };
    }
    for_each_method!(describe);
    all
}

fn schemas() -> SchemaGenerator {
    let mut settings = SchemaSettings::draft2020_12();
    settings.meta_schema = None;
    settings.into_generator()
}

/// One JSON Schema that defines every type of the protocol.
fn schema_json() -> String {
    let mut generator = schemas();
    methods(&mut generator, &Config::default());
    generator.subschema_for::<EventEnvelope>();
    generator.subschema_for::<Error>();
    let definitions = generator.take_definitions(true);
    pretty(&json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tinycode wire protocol, version 1",
        "$defs": definitions,
    }))
}

/// The OpenRPC document, which `rpc.discover` answers.
fn openrpc_json() -> String {
    let mut generator = schemas();
    let methods: Vec<Value> = methods(&mut generator, &Config::default())
        .into_iter()
        .map(|method| {
            json!({
                "name": method.name,
                "summary": method.doc,
                "paramStructure": "by-name",
                "params": params_of(&method.params, &generator),
                "result": {"name": "result", "schema": method.result},
            })
        })
        .collect();
    let definitions = generator.take_definitions(true);
    let text = pretty(&json!({
        "openrpc": "1.3.2",
        "info": {"title": "tinycode", "version": env!("CARGO_PKG_VERSION")},
        "methods": methods,
        "components": {"schemas": definitions},
    }));
    text.replace("#/$defs/", "#/components/schemas/")
}

/// OpenRPC lists the parameters one by one.
fn params_of(schema: &Value, generator: &SchemaGenerator) -> Vec<Value> {
    let name = schema["$ref"]
        .as_str()
        .unwrap()
        .trim_start_matches("#/$defs/");
    let object = &generator.definitions()[name];
    let required: Vec<&str> = object["required"]
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let Some(properties) = object.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    properties
        .iter()
        .map(|(name, schema)| {
            json!({"name": name, "required": required.contains(&name.as_str()), "schema": schema})
        })
        .collect()
}

/// The TypeScript declarations of all types, and of the methods by name.
fn protocol_ts() -> String {
    let config = Config::default().with_large_int("number");
    let mut out = String::from(
        "// Generated from src/protocol by `UPDATE_PROTOCOL=1 cargo test --lib protocol`.\n\n",
    );
    for declaration in declarations(&config) {
        let _ = writeln!(out, "export {declaration}\n");
    }
    out.push_str(
        "/** The methods: their parameters and results by name. */\nexport interface Methods {\n",
    );
    for method in methods(&mut schemas(), &config) {
        let _ = writeln!(
            out,
            "  /** {} */\n  \"{}\": {{ params: {}; result: {} }};",
            method.doc, method.name, method.params_ts, method.result_ts
        );
    }
    out.push_str("}\n");
    out
}

/// Every type that the protocol names, once, in the order of their names.
fn declarations(config: &Config) -> Vec<String> {
    struct Collect<'a>(std::collections::BTreeMap<String, String>, &'a Config);
    impl ts_rs::TypeVisitor for Collect<'_> {
        fn visit<T: TS + 'static + ?Sized>(&mut self) {
            if T::output_path().is_none() || self.0.contains_key(&T::ident(self.1)) {
                return;
            }
            self.0.insert(T::ident(self.1), T::decl(self.1));
            T::visit_dependencies(self);
        }
    }
    let mut collect = Collect(std::collections::BTreeMap::new(), config);
    macro_rules! visit {
        ($($(#[doc = $doc:literal])+ $name:literal => $module:ident::$handler:ident($params:ty) -> $result:ty;)*) => {
            $(ts_rs::TypeVisitor::visit::<$params>(&mut collect);
              ts_rs::TypeVisitor::visit::<$result>(&mut collect);)*
        };
    }
    for_each_method!(visit);
    ts_rs::TypeVisitor::visit::<EventEnvelope>(&mut collect);
    ts_rs::TypeVisitor::visit::<Error>(&mut collect);
    collect.0.into_values().collect()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

#[test]
fn the_checked_in_protocol_files_are_fresh() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("editors/protocol");
    for (name, fresh) in [
        ("schema.json", schema_json()),
        ("openrpc.json", openrpc_json()),
        ("protocol.ts", protocol_ts()),
    ] {
        let path = folder.join(name);
        if std::env::var_os("UPDATE_PROTOCOL").is_some() {
            std::fs::write(&path, &fresh).unwrap();
        }
        let held = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            held == fresh,
            "editors/protocol/{name} is stale: run `UPDATE_PROTOCOL=1 cargo test --lib protocol`"
        );
    }
}
