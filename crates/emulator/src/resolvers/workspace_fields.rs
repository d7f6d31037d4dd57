//! What the fields of the list of workspaces return.

use apollo_compiler::Name;
use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};

use crate::credentials::Workspaces;
use crate::graphql::object_fields::{object, without_value};

/// The workspaces of an emulator.
pub(crate) struct WorkspacesObject<'a> {
    pub(crate) type_name: Name,
    pub(crate) workspaces: &'a Workspaces,
}

impl ObjectValue for WorkspacesObject<'_> {
    fn type_name(&self) -> &str {
        &self.type_name
    }

    fn resolve_field<'a>(
        &'a self,
        info: &'a ResolveInfo<'a>,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        match info.field_name() {
            "workspaces" => {
                let all = self.workspaces.all().iter();
                Ok(ResolvedValue::list(all.map(|workspace| {
                    object(
                        info,
                        vec![
                            ("uid", (&*workspace.uid).into()),
                            ("name", (&*workspace.name).into()),
                        ],
                    )
                })))
            }
            _ => without_value(info),
        }
    }
}
