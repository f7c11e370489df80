"""The peer of the Python world: watchdog watches, FastAPI broadcasts what changed. As their documentation shows it."""

import asyncio
import json
import socket
import sys
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, WebSocket
from watchdog.events import FileSystemEventHandler
from watchdog.observers import Observer

viewers: set[WebSocket] = set()
before: dict[str, dict] = {}


class Changed(FileSystemEventHandler):
    def __init__(self, loop):
        self.loop = loop

    def on_any_event(self, event):
        path = getattr(event, "dest_path", "") or event.src_path
        if event.event_type in ("closed", "moved") and path.endswith("current-phase.json"):
            asyncio.run_coroutine_threadsafe(publish(path), self.loop)


async def publish(path):
    try:
        with open(path) as file:
            document = json.load(file)
    except ValueError:
        return  # half-written: the next change brings the rest
    last = before.get(path, {})
    patch = {key: value for key, value in document.items() if last.get(key) != value}
    before[path] = document
    frame = json.dumps({"type": "patch", "path": path, "patch": patch})
    for viewer in list(viewers):
        await viewer.send_text(frame)


@asynccontextmanager
async def lifespan(_):
    observer = Observer()
    observer.schedule(Changed(asyncio.get_running_loop()), sys.argv[1], recursive=True)
    observer.start()
    print(f"127.0.0.1:{listener.getsockname()[1]}", flush=True)
    yield
    observer.stop()


app = FastAPI(lifespan=lifespan)


@app.websocket("/")
async def live(viewer: WebSocket):
    await viewer.accept()
    viewers.add(viewer)
    try:
        while True:
            await viewer.receive_text()
    except Exception:
        viewers.discard(viewer)


listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])
