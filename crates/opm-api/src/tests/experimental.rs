//! The service that only some catalogs have.

use futures_util::TryStreamExt as _;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Status};

use super::fake::Fake;
use super::{PATIENCE, Running};
use crate::ServeOptions;
use crate::proto::ExperimentalListPackageCustomSchemasRequest as List;
use crate::proto::experimental_registry_client::ExperimentalRegistryClient;

async fn list(
    running: &Running,
    acknowledge: Option<&'static str>,
    schema: &str,
    package_name: &str,
) -> Result<Vec<f64>, Status> {
    let mut request = Request::new(List { schema: schema.to_owned(), package_name: package_name.to_owned() });
    if let Some(value) = acknowledge {
        request.metadata_mut().insert("x-acknowledge-experimental", MetadataValue::from_static(value));
    }
    let mut client = ExperimentalRegistryClient::new(running.channel().await);
    let answer = client.experimental_list_package_custom_schemas(request).await?.into_inner();
    answer
        .map_ok(|document| match &document.fields["number"].kind {
            Some(prost_types::value::Kind::NumberValue(number)) => *number,
            other => panic!("{other:?}"),
        })
        .try_collect()
        .await
}

#[tokio::test]
async fn documents_are_for_those_who_say_that_they_know() {
    for encoded in [false, true] {
        let mut fake = Fake::new().0;
        fake.encoded = encoded;
        let options = ServeOptions { experimental: true, drain: PATIENCE, ..ServeOptions::default() };
        let mut running = Running::with(options).await;
        running.load(Ok(std::sync::Arc::new(fake)));

        assert_eq!(list(&running, Some("true"), "a.b-c_D", "p").await.unwrap(), [0.0, 1.0, 2.0]);
        assert_eq!(list(&running, Some("true"), "a", "").await.unwrap(), [0.0, 1.0, 2.0]);
        assert!(list(&running, Some("true"), "nothing", "p").await.unwrap().is_empty());
        for other in [None, Some("false"), Some("TRUE")] {
            assert!(list(&running, other, "a", "p").await.unwrap().is_empty());
            assert!(list(&running, other, "", "/").await.unwrap().is_empty(), "{other:?}");
        }
        let rule = "must match ^[a-zA-Z0-9][a-zA-Z0-9._-]*$";
        for (schema, package, text) in [
            ("", "p", "schema is required".to_owned()),
            ("a/b", "p", format!("invalid custom schema query: invalid schema \"a/b\": {rule}")),
            (".a", "p", format!("invalid custom schema query: invalid schema \".a\": {rule}")),
            ("a", "ü", format!("invalid custom schema query: invalid packageName \"ü\": {rule}")),
        ] {
            let refused = list(&running, Some("true"), schema, package).await.unwrap_err();
            assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, &*text));
        }
    }
}
