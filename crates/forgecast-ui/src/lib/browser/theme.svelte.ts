// The chosen look: the system's until somebody chooses. `public/theme.js` applies the choice before the first paint.

import { flushSync } from 'svelte';

const KEY = 'forgecast-theme';
type Theme = 'dark' | 'light';
/** `--bg` of `app.css`. */
const FRAMES: Record<Theme, string> = { dark: '#0e1216', light: '#f3f5f7' };

class ThemeChoice {
  #system = window.matchMedia('(prefers-color-scheme: light)');
  current = $state<Theme>(this.#read());

  #read(): Theme {
    const chosen = document.documentElement.dataset['theme'];
    if (chosen === 'dark' || chosen === 'light') return chosen;
    return this.#system.matches ? 'light' : 'dark';
  }

  start(): void {
    this.#paintFrame();
    this.#system.addEventListener('change', () => (this.current = this.#read()));
    this.#printLight();
  }

  /** Paper is light, and so is what is drawn in the colors of the theme. The browser takes the page as it is when its event was handled. */
  #printLight(): void {
    const root = document.documentElement;
    let chosen: string | undefined;
    addEventListener('beforeprint', () => {
      chosen = root.dataset['theme'];
      root.dataset['theme'] = 'light';
      flushSync(() => (this.current = 'light'));
    });
    addEventListener('afterprint', () => {
      if (chosen === undefined) delete root.dataset['theme'];
      else root.dataset['theme'] = chosen;
      this.current = this.#read();
    });
  }

  /** The window's frame, where the browser paints one (an installed app, a phone), goes with a choice of one's own. */
  #paintFrame(): void {
    if (document.documentElement.dataset['theme'] === undefined) return;
    for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) meta.content = FRAMES[this.current];
  }

  toggle(): void {
    this.current = this.current === 'dark' ? 'light' : 'dark';
    document.documentElement.dataset['theme'] = this.current;
    this.#paintFrame();
    try {
      localStorage.setItem(KEY, this.current);
    } catch {
      // Storage is switched off: the choice holds for this visit.
    }
  }
}

export const theme = new ThemeChoice();
