//! Finds the head of a request that asks for a WebSocket. Pure.

/// What its header is, without spaces and in lower case.
const UPGRADE: &[u8] = b"upgrade:websocket";

/// Reads lines of HTTP as they come. It takes lines of bodies for lines of heads, which changes nothing: no JSON has
/// such a line.
#[derive(Debug, Default)]
pub struct Head {
    /// The beginning of the line, without spaces and in lower case.
    line: Vec<u8>,
    upgrades: bool,
}

impl Head {
    /// Where in these bytes the head ends that asks for a WebSocket.
    pub fn ends_at(&mut self, bytes: &[u8]) -> Option<usize> {
        bytes
            .iter()
            .position(|byte| self.ends_with(*byte))
            .map(|at| at + 1)
    }

    fn ends_with(&mut self, byte: u8) -> bool {
        match byte {
            b'\n' => {
                self.upgrades |= self.line == UPGRADE;
                let ends = self.line.is_empty() && std::mem::take(&mut self.upgrades);
                self.line.clear();
                return ends;
            }
            _ if byte.is_ascii_whitespace() => {}
            _ if self.line.len() <= UPGRADE.len() => self.line.push(byte.to_ascii_lowercase()),
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_that_ask_for_a_websocket_are_found_to_the_byte() {
        let table: &[(&str, Option<&str>)] = &[
            ("GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", Some("")),
            ("GET / HTTP/1.1\nupgrade:WebSocket\n\nrest", Some("rest")),
            (
                "GET / HTTP/1.1\r\nUpgrade: \t websocket  \r\nA: b\r\n\r\n\x01",
                Some("\x01"),
            ),
            (
                "POST / HTTP/1.1\r\n\r\n{}GET / HTTP/1.1\r\nUPGRADE: websocket\r\n\r\n1",
                Some("1"),
            ),
            ("GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n", None),
            ("GET / HTTP/1.1\r\nUpgrade: websockets\r\n\r\n", None),
            ("GET / HTTP/1.1\r\nUpgrade: websocket\r\n", None),
            (
                "POST / HTTP/1.1\r\n\r\n{\"a\":\n\"upgrade: websocket\"}\n\n",
                None,
            ),
        ];
        for (text, rest) in table {
            for at in 0..=text.len() {
                let mut head = Head::default();
                let (one, other) = text.split_at(at);
                let found = head.ends_at(one.as_bytes());
                let found = found.or_else(|| Some(head.ends_at(other.as_bytes())? + at));
                assert_eq!(found.map(|end| &text[end..]), *rest, "{text} at {at}");
            }
        }
    }
}
