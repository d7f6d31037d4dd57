//! The GraphQL language, as the reference implementation, npm `graphql`, reads, refuses and executes
//! it. Nothing here knows of runs.
//!
//! A request passes through [`document`] (which asks [`syntax`] and [`validation`]), then
//! [`coercion`] of its variables, [`skip_include`] at its root and [`rewrite`]. What resolvers return is
//! in [`object_fields`] and [`introspection`].

pub(crate) mod coercion;
pub(crate) mod document;
pub(crate) mod introspection;
pub(crate) mod literals;
pub(crate) mod object_fields;
pub(crate) mod rewrite;
pub(crate) mod skip_include;
pub(crate) mod syntax;
pub(crate) mod types;
pub(crate) mod validation;
