use super::*;

const LONGEST: usize = 70_000;

/// A client's frame with `first` as its first byte.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | u8::try_from(length).unwrap()),
        length @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    let mask = [0x12, 0x34, 0x56, 0x78];
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

fn decode(pieces: &[&[u8]]) -> Result<Vec<Message>, CloseReason> {
    let mut decoder = Decoder::new(LONGEST);
    let mut messages = Vec::new();
    for piece in pieces {
        decoder.feed(piece);
        while let Some(message) = decoder.next()? {
            messages.push(message);
        }
    }
    Ok(messages)
}

fn text(text: &str) -> Message {
    Message::Text(text.to_owned())
}

#[test]
fn messages_are_the_same_wherever_the_stream_is_cut() {
    let stream = [
        frame(0x81, "héllo".as_bytes()),
        frame(0x01, "one ".as_bytes()),
        frame(0x89, b"still there?"),
        frame(0x00, b"two "),
        frame(0x8a, b""),
        frame(0x80, "thrée".as_bytes()),
        frame(0x82, &[0xff]),
        frame(0x81, &[b'x'; 300]),
        frame(0x88, b"\x03\xe8bye"),
    ]
    .concat();
    let expected = vec![
        text("héllo"),
        Message::Ping(Bytes::from_static(b"still there?")),
        Message::Pong,
        text("one two thrée"),
        Message::Binary,
        text(&"x".repeat(300)),
        Message::Close(Some(1000)),
    ];
    for cut in 0..stream.len() {
        let (one, two) = stream.split_at(cut);
        assert_eq!(decode(&[one, two]).as_ref(), Ok(&expected), "cut at {cut}");
    }
    let bytes: Vec<_> = stream.chunks(1).collect();
    assert_eq!(decode(&bytes).as_ref(), Ok(&expected));
}

#[test]
fn a_character_may_be_spread_over_fragments() {
    let stream = [frame(0x01, &[0xc3]), frame(0x80, &[0xa9])].concat();
    assert_eq!(decode(&[&stream]), Ok(vec![text("é")]));
}

#[test]
fn every_form_of_length_is_understood_up_to_the_longest_message() {
    for length in [0, 125, 126, 0xffff, 0x1_0000, LONGEST] {
        let payload = vec![b'x'; length];
        let messages = decode(&[&frame(0x81, &payload)]).unwrap();
        assert_eq!(messages, [text(&"x".repeat(length))], "{length}");
    }
}

#[test]
fn what_is_too_long_is_refused_by_its_header() {
    let whole = frame(0x81, &vec![b'x'; LONGEST + 1]);
    assert_eq!(decode(&[&whole[..10]]), Err(CloseReason::MessageTooLong));
    let fragments = [frame(0x01, &vec![b'x'; LONGEST]), frame(0x80, b"x")].concat();
    assert_eq!(decode(&[&fragments]), Err(CloseReason::MessageTooLong));
    let huge = [0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(decode(&[&huge]), Err(CloseReason::MessageTooLong));
}

#[test]
fn what_is_no_frame_or_out_of_order_is_refused() {
    let mut unmasked = frame(0x81, b"x");
    unmasked[1] &= 0x7f;
    for (what, stream) in [
        ("unmasked", unmasked),
        ("reserved bit", frame(0xc1, b"x")),
        ("reserved opcode", frame(0x83, b"x")),
        ("reserved control opcode", frame(0x8b, b"x")),
        ("fragmented control", frame(0x09, b"x")),
        ("long control", frame(0x89, &[0; 126])),
        ("continuation of nothing", frame(0x80, b"x")),
        (
            "message within a message",
            [frame(0x01, b"x"), frame(0x81, b"x")].concat(),
        ),
        ("half a close code", frame(0x88, b"\x03")),
        ("close code that is never sent", frame(0x88, b"\x03\xed")),
    ] {
        assert_eq!(decode(&[&stream]), Err(CloseReason::ProtocolError), "{what}");
    }
    assert_eq!(decode(&[&frame(0x81, &[0xff])]), Err(CloseReason::InvalidText));
    assert_eq!(decode(&[&frame(0x88, b"\x03\xe8\xff")]), Err(CloseReason::InvalidText));
}

#[test]
fn a_viewer_that_says_nothing_keeps_no_memory() {
    let mut decoder = Decoder::new(LONGEST);
    decoder.feed(&frame(0x81, &[b'x'; 5_000]));
    assert!(decoder.next().unwrap().is_some());
    assert_eq!(decoder.next(), Ok(None));
    assert_eq!(decoder.unread.capacity(), 0);
}
