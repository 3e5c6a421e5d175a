//! Whose name registries are asked in.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{client, options, resolve};
use crate::testing::{FakeRegistry, Layer, Require, Seen, TestImage};
use crate::{Client, Environment, Keep, Options, Silent, Tls};

fn basic(user: &str) -> String {
    STANDARD.encode(format!("{user}:secret"))
}

/// A registry for `right:secret` only.
fn registry() -> (FakeRegistry, String) {
    let registry = FakeRegistry::start();
    registry.push("ns/name", "v1", &TestImage::new([Layer::gzip([("a", "1")])]));
    registry.require(Require::Basic("right".into(), "secret".into()));
    let name = format!("{}/ns/name:v1", registry.host());
    (registry, name)
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// `{"auths": {KEY: {"auth": USER:secret}}}`
fn auths(entries: &[(&str, &str)]) -> String {
    let entries: Vec<String> =
        entries.iter().map(|(key, user)| format!(r#""{key}":{{"auth":"{}"}}"#, basic(user))).collect();
    format!(r#"{{"auths":{{{}}}}}"#, entries.join(","))
}

fn environment(home: &Path) -> Environment {
    Environment {
        home: Some(home.join("home")),
        xdg_runtime_dir: Some(home.join("run")),
        path: Some(home.join("bin").into_os_string()),
        ..Environment::default()
    }
}

async fn attempt(environment: Environment, name: &str) -> Result<(), String> {
    let client = Client::new(options(), environment).unwrap();
    resolve(&client, name).await.map(|_| ()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn keys_match_by_components_and_the_longest_wins() {
    let (registry, name) = registry();
    let host = registry.host().to_owned();
    let key = |suffix: &str| format!("{host}{suffix}");
    let url = |suffix: &str| format!("https://{host}{suffix}");
    let cases: Vec<(Vec<(String, &str)>, bool)> = vec![
        (vec![(key(""), "right")], true),
        (vec![(key("/ns"), "right"), (key(""), "wrong")], true),
        (vec![(key("/ns/name"), "right"), (key("/ns"), "wrong"), (key(""), "wrong")], true),
        (vec![(key("/ns/name"), "wrong"), (key(""), "right")], false),
        (vec![(key("/ns/na"), "wrong"), (key("/n"), "wrong"), (key(""), "right")], true),
        (vec![(url("/v1/"), "right")], true),
        (vec![(url(""), "right")], true),
        (vec![(key("/ns/"), "right")], true),
        (vec![("127.0.0.1".to_owned(), "right")], false),
        (vec![], false),
    ];
    for (entries, works) in cases {
        let home = tempfile::tempdir().unwrap();
        let entries: Vec<(&str, &str)> = entries.iter().map(|(key, user)| (key.as_str(), *user)).collect();
        write(&home.path().join("home/.docker/config.json"), &auths(&entries));
        assert_eq!(attempt(environment(home.path()), &name).await.is_ok(), works, "{entries:?}");
    }
}

/// Files below the home of the test, the variables that are set, and whether the right user is found.
type Case<'a> = (Vec<(&'a str, &'a str)>, &'a [&'a str], bool);

#[tokio::test]
async fn files_are_asked_in_order() {
    let (registry, name) = registry();
    let host = registry.host();
    let right = auths(&[(host, "right")]);
    let wrong = auths(&[(host, "wrong")]);
    let other = auths(&[("other.example", "right")]);
    let legacy = format!(r#"{{"{host}":{{"auth":"{}"}}}}"#, basic("right"));
    let plain = format!(r#"{{"auths":{{"{host}":{{"username":"right","password":"secret"}}}}}}"#);
    let cases: Vec<Case<'_>> = vec![
        (vec![("reg.json", &right), ("home/.docker/config.json", &wrong)], &["reg"], true),
        (vec![("reg.json", &wrong), ("home/.docker/config.json", &right)], &["reg"], false),
        (vec![("reg.json", &other), ("home/.docker/config.json", &right)], &["reg"], true),
        (vec![("reg.json", "{broken"), ("home/.docker/config.json", &right)], &["reg"], true),
        (vec![("home/.docker/config.json", &right)], &["reg"], true),
        (vec![("reg.json", &right), ("docker/config.json", &wrong)], &["reg", "docker"], true),
        (vec![("docker/config.json", &right), ("home/.docker/config.json", &wrong)], &["docker"], true),
        (vec![("docker/config.json", &other), ("run/containers/auth.json", &right)], &["docker"], true),
        // The primary file comes first even where podman would look elsewhere first.
        (vec![("home/.docker/config.json", &right), ("run/containers/auth.json", &wrong)], &[], true),
        (vec![("run/containers/auth.json", &right), ("home/.config/containers/auth.json", &wrong)], &[], true),
        (vec![("home/.config/containers/auth.json", &right)], &[], true),
        (
            vec![("config/containers/auth.json", &right), ("home/.config/containers/auth.json", &wrong)],
            &["config"],
            true,
        ),
        (vec![("docker/config.json", &other), ("home/.docker/config.json", &right)], &["docker"], true),
        (vec![("home/.dockercfg", &legacy)], &[], true),
        (vec![("home/.dockercfg", &right)], &[], false),
        (vec![("home/.docker/config.json", &plain)], &[], true),
        (vec![], &[], false),
    ];
    for (files, variables, works) in cases {
        let home = tempfile::tempdir().unwrap();
        for (path, text) in &files {
            write(&home.path().join(path), text);
        }
        let mut environment = environment(home.path());
        for variable in variables {
            match *variable {
                "reg" => environment.registry_auth_file = Some(home.path().join("reg.json")),
                "docker" => environment.docker_config = Some(home.path().join("docker")),
                _ => environment.xdg_config_home = Some(home.path().join("config")),
            }
        }
        assert_eq!(attempt(environment, &name).await.is_ok(), works, "{files:?} {variables:?}");
    }
}

#[tokio::test]
async fn a_named_file_is_the_only_one_and_must_be_usable() {
    let (registry, name) = registry();
    let home = tempfile::tempdir().unwrap();
    let named = home.path().join("named.json");
    write(&home.path().join("home/.docker/config.json"), &auths(&[(registry.host(), "right")]));
    let with = |path: &Path| Options { auth_file: Some(path.to_owned()), ..options() };
    write(&named, &auths(&[("other.example", "right")]));
    let client = Client::new(with(&named), environment(home.path())).unwrap();
    let error = resolve(&client, &name).await.unwrap_err().to_string();
    assert!(error.contains(&format!("looked in {} (has none for it)", named.display())), "{error}");
    write(&named, "{broken");
    for (path, why) in
        [(named.as_path(), "key must be a string"), (Path::new("/nowhere/x.json"), "there is no such file")]
    {
        let error = Client::new(with(path), environment(home.path())).unwrap_err().to_string();
        assert!(error.starts_with(&format!("credentials in {}: ", path.display())) && error.contains(why), "{error}");
    }
}

#[tokio::test]
async fn errors_name_who_was_refused_or_where_was_looked() {
    let (registry, name) = registry();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("home/.docker/config.json");
    let error = attempt(environment(home.path()), &name).await.unwrap_err();
    assert!(error.contains("no credentials file exists; log in with `podman login 127.0.0.1:"), "{error}");
    write(&file, &auths(&[(registry.host(), "wrong")]));
    let error = attempt(environment(home.path()), &name).await.unwrap_err();
    let expected = format!(
        "{name}: unauthorized: authentication required; user `wrong` from {} (entry `{host}`) may not read {host}/ns/name",
        file.display(),
        host = registry.host()
    );
    assert_eq!(error, expected);
    assert!(!error.contains("secret"));
    // A password that was refused is not sent twice for one question: accounts get locked for less.
    let client = Client::new(options(), environment(home.path())).unwrap();
    for requests in [2, 1, 1] {
        registry.take_seen();
        resolve(&client, &name).await.unwrap_err();
        assert_eq!(registry.take_seen().len(), requests);
    }
}

#[tokio::test]
async fn helpers_are_asked_and_passed_over_when_they_fail() {
    let (registry, name) = registry();
    let host = registry.host();
    let answer = |user: &str| format!("cat > $0.asked; echo '{{\"Username\":\"{user}\",\"Secret\":\"secret\"}}'");
    let fallback = auths(&[(host, "right")]);
    let fallback = fallback.trim_start_matches('{').trim_end_matches('}');
    let cases: Vec<(String, Option<String>, bool)> = vec![
        (format!(r#"{{"credHelpers":{{"{host}":"test"}}}}"#), Some(answer("right")), true),
        (format!(r#"{{"credHelpers":{{"{host}/ns":"test"}}}}"#), Some(answer("right")), true),
        (r#"{"credHelpers":{"other.example":"test"}}"#.to_owned(), Some(answer("right")), false),
        (r#"{"credsStore":"test"}"#.to_owned(), Some(answer("right")), true),
        (format!(r#"{{"credsStore":"test","auths":{{"{host}":{{}}}}}}"#), Some(answer("right")), true),
        // What fails is passed over: missing, failing, babbling, knowing nothing, with a path for a name.
        (format!(r#"{{"credHelpers":{{"{host}":"test"}},{fallback}}}}}}}"#), None, true),
        (format!(r#"{{"credHelpers":{{"{host}":"test"}},{fallback}}}}}}}"#), Some("exit 1".into()), true),
        (format!(r#"{{"credHelpers":{{"{host}":"test"}},{fallback}}}}}}}"#), Some("echo hello".into()), true),
        (
            format!(r#"{{"credHelpers":{{"{host}":"test"}},{fallback}}}}}}}"#),
            Some("echo credentials not found; exit 1".into()),
            true,
        ),
        (format!(r#"{{"credHelpers":{{"{host}":"../test"}},{fallback}}}}}}}"#), None, true),
        (r#"{"credsStore":"test"}"#.to_owned(), Some("exit 1".into()), false),
    ];
    for (config, script, works) in cases {
        let home = tempfile::tempdir().unwrap();
        write(&home.path().join("home/.docker/config.json"), &config);
        let program = home.path().join("bin/docker-credential-test");
        if let Some(script) = &script {
            write(&program, &format!("#!/bin/sh\n[ \"$1\" = get ] || exit 9\n{script}\n"));
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let result = attempt(environment(home.path()), &name).await;
        assert_eq!(result.is_ok(), works, "{config} {script:?} {result:?}");
        if let Ok(asked) = std::fs::read_to_string(home.path().join("bin/docker-credential-test.asked")) {
            assert!(asked.trim() == host || asked.trim() == format!("{host}/ns"), "{asked}");
        }
    }
}

fn tokens(seen: &[Seen]) -> usize {
    seen.iter().filter(|seen| seen.path.starts_with("/token")).count()
}

#[tokio::test]
async fn tokens_are_fetched_once_and_renewed_when_they_expire() {
    let (registry, name) = registry();
    registry.push("ns/other", "v1", &TestImage::new([]));
    registry.require(Require::Token);
    let client = client();
    resolve(&client, &name).await.unwrap();
    let seen = registry.take_seen();
    assert_eq!(tokens(&seen), 1);
    let query = &seen.iter().find(|seen| seen.path.starts_with("/token")).unwrap().path;
    assert_eq!(query, "/token?service=fake&scope=repository%3Ans%2Fname%3Apull");
    resolve(&client, &name).await.unwrap();
    assert_eq!(tokens(&registry.take_seen()), 0);
    // Another repository: a token of its own, without being refused first.
    resolve(&client, &format!("{}/ns/other:v1", registry.host())).await.unwrap();
    let seen = registry.take_seen();
    assert_eq!((tokens(&seen), seen.len()), (1, 3));
    registry.expire_tokens();
    resolve(&client, &name).await.unwrap();
    assert_eq!(tokens(&registry.take_seen()), 1);
    // Many at once share one.
    registry.expire_tokens();
    let fresh = super::client();
    let all = futures_util::future::join_all((0..8).map(|_| resolve(&fresh, &name))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(tokens(&registry.take_seen()), 1);
}

#[tokio::test]
async fn a_token_that_expires_between_requests_is_renewed() {
    let (registry, name) = registry();
    registry.push("ns/name", "v1", &TestImage::new([Layer::gzip([("a", "1")]), Layer::gzip([("b", "2")])]));
    registry.require(Require::Token);
    let client = client();
    let image = resolve(&client, &name).await.unwrap();
    registry.expire_tokens();
    registry.take_seen();
    let home = tempfile::tempdir().unwrap();
    client.unpack(&image, &home.path().join("into"), &Keep::everything(), &Silent).await.unwrap();
    assert_eq!(tokens(&registry.take_seen()), 1);
    super::expect(&home.path().join("into"), &[("a", "1"), ("b", "2")]);
}

#[tokio::test]
async fn token_services_get_passwords_and_refresh_tokens() {
    let (registry, name) = registry();
    let host = registry.host();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("home/.docker/config.json");
    registry.require(Require::TokenFor("right".into(), "secret".into()));
    write(&file, &auths(&[(host, "right")]));
    attempt(environment(home.path()), &name).await.unwrap();
    write(&file, &auths(&[(host, "wrong")]));
    let error = attempt(environment(home.path()), &name).await.unwrap_err();
    assert!(error.contains("unauthorized: bad credentials; user `wrong` from"), "{error}");
    let identity = format!(r#"{{"auths":{{"{host}":{{"auth":"{}","identitytoken":"refresh"}}}}}}"#, basic("right"));
    registry.require(Require::TokenForRefresh("refresh".into()));
    write(&file, &identity);
    registry.take_seen();
    attempt(environment(home.path()), &name).await.unwrap();
    let seen = registry.take_seen();
    let post = seen.iter().find(|seen| seen.method == "POST").unwrap();
    assert_eq!(
        post.body,
        "grant_type=refresh_token&client_id=opm&service=fake&scope=repository%3Ans%2Fname%3Apull&refresh_token=refresh"
    );
    assert_eq!(post.authorization, None);
    // A registry that wants Basic gets the password beside the token.
    registry.require(Require::Basic("right".into(), "secret".into()));
    attempt(environment(home.path()), &name).await.unwrap();
    // From a helper, `<token>` is a refresh token.
    registry.require(Require::TokenForRefresh("secret".into()));
    write(&file, r#"{"credsStore":"test"}"#);
    let program = home.path().join("bin/docker-credential-test");
    write(&program, "#!/bin/sh\ncat >/dev/null; echo '{\"Username\":\"<token>\",\"Secret\":\"secret\"}'\n");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    attempt(environment(home.path()), &name).await.unwrap();
}

#[tokio::test]
async fn passwords_are_not_sent_in_the_clear_to_another_service() {
    let registry = FakeRegistry::start_tls();
    let home = tempfile::tempdir().unwrap();
    write(&home.path().join("home/.docker/config.json"), &auths(&[(registry.host(), "right")]));
    let challenge = "Bearer realm=\"http://tokens.invalid/token\",service=\"x\"".to_owned();
    registry.fail(
        "/manifests/",
        1,
        crate::testing::Action::Status(401, vec![("www-authenticate", challenge)], String::new()),
    );
    let options = Options { tls: Tls::SkipVerify, ..options() };
    let client = Client::new(options, environment(home.path())).unwrap();
    let error = resolve(&client, &format!("{}/a:1", registry.host())).await.unwrap_err().to_string();
    assert!(error.contains("credentials sent to http://tokens.invalid/token without encryption"), "{error}");
}
