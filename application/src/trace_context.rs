//! W3C Trace Context, as far as it is carried along.

/// Whether the text is a `traceparent` of version 00 (W3C Trace Context, 3.2).
pub fn is_traceparent(text: &str) -> bool {
    let lower_hex = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, parent, flags] = parts.as_slice() else { return false };
    *version == "00"
        && (trace.len(), parent.len(), flags.len()) == (32, 16, 2)
        && [*trace, *parent, *flags].into_iter().all(lower_hex)
        && [*trace, *parent].into_iter().all(|id| id.bytes().any(|b| b != b'0'))
}
