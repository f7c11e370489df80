// The chosen look: the system's until somebody chooses. `public/theme.js` applies the choice before the first paint.

const KEY = 'forgecast-theme';
type Theme = 'dark' | 'light';

class ThemeChoice {
  #system = window.matchMedia('(prefers-color-scheme: light)');
  current = $state<Theme>(this.#read());

  #read(): Theme {
    const chosen = document.documentElement.dataset['theme'];
    if (chosen === 'dark' || chosen === 'light') return chosen;
    return this.#system.matches ? 'light' : 'dark';
  }

  start(): void {
    this.#system.addEventListener('change', () => (this.current = this.#read()));
  }

  toggle(): void {
    this.current = this.current === 'dark' ? 'light' : 'dark';
    document.documentElement.dataset['theme'] = this.current;
    try {
      localStorage.setItem(KEY, this.current);
    } catch {
      // Storage is switched off: the choice holds for this visit.
    }
  }
}

export const theme = new ThemeChoice();
