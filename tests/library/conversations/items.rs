//! What the tests here share: the children and steps among the items of a watch.

use dinoai::{Event, Result};

pub(crate) fn children_of(items: &[Result<Event>]) -> Vec<&str> {
    let ids = items.iter().filter_map(|item| match item {
        Ok(Event::Child(id)) => Some(id.as_str()),
        _ => None,
    });
    ids.collect()
}

pub(crate) fn steps_of(items: &[Result<Event>]) -> Vec<i64> {
    let steps = items.iter().filter_map(|item| match item {
        Ok(Event::Step(step)) => Some(step.index),
        _ => None,
    });
    steps.collect()
}
