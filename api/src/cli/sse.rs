/// One event of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its name; `message` when the server gave none.
    pub name: String,
    /// Its lines, joined.
    pub data: String,
    /// The newest id the server gave, with this event or before.
    pub id: Option<String>,
}

/// Reads server-sent events out of the pieces they come in.
#[derive(Debug, Default)]
pub struct Reader {
    /// What came after the last line break.
    rest: Vec<u8>,
    name: String,
    data: Option<String>,
    /// The id of the event that is being read.
    next_id: Option<String>,
    /// The id of the newest event that was read whole.
    id: Option<String>,
}

impl Reader {
    /// The id of the newest event that was read whole: where to go on after an interruption.
    pub fn last_id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The connection was lost: what was begun will come again from the start.
    pub fn forget_partial(&mut self) {
        self.rest.clear();
        self.name.clear();
        self.data = None;
        self.next_id = None;
    }

    /// Takes a piece; gives back the events it completes.
    pub fn push(&mut self, piece: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for &byte in piece {
            if byte == b'\n' {
                let line = std::mem::take(&mut self.rest);
                let line = line.strip_suffix(b"\r").unwrap_or(&line);
                events.extend(self.line(&String::from_utf8_lossy(line)));
            } else {
                self.rest.push(byte);
            }
        }
        events
    }

    fn line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            self.id = self.next_id.take().or_else(|| self.id.take());
            let name = if name.is_empty() { "message".to_owned() } else { name };
            return self.data.take().map(|data| Event { name, data, id: self.id.clone() });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "id" if !value.contains('\0') => self.next_id = Some(value.to_owned()),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            // Comments keep the connection alive; a wish for a pause between attempts is not heeded.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_whole_however_they_are_cut() {
        let text = b": hello\n\nid: 7\nevent: status\ndata: one\ndata: two\n\ndata:x\r\n\r\n";
        let expected = [("status", "one\ntwo", Some("7")), ("message", "x", Some("7"))];
        for size in 1..text.len() {
            let mut reader = Reader::default();
            let events: Vec<Event> = text.chunks(size).flat_map(|piece| reader.push(piece)).collect();
            let seen: Vec<_> = events
                .iter()
                .map(|event| (event.name.as_str(), event.data.as_str(), event.id.as_deref()))
                .collect();
            assert_eq!(seen, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn half_an_event_is_forgotten_when_the_connection_is_lost() {
        let mut reader = Reader::default();
        reader.push(b"id: 7\ndata: one\n\nid: 8\ndata: ha");
        reader.forget_partial();
        assert_eq!(reader.last_id(), Some("7"));
        assert_eq!(reader.push(b"data: lf\n\n")[0].data, "lf");
    }
}
