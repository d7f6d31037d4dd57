//! The arguments of `dinoai schema`.

#[cfg(feature = "emulator")]
use std::path::PathBuf;

#[cfg(feature = "emulator")]
use clap::Args;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum SchemaCommand {
    /// Print the JSON schema of what commands write with --output json and jsonl
    Output,
    /// Print the GraphQL schema of the API, as this version knows it
    ///
    /// Documents of your own are checked against it: dinoai schema print > graphql/schema.graphql
    Print,
    /// Check GraphQL documents in full
    ///
    /// Each file is a document of its own. Files of type definitions, and schema.json (the response to an
    /// introspection), are the schema together; without one it is that of `dinoai schema print`.
    #[cfg(feature = "emulator")]
    Check(SchemaCheckArgs),
    /// Show what changed in the API's schema for the documents in use
    ///
    /// The documents are those that this version sends, and yours. The new schema is asked of the API,
    /// unless --against names it.
    #[cfg(feature = "emulator")]
    Diff(SchemaDiffArgs),
}

#[cfg(feature = "emulator")]
#[derive(Debug, Args)]
pub(crate) struct SchemaCheckArgs {
    /// Files, and folders with files that end in .graphql, .graphqls or .gql, or are called schema.json
    #[arg(required = true, value_name = "FILE|FOLDER")]
    pub(crate) paths: Vec<PathBuf>,
    /// Check against this schema: type definitions, or the response to an introspection as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: Option<PathBuf>,
}

#[cfg(feature = "emulator")]
#[derive(Debug, Args)]
pub(crate) struct SchemaDiffArgs {
    /// Your documents: files, and folders with the schema that they were written for
    #[arg(value_name = "FILE|FOLDER")]
    pub(crate) paths: Vec<PathBuf>,
    /// Compare with this schema, and do not ask the API: type definitions, or the response to an
    /// introspection as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) against: Option<PathBuf>,
    /// Compare this schema, for which your documents were written [default: that of the folder, or
    /// that of `dinoai schema print`]
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: Option<PathBuf>,
}

impl SchemaCommand {
    /// Whether it asks the API for its schema.
    pub(crate) fn needs_account(&self) -> bool {
        #[cfg(feature = "emulator")]
        return matches!(self, Self::Diff(SchemaDiffArgs { against: None, .. }));
        #[cfg(not(feature = "emulator"))]
        false
    }
}
