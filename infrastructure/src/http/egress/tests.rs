use super::*;

fn egress(allow: &[&str]) -> Egress {
    Egress::new(allow.iter().map(|network| network.parse().unwrap()).collect())
}

/// As they are written in URLs.
const PRIVATE: [&str; 80] = [
    // IPv4, one or two of each network, and its ends
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.0",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.175.48.1",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    // other ways to write an IPv4 address
    "2130706433",
    "017700000001",
    "0x7f000001",
    "0x7F.0x0.0x0.0x1",
    "0177.0.0.1",
    "127.1",
    "127.0.1",
    "0",
    "0x0",
    "10.1",
    "0xa9fea9fe",
    "2852039166",
    "169.254.43518",
    "127.0.0.1.",
    "%31%32%37.0.0.1",
    "127%2E0.0.1",
    "１２７.0.0.1",
    "127。0。0。1",
    "⑩.0.0.1",
    // IPv6
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[fe80::1]",
    "[febf::1]",
    "[fec0::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "[ff0e::1]",
    "[100::1]",
    "[5f00::1]",
    "[2001:db8::1]",
    "[3fff::1]",
    "[2001:2::1]",
    "[2001:10::1]",
    "[2001:20::1]",
    "[2620:4f:8000::1]",
    // IPv4 in IPv6
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::FFFF:169.254.169.254]",
    "[::ffff:10.0.0.1]",
    "[::127.0.0.1]",
    "[::8.8.8.8]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::169.254.169.254]",
    "[64:ff9b:1::8.8.8.8]",
    "[2002:7f00:1::1]",
    "[2002:808:808::1]",
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    // names that are loopback's
    "localhost",
];

const PUBLIC: [&str; 24] = [
    "8.8.8.8",
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "192.167.255.255",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "134744072",
    "[2606:4700:4700::1111]",
    "[2001:4860:4860::8888]",
    "[2620:4f:8001::1]",
    "[2a00:1450:4001::1]",
    "[::ffff:8.8.8.8]",
    "[64:ff9b::8.8.8.8]",
    "example.com",
];

#[test]
fn what_is_not_public_is_refused_however_it_is_written() {
    for host in PRIVATE {
        for url in [format!("http://{host}/"), format!("https://{host}:8443/path?query#fragment")] {
            let refused = Egress::default().check(&url);
            assert!(matches!(refused, Err(Refused::Literal(_))), "{url} gives {refused:?}");
        }
    }
}

#[test]
fn names_below_localhost_are_loopback() {
    for host in ["LOCALHOST", "localhost.", "LocalHost..", "api.localhost", "a.b.localhost."] {
        let refused = Egress::default().check(&format!("http://{host}/"));
        assert!(refused.is_err(), "{host} gives {refused:?}");
    }
    assert!(egress(&["127.0.0.0/8"]).check("http://localhost/").is_ok());
    assert!(egress(&["::1/128"]).check("http://localhost/").is_ok());
    for host in ["localhost.example.com", "notlocalhost"] {
        assert!(Egress::default().check(&format!("http://{host}/")).is_ok(), "{host}");
    }
}

#[test]
fn what_is_public_may_be_called() {
    for host in PUBLIC {
        let checked = Egress::default().check(&format!("http://{host}/"));
        assert!(checked.is_ok(), "{host} gives {checked:?}");
    }
}

#[test]
fn networks_that_are_allowed_may_be_called_in_every_spelling_and_no_others() {
    let egress = egress(&["127.0.0.0/8", "fd00::/8"]);
    for host in
        ["127.0.0.1", "127.9.9.9", "2130706433", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[fd12::1]"]
    {
        assert!(egress.check(&format!("http://{host}/")).is_ok(), "{host}");
    }
    for host in ["10.0.0.1", "[::1]", "[fc00::1]", "169.254.169.254", "[2002:7f00:1::1]"] {
        assert!(egress.check(&format!("http://{host}/")).is_err(), "{host}");
    }
}

#[test]
fn what_is_no_plain_http_url_is_refused() {
    for url in [
        "",
        "example.com",
        "//example.com",
        "http://",
        "http:///",
        "ftp://example.com",
        "file:///etc/passwd",
        "gopher://example.com",
        "data:text/plain,a",
        "javascript:1",
        "unix:/run/socket",
        "http://[::1%25lo]/",
        "http://[fe80::1%eth0]/",
        "http://[::1",
        "http://1.2.3.4.5/",
        "http://256.1.1.1/",
        "http://example.com:65536/",
        "http://exa mple.com/",
        "http://example.com%00.org/",
    ] {
        assert_eq!(Egress::default().check(url), Err(Refused::NotHttp), "{url}");
    }
    for url in ["http://me@example.com", "http://me:pw@example.com", "http://:pw@example.com"] {
        assert_eq!(Egress::default().check(url), Err(Refused::UserInfo), "{url}");
    }
    // What another reader may take for the host is not where it goes.
    for url in
        ["http://example.com#@127.0.0.1/", "http://example.com/@127.0.0.1", r"http://example.com\@127.0.0.1"]
    {
        assert_eq!(Egress::default().check(url).unwrap().host_str(), Some("example.com"), "{url}");
    }
}
