// More than five hundred hostile texts in every text field that a session has, from files and from pushes, rendered in
// Chromium: no script runs, the content security policy has nothing to report, nothing breaks the layout, text is text.

import type { Page } from '@playwright/test';
import { Forgecast } from '../support/forgecast.ts';
import { HOSTILE, isPlain } from '../support/hostile.ts';
import { expect, test } from '../support/page.ts';

let forgecast: Forgecast;
test.beforeEach(async () => {
  forgecast = new Forgecast();
});
test.afterEach(() => forgecast.remove());

/** A build that says `text` wherever it can say something, by what producers send. */
function pushed(session: string, text: string): object[] {
  const now = new Date().toISOString();
  const said = [
    { type: 'session_seen', title: text, project: text, task: text, host: text, links: { [text || 'x']: text, page: text } },
    { type: 'phase_reported', phase: text, phase_number: '3/8', status: text, detail: text, phases_completed: ['Scout', text], extra: { [text || 'x']: text } },
    { type: 'checkpoint_reported', project: text, task: text, notes: [text], completed: [text], remaining: [text], working_directory: text },
    { type: 'task_reported', task_id: text || 'x', description: text, status: text, files: [text], dependencies: [text], estimated_time: text },
    { type: 'agent_reported', agent_id: text || 'x', agent_type: text, agent_name: text, parent: text, status: text, phase: text, error: text, tokens: 5 },
    {
      type: 'decision_recorded',
      key: text || 'x',
      title: text,
      category: text,
      severity: text,
      phase: text,
      should_detect_in_phase: text,
      root_cause: text,
      solution: text,
      confidence: text,
      applies_to_phases: [text],
    },
    { type: 'pattern_recorded', pattern_id: text || 'x', title: text, library: text, severity: text },
    { type: 'artifact_changed', name: text, kind: text, size: 1, modified_at: now },
    { type: 'usage_recorded', model: text, agent: text, input: 500, output: 5 },
    { type: 'tool_used', tool: text || 'x', summary: text, agent: text },
    { type: 'tests_reported', iteration: 1, total: 9, passed: 8, failed: 1 },
    { type: 'error_reported', message: text, details: text },
    { type: 'problem_found', key: text || 'x', problem: { kind: 'bad_field', message: text, subject: text } },
    { type: 'custom', kind: text || 'x', data: { [text || 'x']: text } },
    { type: 'waiting_began', reason: text },
  ];
  return said.map((event) => ({ session, ...event }));
}

/** The same by the files that agents write. */
function written(name: string, text: string): void {
  const project = forgecast.project(name);
  project.write('.context-foundry/build-tasks.json', {
    parallel_mode: true,
    total_tasks: 1,
    tasks: [{ id: text, description: text, status: text, files: [text], dependencies: [text], estimated_time: text }],
  });
  project.write('.context-foundry/feedback/build-feedback.json', {
    issues_found: [{ id: text, issue: text, category: text, severity: text, phase: text, root_cause: text, solution: text, confidence: text }],
    successful_patterns: [{ pattern_id: text, pattern: text }],
  });
  project.write('.context-foundry/scout-report.md', text);
  project.append('.context-foundry/build-output-1.txt', `${text}\n`);
  project.phase(text, '1', { status: text, progress_detail: text, phases_completed: [text], [text || 'x']: text });
}

/** Looks at one session after another without loading the page anew, and says what is wrong. */
async function walk(page: Page, sessions: { id: string; text?: string }[]): Promise<string[]> {
  return page.evaluate(async (list) => {
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const wrong: string[] = [];
    for (const { id, text } of list) {
      const before = document.querySelector('[data-panel="header"]');
      history.pushState(null, '', `/session/${encodeURIComponent(id)}`);
      dispatchEvent(new PopStateEvent('popstate'));
      for (let waited = 0; ; waited += 1) {
        const header = document.querySelector('[data-panel="header"]');
        if (header && header !== before && document.querySelector('[data-panel="pipeline"]')) break;
        if (waited > 600) return [...wrong, `${id} is not shown`];
        await frame();
      }
      await frame();
      const say = (what: string) => wrong.push(`${id}: ${what}`);
      if ((window as unknown as { ran?: number }).ran) say('a script ran');
      if (document.documentElement.scrollWidth > window.innerWidth) {
        const beyond = [...document.querySelectorAll('body *')].filter((element) => element.getBoundingClientRect().right > window.innerWidth + 1);
        const names = beyond
          .slice(0, 8)
          .map((element) => `${element.closest('[data-panel]')?.getAttribute('data-panel')} ${element.tagName}.${element.className}`);
        say(`the page is ${document.documentElement.scrollWidth} pixels wide: ${names.join(', ')}`);
      }
      const strange = document.body.querySelectorAll(
        'script:not([src]), iframe, object, embed, base, form, meta, link, style, marquee, video, audio, math, dialog:not([class]), img:not([src$="icon.svg"])',
      );
      for (const element of strange) say(`made an element ${element.outerHTML.slice(0, 80)}`);
      for (const element of document.querySelectorAll('*')) {
        for (const { name } of element.attributes) if (name.startsWith('on')) say(`made a handler ${name}`);
      }
      for (const link of document.querySelectorAll<HTMLAnchorElement>('a[href]')) {
        if (link.protocol !== 'http:' && link.protocol !== 'https:') say(`made a link ${link.href.slice(0, 80)}`);
      }
      if (text !== undefined && !document.querySelector('main')!.textContent.includes(text)) say(`does not show ${text}`);
    }
    return wrong;
  }, sessions);
}

async function ids(): Promise<{ id: string; name: string }[]> {
  const all: { id: string; name: string }[] = [];
  for (let cursor = ''; ;) {
    const answer = await fetch(`${forgecast.url}/api/v1/sessions?limit=500${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    const page = (await answer.json()) as { sessions: { id: string; name: string }[]; next_cursor?: string };
    all.push(...page.sessions);
    if (page.next_cursor === undefined) return all;
    cursor = page.next_cursor;
  }
}

/** The overview from top to bottom. */
async function overviewHolds(page: Page): Promise<void> {
  await page.goto(forgecast.url);
  const list = page.getByRole('region', { name: 'Sessions' });
  await page.getByRole('button', { name: /^all/i }).click();
  await expect(list).toBeVisible();
  const wide = await list.evaluate(async (view) => {
    const widths: number[] = [];
    for (let top = 0; top < view.scrollHeight; top += view.clientHeight) {
      view.scrollTop = top;
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      widths.push(document.documentElement.scrollWidth - window.innerWidth, view.scrollWidth - view.clientWidth);
    }
    return Math.max(...widths);
  });
  expect(wide, 'pixels that something sticks out').toBeLessThanOrEqual(0);
  expect(await page.evaluate(() => (window as unknown as { ran?: number }).ran)).toBeUndefined();
}

test('there are at least five hundred of them', () => {
  expect(HOSTILE.length).toBeGreaterThanOrEqual(500);
});

test('what agents write into files and producers push stays text in every field', async ({ page }) => {
  test.setTimeout(180_000);
  HOSTILE.forEach((text, at) => written(`h${at}`, text));
  await forgecast.start();
  await expect.poll(() => forgecast.metric('forgecast_sessions')).toBe(HOSTILE.length);
  let accepted = 0;
  for (let at = 0; at < HOSTILE.length; at += 25) {
    const events = HOSTILE.slice(at, at + 25).flatMap((text, of) => pushed(`h${at + of}`, text));
    const answer = await fetch(`${forgecast.url}/api/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(events),
    });
    expect(answer.status).toBe(200);
    accepted += ((await answer.json()) as { accepted: number }).accepted;
  }
  // A name outside its folder is refused; most is taken.
  expect(accepted).toBeGreaterThan(HOSTILE.length * 13);
  const all = (await ids()).map(({ id }) => ({ id, text: HOSTILE[Number(/^h(\d+)~/.exec(id)?.[1])] ?? '' }));
  expect(all.length).toBeGreaterThanOrEqual(HOSTILE.length);

  await overviewHolds(page);
  expect(
    await walk(
      page,
      all.map(({ id, text }) => ({ id, ...(isPlain(text) && { text }) })),
    ),
  ).toEqual([]);
  await page.setViewportSize({ width: 390, height: 844 });
  await overviewHolds(page);
  // What is long is what breaks a narrow page; of the rest some.
  expect(
    await walk(
      page,
      all.filter(({ text }, at) => text.length > 150 || at % 16 === 0).map(({ id }) => ({ id })),
    ),
  ).toEqual([]);
});

test('a file that is opened is shown as text, whatever it says', async ({ page }) => {
  const project = forgecast.project('files');
  project.phase('Scout', '1');
  project.write('.context-foundry/scout-report.md', HOSTILE.filter((text) => text.includes('<')).join('\n'));
  await forgecast.start();
  await page.goto(`${forgecast.url}/session/files~1`);
  await page.getByRole('button', { name: /scout-report\.md/ }).click();
  await expect(page.getByRole('dialog')).toContainText('<script>top.ran=1,alert(1)</script>');
  expect(await page.evaluate(() => (window as unknown as { ran?: number }).ran)).toBeUndefined();
  expect(await page.locator('[role=dialog] :is(img, script, iframe), dialog :is(img, script, iframe)').count()).toBe(0);
});
