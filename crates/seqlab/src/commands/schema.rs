use std::process::ExitCode;

use clap::Args;
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::say;
use crate::stages::STAGES;

/// Print the JSON schema of definition files, for editors
#[derive(Debug, Args)]
pub(crate) struct PrintSchema {}

pub(crate) fn schema() -> Result<ExitCode, Failure> {
    say::text(&format!("{:#}\n", document()))?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the schema, made of the same structs that read a definition.
fn document() -> Value {
    let mut generator = SchemaGenerator::default();
    let mut verbs = Vec::new();
    for stage in STAGES {
        let mut content = (stage.schema)(&mut generator).to_value();
        if let Some(name) = content["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            content = generator.definitions().get(name).cloned().unwrap_or(content);
        }
        let roles = stage.roles.iter().map(|role| (role.name, role.many, role.optional));
        verbs.push(verb(stage.verb, stage.about, content, roles));
    }
    let run = generator.subschema_for::<pipeline::External>().to_value();
    let mut run = match run["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        Some(name) => generator.definitions().get(name).cloned().unwrap_or_default(),
        None => run,
    };
    run["properties"]["inputs"] =
        json!({ "description": "Names of the stages to read, by what they are for." });
    verbs.push(wrap(pipeline::RUN, "Any external command.", run));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "seqlab pipeline",
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "stages"],
        "properties": {
            "name": { "type": "string" },
            "description": { "type": "string" },
            "matrix": {
                "description": "Axes: a list of values, or a mapping from a word to any value.",
                "type": "object",
                "additionalProperties": { "anyOf": [
                    { "type": "array", "minItems": 1, "items": { "type": ["number", "boolean", "string"] } },
                    { "type": "object", "minProperties": 1 },
                ] },
            },
            "stages": { "type": "object", "minProperties": 1, "additionalProperties": { "oneOf": verbs } },
        },
        "$defs": generator.take_definitions(true),
    })
}

fn verb(
    name: &str,
    about: &str,
    mut content: Value,
    roles: impl Iterator<Item = (&'static str, bool, bool)>,
) -> Value {
    for (role, many, optional) in roles {
        let stage = json!({ "type": "string", "description": "Name of the stage to read." });
        content["properties"][role] = if many { json!({ "type": "array", "items": stage }) } else { stage };
        if !optional {
            let required =
                content.as_object_mut().map(|map| map.entry("required").or_insert_with(|| json!([])));
            if let Some(Value::Array(names)) = required {
                names.push(json!(role));
            }
        }
    }
    wrap(name, about, content)
}

fn wrap(name: &str, about: &str, content: Value) -> Value {
    let properties = Map::from_iter([(name.to_owned(), content)]);
    json!({
        "type": "object", "description": about, "additionalProperties": false,
        "required": [name], "properties": properties,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_is_there_with_its_roles_and_every_reference_leads_somewhere() {
        let document = document();
        let verbs = document["properties"]["stages"]["additionalProperties"]["oneOf"].as_array().unwrap();
        assert_eq!(verbs.len(), STAGES.len() + 1);
        let train = verbs.iter().find(|verb| verb["required"][0] == "train").unwrap();
        let train = &train["properties"]["train"];
        assert!(train["properties"]["data"].is_object(), "{train}");
        assert!(train["properties"]["steps"].is_object(), "{train}");
        assert_eq!(train["additionalProperties"], false);
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer} leads nowhere");
        }
    }
}
