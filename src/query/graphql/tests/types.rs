//! The types of the kinds.

use super::*;

#[test]
fn every_kind_has_a_type_with_its_fields() {
    let (engine, _directory) = peopled();
    let ask = |document: &str| ask(&engine, document)["data"].clone();
    let types = ask(
        "{ person: __type(name: \"Person\") { interfaces { name } fields { name type { name kind ofType { name } } } } \
           poet: __type(name: \"Old_Poet\") { description } query: __type(name: \"Query_\") { description } }",
    );
    assert_eq!(types["person"]["interfaces"], json!([{ "name": "Node" }]));
    let fields = types["person"]["fields"].as_array().unwrap();
    let type_of = |name: &str| {
        let field = fields.iter().find(|field| field["name"] == name).unwrap();
        let ty = &field["type"];
        ty["name"]
            .as_str()
            .or(ty["ofType"]["name"].as_str())
            .map(|name| format!("{}:{name}", ty["kind"].as_str().unwrap()))
    };
    for (field, ty) in [
        ("born", "SCALAR:Int"),
        ("height", "SCALAR:Float"),
        ("name_", "SCALAR:String"),
        ("tags", "LIST:String"),
        ("big", "SCALAR:Long"),
        ("odd", "SCALAR:JSON"),
        ("name", "SCALAR:String"),
    ] {
        assert_eq!(type_of(field).as_deref(), Some(ty), "{field}");
    }
    assert_eq!(
        types["poet"]["description"],
        "Nodes of the kind \"Old Poet\""
    );
    assert_eq!(types["query"]["description"], "Nodes of the kind \"Query\"");
    let read = "... on Person { born height name_ tags big odd } ... on Old_Poet { firstName } ... on Query_ { isOut }";
    let nodes = ask(&format!(
        "{{ ada: node(name: \"ada\") {{ __typename {read} }} bob: node(name: \"bob\") {{ __typename {read} }} \
            eve: node(name: \"eve\") {{ __typename {read} }} root: nodes(first: 1) {{ nodes {{ __typename }} }} \
            people: nodes(filter: {{kind: \"Person\"}}) {{ nodes {{ __typename {read} }} }} }}"
    ));
    let ada = json!({ "__typename": "Person", "born": 1815, "height": 1.7, "name_": "Ada", "tags": ["x"],
        "big": "9007199254740993", "odd": 1 });
    assert_eq!(nodes["ada"], ada);
    // Of the kind that is first, or that was asked for.
    assert_eq!(
        nodes["bob"],
        json!({ "__typename": "Old_Poet", "firstName": "B" })
    );
    let bob = json!({ "__typename": "Person", "born": 1788, "height": 2.0, "name_": null, "tags": [], "big": "1",
        "odd": "one" });
    assert_eq!(nodes["people"]["nodes"], json!([ada, bob]));
    assert_eq!(
        nodes["eve"],
        json!({ "__typename": "Query_", "isOut": true })
    );
    assert_eq!(nodes["root"]["nodes"][0]["__typename"], "Word");
}

#[test]
fn types_follow_the_memory_and_depend_on_nothing_else() {
    let (engine, _directory) = peopled();
    let graphql = over(&engine);
    let set = |fields: &str| {
        let text =
            format!("mutation {{ set(node: {{name: \"ada\"}}, fields: {fields}) {{ id }} }}");
        let document = Document {
            text,
            ..Document::default()
        };
        assert!(graphql.execute(0, document).response.is_ok());
        graphql.sdl(0).0
    };
    let mut seen = Vec::new();
    for (fields, part) in [
        ("{born: 1815}", "born: Int\n"),
        ("{born: 1815.5}", "born: Float\n"),
        ("{born: \"long ago\"}", "born: JSON\n"),
        ("{}", "born: Int\n"),
    ] {
        let sdl = set(fields);
        let person = sdl.split("type Person ").nth(1).unwrap();
        let person = &person[..person.find('}').unwrap()];
        assert!(person.contains(part), "{fields}: {person}");
        // What was known before makes no difference.
        assert_eq!(sdl, over(&engine).sdl(0).0, "{fields}");
        seen.push(sdl);
    }
    assert_ne!(seen[0], seen[1]);
    let other = graphql.sdl(1).0;
    assert_eq!(other, sdl(), "a space has the types of its own kinds alone");
}

#[test]
fn a_field_that_was_of_another_type_says_so() {
    let (engine, _directory) = peopled();
    let before = engine.glance(0).state.version();
    for name in ["ada", "bob"] {
        let set = format!(
            "mutation {{ set(node: {{name: \"{name}\"}}, fields: {{born: \"long ago\"}}) {{ id }} }}"
        );
        assert_eq!(ask(&engine, &set)["errors"], Value::Null);
    }
    let read = "node(name: \"ada\") { fields ... on Person { born } }";
    let answer = ask(
        &engine,
        &format!("{{ {read} asOf(version: \"{before}\") {{ {read} }} }}"),
    );
    assert_eq!(answer["data"]["node"]["born"], "long ago");
    let then = &answer["data"]["asOf"]["node"];
    assert_eq!(
        (&then["born"], &then["fields"]["born"]),
        (&Value::Null, &json!(1815))
    );
    let message = answer["errors"][0]["message"].as_str().unwrap();
    assert!(
        message.contains("'born'") && message.contains("fields has it"),
        "{message}"
    );
    // Nor does a mutation have the types of what it makes.
    let within =
        "mutation { set(node: {name: \"ada\"}, fields: {born: 1815}) { ... on Person { born } } }";
    assert!(
        ask(&engine, within)["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("'born'")
    );
}

#[test]
fn no_kind_can_take_the_name_of_another_type() {
    let (engine, _directory) = planted();
    let answer = ask(&engine, "{ __schema { types { name } } }");
    let types = answer["data"]["__schema"]["types"].as_array().unwrap();
    let ours = types.iter().map(|ty| ty["name"].as_str().unwrap());
    let ours: Vec<&str> = ours
        .filter(|name| !name.starts_with("__") && *name != "Word")
        .collect();
    let reserved = schema::reserved();
    for name in &ours {
        assert!(reserved.contains(*name), "{name}");
    }
    let kinds: Vec<String> = ours.iter().map(|name| format!("\"{name}\"")).collect();
    let document = format!(
        "mutation {{ set(node: {{name: \"all\"}}, kinds: [{}], fields: {{id: 1, __typename: 2}}) {{ id }} }}",
        kinds.join(", ")
    );
    assert_eq!(ask(&engine, &document)["errors"], Value::Null);
    let answer = ask(
        &engine,
        "{ node(name: \"all\") { id ... on Boolean_ { id_ _typename } } }",
    );
    assert_eq!(answer["data"]["node"]["id_"], 1, "{answer}");
    assert_eq!(answer["data"]["node"]["_typename"], 2, "{answer}");
}

#[test]
fn the_schema_is_the_one_that_is_written_down() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/graphql.graphql");
    if std::env::var_os("LADYBUG_REGENERATE").is_some() {
        std::fs::write(path, sdl()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == sdl(),
        "docs/graphql.graphql is not the schema: LADYBUG_REGENERATE=1 cargo test --lib graphql"
    );
}
