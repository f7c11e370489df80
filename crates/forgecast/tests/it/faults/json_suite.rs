//! F12: JSON of every kind that parsers stumble over, as a file, a push and a frame of a WebSocket: what is JSON is read,
//! what is none is refused, and whatever it is the server goes on.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::{Message, WebSocket};

use super::support::{Pulse, assert_conserved, assert_no_panic};
use crate::world::{PATIENCE, Project, Server, World, eventually};

mod cases;

/// What has to become of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Read,
    Refused,
    /// In a file, and nowhere else.
    ReadInFiles,
    Either,
}

/// All cases: what they are called, what has to become of them, the bytes.
fn all() -> Vec<(String, Verdict, Vec<u8>)> {
    let listed = [
        (Verdict::Read, cases::GOOD),
        (Verdict::Refused, cases::BAD),
        (Verdict::ReadInFiles, cases::SLOPPY),
        (Verdict::Either, cases::EITHER),
    ];
    let listed = listed.into_iter().flat_map(|(verdict, cases)| {
        let named = cases.iter();
        named.map(move |(name, bytes)| ((*name).to_owned(), verdict, bytes.to_vec()))
    });
    let deep = cases::deep()
        .into_iter()
        .map(|(name, bytes)| (name, Verdict::Either, bytes));
    listed.chain(deep).collect()
}

/// A document with the case as the value of a field.
fn around(before: &str, case: &[u8]) -> Vec<u8> {
    [before.as_bytes(), case, b"}"].concat()
}

fn post(server: &Server, body: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "POST /api/v1/events HTTP/1.0\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        server.address(),
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[test]
fn what_is_json_is_taken_as_a_push_and_what_is_none_is_refused() {
    let world = World::new();
    let server = world.serve();
    let pulse = Pulse::of(&server);
    let mut read = 0;
    for (number, (name, verdict, case)) in all().into_iter().enumerate() {
        let envelope = format!(r#"{{"id":"case-{number}","session":"suite","type":"a_kind","data":"#);
        let (status, answer) = post(&server, &around(&envelope, &case));
        match verdict {
            Verdict::Read => assert_eq!(status, 200, "{name}: {answer}"),
            Verdict::Refused | Verdict::ReadInFiles => assert_eq!(status, 400, "{name}: {answer}"),
            Verdict::Either => assert!(matches!(status, 200 | 400 | 422), "{name}: {status} {answer}"),
        }
        read += usize::from(status == 200);
        // By itself it says nothing about a session, whatever it is.
        let (status, answer) = post(&server, &case);
        let expected: &[u16] = match verdict {
            Verdict::Refused | Verdict::ReadInFiles => &[400],
            // An empty array holds nothing that could be refused.
            _ => &[200, 400, 422],
        };
        assert!(expected.contains(&status), "{name} alone: {status} {answer}");
    }
    assert!(read >= cases::GOOD.len(), "{read}");
    let facts = server.json("/api/v1/sessions/suite/events?limit=1000")["events"].clone();
    assert_eq!(
        facts.as_array().unwrap().len(),
        read,
        "what was answered with 200 is there, each once"
    );
    pulse.assert_steady();
    assert_conserved(&server);
    assert_no_panic(server);
}

#[test]
fn what_is_json_is_read_from_a_file_and_what_is_none_leaves_the_last_good_state() {
    let world = World::new();
    let server = world.serve();
    let pulse = Pulse::of(&server);
    let all = all();
    let write = |number: usize, detail: &str, case: &[u8]| -> Project {
        let name = format!("case-{number}");
        let project = world.project(&name);
        let before = format!(
            r#"{{"session_id":"{name}","current_phase":"Builder","status":"building","progress_detail":"{detail}","more":"#
        );
        let beside = project.file("current-phase.json.tmp");
        std::fs::write(&beside, around(&before, case)).unwrap();
        std::fs::rename(beside, project.phase_file()).unwrap();
        project
    };
    let numbers = 0..all.len();
    numbers.clone().for_each(|number| drop(write(number, "before", b"1")));
    for number in numbers.clone() {
        server.view_when(&format!("case-{number}"), |view| view["phase"]["detail"] == "before");
    }
    for (number, (_, _, case)) in all.iter().enumerate() {
        write(number, "after", case);
    }
    let is_read = |view: &Value| view["phase"]["detail"] == "after";
    let is_refused = |view: &Value| view["phase"]["detail"] == "before" && view["problems"].is_object();
    for (number, (name, verdict, _)) in all.iter().enumerate() {
        println!("case {number}: {name}, {verdict:?}");
        server.view_when(&format!("case-{number}"), |view| match verdict {
            Verdict::Read | Verdict::ReadInFiles => is_read(view),
            Verdict::Refused => is_refused(view),
            Verdict::Either => is_read(view) || is_refused(view),
        });
    }
    // A good file mends all of it.
    for number in numbers.clone() {
        write(number, "mended", b"1");
    }
    for number in numbers {
        server.view_when(&format!("case-{number}"), |view| {
            view["phase"]["detail"] == "mended" && view.get("problems").is_none()
        });
    }
    pulse.assert_steady();
    assert_conserved(&server);
    assert_no_panic(server);
}

/// What a viewer is told after a frame of these bytes: the type of a message, or the code of the close.
fn told(server: &Server, bytes: Vec<u8>) -> Result<String, u16> {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let (mut socket, _) = tungstenite::client(format!("ws://{}/api/v1/live", server.address()), stream).unwrap();
    let frame = Frame::message(bytes, OpCode::Data(Data::Text), true);
    // A server that refuses a long frame by its head may close before all of it was sent.
    let _ = socket.send(Message::Frame(frame));
    next(&mut socket)
}

fn next(socket: &mut WebSocket<TcpStream>) -> Result<String, u16> {
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => {
                let message: Value = serde_json::from_str(&text).unwrap();
                let kind = message["type"].as_str().unwrap();
                if !matches!(kind, "hello" | "heartbeat") {
                    return Ok(kind.to_owned());
                }
            }
            Ok(Message::Close(frame)) => return Err(frame.map_or(0, |frame| CloseCode::into(frame.code))),
            Ok(_) => {}
            Err(_) => return Err(0),
        }
    }
}

#[test]
fn what_is_json_is_answered_in_a_socket_and_what_is_none_closes_it() {
    let world = World::new();
    let server = world.serve();
    let pulse = Pulse::of(&server);
    for (name, verdict, case) in all() {
        let frame = around(r#"{"type":"no such message","value":"#, &case);
        let is_text = std::str::from_utf8(&frame).is_ok();
        let told = told(&server, frame);
        let expected: &[Result<&str, u16>] = match (verdict, is_text) {
            // 1007: text that is none. 1009: longer than any message.
            (_, false) => &[Err(1007)],
            (Verdict::Read, true) => &[Ok("error")],
            (Verdict::Refused | Verdict::ReadInFiles, true) => &[Err(4400)],
            (Verdict::Either, true) => &[Ok("error"), Err(4400), Err(1009), Err(0)],
        };
        let told = told.as_ref().map(String::as_str).map_err(|code| *code);
        assert!(expected.contains(&told), "{name}: {told:?}, not one of {expected:?}");
    }
    assert_eq!(
        told(&server, br#"{"type":"subscribe","topic":"sessions"}"#.to_vec()),
        Ok("snapshot".to_owned())
    );
    let viewers = || server.json("/api/health")["connections"].as_u64();
    eventually("every socket is closed", || (viewers() == Some(0)).then_some(()));
    pulse.assert_steady();
    assert_no_panic(server);
}
