//! Compiles the derived operations again when the schema changes: the derive tracks the documents, and
//! not the schema.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=graphql");
}
