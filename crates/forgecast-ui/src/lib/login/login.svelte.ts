// Whether this browser is let in, as the pages see it. While it is not, nobody asks the server anything but that.

import { baseOf } from '../navigation/routes';
import { live } from '../live/live.svelte';
import { askWho, gateFor, signIn, signOut, tokenIn, type Gate, type Me, type Outcome } from './login';
import { router } from '../navigation/router.svelte';

class Login {
  /** Who the server says that this browser is; undefined until it did, and where it does not say. */
  me = $state.raw<Me>();
  /** What became of the last token. */
  outcome = $state.raw<Outcome>();
  /** A token is being exchanged. */
  busy = $state(false);
  /** There is more to see than what a link shows. */
  readonly visits = $derived(this.me?.role !== 'guest');
  readonly gate = $derived<Gate>(gateFor(this.me, router.route.page === 'session' ? router.route.id : undefined));
  /** It came with a token, not by being near. */
  readonly known = $derived(this.me !== undefined && this.me.role !== null && this.me.role !== 'local');
  readonly #api = { base: baseOf(location.pathname), fetch: ((input, init) => fetch(input, init)) as typeof fetch };
  #asking = false;

  /** Takes the token out of the address at once, then finds out who looks on and lets the page go on. */
  async start(): Promise<void> {
    const token = this.#taken();
    live.onDoubt = () => void this.#doubt();
    window.addEventListener('hashchange', () => {
      // A link that is opened where the page is open already.
      const token = this.#taken();
      if (token !== undefined) void this.enter(token);
    });
    if (token === undefined) this.#is(await askWho(this.#api));
    else await this.enter(token);
  }

  /** Signs in; whoever was signed in before is not any more. */
  async enter(token: string): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.outcome = await signIn(this.#api, token);
    if (this.outcome.kind === 'in' && live.started) {
      // What was shown to somebody else is forgotten.
      location.reload();
      return;
    }
    const me = await askWho(this.#api);
    this.busy = false;
    this.#is(me);
  }

  async leave(): Promise<void> {
    if (await signOut(this.#api)) location.reload();
  }

  #taken(): string | undefined {
    const found = tokenIn(location.href);
    if (found) history.replaceState(history.state, '', found.rest);
    return found?.token;
  }

  /** The connection was refused or lost: perhaps the token was revoked. */
  async #doubt(): Promise<void> {
    if (this.#asking || this.busy) return;
    this.#asking = true;
    const me = await askWho(this.#api);
    this.#asking = false;
    // No answer says nothing: the server may be away.
    if (me && (me.role !== this.me?.role || me.session !== this.me.session)) this.#is(me);
  }

  #is(me: Me | undefined): void {
    this.me = me;
    if (me?.role === 'guest' && me.session !== undefined && router.route.page === 'overview') {
      router.replace({ page: 'session', id: me.session });
    }
    if (me === undefined || (me.role !== null && me.role !== 'ingest')) live.start({ index: me?.role !== 'guest' });
    else live.pause();
  }
}

export const login = new Login();
