// The layout of the dashboard's sources and of `e2e/`.
import * as svelte from 'prettier-plugin-svelte';

export default { singleQuote: true, printWidth: 160, plugins: [svelte] };
