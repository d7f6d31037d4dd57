//! `dinoai login`.
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::Global;
use crate::output::Output;
pub(crate) fn login(_global: &Global, _output: &Output) -> Result<Exit, Failure> {
    Err(Failure::usage("not there yet"))
}
