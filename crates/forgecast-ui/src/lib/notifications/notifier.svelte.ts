// Notifications of the browser, and the count in the title of a tab that is not looked at. Permission is asked for only
// when somebody presses a button; of several tabs one shows; what is chosen is kept in this browser.

import { Courier } from './notification-queue';
import { isWanted, newsOf, newsOfBudget, withSession, wishesOf, type Kind, type Message, type Wishes } from './notification-events';
import type { Notice } from './toasts';
import { router } from '../navigation/router.svelte';
import type { SessionRow } from '../generated/wire';

const KEY = 'forgecast-notifications';
const CHANNEL = 'forgecast-notifications';

type Permission = NotificationPermission | 'unsupported';

class Notifier {
  wishes = $state.raw<Wishes>(wishesOf(stored()));
  permission = $state<Permission>(typeof Notification === 'undefined' || !window.isSecureContext ? 'unsupported' : Notification.permission);
  /** What happened since this tab was last looked at. */
  unseen = $state(0);
  #leads = false;
  #icon = '';
  #channel: BroadcastChannel | undefined;
  readonly #courier = new Courier({
    now: () => Date.now(),
    later: (run, ms) => setTimeout(run, ms),
    leads: () => this.#leads,
    looksAt: (session) => document.hasFocus() && router.route.page === 'session' && router.route.id === session,
    tellSeen: (tag) => this.#channel?.postMessage({ seen: tag }),
    show: (message) => this.#show(message),
  });

  /** `base` is the folder of the dashboard. */
  start(base: string): void {
    this.#icon = `${base}icon-192.png`;
    if (typeof BroadcastChannel !== 'undefined') {
      this.#channel = new BroadcastChannel(CHANNEL);
      this.#channel.addEventListener('message', ({ data }: MessageEvent<{ seen?: unknown }>) => {
        if (typeof data?.seen === 'string') this.#courier.seen(data.seen);
      });
    }
    window.addEventListener('storage', ({ key, newValue }) => {
      if (key === KEY) this.wishes = wishesOf(newValue);
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
      this.#leads = true;
      return;
    }
    locks
      .request(KEY, () => {
        this.#leads = true;
        return new Promise<never>(() => {});
      })
      .catch(() => (this.#leads = true));
  }

  /** A row of the index changed. */
  heard(before: SessionRow | undefined, after: SessionRow): void {
    const message = newsOf(before, after);
    if (message) this.#take(message);
  }

  /** A mark of a budget was passed. */
  heardBudget(notice: Notice): void {
    this.#take(newsOfBudget(notice));
  }

  #take(message: Message): void {
    if (document.hidden) this.#badge(this.unseen + 1);
    if (this.permission === 'granted' && isWanted(this.wishes, message)) this.#courier.bring(message);
  }

  isOn(session: string): boolean {
    return this.permission === 'granted' && (this.wishes.sessions[session] ?? this.wishes.on);
  }

  /** Tells of all sessions, or of none but those that were chosen. */
  async setAll(on: boolean): Promise<void> {
    if (!on || (await this.#ask())) this.#keep({ ...this.wishes, on });
  }

  async setSession(session: string, on: boolean): Promise<void> {
    if (!on || (await this.#ask())) this.#keep(withSession(this.wishes, session, on));
  }

  setKind(kind: Kind, on: boolean): void {
    const others = this.wishes.without.filter((one) => one !== kind);
    this.#keep({ ...this.wishes, without: on ? others : [...others, kind] });
  }

  /** Shows one now, so that somebody sees whether the system lets it through. */
  test(): void {
    this.#show({ kind: 'completed', session: undefined, title: 'Forgecast', body: 'Notifications reach you.', tag: 'forgecast test' });
  }

  async #ask(): Promise<boolean> {
    if (this.permission === 'default') this.permission = await Notification.requestPermission();
    return this.permission === 'granted';
  }

  #keep(wishes: Wishes): void {
    this.wishes = wishes;
    try {
      localStorage.setItem(KEY, JSON.stringify(wishes));
    } catch {
      // Storage is switched off: the choice holds for this visit.
    }
  }

  #badge(count: number): void {
    this.unseen = count;
    const app = navigator as { setAppBadge?: (count: number) => Promise<void>; clearAppBadge?: () => Promise<void> };
    // Only an installed app has one; elsewhere it is refused.
    (count > 0 ? app.setAppBadge?.(count) : app.clearAppBadge?.())?.catch(() => {});
  }

  #show(message: Message): void {
    let shown: Notification;
    try {
      shown = new Notification(message.title, { body: message.body.slice(0, 300), tag: message.tag, icon: this.#icon });
    } catch {
      // Some phones let only installed workers show any.
      this.permission = 'unsupported';
      return;
    }
    shown.onclick = () => {
      window.focus();
      if (message.session !== undefined) router.go({ page: 'session', id: message.session });
      shown.close();
    };
  }
}

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

export const notifier = new Notifier();

/** The title of a page, with how much happened while nobody looked. */
export function titled(text: string): string {
  return notifier.unseen > 0 ? `(${notifier.unseen}) ${text}` : text;
}
