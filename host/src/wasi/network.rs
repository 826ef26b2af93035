//! No network: every way to one is denied.

use wasmtime::component::{LinkerInstance, Resource, Val};

use crate::guest::{GuestState, charge};

/// The network that is not there.
pub(super) struct Network;

/// `wasi:sockets/instance-network`
pub(super) fn instance_network(
    instance: &mut LinkerInstance<'_, GuestState>,
) -> wasmtime::Result<()> {
    instance.func_wrap("instance-network", |mut store, (): ()| {
        charge(&mut store, 0)?;
        Ok((Resource::<Network>::new_own(0),))
    })
}

/// A function that would be the first step to a connection.
pub(super) fn denied(
    instance: &mut LinkerInstance<'_, GuestState>,
    function: &str,
) -> wasmtime::Result<()> {
    instance.func_new(function, |mut store, _, parameters, results| {
        charge(&mut store, 0)?;
        // What is lent for a call has to be given back in it.
        for parameter in parameters {
            if let Val::Resource(lent) = parameter {
                lent.resource_drop(&mut store)?;
            }
        }
        let error = Val::Enum("access-denied".to_owned());
        results[0] = Val::Result(Err(Some(Box::new(error))));
        Ok(())
    })
}
