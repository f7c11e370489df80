// Notifications of the browser, and the count on the icon of an installed page that is not looked at. Permission is asked
// for only when somebody presses a button; of several tabs one shows; what is chosen is kept in this browser.

import { COLLECT_MS, NotificationQueue } from './notification-queue';
import {
  isWanted,
  messageFor,
  messageForBudget,
  withSession,
  parsePrefs,
  type NotificationKind,
  type Message,
  type NotificationPrefs,
} from './notification-events';
import { showByWorker } from './worker';
import { SeenAttention } from './seen-attention';
import type { Toast } from './toasts';
import { router } from '../navigation/router.svelte';
import type { SessionRow } from '../generated/wire';

const KEY = 'forgecast-notifications';
const SEEN_KEY = 'forgecast-attention';
const CHANNEL = 'forgecast-notifications';

type Permission = NotificationPermission | 'unsupported';

class Notifier {
  prefs = $state.raw<NotificationPrefs>(parsePrefs(stored(KEY)));
  permission = $state<Permission>(typeof Notification === 'undefined' || !window.isSecureContext ? 'unsupported' : Notification.permission);
  /** What happened since this tab was last looked at. */
  unseen = $state(0);
  #isLeader = false;
  readonly #attention = new SeenAttention(stored(SEEN_KEY));
  #storing = false;
  #base = '';
  #icon = '';
  #channel: BroadcastChannel | undefined;
  readonly #queue = new NotificationQueue({
    now: () => Date.now(),
    later: (run, ms) => setTimeout(run, ms),
    isLeader: () => this.#isLeader,
    isViewing: (session) => document.hasFocus() && router.route.page === 'session' && router.route.id === session,
    announceSeen: (tag) => this.#channel?.postMessage({ seen: tag }),
    show: (message) => this.#show(message),
  });

  /** `base` is the folder of the dashboard. */
  start(base: string): void {
    this.#base = base;
    this.#icon = `${base}icon-192.png`;
    if (typeof BroadcastChannel !== 'undefined') {
      this.#channel = new BroadcastChannel(CHANNEL);
      this.#channel.addEventListener('message', ({ data }: MessageEvent<{ seen?: unknown }>) => {
        if (typeof data?.seen === 'string') this.#queue.markSeen(data.seen);
      });
    }
    window.addEventListener('storage', ({ key, newValue }) => {
      if (key === KEY) this.prefs = parsePrefs(newValue);
    });
    const looked = () => {
      if (!document.hidden) this.#badge(0);
    };
    document.addEventListener('visibilitychange', looked);
    window.addEventListener('focus', looked);
    this.#lead();
  }

  /** The first tab holds a lock as long as it lives; the next one gets it then. Where there are no locks each tab shows, and
   *  the browser shows one of a tag. */
  #lead(): void {
    const locks = (navigator as { locks?: LockManager }).locks;
    if (!locks) {
      this.#isLeader = true;
      return;
    }
    locks
      .request(KEY, () => {
        this.#isLeader = true;
        this.#store();
        return new Promise<never>(() => {});
      })
      .catch(() => (this.#isLeader = true));
  }

  /** A row of the index changed, or is new; `isFirst` says that it comes with the first index. */
  onRow(row: SessionRow, isFirst: boolean): void {
    const attention = this.#attention.take(row, isFirst);
    if (attention) this.#offer(messageFor(row, attention));
    if (attention || isFirst) this.#store();
  }

  /** A mark of a budget or of a limit was passed; what is about a session stands in its row. */
  onBudgetPassed(toast: Toast): void {
    if (toast.scope === 'limit' ? toast.session === undefined : toast.scope !== 'session') this.#offer(messageForBudget(toast));
  }

  /** Keeps what was told for the next visit, not more often than messages are collected. Only the tab that shows does. */
  #store(): void {
    if (this.#storing) return;
    this.#storing = true;
    setTimeout(() => {
      this.#storing = false;
      if (this.#isLeader) store(SEEN_KEY, this.#attention.serialize());
    }, COLLECT_MS);
  }

  #offer(message: Message): void {
    if (document.hidden) this.#badge(this.unseen + 1);
    if (this.permission === 'granted' && isWanted(this.prefs, message)) this.#queue.add(message);
  }

  isOn(session: string): boolean {
    return this.permission === 'granted' && (this.prefs.sessions[session] ?? this.prefs.on);
  }

  /** Tells of all sessions, or of none but those that were chosen. */
  async setAll(on: boolean): Promise<void> {
    if (!on || (await this.#ask())) this.#keep({ ...this.prefs, on });
  }

  async setSession(session: string, on: boolean): Promise<void> {
    if (!on || (await this.#ask())) this.#keep(withSession(this.prefs, session, on));
  }

  setKind(kind: NotificationKind, on: boolean): void {
    const others = this.prefs.without.filter((one) => one !== kind);
    this.#keep({ ...this.prefs, without: on ? others : [...others, kind] });
  }

  /** Shows one now, so that somebody sees whether the system lets it through. */
  test(): void {
    this.#show({ kind: 'completed', session: undefined, title: 'Forgecast', body: 'Notifications work.', tag: 'forgecast test' });
  }

  async #ask(): Promise<boolean> {
    if (this.permission === 'default') this.permission = await Notification.requestPermission();
    return this.permission === 'granted';
  }

  #keep(prefs: NotificationPrefs): void {
    this.prefs = prefs;
    store(KEY, JSON.stringify(prefs));
  }

  #badge(count: number): void {
    this.unseen = count;
    const app = navigator as { setAppBadge?: (count: number) => Promise<void>; clearAppBadge?: () => Promise<void> };
    // Only an installed app has one; elsewhere it is refused.
    (count > 0 ? app.setAppBadge?.(count) : app.clearAppBadge?.())?.catch(() => {});
  }

  #show(message: Message): void {
    const options = { body: message.body.slice(0, 300), tag: message.tag, icon: this.#icon };
    let shown: Notification;
    try {
      shown = new Notification(message.title, options);
    } catch {
      // Phones let only a worker show any.
      const url = message.session === undefined ? this.#base : router.href({ page: 'session', id: message.session });
      showByWorker(`${this.#base}notify.js`, message.title, { ...options, data: { url } }).catch(() => (this.permission = 'unsupported'));
      return;
    }
    shown.onclick = () => {
      window.focus();
      if (message.session !== undefined) router.go({ page: 'session', id: message.session });
      shown.close();
    };
  }
}

function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function store(key: string, text: string): void {
  try {
    localStorage.setItem(key, text);
  } catch {
    // Storage is switched off: it holds for this visit.
  }
}

export const notifier = new Notifier();
