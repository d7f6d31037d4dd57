//! What tests share: the program under test, servers, a home, a terminal, a pipe,
//! runs, and a claim of another program.

pub(crate) mod answering;
pub(crate) mod changed_schemas;
pub(crate) mod claims;
pub(crate) mod home;
pub(crate) mod pipe;
pub(crate) mod program;
pub(crate) mod pseudo_terminal;
pub(crate) mod report;
pub(crate) mod runs;
