//! NATS servers that want to know who comes, and how.

#![expect(clippy::unwrap_used, reason = "all of this is tests")]

use std::path::{Path, PathBuf};

use async_nats::ConnectOptions;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair as CertificateKey};
use serde_json::{Value, json};
use wilco_tests::client::create_pet;
use wilco_tests::e2e::{Place as _, SqlitePlace};
use wilco_tests::nats::NatsServer;
use wilco_tests::wait_for;
use wilco_tests::wilco::Wilco;

/// Two notifications come through.
async fn publishes(wilco: Wilco, nats: &NatsServer) {
    let server = wilco.start().await;
    server.client().done(&create_pet("rex")).await;
    nats.stream(2).await;
}

/// The server says in `/readyz` and in its log that NATS does not let it in, and goes on.
async fn is_kept_out(wilco: Wilco) {
    let server = wilco.start().await;
    server.client().done(&create_pet("rex")).await;
    let ready = async || server.client().read("/readyz").await.body["dependencies"]["nats"].clone();
    let refused = wait_for("NATS to refuse", ready, |nats| nats["detail"].is_string()).await;
    assert_eq!(refused["ready"], false, "{refused}");
    assert!(!server.log().contains("s3cret"), "{}", server.log());
}

/// An address with something before the host.
fn with(nats: &NatsServer, user: &str) -> String {
    nats.url().replace("nats://", &format!("nats://{user}@"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_a_password_is_let_in_by_address_and_by_settings() {
    let settings = |_: &Path| r#"authorization { user: "me", password: "s3cret,@:/?#%" }"#.to_owned();
    let login = ConnectOptions::with_user_and_password("me".into(), "s3cret,@:/?#%".into());
    let nats = NatsServer::configured(settings, login).await;
    let place = SqlitePlace::new().await;
    is_kept_out(place.wilco().nats(nats.url())).await;
    is_kept_out(place.wilco().nats(with(&nats, "me:s3cret"))).await;
    publishes(place.wilco().nats(with(&nats, "me:s3cret%2C%40%3A%2F%3F%23%25")), &nats).await;
    let place = SqlitePlace::new().await;
    let by_settings =
        place.wilco().nats(nats.url()).set("jetstream.stream=OTHER").set("engine.subject_prefix=other");
    let by_settings =
        by_settings.set("nats_login.user=me").environment("WILCO_NATS_LOGIN_PASSWORD", "s3cret,@:/?#%");
    let server = by_settings.start().await;
    let ready = async || server.client().read("/readyz").await.body["dependencies"]["nats"]["ready"] == true;
    wait_for("NATS to let it in", ready, |ready| *ready).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_bears_the_token_is_let_in() {
    let settings = |_: &Path| r#"authorization { token: "s3cret-token" }"#.to_owned();
    let nats = NatsServer::configured(settings, ConnectOptions::with_token("s3cret-token".into())).await;
    let place = SqlitePlace::new().await;
    is_kept_out(place.wilco().nats(nats.url())).await;
    publishes(place.wilco().nats(with(&nats, "s3cret-token")), &nats).await;
    publishes(place.wilco().nats(nats.url()).set("nats_login.token=s3cret-token"), &nats).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_nkey_is_let_in() {
    let key = KeyPair::new_user();
    let seed = key.seed().unwrap();
    let settings = |_: &Path| format!("authorization {{ users: [ {{ nkey: {} }} ] }}", key.public_key());
    let nats = NatsServer::configured(settings, ConnectOptions::with_nkey(seed.clone())).await;
    let file = nats.folder().join("user.nk");
    std::fs::write(&file, format!("{seed}\n")).unwrap();
    let place = SqlitePlace::new().await;
    is_kept_out(place.wilco().nats(nats.url())).await;
    let login = format!("nats_login.nkey={}", file.display());
    publishes(place.wilco().nats(nats.url()).set(&login), &nats).await;
}

/// A JWT of NATS: what `by` says of a key.
fn jwt(by: &KeyPair, subject: &KeyPair, name: &str, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(&json!({ "typ": "JWT", "alg": "ed25519-nkey" }));
    let body = json!({
        "jti": name, "iat": 1_700_000_000, "iss": by.public_key(), "name": name, "sub": subject.public_key(),
        "nats": claims,
    });
    let signed = format!("{header}.{}", part(&body));
    let signature = by.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn credentials(token: &str, seed: &str) -> String {
    format!(
        "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_credentials_file_is_let_in() {
    let (operator, user) = (KeyPair::new_operator(), KeyPair::new_user());
    // JetStream wants an account for the system's own affairs.
    let (account, system) = (KeyPair::new_account(), KeyPair::new_account());
    let unlimited = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
        "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1,
    });
    let of_operator = jwt(&operator, &operator, "operator", &json!({ "type": "operator", "version": 2 }));
    let of_account = |account: &KeyPair, limits: &Value| {
        jwt(&operator, account, "account", &json!({ "type": "account", "version": 2, "limits": limits }))
    };
    let mut without_jetstream = unlimited.clone();
    without_jetstream.as_object_mut().unwrap().retain(|name, _| !name.ends_with("storage"));
    let accounts = [(&account, &unlimited), (&system, &without_jetstream)]
        .map(|(account, limits)| format!("{}: {}", account.public_key(), of_account(account, limits)))
        .join(", ");
    let of_user = jwt(
        &account,
        &user,
        "user",
        &json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1 }),
    );
    let file = credentials(&of_user, &user.seed().unwrap());
    let settings = |_: &Path| {
        format!(
            "operator: {of_operator}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{ {accounts} }}\n",
            system.public_key()
        )
    };
    let nats = NatsServer::configured(settings, ConnectOptions::with_credentials(&file).unwrap()).await;
    let path = nats.folder().join("user.creds");
    std::fs::write(&path, file).unwrap();
    let place = SqlitePlace::new().await;
    is_kept_out(place.wilco().nats(nats.url())).await;
    let login = format!("nats_login.credentials={}", path.display());
    publishes(place.wilco().nats(nats.url()).set(&login), &nats).await;
}

/// An authority of our own, and certificates of a server and of a client; the files: authority, server's certificate and
/// key, client's certificate and key.
fn certificates(folder: &Path) -> [PathBuf; 5] {
    let authority_key = CertificateKey::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let write = |name: &str, text: String| {
        let file = folder.join(name);
        std::fs::write(&file, text).unwrap();
        file
    };
    let certified = |name: &str| {
        let key = CertificateKey::generate().unwrap();
        let parameters =
            CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
        let certificate = parameters.signed_by(&key, &issuer).unwrap();
        [write(&format!("{name}.pem"), certificate.pem()), write(&format!("{name}.key"), key.serialize_pem())]
    };
    let authority = write("authority.pem", authority_certificate.pem());
    let ([server, server_key], [client, client_key]) = (certified("server"), certified("client"));
    [authority, server, server_key, client, client_key]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_authority_is_trusted_where_the_settings_name_it() {
    wilco_tests::use_ring();
    let folder = tempfile::tempdir().unwrap();
    let [authority, server, server_key, client, client_key] = certificates(folder.path());
    let settings = |_: &Path| {
        format!(
            "tls {{ cert_file: {:?}, key_file: {:?}, ca_file: {:?}, verify: true }}",
            server.display().to_string(),
            server_key.display().to_string(),
            authority.display().to_string()
        )
    };
    let login = ConnectOptions::new()
        .add_root_certificates(authority.clone())
        .add_client_certificate(client.clone(), client_key.clone())
        .require_tls(true);
    let nats = NatsServer::configured(settings, login).await;
    let place = SqlitePlace::new().await;
    is_kept_out(place.wilco().nats(nats.url())).await;
    let trusting = place.wilco().nats(nats.url()).set(&format!("nats_login.ca={}", authority.display()));
    is_kept_out(trusting.clone()).await;
    let known = trusting
        .set(&format!("nats_login.certificate={}", client.display()))
        .set(&format!("nats_login.key={}", client_key.display()));
    publishes(known, &nats).await;
}
