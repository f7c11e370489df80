// Keeps an element's lower edge within the first screen: what is live must be seen without scrolling.

/** Space that is left below it, pixels. */
const BELOW = 16;

/**
 * Sets `--fit` on `element`: the height from `top`, which scrolls with the page, to the lower edge of the window, but never
 * less than `least` pixels. Returns what ends it.
 */
export function fitToWindow(element: HTMLElement, top: HTMLElement, least: number): () => void {
  const measure = () => {
    const from = top.getBoundingClientRect().top + window.scrollY;
    const height = Math.max(least, Math.floor(window.innerHeight - from - BELOW));
    if (element.style.getPropertyValue('--fit') !== `${height}px`) element.style.setProperty('--fit', `${height}px`);
  };
  measure();
  const observer = new ResizeObserver(measure);
  observer.observe(document.body);
  window.addEventListener('resize', measure);
  return () => {
    observer.disconnect();
    window.removeEventListener('resize', measure);
  };
}
