//! A trigger or a follow-up is carried out once at most, and what became of it is known or said to be
//! unknown.

mod accepted_counts;
mod answered_once;
mod arrived_responses_count;
mod change;
mod deadlines_cut_no_trigger;
mod error_codes;
mod errors_about_the_document;
mod gateway_timeouts;
mod given_up_never_leaves;
mod hooks;
mod ids_survive_bad_responses;
pub(crate) mod lost_responses;
mod nothing_after_the_end;
mod rate_limits;
mod refusals_of_the_api;
mod refusing_statuses;
