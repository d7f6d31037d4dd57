//! The response to a document of the user's own: its data whole, and the errors beside it.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::decode::{decode, invalid};
use super::operation::{OperationInfo, Safety};
use super::repair::parsed;
use super::response::{Names, Response, ResponseContext};
use crate::error::{Error, FailedCall, GraphQlError};

impl Response {
    /// The data, where it is an object, and the errors beside it. `roots`: what the fields at the root of the
    /// document are called in it.
    pub(crate) fn whole<T: DeserializeOwned>(
        &self,
        operation: &OperationInfo,
        roots: &[String],
        call: &FailedCall,
        context: &ResponseContext,
    ) -> Result<(T, Vec<GraphQlError>), Error> {
        let redaction = &context.redaction;
        let read = |call: &FailedCall, data: &RawValue, errors: Vec<GraphQlError>| {
            // What stands beside an error has failed: it is read as it is.
            let relax: fn(&mut Value) = match errors.is_empty() {
                true => operation.relax,
                false => |_| {},
            };
            // serde would take an array for the fields in their order.
            let decoded = match data.get().starts_with('{') {
                true => decode(data, relax, call, redaction),
                false => Err(invalid(call, redaction, ".", "it is no object")),
            };
            match decoded {
                Ok(decoded) => Ok((decoded, errors)),
                Err(error) if errors.is_empty() => Err(error),
                // They say why.
                Err(_) => Err(Error::GraphQl {
                    call: Box::new(call.clone()),
                    errors,
                    data: parsed(data).map(|data| redaction.json(data)),
                    executed: true,
                }),
            }
        };
        match operation.safety {
            Safety::Never => {
                let call = Box::new(call.clone());
                let names = Names { agent: None, roots };
                self.started(call, context, operation, names, |call, data, errors, _| {
                    read(&call, data, errors.list)
                })
            }
            Safety::Read => {
                let (data, errors) = self.data(call, context, |_| true)?;
                read(call, &data, errors)
            }
            // Whatever else the response is, the runs that it names are kept.
            Safety::Idempotent => {
                let mut call = call.clone();
                call.is_about((operation.find_ids)(&self.body));
                let (data, errors) = self.data(&call, context, |_| true)?;
                read(&call, &data, errors)
            }
        }
    }
}
