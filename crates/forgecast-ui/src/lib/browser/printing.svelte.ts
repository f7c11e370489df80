// Whether the page is being put on paper: what shows only the part of a list that is in sight shows all of it then.

import { flushSync } from 'svelte';

class Printing {
  current = $state(false);

  constructor() {
    // The browser takes the page as it is when its event was handled.
    addEventListener('beforeprint', () => flushSync(() => (this.current = true)));
    addEventListener('afterprint', () => (this.current = false));
  }
}

export const printing = new Printing();
