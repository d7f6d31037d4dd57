//! Each message is emitted once, and each turn ends with its own answer.

mod asks_wait_for_rest;
mod checkpoints_through_doubles;
mod end_of_a_turn;
mod equal_timestamps;
mod first_follow_up;
mod grace_period;
mod items;
mod long_histories;
mod outages_after_a_follow_up;
mod random_histories;
mod random_world;
mod stored_checkpoints;
mod turns_opened_at_the_end;
mod unknown_follow_ups;
mod unsent_follow_ups;
