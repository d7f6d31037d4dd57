//! `dinoai batch`.
use super::Desk;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::Batch;
pub(crate) async fn batch(_desk: Desk<'_>, _options: Batch) -> Result<Exit, Failure> {
    Err(Failure::usage("not there yet"))
}
