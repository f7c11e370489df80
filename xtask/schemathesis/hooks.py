"""Makes what is asked meet something: half of the questions are about sessions that are there, and streams are read up to
their first event."""

from zlib import crc32

import schemathesis

SESSIONS = ["weather-app", "weather-app~1", "shop", "shop~1", "old-build"]
KEPT = {name.split("~")[0] for name in SESSIONS}
NAMES = {"id", "session"}


def drawn(value):
    """A number that only the value decides: the same case is the same case again."""
    return crc32(repr(value).encode(errors="replace"))


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    method = context.operation.method.upper()
    number = drawn(path_parameters)
    if method != "DELETE" and path_parameters and number % 2 == 0:
        for name in NAMES & set(path_parameters):
            path_parameters[name] = SESSIONS[number // 2 % len(SESSIONS)]
        if "revision" in path_parameters:
            path_parameters["revision"] = number // 16 % 40 + 1
        if "name" in path_parameters:
            path_parameters["id"] = "weather-app~1"
            path_parameters["name"] = ".context-foundry/scout-report.md"
        if "agent" in path_parameters:
            path_parameters["agent"] = "builder-1"
    return path_parameters


@schemathesis.hook
def map_body(context, body):
    # What comes back from an export gets a name of its own, or it would be the newest run of what the others ask for.
    if context.operation.path == "/api/v1/import" and isinstance(body, dict):
        session = body.get("session")
        if isinstance(session, dict) and str(session.get("id")).split("~")[0] in KEPT:
            session["id"] = f"brought-{drawn(body) % 9}~1"
    return body


def first_event(response, *args, **kwargs):
    """Reads a stream to the end of its first event: it has no other end."""
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        chunk = b""
        for part in response.raw.stream(64, decode_content=False):
            chunk += part
            if b"\n\n" in chunk:
                break
        response.raw.close()
        response._content = chunk
        response._content_consumed = True
    return response


@schemathesis.hook
def before_call(context, case, kwargs):
    # What the others ask for stays.
    if case.method.upper() == "DELETE" and str((case.path_parameters or {}).get("id")).split("~")[0] in KEPT:
        case.path_parameters["id"] = "nobody~1"
    kwargs.setdefault("hooks", {})["response"] = first_event
