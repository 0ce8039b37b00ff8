use std::time::SystemTime;

use reqwest::{Method, StatusCode};
use serde_json::json;
use wilco::sandbox::Options;
use wilco_application::webhook::SigningKey;

use crate::support::{Playing, options};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[tokio::test]
async fn a_client_without_a_secret_takes_what_it_is_told() {
    let sandbox = Playing::start().await;
    for method in [Method::PUT, Method::POST] {
        let taken = sandbox.request(method, "/client/of/anybody").body("anything").send().await.unwrap();
        assert_eq!(taken.status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(sandbox.answers("/client/of/anybody").await, [json!(204), json!(204)]);
}

#[tokio::test]
async fn a_client_with_a_secret_takes_only_what_is_signed_with_it() {
    let key: SigningKey = SECRET.parse().unwrap();
    let sandbox = Playing::with(Options { callback_secret: Some(key.clone()), ..options() }).await;
    let body = b"{\"a\": 1}\r\n";
    let tell = async |key: &SigningKey, body: &'static [u8], signed: &[u8]| {
        let mut request = sandbox.request(Method::POST, "/client/c1").body(body);
        for (name, value) in key.headers("msg_1", SystemTime::now().into(), signed) {
            request = request.header(name, value);
        }
        request.send().await.unwrap().status()
    };
    assert_eq!(tell(&key, body, body).await, StatusCode::NO_CONTENT);
    assert_eq!(tell(&key, body, b"{\"a\":1}").await, StatusCode::UNAUTHORIZED);
    let other = wilco::sandbox::SECRET.parse().unwrap();
    assert_eq!(tell(&other, body, body).await, StatusCode::UNAUTHORIZED);
    let unsigned = sandbox.request(Method::PUT, "/client/c1").body(&body[..]).send().await.unwrap();
    assert_eq!(unsigned.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(sandbox.answers("/client/c1").await, [json!(204), json!(401), json!(401), json!(401)]);
}

#[tokio::test]
async fn a_client_has_faults_of_its_own() {
    let sandbox = Playing::start().await;
    sandbox.fault(json!({"mode": "410", "on": "client", "times": 1})).await;
    let tell = async || sandbox.request(Method::PUT, "/client/c1").send().await.map(|answer| answer.status());
    assert_eq!(tell().await.unwrap(), StatusCode::GONE);
    assert_eq!(tell().await.unwrap(), StatusCode::NO_CONTENT);
    sandbox.fault(json!({"mode": "reset", "on": "client"})).await;
    assert!(tell().await.is_err());
    assert_eq!(sandbox.create("t1").await.unwrap().status(), StatusCode::CREATED);
    assert_eq!(sandbox.answers("/client/c1").await, [json!(410), json!(204), json!("reset")]);
}
