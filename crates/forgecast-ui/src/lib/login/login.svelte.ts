// Whether this browser is let in, as the pages see it. While it is not, nobody asks the server anything but that.

import { baseOf } from '../navigation/routes';
import { live } from '../live/live.svelte';
import { fetchMe, gateFor, signIn, signOut, tokenFromUrl, type Gate, type SignInResult } from './login';
import type { Me } from '../generated/wire';
import { router } from '../navigation/router.svelte';

class Login {
  /** Who the server says that this browser is; undefined until it did, and where it does not say. */
  me = $state.raw<Me>();
  /** What became of the last token. */
  outcome = $state.raw<SignInResult>();
  /** A token is being exchanged. */
  busy = $state(false);
  /** There is more to see than what a link shows. */
  readonly canBrowse = $derived(this.me?.role !== 'guest');
  readonly gate = $derived<Gate>(gateFor(this.me, router.route.page === 'session' ? router.route.id : undefined));
  /** When the link ends by which this browser sees one session, by the server's clock; undefined for everybody else. */
  readonly sharedUntil = $derived(this.me?.role === 'guest' ? this.me.expires_at : undefined);
  /** It came with a token, not by being near. */
  readonly signedIn = $derived(this.me !== undefined && this.me.role !== null && this.me.role !== 'local');
  /** It may answer what agents ask to be allowed. */
  readonly canApprove = $derived(this.me?.role === 'approve');
  readonly #api = { base: baseOf(location.pathname), fetch: ((input, init) => fetch(input, init)) as typeof fetch };
  #asking = false;

  /** Takes the token out of the address at once, then finds out who looks on and lets the page go on. */
  async start(): Promise<void> {
    const token = this.#takeToken();
    live.onConnectionRefused = () => void this.#recheck();
    window.addEventListener('hashchange', () => {
      // A link that is opened where the page is open already.
      const token = this.#takeToken();
      if (token !== undefined) void this.signIn(token);
    });
    if (token === undefined) this.#apply(await fetchMe(this.#api));
    else await this.signIn(token);
  }

  /** Signs in; whoever was signed in before is not any more. */
  async signIn(token: string): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.outcome = await signIn(this.#api, token);
    if (this.outcome.kind === 'in' && live.started) {
      // What was shown to somebody else is forgotten.
      location.reload();
      return;
    }
    const me = await fetchMe(this.#api);
    this.busy = false;
    this.#apply(me);
  }

  async signOut(): Promise<void> {
    if (await signOut(this.#api)) location.reload();
  }

  #takeToken(): string | undefined {
    const found = tokenFromUrl(location.href);
    if (found) history.replaceState(history.state, '', found.rest);
    return found?.token;
  }

  /** The connection was refused or lost: perhaps the token was revoked. */
  async #recheck(): Promise<void> {
    if (this.#asking || this.busy) return;
    this.#asking = true;
    const me = await fetchMe(this.#api);
    this.#asking = false;
    // No answer says nothing: the server may be away.
    if (me && (me.role !== this.me?.role || me.session !== this.me.session)) this.#apply(me);
  }

  #apply(me: Me | undefined): void {
    this.me = me;
    if (me?.role === 'guest' && me.session !== undefined && router.route.page === 'overview') {
      router.replace({ page: 'session', id: me.session });
    }
    if (me === undefined || (me.role !== null && me.role !== 'ingest')) live.start({ index: me?.role !== 'guest' });
    else live.pause();
  }
}

export const login = new Login();
