//! What becomes of errors, as the GraphQL specification has it: a field that fails and may be null is null, and one that
//! may not fails what it is in; the answer says where. A request that is refused as a whole has no data.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use async_graphql::async_trait::async_trait;
use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextResolve, ResolveInfo,
};
use async_graphql::{
    PathSegment, QueryPathNode, QueryPathSegment, Response, ServerError, ServerResult, Value,
};

use super::request::Request;

/// Lets fields fail by themselves.
pub struct Errors;

impl ExtensionFactory for Errors {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for Errors {
    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let request = ctx.data_unchecked::<Arc<Request>>();
        if request.is_dry {
            return Response::default();
        }
        request.has_begun.store(true, Relaxed);
        let mut response = next.run(ctx, operation_name).await;
        response.errors.splice(0..0, request.take_errors());
        response
    }

    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let (place, is_nullable) = (info.path_node, !info.return_type.ends_with('!'));
        let request = ctx.data_unchecked::<Arc<Request>>();
        // Every item and every field costs, whatever it holds.
        if let Err(error) = request.spend(size_of::<Value>()) {
            let error = error.into_server_error(info.field.name.pos);
            return Err(placed(error, place));
        }
        match next.run(ctx, info).await {
            Err(error) => {
                let error = placed(error, place);
                if !is_nullable {
                    return Err(error);
                }
                request.fail(error);
                Ok(None)
            }
            value => value,
        }
    }
}

/// An error with the path of the field that it arose in.
fn placed(mut error: ServerError, place: &QueryPathNode<'_>) -> ServerError {
    if error.path.is_empty() {
        let nodes = std::iter::successors(Some(place), |node| node.parent);
        error.path = nodes.map(|node| segment(&node.segment)).collect();
        error.path.reverse();
    }
    error
}

fn segment(segment: &QueryPathSegment<'_>) -> PathSegment {
    match segment {
        QueryPathSegment::Name(name) => PathSegment::Field((*name).to_owned()),
        QueryPathSegment::Index(index) => PathSegment::Index(*index),
    }
}
