//! Whatever a schema becomes, it is compared or refused. What it refuses of a document is breaking, and so
//! is what types made before do not read, or what is not taken of them; nothing else is.

use apollo_compiler::ast::{
    Argument, Definition, FieldDefinition, InputValueDefinition, Selection, Type, Value as Given,
};
use apollo_compiler::parser::Parser;
use apollo_compiler::{Name, Node, Schema as Declared};
use dinoai_emulator::changes::{Level, changes};
use dinoai_emulator::documents::{Documents, ProblemKind, Schema};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;

use crate::old_types::Program;

const SDL: &str = include_str!("../../backends/current.graphql");
const DOCUMENT: &str = "
    query Run($id: String!, $after: Int) {
      run: dinoaiAgentRun(agentSessionId: $id) {
        ...Run
        steps(after: $after, includeToolIo: true) { index role toolName }
      }
    }
    fragment Run on DinoAiAgentRun { ok status messages { ts role } childSessionIds }
    mutation Start($slack: DinoAiAgentSlackInput) {
      triggerDinoaiAgentRun(agent: \"a\", slack: $slack) { ok agentSessionId warning }
    }
";

/// Words of the text that are gone, doubled, or have another one's place.
fn changed(text: &str, edits: &[(Index, Index, u8)]) -> String {
    let mut words: Vec<&str> = text
        .split_inclusive([' ', '\n', '(', ')', ':', '!', '[', ']'])
        .collect();
    for (one, other, kind) in edits {
        let (one, other) = (one.index(words.len()), other.index(words.len()));
        match kind % 3 {
            0 => drop(words.remove(one)),
            1 => words.insert(one, words[other]),
            _ => words.swap(one, other),
        }
    }
    words.concat()
}

/// The schema of each kind of type, after changes of its definitions.
fn another_schema() -> impl Strategy<Value = String> {
    let edit = (any::<usize>(), any::<usize>(), any::<usize>());
    prop::collection::vec(edit, 1..4).prop_filter_map("it is no other schema", |edits| {
        let mut document = Parser::new().parse_ast(KINDS, "old.graphql").unwrap();
        let before = document.clone();
        for (definition, part, kind) in edits {
            let definition = definition % document.definitions.len();
            change_part(&mut document.definitions[definition], part, kind);
        }
        let sdl = document.to_string();
        let is_schema = Schema::parse("new.graphql", &*sdl).is_ok();
        (document != before && is_schema).then_some(sdl)
    })
}

/// Changes one part of a definition, or removes it.
fn change_part(definition: &mut Definition, part: usize, kind: usize) {
    match definition {
        Definition::ObjectTypeDefinition(it) => {
            change_one(&mut it.make_mut().fields, part, kind, change_field);
        }
        Definition::InterfaceTypeDefinition(it) => {
            change_one(&mut it.make_mut().fields, part, kind, change_field);
        }
        Definition::InputObjectTypeDefinition(it) => {
            change_one(&mut it.make_mut().fields, part, kind, change_input);
        }
        Definition::DirectiveDefinition(it) => {
            change_one(&mut it.make_mut().arguments, part, kind, change_input);
        }
        Definition::EnumTypeDefinition(it) => {
            change_one(&mut it.make_mut().values, part, kind, |value, _| {
                value.value = renamed(&value.value);
            });
        }
        Definition::UnionTypeDefinition(it) => {
            let members = &mut it.make_mut().members;
            members.remove(part % members.len());
        }
        _ => {}
    }
}

fn change_one<T: Clone>(
    parts: &mut Vec<Node<T>>,
    part: usize,
    kind: usize,
    change: impl FnOnce(&mut T, usize),
) {
    if parts.is_empty() {
        return;
    }
    let at = part % parts.len();
    match kind % 8 {
        0 => drop(parts.remove(at)),
        _ => change(parts[at].make_mut(), kind / 8),
    }
}

fn change_field(field: &mut FieldDefinition, kind: usize) {
    match kind % 4 {
        0 => field.name = renamed(&field.name),
        1 => change_type(&mut field.ty, kind / 4),
        _ => change_one(&mut field.arguments, kind / 4, kind / 32, change_input),
    }
}

fn change_input(input: &mut InputValueDefinition, kind: usize) {
    match kind % 4 {
        0 => input.name = renamed(&input.name),
        1 => input.default_value = None,
        _ => change_type(input.ty.make_mut(), kind / 4),
    }
}

fn change_type(ty: &mut Type, kind: usize) {
    let old = ty.clone();
    *ty = match kind % 4 {
        0 => old.list(),
        1 => Type::Named(Name::new_unchecked("Int")),
        _ if old.is_non_null() => old.nullable(),
        _ => old.non_null(),
    };
}

fn renamed(name: &Name) -> Name {
    Name::new(&format!("{name}2")).unwrap()
}

/// The same cases in each run, unless `PROPTEST_RNG_SEED` is another seed.
fn config(cases: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: match config.rng_seed {
            RngSeed::Random => RngSeed::Fixed(1),
            given => given,
        },
        ..config
    }
}

/// Whether a server takes the documents.
fn is_valid(documents: &Documents, schema: &Schema) -> bool {
    let problems = documents.check(schema).err();
    let mut problems = problems.iter().flat_map(|it| it.list());
    problems.all(|it| it.kind == ProblemKind::Derive)
}

/// A schema with each kind of type, and documents that use it.
const KINDS: &str = "
    directive @d(n: Int = 1, m: Int! = 2) on FIELD | FRAGMENT_SPREAD
    schema { query: Query }
    type Query { obj(n: Int! = 1, in: In, k: Kind = X): Obj! node: Node any: Any list: [[Obj!]] other: Other
      kind: Kind! text(s: String, f: Int): String date: Date }
    interface Node { id: ID! note: String }
    type Obj implements Node { id: ID! note: String score: Float num: Int! kind: Kind self: Obj }
    type Other implements Node { id: ID! note: String size: Int! }
    type Third { id: ID! size: Int! }
    union Any = Obj | Other
    enum Kind { X Y }
    enum Sort { X }
    scalar Date
    input In { n: Int! = 1 m: Int k: Kind list: [Int] in: In one: One }
    input One @oneOf { a: Int b: String }
";
const USES: [&str; 9] = [
    "query Q($n: Int, $k: Kind, $in: In) { obj(n: $n, k: $k, in: $in) { id num kind } }",
    "query Q { obj(in: { k: X, list: [1] }) @d { id score self { num } } text @d(m: 1) }",
    "query Q { node { __typename id ... on Obj { num } } any { __typename ... on Other { size } ...O } }
     fragment O on Obj { id num }",
    "query Q { obj { ...F note } list { ...F id } other { ...G note } node { __typename } }
     fragment F on Obj { num kind } fragment G on Other { size }",
    "query Q($m: Int = 4, $n: Int) { obj(in: { n: $n, m: $m, list: [$m], in: {} }) { id } kind date }",
    "query Q { obj { id } other { id size } list { id note } any { __typename } }",
    "query Q { obj { ...N } } fragment N on Node { __typename id }",
    "query A($n: Int!) { ...R } query B($n: String) { text(s: $n) }
     fragment R on Query { obj(n: $n) { id } }",
    "query Q($one: One!) { obj(in: { one: $one, k: Y }, k: X) { note } text(f: 1) }",
];

/// An object type that is what `Obj` is, for schemas in which that is an interface.
const LIKE_OBJ: &str = "{ id: ID! note: String score: Float num: Int! kind: Kind self: Obj }";

/// Changes of the schema: what stands in it, and what takes its place.
const EDITS: &[&[(&str, &str)]] = &[
    &[
        (
            "type Obj implements Node {",
            "type Like implements Obj & Node LIKE interface Obj implements Node {",
        ),
        ("union Any = Obj", "union Any = Third"),
    ],
    &[
        (
            "type Obj implements Node {",
            "type Like implements Obj & Node LIKE interface Obj implements Node {",
        ),
        ("union Any = Obj", "union Any = Like"),
    ],
    &[
        ("): Obj!", "): Like!"),
        (
            "type Obj implements Node {",
            "interface Like LIKE type Obj implements Node & Like {",
        ),
    ],
    &[
        ("): Obj!", "): Like!"),
        (
            "type Obj implements Node {",
            "interface Like LIKE type More implements Like LIKE type Obj implements Node & Like {",
        ),
    ],
    &[
        (
            "type Obj implements Node {",
            "type More LIKE union Obj = More | Third type Old implements Node {",
        ),
        ("union Any = Obj", "union Any = Old"),
    ],
    &[("): Obj!", "): Any!")],
    &[("): Obj!", "): Node!")],
    &[("): Obj!", "): Other!")],
    &[("): Obj!", "): Obj")],
    &[("other: Other", "other: Third")],
    &[("other: Other", "other: Node")],
    &[("other: Other", "other: Any")],
    &[("node: Node", "node: Other")],
    &[("node: Node", "node: Third")],
    &[("node: Node", "node: Any")],
    &[("any: Any", "any: Obj")],
    &[("any: Any", "any: Node")],
    &[("any: Any", "any: Third")],
    &[
        ("interface Node {", "type Node {"),
        (" implements Node", ""),
    ],
    &[
        ("interface Node {", "union Node = Obj | Third type Old {"),
        (" implements Node", ""),
    ],
    &[("type Other implements Node", "type Other")],
    &[("type Third {", "type Third implements Node { note: String ")],
    &[("union Any = Obj | Other", "union Any = Obj | Third")],
    &[("union Any = Obj | Other", "union Any = Third")],
    &[("union Any = Obj | Other", "union Any = Obj | Other | Third")],
    &[
        ("union Any = Obj | Other", "interface Any { id: ID! }"),
        ("implements Node", "implements Node & Any"),
    ],
    &[("Other", "Renamed")],
    &[("Obj", "Renamed")],
    &[("Kind", "Renamed")],
    &[("Query", "Renamed")],
    &[("num: Int!", "num: Int")],
    &[("num: Int!", "num: Float!")],
    &[("num: Int!", "num: [Int!]!")],
    &[("score: Float", "score: Int")],
    &[("note: String", "note: String!")],
    &[("note: String", "note: ID")],
    &[("size: Int!", "size: Int")],
    &[("self: Obj", "self: Any")],
    &[("self: Obj", "self: Obj!")],
    &[("[[Obj!]]", "[[Obj]]")],
    &[("[[Obj!]]", "[[Obj!]!]!")],
    &[("[[Obj!]]", "[Obj!]")],
    &[("kind: Kind!", "kind: Kind")],
    &[("kind: Kind!", "kind: Sort!")],
    &[("kind: Kind!", "kind: String!")],
    &[("f: Int): String", "f: Int): Kind")],
    &[("f: Int): String", "f: Int): Date")],
    &[("f: Int): String", "f: Float): Boolean")],
    &[("f: Int)", "f: Date)")],
    &[("date: Date", "date: String")],
    &[("scalar Date", "enum Date { X }")],
    &[("enum Kind { X Y }", "scalar Kind")],
    &[("enum Kind { X Y }", "enum Kind { X }")],
    &[("enum Kind { X Y }", "enum Kind { X Y Z }")],
    &[
        ("enum Kind { X Y }", "enum Kind { Y }"),
        ("k: Kind = X", "k: Kind = Y"),
    ],
    &[("obj(n: Int! = 1", "obj(n: Int!")],
    &[("obj(n: Int! = 1", "obj(n: Int! = 2")],
    &[("obj(n: Int! = 1", "obj(n: Int")],
    &[("obj(n: Int! = 1", "obj(n: Float! = 1")],
    &[("obj(n: Int! = 1, ", "obj(")],
    &[("obj(n: Int! = 1", "obj(more: Int!, n: Int! = 1")],
    &[("obj(n: Int! = 1", "obj(more: Int! = 3, n: Int! = 1")],
    &[("in: In, k", "in: In!, k")],
    &[("in: In, k", "in: In! = {}, k")],
    &[("in: In, k", "in: In = { m: 1, k: X }, k")],
    &[("k: Kind = X", "k: Kind")],
    &[("k: Kind = X", "k: Kind = Y")],
    &[("k: Kind = X", "k: Kind! = X")],
    &[("k: Kind = X", "k: String")],
    &[("In { n: Int! = 1", "In { n: Int!")],
    &[("In { n: Int! = 1", "In { n: Int! = 2")],
    &[("In { n: Int! = 1", "In { n: Int = 1")],
    &[("In { n: Int! = 1", "In {")],
    &[("m: Int k", "m: Int! k")],
    &[("m: Int k", "m: Int! = 3 k")],
    &[("m: Int k", "m: Int = 3 k")],
    &[("m: Int k", "m: Float k")],
    &[("m: Int k", "k")],
    &[("k: Kind list", "k: Sort list")],
    &[("k: Kind list", "k: String list")],
    &[("k: Kind list", "k: Date list")],
    &[("list: [Int]", "list: [Int!]")],
    &[("list: [Int]", "list: [Int]!")],
    &[("list: [Int]", "list: Int")],
    &[("list: [Int] in", "list: [Int] more: Int! in")],
    &[("one: One", "one: One!")],
    &[("one: One", "one: [One]")],
    &[(" @oneOf", "")],
    &[("a: Int b", "b")],
    &[("a: Int b", "a: Int c: Int b")],
    &[("@d(n: Int = 1", "@d(n: Int = 2")],
    &[("@d(n: Int = 1", "@d(n: Int")],
    &[("@d(n: Int = 1, ", "@d(")],
    &[("m: Int! = 2)", "m: Int!)")],
    &[("m: Int! = 2)", "m: Int! = 3)")],
    &[("m: Int! = 2)", "m: Int)")],
    &[("on FIELD |", "on QUERY |")],
    &[("directive @d", "directive @e")],
];

/// Types that have another name after an edit, and the new name of each.
const RENAMED: &str = "Renamed";

fn edited(edits: &[usize]) -> String {
    let parts = edits.iter().flat_map(|it| EDITS[*it]);
    parts.fold(KINDS.to_owned(), |sdl, (from, to)| {
        sdl.replace(from, &to.replace("LIKE", LIKE_OBJ))
    })
}

fn declared(sdl: &str) -> Declared {
    let sdl = format!("directive @oneOf on INPUT_OBJECT {sdl}");
    Declared::parse(sdl, "schema.graphql").unwrap()
}

/// Whether something that is left out has another default now.
fn means_something_else(program: &Program<'_>) -> bool {
    let (old, new) = (program.old, program.new);
    let mut is_other = false;
    for operation in program.operations() {
        let is_left_out = |given: Option<&Node<Argument>>| match given.map(|it| &*it.value) {
            None => true,
            Some(Given::Variable(name)) => operation
                .variables
                .iter()
                .any(|it| it.name == *name && !it.ty.is_non_null() && it.default_value.is_none()),
            Some(_) => false,
        };
        let differ = |given: &[Node<Argument>],
                      was: &[Node<InputValueDefinition>],
                      is: &[Node<InputValueDefinition>]| {
            was.iter().any(|argument| {
                let default =
                    |it: &InputValueDefinition| it.default_value.as_ref().map(|it| it.to_string());
                let now = is.iter().find(|it| it.name == argument.name);
                is_left_out(given.iter().find(|it| it.name == argument.name))
                    && default(argument) != now.and_then(|it| default(it))
            })
        };
        let mut ahead = vec![("Query".to_owned(), &operation.selection_set)];
        while let Some((on, selections)) = ahead.pop() {
            for selection in selections {
                let directives = match selection {
                    Selection::Field(field) => {
                        let fields = [old, new].map(|it| it.type_field(&on, &field.name));
                        if let [Ok(was), Ok(is)] = fields {
                            is_other |= differ(&field.arguments, &was.arguments, &is.arguments);
                            let inner = was.ty.inner_named_type().to_string();
                            ahead.push((inner, &field.selection_set));
                        }
                        &field.directives
                    }
                    Selection::InlineFragment(it) => {
                        let on = it
                            .type_condition
                            .as_ref()
                            .map_or(on.clone(), |it| it.to_string());
                        ahead.push((on, &it.selection_set));
                        &it.directives
                    }
                    Selection::FragmentSpread(it) => {
                        let fragment = program.fragment(&it.fragment_name);
                        ahead.push((fragment.type_condition.to_string(), &fragment.selection_set));
                        &it.directives
                    }
                };
                for directive in directives.iter() {
                    let of = |schema: &Declared| {
                        schema.directive_definitions.get(&directive.name).cloned()
                    };
                    if let (Some(was), Some(is)) = (of(old), of(new)) {
                        is_other |= differ(&directive.arguments, &was.arguments, &is.arguments);
                    }
                }
            }
        }
    }
    is_other
}

/// The schema and an edited one, as they are compared and as they are declared.
struct Edited {
    sdl: String,
    schemas: [Schema; 2],
    declared: [Declared; 2],
}

impl Edited {
    /// None if the edits make no schema.
    fn by(edits: &[usize]) -> Option<Self> {
        let sdl = edited(edits);
        let new = Schema::parse("new.graphql", &*sdl).ok()?;
        let old = Schema::parse("old.graphql", KINDS).unwrap();
        Some(Self {
            declared: [declared(KINDS), declared(&sdl)],
            schemas: [old, new],
            sdl,
        })
    }
}

/// Compares the two for a document, and that with what happens to a program.
fn assert_true_of_a_program(edited: &Edited, text: &str) -> Result<(), TestCaseError> {
    let (sdl, [old, new]) = (&edited.sdl, &edited.schemas);
    let documents = Documents::new().with("a.graphql", text);
    let found = changes(old, new, &documents).unwrap();
    let said = format!("{text}\n{sdl}\n{found:?}");
    for change in found.list() {
        let mut types = change.message.split('`').skip(1).step_by(2);
        let (one, other) = (types.next(), types.next());
        prop_assert!(
            one != other || one.is_none(),
            "nothing became of it: {said}"
        );
    }
    if !is_valid(&documents, new) {
        prop_assert!(found.breaks(), "it is refused: {said}");
        return Ok(());
    }
    if let Err(problems) = documents.check(new) {
        let is_said = found
            .list()
            .iter()
            .any(|it| it.message.contains("the derive "));
        prop_assert!(is_said, "the derive does not take it: {problems} {said}");
    }
    let document = Parser::new().parse_ast(text, "a.graphql").unwrap();
    let [old, new] = &edited.declared;
    let program = Program {
        old,
        new,
        document: &document,
    };
    let broken = |worlds: u64| {
        let reading = program.read(0..worlds);
        let is_refused = program.is_refused(0..worlds);
        let is_broken = !reading.wrong.is_empty() || reading.nothing_known() || is_refused;
        (reading, is_broken)
    };
    let (mut reading, mut is_broken) = broken(50);
    // What breaks it may be rare.
    if found.breaks() && !is_broken {
        (reading, is_broken) = broken(400);
    }
    // An object that is renamed is not known, also where others are. And another enum, or a text
    // in its place, counts as another type, though its values can be read and sent as they are.
    let is_other = |words: &str| {
        ["it is another type", "it takes other values"]
            .iter()
            .any(|it| words.ends_with(it))
    };
    let mut breaking = found.list().iter().filter(|it| it.level == Level::Breaking);
    let may_be = reading.misses(RENAMED) || breaking.any(|it| is_other(&it.message));
    match found.breaks() {
        true => prop_assert!(is_broken || may_be, "it goes on: {said}"),
        false => prop_assert!(!is_broken, "{reading:?}: {said}"),
    }
    if reading.is_new() || means_something_else(&program) {
        let is_dangerous = found.list().iter().any(|it| it.level <= Level::Dangerous);
        prop_assert!(is_dangerous, "it means something else: {said}");
    }
    Ok(())
}

#[test]
fn a_change_of_each_kind_is_breaking_exactly_where_a_program_breaks() {
    for (number, edits) in EDITS.iter().enumerate() {
        assert!(
            edits.iter().all(|(from, _)| KINDS.contains(from)),
            "{edits:?}"
        );
        let edited = Edited::by(&[number]);
        assert!(edited.is_some(), "{edits:?}");
        let edited = edited.unwrap();
        for text in USES {
            let result = assert_true_of_a_program(&edited, text);
            assert!(result.is_ok(), "{edits:?}: {}", result.unwrap_err());
        }
    }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn a_document_and_an_introspection_of_any_kind_are_read_or_refused(
        edits in prop::collection::vec((any::<Index>(), any::<Index>(), any::<u8>()), 1..6)
    ) {
        let schema = Schema::parse("old.graphql", SDL).unwrap();
        let documents = Documents::new().with("a.graphql", changed(DOCUMENT, &edits));
        if let Err(problems) = documents.check(&schema) {
            prop_assert!(!problems.to_string().is_empty());
        }
        let json = r#"{"__schema": {"queryType": {"name": "Query"}, "types": [{"kind": "OBJECT",
            "name": "Query", "fields": [{"name": "a", "args": [{"name": "b", "defaultValue": "[1]",
            "type": {"kind": "LIST", "ofType": {"kind": "SCALAR", "name": "Int"}}}],
            "type": {"kind": "SCALAR", "name": "Int"}, "isDeprecated": true}]}]}}"#;
        Schema::parse("any.json", json).unwrap();
        let _ = Schema::parse("any.json", changed(json, &edits));
    }
}

proptest! {
    #![proptest_config(config(30))]

    #[test]
    fn what_breaks_a_program_is_breaking_and_nothing_else_is(
        edits in prop::collection::vec(0..EDITS.len(), 2..4)
            .prop_filter("it is no schema", |edits| Edited::by(edits).is_some())
    ) {
        let edited = Edited::by(&edits).unwrap();
        for text in USES {
            assert_true_of_a_program(&edited, text)?;
        }
    }
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn whatever_a_server_refuses_after_a_change_is_breaking(sdl in another_schema()) {
        let old = Schema::parse("old.graphql", KINDS).unwrap();
        let new = Schema::parse("new.graphql", &*sdl).unwrap();
        for text in USES {
            let documents = Documents::new().with("a.graphql", text);
            let found = changes(&old, &new, &documents).unwrap();
            let is_valid = is_valid(&documents, &new);
            prop_assert!(is_valid || found.breaks(), "{text}\n{sdl}\n{found:?}");
            let count = found.list().len() + found.unused();
            prop_assert!(count > 0, "nothing became of it: {sdl}");
            // The other way round, as far as the document is valid then.
            let back = changes(&new, &old, &documents);
            prop_assert_eq!(back.is_ok(), is_valid, "{}\n{}", text, sdl);
            let same = changes(&new, &new, &documents);
            let is_nothing = same.is_ok_and(|it| it.list().len() + it.unused() == 0);
            prop_assert_eq!(is_nothing, is_valid, "{}\n{}", text, sdl);
        }
    }
}
