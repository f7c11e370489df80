// What a hostile page can do to a server on the same machine, tried in the browser that people use: a page on another port
// asks, posts, opens sockets and embeds. It reads nothing, writes nothing and is upgraded nowhere.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Forgecast } from '../support/forgecast.ts';
import { expect, test } from '../support/page.ts';

let forgecast: Forgecast;
let hostile: Server;
let port: number;

test.beforeEach(async () => {
  forgecast = new Forgecast();
  forgecast.project('weather-app').phase('Scout', '1', { progress_detail: 'A secret of this machine' });
  await forgecast.start();
  await expect.poll(() => forgecast.metric('forgecast_sessions')).toBe(1);
  hostile = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end('<!doctype html><title>x</title><body>'));
  await new Promise<void>((done) => hostile.listen(0, '127.0.0.1', done));
  port = (hostile.address() as AddressInfo).port;
});
test.afterEach(async () => {
  hostile.closeAllConnections();
  hostile.close();
  await forgecast.remove();
});

const EVENT = JSON.stringify({ session: 'planted', type: 'phase_reported', phase: 'Planted' });
const HOOK = JSON.stringify({ session_id: 'planted', cwd: '/srv/planted', hook_event_name: 'UserPromptSubmit', prompt: 'planted' });
const OTLP = JSON.stringify({ resourceLogs: [] });

/** Tries everything; says what it got hold of. Runs in the hostile page. */
async function attack({ target, event, hook, otlp }: { target: string; event: string; hook: string; otlp: string }): Promise<string[]> {
  const got: string[] = [];
  const settle = (begin: (done: () => void) => void) => Promise.race([new Promise<void>(begin), new Promise((done) => setTimeout(done, 3_000))]);
  const reads = [
    '/',
    '/api/v1/sessions',
    '/api/v1/sessions/weather-app',
    '/api/v1/sessions/live',
    '/api/v1/stats',
    '/metrics',
    '/healthz',
    '/readyz',
    '/api/v1/sessions/weather-app/export',
    '/icon.svg',
  ];
  const writes: [string, string][] = [
    ['/api/v1/events', event],
    ['/api/v1/hooks/claude', hook],
    ['/v1/logs', otlp],
    ['/v1/metrics', '{}'],
    ['/api/phase-update', event],
    ['/api/v1/import', event],
  ];

  for (const path of reads) {
    for (const mode of ['cors', 'no-cors'] as const) {
      for (const credentials of ['include', 'omit'] as const) {
        try {
          const answer = await fetch(target + path, { mode, credentials });
          const text = await answer.text();
          if (answer.status !== 0 || text !== '') got.push(`${mode} GET ${path}: ${answer.status} ${text.slice(0, 40)}`);
        } catch {
          // Refused, as it should be.
        }
      }
    }
  }
  for (const [path, body] of writes) {
    for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', undefined]) {
      for (const mode of ['cors', 'no-cors'] as const) {
        try {
          const answer = await fetch(target + path, { method: 'POST', mode, body, credentials: 'include', ...(type && { headers: { 'content-type': type } }) });
          if (answer.status !== 0) got.push(`${mode} POST ${path}: ${answer.status}`);
        } catch {
          // Refused.
        }
      }
    }
    navigator.sendBeacon(target + path, new Blob([body], { type: 'text/plain' }));
    const frame = document.createElement('iframe');
    frame.name = `sink${path}`;
    document.body.append(frame);
    for (const enctype of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      const form = document.createElement('form');
      Object.assign(form, { method: 'post', action: target + path, enctype, target: frame.name });
      const field = document.createElement('input');
      // The known trick that makes JSON of a form.
      field.name = body.slice(0, -1);
      field.value = '}';
      form.append(field);
      document.body.append(form);
      await settle((done) => {
        frame.onload = () => done();
        form.submit();
      });
    }
  }
  for (const method of ['PUT', 'DELETE', 'PATCH']) {
    await fetch(`${target}/api/v1/sessions/weather-app`, { method }).then(
      (answer) => got.push(`${method}: ${answer.status}`),
      () => undefined,
    );
  }
  for (const protocols of [undefined, ['json'], ['graphql-ws']]) {
    await settle((done) => {
      const socket = new WebSocket(`${target.replace('http', 'ws')}/api/v1/live`, protocols);
      socket.onopen = () => got.push('a socket was opened');
      socket.onmessage = ({ data }) => got.push(`a socket said ${String(data).slice(0, 40)}`);
      socket.onclose = () => done();
    });
  }
  for (const path of ['/api/v1/sessions/live', '/api/v1/sessions/weather-app/live']) {
    await settle((done) => {
      const source = new EventSource(target + path, { withCredentials: true });
      source.onopen = () => got.push(`events of ${path}`);
      source.onmessage = ({ data }) => got.push(`an event ${String(data).slice(0, 40)}`);
      source.onerror = () => {
        source.close();
        done();
      };
    });
  }
  const embeds: [string, Record<string, string>][] = [
    ['img', { src: `${target}/icon.svg` }],
    ['script', { src: `${target}/api/v1/sessions` }],
    ['script', { src: `${target}/metrics` }],
    ['link', { rel: 'stylesheet', href: `${target}/metrics` }],
    ['object', { data: `${target}/` }],
    ['video', { src: `${target}/metrics` }],
  ];
  for (const [tag, attributes] of embeds) {
    await settle((done) => {
      const element = document.createElement(tag);
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      element.onload = () => {
        got.push(`${tag} ${JSON.stringify(attributes)} was loaded`);
        done();
      };
      element.onerror = () => done();
      document.body.append(element);
    });
  }
  for (const path of ['/', '/session/weather-app', '/api/v1/sessions']) {
    const frame = document.createElement('iframe');
    await settle((done) => {
      frame.onload = () => done();
      frame.src = target + path;
      document.body.append(frame);
    });
    try {
      const text = frame.contentDocument?.body.textContent;
      if (text) got.push(`frame ${path}: ${text.slice(0, 40)}`);
    } catch {
      // Another origin, or the browser's page of errors.
    }
    if (frame.contentWindow && frame.contentWindow.length > 0) got.push(`frame ${path} has frames`);
  }
  return got;
}

for (const [name, own, of] of [
  ['the same address', '127.0.0.1', '127.0.0.1'],
  ['another name of this machine', 'localhost', '127.0.0.1'],
  ['a name that was pointed here', 'rebound.localhost', 'rebound.localhost'],
] as const) {
  test(`a hostile page on ${name} and another port reads, writes and opens nothing`, async ({ page, complaints }) => {
    test.setTimeout(120_000);
    const target = forgecast.url.replace('127.0.0.1', of);
    const counters = async () => ({
      received: await forgecast.metric('forgecast_facts_received_total'),
      applied: await forgecast.metric('forgecast_facts_applied_total'),
      hooks: await forgecast.metric('forgecast_hooks_received_total'),
      sessions: await forgecast.metric('forgecast_sessions'),
      viewers: await forgecast.metric('forgecast_viewers'),
    });
    const before = await counters();
    const refused = await forgecast.metric('forgecast_requests_refused_total');
    await page.goto(`http://${own}:${port}/`);
    const got = await page.evaluate(attack, { target, event: EVENT, hook: HOOK, otlp: OTLP });
    expect(got).toEqual([]);
    expect(await counters()).toEqual(before);
    expect((await forgecast.metric('forgecast_requests_refused_total')) - refused, 'it was the server that refused').toBeGreaterThan(20);
    const { sessions } = (await (await fetch(`${forgecast.url}/api/v1/sessions`)).json()) as { sessions: { name: string }[] };
    expect(sessions.map((session) => session.name)).toEqual(['weather-app']);
    // The browser says in the hostile page's own console why it does not show a frame.
    expect(complaints.filter((complaint) => !complaint.includes("frame-ancestors 'none'"))).toEqual([]);
    complaints.length = 0;
  });
}

test('a link from elsewhere opens the dashboard, which is not the hostile page’s to look into', async ({ page }) => {
  await page.goto(`http://127.0.0.1:${port}/`);
  const [opened] = await Promise.all([
    page.waitForEvent('popup'),
    page.evaluate((target) => void ((window as unknown as { other: Window | null }).other = open(target)), `${forgecast.url}/session/weather-app~1`),
  ]);
  await expect(opened.getByText('A secret of this machine')).toBeVisible();
  const seen = await page.evaluate(() => {
    const { other } = window as unknown as { other: Window };
    try {
      return other.document.body.textContent;
    } catch (error) {
      return (error as Error).name;
    }
  });
  expect(seen).toBe('SecurityError');
});
