//! The response to a document of the user's own: its data whole, and the errors beside it.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::decode::{decode, invalid};
use super::operation::{OperationInfo, Safety};
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
        let read = |call: &FailedCall, data: &RawValue, errors| {
            // serde would take an array for the fields in their order.
            if !data.get().starts_with('{') {
                return Err(invalid(call, &context.redaction, ".", "it is no object"));
            }
            let data = decode(data, operation, call, &context.redaction)?;
            Ok((data, errors))
        };
        match operation.safety {
            Safety::Never => {
                let call = Box::new(call.clone());
                let names = Names { agent: None, roots };
                self.started(call, context, operation, names, |call, data, errors, _| {
                    read(&call, data, errors.list)
                })
            }
            Safety::Read | Safety::Idempotent => {
                let (data, errors) = self.data(call, context, |_| true)?;
                read(call, &data, errors)
            }
        }
    }
}
