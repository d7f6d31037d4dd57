//! How to use the crate, one page for each task.
//!
//! Text only: it exports nothing.
//!
//! | page | read it to |
//! | --- | --- |
//! | [`first_run`] | start a run, wait for it and read the answer; find endpoint and credentials; see every call |
//! | [`waiting`] | set deadlines and schedules; know what a failing poll does; stop runs; end a program |
//! | [`conversations`] | send follow-ups and get the answer to each; continue in another process |
//! | [`typed_answers`] | read an answer as a value of your own type; ask again once where it is none |
//! | [`many_runs`] | start many runs, wait for many, follow the runs that a run starts |
//! | [`start_once`] | start a run once although the process dies: keys, journals, recipes for schedulers |
//! | [`own_documents`] | send other documents of the same API, checked when compiling |
//! | [`errors`] | decide what to do on each error; know what is sent again and what never is |
//! | [`testing`] | test your own code against an emulator, on a clock that you control |
//! | [`from_python`] | move a program from the vendor's Python SDK |
//! | [`promises`] | know what the library, the command and the emulator promise |
//!
//! All code on these pages is compiled with the crate's tests.

#[allow(
    unused_imports,
    reason = "the links of the pages are resolved here, and name any of them"
)]
use crate::{error::WaitTimeout, *};

#[doc = include_str!("guide/first_run.md")]
pub mod first_run {}

#[doc = include_str!("guide/waiting.md")]
pub mod waiting {}

#[doc = include_str!("guide/conversations.md")]
pub mod conversations {}

#[doc = include_str!("guide/typed_answers.md")]
pub mod typed_answers {}

#[doc = include_str!("guide/many_runs.md")]
pub mod many_runs {}

#[doc = include_str!("guide/start_once.md")]
pub mod start_once {}

#[doc = include_str!("guide/own_documents.md")]
pub mod own_documents {}

#[doc = include_str!("guide/errors.md")]
pub mod errors {}

#[doc = include_str!("guide/testing.md")]
pub mod testing {}

#[doc = include_str!("guide/from_python.md")]
pub mod from_python {}

#[doc = include_str!("guide/promises.md")]
pub mod promises {}
