//! Questions and answers, and refusals.

use futures_util::TryStreamExt as _;
use opm_model::{BundleKey, Gvk};
use tonic::codec::CompressionEncoding;
use tonic::transport::Channel;
use tonic::{Code, Request};
use tonic_prost::ProstCodec;
use tonic_reflection::pb::{v1, v1alpha};

use super::fake::{Fake, bundle, entry, package};
use super::{Running, soon};
use crate::proto::registry_client::RegistryClient;
use crate::{ClientError, Health, proto};

const KEY: BundleKey<'static> = BundleKey { package: "p", channel: "c", csv_name: "b" };

#[tokio::test]
async fn every_answer_arrives_whole() {
    for encoded in [false, true] {
        every_answer(encoded).await;
    }
}

async fn every_answer(encoded: bool) {
    let mut fake = Fake::new().0;
    fake.encoded = encoded;
    let running = Running::serving(fake).await;
    let client = running.client().await;
    let api = || Gvk { plural: "ignored".to_owned(), ..Gvk::new("group", "v1", "Kind") };

    assert_eq!(client.list_packages().await.unwrap(), ["a", "", "c"]);
    assert_eq!(client.package("p").await.unwrap(), package("p"));
    assert_eq!(client.bundle(&KEY).await.unwrap(), bundle("p", "c", "b"));
    let head = client.channel_head("p", "c").await.unwrap();
    assert_eq!((&*head.csv_name, &*head.csv_json, &*head.package), ("p.c", "{}\n", ""));
    assert_eq!(client.entries_that_replace("b").await.unwrap(), [entry("p", "b"), entry("q", "b")]);
    assert_eq!(client.bundle_that_replaces(&KEY).await.unwrap(), bundle("p", "c", "after b"));
    assert_eq!(client.entries_that_provide(api()).await.unwrap(), [entry("all", "group/v1/Kind")]);
    assert_eq!(client.latest_entries_that_provide(api()).await.unwrap(), [entry("latest", "group/v1/Kind")]);
    let by_default = client.default_bundle_that_provides(api()).await.unwrap();
    assert_eq!(by_default, bundle("default", "alpha", "group/v1/Kind"));
    let names: Vec<_> = client.list_bundles().await.unwrap().map_ok(|b| b.csv_name).try_collect().await.unwrap();
    assert_eq!(names, ["0", "1", "2"]);
    assert_eq!(client.health("any.Service").await.unwrap(), Health::Serving);
}

#[tokio::test]
async fn refusals_have_the_code_unknown_and_the_text_that_clients_know() {
    let running = Running::serving(Fake::new().0).await;
    let client = running.client().await;
    let key = BundleKey { package: "nothing", ..KEY };
    let api = || Gvk::new("nothing", "v1", "Kind");

    let refusals = [
        (client.package("nothing").await.unwrap_err(), "package nothing not found"),
        (client.bundle(&key).await.unwrap_err(), "no entry found for nothing c b"),
        (client.channel_head("nothing", "c").await.unwrap_err(), "no entry found for nothing c"),
        (client.entries_that_replace("nothing").await.unwrap_err(), "no channel entries found that replace nothing"),
        (client.bundle_that_replaces(&key).await.unwrap_err(), "no csv in bundle"),
        (
            client.entries_that_provide(api()).await.unwrap_err(),
            "no channel entries found that provide nothing v1 Kind",
        ),
        (
            client.latest_entries_that_provide(api()).await.unwrap_err(),
            "no channel entries found that provide nothing v1 Kind",
        ),
        (client.default_bundle_that_provides(api()).await.unwrap_err(), "no entry found that provides nothing v1 Kind"),
    ];
    for (refusal, text) in refusals {
        let ClientError::Call { code, message, .. } = &refusal else { panic!("{refusal}") };
        assert_eq!((*code, &**message), (Code::Unknown, text));
    }
    let whole = client.package("nothing").await.unwrap_err().to_string();
    assert_eq!(whole, format!("GetPackage at {}: package nothing not found (Unknown)", running.address));
}

#[tokio::test]
async fn an_error_within_a_listing_comes_after_what_was_listed() {
    let (mut fake, _) = Fake::new();
    fake.fails_at = Some(2);
    let running = Running::serving(fake).await;
    let mut bundles = running.client().await.list_bundles().await.unwrap();
    assert_eq!(bundles.try_next().await.unwrap().unwrap().csv_name, "0");
    assert_eq!(bundles.try_next().await.unwrap().unwrap().csv_name, "1");
    let ClientError::Call { code, message, .. } = bundles.try_next().await.unwrap_err() else { panic!() };
    assert_eq!((code, &*message), (Code::Unknown, "the disk is on fire"));
}

#[tokio::test]
async fn unknown_services_and_methods_are_named() {
    let running = Running::serving(Fake::new().0).await;
    let mut grpc = tonic::client::Grpc::new(running.channel().await);
    let experimental = "/api.ExperimentalRegistry/ExperimentalListPackageCustomSchemas";
    let table = [
        (experimental, "unknown service api.ExperimentalRegistry"),
        ("/nobody/Asks", "unknown service nobody"),
        ("/api.Registry/Nothing", "unknown method Nothing for service api.Registry"),
        ("/grpc.health.v1.Health/Nothing", "unknown method Nothing for service grpc.health.v1.Health"),
        ("/nothing", "malformed method name: \"/nothing\""),
    ];
    for (path, text) in table {
        grpc.ready().await.unwrap();
        let codec = ProstCodec::<proto::ListPackageRequest, proto::PackageName>::default();
        let path = http::uri::PathAndQuery::from_static(path);
        let status = grpc.unary(Request::new(proto::ListPackageRequest {}), path, codec).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Unimplemented, text));
    }
}

#[tokio::test]
async fn answers_are_compressed_as_their_requests_were() {
    for encoded in [false, true] {
        let (mut fake, _) = Fake::new();
        (fake.size, fake.encoded) = (100_000, encoded);
        let running = Running::serving(fake).await;
        let plain = RegistryClient::new(running.channel().await).accept_compressed(CompressionEncoding::Gzip);
        let packed = plain.clone().send_compressed(CompressionEncoding::Gzip);
        for (client, encoding) in [(plain, None), (packed, Some("gzip"))] {
            compressed(client, encoding).await;
        }
    }
}

async fn compressed(mut client: RegistryClient<Channel>, encoding: Option<&str>) {
    let of =
        |metadata: &tonic::metadata::MetadataMap| metadata.get("grpc-encoding").map(|v| v.to_str().unwrap().to_owned());
    let request = proto::GetPackageRequest { name: "p".to_owned() };
    let answer = client.get_package(request).await.unwrap();
    assert_eq!(of(answer.metadata()).as_deref(), encoding);
    assert_eq!(crate::from_proto::package(answer.into_inner()), package("p"));

    let [pkg_name, channel_name, csv_name] = ["p", "c", "large"].map(str::to_owned);
    let answer = client.get_bundle(proto::GetBundleRequest { pkg_name, channel_name, csv_name }).await.unwrap();
    assert_eq!(answer.into_inner().csv_json.len(), 100_000);

    let answer = client.list_bundles(proto::ListBundlesRequest {}).await.unwrap();
    assert_eq!(of(answer.metadata()).as_deref(), encoding);
    let lengths: Vec<_> = answer.into_inner().map_ok(|b| b.csv_json.len()).try_collect().await.unwrap();
    assert_eq!(lengths, [100_000; 3]);
}

#[tokio::test]
async fn requests_above_four_mebibytes_are_refused_unread() {
    let running = Running::serving(Fake::new().0).await;
    let mut client = RegistryClient::new(running.channel().await);
    let ask = async |length: usize, zip: bool| {
        let mut client = client.clone();
        if zip {
            client = client.send_compressed(CompressionEncoding::Gzip);
        }
        soon(client.get_package(proto::GetPackageRequest { name: "x".repeat(length) })).await.map(drop)
    };
    for zip in [false, true] {
        assert_eq!(ask(5 << 20, zip).await.unwrap_err().code(), Code::ResourceExhausted);
    }
    // The connection is as good as before. What is within the limit comes back, and is more than a stream's window.
    assert!(ask(1 << 20, false).await.is_ok());
    assert!(client.get_package(proto::GetPackageRequest { name: "p".to_owned() }).await.is_ok());
}

#[tokio::test]
async fn reflection_lists_what_there_is_in_both_versions() {
    use v1::server_reflection_response::MessageResponse as V1;
    use v1alpha::server_reflection_response::MessageResponse as V1Alpha;

    let running = Running::serving(Fake::new().0).await;
    let names = [
        "api.Registry",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ];

    macro_rules! ask {
        ($version:ident, $question:ident($text:expr)) => {{
            use $version::server_reflection_client::ServerReflectionClient;
            use $version::server_reflection_request::MessageRequest;
            let request = $version::ServerReflectionRequest {
                host: String::new(),
                message_request: Some(MessageRequest::$question(String::from($text))),
            };
            let mut client = ServerReflectionClient::new(running.channel().await);
            let mut answers =
                client.server_reflection_info(futures_util::stream::iter([request])).await.unwrap().into_inner();
            answers.try_next().await.unwrap().unwrap().message_response.unwrap()
        }};
    }

    let V1::ListServicesResponse(listed) = ask!(v1, ListServices("")) else { panic!() };
    assert_eq!(listed.service.into_iter().map(|s| s.name).collect::<Vec<_>>(), names);
    let V1Alpha::ListServicesResponse(listed) = ask!(v1alpha, ListServices("")) else { panic!() };
    assert_eq!(listed.service.into_iter().map(|s| s.name).collect::<Vec<_>>(), names);
    for symbol in names.iter().chain(&["api.Bundle", "google.protobuf.Struct"]) {
        let V1::FileDescriptorResponse(files) = ask!(v1, FileContainingSymbol(*symbol)) else { panic!() };
        assert_eq!(files.file_descriptor_proto.len(), 1, "{symbol}");
    }
}
