use super::*;

/// As the libraries of the standard have it in their tests.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const MESSAGE: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const AT: &str = "1614265330";
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

fn key(text: &str) -> SigningKey {
    text.parse().unwrap()
}

/// A secret of so many bytes, all the same.
fn secret(byte: u8, count: usize) -> String {
    format!("{PREFIX}{}", STANDARD.encode(vec![byte; count]))
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_614_265_330, 999_999_999).unwrap()
}

fn check(id: &str, timestamp: &str, signatures: &str, body: &[u8]) -> Result<(), Unauthentic> {
    verify(&[key(SECRET)], id, timestamp, signatures, body, now())
}

fn signed_by(key: &SigningKey, body: &[u8]) -> String {
    let [_, _, (_, signature)] = key.headers(MESSAGE, now(), body);
    signature
}

#[test]
fn messages_are_signed_as_the_libraries_of_the_standard_sign_them() {
    let headers = key(SECRET).headers(MESSAGE, now(), BODY);
    assert_eq!(
        headers,
        [(ID, MESSAGE.to_owned()), (TIMESTAMP, AT.to_owned()), (SIGNATURE, SIGNED.to_owned())]
    );
    let other = key("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").sign(
        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        "1649367553",
        br#"{"email":"test@example.com","username":"test_user"}"#,
    );
    assert_eq!(other, "tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    assert_eq!(check(MESSAGE, AT, SIGNED, BODY), Ok(()));
}

#[test]
fn a_secret_is_taken_with_padding_and_without() {
    let padded = secret(7, 28);
    assert!(padded.ends_with("=="));
    let plain = padded.trim_end_matches('=');
    assert_eq!(signed_by(&key(&padded), BODY), signed_by(&key(plain), BODY));
    for count in [24, 25, 26, 32, 64] {
        assert!(secret(1, count).parse::<SigningKey>().is_ok(), "{count}");
    }
}

#[test]
fn what_is_no_secret_is_refused_and_not_repeated() {
    let of_23 = secret(1, 23);
    let of_65 = secret(1, 65);
    let unprefixed = SECRET.trim_start_matches(PREFIX).to_owned();
    let private = SECRET.replace("whsec_", "whsk_");
    for text in [
        "",
        "whsec_",
        "whsec_!fKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS-",
        "whsec_ MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        &of_23,
        &of_65,
        &unprefixed,
        &private,
    ] {
        let error = text.parse::<SigningKey>().unwrap_err();
        assert!(!error.to_string().contains("MfKQ"), "{error}");
    }
}

#[test]
fn a_secret_is_not_printed() {
    assert_eq!(format!("{:?}", key(SECRET)), "SigningKey(…)");
}

#[test]
fn whatever_of_a_message_is_changed_it_is_refused() {
    use Unauthentic::{Id, Signature};
    assert_eq!(check("msg_other", AT, SIGNED, BODY), Err(Signature));
    assert_eq!(check(MESSAGE, "1614265331", SIGNED, BODY), Err(Signature));
    assert_eq!(check(MESSAGE, AT, SIGNED, br#"{"test":2432232314}"#), Err(Signature));
    assert_eq!(check(MESSAGE, AT, SIGNED, b""), Err(Signature));
    assert_eq!(check("", AT, SIGNED, BODY), Err(Id));
    let strange = verify(&[key(&secret(1, 32))], MESSAGE, AT, SIGNED, BODY, now());
    assert_eq!(strange, Err(Signature));
}

#[test]
fn a_signature_that_is_none_is_refused() {
    let (_, bare) = SIGNED.split_once(',').unwrap();
    let trimmed = SIGNED.trim_end_matches('=');
    let cut = &SIGNED[..SIGNED.len() - 8];
    for signatures in [
        String::new(),
        " ".to_owned(),
        "v1,".to_owned(),
        "v1".to_owned(),
        bare.to_owned(),
        trimmed.to_owned(),
        cut.to_owned(),
        format!("{SIGNED}="),
        format!("v1a,{bare}"),
        format!("v2,{bare}"),
        format!("V1,{bare}"),
        format!("v1, {bare}"),
        format!("v1;{bare}"),
        SIGNED.to_lowercase(),
        format!("{SIGNED},{SIGNED}"),
        format!("{SIGNED}\t{SIGNED}"),
    ] {
        assert_eq!(check(MESSAGE, AT, &signatures, BODY), Err(Unauthentic::Signature), "{signatures:?}");
    }
}

#[test]
fn a_time_that_is_none_is_refused() {
    for timestamp in [
        "",
        "now",
        "-1614265330",
        "+1614265330",
        " 1614265330",
        "1614265330.0",
        "1.6e9",
        "0x60",
        &"9".repeat(40),
    ] {
        assert_eq!(check(MESSAGE, timestamp, SIGNED, BODY), Err(Unauthentic::Timestamp), "{timestamp:?}");
    }
}

#[test]
fn a_message_is_good_for_five_minutes_on_both_sides() {
    let at = |seconds: i64| {
        let now = now() + TimeDelta::seconds(seconds);
        verify(&[key(SECRET)], MESSAGE, AT, SIGNED, BODY, now)
    };
    for good in [-300, -1, 0, 1, 300] {
        assert_eq!(at(good), Ok(()), "{good}");
    }
    for stale in [-301, 301, 86_400] {
        assert_eq!(at(stale), Err(Unauthentic::Stale), "{stale}");
    }
    assert_eq!(check(MESSAGE, "9223372036854775807", SIGNED, BODY), Err(Unauthentic::Stale));
}

#[test]
fn parts_cannot_be_moved_across_the_full_stops() {
    // The same text is signed: `a.1614265330.1614265330.{}`.
    let signature = format!("v1,{}", key(SECRET).sign("a.1614265330", AT, b"{}"));
    assert_eq!(check("a.1614265330", AT, &signature, b"{}"), Err(Unauthentic::Id));
}

#[test]
fn any_of_several_secrets_may_have_signed_any_of_several_signatures() {
    let (old, new, strange) = (key(&secret(1, 32)), key(&secret(2, 32)), key(&secret(3, 32)));
    let by = |keys: &[&SigningKey]| keys.iter().map(|key| signed_by(key, BODY)).collect::<Vec<_>>().join(" ");
    let both = [old.clone(), new.clone()];
    let good = |signatures: &str| verify(&both, MESSAGE, AT, signatures, BODY, now()).is_ok();
    assert!(good(&by(&[&old])) && good(&by(&[&new])));
    assert!(good(&by(&[&old, &new])) && good(&by(&[&strange, &new])) && good(&by(&[&new, &strange])));
    assert!(good(&format!("v1a,xyz nonsense  {} v1,", by(&[&new]))));
    assert!(!good(&by(&[&strange])));
}

#[test]
fn without_a_secret_nothing_is_genuine() {
    assert_eq!(verify(&[], MESSAGE, AT, SIGNED, BODY, now()), Err(Unauthentic::Signature));
}

#[test]
fn of_a_long_list_only_the_first_signatures_are_looked_at() {
    let wrong = |count: usize| "v1,AAAA ".repeat(count);
    let others = "v1a,AAAA ".repeat(100);
    assert_eq!(check(MESSAGE, AT, &format!("{others}{}{SIGNED}", wrong(15)), BODY), Ok(()));
    assert_eq!(check(MESSAGE, AT, &format!("{}{SIGNED}", wrong(16)), BODY), Err(Unauthentic::Signature));
}

#[test]
fn the_bytes_are_signed_as_they_are() {
    let bodies: [&[u8]; 8] = [
        b"",
        b"{ \"a\" : 1 }",
        b"{\"a\":1}\r\n",
        b"{\"a\":1e3}",
        b"{\"a\":1,\"a\":2}",
        b"a=1&b=%20",
        b"\xff\xfe\x00\x80",
        "\u{feff}{\"ä\":\"…\"}".as_bytes(),
    ];
    for body in bodies {
        let signature = signed_by(&key(SECRET), body);
        assert_eq!(check(MESSAGE, AT, &signature, body), Ok(()), "{body:?}");
        let more = [body, b"\n"].concat();
        assert_eq!(check(MESSAGE, AT, &signature, &more), Err(Unauthentic::Signature), "{body:?}");
    }
}
