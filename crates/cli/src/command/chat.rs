//! `dinoai chat`.
use super::Desk;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::Chat;
pub(crate) async fn chat(_desk: Desk<'_>, _options: Chat) -> Result<Exit, Failure> {
    Err(Failure::usage("not there yet"))
}
