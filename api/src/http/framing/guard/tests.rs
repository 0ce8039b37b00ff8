use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PATIENCE: Patience = Patience { head: Duration::from_secs(10), idle: Duration::from_secs(75) };

/// What the parser gets of `bytes` when they come in pieces of `size`.
async fn passed(bytes: &[u8], size: usize) -> (Vec<u8>, Marker) {
    let (mut client, server) = tokio::io::duplex(1 << 20);
    let marker = Marker::new();
    let mut guard = Guard::new(server, marker.clone(), PATIENCE, Busy::default());
    let mut got = Vec::new();
    for piece in bytes.chunks(size) {
        client.write_all(piece).await.unwrap();
        let mut buffer = [0; 512];
        while let Ok(count) = tokio::time::timeout(Duration::from_millis(1), guard.read(&mut buffer)).await {
            got.extend_from_slice(&buffer[..count.unwrap()]);
        }
    }
    (got, marker)
}

const SOUND: &[u8] = b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc\
    \r\nPOST /b HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
    GET /c HTTP/1.1\r\nhost: a\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn sound_requests_pass_unchanged_however_they_arrive() {
    for size in [1, 2, 3, 7, 50, 1000] {
        let (got, _) = passed(SOUND, size).await;
        assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(SOUND), "{size}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unsound_request_behind_sound_ones_is_replaced_by_its_refusal_and_nothing_follows() {
    let unsound = b"GET /d?x HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\nGET /e HTTP/1.1\r\nhost: a\r\n\r\n";
    for size in [1, 5, 1000] {
        let (got, marker) = passed(&[SOUND, unsound].concat(), size).await;
        let rest = String::from_utf8(got.strip_prefix(SOUND).unwrap().to_vec()).unwrap();
        let path = rest.strip_prefix("GET ").and_then(|rest| rest.split(' ').next()).unwrap();
        let fault = marker.read(path).unwrap();
        assert_eq!((fault.reason, fault.path()), (Reason::Host, "/d"), "{size}");
        assert_eq!(rest.matches("HTTP/1.1").count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_dribbles_in_is_cut_off_in_time() {
    let (mut client, server) = tokio::io::duplex(1024);
    let marker = Marker::new();
    let mut guard = Guard::new(server, marker, PATIENCE, Busy::default());
    let begun = Instant::now();
    let dribble = async {
        for byte in b"GET /slow HTTP/1.1\r\nhost: a\r\nx: yyyyyyyyyyyyyyyyyyyyyyyyyyy" {
            client.write_all(&[*byte]).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let mut buffer = [0; 512];
    let count = tokio::select! {
        count = guard.read(&mut buffer) => count.unwrap(),
        () = dribble => panic!("not cut off"),
    };
    assert!(begun.elapsed() < Duration::from_secs(12));
    assert!(String::from_utf8_lossy(&buffer[..count]).contains(" HTTP/1.1\r\nhost: refused"));
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_ends() {
    let (_client, server) = tokio::io::duplex(1024);
    let mut guard = Guard::new(server, Marker::new(), PATIENCE, Busy::default());
    let begun = Instant::now();
    assert_eq!(guard.read(&mut [0; 16]).await.unwrap(), 0);
    assert_eq!(begun.elapsed().as_secs(), 10);
}
